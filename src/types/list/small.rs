//! A list of one piece.
//!
//! ```text
//! rows       a pack of texts, in the order of the list      few and short ones
//! listpack   what Redis has                                 all others
//! ```
//!
//! To the outside both are a listpack, in OBJECT ENCODING and in files. Elements of a list mostly begin alike, so rows
//! take a third to a half of the bytes. Their price is that the last one is only found by walking over the others, so
//! there may be no more than `ROWS_MAX` of them.
//!
//! A list of rows becomes a listpack when something is added that does not fit in, and does not go back, unless it is
//! loaded from a file. The limits of a small list are chosen so that it is never worse than a listpack, and so that the
//! listpack which rows stand for is below any limit a list may have (`listpack_len_max`): nobody has to know its true
//! size.
//!
//! The form is not written anywhere, or the handle would need a third word and with it every entry of the keyspace: a
//! listpack ends with the byte 255, and rows never do. Their last byte is the head of a row, which is less, or the last
//! byte of an element, and those that end with 255 do not fit in.

use std::borrow::Cow;
use std::mem;
use std::ops::ControlFlow;

use crate::base::num;
use crate::store::Blob;
use crate::types::blob;
use crate::types::listpack::{END, Encoded, FRAME, Item, Listpack, View};
use crate::types::pack::{Builder, Cell, Keys, Walk, walk_keys};

use super::quick::remove_from;
use super::{Direction, End, Side};

/// The allocation, with the blob of a pack or of a listpack at its start.
#[derive(Clone)]
pub struct Small(Blob);

