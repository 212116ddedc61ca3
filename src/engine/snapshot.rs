//! When the data set is saved, and how it went.
//!
//! A snapshot begins here: the keyspace is frozen at that instant, and the shell is asked for a thread that writes what
//! comes. Each turn of the loop then gives the walk a share of its time; the shell takes the chunks away. There is one
//! snapshot at a time, whatever it is for, as Redis has one child at a time; whoever comes second is refused or
//! waits until the cron finds the place free.
//!
//! `dirty` counts changes since the last save; a snapshot takes off those that were made before it began.

use std::sync::Arc;

use crate::background::Progress;
use crate::config::{Config, Eviction, RdbFieldTtl, RdbVersion};
use crate::keyspace::freeze::Census;
use crate::persist::rdb::file::Form;
use crate::persist::rdb::{VERSION_PLAIN, VERSION_VALKEY};
use crate::persist::snapshot::Usage;
use crate::store::tsc;

use super::Engine;
use super::effects::Ask;
use super::services::Services;

/// What a snapshot is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Rdb,
    AofRewrite,
}

/// The snapshot that is being written.
#[derive(Debug)]
pub struct Running {
    pub purpose: Purpose,
    pub started_s: i64,
    /// What `dirty` was when it began.
    dirty_before: u64,
    pub keys_total: usize,
    pub progress: Arc<Progress>,
    /// Chunks given to the thread.
    sent: u64,
    /// The thread has been told that no more will come.
    is_all_sent: bool,
}

/// What the shell needs to know to write a snapshot.
pub struct Order {
    pub purpose: Purpose,
    pub census: Census,
    pub form: Form,
    pub usage: Usage,
    /// Facts for the head of the file.
    pub aux: Vec<(&'static str, String)>,
    pub progress: Arc<Progress>,
    /// `rdb-key-save-delay`, in microseconds; negative: a microsecond after so many keys.
    pub key_delay_us: i32,
    pub syncs_on_the_way: bool,
}

/// How the thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Well,
    Badly,
    /// Because the loop wanted it to.
    Abandoned,
}

/// The snapshot that is being taken, and those to come.
#[derive(Debug, Default)]
pub struct Snapshots {
    pub running: Option<Running>,
    /// When a save in the background was last begun, in seconds of Unix time.
    last_try_s: i64,
    /// How long the last one took.
    pub last_took_s: Option<i64>,
    /// BGSAVE SCHEDULE waits for its turn.
    pub is_scheduled: bool,
}

/// After a failure the next attempt waits so long.
const RETRY_S: i64 = 5;

/// So many chunks may be on their way to the thread: four megabytes.
const CHUNKS_ON_THE_WAY: u64 = 16;

/// The least and the most time that a turn gives to the walk.
const SLICE_NS: std::ops::RangeInclusive<u64> = 50_000..=1_000_000;

impl Snapshots {
    pub fn is_saving(&self, purpose: Purpose) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.purpose == purpose)
    }
}

impl Services {
    /// Whether writes are refused because the last save failed.
    pub fn denies_writes(&self) -> bool {
        self.persistence.last_bgsave_failed
            && self.config.stop_writes_on_bgsave_error
            && !self.config.save.0.is_empty()
    }
}

impl Running {
    /// Whether the thread can take another chunk. If not, it will wake the loop when it can.
    fn has_room(&self) -> bool {
        if self.sent - self.progress.chunks() < CHUNKS_ON_THE_WAY {
            return true;
        }
        self.progress.want_room();
        // It may have made room before it could see the wish.
        self.sent - self.progress.chunks() < CHUNKS_ON_THE_WAY
    }
}

/// The version and the form of files, as the configuration and what is in them want it.
pub fn form(config: &Config, census: &Census) -> Form {
    let lowest = if census.has_timed_fields {
        match config.rdb_field_ttl_format {
            RdbFieldTtl::Redis => 12,
            RdbFieldTtl::Valkey => VERSION_VALKEY,
        }
    } else if census.has_streams {
        11
    } else {
        10
    };
    let version = match config.rdb_version {
        // Without deadlines of fields, which it does not have.
        RdbVersion::V9 if !census.has_timed_fields => VERSION_PLAIN,
        RdbVersion::Auto | RdbVersion::V9 => lowest,
        RdbVersion::V10 => lowest.max(10),
        RdbVersion::V11 => lowest.max(11),
        RdbVersion::V12 => 12,
        RdbVersion::V80 => VERSION_VALKEY,
    };
    Form {
        version,
        compresses: config.rdbcompression,
        checksums: config.rdbchecksum,
    }
}

