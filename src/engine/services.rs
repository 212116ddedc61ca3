//! The services side by side. They do not know each other; what joins two of them is written in this room or in a
//! command.

use crate::blocking::Blocking;
use crate::config::Config;
use crate::observe::Stats;
use crate::observe::latency::Latency;
use crate::observe::slowlog::Slowlog;
use crate::pubsub::Pubsub;
use crate::store::alloc;
use crate::store::tsc::Rate;
use crate::tracking::Tracking;
use crate::watch::Watchers;

use super::appending::Appending;
use super::effects::Shutdown;
use super::pause::Pause;
use super::persistence::Persistence;
use super::snapshot::Snapshots;

pub struct Services {
    pub config: Config,
    pub stats: Stats,
    pub slowlog: Slowlog,
    pub latency: Latency,
    pub blocking: Blocking,
    pub watchers: Watchers,
    pub pubsub: Pubsub,
    pub tracking: Tracking,
    pub pause: Pause,
    pub server: ServerFacts,
    pub persistence: Persistence,
    /// A signal has asked for the end, which comes with the next round of the cron.
    pub shutdown_scheduled: Option<Shutdown>,
    pub snapshots: Snapshots,
    pub appending: Appending,
    /// Sessions that are sent every command, in the order in which they asked.
    pub monitors: Vec<crate::base::slab::Id>,
    /// The memory limit is exceeded and nothing could be evicted.
    pub out_of_memory: bool,
    /// Commands that take at least so long are looked at by the slow log and the latency monitor.
    pub slow_ns: u64,
    /// From ticks of the processor's counter to nanoseconds.
    pub rate: Rate,
    /// What DEBUG has switched.
    pub debug: DebugSwitches,
}

/// Facts about this process that commands show.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    pub started_ms: i64,
    pub started_us: u64,
    pub executable: String,
    pub config_file: String,
    pub pid: u32,
    pub tcp_port: u16,
    /// The kernel, as `uname` tells.
    pub os: String,
    pub startup_memory: usize,
    /// The most memory ever seen in use, and when.
    pub peak_memory: usize,
    pub peak_memory_ms: i64,
    /// 40 hexadecimal digits that name the history of this data set.
    pub replication_id: String,
    /// Asks the operating system about this process. The shell installs it; a server in memory has none.
    pub probe: Option<fn() -> Figures>,
    /// Loading a data set: only a few commands run.
    pub is_loading: bool,
}

impl ServerFacts {
    /// Remembers the most memory that was ever in use; returns what is in use now.
    pub fn note_memory(&mut self, now_ms: i64) -> usize {
        let used = alloc::used_memory();
        if used > self.peak_memory {
            self.peak_memory = used;
            self.peak_memory_ms = now_ms;
        }
        used
    }

    pub fn figures(&self) -> Figures {
        self.probe.map(|probe| probe()).unwrap_or_default()
    }
}

/// What the operating system says about this process and its machine. Zero means that it does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub resident_bytes: usize,
    pub machine_bytes: usize,
    pub cpu: Cpu,
    pub cpu_of_children: Cpu,
    /// Of the thread that runs the loop.
    pub cpu_of_loop: Cpu,
}

/// Processor time in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    pub system_us: u64,
    pub user_us: u64,
}

/// What DEBUG has switched away from its default.
#[derive(Clone, Debug)]
pub struct DebugSwitches {
    pub active_expire: bool,
    /// `DEBUG PAUSE-CRON`
    pub cron_paused: bool,
    pub client_eviction: bool,
    /// `DEBUG DICT-RESIZING`. Our tables grow bucket by bucket, so nothing reads it.
    pub dict_resizing: bool,
    /// `DEBUG REPLYBUFFER RESIZING`
    pub output_resizing: bool,
    /// `DEBUG REPLYBUFFER PEAK-RESET-TIME`; negative: never.
    pub output_peak_reset_ms: i64,
    /// `DEBUG QUICKLIST-PACKED-THRESHOLD`: from which size an element of a list has a node of its own. 0: when it would not fit
    /// into a node.
    pub big_list_element: usize,
    /// `DEBUG SET-SKIP-CHECKSUM-VALIDATION`
    pub skips_checksums: bool,
    /// `DEBUG SET-DISABLE-DENY-SCRIPTS`: scripts may call what they otherwise must not.
    pub scripts_may_call_all: bool,
    /// `DEBUG AOF-FLUSH-SLEEP`
    pub aof_flush_sleep_us: u64,
    /// `DEBUG DROP-CLUSTER-PACKET-FILTER`: the type that is dropped; negative: none.
    pub dropped_cluster_packet: i64,
    /// `DEBUG REPL-PAUSE`: at which step of a synchronisation to stop.
    pub replication_pause: ReplicationPause,
}

/// Steps of a synchronisation with a replica at which DEBUG REPL-PAUSE lets the server stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicationPause {
    #[default]
    Nowhere,
    AfterFork,
    BeforeRdbChannel,
    OnStreamingBuffer,
}

/// How long an output keeps the room it once needed, unless DEBUG says otherwise.
pub const OUTPUT_PEAK_RESET_MS: i64 = 5000;

impl Default for DebugSwitches {
    fn default() -> Self {
        Self {
            active_expire: true,
            cron_paused: false,
            client_eviction: true,
            dict_resizing: true,
            output_resizing: true,
            output_peak_reset_ms: OUTPUT_PEAK_RESET_MS,
            big_list_element: 0,
            skips_checksums: false,
            scripts_may_call_all: false,
            aof_flush_sleep_us: 0,
            dropped_cluster_packet: -1,
            replication_pause: ReplicationPause::default(),
        }
    }
}

impl Services {
    /// Remembers an event if it took longer than `latency-monitor-threshold` allows.
    pub fn note_latency(&mut self, event: &'static str, spent_ns: u64, now_ms: i64) {
        let threshold_ms = self.config.latency_monitor_threshold_ms;
        let spent_ms = spent_ns / 1_000_000;
        if threshold_ms != 0 && spent_ms >= threshold_ms {
            self.latency.note(event, now_ms / 1000, spent_ms);
        }
    }

    pub fn new(config: Config) -> Self {
        Self {
            config,
            stats: Stats::default(),
            slowlog: Slowlog::default(),
            latency: Latency::default(),
            blocking: Blocking::default(),
            watchers: Watchers::default(),
            pubsub: Pubsub::default(),
            tracking: Tracking::default(),
            pause: Pause::default(),
            server: ServerFacts::default(),
            persistence: Persistence::default(),
            shutdown_scheduled: None,
            snapshots: Snapshots::default(),
            appending: Appending::default(),
            monitors: Vec::new(),
            out_of_memory: false,
            slow_ns: 0,
            rate: Rate::measure((0, 0), (0, 0)),
            debug: DebugSwitches::default(),
        }
    }

    /// Works out what depends on several parameters.
    pub fn adopt_config(&mut self) {
        let config = &self.config;
        let slowlog_ns = u64::try_from(config.slowlog_log_slower_than_us)
            .map_or(u64::MAX, |us| us.saturating_mul(1000));
        let monitor_ns = match config.latency_monitor_threshold_ms {
            0 => u64::MAX,
            ms => ms.saturating_mul(1_000_000),
        };
        self.slow_ns = slowlog_ns.min(monitor_ns);
    }
}
