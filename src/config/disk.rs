//! The few things the configuration asks of the file system, all of them small, cold and synchronous.
//!
//! Reading its own file is part of the start; nothing here runs while a request waits, except CONFIG SET dir itself.

use crate::base::glob;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The directory this process stands in.
pub(crate) fn current_directory() -> io::Result<Vec<u8>> {
    Ok(std::env::current_dir()?.into_os_string().into_vec())
}

/// The absolute name of `wanted`, taken relative to `from`, provided it is a directory.
pub(crate) fn directory(from: &[u8], wanted: &[u8]) -> io::Result<Vec<u8>> {
    if wanted.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    // The dot at the end makes the system find out whether it is a directory, and whether we may enter it.
    let path = resolve(from, wanted).join(".").canonicalize()?;
    Ok(path.into_os_string().into_vec())
}

/// `name` as seen from the directory `from`.
pub(crate) fn resolve(from: &[u8], name: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(from)).join(OsStr::from_bytes(name))
}

/// The whole of a file, or of standard input when that is what it is.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Whether a log file can be written: it is created if need be, as otherwise the first line would be the first to know.
pub(crate) fn can_append(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?;
    Ok(())
}

/// The files that match a pattern, in order. Each part of the path may have its own wildcards, which do not match a
/// leading dot, as in a shell.
pub(crate) fn matching(from: &[u8], pattern: &[u8]) -> Vec<PathBuf> {
    let mut found = vec![resolve(from, b"")];
    if pattern.starts_with(b"/") {
        found = vec![PathBuf::from("/")];
    }
    for part in pattern
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
    {
        found = found
            .iter()
            .flat_map(|directory| entries(directory, part))
            .collect();
    }
    found
}

fn entries(directory: &Path, part: &[u8]) -> Vec<PathBuf> {
    if !is_pattern(part) {
        let path = directory.join(OsStr::from_bytes(part));
        return if path.exists() {
            vec![path]
        } else {
            Vec::new()
        };
    }
    let Ok(listing) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = listing.filter_map(|entry| Some(entry.ok()?.file_name().into_vec()));
    let mut names: Vec<Vec<u8>> = names
        .filter(|name| part.starts_with(b".") || !name.starts_with(b"."))
        .filter(|name| glob::matches(part, name, false))
        .collect();
    names.sort_unstable();
    names
        .iter()
        .map(|name| directory.join(OsStr::from_bytes(name)))
        .collect()
}

/// Whether a name has wildcards.
pub(crate) fn is_pattern(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}
