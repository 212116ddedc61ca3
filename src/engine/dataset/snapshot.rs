//! The engine's half of a snapshot: when it begins, its share of each turn, and its outcome.
//!
//! A snapshot begins here: the keyspace is frozen at that instant, and the shell is asked for a thread that writes the
//! chunks. Each turn of the loop then gives the walk a share of its time; the shell takes the chunks away. There is one
//! snapshot at a time, for a save or for a rewrite, as Redis has one child at a time; a second request is refused, or
//! waits until the cron finds the place free.
//!
//! `dirty` counts changes since the last save; a snapshot takes off those that were made before it began.

use std::sync::Arc;

use crate::background::Progress;
use crate::keyspace::Keyspace;
use crate::keyspace::freeze::{Chunk, Sink};
use crate::store::tsc;

use super::order::{Ended, Order, Outcome, Outline, Purpose};
use super::outline::outline;
use super::running::Running;
use crate::engine::Engine;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Ask;
use crate::engine::services::Services;

/// After a failure the next attempt waits so long.
const RETRY_S: i64 = 5;

/// The least and the most time that a turn gives to the walk. Requests that come in meanwhile wait so long.
const SLICE_NS: std::ops::RangeInclusive<u64> = 50_000..=250_000;
/// The time that a turn gives to it that had nothing else to do. The next turn follows at once, so little is lost by
/// looking for requests that soon.
const IDLE_SLICE_NS: u64 = 75_000;

impl Services {
    /// Whether writes are refused because the last save failed.
    pub(crate) fn denies_writes(&self) -> bool {
        self.persistence.last_bgsave_failed
            && self.config.stop_writes_on_bgsave_error
            && !self.config.save.0.is_empty()
    }
}

impl Ctx<'_> {
    /// Freezes the keyspace as it is now and asks the shell for a thread that writes it down.
    pub(crate) fn begin_snapshot(&mut self, purpose: Purpose) {
        let order = begin(self.keys.space, self.services, purpose, self.now.unix_ms);
        self.fx.ask(Ask::Snapshot(Box::new(order)));
    }
}

fn begin(space: &mut Keyspace, services: &mut Services, purpose: Purpose, now_ms: i64) -> Order {
    let now_s = now_ms / 1000;
    let wishes = std::mem::take(&mut services.snapshots.wishes);
    let outline = outline(
        space,
        services,
        now_ms,
        purpose == Purpose::AofRewrite,
        wishes,
    );
    space.freeze();
    let progress = Arc::new(Progress::default());
    let dirty = space.journal.dirty;
    let config = &services.config;
    progress.set_key_delay(config.rdb_key_save_delay_us);
    let order = Order {
        purpose,
        outline,
        progress: progress.clone(),
        is_rdb: purpose != Purpose::AofRewrite || config.aof_use_rdb_preamble,
        without_keys: wishes.is_some_and(|wishes| wishes.without_keys),
        noted_s: config.aof_timestamp_enabled.then_some(now_s),
        syncs_on_the_way: match purpose {
            Purpose::Rdb | Purpose::Replicas => config.rdb_save_incremental_fsync,
            Purpose::AofRewrite => config.aof_rewrite_incremental_fsync,
        },
    };
    services.stats.snapshots += 1;
    let snapshots = &mut services.snapshots;
    snapshots.running = Some(Running {
        purpose,
        started_s: now_s,
        dirty_before: dirty,
        keys_total: order.outline.census.keys(),
        progress,
        sent: 0,
        is_all_sent: false,
    });
    if purpose == Purpose::AofRewrite {
        if services.appending.is_fed() {
            services.appending.cut();
        }
        services.appending.is_rewrite_scheduled = false;
        services.appending.rewrites += 1;
        log::info!(
            "Background append only file rewriting started by pid {}",
            services.server.process.pid
        );
    }
    if purpose == Purpose::Rdb {
        services.persistence.saves += 1;
        snapshots.last_try_s = now_s;
        snapshots.is_scheduled = false;
        log::info!(
            "Background saving started by pid {}",
            services.server.process.pid
        );
    }
    if purpose == Purpose::Replicas {
        log::info!(
            "Background RDB transfer started by pid {}",
            services.server.process.pid
        );
    }
    order
}

impl Engine {
    /// The content of a file of the present data set, besides its keys. `is_aof_base` in one that an append-only file
    /// begins with.
    pub(crate) fn outline(&mut self, is_aof_base: bool) -> Outline {
        let now_ms = self.now.unix_ms;
        outline(
            &mut self.keyspace,
            &self.services,
            now_ms,
            is_aof_base,
            None,
        )
    }

