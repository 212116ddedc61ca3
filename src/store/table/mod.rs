//! A hash table that grows one bucket at a time.
//!
//! This is linear hashing. With `2^level` home buckets an element lives in the bucket named by the
//! low `level` bits of its hash. To grow, the bucket at `split` is divided by one more bit into
//! itself and a new bucket at the end; then `split` moves on, and after the last one `level` goes
//! up. So an insertion costs at most one division of a handful of elements. There is no second
//! table, no rehash phase and no stall, and the memory per element is the same at any size: about
//! 10 bytes.
//!
//! ```text
//!   0 ........ split ........ mask ........ mask + 1 + split
//!   | divided  | still to do  | the new halves |
//!     by mask*2+1  by mask      by mask*2+1
//! ```
//!
//! A home bucket is one cache line of eight (`bucket`). Those still to be divided hold up to twice as much as the
//! others, so chains of overflow buckets, of four, are part of the plan. They are what makes the table small: home
//! buckets are full to the last slot, and the elements that do not fit take half a line.
//!
//! Invariants: only the last bucket of a chain has free slots; an overflow bucket is never empty; the overflow array
//! has no gaps (when a bucket in the middle is given up, the last one moves there). So chains are as short as they can
//! be, and walking both arrays from end to end meets every element once.
//!
//! The table stores addresses and knows nothing of what is there. The table's owner says how to compare (`find`) and
//! how to compute a stored element's hash again, which dividing a bucket needs: hashes are not stored.

mod bucket;
mod segments;
mod stats;
mod walk;

use std::cell::Cell;

use super::address::{Address, prefetch};
use super::spot::{Place, Spot};
use bucket::{Bits, Home, Overflow, SLOTS};
use segments::Segments;

pub(crate) use stats::{Probe, TableShape, TableStats};

pub(super) struct Table {
    homes: Segments<8>,
    overflow: Segments<4>,
    /// `2^level - 1`.
    mask: u32,
    /// The next bucket to divide. Invariants: `split <= mask`; `homes.len() == mask + 1 + split`,
    /// or 0 at the beginning.
    split: u32,
    len: usize,
    /// How many bytes the array of home buckets may take from the allocator at a time.
    room: usize,
}

/// Divide a bucket when there are more elements than home slots, join two below 30 % of that. Far
/// enough apart that a key that comes and goes does not make the table flap. A fuller table would be
/// smaller (at 120 % half a byte an element), but more look-ups would go on to an overflow bucket:
/// one in four instead of one in six.
const GROW_ABOVE_PERCENT: usize = 100;
const SHRINK_BELOW_PERCENT: usize = 30;

const STALE: &str = "nothing there: the spot is stale";

thread_local! {
    static IS_EAGER: Cell<bool> = const { Cell::new(false) };
}

/// For tests, and only with debug assertions: from now on the tables of this thread divide a bucket
/// with every element that comes. They are so empty then that they join two with every one that goes.
pub fn set_eager(is_eager: bool) {
    IS_EAGER.set(is_eager);
}

#[inline]
fn is_eager() -> bool {
    cfg!(debug_assertions) && IS_EAGER.get()
}

impl Table {
    pub(crate) const fn new() -> Self {
        Self {
            homes: Segments::new(),
            overflow: Segments::new(),
            mask: 0,
            split: 0,
            len: 0,
            room: usize::MAX,
        }
    }

    /// Where memory is scarce, a table rather gets slower than larger: it puts up with up to twice the elements while
    /// dividing a bucket would take more than `bytes` from the allocator.
    #[inline]
    pub(crate) fn set_room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn buckets(&self) -> usize {
        self.homes.len() as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.homes.bytes() + self.overflow.bytes()
    }

    /// The bytes of the buckets in use.
    pub(crate) fn bucket_bytes(&self) -> usize {
        self.buckets() * size_of::<Home>() + self.overflow.len() as usize * size_of::<Overflow>()
    }

    /// The element with this hash that `is_it` recognises, and its place. `is_it` is asked about few others: one in
    /// 256.
    #[expect(clippy::inline_always, reason = "most of the work of a short command")]
    #[inline(always)]
    pub(crate) fn find(
        &self,
        hash: u64,
        mut is_it: impl FnMut(Address) -> bool,
    ) -> Option<(Spot, Address)> {
        if self.len == 0 {
            return None;
        }
        let home = self.home(hash);
        let bucket = self.homes.bucket(home);
        for slot in bucket.matches(tag(hash)) {
            let address = bucket.address(slot);
            if is_it(address) {
                return Some((Spot::new(Place::Home(home), slot), address));
            }
        }
        self.find_in_overflow(bucket.child()?, hash, is_it)
    }