/// The content of the allocation.
enum Form<'a> {
    Rows(Walk<'a, false>),
    Packed(View<'a>),
}

impl Small {
    pub(crate) fn new() -> Self {
        Self(Keys::new().into_storage())
    }

    /// The list whose bytes start a blob that `into_blob` or `bytes` gave.
    #[inline]
    pub(super) fn trusted(storage: Blob) -> Self {
        Self(storage)
    }

    /// As rows, if they fit and stand for exactly this listpack.
    pub(crate) fn from_listpack(pack: Listpack) -> Self {
        match rows_of(pack.view()) {
            Some(rows) => Self(rows.into_storage()),
            None => Self(pack.into_storage()),
        }
    }

    pub(crate) fn into_listpack(self) -> Listpack {
        if self.is_rows() {
            self.to_listpack(0)
        } else {
            Listpack::trusted(self.0)
        }
    }

    /// The blob of the listpack that this is, or stands for.
    pub(crate) fn listpack_blob(&self) -> Cow<'_, [u8]> {
        match self.form() {
            Form::Rows(_) => {
                let pack = self.to_listpack(0);
                let len = pack.byte_len();
                let mut blob = pack.into_storage().into_vec();
                blob.truncate(len);
                Cow::Owned(blob)
            }
            Form::Packed(view) => Cow::Borrowed(view.as_bytes()),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        if self.is_rows() {
            usize::from(u16::from_le_bytes([self.0[4], self.0[5]]))
        } else {
            self.view().len()
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes the allocator spends on it.
    pub(crate) fn memory(&self) -> usize {
        blob::allocation_size(self.0.len())
    }

    /// At least the size of the listpack that this is, or stands for.
    #[inline]
    pub(crate) fn listpack_len_max(&self) -> usize {
        if self.is_rows() {
            FRAME + self.len() * ENTRY_MAX
        } else {
            self.byte_len()
        }
    }

    /// Prepares for `count` elements of `bytes` of text together, all of which are going to be added.
    #[inline]
    pub(crate) fn reserve(&mut self, bytes: usize, count: usize) {
        let room = bytes + count * SMALL_ENTRY_OVERHEAD;
        if !self.is_rows() {
            let missing = self.byte_len() + room;
            if missing > self.0.len() {
                self.edit(|pack| pack.reserve(room));
            }
        } else if self.len() + count > ROWS_MAX {
            self.unpack(room);
        }
    }

    /// Turns rows into a listpack with room for `bytes` more.
    #[cold]
    pub(crate) fn unpack(&mut self, bytes: usize) {
        if self.is_rows() {
            self.0 = self.to_listpack(bytes).into_storage();
        }
    }

    /// Pushes texts while they fit into rows; returns how many it has pushed.
    pub(crate) fn push_rows<'a>(
        &mut self,
        end: End,
        texts: impl Iterator<Item = &'a [u8]>,
    ) -> usize {
        if !self.is_rows() {
            return 0;
        }
        let mut count = 0;
        match end {
            End::Head => {
                for text in texts {
                    if !self.push_row(end, text) {
                        break;
                    }
                    count += 1;
                }
            }
            End::Tail => {
                let mut rows = Builder::after(Keys::trusted(mem::take(&mut self.0)));
                for text in texts {
                    let common = rows.common(text);
                    if !fits(rows.pack(), text, common) {
                        break;
                    }
                    rows.push_sharing(common, text, NO_VALUE);
                    count += 1;
                }
                self.0 = rows.finish().into_storage();
            }
        }
        count
    }

    #[inline]
    pub(crate) fn push(&mut self, end: End, item: Item<'_>) {
        if self.is_rows() {
            if self.push_row(end, item.text(&mut [0; 20])) {
                return;
            }
            self.unpack(item.len() + SMALL_ENTRY_OVERHEAD);
        }
        self.edit(|pack| match end {
            End::Head => pack.prepend(item),
            End::Tail => pack.append(item),
        });
    }

    #[inline]
    fn push_row(&mut self, end: End, text: &[u8]) -> bool {
        self.edit_rows(|rows| {
            let gap = match end {
                End::Head => rows.gap_at_start(text),
                End::Tail => rows.gap_at_end(text),
            };
            let is_fit = fits(rows, text, gap.common());
            if is_fit {
                rows.insert(gap, text, NO_VALUE);
            }
            is_fit
        })
    }

    #[inline]
    pub(crate) fn pop_with<R>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        if self.is_empty() {
            return None;
        }
        if self.is_rows() {
            let last = match end {
                End::Head => 0,
                End::Tail => self.len() - 1,
            };
            return Some(self.edit_rows(|rows| {
                let (row, walk) = rows.walk_to(last);
                let taken = take(Item::Bytes(walk.key()));
                rows.remove(row);
                taken
            }));
        }
        self.edit(|pack| {
            let pos = match end {
                End::Head => pack.first(),
                End::Tail => pack.last(),
            }?;
            let taken = take(pack.get(pos));
            pack.delete(pos);
            Some(taken)
        })
    }

    /// Hands over the element at `index`.
    #[inline]
    pub(crate) fn get<R>(&self, index: usize, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        match self.form() {
            Form::Rows(mut walk) => {
                for _ in 0..=index {
                    walk.next()?;
                }
                Some(take(Item::Bytes(walk.key())))
            }
            Form::Packed(view) => view.at(index as i64).map(take),
        }
    }

    /// Replaces the element at `index`, which exists.
    pub(crate) fn set(&mut self, index: usize, item: Item<'_>) {
        if self.is_rows() {
            let mut space = [0; 20];
            let text = item.text(&mut space);
            let is_set = self.edit_rows(|rows| {
                // The shared prefix is not known before the old row is gone; nothing is assumed.
                let is_fit = fits(rows, text, 0);
                if is_fit {
                    let row = rows.rows().nth(index).expect("the index was resolved");
                    rows.remove(row);
                    rows.insert(rows.gap_at(index, text), text, NO_VALUE);
                }
                is_fit
            });
            if is_set {
                return;
            }
            self.unpack(item.len());
        }
        self.edit(|pack| {
            let pos = pack.seek(index as i64).expect("the index was resolved");
            pack.replace(pos, item);
        });
    }

    /// Inserts beside the first element whose text is `pivot`; `false` if there is none.
    pub(crate) fn insert(&mut self, side: Side, pivot: &[u8], item: Item<'_>) -> bool {
        if let Form::Rows(mut walk) = self.form() {
            let mut index = 0;
            loop {
                if walk.next().is_none() {
                    return false;
                }
                if walk.key() == pivot {
                    break;
                }
                index += 1;
            }
            let index = index + usize::from(side == Side::After);
            let mut space = [0; 20];
            let text = item.text(&mut space);
            let is_inserted = self.edit_rows(|rows| {
                let gap = rows.gap_at(index, text);
                let is_fit = fits(rows, text, gap.common());
                if is_fit {
                    rows.insert(gap, text, NO_VALUE);
                }
                is_fit
            });
            if is_inserted {
                return true;
            }
            self.unpack(item.len() + SMALL_ENTRY_OVERHEAD);
        }
        self.edit(|pack| {
            let Some(pos) = pack.find(pivot, 0) else {
                return false;
            };
            match side {
                Side::Before => pack.insert_before(pos, item),
                Side::After => pack.insert_after(pos, item),
            };
            true
        })
    }

    /// Removes up to `most` elements with this text, the first ones in `direction`; returns how many.
    pub(crate) fn remove(&mut self, most: usize, text: &[u8], direction: Direction) -> usize {
        let Form::Rows(mut walk) = self.form() else {
            return self.edit(|pack| remove_from(pack, most, text, direction));
        };
        let mut found = 0;
        while walk.next().is_some() {
            found += usize::from(walk.key() == text);
        }
        let removed = found.min(most);
        if removed == 0 {
            return 0;
        }
        let spared = match direction {
            Direction::Forward => 0,
            Direction::Backward => found - removed,
        };
        let mut seen = 0;
        self.edit_rows(|rows| {
            rows.retain(|key, _| {
                if key != text {
                    return true;
                }
                seen += 1;
                !(spared..spared + removed).contains(&(seen - 1))
            });
        });
        removed
    }

    /// Removes `count` elements from `index` on; they exist.
    pub(crate) fn delete_range(&mut self, index: usize, count: usize) {
        if !self.is_rows() {
            return self.edit(|pack| pack.delete_range(index as i64, count));
        }
        self.edit_rows(|rows| {
            if count == 1 {
                let row = rows.rows().nth(index).expect("the caller cut the count");
                return rows.remove(row);
            }
            let mut seen = 0;
            rows.retain(|_, _| {
                seen += 1;
                !(index..index + count).contains(&(seen - 1))
            });
        });
    }

    /// Hands up to `count` elements to `visit`, from the one at `index` on.
    #[inline]
    pub(crate) fn visit<B>(
        &self,
        index: usize,
        count: usize,
        direction: Direction,
        visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match (self.form(), direction) {
            (Form::Rows(mut walk), Direction::Forward) => {
                for _ in 0..index {
                    walk.next();
                }
                for _ in 0..count {
                    if walk.next().is_none() {
                        break;
                    }
                    visit(Item::Bytes(walk.key()))?;
                }
                ControlFlow::Continue(())
            }
            (Form::Rows(walk), Direction::Backward) => {
                visit_back(walk, self.len(), index, count, visit)
            }
            (Form::Packed(view), _) => {
                let Some(from) = view.seek(index as i64) else {
                    return ControlFlow::Continue(());
                };
                match direction {
                    Direction::Forward => view.visit_from(from, count, visit),
                    Direction::Backward => view.visit_back_from(from, count, visit),
                }
            }
        }
    }

    #[inline]
    pub(crate) fn is_rows(&self) -> bool {
        self.0[self.byte_len() - 1] != END
    }

    #[inline]
    pub(super) fn into_blob(self) -> Blob {
        self.0
    }

    /// The bytes of either form, without the room behind them.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..self.byte_len()]
    }

    #[inline]
    fn byte_len(&self) -> usize {
        u32::from_le_bytes(*self.0.first_chunk().expect("both forms have a header")) as usize
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View::trusted(&self.0[..self.byte_len()])
    }

    #[inline]
    fn form(&self) -> Form<'_> {
        if self.is_rows() {
            Form::Rows(walk_keys(&self.0))
        } else {
            Form::Packed(self.view())
        }
    }

    #[inline]
    fn edit<R>(&mut self, change: impl FnOnce(&mut Listpack) -> R) -> R {
        let mut pack = Listpack::trusted(mem::take(&mut self.0));
        let result = change(&mut pack);
        self.0 = pack.into_storage();
        result
    }

    #[inline]
    fn edit_rows<R>(&mut self, change: impl FnOnce(&mut Keys) -> R) -> R {
        let mut rows = Keys::trusted(mem::take(&mut self.0));
        let result = change(&mut rows);
        self.0 = rows.into_storage();
        result
    }

    /// The listpack that rows stand for, with room for `bytes` more.
    fn to_listpack(&self, bytes: usize) -> Listpack {
        let mut walk = walk_keys(&self.0);
        let mut size = bytes;
        while walk.next().is_some() {
            size += Encoded::new(Item::Bytes(walk.key())).len();
        }
        let mut pack = Listpack::with_capacity(size);
        let mut walk = walk_keys(&self.0);
        while walk.next().is_some() {
            pack.append(walk.key());
        }
        pack
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        if !self.is_rows() {
            assert!(crate::types::listpack::validate(self.view().as_bytes()).is_ok());
            return;
        }
        Keys::trusted(self.0.clone()).validate();
        let blob = self.listpack_blob();
        assert!(crate::types::listpack::validate(&blob).is_ok_and(|count| count == self.len()));
        assert!(self.len() <= ROWS_MAX);
        assert!(blob.len() <= self.listpack_len_max());
    }
}

