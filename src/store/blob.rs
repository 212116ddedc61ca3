//! Bytes under the compact encodings of values, owned or lent.
//!
//! A [`Blob`] is what `Box<[u8]>` is, and one thing more: a value whose bytes lie in its entry can be looked at there,
//! without a copy. For that the entry lends its bytes as a blob, which a constructor wraps into a value, and
//! [`Lent`] hands out that value for reading only. So a type of values is written once, for blobs, and does not know
//! whether it is being read inside an entry or on its own.
//!
//! What must hold: the value in a `Lent` is never dropped, moved out or changed, since it does not own its blob. It is
//! seen through a shared reference, and blobs have no interior to change. A clone of it owns its bytes.

#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes in an allocation of their own, exactly as long as the slice.
pub(crate) struct Blob(NonNull<[u8]>);

// SAFETY: a blob owns plain bytes, as a box does.
unsafe impl Send for Blob {}
// SAFETY: as above; through a shared reference they are only read.
unsafe impl Sync for Blob {}

impl Blob {
    #[inline]
    pub(crate) fn into_vec(self) -> Vec<u8> {
        let blob = ManuallyDrop::new(self);
        // SAFETY: the pointer came out of a box, and the blob that had it is not dropped.
        unsafe { Box::from_raw(blob.0.as_ptr()) }.into_vec()
    }
}

impl From<Box<[u8]>> for Blob {
    #[inline]
    fn from(bytes: Box<[u8]>) -> Self {
        let start = NonNull::new(Box::into_raw(bytes));
        Self(start.expect("a box points to something"))
    }
}

impl From<Vec<u8>> for Blob {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        bytes.into_boxed_slice().into()
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Box::<[u8]>::from(bytes).into()
    }
}

impl Default for Blob {
    #[inline]
    fn default() -> Self {
        Self(NonNull::from(&mut []))
    }
}

impl Clone for Blob {
    fn clone(&self) -> Self {
        (**self).into()
    }
}

impl Drop for Blob {
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            // SAFETY: the bytes came out of a box, and this is their end.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

impl Deref for Blob {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are alive: owned by this blob, or by the entry that `Lent` keeps borrowed.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Blob {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above. They are not lent, since what is lent is seen through shared references only.
        unsafe { self.0.as_mut() }
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A value made over bytes that somebody else owns, for reading.
pub(crate) struct Lent<'t, T> {
    value: ManuallyDrop<T>,
    _bytes: PhantomData<&'t [u8]>,
}

impl<'t, T> Lent<'t, T> {
    /// `wrap` puts the blob into a value and does nothing else with it: it is not the blob's owner.
    #[inline]
    pub(crate) fn new(bytes: &'t [u8], wrap: impl FnOnce(Blob) -> T) -> Self {
        Self {
            value: ManuallyDrop::new(wrap(Blob(NonNull::from(bytes)))),
            _bytes: PhantomData,
        }
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A value for reading, wherever its bytes are.
pub(crate) enum Held<'t, T> {
    /// It is an object of its own.
    There(&'t T),
    /// Its bytes are in the entry.
    Lent(Lent<'t, T>),
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Self::There(value) => value,
            Self::Lent(lent) => lent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_not_freed_and_a_clone_of_it_is_its_own() {
        let bytes = b"some bytes".to_vec();
        let lent = Lent::new(&bytes, |blob| (1, blob));
        let copy = lent.1.clone();
        assert_eq!((lent.0, &*lent.1), (1, bytes.as_slice()));
        drop(bytes);
        assert_eq!(&*copy, b"some bytes");
        assert_eq!(copy.into_vec(), b"some bytes");
    }

    #[test]
    fn blobs_grow_and_end_like_boxes() {
        let mut blob = Blob::default();
        assert!(blob.is_empty());
        for len in 1..100 {
            let mut bytes = std::mem::take(&mut blob).into_vec();
            bytes.push(len);
            blob = bytes.into();
            blob[0] = 7;
            assert_eq!(
                (blob.len(), blob[0], blob.last()),
                (usize::from(len), 7, Some(&if len == 1 { 7 } else { len }))
            );
        }
        assert_eq!(blob.clone().to_vec(), blob.to_vec());
    }
}
