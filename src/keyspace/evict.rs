//! Which key goes when memory runs out.
//!
//! Redis does not keep its keys in order of use; it samples a few, keeps the best candidates of several samples in a
//! small pool, and evicts the best of those. With ten samples this is hard to tell from true LRU. The pool holds
//! copies of keys, so a candidate that has gone or has been used meanwhile is found out when its turn comes.
//!
//! Under a `volatile` policy only keys with a deadline may go. They are drawn from the timer wheel, which holds exactly
//! those.

use crate::store::{EntryRef, Spot, alloc};
use crate::types::Value;

use super::Event;
use super::Keyspace;
use super::access::AccessPolicy;
use super::db::{Expiry, Keys};

/// The keys that may be evicted, and which of them go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) rank: Rank,
    /// Only keys with a deadline may go.
    pub(crate) only_volatile: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The least recently used.
    Idle,
    /// The least frequently used.
    Rare,
    /// The one that expires soonest.
    Soonest,
    Random,
}

/// A key that may go, the higher its score the sooner.
struct Candidate {
    score: u64,
    db: u16,
    key: Vec<u8>,
}

/// The best candidates of the samples so far, best last.
#[derive(Default)]
pub(crate) struct Evictor {
    pool: Vec<Candidate>,
    found: Vec<Spot>,
    next_db: usize,
}

const POOL_MAX: usize = 16;

impl Keyspace {
    /// Evicts one key, if there is one that may go. Returns how many bytes that freed at once, not counting what it
    /// takes to tell others of it.
    pub(crate) fn evict_one(&mut self, policy: Policy, samples: usize, now_ms: i64) -> Option<u64> {
        let mut evictor = std::mem::take(&mut self.evictor);
        let evicted = self.evict_with(&mut evictor, policy, samples, now_ms);
        self.evictor = evictor;
        evicted
    }

    fn evict_with(
        &mut self,
        evictor: &mut Evictor,
        policy: Policy,
        samples: usize,
        now_ms: i64,
    ) -> Option<u64> {
        let Policy {
            rank,
            only_volatile,
        } = policy;
        if rank != Rank::Random {
            for db in 0..self.dbs.len() {
                self.gather(evictor, db, policy, samples, now_ms);
            }
            while let Some(best) = evictor.pool.pop() {
                let mut keys = Keys::new(self, best.db, now_ms, Expiry::Remove);
                if let Some(spot) = keys.find(&best.key)
                    && (!only_volatile || keys.deadline(spot).is_some())
                {
                    return Some(keys.evict(spot));
                }
            }
            return None;
        }
        // Databases take turns, so that none is drained first.
        for _ in 0..self.dbs.len() {
            let db = evictor.next_db % self.dbs.len();
            evictor.next_db += 1;
            self.sample(evictor, db, only_volatile, 1);
            let chosen = self.rng.index(evictor.found.len().max(1));
            if let Some(&spot) = evictor.found.get(chosen) {
                return Some(Keys::new(self, db as u16, now_ms, Expiry::Remove).evict(spot));
            }
        }
        None
    }

    /// Draws entries of a database that may be evicted.
    fn sample(&mut self, evictor: &mut Evictor, db: usize, only_volatile: bool, count: usize) {
        evictor.found.clear();
        let dict = &self.dbs[db].dict;
        let rng = &mut self.rng;
        let mut draw = || rng.next_u64();
        if !only_volatile {
            dict.sample(&mut draw, count, &mut evictor.found);
            return;
        }
        for _ in 0..count {
            let drawn = dict.random_expiring(&mut draw);
            // A hash with deadlines only on its fields is on the wheel too, but not volatile.
            evictor
                .found
                .extend(drawn.filter(|spot| dict.entry(*spot).deadline().is_some()));
        }
    }

    /// Adds the entries of a sample to the pool.
    fn gather(
        &mut self,
        evictor: &mut Evictor,
        db: usize,
        policy: Policy,
        samples: usize,
        now_ms: i64,
    ) {
        self.sample(evictor, db, policy.only_volatile, samples);
        let Evictor { pool, found, .. } = evictor;
        for &spot in found.iter() {
            let entry = self.dbs[db].dict.entry(spot);
            let score = score(&self.access, policy.rank, entry, now_ms);
            if pool.len() == POOL_MAX && pool[0].score >= score {
                continue;
            }
            if pool
                .iter()
                .any(|known| known.db == db as u16 && known.key == entry.key())
            {
                continue;
            }
            if pool.len() == POOL_MAX {
                pool.remove(0);
            }
            let at = pool.partition_point(|known| known.score < score);
            pool.insert(
                at,
                Candidate {
                    score,
                    db: db as u16,
                    key: entry.key().to_vec(),
                },
            );
        }
    }
}

