//! A sorted set of integers in one blob.
//!
//! ```text
//! width: u32 LE (2, 4 or 8) | count: u32 LE | count integers of that width, LE, ascending, no two equal
//! ```
//!
//! The blob is exactly Redis's, in memory and in RDB files. The width is that of the widest integer ever added: a
//! wider one rewrites all of them, and removing it narrows nothing again, so a set that hovers around a limit is not
//! rewritten over and over.
//!
//! Lookups are binary searches, additions and removals move what follows; types keep it to some hundreds of members.
//! As in a listpack, the boxed slice is the allocation and its header says how much of it is in use.

use std::fmt;

use super::{Malformed, blob};
use crate::store::mover::Mover;

#[derive(Clone)]
pub struct Intset(Box<[u8]>);

impl Intset {
    pub(crate) fn new() -> Self {
        let mut storage = vec![0; HEADER].into_boxed_slice();
        storage[0] = 2;
        Self(storage)
    }

    /// Takes a blob from outside after checking all of it. As in Redis, an empty one is refused.
    pub(crate) fn parse(blob: &[u8]) -> Result<Self, Malformed> {
        let header = blob.first_chunk::<HEADER>().ok_or(Malformed)?;
        let width = read_u32(header, 0);
        let count = read_u32(header, 4) as usize;
        if !matches!(width, 2 | 4 | 8) || count == 0 {
            return Err(Malformed);
        }
        if count.checked_mul(width as usize) != Some(blob.len() - HEADER) {
            return Err(Malformed);
        }
        let set = Self(blob.into());
        let ascends = set
            .iter()
            .zip(set.iter().skip(1))
            .all(|(one, next)| one < next);
        if ascends { Ok(set) } else { Err(Malformed) }
    }

