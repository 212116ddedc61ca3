//! The append-only log on the disk.
//!
//! ```text
//! turn      bytes of the commands that ran -> write -> (always: synchronise) -> replies leave
//! second    synchronise, on a thread of its own (everysec)
//! rewrite   cut -> new increment, snapshot -> new base -> manifest -> the old files go
//! ```
//!
//! ORDER ack: the bytes of a turn are written, and under `appendfsync always` on the disk, before the replies of that turn
//! leave. All commands of a turn share one synchronisation. The other half is in the reactor, which flushes last.
//!
//! The manifest is replaced as a whole, and only names files that are complete. Whatever happens on the way, it leads to
//! the old files or to the new ones.
//!
//! Redis puts writes off while its thread synchronises, since the kernel may let them wait for that. Here a write goes to
//! the kernel in any case, so a server that is killed loses nothing that was acknowledged, under any policy; what
//! `everysec` risks is the last second before the machine itself fails.

mod ahead;
mod files;
mod read;
mod sync;

use super::Server;
use crate::base::slab::Id;
use crate::base::text::explain;
use crate::config::Fsync;
use crate::engine::appending::State;
use crate::engine::snapshot::Ended;
use crate::persist::aof::Manifest;
use crate::persist::aof::feed::Sum;
use crate::persist::disk::DiskFile;

pub(super) use read::LogLoading;
use sync::Syncer;

/// The log's files, as far as they are open.
pub(super) struct Log {
    manifest: Manifest,
    file: Option<Box<dyn DiskFile>>,
    /// What has been written to the file.
    file_len: u64,
    /// Bytes that are not in the file yet.
    unwritten: Vec<u8>,
    /// What `Appending::offset` is behind them.
    unwritten_to: u64,
    /// Checksums are written along.
    sum: Option<Sum>,
    syncer: Option<Syncer>,
    /// Something was written since the last synchronisation began.
    is_dirty: bool,
    last_sync_s: i64,
    /// Writes have met a busy thread since this time.
    busy_since_s: Option<i64>,
    last_complaint_s: i64,
    /// When a checksum was last written.
    last_sum_s: i64,
    /// The base that is being written is RDB.
    next_is_rdb: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            manifest: Manifest::default(),
            file: None,
            file_len: 0,
            unwritten: Vec::new(),
            unwritten_to: 0,
            sum: None,
            syncer: None,
            is_dirty: false,
            last_sync_s: 0,
            busy_since_s: None,
            last_complaint_s: 0,
            last_sum_s: 0,
            next_is_rdb: true,
        }
    }
}

/// A disk that is busy for so long is told of.
const DELAY_S: i64 = 2;
/// An error that lasts is told so often.
const COMPLAINT_S: i64 = 30;
/// So many bytes are vouched for by one checksum, at least.
const SUMMED_BYTES: u64 = 4096;

/// How the bytes of a turn are brought to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// As the policy says.
    Usual,
    /// Even where a rewrite would make it wait.
    Now,
}

impl Server {
    /// Writes what the commands of this turn have left. Called before their replies leave.
    pub(super) fn write_log(&mut self, haste: Haste) {
        if self.engine.services.appending.state == State::Off {
            return;
        }
        let sleep_us = self.engine.services.debug.aof_flush_sleep_us;
        let (before_cut, bytes) = self.engine.take_appended();
        if let Some(before) = before_cut {
            self.log.unwritten.extend_from_slice(&before);
            self.log.unwritten_to = self.engine.services.appending.cut_offset;
            self.write_out(Haste::Now);
            self.leave_to_snapshot();
            self.begin_increment();
        }
        self.log.unwritten_to = self.engine.services.appending.offset;
        if self.leave_to_snapshot() {
            return;
        }
        if self.log.unwritten.is_empty() {
            self.log.unwritten = bytes;
        } else {
            self.log.unwritten.extend_from_slice(&bytes);
        }
        if sleep_us > 0 && !self.log.unwritten.is_empty() {
            std::thread::sleep(std::time::Duration::from_micros(sleep_us));
        }
        self.write_out(haste);
        self.note_log();
    }

