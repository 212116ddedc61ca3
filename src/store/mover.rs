//! Moves allocations out of slabs that should be emptied.
//!
//! A [`Mover`] is there for a slice of time on the loop's thread. Owners show it their allocations one by one; one that
//! lies badly (see [`Bins`]) is made anew and the old one freed. While a mover is there the thread allocates without
//! jemalloc's cache of free pieces, which would hand out the very piece that was freed last: what is allocated goes to
//! the oldest open slab, and a slab that has become empty is noticed at once.
//!
//! Shared values stay where they are, since only one of their owners is known here.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::mem::{forget, size_of, size_of_val};
use std::ptr;
use std::sync::Arc;

use super::Blob;
use super::Spot;
use super::alloc;
use super::bins::Bins;
use super::tsc;

pub(crate) struct Mover<'b> {
    bins: &'b Bins,
    until_ticks: u64,
    /// Allocations that were moved, and that were looked at and stay.
    pub(crate) moved: u64,
    pub(crate) left: u64,
    /// Elements that are to be moved, while a table is looked through.
    pub(super) spots: Vec<Spot>,
    /// Everything is moved, wherever it lies.
    #[cfg(test)]
    moves_all: bool,
}

impl<'b> Mover<'b> {
    /// A mover that has time until the counter of [`tsc`] is there.
    pub(crate) fn begin(bins: &'b Bins, until_ticks: u64) -> Self {
        alloc::set_thread_cache(false);
        Self {
            bins,
            until_ticks,
            moved: 0,
            left: 0,
            spots: Vec::new(),
            #[cfg(test)]
            moves_all: false,
        }
    }

    /// A mover that moves whatever it is shown, and whose time is always over.
    #[cfg(test)]
    pub(crate) fn of_all(bins: &'b Bins) -> Self {
        let mut mover = Self::begin(bins, 0);
        mover.moves_all = true;
        mover
    }

    /// Whether the time is over.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        tsc::ticks() >= self.until_ticks
    }

    /// Whether an allocation is to be moved. The caller then moves it.
    #[inline]
    pub(super) fn wants(&mut self, address: usize, bytes: usize) -> bool {
        let is_wanted = self.bins.is_ill_placed(address, bytes);
        #[cfg(test)]
        let is_wanted = is_wanted || self.moves_all;
        if is_wanted {
            self.moved += 1;
        } else {
            self.left += 1;
        }
        is_wanted
    }

    /// The buffer of a vector.
    pub(crate) fn vec<T>(&mut self, place: &mut Vec<T>) {
        let bytes = place.capacity() * size_of::<T>();
        if bytes > 0 && self.wants(place.as_ptr().addr(), bytes) {
            let mut moved = Vec::with_capacity(place.capacity());
            moved.append(place);
            *place = moved;
        }
    }

    /// The buffer of a deque.
    pub(crate) fn deque<T>(&mut self, place: &mut VecDeque<T>) {
        let bytes = place.capacity() * size_of::<T>();
        if bytes > 0 && self.wants(place.as_slices().0.as_ptr().addr(), bytes) {
            let mut moved = VecDeque::with_capacity(place.capacity());
            moved.append(place);
            *place = moved;
        }
    }

    /// Bytes in a box.
    pub(crate) fn bytes(&mut self, place: &mut Box<[u8]>) {
        if !place.is_empty() && self.wants(place.as_ptr().addr(), place.len()) {
            *place = Box::from(&**place);
        }
    }

    /// The bytes of a blob.
    pub(crate) fn blob(&mut self, place: &mut Blob) {
        if !place.is_empty() && self.wants(place.as_ptr().addr(), place.len()) {
            *place = Blob::from(&**place);
        }
    }

    /// A box, and not what its content owns elsewhere.
    pub(crate) fn boxed<T>(&mut self, place: &mut Box<T>) {
        if self.wants(ptr::from_ref(&**place).addr(), size_of::<T>()) {
            replace(place, |old| Box::new(*old));
        }
    }

    /// Shared bytes that have one owner.
    pub(crate) fn shared_bytes(&mut self, place: &mut Arc<[u8]>) {
        let is_own = Arc::get_mut(place).is_some_and(|bytes| !bytes.is_empty());
        if is_own && self.wants(place.as_ptr().addr(), COUNTS_BYTES + place.len()) {
            *place = Arc::from(&**place);
        }
    }

    /// What has one owner, and what `inside` moves of it.
    pub(crate) fn shared<T>(&mut self, place: &mut Arc<T>, inside: impl FnOnce(&mut Self, &mut T)) {
        let Some(value) = Arc::get_mut(place) else {
            return;
        };
        inside(self, value);
        let bytes = COUNTS_BYTES + size_of_val(value);
        if self.wants(ptr::from_ref(value).addr(), bytes) {
            replace(place, |old| {
                // Nobody else has it, or it would not have been lent above.
                Arc::try_unwrap(old).map_or_else(|shared| shared, Arc::new)
            });
        }
    }
}

