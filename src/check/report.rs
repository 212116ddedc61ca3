//! The content of a file, for people: keys by type, the largest, the next to expire.

use std::collections::BTreeMap;

use crate::base::text::quote;
use crate::base::time::{Clock, Date};
use crate::check::duplicates::Duplicates;
use crate::observe::logging;
use crate::persist::rdb::file::{Held, Record};
use crate::types::Kind;

/// So many keys are named.
const LARGEST_MAX: usize = 10;

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) duplicates: Duplicates,
    pub(crate) version: Option<u16>,
    kinds: BTreeMap<&'static str, Sum>,
    databases: BTreeMap<u64, Sum>,
    /// The largest first.
    largest: Vec<Large>,
    /// The soonest and the latest deadline.
    deadlines: Option<(i64, i64)>,
}

#[derive(Default)]
struct Sum {
    keys: u64,
    elements: u64,
    bytes: u64,
    expires: u64,
}

struct Large {
    bytes: u64,
    db: u64,
    kind: &'static str,
    elements: u64,
    key: Vec<u8>,
}

impl Report {
    /// Adds a key that takes so many bytes of the file.
    pub(crate) fn add(&mut self, db: u64, key: &[u8], record: &Record, bytes: u64) {
        self.duplicates.note(db, key);
        let (kind, elements) = match &record.value {
            Held::Int(_) | Held::Short(_) => (Kind::String, 1),
            Held::Value(value) => match value.kind() {
                Kind::String => (Kind::String, 1),
                kind => (kind, value.len() as u64),
            },
        };
        let kind = kind.name();
        let sums = [
            self.kinds.entry(kind).or_default(),
            self.databases.entry(db).or_default(),
        ];
        for sum in sums {
            sum.keys += 1;
            sum.elements += elements;
            sum.bytes += bytes;
            sum.expires += u64::from(record.deadline.is_some());
        }
        if let Some(deadline) = record.deadline {
            let (soonest, latest) = self.deadlines.unwrap_or((deadline, deadline));
            self.deadlines = Some((soonest.min(deadline), latest.max(deadline)));
        }
        let is_full = self.largest.len() == LARGEST_MAX;
        if is_full && self.largest.last().is_some_and(|last| last.bytes >= bytes) {
            return;
        }
        let place = self.largest.partition_point(|large| large.bytes >= bytes);
        let large = Large {
            bytes,
            db,
            kind,
            elements,
            key: key.to_vec(),
        };
        self.largest.insert(place, large);
        self.largest.truncate(LARGEST_MAX);
    }

    pub(crate) fn print(&self) {
        let Some(version) = self.version else {
            return;
        };
        println!("\nRDB version {version}");
        if self.kinds.is_empty() {
            println!("There are no keys.");
            return;
        }
        let header = ["", "keys", "elements", "bytes", "expiring"];
        println!("{}", row(header.map(String::from)));
        for (kind, sum) in &self.kinds {
            println!("{}", sum.row(kind));
        }
        for (db, sum) in &self.databases {
            println!("{}", sum.row(&format!("db{db}")));
        }
        println!("\nLargest in the file");
        for large in &self.largest {
            println!(
                "{:>12} bytes  db{} {} of {} {}",
                large.bytes,
                large.db,
                large.kind,
                large.elements,
                String::from_utf8_lossy(&quote(&large.key))
            );
        }
        if let Some((soonest, latest)) = self.deadlines {
            let now_ms = Clock::system().unix_ms();
            println!(
                "\nDeadlines from {} to {}; now is {}",
                date(soonest),
                date(latest),
                date(now_ms)
            );
        }
    }
}

impl Sum {
    fn row(&self, name: &str) -> String {
        row([
            name.to_string(),
            self.keys.to_string(),
            self.elements.to_string(),
            self.bytes.to_string(),
            self.expires.to_string(),
        ])
    }
}

fn row([name, columns @ ..]: [String; 5]) -> String {
    columns.iter().fold(format!("{name:<8}"), |row, column| {
        format!("{row} {column:>12}")
    })
}

fn date(unix_ms: i64) -> String {
    Date::of(unix_ms, &logging::zone()).log_stamp()
}
