//! Two programs on one loop: a connection finds its program by its listener.
//!
//! ```text
//!  listener 6379  ->  first  (a server)      what a program opens belongs to it:
//!  listener 8080  ->  second (a page)        listeners, what comes in by them, what it dials, its packets
//! ```
//!
//! A router is a program itself, so the loop knows nothing of it, a loop with one program pays nothing for it, and
//! three programs are a router within a router. Which program is called is decided by one bit for each place in the
//! loop's slab, and the call itself is known when the program is compiled.
//!
//! How a thing comes to belong to a program: it was opened while that program was called (`Io::born` lists what is
//! new), or it came in by a listener that belongs to it. Connections that were opened before there was a router are the
//! first program's. News that concern everybody (wakers, signals, the clock, the end of a turn) are told to both, the
//! first one first.
//!
//! The router is not good at a turn inside a callback (`Io::turn_inside`): that tells everything to the program that
//! was lent to it. A program that makes such turns under a router has to be a router again, or the connections of the
//! other program get no answer.

use std::net::SocketAddr;

use crate::base::output::Output;

use super::address::Peer;
use super::io::Io;
use super::signals::Signal;
use super::trace::Turn;
use super::{App, Closed, ConnId, DatagramId, GROUP_MAX, Sleep};
use crate::base::slab::Id;

pub(crate) struct Router<A, B> {
    pub(crate) first: A,
    pub(crate) second: B,
    owners: Owners,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

/// A bit for each place in the loop's slab: set for what belongs to the second program.
#[derive(Default)]
struct Owners {
    bits: Vec<u64>,
}

impl Owners {
    #[inline]
    fn of(&self, id: Id) -> Side {
        let word = self.bits.get(id.index as usize / 64).copied().unwrap_or(0);
        if word >> (id.index % 64) & 1 == 0 {
            Side::First
        } else {
            Side::Second
        }
    }

    fn put(&mut self, id: Id, side: Side) {
        let at = id.index as usize / 64;
        if self.bits.len() <= at {
            self.bits.resize(at + 1, 0);
        }
        let bit = 1 << (id.index % 64);
        match side {
            Side::First => self.bits[at] &= !bit,
            Side::Second => self.bits[at] |= bit,
        }
    }
}

impl<A: App, B: App> Router<A, B> {
    pub(crate) fn new(first: A, second: B) -> Router<A, B> {
        Router {
            first,
            second,
            owners: Owners::default(),
        }
    }

    /// Lets the first program do something with the loop outside a turn: what it opens is its own.
    pub(crate) fn with_first<T>(
        &mut self,
        io: &mut Io,
        deed: impl FnOnce(&mut A, &mut Io) -> T,
    ) -> T {
        let before = io.born.len();
        let result = deed(&mut self.first, io);
        self.claim(io, before, Side::First);
        result
    }

    /// The same for the second.
    pub(crate) fn with_second<T>(
        &mut self,
        io: &mut Io,
        deed: impl FnOnce(&mut B, &mut Io) -> T,
    ) -> T {
        let before = io.born.len();
        let result = deed(&mut self.second, io);
        self.claim(io, before, Side::Second);
        result
    }

    /// Gives this program the connections that were opened since there were `before`.
    fn claim(&mut self, io: &Io, before: usize, side: Side) {
        for &id in &io.born[before..] {
            self.owners.put(id, side);
        }
    }

    /// Tells a group to the programs it belongs to. Most groups belong to one.
    fn split(&mut self, io: &mut Io, group: &[ConnId]) {
        let mut parts = [[group[0]; GROUP_MAX]; 2];
        let mut counts = [0, 0];
        for &id in group {
            let part = usize::from(self.owners.of(id) == Side::Second);
            parts[part][counts[part]] = id;
            counts[part] += 1;
        }
        if counts[0] > 0 {
            self.with_first(io, |app, io| app.received(io, &parts[0][..counts[0]]));
        }
        if counts[1] > 0 {
            self.with_second(io, |app, io| app.received(io, &parts[1][..counts[1]]));
        }
    }
}

impl<A: App, B: App> App for Router<A, B> {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        let side = peer
            .listener
            .map_or(Side::First, |listener| self.owners.of(listener));
        self.owners.put(id, side);
        match side {
            Side::First => self.with_first(io, |app, io| app.opened(io, id, peer)),
            Side::Second => self.with_second(io, |app, io| app.opened(io, id, peer)),
        }
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        match self.owners.of(id) {
            Side::First => self.with_first(io, |app, io| app.connected(io, id, peer)),
            Side::Second => self.with_second(io, |app, io| app.connected(io, id, peer)),
        }
    }

    #[inline]
    fn input(&mut self, id: ConnId) -> &mut [u8] {
        match self.owners.of(id) {
            Side::First => self.first.input(id),
            Side::Second => self.second.input(id),
        }
    }

    #[inline]
    fn filled(&mut self, id: ConnId, count: usize) {
        match self.owners.of(id) {
            Side::First => self.first.filled(id, count),
            Side::Second => self.second.filled(id, count),
        }
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        let side = self.owners.of(group[0]);
        if group.iter().any(|id| self.owners.of(*id) != side) {
            return self.split(io, group);
        }
        match side {
            Side::First => self.with_first(io, |app, io| app.received(io, group)),
            Side::Second => self.with_second(io, |app, io| app.received(io, group)),
        }
    }

    fn ended(&mut self, io: &mut Io, id: ConnId) {
        match self.owners.of(id) {
            Side::First => self.with_first(io, |app, io| app.ended(io, id)),
            Side::Second => self.with_second(io, |app, io| app.ended(io, id)),
        }
    }

    #[inline]
    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        match self.owners.of(id) {
            Side::First => self.first.output(id),
            Side::Second => self.second.output(id),
        }
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, count: usize) {
        match self.owners.of(id) {
            Side::First => self.with_first(io, |app, io| app.wrote(io, id, count)),
            Side::Second => self.with_second(io, |app, io| app.wrote(io, id, count)),
        }
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        match self.owners.of(id) {
            Side::First => self.with_first(io, |app, io| app.closed(io, id, why)),
            Side::Second => self.with_second(io, |app, io| app.closed(io, id, why)),
        }
    }

    fn datagram(&mut self, io: &mut Io, socket: DatagramId, from: SocketAddr, bytes: &[u8]) {
        match self.owners.of(socket) {
            Side::First => self.with_first(io, |app, io| app.datagram(io, socket, from, bytes)),
            Side::Second => self.with_second(io, |app, io| app.datagram(io, socket, from, bytes)),
        }
    }

    fn woken(&mut self, io: &mut Io) {
        self.with_first(io, A::woken);
        self.with_second(io, B::woken);
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        self.with_first(io, |app, io| app.signalled(io, signal));
        self.with_second(io, |app, io| app.signalled(io, signal));
    }

    fn after_sleep(&mut self) {
        self.first.after_sleep();
        self.second.after_sleep();
    }

    // ORDER ack: both programs have stored what they promise before any output leaves.
    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        let first = self.with_first(io, A::before_sleep);
        let second = self.with_second(io, B::before_sleep);
        first.shorter(second)
    }

    fn turn(&mut self, turn: &Turn) {
        self.first.turn(turn);
        self.second.turn(turn);
    }
}
