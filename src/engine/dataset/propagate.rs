//! The propagated commands on their way to their readers: the log, and the stream of replication.
//!
//! Both get them when an outermost command has run, and between MULTI and EXEC if it has caused several. The command
//! that caused nothing but itself, as nearly all do, comes alone, and mostly goes on in the very bytes in which it was
//! sent, together with those beside it.

use crate::engine::Engine;
use crate::engine::clock::Now;
use crate::engine::run::command::Command;
use crate::engine::run::effects::{Audience, Effects, Propagated};
use crate::engine::services::Services;
use crate::spec::flags::flag as command_flag;
use crate::wire::args::Args;

impl Services {
    /// Turns the propagated commands into bytes, for the log and for replicas. The log takes only those whose audience
    /// it is in.
    #[cold]
    pub(in crate::engine) fn append_effects(
        &mut self,
        fx: &mut Effects,
        command: &Command,
        now: &Now,
    ) {
        // Commands that a walk over keys makes by chance do not belong together.
        self.append_stream(fx, !command.has(command_flag::TOUCHES_ARBITRARY_KEYS), now);
    }

    fn append_stream(&mut self, fx: &mut Effects, is_one: bool, now: &Now) {
        let stream = std::mem::take(&mut fx.stream);
        self.replication.feed(&stream, is_one);
        if self.appending.is_fed() {
            self.log_effects(&stream, is_one, now);
        }
        fx.give_back(stream);
    }

    /// The same for one command.
    #[cold]
    pub(in crate::engine) fn append_one(
        &mut self,
        audience: Audience,
        db: u16,
        args: Args<'_>,
        now: &Now,
    ) {
        if audience.has_replicas() {
            self.replication.feed_one(db, args);
        }
        if audience.has_log() && self.appending.is_fed() {
            let now_s = self.noted_time(now);
            self.appending.feed.command(db, args.iter(), now_s);
            self.appending.offset += 1;
        }
    }

    /// The same for so many commands that everybody gets in these bytes.
    pub(in crate::engine) fn append_sent(&mut self, db: u16, sent: &[u8], count: u64, now: &Now) {
        self.replication.feed_sent(db, sent);
        if self.appending.is_fed() {
            let now_s = self.noted_time(now);
            self.appending.feed.encoded(db, sent, now_s);
            self.appending.offset += count;
        }
    }

    fn log_effects(&mut self, stream: &[Propagated], is_one: bool, now: &Now) {
        let count = stream
            .iter()
            .filter(|propagated| propagated.audience.has_log())
            .count();
        let belongs = count > 1 && is_one;
        let now_s = self.noted_time(now);
        let feed = &mut self.appending.feed;
        if belongs {
            feed.bracket(b"MULTI", now_s);
        }
        for Propagated { audience, db, args } in stream {
            if audience.has_log() {
                feed.command(*db, args.as_args().iter(), now_s);
            }
        }
        if belongs {
            feed.bracket(b"EXEC", now_s);
        }
        self.appending.offset += count as u64;
    }

    /// The time that goes into the log, if times do.
    #[inline]
    fn noted_time(&self, now: &Now) -> Option<i64> {
        self.config
            .aof_timestamp_enabled
            .then_some(now.unix_ms / 1000)
    }
}

impl Engine {
    /// Writes down what went by itself, outside of commands.
    pub(in crate::engine) fn append_removals(&mut self) {
        if self.fx.listening {
            self.fx.note_removals(&self.keyspace.journal);
            self.services.append_stream(&mut self.fx, false, &self.now);
        }
        self.fx.facts_seen = 0;
    }
}
