//! Reads an RDB file from end to end and says what it finds, in the lines of redis-check-rdb.
//!
//! Each line begins with how far the file has been read. Values are built as they would be for a server, so everything
//! that a server would refuse is found here.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use crate::base::hash::Seed;
use crate::base::time::Clock;
use crate::check::report::Report;
use crate::config::{Config, explain};
use crate::engine::dataset::reading::rdb_limits;
use crate::persist::rdb::file::{
    CHECKSUMS_SINCE, Event, FileReader, Held, Options, Place, Record, Trouble, Verdict,
};
use crate::persist::rdb::{Limits, kind};
use crate::store::INLINE_MAX;
use crate::types::Value;

/// The counters of redis-check-rdb.
#[derive(Default)]
struct Counts {
    keys: u64,
    expires: u64,
    expired: u64,
    with_timed_fields: u64,
    empty: u64,
}

impl Counts {
    fn print(&self) {
        println!("[info] {} keys read", self.keys);
        println!("[info] {} expires", self.expires);
        println!("[info] {} already expired", self.expired);
        println!("[info] {} subexpires", self.with_timed_fields);
        if self.empty > 0 {
            println!("[info] {} empty keys", self.empty);
        }
    }
}

/// The part behind the RDB part of a file: bytes that were read already, the rest, and where both begin.
pub(crate) fn skip_rdb(path: &Path) -> Option<(Vec<u8>, File, u64)> {
    let mut reader = FileReader::new(File::open(path).ok()?, &limits(), options(false));
    let mut arena = Vec::new();
    loop {
        arena.clear();
        if let Event::End(_) = reader.next(&mut arena).ok()? {
            let offset = reader.offset();
            let (ahead, file) = reader.into_input();
            return Some((ahead, file, offset));
        }
    }
}

/// Returns whether the file is all right. Its content goes into the report.
pub(crate) fn check_rdb(path: &Path, mut report: Option<&mut Report>) -> bool {
    println!("[offset 0] Checking RDB file {}", path.display());
    let mut reader = match File::open(path) {
        Ok(file) => FileReader::new(file, &limits(), options(true)),
        Err(error) => {
            eprintln!("Cannot open {}: {}", path.display(), explain(&error));
            return false;
        }
    };
    let mut counts = Counts::default();
    let mut arena = Vec::new();
    let (mut db, mut version) = (0, 0);
    loop {
        arena.clear();
        let before = reader.offset();
        let event = match reader.next(&mut arena) {
            Ok(event) => event,
            Err(trouble) => {
                tell_trouble(&trouble, reader.place(), &arena);
                counts.keys += u64::from(reader.place().key.is_some());
                counts.print();
                return false;
            }
        };
        let offset = reader.offset();
        match event {
            Event::Version(number) => {
                version = number;
                if let Some(report) = &mut report {
                    report.version = Some(version);
                }
            }
            Event::Aux { name, value } => {
                let (name, value) = (shown(&name), shown(&value));
                println!("[offset {offset}] AUX FIELD {name} = '{value}'");
            }
            Event::Functions(code) => {
                println!("[offset {offset}] Function library, {} bytes", code.len());
            }
            Event::SelectDb(number) => {
                db = number;
                println!("[offset {offset}] Selecting DB ID {db}");
            }
            Event::Sizes { .. } => {}
            Event::Key(record) => {
                count(&mut counts, &record);
                if let Some(report) = &mut report {
                    report.add(db, &arena[record.key.clone()], &record, offset - before);
                }
            }
            Event::EmptyKey(key) => {
                counts.empty += 1;
                println!(
                    "[offset {offset}] Skipping empty key: {}",
                    shown(&arena[key])
                );
            }
            Event::Skipped { module, key: None } => {
                println!("[offset {offset}] MODULE AUX for: {module}");
            }
            Event::Skipped { module, key } => {
                counts.keys += 1;
                let key = key.map_or(Cow::default(), |key| shown(&arena[key]));
                println!("[offset {offset}] Skipping the key '{key}' of the module '{module}'");
            }
            Event::End(verdict) => {
                tell_verdict(verdict, version, offset);
                println!("[offset {offset}] \\o/ RDB looks OK! \\o/");
                counts.print();
                return true;
            }
        }
    }
}

fn shown(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn tell_verdict(verdict: Verdict, version: u16, offset: u64) {
    match verdict {
        Verdict::Matches => println!("[offset {offset}] Checksum OK"),
        Verdict::None if version >= CHECKSUMS_SINCE => {
            println!(
                "[offset {offset}] RDB file was saved with checksum disabled: no check performed."
            );
        }
        Verdict::None | Verdict::Ignored => {}
    }
}

fn count(counts: &mut Counts, record: &Record) {
    counts.keys += 1;
    if let Some(deadline) = record.deadline {
        counts.expires += 1;
        counts.expired += u64::from(deadline < Clock::system().unix_ms());
    }
    if let Held::Value(Value::Hash(hash)) = &record.value {
        counts.with_timed_fields += u64::from(hash.soonest().is_some());
    }
}

fn tell_trouble(trouble: &Trouble, place: &Place, arena: &[u8]) {
    let Trouble { offset, wrong } = trouble;
    println!("--- RDB ERROR DETECTED ---");
    println!("[offset {offset}] {wrong}");
    println!("[additional info] While doing: {}", place.doing.name());
    if let Some(key) = place.key.clone() {
        let key = String::from_utf8_lossy(&arena[key]);
        println!("[additional info] Reading key '{key}'");
    }
    if let Some(kind) = place.kind {
        println!(
            "[additional info] Reading type {kind} ({})",
            kind::name(kind)
        );
    }
}

fn options(checks: bool) -> Options {
    Options {
        checks,
        // To look at the rest of a file is of use even where its modules are missing.
        skips_modules: true,
        short_max: INLINE_MAX,
    }
}

/// Values take the shapes that they have by default.
fn limits() -> Limits {
    rdb_limits(&Config::new(), Seed::from_os(), 0)
}
