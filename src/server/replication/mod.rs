//! The shell's part in replication: connections are made, files sent and received.
//!
//! What the engine asks of the link to our primary is done here, and what comes of it is told to the engine. Bytes of a
//! data set go through pipes to threads that write or read them. A full pipe makes the loop stop reading from our
//! primary, until the thread wakes it; a replica that takes no more makes the loop stop taking from the thread.

#[cfg(test)]
mod node;
mod receive;
mod send;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, TryRecvError};

use crate::base::slab::Id;
use crate::base::text::explain;
use crate::config::Primary;
use crate::engine::doors::Caller;
use crate::engine::replication::LinkAsk;
use crate::reactor::{Address, Closed, Io, Peer};
use crate::server::Server;

use receive::Receiving;
use send::Transfer;

/// The work that is under way.
#[derive(Default)]
pub(super) struct Links {
    resolving: Option<Resolving>,
    receiving: Option<Receiving>,
    transfers: Vec<Transfer>,
}

/// A name that a thread looks up.
struct Resolving {
    primary: Primary,
    from: Option<IpAddr>,
    answer: mpsc::Receiver<std::io::Result<SocketAddr>>,
}

impl Links {
    /// Whether nothing is under way that the loop has to look at.
    pub(super) fn are_idle(&self) -> bool {
        self.resolving.is_none() && self.receiving.is_none() && self.transfers.is_empty()
    }
}

/// How a connection has ended, for the log.
pub(super) fn reason(why: &Closed) -> String {
    match why {
        Closed::ByApp => "closed".to_owned(),
        Closed::ByPeer => "connection lost".to_owned(),
        Closed::Failed(error) => explain(error).into_owned(),
    }
}

impl Server {
    pub(super) fn answer_link(&mut self, io: &mut Io, ask: LinkAsk) {
        match ask {
            LinkAsk::Connect { primary, from } => self.connect(io, primary, from),
            LinkAsk::Receive { into, len } => self.begin_receiving(into, len),
            LinkAsk::Abandon => {
                self.links.receiving = None;
                self.abandon_sync_load();
            }
            LinkAsk::Resume { id } => io.resume_reading(id),
            LinkAsk::Stop => {
                let us = rustix::process::getpid();
                let _ = rustix::process::kill_process(us, rustix::process::Signal::STOP);
            }
            LinkAsk::Delay { id, delays } => io.set_delays(id, delays),
        }
    }

    /// An address can be connected to at once; a name has to be looked up, which may take long.
    fn connect(&mut self, io: &mut Io, primary: Primary, from: Option<IpAddr>) {
        let host = String::from_utf8_lossy(&primary.host).into_owned();
        let port = primary.port;
        if let Ok(ip) = host.parse::<IpAddr>() {
            return self.connect_to(io, &primary, SocketAddr::new(ip, port), from);
        }
        let (tell, answer) = mpsc::channel();
        let waker = self.waker.clone();
        let spawned = self.crew.spawn("resolve", move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let first = found.and_then(|mut all| {
                all.next()
                    .ok_or_else(|| std::io::ErrorKind::AddrNotAvailable.into())
            });
            let _ = tell.send(first);
            waker.wake();
        });
        match spawned {
            Ok(_) => {
                self.links.resolving = Some(Resolving {
                    primary,
                    from,
                    answer,
                });
            }
            Err(error) => self.engine.handle_connect_failed(&explain(&error)),
        }
    }

    fn connect_to(&mut self, io: &mut Io, primary: &Primary, to: SocketAddr, from: Option<IpAddr>) {
        let host = String::from_utf8_lossy(&primary.host);
        let security = self.security.for_primary(self.engine.config(), &host);
        match io.connect(&Address::Ip(to), from, security) {
            Ok(id) => {
                if !self.engine.handle_connecting(id, primary) {
                    io.close(id);
                }
            }
            Err(error) => self.engine.handle_connect_failed(&explain(&error)),
        }
    }

    /// Our primary has accepted the connection.
    pub(super) fn link_connected(&mut self, io: &mut Io, id: Id, peer: &Peer) {
        let caller = Caller {
            is_unix: false,
            fd: i64::from(peer.fd),
            address: peer.address.to_string(),
            local_address: peer.local.to_string(),
        };
        self.engine.handle_connected(id, caller);
        self.carry_out(io);
    }

    /// Goes on with what is under way.
    pub(super) fn attend_links(&mut self, io: &mut Io) {
        if let Some(resolving) = self.links.resolving.take() {
            match resolving.answer.try_recv() {
                Ok(Ok(address)) => {
                    self.connect_to(io, &resolving.primary, address, resolving.from);
                }
                Ok(Err(error)) => self.engine.handle_connect_failed(&explain(&error)),
                Err(TryRecvError::Empty) => self.links.resolving = Some(resolving),
                Err(TryRecvError::Disconnected) => {
                    self.engine
                        .handle_connect_failed("the name could not be looked up");
                }
            }
        }
        self.attend_receiving(io);
        self.attend_transfers();
    }
}