    /// The rest of a chain. Out of line: one look-up in six comes here, and the others need the
    /// registers.
    #[inline(never)]
    fn find_in_overflow(
        &self,
        mut index: u32,
        hash: u64,
        mut is_it: impl FnMut(Address) -> bool,
    ) -> Option<(Spot, Address)> {
        loop {
            let bucket = self.overflow.bucket(index);
            for slot in bucket.matches(tag(hash)) {
                let address = bucket.address(slot);
                if is_it(address) {
                    return Some((Spot::new(Place::Overflow(index), slot), address));
                }
            }
            index = bucket.child()?;
        }
    }

    /// Panics if nothing is there: the spot is stale.
    #[inline]
    pub(crate) fn address(&self, spot: Spot) -> Address {
        let slot = spot.slot();
        match spot.place() {
            Place::Home(index) => {
                let bucket = self.homes.bucket(index);
                assert!(bucket.is_used(slot), "{STALE}");
                bucket.address(slot)
            }
            Place::Overflow(index) => {
                let bucket = self.overflow.bucket(index);
                assert!(bucket.is_used(slot), "{STALE}");
                bucket.address(slot)
            }
        }
    }

    /// The element at `spot` has moved in memory.
    pub(crate) fn set_address(&mut self, spot: Spot, address: Address) {
        let slot = spot.slot();
        match spot.place() {
            Place::Home(index) => {
                let bucket = self.homes.bucket_mut(index);
                assert!(bucket.is_used(slot), "{STALE}");
                bucket.set_address(slot, address);
            }
            Place::Overflow(index) => {
                let bucket = self.overflow.bucket_mut(index);
                assert!(bucket.is_used(slot), "{STALE}");
                bucket.set_address(slot, address);
            }
        }
    }

    pub(crate) fn insert(
        &mut self,
        hash: u64,
        address: Address,
        rehash: impl Fn(Address) -> u64,
    ) -> Spot {
        if self.homes.len() == 0 {
            self.homes.push(Home::EMPTY);
        } else if is_eager() || self.is_full() {
            // Before the insertion, so that the spot returned is still right afterwards.
            self.divide_one(&rehash);
        }
        self.len += 1;
        self.append(self.home(hash), tag(hash), address)
    }

    /// Whether one more element shall have one more bucket.
    #[inline]
    fn is_full(&self) -> bool {
        (self.len + 1) * 100 > self.buckets() * SLOTS * GROW_ABOVE_PERCENT
            && (self.homes.growth_bytes() <= self.room || self.len > self.buckets() * SLOTS * 2)
    }

    /// Make room for so many elements, so that none of them has to be moved later. Only an empty
    /// table can do that; any other stays as it is.
    pub(crate) fn reserve(&mut self, count: usize) {
        let wanted = (count * 100).div_ceil(SLOTS * GROW_ABOVE_PERCENT);
        let Some(wanted) = u32::try_from(wanted)
            .ok()
            .filter(|wanted| *wanted < 1 << 31)
        else {
            return;
        };
        if self.len != 0 || wanted <= self.homes.len() {
            return;
        }
        while self.homes.len() < wanted {
            self.homes.push(Home::EMPTY);
        }
        self.mask = (1 << wanted.ilog2()) - 1;
        self.split = wanted - (self.mask + 1);
    }

    pub(crate) fn remove(&mut self, spot: Spot, rehash: impl Fn(Address) -> u64) -> Address {
        let (place, slot) = (spot.place(), spot.slot());
        let (address, is_in_chain) = match place {
            Place::Home(index) => {
                let bucket = self.homes.bucket_mut(index);
                assert!(bucket.is_used(slot), "{STALE}");
                (bucket.take(slot).1, bucket.child().is_some())
            }
            Place::Overflow(index) => {
                let bucket = self.overflow.bucket_mut(index);
                assert!(bucket.is_used(slot), "{STALE}");
                (bucket.take(slot).1, true)
            }
        };
        self.len -= 1;
        if is_in_chain {
            self.close_gap(self.home(rehash(address)), &rehash);
        }
        if self.homes.len() > 1 && self.len * 100 < self.buckets() * SLOTS * SHRINK_BELOW_PERCENT {
            self.join_one(&rehash);
        }
        address
    }

