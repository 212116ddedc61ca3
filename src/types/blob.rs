//! The memory under the compact encodings.
//!
//! A handle is a [`Blob`] whose length is what was allocated; the encoding stands at its start and its own header
//! says how long it is. That makes a handle sixteen bytes, and capacity needs no growth policy: asking for exactly
//! what the allocator would hand out anyway costs no memory, and since those sizes are a quarter apart, appending is
//! amortised.
//!
//! A short encoding lives in its key's entry, and is copied into a blob with room when it is to be changed.

use crate::store::{Blob, FOLDED_MAX};

pub(crate) use crate::store::alloc::growth_class as allocation_size;

/// A blob for an encoding of `bytes`, cleared.
pub(crate) fn with_room(bytes: usize) -> Blob {
    vec![0; allocation_size(bytes)].into()
}

/// Changes the allocation to hold `bytes`, rounded up to an allocation size. Contents stay, as far as they fit.
pub(crate) fn resize(storage: &mut Blob, bytes: usize) {
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
    *storage = vec.into();
}

/// Up to here a blob is copied to a new allocation; beyond, the allocator may be able to extend the old one.
const MOVED_MAX: usize = 8192;

/// After a removal that left `bytes` in use. A blob that lost a little keeps its room, or one that hovers around an
/// allocation size would be moved back and forth. One that goes back into an entry is copied there anyway.
#[inline]
pub(crate) fn shrink(storage: &mut Blob, bytes: usize) {
    if storage.len() > FOLDED_MAX
        && bytes < storage.len() - storage.len() / 4
        && allocation_size(bytes) < storage.len()
    {
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
