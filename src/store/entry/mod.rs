//! One key with its value, deadlines and statistics, in one allocation.
//!
//! `raw` knows the bytes; this file has the view of an entry for other rooms, borrowed from its [`Dict`](super::Dict).
//!
//! Small strings, integers and small aggregates live in the entry itself. An aggregate that does is *folded*: it is the
//! bytes of its compact encoding, and a number that says which encoding that is. Everything else is a `V`, stored in
//! place too (it is a few words that own their data elsewhere). The split is by size only: what OBJECT
//! ENCODING answers is decided by the reader, with the help of `raw_reported`, a bit for short
//! strings that were edited in place.

#![allow(unsafe_code)]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the step to a part of an entry and its reading or writing there are one claim: that the part is there"
)]

pub(super) mod raw;

use std::marker::PhantomData;
use std::ptr::NonNull;

use raw::{Kind, NEVER, Raw, Times, folded_len};

/// The longest string an entry holds itself. Beyond, the cost of another allocation no longer
/// matters, and sharing the value with an output or a snapshot begins to pay.
pub(crate) const INLINE_MAX: usize = 1024;

/// The longest aggregate that is folded. To change one it is copied out of its entry and back, which shall take no
/// longer than the look-up; and the saving, three words, is a tenth of it here.
pub(crate) const FOLDED_MAX: usize = 256;
const _: () = assert!(FOLDED_MAX <= raw::FOLDED_LEN_MAX);

/// A value to store.
#[derive(Debug)]
pub(crate) enum New<'a, V> {
    Int(i64),
    /// At most [`INLINE_MAX`] bytes.
    Inline(&'a [u8]),
    /// The same, for a string that says it is `raw` however short it is.
    InlineRaw(&'a [u8]),
    /// The form of a folded value, below 8, and its bytes, at most [`FOLDED_MAX`].
    Folded(u8, &'a [u8]),
    Object(V),
}

/// The stored value.
#[derive(Debug)]
pub enum Payload<'t, V> {
    Int(i64),
    Inline(&'t [u8]),
    /// The form and the bytes.
    Folded(u8, &'t [u8]),
    Object(&'t V),
}

/// The stored value, to be changed in place.
#[derive(Debug)]
pub(crate) enum PayloadMut<'t, V> {
    Int(
        #[cfg_attr(
            not(test),
            expect(
                dead_code,
                reason = "integers are replaced; the tests change them in place"
            )
        )]
        &'t mut i64,
    ),
    Inline(&'t mut [u8]),
    /// It is not changed in place: see `Dict::refold`.
    Folded,
    Object(&'t mut V),
}

/// A payload that has left its entry.
#[derive(Debug)]
pub(crate) enum Owned<V> {
    Int(i64),
    Inline { bytes: Vec<u8>, raw_reported: bool },
    Folded(u8, Vec<u8>),
    Object(V),
}

/// All there is to an entry but its key: what RENAME and MOVE carry over.
#[derive(Debug)]
pub(crate) struct Taken<V> {
    pub(crate) payload: Owned<V>,
    pub(crate) deadline: Option<i64>,
    pub(crate) field_deadline: Option<i64>,
    pub(crate) access: u32,
}

/// An entry to look at. Copy; lives as long as its dict is borrowed.
pub(crate) struct EntryRef<'t, V> {
    raw: Raw,
    _dict: PhantomData<&'t V>,
}

impl<V> Clone for EntryRef<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for EntryRef<'_, V> {}

impl<'t, V> EntryRef<'t, V> {
    /// # Safety
    /// The entry belongs to a `Dict<V>` that is borrowed for `'t`.
    #[inline]
    pub(super) unsafe fn new(raw: Raw) -> Self {
        Self {
            raw,
            _dict: PhantomData,
        }
    }

    #[inline]
    pub(super) fn raw(self) -> Raw {
        self.raw
    }

    #[inline]
    pub(crate) fn key(self) -> &'t [u8] {
        // SAFETY: the dict is borrowed for 't, so the entry is alive that long.
        unsafe { self.raw.key() }
    }

    #[inline]
    pub(crate) fn payload(self) -> Payload<'t, V> {
        // SAFETY: the head's kind says which of them is there. The dict is borrowed for 't and
        // nobody else can change a payload meanwhile: that takes an `EntryMut`.
        unsafe {
            match self.raw.head().kind() {
                Kind::Int => Payload::Int(self.raw.int_place().read()),
                Kind::Inline => Payload::Inline(self.raw.value_place().as_ref()),
                Kind::Object => Payload::Object(self.raw.object_place::<V>().as_ref()),
                Kind::Folded => {
                    Payload::Folded(self.raw.head().form(), self.raw.value_place().as_ref())
                }
            }
        }
    }

    #[inline]
    pub(crate) fn object(self) -> Option<&'t V> {
        match self.payload() {
            Payload::Object(object) => Some(object),
            Payload::Int(_) | Payload::Inline(_) | Payload::Folded(..) => None,
        }
    }

    #[inline]
    pub(crate) fn is_folded(self) -> bool {
        self.raw.head().kind() == Kind::Folded
    }

    /// When the key expires, in milliseconds of Unix time.
    #[inline]
    pub(crate) fn deadline(self) -> Option<i64> {
        some_deadline(self.raw.times().key)
    }

    /// When the earliest field of this hash expires.
    #[inline]
    pub(crate) fn field_deadline(self) -> Option<i64> {
        some_deadline(self.raw.times().field)
    }

    /// The 24 bits of access, for the choice of keys to evict.
    #[inline]
    pub(crate) fn access(self) -> u32 {
        self.raw.head().access()
    }

    /// Through a shared borrow, as with a `Cell`: a read that had to borrow exclusively just to
    /// note that it happened would be in everyone's way. A dict is not `Sync`.
    #[inline]
    pub(crate) fn set_access(self, access: u32) {
        self.raw.set_head(self.raw.head().with_access(access));
    }

    #[inline]
    pub(crate) fn raw_reported(self) -> bool {
        self.raw.head().raw_reported()
    }

    /// The snapshot this entry was last saved in or made during; 3 bits.
    #[inline]
    pub(crate) fn epoch(self) -> u8 {
        self.raw.head().epoch()
    }

    /// Through a shared borrow, like `set_access`.
    #[inline]
    pub(crate) fn set_epoch(self, epoch: u8) {
        self.raw.set_head(self.raw.head().with_epoch(epoch));
    }

    /// The bytes of the entry, without what an object owns elsewhere.
    pub(crate) fn bytes(self) -> usize {
        self.raw.bytes::<V>()
    }
}

