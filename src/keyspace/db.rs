//! One database at one instant.
//!
//! Look-ups come in two kinds. `find` only asks where a key is; `read` is what a reading command does: it counts a
//! hit or a miss and notes the access. Both hide, and if they may remove, a key that is due. A [`Spot`] names a
//! place in the table, so a command looks a key up once, decides, and then borrows or changes what is there; it is
//! good until the next key is added to or removed from the database.

use crate::base::rng::Rng;
use crate::spec::error::Error;
use crate::store::{Dict, EntryRef, New, Payload, PayloadMut, Spot, Taken, Until};
use crate::types::{Kind, Value};

use super::Keyspace;
use super::access::AccessPolicy;
use super::journal::Event;
use super::sizes::Bin;
use super::text::Text;
use super::typed::Typed;

pub struct Keys<'a> {
    pub space: &'a mut Keyspace,
    pub db: u16,
    /// The time this command sees.
    pub now_ms: i64,
    /// Reads leave the access time alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// Keys whose time has passed are there: their removal is somebody else's to tell.
    pub sees_overdue: bool,
}

/// Below this many keys a database fits into the cache, and looking ahead is work for nothing.
pub const LOOK_AHEAD_KEYS_MIN: usize = 10_000;

/// How many keys are looked ahead at: enough to hide the latency of memory, few enough that the lines are still in the
/// first-level cache when their turn comes.
pub const LOOK_AHEAD_MOST: usize = 32;

/// What kind of value an entry holds.
#[inline]
pub fn kind_of(entry: EntryRef<'_, Value>) -> Kind {
    match entry.payload() {
        Payload::Int(_) | Payload::Inline(_) => Kind::String,
        Payload::Object(value) => value.kind(),
    }
}

impl<'a> Keys<'a> {
    pub fn new(space: &'a mut Keyspace, db: u16, now_ms: i64) -> Self {
        Self {
            space,
            db,
            now_ms,
            no_touch: false,
            sees_overdue: false,
        }
    }

