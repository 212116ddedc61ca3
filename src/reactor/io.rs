//! The requests that the program may make of the loop from within a callback.
//!
//! Everything here only writes down a wish: a flag on the connection, an id in a list. The phases of the turn
//! (`phases.rs`) grant them later, when no callback is running. So a callback never finds the world changed under
//! its feet, and the loop never calls the program while the program calls the loop.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::{Events, Poll, Registry, Token};

use crate::base::output::Output;
use crate::base::slab::{Id, Slab};
use crate::base::todo::Todo;
use crate::tls::{DialSecurity, ListenSecurity};

use super::address::{Address, Peer};
use super::conn::{Arrival, Conn};
use super::datagram::{DATAGRAM_BYTES_MAX, Datagrams};
use super::listen::{Listen, Listener};
use super::signals::{Interrupts, Signals};
use super::slice::LONG_BYTES;
use super::stream::Stream;
use super::trace::Stopwatch;
use super::{Closed, ConnId, DatagramId, ListenerId, Settings, Sleep};

/// The loop as a callback sees it.
pub(crate) struct Io {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) sources: Slab<Source>,
    pub(super) connections: usize,
    waker: Waker,
    pub(super) signals: Signals,

    // The work to be done, as lists of ids. An id may have died since it was listed: every use looks it up.
    /// Connections to read from.
    pub(super) ready: Todo<ConnId>,
    /// The same for those that have much, or whose input the program has had in part; longest wait first.
    pub(super) going_on: VecDeque<ConnId>,
    /// Connections with output to write, oldest wish first.
    pub(super) unsent: Todo<ConnId>,
    /// The same for those that have much, or had a share of it written; longest wait first.
    pub(super) long: VecDeque<ConnId>,
    /// Connections whose end is decided.
    pub(super) closing: VecDeque<ConnId>,
    /// Listeners with connections in their queue.
    pub(super) waiting: Todo<ListenerId>,
    /// Outgoing connections whose handshake may be over.
    pub(super) settling: Todo<ConnId>,
    /// Datagram sockets with packets in their queue.
    pub(super) packets: Todo<DatagramId>,
    pub(super) woken: bool,
    pub(super) signalled: bool,

    /// What is opened now gets a marked id: it belongs to the second program of a router.
    pub(super) marks: bool,
    /// The groups the program is at work on right now. A nested turn leaves these connections alone.
    pub(super) held: Vec<ConnId>,
    /// The storage of the group at hand, kept so that no turn allocates.
    pub(super) group: Vec<ConnId>,
    /// Room for what an encrypted stream has received; empty until there is one.
    pub(super) ciphertext: Vec<u8>,
    /// Room for one packet; empty until a datagram socket is bound.
    pub(super) packet: Vec<u8>,

    /// What the program's own duties took when last somebody waited for them.
    pub(super) settle_us: u64,
    /// The last turn has left those who have much to this one.
    pub(super) has_put_off: bool,
    pub(super) next_sleep: Sleep,
    pub(super) stopping: bool,
    /// The last poll filled its buffer, so there may be more.
    pub(super) has_more_events: bool,
    /// The last accept failed for want of descriptors or memory.
    pub(super) out_of_room: bool,
    pub(super) watch: Stopwatch,

    pub(super) max_new_connections_per_turn: usize,
    pub(super) max_new_secured_per_turn: usize,
    write_share_bytes: usize,
    keepalive_seconds: u32,
}

/// Anything with an id.
pub(super) enum Source {
    Stream(Conn),
    Listener(Box<Listener>),
    Datagrams(Box<Datagrams>),
}

/// Ends the loop's sleep from another thread. Waking a loop that is awake makes its next sleep short.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<mio::Waker>);

impl Waker {
    /// Many calls before the loop gets to look are answered by one `App::woken`.
    pub(crate) fn wake(&self) {
        // Fails only when the loop is gone, and then there is nobody to wake.
        let _ = self.0.wake();
    }
}

