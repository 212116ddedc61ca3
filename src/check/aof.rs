//! Reads the files of an append-only log and says whether they are whole, in the lines of redis-check-aof.
//!
//! `--fix` cuts off the bytes behind the last complete command, after a question; `--truncate-to-timestamp` cuts off
//! the commands after a moment. Only the last file may be cut: commands behind a gap must not be read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use crate::base::text::{explain, same_word};
use crate::check::rdb::{check_rdb, skip_rdb};
use crate::check::report::Report;
use crate::persist::aof::{Item, Manifest, Reader, Trouble};

/// The wishes about findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wishes {
    fixes: bool,
    /// Cut off what happened after this moment, in seconds of Unix time.
    until_s: Option<i64>,
    /// Name the keys that an RDB preamble has twice. redis-check-aof does not look for them.
    names_duplicates: bool,
}

impl Wishes {
    /// Those of `pollux check`.
    const OURS: Self = Self {
        fixes: false,
        until_s: None,
        names_duplicates: true,
    };
}

/// The result for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fine,
    Empty,
    CutAtTime(i64),
    Cut,
}

/// The log is damaged, or cannot be read; it has been said.
struct Damaged;

/// redis-check-aof [--fix | --truncate-to-timestamp TIME] FILE
pub(crate) fn redis_check_aof(name: &str, words: &[Vec<u8>]) -> i32 {
    let usage = || {
        println!(
            "Usage: {name} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>"
        );
        1
    };
    let (wishes, file) = match words {
        [file] => (Wishes::default(), file),
        [option, file] if option == b"--fix" => {
            let wishes = Wishes {
                fixes: true,
                ..Wishes::default()
            };
            (wishes, file)
        }
        [option, time, file] if option == b"--truncate-to-timestamp" => {
            let time = std::str::from_utf8(time)
                .ok()
                .and_then(|time| time.parse().ok());
            let Some(time) = time.filter(|time| *time > 0) else {
                println!("Invalid timestamp, aborting...");
                return 1;
            };
            let wishes = Wishes {
                until_s: Some(time),
                ..Wishes::default()
            };
            (wishes, file)
        }
        _ => return usage(),
    };
    i32::from(check_aof(super::path(file), wishes).is_err())
}

/// Whether a file or a directory is of an append-only log, and not an RDB file.
pub(crate) fn is_log(path: &Path) -> bool {
    path.is_dir() || manifest_text(path).is_some() || !begins_as_rdb(path)
}

/// `pollux check`: as redis-check-aof, and a directory will do.
pub(crate) fn check_log(path: &Path) -> bool {
    if !path.is_dir() {
        return check_aof(path, Wishes::OURS).is_ok();
    }
    let manifests = fs::read_dir(path).into_iter().flatten().flatten();
    let manifests: Vec<PathBuf> = manifests
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "manifest"))
        .collect();
    if manifests.is_empty() {
        println!("There is no manifest in {}", path.display());
    }
    !manifests.is_empty()
        && manifests
            .iter()
            .all(|path| check_aof(path, Wishes::OURS).is_ok())
}

fn check_aof(path: &Path, wishes: Wishes) -> Result<(), Damaged> {
    if let Some(text) = manifest_text(path) {
        return check_parts(path, &text, wishes);
    }
    println!("Start checking Old-Style AOF");
    let outcome = check_one(path, true, wishes)?;
    tell(outcome, path, "AOF");
    Ok(())
}

/// The text of a manifest, if the file is one: its first line that is no comment names a file.
fn manifest_text(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let mut start = Vec::new();
    // A log can be large, and its first line tells.
    file.take(MANIFEST_BYTES_MAX).read_to_end(&mut start).ok()?;
    let first = start
        .split(|byte| *byte == b'\n')
        .find(|line| !line.starts_with(b"#"))?;
    first.starts_with(b"file").then_some(start)
}

const MANIFEST_BYTES_MAX: u64 = 64 << 20;

