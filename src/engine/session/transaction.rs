//! What MULTI collects, and the keys that WATCH looks after until then.

use crate::spec::flags::Flags;
use crate::wire::args::OwnedArgs;

use crate::engine::run::facts::Facts;

/// A queued command of a transaction.
pub(crate) struct Queued {
    pub(crate) command: &'static Facts,
    pub(crate) args: OwnedArgs,
}

/// The commands that MULTI has collected.
#[derive(Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Queued>,
    /// All flags of the queued commands, or-ed: whether EXEC as a whole writes, may run while loading, and so on.
    pub(crate) flags: Flags,
    /// The flags that every queued command has.
    pub(crate) common_flags: Flags,
    pub(crate) bytes: usize,
    /// The database in which the next queued command will run.
    pub(crate) db: u16,
    /// A command could not be queued: EXEC will refuse.
    pub(crate) is_spoiled: bool,
}

impl Transaction {
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes + self.queue.len() * size_of::<Queued>()
    }
}

/// A key as a watcher saw it.
pub struct Watched {
    pub(crate) db: u16,
    pub(crate) key: Vec<u8>,
    /// It was logically gone already when it was watched, so its removal is no change.
    pub(crate) was_expired: bool,
}
