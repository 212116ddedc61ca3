//! Newcomers: connections are let in as sessions, wait for a place, or are refused with a reason.
//!
//! A pool at the limit of clients closes one connection and opens another right after it. Both can fall into one turn,
//! in which connections are accepted before any is read from; and a connection may be accepted that came after the
//! poll, which therefore did not report the end of the other. So where there is no room, a newcomer is not refused at
//! once: it waits until a poll that came after it has been worked off, and with it every end that came before it.
//!
//! Who comes encrypted from elsewhere, while nobody has set a password, is told so when the two sides have agreed.
//! Until then it is a stranger; there are few of them at a time, and others are closed without a word.
//!
//! Connections that wait or are refused are no sessions: the engine hears of a client when it is let in, and no command
//! sees more clients than there may be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::output::Output;
use crate::engine::doors::Caller;
use crate::reactor::{Address, ConnId, Io, Peer};

use super::Server;

#[derive(Default)]
pub(super) struct Entrance {
    /// The connections that came when there was no room, in order.
    waiting: VecDeque<(ConnId, Peer)>,
    /// So many of them came before the last poll.
    polled: usize,
    /// The bytes that are still to be sent to those that are refused.
    refused: BTreeMap<ConnId, Output>,
    /// They will be refused when they can be told why.
    strangers: BTreeSet<ConnId>,
}

impl Entrance {
    /// The loop has polled.
    #[inline]
    pub(super) fn after_sleep(&mut self) {
        self.polled = self.waiting.len();
    }

    /// Whether somebody waits to hear.
    #[inline]
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.refused.get_mut(&id)
    }

    /// The connection is gone. A connection that waits is found out when its turn comes.
    pub(super) fn forget(&mut self, id: ConnId) {
        self.refused.remove(&id);
        self.strangers.remove(&id);
    }
}

impl Server {
    /// Lets a newcomer in, or lets it wait.
    pub(super) fn meet(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        if matches!(peer.local, Address::Unix(_)) {
            ::log::debug!("Accepted connection to {}", peer.local);
        } else {
            ::log::debug!("Accepted {}", peer.address);
        }
        if self.engine.is_full() || self.entrance.has_waiting() {
            io.pause_reading(id);
            self.entrance.waiting.push_back((id, peer.clone()));
        } else {
            self.let_in(io, id, peer);
        }
    }

    /// Decides about waiting connections, once every end is known that came before them.
    pub(super) fn decide_entrance(&mut self, io: &mut Io) {
        if self.entrance.polled == 0 || io.expects_ends() {
            return;
        }
        let polled = std::mem::take(&mut self.entrance.polled);
        for _ in 0..polled {
            let Some((id, peer)) = self.entrance.waiting.pop_front() else {
                break;
            };
            if !io.is_open(id) {
                continue;
            }
            if self.engine.is_full() {
                self.turn_away(io, id, FULL);
            } else {
                self.let_in(io, id, &peer);
                io.resume_reading(id);
            }
        }
    }

    fn let_in(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        let is_loopback = match &peer.address {
            Address::Ip(address) => address.ip().to_canonical().is_loopback(),
            Address::Unix(_) | Address::Pipe => true,
        };
        let config = self.engine.config();
        if config.protected_mode && !self.engine.default_user_has_password() && !is_loopback {
            let strangers = &mut self.entrance.strangers;
            if io.is_handshaking(id) && strangers.len() < STRANGERS_MAX {
                strangers.insert(id);
            } else {
                self.turn_away(io, id, PROTECTED);
            }
            return;
        }
        let is_unix = matches!(peer.local, Address::Unix(_));
        let (address, local_address) = if is_unix {
            let path = format!("{}:0", peer.local);
            (path.clone(), path)
        } else {
            (peer.address.to_string(), peer.local.to_string())
        };
        let caller = Caller {
            is_unix,
            fd: i64::from(peer.fd),
            address,
            local_address,
        };
        self.engine.handle_opened(id, caller);
    }

    /// Strangers of a group are told why they are not served: they have spoken, so they can hear.
    pub(super) fn turn_strangers_away(&mut self, io: &mut Io, group: &[ConnId]) {
        if self.entrance.strangers.is_empty() {
            return;
        }
        for &id in group {
            if !io.is_handshaking(id) && self.entrance.strangers.remove(&id) {
                self.turn_away(io, id, PROTECTED);
            }
        }
    }

    /// Says why a new connection is not served and drops it.
    fn turn_away(&mut self, io: &mut Io, id: ConnId, text: &str) {
        self.engine.handle_refused();
        let output = self.entrance.refused.entry(id).or_default();
        output.push(text.as_bytes());
        io.close_after_flush(id);
    }
}

/// So many connections are kept that will not be served.
const STRANGERS_MAX: usize = 64;

/// The reply to a newcomer when there are as many clients as may be.
const FULL: &str = "-ERR max number of clients reached\r\n";

/// The reply to a stranger while nobody has set a password.
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
