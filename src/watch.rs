//! Watched keys: key → sessions.
//!
//! Only the reverse index lives here: from a key to the sessions that shall be told. The session itself knows its
//! watched keys, and whether it has been told. The index holds nothing while nobody watches, and then a write pays one
//! comparison.

use std::collections::{BTreeSet, HashMap};

use crate::base::slab::Id;

#[derive(Default)]
pub(crate) struct Watchers {
    /// Invariant: no set is empty. A set, since many sessions may watch the same key, and may all leave at once.
    by_key: HashMap<(u16, Vec<u8>), BTreeSet<Id>>,
}

impl Watchers {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many keys are watched (INFO `total_watched_keys`).
    pub(crate) fn key_count(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn watch(&mut self, db: u16, key: &[u8], session: Id) {
        let name = (db, key.to_vec());
        self.by_key.entry(name).or_default().insert(session);
    }

    pub(crate) fn unwatch(&mut self, db: u16, key: &[u8], session: Id) {
        let name = (db, key.to_vec());
        if let Some(sessions) = self.by_key.get_mut(&name) {
            sessions.remove(&session);
            if sessions.is_empty() {
                self.by_key.remove(&name);
            }
        }
    }

    /// The sessions that watch `key`.
    pub(crate) fn of(&self, db: u16, key: &[u8]) -> &BTreeSet<Id> {
        static NOBODY: BTreeSet<Id> = BTreeSet::new();
        // The map is keyed by owned names; the copy is made only while somebody watches something.
        self.by_key.get(&(db, key.to_vec())).unwrap_or(&NOBODY)
    }

    /// All watched keys of a database (of all, for `None`) with their watchers.
    pub(crate) fn of_database(
        &self,
        db: Option<u16>,
    ) -> impl Iterator<Item = (u16, &[u8], &BTreeSet<Id>)> {
        (self.by_key.iter())
            .filter(move |((of, _), _)| db.is_none_or(|db| db == *of))
            .map(|((db, key), ids)| (*db, key.as_slice(), ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_a_key_with_its_last_watcher() {
        let mut watchers = Watchers::default();
        let (one, two) = (
            Id {
                index: 1,
                generation: 1,
            },
            Id {
                index: 2,
                generation: 1,
            },
        );
        watchers.watch(0, b"k", one);
        watchers.watch(0, b"k", one);
        watchers.watch(0, b"k", two);
        assert_eq!(*watchers.of(0, b"k"), BTreeSet::from([one, two]));
        assert!(watchers.of(1, b"k").is_empty());
        watchers.unwatch(0, b"k", one);
        watchers.unwatch(0, b"k", two);
        assert!(watchers.is_empty());
    }
}
