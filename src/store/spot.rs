//! A position in a table, safe to hold and to get wrong.

use std::fmt;
use std::num::NonZeroU64;

/// Where an element of a table is: a bucket and a slot of it.
///
/// It is valid until the next insertion or removal in that table. Each use checks that the bucket
/// exists and that the slot is taken, and panics otherwise. After a change it may also name another
/// element: a mistake of the caller that shows up as wrong data, but never as undefined behaviour.
///
/// One word, and so is `Option<Spot>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Spot(NonZeroU64);

/// A bucket's number in one of the table's two arrays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A bucket that hashes lead to.
    Home(u32),
    /// An overflow bucket that another bucket leads to.
    Overflow(u32),
}

// Bits 0..3 slot, 3 overflow, 4 always set, 5..37 bucket.
const OVERFLOW: u64 = 1 << 3;
const MARK: u64 = 1 << 4;

impl Spot {
    #[inline]
    pub(super) fn new(place: Place, slot: usize) -> Self {
        let (index, kind) = match place {
            Place::Home(index) => (index, 0),
            Place::Overflow(index) => (index, OVERFLOW),
        };
        let word = u64::from(index) << 5 | MARK | kind | slot as u64 & 7;
        Self(NonZeroU64::new(word).expect("the mark is set"))
    }

    #[inline]
    pub(super) fn place(self) -> Place {
        let index = (self.0.get() >> 5) as u32;
        if self.0.get() & OVERFLOW == 0 {
            Place::Home(index)
        } else {
            Place::Overflow(index)
        }
    }

    #[inline]
    pub(super) fn slot(self) -> usize {
        (self.0.get() & 7) as usize
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}[{}]", self.place(), self.slot())
    }
}
