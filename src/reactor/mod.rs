//! The loop: sockets, readiness and one poll.
//!
//! A reactor turns "tell me when something can be done" into "do it". It sleeps in one system call on behalf of all
//! connections at once, and serves those that are ready when that call returns, never waiting for any single one of
//! them. Programs implement `App` and own everything that has meaning: input buffers, output queues, sessions, timers.
//! The reactor owns sockets and knows when they are ready; it does not know what the bytes say.
//!
//! # One turn
//!
//! ```text
//!  sleep      poll: until an event, a waker or the time the program asked for     -> after_sleep
//!  notice     write down which sockets are readable and writable; calls nobody
//!  tell       signals and wakers                                                  -> signalled, woken
//!  accept     new connections, both directions                                    -> opened, connected
//!  receive    groups of up to 64: one read each, then the program works           -> input, filled, received, ended
//!  settle     the program's own duties: timers, background work, disk             -> before_sleep
//!  flush      one write per connection with output                                -> output, wrote
//!  bury       connections that ended (after each phase above as well)             -> closed
//! ```
//!
//! A busy connection with one request in flight costs one read and one write per request, and its part of a poll.
//! All output waits for the end of the turn, so that replies to a pipeline leave together and so that `before_sleep`
//! can hand to the disk what those replies promise.
//!
//! # Readiness is remembered, not asked for
//!
//! Every socket is registered once, for both directions, edge-triggered: the kernel reports a change, and only the
//! change. No system call is ever spent on telling the kernel what we wait for, and a full output queue needs no
//! second registration. The price is that we must remember. A socket stays `readable` until a read says
//! `WouldBlock` or comes back short, `writable` likewise; a socket with work left stays in a list, and while a list is
//! not empty the poll does not sleep. `conn.rs` has the details, among them the one exception at a stream's end.
//!
//! # What must hold
//!
//! - A connection is `opened` (or `connected`) before anything else is said of it, and `closed` exactly once.
//! - Its bytes reach the program before its end does.
//! - Closing is a wish: it is granted when no callback runs, and ids carry a generation, so an old id is harmless.
//! - What one connection may take of a turn is bounded: one read of what `App::input` offers, one write share. What
//!   all of those may take that have much is bounded by time (`slice.rs`).
//! - A turn that finds its lists large enough allocates nothing (`base::todo` has the lists).
//!
//! # A turn inside a callback
//!
//! A program that must be busy for long inside `received` (a script, say) may run turns from there with
//! `Io::turn_inside`, lending them a smaller program. The rule of re-entrancy: ids of the group at hand are *held*. An
//! inner turn neither reads from them, nor writes to them, nor closes them, because the outer callback has lent out
//! their state; wishes about them meanwhile stay listed and are granted after the outer callback. Everything else
//! happens once and is told to the inner program alone. Inner turns nest, and each level adds its group.
//!
//! # What it is not
//!
//! It does not resolve names (that blocks), does not know where certificates come from (`tls` has both them and the
//! handshake), and does not count clients or time them out: limits are policy and belong to the program.
//!
//! Reading order: this file, `conn.rs`, `slice.rs`, `phases.rs`, then `io.rs` for what a callback may ask. `router.rs`
//! puts two programs on one loop.

mod address;
mod conn;
mod datagram;
mod io;
mod listen;
mod phases;
mod router;
mod signals;
mod slice;
mod stream;
#[cfg(test)]
mod tests;
mod trace;

use std::mem;
use std::net::SocketAddr;

use crate::base::output::Output;
use crate::base::slab::Id;

pub(crate) use address::{Address, Peer};
pub(crate) use io::{Io, Waker};
pub(crate) use listen::Listen;
pub(crate) use router::{Couple, Router};
pub(crate) use signals::Signal;
#[cfg(test)]
pub(crate) use stream::Stream;
pub(crate) use trace::{Phase, Turn};

/// A connection. The program may use the index for its own table of sessions: it is small, reused after `closed`,
/// and the generation tells a successor from its predecessor.
pub(crate) type ConnId = Id;
/// A listener. All ids come from one slab, so no two things ever share one.
pub(crate) type ListenerId = Id;
/// A datagram socket.
pub(crate) type DatagramId = Id;

