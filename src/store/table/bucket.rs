//! A few slots of the table that are looked at together: a cache line of eight for a home bucket,
//! half a line of four for an overflow bucket, which has less to hold.
//!
//! ```text
//!  0            48      56                    64
//!  | 8 pointers | 8 tags | used 8, child 56   |
//!  | of 6 bytes |        | bits               |
//!  0            24      28                    32
//!  | 4 pointers | 4 tags | used 4, child 28   |
//! ```
//!
//! A tag is the top byte of the element's hash: it spares most of the misses a look-up would have to pay to compare
//! keys. `child` leads to an overflow bucket. `used` says which slots mean anything; the content of an unused slot is
//! left over and never looked at.

#![allow(unsafe_code)]

use crate::base::short;
use crate::store::address::Address;

#[repr(C, align(32))]
#[derive(Clone, Copy)]
pub(super) struct Bucket<const N: usize> {
    slots: [[u8; 6]; N],
    tags: [u8; N],
    /// `N` bytes: in the low `N` bits one for each slot in use, above them the index of the overflow
    /// bucket plus one, or 0 for none.
    link: [u8; N],
}

/// Where a hash leads.
pub(super) type Home = Bucket<8>;
/// Where elements go that found the ones before it full.
pub(super) type Overflow = Bucket<4>;

/// How many overflow buckets can be told apart.
pub(super) const OVERFLOW_MAX: u32 = (1 << 28) - 1;

/// Slots of a home bucket.
pub(super) const SLOTS: usize = 8;

impl<const N: usize> Bucket<N> {
    pub(crate) const EMPTY: Self = Self {
        slots: [[0; 6]; N],
        tags: [0; N],
        link: [0; N],
    };

    const ALL: u8 = (0xff_u16 >> (8 - N)) as u8;

    /// The slots in use that carry this tag, one bit each.
    #[inline]
    pub(crate) fn matches(&self, tag: u8) -> Bits {
        let tags = short::number(self.tags);
        #[cfg(target_arch = "x86_64")]
        let equal = equal_bytes_sse2(tags, tag);
        #[cfg(not(target_arch = "x86_64"))]
        let equal = equal_bytes(tags, tag);
        Bits(equal & self.used().0)
    }

    #[inline]
    pub(crate) fn used(&self) -> Bits {
        Bits(self.link[0] & Self::ALL)
    }

    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.used().0.count_ones() as usize
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.used().0 == Self::ALL
    }

    #[inline]
    pub(crate) fn is_used(&self, slot: usize) -> bool {
        self.used().0 >> slot & 1 == 1
    }

    #[inline]
    pub(crate) fn address(&self, slot: usize) -> Address {
        debug_assert!(self.is_used(slot));
        Address::from_bytes(self.slots[slot])
    }

    #[inline]
    pub(crate) fn tag(&self, slot: usize) -> u8 {
        self.tags[slot]
    }

    pub(crate) fn set_address(&mut self, slot: usize, address: Address) {
        debug_assert!(self.is_used(slot));
        self.slots[slot] = address.to_bytes();
    }

    /// Into the first free slot, which is returned. There must be one.
    #[inline]
    pub(crate) fn put(&mut self, tag: u8, address: Address) -> usize {
        let slot = self.used().0.trailing_ones() as usize;
        self.slots[slot] = address.to_bytes();
        self.tags[slot] = tag;
        self.link[0] |= 1 << slot;
        slot
    }

    #[inline]
    pub(crate) fn take(&mut self, slot: usize) -> (u8, Address) {
        let taken = (self.tag(slot), self.address(slot));
        self.link[0] &= !(1 << slot);
        taken
    }

    #[inline]
    pub(crate) fn child(&self) -> Option<u32> {
        ((self.link() >> N) as u32).checked_sub(1)
    }

    pub(crate) fn set_child(&mut self, child: Option<u32>) {
        debug_assert!(child.is_none_or(|index| index < OVERFLOW_MAX));
        let child = child.map_or(0, |index| u64::from(index) + 1);
        let link = child << N | u64::from(self.used().0);
        let bytes = link.to_le_bytes();
        self.link = *bytes.first_chunk().expect("N of eight");
    }

    #[inline]
    fn link(&self) -> u64 {
        short::number(self.link)
    }
}

/// Which of eight bytes equal `wanted`, one bit each.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_bytes(bytes: u64, wanted: u8) -> u8 {
    // Xor makes equal bytes zero, and a byte is zero exactly if neither its low seven bits carry
    // into its top bit when 0x7f is added, nor that top bit is set itself.
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differing = bytes ^ (u64::from(wanted) * 0x0101_0101_0101_0101);
    let zero = !(((differing & LOW) + LOW) | differing | LOW);
    // The multiplication gathers the eight top bits into the top byte.
    ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The same in a third of the instructions, with what every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "four instructions, unsafe for one reason, which holds for all"
)]
fn equal_bytes_sse2(bytes: u64, wanted: u8) -> u8 {
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: these take and return values only; SSE2 is part of every x86-64 target.
    unsafe {
        let wide = _mm_cmpeq_epi8(_mm_cvtsi64_si128(bytes as i64), _mm_set1_epi8(wanted as i8));
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

const _: () = assert!(size_of::<Home>() == 64 && size_of::<Overflow>() == 32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Random;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn both_ways_to_compare_agree() {
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            let bytes = short::number([(); 8].map(|()| random.below(4) as u8 * 85));
            for wanted in [0, 1, 84, 85, 127, 128, 170, 255] {
                assert_eq!(equal_bytes(bytes, wanted), equal_bytes_sse2(bytes, wanted));
            }
        }
    }

    /// Puts tags in, takes two out, and compares with a plain look at each slot.
    fn check_matches<const N: usize>(tags: [u8; N]) {
        let mut bucket = Bucket::<N>::EMPTY;
        for (at, tag) in tags.into_iter().enumerate() {
            assert!(!bucket.is_full());
            assert_eq!(bucket.put(tag, Address::from_bits(at as u64 + 1)), at);
        }
        assert!(bucket.is_full());
        bucket.set_child(Some(OVERFLOW_MAX - 1));
        bucket.take(3);
        bucket.take(1);
        assert_eq!(bucket.count(), N - 2);
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
        assert_eq!(bucket.child(), Some(OVERFLOW_MAX - 1));
        assert_eq!(bucket.put(9, Address::from_bits((1 << 48) - 1)), 1);
        assert_eq!(bucket.address(1).bits(), (1 << 48) - 1);
        assert_eq!((bucket.address(0).bits(), bucket.address(2).bits()), (1, 3));
        bucket.set_child(None);
        assert_eq!((bucket.child(), bucket.count()), (None, N - 1));
    }

    #[test]
    fn matches_finds_exactly_the_equal_tags_in_use() {
        check_matches([7, 0, 255, 7, 128, 0, 127, 6]);
        check_matches([7, 0, 255, 0]);
    }
}
