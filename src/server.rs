//! The shell: it owns the engine and the reactor and stands between them.
//!
//! The reactor names connections and moves bytes; the engine knows sessions and commands. Here the one's callbacks
//! become the other's calls, what the engine asks for is done (listeners, threads, shutdown), and nothing else
//! happens: a decision that a client could notice belongs into the engine, where it can be tested without sockets.

use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::background::{Freer, Job};
use crate::base::output::Output;
use crate::engine::Engine;
use crate::engine::cron::Rest;
use crate::engine::effects::{Ask, Shutdown};
use crate::engine::session::flag;
use crate::reactor::{Address, App, Closed, ConnId, Io, Listen, ListenerId, Peer, Reactor, Settings, Signal, Sleep};

pub struct Server {
    engine: Engine,
    freer: Freer,
    listeners: Vec<ListenerId>,
    /// Where the last read of a session that is gone goes.
    nowhere: Vec<u8>,
    exit_code: i32,
}

impl Server {
    pub fn new(engine: Engine) -> io::Result<Self> {
        Ok(Self { engine, freer: Freer::start()?, listeners: Vec::new(), nowhere: vec![0; 4096], exit_code: 0 })
    }

    /// Listens where the configuration says and serves until it is told to stop; returns the exit code.
    pub fn run(mut self) -> io::Result<i32> {
        let config = &self.engine.services.config;
        let settings = Settings {
            max_new_connections_per_turn: config.max_new_connections_per_cycle,
            keepalive_seconds: config.tcp_keepalive_s,
            signals: vec![Signal::Interrupt, Signal::Terminate],
            ignored_signals: vec![Signal::Hangup],
            second_interrupt_exits: true,
            ..Settings::default()
        };
        let mut reactor = Reactor::new(&settings)?;
        self.listen(reactor.io())?;
        log::info!("Server initialized");
        log::info!("Ready to accept connections tcp");
        reactor.run(&mut self)?;
        Ok(self.exit_code)
    }

    fn listen(&mut self, io: &mut Io) -> io::Result<()> {
        let config = &self.engine.services.config;
        let backlog = config.tcp_backlog as u32;
        if config.port != 0 {
            for address in bind_addresses(&config.bind.0) {
                let (address, may_fail) = address;
                let at = Listen::Tcp { address: SocketAddr::new(address, config.port), backlog };
                match io.listen(&at) {
                    Ok(id) => self.listeners.push(id),
                    Err(error) if may_fail && is_unavailable(&error) => {}
                    Err(error) => {
                        log::error!("Warning: Could not create server TCP listening socket {address}:{}: {error}", config.port);
                        log::error!("Failed listening on port {} (tcp), aborting.", config.port);
                        return Err(error);
                    }
                }
            }
        }
        if !config.unixsocket.is_empty() {
            let permissions = (config.unixsocketperm != 0).then_some(config.unixsocketperm);
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(&config.unixsocket));
            self.listeners.push(io.listen(&Listen::Unix { path, permissions, backlog })?);
        }
        Ok(())
    }

    /// Tells the reactor what the engine has left for it since the last time.
    fn hand_over(&mut self, io: &mut Io) {
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
        if !self.engine.fx.asks.is_empty() {
            for ask in std::mem::take(&mut self.engine.fx.asks) {
                self.answer(io, ask);
            }
        }
    }

    fn answer(&mut self, io: &mut Io, ask: Ask) {
        match ask {
            Ask::Shutdown(how) => self.shut_down(io, how),
            Ask::Configured(configured) => self.engine.configured(configured.waiting, Ok(())),
            Ask::PurgeMemory => {
                crate::store::alloc::purge();
            }
            Ask::Sleep(us) => std::thread::sleep(std::time::Duration::from_micros(us)),
        }
    }

    fn shut_down(&mut self, io: &mut Io, _: Shutdown) {
        log::info!("Redis is now ready to exit, bye bye...");
        io.stop();
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
        let session = self.engine.open(id);
        session.put(flag::UNIX, is_unix);
        session.about.fd = i64::from(peer.fd);
        session.about.address = if is_unix { format!("{}:0", peer.local) } else { peer.address.to_string() };
        session.about.local_address = if is_unix { format!("{}:0", peer.local) } else { peer.local.to_string() };
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
        let Engine { sessions, inputs, .. } = &mut self.engine;
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
        self.engine.sessions.get_mut(id).map(|session| &mut *session.output)
    }

    fn wrote(&mut self, _: &mut Io, id: ConnId, count: usize) {
        self.engine.sent(id, count);
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, _: Closed) {
        self.engine.close(id);
        self.hand_over(io);
    }

    fn signalled(&mut self, io: &mut Io, signal: Signal) {
        match signal {
            Signal::Interrupt => log::warn!("Received SIGINT scheduling shutdown..."),
            Signal::Terminate => log::warn!("Received SIGTERM scheduling shutdown..."),
            _ => return,
        }
        self.shut_down(io, Shutdown::default());
    }

    fn after_sleep(&mut self) {
        self.engine.refresh_time();
    }

    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        let rest = self.engine.before_sleep();
        self.hand_over(io);
        match rest {
            Rest::None => Sleep::NotAtAll,
            Rest::Ms(ms) => Sleep::AtMostMs(ms),
        }
    }
}

/// The addresses of a `bind` line, each with whether it may be unavailable (a leading `-`).
fn bind_addresses(bind: &[Vec<u8>]) -> Vec<(std::net::IpAddr, bool)> {
    let mut addresses = Vec::new();
    for word in bind {
        let Ok(word) = std::str::from_utf8(word) else { continue };
        let (word, may_fail) = word.strip_prefix('-').map_or((word, false), |rest| (rest, true));
        let address = match word {
            "*" => Some("0.0.0.0".parse().expect("an address")),
            "::*" => Some("::".parse().expect("an address")),
            _ => word.parse().ok(),
        };
        if let Some(address) = address {
            addresses.push((address, may_fail));
        }
    }
    addresses
}

fn is_unavailable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
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
