//! Runs the stream of our primary.
//!
//! Its commands have been decided there: nothing is refused, nothing is answered. When one has run, its bytes go into
//! our own stream as they came, so that our replicas see what we saw; of a transaction all bytes go when it has ended.
//! The end of our stream is thus what we have applied, and that is what we acknowledge and where we go on after a cut.

use crate::engine::Engine;
use crate::engine::prefetch::Pending;
use crate::engine::replication::Replication;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::facts::Facts;
use crate::engine::run::gate;
use crate::engine::session::Session;
use crate::repl::handshake::command;
use crate::spec::flags::flag as command_flag;
use crate::wire::args::Args;

impl Engine {
    /// Runs a command of the stream. Returns false when a pause keeps it in the input.
    pub(in crate::engine) fn run_from_primary(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        pending: &Pending,
    ) -> bool {
        let command = match pending.command {
            Some(command) if command.is_called_by(args.len()) => command,
            _ => match self.table.resolve(args) {
                Ok(command) => command,
                Err(refusal) => {
                    self.services.stats.unexpected_error_replies += 1;
                    log::warn!(
                        "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'",
                        String::from_utf8_lossy(refusal.text()),
                        session.last_command.map_or("<unknown>", |last| last.name())
                    );
                    return true;
                }
            },
        };
        if !self.services.pause.is_off() && self.holds_back(session, command, args) {
            self.services.pause.hold(session);
            return false;
        }
        if session.transaction.is_some() && !command.has(command_flag::STEERS_TRANSACTION) {
            self.queue(session, command, args);
        } else {
            let hint = command.first_key_hint(args, pending.hash);
            self.run(session, command, args, Origin::Primary, hint);
        }
        if session.parked.is_some() {
            self.services.forget_wait(session);
        }
        true
    }

    /// Whether a pause of our own has the command wait. The stream goes on coming, and is kept in the input meanwhile.
    #[cold]
    fn holds_back(&self, session: &Session, command: &Facts, args: Args<'_>) -> bool {
        let request = self.request_of(session, command, args, Origin::Primary);
        gate::clients_pause(&request).is_some()
    }

    /// A command of the stream has run; these were its bytes.
    pub(in crate::engine) fn applied(&mut self, session: &Session, bytes: &[u8]) {
        let size = self.services.config.repl_backlog_size;
        let replication = &mut self.services.replication;
        let Some(upstream) = &mut replication.upstream else {
            return;
        };
        upstream.db = session.db;
        if session.transaction.is_some() {
            upstream.unapplied.extend_from_slice(bytes);
            return;
        }
        let Some(stream) = replication.history.stream_mut() else {
            return;
        };
        if !upstream.unapplied.is_empty() {
            stream.push(&upstream.unapplied);
            upstream.unapplied = Vec::new();
        }
        stream.push(bytes);
        if let Some((kept, until)) = upstream.kept
            && stream.end() >= until
        {
            upstream.kept = None;
            log::info!(
                "MASTER <-> REPLICA sync: Successfully streamed replication buffer into the db ({kept} bytes in total)"
            );
        }
        // Without replicas nobody else trims it.
        if stream.end() - stream.start() > 2 * size {
            replication.trim(size);
        }
    }

    /// Tells our primary how far we are.
    pub(super) fn acknowledge(&mut self) {
        let log = self
            .services
            .appending
            .is_fed()
            .then(|| self.offset_on_disk());
        let bytes = acknowledgement(&self.services.replication, log);
        self.say_to_primary(&bytes);
    }

    fn offset_on_disk(&self) -> u64 {
        offset_on_disk(&self.services)
    }

    /// Notes how much of the stream the disk has. Bytes of the log and of the stream are not the same, so a pair of
    /// places is remembered until the disk has come there.
    pub(in crate::engine) fn note_on_disk(&mut self) {
        let services = &mut self.services;
        let replication = &mut services.replication;
        let (in_log, in_stream) = replication.next_on_disk;
        if services.appending.is_on_disk(in_log) {
            replication.on_disk = in_stream;
            replication.next_on_disk = (services.appending.offset, replication.history.offset());
        }
    }
}

/// How much of the stream is on our disk, as far as that is known: all of it, when nothing waits.
fn offset_on_disk(services: &crate::engine::services::Services) -> u64 {
    let appending = &services.appending;
    if appending.is_on_disk(appending.offset) {
        services.replication.history.offset()
    } else {
        services.replication.on_disk
    }
}

fn acknowledgement(replication: &Replication, on_disk: Option<u64>) -> Vec<u8> {
    let offset = replication.history.offset().to_string();
    let mut words: Vec<&[u8]> = vec![b"REPLCONF", b"ACK", offset.as_bytes()];
    let on_disk = on_disk.map(|on_disk| on_disk.to_string());
    if let Some(on_disk) = &on_disk {
        words.extend([b"FACK".as_slice(), on_disk.as_bytes()]);
    }
    command(&words)
}

impl Ctx<'_> {
    /// REPLCONF GETACK: the one command of the stream that is answered. Its own bytes do not count yet.
    pub(crate) fn acknowledge(&mut self) {
        let log = (self.services.appending.is_fed()).then(|| offset_on_disk(self.services));
        let bytes = acknowledgement(&self.services.replication, log);
        self.reply.output().push(&bytes);
    }
}
