//! Aggregates that are lent out: where they are, or taken out of their entry for a while.
//!
//! A small aggregate is folded into its entry (`types::folded`), where readers see it (`look`). For changing, its bytes
//! are copied into a blob with room, [`Edited`] hands out the value over that, and puts it back when the borrow ends:
//! folded again if it is still short, as an object of its own if not. The blob is one that the keyspace keeps for this
//! purpose, so nothing is allocated while a value of this size grows.
//!
//! An object that shrinks is folded by the settling of the loan, see `sizes`.

use std::mem;
use std::ops::{Deref, DerefMut};

use crate::base::rng::Rng;
use crate::spec::error::Error;
use crate::store::{Blob, FOLDED_MAX, Held, New, Occupied, Payload, Spot};
use crate::types::{Folds, Form, Value};

use super::look::held;
use super::{Keys, Keyspace};

/// An aggregate to be changed.
pub(crate) enum Edited<'k, T: Folds> {
    /// It is an object of its own.
    There(&'k mut T),
    Out(Out<'k, T>),
}

/// A folded value that is out of its entry.
pub(crate) struct Out<'k, T: Folds> {
    place: Occupied<'k, Value>,
    /// Where its blob goes when it is put back.
    spare: &'k mut Blob,
    /// There until it is put back.
    value: Option<T>,
}

impl<T: Folds> Deref for Edited<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Self::There(value) => value,
            Self::Out(out) => out.value.as_ref().expect("it is out"),
        }
    }
}

impl<T: Folds> DerefMut for Edited<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::There(value) => value,
            Self::Out(out) => out.value.as_mut().expect("it is out"),
        }
    }
}

impl<T: Folds> Drop for Out<'_, T> {
    fn drop(&mut self) {
        let Some(value) = self.value.take() else {
            return;
        };
        if let Some((form, bytes)) = value.folded() {
            self.place.refold(New::Folded(form, bytes));
            *self.spare = value.into_blob().unwrap_or_default();
        } else {
            self.place.refold(New::Object(value.into_value()));
        }
    }
}

/// The aggregate in an entry, or WRONGTYPE.
#[inline]
fn edited<'k, T: Folds>(
    place: Occupied<'k, Value>,
    spare: &'k mut Blob,
) -> Result<Edited<'k, T>, Error> {
    if place.entry().is_folded() {
        return take_out(place, spare);
    }
    (place.into_object_mut())
        .and_then(T::of_mut)
        .map(Edited::There)
        .ok_or(Error::WrongType)
}

/// Takes a folded value out of its entry.
#[inline(never)]
fn take_out<'k, T: Folds>(
    place: Occupied<'k, Value>,
    spare: &'k mut Blob,
) -> Result<Edited<'k, T>, Error> {
    let Payload::Folded(form, bytes) = place.entry().payload() else {
        return Err(Error::WrongType);
    };
    let form = Form::of(form);
    if form.kind() != T::KIND {
        return Err(Error::WrongType);
    }
    let mut blob = mem::take(spare);
    if blob.len() < FOLDED_MAX {
        blob = Blob::from(vec![0; FOLDED_MAX]);
    }
    blob[..bytes.len()].copy_from_slice(bytes);
    let value = T::from_blob(form, blob);
    Ok(Edited::Out(Out {
        place,
        spare,
        value,
    }))
}

