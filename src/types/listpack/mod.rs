//! The listpack: a sequence of small elements in one blob.
//!
//! ```text
//! total bytes: u32 LE | count: u16 LE | entry entry ... | 0xff
//! ```
//!
//! Entries are drawn in `entry`. The count 65535 means "more than fit here: walk and count". The blob is exactly
//! Redis's, in memory and in RDB files. Lists and streams are made of these, and so is a small hash with deadlines;
//! other small sets, hashes and sorted sets become one in files (in memory they are packs). Listpacks are good at bytes
//! per element and at scans that touch memory in order; inserting moves what follows, which is why the types put limits
//! on how large one may grow.
//!
//! The memory under it, and why it may hold some spare room, is `blob`'s.
//!
//! Bytes from outside enter through `parse`, which checks every entry; everything else trusts the blob. A position
//! (`Pos`) that is not one of this listpack's entries is a mistake of the caller: it panics or reads a wrong element,
//! as a wrong index would.

mod appender;
pub(in crate::types) mod entry;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;

pub(in crate::types) use appender::{Appender, room_for_int, room_for_text};
pub(crate) use entry::Item;
pub(in crate::types) use entry::{END, Encoded};
pub(crate) use view::{Iter, Pos, View};

use super::{Malformed, blob};
use crate::store::Blob;

#[derive(Clone)]
pub(crate) struct Listpack(Blob);

