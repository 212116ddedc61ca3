//! The services side by side. They do not know each other; code that joins two of them is in this room or in a command.

use std::borrow::Cow;
use std::rc::Rc;

use crate::acl::{self, Identity, Users};
use crate::blocking::Blocking;
use crate::config::Config;
use crate::observe::Stats;
use crate::observe::latency::Latency;
use crate::observe::shown::Requests;
use crate::observe::slowlog::Slowlog;
use crate::pubsub::Pubsub;
use crate::repl::NO_ID;
use crate::script::{Deprecated, Functions, Scripts, Seat};
use crate::store::alloc;
use crate::store::tsc::Rate;
use crate::tracking::Tracking;
use crate::watch::Watchers;

use crate::engine::config_file::ConfigFile;
use crate::engine::dataset::Persistence;
use crate::engine::dataset::appending::Appending;
use crate::engine::dataset::running::Snapshots;
use crate::engine::defrag::Defrag;
use crate::engine::departure::Departure;
use crate::engine::migration::Migrations;
use crate::engine::replication::Replication;
use crate::engine::run::effects::SPARE_BYTES_MAX;
use crate::engine::run::executing::Busy;
use crate::engine::run::outside::Shell;
use crate::engine::searching::Searches;
use crate::engine::users_file::UsersFile;
use crate::engine::waiting::pause::Pause;

pub(crate) struct Services {
    pub(crate) config: Config,
    /// Where it came from. None: from the command line only.
    pub(crate) config_file: Option<ConfigFile>,
    pub(crate) stats: Stats,
    pub(crate) slowlog: Slowlog,
    pub(crate) latency: Latency,
    pub(crate) blocking: Blocking,
    pub(crate) watchers: Watchers,
    pub(crate) pubsub: Pubsub,
    pub(crate) tracking: Tracking,
    pub(crate) pause: Pause,
    pub(crate) defrag: Defrag,
    pub(crate) server: ServerFacts,
    pub(crate) persistence: Persistence,
    pub(crate) departure: Departure,
    pub(crate) migrations: Migrations,
    pub(crate) searches: Searches,
    pub(crate) snapshots: Snapshots,
    pub(crate) appending: Appending,
    pub(crate) replication: Replication,
    /// What ran, while the live page wants to know.
    pub(crate) requests: Requests,
    /// Sessions that are sent every command, in the order in which they asked.
    pub(crate) monitors: Vec<crate::base::slab::Id>,
    /// The memory limit is exceeded and nothing could be evicted.
    pub(crate) out_of_memory: bool,
    /// Commands that take at least so long are looked at by the slow log, the latency monitor and the live page.
    pub(crate) slow_ns: u64,
    /// From ticks of the processor's counter to nanoseconds.
    pub(crate) rate: Rate,
    pub(crate) scripts: Scripts,
    pub(crate) functions: Functions,
    /// A script that has run for long, while it runs.
    pub(crate) busy: Option<Box<Busy>>,
    /// The shell, while it lets the engine work off inputs.
    pub(crate) outside: Rc<Seat<Shell>>,
    pub(crate) users: Users,
    /// Who reads at the prompt of the live page, once somebody has.
    pub(crate) reader: Option<Identity>,
    /// None: users live in the configuration.
    pub(crate) users_file: Option<UsersFile>,
    /// What users were denied.
    pub(crate) denials: acl::log::Log,
    /// The switches of DEBUG.
    pub(crate) debug: DebugSwitches,
    pub(crate) scratch: Scratch,
}

/// Room for a text that is made before it goes anywhere; lent to one command, and kept for the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    /// It is empty. Whoever does not give it back costs the next one an allocation.
    #[inline]
    pub(crate) fn lend(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    #[inline]
    pub(crate) fn take_back(&mut self, mut text: Vec<u8>) {
        if text.capacity() <= SPARE_BYTES_MAX {
            text.clear();
            self.0 = text;
        }
    }
}

/// Facts about this run of the server that commands show.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerFacts {
    /// 40 hexadecimal digits, new at each start.
    pub(crate) run_id: String,
    pub(crate) started_ms: i64,
    pub(crate) started_us: u64,
    pub(crate) process: ProcessFacts,
    /// The most memory ever seen in use, and when.
    pub(crate) peak_memory: usize,
    pub(crate) peak_memory_ms: i64,
    /// Loading a data set: only a few commands run.
    pub(crate) is_loading: bool,
    /// The one that is loading is a later state of the present one, which can be read meanwhile.
    pub(crate) serves_while_loading: bool,
}

/// The shell's knowledge of its process. A server in memory has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessFacts {
    pub(crate) executable: String,
    pub(crate) pid: u32,
    /// The kernel, as `uname` tells.
    pub(crate) os: String,
    pub(crate) startup_memory: usize,
    /// Asks the operating system about this process.
    pub(crate) probe: Option<fn() -> Figures>,
}

impl ServerFacts {
    /// Remembers the most memory that was ever in use; returns the memory in use now.
    pub(crate) fn note_memory(&mut self, now_ms: i64) -> usize {
        let used = alloc::used_memory();
        if used > self.peak_memory {
            self.peak_memory = used;
            self.peak_memory_ms = now_ms;
        }
        used
    }

    pub(crate) fn figures(&self) -> Figures {
        self.process.probe.map(|probe| probe()).unwrap_or_default()
    }
}

/// The operating system's figures about this process and its machine. Zero means that it does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) resident_bytes: usize,
    pub(crate) machine_bytes: usize,
    pub(crate) cpu: Cpu,
    pub(crate) cpu_of_children: Cpu,
    /// Of the thread that runs the loop.
    pub(crate) cpu_of_loop: Cpu,
}

