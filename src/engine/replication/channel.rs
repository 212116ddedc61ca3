//! A data set by a connection of its own, as Redis 8 has it: the primary's side, and the replica's.
//!
//! ```text
//! main connection                              second connection
//! PSYNC ? -1        +RDBCHANNELSYNC <client>
//!                                              REPLCONF rdb-only 1 rdb-channel 1 main-ch-client-id <client>
//!                                              PSYNC ? -1         +FULLRESYNC <id> <offset>, $EOF:<mark>, data set
//! the stream from there on                     closed by the replica
//! REPLCONF ACK <offset>
//! ```
//!
//! So the stream waits at the replica, and not at the primary, while the data set is on its way and being read. The
//! replica leaves it where it arrives, in the input of the main connection, and reads no more when there is too much:
//! from then on it waits at the primary as before. If either connection breaks the other is worth nothing, but when the
//! data set is there already, the replica can go on with it.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::doors::Caller;
use crate::engine::replication::link::Channel;
use crate::engine::replication::sync::name_of;
use crate::engine::replication::{LinkAsk, LinkState, Upstream};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Ask;
use crate::engine::services::{ReplicationPause, Services};
use crate::engine::session::Session;
use crate::repl::handshake::{Handshake, Manner};
use crate::repl::{Replica, Stage};

// As a primary.

impl Ctx<'_> {
    /// Whether the data set of this replica goes by another connection.
    pub(super) fn goes_apart(&mut self) -> bool {
        let config = &self.services.config;
        let offers = config.repl_rdb_channel && config.repl_diskless_sync;
        let wishes = self.replica().wishes;
        offers && wishes.channel && wishes.eof && !wishes.rdb_only
    }

    /// Tells the replica to open it.
    pub(super) fn send_apart(&mut self, name: &str) {
        log::info!(
            "Replica {name} is capable of rdb channel synchronization, and partial sync isn't possible. Full sync will continue with dedicated rdb channel."
        );
        self.attach();
        self.replica().stage = Stage::Apart;
        let line = format!("+RDBCHANNELSYNC {}\r\n", self.session.number);
        self.reply.raw(line.as_bytes());
    }

    /// The replica with this number, if it waits for somebody to carry its data set.
    pub(crate) fn awaiting_channel(&self, number: i64) -> Option<Id> {
        let replicas = self.services.replication.replicas.iter();
        let mut waiting = replicas.filter(|replica| replica.stage == Stage::Apart);
        let found = waiting.find(|replica| {
            let session = self.sessions.get(replica.id);
            session.is_some_and(|session| i64::try_from(session.number) == Ok(number))
        });
        found.map(|replica| replica.id)
    }
}

impl Engine {
    /// The snapshot has begun: the replica follows the stream from there on.
    pub(super) fn follow_meanwhile(&mut self, main: Id, cursor: u64) {
        let Some(replica) = self.services.replication.of(main) else {
            return;
        };
        replica.stage = Stage::Both;
        replica.cursor = cursor;
        let replica = replica.clone();
        if let Some(session) = self.sessions.get(main) {
            log::info!(
                "Starting to deliver RDB and replication stream to replica: {}",
                name_of(session, Some(&replica))
            );
        }
    }

    /// A replica is gone: what becomes of its other connection.
    pub(super) fn part_channel(&mut self, gone: &Replica) {
        let replication = &mut self.services.replication;
        match gone.carries_for {
            // It has all of its data set, and has closed the connection itself.
            Some(main) if gone.stage == Stage::Served => self.put_online(main, false),
            Some(main) => self.give_up_replica(main),
            None => {
                let carriers = replication.replicas.iter();
                let mut carriers = carriers.filter(|one| one.carries_for == Some(gone.id));
                if let Some(carrier) = carriers.next().map(|one| one.id) {
                    self.give_up_replica(carrier);
                }
            }
        }
    }
}

// As a replica.

impl Upstream {
    /// The connection by which the data set comes.
    pub(super) fn carrier(&self) -> Option<Id> {
        match &self.channel {
            Some(channel) => channel.id,
            None => self.id,
        }
    }

    /// Whether this is one of its connections.
    pub(super) fn has_connection(&self, id: Id) -> bool {
        self.id == Some(id) || self.channel_id() == Some(id)
    }

    /// The second one, if there is one.
    pub(super) fn channel_id(&self) -> Option<Id> {
        self.channel.as_ref().and_then(|channel| channel.id)
    }

