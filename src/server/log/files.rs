//! Which files the log has: opening, changing over, giving up the old ones.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::text::explain;
use crate::config::Config;
use crate::engine::appending::State;
use crate::persist::aof::feed::Sum;
use crate::persist::aof::{Manifest, manifest::Entry};
use crate::persist::disk::{Disk, DiskFile, directory_of};
use crate::persist::rdb::file;
use crate::reactor::Waker;
use crate::server::{Server, snapshot};

use super::Log;
use super::sync::Syncer;

pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

pub(super) fn directory(config: &Config) -> PathBuf {
    path_of(&config.appenddirname)
}

pub(super) fn in_directory(config: &Config, name: &[u8]) -> PathBuf {
    directory(config).join(OsStr::from_bytes(name))
}

pub(super) fn manifest_name(config: &Config) -> Vec<u8> {
    [&config.appendfilename, b".manifest".as_slice()].concat()
}

pub(super) fn show(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Reads the manifest. None: there is none. The error has been told.
pub(super) fn read_manifest(disk: &dyn Disk, config: &Config) -> Result<Option<Manifest>, ()> {
    let path = in_directory(config, &manifest_name(config));
    let text = match disk.read(&path) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            log::warn!(
                "Fatal error: can't open the AOF manifest file {} for reading: {}",
                show(&manifest_name(config)),
                explain(&error)
            );
            return Err(());
        }
    };
    Manifest::parse(&text).map(Some).map_err(|fault| {
        // Each of these ends with an empty line, as in Redis.
        log::warn!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n");
        if fault.line_number > 0 {
            log::warn!("Reading the manifest file, at line {}\n", fault.line_number);
            log::warn!(">>> '{}'\n", show(&fault.line));
        }
        log::warn!("{}\n", fault.reason);
    })
}

/// Replaces the manifest as a whole.
///
/// It names files that were created or renamed just now, and must not be kept where those names are not. So the directory
/// is synchronised before as well as after.
pub(super) fn write_manifest(
    disk: &dyn Disk,
    config: &Config,
    manifest: &Manifest,
) -> io::Result<Replaced> {
    let name = manifest_name(config);
    let temporary = in_directory(config, &[b"temp-", name.as_slice()].concat());
    let mut file = disk.create(&temporary)?;
    file.write_all(&manifest.print())?;
    file.sync()?;
    disk.sync_directory(&directory(config))?;
    disk.rename(&temporary, &in_directory(config, &name))?;
    Ok(match disk.sync_directory(&directory(config)) {
        Ok(()) => Replaced::Surely,
        Err(error) => Replaced::Perhaps(error),
    })
}

/// The manifest has its name. Whether it will have it after a failure of the machine is another matter.
pub(super) enum Replaced {
    Surely,
    Perhaps(io::Error),
}

impl Replaced {
    fn surely(self) -> io::Result<()> {
        match self {
            Replaced::Surely => Ok(()),
            Replaced::Perhaps(error) => Err(error),
        }
    }

    /// Tells whether it is unsure, and lets the log say so.
    fn tell_if_unsure(self, config: &Config) -> bool {
        match self {
            Replaced::Surely => false,
            Replaced::Perhaps(error) => {
                log::warn!(
                    "Fail to fsync AOF directory {}: {}.",
                    show(&config.appenddirname),
                    explain(&error)
                );
                true
            }
        }
    }
}

/// An empty file. One that a failure has left under this name goes as a whole: if it were only emptied, its old bytes could
/// come back behind new ones.
fn create_anew(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    disk.append(path)
}

/// How large all files are that are read.
pub(super) fn size_of_all(disk: &dyn Disk, config: &Config, manifest: &Manifest) -> u64 {
    let len = |entry: &Entry| disk.len(&in_directory(config, &entry.name)).unwrap_or(0);
    manifest.to_read().map(len).sum()
}

