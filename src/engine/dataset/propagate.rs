//! The propagated commands on their way to their readers: the log, and the stream of replication.
//!
//! Both get them when an outermost command has run, and between MULTI and EXEC if it has caused several.

use crate::engine::Engine;
use crate::engine::run::command::Command;
use crate::engine::run::effects::Propagated;
use crate::spec::flags::flag as command_flag;

impl Engine {
    /// Turns the propagated commands into bytes, for the log and for replicas. The log takes only those whose audience
    /// it is in.
    #[cold]
    pub(in crate::engine) fn append_effects(&mut self, command: &Command) {
        let stream = std::mem::take(&mut self.fx.stream);
        // Commands that a walk over keys makes by chance do not belong together.
        let is_one = !command.has(command_flag::TOUCHES_ARBITRARY_KEYS);
        self.services
            .replication
            .feed(&stream, stream.len() > 1 && is_one);
        if self.services.appending.is_fed() {
            self.log_effects(&stream, is_one);
        }
        self.fx.give_back(stream);
    }

    fn log_effects(&mut self, stream: &[Propagated], is_one: bool) {
        let count = stream
            .iter()
            .filter(|propagated| propagated.audience.has_log())
            .count();
        let belongs = count > 1 && is_one;
        let now_s = self.noted_time();
        let feed = &mut self.services.appending.feed;
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
        self.services.appending.offset += count as u64;
    }

    /// Writes down what went by itself, outside of commands.
    pub(in crate::engine) fn append_removals(&mut self) {
        if self.fx.listening {
            self.fx.note_removals(&self.keyspace.journal);
            let stream = std::mem::take(&mut self.fx.stream);
            self.services.replication.feed(&stream, false);
            if self.services.appending.is_fed() {
                self.log_effects(&stream, false);
            }
            self.fx.give_back(stream);
        }
        self.fx.facts_seen = 0;
    }

    /// The time that goes into the log, if times do.
    fn noted_time(&self) -> Option<i64> {
        let config = &self.services.config;
        config
            .aof_timestamp_enabled
            .then_some(self.now.unix_ms / 1000)
    }
}
