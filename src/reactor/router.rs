//! Two programs on one loop: a connection finds its program by its listener.
//!
//! ```text
//!  listener 6379  ->  first  (a server)      what a program opens belongs to it:
//!  listener 8080  ->  second (a page)        listeners, what comes in by them, what it dials, its packets
//! ```
//!
//! A router is a program itself, so the loop knows nothing of it, and a loop with one program pays nothing for it.
//! Which program is called is decided by one bit of the id, and the call itself is known when the program is compiled.
//! So all that a router does for a request of the first program is to look at that bit a few times.
//!
//! How a thing comes to belong to the second program: it was opened while that program was called ([`Io::marking`]), or
//! it came in by a listener that belongs to it. Everything else is the first program's. News that concern everybody
//! (wakers, signals, the clock, the end of a turn) are told to both, the first one first.
//!
//! Where the two programs lie is up to their owner ([`Couple`]): side by side, or the second inside the first. The
//! latter is for a first program that makes turns inside a callback. Such a turn tells everything to the program that
//! is lent to it, so that program has to be a router again, or the connections of the other
//! one would get no answer; and from within its own callback the first program reaches only what it has itself.

use std::mem;
use std::net::SocketAddr;

use crate::base::output::Output;

use super::address::Peer;
use super::io::Io;
use super::signals::Signal;
use super::trace::Turn;
use super::{App, Closed, ConnId, DatagramId, GROUP_MAX, Sleep};

/// Two programs.
pub(crate) trait Couple {
    type First: App;
    type Second: App;

    fn first(&mut self) -> &mut Self::First;
    fn second(&mut self) -> &mut Self::Second;

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

impl Side {
    #[inline]
    fn of(id: ConnId) -> Side {
        if id.is_marked() {
            Side::Second
        } else {
            Side::First
        }
    }
}

impl Io {
    /// What the deed opens belongs to the second program of a router, or to the first.
    pub(crate) fn marking<T>(&mut self, marks: bool, deed: impl FnOnce(&mut Io) -> T) -> T {
        let before = mem::replace(&mut self.marks, marks);
        let result = deed(self);
        self.marks = before;
        result
    }
}

impl<C: Couple> Router<C> {
    /// Lets the second program do something with the loop: what it opens is its own.
    pub(crate) fn with_second<T>(
        &mut self,
        io: &mut Io,
        deed: impl FnOnce(&mut C::Second, &mut Io) -> T,
    ) -> T {
        io.marking(true, |io| deed(self.0.second(), io))
    }

    /// Tells a group to the programs it belongs to. Most groups belong to one.
    #[inline(never)]
    fn split(&mut self, io: &mut Io, group: &[ConnId]) {
        let mut parts = [[group[0]; GROUP_MAX]; 2];
        let mut counts = [0, 0];
        for &id in group {
            let part = usize::from(id.is_marked());
            parts[part][counts[part]] = id;
            counts[part] += 1;
        }
        if counts[0] > 0 {
            self.0.first().received(io, &parts[0][..counts[0]]);
        }
        if counts[1] > 0 {
            self.with_second(io, |app, io| app.received(io, &parts[1][..counts[1]]));
        }
    }
}

impl<C: Couple> App for Router<C> {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        match Side::of(id) {
            Side::First => self.0.first().opened(io, id, peer),
            Side::Second => self.with_second(io, |app, io| app.opened(io, id, peer)),
        }
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        match Side::of(id) {
            Side::First => self.0.first().connected(io, id, peer),
            Side::Second => self.with_second(io, |app, io| app.connected(io, id, peer)),
        }
    }

    #[inline]
    fn input(&mut self, id: ConnId) -> &mut [u8] {
        match Side::of(id) {
            Side::First => self.0.first().input(id),
            Side::Second => self.0.second().input(id),
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "it looks at one bit; a call costs a request that comes alone"
    )]
    #[inline(always)]
    fn filled(&mut self, id: ConnId, count: usize) {
        match Side::of(id) {
            Side::First => self.0.first().filled(id, count),
            Side::Second => self.0.second().filled(id, count),
        }
    }

    #[inline]
    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        let is_marked = group[0].is_marked();
        if group.iter().any(|id| id.is_marked() != is_marked) {
            return self.split(io, group);
        }
        match Side::of(group[0]) {
            Side::First => self.0.first().received(io, group),
            Side::Second => self.with_second(io, |app, io| app.received(io, group)),
        }
    }

    fn ended(&mut self, io: &mut Io, id: ConnId) {
        match Side::of(id) {
            Side::First => self.0.first().ended(io, id),
            Side::Second => self.with_second(io, |app, io| app.ended(io, id)),
        }
    }

    #[inline]
    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        match Side::of(id) {
            Side::First => self.0.first().output(id),
            Side::Second => self.0.second().output(id),
        }
    }

    #[inline]
    fn wrote(&mut self, io: &mut Io, id: ConnId, count: usize) {
        match Side::of(id) {
            Side::First => self.0.first().wrote(io, id, count),
            Side::Second => self.with_second(io, |app, io| app.wrote(io, id, count)),
        }
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        match Side::of(id) {
            Side::First => self.0.first().closed(io, id, why),
            Side::Second => self.with_second(io, |app, io| app.closed(io, id, why)),
        }
    }

    fn datagram(&mut self, io: &mut Io, socket: DatagramId, from: SocketAddr, bytes: &[u8]) {
        match Side::of(socket) {
            Side::First => self.0.first().datagram(io, socket, from, bytes),
            Side::Second => self.with_second(io, |app, io| app.datagram(io, socket, from, bytes)),
        }
    }

    fn woken(&mut self, io: &mut Io) {
        self.0.first().woken(io);
        self.with_second(io, C::Second::woken);
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        self.0.first().signalled(io, signal);
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
        match Side::of(id) {
            Side::First => self.0.first().input_waits(id),
            Side::Second => self.0.second().input_waits(id),
        }
    }

    // ORDER ack: both programs have stored what they promise before any output leaves.
    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        let first = self.0.first().before_sleep(io);
        self.0.talk(io);
        let second = self.with_second(io, C::Second::before_sleep);
        first.shorter(second)
    }

    fn turn(&mut self, turn: &Turn) {
        self.0.first().turn(turn);
        self.0.second().turn(turn);
    }
}
