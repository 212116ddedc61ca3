//! What passes between the engine and the files of its log: bytes go out, news comes back.

use crate::config::Config;
use crate::store::tsc::Rate;

use crate::engine::clock::Now;

use super::appending::State;

/// The bytes that the shell is to bring into the log at the end of a turn. It is asked for even when it is empty: a
/// file may have to be synchronised.
#[derive(Debug)]
pub struct Appended {
    /// The part that belongs to the old file, if there was a cut.
    pub(crate) before_cut: Option<Cut>,
    pub bytes: Vec<u8>,
    /// The offset behind these bytes.
    pub(crate) upto: u64,
}

/// The bytes in front of a cut, and the offset there.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) bytes: Vec<u8>,
    pub(crate) upto: u64,
}

/// The news of the log's files. The engine hears nothing else of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The log can be gone on with.
    Opened,
    /// The log was switched on, and needs a first base.
    Begun,
    /// The log was switched off.
    Closed,
    /// All files together have this size.
    Size(u64),
    /// The size of its base alone, when the log was read.
    BaseSize(u64),
    /// A rewrite has given the log a new base, and this size.
    Rebased {
        size: u64,
    },
    /// The base that a rewrite has written could not take its place.
    NoBase,
    /// There was no new file for the commands behind a cut, so there is no rewrite.
    RewriteFailed,
    /// The disk has all up to this offset.
    Synced {
        upto: u64,
    },
    /// So many bytes are not in the file yet; the thread is busy with the disk.
    Waiting {
        bytes: usize,
        is_syncing: bool,
    },
    /// The disk was busy for longer than is usual.
    Delayed,
    /// So many nanoseconds of the turn went into the log.
    Spent(u64),
    /// For the latency monitor.
    Took {
        what: &'static str,
        spent_ns: u64,
    },
    WriteWorks,
    WriteFailed(String),
    /// The thread has synchronised the file.
    SyncWorks,
    SyncFailed(String),
    /// The loop has synchronised the file.
    IsSound,
    /// The directory could not be synchronised, so names in it may be forgotten.
    NamesUnsure(String),
}

/// The circumstances under which the files are written.
#[derive(Clone, Copy)]
pub(crate) struct LogTerms<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Now,
    pub(crate) state: State,
    /// A snapshot is being written, for a rewrite or for a save.
    pub(crate) is_saving: bool,
    pub(crate) rate: Rate,
    /// `DEBUG AOF-FLUSH-SLEEP`
    pub(crate) sleep_us: u64,
}
