//! The pack: a short sequence of keys, each with or without a value, in one blob.
//!
//! ```text
//! total bytes: u32 LE | count: u16 LE | row row ...
//!
//! row   = head | rest of the key | value, if rows of this pack have one
//! head  = shared:4, len:4        the key is the first `shared` bytes of the key before it, and `len` bytes of rest
//!         shared 15: 15 + the next byte;     len 15: 15 + a number in groups of seven bits, lowest first
//!
//! value = 0vvvvvvv               integer 0..=127
//!         10nnnnnn bytes         text of n < 64 bytes
//!         1100nnnn bytes         integer of n bytes (1..=8), two's complement, little end first
//!         11010000 len bytes     any other text, its length as in the head
//!         11010001 8 bytes       double
//!         111vvvvv vvvvvvvv      integer of 13 bits, two's complement, high bits first
//! ```
//!
//! Small sets, hashes, sorted sets and lists are packs. Redis keeps them in listpacks, and so do the files both read;
//! here they are converted when they are saved or loaded, because a pack is a third to a half smaller: members and
//! fields of one key mostly begin alike (`field:1`, `field:2`), and since nobody walks backwards no row needs to say
//! its length twice.
//!
//! Looking for a key needs no text but the rows themselves: how many bytes the key sought has in common with the row
//! before says how it compares with all rows that share more than that (see `Search`). Inserting and removing touch the
//! row and its follower, whose shared part may change.
//!
//! Keys are text, even those that spell a number. `find` is for packs that have each of them once; those of a list may
//! repeat. Packs never come from outside, so their readers trust them. Not good at: starting in the middle (walk from
//! the start), walking backwards (collect first), and being large; the types put limits on how large one may grow.

mod row;
mod value;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

pub(crate) use row::{Row, Rows, Walk};
pub(crate) use value::Cell;

use super::blob;
use crate::base::short;
use crate::store::Blob;
use row::{Cut, Head, KeyText, SHARED_MAX};

/// More rows than the header can count: types convert before they reach this.
pub(crate) const COUNT_MAX: usize = u16::MAX as usize;
/// Beyond this many bytes types convert as well, whatever the configuration allows.
pub(crate) const BYTES_MAX: usize = 1 << 30;
const HEADER: usize = 6;
/// The handle is as long as the allocation; see `blob`.
#[derive(Clone)]
pub struct Pack<const VALUED: bool>(Blob);

/// Keys alone.
pub(crate) type Keys = Pack<false>;
/// Keys with values.
pub(crate) type Pairs = Pack<true>;

/// A place for a new row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    at: usize,
    /// Bytes the new key has in common with the row before.
    before: usize,
    /// And with the row that stands here, if there is one.
    after: usize,
}

/// A key being compared with one row after another.
///
/// Invariant: the key sought and the key of the last row seen agree in exactly `common` bytes, and `order` is how the
/// former compares with the latter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'k> {
    key: &'k [u8],
    common: usize,
    order: Ordering,
}

impl<const VALUED: bool> Pack<VALUED> {
    pub(crate) fn new() -> Self {
        let mut blob = blob::with_room(HEADER);
        blob[0] = HEADER as u8;
        Self(blob)
    }

    /// The pack whose blob starts `storage`; the rest of it is spare room.
    #[inline]
    pub(in crate::types) fn trusted(storage: Blob) -> Self {
        Self(storage)
    }