/// The counts of references in front of a shared value.
const COUNTS_BYTES: usize = 2 * size_of::<usize>();

impl Drop for Mover<'_> {
    fn drop(&mut self) {
        alloc::set_thread_cache(true);
    }
}

/// Puts something else made of it in the place of a value.
fn replace<T>(place: &mut T, make: impl FnOnce(T) -> T) {
    /// Making it has failed, and the place holds nothing: nobody may look at it any more.
    struct Abyss;
    impl Drop for Abyss {
        fn drop(&mut self) {
            std::process::abort();
        }
    }
    let abyss = Abyss;
    // SAFETY: the value is read out once; until another is written nobody looks at the place, since it is borrowed
    // exclusively and an unwinding would end the process.
    let old = unsafe { ptr::read(place) };
    let new = make(old);
    // SAFETY: the old value has moved out and must not be dropped here.
    unsafe { ptr::write(place, new) };
    forget(abyss);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_stays_what_it_was() {
        let bins = Bins::new();
        let mut mover = Mover::of_all(&bins);
        let mut vec: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let (before, capacity) = (vec.clone(), vec.capacity());
        mover.vec(&mut vec);
        assert_eq!((&vec, vec.capacity()), (&before, capacity));
        let mut deque: VecDeque<String> = before.iter().cloned().collect();
        deque.rotate_left(7);
        let turned = deque.clone();
        mover.deque(&mut deque);
        assert_eq!(deque, turned);
        let mut bytes: Box<[u8]> = b"some bytes".as_slice().into();
        mover.bytes(&mut bytes);
        assert_eq!(&*bytes, b"some bytes");
        let mut boxed = Box::new(before.clone());
        mover.boxed(&mut boxed);
        assert_eq!(*boxed, before);
        let mut one = Arc::new(before.clone());
        mover.shared(&mut one, Mover::vec);
        assert_eq!(*one, before);
        assert_eq!(mover.moved, 6);
        let other = Arc::clone(&one);
        mover.shared(&mut one, Mover::vec);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(mover.moved, 6, "it has two owners");
        let mut text: Arc<[u8]> = b"some bytes".as_slice().into();
        mover.shared_bytes(&mut text);
        assert_eq!((&*text, mover.moved), (b"some bytes".as_slice(), 7));
        let other = Arc::clone(&text);
        mover.shared_bytes(&mut text);
        assert!(Arc::ptr_eq(&text, &other));
        assert_eq!(mover.moved, 7, "it has two owners");
        assert!(mover.is_over());
    }

    #[test]
    fn another_allocators_memory_stays() {
        let bins = Bins::new();
        let mut mover = Mover::begin(&bins, u64::MAX);
        let mut vec = vec![1, 2, 3];
        mover.vec(&mut vec);
        assert_eq!((mover.moved, mover.left), (0, 1));
        assert!(!mover.is_over());
    }
}
