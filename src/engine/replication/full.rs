//! Full synchronisation: a snapshot for the replicas that wait, and the way to each of them.
//!
//! It goes straight to them, as they can take it, or into the file that a save would write, which is sent when it is
//! complete. The slowest replica sets the pace of what goes straight; one that takes nothing is given up in time.

use std::sync::Arc;

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::dataset::order::{Ended, Purpose};
use crate::engine::hexadecimal;
use crate::engine::replication::pair::pair_line;
use crate::engine::replication::sync::name_of;
use crate::engine::run::effects::Ask;
use crate::engine::session::{Session, Sessions};
use crate::engine::tell::deliver::push_to;
use crate::repl::replica::Wishes;
use crate::repl::{Replica, Stage};

/// Where the snapshot for replicas goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Disk,
    /// Straight to the replicas; the mark is its end.
    Replicas {
        mark: String,
    },
}

/// So much of a data set may wait in the output of a replica.
const PAYLOAD_BYTES: usize = 256 * 1024;

impl Engine {
    /// Takes a snapshot for the replicas that wait for one, if it is time.
    pub(super) fn begin_sync(&mut self) {
        let Some((wishes, waiting)) = self.due_for_sync() else {
            return;
        };
        let running = &self.services.snapshots.running;
        if let Some(running) = running {
            // A file that is being written for another replica serves this one as well.
            if running.purpose == Purpose::Rdb && self.services.replication.sync.is_some() {
                self.join_sync(wishes, &waiting);
            }
            return;
        }
        let config = &self.services.config;
        let is_special = wishes.without_keys || wishes.without_functions || wishes.is_channel;
        let to_replicas = wishes.eof && (config.repl_diskless_sync || is_special);
        let (purpose, target, destination) = if to_replicas {
            let mark = hexadecimal(&mut self.keyspace.rng);
            let target = if wishes.is_channel {
                "replicas sockets (rdb-channel)"
            } else {
                "replicas sockets"
            };
            (Purpose::Replicas, target, Destination::Replicas { mark })
        } else {
            (Purpose::Rdb, "disk", Destination::Disk)
        };
        log::info!("Starting BGSAVE for SYNC with target: {target}");
        self.services.snapshots.wishes = Some(wishes);
        self.begin_snapshot(purpose);
        self.services.replication.sync = Some(destination);
        let cursor = self.services.replication.history.offset();
        self.services.replication.db = None;
        for id in waiting {
            self.announce_sync(id, cursor);
        }
    }

    /// The replicas that are to have a snapshot now, all of which want the same. `None`: it is not time.
    fn due_for_sync(&self) -> Option<(Wishes, Vec<Id>)> {
        let config = &self.services.config;
        let replication = &self.services.replication;
        let waits = |replica: &&Replica| replica.stage == Stage::Waiting;
        let first = replication.replicas.iter().find(waits)?;
        if self.services.server.is_loading {
            return None;
        }
        let wants = |wishes: Wishes| {
            let Wishes {
                without_keys,
                without_functions,
                is_channel,
                ..
            } = wishes;
            (without_keys, without_functions, is_channel)
        };
        let same: Vec<&Replica> = (replication.replicas.iter().filter(waits))
            .filter(|replica| wants(replica.wishes) == wants(first.wishes))
            .collect();
        let mut wishes = first.wishes;
        wishes.eof = same.iter().all(|replica| replica.wishes.eof);
        wishes.reads_all = same.iter().all(|replica| replica.wishes.reads_all);
        let now_s = self.now.unix_ms / 1000;
        let patience_s = i64::from(config.repl_diskless_sync_delay_s);
        let most = config.repl_diskless_sync_max_replicas as usize;
        let waited_s = same
            .iter()
            .map(|replica| replica.lag_s(now_s))
            .max()
            .unwrap_or(0);
        let is_early = config.repl_diskless_sync
            && wishes.eof
            && waited_s < patience_s
            && (most == 0 || same.len() < most);
        (!is_early).then(|| (wishes, same.iter().map(|replica| replica.id).collect()))
    }

    /// Lets replicas share the snapshot that another one is waiting for.
    fn join_sync(&mut self, wishes: Wishes, waiting: &[Id]) {
        let replicas = &self.services.replication.replicas;
        let served = replicas
            .iter()
            .find(|replica| replica.stage == Stage::Snapshot);
        let Some(cursor) = served
            .filter(|one| one.wishes.reads_all == wishes.reads_all)
            .map(|one| one.cursor)
        else {
            return;
        };
        for &id in waiting {
            log::info!("Waiting for end of BGSAVE for SYNC");
            self.announce_sync(id, cursor);
        }
    }

    /// Tells a replica of which history and which instant its data set will be.
    fn announce_sync(&mut self, id: Id, cursor: u64) {
        let replication = &mut self.services.replication;
        let id_of_history = replication.history.id.clone();
        let mut line = format!("+FULLRESYNC {id_of_history} {cursor}\r\n");
        let mark = match &replication.sync {
            Some(Destination::Replicas { mark }) => format!("$EOF:{mark}\r\n"),
            _ => String::new(),
        };
        if let Some(replica) = replication.of(id) {
            replica.stage = Stage::Snapshot;
            replica.cursor = cursor;
            if replica.is_pair {
                line = pair_line(&self.sessions, id, &id_of_history, cursor);
            } else if replica.is_old {
                line.clear();
            }
            if let Some(main) = replica.carries_for {
                self.follow_meanwhile(main, cursor);
            }
        }
        push_to(&mut self.sessions, id, |reply| {
            reply.raw(line.as_bytes());
            reply.raw(mark.as_bytes());
        });
    }