/// An entry to change.
pub(crate) struct EntryMut<'t, V> {
    raw: Raw,
    _dict: PhantomData<&'t mut V>,
}

impl<'t, V> EntryMut<'t, V> {
    /// # Safety
    /// The entry belongs to a `Dict<V>` that is borrowed exclusively for `'t`.
    #[inline]
    pub(super) unsafe fn new(raw: Raw) -> Self {
        Self {
            raw,
            _dict: PhantomData,
        }
    }

    /// For looking at it meanwhile.
    #[inline]
    pub(crate) fn shared(&self) -> EntryRef<'_, V> {
        // SAFETY: the borrow of `self` keeps the dict borrowed and this value from being used to
        // change it.
        unsafe { EntryRef::new(self.raw) }
    }

    #[inline]
    pub(crate) fn payload_mut(&mut self) -> PayloadMut<'_, V> {
        // SAFETY: as in `into_payload_mut`, for as long as `self` is borrowed.
        unsafe { Self::new(self.raw) }.into_payload_mut()
    }

    #[inline]
    pub(crate) fn into_payload_mut(self) -> PayloadMut<'t, V> {
        // SAFETY: the head's kind says which of them is there. The dict is borrowed
        // exclusively for 't, and `self` is gone, so this is the only reference.
        unsafe {
            match self.raw.head().kind() {
                Kind::Int => PayloadMut::Int(self.raw.int_place().as_mut()),
                Kind::Inline => PayloadMut::Inline(self.raw.value_place().as_mut()),
                Kind::Object => PayloadMut::Object(self.raw.object_place::<V>().as_mut()),
                Kind::Folded => PayloadMut::Folded,
            }
        }
    }

    #[inline]
    pub(crate) fn object_mut(&mut self) -> Option<&mut V> {
        match self.payload_mut() {
            PayloadMut::Object(object) => Some(object),
            PayloadMut::Int(_) | PayloadMut::Inline(_) | PayloadMut::Folded => None,
        }
    }

    #[inline]
    pub(crate) fn into_object_mut(self) -> Option<&'t mut V> {
        match self.into_payload_mut() {
            PayloadMut::Object(object) => Some(object),
            PayloadMut::Int(_) | PayloadMut::Inline(_) | PayloadMut::Folded => None,
        }
    }

    /// False, and nothing done, if it is not an integer already.
    #[inline]
    #[cfg(test)]
    pub(crate) fn set_int(&mut self, value: i64) -> bool {
        match self.payload_mut() {
            PayloadMut::Int(place) => {
                *place = value;
                true
            }
            PayloadMut::Inline(_) | PayloadMut::Object(_) | PayloadMut::Folded => false,
        }
    }

    /// From now on this string says it is `raw`.
    pub(crate) fn set_raw_reported(&mut self) {
        self.raw.set_head(self.raw.head().with_raw_reported(true));
    }
}

