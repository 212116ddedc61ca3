//! The append-only log on the disk.
//!
//! ```text
//! turn      bytes of the commands that ran -> write -> (always: synchronise) -> replies leave
//! second    synchronise, on a thread of its own (everysec)
//! rewrite   cut -> old increment synchronised -> new increment -> manifest
//!           snapshot -> new base -> manifest -> the old files go
//! ```
//!
//! ORDER ack: the bytes of a turn are written, and under `appendfsync always` on the disk, before the replies of that
//! turn leave. All commands of a turn share one synchronisation. The other half is in the reactor, which flushes last.
//!
//! The manifest is replaced as a whole, and only names files that are complete. It leads to the old files or to the new
//! ones, whatever happens on the way.
//!
//! Redis puts writes off while its thread synchronises, since the kernel may let them wait for that. Here a write goes
//! to the kernel in any case, so a server that is killed loses nothing that was acknowledged, under any policy;
//! `everysec` risks the last second before the machine itself fails.

pub(in crate::server) mod files;
mod leftovers;
mod sync;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::background::Crew;
use crate::base::text::explain;
use crate::config::Fsync;
use crate::engine::dataset::appending::State;
use crate::engine::dataset::news::{Appended, LogTerms as Terms, News};
use crate::engine::dataset::order::{Ended, Purpose};
use crate::persist::aof::Manifest;
use crate::persist::aof::feed::Sum;
use crate::persist::disk::{Disk, DiskFile};
use crate::persist::rdb::file;
use crate::reactor::Waker;
use crate::server::Server;
use crate::server::files::paths::rewritten_aof;
use crate::server::process::Exit;
use crate::store::tsc;

use sync::Syncer;

/// The files of the log. It eats bytes and says what became of them ([`LogFile::poll_news`]); it knows neither commands
/// nor clients.
pub(in crate::server) struct LogFile {
    exit: Exit,
    disk: Arc<dyn Disk>,
    crew: Crew,
    waker: Waker,
    manifest: Manifest,
    /// None while there is no log, and while it was switched on and its first rewrite has not begun.
    file: Option<Box<dyn DiskFile>>,
    /// The bytes that have been written to the file.
    file_len: u64,
    /// All files together.
    size: u64,
    /// Bytes that are not in the file yet; the checksum knows them already.
    unwritten: Vec<u8>,
    /// The offset behind the unwritten bytes, behind those in the file, and behind those on the disk.
    unwritten_to: u64,
    written_to: u64,
    synced_to: u64,
    /// Checksums are written along.
    sum: Option<Sum>,
    syncer: Option<Syncer>,
    /// Something was written since the last synchronisation began.
    is_dirty: bool,
    /// The last synchronisation failed.
    has_failed_sync: bool,
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
    news: Vec<News>,
}

/// The file for the commands behind a cut could not be begun. The commands behind the cut go on in the old file.
#[derive(Debug)]
pub(in crate::server) struct NoIncrement;

/// A disk that is busy for so long is told of.
const DELAY_S: i64 = 2;
/// An error that lasts is told so often.
const COMPLAINT_S: i64 = 30;
/// So many bytes are vouched for by one checksum, at least.
const SUMMED_BYTES: u64 = 4096;

/// How the bytes of a turn are brought to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Haste {
    /// As the policy says.
    Usual,
    /// Even where a rewrite would make it wait.
    Now,
}

/// The text of Redis when a part could be written, whatever stopped it.
const NO_ROOM: &str = "No space left on device";

impl LogFile {
    pub(crate) fn new(disk: Arc<dyn Disk>, crew: Crew, waker: Waker, exit: Exit) -> Self {
        Self {
            exit,
            disk,
            crew,
            waker,
            manifest: Manifest::default(),
            file: None,
            file_len: 0,
            size: 0,
            unwritten: Vec::new(),
            unwritten_to: 0,
            written_to: 0,
            synced_to: 0,
            sum: None,
            syncer: None,
            is_dirty: false,
            has_failed_sync: false,
            has_unsure_names: false,
            last_sync_s: 0,
            busy_since_s: None,
            last_complaint_s: 0,
            last_sum_s: 0,
            next_is_rdb: true,
            news: Vec::new(),
        }
    }

