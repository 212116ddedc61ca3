//! Keeping within `maxmemory`.
//!
//! Before a command runs, memory beyond the limit is freed by evicting keys, for a short while at most; what is left
//! over is done between the turns of the loop. Only when nothing can be evicted are commands that may need more
//! memory refused.

use crate::config::Eviction;
use crate::store::{alloc, tsc};

use super::Engine;

/// How long one command may wait for memory to be freed, for the default `maxmemory-eviction-tenacity` of 10.
const SLICE_NS: u64 = 500_000;

/// How often the clock is looked at, in evicted keys.
const KEYS_PER_LOOK: usize = 16;

impl Engine {
    /// Frees memory if there is a limit and it is exceeded. Returns whether more is left to do.
    pub(super) fn keep_within_memory(&mut self) -> bool {
        let limit = self.services.config.maxmemory;
        if limit == 0 {
            self.services.out_of_memory = false;
            return false;
        }
        let policy = self.services.config.maxmemory_policy;
        let samples = self.services.config.maxmemory_samples as usize;
        let started = tsc::ticks();
        let mut evicted = 0;
        self.keyspace.journal.interest = Self::listeners(&self.services);
        while self.memory_that_counts() > limit {
            if policy == Eviction::NoEviction || !self.keyspace.evict_one(policy, samples, self.now.unix_ms) {
                self.services.out_of_memory = true;
                return false;
            }
            self.settle();
            evicted += 1;
            if evicted % KEYS_PER_LOOK == 0
                && self.services.rate.nanos(tsc::ticks().wrapping_sub(started)) > self.eviction_slice_ns()
            {
                break;
            }
        }
        // Whoever has to evict more than fits a slice makes progress at least; the command may run.
        self.services.out_of_memory = false;
        self.memory_that_counts() > limit
    }

    /// Everything but what is only on its way out to replicas.
    fn memory_that_counts(&self) -> u64 {
        alloc::used_memory() as u64
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
