//! A small seeded generator: xoshiro256++.
//!
//! The same seed gives the same run, which is what tests and the simulation ask for; the server seeds it once from
//! the system. Not for secrets: three outputs are enough to guess the rest.

/// A deterministic source of numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

/// Fills `bytes` with what nobody can guess; fails if the system has nothing of the kind.
pub(crate) fn fill_with_secret(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}

impl Rng {
    pub fn from_seed(seed: u64) -> Rng {
        // The state must not be all zeroes; splitmix64 spreads any seed, zero included, over the four words.
        let mut mixer = seed;
        let state = std::array::from_fn(|_| {
            mixer = mixer.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = mixer;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        });
        Rng { state }
    }

    /// Seeded by the operating system; from the address of nothing in particular if it refuses.
    pub(crate) fn from_system() -> Rng {
        Rng::from_seed(getrandom::u64().unwrap_or(0x706f_6c6c_7578))
    }

    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let result = s0.wrapping_add(s3).rotate_left(23).wrapping_add(s0);
        let t2 = s2 ^ s0;
        let t3 = s3 ^ s1;
        self.state = [s0 ^ t3, s1 ^ t2, t2 ^ (s1 << 17), t3.rotate_left(45)];
        result
    }

    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number in `0..bound`, each equally likely. `bound` must not be zero.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below zero");
        // Multiply-shift: the high word of random * bound is the answer; the rare low words that would favour
        // some answers are drawn again.
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// An index into something of `len` elements.
    #[inline]
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number in `low..=high`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        assert!(low <= high, "a range has a beginning and an end");
        let width = high.wrapping_sub(low) as u64;
        let offset = if width == u64::MAX {
            self.next_u64()
        } else {
            self.below(width + 1)
        };
        low.wrapping_add_unsigned(offset)
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub(crate) fn f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True once in `n` draws on average.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            piece.copy_from_slice(&word[..piece.len()]);
        }
    }

    /// Puts the elements in random order.
    #[cfg(test)]
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_everything() {
        let run = |seed| {
            let mut rng = Rng::from_seed(seed);
            (0..10).map(|_| rng.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn every_answer_comes_about_equally_often() {
        let mut rng = Rng::from_seed(1);
        for bound in [1, 2, 3, 10, 17] {
            let mut counts = vec![0u64; bound];
            for _ in 0..bound * 10_000 {
                counts[rng.index(bound)] += 1;
            }
            assert!(
                counts.iter().all(|count| (9_500..10_500).contains(count)),
                "{counts:?}"
            );
        }
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[(rng.range(-3, 3) + 3) as usize] = true;
            assert!((0.0..1.0).contains(&rng.f64()));
        }
        assert_eq!(seen, [true; 7]);
        rng.range(i64::MIN, i64::MAX);
    }

    #[test]
    fn shuffling_keeps_every_element() {
        let mut rng = Rng::from_seed(2);
        let mut items: Vec<u32> = (0..100).collect();
        rng.shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
        let mut bytes = [0; 13];
        rng.fill(&mut bytes);
        assert!(bytes.iter().any(|&byte| byte != 0));
    }
}
