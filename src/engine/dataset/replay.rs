//! Runs commands from the append-only log, as they ran when they were written down.
//!
//! Replies are thrown away, nothing is refused or counted, and keys whose time has passed are there: the log says when
//! they went. A transaction is collected and run at its EXEC, so a transaction that is cut off leaves nothing.
//!
//! Commands come many at once, so the memory of their keys is sent for before the first of them runs, as it is for the
//! requests of clients.

use crate::acl::Identity;
use crate::base::slab::Id;
use crate::keyspace::{LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
use crate::spec::flags::flag as command_flag;
use crate::wire::args::{Args, OwnedRequests};

use crate::engine::Engine;
use crate::engine::run::command::Command;
use crate::engine::run::ctx::Origin;
use crate::engine::session::{Link, Replies, Session};

/// The session that replayed commands run in.
pub struct Replayer {
    session: Box<Session>,
}

/// How far the commands of a batch have been run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The next to run.
    pub next: usize,
    /// How many of the batch are complete: behind them no transaction is open. `None`: none of those that ran now.
    pub whole: Option<usize>,
}

/// Why the log cannot be followed, and at which command of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// There is no such command, or it cannot be called so.
    Unknown(usize),
    /// It makes a string longer than the store can hold.
    TooLong(usize),
}

impl Replayer {
    /// Whether MULTI was read and EXEC was not.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.session.transaction.is_some()
    }
}

impl Engine {
    pub fn replayer(&self) -> Replayer {
        let mut session = Session::new(Id::NONE, 0, self.now.monotonic_us, Identity::superuser());
        session.link = Link::Internal;
        session.replies = Replies::Off;
        session.be_superuser();
        Replayer {
            session: Box::new(session),
        }
    }

    /// Runs some commands of a batch, from the one at `from` on.
    pub fn replay(
        &mut self,
        replayer: &mut Replayer,
        batch: &OwnedRequests,
        from: usize,
    ) -> Result<Ran, Halt> {
        self.fx.outgrown = false;
        let next = batch.len().min(from + LOOK_AHEAD_MOST);
        let mut ahead = [Ahead::default(); LOOK_AHEAD_MOST];
        self.look_ahead(replayer.session.db, batch, from..next, &mut ahead);
        let mut whole = None;
        for (index, ahead) in (from..next).zip(ahead) {
            let is_known = self.replay_one(replayer, ahead, batch.at(index));
            if !is_known {
                return Err(Halt::Unknown(index));
            }
            if std::mem::take(&mut self.fx.outgrown) {
                return Err(Halt::TooLong(index));
            }
            if !replayer.is_in_transaction() {
                whole = Some(index + 1);
            }
        }
        Ok(Ran { next, whole })
    }

    /// Finds commands and sends for the memory of their keys. If one of them selects another database, the fetched
    /// memory is not used; the hash is the same everywhere.
    fn look_ahead(
        &self,
        db: u16,
        batch: &OwnedRequests,
        range: std::ops::Range<usize>,
        ahead: &mut [Ahead; LOOK_AHEAD_MOST],
    ) {
        let dict = &self.keyspace.dbs[usize::from(db)].dict;
        for (index, ahead) in range.zip(&mut *ahead) {
            let args = batch.at(index);
            ahead.command = self.table.find(args.name());
            if let Some(command) = ahead.command
                && command.first_key != 0
                && let Some(key) = args.get(command.first_key as usize)
            {
                ahead.hash = Some(dict.hash(key));
            }
        }
        if dict.len() < LOOK_AHEAD_KEYS_MIN {
            return;
        }
        let hashes = || ahead.iter().filter_map(|ahead| ahead.hash);
        hashes().for_each(|hash| dict.prefetch_bucket(hash));
        for hash in hashes() {
            if dict.prefetch_entry(hash) {
                dict.prefetch_further(hash);
            }
        }
    }

    /// Runs one command. Returns whether there was one.
    fn replay_one(&mut self, replayer: &mut Replayer, ahead: Ahead, args: Args<'_>) -> bool {
        let command = match ahead.command {
            Some(command) if command.is_called_by(args.len()) => command,
            _ => match self.table.resolve(args) {
                Ok(command) => command,
                Err(_) => return false,
            },
        };
        let session = &mut *replayer.session;
        if session.transaction.is_some() && !command.has(command_flag::STEERS_TRANSACTION) {
            self.queue(session, command, args);
        } else {
            let hint = command.first_key_hint(args, ahead.hash);
            self.run(session, command, args, Origin::Replay, hint);
        }
        session.parked = None;
        self.fx.asks.clear();
        if self.has_consequences() {
            self.settle_consequences();
        }
        true
    }
}

/// The facts about a command that are known before it runs.
#[derive(Clone, Copy, Default)]
struct Ahead {
    command: Option<&'static Command>,
    /// The hash of its first key, if it names one.
    hash: Option<u64>,
}
