//! The bytes of an entry.
//!
//! ```text
//!            [ payload  ]   Int: 8 bytes; Object: a `V`; Inline and Folded: nothing here
//!       -24  [ field    ]   i64 ms, MAX = none: the earliest hash field    \  if LONG
//!       -16  [ deadline ]   i64 ms, MAX = none                             /
//!        -8  [ time     ]   43 bits of deadline unless LONG, 21 of index      if TIMED
//!   -->   0  [ head     ]   one word, see `Head`
//!         8  [ key len  ]   u32, if WIDE
//!            [ key      ]
//!            [ value    ]   Inline and Folded only
//! ```
//!
//! One allocation of 8-byte alignment; the address in the table is that of the *head*, and what an
//! entry may or may not have stands before it. So the head and the key, which every look-up reads,
//! are at fixed places and usually in one cache line, whatever else the entry carries. A 16-byte
//! key with a 32-byte value takes 56 bytes, with a deadline 64.
//!
//! A deadline shares its word with the lower part of the *index*, the number of the entry's record in its slot of the
//! wheel; the upper part is in the head. 43 bits of milliseconds reach into the year 2248. A deadline beyond that, or
//! one of a hash field, makes the entry LONG. Which slot the index counts in is not written down: the deadline tells.
//!
//! A folded value is a small aggregate: the bytes of its compact encoding, and three bits that say which encoding that
//! is. They share the field of the value's length, since a folded value is shorter than a string may be.
//!
//! The size is not stored: it follows from the head (invariant I3), rounded up to the allocator's
//! size class so that two values of one class can take turns in the same allocation.

#![allow(unsafe_code)]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the step to a part of an entry and its reading or writing there are one claim: that the part is there"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

use crate::store::address::Address;
use crate::store::alloc::size_class;
use crate::store::compare::equal;

/// The kind of an entry's value, as two bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Kind {
    Int,
    Inline,
    Object,
    Folded,
}

/// The word every entry has.
///
/// ```text
///   0  access 24    24  kind 2     26  raw reported    27  TIMED    28  LONG    29  WIDE
///  30  epoch 3      33  index 11   44  key len 8       52  value len 12
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Head(u64);

/// The longest key whose length fits the head.
pub(in crate::store) const NARROW_MAX: usize = 255;

const ACCESS: u64 = (1 << 24) - 1;
const KIND_SHIFT: u32 = 24;
const RAW_REPORTED: u64 = 1 << 26;
const TIMED: u64 = 1 << 27;
/// Both deadlines are there in full. Only with TIMED.
const LONG: u64 = 1 << 28;
const WIDE: u64 = 1 << 29;
const EPOCH_SHIFT: u32 = 30;
const INDEX_SHIFT: u32 = 33;
const INDEX: u64 = ((1 << 11) - 1) << INDEX_SHIFT;
const KEY_LEN_SHIFT: u32 = 44;
const VALUE_LEN_SHIFT: u32 = 52;

/// Of a folded value, the field of the length holds the form above so many bits of length.
const FOLDED_LEN_BITS: u32 = 9;

/// The longest value that can be folded.
pub(in crate::store) const FOLDED_LEN_MAX: usize = (1 << FOLDED_LEN_BITS) - 1;

/// What the field of the length holds for a folded value.
#[inline]
pub(in crate::store) fn folded_len(form: u8, len: usize) -> usize {
    assert!(form < 8 && len <= FOLDED_LEN_MAX, "types fold what fits");
    usize::from(form) << FOLDED_LEN_BITS | len
}

/// How much of the index the time word holds, below the deadline.
const INDEX_LOW_BITS: u32 = 21;
const INDEX_LOW: u64 = (1 << INDEX_LOW_BITS) - 1;
const SHORT_DEADLINES: std::ops::Range<i64> = 0..1 << (64 - INDEX_LOW_BITS);

/// Stands for "no deadline".
pub(in crate::store) const NEVER: i64 = i64::MAX;