impl Io {
    pub(super) fn new(settings: &Settings) -> io::Result<Io> {
        let poll = Poll::new()?;
        let waker = Waker(Arc::new(mio::Waker::new(poll.registry(), WAKER)?));
        let mut signals = Signals::install(
            &settings.signals,
            &settings.ignored_signals,
            settings.second_interrupt_exits,
        )?;
        signals.register(poll.registry(), SIGNALS)?;
        Ok(Io {
            poll,
            events: Events::with_capacity(EVENTS_MIN),
            sources: Slab::new(),
            connections: 0,
            waker,
            signals,
            ready: Todo::default(),
            going_on: VecDeque::new(),
            unsent: Todo::default(),
            long: VecDeque::new(),
            closing: VecDeque::new(),
            waiting: Todo::default(),
            settling: Todo::default(),
            packets: Todo::default(),
            woken: false,
            signalled: false,
            marks: false,
            held: Vec::new(),
            group: Vec::new(),
            ciphertext: Vec::new(),
            packet: Vec::new(),
            settle_us: 0,
            has_put_off: false,
            next_sleep: Sleep::NotAtAll,
            stopping: false,
            has_more_events: false,
            out_of_room: false,
            watch: Stopwatch::default(),
            max_new_connections_per_turn: settings.max_new_connections_per_turn.max(1),
            max_new_secured_per_turn: settings.max_new_secured_per_turn.max(1),
            write_share_bytes: settings.write_share_bytes.max(1),
            keepalive_seconds: settings.keepalive_seconds,
        })
    }

    /// The state of repeated SIGINTs.
    pub(crate) fn interrupts(&self) -> Interrupts {
        self.signals.interrupts().clone()
    }

    // Opening and closing.

    /// Opens a door. Connections that come in by it are told to `App::opened`.
    pub(crate) fn listen(&mut self, at: &Listen) -> io::Result<ListenerId> {
        let listener = Listener::open(at)?;
        listener.tune(self.keepalive_seconds);
        self.add(Source::Listener(Box::new(listener)))
    }

    /// From now on what comes in by this listener is encrypted, with these keys.
    pub(crate) fn secure(&mut self, listener: ListenerId, security: ListenSecurity) {
        if let Some(Source::Listener(listener)) = self.sources.get_mut(listener) {
            listener.security = Some(security);
        }
    }

    /// Binds a socket for packets, told to `App::datagram`.
    pub(crate) fn bind_datagram(&mut self, at: SocketAddr) -> io::Result<DatagramId> {
        let socket = Datagrams::bind(at)?;
        self.packet.resize(DATAGRAM_BYTES_MAX, 0);
        self.add(Source::Datagrams(Box::new(socket)))
    }

