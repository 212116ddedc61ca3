//! One cache line of the table.
//!
//! ```text
//!  0            48      56     60    61   64
//!  | 8 pointers | 8 tags | child | used | - |
//!  | of 6 bytes |        |       |      |   |
//! ```
//!
//! A tag is the top byte of the element's hash: it spares most of the misses a look-up would have
//! to pay to compare keys. `child` leads to an overflow bucket. `used` says which slots mean
//! anything; what an unused slot holds is left over and never looked at.

#![allow(unsafe_code)]

use crate::store::address::Address;

#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Bucket {
    slots: [[u8; 6]; SLOTS],
    tags: [u8; SLOTS],
    /// Index of the overflow bucket plus one; 0 = none.
    child: u32,
    used: u8,
    _pad: [u8; 3],
}

pub(super) const SLOTS: usize = 8;

impl Bucket {
    pub const EMPTY: Self = Self {
        slots: [[0; 6]; SLOTS],
        tags: [0; SLOTS],
        child: 0,
        used: 0,
        _pad: [0; 3],
    };

    /// The slots in use that carry this tag, one bit each.
    #[inline]
    pub fn matches(&self, tag: u8) -> Bits {
        #[cfg(target_arch = "x86_64")]
        let equal = equal_bytes_sse2(self.tags, tag);
        #[cfg(not(target_arch = "x86_64"))]
        let equal = equal_bytes(self.tags, tag);
        Bits(equal & self.used)
    }

    #[inline]
    pub fn used(&self) -> Bits {
        Bits(self.used)
    }

    #[inline]
    pub fn count(&self) -> usize {
        self.used.count_ones() as usize
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.used == u8::MAX
    }

    #[inline]
    pub fn is_used(&self, slot: usize) -> bool {
        self.used >> slot & 1 == 1
    }

    #[inline]
    pub fn address(&self, slot: usize) -> Address {
        debug_assert!(self.is_used(slot));
        Address::from_bytes(self.slots[slot])
    }

    #[inline]
    pub fn tag(&self, slot: usize) -> u8 {
        self.tags[slot]
    }

    pub fn set_address(&mut self, slot: usize, address: Address) {
        debug_assert!(self.is_used(slot));
        self.slots[slot] = address.to_bytes();
    }

    /// Into the first free slot, which is returned. There must be one.
    #[inline]
    pub fn put(&mut self, tag: u8, address: Address) -> usize {
        let slot = self.used.trailing_ones() as usize;
        self.slots[slot] = address.to_bytes();
        self.tags[slot] = tag;
        self.used |= 1 << slot;
        slot
    }

    #[inline]
    pub fn take(&mut self, slot: usize) -> (u8, Address) {
        let taken = (self.tag(slot), self.address(slot));
        self.used &= !(1 << slot);
        taken
    }

    #[inline]
    pub fn child(&self) -> Option<u32> {
        self.child.checked_sub(1)
    }

    pub fn set_child(&mut self, child: Option<u32>) {
        self.child = child.map_or(0, |index| index + 1);
    }
}

/// Which of eight bytes equal `wanted`, one bit each.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_bytes(bytes: [u8; SLOTS], wanted: u8) -> u8 {
    // Xor makes equal bytes zero, and a byte is zero exactly if neither its low seven bits carry
    // into its top bit when 0x7f is added, nor that top bit is set itself.
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differing = u64::from_le_bytes(bytes) ^ (u64::from(wanted) * 0x0101_0101_0101_0101);
    let zero = !(((differing & LOW) + LOW) | differing | LOW);
    // The multiplication gathers the eight top bits into the top byte.
    ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The same in a third of the instructions, with what every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
#[inline]
fn equal_bytes_sse2(bytes: [u8; SLOTS], wanted: u8) -> u8 {
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: these take and return values only; SSE2 is part of every x86-64 target.
    unsafe {
        let wide = _mm_cmpeq_epi8(
            _mm_cvtsi64_si128(i64::from_le_bytes(bytes)),
            _mm_set1_epi8(wanted as i8),
        );
        _mm_movemask_epi8(wide) as u8
    }
}

/// A set of slots, iterated from the lowest.
#[derive(Clone)]
pub(super) struct Bits(u8);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

const _: () = assert!(size_of::<Bucket>() == 64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Random;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn both_ways_to_compare_agree() {
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            let bytes = [(); SLOTS].map(|()| random.below(4) as u8 * 85);
            for wanted in [0, 1, 84, 85, 127, 128, 170, 255] {
                assert_eq!(equal_bytes(bytes, wanted), equal_bytes_sse2(bytes, wanted));
            }
        }
    }

    #[test]
    fn matches_finds_exactly_the_equal_tags_in_use() {
        let mut bucket = Bucket::EMPTY;
        for (at, tag) in [7, 0, 255, 7, 128, 0, 127, 6].into_iter().enumerate() {
            assert_eq!(bucket.put(tag, Address::from_bits(at as u64 + 1)), at);
        }
        assert!(bucket.is_full());
        bucket.take(3);
        bucket.take(5);
        for tag in 0..=255 {
            let expected: Vec<usize> = bucket
                .used()
                .filter(|&slot| bucket.tag(slot) == tag)
                .collect();
            assert_eq!(
                bucket.matches(tag).collect::<Vec<_>>(),
                expected,
                "tag {tag}"
            );
        }
        assert_eq!(bucket.put(9, Address::from_bits((1 << 48) - 1)), 3);
        assert_eq!(bucket.address(3).bits(), (1 << 48) - 1);
        assert_eq!((bucket.address(2).bits(), bucket.address(4).bits()), (3, 5));
    }
}
