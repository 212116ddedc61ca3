//! Lua's memory: what a script leaves behind serves the next one.
//!
//! Each run of a script makes a few small things, two tables and some strings, and the collector frees as many of an
//! earlier run. To go to the allocator of the process for each of them, and have it counted, takes a quarter of what a
//! short script costs. So small pieces that Lua frees are kept, in a list for each size, and handed out again; of them
//! no more than [`KEPT_MAX_BYTES`], about what the collector lets lie around between two rounds of an interpreter
//! without large data. The others go back at once, so nothing is left of a script that was large.
//!
//! What always holds: a piece up to [`SMALL`] bytes has been asked for with its size rounded up to [`STEP`], a
//! larger one with its own, and it is given back with the same. Lua names the size of what it gives back, and needs no
//! more than the alignment of a double.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{self, NonNull};

/// Sizes are rounded up to a multiple of it. It is also the alignment.
const STEP: usize = 8;

/// The largest piece that is kept.
const SMALL: usize = 256;

/// So many bytes are kept for scripts to come.
const KEPT_MAX_BYTES: usize = 64 << 10;

/// A piece that nobody uses: its first word is the next one of its size.
struct Free(Option<NonNull<Free>>);

/// What an interpreter has of memory.
pub(super) struct Memory {
    /// The first of those that are kept, for each size.
    kept: [Cell<Option<NonNull<Free>>>; SMALL / STEP + 1],
    kept_bytes: Cell<usize>,
    used_bytes: Cell<usize>,
    /// A request beyond it fails.
    max_bytes: usize,
}

impl Memory {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            kept: [const { Cell::new(None) }; SMALL / STEP + 1],
            kept_bytes: Cell::new(0),
            used_bytes: Cell::new(0),
            max_bytes,
        }
    }

    /// What Lua uses, without what is kept.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes.get()
    }

    /// A new piece; null where there is no memory.
    #[inline]
    fn take(&self, size: usize) -> *mut c_void {
        let used = self.used_bytes.get().saturating_add(size);
        if used > self.max_bytes {
            return ptr::null_mut();
        }
        if let Some(steps) = steps(size)
            && let Some(piece) = self.kept[steps].get()
        {
            // SAFETY: it is one of ours that nobody uses, with its first word as `give` has written it.
            let Free(next) = unsafe { piece.read() };
            self.kept[steps].set(next);
            self.kept_bytes.set(self.kept_bytes.get() - steps * STEP);
            self.used_bytes.set(used);
            return piece.as_ptr().cast();
        }
        let piece = allocate(size);
        if !piece.is_null() {
            self.used_bytes.set(used);
        }
        piece
    }

    /// Takes back a piece that has been taken with this size.
    #[inline]
    fn give(&self, piece: NonNull<c_void>, size: usize) {
        self.used_bytes.set(self.used_bytes.get() - size);
        if let Some(steps) = steps(size) {
            let kept_bytes = self.kept_bytes.get() + steps * STEP;
            if kept_bytes <= KEPT_MAX_BYTES {
                let piece = piece.cast::<Free>();
                // SAFETY: nobody uses it any more, and it has room for a word.
                unsafe { piece.write(Free(self.kept[steps].get())) };
                self.kept[steps].set(Some(piece));
                self.kept_bytes.set(kept_bytes);
                return;
            }
        }
        // SAFETY: this is the piece's size.
        unsafe { deallocate(piece, size) };
    }

    /// A piece of another size with the same content, as far as that fits; null where there is no memory, and then the
    /// old one stays.
    fn change(&self, piece: NonNull<c_void>, old: usize, new: usize) -> *mut c_void {
        if old > SMALL && new > SMALL {
            let used = self.used_bytes.get() - old;
            if new > old && used.saturating_add(new) > self.max_bytes {
                return ptr::null_mut();
            }
            let Some(layout) = layout(old).filter(|_| layout(new).is_some()) else {
                return ptr::null_mut();
            };
            // SAFETY: the piece is of this layout, and the new size is one that a layout can have.
            let changed = unsafe { alloc::realloc(piece.as_ptr().cast(), layout, new) };
            if !changed.is_null() {
                self.used_bytes.set(used + new);
            }
            return changed.cast();
        }
        if steps(old).is_some() && steps(old) == steps(new) {
            (self.used_bytes).set(self.used_bytes.get() - old + new);
            return piece.as_ptr();
        }
        let changed = self.take(new);
        if !changed.is_null() {
            // SAFETY: both have as many bytes, and are not the same.
            unsafe {
                ptr::copy_nonoverlapping(piece.as_ptr().cast::<u8>(), changed.cast(), old.min(new))
            };
            self.give(piece, old);
        }
        changed
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for (at, list) in self.kept.iter().enumerate() {
            let mut next = list.take();
            while let Some(piece) = next {
                // SAFETY: it is one of ours that nobody uses, with its first word as `give` has written it.
                Free(next) = unsafe { piece.read() };
                // SAFETY: the pieces of this list have this size.
                unsafe { deallocate(piece.cast(), at * STEP) };
            }
        }
    }
}