impl std::fmt::Debug for Small {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let blob = self.listpack_blob();
        f.debug_list().entries(View::trusted(&blob)).finish()
    }
}

/// From the element at `index` towards the start. Their texts have to be collected first.
fn visit_back<B>(
    mut walk: Walk<'_, false>,
    len: usize,
    index: usize,
    count: usize,
    visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    if index >= len {
        return ControlFlow::Continue(());
    }
    let mut texts = Vec::new();
    let mut ends = [0; ROWS_MAX];
    for end in &mut ends[..=index] {
        walk.next();
        texts.extend_from_slice(walk.key());
        *end = texts.len();
    }
    for at in (0..=index).rev().take(count) {
        let start = at.checked_sub(1).map_or(0, |before| ends[before]);
        visit(Item::Bytes(&texts[start..ends[at]]))?;
    }
    ControlFlow::Continue(())
}

/// The rows of a listpack, if they fit. Nothing if an element is not stored the way we would: a list from a file is
/// to be written back as it came.
fn rows_of(pack: View<'_>) -> Option<Keys> {
    if pack.len() > ROWS_MAX {
        return None;
    }
    let mut rows = Builder::new();
    let mut size = FRAME;
    let mut space = [0; 20];
    for item in pack {
        let text = item.text(&mut space);
        let common = rows.common(text);
        if !fits(rows.pack(), text, common) {
            return None;
        }
        rows.push_sharing(common, text, NO_VALUE);
        // Every other way to store an element is longer.
        size += Encoded::new(Item::Bytes(text)).len();
    }
    (size == pack.as_bytes().len()).then(|| rows.finish())
}

