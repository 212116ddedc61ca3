//! LZF: the light compression of strings in RDB files.
//!
//! ```text
//! 000LLLLL  L+1 bytes                      literals: as they are
//! LLLooooo  oooooooo                       repeat L+2 bytes from o+1 back, L = 1..6
//! 111ooooo  LLLLLLLL  oooooooo             repeat L+9 bytes from o+1 back
//! ```
//!
//! The compressor finds repetitions through a table of places, one for each hash of three bytes. Clearing that table
//! costs more than compressing a short string, and there are millions of short strings in a file. So it is never
//! cleared: places are counted on from one string to the next, and one that lies before the present string is stale.
//!
//! Any compressor's output is valid; ours need not, and does not, equal another's byte for byte.

/// Compresses strings, one after the other.
#[derive(Debug)]
pub(crate) struct Compressor {
    /// Where three bytes with that hash were last seen, counted over all strings.
    places: Vec<u32>,
    /// The position that the first byte of the next string counts as. Starts at 1: 0 in the table is stale.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor::new()
    }
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        Compressor {
            places: vec![0; 1 << HASH_BITS],
            base: 1,
        }
    }

    /// Appends the compressed form of `input` to `out` if it takes at most `most` bytes; otherwise leaves `out` as it
    /// was and returns false.
    pub(crate) fn compress(&mut self, input: &[u8], most: usize, out: &mut Vec<u8>) -> bool {
        let Ok(len) = u32::try_from(input.len()) else {
            return false;
        };
        if self.base.checked_add(len).is_none() {
            self.places.fill(0);
            self.base = 1;
            if len == u32::MAX {
                return false;
            }
        }
        let before = out.len();
        let fits = self.compress_from(input, most, out);
        self.base += len;
        if !fits {
            out.truncate(before);
        }
        fits
    }

    fn compress_from(&mut self, input: &[u8], most: usize, out: &mut Vec<u8>) -> bool {
        let limit = out.len() + most;
        // Literals wait here until a repetition follows them.
        let mut literals = 0;
        let mut at = 0;
        while let Some(&[first, second, third]) = input[at..].first_chunk() {
            let place = self.base + at as u32;
            let slot = &mut self.places[hash(first, second, third)];
            let seen = std::mem::replace(slot, place);
            let offset = (place - seen) as usize;
            let is_match = seen >= self.base
                && offset <= OFFSET_MAX
                && input[at - offset..at - offset + 3] == [first, second, third];
            if !is_match {
                at += 1;
                // Already too long with what is certain to be written: incompressible strings end early.
                if out.len() + (at - literals) > limit {
                    return false;
                }
                continue;
            }
            push_literals(out, &input[literals..at]);
            let longest = (input.len() - at).min(MATCH_MAX);
            let matched =
                3 + common_prefix(&input[at - offset + 3..], &input[at + 3..at + longest]);
            push_match(out, matched, offset);
            if out.len() > limit {
                return false;
            }
            // Remember the places just before the end too: the next repetition often begins there.
            let end = at + matched;
            for place in end.saturating_sub(2).max(at + 1)..end {
                if let Some(&[first, second, third]) = input[place..].first_chunk() {
                    self.places[hash(first, second, third)] = self.base + place as u32;
                }
            }
            at = end;
            literals = end;
        }
        push_literals(out, &input[literals..]);
        out.len() <= limit
    }
}

/// Decompresses to exactly `len` bytes, or finds the data malformed. Memory is only taken for lengths that so much data
/// can really expand to.
pub(crate) fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > input.len().saturating_mul(EXPANSION_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        if control < 32 {
            let (literals, after) = after.split_at_checked(usize::from(control) + 1)?;
            if literals.len() > len - out.len() {
                return None;
            }
            out.extend_from_slice(literals);
            rest = after;
            continue;
        }
        let (extra, after) = if control >> 5 == 7 {
            let (&extra, after) = after.split_first()?;
            (usize::from(extra), after)
        } else {
            (0, after)
        };
        let (&low, after) = after.split_first()?;
        let matched = usize::from(control >> 5) + extra + 2;
        let offset = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
        let from = out.len().checked_sub(offset)?;
        if matched > len - out.len() {
            return None;
        }
        if offset >= matched {
            out.extend_from_within(from..from + matched);
        } else {
            // The repetition overlaps itself: what it writes, it reads again.
            for i in from..from + matched {
                out.push(out[i]);
            }
        }
        rest = after;
    }
    (out.len() == len).then_some(out)
}

