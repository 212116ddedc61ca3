//! CONFIG SET between the command and the shell.
//!
//! The command has set the values. What only the engine needs to know is done on the spot. What concerns sockets,
//! descriptors or files the shell does at the end of the turn, and it may fail: then everything goes back to what it
//! was, and the client, which waits for the outcome, is told why.

use crate::base::slab::Id;
use crate::config::{Changes, Effect};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::Engine;
use super::ctx::Ctx;
use super::effects::{Ask, Configured};
use super::memory;

/// Whether an effect is the shell's to bring about, so that it may fail.
fn may_fail(effect: Effect) -> bool {
    match effect {
        Effect::Listen
        | Effect::ListenTls
        | Effect::Tls
        | Effect::MaxClients
        | Effect::AppendOnly
        | Effect::Dir
        | Effect::OomScore
        | Effect::Logging
        | Effect::AllocatorThread
        | Effect::Locale => true,
        Effect::MaxMemory
        | Effect::ClientMemory
        | Effect::Fsync
        | Effect::Hz
        | Effect::RequirePass
        | Effect::Backlog
        | Effect::GoodReplicas
        | Effect::Cluster
        | Effect::Encodings
        | Effect::Defrag
        | Effect::Watchdog
        | Effect::ProcTitle
        | Effect::LogLengths
        | Effect::LatencyTracking => false,
    }
}

impl Ctx<'_> {
    /// Brings about what stays within the engine and cannot fail.
    fn adopt(&mut self, changes: &Changes) {
        for (effect, _) in changes.effects() {
            if effect == Effect::LogLengths {
                let most = self.services.config.slowlog_max_len as usize;
                self.services.slowlog.entries.truncate(most);
            }
        }
    }

    /// What CONFIG SET does once `Config::set` has accepted the values. Replies, now or when the shell has answered.
    pub fn configured(&mut self, args: Args<'_>, changes: Changes) {
        memory::configure(self.keys.space, &self.services.config);
        self.services.adopt_config();
        self.adopt(&changes);
        let waits = self.may_wait()
            && changes
                .effects()
                .iter()
                .any(|(effect, _)| may_fail(*effect));
        if waits {
            self.park_for_shell(args);
        } else {
            self.reply.ok();
        }
        let waiting = waits.then_some(self.session.id);
        self.fx
            .ask(Ask::Configured(Configured { waiting, changes }));
    }
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
