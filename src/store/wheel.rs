//! Deadlines of entries, in the order in which they come.
//!
//! The wheel is an index, never the truth: the deadline lives in the entry, and a record here only
//! says "look at this entry about now". A look-up compares the entry's deadline itself, so that
//! lateness is harmless and the work can be cut into slices of any size.
//!
//! Eight levels of 256 slots, one level per byte of a time in milliseconds. `reached` is the time
//! up to which all work is done. A later time belongs to the level of the highest byte in which it
//! differs from `reached`, and there to the slot named by that byte:
//!
//! ```text
//!   reached   00 00 01 8b cf e5 68 17
//!   deadline  00 00 01 8b cf e6 02 99     differs first here, in byte 2: level 2, slot e6
//!                            ^^
//! ```
//!
//! To advance, go to the next occupied slot of the lowest level that has one, which is a look at
//! four words of a bitmap. A slot of level 0 is due. One of a higher level is *drained*: its
//! records now differ from `reached` in a lower byte and are filed again. Empty time costs nothing,
//! however long. (Levels 5 to 7 are hardly ever used, and take no memory then.)
//!
//! Two slots stand outside the levels. `READY` takes records that are due already when they are filed. `PARKED` takes
//! records that cannot be settled now and are looked at once a second: those of entries that were reported and left
//! alone, and, when the clock was set back, those whose time `reached` has passed though the clock has not. `reached`
//! itself never goes back while there are records.
//!
//! Invariants: a record is in exactly one slot, and its entry knows at which index, so that
//! cancelling is a swap with the slot's last record; a record of a level is in a slot strictly above
//! that byte of `reached`, but for the slot being drained. It follows that the entry need not know
//! the slot: it is the one in which its time would be filed now, or the one being drained, or one
//! of the two outside, and whichever of them has the entry's address at the entry's index is it. An
//! entry is 8 bytes smaller for that. Not known here: what a deadline means, or what becomes of an
//! entry that is due.

#![allow(unsafe_code)]

mod shape;

use super::address::Address;
use super::entry::raw::Raw;
use super::table::below;

pub(crate) use shape::WheelShape;

#[derive(Default)]
pub(super) struct Wheel {
    reached: u64,
    levels: [Option<Box<Level>>; LEVELS],
    ready: Slot,
    parked: Slot,
    /// The slot of a level that `reached` has arrived at and that may still hold records.
    draining: Option<(usize, usize)>,
    /// Parked records below this index are still to be looked at this second.
    recheck: u32,
    /// The second of the clock in which the parked records were last looked at.
    rechecked_second: i64,
    records: usize,
}

const LEVELS: usize = 8;
const READY: u16 = 8 * 256;
const PARKED: u16 = READY + 1;

struct Level {
    occupied: [u64; 4],
    records: usize,
    slots: [Slot; 256],
}

/// Records without an order: addresses in blocks of 3 KB, so that a slot with millions of records
/// never has to be copied to grow.
#[derive(Default)]
struct Slot {
    /// All blocks but the last are full, and the last is not empty.
    blocks: Vec<Vec<[u8; 6]>>,
    len: u32,
}

const BLOCK: usize = 512;

/// Where a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Filing {
    slot: u16,
    index: u32,
}

