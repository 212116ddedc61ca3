//! From primary to replica and back.
//!
//! A primary that becomes a replica keeps its history: if the other has the same, as after a failover, it goes on from
//! where it is. A replica that becomes a primary goes on under a new id, and the old one stays good up to here, so its
//! replicas and those of its old primary can go on with it.

use crate::base::slab::Id;
use crate::config::Primary;
use crate::engine::Engine;
use crate::engine::clock::Now;
use crate::engine::hexadecimal;
use crate::engine::replication::{LinkAsk, Replication, Upstream};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::{Ask, Audience, Effects, Propagated};
use crate::engine::services::Services;
use crate::engine::session::Sessions;
use crate::engine::waiting::{Ending, Waits};
use crate::observe::logging::{Role, set_role};
use crate::spec::error::Error;
use crate::wire::args::OwnedArgs;

/// The parts of the engine that a change of role concerns: within a command, and between two.
struct Parts<'a> {
    services: &'a mut Services,
    sessions: &'a mut Sessions,
    fx: &'a mut Effects,
    now: Now,
}

impl Ctx<'_> {
    fn parts(&mut self) -> Parts<'_> {
        Parts {
            services: self.services,
            sessions: self.sessions,
            fx: self.fx,
            now: self.now,
        }
    }

    /// This server is a replica of another from now on.
    pub(crate) fn follow(&mut self, primary: Primary) {
        self.parts().follow(primary);
        self.role_changed();
    }

    /// This server is a primary from now on.
    pub(crate) fn lead(&mut self) {
        let id = hexadecimal(&mut self.keys.space.rng);
        self.parts().lead(id);
        self.role_changed();
    }

    /// Within a transaction the rest of it is treated as the new role has it.
    fn role_changed(&mut self) {
        let expiry = self.origin.expiry(self.services, self.now.unix_ms);
        self.keys.treat_overdue(expiry);
    }
}

impl Engine {
    fn parts(&mut self) -> Parts<'_> {
        Parts {
            services: &mut self.services,
            sessions: &mut self.sessions,
            fx: &mut self.fx,
            now: self.now,
        }
    }

    pub(super) fn follow(&mut self, primary: Primary) {
        self.parts().follow(primary);
    }

    pub(super) fn lead(&mut self) {
        let id = hexadecimal(&mut self.keyspace.rng);
        self.parts().lead(id);
    }
}

impl Parts<'_> {
    fn follow(&mut self, primary: Primary) {
        let now_us = self.now.monotonic_us;
        let size = self.services.config.repl_backlog_size;
        self.services.config.replicaof.0 = Some(primary.clone());
        let mut upstream = Upstream::new(primary, now_us);
        if let Some(old) = self.services.replication.upstream.take() {
            self.hang_up(&old);
            upstream.has_history = old.has_history;
            upstream.db = old.db;
            upstream.down_since_s = match old.down_since_s {
                0 if old.has_history => self.now.unix_ms / 1000,
                since_s => since_s,
            };
        } else {
            log::info!(
                "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer."
            );
            let replication = &mut self.services.replication;
            replication.history.keep(size);
            upstream.has_history = true;
            upstream.db = replication.db.unwrap_or(0);
        }
        self.end_waits();
        let ask = upstream.start(self.services, now_us);
        self.fx.ask(ask);
        self.services.replication.upstream = Some(upstream);
        self.role_changed();
    }

    fn lead(&mut self, id: String) {
        let Some(old) = self.services.replication.upstream.take() else {
            return;
        };
        self.services.config.replicaof.0 = None;
        self.hang_up(&old);
        let now_s = self.now.unix_ms / 1000;
        let replication = &mut self.services.replication;
        replication.history.fork(id);
        replication.db = None;
        replication.alone_since_s = now_s;
        let history = &replication.history;
        log::info!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
            history.second_id,
            history.second_offset,
            history.id
        );
        // They come back, and hear of the new id.
        let attached = replication.attached().map(|replica| replica.id);
        for id in attached.collect::<Vec<Id>>() {
            self.sessions.close(id);
        }
        self.role_changed();
    }

    /// Ends the link of a server that is going to have another, or none.
    fn hang_up(&mut self, upstream: &Upstream) {
        if upstream.is_syncing() {
            self.fx.ask(Ask::Link(LinkAsk::Abandon));
        }
        if upstream.kept.is_some() {
            log::info!("Master client was freed while streaming the buffer.");
        }
        let connections = [upstream.id, upstream.channel_id()];
        for id in connections.into_iter().flatten() {
            if let Some(session) = self.sessions.get_mut(id) {
                session.close_now();
            }
            self.sessions.to_close.push(id);
        }
    }

    /// Who waits for keys here would wait in vain.
    fn end_waits(&mut self) {
        let waiting = self.sessions.iter();
        let waiting = waiting.filter(|session| session.parked.is_some());
        let ending = Ending::Refused(Error::UnblockedByRole);
        for id in waiting.map(|session| session.id).collect::<Vec<Id>>() {
            let unix_ms = self.now.unix_ms;
            if Waits::new(self.sessions, self.services, unix_ms).end(id, &ending)
                && let Some(session) = self.sessions.get_mut(id)
            {
                session.close_after_reply();
                self.sessions.to_close.push(id);
            }
        }
    }

    fn role_changed(&mut self) {
        self.services.replication.show_role();
        self.services.adopt_config();
        self.fx.listening = self.services.is_fed();
        self.fx.ask(Ask::RoleChanged);
    }
}

impl Replication {
    fn show_role(&self) {
        set_role(if self.is_replica() {
            Role::Replica
        } else {
            Role::Primary
        });
    }

    /// The role that the configuration gives at the start.
    pub(in crate::engine) fn take_role(&mut self, primary: Option<Primary>, now_us: u64) {
        self.upstream = primary.map(|primary| Upstream::new(primary, now_us));
    }
}

impl Engine {
    /// The data set was read from a file at the start. What the file says of its history lets replicas go on with us,
    /// or us with our primary.
    pub(crate) fn adopt_history(&mut self) {
        let told = std::mem::take(&mut self.services.replication.told);
        let (Some(id), Some(offset)) = (told.id, told.offset) else {
            return;
        };
        let size = self.services.config.repl_backlog_size;
        let now_s = self.now.unix_ms / 1000;
        let databases = self.keyspace.dbs.len();
        let replication = &mut self.services.replication;
        replication.alone_since_s = now_s;
        if let Some(upstream) = &mut replication.upstream {
            replication.history.begin(&id, offset, Some(size));
            upstream.has_history = true;
            upstream.db = told
                .db
                .filter(|db| usize::from(*db) < databases)
                .unwrap_or(0);
        } else {
            replication.history.descend(&id, offset, size);
            for (db, key) in told.gone {
                let args = OwnedArgs::from_slices(&[b"DEL", &key]);
                let audience = Audience::Replicas;
                replication.feed(&[Propagated { audience, db, args }], false);
            }
        }
        self.update_listening();
    }

    /// Whether anybody wants the stream of commands.
    pub(in crate::engine) fn update_listening(&mut self) {
        self.fx.listening = !self.services.server.is_loading && self.services.is_fed();
    }
}
