//! The time that commands see. It is read once a turn and after a command that took long; in between it stands still.

use crate::base::slab::Id;
use crate::base::time::Clock;
use crate::store::tsc;

use super::Engine;

/// The time that one outermost command sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) unix_ms: i64,
    pub(crate) unix_us: i64,
    /// On a clock that never goes back; microseconds.
    pub(crate) monotonic_us: u64,
}

/// After a command that took so long, the next one in the same turn sees a new time.
pub(super) const LONG_NS: u64 = 1_000_000;

impl Engine {
    /// A turn of the loop begins: the sleep is over. Reads the clock, and the processor's counter, from which the
    /// length of the turn is told.
    #[inline]
    pub fn begin_turn(&mut self) {
        self.refresh_time();
        self.cron.woke_ticks = tsc::ticks();
    }

    /// Reads the clock within a turn, after something that may have taken long; in between, time stands still.
    #[inline]
    pub(super) fn refresh_time(&mut self) {
        self.now = read_clock(&self.clock);
        self.sessions.now_us = self.now.monotonic_us;
    }

    /// A command of this session took long: time has gone on, and the loop shall know whose it was.
    #[cold]
    pub(super) fn note_long(&mut self, id: Id) {
        self.now = read_clock(&self.clock);
        self.sessions.took_long.push(id);
    }

    /// For how long the present turn has lasted. INFO counts it, a snapshot takes a share of it, the loop bounds it.
    pub(crate) fn turn_ns(&self) -> u64 {
        let ticks = tsc::ticks().wrapping_sub(self.cron.woke_ticks);
        self.services.rate.nanos(ticks)
    }
}

/// The time that the next command sees.
pub(crate) fn read_clock(clock: &Clock) -> Now {
    let unix_us = clock.unix_us();
    Now {
        unix_ms: unix_us / 1000,
        unix_us,
        monotonic_us: clock.monotonic_us(),
    }
}
