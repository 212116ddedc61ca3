//! The keyed hash of keys and members.
//!
//! Clients choose the keys, so a fixed hash would let one of them aim thousands of keys at one
//! bucket. Every process draws 128 secret bits and mixes them into each multiplication. The mixing
//! step is the *folded multiply*: 64 × 64 → 128 bits, then the upper half xored onto the lower.
//! Keys of 8 to 32 bytes, which is what people use, take three or four of them: about a nanosecond,
//! where SipHash takes eight.
//!
//! All 64 bits must be usable on their own, because a table takes its bucket from the low bits and its tag from the top
//! byte. The hash is no defence against someone who can measure collisions of a running process for hours, and it is
//! not stable across processes; never write a hash to a file.

/// The secret of one process (or, in tests, of one run).
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub(crate) [u64; 2]);

impl Seed {
    /// The same seed for the same number, so that a test or a simulation can be replayed.
    pub fn fixed(number: u64) -> Self {
        // Two steps of SplitMix64: neighbouring numbers give unrelated seeds, and neither word is
        // likely to be 0.
        let word = |step: u64| {
            let mut x = number.wrapping_add(step.wrapping_mul(MIX[0]));
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        };
        Self([word(1), word(2)])
    }

    /// A secret seed from the operating system.
    pub(crate) fn from_os() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has random bytes to give");
        let words = u128::from_le_bytes(bytes);
        Self([words as u64, (words >> 64) as u64])
    }

    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let [one, two] = self.0;
        let len = bytes.len();
        let state = if len <= 16 {
            let (first, last) = ends(bytes);
            fold(first ^ one, last ^ two)
        } else if len <= 32 {
            // Two independent multiplications; the windows overlap when there are fewer than 32
            // bytes.
            let (head, tail) = (pair(&bytes[..16]), pair(&bytes[len - 16..]));
            fold(head.0 ^ one, head.1 ^ two) ^ fold(tail.0 ^ one ^ MIX[1], tail.1 ^ two ^ MIX[2])
        } else {
            self.long(bytes)
        };
        // The second round brings in the length and spreads what one multiplication leaves uneven
        // in the top byte.
        fold(state ^ MIX[3], two ^ MIX[0] ^ len as u64)
    }

    /// 32 bytes a step in two chains, then the last 32 bytes once more, whatever the remainder.
    fn long(&self, bytes: &[u8]) -> u64 {
        let [one, two] = self.0;
        let (mut left, mut right) = (one ^ MIX[1], two ^ MIX[2]);
        let step = |left: &mut u64, right: &mut u64, block: &[u8]| {
            let (a, b) = (pair(&block[..16]), pair(&block[16..32]));
            *left = fold(a.0 ^ *left, a.1 ^ two);
            *right = fold(b.0 ^ *right, b.1 ^ one);
        };
        for block in bytes.chunks_exact(32) {
            step(&mut left, &mut right, block);
        }
        step(&mut left, &mut right, &bytes[bytes.len() - 32..]);
        left ^ right.rotate_left(23)
    }
}

/// Upper half onto lower half of the full product.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

/// Sixteen bytes as two words.
#[inline]
fn pair(block: &[u8]) -> (u64, u64) {
    (word(&block[..8]), word(&block[8..16]))
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("callers pass eight bytes"))
}

/// At most sixteen bytes as two words; every byte is in at least one of them.
#[inline]
fn ends(bytes: &[u8]) -> (u64, u64) {
    if let Some(first) = bytes.first_chunk() {
        let last = bytes.last_chunk().expect("it has a first chunk of eight");
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let Some(first) = bytes.first_chunk() {
        let last = bytes.last_chunk().expect("it has a first chunk of four");
        return (
            u32::from_le_bytes(*first).into(),
            u32::from_le_bytes(*last).into(),
        );
    }
    match *bytes {
        [first, .., last] => (
            first.into(),
            u64::from(bytes[bytes.len() / 2]) << 8 | u64::from(last),
        ),
        [only] => (only.into(), 0x100),
        [] => (0, 0),
    }
}

/// The golden ratio and digits of pi: constants that no pattern in keys is likely to share.
const MIX: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0x2436_6ea9_3f84_d5b5,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d1,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_byte_and_the_length_count() {
        let seed = Seed::fixed(1);
        for len in 0..200 {
            let mut bytes = vec![0u8; len];
            let mut seen = HashSet::from([seed.hash(&bytes)]);
            for at in 0..len {
                bytes[at] ^= 1;
                assert!(
                    seen.insert(seed.hash(&bytes)),
                    "byte {at} of {len} is ignored"
                );
                bytes[at] ^= 1;
            }
        }
        let zeros = [0; 300];
        let hashes: HashSet<u64> = (0..300).map(|len| seed.hash(&zeros[..len])).collect();
        assert_eq!(hashes.len(), 300);
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(Seed::fixed(7).hash(b"key"), Seed::fixed(7).hash(b"key"));
        assert_ne!(Seed::fixed(7).hash(b"key"), Seed::fixed(8).hash(b"key"));
        assert_ne!(Seed::from_os().hash(b"key"), Seed::from_os().hash(b"key"));
    }

    /// Low bits choose the bucket and the top byte the tag: both must be even for keys that differ
    /// in a few digits.
    #[test]
    fn low_bits_and_top_byte_are_even() {
        for (number, pattern) in [
            "{}",
            "key:{}",
            "user:{}:session",
            "a rather long prefix, of 40 bytes or so {}",
        ]
        .iter()
        .enumerate()
        {
            let seed = Seed::fixed(number as u64);
            let (mut low, mut top) = ([0u32; 256], [0u32; 256]);
            for i in 0..256 * 400 {
                let hash = seed.hash(pattern.replace("{}", &format!("{i:012}")).as_bytes());
                low[(hash & 255) as usize] += 1;
                top[(hash >> 56) as usize] += 1;
            }
            for counts in [low, top] {
                // An ideal hash stays below 339 in 9997 of 10,000 draws (255 degrees of freedom).
                let chi: f64 = counts
                    .iter()
                    .map(|&n| (n as f64 - 400.0).powi(2) / 400.0)
                    .sum();
                assert!(chi < 339.0, "{pattern}: chi square {chi}");
            }
        }
    }
}
