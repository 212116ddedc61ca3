//! Keys that come from a file.
//!
//! They are put in without any of what a command causes: nothing is counted as a change, nobody is told, and no key is
//! looked for that could be overdue. A key that a file has twice is noticed.

use crate::store::{New, Payload, Site};
use crate::types::hash::Hash;
use crate::types::{Typed, Value};

use super::Keyspace;
use super::sizes::Bin;

/// The fate of a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    Refuse,
    Replace,
}

/// The key is there already.
#[derive(Debug)]
pub(crate) struct Duplicate;

/// Whether a key was there before it was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    New,
    Replaced,
}

/// A key that was read.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) db: u16,
    pub(crate) hash: u64,
    pub(crate) key: &'a [u8],
    pub(crate) new: New<'a, Value>,
    pub(crate) deadline: Option<i64>,
    /// The access word.
    pub(crate) access: u32,
}

impl Keyspace {
    /// Makes room for keys to come.
    pub(crate) fn expect(&mut self, db: u16, keys: usize) {
        self.dbs[usize::from(db)].dict.reserve(keys);
    }

    /// Puts in a key that was read.
    pub(crate) fn load(
        &mut self,
        arrival: Arrival<'_>,
        on_duplicate: OnDuplicate,
    ) -> Result<Arrived, Duplicate> {
        let Arrival {
            db,
            hash,
            key,
            new,
            deadline,
            access,
        } = arrival;
        self.settle_loan();
        let mut arrived = Arrived::New;
        let vacancy = loop {
            match self.dbs[usize::from(db)].dict.site(hash, key) {
                Site::Vacant(vacancy) => break vacancy,
                Site::Taken(_) if on_duplicate == OnDuplicate::Refuse => return Err(Duplicate),
                Site::Taken(spot) => {
                    self.preserve(db, spot);
                    let db = &mut self.dbs[usize::from(db)];
                    db.sizes.remove(Bin::of(db.dict.entry(spot)));
                    db.dict.remove(spot);
                    arrived = Arrived::Replaced;
                }
            }
        };
        let db = &mut self.dbs[usize::from(db)];
        let folded = match &new {
            New::Object(value) => value.folded(),
            _ => None,
        };
        let new = match folded {
            Some((form, bytes)) => New::Folded(form, bytes),
            None => new,
        };
        db.sizes.add(Bin::of_new(&new));
        // The very last moment stands for no deadline at all in an entry.
        let deadline = deadline.map(|deadline| deadline.min(i64::MAX - 1));
        let spot = db.dict.insert(vacancy, new, deadline);
        let entry = db.dict.entry(spot);
        entry.set_access(access);
        if let Payload::Object(value) = entry.payload()
            && let Some(soonest) = Hash::of(value).and_then(Hash::soonest)
        {
            db.dict.set_field_deadline(spot, Some(soonest));
        }
        Ok(arrived)
    }
}
