//! Large tables that change while somebody walks over them, and are seen as they were when the walk began.
//!
//! A snapshot takes many turns of the loop to write down a set of a million members, and commands go on changing it
//! meanwhile. So the table keeps a log of the elements that the walk has still to come to and would find changed:
//!
//! ```text
//! before   elements as they were when they were first changed or removed: shown when the walk is over
//! fresh    elements that were not there, or were shown already and came back to where the walk will pass: never shown
//! ```
//!
//! Elements that the walk has passed may change without a trace. So a write costs one more look-up and at most one
//! small allocation, however large the table is, and the log holds no more than the elements that were written to. When
//! the walk is over, the log goes to the walker, which shows the kept elements on a thread that has time for it. A
//! table that is thrown away takes its log along, and can be walked to the end by its new owner.
//!
//! Sets and hashes are walked in the order of their hashes, which elements keep; sorted sets from the highest score
//! down, as a reader that inserts at the front of its list is faster so.
//!
//! Reading goes straight to the table; every change is a function of this module, so that nothing can be changed behind
//! the log's back.

mod hashed;
mod ranked;
#[cfg(test)]
mod tests;

use std::ops::Deref;

use crate::base::hash::Seed;
use crate::store::Members;

/// A table and the log of the walk that is under way, if one is.
pub struct Walked<T: Table> {
    table: T,
    log: Option<Box<Log<T::Place>>>,
}

/// A table that can be walked.
pub trait Table: Sized {
    /// How far a walk is.
    type Place: Default;

    /// Shows some elements from the log's place on, and moves it. Returns false after the last.
    fn step(&self, log: &mut Log<Self::Place>, show: Show<'_>) -> bool;

    /// How many elements there are.
    fn count(&self) -> usize;

    /// The bytes they occupy.
    fn bytes(&self) -> usize;
}

/// Shows an element: its key, its value, its word.
pub(crate) type Show<'s> = &'s mut dyn FnMut(&[u8], &[u8], Option<u64>);

/// How files hold the elements of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Set,
    Hash,
    Zset,
}

/// Shows all elements of a table.
pub(crate) fn show_members(members: &Members, show: Show<'_>) {
    for member in members.iter() {
        show(member.key(), member.value(), member.word());
    }
}

/// A walk over a large table of any kind.
pub(crate) trait Walk {
    /// The table shall be shown as it is now, by `step` and by what `end` returns. `id` tells this walk from others.
    fn begin(&mut self, id: u64, seed: Seed);

    /// The walk that is under way.
    fn walk(&self) -> Option<u64>;

    /// Shows some elements. Returns false after the last.
    fn step(&mut self, show: Show<'_>) -> bool;

    /// Ends the walk, wherever it is. The elements it kept are shown by [`Kept::show`].
    fn end(&mut self) -> Option<Kept>;

    /// The bytes of the log.
    fn log_bytes(&self) -> usize;

    /// How many elements there are now.
    fn count(&self) -> usize;

    /// The bytes they occupy.
    fn bytes(&self) -> usize;
}

/// The elements that a finished walk has kept because they did not stay as they were.
pub(crate) struct Kept {
    before: Members,
    /// Only for the figures, and to be freed elsewhere: there may be many.
    fresh: Members,
}

/// The log that a table keeps while a walk is under way.
pub struct Log<P> {
    id: u64,
    place: P,
    before: Members,
    fresh: Members,
    /// Elements that the walk has still to show, those in `before` included.
    left: usize,
    /// An element has changed since the walk began, in front of the walk or behind it.
    is_touched: bool,
}

impl<T: Table> Walked<T> {
    pub(crate) fn new(table: T) -> Self {
        Self { table, log: None }
    }
}

impl<T: Table> Walk for Walked<T> {
    fn begin(&mut self, id: u64, seed: Seed) {
        self.log = Some(Log::new(id, seed, self.table.count()));
    }

    fn walk(&self) -> Option<u64> {
        self.log.as_ref().map(|log| log.id)
    }

    fn step(&mut self, show: Show<'_>) -> bool {
        let Self { table, log } = self;
        log.as_mut().is_some_and(|log| table.step(log, show))
    }

    fn end(&mut self) -> Option<Kept> {
        self.log.take().map(|log| log.end())
    }

    fn log_bytes(&self) -> usize {
        self.log.as_ref().map_or(0, |log| log.bytes())
    }

    fn count(&self) -> usize {
        self.table.count()
    }

    fn bytes(&self) -> usize {
        self.table.bytes()
    }
}

impl<T: Table> Deref for Walked<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.table
    }
}

/// A copy is nobody's walk.
impl<T: Table + Clone> Clone for Walked<T> {
    fn clone(&self) -> Self {
        Self::new(self.table.clone())
    }
}

impl Kept {
    pub(crate) fn bytes(&self) -> usize {
        self.before.memory() + self.fresh.memory()
    }

    pub(crate) fn show(&self, show: Show<'_>) {
        self.before
            .iter()
            .for_each(|element| show(element.key(), element.value(), element.word()));
    }
}

impl<P: Default> Log<P> {
    fn new(id: u64, seed: Seed, left: usize) -> Box<Self> {
        Box::new(Self {
            id,
            place: P::default(),
            before: Members::new(seed),
            fresh: Members::new(seed),
            left,
            is_touched: false,
        })
    }

    fn bytes(&self) -> usize {
        self.before.memory() + self.fresh.memory()
    }

    fn has(&self, key: &[u8]) -> bool {
        self.before.contains(key) || self.fresh.contains(key)
    }

    /// An element that the walk has still to show changes or goes.
    fn keep(&mut self, key: &[u8], value: &[u8], word: Option<u64>) {
        let hash = self.before.hash(key);
        if self.before.locate(hash, key).is_none() && !self.fresh.contains(key) {
            self.before.insert(hash, key, value, word);
        }
    }

    /// An element appears where the walk will come by, and is not to be shown.
    fn hide(&mut self, key: &[u8]) {
        let hash = self.fresh.hash(key);
        if self.fresh.locate(hash, key).is_none() && !self.before.contains(key) {
            self.fresh.insert(hash, key, b"", None);
        }
    }

    fn end(self) -> Kept {
        debug_assert!(self.left >= self.before.len(), "an element was shown twice");
        Kept {
            before: self.before,
            fresh: self.fresh,
        }
    }
}
