//! The files of the log: opening, changing over, giving up the old ones.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::text::explain;
use crate::config::Config;
use crate::engine::dataset::appending::State;
use crate::engine::dataset::news::{LogTerms as Terms, News};
use crate::persist::aof::Manifest;
use crate::persist::aof::feed::Sum;
use crate::persist::aof::manifest::Entry;
use crate::persist::disk::{Disk, DiskFile, directory_of};
use crate::server::files::paths::{path_of, rewritten_aof};

use super::sync::Syncer;
use super::{LogFile, NoIncrement};

pub(in crate::server) fn directory(config: &Config) -> PathBuf {
    path_of(&config.appenddirname)
}

pub(in crate::server) fn in_directory(config: &Config, name: &[u8]) -> PathBuf {
    directory(config).join(OsStr::from_bytes(name))
}

pub(in crate::server) fn manifest_name(config: &Config) -> Vec<u8> {
    [&config.appendfilename, b".manifest".as_slice()].concat()
}

pub(in crate::server) fn show(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Reads the manifest. None: there is none. The error has been told.
pub(in crate::server) fn read_manifest(
    disk: &dyn Disk,
    config: &Config,
) -> Result<Option<Manifest>, ()> {
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
/// It names files that were created or renamed just now, and must not be kept where those names are not. So the
/// directory is synchronised before as well as after.
pub(in crate::server) fn write_manifest(
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
pub(in crate::server) enum Replaced {
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

    /// Returns whether it is unsure, and lets the log say so.
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

/// An empty file. A file that a failure has left under this name goes as a whole: if it were only emptied, its old
/// bytes could come back behind new ones.
fn create_anew(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    disk.append(path)
}

/// How large all files are that are read.
pub(in crate::server) fn size_of_all(disk: &dyn Disk, config: &Config, manifest: &Manifest) -> u64 {
    let len = |entry: &Entry| disk.len(&in_directory(config, &entry.name)).unwrap_or(0);
    manifest.to_read().map(len).sum()
}

/// A log that was kept in one file, before there were directories, becomes the base of a new one.
pub(in crate::server) fn adopt_old_file(
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

impl LogFile {
    /// After the log has been read: opens it to be gone on with. `sum` is that of its last file, if it vouches for it.
    /// `first_base` writes a base for a log that has no files yet.
    pub(crate) fn open(
        &mut self,
        terms: &Terms<'_>,
        sum: Option<Sum>,
        first_base: Option<impl FnOnce(&Path) -> io::Result<()>>,
    ) -> Result<(), i32> {
        let config = terms.config;
        make_directory(&*self.disk, config).map_err(|error| {
            log::warn!(
                "Can't open or create append-only dir {}: {}",
                show(&config.appenddirname),
                explain(&error)
            );
            1
        })?;
        let opened = self.try_open(terms, sum, first_base);
        opened.map_err(|error| {
            log::warn!("Can't open the append-only file: {}", explain(&error));
            1
        })
    }

    fn try_open(
        &mut self,
        terms: &Terms<'_>,
        sum: Option<Sum>,
        first_base: Option<impl FnOnce(&Path) -> io::Result<()>>,
    ) -> io::Result<()> {
        let config = terms.config;
        let stem = &config.appendfilename;
        let mut manifest = self.manifest.clone();
        if manifest.is_empty()
            && let Some(make) = first_base
        {
            let name = manifest.new_base(stem, config.aof_use_rdb_preamble);
            log::info!("Creating AOF base file {} on server start", show(&name));
            make(&in_directory(config, &name))?;
        }
        let file = if let Some(last) = manifest.increments.last() {
            log::info!("Opening AOF incr file {} on server start", show(&last.name));
            self.disk.append(&in_directory(config, &last.name))?
        } else {
            let name = manifest.new_increment(stem);
            log::info!("Creating AOF incr file {} on server start", show(&name));
            create_anew(&*self.disk, &in_directory(config, &name))?
        };
        let file_len = file.size()?;
        if manifest == self.manifest {
            // The process that wrote it may have ended before it could see to its being kept.
            self.disk.sync_directory(&directory(config))?;
        } else {
            write_manifest(&*self.disk, config, &manifest)?.surely()?;
        }
        // A base that was made just now is not counted, as Redis does not.
        self.size = size_of_all(&*self.disk, config, &self.manifest);
        self.manifest = manifest;
        self.file = Some(file);
        self.file_len = file_len;
        self.sum = sum
            .filter(|sum| sum.offset == file_len)
            .or_else(|| (file_len == 0).then(Sum::default))
            .filter(|_| config.aof_checksum);
        self.start_syncer()?;
        // The last process's writes may be in the kernel only.
        self.is_dirty = file_len > 0;
        self.last_sync_s = terms.now.unix_ms / 1000;
        self.news.push(News::Size(self.size));
        self.news.push(News::Opened);
        self.remove_leftovers(config);
        Ok(())
    }

    fn start_syncer(&mut self) -> io::Result<()> {
        if self.syncer.is_none() {
            self.syncer = Some(Syncer::start(&self.crew, self.waker.clone())?);
        }
        Ok(())
    }

    /// CONFIG SET appendonly yes: a rewrite will make the first base; the commands meanwhile are kept beside it.
    pub(crate) fn begin(&mut self, config: &Config) -> io::Result<()> {
        make_directory(&*self.disk, config)?;
        self.find_manifest(config);
        self.start_syncer()?;
        self.has_failed_sync = false;
        self.news.push(News::Begun);
        Ok(())
    }

    /// Where there is a log already its numbers go on.
    fn find_manifest(&mut self, config: &Config) {
        if self.manifest == Manifest::default()
            && let Ok(Some(manifest)) = read_manifest(&*self.disk, config)
        {
            self.manifest = manifest;
        }
    }

    /// A rewrite has begun: commands go to a new file from here on.
    pub(crate) fn begin_increment(&mut self, terms: &Terms<'_>) -> Result<(), NoIncrement> {
        if !self.unwritten.is_empty() {
            // It belongs to the old file, and the new one must not begin with it.
            return Err(NoIncrement);
        }
        let config = terms.config;
        let is_first = terms.state == State::Beginning;
        let mut manifest = self.manifest.clone();
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
            // Only the last file may end in the middle of a command, so a file that is no longer the last must be
            // complete before the manifest says so. That is the one time when the loop waits for the disk.
            if let Some(old) = &self.file {
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
                self.has_unsure_names |= is_unsure;
                if self.file.replace(file).is_some() {
                    self.is_synced(self.written_to);
                    self.is_dirty = false;
                }
                self.manifest = manifest;
                self.file_len = 0;
                self.sum = config.aof_checksum.then(Sum::default);
                Ok(())
            }
            Err(error) => {
                log::warn!(
                    "Can't open the append-only file {}: {}",
                    show(&name),
                    explain(&error)
                );
                Err(NoIncrement)
            }
        }
    }

    /// Removes the increment that was kept beside a first rewrite that did not come about.
    pub(crate) fn remove_temporary_increment(&self, config: &Config) {
        let _ = self
            .disk
            .remove(&in_directory(config, &temporary_increment(config)));
    }

    /// Before a rewrite writes its file.
    pub(crate) fn prepare_rewrite(&mut self, config: &Config, is_rdb: bool) {
        self.next_is_rdb = is_rdb;
        if let Err(error) = make_directory(&*self.disk, config) {
            log::warn!(
                "Can't open or create append-only dir {}: {}",
                show(&config.appenddirname),
                explain(&error)
            );
        }
        self.find_manifest(config);
    }

    /// The new base takes its place.
    pub(crate) fn adopt_base(&mut self, terms: &Terms<'_>) -> Result<(), String> {
        let config = terms.config;
        let stem = &config.appendfilename;
        let mut manifest = self.manifest.clone();
        let base = manifest.new_base(stem, self.next_is_rdb);
        self.give_name(config, &rewritten_aof(), &base, "base")?;
        if terms.state == State::Beginning {
            let increment = manifest.new_increment(stem);
            let from = in_directory(config, &temporary_increment(config));
            self.give_name(config, &from, &increment, "incr")?;
        }
        manifest.retire_increments(usize::from(self.file.is_some()));
        match write_manifest(&*self.disk, config, &manifest) {
            Ok(replaced) => self.has_unsure_names |= replaced.tell_if_unsure(config),
            Err(error) => {
                let _ = self.disk.remove(&in_directory(config, &base));
                return Err(format!("Can't write the AOF manifest: {}", explain(&error)));
            }
        }
        self.size = size_of_all(&*self.disk, config, &manifest);
        self.news.push(News::Rebased { size: self.size });
        self.manifest = manifest;
        self.remove_history(config);
        Ok(())
    }

    /// A temporary file of a rewrite gets the name that the manifest will have for it.
    fn give_name(
        &self,
        config: &Config,
        from: &Path,
        name: &[u8],
        what: &str,
    ) -> Result<(), String> {
        let renamed = self.disk.rename(from, &in_directory(config, name));
        renamed.map_err(|error| {
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
        Ok(())
    }

    /// Deletes files that no manifest needs any more.
    pub(crate) fn remove_history(&mut self, config: &Config) {
        if config.aof_disable_auto_gc || self.manifest.history.is_empty() {
            return;
        }
        let mut manifest = self.manifest.clone();
        let history = std::mem::take(&mut manifest.history);
        let written = write_manifest(&*self.disk, config, &manifest);
        if let Err(error) = written.and_then(Replaced::surely) {
            // As long as an older manifest may come back, so must its files. They go the next time.
            log::warn!("Can't write the AOF manifest: {}", explain(&error));
            return;
        }
        self.has_unsure_names = false;
        self.manifest = manifest;
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
    pub(crate) fn remove_in_background(&self, paths: Vec<PathBuf>) {
        let disk = self.disk.clone();
        let remove = move || {
            for path in paths {
                let _ = disk.remove(&path);
            }
        };
        let _ = self.crew.spawn("unlink", remove);
    }
}

pub(in crate::server) fn temporary_increment(config: &Config) -> Vec<u8> {
    [b"temp-", config.appendfilename.as_slice(), b".incr"].concat()
}
