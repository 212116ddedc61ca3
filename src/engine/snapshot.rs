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
use crate::config::{self, Config, RdbFieldTtl, RdbVersion};
use crate::keyspace::freeze::{Census, Chunk};
use crate::keyspace::{AccessPolicy, Keyspace};
use crate::persist::rdb::file::Form;
use crate::persist::rdb::{VERSION_MAX, VERSION_PLAIN, VERSION_VALKEY};
use crate::persist::snapshot::Usage;
use crate::store::{alloc, tsc};

use super::Engine;
use super::ctx::Ctx;
use super::effects::Ask;
use super::memory;
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
    /// Libraries of functions.
    pub libraries: Vec<Vec<u8>>,
    pub progress: Arc<Progress>,
    /// The file is RDB, and not commands.
    pub is_rdb: bool,
    /// The time, where it is to be noted.
    pub noted_s: Option<i64>,
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
    /// Bytes that changes made the last one copy, by its purpose.
    pub copied_last: [usize; 2],
    /// BGSAVE SCHEDULE waits for its turn.
    pub is_scheduled: bool,
}

/// After a failure the next attempt waits so long.
const RETRY_S: i64 = 5;

/// So many chunks may be on their way to the thread: a megabyte. That is some milliseconds of work for it, so it need
/// not wait for the loop.
const CHUNKS_ON_THE_WAY: u64 = 8;

/// The least and the most time that a turn gives to the walk. What comes in meanwhile waits so long.
const SLICE_NS: std::ops::RangeInclusive<u64> = 50_000..=250_000;

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

/// How a file of such a data set is written: in the lowest version that loses nothing, unless the configuration names
/// one.
pub fn form(config: &Config, census: &Census) -> Form {
    let timed = match config.rdb_field_ttl_format {
        RdbFieldTtl::Redis => VERSION_MAX,
        RdbFieldTtl::Valkey => VERSION_VALKEY,
    };
    let version = match config.rdb_version {
        RdbVersion::Auto if census.has_timed_fields => timed,
        // Whether any stream has consumers is not known without looking at all of them.
        RdbVersion::Auto if census.has_streams => VERSION_OF_STREAMS,
        RdbVersion::V12 => VERSION_MAX,
        RdbVersion::V80 => VERSION_VALKEY,
        RdbVersion::V9 | RdbVersion::V10 | RdbVersion::V11 if census.has_timed_fields => {
            log::warn!(
                "There are hash fields with deadlines, which rdb-version {} cannot hold. Writing version {timed}.",
                String::from_utf8_lossy(&config.value(b"rdb-version").unwrap_or_default())
            );
            timed
        }
        RdbVersion::V9 => VERSION_PLAIN,
        RdbVersion::Auto | RdbVersion::V10 => VERSION_USUAL,
        RdbVersion::V11 => VERSION_OF_STREAMS,
    };
    Form {
        version,
        compresses: config.rdbcompression,
        checksums: config.rdbchecksum,
    }
}

/// The lowest version that every reader since Redis 7.0 knows.
const VERSION_USUAL: u16 = 10;
/// The first that keeps when consumers of streams were active, and sets in listpacks.
const VERSION_OF_STREAMS: u16 = 11;

/// What files say about the use of keys: what the policy of eviction goes by.
fn usage(config: &Config, policy: AccessPolicy, now_ms: i64) -> Usage {
    if !memory::keeps_word_per_value(config.maxmemory_policy) {
        Usage::Unsaid
    } else if policy.is_lfu {
        Usage::Frequency { policy, now_ms }
    } else {
        Usage::Idle { now_ms }
    }
}

impl Ctx<'_> {
    /// Freezes the keyspace as it is now and asks the shell for a thread that writes it down.
    pub fn begin_snapshot(&mut self, purpose: Purpose) {
        let order = begin(self.keys.space, self.services, purpose, self.now.unix_ms);
        self.fx.ask(Ask::Snapshot(Box::new(order)));
    }
}

fn begin(space: &mut Keyspace, services: &mut Services, purpose: Purpose, now_ms: i64) -> Order {
    let now_s = now_ms / 1000;
    let census = space.census();
    space.freeze();
    let progress = Arc::new(Progress::default());
    let dirty = space.journal.dirty;
    let config = &services.config;
    let order = Order {
        purpose,
        form: form(config, &census),
        usage: usage(config, space.access, now_ms),
        aux: facts(now_ms, purpose == Purpose::AofRewrite),
        libraries: services.persistence.libraries.clone(),
        progress: progress.clone(),
        is_rdb: purpose == Purpose::Rdb || config.aof_use_rdb_preamble,
        noted_s: config.aof_timestamp_enabled.then_some(now_s),
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
    if purpose == Purpose::AofRewrite {
        if services.appending.is_fed() {
            services.appending.cut();
        }
        services.appending.is_rewrite_scheduled = false;
        services.appending.rewrites += 1;
        log::info!(
            "Background append only file rewriting started by pid {}",
            services.server.pid
        );
    }
    if purpose == Purpose::Rdb {
        services.persistence.saves += 1;
        snapshots.last_try_s = now_s;
        snapshots.is_scheduled = false;
        log::info!("Background saving started by pid {}", services.server.pid);
    }
    order
}

/// What a file says about itself and its writer.
fn facts(now_ms: i64, is_aof_base: bool) -> Vec<(&'static str, String)> {
    vec![
        ("redis-ver", config::REDIS_VERSION.to_string()),
        ("redis-bits", "64".to_string()),
        ("ctime", (now_ms / 1000).to_string()),
        ("used-mem", alloc::used_memory().to_string()),
        ("aof-base", u8::from(is_aof_base).to_string()),
    ]
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

    /// The thread has ended, or could not be started. Returns what the snapshot was for.
    pub fn snapshot_ended(&mut self, ended: Ended) -> Option<(Purpose, i64)> {
        let running = self.services.snapshots.running.take()?;
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
        }
        Some((running.purpose, running.started_s))
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
