//! Active defragmentation: slabs of the allocator that are half empty are emptied, while clients are served.
//!
//! Whether it is worth while is decided ten times a second, from how much of the small allocations' slabs nobody uses
//! (`active-defrag-threshold-lower`, `active-defrag-ignore-bytes`); how much of the processor it may take, between
//! `active-defrag-cycle-min` and `-max`, depends on how far above the threshold that is. A *run* is one walk over all
//! keys, in slices of half a millisecond with pauses between. During a run the share may only grow, unless the
//! parameters change. A run that achieves little makes the next one slower.
//!
//! During a snapshot nothing moves: the pages that it reads should stay as they are.

use crate::config::Config;
use crate::engine::Engine;
use crate::keyspace::defrag::Relocation;
use crate::store::alloc;
use crate::store::bins::Bins;
use crate::store::mover::Mover;
use crate::store::tsc;

#[derive(Default)]
pub(crate) struct Defrag {
    bins: Bins,
    bins_at_us: u64,
    run: Option<Run>,
    /// The share of the processor, in percent; 0 while there is no run.
    pub(crate) percent: u32,
    /// The parameters by which that was decided.
    decided_by: Option<Bounds>,
    /// The part of its share that a run is worth after those before it; all of it, before any has ended.
    worth: Option<f64>,
    /// Allocations, and keys, that were moved and that were left where they were.
    pub(crate) moved: u64,
    pub(crate) left: u64,
    pub(crate) keys_moved: u64,
    pub(crate) keys_left: u64,
    /// How long runs took that have ended.
    total_us: u64,
}

struct Run {
    walk: Relocation,
    began_us: u64,
    /// How it was when it began.
    slack_percent: f64,
    moved: u64,
    left: u64,
    /// When the last slice ended, and how long clients are to have the processor after it.
    slice_end_us: u64,
    owed_us: u64,
}

#[derive(Clone, Copy, PartialEq)]
struct Bounds {
    threshold: (u32, u32),
    cycle: (u32, u32),
}

impl Bounds {
    fn of(config: &Config) -> Self {
        Self {
            threshold: (
                config.active_defrag_threshold_lower,
                config.active_defrag_threshold_upper,
            ),
            cycle: (
                config.active_defrag_cycle_min,
                config.active_defrag_cycle_max,
            ),
        }
    }

    /// The share of the processor for so much slack, in percent.
    fn share(self, slack_percent: f64, worth: f64) -> u32 {
        let (low, high) = (f64::from(self.threshold.0), f64::from(self.threshold.1));
        let (least, most) = (f64::from(self.cycle.0), f64::from(self.cycle.1));
        let way = if high > low {
            (slack_percent - low) / (high - low)
        } else {
            1.0
        };
        let share = (least + way * (most - least)) * worth;
        share.min(most).max(least) as u32
    }
}

impl Defrag {
    /// How long runs have taken, and how long the present one does, in milliseconds.
    pub(crate) fn time_ms(&self, now_us: u64) -> (u64, u64) {
        let present_us = (self.run.as_ref()).map_or(0, |run| now_us.saturating_sub(run.began_us));
        ((self.total_us + present_us) / 1000, present_us / 1000)
    }

    /// CONFIG RESETSTAT
    pub(crate) fn reset(&mut self) {
        (self.moved, self.left) = (0, 0);
        (self.keys_moved, self.keys_left) = (0, 0);
        self.total_us = 0;
    }

    /// What nobody uses of the slabs, in bytes, and in percent of what is allocated.
    fn slack(&mut self, now_us: u64) -> (usize, f64) {
        self.look(now_us);
        let bytes = self.bins.slack();
        (
            bytes,
            bytes as f64 * 100.0 / alloc::allocated().max(1) as f64,
        )
    }

    fn look(&mut self, now_us: u64) {
        if self.bins.is_empty() {
            self.bins = Bins::new();
        }
        self.bins.refresh();
        self.bins_at_us = now_us;
    }

    /// A run has ended, by itself or because it was called off.
    fn end(&mut self, now_us: u64) {
        let Some(run) = self.run.take() else {
            return;
        };
        let (slack, slack_percent) = self.slack(now_us);
        let (moved, left) = (
            self.moved - run.moved.min(self.moved),
            self.left - run.left.min(self.left),
        );
        let ms = now_us.saturating_sub(run.began_us) / 1000;
        log::debug!(
            "Active defrag done in {ms}ms, reallocated={moved}, frag={slack_percent:.0}%, frag_bytes={slack}"
        );
        self.total_us += now_us.saturating_sub(run.began_us);
        self.percent = 0;
        let gained = run.slack_percent - slack_percent;
        let moved_much = moved as f64 >= (moved + left) as f64 * WORTH_MOVING;
        let is_worth_it = gained.abs() > WORTH_PERCENT || (gained < 0.0 && moved_much);
        let worth = self.worth.unwrap_or(1.0);
        self.worth = Some(if is_worth_it { 1.0 } else { worth * SLOWER });
    }
}

