//! What a command caused besides its reply and its changes: how it propagates, what the shell shall do.
//!
//! Most commands say nothing here: one that changed something is propagated as it was received, one that changed
//! nothing is not propagated. A command that depends on chance or on the clock says what to propagate instead.
//! With no append-only file and no replica nobody listens, and saying so costs a comparison.

use crate::base::slab::Id;
use crate::config::Changes;
use crate::keyspace::journal::{Journal, Removal};
use crate::wire::args::OwnedArgs;

use super::snapshot::Order;

/// A command on its way to the append-only file and the replicas.
pub struct Propagated {
    pub db: u16,
    pub args: OwnedArgs,
}

impl From<Removal<'_>> for Propagated {
    fn from(removal: Removal<'_>) -> Self {
        let Removal {
            db,
            key,
            field,
            lazily,
        } = removal;
        let args = match field {
            Some(field) => OwnedArgs::from_slices(&[b"HDEL", key, field]),
            None if lazily => OwnedArgs::from_slices(&[b"UNLINK", key]),
            None => OwnedArgs::from_slices(&[b"DEL", key]),
        };
        Self { db, args }
    }
}

/// How the present command is propagated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Manner {
    /// As received, if it changed anything.
    #[default]
    Verbatim,
    /// By the commands the handler named instead.
    Instead,
    /// Not at all.
    Silent,
}

/// What the shell, which owns sockets, files and threads, is asked to do after the command.
pub enum Ask {
    /// Leave the loop, after saving if that is wanted. Whoever waits is told only if that failed.
    Shutdown { waiting: Option<Id>, how: Shutdown },
    /// A shutdown that was scheduled has been called off.
    Stay,
    /// Write the data set to its file, at once.
    Save { waiting: Option<Id> },
    /// Read the file in place of the data set.
    Reload { waiting: Option<Id>, how: Reload },
    /// CONFIG SET has changed parameters: the shell makes sockets, descriptors and files agree with them.
    Configured(Configured),
    /// Read the append-only log in place of the data set.
    LoadLog { waiting: Option<Id> },
    /// FLUSHALL has emptied everything: a save that is under way is void.
    FlushedAll,
    /// Tell a session when all that has been thrown away so far is freed.
    TellWhenFreed { waiting: Id },
    /// Start a thread that writes the snapshot that has begun.
    Snapshot(Box<Order>),
    /// Give memory back to the system (MEMORY PURGE).
    PurgeMemory,
    /// Block the loop (DEBUG SLEEP), in microseconds.
    Sleep(u64),
}

/// Parameters that CONFIG SET has changed. The configuration has the new values already; if the shell cannot follow
/// (the port is taken, say), it takes all of them back.
pub struct Configured {
    /// Who is told how it went, by [`super::Engine::configured`], and runs nothing else until then. `None` in a
    /// transaction or a script, which cannot stop half-way: they have been told OK, and a failure is only logged.
    pub waiting: Option<Id>,
    pub changes: Changes,
}

/// DEBUG RELOAD's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Write the file first.
    pub saves: bool,
    /// Forget the data set first.
    pub flushes: bool,
    /// What is there and in the file is taken from the file.
    pub merges: bool,
}

/// SHUTDOWN's options.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Shutdown {
    pub save: Option<bool>,
    pub now: bool,
    pub force: bool,
}

#[derive(Default)]
pub struct Effects {
    /// Whether anybody wants the stream of commands. Set by the engine.
    pub listening: bool,
    manner: Manner,
    /// Of the present command.
    instead: Vec<Propagated>,
    /// Of the outermost command and all it ran.
    pub stream: Vec<Propagated>,
    /// How many facts of the journal have been looked at for keys that went by themselves.
    pub facts_seen: usize,
    pub asks: Vec<Ask>,
    /// Which arguments of the present command are secrets, not for the slow log nor for MONITOR.
    pub redacted: Vec<usize>,
}

impl Effects {
    /// Propagates `words` instead of the command as received. May be called several times.
    pub fn propagate_as(&mut self, db: u16, words: &[&[u8]]) {
        self.manner = Manner::Instead;
        if self.listening {
            self.instead.push(Propagated {
                db,
                args: OwnedArgs::from_slices(words),
            });
        }
    }

    /// The command's changes stay here.
    pub fn do_not_propagate(&mut self) {
        self.manner = Manner::Silent;
    }

    /// Keys and fields that went by themselves go before the command that came across them.
    pub fn note_removals(&mut self, journal: &Journal) {
        let (removals, count) = journal.removals_since(self.facts_seen.min(journal.len()));
        for removal in removals {
            self.stream.push(removal.into());
        }
        self.facts_seen = count;
    }

    /// Hides an argument from the slow log and from MONITOR.
    pub fn redact(&mut self, argument: usize) {
        self.redacted.push(argument);
    }

    pub fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    /// EXEC: what has been propagated is one transaction, and EXEC itself adds nothing.
    pub fn wrap_in_transaction(&mut self) {
        self.manner = Manner::Silent;
    }

    /// Adds what the present command propagates to the stream, and makes ready for the next.
    #[inline]
    pub fn finish_command(&mut self, db: u16, changed: bool, args: crate::wire::args::Args<'_>) {
        if self.listening {
            match self.manner {
                Manner::Verbatim if changed => self.stream.push(Propagated {
                    db,
                    args: args.into(),
                }),
                Manner::Instead => self.stream.append(&mut self.instead),
                Manner::Verbatim | Manner::Silent => {}
            }
        }
        self.manner = Manner::Verbatim;
    }
}
