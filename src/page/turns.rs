//! The account of the loop: sums over all turns, and the last of them one by one.
//!
//! The loop hands over each turn when it is finished, in ticks of the processor's counter. Here ticks become
//! nanoseconds, and turns become figures for `/metrics` and a ring for those who watch. A turn that nothing came to
//! (the loop looked at a clock) is counted and not kept.
//!
//! A turn is kept with its requests if the engine was told to note them. Noting costs each request some nanoseconds, so
//! a busy loop notes those of every so many turns: enough to see what it does, and nothing that a client would notice.
//!
//! Invariant: turns in the ring have successive numbers only among those that were kept; readers go by numbers.

use std::collections::VecDeque;

use crate::observe::shown::Request;
use crate::reactor::{Phase, Turn};
use crate::store::tsc::Rate;

/// One turn, as those who watch get it.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) number: u64,
    /// When its sleep ended, on the clock of the page.
    pub(super) woke_us: u64,
    pub(super) spent_ns: [u64; PHASES],
    pub(super) turn: Turn,
    /// What ran in it, as far as it was noted.
    pub(super) requests: Vec<Request>,
    pub(super) is_noted: bool,
    /// The page itself was the reason for some of it.
    pub(super) is_own: bool,
}

pub(super) const PHASES: usize = PHASE_NAMES.len();

/// In the order of [`Phase`].
pub(super) const PHASE_NAMES: [&str; 8] = [
    "sleep", "notice", "accept", "read", "execute", "settle", "write", "close",
];

/// Everything since the start.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) turns: u64,
    pub(super) spent_ns: [u64; PHASES],
    pub(super) events: u64,
    pub(super) accepted: u64,
    pub(super) clients: u64,
    pub(super) groups: u64,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Turns by how long they were awake, and by how many events they began with.
    pub(super) awake: Steps,
    pub(super) events_a_turn: Steps,
}

/// Counts by powers of two: step `n` has values below `2^n`, and not below half of that.
#[derive(Clone)]
pub(super) struct Steps {
    pub(super) counts: [u64; 40],
    pub(super) sum: u64,
}

impl Default for Steps {
    fn default() -> Steps {
        Steps {
            counts: [0; 40],
            sum: 0,
        }
    }
}

impl Steps {
    #[inline]
    pub(super) fn add(&mut self, value: u64) {
        let step = (u64::BITS - value.leading_zeros()) as usize;
        self.counts[step.min(self.counts.len() - 1)] += 1;
        self.sum += value;
    }
}

pub(super) struct Turns {
    rate: Rate,
    pub(super) sums: Sums,
    ring: VecDeque<Record>,
    /// For the turn at hand, which is not over yet.
    pub(super) now: Record,
    /// Since the last frame: how many were kept, the times of requests, the slowest turn.
    kept: usize,
    pub(super) heat: Steps,
    pub(super) slowest: Option<Record>,
}

/// How many turns those who come late can still be told of.
const KEPT: usize = 400;

/// So many a frame are kept whatever they did.
const KEPT_A_FRAME: usize = 60;

impl Turns {
    pub(super) fn new(rate: Rate) -> Turns {
        Turns {
            rate,
            sums: Sums::default(),
            ring: VecDeque::with_capacity(KEPT),
            now: Record::default(),
            kept: 0,
            heat: Steps::default(),
            slowest: None,
        }
    }

