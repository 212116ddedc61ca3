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
use crate::types::Malformed;
use crate::types::listpack::{Item, Iter, Listpack, Pos, View};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;
/// Entries of more pairs are gathered on the heap before they are written.
const ITEMS_ON_STACK: usize = 24;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    first: StreamId,
    pack: Listpack,
}

/// What the master entry says.
#[derive(Clone, Copy)]
pub struct Master<'a> {
    view: View<'a>,
    first: StreamId,
    /// Entries that are not deleted.
    pub live: usize,
    /// Entries that are.
    pub deleted: usize,
    field_count: usize,
    /// Where the first field name stands, or the closing 0.
    fields: Pos,
}

/// An entry of a stream, borrowed.
#[derive(Clone)]
pub struct Entry<'a> {
    pub id: StreamId,
    flags: i64,
    at: Pos,
    /// Names of the fields if they are the block's, standing before its first.
    shared_names: Option<Iter<'a>>,
    /// Standing before the first value, or the first name.
    values: Iter<'a>,
    field_count: usize,
}

/// Pairs of field and value.
#[derive(Clone)]
pub struct Fields<'a> {
    shared_names: Option<Iter<'a>>,
    values: Iter<'a>,
    left: usize,
}

impl Block {
    /// A block for its first entry. `fields` alternates names and values.
    pub fn new<'a>(
        first: StreamId,
        fields: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) -> Self {
        let mut pack = Listpack::new();
        let field_count = fields.len() / 2;
        append_items(
            &mut pack,
            [1, 0, field_count as i64].into_iter().map(Item::Int),
        );
        append_items(&mut pack, fields.clone().step_by(2).map(Item::Bytes));
        let entry = [0, SAME_FIELDS, 0, 0].into_iter().map(Item::Int);
        let values = fields.skip(1).step_by(2).map(Item::Bytes);
        append_items(
            &mut pack,
            entry
                .chain(values)
                .chain([Item::Int(field_count as i64 + 3)]),
        );
        Self { first, pack }
    }

    /// Takes a block from an RDB file after checking that its entries are what this module would have written:
    /// counts that add up, numbers where numbers belong, ascending IDs.
    pub fn parse(first: StreamId, blob: &[u8]) -> Result<Self, Malformed> {
        let block = Self {
            first,
            pack: Listpack::parse(blob)?,
        };
        block.check()?;
        Ok(block)
    }

    /// The ID the block is filed under: a lower bound of its entries' IDs.
    pub fn first(&self) -> StreamId {
        self.first
    }

    /// The blob, as RDB files hold it.
    pub fn as_bytes(&self) -> &[u8] {
        self.pack.as_bytes()
    }

    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.pack.memory()
    }

    pub fn byte_len(&self) -> usize {
        self.pack.byte_len()
    }

    pub fn master(&self) -> Master<'_> {
        let view = self.pack.view();
        let mut items = view.iter();
        let live = number(items.next()) as usize;
        let deleted = number(items.next()) as usize;
        let field_count = number(items.next()) as usize;
        let fields = items.pos().expect("a master entry ends with a 0");
        Master {
            view,
            first: self.first,
            live,
            deleted,
            field_count,
            fields,
        }
    }

    /// Adds an entry behind the others; its ID is larger than theirs. `fields` alternates names and values.
    pub fn append<'a>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) {
        let master = self.master();
        let field_count = fields.len() / 2;
        let mut names = fields
            .clone()
            .step_by(2)
            .zip(master.view.iter_from(master.fields));
        let same =
            field_count == master.field_count && names.all(|(name, item)| item.is_text(name));
        let live = master.live as i64 + 1;
        self.set_counts(live, None);

        let ms = id.ms.wrapping_sub(self.first.ms) as i64;
        let seq = id.seq.wrapping_sub(self.first.seq) as i64;
        if same {
            let head = [SAME_FIELDS, ms, seq].into_iter().map(Item::Int);
            let values = fields.skip(1).step_by(2).map(Item::Bytes);
            let count = Item::Int(field_count as i64 + 3);
            append_items(&mut self.pack, head.chain(values).chain([count]));
        } else {
            let head = [0, ms, seq, field_count as i64].into_iter().map(Item::Int);
            let pairs = fields.map(Item::Bytes);
            let count = Item::Int(2 * field_count as i64 + 4);
            append_items(&mut self.pack, head.chain(pairs).chain([count]));
        }
    }

    /// Gives back spare room: nothing will be appended any more.
    pub fn seal(&mut self) {
        self.pack.shrink_to_fit();
    }

    /// The ID of the last entry, deleted or not.
    pub fn last(&self) -> StreamId {
        let master = self.master();
        master.last_entry().map_or(self.first, |entry| entry.id)
    }

    /// Marks the entry at `pos`, which is not deleted yet.
    pub fn mark_deleted(&mut self, pos: Pos) {
        let flags = number(Some(self.pack.get(pos)));
        self.pack.replace(pos, flags | DELETED);
        let Master { live, deleted, .. } = self.master();
        self.set_counts(live as i64 - 1, Some(deleted as i64 + 1));
    }

    /// Marks entries from the front while `wanted` says so. Returns how many live ones were marked.
    pub fn mark_deleted_while(&mut self, mut wanted: impl FnMut(&Entry<'_>) -> bool) -> usize {
        let mut marked = 0;
        let mut next = self.master().first_entry().map(|entry| entry.at);
        while let Some(pos) = next {
            let master = self.master();
            let entry = master.entry_at(pos);
            if !wanted(&entry) {
                break;
            }
            next = master.after(&entry).map(|entry| entry.at);
            if !entry.is_deleted() {
                let flags = entry.flags | DELETED;
                self.pack.replace(pos, flags);
                marked += 1;
            }
        }
        let Master { live, deleted, .. } = self.master();
        self.set_counts((live - marked) as i64, Some((deleted + marked) as i64));
        marked
    }

    fn set_counts(&mut self, live: i64, deleted: Option<i64>) {
        let pos = self.pack.first().expect("a block has a master entry");
        self.pack.replace(pos, live);
        if let Some(deleted) = deleted {
            let pos = self.pack.next(pos).expect("a master entry has two counts");
            self.pack.replace(pos, deleted);
        }
    }

    /// Everything that the readers above take for granted.
    fn check(&self) -> Result<(), Malformed> {
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
        if found_deleted == deleted && found - found_deleted == live && found > 0 {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

impl<'a> Master<'a> {
    /// The first entry, deleted or not.
    pub fn first_entry(self) -> Option<Entry<'a>> {
        let mut items = self.view.iter_from(self.fields);
        items.nth(self.field_count);
        items.pos().map(|pos| self.entry_at(pos))
    }

    /// The last entry, deleted or not.
    pub fn last_entry(self) -> Option<Entry<'a>> {
        self.entry_ending_at(self.view.last()?)
    }

    /// The entry after this one, deleted or not.
    pub fn after(self, entry: &Entry<'a>) -> Option<Entry<'a>> {
        let mut items = entry.values.clone();
        let elements = if entry.shared_names.is_some() {
            entry.field_count
        } else {
            2 * entry.field_count
        };
        items.nth(elements);
        items.pos().map(|pos| self.entry_at(pos))
    }

    /// The entry before this one, deleted or not.
    pub fn before(self, entry: &Entry<'a>) -> Option<Entry<'a>> {
        self.entry_ending_at(self.view.prev(entry.at)?)
    }

    /// The first entry whose ID is `id` or larger, deleted or not.
    pub fn seek(self, id: StreamId) -> Option<Entry<'a>> {
        let mut entry = self.first_entry()?;
        while entry.id < id {
            entry = self.after(&entry)?;
        }
        Some(entry)
    }

    /// The last entry whose ID is `id` or smaller, deleted or not.
    pub fn seek_back(self, id: StreamId) -> Option<Entry<'a>> {
        let mut entry = self.last_entry()?;
        while entry.id > id {
            entry = self.before(&entry)?;
        }
        Some(entry)
    }

    /// The entry whose last element stands at `pos`. None if that is the 0 which ends the master entry.
    fn entry_ending_at(self, mut pos: Pos) -> Option<Entry<'a>> {
        let elements = number(Some(self.view.get(pos)));
        if elements == 0 {
            return None;
        }
        for _ in 0..elements {
            pos = self.view.prev(pos)?;
        }
        Some(self.entry_at(pos))
    }

    fn entry_at(self, at: Pos) -> Entry<'a> {
        let mut items = self.view.iter_from(at);
        let flags = number(items.next());
        let ms = number(items.next());
        let seq = number(items.next());
        let same = flags & SAME_FIELDS != 0;
        let field_count = if same {
            self.field_count
        } else {
            number(items.next()) as usize
        };
        Entry {
            id: self.first.shifted(ms, seq),
            flags,
            at,
            shared_names: same.then(|| self.view.iter_from(self.fields)),
            values: items,
            field_count,
        }
    }
}

