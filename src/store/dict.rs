//! One database: keys, their values, and when they expire.
//!
//! Joins the table, the entries and the wheel, and keeps them in step. Callers compute a key's hash
//! once, prefetch with it, look up with it, insert with it; what `locate` returns is a [`Spot`],
//! which costs no borrow, so that a caller can decide first and borrow afterwards.
//!
//! Whatever changes an entry's address goes through `moved`, which patches the table's slot and the
//! wheel's record together (invariants I1 and I2).
//!
//! Not known here: types of values, clients, the time (it is an argument), or what happens when a
//! key expires.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;

use super::Spot;
use super::address::Address;
use super::entry::raw::{Kind, NARROW_MAX, NEVER, Raw, Times};
use super::entry::{
    EntryMut, EntryRef, New, Owned, Taken, some_deadline, take_object, times, write_payload,
};
use super::table::{Table, TableStats};
use super::wheel::Wheel;
use crate::base::hash::Seed;

/// Keys to payloads: integers, short strings, or objects of type `V` (at most 32 bytes, stored in
/// place).
///
/// `Send` if `V` is, so that a whole database can be dropped on another thread. Not `Sync`: reading
/// an entry may write its access word.
pub struct Dict<V> {
    table: Table,
    wheel: Wheel,
    seed: Seed,
    expires: usize,
    field_expires: usize,
    deadline_sum: i128,
    birth_epoch: u8,
    /// Owns values; and a `Cell` is what is not `Sync`.
    _values: PhantomData<(V, Cell<()>)>,
}

/// What [`Dict::clear`] leaves behind: the old database, to be dropped wherever there is time for
/// it.
pub type Detached<V> = Dict<V>;

/// What becomes of the deadline when a value is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    Kept,
    Never,
    At(i64),
}

/// Reading.
impl<V> Dict<V> {
    /// Allocates nothing yet.
    pub fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(),
            wheel: Wheel::default(),
            seed,
            expires: 0,
            field_expires: 0,
            deadline_sum: 0,
            birth_epoch: 0,
            _values: PhantomData,
        }
    }

    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn locate(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        if key.len() > NARROW_MAX {
            return self.locate_wide(hash, key);
        }
        self.table
            .find(hash, |address| live(address).has_narrow_key(key))
    }

    #[cold]
    fn locate_wide(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        // SAFETY: the entry's key is compared while the dict is borrowed.
        self.table
            .find(hash, |address| unsafe { live(address).key() } == key)
    }

    #[inline]
    pub fn entry(&self, spot: Spot) -> EntryRef<'_, V> {
        // SAFETY: the entry is in the table of this dict, which stays borrowed as long as the
        // result lives.
        unsafe { EntryRef::new(self.raw(spot)) }
    }

    #[inline]
    pub fn entry_mut(&mut self, spot: Spot) -> EntryMut<'_, V> {
        // SAFETY: as above, with an exclusive borrow.
        unsafe { EntryMut::new(self.raw(spot)) }
    }

    /// The first of three steps for a batch of look-ups: ask for the bucket's cache line.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// The second: compare tags, and ask for the entry. True if it can only be in a further bucket,
    /// which was asked for instead.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) -> bool {
        self.table.prefetch_element(hash)
    }

    /// An entry whose hash may be this one, for a look ahead at its value: the first of which a part
    /// of the hash agrees. Reads no key.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<EntryRef<'_, V>> {
        self.table.find(hash, |_| true).map(|spot| self.entry(spot))
    }

    /// The third, for those: the same in that bucket.
    #[inline]
    pub fn prefetch_further(&self, hash: u64) {
        self.table.prefetch_overflow(hash);
    }
}

/// Writing.
impl<V> Dict<V> {
    /// Makes room for so many keys, if there are none yet.
    pub fn reserve(&mut self, count: usize) {
        self.table.reserve(count);
    }

