//! Where the files of the data set are. Names are relative to the directory that the process stands in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::Config;

pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Where the data set is kept.
pub(in crate::server) fn rdb_path(config: &Config) -> PathBuf {
    path_of(&config.dbfilename)
}

/// The name of a rewritten append-only file until it becomes the new base.
pub(super) fn rewritten_aof() -> PathBuf {
    format!("temp-rewriteaof-bg-{}.aof", std::process::id()).into()
}
