//! Who waits for what, in which order, until when.
//!
//! A command that finds nothing parks its session and lists it here under each key it named. When a key may have
//! become useful, settling puts it on the ready list; the engine then goes through the waiters of that key in the
//! order in which they began to wait and runs their commands again. Deadlines are an ordered set: there are few of
//! them next to requests, and the first is always at hand for the poll's time-out.
//!
//! Invariants: a session is listed once per key it named, however often it named it; every list is non-empty;
//! a session listed here has `parked` set.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::base::slab::Id;

type Name = (u16, Vec<u8>);

#[derive(Default)]
pub struct Blocking {
    waiters: HashMap<Name, VecDeque<Id>>,
    /// Keys waited for by somebody who also wants to hear that they are gone.
    wanted_when_gone: HashMap<Name, usize>,
    deadlines: BTreeSet<(i64, Id)>,
    ready: VecDeque<Name>,
    ready_once: std::collections::HashSet<Name>,
    /// How many sessions are parked, for whatever reason (INFO `blocked_clients`).
    pub parked_count: usize,
}

impl Blocking {
    /// Whether no key is waited for.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
    pub fn key_count(&self) -> usize {
        self.waiters.len()
    }
    pub fn key_count_when_gone(&self) -> usize {
        self.wanted_when_gone.len()
    }
    pub fn deadline_count(&self) -> usize {
        self.deadlines.len()
    }

    pub fn wait(&mut self, session: Id, db: u16, keys: &[Vec<u8>], deadline_ms: Option<i64>, when_gone: bool) {
        for key in keys {
            let name = (db, key.clone());
            let line = self.waiters.entry(name.clone()).or_default();
            if line.contains(&session) {
                continue;
            }
            line.push_back(session);
            if when_gone {
                *self.wanted_when_gone.entry(name).or_default() += 1;
            }
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.insert((deadline, session));
        }
        self.parked_count += 1;
    }

    pub fn leave(&mut self, session: Id, db: u16, keys: &[Vec<u8>], deadline_ms: Option<i64>, when_gone: bool) {
        for key in keys {
            let name = (db, key.clone());
            let Some(line) = self.waiters.get_mut(&name) else { continue };
            let before = line.len();
            line.retain(|id| *id != session);
            let was_listed = line.len() < before;
            if line.is_empty() {
                self.waiters.remove(&name);
            }
            if when_gone
                && was_listed
                && let Some(count) = self.wanted_when_gone.get_mut(&name)
            {
                *count -= 1;
                if *count == 0 {
                    self.wanted_when_gone.remove(&name);
                }
            }
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.remove(&(deadline, session));
        }
        self.parked_count -= 1;
    }

    /// The key may now be useful to somebody.
    pub fn mark_ready(&mut self, db: u16, key: &[u8]) {
        let name = (db, key.to_vec());
        if self.waiters.contains_key(&name) && self.ready_once.insert(name.clone()) {
            self.ready.push_back(name);
        }
    }

    /// All keys of a database that are waited for became doubtful: it was flushed or exchanged.
    pub fn mark_database_ready(&mut self, db: Option<u16>) {
        let names: Vec<Name> = (self.waiters.keys().filter(|(of, _)| db.is_none_or(|db| db == *of)).cloned()).collect();
        for name in names {
            if self.ready_once.insert(name.clone()) {
                self.ready.push_back(name);
            }
        }
    }

    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next key to look at, with those who wait for it, oldest first.
    pub fn next_ready(&mut self) -> Option<(u16, Vec<u8>, Vec<Id>)> {
        let name = self.ready.pop_front()?;
        self.ready_once.remove(&name);
        let line = self.waiters.get(&name).map(|line| line.iter().copied().collect()).unwrap_or_default();
        Some((name.0, name.1, line))
    }

    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A session whose deadline has passed.
    pub fn pop_overdue(&mut self, now_ms: i64) -> Option<Id> {
        let (deadline, session) = *self.deadlines.first()?;
        (deadline <= now_ms).then_some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u32) -> Id {
        Id { index, generation: 0 }
    }

    #[test]
    fn serves_in_the_order_of_arrival() {
        let mut blocking = Blocking::default();
        blocking.wait(id(1), 0, &[b"a".to_vec(), b"a".to_vec()], Some(50), false);
        blocking.wait(id(2), 0, &[b"a".to_vec(), b"b".to_vec()], None, true);
        blocking.mark_ready(0, b"a");
        blocking.mark_ready(0, b"a");
        blocking.mark_ready(0, b"nobody");
        assert_eq!(blocking.next_ready(), Some((0, b"a".to_vec(), vec![id(1), id(2)])));
        assert_eq!(blocking.next_ready(), None);
        assert_eq!(blocking.pop_overdue(49), None);
        assert_eq!(blocking.pop_overdue(50), Some(id(1)));
        blocking.leave(id(1), 0, &[b"a".to_vec(), b"a".to_vec()], Some(50), false);
        blocking.leave(id(2), 0, &[b"a".to_vec(), b"b".to_vec()], None, true);
        assert!(blocking.is_empty() && blocking.next_deadline().is_none() && blocking.parked_count == 0);
        assert_eq!(blocking.key_count_when_gone(), 0);
    }
}
