//! The large form of sets and hashes: byte strings, each with an optional value and an optional
//! word.
//!
//! The same table as for keys, over smaller elements. Types build on it: a set uses keys only, a
//! hash a value per key and a word where a field has a deadline. A sorted set is
//! [`Ranked`](super::Ranked), which keeps scores in the words.
//!
//! Not known here: what a word means.

#![allow(unsafe_code)]

use std::marker::PhantomData;

use super::Spot;
use super::address::Address;
use super::member::Raw;
use super::mover::Mover;
use super::table::{Table, TableStats};
use crate::base::hash::Seed;

/// Elements found by their key.
pub struct Members {
    table: Table,
    seed: Seed,
    /// The bytes of all elements.
    elements_bytes: usize,
}

/// An element to look at; lives as long as its table is borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Member<'t> {
    raw: Raw,
    _table: PhantomData<&'t Members>,
}

impl<'t> Member<'t> {
    /// # Safety
    /// The element belongs to a table that is borrowed for `'t`.
    #[inline]
    pub(super) unsafe fn new(raw: Raw) -> Self {
        Self {
            raw,
            _table: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn key(self) -> &'t [u8] {
        // SAFETY: the table is borrowed for 't, so the element is alive that long.
        unsafe { self.raw.key() }
    }

    /// Empty if it has none.
    #[inline]
    pub(crate) fn value(self) -> &'t [u8] {
        // SAFETY: as for the key; changing a value takes an exclusive borrow of the table.
        unsafe { self.raw.value() }
    }

    #[inline]
    pub(crate) fn word(self) -> Option<u64> {
        self.raw.word()
    }

    /// The bytes of the element.
    #[cfg(test)]
    pub(crate) fn bytes(self) -> usize {
        self.raw.bytes()
    }
}

impl Members {
    /// Allocates nothing yet.
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(),
            seed,
            elements_bytes: 0,
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

