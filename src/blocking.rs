//! Blocked sessions: the keys each waits for, the order in which they are served, and their time limits.
//!
//! A command that finds nothing parks its session and lists it here under each key it named. When a key may have
//! become useful, settling puts it on the ready list; the engine then goes through the waiters of that key in the
//! order in which they began to wait and runs their commands again. Deadlines are an ordered set: there are few of
//! them next to requests, and the first is always at hand for the poll's time-out.
//!
//! A wait has a number, its ticket, and every line is ordered by tickets. So to leave a line, or to go on in it after
//! some have left, is a search and not a walk: ten thousand clients that wait for one key are served by ten thousand
//! pushes, or leave all at once, in time that grows with their number and hardly more.
//!
//! A list or sorted set that is there has elements, so a session that waits for one can only be served by a key that
//! comes into being. A stream gets entries while it is there, and a consumer group can be destroyed, or go with its
//! stream; readers of streams are woken by that as well ([`WokenBy`]). Other changes of a stream wake nobody.
//!
//! Here are the lines alone. `engine/run/settle.rs` marks keys as ready, `engine/waiting/mod.rs` runs the commands
//! again.
//!
//! Invariants: a session is listed once per key it named, however often it named it; every line has somebody in it;
//! a session listed here has `parked` set. Everything is ordered, so that the same events wake the same sessions in
//! the same order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::slab::Id;

#[derive(Default)]
pub(crate) struct Blocking {
    /// The lines of waiters, by database and key.
    databases: Vec<BTreeMap<Vec<u8>, Line>>,
    /// The number of lines, and of those with a waiter that also wants to hear that the key is gone.
    key_count: usize,
    key_count_when_gone: usize,
    deadlines: BTreeSet<(i64, Id)>,
    ready: VecDeque<(u16, Vec<u8>)>,
    /// Sessions that wait for the disk or for replicas, in the order in which they began.
    for_offset: BTreeMap<Ticket, Id>,
    last_ticket: Ticket,
    /// How many have come and have not left.
    waits: usize,
}

/// The event at a key that makes a session look at it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WokenBy {
    /// It comes into being.
    Arrival,
    /// Or there is news while it is there: a stream gets an entry.
    News,
    /// Or it changes in a way that may have been its end.
    Loss,
}

/// The wait of one session. The session keeps it, and shows it again when it leaves.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) db: u16,
    pub(crate) keys: Vec<Vec<u8>>,
    /// In unix milliseconds; `None` waits for ever.
    pub(crate) deadline_ms: Option<i64>,
    pub(crate) by: WokenBy,
    /// It waits for the disk or for replicas, and not for keys.
    pub(crate) for_offset: bool,
    ticket: Ticket,
}

/// The number of a wait: later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticket(u64);

/// The sessions that wait for one key.
#[derive(Default)]
struct Line {
    sessions: BTreeMap<Ticket, Id>,
    /// How many of them also want to hear of news.
    by_news: usize,
    /// How many of them also want to hear that the key is gone.
    by_loss: usize,
    is_ready: bool,
    /// Whether something came, so that the key being there as before is a reason to look at it.
    may_serve: bool,
}

/// A key that became ready. [`Blocking::next_waiter`] names its waiters, oldest first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) db: u16,
    pub(crate) key: Vec<u8>,
    /// Whether some of them also want to hear that the key is gone.
    pub(crate) any_by_loss: bool,
    /// False if the key only changed: a waiter that would be served by it is not, unless it is gone.
    pub(crate) may_serve: bool,
    /// Where in the line to go on.
    from: Ticket,
    /// The youngest waiter when the key was looked at.
    last: Ticket,
}

impl Wait {
    pub(crate) fn new(db: u16, keys: Vec<Vec<u8>>, deadline_ms: Option<i64>, by: WokenBy) -> Self {
        Self {
            db,
            keys,
            deadline_ms,
            by,
            for_offset: false,
            ticket: Ticket::default(),
        }
    }

    /// For the disk or for replicas.
    pub(crate) fn for_offset(deadline_ms: Option<i64>) -> Self {
        Self {
            for_offset: true,
            ..Self::new(0, Vec::new(), deadline_ms, WokenBy::Arrival)
        }
    }
}