#[inline]
fn hash(first: u8, second: u8, third: u8) -> usize {
    let three = u32::from(first) << 16 | u32::from(second) << 8 | u32::from(third);
    (three.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let (words, _) = other.as_chunks::<8>();
    let (others, _) = one.as_chunks::<8>();
    for (i, (word, other)) in words.iter().zip(others).enumerate() {
        let difference = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return i * 8 + difference.trailing_zeros() as usize / 8;
        }
    }
    let done = words.len().min(others.len()) * 8;
    let rest = one[done..].iter().zip(&other[done..]);
    done + rest.take_while(|(one, other)| one == other).count()
}

fn push_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn push_match(out: &mut Vec<u8>, matched: usize, offset: usize) {
    let (len, offset) = (matched - 2, offset - 1);
    let high = (offset >> 8) as u8;
    if len < 7 {
        out.push((len as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((len - 7) as u8);
    }
    out.push(offset as u8);
}

/// 64 KiB of places: a table that stays in the second-level cache.
const HASH_BITS: u32 = 14;
const LITERALS_MAX: usize = 32;
const MATCH_MAX: usize = 264;
const OFFSET_MAX: usize = 8192;
/// Three bytes that repeat 264.
const EXPANSION_MAX: usize = MATCH_MAX / 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn what_is_compressed_comes_back() {
        let mut rng = Rng::from_seed(3);
        let mut compressor = Compressor::new();
        for round in 0..3000 {
            let len = rng.index(if round % 50 == 0 { 40_000 } else { 300 });
            let letters = 1 + rng.below(if round % 2 == 0 { 4 } else { 256 });
            let mut input: Vec<u8> = Vec::new();
            while input.len() < len {
                if input.len() > 4 && rng.one_in(3) {
                    let from = rng.index(input.len());
                    let to = (from + rng.index(400)).min(input.len());
                    input.extend_from_within(from..to);
                } else {
                    input.push(rng.below(letters) as u8);
                }
            }
            // A base near its end makes the table start over.
            if rng.one_in(40) {
                compressor.base = compressor.base.max(u32::MAX - rng.below(30_000) as u32);
            }
            let mut out = b"before".to_vec();
            if compressor.compress(&input, usize::MAX / 2, &mut out) {
                let data = &out[6..];
                assert_eq!(decompress(data, input.len()), Some(input.clone()));
                assert_eq!(decompress(data, input.len() + 1), None);
                if !input.is_empty() {
                    assert_eq!(decompress(data, input.len() - 1), None);
                }
                // Exactly as much room as needed is enough, and one byte less is not.
                let size = data.len();
                let mut again = Vec::new();
                assert!(compressor.compress(&input, size + 2, &mut again));
                if size > 20 {
                    let mut none = b"kept".to_vec();
                    assert!(!compressor.compress(&input, size / 2, &mut none));
                    assert_eq!(none, b"kept");
                }
            }
        }
    }

    #[test]
    fn repetition_shrinks() {
        let mut out = Vec::new();
        assert!(Compressor::new().compress(&[b'x'; 10_000], 200, &mut out));
        assert!(out.len() < 130, "{}", out.len());
    }

    #[test]
    fn text_by_another_compressor_is_read() {
        // `a` and a repetition of 9 from one back, then literals.
        assert_eq!(
            decompress(b"\x00a\xe0\x00\x00\x01bc", 12).unwrap(),
            b"aaaaaaaaaabc"
        );
        assert_eq!(decompress(b"\x02abc\x20\x02", 6).unwrap(), b"abcabc");
    }

    #[test]
    fn malformed_data_is_refused() {
        for data in [
            &b"\x05ab"[..],
            b"\x20\x00",
            b"\x00a\x20\x05",
            b"\x00a\xe0",
            b"\x00a\xe0\x01",
            b"\x00a\x20",
            b"",
        ] {
            assert_eq!(decompress(data, 3), None, "{data:?}");
        }
        // An impossible length takes no memory.
        assert_eq!(decompress(b"\x00a", usize::MAX), None);
        let mut rng = Rng::from_seed(4);
        for _ in 0..20_000 {
            let mut data = vec![0; rng.index(40)];
            rng.fill(&mut data);
            let len = rng.index(400);
            if let Some(out) = decompress(&data, len) {
                assert_eq!(out.len(), len);
            }
        }
    }
}
