//! What the live page is shown, as plain data: what ran in a turn, and figures that INFO does not have.
//!
//! The engine fills these, and the page draws them; neither knows the other.

use crate::store::{Probe, TableShape, WheelShape};

/// One command that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// `get`, or `config|get`.
    pub(crate) name: &'static str,
    /// The number that CLIENT ID shows.
    pub(crate) client: u64,
    pub(crate) spent_ns: u64,
}

/// The commands that ran since they were last taken, as long as somebody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) is_noting: bool,
    list: Vec<Request>,
}

/// So many of a turn are noted; whoever sees that many needs no more.
const NOTED_MOST: usize = 200;

impl Requests {
    pub(crate) fn note(&mut self, request: Request) {
        if self.is_noting && self.list.len() < NOTED_MOST {
            self.list.push(request);
        }
    }

    pub(crate) fn take(&mut self, into: &mut Vec<Request>) {
        into.append(&mut self.list);
    }
}

/// Bytes that wait at all clients: of requests to be run, of replies to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) unread: u64,
    pub(crate) unsent: u64,
}

/// Figures that INFO does not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// How long the key that is overdue most has been so.
    pub(crate) late_ms: u64,
    /// Databases that have keys.
    pub(crate) tables: Vec<TableFigures>,
    pub(crate) slow_count: u64,
    pub(crate) slow_last_id: i64,
    pub(crate) slow_last_us: i64,
}

/// The table of a database.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TableFigures {
    pub(crate) db: usize,
    pub(crate) keys: usize,
    pub(crate) deadlines: usize,
    pub(crate) shape: TableShape,
    /// How much of it the snapshot has, of one.
    pub(crate) frozen: Option<f64>,
}

/// One database from near by.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseUp {
    pub(crate) db: usize,
    pub(crate) chains: Vec<u8>,
    pub(crate) wheel: WheelShape,
}

/// An entry of the slow log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slow {
    pub(crate) id: i64,
    pub(crate) unix_s: i64,
    pub(crate) spent_us: i64,
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) address: String,
}

/// Where a key is, or would be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) probe: Probe,
    pub(crate) found: Option<Found>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// `string`, `hash` ...
    pub(crate) kind: &'static str,
    pub(crate) deadline_ms: Option<i64>,
    /// Of the entry, without what it points to.
    pub(crate) bytes: usize,
}
