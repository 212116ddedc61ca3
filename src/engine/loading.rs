//! Takes in what was read from a file.
//!
//! Another thread reads and builds the values; here they only find their places. So a load goes on in slices between
//! which clients are served, with the refusal that the data set is not there yet; see `gate`. The same function takes
//! in a file that is read on the spot.
//!
//! What is not known here: where the bytes come from, and what becomes of a server whose file is damaged.

use std::fmt;
use std::ops::Range;

use crate::base::hash::Seed;
use crate::config::Config;
use crate::keyspace::load::{Arrival, Duplicate, OnDuplicate};
use crate::keyspace::{AccessPolicy, New};
use crate::persist::rdb::Limits;
use crate::persist::rdb::file::{Access, Batch, Event, Held, Options, Record, Verdict};
use crate::store::INLINE_MAX;

use super::Engine;
use super::persistence::{Progress, Tally};

/// How keys of a file are taken in.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub on_duplicate: OnDuplicate,
    /// Keys whose time has passed are left out. Not so where deletions follow: in a replica, and before the rest of an
    /// append-only file.
    pub drops_expired: bool,
}

impl Manner {
    /// Of a file that is all of the data set.
    pub const WHOLE: Self = Self {
        on_duplicate: OnDuplicate::Refuse,
        drops_expired: true,
    };
}

/// A load in progress.
#[derive(Debug)]
pub struct Load {
    manner: Manner,
    /// Keys are of this database.
    db: u16,
    tally: Tally,
    /// A file cannot hold more keys than this, whatever it says.
    keys_max: u64,
    empty_told: u64,
}

/// Why what was read cannot be taken in.
#[derive(Debug)]
pub enum Refusal {
    Duplicate { key: Vec<u8>, db: u16 },
    NoSuchDb { databases: usize },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { key, db } => write!(
                f,
                "RDB has duplicated key '{}' in DB {db}",
                String::from_utf8_lossy(key)
            ),
            Self::NoSuchDb { databases } => write!(
                f,
                "FATAL: Data file was created with a Redis server configured to handle more than {databases} databases. Exiting"
            ),
        }
    }
}

/// The smallest key takes so many bytes of a file.
const RECORD_BYTES_MIN: u64 = 4;

/// So many keys are hashed, and their memory sent for, before the first of them is put in.
const LOOK_AHEAD: usize = 32;

/// So many empty keys are named in the log; the rest is only counted.
const EMPTY_TOLD_MAX: u64 = 10;

/// How values that are read take shape under this configuration.
pub fn rdb_limits(config: &Config, seed: Seed, big_element: usize) -> Limits {
    Limits {
        list: config.list_limits(big_element),
        set: config.set_limits(seed),
        hash: config.hash_limits(seed),
        zset: config.zset_limits(seed),
    }
}

impl Engine {
    /// How values that are read take shape.
    pub fn rdb_limits(&self) -> Limits {
        let services = &self.services;
        rdb_limits(
            &services.config,
            self.keyspace.seed(),
            services.debug.big_list_element,
        )
    }

    /// How files are read.
    pub fn rdb_options(&self) -> Options {
        Options {
            checks: self.services.config.rdbchecksum && !self.services.debug.skips_checksums,
            skips_modules: self.services.config.rdb_skip_modules,
            short_max: INLINE_MAX,
        }
    }

    /// From now on until `end_loading` the data set is not all there. So many bytes are to be read.
    pub fn begin_loading(&mut self, bytes_total: u64) {
        self.services.server.is_loading = true;
        self.services.persistence.loading = Some(Progress {
            started_s: self.now.unix_ms / 1000,
            bytes_total,
            ..Progress::default()
        });
    }

    /// The data set is there, or there will be none.
    pub fn end_loading(&mut self) {
        self.services.server.is_loading = false;
        self.services.persistence.loading = None;
    }

    /// So much has been read of the present file.
    pub fn note_loaded(&mut self, bytes: u64) {
        if let Some(progress) = &mut self.services.persistence.loading {
            progress.bytes = progress.bytes_before + bytes;
        }
    }

    /// A file of so many bytes has been taken in.
    pub fn file_loaded(&mut self, bytes: u64) {
        if let Some(progress) = &mut self.services.persistence.loading {
            progress.bytes_before += bytes;
            progress.bytes = progress.bytes_before;
        }
    }

    /// Takes in a batch, and leaves it empty.
    pub fn take_in(&mut self, load: &mut Load, batch: &mut Batch) -> Result<(), Refusal> {
        let arena = std::mem::take(&mut batch.arena);
        let mut records = Vec::with_capacity(LOOK_AHEAD);
        let mut outcome = Ok(());
        for event in batch.events.drain(..) {
            if let Event::Key(record) = event {
                records.push(record);
                if records.len() == LOOK_AHEAD {
                    outcome = self.put_in(load, &arena, &mut records);
                }
            } else {
                outcome = self
                    .put_in(load, &arena, &mut records)
                    .and_then(|()| self.note(load, &arena, event));
            }
            if outcome.is_err() {
                break;
            }
        }
        outcome = outcome.and_then(|()| self.put_in(load, &arena, &mut records));
        self.note_loaded(batch.offset);
        batch.arena = arena;
        batch.clear();
        outcome
    }