    /// A table of the same shape with the same addresses, for the owner to replace one by one with
    /// those of copies.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            homes: self.homes.duplicate(),
            overflow: self.overflow.duplicate(),
            ..*self
        }
    }

    /// At least `count` elements from whole chains drawn at random (all of them, if there are no
    /// more). For choosing a victim: neighbours in a chain have nothing in common but their hash.
    /// An element may come twice.
    pub(crate) fn sample(
        &self,
        draw: &mut impl FnMut() -> u64,
        count: usize,
        mut visit: impl FnMut(Spot, Address),
    ) {
        if self.len <= count {
            self.iter().for_each(|(spot, address)| visit(spot, address));
            return;
        }
        let mut seen = 0;
        while seen < count {
            self.walk_chain(below(draw, self.buckets()) as u32, &mut |spot, address| {
                seen += 1;
                visit(spot, address);
            });
        }
    }

    #[inline]
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        if self.len != 0 {
            prefetch(self.homes.location(self.home(hash)));
        }
    }

    /// Prefetch what a look-up would compare with, once the bucket is here; or the next bucket of
    /// the chain, and return true: what is in it can be prefetched once it has come.
    #[inline]
    pub(crate) fn prefetch_element(&self, hash: u64) -> bool {
        if self.len == 0 {
            return false;
        }
        let bucket = self.homes.bucket(self.home(hash));
        let mut matches = bucket.matches(tag(hash)).peekable();
        if let (None, Some(child)) = (matches.peek(), bucket.child()) {
            prefetch(self.overflow.location(child));
            return true;
        }
        matches.for_each(|slot| bucket.address(slot).prefetch());
        false
    }

    /// As `prefetch_element`, one bucket further.
    pub(crate) fn prefetch_overflow(&self, hash: u64) {
        if self.len != 0
            && let Some(child) = self.homes.bucket(self.home(hash)).child()
        {
            let bucket = self.overflow.bucket(child);
            let matches = bucket.matches(tag(hash));
            matches.for_each(|slot| bucket.address(slot).prefetch());
        }
    }

    /// The home bucket of a hash.
    #[inline]
    fn home(&self, hash: u64) -> u32 {
        let index = hash as u32 & self.mask;
        if index < self.split {
            hash as u32 & self.wide_mask()
        } else {
            index
        }
    }

    /// The mask by which the home bucket `index` is told from others.
    #[inline]
    fn mask_of(&self, index: u32) -> u32 {
        if index & self.mask < self.split {
            self.wide_mask()
        } else {
            self.mask
        }
    }

    #[inline]
    fn wide_mask(&self) -> u32 {
        self.mask << 1 | 1
    }

    #[inline]
    fn cells(&self, place: Place) -> Cells<'_> {
        match place {
            Place::Home(index) => Cells::Home(self.homes.bucket(index)),
            Place::Overflow(index) => Cells::Overflow(self.overflow.bucket(index)),
        }
    }

    #[inline]
    fn put(&mut self, place: Place, tag: u8, address: Address) -> Spot {
        let slot = match place {
            Place::Home(index) => self.homes.bucket_mut(index).put(tag, address),
            Place::Overflow(index) => self.overflow.bucket_mut(index).put(tag, address),
        };
        Spot::new(place, slot)
    }

    fn take(&mut self, place: Place, slot: usize) -> (u8, Address) {
        match place {
            Place::Home(index) => self.homes.bucket_mut(index).take(slot),
            Place::Overflow(index) => self.overflow.bucket_mut(index).take(slot),
        }
    }

    fn set_child(&mut self, place: Place, child: Option<u32>) {
        match place {
            Place::Home(index) => self.homes.bucket_mut(index).set_child(child),
            Place::Overflow(index) => self.overflow.bucket_mut(index).set_child(child),
        }
    }

    /// The last bucket of a chain, and the one before it.
    fn tail(&self, home: u32) -> (Option<Place>, Place) {
        let (mut before, mut last) = (None, Place::Home(home));
        while let Some(child) = self.cells(last).child() {
            before = Some(last);
            last = Place::Overflow(child);
        }
        (before, last)
    }

    /// Into the chain's last bucket, or a new one after it.
    #[inline]
    fn append(&mut self, home: u32, tag: u8, address: Address) -> Spot {
        let mut last = Place::Home(home);
        while self.cells(last).is_full() {
            let child = self.cells(last).child().unwrap_or_else(|| {
                let child = self.overflow.push(Overflow::EMPTY);
                self.set_child(last, Some(child));
                child
            });
            last = Place::Overflow(child);
        }
        self.put(last, tag, address)
    }

    /// After a removal from a chain: fill the gap from the chain's end, and give up the last bucket
    /// if that emptied it.
    fn close_gap(&mut self, home: u32, rehash: &impl Fn(Address) -> u64) {
        let (before, last) = self.tail(home);
        let mut place = Place::Home(home);
        while place != last {
            if !self.cells(place).is_full() {
                let slot = self
                    .cells(last)
                    .used()
                    .last()
                    .expect("an overflow bucket is never empty");
                let (tag, address) = self.take(last, slot);
                self.put(place, tag, address);
                break;
            }
            place = Place::Overflow(self.cells(place).child().expect("it is not the last one"));
        }
        if let (Some(before), Place::Overflow(index)) = (before, last)
            && self.cells(last).count() == 0
        {
            self.set_child(before, None);
            self.release_overflow(index, rehash);
        }
    }

    /// Give up an overflow bucket that nothing leads to any more. The last one of the array takes
    /// its place.
    fn release_overflow(&mut self, index: u32, rehash: &impl Fn(Address) -> u64) {
        let moved_from = self.overflow.len() - 1;
        let moved = self.overflow.pop();
        if index == moved_from {
            return;
        }
        *self.overflow.bucket_mut(index) = moved;
        // Who leads to the moved bucket? Any of its elements knows where the chain begins.
        let slot = moved
            .used()
            .next()
            .expect("an overflow bucket is never empty");
        let mut place = Place::Home(self.home(rehash(moved.address(slot))));
        loop {
            let child = self
                .cells(place)
                .child()
                .expect("the moved bucket is in this chain");
            if child == moved_from {
                self.set_child(place, Some(index));
                return;
            }
            place = Place::Overflow(child);
        }
    }

    fn divide_one(&mut self, rehash: &impl Fn(Address) -> u64) {
        let pile = self.unload(self.split, rehash);
        self.homes.push(Home::EMPTY);
        self.split += 1;
        if self.split > self.mask {
            self.mask = self.wide_mask();
            self.split = 0;
        }
        pile.for_each(|_, address| {
            let hash = rehash(address);
            self.append(self.home(hash), tag(hash), address);
        });
        self.expect_division();
    }

    /// The bucket that is divided next is known, and there are some insertions until then: time enough to bring its
    /// elements, whose hashes are then computed again, and what its chain goes on with. Sent for in two steps, because
    /// they stand in the bucket.
    #[inline]
    fn expect_division(&self) {
        let next = self.split + 1;
        if next < self.homes.len() {
            prefetch(self.homes.location(next));
        }
        let bucket = self.homes.bucket(self.split);
        for slot in bucket.used() {
            prefetch(bucket.address(slot).bits() as usize);
        }
        if let Some(child) = bucket.child() {
            prefetch(self.overflow.location(child));
        }
    }

    fn join_one(&mut self, rehash: &impl Fn(Address) -> u64) {
        let pile = self.unload(self.homes.len() - 1, rehash);
        self.homes.pop();
        if self.split == 0 {
            self.mask >>= 1;
            self.split = self.mask + 1;
        }
        self.split -= 1;
        let home = self.split;
        pile.for_each(|tag, address| {
            self.append(home, tag, address);
        });
    }

    /// Empty a chain: its elements go to a pile, its overflow buckets back to the array.
    fn unload(&mut self, home: u32, rehash: &impl Fn(Address) -> u64) -> Pile {
        let mut pile = Pile::new();
        let mut place = Place::Home(home);
        loop {
            let bucket = self.cells(place);
            for slot in bucket.used() {
                // All are about to be hashed again: let the misses overlap.
                bucket.address(slot).prefetch();
                pile.add(bucket.tag(slot), bucket.address(slot));
            }
            let Some(child) = bucket.child() else { break };
            place = Place::Overflow(child);
        }
        // From the end, and each time from the beginning again, because releasing a bucket may move
        // another of this very chain. Until the last has gone the elements stay where they are, for
        // `release_overflow` to read.
        while let (Some(before), Place::Overflow(index)) = self.tail(home) {
            self.set_child(before, None);
            self.release_overflow(index, rehash);
        }
        *self.homes.bucket_mut(home) = Home::EMPTY;
        pile
    }
}

