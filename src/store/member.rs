//! The bytes of an element of a large set, hash or sorted set.
//!
//! ```text
//!        -8  [ word    ]  8 bytes, if WORD: a field's deadline, a member's score
//!   -->   0  flags u8
//!         1  key len u8           WIDE:  4  key len u32
//!         2  [ value len u8 ]            8  [ value len u32 ]     if VALUE
//!            key
//!            [ value ]
//! ```
//!
//! One allocation of 8-byte alignment, addressed by its flags as an entry is by its head. Lengths
//! take a byte each unless one of them is above 255, so that a 16-byte member costs 24 bytes, and a
//! 16-byte field with a 16-byte value 40. As with entries, the size follows from the flags and
//! lengths, rounded up to the size class.

#![allow(unsafe_code)]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the step to a part of an element and its reading or writing there are one claim: that the part is there"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::address::Address;
use super::alloc::size_class;
use super::compare::equal;

const WORD: u8 = 1;
const VALUE: u8 = 2;
const WIDE: u8 = 4;

/// The parts of an element; they decide its flags and its size.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    has_word: bool,
    key_len: usize,
    value_len: usize,
}

impl Shape {
    fn flags(self) -> u8 {
        let mut flags = 0;
        if self.has_word {
            flags |= WORD;
        }
        if self.value_len > 0 {
            flags |= VALUE;
        }
        if self.key_len.max(self.value_len) > 255 {
            flags |= WIDE;
        }
        flags
    }

    fn layout(self) -> Layout {
        let flags = self.flags();
        let size = prefix(flags) + key_start(flags) + self.key_len + self.value_len;
        Layout::from_size_align(size_class(size), 8).expect("far below the address space")
    }
}

/// Bytes before the flags.
#[inline]
fn prefix(flags: u8) -> usize {
    if flags & WORD == 0 { 0 } else { 8 }
}

/// Where the key begins: after two or three bytes, or after 8 or 12.
#[inline]
fn key_start(flags: u8) -> usize {
    let has_value = usize::from(flags & VALUE != 0);
    if flags & WIDE == 0 {
        2 + has_value
    } else {
        8 + 4 * has_value
    }
}

/// An element that is alive: a promise of the caller of `assume`, on which every SAFETY paragraph below rests. The
/// address was made by `create` or `with_parts`, and has not been freed since.
#[derive(Clone, Copy)]
pub(super) struct Raw(NonNull<u8>);

impl Raw {
    /// # Safety
    /// The address is that of an element, which stays alive as long as the result is used.
    #[inline]
    pub(crate) unsafe fn assume(address: Address) -> Self {
        // SAFETY: passed on from the caller; elements are allocations.
        Self(unsafe { address.allocation() })
    }

    #[inline]
    pub(crate) fn address(self) -> Address {
        Address::of(self.0)
    }

    #[inline]
    fn flags(self) -> u8 {
        // SAFETY: an element begins with its flags.
        unsafe { self.0.read() }
    }

    #[inline]
    fn key_len(self) -> usize {
        // SAFETY: the length is at one of two places, as the flags say; the element is aligned to
        // 8.
        unsafe {
            if self.flags() & WIDE == 0 {
                self.0.add(1).read().into()
            } else {
                self.0.add(4).cast::<u32>().read() as usize
            }
        }
    }

    #[inline]
    fn value_len(self) -> usize {
        // SAFETY: as for `key_len`.
        unsafe {
            match self.flags() & (VALUE | WIDE) {
                VALUE => self.0.add(2).read().into(),
                0 | WIDE => 0,
                _ => self.0.add(8).cast::<u32>().read() as usize,
            }
        }
    }

    fn shape(self) -> Shape {
        Shape {
            has_word: self.flags() & WORD != 0,
            key_len: self.key_len(),
            value_len: self.value_len(),
        }
    }

    #[inline]
    pub(crate) fn has_key(self, key: &[u8]) -> bool {
        // SAFETY: compared here and now, while the element is alive.
        self.key_len() == key.len() && equal(unsafe { self.key() }, key)
    }

    /// # Safety
    /// The element must stay alive for `'t`. (A key never changes.)
    #[inline]
    pub(crate) unsafe fn key<'t>(self) -> &'t [u8] {
        // SAFETY: the key is where `create` wrote it, and nothing writes it afterwards.
        unsafe {
            NonNull::slice_from_raw_parts(self.0.add(key_start(self.flags())), self.key_len())
                .as_ref()
        }
    }

