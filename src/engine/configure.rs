//! CONFIG SET between the command and the shell.
//!
//! The command has set the values. Changes that concern the engine alone take effect on the spot. Changes that concern
//! sockets, descriptors or files are made by the shell at the end of the turn, and they may fail: then everything goes
//! back to what it was, and the client, which waits for the outcome, is told why.

use crate::base::slab::Id;
use crate::config::{Changes, Outside, Within};
use crate::spec::error::Error;
use crate::store::alloc;
use crate::wire::args::Args;

use crate::engine::Engine;
use crate::engine::run::busy;
use crate::engine::run::call::refuse;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::{Ask, Configured};
use crate::engine::run::memory;

impl Ctx<'_> {
    /// The rest of CONFIG SET, once `Config::set` has accepted the values. Replies, now or when the shell has answered.
    pub(crate) fn configured(&mut self, args: Args<'_>, changes: Changes) {
        memory::configure(self.keys.space, &self.services.config);
        self.services.adopt_config();
        self.services
            .replication
            .count_good(self.now.unix_ms / 1000);
        for effect in changes.within() {
            self.bring_about(effect);
        }
        let mut changes = Some(changes);
        if !self.may_wait()
            && changes.as_ref().is_some_and(can_be_made_now)
            && let Some(outcome) = busy::configure(self, &mut changes)
        {
            // In a transaction nobody can wait.
            return match outcome {
                Ok(()) => self.reply.ok(),
                Err(refusal) => refuse(self, &refusal),
            };
        }
        let Some(changes) = changes else {
            return;
        };
        let waits = self.may_wait() && !changes.outside().is_empty();
        if waits {
            self.park_for_shell(args);
        } else {
            self.reply.ok();
        }
        let waiting = waits.then_some(self.session.id);
        self.fx
            .ask(Ask::Configured(Configured { waiting, changes }));
    }

    fn bring_about(&mut self, effect: Within) {
        match effect {
            Within::MaxMemory => {
                if self.services.config.maxmemory == 0 {
                    // Nobody looks any more whether it is too much.
                    self.services
                        .stats
                        .note_excess(false, self.now.monotonic_us);
                }
                let (limit, used) = (self.services.config.maxmemory, alloc::used_memory() as u64);
                if limit != 0 && used > limit {
                    log::warn!(
                        "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage ({used}). This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy."
                    );
                }
            }
            Within::DefaultPassword => {
                let password = &self.services.config.requirepass;
                self.services.users.set_default_password(password);
                self.users_changed();
            }
            Within::SlowLog => {
                let most = self.services.config.slowlog_max_len as usize;
                self.services.slowlog.entries.truncate(most);
            }
        }
    }
}

/// Whether the shell can make changes in the midst of a transaction. The log is switched when that has ended.
fn can_be_made_now(changes: &Changes) -> bool {
    let effects = changes.outside();
    let is_log = |(effect, _): &(Outside, &[u8])| *effect == Outside::AppendOnly;
    !effects.is_empty() && !effects.iter().any(is_log)
}

impl Engine {
    /// The shell's answer to [`Ask::Configured`]. After a failure it has rolled the configuration back.
    pub fn configured(&mut self, waiting: Option<Id>, outcome: Result<(), Error>) {
        self.apply_config();
        match (waiting, outcome) {
            (Some(id), outcome) => self.answer_parked(id, outcome),
            (None, Ok(())) => {}
            (None, Err(refusal)) => log::warn!("{}", String::from_utf8_lossy(refusal.text())),
        }
    }
}
