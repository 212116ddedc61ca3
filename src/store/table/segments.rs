//! A growing array of buckets that never moves as a whole.
//!
//! Buckets live in segments of 1024 (64 KiB of home buckets), listed in a directory: for ten million
//! keys the directory is 10 KB and stays in the cache. Growing by one bucket at most allocates the next
//! segment. Its memory is not touched until a bucket in it is used.
//!
//! A small array must not pay for 1024 buckets, so the *last* segment may be shorter than the
//! others. It is enlarged in steps, by copying at most 64 KiB, while the array is small enough for
//! the difference to matter.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;

use super::bucket::{Bucket, OVERFLOW_MAX};

pub(super) struct Segments<const N: usize> {
    /// Invariant: each pointer is an allocation of `SEGMENT` buckets, the last one of
    /// `last_capacity`.
    directory: Vec<NonNull<Bucket<N>>>,
    last_capacity: u32,
    /// Buckets in use, all of them initialised. Invariant: `len <= capacity()`.
    len: u32,
}

const SEGMENT: u32 = 1024;

// SAFETY: the buckets are owned by this value alone and hold plain numbers; `&Segments` only reads.
unsafe impl<const N: usize> Send for Segments<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for Segments<N> {}

impl<const N: usize> Segments<N> {
    pub(crate) const fn new() -> Self {
        Self {
            directory: Vec::new(),
            last_capacity: 0,
            len: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) fn bucket(&self, index: u32) -> &Bucket<N> {
        // SAFETY: `at` returns a valid, initialised bucket of ours; it is borrowed for as long as
        // `self` is.
        unsafe { self.at(index).as_ref() }
    }

    #[inline]
    pub(crate) fn bucket_mut(&mut self, index: u32) -> &mut Bucket<N> {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { self.at(index).as_mut() }
    }

    /// Where a bucket is, for a prefetch.
    #[inline]
    pub(crate) fn location(&self, index: u32) -> usize {
        self.at(index).addr().get()
    }

    pub(crate) fn push(&mut self, bucket: Bucket<N>) -> u32 {
        if self.len == self.capacity() {
            self.grow();
        }
        let index = self.len;
        self.len += 1;
        // SAFETY: `index` is below `len`, which is at most the capacity, so it is inside an
        // allocation of ours. It may not have been initialised before, and a bucket has nothing to
        // drop: hence `write`.
        unsafe { self.at(index).write(bucket) };
        index
    }

    pub(crate) fn pop(&mut self) -> Bucket<N> {
        let bucket = *self.bucket(self.len - 1);
        self.len -= 1;
        let last = self.directory.len() as u32 - 1;
        if self.len == last * SEGMENT {
            let pointer = self.directory.pop().expect("a bucket was there");
            release(pointer, self.last_capacity);
            self.last_capacity = SEGMENT;
            if self.directory.is_empty() {
                *self = Self::new();
            }
        } else if last == 0 && self.len == 1 {
            self.resize_last(1);
            self.directory.shrink_to_fit();
        } else if last == 0 && self.len * 4 <= self.last_capacity {
            self.resize_last(rounded(self.len * 2));
        }
        bucket
    }

    pub(crate) fn duplicate(&self) -> Self {
        let mut copy = Self::new();
        for index in 0..self.len {
            copy.push(*self.bucket(index));
        }
        copy
    }

    /// The bytes of the allocations.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity() as usize * size_of::<Bucket<N>>()
            + self.directory.capacity() * size_of::<NonNull<Bucket<N>>>()
    }

    fn capacity(&self) -> u32 {
        (self.directory.len() as u32).saturating_sub(1) * SEGMENT + self.last_capacity
    }

    #[inline]
    fn at(&self, index: u32) -> NonNull<Bucket<N>> {
        assert!(index < self.len, "no such bucket: the spot is stale");
        // SAFETY: `index < len <= capacity`, so the directory has an entry for its segment.
        let segment = unsafe { self.directory.get_unchecked((index / SEGMENT) as usize) };
        // SAFETY: for the same reason the segment is long enough, whether it is the last one or not.
        unsafe { segment.add((index % SEGMENT) as usize) }
    }

    /// How many bytes one more bucket would take from the allocator.
    pub(crate) fn growth_bytes(&self) -> usize {
        if self.len < self.capacity() {
            return 0;
        }
        let buckets = match self.directory.len() {
            0 => 1,
            1 if self.last_capacity < SEGMENT => {
                rounded(self.last_capacity + 1) - self.last_capacity
            }
            2..16 => SEGMENT / 8,
            _ => SEGMENT,
        };
        buckets as usize * size_of::<Bucket<N>>()
    }

