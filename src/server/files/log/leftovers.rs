//! Files that a failure has left: under a temporary name, or without a manifest that would name them.
//!
//! A file that no manifest names goes only when its number shows that a later one took its place. A file with a
//! *higher* number is kept: the operator may have restored an old manifest. The next rewrite reuses its name.
//!
//! A temporary file carries the number of its process. While such a process is alive the file is its own: two servers
//! may share a directory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, getpid, test_kill_process};

use crate::config::Config;
use crate::persist::aof::Manifest;
use crate::server::Server;

use super::LogFile;
use super::files::{directory, manifest_name, temporary_increment};

impl Server {
    /// Removes what saves and rewrites of processes that are gone have left in the directory of the server.
    pub(in crate::server) fn remove_temporaries(&self) {
        let Ok(names) = self.disk.list(Path::new(".")) else {
            return;
        };
        for name in names {
            if owner_of(name.as_bytes()).is_some_and(is_gone) {
                log::info!(
                    "Removing the temporary file {} of a process that is gone",
                    name.display()
                );
                // Whether it is there or not, nobody reads it.
                let _ = self.disk.remove(Path::new(&name));
            }
        }
    }
}

impl LogFile {
    /// Removes the files that the log needs no more. Called when it has been opened, so the manifest is the one that
    /// counts.
    pub(super) fn remove_leftovers(&self, config: &Config) {
        let place = directory(config);
        let Ok(names) = self.disk.list(&place) else {
            return;
        };
        let temporary = [
            temporary_increment(config),
            [b"temp-", &manifest_name(config)[..]].concat(),
        ];
        let is_leftover = |name: &OsStr| {
            let name = name.as_bytes();
            temporary.iter().any(|temporary| temporary == name)
                || !config.aof_disable_auto_gc
                    && is_outdated(name, &config.appendfilename, &self.manifest)
        };
        let names = names.into_iter().filter(|name| is_leftover(name));
        let paths: Vec<PathBuf> = names.map(|name| place.join(name)).collect();
        if !paths.is_empty() {
            self.remove_in_background(paths);
        }
    }
}

/// Whether a file was part of the log before those that the manifest names.
fn is_outdated(name: &[u8], stem: &[u8], manifest: &Manifest) -> bool {
    let is_before = |number: u64, first: Option<u64>| first.is_some_and(|first| number < first);
    match part_of(name, stem) {
        Some((number, b"base.rdb" | b"base.aof")) => {
            is_before(number, manifest.base.as_ref().map(|base| base.number))
        }
        Some((number, b"incr.aof")) => {
            let first = manifest.increments.first();
            is_before(number, first.map(|first| first.number))
        }
        _ => false,
    }
}

/// The number in the name of a part of the log, and what follows it.
fn part_of<'a>(name: &'a [u8], stem: &[u8]) -> Option<(u64, &'a [u8])> {
    let rest = name.strip_prefix(stem)?.strip_prefix(b".")?;
    number_before(rest, b'.')
}

/// `temp-PID.rdb`, `temp-PID.NUMBER.rdb`, `temp-rewriteaof-PID.NUMBER.aof`, `temp-rewriteaof-bg-PID.aof`: the process.
fn owner_of(name: &[u8]) -> Option<u64> {
    let rest = name.strip_prefix(b"temp-")?;
    let (rest, ending) = match rest.strip_prefix(b"rewriteaof-") {
        Some(rest) => (rest.strip_prefix(b"bg-").unwrap_or(rest), &b"aof"[..]),
        None => (rest, &b"rdb"[..]),
    };
    let (pid, rest) = number_before(rest, b'.')?;
    let is_ours = rest == ending || number_before(rest, b'.')?.1 == ending;
    is_ours.then_some(pid)
}

/// The number up to the given byte, and what follows.
fn number_before(text: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let at = text.iter().position(|byte| *byte == end)?;
    let digits = text[..at].iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(&text[..at]).ok()?.parse().ok()?;
    digits.then_some((number, &text[at + 1..]))
}

/// Our own number belonged to another process before.
fn is_gone(pid: u64) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    pid == getpid() || test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_say_whose_they_are() {
        assert_eq!(owner_of(b"temp-12.rdb"), Some(12));
        assert_eq!(owner_of(b"temp-12.3.rdb"), Some(12));
        assert_eq!(owner_of(b"temp-rewriteaof-12.3.aof"), Some(12));
        assert_eq!(owner_of(b"temp-rewriteaof-bg-12.aof"), Some(12));
        for other in [
            "temp-12.aof",
            "temp-.rdb",
            "temp-x.rdb",
            "temp-+1.rdb",
            "temp-12.3.4.rdb",
            "temp-99999999999999999999.rdb",
            "temperature-12.rdb",
            "dump.rdb",
        ] {
            assert_eq!(owner_of(other.as_bytes()), None, "{other}");
        }
        assert!(is_gone(u64::from(std::process::id())) && !is_gone(1) && !is_gone(0));
    }

    #[test]
    fn parts_are_outdated_when_later_ones_are_in_use() {
        let text = b"file a.aof.3.base.rdb seq 3 type b\nfile a.aof.5.incr.aof seq 5 type i\n";
        let manifest = Manifest::parse(text).expect("a manifest");
        let outdated = |name: &str| is_outdated(name.as_bytes(), b"a.aof", &manifest);
        assert!(outdated("a.aof.2.base.rdb") && outdated("a.aof.1.base.aof"));
        assert!(outdated("a.aof.4.incr.aof"));
        for kept in [
            "a.aof.3.base.rdb",
            "a.aof.4.base.rdb",
            "a.aof.5.incr.aof",
            "a.aof.6.incr.aof",
            "b.aof.1.incr.aof",
            "a.aof.1.incr.aof.bak",
            "a.aof.manifest",
        ] {
            assert!(!outdated(kept), "{kept}");
        }
    }
}
