//! One database: keys, their values, and when they expire.
//!
//! Joins the table, the entries and the wheel, and keeps them in step. Callers compute a key's hash once, prefetch with
//! it, look up with it, insert with it; `locate` returns a [`Spot`], which costs no borrow, so that a caller can decide
//! first and borrow afterwards.
//!
//! Every change of an entry's address goes through `moved`, which patches the table's slot and the wheel's record
//! together (invariants I1 and I2).
//!
//! Not known here: types of values, clients, the time (it is an argument), or what happens when a
//! key expires.

#![allow(unsafe_code)]

mod occupied;

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use super::address::Address;
use super::entry::raw::{Kind, NARROW_MAX, NEVER, Raw, Times};
use super::entry::{
    EntryMut, EntryRef, New, Owned, Taken, some_deadline, take_object, times, write_payload,
};
use super::table::{Probe, Table, TableShape, TableStats};
use super::wheel::Wheel;
use super::wheel::WheelShape;
use super::{Site, Spot, Vacancy};
use crate::base::hash::Seed;

pub(crate) use occupied::Occupied;

/// Keys to payloads: integers, short strings, or objects of type `V` (at most 32 bytes, stored in
/// place).
///
/// `Send` if `V` is, so that a whole database can be dropped on another thread. Not `Sync`: reading
/// an entry may write its access word.
pub(crate) struct Dict<V> {
    table: Table,
    wheel: Wheel,
    seed: Seed,
    expires: usize,
    field_expires: usize,
    deadline_sum: i128,
    birth_epoch: u8,
    /// Moves on with every key that is added, and has its own range in each dict: the stamp of a [`Vacancy`] agrees
    /// only with the dict that gave it, and only as long as nothing was added.
    stamp: u64,
    /// Owns values; and a `Cell` is what is not `Sync`.
    _values: PhantomData<(V, Cell<()>)>,
}

/// The old database, as [`Dict::clear`] leaves it behind, to be dropped wherever there is time for it.
pub(crate) type Detached<V> = Dict<V>;

/// The fate of the deadline when a value is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Until {
    Kept,
    Never,
    At(i64),
}

/// How many dicts this process has made.
static DICTS: AtomicU64 = AtomicU64::new(0);

/// Each dict has this many bits of stamps for itself: enough for a million keys a second during twelve days.
const STAMP_BITS: u32 = 40;

/// Reading.
impl<V> Dict<V> {
    /// Allocates nothing yet.
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(),
            wheel: Wheel::default(),
            seed,
            expires: 0,
            field_expires: 0,
            deadline_sum: 0,
            birth_epoch: 0,
            stamp: DICTS.fetch_add(1, Ordering::Relaxed) << STAMP_BITS,
            _values: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(never)]
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.find(hash, key).map(|(spot, _)| spot)
    }

    /// `locate`, and the entry, which a look-up has at hand: to go to it from its spot costs a third of one.
    #[expect(
        clippy::inline_always,
        reason = "most of the work of a short command; the ways to it are out of line"
    )]
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<(Spot, EntryRef<'_, V>)> {
        let (spot, address) = if key.len() > NARROW_MAX {
            self.find_wide(hash, key)?
        } else {
            self.table
                .find(hash, |address| live(address).has_narrow_key(key))?
        };
        // SAFETY: the entry is in the table of this dict, which stays borrowed as long as the
        // result lives.
        Some((spot, unsafe { EntryRef::new(live(address)) }))
    }

    /// `locate` for a caller that is going to put something under the key.
    #[inline]
    pub(crate) fn site<'k>(&self, hash: u64, key: &'k [u8]) -> Site<'k> {
        self.site_and_entry(hash, key).0
    }

    /// `site`, and the entry if one is there.
    #[inline]
    pub(crate) fn site_and_entry<'k>(
        &self,
        hash: u64,
        key: &'k [u8],
    ) -> (Site<'k>, Option<EntryRef<'_, V>>) {
        if let Some((spot, entry)) = self.find(hash, key) {
            return (Site::Taken(spot), Some(entry));
        }
        let stamp = self.stamp;
        (Site::Vacant(Vacancy { hash, key, stamp }), None)
    }

    #[cold]
    fn find_wide(&self, hash: u64, key: &[u8]) -> Option<(Spot, Address)> {
        // SAFETY: the entry's key is compared while the dict is borrowed.
        self.table
            .find(hash, |address| unsafe { live(address).key() } == key)
    }

    #[inline]
    pub(crate) fn entry(&self, spot: Spot) -> EntryRef<'_, V> {
        // SAFETY: the entry is in the table of this dict, which stays borrowed as long as the
        // result lives.
        unsafe { EntryRef::new(self.raw(spot)) }
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, spot: Spot) -> EntryMut<'_, V> {
        // SAFETY: as above, with an exclusive borrow.
        unsafe { EntryMut::new(self.raw(spot)) }
    }

    /// The first of three steps for a batch of look-ups: ask for the bucket's cache line.
    #[inline]
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// The second: compare tags, and ask for the entry. True if it can only be in a further bucket,
    /// which was asked for instead.
    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: u64) -> bool {
        self.table.prefetch_element(hash)
    }

    /// An entry whose hash may be this one, for a look ahead at its value: the first of which a part
    /// of the hash agrees. Reads no key.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<EntryRef<'_, V>> {
        let (_, address) = self.table.find(hash, |_| true)?;
        // SAFETY: as in `find`.
        Some(unsafe { EntryRef::new(live(address)) })
    }

    /// The third, for those: the same in that bucket.
    #[inline]
    pub(crate) fn prefetch_further(&self, hash: u64) {
        self.table.prefetch_overflow(hash);
    }
}

