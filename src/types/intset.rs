//! A sorted set of integers, in one blob.
//!
//! ```text
//! head: u32 LE = count * 4 + log2(width) | base: i64 LE | count distances of that width, LE, ascending, no two equal
//! ```
//!
//! A member is the base and its distance, which has no sign. So ten numbers between 1,000,000 and 1,000,200 take a byte
//! each, and twelve for the rest. Redis writes members in full: that is the blob of RDB files, which `to_redis` makes
//! and `parse` reads.
//!
//! The width is that of the largest distance ever: a wider one rewrites all of them, and removing it narrows nothing
//! again, so a set that hovers around a limit is not rewritten over and over. A member below the base moves that; in a
//! larger set further down than it has to while the width allows it, or one that is filled downwards would be rewritten
//! for each.
//!
//! Lookups are binary searches, additions and removals move what follows; types keep it to some hundreds of members.
//! As in a listpack, the blob is the allocation and its header says how much of it is in use.

use std::fmt;

use super::{Malformed, blob};
use crate::store::Blob;

#[derive(Clone)]
pub struct Intset(Blob);

impl Intset {
    pub(crate) fn new() -> Self {
        Self(blob::with_room(HEADER))
    }

    /// The integers whose blob starts `storage`; the rest of it is spare room.
    #[inline]
    pub(in crate::types) fn trusted(storage: Blob) -> Self {
        Self(storage)
    }

    #[inline]
    pub(in crate::types) fn into_storage(self) -> Blob {
        self.0
    }

    /// Takes a blob of Redis's after checking all of it. As there, an empty one is refused.
    ///
    /// ```text
    /// width: u32 LE (2, 4 or 8) | count: u32 LE | count integers of that width, LE, ascending, no two equal
    /// ```
    pub(crate) fn parse(blob: &[u8]) -> Result<Self, Malformed> {
        let (header, members) = blob.split_at_checked(REDIS_HEADER).ok_or(Malformed)?;
        let (width, count) = (read_u32(header, 0) as usize, read_u32(header, 4) as usize);
        if !matches!(width, 2 | 4 | 8) || count == 0 || count > COUNT_MAX {
            return Err(Malformed);
        }
        if count.checked_mul(width) != Some(members.len()) {
            return Err(Malformed);
        }
        let mut values = members.chunks_exact(width).map(read_signed);
        let (first, last) = (
            read_signed(&members[..width]),
            read_signed(&members[(count - 1) * width..]),
        );
        if !values.clone().is_sorted_by(|one, next| one < next) {
            return Err(Malformed);
        }
        let shape = Shape {
            log: log_of(distance(last, first)),
            count,
            base: first,
        };
        let mut set = Self(blob::with_room(shape.bytes()));
        set.set_shape(shape);
        (0..count).for_each(|index| {
            let value = values.next().expect("they were counted");
            set.write(shape.log, index, distance(value, first));
        });
        Ok(set)
    }

    /// The blob that RDB files hold.
    pub(crate) fn to_redis(&self) -> Vec<u8> {
        let ends = [self.at(0), self.iter().next_back()];
        let width = ends
            .into_iter()
            .flatten()
            .map(redis_width)
            .max()
            .unwrap_or(2);
        let mut blob = Vec::with_capacity(REDIS_HEADER + self.len() * width);
        blob.extend_from_slice(&(width as u32).to_le_bytes());
        blob.extend_from_slice(&(self.len() as u32).to_le_bytes());
        for value in self.iter() {
            blob.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        blob
    }

    /// The bytes in use.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0[..self.shape().bytes()]
    }

    /// Bytes the allocator spends on it.
    pub(crate) fn memory(&self) -> usize {
        blob::allocation_size(self.0.len())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.shape().count
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member with this index in ascending order.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> Option<i64> {
        let shape = self.shape();
        (index < shape.count).then(|| shape.value(self.read(shape.log, index)))
    }

    /// The members in ascending order.
    pub(crate) fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        let shape = self.shape();
        (0..shape.count).map(move |index| shape.value(self.read(shape.log, index)))
    }

