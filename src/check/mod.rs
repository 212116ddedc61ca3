//! A tool that looks into files without loading them: `pollux check FILE ...`.
//!
//! Under the name redis-check-rdb it behaves as that tool: it takes one file, says the same lines and ends with the
//! same status; likewise redis-check-aof. Under its own name it adds answers to common questions about a dump: how many
//! keys of each type there are, which are the largest, when they expire; and it names keys that are there twice, which
//! is a fault.
//!
//! The server does not know this room. What it needs of it, `main` hands in.

mod aof;
mod duplicates;
mod rdb;
mod report;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config;

use rdb::check_rdb;
use report::Report;

const REDIS_CHECK_RDB: &str = "redis-check-rdb";
const REDIS_CHECK_AOF: &str = "redis-check-aof";

/// Which tool the program is when it is started under such a name.
pub fn named_by(program: &OsStr) -> Option<&'static str> {
    let name = Path::new(program).file_name()?;
    let holds = |wanted: &str| {
        name.as_bytes()
            .windows(wanted.len())
            .any(|part| part == wanted.as_bytes())
    };
    [REDIS_CHECK_RDB, REDIS_CHECK_AOF]
        .into_iter()
        .find(|tool| holds(tool))
}

/// Says on the process's output what is wrong with an RDB file: for a server that could not read it.
pub fn examine(path: &Path) {
    check_rdb(path, None);
}

/// Runs a tool; returns the status that the process shall end with.
pub fn run(name: &str, words: &[Vec<u8>]) -> i32 {
    match name {
        REDIS_CHECK_RDB => redis_check_rdb(words),
        REDIS_CHECK_AOF => redis_check_aof(words),
        "check" => check(words),
        _ => {
            eprintln!("{name} is not part of this build.");
            1
        }
    }
}

fn redis_check_rdb(words: &[Vec<u8>]) -> i32 {
    match words {
        [word] if matches!(word.as_slice(), b"-v" | b"--version") => {
            tell_version(REDIS_CHECK_RDB);
            0
        }
        [file] => i32::from(!check_rdb(path(file), None)),
        _ => {
            eprintln!("Usage: {REDIS_CHECK_RDB} <rdb-file-name>");
            1
        }
    }
}

fn redis_check_aof(words: &[Vec<u8>]) -> i32 {
    match words {
        [word] if matches!(word.as_slice(), b"-v" | b"--version") => {
            tell_version(REDIS_CHECK_AOF);
            0
        }
        words => aof::redis_check_aof(REDIS_CHECK_AOF, words),
    }
}

fn tell_version(tool: &str) {
    let version = config::version();
    let facts = version.split_once("v=").map_or("", |(_, facts)| facts);
    println!("{tool} v={}", facts.trim_end());
}

/// Checks one file after the other.
fn check(words: &[Vec<u8>]) -> i32 {
    if words.is_empty() {
        eprintln!("Usage: pollux check <file> ...");
        return 1;
    }
    let mut are_fine = true;
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            println!();
        }
        if aof::is_log(path(word)) {
            are_fine &= aof::check_log(path(word));
            continue;
        }
        let mut report = Report::default();
        are_fine &= check_rdb(path(word), Some(&mut report));
        report.print();
        are_fine &= report.duplicates.tell();
    }
    i32::from(!are_fine)
}

fn path(word: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(word))
}
