//! How large the values are: for each database, type and power of two, how many there are.
//!
//! INFO shows the counts at any time, so they are kept up to date with every change; counting when asked would stop a
//! server with many keys. A value that is added, replaced or removed is counted by the function of [`Keys`] that does
//! so. A value that is lent out to be changed is not counted there: nobody knows when the borrow ends. So its size
//! before is noted, and compared with its size at the next occasion: when another value is lent out, before any key is
//! added or removed, and before the counts are read.
//!
//! Invariant: once the loan is settled, the counts are what walking all keys would give. Streams are
//! counted without regard to their size, those with consumers apart: a file that keeps them needs a higher version.
//!
//! [`Keys`]: super::Keys

use crate::store::{EntryRef, New, Occupied, Payload, Spot};
use crate::types::Value;

use super::look::folded_value;
use super::{Db, Keyspace, Kind};

/// Bin 0 is for empty values, bin n for sizes from `2^(n-1)` to `2^n - 1`. The last holds all larger ones.
pub(crate) const BINS: usize = 48;

/// Counts of one database.
#[derive(Clone, Default)]
pub(crate) struct Sizes {
    /// Empty until the first key comes, as most databases never have one.
    counts: Vec<u64>,
    /// Streams without consumers, and with some.
    unread_streams: u64,
    read_streams: u64,
}

/// Where a value is counted: in which row and column, or as a stream of which sort.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin(u16);

const UNREAD_STREAM: Bin = Bin(u16::MAX);
const READ_STREAM: Bin = Bin(u16::MAX - 1);

/// A value that may be changing.
pub(super) struct Loan {
    pub(crate) db: u16,
    pub(crate) spot: Spot,
    before: Bin,
}

impl Sizes {
    /// The counts of one type, by bin.
    pub(crate) fn of(&self, kind: Kind) -> &[u64] {
        if self.counts.is_empty() {
            return &[];
        }
        &self.counts[kind as usize * BINS..][..BINS]
    }

    /// How many streams have consumers.
    pub(crate) fn read_streams(&self) -> u64 {
        self.read_streams
    }

    #[inline]
    pub(super) fn add(&mut self, bin: Bin) {
        if let Some(count) = self.counts.get_mut(usize::from(bin.0)) {
            *count += 1;
        } else {
            self.add_elsewhere(bin);
        }
    }

    #[cold]
    fn add_elsewhere(&mut self, bin: Bin) {
        match bin {
            UNREAD_STREAM => self.unread_streams += 1,
            READ_STREAM => self.read_streams += 1,
            Bin(number) => {
                self.counts = vec![0; Kind::ALL.len() * BINS];
                self.counts[usize::from(number)] += 1;
            }
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, bin: Bin) {
        if let Some(count) = self.counts.get_mut(usize::from(bin.0)) {
            *count -= 1;
        } else if bin == READ_STREAM {
            self.read_streams -= 1;
        } else {
            self.unread_streams -= 1;
        }
    }

    #[inline]
    pub(super) fn moved(&mut self, from: Bin, to: Bin) {
        if from != to {
            self.remove(from);
            self.add(to);
        }
    }

    /// A value is about to give way to another one. Most have the size of what they replace.
    #[inline]
    pub(super) fn replaced(&mut self, old: EntryRef<'_, Value>, new: &New<'_, Value>) {
        match (old.payload(), new) {
            (Payload::Inline(old), New::Inline(new) | New::InlineRaw(new))
                if old.len() == new.len() => {}
            (Payload::Int(old), New::Int(new)) => {
                self.moved(Bin::of_number(old), Bin::of_number(*new));
            }
            _ => self.replaced_by_other(old, new),
        }
    }

    #[inline(never)]
    fn replaced_by_other(&mut self, old: EntryRef<'_, Value>, new: &New<'_, Value>) {
        self.moved(Bin::of(old), Bin::of_new(new));
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
    pub(crate) fn of(entry: EntryRef<'_, Value>) -> Self {
        match entry.payload() {
            Payload::Int(number) => Self::of_number(number),
            Payload::Inline(bytes) => Self::new(Kind::String as usize, bytes.len()),
            Payload::Folded(form, bytes) => Self::of_value(&folded_value(form, bytes)),
            Payload::Object(value) => Self::of_value(value),
        }
    }

    #[inline]
    pub(crate) fn of_new(new: &New<'_, Value>) -> Self {
        match new {
            New::Int(number) => Self::of_number(*number),
            New::Inline(bytes) | New::InlineRaw(bytes) => {
                Self::new(Kind::String as usize, bytes.len())
            }
            New::Folded(form, bytes) => Self::of_value(&folded_value(*form, bytes)),
            New::Object(value) => Self::of_value(value),
        }
    }

    /// The bin of a number's text: its length matters by powers of two only, so it need not be found out.
    #[inline]
    fn of_number(number: i64) -> Self {
        let magnitude = number.unsigned_abs();
        // A minus sign is one more place, as a digit would be.
        let places = if number < 0 {
            magnitude.saturating_mul(10)
        } else {
            magnitude
        };
        let longer = |digits: u32| u16::from(places >= 10_u64.pow(digits));
        let bin = 1 + longer(1) + longer(3) + longer(7) + longer(15);
        Self(Kind::String as u16 * BINS as u16 + bin)
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Stream(stream) if stream.has_consumers() => READ_STREAM,
            Value::Stream(_) => UNREAD_STREAM,
            value => Self::new(value.kind() as usize, value.len()),
        }
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
            self.take_back(loan);
        }
    }

