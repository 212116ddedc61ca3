//! The end of a session, and RESET: everything elsewhere that names the session goes.

use crate::base::slab::Id;
use crate::pubsub::Kind;

use crate::engine::Engine;
use crate::engine::services::Services;

use super::{Link, Session};

impl Services {
    /// Forgets the session's watched keys.
    pub(crate) fn unwatch_all(&mut self, session: &mut Session) {
        for watched in session.watched.drain(..) {
            self.watchers.unwatch(watched.db, &watched.key, session.id);
        }
        session.is_watch_broken = false;
    }

    /// Ends tracking. Keys that the session has read stay listed until they change; then nobody is told.
    pub(crate) fn stop_tracking(&mut self, session: &mut Session) {
        let Some(tracking) = session.tracking.take() else {
            return;
        };
        for prefix in &tracking.prefixes {
            self.tracking.remove_prefix(prefix, session.id);
        }
        self.tracking.session_ended();
    }

    /// Ends what makes a session more than a client that asks and is answered: for its end, and for RESET.
    pub(crate) fn forget(&mut self, session: &mut Session) {
        let id = session.id;
        self.unwatch_all(session);
        self.stop_tracking(session);
        if let Some(all) = session.subscriptions.take() {
            for name in &all.channels {
                self.pubsub.unsubscribe(Kind::Channel, name, id);
            }
            for name in &all.patterns {
                self.pubsub.unsubscribe(Kind::Pattern, name, id);
            }
            for name in &all.shards {
                self.pubsub.unsubscribe(Kind::Shard, name, id);
            }
        }
        if session.link == Link::Monitor {
            session.link = Link::Client;
            self.monitors.retain(|monitor| *monitor != id);
        }
    }
}

impl Engine {
    /// The connection is gone: so is everything that names the session.
    pub fn handle_closed(&mut self, id: Id) {
        self.handle_lost(id, "closed");
    }

    /// The same, with the reason in a few words.
    pub fn handle_lost(&mut self, id: Id, why: &str) {
        if let Some(mut session) = self.sessions.remove(id) {
            self.services.forget(&mut session);
            self.services.keep_migration(&mut session);
            self.services.forget_wait(&mut session);
            if !self.services.replication.replicas.is_empty() {
                self.forget_replica(&session);
            }
            // Of a client that asked much and read nothing. To free all that takes longer than others should wait.
            if session.output.pieces_count() > FREED_HERE_MAX {
                self.keyspace.garbage.push(session.output);
            }
        }
        if self.is_link(id) {
            self.link_closed(id, why);
        }
    }
}

/// An output of so many pieces is freed on the spot.
const FREED_HERE_MAX: usize = 64;
