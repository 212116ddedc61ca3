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
//! Where the two programs lie is up to their owner ([`Couple`]): side by side, or the second inside the first. The
//! latter is for a first program that makes turns inside a callback. Such a turn tells everything to the program that
//! is lent to it, so that program has to be a router again ([`Router::turn_inside`]), or the connections of the other
//! one would get no answer; and from within its own callback the first program reaches only what it has itself.

use std::net::SocketAddr;

use crate::base::output::Output;

use super::address::Peer;
use super::io::Io;
use super::signals::Signal;
use super::trace::Turn;
use super::{App, Closed, ConnId, DatagramId, GROUP_MAX, Sleep};
use crate::base::slab::Id;

/// Two programs, and the account of what belongs to which.
pub(crate) trait Couple {
    type First: App;
    type Second: App;

    fn first(&mut self) -> &mut Self::First;
    fn second(&mut self) -> &mut Self::Second;
    fn owners(&mut self) -> &mut Owners;

    /// The two may talk: after the first program's last word of a turn, before the second one's.
    fn talk(&mut self, _io: &mut Io) {}
}

/// A couple as one program.
pub(crate) struct Router<C>(pub(crate) C);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

/// A bit for each place in the loop's slab: set for what belongs to the second program.
#[derive(Debug, Default)]
pub(crate) struct Owners {
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

    /// What was opened while neither program was called is the second one's.
    pub(crate) fn give_second(&mut self, id: Id) {
        self.put(id, Side::Second);
    }

    /// The same for the first.
    pub(crate) fn give_first(&mut self, id: Id) {
        self.put(id, Side::First);
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

impl<C: Couple> Router<C> {
    /// Lets the first program do something with the loop outside a turn: what it opens is its own.
    pub(crate) fn with_first<T>(
        &mut self,
        io: &mut Io,
        deed: impl FnOnce(&mut C::First, &mut Io) -> T,
    ) -> T {
        let before = io.born.len();
        let result = deed(self.0.first(), io);
        self.claim(io, before, Side::First);
        result
    }

    /// The same for the second.
    pub(crate) fn with_second<T>(
        &mut self,
        io: &mut Io,
        deed: impl FnOnce(&mut C::Second, &mut Io) -> T,
    ) -> T {
        let before = io.born.len();
        let result = deed(self.0.second(), io);
        self.claim(io, before, Side::Second);
        result
    }

    /// Gives this program the connections that were opened since there were `before`.
    fn claim(&mut self, io: &Io, before: usize, side: Side) {
        for &id in &io.born[before..] {
            self.0.owners().put(id, side);
        }
    }

    /// A turn inside a callback of the first program, which lends itself and the second one for it.
    pub(crate) fn turn_inside(
        &mut self,
        io: &mut Io,
        held: &[ConnId],
        sleep: Sleep,
    ) -> std::io::Result<()> {
        let before = io.born.len();
        let result = io.turn_inside_holding(self, held, sleep);
        // What was born inside has its owner; the callback outside must not claim it.
        io.born.truncate(before);
        result
    }

    #[inline]
    fn side(&mut self, id: Id) -> Side {
        self.0.owners().of(id)
    }

    /// Tells a group to the programs it belongs to. Most groups belong to one.
    fn split(&mut self, io: &mut Io, group: &[ConnId]) {
        let mut parts = [[group[0]; GROUP_MAX]; 2];
        let mut counts = [0, 0];
        for &id in group {
            let part = usize::from(self.side(id) == Side::Second);
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

impl<C: Couple> App for Router<C> {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        let side = peer
            .listener
            .map_or(Side::First, |listener| self.side(listener));
        self.0.owners().put(id, side);
        match side {
            Side::First => self.with_first(io, |app, io| app.opened(io, id, peer)),
            Side::Second => self.with_second(io, |app, io| app.opened(io, id, peer)),
        }
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        match self.side(id) {
            Side::First => self.with_first(io, |app, io| app.connected(io, id, peer)),
            Side::Second => self.with_second(io, |app, io| app.connected(io, id, peer)),
        }
    }

    #[inline]
    fn input(&mut self, id: ConnId) -> &mut [u8] {
        match self.side(id) {
            Side::First => self.0.first().input(id),
            Side::Second => self.0.second().input(id),
        }
    }

    #[inline]
    fn filled(&mut self, id: ConnId, count: usize) {
        match self.side(id) {
            Side::First => self.0.first().filled(id, count),
            Side::Second => self.0.second().filled(id, count),
        }
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        let side = self.side(group[0]);
        if group.iter().any(|id| self.side(*id) != side) {
            return self.split(io, group);
        }
        match side {
            Side::First => self.with_first(io, |app, io| app.received(io, group)),
            Side::Second => self.with_second(io, |app, io| app.received(io, group)),
        }
    }

    fn ended(&mut self, io: &mut Io, id: ConnId) {
        match self.side(id) {
            Side::First => self.with_first(io, |app, io| app.ended(io, id)),
            Side::Second => self.with_second(io, |app, io| app.ended(io, id)),
        }
    }

    #[inline]
    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        match self.side(id) {
            Side::First => self.0.first().output(id),
            Side::Second => self.0.second().output(id),
        }
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, count: usize) {
        match self.side(id) {
            Side::First => self.with_first(io, |app, io| app.wrote(io, id, count)),
            Side::Second => self.with_second(io, |app, io| app.wrote(io, id, count)),
        }
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        match self.side(id) {
            Side::First => self.with_first(io, |app, io| app.closed(io, id, why)),
            Side::Second => self.with_second(io, |app, io| app.closed(io, id, why)),
        }
    }

    fn datagram(&mut self, io: &mut Io, socket: DatagramId, from: SocketAddr, bytes: &[u8]) {
        match self.side(socket) {
            Side::First => self.with_first(io, |app, io| app.datagram(io, socket, from, bytes)),
            Side::Second => self.with_second(io, |app, io| app.datagram(io, socket, from, bytes)),
        }
    }

    fn woken(&mut self, io: &mut Io) {
        self.with_first(io, C::First::woken);
        self.with_second(io, C::Second::woken);
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        self.with_first(io, |app, io| app.signalled(io, signal));
        self.with_second(io, |app, io| app.signalled(io, signal));
    }

    fn after_sleep(&mut self) {
        self.0.first().after_sleep();
        self.0.second().after_sleep();
    }

    fn spent_us(&mut self) -> u64 {
        let first = self.0.first().spent_us();
        first.max(self.0.second().spent_us())
    }

    fn input_waits(&mut self, id: ConnId) {
        match self.side(id) {
            Side::First => self.0.first().input_waits(id),
            Side::Second => self.0.second().input_waits(id),
        }
    }

    // ORDER ack: both programs have stored what they promise before any output leaves.
    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        let first = self.with_first(io, C::First::before_sleep);
        self.0.talk(io);
        let second = self.with_second(io, C::Second::before_sleep);
        first.shorter(second)
    }

    fn turn(&mut self, turn: &Turn) {
        self.0.first().turn(turn);
        self.0.second().turn(turn);
    }
}
