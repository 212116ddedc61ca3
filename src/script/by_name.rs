//! How scripts and functions are found by their names.

use std::hash::{BuildHasher, Hasher};

use crate::base::hash::Seed;

/// Hashes names; keyed, for clients choose them, and the texts that names are digests of.
pub(super) struct ByName(Seed);

impl Default for ByName {
    fn default() -> Self {
        Self(Seed::from_os())
    }
}

impl BuildHasher for ByName {
    type Hasher = NameHasher;

    #[inline]
    fn build_hasher(&self) -> NameHasher {
        NameHasher {
            seed: self.0,
            hash: 0,
        }
    }
}

pub(super) struct NameHasher {
    seed: Seed,
    hash: u64,
}

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, name: &[u8]) {
        self.hash = self.seed.hash(name);
    }

    /// The length, of which the hash of the bytes knows.
    #[inline]
    fn write_usize(&mut self, _: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}
