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
use super::io::{EVENTS_MAX, Io, SIGNALS, Source, WAKER, id_of, list, queue};
use super::listen::{Refused, why_refused};
use super::slice::{
    GROUP_BYTES, LEFT_BYTES, LITTLE_INPUT_BYTES, LITTLE_OUTPUT_BYTES, SLICE_US, Slice,
};
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
            || !self.going_on.is_empty()
            || !self.unsent.is_empty()
            || !self.long.is_empty()
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
        let added = self.marking(listener.is_marked(), |io| io.add(Source::Stream(conn)));
        let id = match added {
            Ok(id) => id,
            Err(error) => {
                log::warn!("Registering a connection with the poll: {error}");
                return;
            }
        };
        self.watch.turn.accepted += 1;
        match self.peer(id, Some(from)) {
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
        let Some(peer) = self.peer(id, None) else {
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
    /// One read per connection and turn, no matter how much has come, and a slice of the turn for all that have much
    /// (`slice.rs`): that is the fairness of the loop. A group is small enough for its input to stay in the cache until
    /// it is looked at, and large enough for the program to have something to interleave.
    pub(super) fn receive<A: App>(&mut self, app: &mut A) {
        let waiting = self.going_on.len();
        let served = self.watch.turn.clients;
        let ready = self.ready.take();
        let mut round = Round {
            group: mem::take(&mut self.group),
            weight: 0,
            slice: Slice::new(self.slice_us()),
        };
        for &id in &ready {
            let must_wait = waiting > 0 || round.slice.is_over;
            let brought = self.read(app, id, must_wait);
            if brought > LITTLE_INPUT_BYTES && self.has_to_wait(app, id, must_wait, &mut round) {
                continue;
            }
            self.join(app, id, brought, &mut round);
        }
        self.ready.give_back(ready);
        self.work_off(app, &mut round);
        if waiting > 0 {
            // The replies to the others leave at the end of the turn.
            let has_served = self.watch.turn.clients != served;
            self.has_put_off = has_served && !self.has_put_off;
            if !self.has_put_off {
                self.go_on(app, waiting, &mut round);
            }
        }
        self.group = round.group;
    }

    /// Somebody has much, which was not known before it was read. If it has to wait, it goes to the end of the line.
    #[inline(never)]
    fn has_to_wait<A: App>(
        &mut self,
        app: &mut A,
        id: ConnId,
        must_wait: bool,
        round: &mut Round,
    ) -> bool {
        if must_wait {
            self.again(id);
            app.input_waits(id);
        } else {
            round.slice.begin(app);
        }
        must_wait
    }

    /// Serves those who have much, from the front of their line, as long as the slice lasts.
    #[inline(never)]
    fn go_on<A: App>(&mut self, app: &mut A, waiting: usize, round: &mut Round) {
        round.slice.begin(app);
        for _ in 0..waiting {
            let Some(id) = self.going_on.pop_front() else {
                break;
            };
            let brought = self.read(app, id, false);
            if self.join(app, id, brought, round) && round.slice.is_over {
                break;
            }
        }
        self.work_off(app, round);
    }

    /// What those who have much may use of a phase. A turn whose end costs much, a synchronised disk say, is worth it
    /// only with some work in it.
    fn slice_us(&self) -> u64 {
        if self.stopping {
            return u64::MAX;
        }
        SLICE_US.max(self.settle_us * 2)
    }

    /// Puts somebody who brought something into the group, and lets the program work when it is complete. Says whether
    /// it did.
    #[inline]
    fn join<A: App>(&mut self, app: &mut A, id: ConnId, brought: u32, round: &mut Round) -> bool {
        if brought == 0 {
            return false;
        }
        round.group.push(id);
        round.weight += brought;
        if round.group.len() < GROUP_MAX && round.weight < GROUP_BYTES {
            return false;
        }
        self.work_off(app, round);
        true
    }

    fn work_off<A: App>(&mut self, app: &mut A, round: &mut Round) {
        if !round.group.is_empty() {
            self.watch.lap(Phase::Read);
            self.deliver(app, &round.group);
            self.watch.lap(Phase::Execute);
            round.group.clear();
            round.weight = 0;
            round.slice.look(app);
        }
        self.bury(app);
    }

    /// One read from one connection. Says what the program has to do for it, as a weight: none if there is nothing, or
    /// if it had much lately and has to wait.
    #[expect(
        clippy::inline_always,
        reason = "one of its two callers is the common case; a call costs a request that comes alone"
    )]
    #[inline(always)]
    fn read<A: App>(&mut self, app: &mut A, id: ConnId, must_wait: bool) -> u32 {
        let is_held = self.is_held(id);
        let Some(Source::Stream(conn)) = self.sources.get_mut(id) else {
            return 0;
        };
        if must_wait && conn.is_heavy() {
            self.going_on.push_back(id);
            return 0;
        }
        conn.in_ready = false;
        if is_held {
            // Its turn comes when it is let go. If it has nothing to read any more, the loop may sleep until then.
            if conn.wants_read() || conn.again {
                list(&mut conn.in_ready, &mut self.ready, id);
            }
            return 0;
        }
        if conn.closing.is_some() {
            return 0;
        }
        // Input that was left over goes first: more of it would only pile up, and its end must not overtake it.
        if mem::take(&mut conn.again) {
            conn.weigh(LEFT_BYTES as usize);
            if conn.wants_read() {
                queue(&mut conn.in_ready, &mut self.going_on, id);
            }
            return conn.weight();
        }
        if !conn.wants_read() {
            return 0;
        }
        let space = app.input(id);
        if space.is_empty() {
            conn.paused = true;
            return 0;
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
                conn.weigh(count);
                let weight = conn.weight();
                if conn.wants_read() {
                    if weight <= LITTLE_INPUT_BYTES {
                        list(&mut conn.in_ready, &mut self.ready, id);
                    } else {
                        queue(&mut conn.in_ready, &mut self.going_on, id);
                    }
                }
                return weight;
            }
            Arrival::Nothing => list_if_readable(conn, &mut self.ready, id),
            Arrival::End => app.ended(self, id),
            Arrival::Failed(error) => self.close_because(id, Closed::Failed(error)),
        }
        0
    }

    fn deliver<A: App>(&mut self, app: &mut A, group: &[ConnId]) {
        self.watch.turn.groups += 1;
        self.watch.turn.clients += group.len() as u32;
        let held = self.held.len();
        self.held.extend_from_slice(group);
        app.received(self, group);
        self.held.truncate(held);
    }

    /// Writes what the program left in its outputs, each connection once: first those that have little, then the others
    /// as long as their slice lasts.
    pub(super) fn flush<A: App>(&mut self, app: &mut A) {
        let waiting = self.long.len();
        let mut slice = Slice::new(self.slice_us());
        let unsent = self.unsent.take();
        for &id in &unsent {
            let must_wait = (waiting > 0 || slice.is_over) && !self.stopping;
            self.flush_one(app, id, must_wait, &mut slice);
        }
        self.unsent.give_back(unsent);
        if waiting > 0 {
            self.flush_long(app, &mut slice);
        }
    }

    #[inline(never)]
    fn flush_long<A: App>(&mut self, app: &mut A, slice: &mut Slice) {
        for _ in 0..self.long.len() {
            let Some(id) = self.long.pop_front() else {
                break;
            };
            self.flush_one(app, id, false, slice);
            if slice.is_over {
                break;
            }
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "one of its two callers is the common case; a call costs a request that comes alone"
    )]
    #[inline(always)]
    fn flush_one<A: App>(&mut self, app: &mut A, id: ConnId, must_wait: bool, slice: &mut Slice) {
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
        let mut output = app.output(id);
        let len = output.as_ref().map_or(0, |output| output.len());
        let is_long = len > LITTLE_OUTPUT_BYTES && conn.writable;
        if is_long {
            conn.note_reply(len);
            if must_wait {
                return queue(&mut conn.in_unsent, &mut self.long, id);
            }
            slice.begin(app);
            output = app.output(id);
        }
        if let Some(output) = output {
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
                queue(&mut conn.in_unsent, &mut self.long, id);
            }
        } else if conn.finishing {
            self.close(id);
        }
        if sent > 0 {
            app.wrote(self, id, sent);
        }
        if is_long {
            slice.look(app);
        }
    }

    /// Lets go of the connections whose end was decided, and tells the program: as many as a slice takes, since what
    /// they leave behind may be much.
    pub(super) fn bury<A: App>(&mut self, app: &mut A) {
        if self.closing.is_empty() {
            return;
        }
        let mut slice = Slice::new(self.slice_us());
        slice.begin(app);
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
                slice.look(app);
                if slice.is_over {
                    break;
                }
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

/// A group as it comes together, and the time that is left for those who have much.
struct Round {
    group: Vec<ConnId>,
    /// What its members have brought.
    weight: u32,
    slice: Slice,
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
