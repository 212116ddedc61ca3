//! Keys that come from a file.
//!
//! They are put in without any of what a command causes: nothing is counted as a change, nobody is told, and no key is
//! looked for that could be overdue. What a file says twice is noticed.

use crate::store::{New, Payload};
use crate::types::Value;
use crate::types::hash::Hash;

use super::sizes::Bin;
use super::{Keyspace, Typed};

/// What happens to a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    Refuse,
    Replace,
}

/// The key is there already.
#[derive(Debug)]
pub struct Duplicate;

/// A key that was read.
#[derive(Debug)]
pub struct Arrival<'a> {
    pub db: u16,
    pub hash: u64,
    pub key: &'a [u8],
    pub new: New<'a, Value>,
    pub deadline: Option<i64>,
    /// The access word.
    pub access: u32,
}

impl Keyspace {
    /// Makes room for keys to come.
    pub fn expect(&mut self, db: u16, keys: usize) {
        self.dbs[usize::from(db)].dict.reserve(keys);
    }

    /// Puts in a key that was read.
    pub fn load(
        &mut self,
        arrival: Arrival<'_>,
        on_duplicate: OnDuplicate,
    ) -> Result<(), Duplicate> {
        let Arrival {
            db,
            hash,
            key,
            new,
            deadline,
            access,
        } = arrival;
        self.settle_loan();
        if let Some(spot) = self.dbs[usize::from(db)].dict.locate(hash, key) {
            if on_duplicate == OnDuplicate::Refuse {
                return Err(Duplicate);
            }
            self.preserve(db, spot);
            let db = &mut self.dbs[usize::from(db)];
            db.sizes.remove(Bin::of(db.dict.entry(spot)));
            db.dict.remove(spot);
        }
        let db = &mut self.dbs[usize::from(db)];
        db.sizes.add(Bin::of_new(&new));
        // The very last moment stands for no deadline at all in an entry.
        let deadline = deadline.map(|deadline| deadline.min(i64::MAX - 1));
        let spot = db.dict.insert(hash, key, new, deadline);
        let entry = db.dict.entry(spot);
        entry.set_access(access);
        if let Payload::Object(value) = entry.payload()
            && let Some(soonest) = Hash::of(value).and_then(Hash::soonest)
        {
            db.dict.set_field_deadline(spot, Some(soonest));
        }
        Ok(())
    }
}
