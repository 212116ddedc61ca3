//! The entries of a stream and the numbers kept about them.
//!
//! Entries are only ever added at the end, with growing IDs, and mostly removed from the front. Removing one in the
//! middle leaves a *tombstone*: it is why the numbers that describe a stream (how many were ever added, the largest
//! ID ever deleted) do not always determine how far a consumer group has read; see `group`.

use super::block::{Block, Entry};
use super::blocks::{Blocks, Place};
use super::id::{NewId, StreamId};
use crate::store::mover::Mover;
use crate::types::Malformed;

/// When the last block is full. Zero means without limit, as in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    pub block_bytes_max: usize,
    pub block_entries_max: usize,
}

/// The memory of a stream besides its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Entries that are not deleted.
    pub(crate) len: u64,
    /// The largest ID ever given out; it stays when its entry goes.
    pub(crate) last_id: StreamId,
    /// The ID of the first entry, 0-0 if there is none.
    pub(crate) first_id: StreamId,
    /// The largest ID ever removed by XDEL or XSETID's word. Trimming does not count.
    pub(crate) max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub(crate) entries_added: u64,
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The ID is not larger than the last one.
    IdTooSmall,
    /// More than a listpack takes.
    TooLarge,
}

/// The entries that XTRIM and XADD keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// So many of the newest entries (MAXLEN).
    Newest(u64),
    /// Those with this ID or a larger one (MINID).
    From(StreamId),
}