    /// The key must be absent: nothing looks for it again.
    pub fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        new: New<'_, V>,
        deadline: Option<i64>,
    ) -> Spot {
        self.insert_entry(hash, key, new, times(deadline, None), 0)
    }

    /// Another payload for the same key. The spot stays valid, the access word stays; a field
    /// deadline goes with the old value, and a deadline does what `until` says. Returns an old
    /// object, so that the caller may have it dropped elsewhere.
    pub fn replace(&mut self, spot: Spot, new: New<'_, V>, until: Until) -> Option<V> {
        let old = self.raw(spot);
        let key_deadline = match until {
            Until::Kept => old.times().key,
            Until::Never => NEVER,
            Until::At(deadline) => deadline,
        };
        let times = Times {
            key: key_deadline,
            field: NEVER,
        };
        let (kind, value_len) = new.shape();
        // SAFETY: the old payload is moved out and then never touched again: either its place is
        // written over, or the old entry is freed and `moved` puts the new one in its place
        // everywhere.
        unsafe {
            let object = take_object(old);
            let entry = if old.fits_payload::<V>(kind, value_len, times) {
                old.begin_payload(kind, value_len);
                write_payload(old, new);
                self.retime(old, times);
                old
            } else {
                let entry = self.moved(spot, old, times, |old| {
                    old.reshape::<V>(kind, value_len, times)
                });
                write_payload(entry, new);
                entry
            };
            entry.set_head(entry.head().with_epoch(self.birth_epoch));
            object
        }
    }

    pub fn remove(&mut self, spot: Spot) -> Option<V> {
        let entry = self.unlink(spot);
        // SAFETY: the entry is in no table any more, and this is its end.
        unsafe {
            let object = take_object(entry);
            entry.free::<V>();
            object
        }
    }

    /// Remove an entry and give back all it held, for RENAME and MOVE.
    pub fn take(&mut self, spot: Spot) -> Taken<V> {
        let times = self.raw(spot).times();
        let entry = self.unlink(spot);
        // SAFETY: the entry is in no table any more; its payload is read out once, and then it is
        // freed.
        unsafe {
            let payload = match entry.head().kind() {
                Kind::Int => Owned::Int(entry.int_place().read()),
                Kind::Inline => Owned::Inline {
                    bytes: entry.value_place().as_ref().to_vec(),
                    raw_reported: entry.head().raw_reported(),
                },
                Kind::Object => Owned::Object(entry.object_place::<V>().read()),
            };
            let access = entry.head().access();
            entry.free::<V>();
            Taken {
                payload,
                deadline: some_deadline(times.key),
                field_deadline: some_deadline(times.field),
                access,
            }
        }
    }

    /// What `take` gave back, under this key, which must be absent.
    pub fn put(&mut self, hash: u64, key: &[u8], taken: Taken<V>) -> Spot {
        let mut bytes = Vec::new();
        let new = taken.payload.into_new(&mut bytes);
        self.insert_entry(
            hash,
            key,
            new,
            times(taken.deadline, taken.field_deadline),
            taken.access,
        )
    }

    /// Become empty, at once however large. What was there is returned as a dict of its own.
    #[must_use = "dropping a large database takes time: decide where"]
    pub fn clear(&mut self) -> Detached<V> {
        let mut fresh = Self::new(self.seed);
        fresh.wheel = Wheel::at_time_of(&self.wheel);
        fresh.birth_epoch = self.birth_epoch;
        std::mem::replace(self, fresh)
    }

    /// How many bytes at a time the table may take from the allocator, as far as it can put that off.
    #[inline]
    pub fn set_room(&mut self, bytes: usize) {
        self.table.set_room(bytes);
    }

    /// The epoch of entries made from now on (3 bits).
    pub fn set_birth_epoch(&mut self, epoch: u8) {
        self.birth_epoch = epoch & 7;
    }

    pub fn birth_epoch(&self) -> u8 {
        self.birth_epoch
    }
}