    /// Whether the replicas that are sent a snapshot can take more of it.
    pub(crate) fn payload_has_room(&self) -> bool {
        let mut taking = (self.services.replication.replicas.iter())
            .filter(|replica| replica.stage == Stage::Snapshot);
        taking.all(|replica| self.output_has_room(replica.id))
    }

    /// Whether a replica can take more of its data set.
    pub(crate) fn output_has_room(&self, id: Id) -> bool {
        let session = self.sessions.get(id);
        session.is_none_or(|session| session.output.len() < PAYLOAD_BYTES)
    }

    /// A piece of the snapshot that goes straight to the replicas.
    pub(crate) fn handle_payload(&mut self, bytes: Vec<u8>) {
        let bytes = Arc::new(bytes);
        let replicas = &self.services.replication.replicas;
        for replica in replicas
            .iter()
            .filter(|replica| replica.stage == Stage::Snapshot)
        {
            push_shared(&mut self.sessions, replica.id, &bytes);
        }
    }

    /// A piece of the file for one replica; its length comes first. Returns whether it is still there.
    pub(crate) fn handle_file(&mut self, id: Id, bytes: Vec<u8>) -> bool {
        push_shared(&mut self.sessions, id, &Arc::new(bytes))
    }

    /// The file was sent to the replica, or could not be.
    pub(crate) fn handle_file_end(&mut self, id: Id, is_whole: bool) {
        if is_whole {
            self.put_online(id, false);
        } else {
            self.sessions.close(id);
        }
    }

    /// The snapshot for replicas has ended. Those that it was written to a file for are named: they are to be sent it.
    pub(in crate::engine) fn sync_ended(&mut self, ended: Ended) -> Vec<Id> {
        let Some(destination) = self.services.replication.sync.take() else {
            return Vec::new();
        };
        let replicas = &self.services.replication.replicas;
        let served = replicas
            .iter()
            .filter(|replica| replica.stage == Stage::Snapshot);
        let served: Vec<Id> = served.map(|replica| replica.id).collect();
        match (ended, destination) {
            (Ended::Well, Destination::Replicas { mark }) => {
                log::info!(
                    "Diskless rdb transfer, done reading from pipe, {} replicas still up, 0 replicas down.",
                    served.len()
                );
                log::info!("Background RDB transfer terminated with success");
                for id in served {
                    push_to(&mut self.sessions, id, |reply| reply.raw(mark.as_bytes()));
                    self.put_online(id, true);
                }
                Vec::new()
            }
            (Ended::Well, Destination::Disk) => {
                for &id in &served {
                    if let Some(replica) = self.services.replication.of(id) {
                        replica.stage = Stage::File;
                    }
                }
                served
            }
            (Ended::Badly | Ended::Abandoned, _) => {
                log::warn!("Background transfer error");
                for id in served {
                    log::warn!("SYNC failed. BGSAVE child returned an error");
                    self.give_up_replica(id);
                }
                Vec::new()
            }
        }
    }

    /// The replica has its data set, or it is in its output; what follows is the stream.
    pub(super) fn put_online(&mut self, id: Id, starts_on_ack: bool) {
        let now_s = self.now.unix_ms / 1000;
        let replication = &mut self.services.replication;
        let Some(replica) = replication.of(id) else {
            return;
        };
        replica.stage = if replica.wishes.rdb_only {
            Stage::Served
        } else {
            Stage::Online
        };
        replica.starts_on_ack = starts_on_ack && !replica.is_old;
        replica.heard_s = now_s;
        let replica = replica.clone();
        self.services.replication.count_good(now_s);
        if let Some(session) = self.sessions.get(id) {
            let name = name_of(session, Some(&replica));
            if replica.stage == Stage::Served {
                log::info!(
                    "RDB transfer completed, rdb only replica ({name}) should be disconnected asap"
                );
            } else if starts_on_ack {
                log::info!(
                    "Streamed replica transfer with replica {name} succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming"
                );
            }
            log::info!("Synchronization with replica {name} succeeded");
        }
    }

    /// The connection of a replica, or of one that might have become one, is gone.
    #[cold]
    pub(in crate::engine) fn forget_replica(&mut self, session: &Session) {
        let now_s = self.now.unix_ms / 1000;
        let replication = &mut self.services.replication;
        let Some(at) = replication
            .replicas
            .iter()
            .position(|replica| replica.id == session.id)
        else {
            return;
        };
        let replica = replication.replicas.remove(at);
        if replica.stage == Stage::Candidate {
            return;
        }
        let what = if replica.carries_for.is_some() {
            "replica (rdbchannel)"
        } else {
            "replica"
        };
        log::info!(
            "Connection with {what} {} lost.",
            name_of(session, Some(&replica))
        );
        self.part_channel(&replica);
        let replication = &mut self.services.replication;
        if replication.attached().next().is_none() {
            replication.alone_since_s = now_s;
        }
        let is_for_nobody = matches!(replication.sync, Some(Destination::Replicas { .. }))
            && !(replication.replicas.iter()).any(|replica| replica.stage == Stage::Snapshot);
        if is_for_nobody {
            log::info!("Diskless rdb transfer, last replica dropped, killing fork child.");
            self.fx.ask(Ask::ForsakeSync);
        }
        self.services.replication.count_good(now_s);
    }
}

/// Queues bytes for a replica without copying them.
fn push_shared(sessions: &mut Sessions, id: Id, bytes: &Arc<Vec<u8>>) -> bool {
    let Some(session) = sessions.get_mut(id).filter(|session| !session.is_closing()) else {
        return false;
    };
    let was_empty = session.output.is_empty();
    session.output.push_shared(bytes.clone(), 0..bytes.len());
    if was_empty {
        sessions.with_output.push(id);
    }
    true
}
