//! Keys that a file has twice. A server refuses such a file, and its error names only the first of them.

use std::collections::HashSet;

use crate::base::hash::Seed;
use crate::base::text::quote;

/// So many keys are named.
const NAMED_MAX: usize = 10;

/// Sets the fingerprints of the same key in two databases apart.
const DB_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

pub(crate) struct Duplicates {
    /// Two fingerprints of each key and its database. Keys are told apart by these 128 bits, so that a file with long
    /// keys takes no more memory than one with short ones.
    seen: HashSet<[u64; 2]>,
    seeds: [Seed; 2],
    count: u64,
    /// The first of them.
    named: Vec<(u64, Vec<u8>)>,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self {
            seen: HashSet::new(),
            seeds: [Seed::from_os(), Seed::from_os()],
            count: 0,
            named: Vec::new(),
        }
    }
}

impl Duplicates {
    /// A key of the file.
    pub(crate) fn note(&mut self, db: u64, key: &[u8]) {
        let [first, second] = &self.seeds;
        let fingerprints = [first, second].map(|seed| seed.hash(key) ^ db.wrapping_mul(DB_FACTOR));
        if self.seen.insert(fingerprints) {
            return;
        }
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push((db, key.to_vec()));
        }
    }

    /// Says which they are. Returns whether there are none.
    pub(crate) fn tell(&self) -> bool {
        if self.count == 0 {
            return true;
        }
        println!(
            "\nKeys that are there again: {}. A server refuses the file unless rdb-duplicate-keys is 'replace'.",
            self.count
        );
        for (db, key) in &self.named {
            println!("db{db} {}", String::from_utf8_lossy(&quote(key)));
        }
        false
    }
}
