//! From a configuration to a running server, and to its end.
//!
//! The order is known from the logs, and scripts wait for some of its lines: the banner, the pid file, the listeners,
//! `Server initialized`, the data, `Ready to accept connections`.

use std::path::Path;

use crate::background::{Crew, Freer};
use crate::base::rng::Rng;
use crate::base::time::Clock;
use crate::config::{Loaded, explain};
use crate::engine::Engine;
use crate::engine::config_file::ConfigFile;
use crate::engine::run::command::Table;
use crate::engine::services::ProcessFacts;
use crate::observe::banner;
use crate::observe::logging::{self, Role};
use crate::persist::disk;
use crate::reactor::{Reactor, Settings, Signal};
use crate::server::listeners::Listeners;
use crate::server::process::title::Title;
use crate::server::process::{Exit, OomScore, PidFile, Supervisor, boot, crash, figures, title};
use crate::server::security::Security;
use crate::server::{Beside, Means, Server, Watcher, process, users};

/// The part of the process that the server needs while it runs.
pub(super) struct Surroundings {
    pub(crate) title: Title,
    pub(crate) supervisor: Supervisor,
    pub(crate) pidfile: Option<PidFile>,
    pub(crate) oom_score: OomScore,
}

/// Runs a server until it is told to stop; returns the status the process shall end with.
pub fn serve(loaded: Loaded, beside: Beside) -> i32 {
    crash::configure(&loaded.config);
    crash::install();
    let Beside { watcher, examine } = beside;
    match prepare(loaded, examine, watcher.as_ref()) {
        Ok((mut server, reactor)) => {
            server.watcher = watcher;
            server.run(reactor)
        }
        Err(status) => status,
    }
}

pub(super) fn prepare(
    mut loaded: Loaded,
    examine: fn(&Path),
    watcher: Option<&Watcher>,
) -> Result<(Server, Reactor), i32> {
    let table = command_table(&loaded)?;
    loaded.config.maxclients =
        process::raise_descriptor_limit(loaded.config.maxclients, loaded.config.page_port != 0);
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
    let mut security = Security::default();
    if security.configure(&loaded.config).is_err() {
        log::warn!("Failed to configure TLS. Check logs for more info.");
        return Err(1);
    }
    let mut reactor =
        Reactor::new(&reactor_settings(&loaded)).map_err(|error| fail("the event loop", &error))?;
    let disk = disk::of_the_machine();
    let file = loaded.file.map(|path| ConfigFile::new(path, disk.clone()));
    let seed = Rng::from_system().next_u64();
    let mut engine = Engine::new(loaded.config, table, Clock::system(), seed);
    let facts = ProcessFacts {
        executable: String::from_utf8_lossy(&program).into_owned(),
        ..figures::describe()
    };
    engine.handle_start(facts, file);
    users::bring_in(&mut engine, &loaded.users, disk.clone())?;
    let mut listeners = Listeners::default();
    let opened = listeners.open(reactor.io(), engine.config(), security.listen.as_ref());
    opened.map_err(|_| 1)?;
    log::info!("{}", banner::INITIALIZED);
    let mut oom_score = OomScore::default();
    // It has been logged, and the server is as good without.
    let _ = oom_score.apply(engine.config(), is_replica);
    let waker = reactor.io().waker();
    let freer = Freer::start(move || waker.wake()).map_err(|error| fail("a thread", &error))?;
    let around = Surroundings {
        title,
        supervisor,
        pidfile,
        oom_score,
    };
    let means = Means {
        security,
        freer,
        waker: reactor.io().waker(),
        disk,
        crew: Crew::Threads,
        exit: Exit::of_the_process(),
        examine,
    };
    let mut server = Server::new(engine, listeners, around, means);
    reactor.io().trace(watcher.map(|watcher| watcher.stamp));
    let opened = server.open_page(&mut reactor, watcher);
    opened.map_err(|_| 1)?;
    server.remove_temporaries();
    server.begin_load()?;
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
        max_new_secured_per_turn: loaded.config.max_new_tls_connections_per_cycle,
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
