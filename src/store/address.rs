//! Pointers in 48 bits, and telling the processor about them early.
//!
//! User space on the systems we run on ends below 2^48, so six bytes hold a pointer. That is what
//! lets eight of them, eight tags and a link fit one cache line.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use crate::base::short;

/// Where an allocation of ours is. A number until [`Address::pointer`] makes it a pointer again; the owner of the table
/// knows the type behind it, and that it is alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Address(u64);

impl Address {
    /// Of no allocation.
    pub(crate) const NOWHERE: Self = Self(0);

    #[inline]
    pub(crate) fn of(pointer: NonNull<u8>) -> Self {
        Self::from_bits(pointer.as_ptr().expose_provenance() as u64)
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        assert!(bits >> 48 == 0, "a pointer of more than 48 bits");
        Self(bits)
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn pointer(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.0 as usize)
    }

    /// The pointer to an allocation that is alive.
    ///
    /// # Safety
    /// The address was taken of an allocation, which has not been freed since.
    #[inline]
    pub(crate) unsafe fn allocation(self) -> NonNull<u8> {
        debug_assert!(!self.pointer().is_null());
        // SAFETY: an allocation is never at null.
        unsafe { NonNull::new_unchecked(self.pointer()) }
    }

    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; 6] {
        *self.0.to_le_bytes().first_chunk().expect("six of eight")
    }

    #[inline]
    pub(crate) fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(short::number(bytes))
    }

    /// Ask for the first line, and for the next one where a small allocation usually ends.
    #[inline]
    pub(crate) fn prefetch(self) {
        prefetch(self.0 as usize);
        prefetch(self.0 as usize + 56);
    }
}

/// Start to bring a cache line in. Only a hint: any address is allowed, and elsewhere than on
/// x86-64 it does nothing.
#[inline]
pub(super) fn prefetch(address: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, wherever it points, and changes nothing a program can
        // see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ptr::without_provenance(address)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