    /// # Safety
    /// The element must stay alive, and its value unchanged, for `'t`.
    #[inline]
    pub(crate) unsafe fn value<'t>(self) -> &'t [u8] {
        // SAFETY: the value follows the key.
        unsafe { self.value_place().as_ref() }
    }

    #[inline]
    fn value_place(self) -> NonNull<[u8]> {
        let start = key_start(self.flags()) + self.key_len();
        // SAFETY: the place is inside the element, or its end if there is no value.
        NonNull::slice_from_raw_parts(unsafe { self.0.add(start) }, self.value_len())
    }

    #[inline]
    pub(crate) fn word(self) -> Option<u64> {
        // SAFETY: an element with a word has 8 bytes before its flags.
        (self.flags() & WORD != 0).then(|| unsafe { self.0.sub(8).cast::<u64>().read() })
    }

    /// Change the word of an element that has one.
    #[inline]
    pub(crate) fn set_word(self, word: u64) {
        assert!(self.flags() & WORD != 0, "the element has no word");
        // SAFETY: as in `word`; nobody holds a reference to it.
        unsafe { self.0.sub(8).cast::<u64>().write(word) };
    }

    pub(crate) fn bytes(self) -> usize {
        self.shape().layout().size()
    }

    pub(crate) fn create(key: &[u8], value: &[u8], word: Option<u64>) -> Self {
        let shape = Shape {
            has_word: word.is_some(),
            key_len: key.len(),
            value_len: value.len(),
        };
        let (layout, flags) = (shape.layout(), shape.flags());
        // SAFETY: the size is at least 2.
        let memory = unsafe { alloc(layout) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: the layout counts the prefix, the flags, the lengths and the key, all written
        // here and below. The memory is new, so it does not overlap `key`.
        let new = unsafe {
            let new = Self(memory.add(prefix(flags)));
            new.0.write(flags);
            if flags & WIDE == 0 {
                new.0.add(1).write(key.len() as u8);
            } else {
                let len = u32::try_from(key.len()).expect("STRING_BYTES_MAX");
                new.0.add(4).cast::<u32>().write(len);
            }
            new.0
                .add(key_start(flags))
                .copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            new
        };
        if let Some(word) = word {
            new.set_word(word);
        }
        new.write_value(value);
        new
    }

    /// An element with this one's key, and with this value and word.
    pub(crate) fn with_parts(self, value: &[u8], word: Option<u64>) -> Self {
        // SAFETY: the key is copied here and now, while this element is alive.
        Self::create(unsafe { self.key() }, value, word)
    }

    /// Write another value in place; false, and nothing done, if that takes another allocation.
    ///
    /// # Safety
    /// Nobody holds a reference to the old value.
    #[inline]
    pub(crate) unsafe fn change_value(self, value: &[u8]) -> bool {
        if value.len() == self.value_len() {
            let place = self.value_place().cast::<u8>();
            // SAFETY: the place is as long as the value, which does not overlap the element, since nobody holds a
            // reference to it.
            unsafe { place.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len()) };
            return true;
        }
        self.change_len(value)
    }

    /// The same for a value of another length.
    fn change_len(self, value: &[u8]) -> bool {
        let old = self.shape();
        let new = Shape {
            value_len: value.len(),
            ..old
        };
        let is_fitting = old.flags() == new.flags() && old.layout() == new.layout();
        if is_fitting {
            self.write_value(value);
        }
        is_fitting
    }

    /// The value and its length, into the room that flags and layout provide.
    fn write_value(self, value: &[u8]) {
        // SAFETY: callers have seen to it that flags and allocation suit a value of this length,
        // and that it does not overlap the element.
        unsafe {
            match self.flags() & (VALUE | WIDE) {
                VALUE => self.0.add(2).write(value.len() as u8),
                0 | WIDE => debug_assert!(value.is_empty()),
                _ => {
                    let len = u32::try_from(value.len()).expect("STRING_BYTES_MAX");
                    self.0.add(8).cast::<u32>().write(len);
                }
            }
            self.value_place()
                .cast()
                .copy_from_nonoverlapping(NonNull::from(value).cast::<u8>(), value.len());
        }
    }

    /// # Safety
    /// `self` must not be used afterwards.
    pub(crate) unsafe fn free(self) {
        let shape = self.shape();
        // SAFETY: the allocation begins `prefix` bytes before the flags, and has the layout that
        // they and the lengths imply: `create` used it, and `change_value` keeps it.
        unsafe { dealloc(self.0.sub(prefix(shape.flags())).as_ptr(), shape.layout()) };
    }
}
