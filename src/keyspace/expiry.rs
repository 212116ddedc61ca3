//! Keys whose time has come.
//!
//! A key is hidden the moment its deadline passes; removing it is housekeeping. It is removed when a command looks
//! for it, or when the wheel of its database tells that it is due, whichever comes first. Fields of hashes that have
//! deadlines of their own are next door in `fields`.

use crate::store::Spot;

use super::Keyspace;
use super::db::Keys;
use super::journal::Event;

impl Keys<'_> {
    /// Removes a due key that a command came across, if this server may.
    #[cold]
    pub(super) fn expire_at(&mut self, spot: Spot) {
        if self.space.may_expire {
            self.expire(spot);
        }
    }

    fn expire(&mut self, spot: Spot) {
        let key = self.entry(spot).key().to_vec();
        let lazily = self.space.lazy.expire;
        self.remove_at(spot, lazily);
        self.space.counters.expired_keys += 1;
        let journal = &mut self.space.journal;
        journal.vanished(self.db, &key, lazily);
        journal.event(self.db, &key, Event::EXPIRED);
    }
}

impl Keyspace {
    /// Removes keys that are due, looking at no more than `budget` records of the wheels. Returns whether more is
    /// left to do now.
    pub fn expire_due(&mut self, now_ms: i64, budget: &mut usize) -> bool {
        if !self.may_expire {
            return false;
        }
        for db in 0..self.dbs.len() {
            while let Some(spot) = self.dbs[db].dict.next_due(now_ms, budget) {
                let mut keys = Keys::new(self, db as u16, now_ms);
                if keys
                    .entry(spot)
                    .deadline()
                    .is_some_and(|deadline| deadline <= now_ms)
                {
                    keys.expire(spot);
                } else {
                    keys.expire_fields(spot, budget);
                }
            }
            if *budget == 0 {
                return true;
            }
        }
        false
    }

    /// When the next key is due, as far as the wheels know without work.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.dbs
            .iter()
            .filter_map(|db| db.dict.next_due_hint())
            .min()
    }
}
