//! From a configuration to a running server, and to its end.
//!
//! The order is the one people know from their logs, and scripts wait for some of its lines: who we are, the pid
//! file, the doors, `Server initialized`, the data, `Ready to accept connections`.

use super::boot;
use super::crash;
use super::figures;
use super::listeners::Listeners;
use super::load::Loading;
use super::process::{self, OomScore, PidFile, Supervisor};
use super::title::{self, Title};
use super::{Means, Server, Watcher};
use crate::background::{Crew, Freer};
use crate::base::rng::Rng;
use crate::base::time::Clock;
use crate::config::{Loaded, explain};
use crate::engine::Engine;
use crate::engine::command::Table;
use crate::observe::banner;
use crate::observe::logging::{self, Role};
use crate::persist::disk;
use crate::reactor::{Reactor, Settings, Signal};

/// What of the process the server has to do with while it runs.
pub(super) struct Surroundings {
    pub title: Title,
    pub supervisor: Supervisor,
    pub pidfile: Option<PidFile>,
    pub oom_score: OomScore,
}

/// Runs a server until it is told to stop; returns the status the process shall end with. Somebody may watch.
pub fn serve(loaded: Loaded, watcher: Option<Watcher>) -> i32 {
    crash::configure(&loaded.config);
    crash::install();
    match prepare(loaded) {
        Ok((mut server, mut reactor)) => {
            reactor
                .io()
                .trace(watcher.as_ref().map(|watcher| watcher.stamp));
            server.watcher = watcher;
            server.run(reactor)
        }
        Err(status) => status,
    }
}

pub(super) fn prepare(mut loaded: Loaded) -> Result<(Server, Reactor), i32> {
    let table = command_table(&loaded)?;
    loaded.config.maxclients = process::raise_descriptor_limit(loaded.config.maxclients);
    let is_replica = loaded.config.replicaof.0.is_some();
    logging::set_role(if is_replica {
        Role::Replica
    } else {
        Role::Primary
    });
    let title = Title::new(loaded.file.as_deref());
    let program = title::program();
    let supervisor = Supervisor::find(&loaded.config);
    let pidfile = PidFile::write(&loaded.config);
    title.show(&loaded.config);
    boot::present(&loaded.config);
    process::warn_about_backlog(&loaded.config);
    if let Some(status) = boot::refuse_unresolved(&loaded) {
        return Err(status);
    }
    let mut reactor =
        Reactor::new(&reactor_settings(&loaded)).map_err(|error| fail("the event loop", &error))?;
    let mut listeners = Listeners::default();
    listeners
        .open(reactor.io(), &loaded.config)
        .map_err(|_| 1)?;
    let file = loaded
        .file
        .as_ref()
        .map(|path| path.to_string_lossy().into_owned());
    let seed = Rng::from_system().next_u64();
    let mut engine = Engine::new(loaded.config, table, Clock::system(), seed);
    let facts = &mut engine.services.server;
    figures::describe(facts);
    facts.executable = String::from_utf8_lossy(&program).into_owned();
    facts.config_file = file.unwrap_or_default();
    facts.tcp_port = engine.services.config.port;
    facts.startup_memory = crate::store::alloc::used_memory();
    log::info!("{}", banner::INITIALIZED);
    let mut oom_score = OomScore::default();
    // It has been logged, and the server is as good without.
    let _ = oom_score.apply(&engine.services.config, is_replica);
    let waker = reactor.io().waker();
    let freer = Freer::start(move || waker.wake()).map_err(|error| fail("a thread", &error))?;
    let around = Surroundings {
        title,
        supervisor,
        pidfile,
        oom_score,
    };
    // Where there is an append-only file, it is the data set.
    let loading = if engine.services.config.appendonly {
        None
    } else {
        Loading::begin(&mut engine, reactor.io().waker())?
    };
    let has_log = engine.services.config.appendonly;
    let means = Means {
        freer,
        waker: reactor.io().waker(),
        disk: disk::of_the_machine(),
        crew: Crew::Threads,
    };
    let mut server = Server::new(engine, listeners, around, loading, means);
    server.remove_temporaries();
    if has_log {
        server.begin_log()?;
    }
    if !server.is_loading() {
        server.welcome();
    }
    Ok((server, reactor))
}

/// All commands, by the names that the configuration gives them.
fn command_table(loaded: &Loaded) -> Result<Table, i32> {
    let mut table = crate::commands::table();
    for line in &loaded.renames {
        if let Err(reason) = table.rename(&line.words[1], &line.words[2]) {
            return Err(boot::abort(&line.blame(reason)));
        }
    }
    Ok(table)
}

fn reactor_settings(loaded: &Loaded) -> Settings {
    Settings {
        max_new_connections_per_turn: loaded.config.max_new_connections_per_cycle,
        keepalive_seconds: loaded.config.tcp_keepalive_s,
        signals: vec![Signal::Interrupt, Signal::Terminate],
        ignored_signals: vec![Signal::Hangup],
        second_interrupt_exits: true,
        ..Settings::default()
    }
}

fn fail(what: &str, error: &std::io::Error) -> i32 {
    log::error!("Cannot start {what}: {}", explain(error));
    1
}