/// The program, as the loop sees it.
///
/// No callback is ever called from within another, except through `Io::turn_inside`.
pub(crate) trait App {
    /// A connection came in. The program may turn it away: `close`, or some output and `close_after_flush`.
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer);

    /// A connection we asked for has come about. Had it failed, `closed` would have been called instead.
    fn connected(&mut self, _io: &mut Io, _id: ConnId, _peer: &Peer) {}

    /// Where the next bytes go. An empty slice means "not now": nothing is read until `Io::resume_reading`.
    fn input(&mut self, id: ConnId) -> &mut [u8];

    /// So many bytes went there; always more than none.
    fn filled(&mut self, id: ConnId, count: usize);

    /// These connections received bytes in this turn, or have input left from an earlier one (`Io::again`).
    /// At most `GROUP_MAX` of them, each once.
    fn received(&mut self, io: &mut Io, group: &[ConnId]);

    /// The peer will send no more; all it sent has been through `received`. Closing is the usual answer. A program
    /// that still owes it something may `close_after_flush` instead, or do nothing and close later.
    fn ended(&mut self, io: &mut Io, id: ConnId) {
        io.close(id);
    }

    /// The bytes to write, for an id that was given to `Io::want_write`. `None` counts as empty.
    fn output(&mut self, id: ConnId) -> Option<&mut Output>;

    /// So many bytes left for the kernel in this turn; always more than none. The program judges what that tells about
    /// the peer (limits, time of last contact).
    fn wrote(&mut self, _io: &mut Io, _id: ConnId, _count: usize) {}

    /// The connection is closed, by either side or by an error.
    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed);

    /// A packet came in.
    fn datagram(&mut self, _io: &mut Io, _socket: DatagramId, _from: SocketAddr, _bytes: &[u8]) {}

    /// Another thread used a `Waker`, once or many times. A program that looks at its channels in every turn has
    /// nothing to do here: that the loop woke up is enough.
    fn woken(&mut self, _io: &mut Io) {}

    fn signalled(&mut self, _io: &mut Io, _signal: Signal) {}

    /// The first thing after the poll. What time is it?
    fn after_sleep(&mut self) {}

    /// For how long the turn has lasted, in microseconds. While somebody has much to do, the loop asks now and then,
    /// and leaves the rest to the next turn. A program for which no time passes gets everybody in every turn.
    fn spent_us(&mut self) -> u64 {
        0
    }

    /// What was read from this connection is to wait, for some turns perhaps: the room around it may be wanted back.
    fn input_waits(&mut self, _id: ConnId) {}

    /// The last thing before output is written and the loop sleeps. Returns for how long it may.
    ///
    /// ORDER ack: what replies promise to have stored must be stored when this returns, since they leave right
    /// afterwards.
    fn before_sleep(&mut self, io: &mut Io) -> Sleep;

    /// The account of the turn. Only called while `Io::trace` is on.
    fn turn(&mut self, _turn: &Turn) {}
}

/// How long the poll may sleep. Events end it early, and work left over prevents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    NotAtAll,
    AtMostMs(u64),
    Forever,
}

impl Sleep {
    /// For a loop that carries two programs.
    #[must_use]
    pub(crate) fn shorter(self, other: Sleep) -> Sleep {
        match (self, other) {
            (Sleep::NotAtAll, _) | (_, Sleep::NotAtAll) => Sleep::NotAtAll,
            (Sleep::AtMostMs(one), Sleep::AtMostMs(two)) => Sleep::AtMostMs(one.min(two)),
            (Sleep::Forever, sleep) | (sleep, Sleep::Forever) => sleep,
        }
    }
}

/// Why a connection is gone.
#[derive(Debug)]
pub(crate) enum Closed {
    ByApp,
    /// The peer finished sending, or stopped reading.
    ByPeer,
    /// A read, a write or the attempt to connect failed.
    Failed(std::io::Error),
}

