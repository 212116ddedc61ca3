//! Runs commands from the append-only log, as they ran when they were written down.
//!
//! Nobody reads the replies, nothing is refused, nothing is counted, and keys whose time has passed are there: the log
//! says when they went. A transaction is collected and run at its EXEC, so that one which is cut off leaves nothing.
//!
//! Commands come many at once, so the memory of their keys is sent for before the first of them runs, as it is for the
//! requests of clients.

use crate::base::slab::Id;
use crate::keyspace::{LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
use crate::wire::args::{Args, OwnedRequests};

use super::Engine;
use super::command::Command;
use super::ctx::Origin;
use super::gate;
use super::session::{Session, flag};

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

/// There is no such command, or it cannot be called so: its place in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown(pub usize);

impl Replayer {
    /// Whether MULTI was read and EXEC was not.
    pub fn is_in_transaction(&self) -> bool {
        self.session.transaction.is_some()
    }
}

impl Engine {
    pub fn replayer(&self) -> Replayer {
        let mut session = Session::new(Id::NONE, 0, self.now.monotonic_us);
        session.set(flag::INTERNAL | flag::REPLY_OFF | flag::AUTHENTICATED);
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
    ) -> Result<Ran, Unknown> {
        let next = batch.len().min(from + LOOK_AHEAD_MOST);
        let mut ahead = [Ahead::default(); LOOK_AHEAD_MOST];
        self.look_ahead(replayer.session.db, batch, from..next, &mut ahead);
        let mut whole = None;
        for (index, ahead) in (from..next).zip(ahead) {
            self.keyspace.hint = ahead.key;
            let is_known = self.replay_one(replayer, ahead.command, batch.at(index));
            self.keyspace.hint = (0, 0);
            if !is_known {
                return Err(Unknown(index));
            }
            if !replayer.is_in_transaction() {
                whole = Some(index + 1);
            }
        }
        Ok(Ran { next, whole })
    }

    /// Finds commands and sends for the memory of their keys. If one of them selects another database, what was sent
    /// for is not used; the hash is the same everywhere.
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
                ahead.key = (key.as_ptr() as usize, dict.hash(key));
            }
        }
        if dict.len() < LOOK_AHEAD_KEYS_MIN {
            return;
        }
        let hashes = || ahead.iter().filter(|ahead| ahead.key.0 != 0);
        hashes().for_each(|ahead| dict.prefetch_bucket(ahead.key.1));
        for Ahead { key, .. } in hashes() {
            if dict.prefetch_entry(key.1) {
                dict.prefetch_further(key.1);
            }
        }
    }

    /// Runs one command. Tells whether there is one.
    fn replay_one(
        &mut self,
        replayer: &mut Replayer,
        found: Option<&'static Command>,
        args: Args<'_>,
    ) -> bool {
        let command = match found {
            Some(command) if command.is_called_by(args.len()) => command,
            _ => match gate::resolve(&self.table, args) {
                Ok(command) => command,
                Err(_) => return false,
            },
        };
        let session = &mut *replayer.session;
        if session.transaction.is_some() && !gate::steers_transaction(command.spec) {
            self.queue(session, command, args);
        } else {
            self.run(session, command, args, Origin::Replay);
        }
        session.parked = None;
        self.fx.asks.clear();
        if self.has_consequences() {
            self.settle_consequences();
        }
        true
    }
}

/// What is known of a command before it runs.
#[derive(Clone, Copy, Default)]
struct Ahead {
    command: Option<&'static Command>,
    /// Where its first key stands, and its hash; zeros when there is none.
    key: (usize, u64),
}
