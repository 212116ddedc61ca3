//! The link to our primary, from the attempt to connect to the stream.
//!
//! ```text
//! Resting -> Connecting -> Shaking -> Connected                       it goes on where we are
//!                                  -> Receiving -> Loading -> Connected
//! ```
//!
//! Whatever goes wrong leads back to `Resting`, and a second later it is tried again. Our old data goes when the new
//! data set is all there, or, where it is read as it comes, when it begins to come.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::doors::Caller;
use crate::engine::replication::{LinkAsk, LinkState, Upstream};
use crate::engine::run::effects::Ask;
use crate::engine::services::Services;
use crate::engine::session::{Link, Replies};
use crate::repl::handshake::{Handshake, Terms};

/// The address to connect from: `bind-source-addr`, or what the system chooses.
pub(super) fn connect_ask(services: &Services, upstream: &Upstream) -> Ask {
    let from = &services.config.bind_source_addr;
    let from = std::str::from_utf8(from)
        .ok()
        .and_then(|from| from.parse().ok());
    Ask::Link(LinkAsk::Connect {
        primary: upstream.primary.clone(),
        from,
    })
}

impl Upstream {
    /// The data set is there, and the link is not: the next one goes on with the stream.
    pub(super) fn rest_with_history(&mut self) {
        self.state = LinkState::Resting;
        self.has_history = true;
        self.payload = None;
        self.channel = None;
    }

    /// Begins to connect: the ask is for the shell.
    pub(super) fn start(&mut self, services: &Services, now_us: u64) -> Ask {
        let host = String::from_utf8_lossy(&self.primary.host);
        log::info!("Connecting to MASTER {host}:{}", self.primary.port);
        log::info!("MASTER <-> REPLICA sync started");
        self.state = LinkState::Connecting;
        self.heard_us = now_us;
        connect_ask(services, self)
    }
}

impl Engine {
    pub(super) fn connect_upstream(&mut self) {
        let Some(mut upstream) = self.services.replication.upstream.take() else {
            return;
        };
        let ask = upstream.start(&self.services, self.now.monotonic_us);
        self.services.replication.upstream = Some(upstream);
        self.fx.ask(ask);
    }

    pub(super) fn upstream(&mut self) -> Option<&mut Upstream> {
        self.services.replication.upstream.as_mut()
    }

    /// Asks for a second connection to our primary.
    pub(super) fn ask_to_connect(&mut self) {
        if let Some(upstream) = &self.services.replication.upstream {
            let ask = connect_ask(&self.services, upstream);
            self.fx.ask(ask);
        }
    }

    /// The shell has begun to connect, and calls the connection this. False: nobody wants it any more.
    pub(crate) fn handle_connecting(&mut self, id: Id, to: &crate::config::Primary) -> bool {
        let Some(upstream) = self.upstream().filter(|upstream| upstream.primary == *to) else {
            return false;
        };
        let wanted = match &mut upstream.channel {
            Some(channel) if !channel.is_over => &mut channel.id,
            None if upstream.state == LinkState::Connecting => &mut upstream.id,
            _ => return false,
        };
        if wanted.is_some() {
            return false;
        }
        *wanted = Some(id);
        true
    }

    /// The shell could not even begin.
    pub(crate) fn handle_connect_failed(&mut self, reason: &str) {
        log::warn!("Unable to connect to MASTER: {reason}");
        let Some(upstream) = self.upstream() else {
            return;
        };
        if upstream.state == LinkState::Connecting {
            upstream.state = LinkState::Resting;
            upstream.id = None;
        } else if upstream.is_keeping_stream() {
            self.stop_link();
        }
    }

    /// What we say of ourselves to our primary.
    pub(super) fn terms(&self) -> Terms {
        let config = &self.services.config;
        let port = match config.replica_announce_port {
            0 if config.tls_replication && config.tls_port != 0 => config.tls_port,
            0 => config.port,
            port => port,
        };
        Terms {
            user: config.masteruser.clone(),
            password: config.masterauth.clone(),
            port,
            ip: config.replica_announce_ip.clone(),
            request: self.request(),
            is_failover: self.services.replication.failover.is_some(),
            offers_channel: config.repl_rdb_channel,
            offers_pair: config.dual_channel_replication_enabled,
        }
    }

    /// The connection has come about.
    pub(crate) fn handle_connected(&mut self, id: Id, caller: Caller) {
        let now_us = self.now.monotonic_us;
        if self.channel_connected(id, &caller) {
            return;
        }
        let terms = self.terms();
        let Some(upstream) = self.upstream().filter(|upstream| upstream.id == Some(id)) else {
            self.sessions.to_close.push(id);
            return;
        };
        log::info!("Non blocking connect for SYNC fired the event.");
        let (handshake, bytes) = Handshake::begin(terms);
        upstream.state = LinkState::Shaking;
        upstream.heard_us = now_us;
        upstream.handshake = Some(handshake);
        self.open_link(id, &caller);
        self.say(id, &bytes);
    }