impl Wheel {
    /// For a fresh wheel that takes over from another.
    pub(crate) fn at_time_of(other: &Self) -> Self {
        Self {
            reached: other.reached,
            ..Self::default()
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let levels: usize = self
            .levels
            .iter()
            .flatten()
            .map(|level| size_of::<Level>() + level.bytes())
            .sum();
        levels + self.ready.bytes() + self.parked.bytes()
    }

    /// File an entry that has a deadline.
    pub(crate) fn add(&mut self, entry: Raw) {
        self.records += 1;
        self.file(entry);
    }

    /// Forget an entry.
    pub(crate) fn cancel(&mut self, entry: Raw) {
        let filing = self.filing(entry, entry.address());
        self.remove(filing);
        self.records -= 1;
    }

    /// The entry is now elsewhere in memory than at `old`; `entry` is the new one, which has the old
    /// one's times and index.
    pub(crate) fn relocate(&mut self, entry: Raw, old: Address) {
        let Filing { slot, index } = self.filing(entry, old);
        self.slot_mut(slot).set(index, entry.address());
    }

    /// The next entry that is due at `now`, if the budget lasts. Each record looked at and each
    /// step takes one from it.
    ///
    /// An entry that was returned stays filed until it is cancelled; left alone it comes again a
    /// second later.
    pub(crate) fn next_due(&mut self, now: i64, budget: &mut usize) -> Option<Raw> {
        if self.records == 0 {
            // Nothing is filed relative to the old time: the only moment at which it may also go
            // back.
            self.reached = moment(now);
            self.draining = None;
            return None;
        }
        if now.div_euclid(1000) != self.rechecked_second {
            self.rechecked_second = now.div_euclid(1000);
            self.recheck = self.parked.len();
        }
        while *budget > 0 {
            *budget -= 1;
            self.recheck = self.recheck.min(self.parked.len());
            if self.recheck > 0 {
                self.recheck -= 1;
                if let Some(due) = self.look_at_parked(self.recheck, now) {
                    return Some(due);
                }
            } else if let Some(filing) = self.next_to_settle() {
                let entry = self.take(filing);
                if entry.times().earliest() <= now {
                    self.put(PARKED, entry);
                    return Some(entry);
                }
                self.file_or_park(entry);
            } else if !self.step(moment(now)) {
                return None;
            }
        }
        None
    }

    /// Before this time `next_due` has nothing to do. In the past if it has something to do now.
    #[inline]
    pub(crate) fn hint(&self) -> Option<i64> {
        if self.records == 0 {
            return None;
        }
        self.hint_of_records()
    }

    fn hint_of_records(&self) -> Option<i64> {
        if self.recheck > 0 || self.next_to_settle().is_some() {
            return Some(i64::MIN);
        }
        let parked =
            (self.parked.len() > 0).then(|| (self.rechecked_second + 1).saturating_mul(1000));
        let next = self
            .next_slot()
            .map(|(_, _, time)| i64::try_from(time).unwrap_or(i64::MAX));
        parked.into_iter().chain(next).min()
    }

    /// Any record with equal probability. Passes over the occupied slots of a level, which are
    /// dozens in practice and 256 at most.
    pub(crate) fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<Raw> {
        if self.records == 0 {
            return None;
        }
        let mut number = below(draw, self.records);
        let address = 'found: {
            for slot in [&self.ready, &self.parked] {
                match number.checked_sub(slot.len() as usize) {
                    None => break 'found slot.get(number as u32),
                    Some(rest) => number = rest,
                }
            }
            for level in self.levels.iter().flatten() {
                match number.checked_sub(level.records) {
                    None => break 'found level.nth(number),
                    Some(rest) => number = rest,
                }
            }
            unreachable!("the sum of all slots is the number of records")
        };
        // SAFETY: as in `remove`.
        Some(unsafe { Raw::assume(address) })
    }

    fn look_at_parked(&mut self, index: u32, now: i64) -> Option<Raw> {
        let entry = self.entry(Filing {
            slot: PARKED,
            index,
        });
        let time = entry.times().earliest();
        if time <= now {
            return Some(entry);
        }
        if moment(time) > self.reached {
            self.take(Filing {
                slot: PARKED,
                index,
            });
            self.file(entry);
        }
        None
    }

    /// The record to take next from the slots that are due, from the end so that nothing has to be
    /// swapped.
    fn next_to_settle(&self) -> Option<Filing> {
        let (code, slot) = if self.ready.len() > 0 {
            (READY, &self.ready)
        } else {
            let (level, byte) = self.draining?;
            (code(level, byte), &self.levels[level].as_ref()?.slots[byte])
        };
        let index = slot.len().checked_sub(1)?;
        if let Some(ahead) = index.checked_sub(8) {
            slot.get(ahead).prefetch();
        }
        Some(Filing { slot: code, index })
    }

    /// Go to the next occupied slot if its time has come. False if nothing comes until `now`.
    fn step(&mut self, now: u64) -> bool {
        self.draining = None;
        match self.next_slot() {
            Some((level, byte, time)) if time <= now => {
                self.reached = time;
                self.draining = Some((level, byte));
                true
            }
            _ => {
                self.reached = self.reached.max(now);
                false
            }
        }
    }