    /// Another database at the same instant.
    pub fn other(&mut self, db: u16) -> Keys<'_> {
        Keys {
            space: self.space,
            db,
            now_ms: self.now_ms,
            no_touch: self.no_touch,
            sees_overdue: self.sees_overdue,
        }
    }

    #[inline]
    pub fn dict(&self) -> &Dict<Value> {
        &self.space.dbs[self.db as usize].dict
    }
    #[inline]
    pub(super) fn dict_mut(&mut self) -> &mut Dict<Value> {
        &mut self.space.dbs[self.db as usize].dict
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let (address, hash) = self.space.hint;
        if address == key.as_ptr() as usize {
            hash
        } else {
            self.dict().hash(key)
        }
    }

    // ---- looking up

    /// Sends for the memory of several keys at once, so that a command which goes through them need not wait for one
    /// after the other. Only the first ones: what is sent for too early is gone again when its turn comes.
    pub fn look_ahead<'k>(&self, keys: impl Iterator<Item = &'k [u8]> + Clone) {
        let dict = self.dict();
        if dict.len() < LOOK_AHEAD_KEYS_MIN {
            return;
        }
        let keys = keys.take(LOOK_AHEAD_MOST);
        keys.clone()
            .for_each(|key| dict.prefetch_bucket(dict.hash(key)));
        keys.filter(|key| dict.prefetch_entry(dict.hash(key)))
            .for_each(|key| dict.prefetch_further(dict.hash(key)));
    }

    /// Where the key is, if it is there at this instant.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Option<Spot> {
        self.seek(key, |_, _, _| ())
    }

    /// `find`, and something that is done with the entry while it is at hand.
    #[inline]
    fn seek(
        &mut self,
        key: &[u8],
        then: impl FnOnce(EntryRef<'_, Value>, &AccessPolicy, &mut Rng),
    ) -> Option<Spot> {
        let hash = self.hash(key);
        let Keyspace {
            dbs, access, rng, ..
        } = &mut *self.space;
        let dict = &dbs[self.db as usize].dict;
        let spot = dict.locate(hash, key)?;
        let entry = dict.entry(spot);
        if entry
            .deadline()
            .is_some_and(|deadline| deadline <= self.now_ms)
            && !self.sees_overdue
        {
            self.expire_at(spot);
            return None;
        }
        then(entry, access, rng);
        Some(spot)
    }

    /// `find` for a command that reads the value: counts it, and notes the access.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<Spot> {
        let (now_ms, no_touch) = (self.now_ms, self.no_touch);
        let spot = self.seek(key, |entry, access, rng| {
            if !no_touch {
                entry.set_access(access.touched(entry.access(), now_ms, rng));
            }
        });
        if spot.is_some() {
            self.space.counters.hits += 1;
        } else {
            self.space.counters.misses += 1;
            self.event(key, Event::KEY_MISS);
        }
        spot
    }

    /// `read` for a command that only asks about the key: counts it, and does not note an access.
    pub fn read_quietly(&mut self, key: &[u8]) -> Option<Spot> {
        let no_touch = std::mem::replace(&mut self.no_touch, true);
        let found = self.read(key);
        self.no_touch = no_touch;
        found
    }

    /// Notes an access.
    #[inline]
    pub fn touch(&mut self, spot: Spot) {
        if self.no_touch {
            return;
        }
        let entry = self.space.dbs[self.db as usize].dict.entry(spot);
        let word = self
            .space
            .access
            .touched(entry.access(), self.now_ms, &mut self.space.rng);
        entry.set_access(word);
    }

    #[inline]
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    #[inline]
    pub fn entry(&self, spot: Spot) -> EntryRef<'_, Value> {
        self.dict().entry(spot)
    }
    pub fn kind(&self, spot: Spot) -> Kind {
        kind_of(self.entry(spot))
    }
    /// The string at a place, or WRONGTYPE.
    #[inline]
    pub fn text(&self, spot: Spot) -> Result<Text<'_>, Error> {
        Text::of(self.entry(spot).payload()).ok_or(Error::WrongType)
    }
    /// The number or bytes at a place, to be edited where they are. `None` if the value is no string.
    pub fn payload_mut(&mut self, spot: Spot) -> PayloadMut<'_, Value> {
        self.space.lend_out(self.db, spot);
        self.dict_mut().entry_mut(spot).into_payload_mut()
    }
    /// The bytes of a string that lives in its entry, to be changed without changing their number. It counts as edited
    /// from now on.
    pub fn edit_inline(&mut self, spot: Spot) -> Option<&mut [u8]> {
        self.space.preserve(self.db, spot);
        let mut entry = self.dict_mut().entry_mut(spot);
        if !matches!(entry.shared().payload(), Payload::Inline(_)) {
            return None;
        }
        entry.set_raw_reported();
        match entry.into_payload_mut() {
            PayloadMut::Inline(bytes) => Some(bytes),
            PayloadMut::Int(_) | PayloadMut::Object(_) => None,
        }
    }
    pub fn object(&self, spot: Spot) -> Option<&Value> {
        self.entry(spot).object()
    }

    // ---- typed access

    /// The string under a key, for reading.
    #[inline]
    pub fn read_text(&mut self, key: &[u8]) -> Result<Option<Text<'_>>, Error> {
        match self.read(key) {
            Some(spot) => self.text(spot).map(Some),
            None => Ok(None),
        }
    }

    /// The aggregate under a key, for reading.
    pub fn read_as<T: Typed>(&mut self, key: &[u8]) -> Result<Option<&T>, Error> {
        match self.read(key) {
            Some(spot) => self.at(spot).map(Some),
            None => Ok(None),
        }
    }

    /// The aggregate at a place, or WRONGTYPE.
    pub fn at<T: Typed>(&self, spot: Spot) -> Result<&T, Error> {
        self.object(spot).and_then(T::of).ok_or(Error::WrongType)
    }
    pub fn at_mut<T: Typed>(&mut self, spot: Spot) -> Result<&mut T, Error> {
        self.space.lend_out(self.db, spot);
        self.dict_mut()
            .entry_mut(spot)
            .into_object_mut()
            .and_then(T::of_mut)
            .ok_or(Error::WrongType)
    }

    /// The aggregate under a key, for changing. Does not make one.
    pub fn write_as<T: Typed>(&mut self, key: &[u8]) -> Result<Option<&mut T>, Error> {
        match self.find(key) {
            Some(spot) => {
                self.touch(spot);
                self.at_mut(spot).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The aggregate at a place, and chance to choose from it.
    pub fn at_with_rng<T: Typed>(&mut self, spot: Spot) -> Result<(&T, &mut Rng), Error> {
        let Keyspace { dbs, rng, .. } = &mut *self.space;
        let value = dbs[usize::from(self.db)].dict.entry(spot).object();
        Ok((value.and_then(T::of).ok_or(Error::WrongType)?, rng))
    }
    pub fn at_mut_with_rng<T: Typed>(&mut self, spot: Spot) -> Result<(&mut T, &mut Rng), Error> {
        self.space.lend_out(self.db, spot);
        let Keyspace { dbs, rng, .. } = &mut *self.space;
        let value = dbs[usize::from(self.db)]
            .dict
            .entry_mut(spot)
            .into_object_mut();
        Ok((value.and_then(T::of_mut).ok_or(Error::WrongType)?, rng))
    }

    /// As `write_as`, for a caller that needs the place. A value of another kind counts as not used.
    pub fn spot_as<T: Typed>(&mut self, key: &[u8]) -> Result<Option<Spot>, Error> {
        let Some(spot) = self.find(key) else {
            return Ok(None);
        };
        self.at::<T>(spot)?;
        self.touch(spot);
        Ok(Some(spot))
    }

    /// The aggregate under a key, for changing; made by `fresh` if there is none. The caller adds at least one
    /// element.
    pub fn write_or_create<T: Typed>(
        &mut self,
        key: &[u8],
        fresh: impl FnOnce() -> T,
    ) -> Result<&mut T, Error> {
        let spot = self.spot_or_create(key, fresh)?;
        self.at_mut(spot)
    }

    /// As `write_or_create`, for a caller that needs the place.
    pub fn spot_or_create<T: Typed>(
        &mut self,
        key: &[u8],
        fresh: impl FnOnce() -> T,
    ) -> Result<Spot, Error> {
        let Some(spot) = self.find(key) else {
            return Ok(self.insert(key, New::Object(fresh().into_value()), None));
        };
        self.touch(spot);
        self.at::<T>(spot)?;
        Ok(spot)
    }

    // ---- changing

    /// Adds a key that is not there.
    pub fn insert(&mut self, key: &[u8], new: New<'_, Value>, deadline: Option<i64>) -> Spot {
        let hash = self.hash(key);
        self.space.settle_loan();
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes.add(Bin::of_new(&new));
        db.dict.set_room(self.space.room_bytes);
        let spot = db.dict.insert(hash, key, new, deadline);
        let word = self.space.access.fresh(self.now_ms);
        self.entry(spot).set_access(word);
        self.added(key, spot);
        spot
    }

    #[inline]
    fn added(&mut self, key: &[u8], spot: Spot) {
        if self.space.journal.interest != 0 {
            let kind = self.kind(spot);
            self.space.journal.added(self.db, key, kind);
        }
    }

    /// Puts the value that a command has computed under a key, whatever it held, which counts as so many changes; if
    /// the result is empty, there is none, and what is there goes.
    pub fn store<T: Typed>(&mut self, key: &[u8], result: Option<T>, event: Event, changes: usize) {
        let Some(value) = result else {
            self.remove_reporting(key);
            return;
        };
        let found = self.find(key);
        self.put(key, found, New::Object(value.into_value()), Until::Never);
        self.changed(key, event, changes);
    }

    /// Sets a key to a value, whatever it held. `found` is what `find` said just before.
    #[inline]
    pub fn put(
        &mut self,
        key: &[u8],
        found: Option<Spot>,
        new: New<'_, Value>,
        until: Until,
    ) -> Spot {
        let Some(spot) = found else {
            let deadline = if let Until::At(deadline) = until {
                Some(deadline)
            } else {
                None
            };
            return self.insert(key, new, deadline);
        };
        self.space.settle_loan();
        let doomed = self.space.doom(self.db, spot);
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes
            .moved(Bin::of(db.dict.entry(spot)), Bin::of_new(&new));
        if let Some(old) = db.dict.replace(spot, new, until) {
            if let Some(doomed) = doomed {
                self.space.adopt(doomed, old);
            } else {
                let lazily = self.space.lazy.server_del;
                self.space.discard(old, lazily);
            }
        }
        self.touch(spot);
        spot
    }

    /// Removes what is at a place.
    pub fn remove_at(&mut self, spot: Spot, lazily: bool) {
        self.space.settle_loan();
        let doomed = self.space.doom(self.db, spot);
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes.remove(Bin::of(db.dict.entry(spot)));
        if let Some(old) = db.dict.remove(spot) {
            if let Some(doomed) = doomed {
                self.space.adopt(doomed, old);
            } else {
                self.space.discard(old, lazily);
            }
        }
    }

    /// After elements went: the key goes too, and is announced as gone, if none is left. Tells whether it did.
    pub fn end_if_empty<T: Typed>(&mut self, key: &[u8], spot: Spot) -> bool {
        let is_empty = self.at::<T>(spot).is_ok_and(T::is_empty);
        if is_empty {
            self.remove_at(spot, false);
            self.event(key, Event::DEL);
        }
        is_empty
    }

    /// Removes a key; tells whether it was there. Reports nothing: the caller knows the event.
    pub fn remove(&mut self, key: &[u8], lazily: bool) -> bool {
        let Some(spot) = self.find(key) else {
            return false;
        };
        self.remove_at(spot, lazily);
        true
    }

    /// Removes a key that a command empties or overwrites on the way (as `lazyfree-lazy-server-del` says), with the
    /// event that Redis sends for it.
    pub fn remove_reporting(&mut self, key: &[u8]) -> bool {
        let lazily = self.space.lazy.server_del;
        let was_there = self.remove(key, lazily);
        if was_there {
            self.changed(key, Event::DEL, 1);
        }
        was_there
    }

    /// Takes a value out with its deadline, for RENAME and MOVE.
    pub fn take(&mut self, spot: Spot) -> Taken<Value> {
        self.space.settle_loan();
        self.space.preserve(self.db, spot);
        let db = &mut self.space.dbs[usize::from(self.db)];
        db.sizes.remove(Bin::of(db.dict.entry(spot)));
        db.dict.take(spot)
    }
    /// Puts in what `take` gave. The key must not be there.
    pub fn put_taken(&mut self, key: &[u8], taken: Taken<Value>) -> Spot {
        let hash = self.hash(key);
        self.space.settle_loan();
        let db = &mut self.space.dbs[usize::from(self.db)];
        let spot = db.dict.put(hash, key, taken);
        db.sizes.add(Bin::of(db.dict.entry(spot)));
        self.space.moved(self.db, spot);
        self.added(key, spot);
        spot
    }

    pub fn deadline(&self, spot: Spot) -> Option<i64> {
        self.entry(spot).deadline()
    }
    pub fn set_deadline(&mut self, spot: Spot, deadline: Option<i64>) {
        self.space.preserve(self.db, spot);
        self.dict_mut().set_deadline(spot, deadline);
    }

    // ---- reporting

    /// The key changed: counts as `count` changes, is told to watchers and waiters, and is announced as `event`.
    #[inline]
    pub fn changed(&mut self, key: &[u8], event: Event, count: usize) {
        let journal = &mut self.space.journal;
        journal.dirty += count as u64;
        if journal.interest != 0 {
            journal.changed(self.db, key);
            journal.event(self.db, key, event);
        }
    }

    /// The key changed, without an event of its own.
    pub fn touched(&mut self, key: &[u8], count: usize) {
        self.space.journal.dirty += count as u64;
        self.space.journal.changed(self.db, key);
    }

    /// Something about the key changed that is no part of its value to those who watch it, as the groups of a stream
    /// are not: counts as changes, and is announced.
    pub fn noted(&mut self, key: &[u8], event: Event, count: usize) {
        self.space.journal.dirty += count as u64;
        self.event(key, event);
    }

    /// Those who wait for the key while it is there should look at it again.
    #[inline]
    pub fn tell_waiters(&mut self, key: &[u8]) {
        self.space.journal.news(self.db, key);
    }

    /// Only an event.
    #[inline]
    pub fn event(&mut self, key: &[u8], event: Event) {
        self.space.journal.event(self.db, key, event);
    }
}
