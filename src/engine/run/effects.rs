//! Side effects of a command: what to propagate, and what to ask of the shell.
//!
//! How a command propagates is a fact of its row ([`Propagates`]), so most handlers say nothing here. A handler whose
//! command depends on chance or on the clock names what to propagate instead. Everything that propagates has an
//! [`Audience`]: messages go to replicas and not into the append-only file. With no append-only file and no replica
//! nobody listens, and saying so costs a comparison.

use std::collections::VecDeque;

use crate::base::slab::Id;
use crate::config::Changes;
use crate::engine::config_file::Rewrite;
use crate::keyspace::journal::{Journal, Removal};
use crate::spec::Propagates;
use crate::wire::args::{Args, OwnedArgs};

use crate::engine::dataset::order::Order;
use crate::engine::migration;
use crate::engine::replication::LinkAsk;
use crate::types::vector::Search;

/// What a spare may keep of memory: that of an ordinary request.
pub(in crate::engine) const SPARE_BYTES_MAX: usize = 4096;

/// The readers that a propagated command is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Audience {
    /// The append-only file and the replicas.
    Both,
    /// The append-only file alone.
    Log,
    Replicas,
}

impl Audience {
    /// The readers of a command that goes to them as it was received. `None`: it does not.
    #[inline]
    pub(super) fn of(how: Propagates, ended: Ended) -> Option<Self> {
        match (how, ended) {
            (Propagates::AsReceived | Propagates::OrInstead, Ended::Changed)
            | (Propagates::Always, Ended::Unchanged | Ended::Changed) => Some(Self::Both),
            (Propagates::ToReplicas, Ended::Unchanged | Ended::Changed) => Some(Self::Replicas),
            (Propagates::Never | Propagates::Instead | Propagates::Parts, _)
            | (_, Ended::Refused)
            | (Propagates::AsReceived | Propagates::OrInstead, Ended::Unchanged) => None,
        }
    }

    /// Whether the append-only file gets it.
    pub(crate) const fn has_log(self) -> bool {
        match self {
            Self::Both | Self::Log => true,
            Self::Replicas => false,
        }
    }

    /// Whether the replicas get it.
    pub(crate) const fn has_replicas(self) -> bool {
        match self {
            Self::Both | Self::Replicas => true,
            Self::Log => false,
        }
    }
}

/// A command on its way to its audience.
pub(crate) struct Propagated {
    pub(crate) audience: Audience,
    pub(crate) db: u16,
    pub(crate) args: OwnedArgs,
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
        Self {
            audience: Audience::Both,
            db,
            args,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// Refused, with nothing changed.
    Refused,
    Unchanged,
    Changed,
}

impl Ended {
    #[inline]
    pub(super) const fn new(changed: bool, failed: bool) -> Self {
        match (changed, failed) {
            (true, _) => Self::Changed,
            (false, true) => Self::Refused,
            (false, false) => Self::Unchanged,
        }
    }
}

/// The requests to the shell, which owns sockets, files and threads, after the command.
pub enum Ask {
    /// The server is about to end; see [`crate::engine::Engine::poll_shutdown`].
    Leave,
    /// A shutdown that was asked for has been called off.
    Stay,
    /// Write the data set to its file, at once.
    Save { waiting: Option<Id> },
    /// Read the file in place of the data set.
    Reload { waiting: Option<Id>, how: Reload },
    /// CONFIG SET has changed parameters: the shell makes sockets, descriptors and files agree with them.
    Configured(Configured),
    /// Bring the configuration file up to date, and tell the client when that is done.
    RewriteConfig { waiting: Id, rewrite: Rewrite },
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
    /// Send keys to another server; [`crate::engine::Engine::handle_migrated`] hears what came of it.
    Migrate(Box<migration::Order>),
    /// Search through vectors on a thread; [`crate::engine::Engine::handle_found`] hears what was found.
    Search { waiting: Id, search: Box<Search> },
    /// Something for the link to our primary, or to a replica.
    Link(LinkAsk),
    /// Nobody waits any more for the snapshot that is being sent to replicas.
    ForsakeSync,
    /// We have become a primary or a replica.
    RoleChanged,
}

/// Parameters that CONFIG SET has changed. The configuration has the new values already; if the shell cannot follow
/// (the port is taken, say), it takes all of them back.
pub struct Configured {
    /// The session that is told how it went, by [`super::Engine::configured`], and runs nothing else until then. `None`
    /// in a transaction or a script, which cannot stop half-way: they have been told OK, and a failure is only logged.
    pub waiting: Option<Id>,
    pub(crate) changes: Changes,
}

/// DEBUG RELOAD's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Write the file first.
    pub(crate) saves: bool,
    /// Forget the data set first.
    pub(crate) flushes: bool,
    /// Keys that are there and in the file are taken from the file.
    pub(crate) merges: bool,
}

