//! The append-only log on the disk.
//!
//! ```text
//! turn      bytes of the commands that ran -> write -> (always: synchronise) -> replies leave
//! second    synchronise, on a thread of its own (everysec)
//! rewrite   cut -> old increment synchronised -> new increment -> manifest
//!           snapshot -> new base -> manifest -> the old files go
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
mod leftovers;
mod read;
mod sync;

use std::io;

use super::{Server, process};
use crate::base::slab::Id;
use crate::base::text::explain;
use crate::config::Fsync;
use crate::engine::appending::State;
use crate::engine::snapshot::Ended;
use crate::persist::aof::Manifest;
use crate::persist::aof::feed::Sum;
use crate::persist::disk::DiskFile;
use crate::store::tsc;

pub(super) use read::LogLoading;
use sync::Syncer;

/// The log's files, as far as they are open.
pub(super) struct Log {
    manifest: Manifest,
    file: Option<Box<dyn DiskFile>>,
    /// What has been written to the file.
    file_len: u64,
    /// Bytes that are not in the file yet; the checksum knows them already.
    unwritten: Vec<u8>,
    /// What `Appending::offset` is behind them.
    unwritten_to: u64,
    /// Checksums are written along.
    sum: Option<Sum>,
    syncer: Option<Syncer>,
    /// Something was written since the last synchronisation began.
    is_dirty: bool,
    /// The manifest has its name, but the directory could not be synchronised. Until it is, nothing counts as kept.
    has_unsure_names: bool,
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
            has_unsure_names: false,
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

/// What Redis says when a part could be written, whatever stopped it.
const NO_ROOM: &str = "No space left on device";

impl Log {
    /// Takes bytes that are to be written, if there is a file for them. There is none when the log was just switched on:
    /// then the snapshot will have all of them.
    fn add(&mut self, bytes: Vec<u8>) {
        if self.file.is_none() {
            return;
        }
        if let Some(sum) = &mut self.sum {
            sum.add(&bytes);
        }
        if self.unwritten.is_empty() {
            self.unwritten = bytes;
        } else {
            self.unwritten.extend_from_slice(&bytes);
        }
    }
}

/// Writes until all is written or something fails: how much was written, and what failed.
fn write_as_much(file: &mut dyn DiskFile, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut count = 0;
    while count < bytes.len() {
        match file.write(&bytes[count..]) {
            Ok(0) => return (count, Some(io::ErrorKind::WriteZero.into())),
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (count, Some(error)),
        }
    }
    (count, None)
}

/// Under `always` a reply is a promise that could not be kept.
fn cannot_keep(error: &io::Error) -> ! {
    ::log::warn!(
        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
        explain(error)
    );
    process::leave(1)
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
            self.log.add(before);
            self.log.unwritten_to = self.engine.services.appending.cut_offset;
            self.write_out(Haste::Now);
            self.leave_to_snapshot();
            self.begin_increment();
        }
        self.log.add(bytes);
        self.log.unwritten_to = self.engine.services.appending.offset;
        if self.leave_to_snapshot() {
            self.note_log();
            return;
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
        if let Some(sum) = &mut log.sum
            && (sum.unsummed >= SUMMED_BYTES || sum.unsummed > 0 && now_s > log.last_sum_s)
        {
            log.last_sum_s = now_s;
            let line = sum.line();
            log.unwritten.extend_from_slice(&line);
        }
        let started = tsc::ticks();
        let (count, error) = write_as_much(&mut **file, &log.unwritten);
        let services = &mut self.engine.services;
        let is_syncing = log.syncer.as_ref().is_some_and(Syncer::is_busy);
        let circumstance = if policy == Fsync::EverySecond && is_syncing {
            "aof-write-pending-fsync"
        } else if services.snapshots.running.is_some() {
            "aof-write-active-child"
        } else {
            "aof-write-alone"
        };
        let spent_ns = services.rate.nanos(tsc::ticks().wrapping_sub(started));
        let now_ms = self.engine.now.unix_ms;
        services.note_latency(circumstance, spent_ns, now_ms);
        services.note_latency("aof-write", spent_ns, now_ms);
        let Some(error) = error else {
            self.wrote(count);
            if self.engine.services.appending.write_error.take().is_some() {
                ::log::warn!("AOF write error looks solved. The server can write again.");
            }
            return;
        };
        let reason = if count == 0 {
            explain(&error).into_owned()
        } else {
            NO_ROOM.to_string()
        };
        let is_told = now_s - log.last_complaint_s > COMPLAINT_S;
        if is_told {
            log.last_complaint_s = now_s;
        }
        if is_told && count == 0 {
            ::log::warn!("Error writing to the AOF file: {reason}");
        } else if is_told {
            ::log::warn!(
                "Short write while writing to the AOF file: (nwritten={count}, expected={})",
                log.unwritten.len()
            );
        }
        // A part that is in the file goes again, so that what follows is not taken for the end of it.
        if count > 0
            && let Err(error) = file.truncate(log.file_len)
        {
            if is_told {
                ::log::warn!(
                    "Could not remove short write from the append-only file. The server may refuse to load the AOF the next time it starts. ftruncate: {}",
                    explain(&error)
                );
            }
            self.wrote(count);
        }
        if policy == Fsync::Always {
            ::log::warn!(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
            );
            process::leave(1);
        }
        self.engine.services.appending.write_error = Some(reason);
    }

