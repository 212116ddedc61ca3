//! What a test may see of an engine, and do to it, that no client can.
//!
//! Everything here says what it wants in words of its own, so that the tests in `tests/` need to know none of the
//! types that an engine is made of. The program itself does not come in here.

use std::collections::HashSet;

use crate::base::output::Output;
use crate::base::slab::Id;
use crate::config::Config;
use crate::keyspace::value_of;
use crate::script::Functions;
use crate::types::Kind;

use super::Engine;
use super::dataset::order::Purpose;
use super::migration::{Order, Report};
#[cfg(test)]
use super::services::Services;
use crate::types::vector::Search;

/// An engine, opened for a test.
pub struct Inside<'a> {
    engine: &'a mut Engine,
}

impl Engine {
    /// For tests that look or meddle with what no client can.
    pub fn inside(&mut self) -> Inside<'_> {
        Inside { engine: self }
    }
}

// Connections.
impl Inside<'_> {
    /// Bytes are there to be read, and were not counted as received.
    pub fn push(&mut self, id: Id, bytes: &[u8]) {
        let Engine {
            sessions, inputs, ..
        } = &mut *self.engine;
        if let Some(session) = sessions.get_mut(id) {
            session.input.push(bytes, inputs);
        }
    }

    /// What the session was told is taken as sent, and the shell has nothing to do for anybody.
    pub fn discard_output(&mut self, id: Id) {
        let session = self.engine.sessions.get_mut(id).expect("still open");
        let unsent = session.output.len();
        session.output.advance(unsent);
        self.engine.sessions.with_output.clear();
    }

    /// Whether the session is gone, on its way out, or will run nothing for now.
    pub fn is_out(&self, id: Id) -> bool {
        self.engine.sessions.get(id).is_none_or(|session| {
            session.parked.is_some() || session.held.is_some() || session.output.is_cut_off()
        })
    }

    /// The search is made at once.
    pub fn take_searched(&mut self, waiting: Id, search: Search) {
        self.engine.handle_found(waiting, search.run());
    }

    /// The other server takes every key.
    pub fn take_migrated(&mut self, order: &Order) {
        let taken = || b"+OK".to_vec();
        self.engine.handle_migrated(Report {
            auth: order.auth.is_some().then(taken),
            select: Some(taken()),
            keys: vec![taken(); order.count],
            failure: None,
        });
    }

    /// Whether the session waits for an answer of the shell.
    #[cfg(test)]
    pub(crate) fn is_parked(&self, id: Id) -> bool {
        (self.engine.sessions.get(id)).is_some_and(|session| session.parked.is_some())
    }

    pub fn has_monitors(&self) -> bool {
        !self.engine.services.monitors.is_empty()
    }
}

// Time, memory and configuration.
impl Inside<'_> {
    /// The time that all turns together have taken.
    pub fn turns_ns(&self) -> u64 {
        self.engine.services.stats.eventloop_ns
    }

    /// The configuration, to be changed behind everybody's back.
    pub fn config(&mut self) -> &mut Config {
        &mut self.engine.services.config
    }

    /// Nothing may be added without an eviction first.
    pub fn leave_no_room(&mut self) {
        self.engine.keyspace.room_bytes = 0;
    }

    /// What waits to be freed by a thread is freed now.
    pub fn free_garbage(&mut self) {
        self.engine.keyspace.garbage.clear();
    }
}

// Snapshots.
impl Inside<'_> {
    pub fn is_saving_rdb(&self) -> bool {
        self.engine.services.snapshots.is_saving(Purpose::Rdb)
    }

    /// A snapshot begins that nobody asked for. What it has saved goes nowhere.
    pub fn begin_snapshot(&mut self) {
        self.engine.keyspace.freeze();
    }

    /// The snapshot saves one more piece, or it begins.
    pub fn walk_snapshot(&mut self) {
        let keyspace = &mut self.engine.keyspace;
        if keyspace.is_freezing() {
            keyspace.freeze_slice(&mut || false);
            keyspace.freeze.ready.clear();
        } else {
            keyspace.freeze();
        }
    }

    /// Whether there are keys that the snapshot has not come to.
    #[cfg(test)]
    pub(crate) fn is_walking(&self) -> bool {
        self.engine.keyspace.is_freezing()
    }

    pub fn give_up_snapshot(&mut self) {
        self.engine.keyspace.give_up_freeze();
    }
}

// For the crate's own tests.
impl Inside<'_> {
    #[cfg(test)]
    pub(crate) fn services(&self) -> &Services {
        &self.engine.services
    }
}

// The data set.
impl Inside<'_> {
    /// All keys and libraries are gone.
    pub fn clear(&mut self) {
        for db in 0..self.engine.keyspace.dbs.len() as u16 {
            self.engine.keyspace.flush(db, false);
        }
        self.engine.services.functions = Functions::default();
    }

    /// How many keys there are, and how many of them have a deadline before `now_ms`.
    pub fn count_keys(&self, now_ms: i64) -> (usize, usize) {
        let keyspace = &self.engine.keyspace;
        let entries = keyspace.dbs.iter().flat_map(|db| db.dict.iter());
        let is_overdue = |deadline: Option<i64>| deadline.is_some_and(|at| at < now_ms);
        let overdue = entries.filter(|entry| is_overdue(entry.deadline()));
        (keyspace.len(), overdue.count())
    }

    /// The stream that replicas follow, from this offset on.
    pub fn stream(&self, from: u64) -> Vec<u8> {
        let mut shown = Output::new();
        let stream = self.engine.services.replication.history.stream();
        stream
            .expect("somebody follows it")
            .show(from, u64::MAX, &mut shown);
        shown.take()
    }

    /// Changes, but for those that a save has taken off.
    pub fn changes(&self) -> u64 {
        self.engine.keyspace.journal.dirty
    }

    /// The data set as a file.
    pub fn rdb(&mut self) -> Vec<u8> {
        let mut outline = self.engine.outline(false);
        outline.form.checksums = false;
        let mut each_key = || Ok(());
        let written = (outline.begin(Vec::new(), &mut each_key)).and_then(|mut file| {
            self.engine.keyspace.show_all(&mut file)?;
            file.finish()
        });
        written.expect("memory takes all")
    }

    /// Says what is wrong with the data set: a key that is there twice, an aggregate without elements (a stream may
    /// have none), a value that takes no memory, sizes that were counted wrong.
    pub fn fault(&mut self) -> Option<String> {
        for (number, db) in self.engine.keyspace.dbs.iter().enumerate() {
            let mut names = HashSet::new();
            for entry in db.dict.iter() {
                let shown = || format!("{} of database {number}", entry.key().escape_ascii());
                if !names.insert(entry.key().to_vec()) {
                    return Some(format!("{} is there twice", shown()));
                }
                let Some(value) = value_of(entry) else {
                    continue;
                };
                let may_be_empty = matches!(value.kind(), Kind::String | Kind::Stream);
                if value.is_empty() && !may_be_empty {
                    return Some(format!("{} has no elements", shown()));
                }
                if value.memory() == 0 || value.weight() == usize::MAX {
                    return Some(format!("{} has no size", shown()));
                }
                if value.encoding().is_empty() {
                    return Some(format!("{} has no encoding", shown()));
                }
            }
        }
        if !self.engine.keyspace.sizes_are_right() {
            return Some("sizes were counted wrong".into());
        }
        None
    }
}
