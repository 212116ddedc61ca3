//! Who waits for what, in which order, until when.
//!
//! A command that finds nothing parks its session and lists it here under each key it named. When a key may have
//! become useful, settling puts it on the ready list; the engine then goes through the waiters of that key in the
//! order in which they began to wait and runs their commands again. Deadlines are an ordered set: there are few of
//! them next to requests, and the first is always at hand for the poll's time-out.
//!
//! A list or sorted set that is there has elements, so who waits for one can only be served by a key that comes into
//! being. A stream gets entries while it is there, and a consumer group can be destroyed, or go with its stream; those
//! who read streams are woken by that as well ([`WokenBy`]). Other changes of a stream wake nobody.
//!
//! Invariants: a session is listed once per key it named, however often it named it; every line has somebody in it;
//! a session listed here has `parked` set. Everything is ordered, so that the same events wake the same sessions in
//! the same order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::slab::Id;

#[derive(Default)]
pub struct Blocking {
    /// The lines of waiters, by database and key.
    databases: Vec<BTreeMap<Vec<u8>, Line>>,
    /// How many lines there are, and how many of them with somebody who also wants to hear that the key is gone.
    key_count: usize,
    key_count_when_gone: usize,
    deadlines: BTreeSet<(i64, Id)>,
    ready: VecDeque<(u16, Vec<u8>)>,
    /// Those who wait for the disk or for replicas, in the order in which they began.
    pub for_offset: Vec<Id>,
    /// How many sessions are parked, for whatever reason (INFO `blocked_clients`).
    pub parked_count: usize,
}

/// What happens to a key that makes a session look at it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WokenBy {
    /// It comes into being.
    Arrival,
    /// Or there is news while it is there: a stream gets an entry.
    News,
    /// Or it changes in a way that may have been its end.
    Loss,
}

/// Those who wait for one key.
#[derive(Default)]
struct Line {
    sessions: VecDeque<Id>,
    /// How many of them also want to hear of news.
    by_news: usize,
    /// How many of them also want to hear that the key is gone.
    by_loss: usize,
    is_ready: bool,
    /// Whether something came, so that the key being there as before is a reason to look at it.
    may_serve: bool,
}

/// A key that became ready, with those who wait for it, oldest first.
#[derive(Debug, PartialEq, Eq)]
pub struct Ready {
    pub db: u16,
    pub key: Vec<u8>,
    pub sessions: Vec<Id>,
    /// Whether some of them also want to hear that the key is gone.
    pub any_by_loss: bool,
    /// False if the key only changed: a waiter who would be served by it is not, unless it is gone.
    pub may_serve: bool,
}