    /// Writes the bytes that the commands of a turn have left, and synchronises as the policy says.
    pub(crate) fn write(
        &mut self,
        appended: Appended,
        terms: &Terms<'_>,
        haste: Haste,
    ) -> Result<(), NoIncrement> {
        let started = tsc::ticks();
        let mut outcome = Ok(());
        if let Some(before) = appended.before_cut {
            self.add(before.bytes, before.upto);
            self.write_out(terms, Haste::Now);
            self.leave_to_snapshot();
            outcome = self.begin_increment(terms);
        }
        self.add(appended.bytes, appended.upto);
        if !self.leave_to_snapshot() {
            if terms.sleep_us > 0 && !self.unwritten.is_empty() {
                std::thread::sleep(std::time::Duration::from_micros(terms.sleep_us));
            }
            self.write_out(terms, haste);
        }
        self.take_stock();
        let spent_ns = terms.rate.nanos(tsc::ticks().wrapping_sub(started));
        self.news.push(News::Spent(spent_ns));
        outcome
    }

    /// The log consists of these files.
    pub(crate) fn go_on_from(&mut self, manifest: Manifest) {
        self.manifest = manifest;
    }

    /// The next things that the engine has to know. Asked for after every call.
    pub(crate) fn poll_news(&mut self) -> impl Iterator<Item = News> + '_ {
        self.news.drain(..)
    }

    /// Takes bytes that are to be written, if there is a file for them. There is none when the log was just switched
    /// on: then the snapshot will have all of them.
    fn add(&mut self, bytes: Vec<u8>, upto: u64) {
        self.unwritten_to = upto;
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

    /// While the log was switched on and its first rewrite has not begun there is no file: the snapshot will have all
    /// of this. Returns whether it is so.
    fn leave_to_snapshot(&mut self) -> bool {
        if self.file.is_some() {
            return false;
        }
        self.is_written(0);
        self.is_synced(self.unwritten_to);
        true
    }

    /// All commands up to `unwritten_to` are in the file, which has grown by so many bytes.
    fn is_written(&mut self, bytes: u64) {
        self.written_to = self.unwritten_to;
        self.size += bytes;
        self.news.push(News::Size(self.size));
    }

    fn is_synced(&mut self, upto: u64) {
        if upto > self.synced_to {
            self.synced_to = upto;
            self.news.push(News::Synced { upto });
        }
    }

    fn write_out(&mut self, terms: &Terms<'_>, haste: Haste) {
        if !self.unwritten.is_empty() {
            self.note_delay(terms);
            self.write_bytes(terms);
        }
        self.synchronise(terms, haste);
    }

    /// Counts a disk that takes too long, as Redis counts it.
    fn note_delay(&mut self, terms: &Terms<'_>) {
        if terms.config.appendfsync != Fsync::EverySecond || !self.is_syncing() {
            self.busy_since_s = None;
            return;
        }
        let now_s = terms.now.unix_ms / 1000;
        let since_s = *self.busy_since_s.get_or_insert(now_s);
        if now_s - since_s >= DELAY_S {
            self.news.push(News::Delayed);
            ::log::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis."
            );
            self.busy_since_s = None;
        }
    }

    fn is_syncing(&self) -> bool {
        self.syncer.as_ref().is_some_and(Syncer::is_busy)
    }

    /// Adds a checksum of the bytes since the last one, when it is time for one.
    fn vouch(&mut self, now_s: i64) {
        if let Some(sum) = &mut self.sum
            && (sum.unsummed >= SUMMED_BYTES || sum.unsummed > 0 && now_s > self.last_sum_s)
        {
            self.last_sum_s = now_s;
            let line = sum.line();
            self.unwritten.extend_from_slice(&line);
        }
    }

    fn write_bytes(&mut self, terms: &Terms<'_>) {
        if self.file.is_none() {
            return;
        }
        self.vouch(terms.now.unix_ms / 1000);
        let circumstance = if terms.config.appendfsync == Fsync::EverySecond && self.is_syncing() {
            "aof-write-pending-fsync"
        } else if terms.is_saving {
            // Redis's name for a write while a child writes a file; here a thread does.
            "aof-write-active-child"
        } else {
            "aof-write-alone"
        };
        let Some(file) = &mut self.file else { return };
        let started = tsc::ticks();
        let (count, error) = write_as_much(&mut **file, &self.unwritten);
        let spent_ns = terms.rate.nanos(tsc::ticks().wrapping_sub(started));
        for what in [circumstance, "aof-write"] {
            self.news.push(News::Took { what, spent_ns });
        }
        match error {
            None => {
                self.wrote(count);
                self.news.push(News::WriteWorks);
            }
            Some(error) => self.failed_to_write(count, &error, terms),
        }
    }

    /// A write has ended early, after so many bytes.
    fn failed_to_write(&mut self, count: usize, error: &io::Error, terms: &Terms<'_>) {
        let now_s = terms.now.unix_ms / 1000;
        let reason = if count == 0 {
            explain(error).into_owned()
        } else {
            NO_ROOM.to_string()
        };
        let is_told = now_s - self.last_complaint_s > COMPLAINT_S;
        if is_told {
            self.last_complaint_s = now_s;
        }
        if is_told && count == 0 {
            ::log::warn!("Error writing to the AOF file: {reason}");
        } else if is_told {
            ::log::warn!(
                "Short write while writing to the AOF file: (nwritten={count}, expected={})",
                self.unwritten.len()
            );
        }
        // A part that is in the file goes again, so that what follows is not taken for the end of it.
        if count > 0
            && let Some(file) = &mut self.file
            && let Err(error) = file.truncate(self.file_len)
        {
            if is_told {
                ::log::warn!(
                    "Could not remove short write from the append-only file. The server may refuse to load the AOF the next time it starts. ftruncate: {}",
                    explain(&error)
                );
            }
            self.wrote(count);
        }
        if terms.config.appendfsync == Fsync::Always {
            ::log::warn!(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
            );
            self.exit.leave(1);
        }
        self.news.push(News::WriteFailed(reason));
    }

    /// So many of the bytes that wait are in the file.
    fn wrote(&mut self, count: usize) {
        self.file_len += count as u64;
        self.is_dirty = true;
        self.unwritten.drain(..count);
        self.unwritten.shrink_to(1 << 20);
        if self.unwritten.is_empty() {
            self.is_written(count as u64);
        } else {
            self.size += count as u64;
            self.news.push(News::Size(self.size));
        }
    }

    fn synchronise(&mut self, terms: &Terms<'_>, haste: Haste) {
        let policy = terms.config.appendfsync;
        let is_behind = policy == Fsync::Always && self.synced_to < self.written_to;
        let waits_for_snapshot =
            terms.is_saving && terms.config.no_appendfsync_on_rewrite && haste == Haste::Usual;
        if self.file.is_none()
            || waits_for_snapshot
            || !(self.is_dirty || self.has_unsure_names || is_behind)
        {
            return;
        }
        let now_s = terms.now.unix_ms / 1000;
        let is_due = policy == Fsync::Always || now_s > self.last_sync_s;
        if !is_due || self.has_unsure_names && policy != Fsync::No && !self.make_names_sure(terms) {
            return;
        }
        if policy == Fsync::Always {
            self.sync_now(terms);
        } else if policy == Fsync::EverySecond || self.has_failed_sync {
            // A failed synchronisation is tried again under any policy: until then nobody may write.
            self.sync_on_thread(now_s);
        }
    }

    /// Synchronises the directory. Returns whether that went well.
    fn make_names_sure(&mut self, terms: &Terms<'_>) -> bool {
        match self.disk.sync_directory(&files::directory(terms.config)) {
            Ok(()) => {
                self.has_unsure_names = false;
                self.is_dirty = true;
                true
            }
            Err(error) if terms.config.appendfsync == Fsync::Always => {
                cannot_keep(self.exit, &error)
            }
            Err(error) => {
                self.last_sync_s = terms.now.unix_ms / 1000;
                self.has_failed_sync = true;
                let reason = explain(&error).into_owned();
                self.news.push(News::NamesUnsure(reason));
                false
            }
        }
    }

    fn sync_now(&mut self, terms: &Terms<'_>) {
        let Some(file) = &self.file else { return };
        let started = tsc::ticks();
        if let Err(error) = file.sync() {
            cannot_keep(self.exit, &error);
        }
        let spent_ns = terms.rate.nanos(tsc::ticks().wrapping_sub(started));
        let what = "aof-fsync-always";
        self.news.push(News::Took { what, spent_ns });
        self.is_dirty = false;
        self.has_failed_sync = false;
        self.last_sync_s = terms.now.unix_ms / 1000;
        self.is_synced(self.written_to);
        self.news.push(News::IsSound);
    }

    fn sync_on_thread(&mut self, now_s: i64) {
        if let (Some(file), Some(syncer)) = (&self.file, &self.syncer)
            && !syncer.is_busy()
            && let Ok(file) = file.duplicate()
        {
            syncer.sync(file, self.written_to);
            self.is_dirty = false;
            self.last_sync_s = now_s;
        }
    }

    /// Asks the thread what it has done, and says how things stand.
    fn take_stock(&mut self) {
        let is_syncing = self.is_syncing();
        self.news.push(News::Waiting {
            bytes: self.unwritten.len(),
            is_syncing,
        });
        let Some(syncer) = &self.syncer else { return };
        let (upto, outcome) = (syncer.synced(), syncer.take_news());
        self.is_synced(upto);
        match outcome {
            None => {}
            Some(Ok(())) => {
                self.has_failed_sync = false;
                self.news.push(News::SyncWorks);
            }
            Some(Err(reason)) => {
                self.is_dirty = true;
                self.has_failed_sync = true;
                self.news.push(News::SyncFailed(reason));
            }
        }
    }

    /// Synchronises the rest, and ends the log.
    fn close(&mut self, terms: &Terms<'_>) {
        if let Some(file) = self.file.take() {
            if let Err(error) = file.sync() {
                ::log::warn!("Fail to fsync the AOF file: {}", explain(&error));
            } else {
                self.last_sync_s = terms.now.unix_ms / 1000;
            }
        }
        self.unwritten.clear();
        // The last words of its thread concern nobody any more.
        self.syncer = None;
        self.take_stock();
        self.remove_temporary_increment(terms.config);
    }

    /// At the end of the server: all is on the disk.
    fn finish(&self) {
        ::log::info!("Calling fsync() on the AOF file.");
        if let Some(file) = &self.file
            && let Err(error) = file.sync()
        {
            ::log::warn!("Fail to fsync the AOF file: {}.", explain(&error));
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
fn cannot_keep(exit: Exit, error: &io::Error) -> ! {
    ::log::warn!(
        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
        explain(error)
    );
    exit.leave(1)
}

impl Server {
    /// Does something with the log's files, and tells the engine the outcome.
    pub(in crate::server) fn with_log<T>(
        &mut self,
        deed: impl FnOnce(&mut LogFile, &Terms<'_>) -> T,
    ) -> T {
        let outcome = deed(&mut self.log, &self.engine.log_terms());
        for news in self.log.poll_news() {
            self.engine.handle_log(news);
        }
        outcome
    }

    /// Writes the bytes that the commands of this turn have left. Called before their replies leave.
    pub(in crate::server) fn write_log(&mut self, haste: Haste) {
        let Some(appended) = self.engine.poll_log() else {
            return;
        };
        if let Err(NoIncrement) = self.with_log(|log, terms| log.write(appended, terms, haste)) {
            self.give_up_snapshot();
            self.engine.handle_log(News::RewriteFailed);
        }
    }

    /// Opens the log that has been read, or a new one. `sum` vouches for its last file.
    pub(in crate::server) fn open_log(&mut self, sum: Option<Sum>) -> Result<(), i32> {
        // With a base, a log that is rewritten for the first time is like any other. Only one without keys can be made
        // on the spot.
        let outline = self.engine.is_empty().then(|| self.engine.outline(true));
        let (engine, disk) = (&self.engine, &self.disk);
        let is_rdb = engine.config().aof_use_rdb_preamble;
        let first_base = outline.map(|outline| {
            move |path: &Path| {
                if !is_rdb {
                    return disk.create(path)?.sync();
                }
                file::save(disk, path, true, |sink| {
                    outline.begin(sink, &mut || Ok(()))?.finish()
                })
                .map_err(|failure| failure.error)
            }
        });
        let outcome = self.log.open(&engine.log_terms(), sum, first_base);
        for news in self.log.poll_news() {
            self.engine.handle_log(news);
        }
        outcome
    }

    /// CONFIG SET appendonly.
    pub(in crate::server) fn switch_log(&mut self) -> Result<(), String> {
        let wants = self.engine.config().appendonly;
        let state = self.engine.log_state();
        if self.is_loading() {
            // The configuration at the time when the data set is there counts.
            return Ok(());
        }
        if wants && state == State::Off {
            let opened = self.with_log(|log, terms| log.begin(terms.config));
            opened.map_err(|error| explain(&error).into_owned())?;
        }
        if !wants && state != State::Off {
            self.close_log();
        }
        Ok(())
    }

    pub(in crate::server) fn close_log(&mut self) {
        if self.engine.is_saving(Purpose::AofRewrite) {
            // Redis's line; the "child" is the thread that writes the rewrite's snapshot.
            ::log::warn!("Killing AOF child");
            self.give_up_snapshot();
        }
        self.write_log(Haste::Now);
        self.with_log(LogFile::close);
        self.engine.handle_log(News::Closed);
    }

    /// At the end of the server: all is on the disk.
    pub(in crate::server) fn finish_log(&mut self) {
        if self.engine.log_state() == State::Off {
            return;
        }
        self.write_log(Haste::Now);
        self.log.finish();
    }

    /// The snapshot for a rewrite has ended.
    pub(in crate::server) fn rewrite_ended(&mut self, ended: Ended) {
        if ended == Ended::Well {
            ::log::info!("Background AOF rewrite terminated with success");
            match self.with_log(LogFile::adopt_base) {
                Ok(()) => ::log::info!("Background AOF rewrite finished successfully"),
                Err(reason) => {
                    ::log::warn!("{reason}");
                    self.engine.handle_log(News::NoBase);
                }
            }
        }
        let _ = self.disk.remove(&rewritten_aof());
    }
}
