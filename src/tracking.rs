//! Client-side caching: the sessions that have read each key, and so want to hear when it changes.
//!
//! There are two ways to ask. A session that tracks what it *reads* is listed under each key it reads; when the key
//! changes it is told once, and forgotten until it reads again. A session in *broadcast* mode names prefixes instead;
//! then nothing is remembered about reading, every change of a key with the prefix is told, and all changes of a turn
//! go out in one message.
//!
//! The table of keys is allowed to be wrong in one direction only. A session that is gone, or tracks no more, may still
//! be listed; delivery checks that. But a key that a session has read and not been told about is listed, or has been
//! announced as changed: when the table is too large, keys are announced although nothing happened to them.
//!
//! Keys are listed without their database. Clients that use several are told more than they need.
//!
//! Here is the table alone. `engine/tell/invalidate.rs` fills it and sends the messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::slab::Id;

#[derive(Default)]
pub(crate) struct Tracking {
    readers: HashMap<Vec<u8>, Vec<Id>>,
    /// Entries in all lists of `readers`.
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// How many sessions track, in whichever way.
    sessions: usize,
    /// Keys that changed, with their readers before and the session that changed them: still to be told.
    due: Vec<(Vec<u8>, Vec<Id>, Option<Id>)>,
    /// How many facts of the journal have been looked at.
    facts_seen: usize,
    /// How often in a row the table was too large: the more often, the more is dropped.
    effort: usize,
}

/// A prefix that somebody wants to hear of.
#[derive(Default)]
struct Prefix {
    listeners: BTreeSet<Id>,
    /// Keys that changed since the last broadcast, in order, each once; with the session that changed it last.
    changed: Vec<Vec<u8>>,
    causes: HashMap<Vec<u8>, Option<Id>>,
}

/// The changes under one prefix, and the sessions that want to hear of them.
pub(crate) struct Broadcast {
    pub(crate) listeners: BTreeSet<Id>,
    /// The keys, each with the session that changed it: a session may not want to hear of its own changes.
    pub(crate) keys: Vec<(Vec<u8>, Option<Id>)>,
}

/// So many keys are dropped at a time while the table is too large.
const DROP_STEP: usize = 100;

impl Tracking {
    /// Whether nobody tracks anything, so that a write need not look here.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions == 0
    }
    pub(crate) fn session_count(&self) -> usize {
        self.sessions
    }
    pub(crate) fn key_count(&self) -> usize {
        self.readers.len()
    }
    pub(crate) fn item_count(&self) -> usize {
        self.items
    }
    pub(crate) fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    pub(crate) fn session_began(&mut self) {
        self.sessions += 1;
    }
    pub(crate) fn session_ended(&mut self) {
        self.sessions -= 1;
    }

    /// The session has read the key.
    pub(crate) fn remember(&mut self, key: &[u8], session: Id) {
        let readers = match self.readers.get_mut(key) {
            Some(readers) => readers,
            None => self.readers.entry(key.to_vec()).or_default(),
        };
        if !readers.contains(&session) {
            readers.push(session);
            self.items += 1;
        }
    }

    /// The key has changed: returns its readers. They are forgotten.
    pub(crate) fn take_readers(&mut self, key: &[u8]) -> Vec<Id> {
        if self.readers.is_empty() {
            return Vec::new();
        }
        let readers = self.readers.remove(key).unwrap_or_default();
        self.items -= readers.len();
        readers
    }

    /// Goes through keys that have changed, in order, before later reads are noted: what a command reads after it wrote
    /// is not what it overwrote. `facts_seen` is where to go on.
    pub(crate) fn facts_seen(&self) -> usize {
        self.facts_seen
    }
    pub(crate) fn see_changes<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a [u8]>,
        facts: usize,
        cause: Option<Id>,
    ) {
        for key in keys {
            self.note_changed(key, cause);
            let readers = self.take_readers(key);
            if !readers.is_empty() {
                self.due.push((key.to_vec(), readers, cause));
            }
        }
        self.facts_seen = facts;
    }

    /// The sessions that must be told, and the keys they are told of. The journal was worked off; the next one begins.
    pub(crate) fn take_due(&mut self) -> Vec<(Vec<u8>, Vec<Id>, Option<Id>)> {
        self.facts_seen = 0;
        std::mem::take(&mut self.due)
    }

    /// Forgets all keys: everything was flushed.
    pub(crate) fn forget_keys(&mut self) {
        self.readers = HashMap::new();
        self.items = 0;
    }

    /// While there are more than `most` keys: some of them with their readers, which must be told that they changed.
    pub(crate) fn drop_excess(&mut self, most: usize) -> Vec<(Vec<u8>, Vec<Id>)> {
        if most == 0 || self.readers.len() <= most {
            self.effort = 0;
            return Vec::new();
        }
        self.effort += 1;
        let count = (DROP_STEP * self.effort).min(self.readers.len() - most);
        // The order of a hash table is chance enough.
        let keys: Vec<Vec<u8>> = self.readers.keys().take(count).cloned().collect();
        keys.into_iter()
            .map(|key| {
                let readers = self.take_readers(&key);
                (key, readers)
            })
            .collect()
    }

    // Broadcasts.

    pub(crate) fn add_prefix(&mut self, prefix: &[u8], session: Id) {
        self.prefixes
            .entry(prefix.to_vec())
            .or_default()
            .listeners
            .insert(session);
    }

    pub(crate) fn remove_prefix(&mut self, prefix: &[u8], session: Id) {
        let Some(entry) = self.prefixes.get_mut(prefix) else {
            return;
        };
        entry.listeners.remove(&session);
        if entry.listeners.is_empty() {
            self.prefixes.remove(prefix);
        }
    }

    /// The key has changed: notes it for the broadcast. Linear in the number of prefixes, of which there are few.
    pub(crate) fn note_changed(&mut self, key: &[u8], cause: Option<Id>) {
        for (prefix, entry) in &mut self.prefixes {
            if !key.starts_with(prefix) {
                continue;
            }
            if entry.causes.insert(key.to_vec(), cause).is_none() {
                entry.changed.push(key.to_vec());
            }
        }
    }

    /// The changes to broadcast.
    pub(crate) fn take_broadcasts(&mut self) -> Vec<Broadcast> {
        let changed = self
            .prefixes
            .values_mut()
            .filter(|entry| !entry.changed.is_empty());
        changed
            .map(|entry| {
                let mut causes = std::mem::take(&mut entry.causes);
                let keys = std::mem::take(&mut entry.changed);
                let keys = keys.into_iter().map(|key| {
                    let cause = causes.remove(&key).flatten();
                    (key, cause)
                });
                Broadcast {
                    listeners: entry.listeners.clone(),
                    keys: keys.collect(),
                }
            })
            .collect()
    }
}

