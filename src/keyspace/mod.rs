//! Keys to values with deadlines: the one door through which commands reach data.
//!
//! [`Keyspace`] owns the databases. A command sees them through [`Keys`], which is the selected database at one
//! instant: a key whose deadline has passed is not there, whether or not anything has removed it yet, except where
//! [`Expiry`] says so. Reads count
//! hits and misses and note the access; writes are reported to the [`journal`], which is how everybody else hears
//! of them. Not known here: clients, replies, propagation, files.
//!
//! Invariants: no value in a database is an empty aggregate; no key is there twice, since a key is added only with the
//! [`Vacancy`] that a look-up for writing gives, and that look-up hides nothing without removing it; every removal goes
//! through [`Keys::remove`] or the functions beside it, so that big values are freed off the loop.

pub(crate) mod access;
mod ahead;
mod aside;
pub(crate) mod db;
pub(crate) mod defrag;
mod edit;
pub(crate) mod evict;
pub(crate) mod expiry;
pub(crate) mod fields;
pub(crate) mod freeze;
pub(crate) mod garbage;
pub(crate) mod journal;
pub(crate) mod load;
mod look;
mod own;
pub(crate) mod sizes;
pub(crate) mod text;

use std::sync::Arc;

use crate::base::hash::Seed;
use crate::base::rng::Rng;
use crate::store::{Blob, Dict};
use crate::types::{Kind, Value};

pub(crate) use crate::spec::events::Event;
pub(crate) use crate::store::{New, Payload, Site, Spot, Until};
pub(crate) use access::AccessPolicy;
pub(crate) use ahead::{LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
pub(crate) use db::{Expiry, KeyHint, Keys};
pub(crate) use journal::Journal;
pub(crate) use look::{folded_value, value_of};
pub(crate) use text::Text;

/// One database.
pub(crate) struct Db {
    pub(crate) dict: Dict<Value>,
    /// How large the values are; up to date after [`Keyspace::settle_sizes`].
    pub(crate) sizes: sizes::Sizes,
}

/// All databases and what they have in common.
pub(crate) struct Keyspace {
    pub(crate) dbs: Vec<Db>,
    /// A second set, while a data set is read beside the present one.
    aside: Vec<Db>,
    pub(crate) journal: Journal,
    pub(crate) access: AccessPolicy,
    pub(crate) rng: Rng,
    pub(crate) counters: Counters,
    /// The database where the next round of expiry begins.
    next_expiry_db: usize,
    /// Memory that tables may take to grow: as long as there is a limit and it is near, they wait.
    pub(crate) room_bytes: usize,
    /// Values and whole tables that wait to be freed off the loop.
    pub(crate) garbage: Vec<Box<dyn Send>>,
    /// How much of that is on its way.
    pub(crate) freeing: Arc<garbage::Freeing>,
    seed: Seed,
    evictor: evict::Evictor,
    pub(crate) lazy: Lazy,
    /// A blob for the folded value that is being changed.
    spare: Blob,
    /// The value that was lent out last, whose size may have changed since.
    loan: Option<sizes::Loan>,
    /// The snapshot that is being taken.
    pub(crate) freeze: freeze::Freeze,
    /// While we are a replica that can be written to.
    own: own::Own,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Absent,
    /// Still in the table although its deadline has passed.
    Overdue,
    Live,
}

/// Which removals hand big values to the thread that frees.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lazy {
    pub(crate) expire: bool,
    pub(crate) eviction: bool,
    pub(crate) server_del: bool,
    pub(crate) user_del: bool,
    pub(crate) user_flush: bool,
}

/// The keyspace's counters; shown by INFO.
#[derive(Default, Clone, Debug)]
pub(crate) struct Counters {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) expired_keys: u64,
    pub(crate) expired_fields: u64,
    pub(crate) evicted_keys: u64,
}

/// Values with fewer elements are freed at once: handing them over would cost more.
const LAZY_WEIGHT_MIN: usize = 64;

/// To free more than this would hold the loop for a millisecond or so. The thread does it whatever the parameters say;
/// they decide what counts as freed lazily.
const FREED_HERE_MAX: usize = 10_000;
/// The same in bytes: pages of such blocks go back to the kernel one by one.
const FREED_HERE_BYTES_MAX: usize = 8 << 20;

impl Keyspace {
    pub(crate) fn new(databases: usize, seed: u64) -> Self {
        let seed_of_hashes = Seed::from_os();
        let dbs = (0..databases)
            .map(|_| Db {
                dict: Dict::new(seed_of_hashes),
                sizes: sizes::Sizes::default(),
            })
            .collect();
        Self {
            dbs,
            aside: Vec::new(),
            journal: Journal::default(),
            access: AccessPolicy::default(),
            rng: Rng::from_seed(seed),
            counters: Counters::default(),
            next_expiry_db: 0,
            room_bytes: usize::MAX,
            garbage: Vec::new(),
            freeing: Arc::default(),
            seed: seed_of_hashes,
            evictor: evict::Evictor::default(),
            lazy: Lazy::default(),
            spare: Blob::default(),
            loan: None,
            freeze: freeze::Freeze::default(),
            own: own::Own::default(),
        }
    }

    /// Throws a value away. A value that is large and may be freed lazily is left to the thread that frees, as is one
    /// that is very large.
    pub(crate) fn discard(&mut self, value: Value, lazily: bool) {
        let weight = value.weight();
        if lazily && weight > LAZY_WEIGHT_MIN {
            self.free_lazily(value, 1);
        } else if weight > FREED_HERE_MAX || value.memory() > FREED_HERE_BYTES_MAX {
            self.free_lazily(value, 0);
        }
    }

    /// Leaves what is no value to the thread that frees. It stands for so many objects.
    pub(crate) fn free_lazily(&mut self, thrown: impl Send + 'static, objects: u64) {
        let thrown = garbage::counted(thrown, objects, &self.freeing);
        self.garbage.push(thrown);
    }

    /// Whether a key is there at this instant. Removes nothing.
    pub(crate) fn presence(&self, db: u16, key: &[u8], now_ms: i64) -> Presence {
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

    /// The kind of value that a key holds at this instant.
    pub(crate) fn kind_of(&self, db: u16, key: &[u8], now_ms: i64) -> Option<Kind> {
        let dict = &self.dbs[db as usize].dict;
        let entry = dict.entry(dict.locate(dict.hash(key), key)?);
        if entry.deadline().is_some_and(|deadline| deadline <= now_ms) {
            return None;
        }
        Some(db::kind_of(entry))
    }

    /// Empties a database; returns how many keys it had.
    pub(crate) fn flush(&mut self, db: u16, lazily: bool) -> usize {
        self.settle_loan();
        let Db { dict, sizes } = &mut self.dbs[db as usize];
        sizes.clear();
        let count = dict.len();
        if count > 0 {
            let old = dict.clear();
            // Nobody knows what its values weigh.
            if let Some(old) = self.adopt_database(db, old) {
                self.free_lazily(old, if lazily { count as u64 } else { 0 });
            }
        }
        count
    }

    /// Exchanges the contents of two databases.
    pub(crate) fn swap(&mut self, one: u16, other: u16) {
        self.settle_loan();
        self.dbs.swap(one as usize, other as usize);
        self.swap_freeze(one, other);
    }

    pub(crate) fn len(&self) -> usize {
        self.dbs.iter().map(|db| db.dict.len()).sum()
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The seed that tables inside values hash with too.
    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }
}
