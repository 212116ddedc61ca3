//! Takes in a file that was read. How it is read, says `reading`.
//!
//! Another thread reads and builds the values; here they only find their places. So a load goes on in slices between
//! which clients are served, with the refusal that the data set is not there yet; see `gate`. The same function takes
//! in a file that is read on the spot.
//!
//! Not known here: where the bytes come from, and what becomes of a server whose file is damaged.

use std::fmt;
use std::ops::Range;

use crate::config::RdbDuplicates;
use crate::keyspace::load::{Arrival, Arrived, Duplicate, OnDuplicate};
use crate::keyspace::{AccessPolicy, New};
use crate::persist::rdb::file::{Access, Batch, Event, Held, Record, Verdict};
use crate::script::Functions;

use crate::engine::Engine;
use crate::engine::dataset::{Progress, Tally};
use crate::engine::replication::Told;

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
    pub(crate) const WHOLE: Self = Self {
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

/// The reason why a file cannot be taken in.
#[derive(Debug)]
pub enum Refusal {
    Duplicate {
        key: Vec<u8>,
        db: u16,
    },
    NoSuchDb {
        databases: usize,
    },
    /// A library of functions cannot be loaded, for this reason.
    Library(Vec<u8>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { key, db } => write!(
                f,
                "RDB has duplicated key '{}' in DB {db}. With rdb-duplicate-keys 'replace' the later one is kept",
                String::from_utf8_lossy(key)
            ),
            Self::Library(reason) => write!(
                f,
                "Failed loading a library of functions: {}",
                String::from_utf8_lossy(reason)
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

impl Engine {
    /// From now on until `end_loading` the data set is not all there. So many bytes are to be read.
    pub fn begin_loading(&mut self, bytes_total: u64) {
        self.services.server.is_loading = true;
        self.services.replication.told = Told::default();
        // The content of a file is written down already.
        self.fx.listening = false;
        self.services.persistence.loading = Some(Progress {
            started_s: self.now.unix_ms / 1000,
            bytes_total,
            ..Progress::default()
        });
    }

    /// The data set is there, or there will be none.
    pub fn end_loading(&mut self) {
        self.services.server.is_loading = false;
        self.services.server.serves_while_loading = false;
        self.services.persistence.loading = None;
        self.update_listening();
    }

    /// The data set is there: so much was in its file.
    pub(crate) fn handle_loaded(&mut self, tally: Tally) {
        self.services.persistence.last_load = tally;
    }

    /// DEBUG LOADAOF has read the log again: nothing has changed since.
    pub(crate) fn handle_reloaded(&mut self) {
        self.keyspace.journal.dirty = 0;
    }

    /// Empties the data set, so that a file can be read in its place. No session is lent out.
    pub(crate) fn forget_dataset(&mut self) {
        for db in 0..self.keyspace.dbs.len() as u16 {
            self.keyspace.flush(db, true);
        }
        self.services.functions = Functions::default();
        self.tell_all_is_gone();
    }

    /// Whoever watches keys or keeps copies of them hears it now: plain commands find the journal empty.
    pub(in crate::engine) fn tell_all_is_gone(&mut self) {
        self.keyspace.journal.flushed(None);
        self.settle_consequences();
    }

    /// So much has been read of the present file.
    pub(crate) fn note_loaded(&mut self, bytes: u64) {
        if let Some(progress) = &mut self.services.persistence.loading {
            progress.bytes = progress.bytes_before + bytes;
        }
    }

    /// A file of so many bytes has been taken in.
    pub(crate) fn file_loaded(&mut self, bytes: u64) {
        if let Some(progress) = &mut self.services.persistence.loading {
            progress.bytes_before += bytes;
            progress.bytes = progress.bytes_before;
        }
    }

    /// Takes in a batch, and leaves it empty.
    pub fn take_in(&mut self, load: &mut Load, batch: &mut Batch) -> Result<(), Refusal> {
        self.exchange_if_aside();
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
        self.exchange_if_aside();
        self.note_loaded(batch.offset);
        batch.arena = arena;
        batch.clear();
        outcome
    }

    /// Notes everything that is no key.
    fn note(&mut self, load: &mut Load, arena: &[u8], event: Event) -> Result<(), Refusal> {
        match event {
            Event::Aux { name, value } => self.note_aux(&name, &value),
            Event::Functions(text) => self.take_library(load, &text)?,
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
                    let key = self.services.loggable(&arena[key]);
                    log::info!("rdbLoadObject skipping empty key: {key}");
                }
            }
            Event::Skipped { module, key } => {
                let what = key.map_or("auxiliary data".into(), |key| {
                    format!("the key '{}'", self.services.loggable(&arena[key]))
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

    /// Loads a library of functions, however long that takes.
    fn take_library(&mut self, load: &Load, text: &[u8]) -> Result<(), Refusal> {
        let replaces = self.on_duplicate(load) == OnDuplicate::Replace;
        let loaded = self.services.functions.load(text, replaces, None);
        loaded.map(|_| ()).map_err(Refusal::Library)
    }

    /// What becomes of a key or library that is there and comes once more.
    fn on_duplicate(&self, load: &Load) -> OnDuplicate {
        match self.services.config.rdb_duplicate_keys {
            RdbDuplicates::Refuse => load.manner.on_duplicate,
            RdbDuplicates::Replace => OnDuplicate::Replace,
        }
    }

    /// Puts a handful of keys in.
    fn put_in(
        &mut self,
        load: &mut Load,
        arena: &[u8],
        records: &mut Vec<Record>,
    ) -> Result<(), Refusal> {
        let on_duplicate = self.on_duplicate(load);
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
            // A replica leaves that to its primary.
            let may_drop = load.manner.drops_expired && !self.services.replication.is_replica();
            if is_expired && may_drop {
                load.tally.expired += 1;
                let key = &arena[record.key];
                self.services.replication.told.note_gone(load.db, key);
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
            let arrived = self
                .keyspace
                .load(arrival, on_duplicate)
                .map_err(|Duplicate| Refusal::Duplicate {
                    key: key.to_vec(),
                    db: load.db,
                })?;
            load.tally.loaded += 1;
            // Where the load merges into the present keys, a key that is replaced is no news.
            if arrived == Arrived::Replaced && load.manner.on_duplicate == OnDuplicate::Refuse {
                log::warn!(
                    "RDB has duplicated key '{}' in DB {}. The later one is kept, as rdb-duplicate-keys says",
                    String::from_utf8_lossy(key),
                    load.db
                );
            }
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

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// The line that ends a load.
    pub(crate) fn summary(&self) -> String {
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