/// Deadlines, in milliseconds of Unix time.
impl<V> Dict<V> {
    /// When the key expires. The spot stays valid.
    pub fn set_deadline(&mut self, spot: Spot, deadline: Option<i64>) {
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
    pub fn set_field_deadline(&mut self, spot: Spot, deadline: Option<i64>) {
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
    pub fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<Spot> {
        let entry = self.wheel.next_due(now_ms, budget)?;
        Some(self.spot_of(entry))
    }

    /// `next_due` has nothing to do before this time, unless the clock is set back. In the past: it
    /// has something to do now.
    pub fn next_due_hint(&self) -> Option<i64> {
        self.wheel.hint()
    }

    /// How many keys have a deadline.
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// How many entries have a field deadline.
    pub fn field_expires(&self) -> usize {
        self.field_expires
    }

    /// The sum of their deadlines.
    pub fn deadline_sum(&self) -> i128 {
        self.deadline_sum
    }
}

/// Walking.
impl<V> Dict<V> {
    /// One step of a walk: visits a whole bucket and returns the next cursor. 0 begins, 0 ends.
    /// Whatever is present throughout the walk is visited at least once, however much else comes
    /// and goes.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Spot, EntryRef<'_, V>)) -> u64 {
        self.table.scan(cursor, |spot, address| {
            // SAFETY: the address is in this dict's table, and the dict is borrowed during the
            // visit.
            visit(spot, unsafe { EntryRef::new(live(address)) });
        })
    }

    /// Ask for the cache lines that `scan` would visit at this cursor, and return the next cursor.
    pub fn prefetch_scan(&self, cursor: u64) -> u64 {
        self.table.scan(cursor, |_, address| address.prefetch())
    }

    /// Every entry, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_, V>> {
        // SAFETY: the address is in this dict's table, and the result borrows the dict.
        self.table
            .iter()
            .map(|(_, address)| unsafe { EntryRef::new(live(address)) })
    }

    pub fn spots(&self) -> impl Iterator<Item = Spot> {
        self.table.iter().map(|(spot, _)| spot)
    }

    /// Any entry with equal probability. `draw` gives 64 random bits at each call.
    pub fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> {
        self.table.random(draw)
    }

    /// At least `count` entries from buckets drawn at random, or all if there are no more. Cheaper
    /// than as many calls of `random`; the same entry may come twice.
    pub fn sample(&self, draw: &mut impl FnMut() -> u64, count: usize, found: &mut Vec<Spot>) {
        self.table.sample(draw, count, |spot, _| found.push(spot));
    }

    /// Any entry that has a deadline, its own or a field's, with equal probability: for evicting
    /// such keys only, however few they are among the others.
    pub fn random_expiring(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> {
        self.wheel.random(draw).map(|entry| self.spot_of(entry))
    }
}

/// Figures.
impl<V> Dict<V> {
    /// What the buckets and their directory occupy.
    pub fn table_bytes(&self) -> usize {
        self.table.bytes()
    }

    /// What those buckets occupy that are in use.
    pub fn bucket_bytes(&self) -> usize {
        self.table.bucket_bytes()
    }

    /// What the index of deadlines occupies.
    pub fn wheel_bytes(&self) -> usize {
        self.wheel.bytes()
    }

    /// What an entry occupies, without what an object owns elsewhere.
    pub fn entry_bytes(&self, spot: Spot) -> usize {
        self.raw(spot).bytes::<V>()
    }

    pub fn buckets(&self) -> usize {
        self.table.buckets()
    }

    /// Walks the whole table.
    pub fn stats(&self) -> TableStats {
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
        let spot = self
            .table
            .find(rehash(self.seed, entry.address()), |address| {
                address == entry.address()
            });
        spot.expect("what the wheel has is in the table")
    }

    fn insert_entry(
        &mut self,
        hash: u64,
        key: &[u8],
        new: New<'_, V>,
        times: Times,
        access: u32,
    ) -> Spot {
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
            // SAFETY: each entry is in the table once (I1), the table is not used after this, and
            // neither is the wheel.
            unsafe {
                drop(take_object::<V>(entry));
                entry.free::<V>();
            }
        }
    }
}

/// The entry at an address that a dict's table holds.
#[inline]
fn live(address: Address) -> Raw {
    // SAFETY: a dict's table holds addresses of living entries only: `insert_entry` puts them in,
    // and whoever frees an entry has taken it out or put another in its slot. (I1)
    unsafe { Raw::assume(address) }
}

fn rehash(seed: Seed, address: Address) -> u64 {
    // SAFETY: the key is used until the hash is computed, while the entry is in the table.
    seed.hash(unsafe { live(address).key() })
}

#[cfg(test)]
impl<V> Dict<V> {
    /// The room's invariants I1 to I3, and the sums.
    pub fn validate(&self) {
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
            assert!(
                timed.remove(unsafe { entry.key() }),
                "two records for an entry, or one that is not wanted"
            );
        });
    }
}

#[cfg(test)]
mod tests;
