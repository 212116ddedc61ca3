//! Sets and hashes: walked in the order of their hashes, bucket by bucket.

use crate::store::mover::Mover;
use crate::store::{Members, Spot};

use super::{Log, Show, Table, Walked};

/// The next cursor, or `None` behind the last element.
pub struct HashPlace(Option<u64>);

impl Default for HashPlace {
    fn default() -> Self {
        Self(Some(0))
    }
}

impl HashPlace {
    /// Whether an element is still to come. A cursor is a threshold in the order of reversed hashes.
    fn has_ahead(&self, hash: u64) -> bool {
        self.0
            .is_some_and(|cursor| hash.reverse_bits() >= cursor.reverse_bits())
    }
}

impl Table for Members {
    type Place = HashPlace;

    fn step(&self, log: &mut Log<HashPlace>, show: Show<'_>) -> bool {
        let Some(cursor) = log.place.0 else {
            return false;
        };
        let mut shown = 0;
        let next = self.scan(cursor, &mut |element| {
            // Buckets that were joined bring back what was shown.
            let is_due = !log.is_touched
                || log.place.has_ahead(self.hash(element.key())) && !log.has(element.key());
            if is_due {
                show(element.key(), element.value(), element.word());
                shown += 1;
            }
        });
        log.left -= shown;
        log.place.0 = (next != 0).then_some(next);
        log.place.0.is_some()
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.memory()
    }
}

impl Walked<Members> {
    /// One step of moving elements that lie badly. To a walk they are the same.
    pub(crate) fn relocate(&mut self, cursor: u64, mover: &mut Mover<'_>) -> u64 {
        self.table.relocate(cursor, mover)
    }

    /// As [`Members::insert`].
    #[inline]
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        value: &[u8],
        word: Option<u64>,
    ) -> Spot {
        if let Some(log) = &mut self.log {
            log.is_touched = true;
            if log.place.has_ahead(hash) {
                log.hide(key);
            }
        }
        self.table.insert(hash, key, value, word)
    }

    /// As [`Members::remove`].
    #[inline]
    pub(crate) fn remove(&mut self, spot: Spot) {
        self.note(spot);
        self.table.remove(spot);
    }

    /// As [`Members::update`].
    #[allow(clippy::option_option)] // whether it is there, and whether it has a word
    #[inline]
    pub(crate) fn update(&mut self, hash: u64, key: &[u8], value: &[u8]) -> Option<Option<u64>> {
        if self.log.is_some() {
            let spot = self.table.locate(hash, key)?;
            self.note(spot);
        }
        self.table.update(hash, key, value)
    }

    /// As [`Members::set_word`].
    #[inline]
    pub(crate) fn set_word(&mut self, spot: Spot, word: Option<u64>) {
        self.note(spot);
        self.table.set_word(spot, word);
    }

    #[inline]
    fn note(&mut self, spot: Spot) {
        if let Some(log) = &mut self.log {
            log.is_touched = true;
            let element = self.table.at(spot);
            if log.place.has_ahead(self.table.hash(element.key())) {
                log.keep(element.key(), element.value(), element.word());
            }
        }
    }
}
