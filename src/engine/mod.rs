//! The engine: sessions, admission, one command at a time, settling.
//!
//! Bytes and time go in, replies and requests to the shell come out. There are no sockets, files or threads here,
//! and time stands still until the owner moves it, so a test can drive a whole server in memory.
//!
//! A request goes through `turn` (framing, rounds), `run` (gate, call, settle) and, if other sessions wait for its
//! keys, `waiting`. Other rooms: `session` is the engine's knowledge of a client; `tell` sends messages to other
//! sessions; `dataset` is the engine's half of files; `timers` and `sleep` work without a request.
//!
//! Invariants: while a command runs its session is lent out of [`Sessions`] and nobody else's is; when a command
//! has finished, its facts are settled before the next begins; commands of one session run in the order in which
//! they arrived.

pub(crate) mod clock;
pub(crate) mod cluster_hints;
pub(crate) mod config_file;
pub(crate) mod configure;
pub(crate) mod dataset;
pub(crate) mod departure;
pub(crate) mod doors;
mod inside;
pub(crate) mod migration;
mod prefetch;
pub(crate) mod replication;
pub(crate) mod run;
pub(crate) mod searching;
pub(crate) mod services;
pub(crate) mod session;
pub(crate) mod show;
pub(crate) mod sleep;
pub(crate) mod tell;
mod timers;
mod turn;
mod unframed;
pub(crate) mod users;
pub(crate) mod users_file;
pub(crate) mod waiting;

use std::rc::Rc;

use crate::base::input::InputPool;
use crate::base::output::Output;
use crate::base::rng::Rng;
use crate::base::time::Clock;
use crate::config::Config;
use crate::keyspace::Keyspace;
use crate::observe::stats::CommandStats;

use clock::{Now, read_clock};
use run::command::Table;
use run::effects::Effects;
use run::plain::Calm;
use services::Services;
use session::Sessions;
use turn::Turn;

pub struct Engine {
    keyspace: Keyspace,
    sessions: Sessions,
    services: Services,
    table: Rc<Table>,
    clock: Clock,
    fx: Effects,
    now: Now,
    /// Buffers lent to sessions while their bytes are read and worked off.
    inputs: InputPool,
    turn: Turn,
    /// The output of the session whose command runs; empty otherwise.
    output: Box<Output>,
    cron: timers::Cron,
    /// See `run::plain`.
    calm: Calm,
}

impl Engine {
    pub fn new(config: Config, table: Table, clock: Clock, seed: u64) -> Self {
        let databases = config.databases as usize;
        let mut services = Services::new(config);
        services
            .stats
            .commands
            .resize_with(table.all.len(), CommandStats::default);
        services.rate = timers::measure_rate(&clock);
        let now = read_clock(&clock);
        services.server.started_ms = now.unix_ms;
        services.server.started_us = now.monotonic_us;
        services.persistence.last_save_s = now.unix_ms / 1000;
        let mut rng = Rng::from_system();
        services.server.run_id = hexadecimal(&mut rng);
        services.replication.history.id = hexadecimal(&mut rng);
        let primary = services.config.replicaof.0.clone();
        services.replication.take_role(primary, now.monotonic_us);
        let mut engine = Self {
            keyspace: Keyspace::new(databases, seed),
            sessions: Sessions::default(),
            services,
            table: Rc::new(table),
            clock,
            fx: Effects::default(),
            now,
            inputs: InputPool::default(),
            turn: Turn::default(),
            output: Box::default(),
            cron: timers::Cron::new(),
            calm: Calm::No,
        };
        engine.apply_config();
        engine
    }

    /// Looks at the configuration and makes what depends on it agree.
    pub(crate) fn apply_config(&mut self) {
        run::memory::configure(&mut self.keyspace, &self.services.config);
        self.adopt_limits();
        self.services.adopt_config();
    }
}

/// 40 digits that nobody else has: the name of a run, or of a history of a data set.
pub(crate) fn hexadecimal(rng: &mut Rng) -> String {
    (0..40)
        .map(|_| char::from(b"0123456789abcdef"[rng.below(16) as usize]))
        .collect()
}