fn begins_as_rdb(path: &Path) -> bool {
    let mut magic = [0; 5];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"REDIS"
}

fn check_parts(path: &Path, text: &[u8], wishes: Wishes) -> Result<(), Damaged> {
    println!("Start checking Multi Part AOF");
    let manifest = Manifest::parse(text).map_err(|fault| {
        println!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n{fault}");
        Damaged
    })?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let count = manifest.to_read().count();
    if let Some(base) = &manifest.base {
        let path = directory.join(name(&base.name));
        let format = if begins_as_rdb(&path) { "RDB" } else { "RESP" };
        println!("Start to check BASE AOF ({format} format).");
        let outcome = check_one(&path, count == 1, wishes)?;
        tell(outcome, &path, "BASE AOF");
    }
    if !manifest.increments.is_empty() {
        println!("Start to check INCR files.");
    }
    for (at, increment) in manifest.increments.iter().enumerate() {
        let path = directory.join(name(&increment.name));
        let is_last = at + 1 == manifest.increments.len();
        let outcome = check_one(&path, is_last, wishes)?;
        tell(outcome, &path, "INCR AOF");
    }
    println!("All AOF files and manifest are valid");
    Ok(())
}

fn name(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

fn shown(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn tell(outcome: Outcome, path: &Path, kind: &str) {
    let name = shown(path);
    match outcome {
        Outcome::Fine => println!("{kind} {name} is valid"),
        Outcome::Empty => println!("{kind} {name} is empty"),
        Outcome::CutAtTime(time) => {
            println!("Successfully truncated AOF {name} to timestamp {time}");
        }
        Outcome::Cut => println!("Successfully truncated AOF {name}"),
    }
}

/// The file, and how long it is.
fn open(path: &Path) -> Result<(File, u64), Damaged> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened
        .and_then(|file| {
            let size = file.metadata()?.len();
            Ok((file, size))
        })
        .map_err(|error| {
            println!(
                "Cannot open file {}: {}, aborting...",
                path.display(),
                explain(&error)
            );
            Damaged
        })
}

/// Reads the commands of a file, and says where they begin: behind its RDB part, if it has one and that is all right.
fn behind_preamble(
    path: &Path,
    file: &File,
    wishes: Wishes,
) -> Result<(Reader<File>, u64), Damaged> {
    if !begins_as_rdb(path) {
        let copy = file.try_clone().map_err(|_| Damaged)?;
        return Ok((Reader::new(Vec::new(), copy), 0));
    }
    println!("The AOF appears to start with an RDB preamble.\nChecking the RDB preamble to start:");
    let mut report = wishes.names_duplicates.then(Report::default);
    let is_fine =
        check_rdb(path, report.as_mut()) && report.is_none_or(|report| report.duplicates.tell());
    let skipped = is_fine.then(|| skip_rdb(path)).flatten();
    let Some((ahead, rest, start)) = skipped else {
        println!("RDB preamble of AOF file is not sane, aborting.");
        return Err(Damaged);
    };
    println!("RDB preamble is OK, proceeding with AOF tail...");
    Ok((Reader::new(ahead, rest), start))
}

fn check_one(path: &Path, is_last: bool, wishes: Wishes) -> Result<Outcome, Damaged> {
    let name = shown(path);
    let (file, size) = open(path)?;
    if size == 0 {
        return Ok(Outcome::Empty);
    }
    let (mut reader, start) = behind_preamble(path, &file, wishes)?;
    let found = walk(&mut reader, start, wishes.until_s);
    let lines = reader.lines();
    if let Found::Later { offset } = found {
        return cut_at_time(&file, &name, offset, wishes.until_s.unwrap_or(0), is_last);
    }
    let (good, complaint) = match found {
        Found::End => (size, None),
        Found::Trouble { good, at, text } => (good, Some(format!("0x{at:16x}: {text}"))),
        Found::Later { offset } => (offset, None),
    };
    if let Some(complaint) = complaint {
        println!("{complaint}");
    }
    let bad = size.saturating_sub(good);
    if bad == 0
        && let Some(until_s) = wishes.until_s
    {
        println!("Truncate nothing in AOF {name} to timestamp {until_s}");
        return Ok(Outcome::Fine);
    }
    println!(
        "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={lines}, diff={bad}"
    );
    if bad == 0 {
        return Ok(Outcome::Fine);
    }
    if !wishes.fixes {
        println!("AOF {name} is not valid. Use the --fix option to try fixing it.");
        return Err(Damaged);
    }
    if !is_last {
        println!("Failed to truncate AOF {name} because it is not the last file");
        return Err(Damaged);
    }
    println!(
        "This will shrink the AOF {name} from {size} bytes, with {bad} bytes, to {good} bytes"
    );
    if !is_confirmed() {
        println!("Aborting...");
        return Err(Damaged);
    }
    if file.set_len(good).is_err() {
        println!("Failed to truncate AOF {name}");
        return Err(Damaged);
    }
    Ok(Outcome::Cut)
}

fn is_confirmed() -> bool {
    print!("Continue? [y/N]: ");
    let _ = io::stdout().flush();
    let mut answer = Vec::new();
    let read = io::stdin().lock().read_until(b'\n', &mut answer);
    read.is_ok()
        && answer
            .first()
            .is_some_and(|letter| letter.eq_ignore_ascii_case(&b'y'))
}

/// Where a walk through a file has come to.
enum Found {
    End,
    /// The commands that begin here happened later than wanted.
    Later {
        offset: u64,
    },
    Trouble {
        good: u64,
        at: u64,
        text: String,
    },
}

fn walk(reader: &mut Reader<File>, start: u64, until_s: Option<i64>) -> Found {
    let mut is_in_transaction = false;
    let mut good = start;
    loop {
        let at = start + reader.offset();
        match reader.item() {
            Ok(Item::Command(args)) => {
                let word = args.name();
                if same_word(word, b"multi") {
                    if is_in_transaction {
                        let text = "Unexpected MULTI".into();
                        return Found::Trouble { good, at, text };
                    }
                    is_in_transaction = true;
                } else if same_word(word, b"exec") {
                    if !is_in_transaction {
                        let text = "Unexpected EXEC".into();
                        return Found::Trouble { good, at, text };
                    }
                    is_in_transaction = false;
                }
            }
            Ok(Item::Time(seconds)) => {
                if until_s.is_some_and(|until_s| seconds > until_s) {
                    return Found::Later { offset: at };
                }
            }
            Ok(Item::Comment) => {}
            Ok(Item::End) if is_in_transaction => {
                let text = "Reached EOF before reading EXEC for MULTI".into();
                return Found::Trouble { good, at, text };
            }
            Ok(Item::End) => return Found::End,
            Err(trouble) => {
                let text = match trouble {
                    Trouble::Ended => "Unexpected end of file".to_string(),
                    trouble => trouble.to_string(),
                };
                return Found::Trouble { good, at, text };
            }
        }
        if !is_in_transaction {
            good = start + reader.offset();
        }
    }
}

fn cut_at_time(
    file: &File,
    name: &str,
    offset: u64,
    until_s: i64,
    is_last: bool,
) -> Result<Outcome, Damaged> {
    if offset == 0 {
        println!("AOF {name} has nothing before timestamp {until_s}, aborting...");
        return Err(Damaged);
    }
    if !is_last {
        println!(
            "Failed to truncate AOF {name} to timestamp {until_s} to offset {offset} because it is not the last file."
        );
        println!(
            "If you insist, please delete all files after this file according to the manifest file and delete the corresponding records in manifest file manually. Then re-run redis-check-aof."
        );
        return Err(Damaged);
    }
    if file.set_len(offset).is_err() {
        println!("Failed to truncate AOF {name} to timestamp {until_s}");
        return Err(Damaged);
    }
    Ok(Outcome::CutAtTime(until_s))
}