    /// The allocation, with the blob at its start.
    #[inline]
    pub(in crate::types) fn into_storage(self) -> Blob {
        self.0
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[4], self.0[5]]))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.byte_len() == HEADER
    }

    #[inline]
    pub(crate) fn byte_len(&self) -> usize {
        u32::from_le_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]) as usize
    }

    #[inline]
    pub(in crate::types) fn bytes(&self) -> &[u8] {
        &self.0[..self.byte_len()]
    }

    /// Bytes allocated.
    pub(crate) fn memory(&self) -> usize {
        self.0.len()
    }

    /// Whether `bytes` more of text still leave it a pack one can handle.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.len() < COUNT_MAX && self.byte_len().saturating_add(bytes) <= BYTES_MAX
    }

    /// The rows in order, without their texts.
    #[inline]
    pub(crate) fn rows(&self) -> Rows<'_, VALUED> {
        Rows {
            bytes: self.bytes(),
            at: HEADER,
        }
    }

    /// The rows in order, with their texts.
    #[inline]
    pub(crate) fn walk(&self) -> Walk<'_, VALUED> {
        Walk {
            rows: self.rows(),
            key: KeyText::new(),
        }
    }

    /// The row with this index, which exists, and a walk that stands at it.
    pub(crate) fn walk_to(&self, index: usize) -> (Row, Walk<'_, VALUED>) {
        let mut walk = self.walk();
        for _ in 0..index {
            walk.next();
        }
        let row = walk.next().expect("the index of a row");
        (row, walk)
    }

    /// The row of a key, or where to append it.
    ///
    /// As `Search::compare`, for equality alone, and the hottest loop of small values: nearly all rows are passed by
    /// after a look at their head, one byte of their key and one of their value.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Result<Row, Gap> {
        let bytes = self.bytes();
        let mut rows = &bytes[HEADER..];
        let mut common = 0;
        while let [head, tail @ ..] = rows {
            let (shared, len) = (usize::from(head >> 4), usize::from(head & 15));
            let value;
            if shared == 15 || len == 15 {
                let cut = Cut::of_long_head(rows, 0);
                if cut.shared <= common {
                    common = cut.shared + common_prefix(&key[cut.shared..], cut.rest(rows));
                    if common == key.len() && common == cut.key_len() {
                        return Ok(cut.row::<VALUED>(rows, 0).moved(bytes.len() - rows.len()));
                    }
                }
                value = &rows[cut.value_at..];
            } else {
                let (rest, after) = tail.split_at(len);
                if shared <= common {
                    common = shared;
                    if rest.first() == key.get(shared) {
                        common += common_prefix(&key[shared..], rest);
                        if common == key.len() && common == shared + len {
                            return Ok(Cut::at(rows, 0)
                                .row::<VALUED>(rows, 0)
                                .moved(bytes.len() - rows.len()));
                        }
                    }
                }
                value = after;
            }
            rows = if VALUED {
                &value[value::len(value)..]
            } else {
                value
            };
        }
        Err(Gap {
            at: bytes.len(),
            before: common,
            after: 0,
        })
    }

    /// The row of a key and the one before it, or the place for it: before the first row of which `stands_before` says
    /// so, given the row's value and how the key compares with the row's.
    #[inline]
    pub(crate) fn find_or_place(
        &self,
        key: &[u8],
        mut stands_before: impl FnMut(Cell<'_>, Ordering) -> bool,
    ) -> Result<(Option<Row>, Row), Gap> {
        let bytes = self.bytes();
        let mut search = Search::new(key);
        let mut gap = None;
        let mut previous = None;
        let mut at = HEADER;
        while at < bytes.len() {
            let cut = Cut::at(bytes, at);
            let before = search.common;
            let order = search.compare((cut.shared, cut.rest(bytes)));
            let row = cut.row::<VALUED>(bytes, at);
            if order == Ordering::Equal {
                return Ok((previous.and_then(|at| self.row_at(at)), row));
            }
            if gap.is_none() && stands_before(value::decode(&bytes[cut.value_at..]), order) {
                gap = Some(Gap {
                    at,
                    before,
                    after: search.common,
                });
            }
            previous = Some(at);
            at = row.end as usize;
        }
        Err(gap.unwrap_or(Gap {
            at,
            before: search.common,
            after: 0,
        }))
    }

    /// The text a row has in common with the one before it, as a length, and the rest.
    #[inline]
    pub(crate) fn row_key(&self, row: Row) -> (usize, &[u8]) {
        (
            row.shared as usize,
            &self.0[row.rest_at as usize..row.value_at as usize],
        )
    }

    /// Only for packs whose rows have one.
    #[inline]
    pub(crate) fn value(&self, row: Row) -> Cell<'_> {
        value::decode(&self.0[row.value_at as usize..])
    }

    /// The place before `row`, or the end, for the key of a search. The search has seen the rows before `row` and
    /// no further; it still has to see `row` itself.
    pub(crate) fn gap_before(&self, row: Option<Row>, search: &Search<'_>) -> Gap {
        let before = search.common;
        let Some(row) = row else {
            return Gap {
                at: self.byte_len(),
                before,
                after: 0,
            };
        };
        let mut search = *search;
        search.compare(self.row_key(row));
        Gap {
            at: row.at as usize,
            before,
            after: search.common,
        }
    }

    /// The place before all rows.
    #[inline]
    pub(crate) fn gap_at_start(&self, key: &[u8]) -> Gap {
        self.gap_before(self.row_at(HEADER), &Search::new(key))
    }

    /// The place after all rows.
    #[inline]
    pub(crate) fn gap_at_end(&self, key: &[u8]) -> Gap {
        let bytes = self.bytes();
        let mut at = HEADER;
        let mut common = 0;
        while at < bytes.len() {
            let cut = Cut::at(bytes, at);
            if cut.shared <= common {
                common = cut.shared + common_prefix(&key[cut.shared..], cut.rest(bytes));
            }
            at = cut.end::<VALUED>(bytes);
        }
        Gap {
            at,
            before: common,
            after: 0,
        }
    }

    /// The place before the row with this index, which may be one past the last.
    pub(crate) fn gap_at(&self, index: usize, key: &[u8]) -> Gap {
        let mut search = Search::new(key);
        let mut rows = self.rows();
        for row in rows.by_ref().take(index) {
            search.compare(self.row_key(row));
        }
        self.gap_before(rows.next(), &search)
    }

    /// Puts a new row where `gap` is.
    pub(crate) fn insert(&mut self, gap: Gap, key: &[u8], value: Cell<'_>) {
        let shared = gap.before.min(SHARED_MAX);
        let head = Head::new(shared, key.len() - shared);
        let value = if VALUED {
            value::encode(value)
        } else {
            value::nothing()
        };
        let row = [head.bytes(), &key[shared..], value.head(), value.text()];
        match self.row_at(gap.at) {
            None => self.splice(gap.at, 0, &row),
            Some(next) => {
                // The follower shared bytes with the row before it; it now shares as many, fewer or more with the new
                // row.
                let old_shared = next.shared as usize;
                let new_shared = gap.after.min(SHARED_MAX);
                let restored = match self.key_before(next, new_shared) {
                    Some(text) => text.as_slice()[new_shared..old_shared].to_vec(),
                    None => Vec::new(),
                };
                let rest_len = (next.value_at - next.rest_at) as usize;
                let next_head = Head::new(new_shared, old_shared + rest_len - new_shared);
                let dropped = new_shared.saturating_sub(old_shared);
                let removed = next.rest_at as usize + dropped - gap.at;
                let [head, rest, value_head, value_text] = row;
                self.splice(
                    gap.at,
                    removed,
                    &[
                        head,
                        rest,
                        value_head,
                        value_text,
                        next_head.bytes(),
                        &restored,
                    ],
                );
            }
        }
        self.set_count(self.len() + 1);
    }

    /// Removes a row. The follower gets those bytes it shared with the row but the row did not share itself.
    pub(crate) fn remove(&mut self, row: Row) {
        match self.row_after(row) {
            None => self.splice(row.at as usize, (row.end - row.at) as usize, &[]),
            Some(next) => {
                let shared = row.shared.min(next.shared);
                let inherited = (next.shared - shared) as usize;
                let rest_len = (next.value_at - next.rest_at) as usize;
                let head = Head::new(shared as usize, inherited + rest_len);
                // Two heads are never shorter than the one of the longer row, so the pieces only move down.
                let inherited_at = row.at as usize + head.len;
                let rest_at = inherited_at + inherited;
                let total = self.byte_len();
                let from = row.rest_at as usize;
                self.0.copy_within(from..from + inherited, inherited_at);
                self.0[row.at as usize..inherited_at].copy_from_slice(head.bytes());
                self.0.copy_within(next.rest_at as usize..total, rest_at);
                self.set_total(total - (next.rest_at as usize - rest_at));
            }
        }
        self.set_count(self.len() - 1);
        self.shrink();
    }

    /// Replaces the value of a row.
    pub(crate) fn set_value(&mut self, row: Row, value: Cell<'_>) {
        debug_assert!(VALUED);
        let value = value::encode(value);
        let (at, end) = (row.value_at as usize, row.end as usize);
        self.splice(at, end - at, &[value.head(), value.text()]);
        self.shrink();
    }

    /// Keeps the rows that `keep` wants. One pass over the pack, which is written anew.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], Option<Cell<'_>>) -> bool) {
        let mut kept = Builder::new();
        let mut walk = self.walk();
        while let Some(row) = walk.next() {
            let value = VALUED.then(|| self.value(row));
            if keep(walk.key(), value) {
                kept.push(walk.key(), value.unwrap_or(Cell::Int(0)));
            }
        }
        *self = kept.finish();
    }

    /// The text of the row before `next`, if `next` shares more of it than `enough` bytes.
    fn key_before(&self, next: Row, enough: usize) -> Option<KeyText> {
        if next.shared as usize <= enough {
            return None;
        }
        let mut walk = self.walk();
        while walk.rows.at < next.at as usize {
            walk.next();
        }
        Some(walk.key)
    }

    /// The row that follows, if there is one.
    #[inline]
    pub(crate) fn row_after(&self, row: Row) -> Option<Row> {
        self.row_at(row.end as usize)
    }

    #[inline]
    fn row_at(&self, at: usize) -> Option<Row> {
        Rows::<VALUED> {
            bytes: self.bytes(),
            at,
        }
        .next()
    }

    /// Writes `parts` over `removed` bytes at `at`.
    #[inline]
    fn splice(&mut self, at: usize, removed: usize, parts: &[&[u8]]) {
        let inserted: usize = parts.iter().map(|part| part.len()).sum();
        if removed != inserted {
            self.make_hole(at, removed, inserted);
        }
        let mut place = at;
        for part in parts {
            short::copy(&mut self.0[place..place + part.len()], part);
            place += part.len();
        }
    }

    /// Makes room for `inserted` bytes in place of `removed` ones.
    fn make_hole(&mut self, at: usize, removed: usize, inserted: usize) {
        let total = self.byte_len();
        let new_total = total - removed + inserted;
        if new_total > self.0.len() {
            blob::resize(&mut self.0, new_total);
        }
        if at + removed < total {
            self.0.copy_within(at + removed..total, at + inserted);
        }
        self.set_total(new_total);
    }

    fn shrink(&mut self) {
        let used = self.byte_len();
        blob::shrink(&mut self.0, used);
    }

    fn set_total(&mut self, total: usize) {
        let total = u32::try_from(total).expect("types keep a pack far below 4 GiB");
        self.0[..4].copy_from_slice(&total.to_le_bytes());
    }

    fn set_count(&mut self, count: usize) {
        let count = u16::try_from(count).expect("types keep a pack below its largest count");
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        let mut count = 0;
        let mut key_len = 0;
        let mut at = HEADER;
        for row in self.rows() {
            assert_eq!(row.at as usize, at);
            let (shared, rest) = self.row_key(row);
            assert!(shared <= key_len, "a key shares no more than there is");
            key_len = shared + rest.len();
            at = row.end as usize;
            count += 1;
        }
        assert_eq!((at, count), (self.byte_len(), self.len()));
        assert!(self.byte_len() <= self.0.len());
    }
}

