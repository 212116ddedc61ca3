//! Reading rows: where their parts are, and what their keys say when put together.
//!
//! A `Cut` is a row as it is found in the bytes; a `Row` is where it stands in its pack, for callers to hold. `Rows`
//! goes through a pack without texts, `Walk` with them.

use super::value::{self, Cell};
use crate::base::short;

/// The most that one byte after the head can add to its four bits.
pub(super) const SHARED_MAX: usize = 15 + 255;
/// Keys up to this length are put together without allocating.
const KEY_ON_STACK: usize = 128;

/// Where a row is. Any change to the pack makes it meaningless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(super) at: u32,
    pub(super) rest_at: u32,
    pub(super) value_at: u32,
    pub(super) end: u32,
    pub(super) shared: u32,
}

/// The rows of a pack.
#[derive(Clone)]
pub(crate) struct Rows<'a, const VALUED: bool> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<const VALUED: bool> Iterator for Rows<'_, VALUED> {
    type Item = Row;

    #[inline]
    fn next(&mut self) -> Option<Row> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let cut = Cut::at(self.bytes, self.at);
        let row = cut.row::<VALUED>(self.bytes, self.at);
        self.at = row.end as usize;
        Some(row)
    }
}

impl Row {
    /// The same row in a longer text that begins `by` bytes earlier.
    #[inline]
    pub(super) fn moved(self, by: usize) -> Self {
        let by = by as u32;
        Self {
            at: self.at + by,
            rest_at: self.rest_at + by,
            value_at: self.value_at + by,
            end: self.end + by,
            shared: self.shared,
        }
    }
}

/// The parts of a row before its value.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) shared: usize,
    rest_at: usize,
    pub(super) value_at: usize,
}

impl Cut {
    #[inline]
    pub(super) fn at(bytes: &[u8], at: usize) -> Self {
        let head = bytes[at];
        if head >= 0xf0 || head & 15 == 15 {
            return Self::of_long_head(bytes, at);
        }
        let rest_at = at + 1;
        Self {
            shared: usize::from(head >> 4),
            rest_at,
            value_at: rest_at + usize::from(head & 15),
        }
    }

    #[inline(never)]
    pub(super) fn of_long_head(bytes: &[u8], at: usize) -> Self {
        let head = bytes[at];
        let (mut shared, mut len) = (usize::from(head >> 4), usize::from(head & 15));
        let mut rest_at = at + 1;
        if shared == 15 {
            shared += usize::from(bytes[rest_at]);
            rest_at += 1;
        }
        if len == 15 {
            let (more, used) = value::read_len(&bytes[rest_at..]);
            len += more;
            rest_at += used;
        }
        Self {
            shared,
            rest_at,
            value_at: rest_at + len,
        }
    }

    #[inline]
    pub(super) fn rest(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.rest_at..self.value_at]
    }

    #[inline]
    pub(super) fn key_len(self) -> usize {
        self.shared + self.value_at - self.rest_at
    }

    /// Where the row ends.
    #[inline]
    pub(super) fn end<const VALUED: bool>(self, bytes: &[u8]) -> usize {
        if VALUED {
            self.value_at + value::len(&bytes[self.value_at..])
        } else {
            self.value_at
        }
    }

    #[inline]
    pub(super) fn row<const VALUED: bool>(self, bytes: &[u8], at: usize) -> Row {
        let end = self.end::<VALUED>(bytes);
        Row {
            at: at as u32,
            rest_at: self.rest_at as u32,
            value_at: self.value_at as u32,
            end: end as u32,
            shared: self.shared as u32,
        }
    }
}

/// The rows of a pack and the text of the last one returned. Not an `Iterator`: the text lives in the walk and
/// changes with each step.
pub(crate) struct Walk<'a, const VALUED: bool> {
    pub(super) rows: Rows<'a, VALUED>,
    pub(super) key: KeyText,
}

impl<'a, const VALUED: bool> Walk<'a, VALUED> {
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Row> {
        let row = self.rows.next()?;
        self.key.continue_with(
            row.shared as usize,
            &self.rows.bytes[row.rest_at as usize..row.value_at as usize],
        );
        Some(row)
    }

    /// The key of the row returned last.
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        self.key.as_slice()
    }

    /// The value of a row of this pack; lives as long as the pack.
    #[inline]
    pub(crate) fn value(&self, row: Row) -> Cell<'a> {
        value::decode(&self.rows.bytes[row.value_at as usize..])
    }
}

/// The text of a key, put together from what it shares and the rest.
pub(super) struct KeyText {
    stack: [u8; KEY_ON_STACK],
    len: usize,
    /// Used instead, from the first key that is too long for the stack.
    heap: Option<Vec<u8>>,
}

impl KeyText {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            stack: [0; KEY_ON_STACK],
            len: 0,
            heap: None,
        }
    }

    #[inline]
    pub(super) fn continue_with(&mut self, shared: usize, rest: &[u8]) {
        let len = shared + rest.len();
        if len > KEY_ON_STACK && self.heap.is_none() {
            self.heap = Some(self.stack[..self.len].to_vec());
        }
        match &mut self.heap {
            None => short::copy(&mut self.stack[shared..len], rest),
            Some(heap) => {
                heap.truncate(shared);
                heap.extend_from_slice(rest);
            }
        }
        self.len = len;
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        match &self.heap {
            None => &self.stack[..self.len],
            Some(heap) => heap,
        }
    }
}

/// The first bytes of a row.
pub(super) struct Head {
    bytes: [u8; 8],
    pub(super) len: usize,
}

impl Head {
    #[inline]
    pub(super) fn new(shared: usize, rest_len: usize) -> Self {
        debug_assert!(shared <= SHARED_MAX);
        let mut head = Self {
            bytes: [0; 8],
            len: 1,
        };
        head.bytes[0] = (shared.min(15) << 4 | rest_len.min(15)) as u8;
        if let Some(more) = shared.checked_sub(15) {
            head.bytes[1] = more as u8;
            head.len = 2;
        }
        if let Some(more) = rest_len.checked_sub(15) {
            head.len += value::write_len(more, &mut head.bytes[head.len..]);
        }
        head
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
