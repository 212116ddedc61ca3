//! The doors of the engine: calls by which the shell hands in (`handle_...`), takes out (`poll_...`), and asks.
//!
//! The shell knows the engine by these alone, and by those that stand where their matter is: `handle_inputs` (`turn`),
//! `begin_turn` (`clock`), `before_sleep` (`sleep`), and those of files (`dataset`). A test that drives an engine in
//! memory goes in and out here as well, and looks inside through `inside`.

use std::rc::Rc;

use crate::acl::User;
use crate::base::output::Output;
use crate::base::slab::Id;
use crate::config::{Changes, Config, Within};

use crate::script::Seat;

use super::Engine;
use super::config_file::ConfigFile;
use super::run::effects::Ask;
use super::run::outside::Shell;
use super::services::ProcessFacts;
use super::session::{Link, Session, limits, line};
use super::users_file::UsersFile;

/// A connection, as the transport describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    pub(crate) is_unix: bool,
    pub(crate) fd: i64,
    pub(crate) address: String,
    pub(crate) local_address: String,
}

/// The transport's work for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Its output has something to send.
    Write(Id),
    /// To be closed when its output is sent.
    CloseAfterReply(Id),
    CloseNow(Id),
    /// It may go on without new bytes: its input may hold whole requests. A session may be named twice.
    Again(Id),
}

/// So much room an output keeps in any case.
const OUTPUT_ROOM_BYTES: usize = 16 * 1024;

// Handed in.
impl Engine {
    /// A session for a connection that the transport calls `id`, and that is not described any further.
    pub fn open(&mut self, id: Id) -> &mut Session {
        let users = &self.services.users;
        let user = users.default_identity();
        let session = self.sessions.open(id, self.now.monotonic_us, user);
        session.be_default(users);
        session
    }

    /// A client has come in.
    pub(crate) fn handle_opened(&mut self, id: Id, caller: Caller) {
        self.services.stats.connections_received += 1;
        let session = self.open(id);
        session.about.is_unix = caller.is_unix;
        session.about.fd = caller.fd;
        session.about.address = caller.address;
        session.about.local_address = caller.local_address;
    }

    /// The certificate of a client names a user. If there is none of that name, or it is off, nothing changes.
    pub(crate) fn enter_by_certificate(&mut self, id: Id, name: &[u8]) {
        let users = &self.services.users;
        let is_on = users.named(name).is_some_and(User::may_enter);
        let shown = String::from_utf8_lossy(name);
        match (self.sessions.get_mut(id), users.identity(name)) {
            (Some(session), Some(identity)) if is_on => {
                session.enter_as(identity, users);
                log::debug!("TLS: Auto-authenticated client as {shown}");
            }
            _ => log::debug!(
                "TLS: the certificate of a client names no user that may enter: {shown}"
            ),
        }
    }

    /// A client was turned away at the entrance.
    pub(crate) fn handle_refused(&mut self) {
        self.services.stats.rejected_connections += 1;
    }

    /// Bytes came into the session's input.
    pub(crate) fn handle_filled(&mut self, id: Id, count: usize) {
        self.services.stats.net_input_bytes += count as u64;
        self.services.stats.reads_processed += 1;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.input.filled(count);
        session.bytes_in += count as u64;
        if session.link >= Link::Replica {
            let link = session.link;
            self.services.replication.note_heard(id, link, &self.now);
            if link != Link::Replica {
                self.services.stats.repl_input_bytes += count as u64;
            }
        }
        session.last_active_us = self.now.monotonic_us;
        let most = self.services.config.client_query_buffer_limit as usize;
        if session.unexecuted() > most.min(limits::STRANGER_INPUT_BYTES) {
            self.check_input(id);
        }
    }

