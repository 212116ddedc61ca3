//! Strings: growing them, cutting ranges out of them, and comparing two by their longest common subsequence.

use std::ops::{Range, RangeInclusive};

/// Appends with room for more to come: a string that was appended to once will be appended to again.
pub(crate) fn append(text: &mut Vec<u8>, more: &[u8]) {
    reserve(text, more.len());
    text.extend_from_slice(more);
}

/// Makes the text at least `len` long, with zeros.
pub(crate) fn extend_to(text: &mut Vec<u8>, len: usize) {
    if len > text.len() {
        reserve(text, len - text.len());
        text.resize(len, 0);
    }
}

/// The bytes GETRANGE means: both bounds included, negative ones counting from the end.
pub(crate) fn resolve_range(start: i64, end: i64, len: usize) -> Range<usize> {
    // Two bounds before the text select nothing if they cross, though both would be moved to its first byte.
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let len = len as i64;
    let place = |index: i64| {
        if index < 0 {
            (index + len).max(0)
        } else {
            index
        }
    };
    let (start, end) = (place(start), place(end).min(len - 1));
    if start > end {
        0..0
    } else {
        start as usize..end as usize + 1
    }
}

/// Doubles up to a mebibyte, then adds one at a time, so that a large string wastes little.
fn reserve(text: &mut Vec<u8>, more: usize) {
    let needed = text.len() + more;
    if needed > text.capacity() {
        let capacity = needed + needed.min(GROWTH_MAX);
        text.reserve_exact(capacity - text.len());
    }
}

/// A stretch that two strings have in common: where it is in the one and in the other. Both are of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) one: RangeInclusive<usize>,
    pub(crate) other: RangeInclusive<usize>,
}

/// The longest common subsequence of two strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Common {
    pub(crate) text: Vec<u8>,
    /// Its stretches, the last one first, as LCS lists them.
    pub(crate) matches: Vec<Match>,
}

/// Bytes of memory `longest_common` takes for strings of these lengths: a client can ask for too much.
pub(crate) fn longest_common_memory(one: usize, other: usize) -> Option<usize> {
    (one + 1)
        .checked_mul(other + 1)?
        .checked_mul(size_of::<u32>())
}

/// The longest common subsequence. Time and memory are proportional to the product of both lengths, each of which
/// is below 2^32. Among several of one length, takes the one that Redis takes.
pub(crate) fn longest_common(one: &[u8], other: &[u8]) -> Common {
    let width = other.len() + 1;
    // lengths[i * width + j] is the answer for the first i bytes of one and the first j of the other.
    let mut lengths = vec![0_u32; (one.len() + 1) * width];
    for (row, byte) in one.iter().enumerate() {
        let (done, rest) = lengths.split_at_mut((row + 1) * width);
        fill_row(&done[row * width..], &mut rest[..width], *byte, other);
    }
    let mut text = vec![0; lengths[lengths.len() - 1] as usize];
    let mut matches: Vec<Match> = Vec::new();
    let (mut row, mut column, mut left) = (one.len(), other.len(), text.len());
    // The stretch being walked, from its end; it grows while both strings step back together.
    let mut is_adjacent = false;
    while row > 0 && column > 0 {
        if one[row - 1] == other[column - 1] {
            (row, column, left) = (row - 1, column - 1, left - 1);
            text[left] = one[row];
            match matches.last_mut() {
                Some(last) if is_adjacent => {
                    last.one = row..=*last.one.end();
                    last.other = column..=*last.other.end();
                }
                _ => matches.push(Match {
                    one: row..=row,
                    other: column..=column,
                }),
            }
            is_adjacent = true;
        } else {
            is_adjacent = false;
            if lengths[(row - 1) * width + column] > lengths[row * width + column - 1] {
                row -= 1;
            } else {
                column -= 1;
            }
        }
    }
    Common { text, matches }
}

