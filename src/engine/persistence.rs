//! What the server knows about its files: when it last saved, how a load is going, what came with the data set.

/// The state of files, for LASTSAVE, INFO and the rules that depend on them.
#[derive(Debug, Default)]
pub struct Persistence {
    /// When all of the data set was last on the disk, in seconds of Unix time; at first, when the server started.
    pub last_save_s: i64,
    pub last_bgsave_failed: bool,
    /// How often a file was begun.
    pub saves: u64,
    /// How the last load ended.
    pub last_load: Tally,
    /// How the load in progress is going.
    pub loading: Option<Progress>,
    /// Libraries of functions that came with the data set, as source text. They go back into every file that is
    /// written.
    pub libraries: Vec<Vec<u8>>,
}

/// What a file contained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub loaded: u64,
    /// Keys that were left out because their time had passed.
    pub expired: u64,
    /// Keys that were left out because there was nothing in them.
    pub empty: u64,
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    pub started_s: i64,
    pub bytes_total: u64,
    pub bytes: u64,
    /// Of these, how many were in files that have been read to their end.
    pub bytes_before: u64,
    /// What the file says was in use when it was written.
    pub used_memory: u64,
}
