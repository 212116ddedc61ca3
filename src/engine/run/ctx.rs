//! The reach of a handler: the keyspace, its reply, its effects, and the world around it by field.
//!
//! The fields are borrowed apart, so `ctx.reply` can be written while a value from `ctx.keys` is held. Nothing is
//! hidden behind getters.

use std::rc::Rc;

use crate::base::time::Clock;
use crate::blocking::{self, WokenBy};
use crate::engine::clock::Now;
use crate::keyspace::{Expiry, Keys};
use crate::spec::error::Error;
use crate::types::Kind;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;

use crate::engine::run::effects::Effects;
use crate::engine::run::table::{Command, Table};
use crate::engine::services::Services;
use crate::engine::session::{OnTimeout, Parked, Session, Sessions, Waiting};

/// Under which circumstances a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client sent it.
    Client,
    /// EXEC runs it from its queue.
    Transaction,
    /// A script calls it.
    Script,
    /// It ran before, had to wait, and is tried again because a key became ready.
    Retry,
    /// The append-only file says so: it has been decided elsewhere and must not be refused.
    Replay,
    /// Our primary says so, and has decided it.
    Primary,
}

impl Origin {
    /// How a command from this source treats keys and fields whose deadline has passed.
    #[inline]
    pub(crate) fn expiry(self, services: &Services, now_ms: i64) -> Expiry {
        if matches!(self, Self::Replay | Self::Primary) {
            Expiry::Show
        } else if services.replication.is_replica() || services.pause.is_in_force(now_ms) {
            // What our primary has not deleted yet is not for us to delete. And during a pause somebody waits to see
            // the data unchanged.
            Expiry::Hide
        } else {
            Expiry::Remove
        }
    }
}

/// What runs a command.
pub(crate) type Handler = fn(&mut Ctx<'_>, Args<'_>) -> Outcome;

/// The handler of a command in the table. The table is shown to tests, and a handler is not.
#[derive(Clone, Copy)]
pub struct Runs(pub(crate) Handler);

/// The result of a handler. `Err` means that it has replied nothing and, scripts excepted, changed nothing; the caller
/// writes the refusal.
pub(crate) type Outcome = Result<(), Error>;

pub(crate) struct Ctx<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) reply: Reply<'a>,
    /// The selected database.
    pub(crate) keys: Keys<'a>,
    pub(crate) fx: &'a mut Effects,
    pub(crate) services: &'a mut Services,
    /// All other sessions; our own is lent out.
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) table: &'a Rc<Table<Runs>>,
    /// Only for commands that let time pass. All others see `now`.
    pub(crate) clock: &'a Clock,
    pub(crate) command: &'static Command<Runs>,
    pub(crate) origin: Origin,
    pub(crate) now: Now,
    /// Set by [`Ctx::park`] when a retried command still finds nothing.
    pub(crate) still_waiting: bool,
}

/// The keys and the manner of a blocking command's wait.
pub(crate) struct Wait<'a> {
    pub(crate) keys: &'a [&'a [u8]],
    pub(crate) kind: Kind,
    /// In unix milliseconds; `None` waits for ever.
    pub(crate) deadline_ms: Option<i64>,
    pub(crate) on_timeout: OnTimeout,
    pub(crate) also_when_gone: bool,
}

impl Ctx<'_> {
    /// Whether the command comes from a source that has already decided.
    pub(crate) fn is_replay(&self) -> bool {
        matches!(self.origin, Origin::Replay | Origin::Primary)
    }

    /// All sessions, the one that asks included.
    pub(crate) fn all_sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().chain(std::iter::once(&*self.session))
    }

    /// Whether this command may wait. Inside a transaction or a script it may not: it then answers as if its
    /// time-out had passed.
    pub(crate) fn may_wait(&self) -> bool {
        matches!(self.origin, Origin::Client | Origin::Retry)
    }

    /// Parks the session until one of the keys is ready or the deadline passes. The handler returns `Ok` after it
    /// without having replied; it will be run again with the same arguments.
    pub(crate) fn park(&mut self, args: Args<'_>, wait: &Wait<'_>) {
        if self.origin == Origin::Retry {
            self.still_waiting = true;
            return;
        }
        let keys = wait.keys.iter().map(|key| key.to_vec()).collect();
        let lines = blocking::Wait::new(self.keys.db, keys, wait.deadline_ms, wait.woken_by());
        self.begin_wait(args, Waiting::Keys, lines, wait);
    }

    fn begin_wait(
        &mut self,
        args: Args<'_>,
        waiting: Waiting,
        mut lines: blocking::Wait,
        wait: &Wait<'_>,
    ) {
        self.services.blocking.begin(self.session.id, &mut lines);
        self.session.parked = Some(Box::new(Parked {
            waiting,
            command: &self.command.facts,
            args: OwnedArgs::from(args),
            lines,
            on_timeout: wait.on_timeout,
            also_when_gone: wait.also_when_gone,
            kind: wait.kind,
            spent_ns: 0,
            redacted: self.fx.redacted.clone(),
        }));
    }

    /// Parks the session until others have its writes, or the deadline passes. The command is run again whenever that
    /// may be so.
    pub(crate) fn park_for_offset(
        &mut self,
        args: Args<'_>,
        deadline_ms: Option<i64>,
        on_timeout: OnTimeout,
    ) {
        let lines = blocking::Wait::for_offset(deadline_ms);
        self.park_without_keys(args, Waiting::Offset, lines, on_timeout);
    }

    /// Parks the session until the shell has done what it was asked for; `Engine::answer_parked` replies then.
    pub(crate) fn park_for_shell(&mut self, args: Args<'_>) {
        let lines = blocking::Wait::new(self.keys.db, Vec::new(), None, WokenBy::Arrival);
        self.park_without_keys(args, Waiting::Job, lines, OnTimeout::Null);
    }

    fn park_without_keys(
        &mut self,
        args: Args<'_>,
        waiting: Waiting,
        lines: blocking::Wait,
        on_timeout: OnTimeout,
    ) {
        if self.origin == Origin::Retry {
            self.still_waiting = true;
            return;
        }
        let wait = Wait {
            keys: &[],
            kind: Kind::String,
            deadline_ms: lines.deadline_ms,
            on_timeout,
            also_when_gone: false,
        };
        self.begin_wait(args, waiting, lines, &wait);
    }
}

impl Wait<'_> {
    /// The event at one of the keys that makes the command be tried again.
    fn woken_by(&self) -> WokenBy {
        match self.kind {
            _ if self.also_when_gone => WokenBy::Loss,
            Kind::Stream => WokenBy::News,
            Kind::String
            | Kind::List
            | Kind::Set
            | Kind::Zset
            | Kind::Hash
            | Kind::Json
            | Kind::Vector => WokenBy::Arrival,
        }
    }
}