    /// The blob, as RDB files hold it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0[..HEADER + self.len() * self.width()]
    }

    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.bytes(&mut self.0);
    }

    /// Bytes the allocator spends on it.
    pub(crate) fn memory(&self) -> usize {
        blob::allocation_size(self.0.len())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        read_u32(&self.0, 4) as usize
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes each integer takes: 2, 4 or 8.
    #[inline]
    pub(crate) fn width(&self) -> usize {
        usize::from(self.0[0])
    }

    /// The member with this index in ascending order.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.read(index))
    }

    /// The members in ascending order.
    pub(crate) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        (0..self.len()).map(|index| self.read(index))
    }

    #[inline]
    pub(crate) fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Adds a member; `false` if it was one already.
    pub(crate) fn add(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            // Outside the range of every member, so it goes to one of the ends.
            let index = if value < 0 { 0 } else { self.len() };
            self.widen(width_of(value));
            self.insert(index, value);
            return true;
        }
        match self.search(value) {
            Ok(_) => false,
            Err(index) => {
                self.insert(index, value);
                true
            }
        }
    }

    /// Removes a member; `false` if it was none.
    pub(crate) fn remove(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else {
            return false;
        };
        let (width, count) = (self.width(), self.len());
        let from = HEADER + (index + 1) * width;
        self.0
            .copy_within(from..HEADER + count * width, from - width);
        self.set_len(count - 1);
        blob::shrink(&mut self.0, HEADER + (count - 1) * width);
        true
    }

    /// Where `value` is, or where it belongs.
    fn search(&self, value: i64) -> Result<usize, usize> {
        // Sets are often filled in order: look past the end first.
        let (mut low, mut high) = (0, self.len());
        if high == 0 || self.read(high - 1) < value {
            return Err(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            let found = self.read(middle);
            if found == value {
                return Ok(middle);
            }
            if found < value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Err(low)
    }

    fn insert(&mut self, index: usize, value: i64) {
        let (width, count) = (self.width(), self.len());
        let used = HEADER + count * width;
        if used + width > self.0.len() {
            blob::resize(&mut self.0, used + width);
        }
        let at = HEADER + index * width;
        self.0.copy_within(at..used, at + width);
        self.write(index, value);
        self.set_len(count + 1);
    }

    /// Rewrites all members at a larger width, from the last on, so that none is overwritten before it is read.
    fn widen(&mut self, width: usize) {
        let (old, count) = (self.width(), self.len());
        blob::resize(&mut self.0, HEADER + (count + 1) * width);
        for index in (0..count).rev() {
            self.0[0] = old as u8;
            let value = self.read(index);
            self.0[0] = width as u8;
            self.write(index, value);
        }
        self.0[0] = width as u8;
    }

    #[inline]
    fn read(&self, index: usize) -> i64 {
        let members = &self.0[HEADER..];
        match self.width() {
            2 => {
                let at = index * 2;
                i64::from(i16::from_le_bytes([members[at], members[at + 1]]))
            }
            4 => i64::from(read_u32(members, index * 4) as i32),
            _ => {
                let bytes = members[index * 8..][..8].try_into();
                i64::from_le_bytes(bytes.expect("eight bytes were sliced"))
            }
        }
    }

    fn write(&mut self, index: usize, value: i64) {
        let width = self.width();
        self.0[HEADER + index * width..][..width].copy_from_slice(&value.to_le_bytes()[..width]);
    }

    fn set_len(&mut self, count: usize) {
        let count = u32::try_from(count).expect("types keep an intset far below 2^32 members");
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Intset {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Intset {}

impl fmt::Debug for Intset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<i64> for Intset {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut set = Self::new();
        for value in values {
            set.add(value);
        }
        set
    }
}

/// The narrowest width that holds `value`.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

#[inline]
fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

const HEADER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::BTreeSet;

    fn any_value(rng: &mut Rng, bits: u64) -> i64 {
        let shift = 64 - bits + rng.below(bits);
        (rng.next_u64() as i64) >> shift.min(63)
    }

    #[test]
    fn follows_a_tree_through_random_edits() {
        for seed in 0..60 {
            let mut rng = Rng::from_seed(seed);
            let bits = 3 + rng.below(62);
            let mut set = Intset::new();
            let mut model = BTreeSet::new();
            for _ in 0..300 {
                let value = any_value(&mut rng, bits);
                if rng.below(3) == 0 {
                    assert_eq!(set.remove(value), model.remove(&value));
                } else {
                    assert_eq!(set.add(value), model.insert(value));
                }
                assert_eq!(set.len(), model.len());
                assert!(set.iter().eq(model.iter().copied()));
                assert!(set.iter().rev().eq(model.iter().rev().copied()));
                let probe = any_value(&mut rng, bits);
                assert_eq!(set.contains(probe), model.contains(&probe));
                assert_eq!(set.at(model.len()), None);
                assert!(set.memory() >= set.as_bytes().len());
                match Intset::parse(set.as_bytes()) {
                    Ok(parsed) => assert_eq!(parsed, set),
                    Err(Malformed) => assert!(model.is_empty()),
                }
            }
        }
    }

    /// Blobs out of DUMP payloads of Redis 8.0.6.
    #[test]
    fn blobs_are_redis_blobs() {
        let narrow: Intset = [300, 1, 2].into_iter().collect();
        assert_eq!(
            narrow.as_bytes(),
            b"\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x2c\x01"
        );
        let middle: Intset = [1, 70000, -3].into_iter().collect();
        let blob = b"\x04\0\0\0\x03\0\0\0\xfd\xff\xff\xff\x01\0\0\0\x70\x11\x01\0";
        assert_eq!(middle.as_bytes(), blob);
        let mut wide: Intset = [1, -3, 5_000_000_000].into_iter().collect();
        let blob = b"\x08\0\0\0\x03\0\0\0\xfd\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\0\xf2\x05\x2a\x01\0\0\0";
        assert_eq!(wide.as_bytes(), blob);
        wide.remove(5_000_000_000);
        assert_eq!(wide.width(), 8);
    }

    #[test]
    fn damaged_blobs_are_refused() {
        assert_eq!(Intset::parse(b""), Err(Malformed));
        assert_eq!(Intset::parse(Intset::new().as_bytes()), Err(Malformed));
        assert_eq!(Intset::parse(b"\x03\0\0\0\x01\0\0\0abc"), Err(Malformed));
        assert_eq!(
            Intset::parse(b"\x02\0\0\0\xff\xff\xff\xffab"),
            Err(Malformed)
        );
        let unsorted = b"\x02\0\0\0\x02\0\0\0\x02\0\x01\0";
        assert_eq!(Intset::parse(unsorted), Err(Malformed));
        let twice = b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0";
        assert_eq!(Intset::parse(twice), Err(Malformed));
        for seed in 0..300 {
            let mut rng = Rng::from_seed(seed);
            let set: Intset = (0..=rng.below(9))
                .map(|_| any_value(&mut rng, 60))
                .collect();
            let mut blob = set.as_bytes().to_vec();
            for _ in 0..=rng.below(2) {
                let at = rng.below(blob.len() as u64) as usize;
                blob[at] = rng.next_u64() as u8;
            }
            blob.truncate(blob.len() - rng.below(2) as usize);
            if let Ok(set) = Intset::parse(&blob) {
                assert_eq!(set.iter().count(), set.len());
            }
        }
    }
}