    /// Whatever is no key.
    fn note(&mut self, load: &mut Load, arena: &[u8], event: Event) -> Result<(), Refusal> {
        match event {
            Event::Aux { name, value } => self.note_aux(&name, &value),
            Event::Functions(code) => self.services.persistence.libraries.push(code),
            Event::SelectDb(db) => {
                let databases = self.keyspace.dbs.len();
                load.db = u16::try_from(db)
                    .ok()
                    .filter(|db| usize::from(*db) < databases)
                    .ok_or(Refusal::NoSuchDb { databases })?;
            }
            Event::Sizes { keys, .. } => {
                self.keyspace
                    .expect(load.db, keys.min(load.keys_max) as usize);
            }
            Event::EmptyKey(key) => {
                load.tally.empty += 1;
                if load.empty_told < EMPTY_TOLD_MAX {
                    load.empty_told += 1;
                    let key = String::from_utf8_lossy(&arena[key]);
                    log::info!("rdbLoadObject skipping empty key: {key}");
                }
            }
            Event::Skipped { module, key } => {
                let what = key.map_or("auxiliary data".into(), |key| {
                    format!("the key '{}'", String::from_utf8_lossy(&arena[key]))
                });
                log::warn!("Skipping {what} of the module '{module}', as rdb-skip-modules says");
            }
            Event::End(Verdict::None) => {
                log::info!("RDB file was saved with checksum disabled: no check performed.");
            }
            Event::Version(_) | Event::End(_) => {}
            Event::Key(_) => unreachable!("the caller keeps keys for itself"),
        }
        Ok(())
    }

    fn note_aux(&mut self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let number = || text.parse::<i64>().unwrap_or(0);
        match name {
            b"redis-ver" | b"valkey-ver" => log::info!("Loading RDB produced by version {text}"),
            b"ctime" => {
                let age = (self.now.unix_ms / 1000).saturating_sub(number()).max(0);
                log::info!("RDB age {age} seconds");
            }
            b"used-mem" => {
                let bytes = number();
                log::info!(
                    "RDB memory usage when created {:.2} Mb",
                    bytes as f64 / (1024.0 * 1024.0)
                );
                if let Some(progress) = &mut self.services.persistence.loading {
                    progress.used_memory = bytes.max(0) as u64;
                }
            }
            b"aof-preamble" if number() != 0 => log::info!("RDB has an AOF tail"),
            b"aof-base" if number() != 0 => log::info!("RDB is base AOF"),
            _ => {}
        }
    }

    /// Puts a handful of keys in.
    fn put_in(
        &mut self,
        load: &mut Load,
        arena: &[u8],
        records: &mut Vec<Record>,
    ) -> Result<(), Refusal> {
        let dict = &self.keyspace.dbs[usize::from(load.db)].dict;
        let mut hashes = [0; LOOK_AHEAD];
        for (record, hash) in records.iter().zip(&mut hashes) {
            *hash = dict.hash(&arena[record.key.clone()]);
            dict.prefetch_bucket(*hash);
        }
        for (record, hash) in records.drain(..).zip(hashes) {
            let is_expired = record
                .deadline
                .is_some_and(|deadline| deadline < self.now.unix_ms);
            if is_expired && load.manner.drops_expired {
                load.tally.expired += 1;
                continue;
            }
            let access = self.access_word(record.access);
            let key = &arena[record.key];
            let new = match record.value {
                Held::Int(number) => New::Int(number),
                Held::Short(Range { start, end }) => New::Inline(&arena[start..end]),
                Held::Value(value) => New::Object(value),
            };
            let arrival = Arrival {
                db: load.db,
                hash,
                key,
                new,
                deadline: record.deadline,
                access,
            };
            self.keyspace
                .load(arrival, load.manner.on_duplicate)
                .map_err(|Duplicate| Refusal::Duplicate {
                    key: key.to_vec(),
                    db: load.db,
                })?;
            load.tally.loaded += 1;
        }
        Ok(())
    }

    /// The access word of a key, from what the file says if the policy is the same.
    fn access_word(&self, access: Option<Access>) -> u32 {
        let now_ms = self.now.unix_ms;
        let policy = &self.keyspace.access;
        match access {
            Some(Access::IdleSeconds(seconds)) if !policy.is_lfu => {
                AccessPolicy::idle_since(seconds, now_ms)
            }
            Some(Access::Frequency(count)) if policy.is_lfu => {
                AccessPolicy::with_frequency(count, now_ms)
            }
            _ => policy.fresh(now_ms),
        }
    }
}

impl Load {
    /// Of a file of so many bytes.
    pub fn new(manner: Manner, bytes: u64) -> Self {
        Self {
            manner,
            db: 0,
            tally: Tally::default(),
            keys_max: bytes / RECORD_BYTES_MIN,
            empty_told: 0,
        }
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The line that ends a load.
    pub fn summary(&self) -> String {
        let Tally {
            loaded,
            expired,
            empty,
        } = self.tally;
        let skipped = if empty == 0 {
            String::new()
        } else {
            format!(", empty keys skipped: {empty}")
        };
        format!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}{skipped}.")
    }
}
