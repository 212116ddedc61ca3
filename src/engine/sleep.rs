//! The end of a turn: work that is due is done, and the loop is told how long it may sleep.

use crate::store::tsc;

use super::Engine;

/// How long until `before_sleep` wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    None,
    Ms(u64),
}

impl Engine {
    /// Works off the duties that are due by themselves. Called after the inputs of a turn and before its outputs are
    /// written.
    pub fn before_sleep(&mut self) -> Rest {
        if self.is_busy() {
            return Rest::None;
        }
        self.wake_overdue();
        let is_behind = self.expire_keys() | self.keep_within_memory();
        if !self.services.tracking.is_idle() {
            self.broadcast_invalidations();
        }
        self.evict_sessions(&[]);
        if self.now.monotonic_us >= self.cron.next_us {
            let started = tsc::ticks();
            self.run_cron();
            let spent_ns = self.services.rate.nanos(tsc::ticks().wrapping_sub(started));
            self.services.stats.eventloop_cron_ns += spent_ns;
        }
        if self.services.replication.history.stream().is_some() {
            self.attend_replicas();
            self.go_on_with_failover();
        }
        let is_saving = self.go_on_with_snapshot();
        let defrag_ms = self.go_on_with_defrag();
        self.count_turn();
        if is_behind || is_saving || defrag_ms == Some(0) || !self.sessions.again.is_empty() {
            return Rest::None;
        }
        let mut wait_ms = (self.cron.next_us.saturating_sub(self.now.monotonic_us)).div_ceil(1000);
        let deadlines = [
            self.services.blocking.next_deadline(),
            self.services.pause.until_ms(),
            self.next_expiry_ms(),
        ];
        wait_ms = wait_ms.min(defrag_ms.unwrap_or(u64::MAX));
        for deadline in deadlines.into_iter().flatten() {
            wait_ms = wait_ms.min((deadline - self.now.unix_ms).max(0) as u64);
        }
        Rest::Ms(wait_ms)
    }

    /// Adds the turn that ends here to the figures of the loop. Writes to sockets that follow are not seen from here.
    fn count_turn(&mut self) {
        let turn_ns = self.turn_ns();
        let stats = &mut self.services.stats;
        stats.eventloop_cycles += 1;
        stats.eventloop_ns += turn_ns;
        stats.eventloop_max_ns = stats.eventloop_max_ns.max(turn_ns);
        let commands = stats
            .commands_processed
            .saturating_sub(self.cron.commands_before);
        stats.eventloop_commands_per_cycle_max =
            stats.eventloop_commands_per_cycle_max.max(commands);
        self.cron.commands_before = stats.commands_processed;
    }
}