    /// While the log was switched on and its first rewrite has not begun there is no file: the snapshot will have all of
    /// this. Tells whether it is so.
    fn leave_to_snapshot(&mut self) -> bool {
        if self.log.file.is_some() {
            return false;
        }
        self.log.unwritten.clear();
        let appending = &mut self.engine.services.appending;
        appending.written_offset = self.log.unwritten_to;
        appending.synced_offset = self.log.unwritten_to;
        true
    }

    fn write_out(&mut self, haste: Haste) {
        let policy = self.engine.services.config.appendfsync;
        if !self.log.unwritten.is_empty() {
            self.note_delay(policy);
            self.write_bytes(policy);
        }
        self.synchronise(policy, haste);
    }

    /// Counts a disk that takes too long, as Redis counts it.
    fn note_delay(&mut self, policy: Fsync) {
        let is_busy = self.log.syncer.as_ref().is_some_and(Syncer::is_busy);
        if policy != Fsync::EverySecond || !is_busy {
            self.log.busy_since_s = None;
            return;
        }
        let now_s = self.engine.now.unix_ms / 1000;
        let since_s = *self.log.busy_since_s.get_or_insert(now_s);
        if now_s - since_s >= DELAY_S {
            self.engine.services.appending.delayed_fsyncs += 1;
            ::log::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis."
            );
            self.log.busy_since_s = None;
        }
    }

    fn write_bytes(&mut self, policy: Fsync) {
        let now_s = self.engine.now.unix_ms / 1000;
        let log = &mut self.log;
        let Some(file) = &mut log.file else {
            return;
        };
        if let Some(sum) = &mut log.sum {
            let mut after = sum.clone();
            after.add(&log.unwritten);
            if after.unsummed >= SUMMED_BYTES || now_s > log.last_sum_s {
                log.last_sum_s = now_s;
                let line = after.line();
                log.unwritten.extend_from_slice(&line);
            }
            *sum = after;
        }
        match file.write_all(&log.unwritten) {
            Ok(()) => {
                log.file_len += log.unwritten.len() as u64;
                log.is_dirty = true;
                let appending = &mut self.engine.services.appending;
                appending.size += log.unwritten.len() as u64;
                appending.written_offset = log.unwritten_to;
                log.unwritten.clear();
                log.unwritten.shrink_to(1 << 20);
                if appending.write_error.take().is_some() {
                    ::log::warn!("AOF write error looks solved. The server can write again.");
                }
            }
            Err(error) => {
                let reason = explain(&error).into_owned();
                if now_s - log.last_complaint_s > COMPLAINT_S {
                    log.last_complaint_s = now_s;
                    ::log::warn!("Error writing to the AOF file: {reason}");
                }
                // A part may be in the file. It goes again, so that what follows is not taken for the end of it.
                if let Err(error) = file.truncate(log.file_len) {
                    ::log::warn!(
                        "Could not remove short write from the append-only file. The server may refuse to load the AOF the next time it starts. ftruncate: {}",
                        explain(&error)
                    );
                }
                if log.sum.is_some() {
                    // The lines that were to be written are not there; the file goes on without checksums.
                    log.sum = None;
                }
                if policy == Fsync::Always {
                    ::log::warn!(
                        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
                    );
                    std::process::exit(1);
                }
                self.engine.services.appending.write_error = Some(reason);
            }
        }
    }

    fn synchronise(&mut self, policy: Fsync, haste: Haste) {
        let now_s = self.engine.now.unix_ms / 1000;
        let is_rewriting = self.engine.services.snapshots.running.is_some();
        let log = &mut self.log;
        if !log.is_dirty
            || is_rewriting
                && self.engine.services.config.no_appendfsync_on_rewrite
                && haste == Haste::Usual
        {
            return;
        }
        let Some(file) = &log.file else { return };
        match policy {
            Fsync::Always => {
                if let Err(error) = file.sync() {
                    ::log::warn!(
                        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
                        explain(&error)
                    );
                    std::process::exit(1);
                }
                log.is_dirty = false;
                log.last_sync_s = now_s;
                let appending = &mut self.engine.services.appending;
                appending.synced_offset = appending.written_offset;
            }
            Fsync::EverySecond if now_s > log.last_sync_s => {
                let offset = self.engine.services.appending.written_offset;
                if let Some(syncer) = &log.syncer
                    && !syncer.is_busy()
                    && let Ok(file) = file.duplicate()
                {
                    syncer.sync(file, offset);
                    log.is_dirty = false;
                    log.last_sync_s = now_s;
                }
            }
            Fsync::EverySecond | Fsync::No => {}
        }
    }

    /// Tells the engine what the disk has said.
    fn note_log(&mut self) {
        let appending = &mut self.engine.services.appending;
        let Some(syncer) = &self.log.syncer else {
            return;
        };
        appending.is_syncing = syncer.is_busy();
        appending.unwritten = self.log.unwritten.len();
        if self.engine.services.config.appendfsync != Fsync::Always {
            appending.synced_offset = appending.synced_offset.max(syncer.synced());
            if let Some(outcome) = syncer.take_news() {
                match &outcome {
                    Err(reason) => ::log::warn!("Fail to fsync the AOF file: {reason}"),
                    Ok(()) if appending.sync_error.is_some() => {
                        ::log::warn!("AOF fsync error looks solved. The server can write again.");
                    }
                    Ok(()) => {}
                }
                appending.sync_error = outcome.err();
            }
        }
    }

    /// CONFIG SET appendonly.
    pub(super) fn switch_log(&mut self) -> Result<(), String> {
        let wants = self.engine.services.config.appendonly;
        let state = self.engine.services.appending.state;
        if self.is_loading() {
            // What the configuration says when the data set is there is what counts.
            return Ok(());
        }
        if wants && state == State::Off {
            return self.switch_log_on();
        }
        if !wants && state != State::Off {
            self.close_log();
        }
        Ok(())
    }

    /// Writes and synchronises what is left, and ends the log.
    fn close_log(&mut self) {
        if self
            .engine
            .services
            .snapshots
            .is_saving(crate::engine::snapshot::Purpose::AofRewrite)
        {
            ::log::warn!("Killing AOF child");
            self.give_up_snapshot();
        }
        self.write_log(Haste::Now);
        if let Some(file) = self.log.file.take() {
            if let Err(error) = file.sync() {
                ::log::warn!("Fail to fsync the AOF file: {}", explain(&error));
            } else {
                self.log.last_sync_s = self.engine.now.unix_ms / 1000;
            }
        }
        self.log.unwritten.clear();
        self.remove_temporary_increment();
        self.engine.set_appending(State::Off);
    }

    /// DEBUG LOADAOF
    pub(super) fn reload_log_for(&mut self, waiting: Option<Id>) {
        if !self.reload_log() {
            std::process::exit(1);
        }
        self.answer_waiting(waiting, Ok(()));
    }

    /// Whether the data set is not all there yet.
    pub(super) fn is_loading(&self) -> bool {
        self.loading.is_some() || self.log_loading.is_some()
    }

    /// At the end of the server: all is on the disk.
    pub(super) fn finish_log(&mut self) {
        if self.engine.services.appending.state == State::Off {
            return;
        }
        self.write_log(Haste::Now);
        ::log::info!("Calling fsync() on the AOF file.");
        if let Some(file) = &self.log.file
            && let Err(error) = file.sync()
        {
            ::log::warn!("Fail to fsync the AOF file: {}.", explain(&error));
        }
    }

    /// The snapshot for a rewrite has ended.
    pub(super) fn rewrite_ended(&mut self, ended: Ended, started_s: i64) {
        self.engine.rewrite_ended(ended, started_s);
        if ended == Ended::Well {
            ::log::info!("Background AOF rewrite terminated with success");
            match self.adopt_base() {
                Ok(()) => {
                    ::log::info!("Background AOF rewrite finished successfully");
                    let appending = &mut self.engine.services.appending;
                    if appending.state == State::Beginning {
                        appending.state = State::On;
                    }
                }
                Err(reason) => {
                    ::log::warn!("{reason}");
                    self.engine.services.appending.last_rewrite_failed = true;
                }
            }
        }
        let _ = self.disk.remove(&super::snapshot::rewritten_aof());
    }
}
