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
use crate::persist::disk::{Disk, directory_of};
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

fn manifest_name(config: &Config) -> Vec<u8> {
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
) -> io::Result<()> {
    let name = manifest_name(config);
    let temporary = in_directory(config, &[b"temp-", name.as_slice()].concat());
    let mut file = disk.create(&temporary)?;
    file.write_all(&manifest.print())?;
    file.sync()?;
    disk.sync_directory(&directory(config))?;
    disk.rename(&temporary, &in_directory(config, &name))?;
    disk.sync_directory(&directory(config))
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
        .and_then(|()| write_manifest(disk, config, &adopted))
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
    if disk.make_directory(&path)? {
        disk.sync_directory(directory_of(&path))?;
    } else {
        // Something of this name is there; that it is no directory is heard of now.
        disk.list(&path)?;
    }
    Ok(())
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
        let (name, verb) = if let Some(last) = manifest.increments.last() {
            (last.name.clone(), "Opening")
        } else {
            (manifest.new_increment(&stem), "Creating")
        };
        log::info!("{verb} AOF incr file {} on server start", show(&name));
        let file = self.disk.append(&in_directory(config, &name))?;
        let file_len = file.size()?;
        if manifest != self.log.manifest {
            write_manifest(&*self.disk, config, &manifest)?;
        }
        let checksums = config.aof_checksum;
        self.engine.services.appending.size = size_of_all(&*self.disk, config, &manifest);
        self.log = Log {
            manifest,
            file: Some(file),
            file_len,
            sum: sum
                .filter(|sum| sum.offset == file_len)
                .or_else(|| (file_len == 0).then(Sum::default))
                .filter(|_| checksums),
            syncer: Some(Syncer::start(waker)?),
            last_sync_s: self.engine.now.unix_ms / 1000,
            ..Log::default()
        };
        self.engine.set_appending(State::On);
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
            self.log.syncer = Some(Syncer::start(self.waker.clone()).map_err(complain)?);
        }
        self.engine.set_appending(State::Beginning);
        self.engine.begin_rewrite_soon();
        Ok(())
    }

    /// A rewrite has begun: commands go to a new file from here on.
    pub(super) fn begin_increment(&mut self) {
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
        let opened = self
            .disk
            .create(&path)
            .and_then(|_| self.disk.append(&path))
            .and_then(|file| {
                if !is_first {
                    write_manifest(&*self.disk, config, &manifest)?;
                }
                Ok(file)
            });
        match opened {
            Ok(file) => {
                if let Some(old) = self.log.file.replace(file)
                    && let Some(syncer) = &self.log.syncer
                {
                    syncer.sync(old, self.engine.services.appending.written_offset);
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
                // What was cut goes on in the old file, which says its database again.
                self.give_up_snapshot();
                let appending = &mut self.engine.services.appending;
                appending.last_rewrite_failed = true;
                appending.failures_in_a_row += 1;
            }
        }
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
        if let Err(error) = write_manifest(&*self.disk, config, &manifest) {
            let _ = self.disk.remove(&in_directory(config, &base));
            return Err(format!("Can't write the AOF manifest: {}", explain(&error)));
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
        let mut paths = Vec::new();
        for old in std::mem::take(&mut self.log.manifest.history) {
            log::info!(
                "Removing the history file {} in the background",
                show(&old.name)
            );
            paths.push(in_directory(config, &old.name));
        }
        if let Err(error) = write_manifest(&*self.disk, config, &self.log.manifest) {
            log::warn!("Can't write the AOF manifest: {}", explain(&error));
        }
        // Removing a large file takes the kernel a while.
        let disk = self.disk.clone();
        let remove = move || {
            for path in paths {
                let _ = disk.remove(&path);
            }
        };
        let _ = std::thread::Builder::new()
            .name("unlink".into())
            .spawn(remove);
    }
}

fn temporary_increment(config: &Config) -> Vec<u8> {
    [b"temp-", config.appendfilename.as_slice(), b".incr"].concat()
}
