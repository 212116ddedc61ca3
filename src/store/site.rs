//! The place of a key, or the proof that it is not there.
//!
//! A table trusts its caller that an added key is absent: it does not look again, and a key that is there twice would
//! shadow its older self until one of the two is removed. So adding takes a [`Vacancy`], which only a look-up that
//! found nothing hands out. A vacancy is spent by its use, carries the key and its hash, and is void once any other key
//! was added to that dict, which is checked.

use super::Spot;

/// The result of a look-up for writing.
#[derive(Debug)]
#[must_use = "it says whether the key is there"]
pub(crate) enum Site<'k> {
    Taken(Spot),
    Vacant(Vacancy<'k>),
}

impl Site<'_> {
    /// Where the key is, if it is there.
    #[inline]
    pub(crate) fn spot(&self) -> Option<Spot> {
        match self {
            Self::Taken(spot) => Some(*spot),
            Self::Vacant(_) => None,
        }
    }

    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        matches!(self, Self::Vacant(_))
    }
}

/// The proof that a key is absent from a dict.
#[derive(Debug)]
pub(crate) struct Vacancy<'k> {
    pub(super) hash: u64,
    pub(super) key: &'k [u8],
    /// The state of the dict that was looked into.
    pub(super) stamp: u64,
}

impl<'k> Vacancy<'k> {
    #[inline]
    pub(crate) fn key(&self) -> &'k [u8] {
        self.key
    }
}
