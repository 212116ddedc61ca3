//! An entry that is there, with its place: several things are done to it for one step from the place to the entry.

#![allow(unsafe_code)]

use super::{Dict, Until};
use crate::store::Spot;
use crate::store::entry::raw::{NEVER, Raw, Times};
use crate::store::entry::{EntryMut, EntryRef, New, overwrite, take_object, write_payload};

pub(crate) struct Occupied<'d, V> {
    pub(super) dict: &'d mut Dict<V>,
    pub(super) spot: Spot,
    /// Invariant: the entry at `spot`.
    pub(super) entry: Raw,
}

impl<'d, V> Occupied<'d, V> {
    /// The object that it is, to be changed where it is.
    #[inline]
    pub(crate) fn into_object_mut(self) -> Option<&'d mut V> {
        // SAFETY: the entry is in the table of the dict, which is borrowed exclusively for 'd, and `self` is gone.
        unsafe { EntryMut::new(self.entry) }.into_object_mut()
    }

    #[inline]
    pub(crate) fn entry(&self) -> EntryRef<'_, V> {
        // SAFETY: the entry is in the table of the dict, which stays borrowed as long as the result lives.
        unsafe { EntryRef::new(self.entry) }
    }

    /// Another payload for the same key. The spot stays valid, the access word stays; a field deadline goes with the
    /// old value, and a deadline does what `until` says. Returns an old object, so that the caller may have it dropped
    /// elsewhere.
    #[inline]
    pub(crate) fn replace(&mut self, new: New<'_, V>, until: Until) -> Option<V> {
        // A value mostly gives way to one of the same kind and length, as counters and flags do, and no deadline comes
        // or goes: then all is at its place.
        let stays_untimed = !self.entry.head().is_timed() && !matches!(until, Until::At(_));
        if stays_untimed && overwrite(self.entry, &new) {
            let head = self.entry.head().with_raw_reported(false);
            self.entry.set_head(head.with_epoch(self.dict.birth_epoch));
            return None;
        }
        self.replace_all(new, until)
    }

    /// Another form of the same value, or the value as a command has changed it: deadlines, epoch and access stay, and
    /// so does the spot. Returns the object that it was, if it was one.
    #[inline]
    pub(crate) fn refold(&mut self, new: New<'_, V>) -> Option<V> {
        let times = self.entry.times();
        self.put_payload(new, times)
    }

    #[inline(never)]
    fn replace_all(&mut self, new: New<'_, V>, until: Until) -> Option<V> {
        let key_deadline = match until {
            Until::Kept => self.entry.times().key,
            Until::Never => NEVER,
            Until::At(deadline) => deadline,
        };
        let times = Times {
            key: key_deadline,
            field: NEVER,
        };
        let object = self.put_payload(new, times);
        let head = self.entry.head();
        self.entry.set_head(head.with_epoch(self.dict.birth_epoch));
        object
    }

    fn put_payload(&mut self, new: New<'_, V>, times: Times) -> Option<V> {
        let (kind, value_len) = new.shape();
        let old = self.entry;
        // SAFETY: the old payload is moved out and then never touched again: either its place is
        // written over, or the old entry is freed.
        let object = unsafe { take_object(old) };
        if old.fits_payload::<V>(kind, value_len, times) {
            old.begin_payload(kind, value_len);
            // SAFETY: the entry has just been given this shape, and its payload was moved out.
            unsafe { write_payload(old, new) };
            self.dict.retime(old, times);
        } else {
            // SAFETY: `moved` puts the new entry in the place of the old one everywhere.
            let reshape = |old: Raw| unsafe { old.reshape::<V>(kind, value_len, times) };
            self.entry = self.dict.moved(self.spot, old, times, reshape);
            // SAFETY: the entry was made with this shape and has no payload yet.
            unsafe { write_payload(self.entry, new) };
        }
        object
    }
}
