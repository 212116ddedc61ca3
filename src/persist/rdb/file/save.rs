//! A file that appears under its name only when all of it is on the disk.
//!
//! It is written under a temporary name in the same directory, synchronised, and then renamed; then the directory is
//! synchronised too. The name leads to the old file or to the new one, whole, whatever happens on the way. A file that
//! is dropped before that is removed.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::text::explain;
use crate::persist::disk::{Disk, DiskFile, directory_of};

/// A file on its way to its name.
pub(crate) struct SaveFile {
    disk: Arc<dyn Disk>,
    file: Box<dyn DiskFile>,
    temporary: PathBuf,
    /// Synchronise whenever so much was written, so that the last time does not take long. 0: only then.
    sync_bytes: u64,
    unsynced: u64,
    is_done: bool,
}

/// The interval of `rdb-save-incremental-fsync`.
pub(crate) const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// At which step a file could not be saved, and why. As text: what Redis logs.
#[derive(Debug)]
pub(crate) struct Failure {
    step: Step,
    pub(crate) error: io::Error,
}

#[derive(Debug)]
enum Step {
    Open(PathBuf),
    Write(&'static str),
    Rename { from: PathBuf, to: PathBuf },
    Directory,
}

impl Failure {
    /// The bytes could not be written.
    pub(crate) fn writing(error: io::Error) -> Self {
        Self {
            step: Step::Write("rdbSaveRio"),
            error,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = explain(&self.error);
        let place = std::env::current_dir();
        let place = place.as_deref().unwrap_or(Path::new("unknown")).display();
        match &self.step {
            Step::Open(path) => write!(
                f,
                "Failed opening the temp RDB file {} (in server root dir {place}) for saving: {error}",
                path.display()
            ),
            Step::Write(deed) => {
                write!(
                    f,
                    "Write error while saving DB to the disk({deed}): {error}"
                )
            }
            Step::Rename { from, to } => write!(
                f,
                "Error moving temp DB file {} on the final destination {} (in server root dir {place}): {error}",
                from.display(),
                to.display()
            ),
            Step::Directory => write!(f, "Failed to fsync directory while saving DB: {error}"),
        }
    }
}

impl SaveFile {
    /// Begins a file under a temporary name.
    pub(crate) fn create(
        disk: &Arc<dyn Disk>,
        temporary: &Path,
        syncs_on_the_way: bool,
    ) -> Result<Self, Failure> {
        let temporary = temporary.to_path_buf();
        match disk.create(&temporary) {
            Ok(file) => Ok(Self {
                disk: disk.clone(),
                file,
                temporary,
                sync_bytes: if syncs_on_the_way { SYNC_BYTES } else { 0 },
                unsynced: 0,
                is_done: false,
            }),
            Err(error) => Err(Failure {
                step: Step::Open(temporary),
                error,
            }),
        }
    }

    /// Gives the file its name.
    pub(crate) fn commit(mut self, target: &Path) -> Result<(), Failure> {
        self.file.sync().map_err(|error| Failure {
            step: Step::Write("fsync"),
            error,
        })?;
        self.disk
            .rename(&self.temporary, target)
            .map_err(|error| Failure {
                step: Step::Rename {
                    from: self.temporary.clone(),
                    to: target.to_path_buf(),
                },
                error,
            })?;
        self.is_done = true;
        let directory = directory_of(target);
        self.disk
            .sync_directory(directory)
            .map_err(|error| Failure {
                step: Step::Directory,
                error,
            })
    }
}

impl Write for SaveFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.unsynced += count as u64;
        if self.sync_bytes != 0 && self.unsynced >= self.sync_bytes {
            self.file.sync()?;
            self.unsynced = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SaveFile {
    fn drop(&mut self) {
        if !self.is_done {
            // There may be nothing left to remove, and nobody to tell.
            let _ = self.disk.remove(&self.temporary);
        }
    }
}

/// Writes a whole file beside `target` and puts it in its place.
pub(crate) fn save(
    disk: &Arc<dyn Disk>,
    target: &Path,
    syncs_on_the_way: bool,
    fill: impl FnOnce(SaveFile) -> io::Result<SaveFile>,
) -> Result<(), Failure> {
    let file = SaveFile::create(disk, &temporary_beside(target), syncs_on_the_way)?;
    fill(file).map_err(Failure::writing)?.commit(target)
}

/// `temp-<pid>.rdb` in the same directory.
fn temporary_beside(target: &Path) -> PathBuf {
    let name = OsString::from(format!("temp-{}.rdb", std::process::id()));
    debug_assert!(!name.as_bytes().contains(&b'/'));
    target.with_file_name(name)
}