/// Processor time in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) system_us: u64,
    pub(crate) user_us: u64,
}

/// The switches that DEBUG has moved away from their defaults.
#[derive(Clone, Debug)]
pub(crate) struct DebugSwitches {
    pub(crate) active_expire: bool,
    /// `DEBUG PAUSE-CRON`
    pub(crate) cron_paused: bool,
    pub(crate) client_eviction: bool,
    /// `DEBUG DICT-RESIZING`. Our tables grow bucket by bucket, so nothing reads it.
    pub(crate) dict_resizing: bool,
    /// `DEBUG REPLYBUFFER RESIZING`
    pub(crate) output_resizing: bool,
    /// `DEBUG REPLYBUFFER PEAK-RESET-TIME`; negative: never.
    pub(crate) output_peak_reset_ms: i64,
    /// `DEBUG QUICKLIST-PACKED-THRESHOLD`: from which size an element of a list has a node of its own. 0: when it would
    /// not fit into a node.
    pub(crate) big_list_element: usize,
    /// `DEBUG SET-SKIP-CHECKSUM-VALIDATION`
    pub(crate) skips_checksums: bool,
    /// `DEBUG SET-DISABLE-DENY-SCRIPTS`: scripts may call what they otherwise must not.
    pub(crate) scripts_may_call_all: bool,
    /// `DEBUG AOF-FLUSH-SLEEP`
    pub(crate) aof_flush_sleep_us: u64,
    /// `DEBUG DROP-CLUSTER-PACKET-FILTER`: the type that is dropped; negative: none.
    pub(crate) dropped_cluster_packet: i64,
    /// `DEBUG REPL-PAUSE`: at which step of a synchronisation to stop.
    pub(crate) replication_pause: ReplicationPause,
}

/// Steps of a synchronisation with a replica at which DEBUG REPL-PAUSE lets the server stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplicationPause {
    #[default]
    Nowhere,
    AfterFork,
    BeforeRdbChannel,
    OnStreamingBuffer,
}

/// How long an output keeps the room it once needed, unless DEBUG says otherwise.
pub(crate) const OUTPUT_PEAK_RESET_MS: i64 = 5000;

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
    pub(crate) fn note_latency(&mut self, event: &'static str, spent_ns: u64, now_ms: i64) {
        let threshold_ms = self.config.latency_monitor_threshold_ms;
        let spent_ms = spent_ns / 1_000_000;
        if threshold_ms != 0 && spent_ms >= threshold_ms {
            self.latency.note(event, now_ms / 1000, spent_ms);
        }
    }

    pub(crate) fn new(config: Config) -> Self {
        let mut users = Users::default();
        users.set_default_password(&config.requirepass);
        let deprecated = if config.lua_enable_deprecated_api {
            Deprecated::There
        } else {
            Deprecated::Hidden
        };
        Self {
            config,
            config_file: None,
            stats: Stats::default(),
            slowlog: Slowlog::default(),
            latency: Latency::default(),
            blocking: Blocking::default(),
            watchers: Watchers::default(),
            pubsub: Pubsub::default(),
            tracking: Tracking::default(),
            pause: Pause::default(),
            defrag: Defrag::default(),
            server: ServerFacts::default(),
            persistence: Persistence::default(),
            departure: Departure::default(),
            migrations: Migrations::default(),
            searches: Searches::default(),
            snapshots: Snapshots::default(),
            appending: Appending::default(),
            replication: Replication::new(NO_ID.to_owned()),
            monitors: Vec::new(),
            out_of_memory: false,
            requests: Requests::default(),
            slow_ns: 0,
            rate: Rate::measure((0, 0), (0, 0)),
            scripts: Scripts::new(deprecated),
            functions: Functions::new(deprecated),
            busy: None,
            outside: Rc::default(),
            users,
            reader: None,
            users_file: None,
            denials: acl::log::Log::default(),
            debug: DebugSwitches::default(),
            scratch: Scratch::default(),
        }
    }

    /// Works out what depends on several parameters.
    pub(crate) fn adopt_config(&mut self) {
        self.adopt_slow();
        self.replication.adopt_config(&self.config);
        if let Some(running) = &self.snapshots.running {
            (running.progress).set_key_delay(self.config.rdb_key_save_delay_us);
        }
    }

    /// Which commands are looked at after they have run.
    pub(crate) fn adopt_slow(&mut self) {
        let config = &self.config;
        let slowlog_ns = u64::try_from(config.slowlog_log_slower_than_us)
            .map_or(u64::MAX, |us| us.saturating_mul(1000));
        let monitor_ns = match config.latency_monitor_threshold_ms {
            0 => u64::MAX,
            ms => ms.saturating_mul(1_000_000),
        };
        self.slow_ns = if self.requests.is_noting {
            0
        } else {
            slowlog_ns.min(monitor_ns)
        };
    }

    /// A client's bytes as the log may show them: `hide-user-data-from-log` keeps them out of it.
    pub(crate) fn loggable<'a>(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        if self.config.hide_user_data_from_log {
            "*redacted*".into()
        } else {
            String::from_utf8_lossy(bytes)
        }
    }

    /// Whether the log or replicas want the stream of commands.
    #[inline]
    pub(crate) fn is_fed(&self) -> bool {
        self.appending.is_fed() || self.replication.is_fed()
    }

    /// How far the log and the stream to replicas have come.
    #[inline]
    pub(crate) fn fed_to(&self) -> (u64, u64) {
        (self.appending.offset, self.replication.history.offset())
    }
}