impl Blocking {
    /// Whether no key is waited for.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.key_count == 0
    }
    pub fn key_count(&self) -> usize {
        self.key_count
    }
    pub fn key_count_when_gone(&self) -> usize {
        self.key_count_when_gone
    }
    pub fn deadline_count(&self) -> usize {
        self.deadlines.len()
    }

    pub fn wait(
        &mut self,
        session: Id,
        db: u16,
        keys: &[Vec<u8>],
        deadline_ms: Option<i64>,
        by: WokenBy,
    ) {
        let db = db as usize;
        if self.databases.len() <= db {
            self.databases.resize_with(db + 1, BTreeMap::new);
        }
        for key in keys {
            let line = self.databases[db].entry(key.clone()).or_default();
            // Only this call can have listed it already, and then it stands at the end.
            if line.sessions.back() == Some(&session) {
                continue;
            }
            self.key_count += usize::from(line.sessions.is_empty());
            line.sessions.push_back(session);
            line.by_news += usize::from(by >= WokenBy::News);
            if by == WokenBy::Loss {
                self.key_count_when_gone += usize::from(line.by_loss == 0);
                line.by_loss += 1;
            }
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.insert((deadline, session));
        }
        self.parked_count += 1;
    }

    pub fn leave(
        &mut self,
        session: Id,
        db: u16,
        keys: &[Vec<u8>],
        deadline_ms: Option<i64>,
        by: WokenBy,
    ) {
        for key in keys {
            let Some(lines) = self.databases.get_mut(db as usize) else {
                break;
            };
            let Some(line) = lines.get_mut(key) else {
                continue;
            };
            let Some(at) = line.sessions.iter().position(|id| *id == session) else {
                continue;
            };
            line.sessions.remove(at);
            line.by_news -= usize::from(by >= WokenBy::News);
            if by == WokenBy::Loss {
                line.by_loss -= 1;
                self.key_count_when_gone -= usize::from(line.by_loss == 0);
            }
            if line.sessions.is_empty() {
                lines.remove(key);
                self.key_count -= 1;
            }
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.remove(&(deadline, session));
        }
        self.parked_count -= 1;
    }

    /// The key has come into being (`Arrival`), has news, or changed and may be gone.
    pub fn mark_ready(&mut self, db: u16, key: &[u8], what: WokenBy) {
        let Some(line) = self
            .databases
            .get_mut(db as usize)
            .and_then(|lines| lines.get_mut(key))
        else {
            return;
        };
        let concerns_somebody = match what {
            WokenBy::Arrival => true,
            WokenBy::News => line.by_news > 0,
            WokenBy::Loss => line.by_loss > 0,
        };
        if concerns_somebody {
            line.may_serve |= what != WokenBy::Loss;
            if !line.is_ready {
                line.is_ready = true;
                self.ready.push_back((db, key.to_vec()));
            }
        }
    }

    /// All keys of a database that are waited for became doubtful: it was flushed or exchanged.
    pub fn mark_database_ready(&mut self, db: Option<u16>) {
        for (of, lines) in self.databases.iter_mut().enumerate() {
            if db.is_some_and(|db| usize::from(db) != of) {
                continue;
            }
            for (key, line) in lines {
                line.may_serve = true;
                if !line.is_ready {
                    line.is_ready = true;
                    self.ready.push_back((of as u16, key.clone()));
                }
            }
        }
    }

    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next key to look at.
    pub fn next_ready(&mut self) -> Option<Ready> {
        let (db, key) = self.ready.pop_front()?;
        let line = self.databases[db as usize].get_mut(&key);
        // Without a line they have all left since.
        let mut ready = Ready {
            db,
            key,
            sessions: Vec::new(),
            any_by_loss: false,
            may_serve: false,
        };
        if let Some(line) = line {
            line.is_ready = false;
            ready.may_serve = std::mem::take(&mut line.may_serve);
            ready.sessions.extend(&line.sessions);
            ready.any_by_loss = line.by_loss > 0;
        }
        Some(ready)
    }

    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A session whose deadline has passed.
    pub fn next_overdue(&self, now_ms: i64) -> Option<Id> {
        let (deadline, session) = *self.deadlines.first()?;
        (deadline <= now_ms).then_some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u32) -> Id {
        Id {
            index,
            generation: 0,
        }
    }

    #[test]
    fn serves_in_the_order_of_arrival() {
        let mut blocking = Blocking::default();
        blocking.wait(
            id(1),
            0,
            &[b"a".to_vec(), b"a".to_vec()],
            Some(50),
            WokenBy::Arrival,
        );
        blocking.wait(
            id(2),
            0,
            &[b"a".to_vec(), b"b".to_vec()],
            None,
            WokenBy::Loss,
        );
        assert_eq!(
            (blocking.key_count(), blocking.key_count_when_gone()),
            (2, 2)
        );
        blocking.mark_ready(0, b"a", WokenBy::Arrival);
        blocking.mark_ready(0, b"a", WokenBy::News);
        blocking.mark_ready(0, b"nobody", WokenBy::Arrival);
        blocking.mark_ready(7, b"a", WokenBy::Arrival);
        let ready = Ready {
            db: 0,
            key: b"a".to_vec(),
            sessions: vec![id(1), id(2)],
            any_by_loss: true,
            may_serve: true,
        };
        assert_eq!(blocking.next_ready(), Some(ready));
        assert_eq!(blocking.next_ready(), None);
        assert_eq!(blocking.next_overdue(49), None);
        assert_eq!(blocking.next_overdue(50), Some(id(1)));
        blocking.leave(
            id(1),
            0,
            &[b"a".to_vec(), b"a".to_vec()],
            Some(50),
            WokenBy::Arrival,
        );
        blocking.leave(
            id(2),
            0,
            &[b"a".to_vec(), b"b".to_vec()],
            None,
            WokenBy::Loss,
        );
        assert!(
            blocking.is_empty() && blocking.next_deadline().is_none() && blocking.parked_count == 0
        );
        assert_eq!(blocking.key_count_when_gone(), 0);
    }

    #[test]
    fn wakes_only_for_what_may_help() {
        let mut blocking = Blocking::default();
        blocking.wait(id(1), 0, &[b"list".to_vec()], None, WokenBy::Arrival);
        blocking.wait(id(2), 0, &[b"stream".to_vec()], None, WokenBy::News);
        for what in [WokenBy::News, WokenBy::Loss] {
            blocking.mark_ready(0, b"list", what);
            blocking.mark_ready(0, b"stream", what);
        }
        assert_eq!(
            blocking.next_ready().map(|ready| ready.key),
            Some(b"stream".to_vec())
        );
        assert!(!blocking.has_ready());

        blocking.wait(id(3), 0, &[b"stream".to_vec()], None, WokenBy::Loss);
        blocking.mark_ready(0, b"stream", WokenBy::Loss);
        let ready = blocking.next_ready().expect("it may be gone");
        assert!(ready.any_by_loss && !ready.may_serve);
        blocking.mark_ready(0, b"stream", WokenBy::Loss);
        blocking.mark_ready(0, b"stream", WokenBy::News);
        assert!(blocking.next_ready().is_some_and(|ready| ready.may_serve));
    }

    #[test]
    fn a_flush_casts_doubt_on_every_key_of_its_database() {
        let mut blocking = Blocking::default();
        blocking.wait(
            id(1),
            0,
            &[b"b".to_vec(), b"a".to_vec()],
            None,
            WokenBy::Loss,
        );
        blocking.wait(id(2), 2, &[b"c".to_vec()], None, WokenBy::Arrival);
        blocking.mark_database_ready(Some(0));
        blocking.mark_database_ready(None);
        let order: Vec<_> = std::iter::from_fn(|| blocking.next_ready())
            .map(|ready| ready.key)
            .collect();
        assert_eq!(order, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
    }
}
