//! The shell: it owns the engine and the reactor and stands between them.
//!
//! The reactor names connections and moves bytes; the engine knows sessions and commands. Here the one's callbacks
//! become the other's calls, what the engine asks for is done (listeners, threads, shutdown), and nothing else
//! happens: a decision that a client could notice belongs into the engine, where it can be tested without sockets.

mod boot;
mod check;
mod configured;
mod crash;
mod embedded;
mod figures;
mod listeners;
mod load;
mod log;
mod process;
mod save;
#[cfg(test)]
mod simulation;
mod snapshot;
mod start;
mod title;

use std::sync::Arc;

use crate::background::{Crew, Errand, Freer, Job};
use crate::base::output::Output;
use crate::base::slab::Id;
use crate::config::OnSignal;
use crate::engine::Engine;
use crate::engine::cron::Rest;
use crate::engine::effects::{Ask, Shutdown};
use crate::engine::roster;
use crate::engine::session::flag;
use crate::observe::banner;
use crate::persist::disk::Disk;
use crate::reactor::{Address, App, Closed, ConnId, Io, Peer, Reactor, Signal, Sleep, Turn, Waker};

use self::log::{Haste, Log, LogLoading};
use listeners::Listeners;
use load::Loading;
use start::Surroundings;

pub use boot::{Boot, boot, boot_with};
pub use check::run_tool;
pub use embedded::{Background, in_background};
pub use start::serve;

/// Somebody who is shown what each turn of the loop did.
pub struct Watcher {
    /// The time, in a unit of the watcher's choice.
    pub stamp: fn() -> u64,
    pub show: Box<dyn FnMut(&Turn)>,
}

/// Who does what the loop leaves to others, and where they keep it.
struct Means {
    freer: Freer,
    waker: Waker,
    disk: Arc<dyn Disk>,
    crew: Crew,
}

pub struct Server {
    engine: Engine,
    freer: Freer,
    /// Who waits for what they flushed to be freed, in order; each has a mark in the queue.
    flushing: std::collections::VecDeque<Id>,
    listeners: Listeners,
    around: Surroundings,
    watcher: Option<Watcher>,
    /// The data set, as long as it is not all there.
    loading: Option<Loading>,
    /// Where the last read of a session that is gone goes.
    nowhere: Vec<u8>,
    exit_code: i32,
    /// The thread that writes a snapshot, while there is one.
    saver: Option<snapshot::Saver>,
    /// Such threads as were told that they are not needed any more, and may not have ended yet.
    parting: Vec<Errand>,
    snapshots_started: u64,
    log: Log,
    /// The append-only log, as long as it has not all been read.
    log_loading: Option<Box<LogLoading>>,
    waker: Waker,
    disk: Arc<dyn Disk>,
    crew: Crew,
}

impl Server {
    fn new(
        engine: Engine,
        listeners: Listeners,
        around: Surroundings,
        loading: Option<Loading>,
        means: Means,
    ) -> Self {
        let Means {
            freer,
            waker,
            disk,
            crew,
        } = means;
        Self {
            loading,
            engine,
            freer,
            flushing: std::collections::VecDeque::new(),
            listeners,
            around,
            watcher: None,
            nowhere: vec![0; 4096],
            exit_code: 0,
            saver: None,
            parting: Vec::new(),
            snapshots_started: 0,
            log: Log::default(),
            log_loading: None,
            waker,
            disk,
            crew,
        }
    }

    /// Serves until it is told to stop; returns the status that the process shall end with.
    fn run(mut self, mut reactor: Reactor) -> i32 {
        // Nobody else gives freed pages back while the server idles.
        crate::store::alloc::set_background_thread(self.engine.services.config.jemalloc_bg_thread);
        let outcome = reactor.run(&mut self);
        if let Err(error) = outcome {
            ::log::error!("The event loop failed: {}", crate::config::explain(&error));
            self.exit_code = 1;
        }
        let status = self.exit_code;
        // The kernel takes the memory back at once; freeing a hundred million keys one by one takes a minute.
        std::mem::forget(self);
        status
    }

    /// Tells the reactor what the engine has left for it since the last time.
    fn hand_over(&mut self, io: &mut Io) {
        // First, because what is done for the engine may give it something to say.
        if !self.engine.fx.asks.is_empty() {
            for ask in std::mem::take(&mut self.engine.fx.asks) {
                self.answer(io, ask);
            }
        }
        if self.engine.services.snapshots.running.is_some() {
            self.attend_snapshot();
        }
        while !self.flushing.is_empty() && self.freer.has_passed_mark() {
            if let Some(id) = self.flushing.pop_front() {
                self.engine.answer_parked(id, Ok(()));
            }
        }
        for id in std::mem::take(&mut self.engine.sessions.with_output) {
            io.want_write(id);
        }
        for id in std::mem::take(&mut self.engine.sessions.to_close) {
            match self.engine.sessions.get(id) {
                Some(session) if !session.has(flag::CLOSE_NOW) => io.close_after_flush(id),
                _ => io.close(id),
            }
        }
        for id in self.engine.take_again() {
            io.again(id);
        }
        for garbage in self.engine.keyspace.garbage.drain(..) {
            self.freer.send(Job::Free(garbage));
        }
    }

