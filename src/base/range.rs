//! Ranges as clients give them: both ends included, negative ones counting from the end.
//!
//! GETRANGE is not among them: it takes an end before the first byte for the first byte.

use std::ops::Range;

/// The part of `len` elements that is meant; `None` if that is nothing.
pub(crate) fn clamp(start: i64, stop: i64, len: usize) -> Option<Range<usize>> {
    let len = len as i64;
    let place = |index: i64| {
        if index < 0 {
            index.saturating_add(len)
        } else {
            index
        }
    };
    let (start, stop) = (place(start).max(0), place(stop).min(len - 1));
    (start <= stop).then(|| start as usize..stop as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        assert_eq!(clamp(0, -1, 5), Some(0..5));
        assert_eq!(clamp(-3, -2, 5), Some(2..4));
        assert_eq!(clamp(3, 1, 5), None);
        assert_eq!(clamp(-100, 100, 5), Some(0..5));
        assert_eq!(clamp(i64::MIN, i64::MAX, 5), Some(0..5));
        assert_eq!(clamp(5, 9, 5), None);
        assert_eq!(clamp(0, -6, 5), None);
        assert_eq!(clamp(0, 0, 1), Some(0..1));
        assert_eq!(clamp(0, -1, 0), None);
    }
}