impl<V> New<'_, V> {
    #[inline]
    pub(super) fn shape(&self) -> (Kind, usize) {
        match self {
            New::Int(_) => (Kind::Int, 0),
            New::Inline(bytes) | New::InlineRaw(bytes) => {
                assert!(bytes.len() <= INLINE_MAX, "a longer string is an object");
                (Kind::Inline, bytes.len())
            }
            New::Folded(form, bytes) => (Kind::Folded, folded_len(*form, bytes.len())),
            New::Object(_) => (Kind::Object, 0),
        }
    }
}

impl<V> Owned<V> {
    /// To put it into another entry.
    pub(super) fn into_new(self, bytes_place: &mut Vec<u8>) -> New<'_, V> {
        match self {
            Owned::Int(value) => New::Int(value),
            Owned::Inline {
                bytes,
                raw_reported,
            } => {
                *bytes_place = bytes;
                if raw_reported {
                    New::InlineRaw(bytes_place)
                } else {
                    New::Inline(bytes_place)
                }
            }
            Owned::Folded(form, bytes) => {
                *bytes_place = bytes;
                New::Folded(form, bytes_place)
            }
            Owned::Object(object) => New::Object(object),
        }
    }
}

#[inline]
pub(super) fn some_deadline(deadline: i64) -> Option<i64> {
    (deadline != NEVER).then_some(deadline)
}

/// `i64::MAX` milliseconds is as good as never, and means it.
#[inline]
pub(super) fn times(deadline: Option<i64>, field_deadline: Option<i64>) -> Times {
    Times {
        key: deadline.unwrap_or(NEVER),
        field: field_deadline.unwrap_or(NEVER),
    }
}

/// Writes a number over a number or a string over one of the same length; returns false, and does nothing, if that is
/// not what these are.
#[inline]
pub(super) fn overwrite<V>(raw: Raw, new: &New<'_, V>) -> bool {
    let head = raw.head();
    match (new, head.kind()) {
        (New::Int(value), Kind::Int) => {
            // SAFETY: an entry of this kind has an integer.
            unsafe { raw.int_place().write(*value) };
            true
        }
        (New::Inline(bytes), Kind::Inline) if bytes.len() == head.value_len() => {
            let place = raw.value_place().cast::<u8>();
            // SAFETY: the place has as many bytes as there are, and they are not in the entry, which nobody else can
            // have borrowed while it is being written.
            unsafe { place.copy_from_nonoverlapping(NonNull::from(*bytes).cast(), bytes.len()) };
            true
        }
        _ => false,
    }
}

/// Write the payload of an entry that was just given this shape.
///
/// # Safety
/// The entry is alive, belongs to a `Dict<V>`, has the kind and length of `new`, and no payload
/// that would have to be dropped.
#[inline]
pub(super) unsafe fn write_payload<V>(raw: Raw, new: New<'_, V>) {
    if matches!(new, New::InlineRaw(_)) {
        raw.set_head(raw.head().with_raw_reported(true));
    }
    // SAFETY: the places exist, by what the caller promises; the bytes of `new` are not in the
    // entry, which nobody else can have borrowed while it is being written.
    unsafe {
        match new {
            New::Int(value) => raw.int_place().write(value),
            New::Object(object) => raw.object_place::<V>().write(object),
            New::Inline(bytes) | New::InlineRaw(bytes) | New::Folded(_, bytes) => {
                let place = raw.value_place();
                assert_eq!(
                    place.len(),
                    bytes.len(),
                    "the entry has room for this very value"
                );
                place
                    .cast()
                    .copy_from_nonoverlapping(NonNull::from(bytes).cast::<u8>(), bytes.len());
            }
        }
    }
}

/// Move the object out, if it is one. The remaining bytes must not be read as an object any more.
///
/// # Safety
/// The entry is alive, belongs to a `Dict<V>`, and its payload has not been moved out before.
pub(super) unsafe fn take_object<V>(raw: Raw) -> Option<V> {
    // SAFETY: there is a `V`, and it is read out once.
    (raw.head().kind() == Kind::Object).then(|| unsafe { raw.object_place::<V>().read() })
}
