//! Which session watches which key.
//!
//! Only the reverse index lives here: from a key to the sessions that shall be told. What a session watches, and
//! whether it has been told, is in the session itself. The index holds nothing while nobody watches, and then a
//! write pays one comparison.

use std::collections::HashMap;

use crate::base::slab::Id;

#[derive(Default)]
pub struct Watchers {
    /// Invariant: no list is empty, and no session is twice in one.
    by_key: HashMap<(u16, Vec<u8>), Vec<Id>>,
}

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many keys are watched (INFO `total_watched_keys`).
    pub fn key_count(&self) -> usize {
        self.by_key.len()
    }

    pub fn watch(&mut self, db: u16, key: &[u8], session: Id) {
        let list = self.by_key.entry((db, key.to_vec())).or_default();
        if !list.contains(&session) {
            list.push(session);
        }
    }

    pub fn unwatch(&mut self, db: u16, key: &[u8], session: Id) {
        let name = (db, key.to_vec());
        if let Some(list) = self.by_key.get_mut(&name) {
            list.retain(|id| *id != session);
            if list.is_empty() {
                self.by_key.remove(&name);
            }
        }
    }

    /// The sessions that watch `key`.
    pub fn of(&self, db: u16, key: &[u8]) -> &[Id] {
        // The map is keyed by owned names; the copy is made only while somebody watches something.
        self.by_key
            .get(&(db, key.to_vec()))
            .map_or(&[], Vec::as_slice)
    }

    /// All watched keys of a database (of all, for `None`) with their watchers.
    pub fn of_database(&self, db: Option<u16>) -> impl Iterator<Item = (u16, &[u8], &[Id])> {
        (self.by_key.iter())
            .filter(move |((of, _), _)| db.is_none_or(|db| db == *of))
            .map(|((db, key), ids)| (*db, key.as_slice(), ids.as_slice()))
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
        assert_eq!(watchers.of(0, b"k"), [one, two]);
        assert!(watchers.of(1, b"k").is_empty());
        watchers.unwatch(0, b"k", one);
        watchers.unwatch(0, b"k", two);
        assert!(watchers.is_empty());
    }
}