    /// Sends one packet now. An error, `WouldBlock` included, means that it is lost.
    pub(crate) fn send_to(
        &mut self,
        socket: DatagramId,
        to: SocketAddr,
        bytes: &[u8],
    ) -> io::Result<()> {
        match self.sources.get(socket) {
            Some(Source::Datagrams(socket)) => socket.send(to, bytes),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Begins to connect, from a chosen address of ours if it matters, and encrypted if that is asked for.
    /// `App::connected` or `App::closed` tells how it went; an error here means that it was refused on the spot and
    /// neither will be called. Names are the caller's to resolve, because resolving may block.
    pub(crate) fn connect(
        &mut self,
        to: &Address,
        from: Option<IpAddr>,
        security: Option<DialSecurity>,
    ) -> io::Result<ConnId> {
        let stream = Stream::connect(to, from, security)?;
        stream.tune(self.keepalive_seconds);
        let mut conn = self.new_conn(stream);
        conn.connecting = true;
        conn.writable = false;
        self.add(Source::Stream(conn))
    }

    /// Takes over a stream that was opened elsewhere: a socket of the standard library, a child's pipe.
    /// `App::opened` is not called, since the caller is there already.
    pub(crate) fn take_in(&mut self, stream: impl Into<Stream>) -> io::Result<ConnId> {
        let stream = stream.into();
        stream.set_nonblocking()?;
        stream.tune(self.keepalive_seconds);
        let conn = self.new_conn(stream);
        self.add(Source::Stream(conn))
    }

    /// Closes at the end of the current phase, dropping unsent output, and then calls `App::closed`. A listener or
    /// datagram socket closes at once and without a call.
    pub(crate) fn close(&mut self, id: Id) {
        match self.sources.get(id) {
            Some(Source::Stream(conn)) => {
                let why = if conn.ended {
                    Closed::ByPeer
                } else {
                    Closed::ByApp
                };
                self.close_because(id, why);
            }
            Some(_) => drop(self.remove(id)),
            None => {}
        }
    }

    /// Reads no more, and closes once the output is written. How long a peer may take for that is the program's to
    /// watch. A peer that was still sending may see a reset instead of the last bytes, as TCP has it.
    pub(crate) fn close_after_flush(&mut self, id: ConnId) {
        let Some(conn) = self.conn_mut(id) else {
            return;
        };
        if conn.stream.is_handshaking() {
            // Nothing can be said before the two sides have agreed, and nobody will read what it takes to agree.
            self.close(id);
        } else {
            conn.finishing = true;
            conn.paused = true;
            conn.again = false;
            self.want_write(id);
        }
    }

    /// Ends the loop after this turn, whose output is still written.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    // Reading and writing.

    /// There is output for `id`: it is written at the end of this turn. Asking again costs next to nothing.
    #[inline]
    pub(crate) fn want_write(&mut self, id: ConnId) {
        if let Some(Source::Stream(conn)) = self.sources.get_mut(id)
            && !conn.in_unsent
        {
            conn.in_unsent = true;
            self.unsent.push(id);
        }
    }

    /// Leaves further input at the kernel, until it pushes back on the peer. The end of the input waits there with
    /// it; a reset is told at once, and takes with it what was not read.
    pub(crate) fn pause_reading(&mut self, id: ConnId) {
        if let Some(conn) = self.conn_mut(id) {
            conn.paused = true;
        }
    }

    /// Undoes `pause_reading`, and an empty answer of `App::input`.
    pub(crate) fn resume_reading(&mut self, id: ConnId) {
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return;
        };
        conn.paused = conn.finishing || !conn.stream.can_read();
        if conn.wants_read() {
            list(&mut conn.in_ready, &mut self.ready, id);
        }
    }

    /// The program has input of `id` left: it is part of a group of the next turn, without another read.
    pub(crate) fn again(&mut self, id: ConnId) {
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return;
        };
        if !conn.finishing {
            conn.again = true;
            queue(&mut conn.in_ready, &mut self.going_on, id);
        }
    }

    /// The last request of `id` took long: the next one is for a turn in which others do not wait for it.
    pub(crate) fn note_long(&mut self, id: ConnId) {
        if let Some(conn) = self.conn_mut(id) {
            conn.load = LONG_BYTES;
        }
    }

    // For a program that is in the midst of something with a connection which it holds.