/// May a text that has `common` bytes in common with a neighbour join these rows?
#[inline]
fn fits(rows: &Keys, text: &[u8], common: usize) -> bool {
    let rest = text.len() - common;
    if text.len() > TEXT_MAX
        || rows.len() >= ROWS_MAX
        || rows.byte_len() + rest > ROWS_BYTES_MAX
        || text.last() == Some(&END)
    {
        return false;
    }
    // A listpack keeps numbers in binary. The first may still be text, in the hope that others begin like it.
    let first = text.first().copied().unwrap_or_default();
    !(first.is_ascii_digit() || first == b'-')
        || rows.is_empty()
        || num::parse_i64(text).is_none_or(|number| rest < Encoded::new(Item::Int(number)).len())
}

/// More rows make the walk to the last of them too long.
const ROWS_MAX: usize = 32;
/// And more bytes the moving of them.
const ROWS_BYTES_MAX: usize = 512;
/// Longer texts seldom are as alike, and a listpack of `ROWS_MAX` of these is below 4 KiB, the smallest limit in bytes.
const TEXT_MAX: usize = 120;
/// The bytes that the entry of the longest text takes in a listpack.
const ENTRY_MAX: usize = TEXT_MAX + 4;
/// The bytes that an entry of a short string takes beyond its text.
const SMALL_ENTRY_OVERHEAD: usize = 2;
const NO_VALUE: Cell<'static> = Cell::Int(0);