/// How closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    Exact,
    /// Whole blocks only (`~`), and none that would make the number of removed entries exceed `limit`, if there is
    /// one.
    Blocks {
        limit: Option<u64>,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Log {
    blocks: Blocks,
    counters: Counters,
}

impl Log {
    /// A stream as a file describes it: blocks in order of their keys. `counters.len` must agree with them.
    pub(crate) fn from_blocks(
        blocks: impl IntoIterator<Item = Result<Block, Malformed>>,
        counters: Counters,
    ) -> Result<Self, Malformed> {
        let mut log = Self {
            counters,
            ..Self::default()
        };
        let mut previous_last = None;
        let mut len = 0;
        for block in blocks {
            let block = block?;
            if previous_last.is_some_and(|last| last >= block.first()) {
                return Err(Malformed);
            }
            previous_last = Some(block.last());
            len += block.live() as u64;
            log.blocks.push(block);
        }
        if len == counters.len {
            Ok(log)
        } else {
            Err(Malformed)
        }
    }

    /// Number of entries that are not deleted.
    pub(crate) fn len(&self) -> u64 {
        self.counters.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counters.len == 0
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn last_id(&self) -> StreamId {
        self.counters.last_id
    }

    /// XSETID: takes the client's word.
    pub(crate) fn set_last_id(&mut self, id: StreamId) {
        self.counters.last_id = id;
    }

    pub(crate) fn set_entries_added(&mut self, count: u64) {
        self.counters.entries_added = count;
    }

    pub(crate) fn set_max_deleted_id(&mut self, id: StreamId) {
        self.counters.max_deleted_id = id;
    }

    /// Takes the ID of the first entry from the entries, for files that do not say it.
    pub(crate) fn recount_first_id(&mut self) {
        self.counters.first_id = self.first_entry().map_or(StreamId::MIN, |entry| entry.id);
    }

    pub(crate) fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// How many nodes the radix tree has that real servers keep over their blocks.
    pub(crate) fn radix_nodes(&self) -> usize {
        self.blocks.radix_nodes()
    }

    /// The blocks in order, for saving.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().map(|block| &**block)
    }

    /// The ID that XADD's argument stands for. None when there is no larger one of that kind.
    pub(crate) fn resolve(&self, id: NewId, now_ms: u64) -> Option<StreamId> {
        let last = self.counters.last_id;
        match id {
            NewId::Exact(id) => Some(id),
            NewId::AutoSeq(ms) if ms == last.ms => {
                last.seq.checked_add(1).map(|seq| StreamId { ms, seq })
            }
            NewId::AutoSeq(ms) => Some(StreamId { ms, seq: 0 }),
            NewId::Auto if now_ms > last.ms => Some(StreamId { ms: now_ms, seq: 0 }),
            NewId::Auto => last.next(),
        }
    }

    /// Adds an entry behind the others. `fields` alternates names and values.
    pub fn append<'a>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
        limits: &StreamLimits,
    ) -> Result<(), AppendError> {
        if id <= self.counters.last_id {
            return Err(AppendError::IdTooSmall);
        }
        let bytes: usize = fields.clone().map(<[u8]>::len).sum();
        if bytes > ENTRY_BYTES_MAX {
            return Err(AppendError::TooLarge);
        }
        let last = self
            .blocks
            .last()
            .map(|place| (place, self.blocks.get(place)));
        match last {
            Some((place, block)) if has_room(block, bytes, limits) => {
                self.blocks.get_mut(place).append(id, fields);
            }
            full => {
                if let Some((place, _)) = full {
                    self.blocks.get_mut(place).seal();
                }
                self.blocks.push(Block::new(id, fields));
            }
        }
        let counters = &mut self.counters;
        counters.entries_added = counters.entries_added.wrapping_add(1);
        counters.last_id = id;
        counters.len += 1;
        if counters.len == 1 {
            counters.first_id = id;
        }
        Ok(())
    }

    /// Entries with `start <= ID <= end`, oldest first.
    pub(crate) fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        let place = self.blocks.find(start).or_else(|| self.blocks.first());
        let next = place.and_then(|place| match self.blocks.get(place).reader().seek(start) {
            Some(entry) => Some((place, entry)),
            None => self.first_entry_of(self.blocks.next(place)?),
        });
        Entries {
            log: self,
            next,
            last: end,
        }
    }

    /// Entries with `start <= ID <= end`, newest first.
    pub(crate) fn range_back(&self, start: StreamId, end: StreamId) -> RangeBack<'_> {
        let next = self.blocks.find(end).and_then(|place| {
            let entry = self.blocks.get(place).reader().seek_back(end)?;
            Some((place, entry))
        });
        Entries {
            log: self,
            next,
            last: start,
        }
    }

    /// The oldest entry.
    pub(crate) fn first_entry(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The newest entry.
    pub(crate) fn last_entry(&self) -> Option<Entry<'_>> {
        self.range_back(StreamId::MIN, StreamId::MAX).next()
    }

    /// The entry with this ID, unless it was deleted.
    pub(crate) fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        let block = self.blocks.get(self.blocks.find(id)?);
        let entry = block.reader().seek(id)?;
        (entry.id == id && !entry.is_deleted()).then_some(entry)
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, id: StreamId) -> bool {
        self.entry(id).is_some()
    }

    /// XDEL of one entry. True if it was there.
    pub(crate) fn delete(&mut self, id: StreamId) -> bool {
        let Some(at) = self.entry(id).map(|entry| entry.offset()) else {
            return false;
        };
        let place = self.blocks.find(id).expect("the entry was found in it");
        if self.blocks.get(place).live() == 1 {
            self.blocks.remove(place);
        } else {
            self.blocks.get_mut(place).mark_deleted(at);
        }
        self.counters.len -= 1;
        self.counters.max_deleted_id = self.counters.max_deleted_id.max(id);
        if id == self.counters.first_id {
            self.recount_first_id();
        }
        true
    }

    /// Removes the oldest entries. Returns how many.
    pub(crate) fn trim(&mut self, keep: Keep, precision: Precision) -> u64 {
        let limit = match precision {
            Precision::Exact => None,
            Precision::Blocks { limit } => limit,
        };
        let mut removed = 0;
        while let Some(place) = self.blocks.first() {
            let len = self.counters.len;
            if matches!(keep, Keep::Newest(count) if len <= count) {
                break;
            }
            let block = self.blocks.get(place);
            let live = block.live() as u64;
            if limit.is_some_and(|limit| removed + live > limit) {
                break;
            }
            let whole = match keep {
                Keep::Newest(count) => len - live >= count,
                Keep::From(id) => block.last() < id,
            };
            if whole {
                self.blocks.remove(place);
                self.counters.len -= live;
                removed += live;
                continue;
            }
            if precision == Precision::Exact {
                let mut surplus = match keep {
                    Keep::Newest(count) => len - count,
                    Keep::From(_) => u64::MAX,
                };
                let marked = self.blocks.get_mut(place).mark_deleted_while(|entry| {
                    let wanted = surplus > 0 && !matches!(keep, Keep::From(id) if entry.id >= id);
                    surplus -= u64::from(wanted && !entry.is_deleted());
                    wanted
                }) as u64;
                self.counters.len -= marked;
                removed += marked;
            }
            break;
        }
        if removed > 0 {
            self.recount_first_id();
        }
        removed
    }

    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        self.blocks.relocate(mover, from)
    }

    pub(crate) fn memory(&self) -> usize {
        self.blocks.memory()
    }

    fn first_entry_of(&self, place: Place) -> Option<(Place, Entry<'_>)> {
        Some((place, self.blocks.get(place).reader().first_entry()?))
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        self.blocks.validate();
        for block in self.blocks() {
            assert_eq!(
                Block::parse(block.first(), block.as_bytes()).as_ref(),
                Ok(block)
            );
        }
        let live: usize = self.blocks().map(Block::live).sum();
        assert_eq!(live as u64, self.counters.len);
        let first = self.first_entry().map_or(StreamId::MIN, |entry| entry.id);
        assert_eq!(self.counters.first_id, first);
        assert!(
            self.last_entry()
                .is_none_or(|entry| entry.id <= self.counters.last_id)
        );
    }
}

