//! The phases of a turn, in the order they happen. `mod.rs` strings them together.
//!
//! The lists of `Io` are the hand-over between phases. A phase takes a list out and works it off; the ids that it
//! leaves or that callbacks add meanwhile are for the next time. Two rules keep this simple. Noticing events calls
//! nobody. And after every call of the program the id is looked up afresh, because the callback may have closed it.

use std::io;
use std::mem;
use std::time::Duration;

use mio::Events;
use mio::event::Event;

use crate::base::slab::Id;
use crate::base::todo::Todo;

use super::address::Address;
use super::conn::{Arrival, Conn};
use super::datagram::DATAGRAMS_PER_TURN;
use super::io::{EVENTS_MAX, Io, SIGNALS, Source, WAKER, id_of, list};
use super::listen::{Refused, why_refused};
use super::stream::Stream;
use super::trace::Phase;
use super::{App, Closed, ConnId, DatagramId, GROUP_MAX, ListenerId, Sleep};

impl Io {
    /// Waits for events, but not while there is work left.
    pub(super) fn sleep(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => Ok(()),
            // A signal handler ran. It is an early end of the sleep and nothing else; mio left no events.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        let asked = match self.next_sleep {
            Sleep::NotAtAll => Some(Duration::ZERO),
            Sleep::AtMostMs(ms) => Some(Duration::from_millis(ms)),
            Sleep::Forever => None,
        };
        if self.waiting.is_empty() {
            return asked;
        }
        // Out of descriptors, with somebody at the door. No event will tell when there is room again, and asking
        // all the time would burn a core.
        Some(asked.map_or(OUT_OF_ROOM_PAUSE, |asked| asked.min(OUT_OF_ROOM_PAUSE)))
    }

    fn has_work(&self) -> bool {
        !self.ready.is_empty()
            || !self.unsent.is_empty()
            || !self.closing.is_empty()
            || !self.packets.is_empty()
            || (!self.waiting.is_empty() && !self.out_of_room)
            || self.stopping
    }

    /// Writes down what the poll reported. No callbacks here, so every id in the batch still names the same connection.
    pub(super) fn notice(&mut self) {
        let mut count = 0;
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            count += 1;
            match event.token() {
                WAKER => self.woken = true,
                SIGNALS => self.signalled = true,
                token => self.notice_source(id_of(token), event),
            }
        }
        self.events = events;
        self.watch.turn.events += count;
        let capacity = self.events.capacity();
        self.has_more_events = count as usize == capacity;
        if self.has_more_events && capacity < EVENTS_MAX {
            self.events = Events::with_capacity(capacity * 2);
        }
    }

    fn notice_source(&mut self, id: Id, event: &Event) {
        let conn = match self.sources.get_mut(id) {
            Some(Source::Stream(conn)) => conn,
            Some(Source::Listener(listener)) => {
                return list(&mut listener.waiting, &mut self.waiting, id);
            }
            Some(Source::Datagrams(socket)) => {
                return list(&mut socket.readable, &mut self.packets, id);
            }
            None => return,
        };
        conn.end_announced |= event.is_read_closed();
        conn.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        if conn.connecting {
            self.settling.push(id);
            return;
        }
        conn.writable |= event.is_writable();
        if conn.writable && conn.blocked {
            conn.blocked = false;
            list(&mut conn.in_unsent, &mut self.unsent, id);
        }
        if conn.wants_read() {
            // An error, too, is found by reading: bytes that came before it come out first.
            list(&mut conn.in_ready, &mut self.ready, id);
        } else if event.is_error() {
            // Nobody will read, so nobody would find out.
            let why = match conn.stream.take_error() {
                Ok(Some(error)) | Err(error) => Closed::Failed(error),
                Ok(None) => Closed::ByPeer,
            };
            self.close_because(id, why);
        }
    }

    /// Tells the program about signals and wakers.
    pub(super) fn tell<A: App>(&mut self, app: &mut A) {
        if mem::take(&mut self.signalled) {
            for signal in self.signals.pending() {
                app.signalled(self, signal);
            }
        }
        if mem::take(&mut self.woken) {
            app.woken(self);
        }
    }

    /// Accepts the connections that wait at the listeners.
    pub(super) fn accept<A: App>(&mut self, app: &mut A) {
        let waiting = self.waiting.take();
        for &id in &waiting {
            self.accept_at(app, id);
        }
        self.waiting.give_back(waiting);
    }

    fn accept_at<A: App>(&mut self, app: &mut A, id: ListenerId) {
        let is_secured = matches!(self.sources.get(id), Some(Source::Listener(listener)) if listener.security.is_some());
        let most = if is_secured {
            self.max_new_secured_per_turn
        } else {
            self.max_new_connections_per_turn
        };
        for _ in 0..most {
            // Looked up each time: `opened` may close the listener.
            let Some(Source::Listener(listener)) = self.sources.get_mut(id) else {
                return;
            };
            let error = match listener.accept() {
                Ok((stream, from)) => {
                    self.out_of_room = false;
                    self.welcome(app, id, stream, from);
                    continue;
                }
                Err(error) => error,
            };
            match why_refused(&error) {
                Refused::TryNext => {}
                Refused::Nobody => {
                    listener.waiting = false;
                    return;
                }
                Refused::Broken => {
                    listener.waiting = false;
                    log::error!("Listener {} is broken: {error}", listener.local_address());
                    return;
                }
                Refused::NoRoom => {
                    if !mem::replace(&mut self.out_of_room, true) {
                        log::warn!("Accepting client connection: {error}");
                    }
                    break;
                }
            }
        }
        // Not told that the queue is empty, so it may not be.
        self.waiting.push(id);
    }

    fn welcome<A: App>(
        &mut self,
        app: &mut A,
        listener: ListenerId,
        stream: Stream,
        from: Address,
    ) {
        let conn = self.new_conn(stream);
        let id = match self.add(Source::Stream(conn)) {
            Ok(id) => id,
            Err(error) => {
                log::warn!("Registering a connection with the poll: {error}");
                return;
            }
        };
        self.watch.turn.accepted += 1;
        match self.peer(id, Some(from), Some(listener)) {
            Some(peer) => app.opened(self, id, &peer),
            // The socket does not even know its own address; nobody has heard of it yet.
            None => drop(self.remove(id)),
        }
    }

    /// Finds out which of our own connections have come about.
    pub(super) fn settle_connects<A: App>(&mut self, app: &mut A) {
        let settling = self.settling.take();
        for &id in &settling {
            let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
                continue;
            };
            match conn.stream.settled(&mut self.ciphertext) {
                Ok(true) => self.connected(app, id),
                // Another event will come.
                Ok(false) => {}
                Err(error) => self.close_because(id, Closed::Failed(error)),
            }
        }
        self.settling.give_back(settling);
    }

    fn connected<A: App>(&mut self, app: &mut A, id: ConnId) {
        let Some(peer) = self.peer(id, None, None) else {
            return self.close_because(id, Closed::ByPeer);
        };
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return;
        };
        conn.connecting = false;
        conn.writable = true;
        if mem::take(&mut conn.blocked) {
            list(&mut conn.in_unsent, &mut self.unsent, id);
        }
        if conn.wants_read() {
            list(&mut conn.in_ready, &mut self.ready, id);
        }
        app.connected(self, id, &peer);
    }

    /// Hands over packets, some from each socket.
    pub(super) fn receive_datagrams<A: App>(&mut self, app: &mut A) {
        if self.packets.is_empty() {
            return;
        }
        let mut packet = mem::take(&mut self.packet);
        let packets = self.packets.take();
        for &id in &packets {
            self.receive_datagrams_from(app, id, &mut packet);
        }
        self.packets.give_back(packets);
        self.packet = packet;
    }

    fn receive_datagrams_from<A: App>(&mut self, app: &mut A, id: DatagramId, packet: &mut [u8]) {
        for _ in 0..DATAGRAMS_PER_TURN {
            let Some(Source::Datagrams(socket)) = self.sources.get_mut(id) else {
                return;
            };
            self.watch.turn.reads += 1;
            match socket.receive(packet) {
                Ok((count, from)) => {
                    self.watch.turn.bytes_in += count as u64;
                    app.datagram(self, id, from, &packet[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.readable = false;
                    return;
                }
                // An earlier packet of ours was refused somewhere, or a signal came. The queue goes on.
                Err(_) => {}
            }
        }
        self.packets.push(id);
    }

    /// Reads from the connections that are ready, a group at a time, and lets the program work on each group.
    ///
    /// One read per connection and turn, no matter how much has come: that is the fairness of the loop. A group is
    /// small enough for its input to stay in the cache until it is looked at, and large enough for the program to have
    /// something to interleave.
    pub(super) fn receive<A: App>(&mut self, app: &mut A) {
        let ready = self.ready.take();
        let mut group = mem::take(&mut self.group);
        for ids in ready.chunks(GROUP_MAX) {
            group.clear();
            for &id in ids {
                if self.read(app, id) {
                    group.push(id);
                }
            }
            self.watch.lap(Phase::Read);
            if !group.is_empty() {
                self.deliver(app, &group);
            }
            self.watch.lap(Phase::Execute);
            self.bury(app);
        }
        self.group = group;
        self.ready.give_back(ready);
    }

    /// One read from one connection. Says whether the program has something to do for it.
    fn read<A: App>(&mut self, app: &mut A, id: ConnId) -> bool {
        let is_held = self.is_held(id);
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return false;
        };
        conn.in_ready = false;
        if is_held {
            // Its turn comes when it is let go. If it has nothing to read any more, the loop may sleep until then.
            if conn.wants_read() || conn.again {
                list(&mut conn.in_ready, &mut self.ready, id);
            }
            return false;
        }
        if conn.closing.is_some() {
            return false;
        }
        // Input that was left over goes first: more of it would only pile up, and its end must not overtake it.
        if mem::take(&mut conn.again) {
            list_if_readable(conn, &mut self.ready, id);
            return true;
        }
        if !conn.wants_read() {
            return false;
        }
        let space = app.input(id);
        if space.is_empty() {
            conn.paused = true;
            return false;
        }
        self.watch.turn.reads += 1;
        let arrival = conn.fill(space, &mut self.ciphertext);
        if conn.stream.has_pending() {
            // Part of a handshake that the socket did not take: an event will tell when it does.
            conn.writable = false;
            conn.blocked = true;
        }
        match arrival {
            Arrival::Bytes(count) => {
                self.watch.turn.bytes_in += count as u64;
                app.filled(id, count);
                list_if_readable(conn, &mut self.ready, id);
                return true;
            }
            Arrival::Nothing => list_if_readable(conn, &mut self.ready, id),
            Arrival::End => app.ended(self, id),
            Arrival::Failed(error) => self.close_because(id, Closed::Failed(error)),
        }
        false
    }

    fn deliver<A: App>(&mut self, app: &mut A, group: &[ConnId]) {
        self.watch.turn.groups += 1;
        self.watch.turn.clients += group.len() as u32;
        let held = self.held.len();
        self.held.extend_from_slice(group);
        app.received(self, group);
        self.held.truncate(held);
    }

    /// Writes what the program left in its outputs, each connection once.
    pub(super) fn flush<A: App>(&mut self, app: &mut A) {
        let unsent = self.unsent.take();
        for &id in &unsent {
            self.flush_one(app, id);
        }
        self.unsent.give_back(unsent);
    }

    fn flush_one<A: App>(&mut self, app: &mut A, id: ConnId) {
        let is_held = self.is_held(id);
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return;
        };
        conn.in_unsent = false;
        if is_held {
            return list(&mut conn.in_unsent, &mut self.unsent, id);
        }
        if conn.closing.is_some() {
            return;
        }
        let mut sent = 0;
        let mut is_empty = true;
        if conn.stream.is_encrypted()
            && let Err(error) = conn.push()
        {
            return self.close_because(id, Closed::Failed(error));
        }
        if let Some(output) = app.output(id) {
            match conn.drain(output) {
                Ok((count, calls)) => {
                    sent = count;
                    self.watch.turn.writes += calls;
                    self.watch.turn.bytes_out += count as u64;
                }
                Err(error) => return self.close_because(id, Closed::Failed(error)),
            }
            is_empty = output.is_empty();
        }
        is_empty &= !conn.stream.has_pending();
        if !is_empty {
            // Either the share of this turn is used up, and the next turn goes on at once; or the socket is full,
            // and an event will say when it is not.
            conn.blocked = !conn.writable;
            if conn.writable {
                list(&mut conn.in_unsent, &mut self.unsent, id);
            }
        } else if conn.finishing {
            self.close(id);
        }
        if sent > 0 {
            app.wrote(self, id, sent);
        }
    }

    /// Lets go of the connections whose end was decided, and tells the program.
    pub(super) fn bury<A: App>(&mut self, app: &mut A) {
        if self.closing.is_empty() {
            return;
        }
        let mut spared = Vec::new();
        while let Some(id) = self.closing.pop_front() {
            if self.is_held(id) {
                spared.push(id);
                continue;
            }
            if let Some(Source::Stream(Conn {
                closing,
                mut stream,
                ..
            })) = self.remove(id)
            {
                stream.part();
                drop(stream);
                app.closed(self, id, closing.expect("set by the one who listed it"));
            }
        }
        self.closing.extend(spared);
        self.watch.lap(Phase::Close);
    }

    /// Whether an outer turn is at work on this connection.
    fn is_held(&self, id: ConnId) -> bool {
        !self.held.is_empty() && self.held.contains(&id)
    }
}

/// Notes a connection that the next turn should read from.
#[inline]
fn list_if_readable(conn: &mut Conn, ready: &mut Todo<ConnId>, id: ConnId) {
    if conn.wants_read() {
        list(&mut conn.in_ready, ready, id);
    }
}

/// How long to leave those at the door alone when the process has no descriptor for them.
const OUT_OF_ROOM_PAUSE: Duration = Duration::from_millis(100);