/// How a reactor is set up. Most can be changed later through `Io`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How many connections one listener may let in per turn, so that a storm of them does not starve the others.
    pub(crate) max_new_connections_per_turn: usize,
    /// The same for listeners whose connections are encrypted, since a handshake costs much.
    pub(crate) max_new_secured_per_turn: usize,
    /// How much of one connection's output may leave per turn. Large enough to cost few calls, small enough that
    /// a thousand slow readers of large replies do not hold up everyone else.
    pub(crate) write_share_bytes: usize,
    /// Silence after which TCP asks whether the peer is still there; 0 never asks.
    pub(crate) keepalive_seconds: u32,
    /// Signals to catch and deliver to `App::signalled`.
    pub(crate) signals: Vec<Signal>,
    /// Signals to swallow. `SIGPIPE` need not be named: Rust's runtime has it ignored.
    pub(crate) ignored_signals: Vec<Signal>,
    /// A second SIGINT, or one after a SIGTERM, ends the process on the spot, even if the loop is stuck.
    pub(crate) second_interrupt_exits: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_new_connections_per_turn: 1000,
            max_new_secured_per_turn: 1000,
            write_share_bytes: 64 * 1024,
            keepalive_seconds: 300,
            signals: Vec::new(),
            ignored_signals: Vec::new(),
            second_interrupt_exits: false,
        }
    }
}

/// The loop. It owns the sockets; the program is lent to it turn by turn.
pub(crate) struct Reactor {
    io: Io,
}

impl Reactor {
    pub(crate) fn new(settings: &Settings) -> std::io::Result<Reactor> {
        Ok(Reactor {
            io: Io::new(settings)?,
        })
    }

    /// For what comes before the first turn: listening, wakers.
    pub(crate) fn io(&mut self) -> &mut Io {
        &mut self.io
    }

    /// Turns until `Io::stop`. The turn in which that was called is finished, its output included.
    pub(crate) fn run<A: App>(&mut self, app: &mut A) -> std::io::Result<()> {
        while !self.io.stopping {
            self.turn(app)?;
        }
        Ok(())
    }

    /// One turn. The first one does not sleep, so that the program gets to say how long.
    pub(crate) fn turn<A: App>(&mut self, app: &mut A) -> std::io::Result<()> {
        self.io.turn(app)
    }
}

impl Io {
    fn turn<A: App>(&mut self, app: &mut A) -> std::io::Result<()> {
        self.watch.start();

        self.sleep()?;
        app.after_sleep();
        self.watch.lap(Phase::Sleep);

        self.notice();
        self.tell(app);
        self.watch.lap(Phase::Notice);
        self.bury(app);

        self.accept(app);
        self.settle_connects(app);
        self.watch.lap(Phase::Accept);
        self.bury(app);

        self.receive_datagrams(app);
        self.receive(app);

        let is_crowded = !self.going_on.is_empty();
        let began_us = if is_crowded { app.spent_us() } else { 0 };
        self.next_sleep = app.before_sleep(self);
        if is_crowded {
            self.settle_us = app.spent_us().saturating_sub(began_us);
        }
        self.watch.lap(Phase::Settle);
        self.bury(app);

        // ORDER ack: the other half is in `App::before_sleep`.
        self.flush(app);
        self.watch.lap(Phase::Write);
        self.bury(app);

        if let Some(turn) = self.watch.finish() {
            app.turn(&turn);
        }
        Ok(())
    }

    /// One turn, without sleep, from within a callback: for a program that is busy for long and wants to go on
    /// answering meanwhile, usually with a smaller `App` that says so.
    ///
    /// The connections of the group at hand are left alone: they are neither read from, written to nor closed, since
    /// the outer call may have lent out what belongs to them. Everything else is told to the inner program and to
    /// nobody else, signals and wakers included: it must pass on what the outer one has to know.
    #[cfg(test)]
    pub(crate) fn turn_inside<A: App>(&mut self, app: &mut A) -> std::io::Result<()> {
        let held = self.held.clone();
        self.turn_inside_holding(app, &held, Sleep::NotAtAll)
    }

    /// The same for a program that knows which connections of the group are in the midst of something: only `held` are
    /// left alone. It may wait for something to happen.
    pub(crate) fn turn_inside_holding<A: App>(
        &mut self,
        app: &mut A,
        held: &[ConnId],
        sleep: Sleep,
    ) -> std::io::Result<()> {
        let outer_held = mem::replace(&mut self.held, held.to_vec());
        let outer_sleep = mem::replace(&mut self.next_sleep, sleep);
        let outer_watch = mem::take(&mut self.watch);
        let result = self.turn(app);
        self.held = outer_held;
        self.watch = outer_watch;
        self.next_sleep = outer_sleep;
        result
    }
}

/// Connections handed to the program at once.
pub(crate) const GROUP_MAX: usize = 64;
