//! Brings replicas up to date: on from where they are, or by a snapshot and the stream from its instant on.
//!
//! ```text
//! PSYNC -> +CONTINUE -> stream                                     the bytes it lacks are kept
//!       -> Waiting -> Snapshot -> (File) -> Online                 they are not
//!       -> Apart -> Both -> Online                                 they are not, and the data set goes by a
//!                                                                  second connection of that replica (`channel`)
//! ```
//!
//! A snapshot is for all replicas that wait when it begins and want the same. It goes straight to them, as they can
//! take it, or into the file that a save would write, which is sent when it is complete. Nothing is copied aside for
//! them meanwhile: a cursor at the snapshot's instant keeps the stream.

use crate::engine::hexadecimal;
use crate::engine::replication::LinkAsk;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Ask;
use crate::engine::services::Services;
use crate::engine::session::{Link, Session};
use crate::repl::{Replica, Stage, Why};

/// How a replica is called in the log: by where it can be reached.
pub(crate) fn name_of(session: &Session, replica: Option<&Replica>) -> String {
    let ip = ip_of(session, replica);
    match replica.map_or(0, |replica| replica.port) {
        0 => format!("{ip}:<unknown-replica-port>"),
        port => format!("{ip}:{port}"),
    }
}

/// The address of a replica, as it says or as we see it.
pub(crate) fn ip_of(session: &Session, replica: Option<&Replica>) -> String {
    if let Some(replica) = replica.filter(|replica| !replica.ip.is_empty()) {
        return String::from_utf8_lossy(&replica.ip).into_owned();
    }
    let address = &session.about.address;
    let ip = address
        .rsplit_once(':')
        .map_or(address.as_str(), |(ip, _)| ip);
    ip.trim_start_matches('[').trim_end_matches(']').to_owned()
}

