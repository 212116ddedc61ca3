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

use crate::types::blob::allocation_size;
use crate::types::listpack::{END, Encoded, HEADER, Item, Listpack, Pos, View};

use super::End;

#[derive(Debug, Clone)]
pub struct Deck {
    storage: Box<[u8]>,
    /// Where the blob begins.
    start: usize,
}

impl Deck {
    /// An empty one, expecting more than one small element.
    pub fn new() -> Self {
        Listpack::with_capacity(FIRST_ROOM - 7).into()
    }

    #[inline]
    pub fn view(&self) -> View<'_> {
        View::trusted(&self.storage[self.start..self.end()])
    }

    #[inline]
    pub fn byte_len(&self) -> usize {
        let header = &self.storage[self.start..];
        u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize
    }

    pub fn memory(&self) -> usize {
        allocation_size(self.storage.len())
    }

    #[inline]
    pub fn push(&mut self, end: End, item: Item<'_>) {
        let entry = Encoded::new(item);
        let size = entry.len();
        let blob_end = self.end();
        let total = blob_end - self.start + size;
        match end {
            End::Head => {
                if self.start < size {
                    self.make_room(End::Head, size);
                }
                let header_count = self.count();
                self.start -= size;
                entry.write(&mut self.storage[self.start + HEADER..]);
                self.set_header(total, count_after_push(header_count));
            }
            End::Tail => {
                if self.storage.len() - blob_end < size {
                    self.make_room(End::Tail, size);
                }
                let header_count = self.count();
                let at = self.end() - 1;
                entry.write(&mut self.storage[at..]);
                self.storage[at + size] = END;
                self.set_header(total, count_after_push(header_count));
            }
        }
    }

    /// Removes the element at one end, after `take` had a look at it. `None` if there is none.
    #[inline]
    pub fn pop<R>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let view = self.view();
        let pos = match end {
            End::Head => view.first(),
            End::Tail => view.last(),
        }?;
        let (item, next) = view.get_and_next(pos);
        let blob_len = view.as_bytes().len();
        let after = next.map_or(blob_len - 1, Pos::offset);
        let size = after - pos.offset();
        let taken = take(item);
        let header_count = self.count();
        match end {
            End::Head => self.start += size,
            End::Tail => self.storage[self.start + blob_len - 1 - size] = 0xff,
        }
        // An unknown count stays unknown.
        let count = if header_count == u16::MAX {
            u16::MAX
        } else {
            header_count - 1
        };
        self.set_header(blob_len - size, count);
        Some(taken)
    }

    /// Changes it in any way a listpack can be changed.
    pub fn edit<R>(&mut self, change: impl FnOnce(&mut Listpack) -> R) -> R {
        self.close_gap();
        let mut pack = Listpack::trusted(mem::take(&mut self.storage));
        let result = change(&mut pack);
        self.storage = pack.into_storage();
        result
    }

    /// Gives back the room that only pushes and pops at the ends made worth having.
    pub fn settle(&mut self) {
        if allocation_size(self.byte_len()) < allocation_size(self.storage.len()) {
            self.edit(Listpack::shrink_to_fit);
        }
    }

    pub fn into_listpack(mut self) -> Listpack {
        self.close_gap();
        let mut pack = Listpack::trusted(self.storage);
        pack.shrink_to_fit();
        pack
    }

    #[inline]
    fn end(&self) -> usize {
        self.start + self.byte_len()
    }

    #[inline]
    fn count(&self) -> u16 {
        u16::from_le_bytes([self.storage[self.start + 4], self.storage[self.start + 5]])
    }

    #[inline]
    fn set_header(&mut self, total: usize, count: u16) {
        let total = u32::try_from(total).expect("a node is far below 4 GiB");
        let header = &mut self.storage[self.start..self.start + HEADER];
        header[..4].copy_from_slice(&total.to_le_bytes());
        header[4..].copy_from_slice(&count.to_le_bytes());
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
        let mut storage = vec![0; capacity].into_boxed_slice();
        // All of the new room goes where it is wanted; what the other end has is not worth keeping apart.
        self.start = match end {
            End::Head => capacity - len,
            End::Tail => 0,
        };
        storage[self.start..self.start + len].copy_from_slice(&self.storage[start..start + len]);
        self.storage = storage;
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
fn count_after_push(count: u16) -> u16 {
    // 65535 means unknown, which is also the right word for the 65535th element.
    count.saturating_add(1)
}

/// What a fresh node has room for: a few small elements, so that a short list of large ones is not charged for many.
const FIRST_ROOM: usize = 128;
