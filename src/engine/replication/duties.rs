//! What is done once a second, with nobody asking: pings, acknowledgements, time-outs, and links that are made again.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::hexadecimal;
use crate::engine::replication::{LinkState, full, sync};
use crate::engine::session::line;
use crate::engine::tell::deliver::push_to;
use crate::repl::{Replica, Stage};

const ROUND_US: u64 = 1_000_000;

impl Engine {
    /// A second has passed since this was last done.
    pub(in crate::engine) fn do_replication_duties(&mut self) {
        let replication = &mut self.services.replication;
        if self.now.monotonic_us < replication.next_duties_us {
            return;
        }
        replication.next_duties_us = self.now.monotonic_us + ROUND_US;
        replication.rounds += 1;
        if replication.is_replica() {
            self.attend_upstream();
        }
        if !self.services.replication.replicas.is_empty() {
            self.ping_replicas();
            self.give_up_silent_replicas();
        }
        let now_s = self.now.unix_ms / 1000;
        self.services.replication.count_good(now_s);
        self.give_up_backlog();
    }

    fn attend_upstream(&mut self) {
        let timeout_us = u64::from(self.services.config.repl_timeout_s) * 1_000_000;
        let Some(upstream) = &self.services.replication.upstream else {
            return;
        };
        let is_late = self.now.monotonic_us.saturating_sub(upstream.heard_us) > timeout_us;
        match upstream.state {
            LinkState::Resting if !self.services.server.is_loading => self.connect_upstream(),
            LinkState::Connecting | LinkState::Shaking if is_late => {
                log::warn!("Timeout connecting to the MASTER...");
                self.stop_link();
            }
            LinkState::Receiving if is_late => {
                log::warn!(
                    "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value."
                );
                self.stop_link();
            }
            LinkState::Connected if is_late => {
                log::warn!("MASTER timeout: no data nor PING received...");
                self.stop_link();
            }
            LinkState::Connected => self.acknowledge(),
            // Our primary shall see that we are alive.
            LinkState::Receiving | LinkState::Loading => self.say_to_primary(b"\n"),
            LinkState::Resting | LinkState::Connecting | LinkState::Shaking => {}
        }
    }

    fn ping_replicas(&mut self) {
        let period = u64::from(self.services.config.repl_ping_replica_period_s);
        let replication = &mut self.services.replication;
        // While we hand over to a replica, or end, its offset shall become ours.
        let is_time = replication.rounds.is_multiple_of(period)
            && replication.failover.is_none()
            && !self.services.departure.is_under_way();
        if is_time && replication.is_fed() && replication.attached().next().is_some() {
            replication.feed_words(&[b"PING"]);
        }
        // Those that wait for their data set are to see that we are alive.
        let is_to_disk = replication.sync == Some(full::Destination::Disk);
        let waits = |replica: &&Replica| {
            replica.stage == Stage::Waiting || (replica.stage == Stage::Snapshot && is_to_disk)
        };
        let waiting: Vec<Id> = (replication.replicas.iter().filter(waits))
            .map(|replica| replica.id)
            .collect();
        for id in waiting {
            push_to(&mut self.sessions, id, |reply| reply.raw(b"\n"));
        }
    }

    fn give_up_silent_replicas(&mut self) {
        let timeout_s = i64::from(self.services.config.repl_timeout_s);
        let now_s = self.now.unix_ms / 1000;
        let now_us = self.now.monotonic_us;
        let is_streamed = matches!(
            self.services.replication.sync,
            Some(full::Destination::Replicas { .. })
        );
        let mut silent = Vec::new();
        for replica in &self.services.replication.replicas {
            let Some(session) = self.sessions.get(replica.id) else {
                continue;
            };
            let is_stuck = !session.output.is_empty()
                && now_us.saturating_sub(session.last_active_us) / 1_000_000 > timeout_s as u64;
            let what = match replica.stage {
                Stage::Online if !replica.is_old && replica.lag_s(now_s) > timeout_s => {
                    "streaming sync"
                }
                Stage::Snapshot if is_streamed && is_stuck => "full sync",
                Stage::File if is_stuck => "full sync",
                Stage::Apart if replica.lag_s(now_s) > timeout_s => "full sync",
                _ => continue,
            };
            let name = sync::name_of(session, Some(replica));
            log::warn!("Disconnecting timedout replica ({what}): {name}");
            log::debug!("{}", line::text(session, &self.now));
            silent.push(replica.id);
        }
        for id in silent {
            self.give_up_replica(id);
        }
    }

    /// A stream that nobody has read for long is not kept. Whoever comes back then begins anew, and with a new id
    /// nobody can mistake what follows for what he knows.
    fn give_up_backlog(&mut self) {
        let ttl_s = self.services.config.repl_backlog_ttl_s as i64;
        let now_s = self.now.unix_ms / 1000;
        let replication = &mut self.services.replication;
        if ttl_s == 0 || !replication.is_fed() || replication.attached().next().is_some() {
            return;
        }
        if now_s - replication.alone_since_s > ttl_s {
            replication
                .history
                .rename(hexadecimal(&mut self.keyspace.rng));
            replication.history.rest();
            replication.db = None;
            log::info!(
                "Replication backlog freed after {ttl_s} seconds without connected replicas."
            );
            self.update_listening();
        }
    }
}