impl Head {
    #[inline]
    pub(crate) fn access(self) -> u32 {
        (self.0 & ACCESS) as u32
    }

    #[inline]
    pub(crate) fn with_access(self, access: u32) -> Self {
        Self(self.0 & !ACCESS | u64::from(access) & ACCESS)
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.0 >> KIND_SHIFT & 3 {
            0 => Kind::Int,
            1 => Kind::Inline,
            2 => Kind::Object,
            _ => Kind::Folded,
        }
    }

    #[inline]
    pub(crate) fn raw_reported(self) -> bool {
        self.0 & RAW_REPORTED != 0
    }

    #[inline]
    pub(crate) fn with_raw_reported(self, is_raw: bool) -> Self {
        Self(if is_raw {
            self.0 | RAW_REPORTED
        } else {
            self.0 & !RAW_REPORTED
        })
    }

    #[inline]
    pub(crate) fn is_timed(self) -> bool {
        self.0 & TIMED != 0
    }

    #[inline]
    fn is_long(self) -> bool {
        self.0 & LONG != 0
    }

    #[inline]
    pub(crate) fn epoch(self) -> u8 {
        (self.0 >> EPOCH_SHIFT & 7) as u8
    }

    #[inline]
    pub(crate) fn with_epoch(self, epoch: u8) -> Self {
        Self(self.0 & !(7 << EPOCH_SHIFT) | u64::from(epoch & 7) << EPOCH_SHIFT)
    }

    /// The bytes of a string or a folded value.
    #[inline]
    pub(crate) fn value_len(self) -> usize {
        let field = (self.0 >> VALUE_LEN_SHIFT) as usize;
        match self.kind() {
            Kind::Folded => field & FOLDED_LEN_MAX,
            Kind::Int | Kind::Inline | Kind::Object => field,
        }
    }

    /// The form of a folded value.
    #[inline]
    pub(crate) fn form(self) -> u8 {
        (self.0 >> (VALUE_LEN_SHIFT + FOLDED_LEN_BITS)) as u8
    }

    /// This head for another payload; the parts of the key stay.
    fn with_payload(self, kind: Kind, value_len: usize) -> Self {
        debug_assert!(value_len < 1 << (64 - VALUE_LEN_SHIFT));
        let rest = self.0 & !(3 << KIND_SHIFT | RAW_REPORTED | u64::MAX << VALUE_LEN_SHIFT);
        Self(rest | (kind as u64) << KIND_SHIFT | (value_len as u64) << VALUE_LEN_SHIFT)
    }

    /// This head with room for deadlines.
    fn with_times(self, times: Times) -> Self {
        let bits = self.0 & !(TIMED | LONG);
        Self(if times == Times::NONE {
            bits & !INDEX
        } else if times.field == NEVER && SHORT_DEADLINES.contains(&times.key) {
            bits | TIMED
        } else {
            bits | TIMED | LONG
        })
    }

    fn new(key_len: usize) -> Self {
        Self(if key_len <= NARROW_MAX {
            (key_len as u64) << KEY_LEN_SHIFT
        } else {
            WIDE
        })
    }

    /// Bytes before the head for the deadlines.
    #[inline]
    fn times_size(self) -> usize {
        // 8 for TIMED (bit 27) and 16 for LONG (bit 28).
        (self.0 >> 24 & 0x18) as usize
    }

    #[inline]
    fn payload_size<V>(self) -> usize {
        match self.kind() {
            Kind::Int => 8,
            Kind::Inline | Kind::Folded => 0,
            Kind::Object => object_size::<V>(),
        }
    }

    /// Bytes before the head.
    #[inline]
    fn prefix<V>(self) -> usize {
        self.times_size() + self.payload_size::<V>()
    }

    fn layout<V>(self, key_len: usize) -> Layout {
        let wide = if self.0 & WIDE == 0 { 0 } else { 4 };
        let size = self.prefix::<V>() + 8 + wide + key_len + self.value_len();
        Layout::from_size_align(size_class(size), 8).expect("far below the address space")
    }
}

