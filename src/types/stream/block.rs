//! A block: up to a hundred entries of a stream in one listpack, exactly as Redis keeps and saves them.
//!
//! ```text
//! master: live count | deleted count | field count n | field 1 .. field n | 0
//! entry:  flags | ms - first.ms | seq - first.seq | values 1..n                             | elements before this
//! entry:  flags | ms - first.ms | seq - first.seq | field count m | field, value .. (m of)  | elements before this
//! ```
//!
//! `first` is the ID of the entry the block was made for; it is the block's key and is not in the bytes. That
//! entry's field names stand in the master entry, and every entry with the same names in the same order stores
//! values only (flag SAME_FIELDS). A removed entry stays where it is and gets the flag DELETED: moving what follows
//! would cost more than the bytes are worth in data that is trimmed from the front anyway. The last element of an
//! entry counts the others, so that one can walk backwards.
//!
//! Differences wrap: within a later millisecond the sequence may be smaller than the block's.

use super::id::StreamId;
use crate::store::mover::Mover;
use crate::types::Malformed;
use crate::types::listpack::{
    Appender, END, Item, Iter, Listpack, Pos, entry, room_for_int, room_for_text,
};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    first: StreamId,
    pack: Listpack,
    // A copy of the master entry's fields, so that the common questions need not read it. The counts change with it.
    live: u32,
    deleted: u32,
    field_count: u32,
}

/// A block being read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    first: StreamId,
    field_count: usize,
    /// Where the first name of the master entry stands.
    names_at: usize,
}

/// An entry of a stream, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) id: StreamId,
    block: Reader<'a>,
    flags: i64,
    at: usize,
    /// Where the first value stands, or the first name if names and values alternate.
    values_at: usize,
    field_count: usize,
}

/// Pairs of field and value.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    /// Where the next name stands, unless names and values alternate.
    shared_name_at: Option<usize>,
    value_at: usize,
    left: usize,
}