impl Listpack {
    pub(crate) fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty listpack with room for `bytes` of entries.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut storage = blob::with_room(EMPTY.len() + bytes);
        storage[..EMPTY.len()].copy_from_slice(&EMPTY);
        Self(storage)
    }

    /// Takes a blob from outside after checking all of it. Linear in its length, allocates once, never panics.
    pub(crate) fn parse(blob: &[u8]) -> Result<Self, Malformed> {
        validate(blob)?;
        Ok(Self(blob.into()))
    }

    /// As `parse`, without the copy.
    pub(crate) fn parse_owned(blob: Vec<u8>) -> Result<Self, Malformed> {
        validate(&blob)?;
        Ok(Self(blob.into()))
    }

    /// The listpack whose blob starts `storage`; the rest of it is spare room.
    pub(in crate::types) fn trusted(storage: Blob) -> Self {
        debug_assert!(validate(&storage[..entry::read_u32(&storage) as usize]).is_ok());
        Self(storage)
    }

    /// The allocation, with the blob at its start.
    pub(in crate::types) fn into_storage(self) -> Blob {
        self.0
    }

    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        View::trusted(self.as_bytes())
    }

    /// The blob, as RDB files hold it.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0[..self.byte_len()]
    }

    #[inline]
    pub(crate) fn byte_len(&self) -> usize {
        entry::read_u32(&self.0) as usize
    }

    /// Bytes the allocator spends on it.
    pub(crate) fn memory(&self) -> usize {
        blob::allocation_size(self.0.len())
    }

    /// Number of elements; counts them only when there are more than 65534.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.view().len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<Pos> {
        self.view().first()
    }

    #[inline]
    pub(crate) fn last(&self) -> Option<Pos> {
        self.view().last()
    }

    #[inline]
    pub(crate) fn next(&self, pos: Pos) -> Option<Pos> {
        self.view().next(pos)
    }

    #[inline]
    #[cfg(test)]
    pub(crate) fn prev(&self, pos: Pos) -> Option<Pos> {
        self.view().prev(pos)
    }

    #[inline]
    pub(crate) fn get(&self, pos: Pos) -> Item<'_> {
        self.view().get(pos)
    }

    /// The entry with this index, negative ones counting from the end.
    pub(crate) fn seek(&self, index: i64) -> Option<Pos> {
        self.view().seek(index)
    }

    /// The element with this index, negative ones counting from the end.
    #[cfg(test)]
    pub(crate) fn at(&self, index: i64) -> Option<Item<'_>> {
        self.view().at(index)
    }

    #[inline]
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    /// The first entry from the start whose text is `needle`, looking at every `skip + 1`st only.
    pub(crate) fn find(&self, needle: &[u8], skip: usize) -> Option<Pos> {
        self.view().find_first(needle, skip)
    }

    /// Would the blob stay within what Redis accepts for one listpack after `bytes` more of text? Types convert to
    /// their large form instead when the answer is no.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.byte_len().saturating_add(bytes) <= SAFE_BYTES_MAX
    }

    /// Makes room for `bytes` of entries to come, so that adding them allocates once.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        let needed = self.byte_len() + bytes;
        if needed > self.0.len() {
            blob::resize(&mut self.0, needed);
        }
    }

    pub(crate) fn append<'a>(&mut self, item: impl Into<Item<'a>>) {
        let entry = Encoded::new(item.into());
        let total = self.byte_len();
        let new_total = total + entry.len();
        if new_total > self.0.len() {
            blob::resize(&mut self.0, new_total);
        }
        let (last, place) = self.0[total - 1..new_total]
            .split_last_mut()
            .expect("not empty");
        *last = END;
        entry.write(place);
        self.set_total(new_total);
        self.count_changed(1);
    }

    pub(crate) fn prepend<'a>(&mut self, item: impl Into<Item<'a>>) {
        self.put(HEADER, 0, &Encoded::new(item.into()));
        self.count_changed(1);
    }

    /// Inserts one element; it then stands at `pos`.
    pub(crate) fn insert_before<'a>(&mut self, pos: Pos, item: impl Into<Item<'a>>) -> Pos {
        self.put(pos.offset(), 0, &Encoded::new(item.into()));
        self.count_changed(1);
        pos
    }

    /// Inserts one element after the one at `pos` and returns where it stands; `pos` itself stays valid.
    pub(crate) fn insert_after<'a>(&mut self, pos: Pos, item: impl Into<Item<'a>>) -> Pos {
        let at = Pos(self.view().end_of(pos) as u32);
        self.insert_before(at, item)
    }

    /// Inserts all of `items`, in order, before the entry at `at`, or at the end. One move of what follows.
    /// Returns where the first of them stands.
    pub(crate) fn insert_all(&mut self, at: Option<Pos>, items: &[Item<'_>]) -> Pos {
        let start = at.map_or(self.byte_len() - 1, Pos::offset);
        let size = items.iter().map(|item| Encoded::new(*item).len()).sum();
        self.splice(start, 0, size);
        let mut place = start;
        for item in items {
            let entry = Encoded::new(*item);
            let end = place + entry.len();
            entry.write(&mut self.0[place..end]);
            place = end;
        }
        self.count_changed(items.len() as isize);
        Pos(start as u32)
    }

    pub(crate) fn append_all(&mut self, items: &[Item<'_>]) {
        self.insert_all(None, items);
    }

    /// Replaces the element at `pos`; the new one stands there too.
    pub(crate) fn replace<'a>(&mut self, pos: Pos, item: impl Into<Item<'a>>) {
        let old = self.view().end_of(pos) - pos.offset();
        self.put(pos.offset(), old, &Encoded::new(item.into()));
    }

    /// As `replace`. Counters that stay small are overwritten where they are.
    #[inline]
    pub(in crate::types) fn replace_int(&mut self, pos: Pos, value: i64) {
        let byte = &mut self.0[pos.offset()];
        if *byte <= 127 && (0..=127).contains(&value) {
            *byte = value as u8;
        } else {
            self.replace(pos, value);
        }
    }

    /// Removes the element at `pos`. The one that followed it, if any, then stands at `pos`.
    pub(crate) fn delete(&mut self, pos: Pos) -> Option<Pos> {
        self.delete_run(pos, 1)
    }

    /// Removes up to `count` elements from `pos` on. The one that followed them, if any, then stands at `pos`.
    pub(crate) fn delete_run(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let start = pos.offset();
        let entries = &self.as_bytes()[start..];
        let mut size = 0;
        let mut deleted = 0;
        while deleted < count && entries[size] != END {
            size += entry::skip(&entries[size..]);
            deleted += 1;
        }
        let is_end = entries[size] == END;
        if is_end {
            // Nothing to move but the terminator.
            self.0[start] = END;
            self.set_total(start + 1);
            blob::shrink(&mut self.0, start + 1);
        } else {
            self.splice(start, size, 0);
        }
        self.count_changed(-(deleted as isize));
        (!is_end).then_some(pos)
    }

    /// Removes up to `count` elements from the one with this index on, negative indexes counting from the end.
    pub(crate) fn delete_range(&mut self, index: i64, count: usize) {
        if let Some(pos) = self.seek(index) {
            self.delete_run(pos, count);
        }
    }

    /// Removes the elements at all of `positions`, which ascend. One pass, each surviving byte moves once.
    pub(crate) fn delete_all(&mut self, positions: &[Pos]) {
        let Some(first) = positions.first() else {
            return;
        };
        debug_assert!(
            positions.is_sorted_by(|one, next| one < next),
            "positions ascend"
        );
        let end = self.byte_len();
        let mut place = first.offset();
        for (index, pos) in positions.iter().enumerate() {
            let kept_from = self.view().end_of(*pos);
            let kept_to = positions.get(index + 1).map_or(end, |next| next.offset());
            self.0.copy_within(kept_from..kept_to, place);
            place += kept_to - kept_from;
        }
        // The terminator moved with the last stretch; give back what the stretches freed.
        self.set_total(place);
        blob::shrink(&mut self.0, place);
        self.count_changed(-(positions.len() as isize));
    }

    /// Appends all elements of `other`.
    pub(crate) fn merge(&mut self, other: View<'_>) {
        let entries = &other.as_bytes()[HEADER..other.as_bytes().len() - 1];
        let count = self.len() + other.len();
        let at = self.byte_len() - 1;
        self.splice(at, 0, entries.len());
        self.0[at..at + entries.len()].copy_from_slice(entries);
        self.set_count(count);
    }

    /// Cuts the listpack in two: elements from `index` on leave it and are returned.
    #[must_use]
    pub(crate) fn split_off(&mut self, index: usize) -> Self {
        let Some(pos) = self.seek(index as i64) else {
            return Self::new();
        };
        let count = self.len();
        let entries = &self.as_bytes()[pos.offset()..self.byte_len() - 1];
        let mut tail = Self::with_capacity(entries.len());
        tail.0[HEADER..HEADER + entries.len()].copy_from_slice(entries);
        tail.0[HEADER + entries.len()] = END;
        tail.set_total(EMPTY.len() + entries.len());
        tail.set_count(count - index);
        let removed = self.byte_len() - 1 - pos.offset();
        self.splice(pos.offset(), removed, 0);
        self.set_count(index);
        tail
    }

    /// Gives back all room beyond the blob.
    pub(crate) fn shrink_to_fit(&mut self) {
        let bytes = self.byte_len();
        blob::resize(&mut self.0, bytes);
    }

    /// Writes `entry` over `removed` bytes at `at`.
    #[inline]
    fn put(&mut self, at: usize, removed: usize, entry: &Encoded<'_>) {
        let size = entry.len();
        self.splice(at, removed, size);
        entry.write(&mut self.0[at..at + size]);
    }

    /// Makes a hole of `inserted` bytes in place of `removed` ones at `at`; the caller writes the hole. Grows and
    /// shrinks the allocation and keeps the total in the header; the count is the caller's too.
    #[inline]
    fn splice(&mut self, at: usize, removed: usize, inserted: usize) {
        let total = self.byte_len();
        let new_total = total - removed + inserted;
        if new_total > self.0.len() {
            blob::resize(&mut self.0, new_total);
        }
        if removed != inserted {
            self.0.copy_within(at + removed..total, at + inserted);
            self.set_total(new_total);
            if new_total < total {
                blob::shrink(&mut self.0, new_total);
            }
        }
    }

    #[inline]
    fn set_total(&mut self, total: usize) {
        let total = u32::try_from(total).expect("callers keep a listpack far below 4 GiB");
        self.0[..4].copy_from_slice(&total.to_le_bytes());
    }

    #[inline]
    fn set_count(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    /// Adjusts the count in the header by `change`, after the entries changed.
    #[inline]
    fn count_changed(&mut self, change: isize) {
        let count = u16::from_le_bytes([self.0[4], self.0[5]]);
        if count != u16::MAX {
            self.set_count(
                usize::from(count)
                    .checked_add_signed(change)
                    .expect("the count in the header was right"),
            );
        }
        // Redis leaves the count unknown once it was, until something asks for it; so do we, and never ask.
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Listpack {}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Item<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> FromIterator<Item<'a>> for Listpack {
    fn from_iter<I: IntoIterator<Item = Item<'a>>>(items: I) -> Self {
        let mut pack = Self::new();
        for item in items {
            pack.append(item);
        }
        pack
    }
}

/// Checks every byte of a blob that structure depends on: header, each entry's encoding and backlen, the terminator,
/// and that the header's count is right or unknown. Returns the number of elements.
pub(crate) fn validate(blob: &[u8]) -> Result<usize, Malformed> {
    if blob.len() < EMPTY.len() || entry::read_u32(blob) as usize != blob.len() {
        return Err(Malformed);
    }
    let (entries, end) = blob.split_at(blob.len() - 1);
    let mut at = HEADER;
    let mut count = 0;
    while at < entries.len() {
        at += entry::checked_skip(&entries[at..]).ok_or(Malformed)?;
        count += 1;
    }
    let claimed = u16::from_le_bytes([blob[4], blob[5]]);
    let count_holds = claimed == u16::MAX || usize::from(claimed) == count;
    if end == [END] && count_holds {
        Ok(count)
    } else {
        Err(Malformed)
    }
}

/// Bytes before the first entry.
pub(in crate::types) const HEADER: usize = 6;
/// Header and terminator.
pub(in crate::types) const FRAME: usize = HEADER + 1;
const EMPTY: [u8; 7] = [7, 0, 0, 0, 0, 0, END];
/// Redis refuses to grow a listpack beyond this, far below what its header could say.
const SAFE_BYTES_MAX: usize = 1 << 30;