/// The length of the longest common subsequence alone, in memory proportional to the shorter string.
pub(crate) fn longest_common_len(one: &[u8], other: &[u8]) -> usize {
    let (long, short) = if one.len() < other.len() {
        (other, one)
    } else {
        (one, other)
    };
    let mut last = vec![0_u32; short.len() + 1];
    let mut next = last.clone();
    for byte in long {
        fill_row(&last, &mut next, *byte, short);
        std::mem::swap(&mut last, &mut next);
    }
    last[short.len()] as usize
}

fn fill_row(above: &[u32], row: &mut [u32], byte: u8, other: &[u8]) {
    let mut left = 0;
    for ((cell, pair), candidate) in row[1..].iter_mut().zip(above.windows(2)).zip(other) {
        left = if *candidate == byte {
            pair[0] + 1
        } else {
            left.max(pair[1])
        };
        *cell = left;
    }
}

const GROWTH_MAX: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn growing() {
        let mut text = b"ab".to_vec();
        append(&mut text, b"cd");
        assert_eq!(text, b"abcd");
        assert_eq!(text.capacity(), 8);
        extend_to(&mut text, 6);
        assert_eq!(text, b"abcd\0\0");
        extend_to(&mut text, 3 * GROWTH_MAX);
        assert_eq!(text.len(), 3 * GROWTH_MAX);
        assert_eq!(text.capacity(), 4 * GROWTH_MAX);
        assert_eq!(text[6..].iter().copied().max(), Some(0));
    }

    #[test]
    fn ranges() {
        assert_eq!(resolve_range(0, -1, 5), 0..5);
        assert_eq!(resolve_range(-3, 100, 5), 2..5);
        assert_eq!(resolve_range(-100, 1, 5), 0..2);
        assert_eq!(resolve_range(-5, -10, 2), 0..0);
        assert_eq!(resolve_range(3, 1, 5), 0..0);
        assert_eq!(resolve_range(0, -1, 0), 0..0);
        assert_eq!(resolve_range(i64::MIN, i64::MAX, 5), 0..5);
    }

    /// The example of the LCS command, as Redis 8.0.6 answers it.
    #[test]
    fn the_documented_example() {
        let common = longest_common(b"ohmytext", b"mynewtext");
        assert_eq!(common.text, b"mytext");
        let first = Match {
            one: 4..=7,
            other: 5..=8,
        };
        assert_eq!(
            common.matches,
            [
                first,
                Match {
                    one: 2..=3,
                    other: 0..=1
                }
            ]
        );
        assert_eq!(longest_common_len(b"ohmytext", b"mynewtext"), 6);
    }

    fn is_subsequence(text: &[u8], of: &[u8]) -> bool {
        let mut rest = of.iter();
        text.iter()
            .all(|byte| rest.any(|candidate| candidate == byte))
    }

    #[test]
    fn common_subsequences_are_common_and_longest() {
        for seed in 0..300 {
            let mut rng = Rng::from_seed(seed);
            let any = |rng: &mut Rng| -> Vec<u8> {
                (0..rng.below(12))
                    .map(|_| b'a' + rng.below(3) as u8)
                    .collect()
            };
            let (one, other) = (any(&mut rng), any(&mut rng));
            let common = longest_common(&one, &other);
            assert!(is_subsequence(&common.text, &one) && is_subsequence(&common.text, &other));
            assert_eq!(longest_common_len(&one, &other), common.text.len());
            let longest = (0_u32..1 << one.len())
                .map(|set| {
                    let kept = one.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
                    kept.map(|(_, byte)| *byte).collect::<Vec<u8>>()
                })
                .filter(|text| is_subsequence(text, &other))
                .map(|text| text.len())
                .max();
            assert_eq!(longest, Some(common.text.len()));
            let joined: Vec<u8> = common
                .matches
                .iter()
                .rev()
                .flat_map(|found| one[found.one.clone()].to_vec())
                .collect();
            assert_eq!(joined, common.text);
            for found in &common.matches {
                assert_eq!(one[found.one.clone()], other[found.other.clone()]);
            }
        }
    }
}
