//! The memory under the compact encodings.
//!
//! A handle is a boxed slice whose length is what was allocated; the blob stands at its start and its own header
//! says how long it is. That makes a handle sixteen bytes, and capacity needs no growth policy: asking for exactly
//! what the allocator would hand out anyway costs no memory, and since those sizes are a quarter apart, appending is
//! amortised.

pub(crate) use crate::store::alloc::growth_class as allocation_size;

/// Changes the allocation to hold `bytes`, rounded up to an allocation size. Contents stay, as far as they fit.
pub(crate) fn resize(storage: &mut Box<[u8]>, bytes: usize) {
    let capacity = allocation_size(bytes);
    let mut vec = std::mem::take(storage).into_vec();
    if capacity <= MOVED_MAX {
        // Small sizes have to move anyway, and asking for that is a quarter of the work of `realloc`.
        let kept = vec.len().min(capacity);
        let mut moved = Vec::with_capacity(capacity);
        moved.extend_from_slice(&vec[..kept]);
        vec = moved;
        vec.resize(capacity, 0);
    } else if capacity > vec.len() {
        vec.reserve_exact(capacity - vec.len());
        vec.resize(capacity, 0);
    } else {
        vec.truncate(capacity);
    }
    *storage = vec.into_boxed_slice();
}

/// Up to here a blob is copied to a new allocation; beyond, the allocator may be able to extend the old one.
const MOVED_MAX: usize = 8192;

/// After a removal that left `bytes` in use. A blob that lost a little keeps its room, or one that hovers around an
/// allocation size would be moved back and forth.
#[inline]
pub(crate) fn shrink(storage: &mut Box<[u8]>, bytes: usize) {
    if bytes < storage.len() - storage.len() / 4 && allocation_size(bytes) < storage.len() {
        resize(storage, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocation_sizes_are_the_allocators() {
        let small = [(1, 8), (7, 8), (9, 16), (64, 64), (65, 80), (128, 128)];
        let large = [(129, 160), (257, 320), (8193, 10240)];
        for (asked, given) in small.into_iter().chain(large) {
            assert_eq!(allocation_size(asked), given);
        }
    }
}