/// A log that was kept in one file, before there were directories, becomes the base of a new one.
pub(super) fn adopt_old_file(
    disk: &dyn Disk,
    config: &Config,
    found: Option<Manifest>,
) -> Result<Manifest, ()> {
    let manifest = found.unwrap_or_default();
    let old = path_of(&config.appendfilename);
    let is_waiting = |manifest: &Manifest| {
        manifest.is_empty()
            || manifest.increments.is_empty()
                && manifest.base.as_ref().is_some_and(|base| {
                    base.name == config.appendfilename
                        && disk.len(&in_directory(config, &base.name)).is_err()
                })
    };
    if disk.len(&old).is_err() || !is_waiting(&manifest) {
        return Ok(manifest);
    }
    let adopted = Manifest::adopt(&config.appendfilename);
    let outcome = make_directory(disk, config)
        .and_then(|()| write_manifest(disk, config, &adopted)?.surely())
        .and_then(|()| disk.rename(&old, &in_directory(config, &config.appendfilename)))
        .and_then(|()| disk.sync_directory(&directory(config)));
    match outcome {
        Ok(()) => {
            log::info!(
                "Successfully migrated an old-style AOF file ({}) into the AOF directory ({}).",
                show(&config.appendfilename),
                show(&config.appenddirname)
            );
            Ok(adopted)
        }
        Err(error) => {
            log::warn!(
                "Error trying to move the old AOF file {} into dir {}: {}",
                show(&config.appendfilename),
                show(&config.appenddirname),
                explain(&error)
            );
            Err(())
        }
    }
}

fn make_directory(disk: &dyn Disk, config: &Config) -> io::Result<()> {
    let path = directory(config);
    disk.make_directory(&path)?;
    // Something of this name was there, perhaps; that it is no directory is heard of now.
    disk.list(&path)?;
    // Even if it was there: the process that made it may have ended before it could see to its being kept.
    disk.sync_directory(directory_of(&path))
}

impl Server {
    /// After the log has been read: opens it to be gone on with. `sum` is that of its last file, if it vouches for it.
    pub(super) fn open_log(&mut self, sum: Option<Sum>, waker: Waker) -> Result<(), i32> {
        let config = &self.engine.services.config;
        make_directory(&*self.disk, config).map_err(|error| {
            log::warn!(
                "Can't open or create append-only dir {}: {}",
                show(&config.appenddirname),
                explain(&error)
            );
            1
        })?;
        let opened = self.try_open_log(sum, waker);
        opened.map_err(|error| {
            log::warn!("Can't open the append-only file: {}", explain(&error));
            1
        })
    }

    fn try_open_log(&mut self, sum: Option<Sum>, waker: Waker) -> io::Result<()> {
        let config = &self.engine.services.config;
        let stem = config.appendfilename.clone();
        let mut manifest = self.log.manifest.clone();
        if manifest.is_empty() && self.engine.keyspace.is_empty() {
            // With a base, a log that is rewritten for the first time is like any other.
            let is_rdb = config.aof_use_rdb_preamble;
            let name = manifest.new_base(&stem, is_rdb);
            log::info!("Creating AOF base file {} on server start", show(&name));
            let path = in_directory(config, &name);
            if is_rdb {
                let form = self.engine.rdb_form();
                file::save(&self.disk, &path, form, true, |file| {
                    self.engine.write_facts(file, true)
                })
                .map_err(|failure| failure.error)?;
            } else {
                self.disk.create(&path)?.sync()?;
            }
        }
        let config = &self.engine.services.config;
        let file = if let Some(last) = manifest.increments.last() {
            log::info!("Opening AOF incr file {} on server start", show(&last.name));
            self.disk.append(&in_directory(config, &last.name))?
        } else {
            let name = manifest.new_increment(&stem);
            log::info!("Creating AOF incr file {} on server start", show(&name));
            create_anew(&*self.disk, &in_directory(config, &name))?
        };
        let file_len = file.size()?;
        if manifest == self.log.manifest {
            // The process that wrote it may have ended before it could see to its being kept.
            self.disk.sync_directory(&directory(config))?;
        } else {
            write_manifest(&*self.disk, config, &manifest)?.surely()?;
        }
        let checksums = config.aof_checksum;
        // A base that was made just now is not counted, as Redis does not.
        self.engine.services.appending.size = size_of_all(&*self.disk, config, &self.log.manifest);
        self.log = Log {
            manifest,
            file: Some(file),
            file_len,
            sum: sum
                .filter(|sum| sum.offset == file_len)
                .or_else(|| (file_len == 0).then(Sum::default))
                .filter(|_| checksums),
            syncer: Some(Syncer::start(&self.crew, waker)?),
            // What the last process wrote may be in the kernel only.
            is_dirty: file_len > 0,
            last_sync_s: self.engine.now.unix_ms / 1000,
            ..Log::default()
        };
        self.engine.set_appending(State::On);
        self.remove_leftovers();
        Ok(())
    }