/// Writing.
impl<V> Dict<V> {
    /// Makes room for so many keys, if there are none yet.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.table.reserve(count);
    }

    /// Adds a key.
    pub(crate) fn insert(
        &mut self,
        vacancy: Vacancy<'_>,
        new: New<'_, V>,
        deadline: Option<i64>,
    ) -> Spot {
        self.insert_entry(vacancy, new, times(deadline, None), 0)
    }

    /// The entry at a spot, to be looked at and replaced.
    #[inline]
    pub(crate) fn occupied(&mut self, spot: Spot) -> Occupied<'_, V> {
        Occupied {
            entry: self.raw(spot),
            spot,
            dict: self,
        }
    }

    /// The entry of a key, to be looked at and replaced.
    #[inline]
    pub(crate) fn occupied_by(&mut self, hash: u64, key: &[u8]) -> Option<Occupied<'_, V>> {
        let (spot, entry) = self.find(hash, key)?;
        Some(Occupied {
            entry: entry.raw(),
            spot,
            dict: self,
        })
    }

    pub(crate) fn remove(&mut self, spot: Spot) -> Option<V> {
        let entry = self.unlink(spot);
        // SAFETY: the entry is alive, and this is the one time that its object is moved out.
        let object = unsafe { take_object(entry) };
        // SAFETY: the entry is in no table any more, and this is its end.
        unsafe { entry.free::<V>() };
        object
    }

    /// Remove an entry and give back all it held, for RENAME and MOVE.
    pub(crate) fn take(&mut self, spot: Spot) -> Taken<V> {
        let times = self.raw(spot).times();
        let entry = self.unlink(spot);
        let payload = match entry.head().kind() {
            // SAFETY: an entry of this kind has an integer.
            Kind::Int => Owned::Int(unsafe { entry.int_place().read() }),
            Kind::Inline => Owned::Inline {
                // SAFETY: the bytes are copied before anything else happens to the entry.
                bytes: unsafe { entry.value_place().as_ref() }.to_vec(),
                raw_reported: entry.head().raw_reported(),
            },
            Kind::Folded => Owned::Folded(
                entry.head().form(),
                // SAFETY: as above.
                unsafe { entry.value_place().as_ref() }.to_vec(),
            ),
            // SAFETY: an entry of this kind has an object, which is moved out once: the entry is in no table any more.
            Kind::Object => Owned::Object(unsafe { entry.object_place::<V>().read() }),
        };
        let access = entry.head().access();
        // SAFETY: the entry is in no table any more, and this is its end.
        unsafe { entry.free::<V>() };
        Taken {
            payload,
            deadline: some_deadline(times.key),
            field_deadline: some_deadline(times.field),
            access,
        }
    }

    /// Puts what `take` gave back under this key.
    pub(crate) fn put(&mut self, vacancy: Vacancy<'_>, taken: Taken<V>) -> Spot {
        let mut bytes = Vec::new();
        let new = taken.payload.into_new(&mut bytes);
        let times = times(taken.deadline, taken.field_deadline);
        self.insert_entry(vacancy, new, times, taken.access)
    }

    /// Become empty, at once however large. The old content is returned as a dict of its own.
    #[must_use = "dropping a large database takes time: decide where"]
    pub(crate) fn clear(&mut self) -> Detached<V> {
        let mut fresh = Self::new(self.seed);
        fresh.wheel = Wheel::at_time_of(&self.wheel);
        fresh.birth_epoch = self.birth_epoch;
        std::mem::replace(self, fresh)
    }

    /// How many bytes at a time the table may take from the allocator, as far as it can put that off.
    #[inline]
    pub(crate) fn set_room(&mut self, bytes: usize) {
        self.table.set_room(bytes);
    }

    /// The epoch of entries made from now on (3 bits).
    pub(crate) fn set_birth_epoch(&mut self, epoch: u8) {
        self.birth_epoch = epoch & 7;
    }

    #[cfg(test)]
    pub(crate) fn birth_epoch(&self) -> u8 {
        self.birth_epoch
    }
}