impl Ctx<'_> {
    /// The replica that this session is, or may become.
    pub(crate) fn replica(&mut self) -> &mut Replica {
        let (id, now_s) = (self.session.id, self.now.unix_ms / 1000);
        let replicas = &mut self.services.replication.replicas;
        let known = replicas.iter().position(|replica| replica.id == id);
        let at = known.unwrap_or_else(|| {
            replicas.push(Replica::new(id, now_s));
            replicas.len() - 1
        });
        &mut replicas[at]
    }

    pub(crate) fn name_of_replica(&self) -> String {
        let replicas = &self.services.replication.replicas;
        let replica = replicas
            .iter()
            .find(|replica| replica.id == self.session.id);
        name_of(self.session, replica)
    }

    /// SYNC, or PSYNC with the stream and the byte that is wanted.
    pub(crate) fn synchronise(&mut self, request: Option<(&[u8], i64)>) -> Outcome {
        if matches!(self.session.link, Link::Replica | Link::Monitor) {
            return Ok(());
        }
        let replication = &self.services.replication;
        if replication.is_replica() && !replication.is_linked() {
            return Err("NOMASTERLINK Can't SYNC while not connected with my master".into());
        }
        if !self.session.output.is_empty() || !self.reply.output().is_empty() {
            return Err("ERR SYNC and PSYNC are invalid with pending output".into());
        }
        let wishes = self.replica().wishes;
        if (wishes.without_keys || wishes.without_functions) && !wishes.eof {
            return Err("ERR Filtered replica requires EOF capability".into());
        }
        let name = self.name_of_replica();
        log::info!("Replica {name} asks for synchronization");
        if let Some((id, wanted)) = request {
            match self.services.replication.history.decide(id, wanted) {
                Ok(cursor) => {
                    self.go_on(cursor, &name);
                    return Ok(());
                }
                Err(why) => {
                    explain(self.services, why, id, wanted, &name);
                    if why != Why::Wanted {
                        self.services.stats.refused_partial_syncs += 1;
                    }
                }
            }
        }
        self.keep_stream();
        if request.is_some() && self.goes_apart() {
            self.send_apart(&name);
        } else if request.is_some() && self.goes_in_pair() {
            self.send_in_pair(&name);
        } else {
            self.begin_anew(request.is_none());
        }
        Ok(())
    }

    pub(super) fn attach(&mut self) {
        self.session.link = Link::Replica;
        let replica = self.replica();
        let is_channel = replica.carries_for.is_some() || replica.is_pair;
        self.session.about.is_channel = is_channel;
        self.services.unwatch_all(self.session);
        let now_s = self.now.unix_ms / 1000;
        self.replica().heard_s = now_s;
        let (id, delays) = (
            self.session.id,
            self.services.config.repl_disable_tcp_nodelay,
        );
        if delays {
            self.fx.ask(Ask::Link(LinkAsk::Delay { id, delays }));
        }
    }

    /// The replica gets the stream from where it is.
    fn go_on(&mut self, cursor: u64, name: &str) {
        self.attach();
        let stage = if self.is_being_carried() {
            Stage::Both
        } else {
            Stage::Online
        };
        let replica = self.replica();
        replica.stage = stage;
        replica.cursor = cursor;
        replica.starts_on_ack = false;
        let knows_ids = replica.wishes.psync2;
        self.services.stats.partial_syncs += 1;
        let history = &self.services.replication.history;
        let line = if knows_ids {
            format!("+CONTINUE {}\r\n", history.id)
        } else {
            "+CONTINUE\r\n".to_owned()
        };
        log::info!(
            "Partial resynchronization request from {name} accepted. Sending {} bytes of backlog starting from offset {}.",
            history.offset() - cursor,
            cursor + 1
        );
        self.reply.raw(line.as_bytes());
    }

    /// The replica needs a snapshot: `begin_sync` takes one when it is time.
    fn begin_anew(&mut self, is_old: bool) {
        let replica = self.replica();
        if is_old && replica.wishes.is_channel && replica.carries_for.is_none() {
            replica.is_pair = true;
            // Valkey reads no versions that Redis has made since they parted.
            replica.wishes.reads_all = false;
        }
        self.attach();
        let replica = self.replica();
        replica.stage = Stage::Waiting;
        replica.is_old = is_old;
        self.services.stats.full_syncs += 1;
    }

    /// From now on the stream is kept, since somebody is going to follow it.
    fn keep_stream(&mut self) {
        let id = hexadecimal(&mut self.keys.space.rng);
        let size = self.services.config.repl_backlog_size;
        let is_replica = self.services.replication.is_replica();
        let replication = &mut self.services.replication;
        if replication.history.stream().is_none() {
            if !is_replica {
                // Nobody has followed this history so far, and what was before is not kept.
                replication.history.rename(id);
            }
            replication.history.keep(size);
            let history = &replication.history;
            log::info!(
                "Replication backlog created, my new replication IDs are '{}' and '{}'",
                history.id,
                history.second_id
            );
            self.fx.listening |= replication.is_fed() && !self.services.server.is_loading;
        }
    }
}

/// Says why a replica cannot go on where it is.
fn explain(services: &Services, why: Why, id: &[u8], wanted: i64, name: &str) {
    let history = &services.replication.history;
    let id = String::from_utf8_lossy(id);
    match why {
        Why::Wanted => log::info!("Full resync requested by replica {name}"),
        Why::OtherId => log::info!(
            "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{id}', my replication IDs are '{}' and '{}')",
            history.id,
            history.second_id
        ),
        Why::BeyondSecond => log::info!(
            "Partial resynchronization not accepted: Requested offset for second ID was {wanted}, but I can reply up to {}",
            history.second_offset
        ),
        Why::NotKept => {
            log::info!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica request was: {wanted})."
            );
            if wanted > history.offset() as i64 {
                log::warn!(
                    "Warning: replica {name} tried to PSYNC with an offset that is greater than the master replication offset."
                );
            }
        }
    }
}