    #[inline]
    pub(crate) fn contains(&self, value: i64) -> bool {
        let shape = self.shape();
        value >= shape.base && self.search(shape, distance(value, shape.base)).is_ok()
    }

    /// Adds a member; `false` if it was one already. There are fewer than [`COUNT_MAX`].
    pub(crate) fn add(&mut self, value: i64) -> bool {
        let mut shape = self.shape();
        if shape.count == 0 {
            shape.base = value;
        } else if value < shape.base {
            shape = self.move_base(shape, value);
        }
        let far = distance(value, shape.base);
        let Err(index) = self.search(shape, far) else {
            return false;
        };
        let grown = Shape {
            log: shape.log.max(log_of(far)),
            count: shape.count + 1,
            base: shape.base,
        };
        if grown.bytes() > self.0.len() {
            blob::resize(&mut self.0, grown.bytes());
        }
        if grown.log > shape.log {
            self.rewrite(shape, grown.log, 0);
        }
        let width = 1 << grown.log;
        let at = HEADER + index * width;
        self.0
            .copy_within(at..HEADER + shape.count * width, at + width);
        self.write(grown.log, index, far);
        self.set_shape(grown);
        true
    }

    /// Removes a member; `false` if it was none.
    pub(crate) fn remove(&mut self, value: i64) -> bool {
        let shape = self.shape();
        if value < shape.base {
            return false;
        }
        let Ok(index) = self.search(shape, distance(value, shape.base)) else {
            return false;
        };
        let width = 1 << shape.log;
        let from = HEADER + (index + 1) * width;
        self.0.copy_within(from..shape.bytes(), from - width);
        let fewer = Shape {
            count: shape.count - 1,
            ..shape
        };
        self.set_shape(fewer);
        blob::shrink(&mut self.0, fewer.bytes());
        true
    }