    #[inline]
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.find(hash, key).map(|(spot, _)| spot)
    }

    /// `locate`, and the element, which a look-up has at hand.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<(Spot, Member<'_>)> {
        let is_it = |address| live(address).has_key(key);
        let (spot, address) = self.table.find(hash, is_it)?;
        Some((spot, self.lend(address)))
    }

    /// The first of three steps for a batch of look-ups, as with [`Dict`](super::Dict).
    #[inline]
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// The second; true if the third is needed.
    #[inline]
    pub(crate) fn prefetch_element(&self, hash: u64) -> bool {
        self.table.prefetch_element(hash)
    }

    #[inline]
    pub(crate) fn prefetch_further(&self, hash: u64) {
        self.table.prefetch_overflow(hash);
    }

    /// The element with this hash that `is_it` recognises, for an index that keeps hashes instead
    /// of keys.
    pub(crate) fn locate_by(
        &self,
        hash: u64,
        mut is_it: impl FnMut(Member<'_>) -> bool,
    ) -> Option<Spot> {
        let found = self.table.find(hash, |address| {
            let member = self.lend(address);
            self.hash(member.key()) == hash && is_it(member)
        });
        found.map(|(spot, _)| spot)
    }

    /// The element that is at this address, if it is one of these.
    #[inline]
    pub(super) fn locate_at(&self, hash: u64, address: Address) -> Option<Spot> {
        let found = self.table.find(hash, |other| other == address);
        found.map(|(spot, _)| spot)
    }

    #[inline]
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.locate(self.hash(key), key).is_some()
    }

    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Member<'_>> {
        self.find(self.hash(key), key).map(|(_, member)| member)
    }

    #[inline]
    pub(crate) fn at(&self, spot: Spot) -> Member<'_> {
        self.lend(self.table.address(spot))
    }

    /// The key must be absent: nothing looks for it again.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        value: &[u8],
        word: Option<u64>,
    ) -> Spot {
        debug_assert_eq!(hash, self.hash(key), "another table's hash");
        debug_assert!(self.locate(hash, key).is_none(), "the key is present");
        let element = Raw::create(key, value, word);
        self.elements_bytes += element.bytes();
        let seed = self.seed;
        self.table
            .insert(hash, element.address(), |address| rehash(seed, address))
    }

    pub(crate) fn remove(&mut self, spot: Spot) {
        let seed = self.seed;
        let element = live(self.table.remove(spot, |address| rehash(seed, address)));
        self.elements_bytes -= element.bytes();
        // SAFETY: it is in no table any more, and this is its end.
        unsafe { element.free() };
    }

    /// Gives an element that is there another value; returns its word. `None`: it is not there.
    #[allow(clippy::option_option)] // whether it is there, and whether it has a word
    pub(crate) fn update(&mut self, hash: u64, key: &[u8], value: &[u8]) -> Option<Option<u64>> {
        let is_it = |address| live(address).has_key(key);
        let (spot, address) = self.table.find(hash, is_it)?;
        let old = live(address);
        let word = old.word();
        // SAFETY: the table is borrowed exclusively, so nobody looks at the value.
        if !unsafe { old.change_value(value) } {
            self.exchange(spot, old, old.with_parts(value, word));
        }
        Some(word)
    }

    /// The spot stays valid.
    pub(crate) fn set_word(&mut self, spot: Spot, word: Option<u64>) {
        let old = live(self.table.address(spot));
        match word {
            Some(word) if old.word().is_some() => old.set_word(word),
            None if old.word().is_none() => {}
            _ => {
                // SAFETY: the value is copied before the old element is freed.
                let new = old.with_parts(unsafe { old.value() }, word);
                self.exchange(spot, old, new);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.seed);
    }

    /// One step of a walk, as [`Dict::scan`](super::Dict::scan).
    pub(crate) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Member<'_>)) -> u64 {
        self.table
            .scan(cursor, |_, address| visit(self.lend(address)))
    }

    /// One step of a walk that moves elements which lie badly; the cursor is that of `scan`. `told` hears of each that
    /// has been moved: where it was, and its copy, before the old one is freed.
    pub(super) fn relocate_some(
        &mut self,
        cursor: u64,
        mover: &mut Mover<'_>,
        mut told: impl FnMut(Raw, Raw),
    ) -> u64 {
        let mut spots = std::mem::take(&mut mover.spots);
        let next = self.table.scan(cursor, |spot, address| {
            if mover.wants(address.bits() as usize, live(address).bytes()) {
                spots.push(spot);
            }
        });
        for spot in spots.drain(..) {
            let old = live(self.table.address(spot));
            // SAFETY: the value is copied before the old element is freed.
            let new = old.with_parts(unsafe { old.value() }, old.word());
            told(old, new);
            self.exchange(spot, old, new);
        }
        mover.spots = spots;
        next
    }

    /// The same for elements that nobody else points to.
    pub(crate) fn relocate(&mut self, cursor: u64, mover: &mut Mover<'_>) -> u64 {
        self.relocate_some(cursor, mover, |_, _| ())
    }

    /// Every element, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.table.iter().map(|(_, address)| self.lend(address))
    }

    /// Any element with equal probability. `draw` gives 64 random bits at each call.
    pub(crate) fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> {
        self.table.random(draw)
    }

    /// Table and elements, without this struct itself.
    pub(crate) fn memory(&self) -> usize {
        self.table.bytes() + self.elements_bytes
    }

    /// Walks the whole table.
    pub(crate) fn stats(&self) -> TableStats {
        self.table.stats()
    }

    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    pub(super) fn raw(&self, spot: Spot) -> Raw {
        live(self.table.address(spot))
    }

    fn lend(&self, address: Address) -> Member<'_> {
        debug_assert!(!self.is_empty());
        // SAFETY: callers have the address from this table, and the result borrows it.
        unsafe { Member::new(live(address)) }
    }

    fn exchange(&mut self, spot: Spot, old: Raw, new: Raw) {
        self.table.set_address(spot, new.address());
        self.elements_bytes += new.bytes();
        self.elements_bytes -= old.bytes();
        // SAFETY: the table's slot, the only one that had the old element, has the new one now.
        unsafe { old.free() };
    }
}