    /// Shows the whole data set as it is now, as a snapshot that nothing interrupts.
    pub(crate) fn show_all<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        self.keyspace.show_all(sink)
    }

    /// All of the data set is on the disk.
    pub(crate) fn saved(&mut self) {
        self.refresh_time();
        self.keyspace.journal.dirty = 0;
        let persistence = &mut self.services.persistence;
        persistence.last_save_s = self.now.unix_ms / 1000;
        persistence.last_bgsave_failed = false;
    }

    /// As [`Ctx::begin_snapshot`](super::ctx::Ctx::begin_snapshot), when no command runs.
    pub(in crate::engine) fn begin_snapshot(&mut self, purpose: Purpose) {
        let order = begin(
            &mut self.keyspace,
            &mut self.services,
            purpose,
            self.now.unix_ms,
        );
        self.fx.ask(Ask::Snapshot(Box::new(order)));
    }

    /// Gives the walk its share of this turn. Returns whether it wants to go on at once.
    pub(in crate::engine) fn go_on_with_snapshot(&mut self) -> bool {
        let Some(running) = &self.services.snapshots.running else {
            return false;
        };
        if !self.keyspace.is_freezing() || !running.has_room() {
            return false;
        }
        let rate = self.services.rate;
        // A quarter of what the turn took so far.
        let turn_ns = self.turn_ns();
        let started = tsc::ticks();
        let is_idle = self
            .cron
            .is_idle_turn(self.services.stats.commands_processed);
        let budget_ns = if is_idle {
            IDLE_SLICE_NS
        } else {
            (turn_ns / 4).clamp(*SLICE_NS.start(), *SLICE_NS.end())
        };
        let is_done = self
            .keyspace
            .freeze_slice(&mut || rate.nanos(tsc::ticks().wrapping_sub(started)) < budget_ns);
        !is_done
    }

    /// Chunks for the thread, and whether they are the last.
    pub fn take_snapshot_chunks(&mut self) -> Option<(Vec<Chunk>, bool)> {
        let running = self.services.snapshots.running.as_mut()?;
        let ready = std::mem::take(&mut self.keyspace.freeze.ready);
        let is_end = !self.keyspace.is_freezing() && !running.is_all_sent;
        if ready.is_empty() && !is_end {
            return None;
        }
        running.sent += ready.len() as u64;
        running.is_all_sent |= is_end;
        Some((ready, is_end))
    }

    /// Whether a snapshot is being written for this.
    pub(crate) fn is_saving(&self, purpose: Purpose) -> bool {
        self.services.snapshots.is_saving(purpose)
    }

    /// The thread has ended, or could not be started.
    pub fn handle_snapshot(&mut self, ended: Ended) -> Option<Outcome> {
        let running = self.services.snapshots.running.take()?;
        let purpose = running.purpose;
        let copied = self.keyspace.copied_for_freeze();
        self.services.snapshots.copied_last[running.purpose as usize] = copied;
        self.keyspace.give_up_freeze();
        let now_s = self.now.unix_ms / 1000;
        if running.purpose == Purpose::Rdb {
            let persistence = &mut self.services.persistence;
            match ended {
                Ended::Well => {
                    log::info!("Background saving terminated with success");
                    let dirty = &mut self.keyspace.journal.dirty;
                    *dirty = dirty.saturating_sub(running.dirty_before);
                    persistence.last_save_s = now_s;
                    persistence.last_bgsave_failed = false;
                }
                Ended::Badly => {
                    log::warn!("Background saving error");
                    persistence.last_bgsave_failed = true;
                }
                Ended::Abandoned => log::warn!("Background saving terminated on request"),
            }
            self.services.snapshots.last_took_s = Some(now_s - running.started_s);
        } else if running.purpose == Purpose::AofRewrite {
            self.rewrite_ended(ended, running.started_s);
        }
        let receivers = match purpose {
            Purpose::AofRewrite => Vec::new(),
            Purpose::Rdb | Purpose::Replicas => self.sync_ended(ended),
        };
        Some(Outcome { purpose, receivers })
    }

    /// Starts the saves that are due: a save point is reached, or one waits for its turn.
    pub(in crate::engine) fn start_saves(&mut self) {
        if self.services.snapshots.running.is_some() || self.services.server.is_loading {
            return;
        }
        let now_s = self.now.unix_ms / 1000;
        let (snapshots, persistence) = (&self.services.snapshots, &self.services.persistence);
        let dirty = self.keyspace.journal.dirty;
        let may_try = !persistence.last_bgsave_failed || now_s - snapshots.last_try_s > RETRY_S;
        if !may_try {
            return;
        }
        let point = self.services.config.save.0.iter().find(|point| {
            dirty >= point.changes as u64 && now_s - persistence.last_save_s > point.seconds
        });
        if let Some(point) = point {
            log::info!(
                "{} changes in {} seconds. Saving...",
                point.changes,
                point.seconds
            );
            self.begin_snapshot(Purpose::Rdb);
        } else if snapshots.is_scheduled {
            self.begin_snapshot(Purpose::Rdb);
        }
    }
}