    /// What has come is not worked off in this turn: the room it lies in is given back, if that saves any.
    pub(crate) fn handle_postponed(&mut self, id: Id) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.input.settle(&mut self.inputs);
        }
    }

    /// Bytes of the session's output were sent. Returns whether there is more already: a replica is given the stream
    /// piece by piece.
    pub(crate) fn handle_sent(&mut self, id: Id, count: usize) -> bool {
        self.services.stats.net_output_bytes += count as u64;
        self.services.stats.writes_processed += 1;
        let mut is_replica = false;
        if let Some(session) = self.sessions.get_mut(id) {
            session.bytes_out += count as u64;
            is_replica = session.link == Link::Replica;
            session.last_active_us = self.now.monotonic_us;
            session.output_peak = session.output_peak.max(count as u32);
            // Where memory is scarce no room is kept for the next large reply: keys would be evicted for it.
            if self.services.config.maxmemory != 0 && session.output.memory() > OUTPUT_ROOM_BYTES {
                session.output.release();
            }
        }
        if self.sessions.counts_memory {
            self.count_memory(id);
        }
        if is_replica {
            self.services.stats.repl_output_bytes += count as u64;
            return self.go_on_feeding(id);
        }
        false
    }

    /// Whether a script has run for long, and still runs: the data set is in the midst of a step.
    pub(crate) fn is_busy(&self) -> bool {
        self.services.busy.is_some()
    }

    /// Where the shell lies while it lets the engine work off inputs.
    pub(crate) fn outside(&self) -> Rc<Seat<Shell>> {
        Rc::clone(&self.services.outside)
    }

    /// The facts about the process, before the first client comes.
    pub(crate) fn handle_start(&mut self, facts: ProcessFacts, file: Option<ConfigFile>) {
        self.services.server.process = facts;
        self.services.config_file = file;
    }

    /// The users that the configuration names, before the first client comes.
    pub(crate) fn handle_users(&mut self, users: Vec<(Vec<u8>, User)>) {
        for (name, user) in users {
            self.services.users.put(&name, user);
        }
        self.adopt_users();
    }

    /// The users are in a file. Returns its mistakes.
    pub(crate) fn handle_users_file(&mut self, file: UsersFile) -> Result<(), Vec<u8>> {
        let users = file.read(self.services.new_users_have_all_channels())?;
        self.services.users.replace_all(users);
        self.services.users_file = Some(file);
        self.adopt_users();
        Ok(())
    }

    /// The shell could not bring about what CONFIG SET has changed: the parameters get their old values back.
    pub(crate) fn roll_back(&mut self, changes: Changes) {
        let had_other_password = changes
            .within()
            .any(|effect| effect == Within::DefaultPassword);
        self.services.config.roll_back(changes);
        if had_other_password {
            let password = &self.services.config.requirepass;
            self.services.users.set_default_password(password);
            self.adopt_users();
        }
    }
}

// Taken out.
impl Engine {
    /// Where bytes of the session's connection are to be read to. None: it is gone.
    pub(crate) fn input_space(&mut self, id: Id) -> Option<&mut [u8]> {
        let is_choked = self.is_choked(id) || self.stream_is_full(id);
        let session = self.sessions.get_mut(id)?;
        if is_choked {
            return Some(&mut []);
        }
        Some(session.input.space(&mut self.inputs))
    }

    /// The bytes that wait to be sent to a session.
    #[inline]
    pub fn output(&mut self, id: Id) -> Option<&mut Output> {
        let session = self.sessions.get_mut(id)?;
        Some(&mut session.output)
    }

    /// The next thing that the shell is asked to do.
    pub fn poll_ask(&mut self) -> Option<Ask> {
        self.fx.asks.pop_front()
    }

    /// The transport's work since this was last called.
    pub fn poll_deliveries(&mut self, mut run: impl FnMut(Delivery)) {
        let sessions = &mut self.sessions;
        for id in sessions.with_output.drain(..) {
            run(Delivery::Write(id));
        }
        let mut to_close = std::mem::take(&mut sessions.to_close);
        for id in to_close.drain(..) {
            run(match sessions.get(id) {
                Some(session) if !session.is_cut() => Delivery::CloseAfterReply(id),
                _ => Delivery::CloseNow(id),
            });
        }
        sessions.to_close = to_close;
        for id in sessions.again.drain(..) {
            run(Delivery::Again(id));
        }
    }

    /// Sessions of which a request took long, since this was last called.
    pub fn poll_long(&mut self) -> impl Iterator<Item = Id> + '_ {
        self.sessions.took_long.drain(..)
    }

    /// Values that were thrown away and are to be freed off the loop.
    pub fn poll_garbage(&mut self) -> impl Iterator<Item = Box<dyn Send>> + '_ {
        self.keyspace.garbage.drain(..)
    }
}

// Asked.
impl Engine {
    #[inline]
    pub(crate) fn config(&self) -> &Config {
        &self.services.config
    }

    /// As many clients are connected as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.sessions.len() >= self.services.config.maxclients as usize
    }

    /// Whether the default user can do without a password.
    pub(crate) fn default_user_has_password(&self) -> bool {
        !self.services.users.default_user().needs_no_password()
    }

    /// Whether a client has to say who it is before it may do anything.
    pub(crate) fn needs_password(&self) -> bool {
        self.services.users.needs_password()
    }

    /// `acl-pubsub-default`
    pub(crate) fn new_users_have_all_channels(&self) -> bool {
        self.services.new_users_have_all_channels()
    }

    /// There are no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.keyspace.is_empty()
    }

    /// The data set is not all there.
    pub(crate) fn is_loading(&self) -> bool {
        self.services.server.is_loading
    }

    /// The line of CLIENT LIST about a session.
    pub(crate) fn describe(&self, id: Id) -> Option<String> {
        let session = self.sessions.get(id)?;
        Some(line::text(session, &self.now))
    }

    /// The addresses of a session's two ends, the other first.
    pub(crate) fn ends_of(&self, id: Id) -> Option<(&str, &str)> {
        let about = &self.sessions.get(id)?.about;
        Some((&about.address, &about.local_address))
    }

    /// Time for the shell's own measurements, on the clock of the engine.
    pub(crate) fn monotonic_us(&self) -> u64 {
        self.clock.monotonic_us()
    }

    pub(crate) fn sleep_us(&self, us: u64) {
        self.clock.sleep_us(us);
    }

    /// Lets a manual clock go on.
    pub fn advance(&self, ms: u64) {
        self.clock.advance(ms);
    }
}