impl Block {
    /// A block for its first entry. `fields` alternates names and values.
    pub(crate) fn new<'a>(
        first: StreamId,
        fields: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) -> Self {
        let field_count = fields.len() / 2;
        let elements = field_count as i64 + 3;
        let texts: usize = fields.clone().map(room_for_text).sum();
        let mut pack = Listpack::new();
        let mut appender = Appender::new(&mut pack, texts + 14 + 2 * room_for_int(elements));
        for number in [1, 0, field_count as i64] {
            appender.push_int(number);
        }
        for name in fields.clone().step_by(2) {
            appender.push(Item::Bytes(name));
        }
        for number in [0, SAME_FIELDS, 0, 0] {
            appender.push_int(number);
        }
        for value in fields.skip(1).step_by(2) {
            appender.push(Item::Bytes(value));
        }
        appender.push_int(elements);
        appender.finish();
        Self {
            first,
            pack,
            live: 1,
            deleted: 0,
            field_count: field_count as u32,
        }
    }

    /// Takes a block from an RDB file after checking that its entries are what this module would have written:
    /// counts that add up, numbers where numbers belong, ascending IDs.
    pub(crate) fn parse(first: StreamId, blob: &[u8]) -> Result<Self, Malformed> {
        let mut block = Self {
            first,
            pack: Listpack::parse(blob)?,
            live: 0,
            deleted: 0,
            field_count: 0,
        };
        block.check()?;
        Ok(block)
    }

    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        self.pack.relocate(mover);
    }

    /// The ID the block is filed under: a lower bound of its entries' IDs.
    pub(crate) fn first(&self) -> StreamId {
        self.first
    }

    /// Entries that are not deleted.
    pub(crate) fn live(&self) -> usize {
        self.live as usize
    }

    /// Entries that are.
    pub(crate) fn deleted(&self) -> usize {
        self.deleted as usize
    }

    /// The blob, as RDB files hold it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.pack.as_bytes()
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.pack.memory()
    }

    pub(crate) fn byte_len(&self) -> usize {
        self.pack.byte_len()
    }

    #[inline]
    pub(crate) fn reader(&self) -> Reader<'_> {
        let bytes = self.pack.as_bytes();
        Reader {
            bytes,
            first: self.first,
            field_count: self.field_count as usize,
            names_at: skip_all(bytes, Pos::FIRST.offset(), 3),
        }
    }

    /// Adds an entry behind the others; its ID is larger than theirs. `fields` alternates names and values.
    pub(crate) fn append<'a>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) {
        let field_count = fields.len() / 2;
        let reader = self.reader();
        let mut same = field_count == reader.field_count;
        let mut name_at = if same { reader.names_at } else { 0 };
        let (mut room_for_names, mut room_for_values) = (0, 0);
        let mut pairs = fields.clone();
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            if same {
                let (known, len) = entry::decode(&reader.bytes[name_at..]);
                same = known.is_text(name);
                name_at += len;
            }
            room_for_names += room_for_text(name);
            room_for_values += room_for_text(value);
        }
        if same {
            room_for_names = 0;
        }

        self.set_counts(self.live + 1, self.deleted);
        let ms = id.ms.wrapping_sub(self.first.ms) as i64;
        let seq = id.seq.wrapping_sub(self.first.seq) as i64;
        let elements = if same {
            field_count + 3
        } else {
            2 * field_count + 4
        } as i64;
        let room_for_numbers =
            2 + room_for_int(ms) + room_for_int(seq) + 2 * room_for_int(elements);
        let room = room_for_numbers + room_for_names + room_for_values;
        let mut appender = Appender::new(&mut self.pack, room);
        appender.push_int(if same { SAME_FIELDS } else { 0 });
        appender.push_int(ms);
        appender.push_int(seq);
        if !same {
            appender.push_int(field_count as i64);
        }
        let mut pairs = fields;
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            if !same {
                appender.push(Item::Bytes(name));
            }
            appender.push(Item::Bytes(value));
        }
        appender.push_int(elements);
        appender.finish();
    }

    /// Gives back spare room: nothing will be appended any more.
    pub(crate) fn seal(&mut self) {
        self.pack.shrink_to_fit();
    }

    /// The ID of the last entry, deleted or not.
    pub(crate) fn last(&self) -> StreamId {
        self.reader()
            .last_entry()
            .map_or(self.first, |entry| entry.id)
    }

    /// Marks the entry that stands at this offset and is not deleted yet.
    pub(crate) fn mark_deleted(&mut self, at: usize) {
        let flags = self.reader().entry_at(at).flags;
        self.pack.replace_int(Pos::at(at), flags | DELETED);
        self.set_counts(self.live - 1, self.deleted + 1);
    }

    /// Marks entries from the front while `wanted` says so. Returns how many live ones were marked.
    pub(crate) fn mark_deleted_while(
        &mut self,
        mut wanted: impl FnMut(&Entry<'_>) -> bool,
    ) -> usize {
        let mut marked = 0;
        let mut next = self.reader().first_entry().map(|entry| entry.at);
        while let Some(at) = next {
            let entry = self.reader().entry_at(at);
            if !wanted(&entry) {
                break;
            }
            next = entry.next().map(|entry| entry.at);
            if !entry.is_deleted() {
                // Flags are one small number before and after: nothing moves.
                let flags = entry.flags | DELETED;
                self.pack.replace_int(Pos::at(at), flags);
                marked += 1;
            }
        }
        self.set_counts(self.live - marked, self.deleted + marked);
        marked as usize
    }

    fn set_counts(&mut self, live: u32, deleted: u32) {
        let pos = self.pack.first().expect("a block has a master entry");
        self.pack.replace_int(pos, i64::from(live));
        if deleted != self.deleted {
            let pos = self.pack.next(pos).expect("a master entry has two counts");
            self.pack.replace_int(pos, i64::from(deleted));
        }
        (self.live, self.deleted) = (live, deleted);
    }

    /// Everything that the readers take for granted. Learns what the master entry says.
    fn check(&mut self) -> Result<(), Malformed> {
        let mut items = self.pack.iter();
        let live = checked_count(items.next())?;
        let deleted = checked_count(items.next())?;
        let master_fields = checked_count(items.next())?;
        skip_exactly(&mut items, master_fields)?;
        if items.next() != Some(Item::Int(0)) {
            return Err(Malformed);
        }
        let (mut found, mut found_deleted) = (0, 0);
        let mut previous = None;
        while let Some(flags) = items.next() {
            let Item::Int(flags @ 0..=3) = flags else {
                return Err(Malformed);
            };
            let ms = checked_number(items.next())?;
            let seq = checked_number(items.next())?;
            let id = self.first.shifted(ms, seq);
            if previous.is_some_and(|previous| previous >= id) || id < self.first {
                return Err(Malformed);
            }
            previous = Some(id);
            let elements = if flags & SAME_FIELDS != 0 {
                skip_exactly(&mut items, master_fields)?;
                3 + master_fields
            } else {
                let field_count = checked_count(items.next())?;
                skip_exactly(&mut items, 2 * field_count)?;
                4 + 2 * field_count
            };
            if checked_count(items.next())? != elements {
                return Err(Malformed);
            }
            found += 1;
            found_deleted += usize::from(flags & DELETED != 0);
        }
        if found_deleted != deleted || found - found_deleted != live || found == 0 {
            return Err(Malformed);
        }
        (self.live, self.deleted, self.field_count) =
            (live as u32, deleted as u32, master_fields as u32);
        Ok(())
    }
}

/// Where the element stands that comes `count` elements after the one at `at`.
#[inline]
fn skip_all(bytes: &[u8], mut at: usize, count: usize) -> usize {
    for _ in 0..count {
        at += entry::skip(&bytes[at..]);
    }
    at
}