    fn answer(&mut self, io: &mut Io, ask: Ask) {
        match ask {
            Ask::Shutdown { waiting, how } => self.shut_down(io, waiting, how),
            Ask::Stay => io.interrupts().forget(),
            Ask::Save { waiting } => self.save_for(waiting),
            Ask::Reload { waiting, how } => self.reload_for(waiting, how),
            Ask::Configured(configured) => self.configured(io, configured),
            Ask::LoadLog { waiting } => self.reload_log_for(waiting),
            Ask::FlushedAll => self.flushed_all(),
            Ask::TellWhenFreed { waiting } => {
                for garbage in self.engine.keyspace.garbage.drain(..) {
                    self.freer.send(Job::Free(garbage));
                }
                self.freer.send(Job::Mark);
                self.flushing.push_back(waiting);
            }
            Ask::Snapshot(order) => self.start_snapshot(io, *order),
            Ask::PurgeMemory => {
                crate::store::alloc::purge();
            }
            Ask::Sleep(us) => std::thread::sleep(std::time::Duration::from_micros(us)),
        }
    }

    /// Says why a new connection is not served and drops it.
    fn turn_away(&mut self, io: &mut Io, id: ConnId, text: &str) {
        self.engine.services.stats.rejected_connections += 1;
        if let Some(session) = self.engine.sessions.get_mut(id) {
            session.set(flag::CLOSE_AFTER_REPLY);
            session.output.push(text.as_bytes());
        }
        io.want_write(id);
        io.close_after_flush(id);
    }
}

impl App for Server {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        let is_unix = matches!(peer.local, Address::Unix(_));
        let is_loopback = match &peer.address {
            Address::Ip(address) => address.ip().to_canonical().is_loopback(),
            Address::Unix(_) | Address::Pipe => true,
        };
        if is_unix {
            ::log::debug!("Accepted connection to {}", peer.local);
        } else {
            ::log::debug!("Accepted {}", peer.address);
        }
        let session = self.engine.open(id);
        session.put(flag::UNIX, is_unix);
        session.about.fd = i64::from(peer.fd);
        session.about.address = if is_unix {
            format!("{}:0", peer.local)
        } else {
            peer.address.to_string()
        };
        session.about.local_address = if is_unix {
            format!("{}:0", peer.local)
        } else {
            peer.local.to_string()
        };
        let config = &self.engine.services.config;
        if self.engine.sessions.len() > config.maxclients as usize {
            self.turn_away(io, id, "-ERR max number of clients reached\r\n");
            return;
        }
        if config.protected_mode && config.requirepass.is_empty() && !is_loopback {
            self.turn_away(io, id, PROTECTED);
            return;
        }
        self.engine.services.stats.connections_received += 1;
    }

    fn input(&mut self, id: ConnId) -> &mut [u8] {
        let Engine {
            sessions, inputs, ..
        } = &mut self.engine;
        match sessions.get_mut(id) {
            Some(session) => session.input.space(inputs),
            None => &mut self.nowhere,
        }
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        self.engine.received(id, count);
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        self.engine.handle_inputs(group);
        self.hand_over(io);
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.engine
            .sessions
            .get_mut(id)
            .map(|session| &mut *session.output)
    }

    fn wrote(&mut self, _: &mut Io, id: ConnId, count: usize) {
        self.engine.sent(id, count);
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        if ::log::log_enabled!(::log::Level::Debug)
            && let Some(session) = self.engine.sessions.get(id)
        {
            match why {
                Closed::ByApp => {}
                Closed::ByPeer => ::log::debug!(
                    "Client closed connection {}",
                    roster::text(session, &self.engine.now)
                ),
                Closed::Failed(error) => ::log::debug!("Reading from client: {error}"),
            }
        }
        self.engine.close(id);
        self.hand_over(io);
    }

    fn signalled(&mut self, _: &mut Io, signal: Signal) {
        let config = &self.engine.services.config;
        let (line, how) = match signal {
            Signal::Interrupt => (banner::SIGINT_RECEIVED, config.shutdown_on_sigint),
            Signal::Terminate => (banner::SIGTERM_RECEIVED, config.shutdown_on_sigterm),
            _ => return,
        };
        self.engine.services.shutdown_scheduled = Some(how.into());
        if self.is_loading() {
            ::log::warn!("{}", banner::SIGNAL_WHILE_LOADING);
        } else {
            ::log::warn!("{line}");
        }
    }

    fn after_sleep(&mut self) {
        self.engine.refresh_time();
    }

    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        let was_loading = self.loading.is_some();
        let has_more_to_load = self.load_some(io) | self.load_log_some(io);
        if was_loading
            && self.loading.is_none()
            && self.exit_code == 0
            && self.switch_log().is_err()
        {
            ::log::warn!("The append-only file cannot be switched on.");
        }
        if !self.engine.services.debug.cron_paused
            && let Some(how) = self.engine.services.shutdown_scheduled.take()
        {
            self.shut_down(io, None, how);
        }
        let rest = self.engine.before_sleep();
        self.hand_over(io);
        self.write_log(Haste::Usual);
        let has_served = self.engine.serve_offset_waiters();
        if has_served {
            self.hand_over(io);
        }
        match rest {
            _ if has_more_to_load || has_served => Sleep::NotAtAll,
            Rest::None => Sleep::NotAtAll,
            Rest::Ms(ms) => Sleep::AtMostMs(ms),
        }
    }

    fn turn(&mut self, turn: &Turn) {
        if let Some(watcher) = &mut self.watcher {
            (watcher.show)(turn);
        }
    }
}

impl From<OnSignal> for Shutdown {
    fn from(
        OnSignal {
            save,
            nosave,
            now,
            force,
        }: OnSignal,
    ) -> Shutdown {
        let save = if save {
            Some(true)
        } else {
            nosave.then_some(false)
        };
        Shutdown { save, now, force }
    }
}

/// What a stranger is told while nobody has set a password.
const PROTECTED: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no password \
is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to \
connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected \
mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the \
same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use \
CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the \
Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you \
started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an \
authentication password for the default user. NOTE: You only need to do one of the above things in order for the \
server to start accepting connections from the outside.\r\n";