    /// The occupied slot that comes next, and when it begins. The lowest level that has one is the one: a record filed
    /// higher differs from `reached` in a higher byte.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        self.levels.iter().enumerate().find_map(|(number, level)| {
            let shift = 8 * number as u32;
            let byte = level
                .as_ref()?
                .next_occupied((self.reached >> shift & 255) as usize + 1)?;
            let above = self.reached.checked_shr(shift + 8).unwrap_or(0);
            let time = above.checked_shl(shift + 8).unwrap_or(0) | (byte as u64) << shift;
            Some((number, byte, time))
        })
    }

    fn file(&mut self, entry: Raw) {
        self.put(self.slot_for(entry), entry);
    }

    /// Where an entry of this time is filed now.
    fn slot_for(&self, entry: Raw) -> u16 {
        let time = moment(entry.times().earliest());
        if time <= self.reached {
            READY
        } else {
            let level = ((time ^ self.reached).ilog2() / 8) as usize;
            code(level, (time >> (8 * level) & 255) as usize)
        }
    }

    /// Where an entry is filed that the records have at this address.
    fn filing(&self, entry: Raw, address: Address) -> Filing {
        let index = entry.index();
        let draining = self
            .draining
            .map_or(PARKED, |(level, byte)| code(level, byte));
        let slot = [self.slot_for(entry), PARKED, draining, READY]
            .into_iter()
            .find(|slot| self.slot(*slot).and_then(|slot| slot.find(index)) == Some(address))
            .expect("an entry with a deadline is in one of these");
        Filing { slot, index }
    }

    /// A record that turned out not to be due. READY would give it out again at once.
    fn file_or_park(&mut self, entry: Raw) {
        if moment(entry.times().earliest()) <= self.reached {
            self.put(PARKED, entry);
        } else {
            self.file(entry);
        }
    }

    fn put(&mut self, slot: u16, entry: Raw) {
        let index = match position(slot) {
            Some((level, byte)) => self.level_mut(level).push(byte, entry.address()),
            None => self.slot_mut(slot).push(entry.address()),
        };
        entry.set_index(index);
    }

    fn take(&mut self, filing: Filing) -> Raw {
        let entry = self.entry(filing);
        self.remove(filing);
        entry
    }

    /// Take a record out of its slot; the slot's last one moves into the gap, and its entry is
    /// told.
    fn remove(&mut self, filing: Filing) {
        let moved = match position(filing.slot) {
            Some((level, byte)) => self.level_mut(level).swap_remove(byte, filing.index),
            None => self.slot_mut(filing.slot).swap_remove(filing.index),
        };
        if let Some(moved) = moved {
            // SAFETY: addresses in the wheel are those of living entries: an entry is cancelled before it is freed.
            unsafe { Raw::assume(moved) }.set_index(filing.index);
        }
    }

    fn entry(&mut self, filing: Filing) -> Raw {
        let address = self.slot_mut(filing.slot).get(filing.index);
        // SAFETY: as in `remove`.
        unsafe { Raw::assume(address) }
    }

    fn slot(&self, slot: u16) -> Option<&Slot> {
        match position(slot) {
            Some((level, byte)) => self.levels[level].as_ref().map(|level| &level.slots[byte]),
            None if slot == READY => Some(&self.ready),
            None => Some(&self.parked),
        }
    }

    fn slot_mut(&mut self, slot: u16) -> &mut Slot {
        match position(slot) {
            Some((level, byte)) => &mut self.level_mut(level).slots[byte],
            None if slot == READY => &mut self.ready,
            None => &mut self.parked,
        }
    }

    fn level_mut(&mut self, level: usize) -> &mut Level {
        self.levels[level].get_or_insert_with(Level::new)
    }
}

impl Level {
    fn new() -> Box<Self> {
        Box::new(Self {
            occupied: [0; 4],
            records: 0,
            slots: [const {
                Slot {
                    blocks: Vec::new(),
                    len: 0,
                }
            }; 256],
        })
    }

    fn push(&mut self, byte: usize, address: Address) -> u32 {
        self.records += 1;
        self.occupied[byte / 64] |= 1 << (byte % 64);
        self.slots[byte].push(address)
    }

    fn swap_remove(&mut self, byte: usize, index: u32) -> Option<Address> {
        let moved = self.slots[byte].swap_remove(index);
        self.records -= 1;
        if self.slots[byte].len() == 0 {
            self.occupied[byte / 64] &= !(1 << (byte % 64));
        }
        moved
    }

