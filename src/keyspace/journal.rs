//! The events in the keyspace since the journal was last read.
//!
//! A command never tells anyone about its writes. It states facts here (this key changed, this event happened, so
//! many changes count as dirty), and `Engine::settle` reads them once, afterwards, and tells the watchers, the
//! subscribers of keyspace events, the tracking tables and the clients that wait for keys.
//!
//! Facts are kept only while somebody wants them: `interest` names the listeners, and without any a write costs one
//! addition. The key's bytes go into one reused buffer, so recording allocates nothing once it is warm.
//!
//! Invariant: `dirty` counts every change, with or without listeners; Redis calls the same number
//! `rdb_changes_since_last_save`.

use std::ops::Range;

use crate::spec::events::Event;
use crate::types::Kind;

/// The listeners, as bits; the engine sets them from the state of its services, before each command that could find
/// them changed.
pub(crate) mod interest {
    pub(crate) const NOBODY: u8 = 0;
    /// Somebody watches keys, tracks them or waits for them: changed keys are recorded.
    pub(crate) const KEYS: u8 = 1 << 0;
    /// Keyspace events are switched on: events are recorded.
    pub(crate) const EVENTS: u8 = 1 << 1;
    /// An append-only file or a replica wants to know of keys that vanish by themselves.
    pub(crate) const REMOVALS: u8 = 1 << 2;
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The value, the deadline or the existence of the key changed.
    Changed { db: u16, key: Range<usize> },
    /// The key came into being, as a value of this kind.
    Added {
        db: u16,
        key: Range<usize>,
        kind: Kind,
    },
    /// Clients that wait for the key while it is there should look at it: a stream has got an entry, or lost a group.
    News { db: u16, key: Range<usize> },
    /// Subscribers of keyspace events may hear of it.
    Event {
        db: u16,
        key: Range<usize>,
        event: Event,
    },
    /// The key vanished without a command asking for it: it expired or was evicted. `lazily`: its value is freed off
    /// the loop, here and wherever this is told.
    Vanished {
        db: u16,
        key: Range<usize>,
        lazily: bool,
    },
    /// A field of a hash vanished in the same way.
    FieldVanished {
        db: u16,
        key: Range<usize>,
        field: Range<usize>,
    },
    /// Every key of the database is gone (`None`: of all databases). Exchanged databases count as two flushes for the
    /// watchers of their keys.
    Flushed { db: Option<u16> },
}

/// A key or a field that went by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removal<'a> {
    pub(crate) db: u16,
    pub(crate) key: &'a [u8],
    pub(crate) field: Option<&'a [u8]>,
    pub(crate) lazily: bool,
}

/// The facts since they were last taken, and the count of changes.
#[derive(Default, Debug)]
pub(crate) struct Journal {
    /// Changes since the last snapshot; grows even when nobody listens.
    pub(crate) dirty: u64,
    pub(crate) interest: u8,
    facts: Vec<Fact>,
    bytes: Vec<u8>,
}

impl Journal {
    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Whether anybody listens to what commands change, and not only to what goes by itself.
    #[inline]
    pub(crate) fn is_told_of_changes(&self) -> bool {
        self.interest & (interest::KEYS | interest::EVENTS) != 0
    }

    fn keep(&mut self, key: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        start..self.bytes.len()
    }

    #[inline]
    pub(crate) fn changed(&mut self, db: u16, key: &[u8]) {
        if self.interest & interest::KEYS != 0 {
            let key = self.keep(key);
            self.facts.push(Fact::Changed { db, key });
        }
    }

    #[inline]
    pub(crate) fn added(&mut self, db: u16, key: &[u8], kind: Kind) {
        if self.interest & interest::KEYS != 0 {
            let key = self.keep(key);
            self.facts.push(Fact::Added { db, key, kind });
        }
        self.event(db, key, Event::NEW);
    }

    pub(crate) fn news(&mut self, db: u16, key: &[u8]) {
        if self.interest & interest::KEYS != 0 {
            let key = self.keep(key);
            self.facts.push(Fact::News { db, key });
        }
    }

    #[inline]
    pub(crate) fn event(&mut self, db: u16, key: &[u8], event: Event) {
        if self.interest & interest::EVENTS != 0 {
            let key = self.keep(key);
            self.facts.push(Fact::Event { db, key, event });
        }
    }

    pub(crate) fn vanished(&mut self, db: u16, key: &[u8], lazily: bool) {
        if self.interest & (interest::KEYS | interest::REMOVALS) != 0 {
            let key = self.keep(key);
            self.facts.push(Fact::Vanished { db, key, lazily });
        }
    }