/// Keys with aggregates that may be folded.
impl Keys<'_> {
    /// The aggregate under a key, for reading.
    pub(crate) fn read_as<T: Folds>(&mut self, key: &[u8]) -> Result<Option<Held<'_, T>>, Error> {
        match self.read(key) {
            Some(spot) => self.at(spot).map(Some),
            None => Ok(None),
        }
    }

    /// The aggregate at a place, or WRONGTYPE.
    pub(crate) fn at<T: Folds>(&self, spot: Spot) -> Result<Held<'_, T>, Error> {
        held(self.entry(spot))
    }

    /// The aggregate at a place, and chance to choose from it.
    pub(crate) fn at_with_rng<T: Folds>(
        &mut self,
        spot: Spot,
    ) -> Result<(Held<'_, T>, &mut Rng), Error> {
        let Keyspace { dbs, rng, .. } = &mut *self.space;
        Ok((held(dbs[usize::from(self.db)].dict.entry(spot))?, rng))
    }

    /// The aggregate at a place, for changing.
    pub(crate) fn edit_at<T: Folds>(&mut self, spot: Spot) -> Result<Edited<'_, T>, Error> {
        self.lend(spot, false)
    }

    /// The same, and chance to choose from it.
    pub(crate) fn edit_at_with_rng<T: Folds>(
        &mut self,
        spot: Spot,
    ) -> Result<(Edited<'_, T>, &mut Rng), Error> {
        self.space.lend_out(self.db, spot);
        let Keyspace {
            dbs, rng, spare, ..
        } = &mut *self.space;
        let place = dbs[usize::from(self.db)].dict.occupied(spot);
        Ok((edited(place, spare)?, rng))
    }

    #[inline]
    fn lend<T: Folds>(&mut self, spot: Spot, is_access: bool) -> Result<Edited<'_, T>, Error> {
        self.space.lend_out(self.db, spot);
        let Keyspace {
            dbs,
            access,
            rng,
            spare,
            ..
        } = &mut *self.space;
        let place = dbs[usize::from(self.db)].dict.occupied(spot);
        if is_access && !self.no_touch {
            access.touch(place.entry(), self.moment, rng);
        }
        edited(place, spare)
    }

    /// The aggregate under a key, for changing. Does not make one.
    pub(crate) fn edit<T: Folds>(&mut self, key: &[u8]) -> Result<Option<Edited<'_, T>>, Error> {
        match self.find_to_write(key) {
            Some(spot) => self.lend(spot, true).map(Some),
            None => Ok(None),
        }
    }

    /// The aggregate under a key, for changing; made by `fresh` if there is none. The caller adds at least one
    /// element.
    #[inline]
    pub(crate) fn edit_or_create<T: Folds>(
        &mut self,
        key: &[u8],
        fresh: impl FnOnce() -> T,
    ) -> Result<Edited<'_, T>, Error> {
        self.edit_or_create_at(key, fresh).map(|(_, value)| value)
    }

    /// As `edit_or_create`, with the place.
    #[inline]
    pub(crate) fn edit_or_create_at<T: Folds>(
        &mut self,
        key: &[u8],
        fresh: impl FnOnce() -> T,
    ) -> Result<(Spot, Edited<'_, T>), Error> {
        let spot = self.live_or_create(key, fresh);
        Ok((spot, self.lend(spot, true)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{Expiry, value_of};
    use crate::types::Typed;
    use crate::types::list::{End, Limits, List};
    use crate::types::set::Set;

    fn edit(space: &mut Keyspace, change: impl FnOnce(&mut List)) {
        let mut keys = Keys::new(space, 0, 1, Expiry::Remove);
        let Ok(mut list) = keys.edit_or_create(b"key", List::new) else {
            panic!("it is a list");
        };
        change(&mut list);
    }

    /// Whether the value is in its entry, and its elements together.
    fn state(space: &mut Keyspace) -> (bool, Vec<u8>) {
        space.settle_sizes();
        let dict = &space.dbs[0].dict;
        let spot = dict.locate(dict.hash(b"key"), b"key");
        let entry = dict.entry(spot.expect("it is there"));
        let mut elements = Vec::new();
        let value = value_of(entry);
        let list = value.as_deref().and_then(List::of);
        let list = list.expect("it is a list");
        list.for_each(|item| elements.extend_from_slice(item.text(&mut [0; 20])));
        (entry.is_folded(), elements)
    }

    #[test]
    fn a_list_leaves_its_entry_when_it_is_long_and_comes_back_when_it_is_short() {
        let mut space = Keyspace::new(1, 7);
        let limits = Limits::default();
        edit(&mut space, |list| {
            list.push(End::Tail, b"one".as_slice(), &limits)
        });
        assert_eq!(state(&mut space), (true, b"one".to_vec()));
        edit(&mut space, |list| {
            list.push(End::Tail, b"two".as_slice(), &limits)
        });
        assert_eq!(state(&mut space), (true, b"onetwo".to_vec()));
        // The blob in which it grew is used again.
        assert!(space.spare.len() >= FOLDED_MAX);
        let long = [b'x'; FOLDED_MAX];
        edit(&mut space, |list| {
            list.push(End::Tail, long.as_slice(), &limits)
        });
        assert_eq!(
            state(&mut space),
            (false, [b"onetwo", long.as_slice()].concat())
        );
        edit(&mut space, |list| {
            list.pop(End::Tail, &limits);
        });
        assert_eq!(state(&mut space), (true, b"onetwo".to_vec()));
        assert!(space.sizes_are_right());
    }

    #[test]
    fn another_kind_of_value_is_not_lent() {
        let mut space = Keyspace::new(1, 7);
        let limits = Limits::default();
        edit(&mut space, |list| {
            list.push(End::Tail, b"one".as_slice(), &limits)
        });
        let mut keys = Keys::new(&mut space, 0, 1, Expiry::Remove);
        assert!(matches!(keys.edit::<Set>(b"key"), Err(Error::WrongType)));
        assert!(matches!(keys.read_as::<Set>(b"key"), Err(Error::WrongType)));
        assert_eq!(state(&mut space), (true, b"one".to_vec()));
    }
}