    fn take_back(&mut self, loan: Loan) {
        let Db { dict, sizes } = &mut self.dbs[usize::from(loan.db)];
        let entry = dict.entry(loan.spot);
        let after = Bin::of(entry);
        sizes.moved(loan.before, after);
        if entry.object().is_some_and(|value| value.folded().is_some()) {
            fold(&mut dict.occupied(loan.spot));
        }
    }

    /// Brings the counts of all databases up to date, so that they can be read.
    pub(crate) fn settle_sizes(&mut self) {
        self.settle_loan();
    }

    /// Whether the counts are what walking all keys gives. For tests.
    pub(crate) fn sizes_are_right(&mut self) -> bool {
        self.settle_loan();
        self.dbs.iter().all(|db| {
            let mut recounted = Sizes::default();
            db.dict
                .iter()
                .for_each(|entry| recounted.add(Bin::of(entry)));
            db.sizes.unread_streams == recounted.unread_streams
                && db.sizes.read_streams == recounted.read_streams
                && Kind::ALL.iter().all(|kind| {
                    let (kept, counted) = (db.sizes.of(*kind), recounted.of(*kind));
                    (0..BINS)
                        .all(|bin| kept.get(bin).unwrap_or(&0) == counted.get(bin).unwrap_or(&0))
                })
        })
    }
}

/// A value has shrunk, and lives in its entry from now on.
#[cold]
fn fold(place: &mut Occupied<'_, Value>) {
    if let Some(value) = place.entry().object().cloned()
        && let Some((form, bytes)) = value.folded()
    {
        place.refold(New::Folded(form, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{Expiry, Keys, Until, text};
    use crate::types::list::{End, Limits, List};
    use crate::types::stream::{Group, Stream, StreamId};

    #[test]
    fn numbers_are_counted_as_their_texts() {
        let powers = (0..19).map(|digits| 10_i64.pow(digits));
        let mut numbers: Vec<i64> = powers.flat_map(|power| [power - 1, power]).collect();
        numbers.extend(numbers.clone().iter().map(|number| -number));
        numbers.extend([i64::MIN, i64::MIN + 1, i64::MAX]);
        for number in numbers {
            let text = Bin::new(Kind::String as usize, number.to_string().len());
            assert_eq!(Bin::of_number(number).0, text.0, "{number}");
        }
    }

    /// The counts are those of a recount after any deeds in any order.
    #[test]
    fn counts_are_kept_up() {
        let mut space = Keyspace::new(2, 1);
        let mut rng = crate::base::rng::Rng::from_seed(3);
        let limits = Limits::default();
        for step in 0..20_000 {
            let db = rng.below(2) as u16;
            let key = format!("key{}", rng.below(12)).into_bytes();
            let mut keys = Keys::new(&mut space, db, step, Expiry::Remove);
            let bytes = vec![b'x'; rng.below(40) as usize];
            match rng.below(10) {
                9 => {
                    if let Ok(spot) = keys.spot_or_create(&key, Stream::new)
                        && let Ok(stream) = keys.object_at_mut::<Stream>(spot)
                    {
                        let group = stream.groups.entry(Box::from(*b"group"));
                        let group =
                            group.or_insert_with(|| Group::new(StreamId { ms: 0, seq: 0 }, None));
                        if group.create_consumer(b"one", 5).is_none() {
                            group.delete_consumer(b"one");
                        }
                    }
                }
                0 => {
                    let site = keys.site(&key);
                    keys.put(site, text::whole(&bytes, || None), Until::Never);
                }
                1 => {
                    let site = keys.site(&key);
                    let number = rng.next_u64() as i64 >> rng.below(60);
                    keys.put(site, New::Int(number), Until::Kept);
                }
                2..5 => {
                    if let Ok(mut list) = keys.edit_or_create(&key, List::new) {
                        for _ in 0..=rng.below(3) {
                            list.push(End::Tail, b"element".as_slice(), &limits);
                        }
                    }
                }
                5 => {
                    let Ok(Some(mut list)) = keys.edit::<List>(&key) else {
                        continue;
                    };
                    list.pop(End::Head, &limits);
                    let is_empty = list.is_empty();
                    drop(list);
                    if is_empty {
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
                    let (vacancy, _) = keys.vacate(&other, false);
                    keys.put_taken(vacancy, taken);
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