    /// CONFIG SET appendonly yes: a rewrite makes the first base; what happens meanwhile is kept beside it.
    pub(super) fn switch_log_on(&mut self) -> Result<(), String> {
        let config = &self.engine.services.config;
        let complain = |error: io::Error| explain(&error).into_owned();
        make_directory(&*self.disk, config).map_err(complain)?;
        if self.log.manifest == Manifest::default()
            && let Ok(Some(manifest)) = read_manifest(&*self.disk, config)
        {
            self.log.manifest = manifest;
        }
        if self.log.syncer.is_none() {
            self.log.syncer =
                Some(Syncer::start(&self.crew, self.waker.clone()).map_err(complain)?);
        }
        let appending = &mut self.engine.services.appending;
        if appending.sync_error.take().is_some() {
            log::warn!("AOF reopen, just ignore the AOF fsync error in bio job");
        }
        if appending.write_error.take().is_some() {
            log::warn!("AOF reopen, just ignore the last error.");
        }
        self.engine.set_appending(State::Beginning);
        self.engine.begin_rewrite_soon();
        Ok(())
    }

    /// A rewrite has begun: commands go to a new file from here on.
    pub(super) fn begin_increment(&mut self) {
        if !self.log.unwritten.is_empty() {
            // It belongs to the old file, and the new one must not begin with it.
            self.fail_rewrite();
            return;
        }
        let config = &self.engine.services.config;
        let is_first = self.engine.services.appending.state == State::Beginning;
        let mut manifest = self.log.manifest.clone();
        let name = if is_first {
            temporary_increment(config)
        } else {
            manifest.new_increment(&config.appendfilename)
        };
        log::info!(
            "Creating AOF incr file {} on background rewrite",
            show(&name)
        );
        let path = in_directory(config, &name);
        let opened = create_anew(&*self.disk, &path).and_then(|file| {
            // Only the last file may end in the middle of a command, so what is no longer the last must be complete
            // before the manifest says so. That is the one time when the loop waits for the disk.
            if let Some(old) = &self.log.file {
                old.sync()?;
            }
            if is_first {
                return Ok((file, false));
            }
            let replaced = write_manifest(&*self.disk, config, &manifest)?;
            Ok((file, replaced.tell_if_unsure(config)))
        });
        match opened {
            Ok((file, is_unsure)) => {
                self.log.has_unsure_names |= is_unsure;
                if self.log.file.replace(file).is_some() {
                    let appending = &mut self.engine.services.appending;
                    appending.synced_offset = appending.written_offset;
                    self.log.is_dirty = false;
                }
                self.log.manifest = manifest;
                self.log.file_len = 0;
                self.log.sum = config.aof_checksum.then(Sum::default);
            }
            Err(error) => {
                log::warn!(
                    "Can't open the append-only file {}: {}",
                    show(&name),
                    explain(&error)
                );
                self.fail_rewrite();
            }
        }
    }

    /// There is no new file, so there is no rewrite. What was cut goes on in the old file, which says its database again.
    fn fail_rewrite(&mut self) {
        self.give_up_snapshot();
        let appending = &mut self.engine.services.appending;
        appending.last_rewrite_failed = true;
        appending.failures_in_a_row += 1;
    }