    /// So many of the bytes that wait are in the file.
    fn wrote(&mut self, count: usize) {
        let log = &mut self.log;
        log.file_len += count as u64;
        log.is_dirty = true;
        log.unwritten.drain(..count);
        log.unwritten.shrink_to(1 << 20);
        let appending = &mut self.engine.services.appending;
        appending.size += count as u64;
        if log.unwritten.is_empty() {
            appending.written_offset = log.unwritten_to;
        }
    }

    fn synchronise(&mut self, policy: Fsync, haste: Haste) {
        let now_s = self.engine.now.unix_ms / 1000;
        let is_rewriting = self.engine.services.snapshots.running.is_some();
        let log = &mut self.log;
        let appending = &self.engine.services.appending;
        let is_behind =
            policy == Fsync::Always && appending.synced_offset < appending.written_offset;
        if !(log.is_dirty || log.has_unsure_names || is_behind)
            || is_rewriting
                && self.engine.services.config.no_appendfsync_on_rewrite
                && haste == Haste::Usual
        {
            return;
        }
        let Some(file) = &log.file else { return };
        let is_due = policy == Fsync::Always || now_s > log.last_sync_s;
        if log.has_unsure_names && policy != Fsync::No && is_due {
            match self
                .disk
                .sync_directory(&files::directory(&self.engine.services.config))
            {
                Ok(()) => {
                    log.has_unsure_names = false;
                    log.is_dirty = true;
                }
                Err(error) if policy == Fsync::Always => cannot_keep(&error),
                Err(error) => {
                    log.last_sync_s = now_s;
                    self.engine.services.appending.sync_error = Some(explain(&error).into_owned());
                    return;
                }
            }
        }
        match policy {
            Fsync::Always => {
                let started = tsc::ticks();
                if let Err(error) = file.sync() {
                    cannot_keep(&error);
                }
                let services = &mut self.engine.services;
                let spent_ns = services.rate.nanos(tsc::ticks().wrapping_sub(started));
                let now_ms = self.engine.now.unix_ms;
                services.note_latency("aof-fsync-always", spent_ns, now_ms);
                log.is_dirty = false;
                log.last_sync_s = now_s;
                let appending = &mut self.engine.services.appending;
                appending.synced_offset = appending.written_offset;
                appending.sync_error = None;
            }
            // What could not be synchronised is tried again under any policy: until then nobody may write.
            Fsync::EverySecond | Fsync::No
                if is_due && (policy == Fsync::EverySecond || appending.sync_error.is_some()) =>
            {
                let offset = appending.written_offset;
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
        appending.unwritten = self.log.unwritten.len();
        let Some(syncer) = &self.log.syncer else {
            appending.is_syncing = false;
            return;
        };
        appending.is_syncing = syncer.is_busy();
        appending.synced_offset = appending.synced_offset.max(syncer.synced());
        let Some(outcome) = syncer.take_news() else {
            return;
        };
        match &outcome {
            Err(reason) => {
                if appending.sync_error.as_ref() != Some(reason) {
                    ::log::warn!("Fail to fsync the AOF file: {reason}");
                }
                self.log.is_dirty = true;
            }
            Ok(()) if appending.sync_error.is_some() => {
                ::log::warn!("AOF fsync error looks solved. The server can write again.");
                // A kernel may have dropped what it could not write, and be content now. A rewrite writes all of it once
                // more.
                appending.is_rewrite_scheduled = true;
            }
            Ok(()) => {}
        }
        appending.sync_error = outcome.err();
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
        // What its thread still has to say concerns nobody any more.
        self.log.syncer = None;
        self.note_log();
        self.remove_temporary_increment();
        self.engine.set_appending(State::Off);
    }

    /// DEBUG LOADAOF
    pub(super) fn reload_log_for(&mut self, waiting: Option<Id>) {
        if !self.reload_log() {
            process::leave(1);
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