    /// Some of the stream waits to be run, or has just begun to be.
    pub(crate) fn has_kept(&self) -> bool {
        self.is_keeping_stream() || self.kept.is_some()
    }

    /// The stream is kept until the data set is there.
    pub(super) fn is_keeping_stream(&self) -> bool {
        let is_under_way = !matches!(self.state, LinkState::Connected | LinkState::Resting);
        self.channel.is_some() && is_under_way
    }
}

/// How much of the stream may wait in memory.
fn stream_bytes_max(services: &Services) -> u64 {
    let config = &services.config;
    let limits = [
        config.replica_full_sync_buffer_limit,
        config.client_output_buffer_limit.replica.hard_bytes,
    ];
    (limits.into_iter().find(|limit| *limit != 0)).unwrap_or(u64::MAX)
}

impl Engine {
    /// The primary wants to send its data set by a second connection: it is made.
    pub(super) fn open_channel(&mut self, manner: Manner) {
        log::info!("PSYNC is not possible, initialize RDB channel.");
        if self.services.debug.replication_pause == ReplicationPause::BeforeRdbChannel {
            self.fx.ask(Ask::Link(LinkAsk::Stop));
        }
        let Some(upstream) = self.upstream() else {
            return;
        };
        upstream.handshake = None;
        upstream.next = None;
        upstream.channel = Some(Channel {
            manner,
            id: None,
            is_over: false,
            is_full: false,
            awaited: None,
            is_loaded: false,
        });
        self.services.replication.kept_peak = 0;
        self.ask_to_connect();
    }

    /// The second connection has come about. False: this is not it.
    pub(super) fn channel_connected(&mut self, id: Id, caller: &Caller) -> bool {
        let terms = self.terms();
        let Some(upstream) = self.upstream() else {
            return false;
        };
        let Some(channel) = (upstream.channel.as_ref()).filter(|channel| channel.id == Some(id))
        else {
            return false;
        };
        let (handshake, bytes) = Handshake::begin_channel(terms, channel.manner.clone());
        upstream.handshake = Some(handshake);
        self.open_link(id, caller);
        self.say(id, &bytes);
        true
    }

    /// All of the data set has come: the second connection has done its work.
    pub(super) fn close_channel(&mut self) {
        let channel = self
            .upstream()
            .and_then(|upstream| upstream.channel.as_mut());
        let Some(channel) = channel else {
            return;
        };
        channel.is_over = true;
        if let Some(id) = channel.id.take() {
            self.drop_connection(id);
        }
    }

    /// Whether our primary's stream has to wait at its end, because too much of it waits here.
    pub(in crate::engine) fn stream_is_full(&mut self, id: Id) -> bool {
        let Some(upstream) = &mut self.services.replication.upstream else {
            return false;
        };
        if !upstream.is_keeping_stream() || upstream.id != Some(id) {
            return false;
        }
        let kept = self
            .sessions
            .get(id)
            .map_or(0, |session| session.unexecuted() as u64);
        let is_full = kept >= stream_bytes_max(&self.services);
        let replication = &mut self.services.replication;
        replication.kept_peak = replication.kept_peak.max(kept);
        let channel =
            (replication.upstream.as_mut()).and_then(|upstream| upstream.channel.as_mut());
        if let Some(channel) = channel
            && is_full
            && !std::mem::replace(&mut channel.is_full, true)
        {
            log::info!(
                "Replication buffer limit has been reached ({kept} bytes), stopped buffering replication stream. Further accumulation may occur on master side."
            );
        }
        is_full
    }

    /// The data set is there; what has been kept of the stream is run like any input.
    pub(super) fn run_kept_stream(&mut self) {
        let Some(upstream) = self.upstream() else {
            return;
        };
        let (Some(_), Some(id)) = (upstream.channel.take(), upstream.id) else {
            return;
        };
        let kept = self.sessions.get(id).map_or(0, Session::unexecuted);
        log::info!(
            "MASTER <-> REPLICA sync: Starting to stream replication buffer into the db ({kept} bytes)."
        );
        let until = self.services.replication.history.offset() + kept as u64;
        if kept == 0 {
            log::info!(
                "MASTER <-> REPLICA sync: Successfully streamed replication buffer into the db (0 bytes in total)"
            );
        } else if let Some(upstream) = self.upstream() {
            upstream.kept = Some((kept as u64, until));
        }
        self.fx.ask(Ask::Link(LinkAsk::Resume { id }));
        if self.services.debug.replication_pause == ReplicationPause::OnStreamingBuffer {
            self.fx.ask(Ask::Link(LinkAsk::Stop));
        }
    }
}