/// Both deadlines of an entry; `NEVER` where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Times {
    pub(crate) key: i64,
    pub(crate) field: i64,
}

impl Times {
    pub(crate) const NONE: Self = Self {
        key: NEVER,
        field: NEVER,
    };

    /// The moment the wheel must look at the entry.
    pub(crate) fn earliest(self) -> i64 {
        self.key.min(self.field)
    }
}

/// An entry that is alive.
///
/// That is a promise of the caller of `assume`, and every SAFETY paragraph below rests on it: the address was made by
/// `create` or `reshape`, and neither `free` nor `reshape` has consumed it since. Heads, deadlines and filings are read
/// and written by value, and never lent as references; so they may change while somebody reads the key or the value.
#[derive(Clone, Copy)]
pub(in crate::store) struct Raw(NonNull<u8>);

impl Raw {
    /// # Safety
    /// The address is that of an entry, which stays alive as long as the result is used.
    #[inline]
    pub(crate) unsafe fn assume(address: Address) -> Self {
        // SAFETY: passed on from the caller; entries are allocations.
        Self(unsafe { address.allocation() })
    }

    #[inline]
    pub(crate) fn address(self) -> Address {
        Address::of(self.0)
    }

    #[inline]
    pub(crate) fn head(self) -> Head {
        // SAFETY: an entry begins with its head, aligned to 8.
        Head(unsafe { self.0.cast::<u64>().read() })
    }

    #[inline]
    pub(crate) fn set_head(self, head: Head) {
        // SAFETY: as above; no reference to these bytes exists.
        unsafe { self.0.cast::<u64>().write(head.0) };
    }

    /// Whether this is the entry of a key of at most 255 bytes. One comparison settles the length.
    #[inline]
    pub(crate) fn has_narrow_key(self, key: &[u8]) -> bool {
        if self.head().0 & (WIDE | 255 << KEY_LEN_SHIFT) != (key.len() as u64) << KEY_LEN_SHIFT {
            return false;
        }
        // SAFETY: the entry's key is narrow and has as many bytes as `key`; it follows the head.
        let own = unsafe { NonNull::slice_from_raw_parts(self.0.add(8), key.len()).as_ref() };
        equal(own, key)
    }

    /// # Safety
    /// The entry must stay alive for `'t`. (A key never changes.)
    #[inline]
    pub(crate) unsafe fn key<'t>(self) -> &'t [u8] {
        let (start, len) = self.key_place();
        // SAFETY: the key's bytes were written when the entry was made and nothing writes them
        // afterwards.
        unsafe { NonNull::slice_from_raw_parts(start, len).as_ref() }
    }

    #[inline]
    fn key_place(self) -> (NonNull<u8>, usize) {
        let bits = self.head().0;
        if bits & WIDE != 0 {
            return self.wide_key();
        }
        // SAFETY: the head is followed by the key; the result points into the entry.
        (
            unsafe { self.0.add(8) },
            (bits >> KEY_LEN_SHIFT & 255) as usize,
        )
    }

    #[cold]
    fn wide_key(self) -> (NonNull<u8>, usize) {
        // SAFETY: a wide entry has a u32 between head and key, at an offset that is a multiple of
        // 8.
        unsafe { (self.0.add(12), self.0.add(8).cast::<u32>().read() as usize) }
    }

    /// The place of a string or a folded value; its length is 0 for other kinds.
    #[inline]
    pub(crate) fn value_place(self) -> NonNull<[u8]> {
        let (key, key_len) = self.key_place();
        // SAFETY: the value follows the key, inside the entry.
        NonNull::slice_from_raw_parts(unsafe { key.add(key_len) }, self.head().value_len())
    }

