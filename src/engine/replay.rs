//! Runs commands from the append-only log, as they ran when they were written down.
//!
//! Nobody reads the replies, nothing is refused, nothing is counted, and keys whose time has passed are there: the log
//! says when they went. A transaction is collected and run at its EXEC, so that one which is cut off leaves nothing.

use crate::base::slab::Id;
use crate::wire::args::Args;

use super::Engine;
use super::ctx::Origin;
use super::gate;
use super::session::{Session, flag};

/// The session that replayed commands run in.
pub struct Replayer {
    session: Box<Session>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    Done,
    /// There is no such command, or it cannot be called so.
    Unknown,
}

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

    /// Runs one command of the log.
    pub fn replay(&mut self, replayer: &mut Replayer, args: Args<'_>) -> Replayed {
        let Ok(command) = gate::resolve(&self.table, args) else {
            return Replayed::Unknown;
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
        Replayed::Done
    }
}
