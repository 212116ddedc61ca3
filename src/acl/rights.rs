//! What may be done to a key, and what a command does to it.

use crate::spec::flags::{KeyFlags, key};

/// To read its content, to write it, both, or only to learn of it, for which none is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights(u8);

impl Rights {
    pub(super) const NONE: Self = Self(0);
    pub(super) const READ: Self = Self(1);
    pub(super) const WRITE: Self = Self(2);
    pub(super) const BOTH: Self = Self(3);

    /// What it takes to do this to a key.
    #[inline]
    pub(super) fn needed(flags: KeyFlags) -> Self {
        let reads = flags.any(key::ACCESS);
        let writes = flags.any(key::INSERT | key::DELETE | key::UPDATE);
        Self(u8::from(reads) | u8::from(writes) << 1)
    }

    pub(super) fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(super) fn include(self, needed: Self) -> bool {
        needed.0 & !self.0 == 0
    }

    /// All of them, in the order of their indices.
    pub(super) fn all() -> [Self; 4] {
        [Self::NONE, Self::READ, Self::WRITE, Self::BOTH]
    }

    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self.0 & 3)
    }
}