/// Deadlines, in milliseconds of Unix time.
impl<V> Dict<V> {
    /// When the key expires. The spot stays valid.
    pub(crate) fn set_deadline(&mut self, spot: Spot, deadline: Option<i64>) {
        let field = self.raw(spot).times().field;
        self.set_times(
            spot,
            Times {
                key: deadline.unwrap_or(NEVER),
                field,
            },
        );
    }

    /// When the earliest field of the hash at `spot` expires. The spot stays valid.
    pub(crate) fn set_field_deadline(&mut self, spot: Spot, deadline: Option<i64>) {
        let key = self.raw(spot).times().key;
        self.set_times(
            spot,
            Times {
                key,
                field: deadline.unwrap_or(NEVER),
            },
        );
    }

    /// The next entry of which the key or a field is due at `now`; `None` if there is none or the
    /// budget is used up, from which each record looked at takes one.
    ///
    /// The caller removes the entry or changes its deadlines before it asks again. An entry left as
    /// it is comes again about a second later.
    pub(crate) fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<Spot> {
        let entry = self.wheel.next_due(now_ms, budget)?;
        Some(self.spot_of(entry))
    }

    /// `next_due` has nothing to do before this time, unless the clock is set back. In the past: it
    /// has something to do now.
    pub(crate) fn next_due_hint(&self) -> Option<i64> {
        self.wheel.hint()
    }

    /// How many keys have a deadline.
    pub(crate) fn expires(&self) -> usize {
        self.expires
    }

    /// How many entries have a field deadline.
    pub(crate) fn field_expires(&self) -> usize {
        self.field_expires
    }

    /// The sum of their deadlines.
    pub(crate) fn deadline_sum(&self) -> i128 {
        self.deadline_sum
    }
}

/// Walking.
impl<V> Dict<V> {
    /// One step of a walk: visits a whole bucket and returns the next cursor. 0 begins, 0 ends. An element that is
    /// present throughout the walk is visited at least once, however much else comes and goes.
    pub(crate) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Spot, EntryRef<'_, V>)) -> u64 {
        self.table.scan(cursor, |spot, address| {
            // SAFETY: the address is in this dict's table, and the dict is borrowed during the
            // visit.
            visit(spot, unsafe { EntryRef::new(live(address)) });
        })
    }

    /// Ask for the cache lines that `scan` would visit at this cursor, and return the next cursor.
    pub(crate) fn prefetch_scan(&self, cursor: u64) -> u64 {
        self.table.scan(cursor, |_, address| address.prefetch())
    }

    /// Every entry, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = EntryRef<'_, V>> {
        // SAFETY: the address is in this dict's table, and the result borrows the dict.
        self.table
            .iter()
            .map(|(_, address)| unsafe { EntryRef::new(live(address)) })
    }

    /// Any entry with equal probability. `draw` gives 64 random bits at each call.
    pub(crate) fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> {
        self.table.random(draw)
    }

    /// At least `count` entries from buckets drawn at random, or all if there are no more. Cheaper
    /// than as many calls of `random`; the same entry may come twice.
    pub(crate) fn sample(
        &self,
        draw: &mut impl FnMut() -> u64,
        count: usize,
        found: &mut Vec<Spot>,
    ) {
        self.table.sample(draw, count, |spot, _| found.push(spot));
    }

    /// Any entry that has a deadline, its own or a field's, with equal probability: for evicting
    /// such keys only, however few they are among the others.
    pub(crate) fn random_expiring(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> {
        self.wheel.random(draw).map(|entry| self.spot_of(entry))
    }
}