    /// Writes as much as leaves at once. False: the connection is over.
    pub(crate) fn write_now(&mut self, id: ConnId, output: &mut Output) -> bool {
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return false;
        };
        if conn.closing.is_some() || conn.ended {
            return false;
        }
        let went = match conn.push() {
            Ok(()) => conn.drain(output).map(drop),
            Err(error) => Err(error),
        };
        conn.blocked = !conn.writable;
        match went {
            Ok(()) => true,
            Err(error) => {
                self.close_because(id, Closed::Failed(error));
                false
            }
        }
    }

    /// Reads once and appends what has come; returns how many bytes. `None`: the connection is over.
    pub(crate) fn read_now(&mut self, id: ConnId, input: &mut Vec<u8>) -> Option<usize> {
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return None;
        };
        if conn.closing.is_some() || conn.ended {
            return None;
        }
        if !conn.readable {
            return Some(0);
        }
        let mut space = [0; 4096];
        match conn.fill(&mut space, &mut self.ciphertext) {
            Arrival::Bytes(count) => {
                input.extend_from_slice(&space[..count]);
                Some(count)
            }
            Arrival::Nothing => Some(0),
            Arrival::End => None,
            Arrival::Failed(error) => {
                self.close_because(id, Closed::Failed(error));
                None
            }
        }
    }

    /// How much of this connection's output may leave per turn; `usize::MAX` lifts the limit.
    #[cfg(test)]
    pub(crate) fn set_write_share_bytes(&mut self, id: ConnId, bytes: usize) {
        if let Some(conn) = self.conn_mut(id) {
            conn.write_share_bytes = bytes.max(1);
        }
    }

    /// Whether small pieces of output may be held back a little, to leave together with more.
    pub(crate) fn set_delays(&mut self, id: ConnId, delays: bool) {
        if let Some(conn) = self.conn_mut(id) {
            conn.stream.set_delays(delays);
        }
    }

    // Asking and setting.

    pub(crate) fn is_open(&self, id: Id) -> bool {
        match self.sources.get(id) {
            Some(Source::Stream(conn)) => conn.closing.is_none(),
            Some(_) => true,
            None => false,
        }
    }

    /// Whether an encrypted connection has not come about yet: until it has, nothing can be received or sent.
    pub(crate) fn is_handshaking(&self, id: Id) -> bool {
        matches!(self.sources.get(id), Some(Source::Stream(conn)) if conn.stream.is_handshaking())
    }

    /// The common name in the certificate of the other side of an encrypted connection, if it has shown one.
    pub(crate) fn common_name(&self, id: ConnId) -> Option<Vec<u8>> {
        match self.sources.get(id) {
            Some(Source::Stream(conn)) => conn.stream.common_name(),
            _ => None,
        }
    }

    /// Whether connections may be over that the program has not been told of: they wait to be buried, the last poll
    /// left events for the next one, or a peer has finished and what it sent before that is still being read.
    pub(crate) fn expects_ends(&self) -> bool {
        let is_ending = |id: &ConnId| match self.sources.get(*id) {
            Some(Source::Stream(conn)) => conn.end_announced && conn.wants_read(),
            _ => false,
        };
        self.has_more_events
            || !self.closing.is_empty()
            || self.ready.iter().chain(&self.going_on).any(is_ending)
    }

    /// How many streams are open: accepted, connected or taken in.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Our end of anything that has an id; for a listener on port 0, the port that was chosen.
    pub(crate) fn address(&self, id: Id) -> Option<Address> {
        match self.sources.get(id)? {
            Source::Stream(conn) => conn.stream.local_address(),
            Source::Listener(listener) => Some(listener.local_address().clone()),
            Source::Datagrams(socket) => Some(socket.local.clone()),
        }
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// For connections opened from now on; 0 sends no probes.
    pub(crate) fn set_keepalive_seconds(&mut self, seconds: u32) {
        self.keepalive_seconds = seconds;
        for (_, source) in self.sources.iter() {
            if let Source::Listener(listener) = source {
                listener.tune(seconds);
            }
        }
    }

    /// How many connections a listener takes in in one turn; a handshake costs much, so fewer of those that are
    /// encrypted.
    pub(crate) fn set_max_new_connections_per_turn(&mut self, plain: usize, secured: usize) {
        self.max_new_connections_per_turn = plain.max(1);
        self.max_new_secured_per_turn = secured.max(1);
    }

    /// Watches every turn by this clock, whatever its unit, and reports to `App::turn`. `None` ends it.
    pub(crate) fn trace(&mut self, stamp: Option<fn() -> u64>) {
        self.watch.set_stamp(stamp);
    }

    // For the phases.

    pub(super) fn new_conn(&self, stream: Stream) -> Conn {
        Conn::new(stream, self.write_share_bytes)
    }

    /// Gives a source its id and its one registration.
    pub(super) fn add(&mut self, source: Source) -> io::Result<Id> {
        let is_stream = matches!(source, Source::Stream(_));
        let id = if self.marks {
            self.sources.insert_marked(source)
        } else {
            self.sources.insert(source)
        };
        let source = self.sources.get_mut(id).expect("inserted a line above");
        if let Err(error) = source.register(self.poll.registry(), token_of(id)) {
            self.sources.remove(id);
            return Err(error);
        }
        self.connections += usize::from(is_stream);
        Ok(id)
    }

    /// Takes a source out of the poll and the slab. Its descriptor closes when the caller drops it.
    ///
    /// Closing alone would deregister it too, unless a child process holds a copy of the descriptor: between `fork`
    /// and `exec` one always does, and events of a connection long gone would keep coming.
    pub(super) fn remove(&mut self, id: Id) -> Option<Source> {
        let mut source = self.sources.remove(id)?;
        let _ = source.deregister(self.poll.registry());
        self.connections -= usize::from(matches!(source, Source::Stream(_)));
        Some(source)
    }

    pub(super) fn conn_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        match self.sources.get_mut(id) {
            Some(Source::Stream(conn)) => Some(conn),
            _ => None,
        }
    }

    /// Decides the end of a connection, once: the first reason stands.
    pub(super) fn close_because(&mut self, id: ConnId, why: Closed) {
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return;
        };
        if conn.closing.is_none() {
            conn.closing = Some(why);
            self.closing.push_back(id);
        }
    }

    pub(super) fn peer(&self, id: ConnId, address: Option<Address>) -> Option<Peer> {
        let Some(Source::Stream(conn)) = self.sources.get(id) else {
            return None;
        };
        Some(Peer {
            address: address.or_else(|| conn.stream.peer_address())?,
            local: conn.stream.local_address()?,
            fd: conn.stream.fd(),
        })
    }
}

