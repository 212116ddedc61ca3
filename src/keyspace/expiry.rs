//! Keys whose time has come.
//!
//! A key is hidden the moment its deadline passes; removing it is housekeeping. It is removed when a command looks
//! for it, or when the wheel of its database tells that it is due, whichever comes first. Fields of hashes that have
//! deadlines of their own are next door in `fields`.

use crate::store::Spot;
use crate::types::Kind;

use super::Event;
use super::Keyspace;
use super::db::{Expiry, Keys};

impl Keys<'_> {
    /// Whether this deadline has passed, as far as the running command can see. A key or field that is given such a
    /// deadline goes at once.
    #[inline]
    pub(crate) fn is_past(&self, deadline: i64) -> bool {
        deadline <= self.horizon_ms()
    }

    pub(crate) fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// Deadlines up to this moment have passed, as far as the running command can see.
    #[inline]
    pub(crate) fn horizon_ms(&self) -> i64 {
        self.horizon_ms
    }

    /// Hides a due key from a command that came across it, and removes it if readers may.
    #[cold]
    pub(super) fn expire_for_reader(&mut self, spot: Spot) {
        if self.expiry == Expiry::Remove {
            self.expire(spot);
        }
    }

    #[cold]
    pub(super) fn expire(&mut self, spot: Spot) {
        let key = self.entry(spot).key().to_vec();
        let lazily = self.space.lazy.expire;
        self.remove_and(spot, |space, old| {
            // Who has not asked for lazy freeing sees in LATENCY what an expired aggregate has cost, as with Redis.
            if lazily || matches!(old.kind(), Kind::String | Kind::Json) {
                space.discard(old, lazily);
            }
        });
        self.space.counters.expired_keys += 1;
        let journal = &mut self.space.journal;
        journal.vanished(self.db, &key, lazily);
        journal.event(self.db, &key, Event::EXPIRED);
    }
}

impl Keyspace {
    /// Removes keys that are due, looking at no more than `budget` records of the wheels. Returns whether more is
    /// left to do now. The databases take turns to be the first, so that one where keys expire all the time leaves some
    /// of the budget to the others.
    pub(crate) fn expire_due(&mut self, now_ms: i64, budget: &mut usize) -> bool {
        let count = self.dbs.len();
        for _ in 0..count {
            let db = self.next_expiry_db % count;
            while let Some(spot) = self.dbs[db].dict.next_due(now_ms, budget) {
                let mut keys = Keys::new(self, db as u16, now_ms, Expiry::Remove);
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
            self.next_expiry_db = (db + 1) % count;
            if *budget == 0 {
                return true;
            }
        }
        false
    }

    /// When the next key is due, as far as the wheels know without work.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.dbs
            .iter()
            .filter_map(|db| db.dict.next_due_hint())
            .min()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::Rng;
    use crate::keyspace::Payload;
    use crate::store::{New, Until};

    /// Number and deadline of each key of one database.
    type Model = BTreeMap<Vec<u8>, (i64, Option<i64>)>;

    fn contents(space: &Keyspace) -> Model {
        let row = |entry: crate::store::EntryRef<'_, crate::types::Value>| {
            let Payload::Int(number) = entry.payload() else {
                panic!("only numbers are stored");
            };
            (entry.key().to_vec(), (number, entry.deadline()))
        };
        space.dbs[0].dict.iter().map(row).collect()
    }

    /// No key is there twice, and a written value is there afterwards, after any operations on keys and any treatment
    /// of overdue ones from one operation to the next.
    #[test]
    fn no_write_is_lost_and_no_key_is_there_twice() {
        let mut rng = Rng::from_seed(11);
        let mut space = Keyspace::new(1, 1);
        let mut model = Model::new();
        let mut now_ms = 1_000_000;
        for step in 0..30_000 {
            now_ms += rng.below(30) as i64;
            let expiry = [Expiry::Remove, Expiry::Hide, Expiry::Show][rng.index(3)];
            let key = format!("key{}", rng.below(8)).into_bytes();
            let other = format!("key{}", rng.below(8)).into_bytes();
            let is_due = |row: &(i64, Option<i64>)| {
                expiry != Expiry::Show && row.1.is_some_and(|deadline| deadline <= now_ms)
            };
            let until = match rng.below(4) {
                0 => Until::Kept,
                1 => Until::Never,
                _ => Until::At(now_ms + 1 + rng.below(200) as i64),
            };
            let choice = rng.below(10);
            let mut keys = Keys::new(&mut space, 0, now_ms, expiry);
            match choice {
                0..4 => {
                    let site = keys.site(&key);
                    let old = model.remove(&key).filter(|row| !is_due(row));
                    assert_eq!(site.spot().is_some(), old.is_some(), "step {step}");
                    let spot = keys.put(site, New::Int(step), until);
                    assert_eq!(keys.find(&key), Some(spot), "step {step}");
                    let deadline = match until {
                        Until::Kept => old.and_then(|row| row.1),
                        Until::Never => None,
                        Until::At(deadline) => Some(deadline),
                    };
                    model.insert(key, (step, deadline));
                }
                4..6 => {
                    let found = keys.find(&key).is_some();
                    let is_visible = model.get(&key).is_some_and(|row| !is_due(row));
                    assert_eq!(found, is_visible, "step {step}");
                    if !is_visible && expiry == Expiry::Remove {
                        model.remove(&key);
                    }
                }
                6 => {
                    let was_there = keys.remove(&key, false);
                    let counts = |row| expiry == Expiry::Hide || !is_due(row);
                    let expected = model.get(&key).is_some_and(counts);
                    assert_eq!(was_there, expected, "step {step}");
                    model.remove(&key);
                }
                7..9 if key != other => {
                    if keys.find_to_write(&key).is_none() {
                        model.remove(&key);
                        continue;
                    }
                    let (vacancy, _) = keys.vacate(&other, false);
                    let spot = keys.find_to_write(&key).expect("found a moment ago");
                    let taken = keys.take(spot);
                    keys.put_taken(vacancy, taken);
                    let row = model.remove(&key).expect("the model has it");
                    model.insert(other, row);
                }
                9 => {
                    space.expire_due(now_ms, &mut usize::MAX.clone());
                    let left = contents(&space);
                    let is_overdue =
                        |row: &(i64, Option<i64>)| row.1.is_some_and(|at| at <= now_ms);
                    model.retain(|key, row| left.contains_key(key) || !is_overdue(row));
                }
                _ => {}
            }
            assert_eq!(space.dbs[0].dict.len(), model.len(), "step {step}");
            assert_eq!(contents(&space), model, "step {step}");
        }
    }

    /// A database in which keys expire all the time leaves some of the budget to the others.
    #[test]
    fn databases_take_turns_to_expire() {
        let mut space = Keyspace::new(2, 1);
        let fill = |space: &mut Keyspace, db, round: i64| {
            for number in 0..100 {
                let key = format!("{round}:{number}").into_bytes();
                let mut keys = Keys::new(space, db, round, Expiry::Remove);
                let site = keys.site(&key);
                keys.put(site, New::Int(number), Until::At(round + 1));
            }
        };
        fill(&mut space, 1, 0);
        for round in 1..40 {
            fill(&mut space, 0, round);
            space.expire_due(round + 10, &mut 20);
        }
        assert!(space.dbs[1].dict.is_empty());
        assert!(!space.dbs[0].dict.is_empty());
    }
}
