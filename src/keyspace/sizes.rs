//! How large the values are: for each database, type and power of two, how many there are.
//!
//! INFO shows it at any time, so it is kept up to date with every change instead of being counted when asked for, which would
//! stop a server with many keys. A value that is added, replaced or removed is counted by the function of [`Keys`] that
//! does so. One that is lent out to be changed is not: nobody knows when the borrow ends. So its size
//! before is noted, and compared with its size at the next occasion: when another value is lent out, before any key is
//! added or removed, and before somebody reads.
//!
//! Invariant: once the loan is settled, the counts are what walking all keys would give. Streams are
//! counted without regard to their size.
//!
//! [`Keys`]: super::Keys

use crate::store::{EntryRef, New, Payload, Spot};
use crate::types::Value;

use super::{Keyspace, Kind, Text};

/// Bin 0 is for empty values, bin n for sizes from `2^(n-1)` to `2^n - 1`. The last holds what is larger.
pub const BINS: usize = 48;
/// Types with a distribution, in the order in which INFO shows them.
pub const KINDS: [Kind; 5] = [Kind::String, Kind::List, Kind::Set, Kind::Zset, Kind::Hash];

/// Counts of one database.
#[derive(Clone, Default)]
pub struct Sizes {
    /// Empty until the first key comes, as most databases never have one.
    counts: Vec<u64>,
    streams: u64,
}

/// Where a value is counted. Streams are in no bin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin(u16);

const NOWHERE: Bin = Bin(u16::MAX);

/// A value that may be changing.
pub(super) struct Loan {
    pub db: u16,
    pub spot: Spot,
    before: Bin,
}

impl Sizes {
    /// The counts of one type, by bin.
    pub fn of(&self, kind: Kind) -> &[u64] {
        let row = row_of(kind).filter(|_| !self.counts.is_empty());
        row.map_or(&[], |row| &self.counts[row * BINS..][..BINS])
    }

    /// How many streams there are, of whatever size.
    pub fn streams(&self) -> u64 {
        self.streams
    }