fn score(access: &AccessPolicy, rank: Rank, entry: EntryRef<'_, Value>, now_ms: i64) -> u64 {
    match rank {
        Rank::Idle => AccessPolicy::idle_seconds(entry.access(), now_ms),
        Rank::Rare => u64::from(255 - access.decayed(entry.access(), now_ms)),
        Rank::Soonest => u64::MAX - entry.deadline().unwrap_or(i64::MAX).max(0) as u64,
        Rank::Random => 0,
    }
}

impl Keys<'_> {
    /// Returns how many bytes the key and its value gave back.
    fn evict(&mut self, spot: Spot) -> u64 {
        let key = self.entry(spot).key().to_vec();
        let lazily = self.space.lazy.eviction;
        let before = alloc::used_memory();
        self.remove_at(spot, lazily);
        let freed = before.saturating_sub(alloc::used_memory()) as u64;
        self.space.counters.evicted_keys += 1;
        let journal = &mut self.space.journal;
        journal.vanished(self.db, &key, lazily);
        journal.changed(self.db, &key);
        journal.event(self.db, &key, Event::EVICTED);
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::New;

    const NOW: i64 = 1_700_000_000_000;
    const ANY_IDLE: Policy = Policy {
        rank: Rank::Idle,
        only_volatile: false,
    };

    fn filled(count: usize, deadline: impl Fn(usize) -> Option<i64>) -> Keyspace {
        let mut space = Keyspace::new(2, 1);
        for number in 0..count {
            let key = format!("key:{number}");
            // The higher the number, the later it was used.
            let then = NOW - (count - number) as i64 * 1000;
            let mut keys = Keys::new(&mut space, 0, then, Expiry::Show);
            let (vacancy, _) = keys.vacate(key.as_bytes(), false);
            keys.insert(vacancy, New::Inline(b"v"), deadline(number));
        }
        space
    }

    fn mean_of_rest(space: &Keyspace) -> usize {
        let numbers = space.dbs[0].dict.iter().map(|entry| {
            let text = std::str::from_utf8(&entry.key()[4..]).expect("digits");
            text.parse::<usize>().expect("a number")
        });
        let (sum, count) = numbers.fold((0, 0), |(sum, count), number| (sum + number, count + 1));
        sum / count
    }

    #[test]
    fn the_long_idle_go_first() {
        let mut space = filled(2000, |_| None);
        for _ in 0..1000 {
            assert!(space.evict_one(ANY_IDLE, 5, NOW).is_some());
        }
        assert_eq!(space.dbs[0].dict.len(), 1000);
        assert!(mean_of_rest(&space) > 1350, "{}", mean_of_rest(&space));
        assert_eq!(space.counters.evicted_keys, 1000);
    }

    #[test]
    fn only_keys_with_a_deadline_go_under_a_volatile_policy() {
        for rank in [Rank::Idle, Rank::Soonest, Rank::Random, Rank::Rare] {
            let policy = Policy {
                rank,
                only_volatile: true,
            };
            let mut space = filled(500, |number| {
                (number % 50 == 0).then_some(NOW + 1_000_000 + number as i64)
            });
            let mut count = 0;
            while space.evict_one(policy, 5, NOW).is_some() {
                count += 1;
            }
            assert_eq!(
                (count, space.dbs[0].dict.len(), space.dbs[0].dict.expires()),
                (10, 490, 0),
                "{policy:?}"
            );
        }
    }

    #[test]
    fn an_empty_database_has_nobody_to_evict() {
        let mut empty = Keyspace::new(1, 1);
        assert_eq!(
            empty.evict_one(
                Policy {
                    rank: Rank::Random,
                    only_volatile: false
                },
                5,
                NOW
            ),
            None
        );
        assert_eq!(empty.evict_one(ANY_IDLE, 5, NOW), None);
    }
}
