//! Keys with deadlines that clients of a replica have written.
//!
//! A replica removes nothing by itself: its primary says what goes. But the primary knows nothing of what clients write
//! here, where that is allowed at all. So such keys are remembered, and removed when their time comes.
//!
//! A record is a hint, never the truth: a key is removed only if it is there and its deadline is the one that was
//! written down. So nobody has to tell of keys that go, or that the primary has written since. Records without such a
//! key are looked for a few at a time, so there are not many of them.

use std::collections::{BTreeSet, HashMap};

use super::Keyspace;
use super::db::{Expiry, Keys};

/// A key, by its database and name.
type Name = (u16, Vec<u8>);

#[derive(Default)]
pub(crate) struct Own {
    deadlines: HashMap<Name, i64>,
    by_time: BTreeSet<(i64, Name)>,
    /// Behind this one the search for useless records goes on.
    seen: Option<(i64, Name)>,
}

/// So many records are looked at each time.
const SEARCHED: usize = 20;

impl Own {
    fn note(&mut self, name: Name, deadline: i64) {
        if let Some(old) = self.deadlines.insert(name.clone(), deadline) {
            self.by_time.remove(&(old, name.clone()));
        }
        self.by_time.insert((deadline, name));
    }

    fn forget(&mut self, record: &(i64, Name)) {
        self.by_time.remove(record);
        self.deadlines.remove(&record.1);
    }
}

impl Keyspace {
    /// A client of this replica has written these keys.
    pub(crate) fn note_own(&mut self) {
        let changed = self.journal.all_changed();
        let names: Vec<Name> = changed.map(|(db, key)| (db, key.to_vec())).collect();
        for name in names {
            if let Some(deadline) = self.deadline_of(&name) {
                self.own.note(name, deadline);
            }
        }
    }

    fn deadline_of(&self, (db, key): &Name) -> Option<i64> {
        let dict = &self.dbs[usize::from(*db)].dict;
        let spot = dict.locate(dict.hash(key), key)?;
        dict.entry(spot).deadline()
    }

    /// How many keys are remembered.
    pub(crate) fn own_count(&self) -> usize {
        self.own.deadlines.len()
    }

    /// We are no replica any more, and remove what we like.
    pub(crate) fn forget_own(&mut self) {
        self.own = Own::default();
    }

    /// Removes those whose time has come, at most so many.
    pub(crate) fn expire_own(&mut self, now_ms: i64, mut budget: usize) {
        while let Some(record) = self.own.by_time.first().cloned()
            && record.0 <= now_ms
            && budget > 0
        {
            budget -= 1;
            self.own.forget(&record);
            let (deadline, (db, key)) = record;
            let dict = &self.dbs[usize::from(db)].dict;
            let Some(spot) = dict.locate(dict.hash(&key), &key) else {
                continue;
            };
            if dict.entry(spot).deadline() == Some(deadline) {
                Keys::new(self, db, now_ms, Expiry::Remove).expire(spot);
            }
        }
        self.forget_useless();
    }

    fn forget_useless(&mut self) {
        let from = match self.own.seen.take() {
            Some(seen) => std::ops::Bound::Excluded(seen),
            None => std::ops::Bound::Unbounded,
        };
        let rest = self.own.by_time.range((from, std::ops::Bound::Unbounded));
        let some: Vec<(i64, Name)> = rest.take(SEARCHED).cloned().collect();
        if some.len() == SEARCHED {
            self.own.seen = some.last().cloned();
        }
        for record in some {
            if self.deadline_of(&record.1) != Some(record.0) {
                self.own.forget(&record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::journal::interest;
    use crate::keyspace::{New, Payload};
    use crate::store::Until;

    fn write(space: &mut Keyspace, key: &[u8], deadline: Option<i64>) {
        space.journal.interest = interest::KEYS;
        let mut keys = Keys::new(space, 0, 0, Expiry::Hide);
        let site = keys.site(key);
        let until = deadline.map_or(Until::Never, Until::At);
        keys.put(site, New::Int(1), until);
        keys.touched(key, 1);
        space.note_own();
        space.journal.take();
    }

    fn holds(space: &Keyspace, key: &[u8]) -> bool {
        let dict = &space.dbs[0].dict;
        let spot = dict.locate(dict.hash(key), key);
        spot.is_some_and(|spot| matches!(dict.entry(spot).payload(), Payload::Int(1)))
    }

    #[test]
    fn only_what_clients_wrote_goes_and_only_at_its_time() {
        let mut space = Keyspace::new(1, 7);
        for number in 0..100_i64 {
            write(
                &mut space,
                format!("key:{number}").as_bytes(),
                Some(100 + number),
            );
        }
        write(&mut space, b"for ever", None);
        write(&mut space, b"later", Some(50));
        write(&mut space, b"later", Some(5000));
        // The primary has set this one anew, and told nobody here.
        write(&mut space, b"taken over", Some(60));
        let mut keys = Keys::new(&mut space, 0, 0, Expiry::Show);
        let spot = keys.find(b"taken over").expect("it is there");
        keys.set_deadline(spot, Some(80));
        space.expire_own(149, 1000);
        assert_eq!(space.dbs[0].dict.len(), 53);
        assert!(holds(&space, b"key:50") && !holds(&space, b"key:49"));
        for key in [b"for ever".as_slice(), b"later", b"taken over"] {
            assert!(holds(&space, key));
        }
        space.expire_own(1000, 10);
        assert_eq!(space.dbs[0].dict.len(), 43, "no more than the budget");
        space.expire_own(1000, 1000);
        assert_eq!((space.dbs[0].dict.len(), space.own_count()), (3, 1));
    }

    #[test]
    fn records_of_keys_that_have_gone_are_forgotten() {
        let mut space = Keyspace::new(1, 7);
        for number in 0..1000 {
            let key = format!("key:{number}").into_bytes();
            write(&mut space, &key, Some(i64::MAX - 1));
            Keys::new(&mut space, 0, 0, Expiry::Hide).remove(&key, false);
            space.expire_own(1, 10);
            assert!(space.own_count() <= 2 * SEARCHED, "{}", space.own_count());
        }
    }
}