/// Figures.
impl<V> Dict<V> {
    /// The bytes of the buckets and their directory.
    pub(crate) fn table_bytes(&self) -> usize {
        self.table.bytes()
    }

    /// The bytes of the buckets that are in use.
    pub(crate) fn bucket_bytes(&self) -> usize {
        self.table.bucket_bytes()
    }

    /// The bytes of the index of deadlines.
    pub(crate) fn wheel_bytes(&self) -> usize {
        self.wheel.bytes()
    }

    /// The bytes of an entry, without what an object owns elsewhere.
    #[cfg(test)]
    pub(crate) fn entry_bytes(&self, spot: Spot) -> usize {
        self.raw(spot).bytes::<V>()
    }

    /// How far the table has grown.
    pub(crate) fn shape(&self) -> TableShape {
        self.table.shape()
    }

    /// The lengths of some chains, evenly spread.
    pub(crate) fn some_chains(&self, most: usize) -> Vec<u8> {
        self.table.some_chains(most)
    }

    pub(crate) fn wheel_shape(&self) -> WheelShape {
        self.wheel.shape()
    }

    /// The way of a look-up.
    pub(crate) fn probe(&self, key: &[u8]) -> Probe {
        let hash = self.hash(key);
        self.table.probe(hash, self.locate(hash, key))
    }

    /// Walks the whole table.
    pub(crate) fn stats(&self) -> TableStats {
        self.table.stats()
    }
}

impl<V> Dict<V> {
    #[inline]
    fn raw(&self, spot: Spot) -> Raw {
        live(self.table.address(spot))
    }

    /// Where an entry is that the wheel knows.
    fn spot_of(&self, entry: Raw) -> Spot {
        let hash = rehash(self.seed, entry.address());
        let found = self.table.find(hash, |address| address == entry.address());
        found.expect("what the wheel has is in the table").0
    }

    fn insert_entry(
        &mut self,
        vacancy: Vacancy<'_>,
        new: New<'_, V>,
        times: Times,
        access: u32,
    ) -> Spot {
        let Vacancy { hash, key, stamp } = vacancy;
        assert_eq!(
            stamp, self.stamp,
            "a key was added since this one was looked for"
        );
        self.stamp += 1;
        debug_assert_eq!(hash, self.hash(key), "another dict's hash");
        debug_assert!(self.locate(hash, key).is_none(), "the key is present");
        let (kind, value_len) = new.shape();
        let entry = Raw::create::<V>(key, kind, value_len, times);
        // SAFETY: the entry was made for this payload, and has none yet.
        unsafe { write_payload(entry, new) };
        entry.set_head(
            entry
                .head()
                .with_access(access)
                .with_epoch(self.birth_epoch),
        );
        self.time(entry);
        let seed = self.seed;
        self.table
            .insert(hash, entry.address(), |address| rehash(seed, address))
    }

    /// Out of table and wheel; the caller owns the entry now.
    fn unlink(&mut self, spot: Spot) -> Raw {
        let seed = self.seed;
        let entry = live(self.table.remove(spot, |address| rehash(seed, address)));
        self.untime(entry);
        entry
    }

    fn set_times(&mut self, spot: Spot, times: Times) {
        let old = self.raw(spot);
        if old.fits_times(times) {
            self.retime(old, times);
            return;
        }
        // SAFETY: `moved` sees to it that nothing leads to the old entry any more.
        self.moved(spot, old, times, |old| unsafe {
            old.reshape_times::<V>(times)
        });
    }

