//! Reading a listpack that has been validated, wherever its bytes live.

use std::ops::ControlFlow;

use super::HEADER;
use super::entry::{self, Item};
use crate::base::{num, short};

/// Where an entry starts, as an offset into the blob. Any change to the listpack makes older positions meaningless,
/// except where a method says which position it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pos(pub(super) u32);

impl Pos {
    /// The first entry, if there is one.
    pub(in crate::types) const FIRST: Self = Self(HEADER as u32);

    /// The entry at this offset, for callers that walk the bytes themselves.
    pub(in crate::types) fn at(offset: usize) -> Self {
        Self(offset as u32)
    }

    /// The offset in the blob, as DEBUG commands print it.
    pub(crate) fn offset(self) -> usize {
        self.0 as usize
    }
}

/// A borrowed listpack. Invariant: the bytes are exactly one valid blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    /// The caller vouches for `blob`: it came out of a listpack or passed [`super::validate`].
    #[inline]
    pub(in crate::types) fn trusted(blob: &'a [u8]) -> Self {
        debug_assert_eq!(entry::read_u32(blob) as usize, blob.len());
        Self(blob)
    }

    #[inline]
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Number of elements. Constant time up to 65534 of them; beyond, the header has no room and they are counted.
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self.header_count() {
            u16::MAX => self.count(),
            count => usize::from(count),
        }
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0[HEADER] == entry::END
    }

    #[inline]
    pub(crate) fn first(self) -> Option<Pos> {
        self.entry_at(HEADER)
    }

    #[inline]
    pub(crate) fn last(self) -> Option<Pos> {
        (!self.is_empty()).then(|| self.start_before(self.0.len() - 1))
    }

    /// The entry after the one at `pos`.
    #[inline]
    pub(crate) fn next(self, pos: Pos) -> Option<Pos> {
        self.entry_at(self.end_of(pos))
    }

    /// The entry before the one at `pos`.
    #[inline]
    pub(crate) fn prev(self, pos: Pos) -> Option<Pos> {
        (pos.offset() > HEADER).then(|| self.start_before(pos.offset()))
    }

    #[inline]
    pub(crate) fn get(self, pos: Pos) -> Item<'a> {
        entry::decode(&self.0[pos.offset()..]).0
    }

    /// The entry with this index; negative indexes count from the end, -1 being the last. Walks from the nearer end.
    pub(crate) fn seek(self, index: i64) -> Option<Pos> {
        let header_count = self.header_count();
        let (forward, steps) = if header_count == u16::MAX {
            // Counting would cost as much as the walk: start at the end the index is relative to.
            if index >= 0 {
                (true, index as u64)
            } else {
                (false, !index as u64)
            }
        } else {
            let count = i64::from(header_count);
            let index = if index < 0 { index + count } else { index };
            if index < 0 || index >= count {
                return None;
            }
            if index <= count / 2 {
                (true, index as u64)
            } else {
                (false, (count - 1 - index) as u64)
            }
        };
        if forward {
            let mut pos = self.first()?;
            for _ in 0..steps {
                pos = self.next(pos)?;
            }
            Some(pos)
        } else {
            let mut pos = self.last()?;
            for _ in 0..steps {
                pos = self.prev(pos)?;
            }
            Some(pos)
        }
    }

    /// The element with this index, as `seek` counts.
    pub(crate) fn at(self, index: i64) -> Option<Item<'a>> {
        self.seek(index).map(|pos| self.get(pos))
    }

    #[inline]
    pub(crate) fn iter(self) -> Iter<'a> {
        Iter {
            blob: self.0,
            front: HEADER,
            back: self.0.len() - 1,
        }
    }

    /// Hands elements from the one at `pos` on to `visit`: `take` of them, or all there are.
    #[inline]
    pub(crate) fn visit_from<B>(
        self,
        pos: Pos,
        take: usize,
        visit: &mut impl FnMut(Item<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut bytes = &self.0[pos.offset()..];
        for _ in 0..take {
            if bytes[0] == entry::END {
                break;
            }
            let (item, size) = entry::decode(bytes);
            visit(item)?;
            bytes = &bytes[size..];
        }
        ControlFlow::Continue(())
    }

    /// As `visit_from`, towards the start.
    #[inline]
    pub(crate) fn visit_back_from<B>(
        self,
        pos: Pos,
        take: usize,
        visit: &mut impl FnMut(Item<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut at = Some(pos);
        for _ in 0..take {
            let Some(pos) = at else { break };
            visit(self.get(pos))?;
            at = self.prev(pos);
        }
        ControlFlow::Continue(())
    }

    /// The first entry from `from` on whose text is `needle`. After an entry that differs, `skip` entries are passed
    /// over without being looked at: 1 finds a field among (field, value) pairs.
    pub(crate) fn find(self, from: Pos, needle: &[u8], skip: usize) -> Option<Pos> {
        let number = num::parse_i64(needle);
        let mut at = from.offset();
        loop {
            let bytes = &self.0[at..];
            if bytes[0] == entry::END {
                return None;
            }
            let (item, size) = entry::decode(bytes);
            let is_found = match item {
                Item::Int(value) => number == Some(value),
                Item::Bytes(text) => short::same(text, needle),
            };
            if is_found {
                return Some(Pos(at as u32));
            }
            at += size;
            for _ in 0..skip {
                if self.0[at] == entry::END {
                    return None;
                }
                at += entry::skip(&self.0[at..]);
            }
        }
    }

    /// The first entry from the start whose text is `needle`, looking at every `skip + 1`st only.
    pub(crate) fn find_first(self, needle: &[u8], skip: usize) -> Option<Pos> {
        self.find(self.first()?, needle, skip)
    }

    /// Where the entry at `pos` ends, its backlen included: the next one starts there.
    #[inline]
    pub(super) fn end_of(self, pos: Pos) -> usize {
        pos.offset() + entry::skip(&self.0[pos.offset()..])
    }

    #[inline]
    fn header_count(self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    #[cold]
    fn count(self) -> usize {
        self.iter().count()
    }

    #[inline]
    fn entry_at(self, at: usize) -> Option<Pos> {
        (self.0[at] != entry::END).then_some(Pos(at as u32))
    }

    #[inline]
    fn start_before(self, end: usize) -> Pos {
        Pos(entry::start_of_entry_before(self.0, end) as u32)
    }
}

impl<'a> IntoIterator for View<'a> {
    type Item = Item<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The elements in order, from either end.
#[derive(Debug, Clone)]
pub(crate) struct Iter<'a> {
    blob: &'a [u8],
    front: usize,
    /// One past the last entry still to come: its backlen ends here.
    back: usize,
}

impl Iter<'_> {
    /// Where the element stands that `next` would return.
    pub(crate) fn pos(&self) -> Option<Pos> {
        (self.front < self.back).then_some(Pos(self.front as u32))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (item, size) = entry::decode(&self.blob[self.front..]);
        self.front += size;
        Some(item)
    }

    fn count(mut self) -> usize {
        let mut count = 0;
        while self.front < self.back {
            self.front += entry::skip(&self.blob[self.front..]);
            count += 1;
        }
        count
    }

    fn nth(&mut self, index: usize) -> Option<Item<'a>> {
        for _ in 0..index {
            if self.front >= self.back {
                return None;
            }
            self.front += entry::skip(&self.blob[self.front..]);
        }
        self.next()
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        self.back = entry::start_of_entry_before(self.blob, self.back);
        Some(entry::decode(&self.blob[self.back..]).0)
    }
}