    /// The integer's place, for kind `Int`.
    #[inline]
    pub(crate) fn int_place(self) -> NonNull<i64> {
        debug_assert_eq!(self.head().kind(), Kind::Int);
        // SAFETY: an Int entry has these 8 bytes before its deadlines.
        unsafe { self.0.sub(self.head().times_size() + 8).cast() }
    }

    /// The object's place, for kind `Object`.
    #[inline]
    pub(crate) fn object_place<V>(self) -> NonNull<V> {
        debug_assert_eq!(self.head().kind(), Kind::Object);
        // SAFETY: an Object entry has a `V` before its deadlines; all sizes are multiples of 8 and
        // so it is aligned.
        unsafe {
            self.0
                .sub(self.head().times_size() + object_size::<V>())
                .cast()
        }
    }

    #[inline]
    pub(crate) fn times(self) -> Times {
        let head = self.head();
        if !head.is_timed() {
            return Times::NONE;
        }
        if head.is_long() {
            return self.long_times();
        }
        Times {
            key: (self.time_word() >> INDEX_LOW_BITS) as i64,
            field: NEVER,
        }
    }

    fn long_times(self) -> Times {
        // SAFETY: a long entry has 24 bytes before the head, aligned to 8.
        unsafe {
            Times {
                key: self.0.sub(16).cast::<i64>().read(),
                field: self.0.sub(24).cast::<i64>().read(),
            }
        }
    }

    /// Write deadlines into the room there is; `reshape` makes it. The index is to be set next, or
    /// the entry is in no wheel.
    pub(crate) fn set_times(self, times: Times) {
        let head = self.head();
        debug_assert!(self.fits_times(times));
        if head.is_long() {
            // SAFETY: as in `long_times`; nobody holds references to deadlines.
            unsafe {
                self.0.sub(16).cast::<i64>().write(times.key);
                self.0.sub(24).cast::<i64>().write(times.field);
            }
            self.set_time_word(0);
        } else if head.is_timed() {
            self.set_time_word((times.key as u64) << INDEX_LOW_BITS);
        }
    }

    /// Whether these deadlines fit the room there is exactly.
    pub(crate) fn fits_times(self, times: Times) -> bool {
        let head = self.head();
        head.with_times(times).times_size() == head.times_size()
    }

    /// The number of the entry's record in its slot of the wheel.
    #[inline]
    pub(crate) fn index(self) -> u32 {
        let high = (self.head().0 & INDEX) >> INDEX_SHIFT << INDEX_LOW_BITS;
        (high | self.time_word() & INDEX_LOW) as u32
    }

    #[inline]
    pub(crate) fn set_index(self, index: u32) {
        let index = u64::from(index);
        self.set_head(Head(
            self.head().0 & !INDEX | index >> INDEX_LOW_BITS << INDEX_SHIFT,
        ));
        self.set_time_word(self.time_word() & !INDEX_LOW | index & INDEX_LOW);
    }

    #[inline]
    fn time_word(self) -> u64 {
        debug_assert!(self.head().is_timed());
        // SAFETY: a timed entry has these bytes before its head, aligned to 8, and they were written
        // when it became one.
        unsafe { self.0.sub(8).cast::<u64>().read() }
    }

    #[inline]
    fn set_time_word(self, word: u64) {
        debug_assert!(self.head().is_timed());
        // SAFETY: as above; nobody holds a reference to them.
        unsafe { self.0.sub(8).cast::<u64>().write(word) };
    }

    /// The bytes of the allocation.
    pub(crate) fn bytes<V>(self) -> usize {
        self.head().layout::<V>(self.key_place().1).size()
    }

    /// A new entry whose payload is yet to be written, and whose access word and epoch are 0.
    pub(crate) fn create<V>(key: &[u8], kind: Kind, value_len: usize, times: Times) -> Self {
        let head = Head::new(key.len())
            .with_payload(kind, value_len)
            .with_times(times);
        let new = Self::allocate::<V>(head, key);
        new.set_times(times);
        new
    }

