//! `math.random` as scripts know it: the 48-bit generator of old C libraries.
//!
//! A script that seeds it gets the same numbers on every machine. It is one generator for all scripts, and goes on from
//! one to the next.

/// The state of the generator. Its step is that of `lrand48`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Random(u64);

const FACTOR: u64 = 0x5_deec_e66d;
const SUMMAND: u64 = 0xb;
const MASK: u64 = (1 << 48) - 1;

impl Default for Random {
    /// As it is before anybody has seeded it.
    fn default() -> Self {
        Self(0x1234_abcd_330e)
    }
}

impl Random {
    pub(super) fn seeded(seed: i32) -> Self {
        Self(u64::from(seed as u32) << 16 | 0x330e)
    }

    /// A number from 0 to 2^31 - 1.
    fn next(&mut self) -> i32 {
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(SUMMAND) & MASK;
        (self.0 >> 17) as i32
    }

    /// A number from 0 up to, but not with, 1.
    pub(super) fn fraction(&mut self) -> f64 {
        f64::from(self.next() % i32::MAX) / f64::from(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number that a Redis server gives.
    #[test]
    fn a_seed_gives_the_numbers_that_scripts_have_always_got() {
        let mut random = Random::seeded(5);
        assert_eq!((random.fraction() * 1000.0).floor() as i64 + 1, 525);
    }
}
