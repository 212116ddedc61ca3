//! One database at one instant.
//!
//! Look-ups come in three kinds. `find` only asks where a key is. `read` is for reading commands: it counts a hit or a
//! miss and notes the access. Both hide a key that is due, and remove it if they may. `site` is for a command that is
//! going to write: it removes a key that is due, or shows it, so a vacant site is really vacant, and a key can be added
//! only with a [`Vacancy`] from there. A [`Spot`] names a place in the table, so a command looks a key up once,
//! decides, and then borrows or changes what is there; it is good until the next key is added to or removed from the
//! database.

use crate::base::rng::Rng;
use crate::spec::error::Error;
use crate::store::{
    Dict, EntryRef, Held, New, Owned, Payload, PayloadMut, Site, Spot, Taken, Until, Vacancy,
};
use crate::types::{Form, Kind, Typed, Value, Whole};

use super::access::{AccessPolicy, Moment};
use super::look::value_of;
use super::sizes::Bin;
use super::text::Text;
use super::{Db, Event, Keyspace};

pub(crate) struct Keys<'a> {
    pub(crate) space: &'a mut Keyspace,
    pub(crate) db: u16,
    /// The time this command sees.
    pub(crate) now_ms: i64,
    /// Reads leave the access time alone (CLIENT NO-TOUCH).
    pub(crate) no_touch: bool,
    pub(super) expiry: Expiry,
    /// Up to here deadlines have passed: `now_ms`, or the beginning of time where overdue keys are shown.
    pub(super) horizon_ms: i64,
    /// `now_ms` as the time of accesses.
    pub(super) moment: Moment,
    hint: KeyHint<'a>,
}

/// How keys and fields are treated whose deadline has passed. The lender of the keyspace decides it, for one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// They are gone, and a command that comes across them removes them.
    Remove,
    /// They are gone, but their removal is not for readers to cause. A command that writes removes what is in its way
    /// all the same: it changes the data set anyway, and nothing may be put beside what is hidden.
    Hide,
    /// They are there, and their removal comes from the sender of the commands.
    Show,
}

/// The hash of a key that is known before the command looks the key up: it was needed to send for its memory. The
/// borrow keeps the key's bytes where they are, and as they are, for as long as the hint is in use; so a key at the
/// same address and of the same length is that key.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct KeyHint<'a>(Option<(&'a [u8], u64)>);

impl<'a> KeyHint<'a> {
    #[inline]
    pub(crate) fn new(key: &'a [u8], hash: u64) -> Self {
        Self(Some((key, hash)))
    }

    #[inline]
    pub(crate) fn key(self) -> Option<&'a [u8]> {
        self.0.map(|(key, _)| key)
    }

    #[inline]
    fn of(self, key: &[u8]) -> Option<u64> {
        self.0
            .and_then(|(hinted, hash)| std::ptr::eq(hinted, key).then_some(hash))
    }
}

/// The kind of value that an entry holds.
#[inline]
pub(crate) fn kind_of(entry: EntryRef<'_, Value>) -> Kind {
    match entry.payload() {
        Payload::Int(_) | Payload::Inline(_) => Kind::String,
        Payload::Folded(form, _) => Form::of(form).kind(),
        Payload::Object(value) => value.kind(),
    }
}

impl<'a> Keys<'a> {
    #[inline]
    pub(crate) fn new(space: &'a mut Keyspace, db: u16, now_ms: i64, expiry: Expiry) -> Self {
        let mut keys = Self {
            space,
            db,
            now_ms,
            moment: Moment::at(now_ms),
            no_touch: false,
            expiry,
            horizon_ms: now_ms,
            hint: KeyHint::default(),
        };
        keys.treat_overdue(expiry);
        keys
    }