    fn grow(&mut self) {
        assert!(
            self.len < u32::MAX - 2 * SEGMENT && (N != 4 || self.len < OVERFLOW_MAX - SEGMENT),
            "a table has fewer than 2^32 home buckets and 2^28 others"
        );
        let is_large = self.directory.len() >= 16;
        if self.directory.is_empty() || self.last_capacity == SEGMENT {
            let capacity = match self.directory.len() {
                0 => 1,
                _ if is_large => SEGMENT,
                _ => SEGMENT / 8,
            };
            if self.directory.is_empty() {
                // Most tables need no second one.
                self.directory.reserve_exact(1);
            }
            self.directory.push(obtain(capacity));
            self.last_capacity = capacity;
        } else if self.directory.len() == 1 {
            self.resize_last(rounded(self.last_capacity + 1));
        } else {
            self.resize_last(if is_large {
                SEGMENT
            } else {
                self.last_capacity + SEGMENT / 8
            });
        }
    }

    fn resize_last(&mut self, capacity: u32) {
        debug_assert!(self.directory.len() as u32 * SEGMENT - SEGMENT + capacity >= self.len);
        let last = self
            .directory
            .last_mut()
            .expect("only called when there is a segment");
        let layout = layout_of::<N>(capacity);
        // SAFETY: `last` was allocated with the layout of `last_capacity` buckets; the new size is
        // not 0.
        let moved = unsafe {
            realloc(
                last.as_ptr().cast(),
                layout_of::<N>(self.last_capacity),
                layout.size(),
            )
        };
        *last = NonNull::new(moved.cast()).unwrap_or_else(|| handle_alloc_error(layout));
        self.last_capacity = capacity;
    }
}

impl<const N: usize> Drop for Segments<N> {
    fn drop(&mut self) {
        let last = self.directory.len().saturating_sub(1);
        for (number, &pointer) in self.directory.iter().enumerate() {
            release(
                pointer,
                if number == last {
                    self.last_capacity
                } else {
                    SEGMENT
                },
            );
        }
    }
}

/// The next capacity worth having for a single segment: every number up to 8, then four steps per
/// doubling, which are jemalloc's own classes.
fn rounded(buckets: u32) -> u32 {
    if buckets <= 8 {
        return buckets;
    }
    let step = 1 << ((buckets - 1).ilog2() - 2);
    buckets.next_multiple_of(step).min(SEGMENT)
}

fn layout_of<const N: usize>(capacity: u32) -> Layout {
    Layout::array::<Bucket<N>>(capacity as usize).expect("at most 64 KiB")
}

fn obtain<const N: usize>(capacity: u32) -> NonNull<Bucket<N>> {
    let layout = layout_of::<N>(capacity);
    // SAFETY: the size is not 0, since a capacity never is. Nothing is read before `push` has
    // written it.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

fn release<const N: usize>(pointer: NonNull<Bucket<N>>, capacity: u32) {
    // SAFETY: callers pass a segment of the directory with the capacity it was allocated for, and
    // forget it.
    unsafe { dealloc(pointer.as_ptr().cast(), layout_of::<N>(capacity)) };
}

#[cfg(test)]
mod tests {
    use super::super::bucket::Home;
    use super::*;
    use crate::store::address::Address;

    fn numbered(number: u32) -> Home {
        let mut bucket = Home::EMPTY;
        bucket.put(0, Address::from_bits(u64::from(number) + 1));
        bucket
    }

    #[test]
    fn keeps_its_buckets_while_growing_and_shrinking() {
        let mut segments = Segments::new();
        for number in 0..20_000 {
            assert_eq!(segments.push(numbered(number)), number);
            let slack = segments.bytes() - segments.len() as usize * 64;
            assert!(
                slack <= (64 + number as usize * 64 / 4).min(64 * 1024) + 256,
                "{slack} at {number}"
            );
        }
        for number in (0..20_000).rev() {
            assert_eq!(
                segments.bucket(number).address(0).bits(),
                u64::from(number) + 1
            );
            assert_eq!(segments.pop().address(0).bits(), u64::from(number) + 1);
        }
        assert_eq!(segments.capacity(), 0);
    }

    #[test]
    #[should_panic(expected = "stale")]
    fn refuses_an_index_out_of_bounds() {
        let mut segments = Segments::new();
        segments.push(Home::EMPTY);
        segments.bucket(1);
    }
}