impl Source {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Source::Stream(conn) => conn.stream.register(registry, token),
            Source::Listener(listener) => listener.register(registry, token),
            Source::Datagrams(socket) => socket.register(registry, token),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Source::Stream(conn) => conn.stream.deregister(registry),
            Source::Listener(listener) => listener.deregister(registry),
            Source::Datagrams(socket) => socket.deregister(registry),
        }
    }
}

/// Puts an id into a list unless its flag says that it is there.
#[inline]
pub(super) fn list(is_listed: &mut bool, ids: &mut Todo<Id>, id: Id) {
    if !*is_listed {
        *is_listed = true;
        ids.push(id);
    }
}

/// The same for a line in which the first are served first.
#[inline]
pub(super) fn queue(is_listed: &mut bool, ids: &mut VecDeque<Id>, id: Id) {
    if !*is_listed {
        *is_listed = true;
        ids.push_back(id);
    }
}

/// A token is the whole id, generation and all, so an event can never be taken for one of a successor.
pub(super) fn token_of(id: Id) -> Token {
    Token(id.to_bits() as usize)
}

pub(super) fn id_of(token: Token) -> Id {
    Id::from_bits(token.0 as u64)
}

const _: () = assert!(usize::BITS == 64, "a token holds an index and a generation");

/// The two sources that are not in the slab. No slab has that many entries.
pub(super) const WAKER: Token = Token(usize::MAX);
pub(super) const SIGNALS: Token = Token(usize::MAX - 1);

/// Events taken from the poll at once. The buffer doubles when it was full, because a turn that serves more
/// connections shares its duties (one disk write, one look at the timers) among more of them; it stops growing where
/// the first of them would wait noticeably for the last.
const EVENTS_MIN: usize = 1024;
pub(super) const EVENTS_MAX: usize = 16 * 1024;