    /// Where a distance is, or where it belongs.
    #[inline]
    fn search(&self, shape: Shape, far: u64) -> Result<usize, usize> {
        // Sets are often filled in order: look past the end first.
        let (mut low, mut high) = (0, shape.count);
        if high == 0 || self.read(shape.log, high - 1) < far {
            return Err(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            let found = self.read(shape.log, middle);
            if found == far {
                return Ok(middle);
            }
            if found < far {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Err(low)
    }

    /// Moves the base down to `value`, or further, by half of what the width leaves.
    fn move_base(&mut self, shape: Shape, value: i64) -> Shape {
        let by = distance(shape.base, value);
        // The largest distance with the new base. It fits, as that of any two numbers does.
        let largest = self.read(shape.log, shape.count - 1) + by;
        let log = shape.log.max(log_of(largest));
        let room = (u64::MAX >> (64 - (8 << log))) - largest;
        // Where there is little to rewrite, a narrow width is worth more.
        let below = match shape.count {
            0..SPARED => 0,
            _ => (room / 2).min(distance(value, i64::MIN)),
        };
        let moved = Shape {
            log,
            count: shape.count,
            base: value.wrapping_sub(below as i64),
        };
        if moved.bytes() > self.0.len() {
            blob::resize(&mut self.0, moved.bytes());
        }
        self.rewrite(shape, log, by + below);
        self.set_shape(moved);
        moved
    }

    /// Writes all distances at a width that is not smaller, each larger by so much; from the last on, so that none is
    /// overwritten before it is read.
    fn rewrite(&mut self, shape: Shape, log: u32, by: u64) {
        for index in (0..shape.count).rev() {
            let far = self.read(shape.log, index) + by;
            self.write(log, index, far);
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let head = read_u32(&self.0, 0);
        let base = self.0[4..].first_chunk().expect("a header");
        Shape {
            log: head & 3,
            count: (head >> 2) as usize,
            base: i64::from_le_bytes(*base),
        }
    }

    fn set_shape(&mut self, shape: Shape) {
        assert!(
            shape.count <= COUNT_MAX,
            "types keep an intset below its largest count"
        );
        let head = (shape.count as u32) << 2 | shape.log;
        self.0[..4].copy_from_slice(&head.to_le_bytes());
        self.0[4..HEADER].copy_from_slice(&shape.base.to_le_bytes());
    }

    #[inline]
    fn read(&self, log: u32, index: usize) -> u64 {
        let members = &self.0[HEADER..];
        match log {
            0 => u64::from(members[index]),
            1 => u64::from(u16::from_le_bytes([
                members[index * 2],
                members[index * 2 + 1],
            ])),
            2 => u64::from(read_u32(members, index * 4)),
            _ => {
                let bytes = members[index * 8..].first_chunk();
                u64::from_le_bytes(*bytes.expect("eight bytes are there"))
            }
        }
    }

    #[inline]
    fn write(&mut self, log: u32, index: usize, far: u64) {
        let width = 1 << log;
        self.0[HEADER + index * width..][..width].copy_from_slice(&far.to_le_bytes()[..width]);
    }
}

/// What the header says.
#[derive(Clone, Copy)]
struct Shape {
    /// The logarithm of the width of a distance.
    log: u32,
    count: usize,
    base: i64,
}

impl Shape {
    #[inline]
    fn bytes(self) -> usize {
        HEADER + (self.count << self.log)
    }

    #[inline]
    fn value(self, far: u64) -> i64 {
        self.base.wrapping_add(far as i64)
    }
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Intset {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
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

/// How far a number is above one that is not larger.
#[inline]
fn distance(value: i64, base: i64) -> u64 {
    value.wrapping_sub(base) as u64
}

/// The logarithm of the narrowest width that holds a distance.
#[inline]
fn log_of(far: u64) -> u32 {
    match far {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xffff_ffff => 2,
        _ => 3,
    }
}

/// The narrowest width that Redis has for a member.
fn redis_width(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

/// The number that 2, 4 or 8 bytes are.
fn read_signed(bytes: &[u8]) -> i64 {
    let sign = if bytes[bytes.len() - 1] & 0x80 == 0 {
        0
    } else {
        0xff
    };
    let mut word = [sign; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}

#[inline]
fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// With fewer members, the base is always the smallest there has been.
const SPARED: usize = 32;
const HEADER: usize = 12;
const REDIS_HEADER: usize = 8;
/// More members than the header can count: types convert before they reach this.
pub(crate) const COUNT_MAX: usize = (1 << 30) - 1;

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
                match Intset::parse(&set.to_redis()) {
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
            narrow.to_redis(),
            b"\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x2c\x01"
        );
        let middle: Intset = [1, 70000, -3].into_iter().collect();
        let blob = b"\x04\0\0\0\x03\0\0\0\xfd\xff\xff\xff\x01\0\0\0\x70\x11\x01\0";
        assert_eq!(middle.to_redis(), blob);
        let mut wide: Intset = [1, -3, 5_000_000_000].into_iter().collect();
        let blob = b"\x08\0\0\0\x03\0\0\0\xfd\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\0\xf2\x05\x2a\x01\0\0\0";
        assert_eq!(wide.to_redis(), blob);
        // Redis would keep the width: nobody who reads the blob can tell.
        wide.remove(5_000_000_000);
        assert_eq!(wide.to_redis().len(), 8 + 2 * 2);
    }

    #[test]
    fn damaged_blobs_are_refused() {
        assert_eq!(Intset::parse(b""), Err(Malformed));
        assert_eq!(Intset::parse(&Intset::new().to_redis()), Err(Malformed));
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
            let mut blob = set.to_redis();
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

    #[test]
    fn members_near_each_other_take_little_and_filling_downwards_rewrites_seldom() {
        let near: Intset = (0..10).map(|nth| 1_000_000 + nth * 20).collect();
        assert_eq!(near.as_bytes().len(), HEADER + 10);
        let far: Intset = [i64::MIN, 0, i64::MAX].into_iter().collect();
        assert_eq!(far.iter().collect::<Vec<_>>(), [i64::MIN, 0, i64::MAX]);
        let mut set = Intset::new();
        let mut bases = BTreeSet::new();
        for value in (0..500).rev() {
            set.add(value);
            bases.insert(set.shape().base);
        }
        assert!(set.iter().eq(0..500));
        assert!(bases.len() < SPARED + 10, "{}", bases.len());
    }
}
