//! The live page in the shell: the second program on the loop, inside the first.
//!
//! The shell has the page, so that a turn inside a long script serves both, and so that the page gets its facts at one
//! moment of each turn. A server without a page runs without a router and asks nobody.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::commands::server::info;
use crate::config::{PagePrompt, Word};
use crate::engine::Engine;
use crate::observe::shown::{CloseUp, Figures, Place, Request, Slow, Waiting};
use crate::page::{Health, Host, Page, Pair, Settings, Way};
use crate::reactor::{Address, ConnId, Couple, Io, Listen, Peer, Reactor, Router};
use crate::store::tsc;
use crate::store::tsc::Rate;

use super::listeners::Refused;
use super::{Server, Watcher};

const OPEN: &str = "the page is open: there would be no router otherwise";

impl Server {
    /// Opens the page, if the configuration has one.
    pub(super) fn open_page(
        &mut self,
        reactor: &mut Reactor,
        watcher: Option<&Watcher>,
    ) -> Result<(), Refused> {
        let config = self.engine.config();
        if config.page_port == 0 {
            return Ok(());
        }
        let bind = String::from_utf8_lossy(&config.page_bind);
        let Ok(host) = bind.parse::<IpAddr>() else {
            ::log::error!("page-bind has no address: {bind}");
            return Err(Refused);
        };
        let is_local = host.is_loopback();
        if !is_local && config.page_token.is_empty() && !self.engine.default_user_has_password() {
            ::log::error!(
                "page-bind {host} can be reached from other machines: set page-token, or a password with requirepass"
            );
            return Err(Refused);
        }
        let address = SocketAddr::new(host, config.page_port);
        let settings = Settings {
            token: config.page_token.clone(),
            is_local,
            prompt: config.page_prompt.word(),
        };
        let backlog = PAGE_BACKLOG;
        let listen = Listen::Tcp { address, backlog };
        if let Err(error) = reactor.io().marking(true, |io| io.listen(&listen)) {
            ::log::error!(
                "The page cannot be had at {address}: {}",
                crate::config::explain(&error)
            );
            return Err(Refused);
        }
        // Whoever watches already has chosen the unit of the stamps.
        let rate = match watcher {
            Some(_) => Rate::measure((0, 1), (0, 1000)),
            None => self.engine.rate(),
        };
        if watcher.is_none() {
            reactor.io().trace(Some(tsc::ticks));
        }
        self.annex = Some(Box::new(Page::new(settings, rate)));
        ::log::info!("The page is at http://{address}/");
        Ok(())
    }

    /// Turns until the server is told to stop.
    pub(super) fn turn_until_told(&mut self, reactor: &mut Reactor) -> std::io::Result<()> {
        if self.annex.is_some() {
            reactor.run(&mut Router(self))
        } else {
            reactor.run(self)
        }
    }
}

impl Couple for &mut Server {
    type First = Server;
    type Second = Page;

    #[inline]
    fn first(&mut self) -> &mut Server {
        self
    }

    #[inline]
    fn second(&mut self) -> &mut Page {
        self.annex.as_mut().expect(OPEN)
    }

    fn talk(&mut self, io: &mut Io) {
        // Out of its place, so that it can ask the server that it lies in.
        let mut page = self.annex.take().expect(OPEN);
        page.talk(io, &mut Asked { server: self });
        self.annex = Some(page);
    }
}

/// The server without its page, while that asks.
struct Asked<'a> {
    server: &'a mut Server,
}

impl Asked<'_> {
    fn engine(&mut self) -> &mut Engine {
        &mut self.server.engine
    }

    /// None while a script is busy.
    fn idle_engine(&mut self) -> Option<&mut Engine> {
        let engine = &mut *self.server.engine;
        (!engine.is_busy()).then_some(engine)
    }
}

impl Host for Asked<'_> {
    fn now(&self) -> (i64, u64) {
        self.server.engine.turn_began()
    }

    fn health(&self) -> Health {
        let engine = &self.server.engine;
        if engine.is_busy() {
            Health::Busy
        } else if engine.is_loading() {
            Health::Loading
        } else {
            Health::Fine
        }
    }

    fn info(&mut self) -> Option<String> {
        Some(self.idle_engine()?.consult(info::everything))
    }

    fn figures(&mut self) -> Option<Figures> {
        Some(self.idle_engine()?.figures())
    }

    fn waiting(&mut self) -> Option<Waiting> {
        Some(self.idle_engine()?.waiting_bytes())
    }

    fn close_up(&mut self) -> Option<CloseUp> {
        Some(self.idle_engine()?.close_up())
    }

    fn place(&mut self, db: usize, key: &[u8]) -> Option<Place> {
        self.idle_engine()?.place(db, key)
    }

    fn slow(&self, most: usize) -> Vec<Slow> {
        self.server.engine.slow(most)
    }

    fn clients(&self, most: usize) -> Vec<String> {
        self.server.engine.some_clients(most)
    }

    fn note_requests(&mut self, is_noting: bool) {
        self.engine().note_requests(is_noting);
    }

    fn take_requests(&mut self, into: &mut Vec<Request>) {
        self.engine().take_requests(into);
    }

    fn admits(&mut self, name: &[u8], password: &[u8]) -> bool {
        self.engine().is_user_who_may(name, password, b"info")
    }

    fn needs_password(&self) -> bool {
        self.server.engine.needs_password()
    }

    fn open_prompt(&mut self, io: &mut Io) -> Option<Pair> {
        let (ours, theirs) = UnixStream::pair().ok()?;
        let peer = Peer {
            address: Address::Unix(PathBuf::new()),
            local: Address::Unix("page".into()),
            fd: theirs.as_raw_fd(),
        };
        let theirs = io.take_in(theirs).ok()?;
        self.server.meet(io, theirs, &peer);
        let Ok(ours) = io.marking(true, |io| io.take_in(ours)) else {
            io.close(theirs);
            return None;
        };
        let engine = self.engine();
        // Where clients say a password, this one does as well, and is a user then. Otherwise it may read.
        if engine.config().page_prompt == PagePrompt::ReadOnly && !engine.needs_password() {
            engine.be_reader(theirs);
        }
        let client = engine.number_of(theirs).unwrap_or(0);
        Some(Pair {
            ours,
            theirs,
            client,
        })
    }

    fn way(&mut self, client: ConnId, words: &[Vec<u8>]) -> Way {
        let Some(engine) = self.idle_engine() else {
            return Way::default();
        };
        let (command, place) = engine.way(client, words);
        Way { command, place }
    }
}

/// Callers that wait to be accepted.
const PAGE_BACKLOG: u32 = 64;