impl<const VALUED: bool> Default for Pack<VALUED> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const VALUED: bool> std::fmt::Debug for Pack<VALUED> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = f.debug_list();
        let mut walk = self.walk();
        while let Some(row) = walk.next() {
            let key = String::from_utf8_lossy(walk.key()).into_owned();
            list.entry(&(key, VALUED.then(|| self.value(row))));
        }
        list.finish()
    }
}

impl Gap {
    /// How many bytes the pack is spared because its key begins like one of its neighbours.
    #[inline]
    pub(crate) fn common(self) -> usize {
        self.before.max(self.after)
    }
}

impl<'k> Search<'k> {
    #[inline]
    pub(crate) fn new(key: &'k [u8]) -> Self {
        // Compared with the empty key that stands before the first row.
        let order = if key.is_empty() {
            Ordering::Equal
        } else {
            Ordering::Greater
        };
        Self {
            key,
            common: 0,
            order,
        }
    }

    /// How the key sought compares with the next row's, of which `shared` bytes are those of the row before.
    #[inline]
    pub(crate) fn compare(&mut self, (shared, rest): (usize, &[u8])) -> Ordering {
        // Where the search differs from the row before, this row still agrees with that one: nothing changes.
        if shared <= self.common {
            let mine = &self.key[shared..];
            let same = common_prefix(mine, rest);
            self.common = shared + same;
            self.order = match (mine.get(same), rest.get(same)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(mine), Some(theirs)) => mine.cmp(theirs),
            };
        }
        self.order
    }
}

