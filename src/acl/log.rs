//! What was denied lately.
//!
//! The same denial again, within a minute, counts up the entry that is there and moves it to the front. So a client
//! that tries in a loop takes one entry and not all of them.

use std::collections::VecDeque;

/// Why something was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Command,
    Key,
    Channel,
    /// A name and a password that do not belong together.
    Auth,
    Database,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    TopLevel,
    Transaction,
    Script,
}

/// One kind of denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) reason: Reason,
    pub(crate) context: Context,
    /// The command, key, channel or database that was denied.
    pub(crate) object: Vec<u8>,
    /// The user that it was denied to.
    pub(crate) user: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) count: u64,
    pub(crate) number: u64,
    /// The line of CLIENT LIST of the last client it happened to.
    pub(crate) client: Vec<u8>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// The entries, newest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    counts: [u64; 5],
    next_number: u64,
}

/// Events further apart are not the same.
const SAME_WITHIN_MS: i64 = 60_000;

/// So many entries are looked at to find the same event.
const LOOKED_AT: usize = 10;

impl Log {
    /// Adds an event; there are at most so many entries afterwards.
    pub(crate) fn note(&mut self, event: Event, client: Vec<u8>, now_ms: i64, most: usize) {
        self.counts[event.reason as usize] += 1;
        if most == 0 {
            return self.entries.clear();
        }
        let is_same = |entry: &Entry| {
            entry.event == event && (now_ms - entry.updated_ms).abs() <= SAME_WITHIN_MS
        };
        let place = self.entries.iter().take(LOOKED_AT).position(is_same);
        let known = place.and_then(|place| self.entries.remove(place));
        let entry = if let Some(known) = known {
            Entry {
                count: known.count + 1,
                client,
                updated_ms: now_ms,
                ..known
            }
        } else {
            self.next_number += 1;
            Entry {
                event,
                count: 1,
                number: self.next_number - 1,
                client,
                created_ms: now_ms,
                updated_ms: now_ms,
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(most);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// How often that has happened since the start.
    pub(crate) fn count(&self, reason: Reason) -> u64 {
        self.counts[reason as usize]
    }

    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }
}

impl Reason {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Auth => "auth",
            Self::Database => "database",
        }
    }
}

impl Context {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Transaction => "multi",
            Self::Script => "lua",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str) -> Event {
        Event {
            reason: Reason::Key,
            context: Context::TopLevel,
            object: object.into(),
            user: b"alice".to_vec(),
        }
    }

    fn counts(log: &Log) -> Vec<(u64, u64)> {
        log.entries()
            .map(|entry| (entry.number, entry.count))
            .collect()
    }

    #[test]
    fn the_same_event_within_a_minute_is_one_entry() {
        let mut log = Log::default();
        log.note(event("a"), b"1".to_vec(), 0, 10);
        log.note(event("b"), b"2".to_vec(), 10, 10);
        log.note(event("a"), b"3".to_vec(), 60_000, 10);
        assert_eq!(counts(&log), [(0, 2), (1, 1)]);
        let entry = log.entries().next().unwrap();
        assert_eq!(
            (entry.created_ms, entry.updated_ms, entry.client.as_slice()),
            (0, 60_000, &b"3"[..])
        );
        log.note(event("a"), Vec::new(), 120_001, 10);
        assert_eq!(counts(&log), [(2, 1), (0, 2), (1, 1)]);
        log.note(event("c"), Vec::new(), 120_001, 2);
        assert_eq!(counts(&log), [(3, 1), (2, 1)]);
        log.note(event("c"), Vec::new(), 120_001, 0);
        assert_eq!(log.entries().len(), 0);
    }
}