/// Two of these prefixes of which one begins with the other: a session that had both would be told twice.
pub(crate) fn overlap<'a>(prefixes: &[&'a [u8]]) -> Option<(&'a [u8], &'a [u8])> {
    let pairs = prefixes
        .iter()
        .enumerate()
        .flat_map(|(at, one)| prefixes[at + 1..].iter().map(move |other| (one, other)));
    pairs
        .map(|(one, other)| (*one, *other))
        .find(|(one, other)| begin_alike(one, other))
}

/// Whether one of two prefixes begins with the other.
pub(crate) fn begin_alike(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u32) -> Id {
        Id {
            index,
            generation: 1,
        }
    }

    #[test]
    fn a_reader_is_told_once_per_reading() {
        let mut tracking = Tracking::default();
        tracking.remember(b"k", id(1));
        tracking.remember(b"k", id(1));
        tracking.remember(b"k", id(2));
        assert_eq!((tracking.key_count(), tracking.item_count()), (1, 2));
        assert_eq!(tracking.take_readers(b"k"), [id(1), id(2)]);
        assert!(tracking.take_readers(b"k").is_empty());
        assert_eq!((tracking.key_count(), tracking.item_count()), (0, 0));
    }

    #[test]
    fn changes_of_a_turn_go_out_together_each_once() {
        let mut tracking = Tracking::default();
        tracking.add_prefix(b"a:", id(1));
        tracking.add_prefix(b"", id(2));
        tracking.note_changed(b"a:1", Some(id(1)));
        tracking.note_changed(b"b", None);
        tracking.note_changed(b"a:1", Some(id(2)));
        let told: Vec<_> = tracking
            .take_broadcasts()
            .into_iter()
            .map(|b| (b.listeners, b.keys))
            .collect();
        let last = (b"a:1".to_vec(), Some(id(2)));
        assert_eq!(
            told,
            [
                (
                    BTreeSet::from([id(2)]),
                    vec![last.clone(), (b"b".to_vec(), None)]
                ),
                (BTreeSet::from([id(1)]), vec![last])
            ]
        );
        assert!(tracking.take_broadcasts().is_empty());
        tracking.remove_prefix(b"a:", id(1));
        tracking.remove_prefix(b"", id(2));
        assert_eq!(tracking.prefix_count(), 0);
    }

    #[test]
    fn a_table_too_large_is_cut_down_ever_faster() {
        let mut tracking = Tracking::default();
        for key in 0..350u32 {
            tracking.remember(&key.to_le_bytes(), id(1));
        }
        assert_eq!(tracking.drop_excess(1000).len(), 0);
        assert_eq!(tracking.drop_excess(10).len(), 100);
        assert_eq!(tracking.drop_excess(10).len(), 200);
        assert_eq!(tracking.drop_excess(10).len(), 40);
        assert_eq!((tracking.key_count(), tracking.item_count()), (10, 10));
    }

    #[test]
    fn prefixes_of_one_session_must_differ_from_their_beginnings_on() {
        assert_eq!(
            overlap(&[b"a", b"b", b"ab"]),
            Some((b"a".as_slice(), b"ab".as_slice()))
        );
        assert_eq!(overlap(&[b"a", b"b", b"c"]), None);
        assert_eq!(
            overlap(&[b"", b"b"]),
            Some((b"".as_slice(), b"b".as_slice()))
        );
    }
}
