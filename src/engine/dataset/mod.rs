//! The server's knowledge of its files: its last save, the progress of a load, and the facts that came with the data
//! set.

pub(crate) mod appending;
mod facts;
pub(crate) mod load;
pub(crate) mod news;
pub(crate) mod order;
pub(crate) mod outline;
mod propagate;
pub(crate) mod reading;
pub(crate) mod replay;
pub(crate) mod running;
pub(crate) mod snapshot;
pub(crate) mod stream;

/// The state of files, for LASTSAVE, INFO and the rules that depend on them.
#[derive(Debug, Default)]
pub(crate) struct Persistence {
    /// When all of the data set was last on the disk, in seconds of Unix time; at first, when the server started.
    pub(crate) last_save_s: i64,
    pub(crate) last_bgsave_failed: bool,
    /// How often a file was begun.
    pub(crate) saves: u64,
    /// How the last load ended.
    pub(crate) last_load: Tally,
    /// How the load in progress is going.
    pub(crate) loading: Option<Progress>,
}

/// The content of a file, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) loaded: u64,
    /// Keys that were left out because their time had passed.
    pub(crate) expired: u64,
    /// Keys that were left out because there was nothing in them.
    pub(crate) empty: u64,
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) started_s: i64,
    pub(crate) bytes_total: u64,
    pub(crate) bytes: u64,
    /// Of these, how many were in files that have been read to their end.
    pub(crate) bytes_before: u64,
    /// The memory that was in use when the file was written, as the file says.
    pub(crate) used_memory: u64,
}