impl Blocking {
    /// Whether no key is waited for.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.key_count == 0
    }
    pub(crate) fn key_count(&self) -> usize {
        self.key_count
    }
    pub(crate) fn key_count_when_gone(&self) -> usize {
        self.key_count_when_gone
    }
    pub(crate) fn deadline_count(&self) -> usize {
        self.deadlines.len()
    }
    /// How many sessions wait for something that is listed here, or for the shell.
    pub(crate) fn wait_count(&self) -> usize {
        self.waits
    }

    /// The session begins to wait.
    pub(crate) fn begin(&mut self, session: Id, wait: &mut Wait) {
        self.last_ticket.0 += 1;
        wait.ticket = self.last_ticket;
        let db = wait.db as usize;
        if self.databases.len() <= db {
            self.databases.resize_with(db + 1, BTreeMap::new);
        }
        for key in &wait.keys {
            let line = self.databases[db].entry(key.clone()).or_default();
            self.key_count += usize::from(line.sessions.is_empty());
            if line.sessions.insert(wait.ticket, session).is_some() {
                // It named the key twice.
                continue;
            }
            line.by_news += usize::from(wait.by >= WokenBy::News);
            if wait.by == WokenBy::Loss {
                self.key_count_when_gone += usize::from(line.by_loss == 0);
                line.by_loss += 1;
            }
        }
        if let Some(deadline) = wait.deadline_ms {
            self.deadlines.insert((deadline, session));
        }
        if wait.for_offset {
            self.for_offset.insert(wait.ticket, session);
        }
        self.waits += 1;
    }

    /// Its wait is over, however it ended.
    pub(crate) fn leave(&mut self, session: Id, wait: &Wait) {
        for key in &wait.keys {
            let Some(lines) = self.databases.get_mut(wait.db as usize) else {
                break;
            };
            let Some(line) = lines.get_mut(key) else {
                continue;
            };
            if line.sessions.remove(&wait.ticket).is_none() {
                continue;
            }
            line.by_news -= usize::from(wait.by >= WokenBy::News);
            if wait.by == WokenBy::Loss {
                line.by_loss -= 1;
                self.key_count_when_gone -= usize::from(line.by_loss == 0);
            }
            if line.sessions.is_empty() {
                lines.remove(key);
                self.key_count -= 1;
            }
        }
        if let Some(deadline) = wait.deadline_ms {
            self.deadlines.remove(&(deadline, session));
        }
        if wait.for_offset {
            self.for_offset.remove(&wait.ticket);
        }
        self.waits -= 1;
    }

    /// The key has come into being (`Arrival`), has news, or changed and may be gone.
    pub(crate) fn mark_ready(&mut self, db: u16, key: &[u8], what: WokenBy) {
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
    pub(crate) fn mark_database_ready(&mut self, db: Option<u16>) {
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
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next key to look at. The sessions that wait for it are named by [`Blocking::next_waiter`].
    pub(crate) fn next_ready(&mut self) -> Option<Ready> {
        let (db, key) = self.ready.pop_front()?;
        let line = self.databases[db as usize].get_mut(&key);
        // Without a line they have all left since.
        let (any_by_loss, may_serve) = line.map_or((false, false), |line| {
            line.is_ready = false;
            (line.by_loss > 0, std::mem::take(&mut line.may_serve))
        });
        Some(Ready {
            db,
            key,
            any_by_loss,
            may_serve,
            from: Ticket::default(),
            last: self.last_ticket,
        })
    }

    /// The next waiter for a ready key, oldest first. Waiters may leave the line between two calls; those that join it
    /// wait for the next time that the key is ready.
    pub(crate) fn next_waiter(&self, ready: &mut Ready) -> Option<Id> {
        let line = self.databases[ready.db as usize].get(&ready.key)?;
        let (&ticket, &session) = line.sessions.range(ready.from..).next()?;
        if ticket > ready.last {
            return None;
        }
        ready.from = Ticket(ticket.0 + 1);
        Some(session)
    }

    /// The sessions that wait for the disk or for replicas, oldest first.
    pub(crate) fn for_offset(&self) -> impl Iterator<Item = Id> {
        self.for_offset.values().copied()
    }

    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A session whose deadline has passed. It is named once: its deadline is taken out here, before anybody knows
    /// what becomes of its wait.
    pub(crate) fn take_overdue(&mut self, now_ms: i64) -> Option<Id> {
        let (deadline, session) = *self.deadlines.first()?;
        if deadline > now_ms {
            return None;
        }
        self.deadlines.pop_first();
        Some(session)
    }
}

impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        tests::count_step();
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