    pub(crate) fn field_vanished(&mut self, db: u16, key: &[u8], field: &[u8]) {
        if self.interest & interest::REMOVALS != 0 {
            let (key, field) = (self.keep(key), self.keep(field));
            self.facts.push(Fact::FieldVanished { db, key, field });
        }
    }

    pub(crate) fn flushed(&mut self, db: Option<u16>) {
        self.facts.push(Fact::Flushed { db });
    }

    /// The keys that changed or vanished since there were `from` facts, and how many facts there are now.
    pub(crate) fn changed_since(&self, from: usize) -> (impl Iterator<Item = &[u8]>, usize) {
        let changed = self.facts[from..].iter().filter_map(|fact| match fact {
            Fact::Changed { key, .. } | Fact::Vanished { key, .. } => {
                Some(&self.bytes[key.clone()])
            }
            Fact::Added { .. }
            | Fact::News { .. }
            | Fact::Event { .. }
            | Fact::FieldVanished { .. }
            | Fact::Flushed { .. } => None,
        });
        (changed, self.facts.len())
    }

    /// The keys that changed, with their databases.
    pub(crate) fn all_changed(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.facts.iter().filter_map(|fact| match fact {
            Fact::Changed { db, key } => Some((*db, &self.bytes[key.clone()])),
            Fact::Added { .. }
            | Fact::News { .. }
            | Fact::Event { .. }
            | Fact::Vanished { .. }
            | Fact::FieldVanished { .. }
            | Fact::Flushed { .. } => None,
        })
    }

    /// The removals since there were `from` facts that no command asked for, and how many facts there are now.
    pub(crate) fn removals_since(&self, from: usize) -> (impl Iterator<Item = Removal<'_>>, usize) {
        let removals = self.facts[from..].iter().filter_map(|fact| match fact {
            Fact::Vanished { db, key, lazily } => Some(Removal {
                db: *db,
                key: &self.bytes[key.clone()],
                field: None,
                lazily: *lazily,
            }),
            Fact::FieldVanished { db, key, field } => Some(Removal {
                db: *db,
                key: &self.bytes[key.clone()],
                field: Some(&self.bytes[field.clone()]),
                lazily: false,
            }),
            Fact::Changed { .. }
            | Fact::News { .. }
            | Fact::Added { .. }
            | Fact::Event { .. }
            | Fact::Flushed { .. } => None,
        });
        (removals, self.facts.len())
    }

    /// Forgets the facts, which everybody has heard of.
    pub(crate) fn clear(&mut self) {
        self.facts.clear();
        self.bytes.clear();
    }

    /// Lends out the facts for reading; give them back with [`Journal::recycle`] so that their memory is reused.
    pub(crate) fn take(&mut self) -> Facts {
        Facts {
            facts: std::mem::take(&mut self.facts),
            bytes: std::mem::take(&mut self.bytes),
        }
    }

    pub(crate) fn recycle(&mut self, mut taken: Facts) {
        if self.facts.is_empty() && self.bytes.is_empty() {
            taken.facts.clear();
            taken.bytes.clear();
            self.facts = taken.facts;
            self.bytes = taken.bytes;
        }
    }
}

/// Facts taken out of the journal, in the order in which they happened.
#[derive(Default)]
pub(crate) struct Facts {
    facts: Vec<Fact>,
    bytes: Vec<u8>,
}

impl Facts {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter()
    }
    pub(crate) fn key(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_facts_only_for_those_who_listen() {
        let mut journal = Journal::default();
        journal.changed(0, b"a");
        journal.event(0, b"a", Event::DEL);
        assert!(journal.is_empty());

        journal.interest = interest::KEYS;
        journal.changed(3, b"key");
        journal.event(3, b"key", Event::DEL);
        let facts = journal.take();
        let seen: Vec<_> = facts.iter().cloned().collect();
        assert_eq!(seen, [Fact::Changed { db: 3, key: 0..3 }]);
        assert_eq!(facts.key(&(0..3)), b"key");
    }

    #[test]
    fn recycling_never_loses_what_came_meanwhile() {
        let mut journal = Journal {
            interest: interest::KEYS,
            ..Journal::default()
        };
        journal.changed(0, b"first");
        let taken = journal.take();
        journal.changed(0, b"second");
        journal.recycle(taken);
        let facts = journal.take();
        assert_eq!(facts.iter().count(), 1);
        assert_eq!(facts.key(&(0..6)), b"second");
    }
}
