//! The services side by side. They do not know each other; what joins two of them is written in this room or in a
//! command.

use crate::blocking::Blocking;
use crate::config::Config;
use crate::observe::Stats;
use crate::observe::latency::Latency;
use crate::observe::slowlog::Slowlog;
use crate::pubsub::Pubsub;
use crate::store::tsc::Rate;
use crate::tracking::Tracking;
use crate::watch::Watchers;

use super::pause::Pause;

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
    /// Sessions that are sent every command, in the order in which they asked.
    pub monitors: Vec<crate::base::slab::Id>,
    /// The memory limit is exceeded and nothing could be evicted.
    pub out_of_memory: bool,
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
    /// Loading a data set: only a few commands run.
    pub is_loading: bool,
}

/// What DEBUG has switched away from its default.
#[derive(Clone, Debug)]
pub struct DebugSwitches {
    pub active_expire: bool,
    /// `DEBUG PAUSE-CRON`
    pub cron_paused: bool,
    pub client_eviction: bool,
}

impl Default for DebugSwitches {
    fn default() -> Self {
        Self { active_expire: true, cron_paused: false, client_eviction: true }
    }
}

impl Services {
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
            monitors: Vec::new(),
            out_of_memory: false,
            rate: Rate::measure((0, 0), (0, 0)),
            debug: DebugSwitches::default(),
        }
    }
}
