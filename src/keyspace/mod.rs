//! Keys to values with deadlines: the one door through which commands reach data.
//!
//! [`Keyspace`] owns the databases. A command sees them through [`Keys`], which is the selected database at one
//! instant: a key whose deadline has passed is not there, whether or not anything has removed it yet. Reads count
//! hits and misses and note the access; writes are reported to the [`journal`], which is how everybody else hears
//! of them. Not known here: clients, replies, propagation, files.
//!
//! Invariants: no value in a database is an empty aggregate; every removal goes through [`Keys::remove`] or the
//! functions beside it, so that big values are freed off the loop.

pub mod access;
pub mod db;
pub mod evict;
pub mod expiry;
pub mod fields;
pub mod freeze;
pub mod garbage;
pub mod journal;
pub mod load;
pub mod sizes;
pub mod text;
pub mod typed;

use std::sync::Arc;

use crate::base::hash::Seed;
use crate::base::rng::Rng;
use crate::store::Dict;
use crate::types::{Kind, Value};

pub use crate::store::{New, Payload, Spot, Until};
pub use access::AccessPolicy;
pub use db::{Keys, LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
pub use journal::{Event, Journal};
pub use text::Text;
pub use typed::Typed;

/// One database.
pub struct Db {
    pub dict: Dict<Value>,
    /// How large the values are; up to date after [`Keyspace::settle_sizes`].
    pub sizes: sizes::Sizes,
}

/// All databases and what they have in common.
pub struct Keyspace {
    pub dbs: Vec<Db>,
    pub journal: Journal,
    pub access: AccessPolicy,
    pub rng: Rng,
    pub counters: Counters,
    /// Whether due keys are deleted. A replica leaves that to its primary, and nothing is deleted while a pause of
    /// writes is in force; due keys are hidden all the same.
    pub may_expire: bool,
    /// Memory that tables may take to grow: as long as there is a limit and it is near, they wait.
    pub room_bytes: usize,
    /// Values and whole tables that wait to be freed off the loop.
    pub garbage: Vec<Box<dyn Send>>,
    /// How much of that is on its way.
    pub freeing: Arc<garbage::Freeing>,
    /// The first key of the running request, by its address, and its hash: it was hashed when its memory was
    /// prefetched. Set only while the request's bytes stay where they are, so the address means the key.
    pub hint: (usize, u64),
    seed: Seed,
    evictor: evict::Evictor,
    pub lazy: Lazy,
    /// The value that was lent out last, whose size may have changed since.
    loan: Option<sizes::Loan>,
    /// The snapshot that is being taken.
    pub freeze: freeze::Freeze,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Absent,
    /// Still in the table although its deadline has passed.
    Overdue,
    Live,
}

/// Which removals hand big values to the thread that frees.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lazy {
    pub expire: bool,
    pub eviction: bool,
    pub server_del: bool,
    pub user_del: bool,
    pub user_flush: bool,
}

/// What the keyspace counts; shown by INFO.
#[derive(Default, Clone, Debug)]
pub struct Counters {
    pub hits: u64,
    pub misses: u64,
    pub expired_keys: u64,
    pub expired_fields: u64,
    pub evicted_keys: u64,
}

/// Values with fewer elements are freed at once: handing them over would cost more.
const LAZY_WEIGHT_MIN: usize = 64;

impl Keyspace {
    pub fn new(databases: usize, seed: u64) -> Self {
        let seed_of_hashes = Seed::from_os();
        let dbs = (0..databases)
            .map(|_| Db {
                dict: Dict::new(seed_of_hashes),
                sizes: sizes::Sizes::default(),
            })
            .collect();
        Self {
            dbs,
            journal: Journal::default(),
            access: AccessPolicy::default(),
            rng: Rng::from_seed(seed),
            counters: Counters::default(),
            may_expire: true,
            room_bytes: usize::MAX,
            garbage: Vec::new(),
            freeing: Arc::default(),
            hint: (0, 0),
            seed: seed_of_hashes,
            evictor: evict::Evictor::default(),
            lazy: Lazy::default(),
            loan: None,
            freeze: freeze::Freeze::default(),
        }
    }

    /// Throws a value away. One that is large and may be freed lazily is left to the thread that frees.
    pub fn discard(&mut self, value: Value, lazily: bool) {
        if lazily && value.weight() > LAZY_WEIGHT_MIN {
            let thrown = garbage::counted(value, 1, &self.freeing);
            self.garbage.push(thrown);
        }
    }

    /// Whether a key is there at this instant. Removes nothing.
    pub fn presence(&self, db: u16, key: &[u8], now_ms: i64) -> Presence {
        let dict = &self.dbs[db as usize].dict;
        match dict
            .locate(dict.hash(key), key)
            .map(|spot| dict.entry(spot).deadline())
        {
            None => Presence::Absent,
            Some(Some(deadline)) if deadline <= now_ms => Presence::Overdue,
            Some(_) => Presence::Live,
        }
    }

    /// What kind of value a key holds at this instant.
    pub fn kind_of(&self, db: u16, key: &[u8], now_ms: i64) -> Option<Kind> {
        let dict = &self.dbs[db as usize].dict;
        let entry = dict.entry(dict.locate(dict.hash(key), key)?);
        if entry.deadline().is_some_and(|deadline| deadline <= now_ms) {
            return None;
        }
        Some(db::kind_of(entry))
    }

    /// Empties a database; returns how many keys it had.
    pub fn flush(&mut self, db: u16, lazily: bool) -> usize {
        self.settle_loan();
        let Db { dict, sizes } = &mut self.dbs[db as usize];
        sizes.clear();
        let count = dict.len();
        if count > 0 {
            let old = dict.clear();
            if let Some(old) = self.adopt_database(db, old)
                && lazily
            {
                let thrown = garbage::counted(old, count as u64, &self.freeing);
                self.garbage.push(thrown);
            }
        }
        count
    }

    /// Exchanges the contents of two databases.
    pub fn swap(&mut self, one: u16, other: u16) {
        self.settle_loan();
        self.dbs.swap(one as usize, other as usize);
        self.swap_freeze(one, other);
    }

    pub fn len(&self) -> usize {
        self.dbs.iter().map(|db| db.dict.len()).sum()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The seed that tables inside values hash with too.
    pub fn seed(&self) -> Seed {
        self.seed
    }
}
