//! What a handler may touch: the keyspace, its reply, its effects, and the world around it by field.
//!
//! The fields are borrowed apart, so `ctx.reply` can be written while a value from `ctx.keys` is held. Nothing is
//! hidden behind getters.

use crate::base::time::Clock;
use crate::keyspace::Keys;
use crate::types::Kind;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;

use super::command::{Command, Table};
use super::effects::Effects;
use super::services::Services;
use super::session::{OnTimeout, Parked, Session, Sessions, Waiting};

/// Under which circumstances a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client sent it.
    Client,
    /// EXEC runs it from its queue.
    Transaction,
    /// A script calls it.
    Script,
    /// It ran before, had to wait, and is tried again because a key became ready.
    Retry,
    /// The append-only file or our primary says so: it has been decided elsewhere and must not be refused.
    Replay,
}

/// The time that one outermost command sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub unix_ms: i64,
    pub unix_us: i64,
    /// On a clock that never goes back; microseconds.
    pub monotonic_us: u64,
}

pub struct Ctx<'a> {
    pub session: &'a mut Session,
    pub reply: Reply<'a>,
    /// The selected database.
    pub keys: Keys<'a>,
    pub fx: &'a mut Effects,
    pub services: &'a mut Services,
    /// All other sessions; our own is lent out.
    pub sessions: &'a mut Sessions,
    pub table: &'a Table,
    /// Only for commands that let time pass. All others see `now`.
    pub clock: &'a Clock,
    pub command: &'static Command,
    pub origin: Origin,
    pub now: Now,
    /// Set by [`Ctx::park`] when a retried command still finds nothing.
    pub still_waiting: bool,
}

/// What a blocking command waits for.
pub struct Wait<'a> {
    pub keys: &'a [&'a [u8]],
    pub kind: Kind,
    /// In unix milliseconds; `None` waits for ever.
    pub deadline_ms: Option<i64>,
    pub on_timeout: OnTimeout,
    pub also_when_gone: bool,
}

impl Ctx<'_> {
    /// Whether the command comes from a source that has already decided.
    pub fn is_replay(&self) -> bool {
        self.origin == Origin::Replay
    }

    /// Whether this command may wait. Inside a transaction or a script it may not: it then answers as if its
    /// time-out had passed.
    pub fn may_wait(&self) -> bool {
        matches!(self.origin, Origin::Client | Origin::Retry)
    }

    /// Parks the session until one of the keys is ready or the deadline passes. The handler returns `Ok` after it
    /// without having replied; it will be run again with the same arguments.
    pub fn park(&mut self, args: Args<'_>, wait: &Wait<'_>) {
        if self.origin == Origin::Retry {
            self.still_waiting = true;
            return;
        }
        let keys: Vec<Vec<u8>> = wait.keys.iter().map(|key| key.to_vec()).collect();
        let db = self.keys.db;
        let parked = self.session.parked.insert(Box::new(Parked {
            waiting: Waiting::Keys,
            command: self.command,
            args: OwnedArgs::from(args),
            db,
            keys,
            deadline_ms: wait.deadline_ms,
            since_us: self.now.monotonic_us,
            on_timeout: wait.on_timeout,
            also_when_gone: wait.also_when_gone,
            kind: wait.kind,
            spent_ns: 0,
            redacted: self.fx.redacted.clone(),
        }));
        let woken_by = parked.woken_by();
        self.services.blocking.wait(
            self.session.id,
            db,
            &parked.keys,
            wait.deadline_ms,
            woken_by,
        );
    }

    /// Parks the session until others have what it has written, or the deadline passes. The command is run again
    /// whenever that may be so.
    pub fn park_for_offset(
        &mut self,
        args: Args<'_>,
        deadline_ms: Option<i64>,
        on_timeout: OnTimeout,
    ) {
        self.park(
            args,
            &Wait {
                keys: &[],
                kind: Kind::String,
                deadline_ms,
                on_timeout,
                also_when_gone: false,
            },
        );
        if let Some(parked) = &mut self.session.parked {
            parked.waiting = Waiting::Offset;
            self.services.blocking.for_offset.push(self.session.id);
        }
    }

    /// Parks the session until the shell has done what it was asked for; `Engine::answer_parked` replies then.
    pub fn park_for_shell(&mut self, args: Args<'_>) {
        let keys = &[];
        self.park(
            args,
            &Wait {
                keys,
                kind: Kind::String,
                deadline_ms: None,
                on_timeout: OnTimeout::Null,
                also_when_gone: false,
            },
        );
        if let Some(parked) = &mut self.session.parked {
            parked.waiting = Waiting::Job;
        }
    }
}