impl<'a> Entry<'a> {
    pub fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.field_count
    }

    pub fn is_empty(&self) -> bool {
        self.field_count == 0
    }

    pub fn fields(&self) -> Fields<'a> {
        Fields {
            shared_names: self.shared_names.clone(),
            values: self.values.clone(),
            left: self.field_count,
        }
    }

    pub(super) fn pos(&self) -> Pos {
        self.at
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.shared_names {
            Some(names) => names.next()?,
            None => self.values.next()?,
        };
        Some((name, self.values.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl StreamId {
    fn shifted(self, ms: i64, seq: i64) -> Self {
        Self {
            ms: self.ms.wrapping_add(ms as u64),
            seq: self.seq.wrapping_add(seq as u64),
        }
    }
}

/// Appends in one go, without allocating for entries of ordinary width.
fn append_items<'a>(pack: &mut Listpack, items: impl Iterator<Item = Item<'a>>) {
    let mut stack = [Item::Int(0); ITEMS_ON_STACK];
    let mut count = 0;
    for item in items {
        if count == ITEMS_ON_STACK {
            pack.append_all(&stack);
            count = 0;
        }
        stack[count] = item;
        count += 1;
    }
    pack.append_all(&stack[..count]);
}

/// A number that a checked block has at this place.
#[inline]
fn number(item: Option<Item<'_>>) -> i64 {
    match item {
        Some(Item::Int(number)) => number,
        _ => unreachable!("blocks are checked when they are parsed"),
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