    /// A session for a connection to our primary.
    pub(super) fn open_link(&mut self, id: Id, caller: &Caller) {
        let session = self.open(id);
        session.link = Link::Joining;
        session.replies = Replies::Off;
        session.be_superuser();
        session.about.is_unix = caller.is_unix;
        session.about.fd = caller.fd;
        session.about.address.clone_from(&caller.address);
        session
            .about
            .local_address
            .clone_from(&caller.local_address);
    }

    /// The stream and the byte in it that we can go on with.
    fn request(&self) -> Option<(String, u64)> {
        let replication = &self.services.replication;
        let upstream = replication.upstream.as_ref()?;
        let history = &replication.history;
        upstream
            .has_history
            .then(|| (history.id.clone(), history.offset() + 1))
    }

    pub(super) fn say_to_primary(&mut self, bytes: &[u8]) {
        if let Some(id) = self.upstream().and_then(|upstream| upstream.id) {
            self.say(id, bytes);
        }
    }

    pub(super) fn say(&mut self, id: Id, bytes: &[u8]) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.output.push(bytes);
            self.sessions.with_output.push(id);
        }
    }

    /// The connection by which the data set comes, for the shell to read from again.
    pub(crate) fn link(&self) -> Option<Id> {
        (self.services.replication.upstream.as_ref()).and_then(Upstream::carrier)
    }

    /// Whether this is a connection to our primary.
    pub(in crate::engine) fn is_link(&self, id: Id) -> bool {
        let upstream = self.services.replication.upstream.as_ref();
        upstream.is_some_and(|upstream| upstream.has_connection(id))
    }

    /// The stream goes on where we are.
    pub(super) fn go_on_with_stream(&mut self, id: Option<String>) {
        log::info!("Successful partial resynchronization with master.");
        let size = self.services.config.repl_backlog_size;
        let history = &mut self.services.replication.history;
        if let Some(id) = id.filter(|id| *id != history.id) {
            log::info!("Master replication ID changed to {id}");
            history.fork(id);
            // They shall hear of the new id, and go on under it.
            self.close_replicas();
        }
        self.services.replication.history.keep(size);
        self.begin_stream();
        log::info!("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    }

    fn begin_stream(&mut self) {
        let now_us = self.now.monotonic_us;
        let Some(upstream) = self.upstream() else {
            return;
        };
        upstream.state = LinkState::Connected;
        upstream.has_history = true;
        upstream.handshake = None;
        upstream.payload = None;
        upstream.heard_us = now_us;
        upstream.down_since_s = 0;
        upstream.unapplied.clear();
        let (id, db) = (upstream.id, upstream.db);
        if let Some(session) = id.and_then(|id| self.sessions.get_mut(id)) {
            session.link = Link::Primary;
            session.db = db;
        }
        self.run_kept_stream();
        // What came behind the data set waits in the input.
        self.sessions.again.extend(id);
    }

    /// The data set of our primary is there.
    pub(crate) fn handle_synced(&mut self) {
        self.adopt_aside();
        let size = self.services.config.repl_backlog_size;
        let told = std::mem::take(&mut self.services.replication.told);
        let fresh = crate::engine::hexadecimal(&mut self.keyspace.rng);
        let replication = &mut self.services.replication;
        let Some(upstream) = &mut replication.upstream else {
            return;
        };
        let databases = self.keyspace.dbs.len();
        upstream.db = told
            .db
            .filter(|db| usize::from(*db) < databases)
            .unwrap_or(0);
        // One that was asked with SYNC has told no id, so nobody can go on from here.
        let (id, offset) = upstream.next.take().unwrap_or((fresh, 0));
        replication.history.begin(&id, offset, Some(size));
        log::info!("MASTER <-> REPLICA sync: Finished with success");
        if upstream.id.is_none() {
            // The link broke while the last of it was read. It is made again, and goes on from here.
            upstream.rest_with_history();
            return;
        }
        if let Some(channel) = &mut upstream.channel
            && channel.awaited.is_some()
        {
            channel.is_loaded = true;
            return;
        }
        self.begin_stream_after_load();
    }

    pub(super) fn begin_stream_after_load(&mut self) {
        let has_mark = self.upstream().is_some_and(|upstream| upstream.has_mark);
        self.begin_stream();
        if has_mark {
            self.acknowledge();
        }
    }

    /// The data set of our primary cannot be used.
    pub(crate) fn handle_sync_failed(&mut self, reason: &str) {
        log::warn!("{reason}");
        self.stop_link();
    }
}