impl Clone for Members {
    fn clone(&self) -> Self {
        let mut table = self.table.duplicate();
        for (spot, address) in self.table.iter() {
            let old = live(address);
            // SAFETY: the value is copied here and now; `self` is borrowed.
            table.set_address(
                spot,
                old.with_parts(unsafe { old.value() }, old.word()).address(),
            );
        }
        Self {
            table,
            seed: self.seed,
            elements_bytes: self.elements_bytes,
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for (_, address) in self.table.iter() {
            // SAFETY: each element is in the table once, and the table is not used after this.
            unsafe { live(address).free() };
        }
    }
}

/// The element at an address that a table of members holds.
#[inline]
fn live(address: Address) -> Raw {
    // SAFETY: such a table holds addresses of living elements only: an element is freed only after it was taken out or
    // another was put in its slot.
    unsafe { Raw::assume(address) }
}

fn rehash(seed: Seed, address: Address) -> u64 {
    // SAFETY: the key is used until the hash is computed, while the element is in the table.
    seed.hash(unsafe { live(address).key() })
}

#[cfg(test)]
impl Members {
    pub(crate) fn validate(&self) {
        self.table.validate(|address| rehash(self.seed, address));
        assert_eq!(
            self.iter().map(Member::bytes).sum::<usize>(),
            self.elements_bytes
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bins::Bins;
    use crate::store::testing::Random;
    use std::collections::{BTreeMap, HashSet};

    type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

    fn any_bytes(random: &mut Random) -> Vec<u8> {
        let most = [1, 20, 20, 40, 260, 700][random.below(6) as usize];
        vec![random.next() as u8; random.below(most) as usize]
    }

    fn any_key(random: &mut Random) -> Vec<u8> {
        let number = random.below(400);
        let mut key = number.to_string().into_bytes();
        key.resize(key.len() + [0, 1, 14, 250, 300][number as usize % 5], b'.');
        key
    }

    fn compare(members: &Members, model: &Model) {
        members.validate();
        assert_eq!(members.len(), model.len());
        for member in members.iter() {
            let (value, word) = &model[member.key()];
            assert_eq!((member.value(), member.word()), (&value[..], *word));
        }
    }

    #[test]
    fn behaves_as_a_map() {
        for seed in 0..if cfg!(miri) { 2 } else { 30 } {
            let mut random = Random::new(seed);
            let mut members = Members::new(Seed::fixed(seed));
            let mut model = Model::new();
            for step in 0..if cfg!(miri) { 400 } else { 4000 } {
                let key = any_key(&mut random);
                let hash = members.hash(&key);
                let word = (random.below(3) == 0).then(|| random.next());
                let value = any_bytes(&mut random);
                match (members.locate(hash, &key), random.below(4)) {
                    (None, _) => {
                        let spot = members.insert(hash, &key, &value, word);
                        assert_eq!(members.at(spot).key(), key);
                        assert!(model.insert(key, (value, word)).is_none());
                    }
                    (Some(spot), 0) => {
                        members.remove(spot);
                        assert!(model.remove(&key).is_some());
                    }
                    (Some(spot), 1) => {
                        members.set_word(spot, word);
                        assert_eq!(members.at(spot).word(), word);
                        model.get_mut(&key).expect("as in the table").1 = word;
                    }
                    (Some(spot), _) => {
                        let word = members.at(spot).word();
                        assert_eq!(members.update(hash, &key, &value), Some(word));
                        assert_eq!(members.at(spot).value(), value);
                        model.get_mut(&key).expect("as in the table").0 = value;
                    }
                }
                if step % 100 == 0 {
                    let bins = Bins::new();
                    let mut mover = Mover::of_all(&bins);
                    let mut cursor = members.relocate(0, &mut mover);
                    while cursor != 0 {
                        cursor = members.relocate(cursor, &mut mover);
                    }
                    compare(&members, &model);
                }
            }
            let copy = members.clone();
            compare(&copy, &model);
            members.clear();
            compare(&members, &Model::new());
            compare(&copy, &model);
        }
    }

    #[test]
    fn an_element_is_found_by_hash_alone() {
        let mut members = Members::new(Seed::fixed(1));
        let hash = members.hash(b"field");
        members.insert(hash, b"field", b"value", Some(77));
        let spot = members
            .locate_by(hash, |member| member.word() == Some(77))
            .expect("present");
        assert_eq!(members.at(spot).key(), b"field");
        assert_eq!(
            members.locate_by(hash, |member| member.word() == Some(78)),
            None
        );
        assert_eq!(
            members.get(b"field").map(Member::value),
            Some(&b"value"[..])
        );
        assert!(!members.contains(b"Field"));
    }

    /// The memory per element that the large encodings promise, table included.
    #[test]
    fn memory_per_element() {
        let count = if cfg!(miri) { 200 } else { 100_000 };
        let (mut set, mut hash) = (Members::new(Seed::fixed(1)), Members::new(Seed::fixed(2)));
        for number in 0..count {
            let key = format!("member:{number:09}");
            set.insert(set.hash(key.as_bytes()), key.as_bytes(), b"", None);
            hash.insert(hash.hash(key.as_bytes()), key.as_bytes(), &[7; 16], None);
        }
        assert!(
            set.memory() <= count * 37 || cfg!(miri),
            "{}",
            set.memory() / count
        );
        assert!(
            hash.memory() <= count * 53 || cfg!(miri),
            "{}",
            hash.memory() / count
        );
    }

    #[test]
    fn scan_and_random_see_the_elements() {
        let mut members = Members::new(Seed::fixed(1));
        for number in 0..500u32 {
            let key = number.to_le_bytes();
            members.insert(members.hash(&key), &key, b"", None);
        }
        let (mut seen, mut cursor) = (HashSet::new(), 0);
        loop {
            cursor = members.scan(cursor, &mut |member| {
                seen.insert(member.key().to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len(), 500);
        let mut random = Random::new(1);
        while let Some(spot) = members.random(&mut || random.next()) {
            members.remove(spot);
        }
        assert!(members.is_empty());
        members.validate();
    }

    #[test]
    fn members_may_travel_and_be_shared() {
        fn check<T: Send + Sync>() {}
        check::<Members>();
    }
}
