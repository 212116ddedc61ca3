//! Copying and comparing short byte strings in place.
//!
//! A call into the C library costs more than moving ten bytes does, and elements are that short. Both functions load
//! the first and the last word, which overlap unless the length is just right; longer strings go to the library.

/// Up to this length no call is made.
pub(crate) const LEN_MAX: usize = 32;

/// Copies all of `from`; the slices are of one length.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    let len = from.len();
    assert_eq!(to.len(), len, "the caller cut the place to size");
    if len > LEN_MAX {
        to.copy_from_slice(from);
    } else if len >= 16 {
        copy_ends::<16>(to, from);
    } else if len >= 8 {
        copy_ends::<8>(to, from);
    } else if len >= 4 {
        copy_ends::<4>(to, from);
    } else if len >= 2 {
        copy_ends::<2>(to, from);
    } else if len == 1 {
        to[0] = from[0];
    }
}

/// A few bytes as a number, the first of them lowest. Their number is known to the compiler, so that this is a load.
#[inline]
pub(crate) fn number<const N: usize>(bytes: [u8; N]) -> u64 {
    let mut word = [0; 8];
    *word.first_chunk_mut().expect("at most eight") = bytes;
    u64::from_le_bytes(word)
}

/// Are these the same bytes?
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let len = one.len();
    if len != other.len() {
        return false;
    }
    if len > 16 {
        one == other
    } else if len >= 8 {
        same_ends::<8>(one, other)
    } else if len >= 4 {
        same_ends::<4>(one, other)
    } else if len >= 2 {
        same_ends::<2>(one, other)
    } else {
        len == 0 || one[0] == other[0]
    }
}

#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        if let Some(place) = to.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = *last;
        }
    }
}

#[inline]
fn same_ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length() {
        let from: Vec<u8> = (1..=80).collect();
        for len in 0..=80 {
            let mut to = vec![0; len];
            copy(&mut to, &from[..len]);
            assert_eq!(to, from[..len]);
            assert!(same(&to, &from[..len]));
            assert!(!same(&to, &from[..len / 2]) || len == 0);
            for at in 0..len {
                to[at] ^= 1;
                assert!(!same(&to, &from[..len]));
                to[at] ^= 1;
            }
        }
    }
}