impl<'a> Reader<'a> {
    /// The first entry, deleted or not.
    pub(crate) fn first_entry(self) -> Option<Entry<'a>> {
        let end = skip_all(self.bytes, self.names_at, self.field_count + 1);
        self.entry_from(end)
    }

    /// The last entry, deleted or not.
    pub(crate) fn last_entry(self) -> Option<Entry<'a>> {
        self.entry_ending_at(self.bytes.len() - 1)
    }

    /// The first entry whose ID is `id` or larger, deleted or not.
    ///
    /// Looks from both ends at once. Readers mostly ask for what was added last, or for the beginning.
    pub(crate) fn seek(self, id: StreamId) -> Option<Entry<'a>> {
        let mut front = self.first_entry()?;
        let mut back = self.last_entry()?;
        if back.id < id {
            return None;
        }
        // Invariant: the entry sought is neither before `front` nor after `back`.
        while front.id < id {
            match back.previous() {
                Some(previous) if previous.id >= id => back = previous,
                _ => return Some(back),
            }
            front = front.next()?;
        }
        Some(front)
    }

    /// The last entry whose ID is `id` or smaller, deleted or not.
    pub(crate) fn seek_back(self, id: StreamId) -> Option<Entry<'a>> {
        let mut entry = self.last_entry()?;
        while entry.id > id {
            entry = entry.previous()?;
        }
        Some(entry)
    }

    #[inline]
    fn number_at(self, at: usize) -> (i64, usize) {
        match entry::decode(&self.bytes[at..]) {
            (Item::Int(number), len) => (number, at + len),
            (Item::Bytes(_), _) => unreachable!("blocks are checked when they are parsed"),
        }
    }

    /// The entry that begins at `at`, if the block does not end there.
    #[inline]
    fn entry_from(self, at: usize) -> Option<Entry<'a>> {
        (self.bytes[at] != END).then(|| self.entry_at(at))
    }

    /// The entry whose last element ends at `end`. None if that is the 0 which ends the master entry.
    fn entry_ending_at(self, end: usize) -> Option<Entry<'a>> {
        let mut at = entry::start_of_entry_before(self.bytes, end);
        let (elements, _) = self.number_at(at);
        if elements == 0 {
            return None;
        }
        for _ in 0..elements {
            at = entry::start_of_entry_before(self.bytes, at);
        }
        Some(self.entry_at(at))
    }

    #[inline]
    fn entry_at(self, at: usize) -> Entry<'a> {
        let (flags, next) = self.number_at(at);
        let (ms, next) = self.number_at(next);
        let (seq, next) = self.number_at(next);
        let (field_count, values_at) = if flags & SAME_FIELDS != 0 {
            (self.field_count, next)
        } else {
            let (count, next) = self.number_at(next);
            (count as usize, next)
        };
        Entry {
            id: self.first.shifted(ms, seq),
            block: self,
            flags,
            at,
            values_at,
            field_count,
        }
    }
}

impl<'a> Entry<'a> {
    pub(crate) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Number of pairs.
    pub(crate) fn len(&self) -> usize {
        self.field_count
    }

    pub(crate) fn fields(&self) -> Fields<'a> {
        Fields {
            bytes: self.block.bytes,
            shared_name_at: self.has_shared_names().then_some(self.block.names_at),
            value_at: self.values_at,
            left: self.field_count,
        }
    }

    /// The entry after this one in its block, deleted or not.
    #[inline]
    pub(crate) fn next(&self) -> Option<Entry<'a>> {
        let elements = if self.has_shared_names() {
            self.field_count
        } else {
            2 * self.field_count
        };
        self.block
            .entry_from(skip_all(self.block.bytes, self.values_at, elements + 1))
    }

    /// The entry before this one in its block, deleted or not.
    pub(crate) fn previous(&self) -> Option<Entry<'a>> {
        self.block.entry_ending_at(self.at)
    }

    /// Where in the block it stands.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    fn has_shared_names(&self) -> bool {
        self.flags & SAME_FIELDS != 0
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name_at = self.shared_name_at.unwrap_or(self.value_at);
        let (name, name_len) = entry::decode(&self.bytes[name_at..]);
        match &mut self.shared_name_at {
            Some(at) => *at += name_len,
            None => self.value_at += name_len,
        }
        let (value, value_len) = entry::decode(&self.bytes[self.value_at..]);
        self.value_at += value_len;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl StreamId {
    #[inline]
    fn shifted(self, ms: i64, seq: i64) -> Self {
        Self {
            ms: self.ms.wrapping_add(ms as u64),
            seq: self.seq.wrapping_add(seq as u64),
        }
    }
}

fn checked_number(item: Option<Item<'_>>) -> Result<i64, Malformed> {
    match item {
        Some(Item::Int(number)) => Ok(number),
        _ => Err(Malformed),
    }
}

/// No count in a block exceeds what its bytes could hold, so twice a count does not overflow either.
fn checked_count(item: Option<Item<'_>>) -> Result<usize, Malformed> {
    u32::try_from(checked_number(item)?)
        .map(|count| count as usize)
        .map_err(|_| Malformed)
}

fn skip_exactly(items: &mut Iter<'_>, count: usize) -> Result<(), Malformed> {
    if count > 0 && items.nth(count - 1).is_none() {
        return Err(Malformed);
    }
    Ok(())
}