/// A bucket of either size, to look at.
#[derive(Clone, Copy)]
enum Cells<'t> {
    Home(&'t Home),
    Overflow(&'t Overflow),
}

impl Cells<'_> {
    #[inline]
    fn used(self) -> Bits {
        match self {
            Cells::Home(bucket) => bucket.used(),
            Cells::Overflow(bucket) => bucket.used(),
        }
    }

    fn count(self) -> usize {
        match self {
            Cells::Home(bucket) => bucket.count(),
            Cells::Overflow(bucket) => bucket.count(),
        }
    }

    #[inline]
    fn is_full(self) -> bool {
        match self {
            Cells::Home(bucket) => bucket.is_full(),
            Cells::Overflow(bucket) => bucket.is_full(),
        }
    }

    #[inline]
    fn address(self, slot: usize) -> Address {
        match self {
            Cells::Home(bucket) => bucket.address(slot),
            Cells::Overflow(bucket) => bucket.address(slot),
        }
    }

    fn tag(self, slot: usize) -> u8 {
        match self {
            Cells::Home(bucket) => bucket.tag(slot),
            Cells::Overflow(bucket) => bucket.tag(slot),
        }
    }

    #[inline]
    fn child(self) -> Option<u32> {
        match self {
            Cells::Home(bucket) => bucket.child(),
            Cells::Overflow(bucket) => bucket.child(),
        }
    }
}