    #[inline]
    pub(super) fn add(&mut self, bin: Bin) {
        if let Some(count) = self.counts.get_mut(usize::from(bin.0)) {
            *count += 1;
        } else if bin != NOWHERE {
            self.counts = vec![0; KINDS.len() * BINS];
            self.counts[usize::from(bin.0)] += 1;
        } else {
            self.streams += 1;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, bin: Bin) {
        if let Some(count) = self.counts.get_mut(usize::from(bin.0)) {
            *count -= 1;
        } else {
            self.streams -= 1;
        }
    }

    #[inline]
    pub(super) fn moved(&mut self, from: Bin, to: Bin) {
        if from != to {
            self.remove(from);
            self.add(to);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Bin {
    #[inline]
    fn new(row: usize, len: usize) -> Self {
        let bin = (usize::BITS - len.leading_zeros()) as usize;
        Self((row * BINS + bin.min(BINS - 1)) as u16)
    }

    #[inline]
    pub fn of(entry: EntryRef<'_, Value>) -> Self {
        match entry.payload() {
            Payload::Int(number) => Self::new(0, Text::Int(number).len()),
            Payload::Inline(bytes) => Self::new(0, bytes.len()),
            Payload::Object(value) => Self::of_value(value),
        }
    }

    #[inline]
    pub fn of_new(new: &New<'_, Value>) -> Self {
        match new {
            New::Int(number) => Self::new(0, Text::Int(*number).len()),
            New::Inline(bytes) | New::InlineRaw(bytes) => Self::new(0, bytes.len()),
            New::Object(value) => Self::of_value(value),
        }
    }

    fn of_value(value: &Value) -> Self {
        row_of(value.kind()).map_or(NOWHERE, |row| Self::new(row, value.len()))
    }
}

#[inline]
fn row_of(kind: Kind) -> Option<usize> {
    match kind {
        Kind::String => Some(0),
        Kind::List => Some(1),
        Kind::Set => Some(2),
        Kind::Zset => Some(3),
        Kind::Hash => Some(4),
        Kind::Stream => None,
    }
}

impl Keyspace {
    /// The value at a place is about to be lent out for changing.
    #[inline]
    pub(super) fn lend_out(&mut self, db: u16, spot: Spot) {
        if self
            .loan
            .as_ref()
            .is_some_and(|loan| loan.spot == spot && loan.db == db)
        {
            return;
        }
        self.settle_loan();
        self.preserve(db, spot);
        let before = Bin::of(self.dbs[usize::from(db)].dict.entry(spot));
        self.loan = Some(Loan { db, spot, before });
    }

    /// Counts the value that was lent out where it belongs now.
    #[inline]
    pub(super) fn settle_loan(&mut self) {
        if let Some(loan) = self.loan.take() {
            let db = &mut self.dbs[usize::from(loan.db)];
            db.sizes
                .moved(loan.before, Bin::of(db.dict.entry(loan.spot)));
        }
    }

    /// Brings the counts of all databases up to date, so that they can be read.
    pub fn settle_sizes(&mut self) {
        self.settle_loan();
    }

    /// Whether the counts are what walking all keys gives. For tests.
    pub fn sizes_are_right(&mut self) -> bool {
        self.settle_loan();
        self.dbs.iter().all(|db| {
            let mut recounted = Sizes::default();
            db.dict
                .iter()
                .for_each(|entry| recounted.add(Bin::of(entry)));
            db.sizes.streams == recounted.streams
                && KINDS.iter().all(|kind| {
                    let (kept, counted) = (db.sizes.of(*kind), recounted.of(*kind));
                    (0..BINS)
                        .all(|bin| kept.get(bin).unwrap_or(&0) == counted.get(bin).unwrap_or(&0))
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{Keys, Until, text};
    use crate::types::list::{End, Limits, List};

    /// Whatever is done, in whatever order, the counts are those of a recount.
    #[test]
    fn counts_are_kept_up() {
        let mut space = Keyspace::new(2, 1);
        let mut rng = crate::base::rng::Rng::from_seed(3);
        let limits = Limits::default();
        for step in 0..20_000 {
            let db = rng.below(2) as u16;
            let key = format!("key{}", rng.below(12)).into_bytes();
            let mut keys = Keys::new(&mut space, db, step);
            let bytes = vec![b'x'; rng.below(40) as usize];
            match rng.below(9) {
                0 => {
                    let found = keys.find(&key);
                    keys.put(&key, found, text::whole(&bytes, || None), Until::Never);
                }
                1 => {
                    let found = keys.find(&key);
                    keys.put(
                        &key,
                        found,
                        New::Int(rng.next_u64() as i64 >> rng.below(60)),
                        Until::Kept,
                    );
                }
                2..5 => {
                    if let Ok(list) = keys.write_or_create(&key, List::new) {
                        for _ in 0..=rng.below(3) {
                            list.push(End::Tail, b"element".as_slice(), &limits);
                        }
                    }
                }
                5 => {
                    let Ok(Some(list)) = keys.write_as::<List>(&key) else {
                        continue;
                    };
                    list.pop(End::Head, &limits);
                    if list.is_empty() {
                        keys.remove(&key, false);
                    }
                }
                6 => {
                    keys.remove(&key, false);
                }
                7 => {
                    let Some(spot) = keys.find(&key) else {
                        continue;
                    };
                    let taken = keys.take(spot);
                    let other = format!("key{}", rng.below(12)).into_bytes();
                    keys.remove(&other, false);
                    keys.put_taken(&other, taken);
                }
                _ if rng.one_in(50) => {
                    space.flush(db, false);
                }
                _ if rng.one_in(20) => space.swap(0, 1),
                _ => {}
            }
            assert!(!rng.one_in(3) || space.sizes_are_right(), "step {step}");
        }
        assert!(space.sizes_are_right());
    }
}