    /// Put an entry elsewhere in memory, with `reshape`, which frees the old one and gives the new
    /// one these times. The table's slot and the wheel's record follow, here and nowhere else.
    fn moved(
        &mut self,
        spot: Spot,
        old: Raw,
        times: Times,
        reshape: impl FnOnce(Raw) -> Raw,
    ) -> Raw {
        let is_retimed = old.times() != times;
        if is_retimed {
            self.untime(old);
        }
        let entry = reshape(old);
        self.table.set_address(spot, entry.address());
        if is_retimed {
            self.time(entry);
        } else if times != Times::NONE {
            self.wheel.relocate(entry, old.address());
        }
        entry
    }

    /// New times for an entry that has room for exactly these.
    fn retime(&mut self, entry: Raw, times: Times) {
        if entry.times() != times {
            self.untime(entry);
            entry.set_times(times);
            self.time(entry);
        }
    }

    /// Count and file the deadlines of an entry.
    fn time(&mut self, entry: Raw) {
        let times = entry.times();
        if times.key != NEVER {
            self.expires += 1;
            self.deadline_sum += i128::from(times.key);
        }
        self.field_expires += usize::from(times.field != NEVER);
        if times != Times::NONE {
            self.wheel.add(entry);
        }
    }

    /// The reverse of `time`, before an entry goes or its deadlines change.
    fn untime(&mut self, entry: Raw) {
        let times = entry.times();
        if times.key != NEVER {
            self.expires -= 1;
            self.deadline_sum -= i128::from(times.key);
        }
        self.field_expires -= usize::from(times.field != NEVER);
        if times != Times::NONE {
            self.wheel.cancel(entry);
        }
    }
}

impl<V> Drop for Dict<V> {
    fn drop(&mut self) {
        for (_, address) in self.table.iter() {
            let entry = live(address);
            // SAFETY: each entry is in the table once (I1), so each object is moved out once.
            drop(unsafe { take_object::<V>(entry) });
            // SAFETY: neither the table nor the wheel is used after this.
            unsafe { entry.free::<V>() };
        }
    }
}

/// The entry at an address that a dict's table holds.
#[inline]
fn live(address: Address) -> Raw {
    // SAFETY: a dict's table holds addresses of living entries only: `insert_entry` puts them in, and an entry is freed
    // only after it was taken out or another was put in its slot. (I1)
    unsafe { Raw::assume(address) }
}

fn rehash(seed: Seed, address: Address) -> u64 {
    // SAFETY: the key is used until the hash is computed, while the entry is in the table.
    seed.hash(unsafe { live(address).key() })
}

#[cfg(test)]
impl<V> Dict<V> {
    /// The proof that a key is absent, for tests that know it.
    pub(crate) fn vacancy<'k>(&self, key: &'k [u8]) -> Vacancy<'k> {
        match self.site(self.hash(key), key) {
            Site::Vacant(vacancy) => vacancy,
            Site::Taken(_) => panic!("the key is there"),
        }
    }

    /// The room's invariants I1 to I3, and the sums.
    pub(crate) fn validate(&self) {
        self.table.validate(|address| rehash(self.seed, address));
        let (mut timed, mut expires, mut sum) = (std::collections::HashSet::new(), 0, 0);
        for entry in self.iter() {
            if let Some(deadline) = entry.deadline() {
                expires += 1;
                sum += i128::from(deadline);
            }
            if entry.deadline().is_some() || entry.field_deadline().is_some() {
                timed.insert(entry.key());
            }
        }
        assert_eq!((expires, sum), (self.expires, self.deadline_sum));
        let with_fields = self
            .iter()
            .filter(|entry| entry.field_deadline().is_some())
            .count();
        assert_eq!(with_fields, self.field_expires);
        assert_eq!(timed.len(), self.wheel.len());
        self.wheel.validate(|entry| {
            // SAFETY: the wheel's entries are alive, and nothing changes here.
            let key = unsafe { entry.key() };
            assert!(
                timed.remove(key),
                "two records for an entry, or one that is not wanted"
            );
        });
    }
}

#[cfg(test)]
mod tests;