    /// What was kept beside a first rewrite that did not come about.
    pub(super) fn remove_temporary_increment(&self) {
        let config = &self.engine.services.config;
        let _ = self
            .disk
            .remove(&in_directory(config, &temporary_increment(config)));
    }

    /// Before a rewrite writes its file.
    pub(in crate::server) fn prepare_rewrite(&mut self, is_rdb: bool) {
        self.log.next_is_rdb = is_rdb;
        let config = &self.engine.services.config;
        if let Err(error) = make_directory(&*self.disk, config) {
            log::warn!(
                "Can't open or create append-only dir {}: {}",
                show(&config.appenddirname),
                explain(&error)
            );
        }
        if self.log.manifest == Manifest::default()
            && let Ok(Some(manifest)) = read_manifest(&*self.disk, config)
        {
            self.log.manifest = manifest;
        }
    }

    /// The new base takes its place.
    pub(super) fn adopt_base(&mut self) -> Result<(), String> {
        let config = &self.engine.services.config;
        let stem = config.appendfilename.clone();
        let is_first = self.engine.services.appending.state == State::Beginning;
        let mut manifest = self.log.manifest.clone();
        let base = manifest.new_base(&stem, self.log.next_is_rdb);
        let rename = |from: &Path, name: &[u8], what: &str| {
            self.disk
                .rename(from, &in_directory(config, name))
                .map_err(|error| {
                    format!(
                        "Error trying to rename the temporary AOF {what} file {} into {}: {}",
                        from.display(),
                        show(name),
                        explain(&error)
                    )
                })?;
            let from = from.file_name().unwrap_or_default();
            log::info!(
                "Successfully renamed the temporary AOF {what} file {} into {}",
                from.display(),
                show(name)
            );
            Ok::<(), String>(())
        };
        rename(&snapshot::rewritten_aof(), &base, "base")?;
        if is_first {
            let increment = manifest.new_increment(&stem);
            let from = in_directory(config, &temporary_increment(config));
            rename(&from, &increment, "incr")?;
        }
        manifest.retire_increments(usize::from(self.log.file.is_some()));
        match write_manifest(&*self.disk, config, &manifest) {
            Ok(replaced) => self.log.has_unsure_names |= replaced.tell_if_unsure(config),
            Err(error) => {
                let _ = self.disk.remove(&in_directory(config, &base));
                return Err(format!("Can't write the AOF manifest: {}", explain(&error)));
            }
        }
        let size = size_of_all(&*self.disk, config, &manifest);
        let appending = &mut self.engine.services.appending;
        (appending.size, appending.base_size) = (size, size);
        self.log.manifest = manifest;
        self.remove_history();
        Ok(())
    }

    /// Deletes files that no manifest needs any more.
    pub(super) fn remove_history(&mut self) {
        let config = &self.engine.services.config;
        if config.aof_disable_auto_gc || self.log.manifest.history.is_empty() {
            return;
        }
        let mut manifest = self.log.manifest.clone();
        let history = std::mem::take(&mut manifest.history);
        let written = write_manifest(&*self.disk, config, &manifest);
        if let Err(error) = written.and_then(Replaced::surely) {
            // As long as an older manifest may come back, so must its files. They go the next time.
            log::warn!("Can't write the AOF manifest: {}", explain(&error));
            return;
        }
        self.log.has_unsure_names = false;
        self.log.manifest = manifest;
        for old in &history {
            log::info!(
                "Removing the history file {} in the background",
                show(&old.name)
            );
        }
        let paths = history.iter().map(|old| in_directory(config, &old.name));
        self.remove_in_background(paths.collect());
    }

    /// Removing a large file takes the kernel a while.
    pub(super) fn remove_in_background(&self, paths: Vec<PathBuf>) {
        let disk = self.disk.clone();
        let remove = move || {
            for path in paths {
                let _ = disk.remove(&path);
            }
        };
        let _ = self.crew.spawn("unlink", remove);
    }
}

pub(super) fn temporary_increment(config: &Config) -> Vec<u8> {
    [b"temp-", config.appendfilename.as_slice(), b".incr"].concat()
}
