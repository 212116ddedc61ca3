//! What goes into the stream, and out of it to the replicas.
//!
//! Commands are put in when they have run; bytes leave at the end of the turn and whenever a replica has taken what it
//! had. An output is given a little more than one write takes, so a slow replica holds no more than that besides its
//! cursor.

use crate::base::num;
use crate::engine::Engine;
use crate::engine::replication::Replication;
use crate::engine::run::effects::Propagated;
use crate::engine::session::line;
use crate::persist::aof::feed::push_command;
use crate::repl::Stage;
use crate::wire::args::Args;

/// An output that has less gets more.
const OUTPUT_BYTES: u64 = 64 * 1024;

impl Replication {
    /// Puts commands into the stream; those that belong together between MULTI and EXEC.
    pub(in crate::engine) fn feed(&mut self, commands: &[Propagated], belong_together: bool) {
        if !self.is_fed() {
            return;
        }
        let count = commands
            .iter()
            .filter(|one| one.audience.has_replicas())
            .count();
        let belong_together = belong_together && count > 1;
        if belong_together {
            self.feed_word(b"MULTI");
        }
        let to_replicas = |one: &&Propagated| one.audience.has_replicas();
        for Propagated { db, args, .. } in commands.iter().filter(to_replicas) {
            self.select(*db);
            push_command(&mut self.scratch, args.as_args().iter());
        }
        if belong_together {
            self.feed_word(b"EXEC");
        }
        self.flush_scratch();
    }

    /// Puts in one command that belongs to no others.
    pub(in crate::engine) fn feed_one(&mut self, db: u16, args: Args<'_>) {
        if self.is_fed() {
            self.select(db);
            push_command(&mut self.scratch, args.iter());
            self.flush_scratch();
        }
    }

    /// Puts in commands that belong to no others, in the bytes in which they came.
    pub(in crate::engine) fn feed_sent(&mut self, db: u16, sent: &[u8]) {
        if !self.is_fed() {
            return;
        }
        if self.db != Some(db) {
            self.select(db);
            self.flush_scratch();
        }
        if let Some(stream) = self.history.stream_mut() {
            stream.push(sent);
        }
    }

    /// Puts in a command that means no database.
    pub(super) fn feed_words(&mut self, words: &[&[u8]]) {
        push_command(&mut self.scratch, words.iter().copied());
        self.flush_scratch();
    }

    fn feed_word(&mut self, word: &[u8]) {
        push_command(&mut self.scratch, std::iter::once(word));
    }

    fn select(&mut self, db: u16) {
        if self.db != Some(db) {
            self.db = Some(db);
            let mut digits = [0; 20];
            let digits = num::format_i64(i64::from(db), &mut digits);
            push_command(
                &mut self.scratch,
                [b"SELECT".as_slice(), digits].into_iter(),
            );
        }
    }

    fn flush_scratch(&mut self) {
        if let Some(stream) = self.history.stream_mut() {
            stream.push(&self.scratch);
        }
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_BYTES);
    }

    /// The least cursor: what is behind it is still to be sent to somebody.
    fn needed(&self) -> u64 {
        let holding = self
            .replicas
            .iter()
            .filter(|replica| replica.holds_stream());
        holding
            .map(|replica| replica.cursor)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Drops the part of the backlog that is too old.
    pub(super) fn trim(&mut self, size: u64) {
        let needed = self.needed();
        if let Some(stream) = self.history.stream_mut() {
            stream.trim(size, needed);
        }
    }
}

impl Engine {
    /// The end of a turn: what is new in the stream goes to the replicas.
    #[cold]
    pub(in crate::engine) fn attend_replicas(&mut self) {
        let replication = &mut self.services.replication;
        if replication.wants_acks {
            replication.wants_acks = false;
            if replication.is_fed() && replication.attached().next().is_some() {
                replication.feed_words(&[b"REPLCONF", b"GETACK", b"*"]);
            }
        }
        self.begin_sync();
        for at in 0..self.services.replication.replicas.len() {
            self.feed_replica(at);
            self.keep_replica_to_limit(at);
        }
        let size = self.services.config.repl_backlog_size;
        self.services.replication.trim(size);
    }

    /// Gives a replica more of the stream, if it has taken what it had. Returns whether there is something to send.
    pub(in crate::engine) fn feed_replica(&mut self, at: usize) -> bool {
        let replication = &mut self.services.replication;
        let (Some(replica), Some(stream)) = (
            replication.replicas.get_mut(at),
            replication.history.stream(),
        ) else {
            return false;
        };
        if !replica.is_streaming() || replica.cursor == stream.end() {
            return false;
        }
        let Some(session) = self.sessions.get_mut(replica.id) else {
            return false;
        };
        let queued = session.output.len() as u64;
        if session.is_closing() || queued >= OUTPUT_BYTES {
            return false;
        }
        replica.cursor = stream.show(replica.cursor, OUTPUT_BYTES, &mut session.output);
        if queued == 0 {
            self.sessions.with_output.push(replica.id);
        }
        true
    }

    /// A replica that is too far behind is given up: it comes back and begins anew. A limit below the size of the
    /// backlog would cut off replicas that could go on.
    fn keep_replica_to_limit(&mut self, at: usize) {
        let config = &self.services.config;
        let limit = config.client_output_buffer_limit.replica;
        let backlog = config.repl_backlog_size;
        let replication = &mut self.services.replication;
        let id = replication.replicas[at].id;
        let mut used = replication.pending(id);
        let replica = &mut replication.replicas[at];
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        if matches!(replica.stage, Stage::Online | Stage::Both) {
            used += session.output.len() as u64;
        }
        let at_least = |bytes: u64| {
            if bytes == 0 {
                u64::MAX
            } else {
                bytes.max(backlog)
            }
        };
        let now_us = self.now.monotonic_us;
        let is_over = if used >= at_least(limit.hard_bytes) {
            true
        } else if used < at_least(limit.soft_bytes) {
            replica.over_since_us = 0;
            false
        } else if replica.over_since_us == 0 {
            replica.over_since_us = now_us.max(1);
            false
        } else {
            (now_us - replica.over_since_us) / 1_000_000 > limit.soft_s
        };
        if !is_over || session.is_cut() {
            return;
        }
        let line = line::text(session, &self.now);
        log::warn!(
            "Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."
        );
        self.sessions.overflowed += 1;
        self.give_up_replica(id);
    }

    /// Closes a replica's connection, and lets what was queued for it go.
    pub(super) fn give_up_replica(&mut self, id: crate::base::slab::Id) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.output.clear();
        }
        self.sessions.close(id);
    }

    /// Bytes were sent to a replica: if that has made room, there may be more for it. Returns whether there is.
    #[cold]
    pub(in crate::engine) fn go_on_feeding(&mut self, id: crate::base::slab::Id) -> bool {
        let replicas = &self.services.replication.replicas;
        let at = replicas.iter().position(|replica| replica.id == id);
        at.is_some_and(|at| self.feed_replica(at))
    }
}

/// Room that is kept for the bytes of one command.
const SCRATCH_BYTES: usize = 64 * 1024;