/// The elements of one chain on their way to other buckets. Usual chains fit without an allocation.
struct Pile {
    /// Tag above address, 8 and 48 bits.
    few: [u64; 40],
    few_len: usize,
    rest: Vec<u64>,
}

impl Pile {
    fn new() -> Self {
        Self {
            few: [0; 40],
            few_len: 0,
            rest: Vec::new(),
        }
    }

    fn add(&mut self, tag: u8, address: Address) {
        let packed = u64::from(tag) << 48 | address.bits();
        if let Some(free) = self.few.get_mut(self.few_len) {
            *free = packed;
            self.few_len += 1;
        } else {
            self.rest.push(packed);
        }
    }

    fn for_each(&self, mut act: impl FnMut(u8, Address)) {
        for &packed in self.few[..self.few_len].iter().chain(&self.rest) {
            act(
                (packed >> 48) as u8,
                Address::from_bits(packed & ((1 << 48) - 1)),
            );
        }
    }
}

/// The top byte, because buckets are chosen by the low bits.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash >> 56) as u8
}

/// A number below `end`, without a division.
pub(super) fn below(draw: &mut impl FnMut() -> u64, end: usize) -> usize {
    ((u128::from(draw()) * end as u128) >> 64) as usize
}

#[cfg(test)]
impl Table {
    /// All that the essay promises.
    pub(crate) fn validate(&self, rehash: impl Fn(Address) -> u64) {
        if self.homes.len() == 0 {
            assert_eq!((self.len, self.overflow.len()), (0, 0));
            return;
        }
        assert!((self.mask + 1).is_power_of_two() && self.split <= self.mask);
        assert_eq!(self.homes.len(), self.mask + 1 + self.split);
        let mut len = 0;
        let mut is_linked = vec![false; self.overflow.len() as usize];
        for home in 0..self.homes.len() {
            let mut place = Place::Home(home);
            loop {
                let bucket = self.cells(place);
                for slot in bucket.used() {
                    let hash = rehash(bucket.address(slot));
                    assert_eq!(
                        (self.home(hash), tag(hash)),
                        (home, bucket.tag(slot)),
                        "an element is misplaced"
                    );
                    len += 1;
                }
                if let Place::Overflow(index) = place {
                    assert!(
                        !std::mem::replace(&mut is_linked[index as usize], true),
                        "two ways lead to a bucket"
                    );
                    assert!(bucket.count() > 0, "an overflow bucket is empty");
                }
                let Some(child) = bucket.child() else { break };
                assert!(bucket.is_full(), "a bucket before the last has room");
                place = Place::Overflow(child);
            }
        }
        assert!(is_linked.iter().all(|&linked| linked), "a bucket is lost");
        assert_eq!(len, self.len);
    }
}

#[cfg(test)]
mod tests;
