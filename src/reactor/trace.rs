//! The account of one turn of the loop: its work and where its time went.
//!
//! The stamp is a function the program hands in: a cycle counter, microseconds, a test's own clock. The loop only
//! subtracts. While nobody watches, a phase costs one branch that is always predicted; the counters are kept either
//! way, because adding one is cheaper than asking whether to.

/// The parts of a turn, in their order. Reading and executing take turns, group by group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// In the poll, waiting for something to happen.
    Sleep,
    /// Writing down what became ready; signals and wake-ups.
    Notice,
    /// New connections, in and out.
    Accept,
    /// Reading, datagrams included.
    Read,
    /// The program at work on what was read.
    Execute,
    /// The program's own duties before it sleeps: timers, background work, the hand-over to the disk.
    Settle,
    Write,
    /// Burying the connections that ended.
    Close,
}

/// One turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// The stamp at which the turn began.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a watcher that shows times of day would want it")
    )]
    pub(crate) started: u64,
    /// Stamps spent per `Phase`, indexed by it.
    pub(crate) spent: [u64; PHASE_COUNT],
    /// Events the poll returned.
    pub(crate) events: u32,
    pub(crate) accepted: u32,
    /// Connections whose bytes were handed to the program, and in how many groups.
    pub(crate) clients: u32,
    pub(crate) groups: u32,
    /// System calls that moved bytes, or tried to.
    pub(crate) reads: u32,
    pub(crate) writes: u32,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

pub(crate) const PHASE_COUNT: usize = 8;

/// Stamps the phases of the turn under way.
#[derive(Default)]
pub(super) struct Stopwatch {
    stamp: Option<fn() -> u64>,
    lap_began: u64,
    pub(super) turn: Turn,
}

impl Stopwatch {
    pub(super) fn set_stamp(&mut self, stamp: Option<fn() -> u64>) {
        self.stamp = stamp;
        if let Some(stamp) = stamp {
            self.lap_began = stamp();
        }
    }

    pub(super) fn start(&mut self) {
        if let Some(stamp) = self.stamp {
            let now = stamp();
            self.lap_began = now;
            self.turn = Turn {
                started: now,
                ..Turn::default()
            };
        }
    }

    /// Everything since the previous lap was `phase`.
    #[inline]
    pub(super) fn lap(&mut self, phase: Phase) {
        if let Some(stamp) = self.stamp {
            let now = stamp();
            self.turn.spent[phase as usize] += now.saturating_sub(self.lap_began);
            self.lap_began = now;
        }
    }

    /// The finished turn, if anybody watches.
    pub(super) fn finish(&self) -> Option<Turn> {
        self.stamp.map(|_| self.turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TICKS: AtomicU64 = AtomicU64::new(100);

    fn next_tick() -> u64 {
        TICKS.fetch_add(1, Ordering::Relaxed)
    }

    #[test]
    fn laps_add_up_and_cost_nothing_unwatched() {
        let mut watch = Stopwatch::default();
        watch.start();
        watch.lap(Phase::Read);
        assert!(watch.finish().is_none());

        watch.set_stamp(Some(next_tick));
        watch.start();
        watch.lap(Phase::Sleep);
        watch.lap(Phase::Read);
        watch.lap(Phase::Execute);
        watch.lap(Phase::Read);
        let turn = watch.finish().expect("a stamp is set");
        assert_eq!(turn.started, 101);
        assert_eq!(turn.spent, [1, 0, 0, 2, 1, 0, 0, 0]);
    }
}