/// What Lua calls for all that it needs and gives back.
pub(super) unsafe extern "C" fn reallocate(
    memory: *mut c_void,
    piece: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: the interpreter was made with it, and it outlives the interpreter.
    let memory = unsafe { &*memory.cast_const().cast::<Memory>() };
    match NonNull::new(piece) {
        None if new == 0 => ptr::null_mut(),
        None => memory.take(new),
        Some(piece) if new == 0 => {
            memory.give(piece, old);
            ptr::null_mut()
        }
        Some(piece) => memory.change(piece, old, new),
    }
}

/// The list of pieces of this size, which is also how many steps they have. None: they are not kept.
#[inline]
fn steps(size: usize) -> Option<usize> {
    (size <= SMALL).then(|| size.div_ceil(STEP))
}

/// How a piece of this size lies in memory. None: it is too large for any.
#[inline]
fn layout(size: usize) -> Option<Layout> {
    let size = steps(size).map_or(size, |steps| steps * STEP);
    Layout::from_size_align(size, STEP).ok()
}

#[cold]
fn allocate(size: usize) -> *mut c_void {
    match layout(size) {
        // SAFETY: nobody asks for nothing.
        Some(layout) => unsafe { alloc::alloc(layout).cast() },
        None => ptr::null_mut(),
    }
}

/// # Safety
/// The piece has been allocated with a size that rounds as this one does, and is not used any more.
#[cold]
unsafe fn deallocate(piece: NonNull<c_void>, size: usize) {
    if let Some(layout) = layout(size) {
        // SAFETY: as above.
        unsafe { alloc::dealloc(piece.as_ptr().cast(), layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(memory: &Memory, piece: *mut c_void, old: usize, new: usize) -> *mut c_void {
        let memory: *const Memory = memory;
        // SAFETY: each test gives back what it has taken, with its size.
        unsafe { reallocate(memory.cast_mut().cast(), piece, old, new) }
    }

    fn fill(piece: *mut c_void, size: usize, with: u8) {
        // SAFETY: the piece has as many bytes.
        unsafe { piece.cast::<u8>().write_bytes(with, size) };
    }

    fn first(piece: *mut c_void, count: usize) -> Vec<u8> {
        // SAFETY: the piece has as many bytes, and they were written.
        unsafe { std::slice::from_raw_parts(piece.cast::<u8>(), count) }.to_vec()
    }

    #[test]
    fn what_is_given_back_is_handed_out_again() {
        let memory = Memory::new(usize::MAX);
        let piece = ask(&memory, ptr::null_mut(), 0, 30);
        assert_eq!(memory.used_bytes(), 30);
        ask(&memory, piece, 30, 0);
        assert_eq!(memory.used_bytes(), 0);
        assert_eq!(
            ask(&memory, ptr::null_mut(), 0, 25),
            piece,
            "it rounds alike"
        );
        let another = ask(&memory, ptr::null_mut(), 0, 25);
        assert_ne!(another, piece);
        ask(&memory, piece, 25, 0);
        ask(&memory, another, 25, 0);
        assert_eq!(memory.kept_bytes.get(), 64);
    }

    #[test]
    fn no_more_is_kept_than_is_worth_it() {
        let memory = Memory::new(usize::MAX);
        let pieces: Vec<_> = (0..1_000)
            .map(|_| ask(&memory, ptr::null_mut(), 0, 200))
            .collect();
        for piece in pieces {
            ask(&memory, piece, 200, 0);
        }
        assert_eq!(memory.used_bytes(), 0);
        assert_eq!(memory.kept_bytes.get(), KEPT_MAX_BYTES / 200 * 200);
        let large = ask(&memory, ptr::null_mut(), 0, 300);
        ask(&memory, large, 300, 0);
        assert_eq!(memory.kept_bytes.get(), KEPT_MAX_BYTES / 200 * 200);
    }

    #[test]
    fn a_piece_keeps_its_content_when_it_grows_and_shrinks() {
        let memory = Memory::new(usize::MAX);
        let mut piece = ask(&memory, ptr::null_mut(), 0, 1);
        fill(piece, 1, 7);
        let mut size = 1;
        for next in [8, 9, 16, 256, 257, 300, 100_000, 5_000, 256, 255, 100, 3] {
            piece = ask(&memory, piece, size, next);
            let common = size.min(next);
            assert_eq!(first(piece, common), vec![7; common], "{size} to {next}");
            fill(piece, next, 7);
            size = next;
            assert_eq!(memory.used_bytes(), size);
        }
        ask(&memory, piece, size, 0);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn beyond_the_most_there_is_nothing() {
        let memory = Memory::new(1_000);
        let piece = ask(&memory, ptr::null_mut(), 0, 600);
        assert!(ask(&memory, ptr::null_mut(), 0, 401).is_null());
        assert!(ask(&memory, ptr::null_mut(), 0, usize::MAX).is_null());
        assert!(ask(&memory, piece, 600, 1_001).is_null());
        assert!(ask(&memory, piece, 600, usize::MAX).is_null());
        assert_eq!(memory.used_bytes(), 600);
        let piece = ask(&memory, piece, 600, 1_000);
        assert!(ask(&memory, ptr::null_mut(), 0, 1).is_null());
        ask(&memory, piece, 1_000, 0);
        assert_eq!(memory.used_bytes(), 0);
    }
}