    /// With a hash that is known already.
    #[inline]
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: KeyHint<'a>) -> Self {
        self.hint = hint;
        self
    }

    /// For the next command, in place of the last one's.
    #[inline]
    pub(crate) fn set_hint(&mut self, hint: KeyHint<'a>) {
        self.hint = hint;
    }

    /// For the commands from now on, as `new` does.
    #[inline]
    pub(crate) fn treat_overdue(&mut self, expiry: Expiry) {
        self.expiry = expiry;
        self.horizon_ms = match expiry {
            Expiry::Remove | Expiry::Hide => self.now_ms,
            Expiry::Show => i64::MIN,
        };
    }

    /// Another database at the same instant.
    pub(crate) fn other(&mut self, db: u16) -> Keys<'_> {
        Keys {
            space: self.space,
            db,
            now_ms: self.now_ms,
            moment: self.moment,
            no_touch: self.no_touch,
            expiry: self.expiry,
            horizon_ms: self.horizon_ms,
            hint: self.hint,
        }
    }

    #[inline]
    pub(crate) fn dict(&self) -> &Dict<Value> {
        &self.space.dbs[self.db as usize].dict
    }
    #[inline]
    pub(super) fn dict_mut(&mut self) -> &mut Dict<Value> {
        &mut self.space.dbs[self.db as usize].dict
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.hint.of(key).unwrap_or_else(|| self.hash_anew(key))
    }

    /// Out of line, so that the hint is looked at where it is needed.
    #[inline(never)]
    fn hash_anew(&self, key: &[u8]) -> u64 {
        self.dict().hash(key)
    }

    // ---- looking up

    /// Where the key is, if it is there at this instant.
    #[inline(never)]
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<Spot> {
        self.seek(self.hash(key), key, |spot, _, _, _| spot)
    }

    /// Looks for a key; if it is there, the result is what is done with its entry while that is at hand.
    #[inline]
    fn seek<R>(
        &mut self,
        hash: u64,
        key: &[u8],
        then: impl FnOnce(Spot, EntryRef<'_, Value>, &AccessPolicy, &mut Rng) -> R,
    ) -> Option<R> {
        let Keyspace {
            dbs, access, rng, ..
        } = &mut *self.space;
        let dict = &dbs[self.db as usize].dict;
        let (spot, entry) = dict.find(hash, key)?;
        if entry
            .deadline()
            .is_some_and(|deadline| deadline <= self.horizon_ms)
        {
            self.expire_for_reader(spot);
            return None;
        }
        Some(then(spot, entry, access, rng))
    }

    /// Where the key is, or that there is none, for a command that is going to write it. A key that is due is removed
    /// or shown, and never hidden.
    #[inline(never)]
    pub(crate) fn site<'k>(&mut self, key: &'k [u8]) -> Site<'k> {
        let hash = self.hash(key);
        let (site, entry) = self.dict().site_and_entry(hash, key);
        let deadline = entry.and_then(EntryRef::deadline);
        if let Site::Taken(spot) = site
            && deadline.is_some_and(|deadline| self.is_past(deadline))
        {
            return self.site_of_overdue(hash, key, spot);
        }
        site
    }

    #[cold]
    fn site_of_overdue<'k>(&mut self, hash: u64, key: &'k [u8], spot: Spot) -> Site<'k> {
        self.expire(spot);
        self.dict().site(hash, key)
    }

    /// `site` for a command that changes only a key that is there.
    #[inline]
    pub(crate) fn find_to_write(&mut self, key: &[u8]) -> Option<Spot> {
        self.site(key).spot()
    }

    /// Makes a place for a key by removing the old value; returns whether there was one. Reports nothing.
    pub(crate) fn vacate<'k>(&mut self, key: &'k [u8], lazily: bool) -> (Vacancy<'k>, bool) {
        let mut was_there = false;
        loop {
            match self.site(key) {
                Site::Vacant(vacancy) => return (vacancy, was_there),
                Site::Taken(spot) => {
                    self.remove_at(spot, lazily);
                    was_there = true;
                }
            }
        }
    }

    /// `find` for a command that reads the value: counts it, and notes the access.
    #[inline(never)]
    pub(crate) fn read(&mut self, key: &[u8]) -> Option<Spot> {
        self.read_at_once(self.hash(key), key, |spot, _| spot)
    }

    /// `read` for a command that is done when it has seen the entry: it gets that without a way through the place.
    #[inline]
    pub(crate) fn read_with<R>(
        &mut self,
        key: &[u8],
        then: impl FnOnce(EntryRef<'_, Value>) -> R,
    ) -> Option<R> {
        self.read_hashed(self.hash(key), key, then)
    }

    /// The same for a key whose hash is known.
    #[inline]
    pub(crate) fn read_hashed<R>(
        &mut self,
        hash: u64,
        key: &[u8],
        then: impl FnOnce(EntryRef<'_, Value>) -> R,
    ) -> Option<R> {
        self.read_at_once(hash, key, |_, entry| then(entry))
    }

    #[inline]
    fn read_at_once<R>(
        &mut self,
        hash: u64,
        key: &[u8],
        then: impl FnOnce(Spot, EntryRef<'_, Value>) -> R,
    ) -> Option<R> {
        let (moment, no_touch) = (self.moment, self.no_touch);
        let result = self.seek(hash, key, |spot, entry, access, rng| {
            if !no_touch {
                access.touch(entry, moment, rng);
            }
            then(spot, entry)
        });
        self.count_read(key, result.is_some());
        result
    }

    /// `site` for a command that replies the old value as well: counts it, and notes the access.
    #[inline]
    pub(crate) fn site_to_read<'k>(&mut self, key: &'k [u8]) -> Site<'k> {
        let site = self.site(key);
        if let Some(spot) = site.spot() {
            self.touch(spot);
        }
        self.count_read(key, !site.is_vacant());
        site
    }

    #[inline]
    fn count_read(&mut self, key: &[u8], is_there: bool) {
        if is_there {
            self.space.counters.hits += 1;
        } else {
            self.space.counters.misses += 1;
            self.event(key, Event::KEY_MISS);
        }
    }

    /// `read` for a command that only asks about the key: counts it, and does not note an access.
    pub(crate) fn read_quietly(&mut self, key: &[u8]) -> Option<Spot> {
        let no_touch = std::mem::replace(&mut self.no_touch, true);
        let found = self.read(key);
        self.no_touch = no_touch;
        found
    }

    /// Notes an access.
    #[inline]
    pub(crate) fn touch(&mut self, spot: Spot) {
        self.accessed(spot);
    }

    /// The entry at a place, its access noted.
    #[inline]
    fn accessed(&mut self, spot: Spot) -> EntryRef<'_, Value> {
        let Keyspace {
            dbs, access, rng, ..
        } = &mut *self.space;
        let entry = dbs[usize::from(self.db)].dict.entry(spot);
        if !self.no_touch {
            access.touch(entry, self.moment, rng);
        }
        entry
    }

    #[inline]
    pub(crate) fn entry(&self, spot: Spot) -> EntryRef<'_, Value> {
        self.dict().entry(spot)
    }
    pub(crate) fn kind(&self, spot: Spot) -> Kind {
        kind_of(self.entry(spot))
    }
    /// The string at a place, or WRONGTYPE.
    #[inline]
    pub(crate) fn text(&self, spot: Spot) -> Result<Text<'_>, Error> {
        Text::of_entry(self.entry(spot))
    }
    /// The number or bytes at a place, to be edited where they are. `None` if the value is no string.
    pub(crate) fn payload_mut(&mut self, spot: Spot) -> PayloadMut<'_, Value> {
        self.space.lend_out(self.db, spot);
        self.dict_mut().entry_mut(spot).into_payload_mut()
    }
    /// The bytes of a string that lives in its entry, to be changed without changing their number. It counts as edited
    /// from now on.
    pub(crate) fn edit_inline(&mut self, spot: Spot) -> Option<&mut [u8]> {
        self.space.preserve(self.db, spot);
        let mut entry = self.dict_mut().entry_mut(spot);
        if !matches!(entry.shared().payload(), Payload::Inline(_)) {
            return None;
        }
        entry.set_raw_reported();
        match entry.into_payload_mut() {
            PayloadMut::Inline(bytes) => Some(bytes),
            PayloadMut::Int(_) | PayloadMut::Folded | PayloadMut::Object(_) => None,
        }
    }
    /// The aggregate or long string at a place.
    pub(crate) fn value(&self, spot: Spot) -> Option<Held<'_, Value>> {
        value_of(self.entry(spot))
    }

    // ---- typed access

    /// The string under a key, for reading.
    #[inline]
    pub(crate) fn read_text(&mut self, key: &[u8]) -> Result<Option<Text<'_>>, Error> {
        match self.read(key) {
            Some(spot) => self.text(spot).map(Some),
            None => Ok(None),
        }
    }

    /// The object under a key, for reading. What may be folded is for `read_as`.
    pub(crate) fn read_object<T: Whole>(&mut self, key: &[u8]) -> Result<Option<&T>, Error> {
        match self.read(key) {
            Some(spot) => self.object_at(spot).map(Some),
            None => Ok(None),
        }
    }

    /// The object at a place, or WRONGTYPE.
    pub(crate) fn object_at<T: Whole>(&self, spot: Spot) -> Result<&T, Error> {
        let object = self.entry(spot).object();
        object.and_then(T::of).ok_or(Error::WrongType)
    }

    /// The object at a place, and chance to choose from it.
    pub(crate) fn object_at_with_rng<T: Whole>(
        &mut self,
        spot: Spot,
    ) -> Result<(&T, &mut Rng), Error> {
        let Keyspace { dbs, rng, .. } = &mut *self.space;
        let value = dbs[usize::from(self.db)].dict.entry(spot).object();
        Ok((value.and_then(T::of).ok_or(Error::WrongType)?, rng))
    }

    pub(crate) fn object_at_mut<T: Whole>(&mut self, spot: Spot) -> Result<&mut T, Error> {
        self.object_at_mut_with_rng(spot).map(|(object, _)| object)
    }

    pub(crate) fn object_at_mut_with_rng<T: Whole>(
        &mut self,
        spot: Spot,
    ) -> Result<(&mut T, &mut Rng), Error> {
        self.space.lend_out(self.db, spot);
        let Keyspace { dbs, rng, .. } = &mut *self.space;
        let value = dbs[usize::from(self.db)]
            .dict
            .entry_mut(spot)
            .into_object_mut();
        Ok((value.and_then(T::of_mut).ok_or(Error::WrongType)?, rng))
    }

    /// The object under a key, for changing. Does not make one.
    pub(crate) fn write_object<T: Whole>(&mut self, key: &[u8]) -> Result<Option<&mut T>, Error> {
        let Some(spot) = self.find_to_write(key) else {
            return Ok(None);
        };
        self.accessed(spot);
        self.object_at_mut(spot).map(Some)
    }

    /// The place of an aggregate, for a caller that is going to change it. A value of another kind counts as not used.
    pub(crate) fn spot_as<T: Typed>(&mut self, key: &[u8]) -> Result<Option<Spot>, Error> {
        let Some(spot) = self.find_to_write(key) else {
            return Ok(None);
        };
        let Keyspace {
            dbs, access, rng, ..
        } = &mut *self.space;
        let entry = dbs[usize::from(self.db)].dict.entry(spot);
        if kind_of(entry) != T::KIND {
            return Err(Error::WrongType);
        }
        if !self.no_touch {
            access.touch(entry, self.moment, rng);
        }
        Ok(Some(spot))
    }

    /// The place of the aggregate under a key, made by `fresh` if there is none. The access of one that is there is not
    /// noted, nor its kind looked at.
    #[inline]
    pub(super) fn live_or_create<T: Typed>(
        &mut self,
        key: &[u8],
        fresh: impl FnOnce() -> T,
    ) -> Spot {
        let hash = self.hash(key);
        if let Some((spot, entry)) = self.dict().find(hash, key)
            && (entry.deadline()).is_none_or(|deadline| deadline > self.horizon_ms)
        {
            return spot;
        }
        self.create_at(key, fresh)
    }

    /// The same for a key that is not there, or not for long.
    #[inline(never)]
    fn create_at<T: Typed>(&mut self, key: &[u8], fresh: impl FnOnce() -> T) -> Spot {
        match self.site(key) {
            Site::Taken(spot) => spot,
            Site::Vacant(vacancy) => self.insert(vacancy, New::Object(fresh().into_value()), None),
        }
    }

    /// As `edit_or_create`, for a caller that needs the place.
    pub(crate) fn spot_or_create<T: Typed>(
        &mut self,
        key: &[u8],
        fresh: impl FnOnce() -> T,
    ) -> Result<Spot, Error> {
        match self.site(key) {
            Site::Taken(spot) => {
                let kind = kind_of(self.accessed(spot));
                (kind == T::KIND).then_some(spot).ok_or(Error::WrongType)
            }
            Site::Vacant(vacancy) => {
                Ok(self.insert(vacancy, New::Object(fresh().into_value()), None))
            }
        }
    }

    // ---- changing

    /// Adds a key.
    pub(crate) fn insert(
        &mut self,
        vacancy: Vacancy<'_>,
        new: New<'_, Value>,
        deadline: Option<i64>,
    ) -> Spot {
        if let New::Object(value) = &new
            && let Some((form, bytes)) = value.folded()
        {
            return self.insert(vacancy, New::Folded(form, bytes), deadline);
        }
        let key = vacancy.key();
        self.space.settle_loan();
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes.add(Bin::of_new(&new));
        db.dict.set_room(self.space.room_bytes);
        let spot = db.dict.insert(vacancy, new, deadline);
        let word = self.space.access.fresh(self.now_ms);
        self.entry(spot).set_access(word);
        self.added(key, spot);
        spot
    }

    #[inline]
    fn added(&mut self, key: &[u8], spot: Spot) {
        if self.space.journal.is_told_of_changes() {
            let kind = self.kind(spot);
            self.space.journal.added(self.db, key, kind);
        }
    }

    /// Puts the value that a command has computed under a key, in place of any other, which counts as so many changes;
    /// if the result is empty, there is none, and the old value goes.
    pub(crate) fn store<T: Typed>(
        &mut self,
        key: &[u8],
        result: Option<T>,
        event: Event,
        changes: usize,
    ) {
        let Some(value) = result else {
            self.remove_reporting(key);
            return;
        };
        let site = self.site(key);
        self.put(site, New::Object(value.into_value()), Until::Never);
        self.changed(key, event, changes);
    }

    /// Sets a key to a value, whatever it held.
    #[inline]
    pub(crate) fn put(&mut self, site: Site<'_>, new: New<'_, Value>, until: Until) -> Spot {
        let spot = match site {
            Site::Taken(spot) => spot,
            Site::Vacant(vacancy) => {
                let deadline = match until {
                    Until::At(deadline) => Some(deadline),
                    Until::Kept | Until::Never => None,
                };
                return self.insert(vacancy, new, deadline);
            }
        };
        if let New::Object(value) = &new
            && let Some((form, bytes)) = value.folded()
        {
            return self.put(site, New::Folded(form, bytes), until);
        }
        self.space.settle_loan();
        let doomed = self.space.doom(self.db, spot);
        let Keyspace {
            dbs, access, rng, ..
        } = &mut *self.space;
        let Db { dict, sizes } = &mut dbs[usize::from(self.db)];
        let mut place = dict.occupied(spot);
        sizes.replaced(place.entry(), &new);
        let old = place.replace(new, until);
        if !self.no_touch {
            access.touch(place.entry(), self.moment, rng);
        }
        if let Some(old) = old {
            if let Some(doomed) = doomed {
                self.space.adopt(doomed, old);
            } else {
                let lazily = self.space.lazy.server_del;
                self.space.discard(old, lazily);
            }
        }
        spot
    }

    /// Sets a key to what is computed from its value, or from there being none. As `site` and `put`, with nothing in
    /// between.
    #[inline]
    pub(crate) fn update<'n>(
        &mut self,
        key: &[u8],
        until: Until,
        compute: impl FnOnce(Option<EntryRef<'_, Value>>) -> Result<New<'n, Value>, Error>,
    ) -> Result<(), Error> {
        self.update_hashed(self.hash(key), key, until, compute)
    }

    /// The same for a key whose hash is known.
    #[inline]
    pub(crate) fn update_hashed<'n>(
        &mut self,
        hash: u64,
        key: &[u8],
        until: Until,
        compute: impl FnOnce(Option<EntryRef<'_, Value>>) -> Result<New<'n, Value>, Error>,
    ) -> Result<(), Error> {
        self.space.settle_loan();
        if self.space.is_freezing() {
            return self.update_slowly(key, until, compute);
        }
        let horizon_ms = self.horizon_ms();
        let Keyspace {
            dbs, access, rng, ..
        } = &mut *self.space;
        let Db { dict, sizes } = &mut dbs[usize::from(self.db)];
        if let Some(mut place) = dict.occupied_by(hash, key)
            && (place.entry().deadline()).is_none_or(|deadline| deadline > horizon_ms)
        {
            let new = compute(Some(place.entry()))?;
            sizes.replaced(place.entry(), &new);
            let old = place.replace(new, until);
            if !self.no_touch {
                access.touch(place.entry(), self.moment, rng);
            }
            if let Some(old) = old {
                self.space.discard(old, self.space.lazy.server_del);
            }
            return Ok(());
        }
        self.update_slowly(key, until, compute)
    }

    /// For a key that is not there, or not for long, and while a snapshot may want the old value.
    #[inline(never)]
    fn update_slowly<'n>(
        &mut self,
        key: &[u8],
        until: Until,
        compute: impl FnOnce(Option<EntryRef<'_, Value>>) -> Result<New<'n, Value>, Error>,
    ) -> Result<(), Error> {
        let site = self.site(key);
        let new = compute(site.spot().map(|spot| self.entry(spot)))?;
        self.put(site, new, until);
        Ok(())
    }

    /// Removes the key at a place.
    pub(crate) fn remove_at(&mut self, spot: Spot, lazily: bool) {
        self.remove_and(spot, |space, old| space.discard(old, lazily));
    }

    /// The same, and does something with the old value, unless a snapshot wants it.
    pub(super) fn remove_and(&mut self, spot: Spot, then: impl FnOnce(&mut Keyspace, Value)) {
        self.space.settle_loan();
        let doomed = self.space.doom(self.db, spot);
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes.remove(Bin::of(db.dict.entry(spot)));
        if let Some(old) = db.dict.remove(spot) {
            if let Some(doomed) = doomed {
                self.space.adopt(doomed, old);
            } else {
                then(self.space, old);
            }
        }
    }

    /// After elements went: the key goes too, and is announced as gone, if none is left. Returns whether it went.
    pub(crate) fn end_if_empty<T: Typed>(&mut self, key: &[u8], spot: Spot) -> bool {
        let is_empty =
            (self.value(spot)).is_some_and(|value| value.kind() == T::KIND && value.is_empty());
        if is_empty {
            self.remove_at(spot, false);
            self.event(key, Event::DEL);
        }
        is_empty
    }

    /// Removes a key; returns whether it was there. Reports nothing: the caller knows the event. A key that is hidden
    /// counts as there: removing it is what everybody else is waiting for.
    pub(crate) fn remove(&mut self, key: &[u8], lazily: bool) -> bool {
        let hash = self.hash(key);
        let Some(spot) = self.dict().locate(hash, key) else {
            return false;
        };
        let is_due = |deadline| self.is_past(deadline);
        if self.expiry == Expiry::Remove && self.deadline(spot).is_some_and(is_due) {
            self.expire(spot);
            return false;
        }
        self.remove_at(spot, lazily);
        true
    }

    /// Removes a key that a command empties or overwrites on the way (as `lazyfree-lazy-server-del` says), with the
    /// event that Redis sends for it.
    pub(crate) fn remove_reporting(&mut self, key: &[u8]) -> bool {
        let lazily = self.space.lazy.server_del;
        let was_there = self.remove(key, lazily);
        if was_there {
            self.changed(key, Event::DEL, 1);
        }
        was_there
    }

    /// Takes a value out with its deadline, for RENAME and MOVE.
    pub(crate) fn take(&mut self, spot: Spot) -> Taken<Value> {
        self.space.settle_loan();
        self.space.preserve(self.db, spot);
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes.remove(Bin::of(db.dict.entry(spot)));
        db.dict.take(spot)
    }
    /// All there is at a place, doubled.
    pub(crate) fn duplicate(&self, spot: Spot) -> Taken<Value> {
        let entry = self.entry(spot);
        let payload = match entry.payload() {
            Payload::Int(number) => Owned::Int(number),
            Payload::Inline(bytes) => Owned::Inline {
                bytes: bytes.to_vec(),
                raw_reported: entry.raw_reported(),
            },
            Payload::Folded(form, bytes) => Owned::Folded(form, bytes.to_vec()),
            Payload::Object(value) => Owned::Object(value.clone()),
        };
        Taken {
            payload,
            deadline: entry.deadline(),
            field_deadline: entry.field_deadline(),
            access: entry.access(),
        }
    }

    /// Puts in what `take` gave.
    pub(crate) fn put_taken(&mut self, vacancy: Vacancy<'_>, taken: Taken<Value>) -> Spot {
        let key = vacancy.key();
        self.space.settle_loan();
        let db = &mut self.space.dbs[usize::from(self.db)];
        let spot = db.dict.put(vacancy, taken);
        db.sizes.add(Bin::of(db.dict.entry(spot)));
        self.space.moved(self.db, spot);
        self.added(key, spot);
        spot
    }

    pub(crate) fn deadline(&self, spot: Spot) -> Option<i64> {
        self.entry(spot).deadline()
    }
    pub(crate) fn set_deadline(&mut self, spot: Spot, deadline: Option<i64>) {
        self.space.preserve(self.db, spot);
        self.dict_mut().set_deadline(spot, deadline);
    }

    // ---- reporting

    /// The key changed: counts as `count` changes, is told to watchers and waiters, and is announced as `event`.
    #[inline]
    pub(crate) fn changed(&mut self, key: &[u8], event: Event, count: usize) {
        let journal = &mut self.space.journal;
        journal.dirty += count as u64;
        if journal.is_told_of_changes() {
            journal.changed(self.db, key);
            journal.event(self.db, key, event);
        }
    }

    /// The key changed, without an event of its own.
    pub(crate) fn touched(&mut self, key: &[u8], count: usize) {
        self.space.journal.dirty += count as u64;
        self.space.journal.changed(self.db, key);
    }

    /// Something about the key changed that is no part of its value to its watchers, as the groups of a stream are not:
    /// counts as changes, and is announced.
    pub(crate) fn noted(&mut self, key: &[u8], event: Event, count: usize) {
        self.space.journal.dirty += count as u64;
        self.event(key, event);
    }

    /// Clients that wait for the key while it is there should look at it again.
    #[inline]
    pub(crate) fn tell_waiters(&mut self, key: &[u8]) {
        self.space.journal.news(self.db, key);
    }

    /// Only an event.
    #[inline]
    pub(crate) fn event(&mut self, key: &[u8], event: Event) {
        self.space.journal.event(self.db, key, event);
    }
}