/// How many bytes two texts have in common at their start. Most differ at once or after a few bytes.
#[inline]
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let mut at = 0;
    while at < len && a[at] == b[at] {
        at += 1;
        if at == LONG {
            return common_long(a, b);
        }
    }
    at
}

/// Where comparing bytes becomes more work than comparing words.
const LONG: usize = 12;

#[inline(never)]
fn common_long(a: &[u8], b: &[u8]) -> usize {
    let mut at = 0;
    for (word, other) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        let differing = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if differing != 0 {
            return at + differing.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + a[at..]
        .iter()
        .zip(&b[at..])
        .take_while(|(one, other)| one == other)
        .count()
}

/// The rows of the pack whose blob starts `storage`, with their texts.
#[inline]
pub(in crate::types) fn walk_keys(storage: &[u8]) -> Walk<'_, false> {
    let total = u32::from_le_bytes(*storage.first_chunk().expect("a header"));
    Walk {
        rows: Rows {
            bytes: &storage[..total as usize],
            at: HEADER,
        },
        key: KeyText::new(),
    }
}

/// Makes a pack of rows that come in its order.
pub(crate) struct Builder<const VALUED: bool> {
    pack: Pack<VALUED>,
    last: KeyText,
}

impl<const VALUED: bool> Builder<VALUED> {
    pub(crate) fn new() -> Self {
        Self {
            pack: Pack::new(),
            last: KeyText::new(),
        }
    }

    /// Goes on where a pack ends.
    pub(crate) fn after(pack: Pack<VALUED>) -> Self {
        let mut walk = pack.walk();
        while walk.next().is_some() {}
        let last = walk.key;
        Self { pack, last }
    }

    /// The rows so far.
    #[inline]
    pub(crate) fn pack(&self) -> &Pack<VALUED> {
        &self.pack
    }

    /// How many bytes of a key the last row has already.
    #[inline]
    pub(crate) fn common(&self, key: &[u8]) -> usize {
        common_prefix(self.last.as_slice(), key)
    }

    #[inline]
    pub(crate) fn push(&mut self, key: &[u8], value: Cell<'_>) {
        self.push_sharing(self.common(key), key, value);
    }

    /// `push`, with the shared prefix already computed.
    #[inline]
    pub(crate) fn push_sharing(&mut self, before: usize, key: &[u8], value: Cell<'_>) {
        let gap = Gap {
            at: self.pack.byte_len(),
            before,
            after: 0,
        };
        self.pack.insert(gap, key, value);
        self.last.continue_with(before, &key[before..]);
    }

    pub(crate) fn finish(self) -> Pack<VALUED> {
        self.pack
    }
}