    fn allocate<V>(head: Head, key: &[u8]) -> Self {
        let layout = head.layout::<V>(key.len());
        // SAFETY: the size is at least that of a head.
        let memory = unsafe { alloc(layout) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: the layout counts the prefix, the head, the wide length and the key, all written
        // here. The memory is new, so it does not overlap `key`.
        unsafe {
            let new = Self(memory.add(head.prefix::<V>()));
            new.set_head(head);
            if head.0 & WIDE != 0 {
                let len = u32::try_from(key.len()).expect("STRING_BYTES_MAX");
                new.0.add(8).cast::<u32>().write(len);
            }
            let start = new.key_place().0;
            start.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            new
        }
    }

    /// Whether the payload can change to this without a new allocation.
    pub(crate) fn fits_payload<V>(self, kind: Kind, value_len: usize, times: Times) -> bool {
        let (old, key_len) = (self.head(), self.key_place().1);
        let new = old.with_payload(kind, value_len).with_times(times);
        if old.with_raw_reported(false) == new {
            return true;
        }
        old.prefix::<V>() == new.prefix::<V>()
            && old.times_size() == new.times_size()
            && old.layout::<V>(key_len) == new.layout::<V>(key_len)
    }

    /// Change kind and length in the head; the payload, which is not to be dropped any more, is to
    /// be written next. Only if `fits_payload`.
    pub(crate) fn begin_payload(self, kind: Kind, value_len: usize) {
        self.set_head(self.head().with_payload(kind, value_len));
    }

    /// Move to another allocation, with room for another payload (to be written next) and for these
    /// deadlines. The old allocation is freed; its payload is not dropped.
    ///
    /// # Safety
    /// `self` must not be used afterwards. `V` is what the entry was made with.
    pub(crate) unsafe fn reshape<V>(self, kind: Kind, value_len: usize, times: Times) -> Self {
        let head = self.head().with_payload(kind, value_len).with_times(times);
        // SAFETY: the key is used until the next statement only.
        let new = Self::allocate::<V>(head, unsafe { self.key() });
        new.set_times(times);
        if self.head().is_timed() && head.is_timed() {
            new.set_index(self.index());
        }
        // SAFETY: passed on from the caller.
        unsafe { self.free::<V>() };
        new
    }

    /// As `reshape`, but the payload moves along.
    ///
    /// # Safety
    /// As for `reshape`.
    pub(crate) unsafe fn reshape_times<V>(self, times: Times) -> Self {
        let head = self.head().with_times(times);
        // SAFETY: the key is used until the next statement only.
        let new = Self::allocate::<V>(head, unsafe { self.key() });
        // SAFETY: both entries have the same kind and value length, hence payloads of the same
        // size. The old one is freed without being dropped, so that a `V` is owned once.
        unsafe {
            match head.kind() {
                Kind::Int => {
                    ptr::copy_nonoverlapping(
                        self.int_place().as_ptr(),
                        new.int_place().as_ptr(),
                        1,
                    );
                }
                Kind::Inline | Kind::Folded => {
                    let (from, to) = (self.value_place(), new.value_place());
                    to.cast::<u8>()
                        .copy_from_nonoverlapping(from.cast(), from.len());
                }
                Kind::Object => {
                    ptr::copy_nonoverlapping(
                        self.object_place::<V>().as_ptr(),
                        new.object_place().as_ptr(),
                        1,
                    );
                }
            }
        }
        new.set_times(times);
        if self.head().is_timed() && head.is_timed() {
            new.set_index(self.index());
        }
        // SAFETY: passed on from the caller.
        unsafe { self.free::<V>() };
        new
    }

    /// Give the memory back. The payload is not dropped.
    ///
    /// # Safety
    /// `self` must not be used afterwards. `V` is what the entry was made with.
    pub(crate) unsafe fn free<V>(self) {
        let head = self.head();
        let layout = head.layout::<V>(self.key_place().1);
        // SAFETY: the allocation begins `prefix` bytes before the head, and has the layout that the
        // head implies: it was allocated with it, and what has changed in the head since left the
        // layout alone (`fits_payload`).
        unsafe { dealloc(self.0.sub(head.prefix::<V>()).as_ptr(), layout) };
    }
}

/// The bytes that a `V` takes in an entry.
const fn object_size<V>() -> usize {
    const {
        assert!(
            align_of::<V>() <= 8 && size_of::<V>() <= 32,
            "larger: use a Box"
        );
    }
    size_of::<V>().next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<V>(key_len: usize, kind: Kind, value_len: usize, times: Times) -> usize {
        Head::new(key_len)
            .with_payload(kind, value_len)
            .with_times(times)
            .layout::<V>(key_len)
            .size()
    }

    #[test]
    fn sizes_are_those_of_the_design() {
        let timed = Times {
            key: 1,
            field: NEVER,
        };
        assert_eq!(size::<u64>(16, Kind::Inline, 32, Times::NONE), 56);
        assert_eq!(size::<u64>(16, Kind::Inline, 32, timed), 64);
        assert_eq!(size::<u64>(16, Kind::Int, 0, Times::NONE), 32);
        assert_eq!(size::<[u64; 3]>(16, Kind::Object, 0, Times::NONE), 48);
        assert_eq!(
            size::<u64>(
                16,
                Kind::Inline,
                32,
                Times {
                    key: NEVER,
                    field: 9
                }
            ),
            80
        );
        assert_eq!(
            size::<u64>(300, Kind::Inline, 0, Times::NONE),
            size_class(312)
        );
    }

    #[test]
    fn the_head_keeps_its_parts_apart() {
        let mut head = Head::new(255)
            .with_payload(Kind::Inline, 1024)
            .with_times(Times { key: 5, field: 6 });
        for epoch in [7, 3, 0] {
            head = head
                .with_epoch(epoch)
                .with_access(0x00ab_cdef)
                .with_raw_reported(epoch == 3);
            assert_eq!(
                (head.epoch(), head.access(), head.raw_reported()),
                (epoch, 0x00ab_cdef, epoch == 3)
            );
            assert_eq!(
                (head.kind(), head.value_len(), head.times_size()),
                (Kind::Inline, 1024, 24)
            );
            assert_eq!(head.0 >> KEY_LEN_SHIFT & 255, 255);
        }
        let head = head
            .with_access(0)
            .with_payload(Kind::Object, 0)
            .with_times(Times {
                key: 5,
                field: NEVER,
            });
        assert_eq!(
            (
                head.kind(),
                head.value_len(),
                head.times_size(),
                head.access()
            ),
            (Kind::Object, 0, 8, 0)
        );
    }

    /// Deadline and index share a word, and the index goes on in the head: none may touch another.
    #[test]
    fn deadline_and_index_keep_apart() {
        let last_short = SHORT_DEADLINES.end - 1;
        for key in [
            0,
            1,
            1_700_000_000_000,
            last_short,
            last_short + 1,
            -1,
            i64::MIN,
        ] {
            for field in [NEVER, 0, i64::MIN, 1_700_000_000_000] {
                let times = Times { key, field };
                let entry = Raw::create::<u64>(b"key", Kind::Inline, 1024, times);
                for index in [0, 1, (1 << 21) - 1, 1 << 21, u32::MAX] {
                    entry.set_index(index);
                    assert_eq!((entry.index(), entry.times()), (index, times));
                    let head = entry.head();
                    assert_eq!((head.value_len(), head.epoch()), (1024, 0));
                    // SAFETY: the entry is alive until it is freed below.
                    assert_eq!(unsafe { entry.key() }, b"key");
                }
                let is_short = field == NEVER && SHORT_DEADLINES.contains(&key);
                assert_eq!(entry.head().times_size(), if is_short { 8 } else { 24 });
                // SAFETY: its payload is bytes, and nothing uses it afterwards.
                unsafe { entry.free::<u64>() };
            }
        }
    }
}
