//! A listpack with room at both ends.
//!
//! ```text
//! storage:  | gap (start bytes) | blob | spare room |
//! ```
//!
//! The node at either end of a quicklist takes most of the pushes and pops. A listpack would move all its bytes for
//! each one at its head; here the blob floats in its storage, and pushing at the head writes the entry into the gap
//! and a new header in front of it. Everything else first closes the gap and lets the listpack do the work.

use std::mem;

use crate::store::Blob;
use crate::store::mover::Mover;
use crate::types::blob::allocation_size;
use crate::types::listpack::{END, Encoded, HEADER, Item, Listpack, View, entry};

use super::End;

#[derive(Debug, Clone)]
pub(crate) struct Deck {
    storage: Blob,
    /// Where the blob begins.
    start: usize,
}

impl Deck {
    /// An empty one, expecting more than one small element.
    pub(crate) fn new() -> Self {
        Listpack::with_capacity(FIRST_ROOM - EMPTY_LEN).into()
    }

    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        View::trusted(&self.storage[self.start..self.end()])
    }

    #[inline]
    pub(crate) fn byte_len(&self) -> usize {
        self.header().0
    }

    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.blob(&mut self.storage);
    }

    pub(crate) fn memory(&self) -> usize {
        allocation_size(self.storage.len())
    }

    #[inline]
    pub(crate) fn push(&mut self, end: End, item: Item<'_>) {
        let entry = Encoded::new(item);
        let size = entry.len();
        let (total, count) = self.header();
        let room = match end {
            End::Head => self.start,
            End::Tail => self.storage.len() - self.start - total,
        };
        if room < size {
            self.make_room(end, size);
        }
        // 65535 means unknown, which is also the right word for the 65535th element.
        let count = count.saturating_add(1);
        match end {
            End::Head => {
                self.start -= size;
                let place = &mut self.storage[self.start..self.start + HEADER + size];
                let (header, place) = place.split_at_mut(HEADER);
                write_header(header, total + size, count);
                entry.write(place);
            }
            End::Tail => {
                let blob = &mut self.storage[self.start..self.start + total + size];
                write_header(blob, total + size, count);
                let (last, place) = blob[total - 1..].split_last_mut().expect("size is not 0");
                *last = END;
                entry.write(place);
            }
        }
    }

    /// Removes the element at one end, after `take` had a look at it. `None` if there is none.
    #[inline]
    pub(crate) fn pop<R>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let (total, count) = self.header();
        if total <= EMPTY_LEN {
            return None;
        }
        // An unknown count stays unknown.
        let count = if count == u16::MAX { count } else { count - 1 };
        let blob = &mut self.storage[self.start..self.start + total];
        match end {
            End::Head => {
                let (item, size) = entry::decode(&blob[HEADER..]);
                let taken = take(item);
                write_header(&mut blob[size..], total - size, count);
                self.start += size;
                Some(taken)
            }
            End::Tail => {
                let at = entry::start_of_entry_before(blob, total - 1);
                let taken = take(entry::decode(&blob[at..]).0);
                blob[at] = END;
                write_header(blob, at + 1, count);
                Some(taken)
            }
        }
    }

    /// Changes it in any way a listpack can be changed.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Listpack) -> R) -> R {
        self.close_gap();
        let mut pack = Listpack::trusted(mem::take(&mut self.storage));
        let result = change(&mut pack);
        self.storage = pack.into_storage();
        result
    }

    /// Gives back the room that only pushes and pops at the ends made worth having.
    pub(crate) fn settle(&mut self) {
        if allocation_size(self.byte_len()) < allocation_size(self.storage.len()) {
            self.edit(Listpack::shrink_to_fit);
        }
    }

    pub(crate) fn into_listpack(mut self) -> Listpack {
        self.close_gap();
        let mut pack = Listpack::trusted(self.storage);
        pack.shrink_to_fit();
        pack
    }

    #[inline]
    fn end(&self) -> usize {
        self.start + self.byte_len()
    }

    /// Bytes of the blob and the count as it stands there.
    #[inline]
    fn header(&self) -> (usize, u16) {
        let header: &[u8; HEADER] = self.storage[self.start..].first_chunk().expect("a blob");
        let count = u16::from_le_bytes([header[4], header[5]]);
        (entry::read_u32(header) as usize, count)
    }

    fn close_gap(&mut self) {
        if self.start > 0 {
            let end = self.end();
            self.storage.copy_within(self.start..end, 0);
            self.start = 0;
        }
    }

    /// Makes at least `size` bytes of room at one end. Either slides the blob within its storage, when there is so
    /// much room at the other end that this cannot happen again soon, or doubles the storage. So a push moves the
    /// blob once per as many bytes pushed as a quarter of it.
    #[cold]
    fn make_room(&mut self, end: End, size: usize) {
        let (start, len) = (self.start, self.byte_len());
        let room = self.storage.len() - len;
        // Half to each end: the list may be pushed at one end and popped at the other, or pushed at both.
        if room >= len / 2 && room / 2 >= size {
            self.storage.copy_within(start..start + len, room / 2);
            self.start = room / 2;
            return;
        }
        // A quarter more than needed, or pushing at both ends in turn would come back here every time.
        let capacity = (len + len / 4 + size).max(FIRST_ROOM).next_power_of_two();
        // All of the new room goes where it is wanted; the room at the other end is not worth keeping apart.
        let gap = match end {
            End::Head => capacity - len,
            End::Tail => 0,
        };
        let mut storage = Vec::with_capacity(capacity);
        storage.resize(gap, 0);
        storage.extend_from_slice(&self.storage[start..start + len]);
        storage.resize(capacity, 0);
        self.start = gap;
        self.storage = storage.into();
    }
}

impl From<Listpack> for Deck {
    fn from(pack: Listpack) -> Self {
        Self {
            storage: pack.into_storage(),
            start: 0,
        }
    }
}

#[inline]
fn write_header(blob: &mut [u8], total: usize, count: u16) {
    let total = u32::try_from(total).expect("a node is far below 4 GiB");
    let both = (u64::from(total) | u64::from(count) << 32).to_le_bytes();
    let header: &mut [u8; HEADER] = blob.first_chunk_mut().expect("a node has a header");
    *header = *both.first_chunk().expect("six of eight");
}

/// Header and terminator.
const EMPTY_LEN: usize = HEADER + 1;
/// The room of a fresh node: a few small elements, so that a short list of large ones is not charged for many.
const FIRST_ROOM: usize = 128;