fn has_room(block: &Block, bytes: usize, limits: &StreamLimits) -> bool {
    let bytes_max = match limits.block_bytes_max {
        0 => ENTRY_BYTES_MAX,
        bytes_max => bytes_max.min(ENTRY_BYTES_MAX),
    };
    if block.byte_len() + bytes >= bytes_max {
        return false;
    }
    limits.block_entries_max == 0 || block.live() + block.deleted() < limits.block_entries_max
}

/// Entries from old to new.
pub(crate) type Range<'a> = Entries<'a, false>;
/// Entries from new to old.
pub(crate) type RangeBack<'a> = Entries<'a, true>;

/// Entries in either direction, up to one with this ID.
pub(crate) struct Entries<'a, const IS_BACK: bool> {
    log: &'a Log,
    /// An entry not yet looked at, deleted or not.
    next: Option<(Place, Entry<'a>)>,
    last: StreamId,
}

impl<'a, const IS_BACK: bool> Entries<'a, IS_BACK> {
    fn beside(&self, place: Place, entry: &Entry<'a>) -> Option<(Place, Entry<'a>)> {
        let blocks = &self.log.blocks;
        if IS_BACK {
            if let Some(previous) = entry.previous() {
                return Some((place, previous));
            }
            let place = blocks.previous(place)?;
            Some((place, blocks.get(place).reader().last_entry()?))
        } else {
            if let Some(next) = entry.next() {
                return Some((place, next));
            }
            self.log.first_entry_of(blocks.next(place)?)
        }
    }
}

impl<'a, const IS_BACK: bool> Iterator for Entries<'a, IS_BACK> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let (place, entry) = self.next.take()?;
            let is_beyond = if IS_BACK {
                entry.id < self.last
            } else {
                entry.id > self.last
            };
            if is_beyond {
                return None;
            }
            self.next = self.beside(place, &entry);
            if !entry.is_deleted() {
                return Some(entry);
            }
        }
    }
}

/// The size that Redis allows a listpack of a stream to reach, whatever the configuration says.
const ENTRY_BYTES_MAX: usize = 1 << 30;