/// What files say about the use of keys: what the policy of eviction goes by.
pub fn usage(config: &Config, now_ms: i64) -> Usage {
    match config.maxmemory_policy {
        Eviction::AllkeysLru | Eviction::VolatileLru => Usage::Idle { now_ms },
        Eviction::AllkeysLfu | Eviction::VolatileLfu => Usage::Frequency,
        Eviction::AllkeysRandom
        | Eviction::VolatileRandom
        | Eviction::VolatileTtl
        | Eviction::NoEviction => Usage::Unsaid,
    }
}

impl super::ctx::Ctx<'_> {
    /// Freezes the keyspace as it is now and asks the shell for a thread that writes it down.
    pub fn begin_snapshot(&mut self, purpose: Purpose) {
        let order = begin(self.keys.space, self.services, purpose, self.now.unix_ms);
        self.fx.ask(Ask::Snapshot(Box::new(order)));
    }
}

fn begin(
    space: &mut crate::keyspace::Keyspace,
    services: &mut Services,
    purpose: Purpose,
    now_ms: i64,
) -> Order {
    let now_s = now_ms / 1000;
    let census = space.census();
    space.freeze();
    let progress = Arc::new(Progress::default());
    let dirty = space.journal.dirty;
    let config = &services.config;
    let order = Order {
        purpose,
        form: form(config, &census),
        usage: usage(config, now_ms),
        aux: facts(services, now_ms, purpose == Purpose::AofRewrite),
        progress: progress.clone(),
        key_delay_us: config.rdb_key_save_delay_us,
        syncs_on_the_way: match purpose {
            Purpose::Rdb => config.rdb_save_incremental_fsync,
            Purpose::AofRewrite => config.aof_rewrite_incremental_fsync,
        },
        census,
    };
    let snapshots = &mut services.snapshots;
    snapshots.running = Some(Running {
        purpose,
        started_s: now_s,
        dirty_before: dirty,
        keys_total: order.census.keys(),
        progress,
        sent: 0,
        is_all_sent: false,
    });
    if purpose == Purpose::Rdb {
        services.persistence.saves += 1;
        snapshots.last_try_s = now_s;
        snapshots.is_scheduled = false;
        log::info!("Background saving started by pid {}", services.server.pid);
    }
    order
}

/// What a file says about itself and its writer.
pub fn facts(services: &Services, now_ms: i64, is_aof_base: bool) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("redis-ver", crate::config::REDIS_VERSION.to_string()),
        ("redis-bits", "64".to_string()),
        ("ctime", (now_ms / 1000).to_string()),
        ("used-mem", crate::store::alloc::used_memory().to_string()),
    ];
    let _ = services;
    facts.push(("aof-base", u8::from(is_aof_base).to_string()));
    facts
}

impl Engine {
    /// As [`Ctx::begin_snapshot`](super::ctx::Ctx::begin_snapshot), when no command runs.
    pub(super) fn begin_snapshot(&mut self, purpose: Purpose) {
        let order = begin(
            &mut self.keyspace,
            &mut self.services,
            purpose,
            self.now.unix_ms,
        );
        self.fx.ask(Ask::Snapshot(Box::new(order)));
    }

    /// Gives the walk its share of this turn. Returns whether it wants to go on at once.
    pub(super) fn go_on_with_snapshot(&mut self) -> bool {
        let Some(running) = &self.services.snapshots.running else {
            return false;
        };
        if !self.keyspace.is_freezing() || !running.has_room() {
            return false;
        }
        let rate = self.services.rate;
        let started = tsc::ticks();
        // A quarter of what the turn took so far; all of it when there was nothing else to do.
        let turn_ns = rate.nanos(started.wrapping_sub(self.cron.woke_ticks));
        let is_idle = self
            .cron
            .is_idle_turn(self.services.stats.commands_processed);
        let budget_ns = if is_idle {
            *SLICE_NS.end()
        } else {
            (turn_ns / 4).clamp(*SLICE_NS.start(), *SLICE_NS.end())
        };
        let is_done = self
            .keyspace
            .freeze_slice(&mut || rate.nanos(tsc::ticks().wrapping_sub(started)) < budget_ns);
        !is_done
    }

    /// Chunks for the thread, and whether they are the last.
    pub fn take_snapshot_chunks(&mut self) -> Option<(Vec<crate::keyspace::freeze::Chunk>, bool)> {
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

    /// The thread has ended, or could not be started. Returns what the snapshot was for.
    pub fn snapshot_ended(&mut self, ended: Ended) -> Option<Purpose> {
        let running = self.services.snapshots.running.take()?;
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
        }
        Some(running.purpose)
    }

    /// Starts what is due: a save point is reached, or something waits for its turn.
    pub(super) fn start_saves(&mut self) {
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
