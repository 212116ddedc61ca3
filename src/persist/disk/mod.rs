//! The disk, as far as the data set depends on it: the append-only log, its manifest, and files that are saved.
//!
//! [`Disk`] is the one door to the disk for all of them. There are two disks behind it: the machine's, and one in
//! memory (`simulated`) that fails, and that forgets at the worst moment everything it was not told to keep.
//! Durability is tried on the second. Callers may rely on the promises of POSIX, and no more:
//!
//! - bytes are kept when the file has been synchronised after they were written;
//! - a name is kept (created, renamed, removed) when its directory has been synchronised after that;
//! - of what was not synchronised anything may be there after a failure, in any order, or a part of it;
//! - a rename is seen whole or not at all.
//!
//! Paths are relative to the directory that the process stands in, as everywhere in the server.

#[cfg(test)]
pub(crate) mod simulated;

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// Something that keeps files.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// An empty file of this name, whatever was there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// The same, but nobody else may write it, whatever the umask says.
    fn create_own(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.create(path)
    }
    /// A file to which bytes are added; it is made if there is none.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A file to be read from its beginning.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// The length of a file; an error if it is none.
    fn len(&self, path: &Path) -> io::Result<u64>;
    /// Cuts a file off, and has that kept.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// A directory of this name; there may be one already.
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// Has the names in a directory kept.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// All of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A file that is open to be written.
pub(crate) trait DiskFile: Write + Send {
    /// Has the bytes kept that were written.
    fn sync(&self) -> io::Result<()>;
    /// How long the file is.
    fn size(&self) -> io::Result<u64>;
    /// Cuts the file off.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// The same open file once more, for another thread.
    fn duplicate(&self) -> io::Result<Box<dyn DiskFile>>;
}

/// The machine's own disk.
pub(crate) fn of_the_machine() -> Arc<dyn Disk> {
    Arc::new(Machine)
}

/// The directory that a file of this name is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Replaces a file as a whole: whenever the machine fails there is the old one or the new one.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!("-{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let renamed = write(disk, &temporary, text).and_then(|()| disk.rename(&temporary, path));
    if let Err(error) = renamed {
        // A second failure would only hide the first.
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    disk.sync_directory(directory_of(path))
}

fn write(disk: &dyn Disk, path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = disk.create_own(path)?;
    file.write_all(text)?;
    file.sync()
}

#[derive(Debug)]
struct Machine;

impl Disk for Machine {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn create_own(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o644);
        Ok(Box::new(options.open(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(path)?))
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(rustix::io::Errno::ISDIR.into());
        }
        Ok(metadata.len())
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            outcome => outcome,
        }
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }
}

impl DiskFile for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn duplicate(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.try_clone()?))
    }
}
