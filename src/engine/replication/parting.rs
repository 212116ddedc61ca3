//! The end of the link to our primary, whoever wants it: another is made afterwards.
//!
//! What has come of a data set is worth nothing without the rest. But if all of it is there and is only being read,
//! that goes on, and the next link begins where it ends.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::replication::link::Channel;
use crate::engine::replication::{Into, LinkAsk, LinkState};
use crate::engine::run::effects::Ask;

impl Engine {
    pub(super) fn fail_link(&mut self, reason: &str) {
        log::warn!("{reason}");
        self.stop_link();
    }

    /// Ends the link; the next round of duties makes another.
    pub(super) fn stop_link(&mut self) {
        if let Some(id) = self.upstream().and_then(|upstream| upstream.id) {
            self.drop_connection(id);
        }
        self.rest_link();
    }

    pub(super) fn drop_connection(&mut self, id: Id) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.close_now();
        }
        self.sessions.to_close.push(id);
    }

    fn rest_link(&mut self) {
        let now_s = self.now.unix_ms / 1000;
        self.close_channel();
        let Some(upstream) = self.upstream() else {
            return;
        };
        if upstream.is_syncing() {
            self.fx.ask(Ask::Link(LinkAsk::Abandon));
        }
        let Some(upstream) = self.upstream() else {
            return;
        };
        if upstream.state == LinkState::Connected {
            log::info!("Connection with master lost.");
            log::info!("Caching the disconnected master state.");
            upstream.down_since_s = now_s;
        }
        upstream.state = LinkState::Resting;
        upstream.id = None;
        upstream.handshake = None;
        upstream.payload = None;
        upstream.channel = None;
        if upstream.kept.take().is_some() {
            log::info!("Master client was freed while streaming the buffer.");
        }
        upstream.received = Vec::new();
        upstream.is_choked = false;
        upstream.unapplied = Vec::new();
    }

    /// A connection is gone that was, or was to be, the link. `why` is for the log.
    #[cold]
    pub(in crate::engine) fn link_closed(&mut self, id: Id, why: &str) {
        let Some(upstream) = self.upstream() else {
            return;
        };
        if upstream.id != Some(id) {
            // The data set cannot come any more.
            log::warn!("I/O error trying to sync with MASTER: {why}");
            return self.stop_link();
        }
        let is_reading = upstream.is_keeping_stream() && upstream.payload.is_some();
        if is_reading {
            log::info!("Aborting rdb channel sync while loading the RDB.");
            if upstream.into != Into::Disk {
                log::warn!(
                    "Failed trying to load the MASTER synchronization DB from socket, check server logs."
                );
                return self.rest_link();
            }
        }
        match upstream.state {
            LinkState::Connected => {
                self.rest_link();
                log::info!("Reconnecting to MASTER");
                self.connect_upstream();
            }
            LinkState::Loading => {
                // All of it has come. The link is made again when it has been read.
                upstream.id = None;
                let is_loaded = |channel: &Channel| channel.is_loaded;
                if upstream.channel.as_ref().is_some_and(is_loaded) {
                    upstream.rest_with_history();
                }
                if is_reading {
                    log::info!("After loading RDB, replica will try psync with master");
                }
            }
            LinkState::Connecting => {
                log::warn!("Error condition on socket for SYNC: {why}");
                self.rest_link();
            }
            LinkState::Shaking => {
                log::warn!("Failed to read response from the server: {why}");
                log::warn!("Master did not respond to command during SYNC handshake");
                self.rest_link();
            }
            LinkState::Receiving => {
                log::warn!("I/O error trying to sync with MASTER: {why}");
                self.rest_link();
            }
            LinkState::Resting => {}
        }
    }
}
