//! Equality of short byte strings, without a call.
//!
//! Nearly every comparison in a table succeeds, the tag having sorted out the rest, and nearly
//! every key is 4 to 32 bytes long. Two or four overlapping words settle those; the library's
//! routine, reached through a call and its own choice by length, would take longer to begin.

/// Whether two slices *of the same length* are equal.
#[inline]
pub(super) fn equal(left: &[u8], right: &[u8]) -> bool {
    debug_assert_eq!(left.len(), right.len());
    match left.len() {
        8..=16 => ends::<8>(left, right),
        17..=32 => ends::<16>(left, right),
        4..8 => ends::<4>(left, right),
        _ => by_call(left, right),
    }
}

#[inline(never)]
fn by_call(left: &[u8], right: &[u8]) -> bool {
    left == right
}

/// For slices of `N` to `2 * N` bytes.
#[inline]
fn ends<const N: usize>(left: &[u8], right: &[u8]) -> bool {
    left.first_chunk::<N>() == right.first_chunk::<N>()
        && left.last_chunk::<N>() == right.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_every_byte() {
        for len in 0..80 {
            let left: Vec<u8> = (0..len).collect();
            let mut right = left.clone();
            assert!(equal(&left, &right));
            for at in 0..left.len() {
                right[at] ^= 0x80;
                assert!(!equal(&left, &right), "byte {at} of {len}");
                right[at] ^= 0x80;
            }
        }
    }
}
