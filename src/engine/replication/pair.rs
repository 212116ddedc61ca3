//! A data set by a connection of its own, as Valkey has it: the primary's side, and the replica's.
//!
//! ```text
//! PSYNC ? -1        +DUALCHANNELSYNC
//!                                              REPLCONF rdb-only 1 rdb-channel 1
//!                                              SYNC      $ENDOFF:<offset> <id> <db> <carrier>, $EOF:<mark> ...
//! REPLCONF set-rdb-client-id <carrier>
//! PSYNC <id> <offset + 1>   +CONTINUE
//! ```
//!
//! What differs from Redis's way (`channel`) is that the stream begins when the replica asks for it, by the main
//! connection, which until then is a client's.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::replication::link::Awaited;
use crate::engine::run::ctx::Ctx;
use crate::engine::session::Sessions;
use crate::repl::handshake::command;

/// An answer is shorter than this, or it is none.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

// As a primary.

impl Ctx<'_> {
    pub(super) fn goes_in_pair(&mut self) -> bool {
        let config = &self.services.config;
        let offers = config.dual_channel_replication_enabled && config.repl_diskless_sync;
        let wishes = self.replica().wishes;
        offers && wishes.pair && wishes.eof && !wishes.rdb_only
    }

    /// Tells the replica to open a second connection. It comes back to this one later.
    pub(super) fn send_in_pair(&mut self, name: &str) {
        log::info!(
            "Replica {name} is capable of dual channel synchronization, and partial sync isn't possible. Full sync will continue with dedicated RDB channel."
        );
        self.reply.raw(b"+DUALCHANNELSYNC\r\n");
    }

    /// The connection with this number carries the data set of this one. False: it does not.
    pub(crate) fn has_come_for(&mut self, number: i64) -> bool {
        let main = self.session.id;
        let sessions = &*self.sessions;
        let mut replicas = self.services.replication.replicas.iter_mut();
        let carrier = replicas.find(|replica| {
            let session = sessions.get(replica.id);
            replica.is_pair
                && session.is_some_and(|session| i64::try_from(session.number) == Ok(number))
        });
        let is_there = carrier.is_some();
        if let Some(carrier) = carrier {
            carrier.carries_for = Some(main);
        }
        is_there
    }

    /// Its data set is on the way.
    pub(super) fn is_being_carried(&self) -> bool {
        let mut replicas = self.services.replication.replicas.iter();
        replicas.any(|replica| replica.carries_for == Some(self.session.id))
    }
}

/// What the data set of such a replica begins with. No database is selected in the stream that follows.
pub(super) fn pair_line(sessions: &Sessions, id: Id, history: &str, cursor: u64) -> String {
    let number = sessions.get(id).map_or(0, |session| session.number);
    format!("$ENDOFF:{cursor} {history} -1 {number}\r\n")
}

// As a replica.

impl Engine {
    /// The data set is of this instant of that history: the stream from there on is asked for, by the main connection.
    pub(super) fn ask_for_stream(&mut self, id: &str, offset: u64, number: &str) {
        let offset = (offset + 1).to_string();
        let psync = command(&[b"PSYNC", id.as_bytes(), offset.as_bytes()]);
        if let Some(channel) = self
            .upstream()
            .and_then(|upstream| upstream.channel.as_mut())
        {
            channel.awaited = Some(Awaited::Named { psync });
        }
        let name = command(&[b"REPLCONF", b"set-rdb-client-id", number.as_bytes()]);
        self.say_to_primary(&name);
    }

    /// The main connection, if its primary has to answer before the stream begins.
    pub(in crate::engine) fn awaiting_stream(&self) -> Option<Id> {
        let upstream = self.services.replication.upstream.as_ref()?;
        let channel = upstream.channel.as_ref()?;
        channel.awaited.as_ref().and(upstream.id)
    }

    /// Takes the answers out of what has come.
    #[cold]
    pub(in crate::engine) fn take_answers(&mut self, id: Id) {
        while self.awaiting_stream() == Some(id) {
            let Some(session) = self.sessions.get_mut(id) else {
                return;
            };
            let bytes = session.input.bytes();
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                if bytes.len() > ANSWER_BYTES_MAX {
                    self.fail_link("Bad protocol from MASTER: an answer without an end");
                }
                return;
            };
            let line = String::from_utf8_lossy(bytes[..end].trim_ascii_end()).into_owned();
            session.input.consume(end + 1);
            if !line.is_empty() {
                self.take_answer(&line);
            }
        }
    }

    fn take_answer(&mut self, line: &str) {
        let Some(channel) = self
            .upstream()
            .and_then(|upstream| upstream.channel.as_mut())
        else {
            return;
        };
        match channel.awaited.take() {
            Some(Awaited::Named { psync }) if line.starts_with('+') => {
                channel.awaited = Some(Awaited::Stream);
                self.say_to_primary(&psync);
            }
            Some(Awaited::Stream) if line.starts_with("+CONTINUE") => {
                if channel.is_loaded {
                    self.begin_stream_after_load();
                }
            }
            _ => self.fail_link(&format!(
                "Master refuses the stream beside an RDB channel: {line}"
            )),
        }
    }
}
