//! The short breaks of a thread that works for long beside the loop.
//!
//! When the loop wakes on a core that such a thread is using, the system may leave it waiting until its next look at
//! who has had how much: two milliseconds, or four. A thread that sleeps for a moment gives the core away at once to
//! one that waits. It is no yielding: that would forfeit what the thread is still entitled to, and next to busy
//! programs it would hardly get on.

use std::cell::Cell;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::thread;
use std::time::Duration;

use crate::store::tsc::{self, Rate};

pub(crate) struct Breaks {
    /// When the last one ended.
    since: Cell<u64>,
    /// So many ticks between two; `None` for work that is done in a thread of others.
    stretch: Option<u64>,
}

/// The work between two breaks.
const STRETCH_NS: u64 = 300_000;

/// A break: long enough that the thread is off its core before the time is over.
const BREAK: Duration = Duration::from_micros(20);

impl Breaks {
    /// Of the calling thread. `rate`: of the processor's counter; `None` for no breaks.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        // A break shall be no longer than it must; usually fifty microseconds are added to each.
        #[cfg(target_os = "linux")]
        if rate.is_some() {
            let _ = rustix::thread::set_current_timer_slack(Some(NonZeroU64::MIN));
        }
        Self {
            since: Cell::new(tsc::ticks()),
            stretch: rate.map(|rate| rate.ticks(STRETCH_NS)),
        }
    }

    /// To be called every some microseconds.
    #[inline]
    pub(crate) fn take_one_if_due(&self) {
        if let Some(stretch) = self.stretch
            && tsc::ticks().wrapping_sub(self.since.get()) > stretch
        {
            thread::sleep(BREAK);
            self.since.set(tsc::ticks());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a counter that counts nanoseconds.
    #[test]
    fn a_break_is_due_after_a_stretch_of_work() {
        let breaks = Breaks::new(Some(Rate::measure((0, 1), (0, 1))));
        let begun = breaks.since.get();
        breaks.since.set(begun.wrapping_sub(STRETCH_NS));
        breaks.take_one_if_due();
        assert!(breaks.since.get().wrapping_sub(begun) < u64::MAX / 2);

        let none = Breaks::new(None);
        none.since.set(0);
        none.take_one_if_due();
        assert_eq!(none.since.get(), 0);
    }
}
