//! Keeping within `maxmemory`.
//!
//! Before a command runs, memory beyond the limit is freed by evicting keys, for a short while at most; the rest is
//! done between the turns of the loop. Only when nothing can be evicted are commands that may need more memory refused.

use crate::config::{Config, Eviction};
use crate::keyspace::evict::{Policy, Rank};
use crate::keyspace::{AccessPolicy, Keyspace, Lazy};
use crate::repl::Stream;
use crate::store::{alloc, tsc};

use crate::engine::Engine;
use crate::engine::services::Services;
use crate::engine::session::Sessions;

/// How long one command may wait for memory to be freed, for the default `maxmemory-eviction-tenacity` of 10.
const SLICE_NS: u64 = 500_000;

/// How often the clock is looked at, in evicted keys.
const KEYS_PER_LOOK: usize = 16;

impl Engine {
    /// Frees memory if there is a limit and it is exceeded. Returns whether more is left to do.
    pub(in crate::engine) fn keep_within_memory(&mut self) -> bool {
        let config = &self.services.config;
        let limit = config.maxmemory;
        // What a replica has too much its primary has evicted, or will.
        let is_excused = self.services.replication.is_replica() && config.replica_ignore_maxmemory;
        if limit == 0 || is_excused {
            self.services.out_of_memory = false;
            return false;
        }
        let used = self.memory_that_counts();
        self.keyspace.room_bytes = limit.saturating_sub(used) as usize;
        let excess = used.saturating_sub(limit);
        let is_behind = excess > 0 && self.evict(limit, excess);
        let is_exceeded = is_behind || (excess > 0 && self.services.out_of_memory);
        if excess == 0 {
            self.services.out_of_memory = false;
        }
        let now_us = self.now.monotonic_us;
        self.services.stats.note_excess(is_exceeded, now_us);
        is_behind
    }

    /// Evicts keys until so much is freed or the time is over. Returns whether more is left to do.
    fn evict(&mut self, limit: u64, excess: u64) -> bool {
        // A pause keeps the data as it is, eviction included.
        if self.services.pause.is_in_force(self.now.unix_ms) {
            self.services.out_of_memory = false;
            return false;
        }
        let policy = eviction(self.services.config.maxmemory_policy);
        let samples = self.services.config.maxmemory_samples as usize;
        let now_ms = self.now.unix_ms;
        let started = tsc::ticks();
        let mut evicted = 0;
        let mut freed = 0;
        self.keyspace.journal.interest = Self::listeners(&self.services);
        while freed < excess {
            let Some(bytes) =
                policy.and_then(|policy| self.keyspace.evict_one(policy, samples, now_ms))
            else {
                self.services.out_of_memory = true;
                return false;
            };
            // The pushes about evicted keys need memory: if that were to be made up for by evicting, the telling could
            // drain the database.
            freed += bytes;
            self.settle();
            evicted += 1;
            // A large value is freed by another thread once the shell has handed it over; until then there is no
            // telling how much that gave.
            if !self.keyspace.garbage.is_empty() {
                break;
            }
            if evicted % KEYS_PER_LOOK == 0
                && self.services.rate.nanos(tsc::ticks().wrapping_sub(started))
                    > self.eviction_slice_ns()
            {
                break;
            }
        }
        // A command that has to evict more than fits a slice makes progress at least; it may run.
        self.services.out_of_memory = false;
        self.memory_that_counts() > limit
    }

    /// All memory but the bytes that are on their way out, to the log or to replicas: evicting keys adds to those.
    fn memory_that_counts(&self) -> u64 {
        let on_their_way = on_their_way(&self.services, &self.sessions);
        (alloc::used_memory() as u64).saturating_sub(on_their_way as u64)
    }

    fn eviction_slice_ns(&self) -> u64 {
        let tenacity = u64::from(self.services.config.maxmemory_eviction_tenacity);
        match tenacity {
            0..=10 => SLICE_NS * tenacity / 10,
            100.. => u64::MAX,
            // Each step above 10 adds 15 %.
            _ => (SLICE_NS as f64 * 1.15_f64.powi(tenacity as i32 - 10)) as u64,
        }
    }
}

/// The memory of bytes that are on their way to the log, or, beyond the backlog, to replicas.
pub(crate) fn on_their_way(services: &Services, sessions: &Sessions) -> usize {
    let replication = &services.replication;
    let stream = replication.history.stream().map_or(0, Stream::memory);
    let beyond_backlog = stream.saturating_sub(services.config.repl_backlog_size as usize);
    let following = replication.replicas.iter();
    let outputs = following
        .filter_map(|replica| sessions.get(replica.id))
        .map(|session| session.output.memory());
    services.appending.buffer_bytes() + beyond_backlog + outputs.sum::<usize>()
}

/// The meaning of a policy; `None` evicts nothing.
fn eviction(policy: Eviction) -> Option<Policy> {
    let (rank, only_volatile) = match policy {
        Eviction::NoEviction => return None,
        Eviction::AllkeysLru => (Rank::Idle, false),
        Eviction::AllkeysLfu => (Rank::Rare, false),
        Eviction::AllkeysRandom => (Rank::Random, false),
        Eviction::VolatileLru => (Rank::Idle, true),
        Eviction::VolatileLfu => (Rank::Rare, true),
        Eviction::VolatileTtl => (Rank::Soonest, true),
        Eviction::VolatileRandom => (Rank::Random, true),
    };
    Some(Policy {
        rank,
        only_volatile,
    })
}

/// Whether each value needs an access word of its own, so that Redis would not share small numbers between keys.
pub(crate) fn keeps_word_per_value(policy: Eviction) -> bool {
    eviction(policy).is_some_and(|policy| matches!(policy.rank, Rank::Idle | Rank::Rare))
}

/// Tells the keyspace its part of the configuration.
pub(crate) fn configure(keyspace: &mut Keyspace, config: &Config) {
    if config.maxmemory == 0 {
        keyspace.room_bytes = usize::MAX;
    }
    keyspace.access = AccessPolicy {
        is_lfu: eviction(config.maxmemory_policy).is_some_and(|policy| policy.rank == Rank::Rare),
        log_factor: u64::from(config.lfu_log_factor),
        decay_minutes: u64::from(config.lfu_decay_time_min),
    };
    keyspace.lazy = Lazy {
        expire: config.lazyfree_lazy_expire,
        eviction: config.lazyfree_lazy_eviction,
        server_del: config.lazyfree_lazy_server_del,
        user_del: config.lazyfree_lazy_user_del,
        user_flush: config.lazyfree_lazy_user_flush,
    };
}
