//! The files of the data set: reading them at the start, the thread that writes a snapshot, the append-only log.

pub(super) mod load;
pub(super) mod log;
pub(super) mod paths;
pub(super) mod pipe;
pub(super) mod save;
pub(super) mod saver;