    /// The record with this number, which must be below `records`, counted slot by slot.
    fn nth(&self, mut number: usize) -> Address {
        let mut byte = 0;
        loop {
            byte = self
                .next_occupied(byte)
                .expect("the number is below the count");
            let slot = &self.slots[byte];
            match number.checked_sub(slot.len() as usize) {
                None => return slot.get(number as u32),
                Some(rest) => number = rest,
            }
            byte += 1;
        }
    }

    /// The first occupied slot from `start` on.
    fn next_occupied(&self, start: usize) -> Option<usize> {
        let mut word = start / 64;
        let mut bits = self.occupied.get(word)? & (u64::MAX << (start % 64));
        while bits == 0 {
            word += 1;
            bits = *self.occupied.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    fn bytes(&self) -> usize {
        self.slots.iter().map(Slot::bytes).sum()
    }
}

impl Slot {
    fn len(&self) -> u32 {
        self.len
    }

    fn find(&self, index: u32) -> Option<Address> {
        (index < self.len).then(|| self.get(index))
    }

    fn get(&self, index: u32) -> Address {
        Address::from_bytes(self.blocks[index as usize / BLOCK][index as usize % BLOCK])
    }

    fn set(&mut self, index: u32, address: Address) {
        self.blocks[index as usize / BLOCK][index as usize % BLOCK] = address.to_bytes();
    }

    fn push(&mut self, address: Address) -> u32 {
        let index = self.len;
        self.len = index
            .checked_add(1)
            .expect("a slot has fewer than 2^32 records");
        match self.blocks.last_mut() {
            Some(last) if last.len() < BLOCK => last.push(address.to_bytes()),
            Some(_) => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(address.to_bytes());
                self.blocks.push(block);
            }
            // The first block grows as it fills: most slots hold a few records only.
            None => self.blocks.push(vec![address.to_bytes()]),
        }
        index
    }

    /// Returns the record that is now at `index`, if one had to move there.
    fn swap_remove(&mut self, index: u32) -> Option<Address> {
        let last_block = self.blocks.last_mut()?;
        let last = last_block.pop()?;
        if last_block.is_empty() {
            self.blocks.pop();
        }
        self.len -= 1;
        if index == self.len {
            return None;
        }
        let last = Address::from_bytes(last);
        self.set(index, last);
        Some(last)
    }

    fn bytes(&self) -> usize {
        let records: usize = self.blocks.iter().map(|block| block.capacity() * 6).sum();
        records + self.blocks.capacity() * size_of::<Vec<[u8; 6]>>()
    }
}

/// The wheel's time: a moment before 1970 is long due.
fn moment(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

fn code(level: usize, byte: usize) -> u16 {
    (level * 256 + byte) as u16
}

/// The inverse of `code`; `None` for the two slots outside the levels.
fn position(slot: u16) -> Option<(usize, usize)> {
    (slot < READY).then_some((usize::from(slot) / 256, usize::from(slot) % 256))
}

#[cfg(test)]
impl Wheel {
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// Calls `check` with each record; checks order and bitmaps itself.
    pub(crate) fn validate(&self, mut check: impl FnMut(Raw)) {
        let mut seen = 0;
        let mut check_slot = |number: u16, slot: &Slot| {
            for index in 0..slot.len() {
                // SAFETY: as in `remove`.
                let entry = unsafe { Raw::assume(slot.get(index)) };
                assert_eq!(
                    self.filing(entry, entry.address()),
                    Filing {
                        slot: number,
                        index
                    }
                );
                let time = moment(entry.times().earliest());
                if let Some((level, byte)) = position(number)
                    && self.draining != Some((level, byte))
                {
                    assert!(time > self.reached);
                    assert_eq!(((time ^ self.reached).ilog2() / 8) as usize, level);
                    assert_eq!((time >> (8 * level) & 255) as usize, byte);
                }
                seen += 1;
                check(entry);
            }
        };
        check_slot(READY, &self.ready);
        check_slot(PARKED, &self.parked);
        for (number, level) in self.levels.iter().enumerate() {
            let Some(level) = level else { continue };
            let records: u32 = level.slots.iter().map(Slot::len).sum();
            assert_eq!(level.records, records as usize);
            for (byte, slot) in level.slots.iter().enumerate() {
                assert_eq!(
                    level.occupied[byte / 64] >> (byte % 64) & 1 == 1,
                    slot.len() > 0
                );
                check_slot(code(number, byte), slot);
            }
        }
        assert_eq!(seen, self.records);
    }
}