    /// The turn is over. It is kept if somebody watches. Returns how long it was awake.
    pub(super) fn finish(&mut self, turn: &Turn, is_watched: bool) -> u64 {
        let spent_ns = turn.spent.map(|ticks| self.rate.nanos(ticks));
        let sums = &mut self.sums;
        sums.turns += 1;
        for (sum, spent) in sums.spent_ns.iter_mut().zip(spent_ns) {
            *sum += spent;
        }
        sums.events += u64::from(turn.events);
        sums.accepted += u64::from(turn.accepted);
        sums.clients += u64::from(turn.clients);
        sums.groups += u64::from(turn.groups);
        sums.reads += u64::from(turn.reads);
        sums.writes += u64::from(turn.writes);
        sums.bytes_in += turn.bytes_in;
        sums.bytes_out += turn.bytes_out;
        let awake_ns = awake_ns(&spent_ns);
        sums.awake.add(awake_ns);
        sums.events_a_turn.add(u64::from(turn.events));
        let number = sums.turns;
        if !is_watched {
            return awake_ns;
        }
        let is_idle = turn.events == 0 && turn.clients == 0 && turn.writes == 0;
        if is_idle && awake_ns < IDLE_NS {
            self.now = Record::default();
            return awake_ns;
        }
        let slowest_ns = self.slowest.as_ref().map_or(0, awake_ns_of);
        // Of very many only those are kept that tell most.
        if self.kept >= KEPT_A_FRAME && !self.now.is_noted && awake_ns <= slowest_ns {
            self.now = Record::default();
            return awake_ns;
        }
        self.kept += 1;
        let record = Record {
            number,
            spent_ns,
            turn: *turn,
            ..std::mem::take(&mut self.now)
        };
        for request in &record.requests {
            self.heat.add(request.spent_ns);
        }
        if awake_ns > slowest_ns && !record.is_own {
            self.slowest = Some(record.clone());
        }
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back(record);
        awake_ns
    }

    /// The turns that were kept since that one, oldest first.
    pub(super) fn since(&self, number: u64) -> impl Iterator<Item = &Record> {
        let from = self.ring.partition_point(|record| record.number <= number);
        self.ring.range(from..)
    }

    /// The last one in which this client's requests were noted.
    pub(super) fn last_of(&self, client: u64) -> Option<&Record> {
        let is_theirs = |record: &&Record| {
            let mut requests = record.requests.iter();
            requests.any(|request| request.client == client)
        };
        self.ring.iter().rev().find(is_theirs)
    }

    /// They have been told of; the next frame begins.
    pub(super) fn begin_frame(&mut self) {
        self.kept = 0;
        self.slowest = None;
        self.heat = Steps::default();
    }

    pub(super) fn forget(&mut self) {
        self.ring.clear();
        self.begin_frame();
    }
}

/// Time that was not slept.
pub(super) fn awake_ns(spent_ns: &[u64; PHASES]) -> u64 {
    spent_ns[Phase::Notice as usize..].iter().sum()
}

fn awake_ns_of(record: &Record) -> u64 {
    awake_ns(&record.spent_ns)
}

/// A turn without events that took longer is worth a look: it worked off deadlines, or a slice of a snapshot.
const IDLE_NS: u64 = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(events: u32, awake: u64) -> Turn {
        Turn {
            events,
            spent: [1000, awake, 0, 0, 0, 0, 0, 0],
            ..Turn::default()
        }
    }

    #[test]
    fn all_turns_are_counted_and_the_last_busy_ones_kept() {
        let mut turns = Turns::new(Rate::measure((0, 1), (0, 2)));
        for _ in 0..KEPT {
            turns.begin_frame();
            turns.finish(&turn(1, 10), true);
            turns.finish(&turn(0, 10), true);
        }
        turns.finish(&turn(0, 1_000_000), true);
        turns.finish(&turn(3, 10), false);
        let count = 2 * KEPT as u64 + 2;
        assert_eq!(turns.sums.turns, count);
        assert_eq!(
            turns.sums.spent_ns[0],
            count * 2000,
            "ticks are nanoseconds now"
        );
        assert_eq!(turns.sums.events, KEPT as u64 + 3);
        assert_eq!(turns.since(0).count(), KEPT);
        let last: Vec<u64> = turns.since(count - 4).map(|record| record.number).collect();
        assert_eq!(
            last,
            [count - 3, count - 1],
            "a long one counts, a short idle one does not"
        );
        assert_eq!(turns.since(count).count(), 0);
        let slowest = turns.slowest.as_ref().expect("there were some");
        assert_eq!(awake_ns(&slowest.spent_ns), 2_000_000);
    }

    #[test]
    fn steps_are_powers_of_two() {
        let mut steps = Steps::default();
        for value in [0, 1, 2, 3, 4, u64::MAX / 4] {
            steps.add(value);
        }
        assert_eq!(steps.counts[..4], [1, 1, 2, 1]);
        assert_eq!(steps.counts[39], 1);
    }
}