/// SHUTDOWN's options.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Shutdown {
    pub(crate) save: Option<bool>,
    pub(crate) now: bool,
    pub(crate) force: bool,
}

#[derive(Default)]
pub(crate) struct Effects {
    /// Whether anybody wants the stream of commands. Set by the engine.
    pub(crate) listening: bool,
    /// Commands that the present one propagates instead of itself.
    instead: Vec<Propagated>,
    /// Of the outermost command and all it ran.
    pub(crate) stream: Vec<Propagated>,
    /// The memory of a command that has left the stream, for the next one.
    spare: OwnedArgs,
    /// How many facts of the journal have been looked at for keys that went by themselves.
    pub(crate) facts_seen: usize,
    pub(crate) asks: VecDeque<Ask>,
    /// Which arguments of the present command are secrets, not for the slow log nor for MONITOR.
    pub(crate) redacted: Vec<usize>,
    /// A string would have become too long. The replay of a log must know, for it reports that.
    pub(crate) outgrown: bool,
}

impl Effects {
    /// Whether nothing waits to be put into the stream, or to be sent to its readers.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.instead.is_empty() && self.stream.is_empty()
    }

    /// Propagates `words` instead of the command as received. May be called several times.
    pub(crate) fn propagate_as(&mut self, db: u16, words: &[&[u8]]) {
        self.propagate_to(Audience::Both, db, words);
    }

    /// The same for a part of the audience.
    pub(crate) fn propagate_to(&mut self, audience: Audience, db: u16, words: &[&[u8]]) {
        if self.listening {
            let args = OwnedArgs::from_slices(words);
            self.instead.push(Propagated { audience, db, args });
        }
    }

    /// Propagates that the key is gone, instead of the command as received.
    pub(crate) fn propagate_removal(&mut self, db: u16, key: &[u8], lazily: bool) {
        if self.listening {
            let field = None;
            let removal = Removal {
                db,
                key,
                field,
                lazily,
            };
            self.instead.push(removal.into());
        }
    }

    /// Keys and fields that went by themselves go before the command that came across them.
    pub(crate) fn note_removals(&mut self, journal: &Journal) {
        let (removals, count) = journal.removals_since(self.facts_seen.min(journal.len()));
        for removal in removals {
            self.stream.push(removal.into());
        }
        self.facts_seen = count;
    }

    /// What was added to the stream from `at` on is for fewer readers.
    pub(crate) fn narrow(&mut self, at: usize, audience: Audience) {
        for propagated in self.stream.iter_mut().skip(at) {
            propagated.audience = audience;
        }
    }

    /// Hides an argument from the slow log and from MONITOR.
    pub(crate) fn redact(&mut self, argument: usize) {
        self.redacted.push(argument);
    }

    pub(crate) fn ask(&mut self, ask: Ask) {
        self.asks.push_back(ask);
    }

    /// Adds the present command's propagation to the stream, and makes ready for the next.
    #[inline]
    pub(crate) fn finish_command(
        &mut self,
        how: Propagates,
        db: u16,
        ended: Ended,
        args: Args<'_>,
    ) {
        debug_assert!(
            how != Propagates::Never || ended != Ended::Changed,
            "a command that changes the data set says in its row how it propagates"
        );
        if self.listening {
            self.propagate(how, db, ended, args);
        }
    }

    fn propagate(&mut self, how: Propagates, db: u16, ended: Ended, args: Args<'_>) {
        if !self.instead.is_empty() {
            debug_assert!(how.may_name_others(), "the row says that nothing is named");
            self.stream.append(&mut self.instead);
            return;
        }
        let Some(audience) = Audience::of(how, ended) else {
            return;
        };
        let mut owned = std::mem::take(&mut self.spare);
        owned.extend(args);
        self.stream.push(Propagated {
            audience,
            db,
            args: owned,
        });
    }

    /// The stream was sent to its readers: its memory comes back.
    pub(in crate::engine) fn give_back(&mut self, mut stream: Vec<Propagated>) {
        if let Some(Propagated { mut args, .. }) = stream.pop()
            && args.memory() <= SPARE_BYTES_MAX
        {
            args.clear();
            self.spare = args;
        }
        stream.clear();
        self.stream = stream;
    }
}

/// The arguments as the slow log and MONITOR show them: secrets are replaced.
pub(in crate::engine) fn shown<'a>(args: Args<'a>, redacted: &[usize]) -> Vec<&'a [u8]> {
    let show = |(at, arg)| {
        if redacted.contains(&at) {
            b"(redacted)".as_slice()
        } else {
            arg
        }
    };
    args.iter().enumerate().map(show).collect()
}