/// A run is worth its time if it has changed the slack by so many percent.
const WORTH_PERCENT: f64 = 2.0;
/// Or if the slack has grown meanwhile, and this part of what was looked at could be moved.
const WORTH_MOVING: f64 = 0.01;
/// Each run after one that was not is slower by this factor.
const SLOWER: f64 = 0.9;

/// How long clients wait for a slice.
const SLICE_US: u64 = 500;
/// And at most, when the last one was long ago because other things took the processor.
const SLICE_MOST_US: u64 = 10 * SLICE_US;
/// How old the figures of the bins may be in a slice.
const BINS_AGE_US: u64 = 10_000;

impl Engine {
    /// Decides whether there is to be a run, and how much of the processor it gets.
    pub(super) fn consider_defrag(&mut self) {
        let config = &self.services.config;
        let defrag = &mut self.services.defrag;
        let now_us = self.clock.monotonic_us();
        if !config.activedefrag {
            defrag.end(now_us);
            return;
        }
        if self.services.snapshots.running.is_some() {
            return;
        }
        let (slack, slack_percent) = defrag.slack(now_us);
        let is_little = slack_percent < f64::from(config.active_defrag_threshold_lower)
            || (slack as u64) < config.active_defrag_ignore_bytes;
        if defrag.run.is_none() && is_little {
            return;
        }
        let bounds = Bounds::of(config);
        let percent = bounds.share(slack_percent, defrag.worth.unwrap_or(1.0));
        if percent > defrag.percent || defrag.decided_by != Some(bounds) {
            let verb = if defrag.run.is_some() {
                "Changing active defrag CPU"
            } else {
                "Starting active defrag"
            };
            log::debug!("{verb}, frag={slack_percent:.0}%, frag_bytes={slack}, cpu={percent}%");
            defrag.percent = percent;
            defrag.decided_by = Some(bounds);
        }
        if defrag.run.is_none() {
            defrag.run = Some(Run {
                walk: Relocation::default(),
                began_us: now_us,
                slack_percent,
                moved: defrag.moved,
                left: defrag.left,
                slice_end_us: now_us,
                owed_us: 0,
            });
        }
    }

    /// Moves things for a while, if it is time. Returns in how many milliseconds it will be time again, if there is a
    /// run.
    pub(super) fn go_on_with_defrag(&mut self) -> Option<u64> {
        let mut run = self.services.defrag.run.take()?;
        if self.services.snapshots.running.is_some() {
            run.slice_end_us = self.clock.monotonic_us();
            self.services.defrag.run = Some(run);
            return None;
        }
        let started_us = self.clock.monotonic_us();
        let waited_us = started_us.saturating_sub(run.slice_end_us);
        // Pauses that are too short to sleep through are saved up.
        let owed_us = run.owed_us.saturating_sub(waited_us);
        if owed_us >= 1000 {
            self.services.defrag.run = Some(run);
            return Some(owed_us / 1000);
        }
        let percent = u64::from(self.services.defrag.percent.clamp(1, 99));
        let late_us = waited_us.saturating_sub(run.owed_us);
        let slice_us = (SLICE_US + late_us * percent / (100 - percent)).min(SLICE_MOST_US);
        let is_left = self.move_for(slice_us, &mut run.walk);
        let ended_us = self.clock.monotonic_us();
        let spent_us = ended_us.saturating_sub(started_us);
        self.services
            .note_latency("active-defrag-cycle", spent_us * 1000, self.now.unix_ms);
        run.owed_us = owed_us + spent_us * (100 - percent) / percent;
        run.slice_end_us = ended_us;
        let wait_ms = run.owed_us / 1000;
        self.services.defrag.run = Some(run);
        if is_left {
            return Some(wait_ms);
        }
        self.services.defrag.end(ended_us);
        None
    }

    /// Moves things for so long. Returns whether something is left to look at.
    fn move_for(&mut self, slice_us: u64, walk: &mut Relocation) -> bool {
        let now_us = self.clock.monotonic_us();
        let defrag = &mut self.services.defrag;
        if now_us.saturating_sub(defrag.bins_at_us) > BINS_AGE_US {
            defrag.look(now_us);
        }
        let until = tsc::ticks().saturating_add(self.services.rate.ticks(slice_us * 1000));
        let mut mover = Mover::begin(&defrag.bins, until);
        let most = self.services.config.active_defrag_max_scan_fields as usize;
        let is_left = self.keyspace.relocate_slice(walk, &mut mover, most);
        let (moved, left) = (mover.moved, mover.left);
        drop(mover);
        defrag.moved += moved;
        defrag.left += left;
        defrag.keys_moved += std::mem::take(&mut walk.keys_moved);
        defrag.keys_left += std::mem::take(&mut walk.keys_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_grows_between_the_thresholds() {
        let bounds = Bounds {
            threshold: (10, 100),
            cycle: (1, 25),
        };
        assert_eq!(bounds.share(5.0, 1.0), 1);
        assert_eq!(bounds.share(55.0, 1.0), 13);
        assert_eq!(bounds.share(55.0, 0.5), 6);
        assert_eq!(bounds.share(400.0, 1.0), 25);
        let fixed = Bounds {
            threshold: (10, 10),
            cycle: (3, 3),
        };
        assert_eq!(fixed.share(10.0, 0.1), 3);
    }
}
