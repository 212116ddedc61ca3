//! The snapshot that is being taken, and those to come. There is one at a time.

use std::sync::Arc;

use crate::background::Progress;
use crate::repl::replica::Wishes;

use super::order::Purpose;

/// The snapshot that is being written.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) purpose: Purpose,
    pub(crate) started_s: i64,
    /// The value of `dirty` when it began.
    pub(super) dirty_before: u64,
    pub(crate) keys_total: usize,
    pub(crate) progress: Arc<Progress>,
    /// Chunks given to the thread.
    pub(super) sent: u64,
    /// The thread has been told that no more will come.
    pub(super) is_all_sent: bool,
}

/// The snapshot that is being taken, and those to come.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    pub(crate) running: Option<Running>,
    /// When a save in the background was last begun, in seconds of Unix time.
    pub(super) last_try_s: i64,
    /// How long the last one took.
    pub(crate) last_took_s: Option<i64>,
    /// Bytes that changes made the last one copy, by its purpose.
    pub(crate) copied_last: [usize; 3],
    /// BGSAVE SCHEDULE waits for its turn.
    pub(crate) is_scheduled: bool,
    /// What the replicas want that the next snapshot is for.
    pub(crate) wishes: Option<Wishes>,
}

/// So many chunks may be on their way to the thread: a quarter of a megabyte. That is about a millisecond of work for
/// it, so it need not wait for the loop.
const CHUNKS_ON_THE_WAY: u64 = 8;

impl Snapshots {
    pub(crate) fn is_saving(&self, purpose: Purpose) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.purpose == purpose)
    }
}

impl Running {
    /// Whether the thread can take another chunk. If not, it will wake the loop when it can.
    pub(super) fn has_room(&self) -> bool {
        if self.sent - self.progress.chunks() < CHUNKS_ON_THE_WAY {
            return true;
        }
        self.progress.want_room();
        // It may have made room before it could see the wish.
        self.sent - self.progress.chunks() < CHUNKS_ON_THE_WAY
    }
}
