//! The append-only log as the engine knows it: the bytes for it, and the state of its files.

use crate::persist::aof::Feed;

/// Whether there is a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Off,
    On,
    /// It was just switched on: its first base is being written, and what happens meanwhile is kept beside it.
    Beginning,
}

/// The log as the engine knows it. Times are in seconds of Unix time.
#[derive(Debug, Default)]
pub(crate) struct Appending {
    pub(crate) state: State,
    pub(crate) feed: Feed,
    /// Bytes before the cut, for the old file.
    pub(super) before_cut: Option<Vec<u8>>,
    /// All files together, and what they were after the last rewrite.
    pub(crate) size: u64,
    pub(crate) base_size: u64,
    pub(crate) is_rewrite_scheduled: bool,
    pub(crate) last_rewrite_took_s: Option<i64>,
    pub(crate) last_rewrite_failed: bool,
    pub(crate) rewrites: u64,
    pub(crate) failures_in_a_row: u64,
    /// Not before this time a rewrite starts by itself.
    pub(super) next_rewrite_s: i64,
    pub(super) delay_minutes: i64,
    /// Why the last write failed.
    pub(crate) write_error: Option<String>,
    /// Why the last synchronisation failed.
    pub(crate) sync_error: Option<String>,
    /// Bytes that wait to be written.
    pub(crate) unwritten: usize,
    pub(crate) delayed_fsyncs: u64,
    /// The thread is busy with the disk.
    pub(crate) is_syncing: bool,
    /// How many commands were ever put into the log, and what this was at the cut; up to where the disk has them: for
    /// WAITAOF. Commands are counted and not bytes, since checksums come between.
    pub(crate) offset: u64,
    pub(super) cut_offset: u64,
    pub(crate) synced_offset: u64,
    /// The state that the waiters for the disk were last told.
    pub(super) told: (State, u64),
}

impl Appending {
    /// Whether commands are to be written down.
    #[inline]
    pub(crate) fn is_fed(&self) -> bool {
        self.state != State::Off
    }

    /// The size of the bytes that are not in a file yet.
    pub(crate) fn buffer_bytes(&self) -> usize {
        let before_cut = self.before_cut.as_ref().map_or(0, Vec::capacity);
        self.unwritten + self.feed.bytes.capacity() + before_cut
    }

    /// The reason why the disk lacks bytes that it should have.
    pub(crate) fn error(&self) -> Option<&str> {
        let error = self.write_error.as_ref().or(self.sync_error.as_ref());
        error.filter(|_| self.is_fed()).map(String::as_str)
    }

    /// How much the log has grown since its base was written, in percent.
    pub(super) fn growth_percent(&self) -> u64 {
        (u128::from(self.size) * 100 / u128::from(self.base_size.max(1))).saturating_sub(100) as u64
    }

    /// From here on bytes belong to a new file.
    pub(crate) fn cut(&mut self) {
        let bytes = self.feed.cut();
        self.before_cut.get_or_insert_default().extend(bytes);
        self.cut_offset = self.offset;
    }

    /// Whether the disk has all up to this offset. While the first base is written, the commands before it are nowhere.
    pub(crate) fn is_on_disk(&self, offset: u64) -> bool {
        self.state == State::On && self.synced_offset >= offset
    }

    /// Whether `is_on_disk` may say something else than when this was last asked.
    pub(in crate::engine) fn has_news(&mut self) -> bool {
        let present = (self.state, self.synced_offset);
        std::mem::replace(&mut self.told, present) != present
    }
}
