//! One command, from admission to its consequences.
//!
//! [`Engine::run_request`] asks the gate whether the command may run and obeys; [`Engine::run`] lends the handler its
//! [`Ctx`](ctx::Ctx) and calls it; [`Engine::settle_consequences`] tells everybody else of the consequences, once the
//! session is back at its place.
//!
//! Invariants: while a command runs, its session is lent out and nobody else's is; its facts are settled before the
//! next command begins.

pub(crate) mod busy;
pub(crate) mod call;
mod code;
pub(crate) mod command;
pub(crate) mod ctx;
pub(crate) mod debugging;
pub(crate) mod effects;
pub(crate) mod executing;
pub(crate) mod facts;
pub(crate) mod gate;
pub(crate) mod memory;
pub(crate) mod outside;
pub(super) mod plain;
pub(crate) mod script;
mod settle;
pub(crate) mod table;
pub(crate) mod undo;

use crate::acl::{Denial, database};
use crate::keyspace::{KeyHint, Keys};
use crate::spec::Databases;
use crate::spec::error::Error;
use crate::spec::flags::{Flags, flag as command_flag};
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;

use super::Engine;
use super::clock::LONG_NS;
use super::prefetch::Pending;
use super::session::{Link, Queued, Session, line};
use super::tell::invalidate;

use command::Command;
use ctx::{Ctx, Origin};
use gate::Refusal;

impl Engine {
    /// Runs one request. Returns false when it stays in the input because it may not run yet, and when nothing
    /// after it may run because the session waits or closes; in the latter case the request itself is done.
    pub(super) fn run_request(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        pending: &Pending,
    ) -> bool {
        let found = pending.command;
        session.last_active_us = self.now.monotonic_us;
        let mut resolved = found;
        let mut is_done = true;
        if let Some(command) = found
            && command.is_called_by(args.len())
            && gate::is_open(session, &self.services, command)
        {
            let hint = command.first_key_hint(args, pending.hash);
            self.run(session, command, args, Origin::Client, hint);
        } else if session.link == Link::Primary {
            is_done = self.run_from_primary(session, args, pending);
        } else {
            match self.table.resolve(args) {
                Ok(command) => {
                    resolved = Some(command);
                    is_done = self.run_if_allowed(session, command, args);
                }
                Err(_) if gate::is_web_request(args.name()) => {
                    log::warn!(
                        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands \
                         to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to \
                         compromise your Redis instance. Connection from {} aborted.",
                        session.about.address
                    );
                    session.close_now();
                }
                Err(refusal) => self.refuse(session, found, &refusal),
            }
        }
        session.command_ended();
        if session.tracking.is_some() {
            invalidate::end_caching(session, resolved);
        }
        self.keep_to_limits(session);
        if session.is_closing() {
            self.sessions.to_close.push(session.id);
        }
        is_done
    }

    /// A request as the gate sees it.
    pub(in crate::engine) fn request_of<'a>(
        &'a self,
        session: &'a Session,
        command: &'a facts::Facts,
        args: Args<'a>,
        origin: Origin,
    ) -> gate::Request<'a> {
        gate::Request {
            session,
            services: &self.services,
            command,
            flags: code::flags_of(&self.services, command, args),
            args,
            now_ms: self.now.unix_ms,
            origin,
        }
    }

    /// Asks the gate about a command and carries out the verdict. Returns false when the command stays in the input.
    fn run_if_allowed(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
    ) -> bool {
        match gate::judge(&self.request_of(session, command, args, Origin::Client)) {
            None => {
                let was_replica = session.link == Link::Replica;
                let queued = session.output.len();
                self.run(session, command, args, Origin::Client, KeyHint::default());
                if was_replica && session.output.len() > queued {
                    self.end_talk(session, command);
                }
            }
            Some(Refusal::Queue) => self.queue(session, command, args),
            Some(Refusal::Postpone) => {
                self.services.pause.hold(session);
                return false;
            }
            Some(Refusal::Error(refusal)) => {
                self.refuse(session, Some(command), &refusal);
                if session.link == Link::Replica {
                    self.end_talk(session, command);
                    log::warn!(
                        "== CRITICAL == This master is sending an error to its replica: '{}' after processing the command '{}'",
                        String::from_utf8_lossy(refusal.text()),
                        command.name()
                    );
                }
            }
            Some(Refusal::Denied(denial)) => {
                self.deny(session, command, args, denial, Origin::Client);
            }
        }
        true
    }

    /// A replica has asked for something that was answered: its link is for the stream alone.
    #[cold]
    fn end_talk(&mut self, session: &mut Session, command: &Command) {
        log::warn!(
            "Replica generated a reply to command '{}', disconnecting it: {}",
            command.name(),
            line::text(session, &self.now)
        );
        session.output.clear();
        session.close_now();
    }

    /// Whether the last command has done something that others must hear of before the next one runs.
    #[inline]
    pub(super) fn has_consequences(&self) -> bool {
        (!self.keyspace.journal.is_empty() || self.services.blocking.has_ready())
            && self.services.busy.is_none()
    }

    /// The work that follows a command with consequences, once its session is back at its place.
    pub(super) fn settle_consequences(&mut self) {
        if !self.keyspace.journal.is_empty() {
            self.settle();
        }
        if self.services.blocking.has_ready() {
            self.serve_waiters();
        }
    }

    /// Runs a command for a session that is lent out.
    pub(super) fn run(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        origin: Origin,
        hint: KeyHint<'_>,
    ) -> bool {
        self.keyspace.journal.interest = Self::listeners(&self.services);
        if self.services.config.cluster_compatibility_sample_ratio != 0 && origin == Origin::Client
        {
            self.note_slots(command, args);
        }
        let was_empty = self.take_output(session);
        let muted = session.is_muted();
        session.last_command = Some(&command.facts);
        let reply = Reply::with_muted(&mut self.output, session.protocol, muted);
        let db = session.db;
        let expiry = origin.expiry(&self.services, self.now.unix_ms);
        let keys = Keys::new(&mut self.keyspace, db, self.now.unix_ms, expiry).with_hint(hint);
        let mut ctx = Ctx {
            clock: &self.clock,
            session: &mut *session,
            reply,
            keys,
            fx: &mut self.fx,
            services: &mut self.services,
            sessions: &mut self.sessions,
            table: &self.table,
            command,
            origin,
            now: self.now,
            still_waiting: false,
        };
        let spent_ns = call::call(&mut ctx, command, args);
        let still_waiting = ctx.still_waiting;
        // DEBUG SLEEP lets time pass, and so does a command that takes long.
        self.now = ctx.now;
        if spent_ns >= LONG_NS {
            self.note_long(session.id);
        }
        if self.services.replication.is_written_to
            && !matches!(origin, Origin::Primary | Origin::Replay)
        {
            self.keyspace.note_own();
        }
        if self.fx.listening && !self.fx.stream.is_empty() {
            (self.services).append_effects(&mut self.fx, command, &self.now);
            (session.written_to, session.stream_to) = self.services.fed_to();
        }
        self.give_output_back(session, was_empty);
        if session.parked.is_none() && !still_waiting {
            session.commands_processed += 1;
        }
        self.services.stats.eventloop_commands_ns += spent_ns;
        !still_waiting
    }

    /// The reply is borrowed apart from its session, so the output is lent out for the time of the command. Returns
    /// whether it is empty.
    #[inline]
    fn take_output(&mut self, session: &mut Session) -> bool {
        std::mem::swap(&mut self.output, &mut session.output);
        self.output.is_empty()
    }

    #[inline]
    fn give_output_back(&mut self, session: &mut Session, was_empty: bool) {
        // Pushes of this command to its own session come behind its reply.
        if !session.output.is_empty() {
            self.output.append(&mut session.output);
        }
        if was_empty && !self.output.is_empty() {
            self.sessions.with_output.push(session.id);
        }
        std::mem::swap(&mut self.output, &mut session.output);
    }

    /// Adds a command to the transaction that the session collects.
    pub(super) fn queue(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
    ) {
        let transaction = session
            .transaction
            .as_mut()
            .expect("the gate queues only inside MULTI");
        let flags = code::flags_of(&self.services, command, args);
        let owned = OwnedArgs::from(args);
        transaction.bytes += owned.memory();
        transaction.common_flags = if transaction.queue.is_empty() {
            flags
        } else {
            Flags(transaction.common_flags.0 & flags.0)
        };
        transaction.flags = transaction.flags | flags;
        if command.spec.databases == Databases::Entered
            && !transaction.is_spoiled
            && let Some(db) = database(args.at(1), self.services.config.databases)
        {
            transaction.db = db as u16;
        }
        transaction.queue.push(Queued {
            command: &command.facts,
            args: owned,
        });
        if self.services.config.cluster_compatibility_sample_ratio != 0 {
            self.note_slots(command, args);
        }
        self.reply_to(session, |reply| reply.simple("QUEUED"));
    }

    /// Answers a command that may not run. Inside MULTI this spoils the transaction; EXEC itself ends it.
    pub(super) fn refuse(
        &mut self,
        session: &mut Session,
        command: Option<&'static Command>,
        refusal: &Error,
    ) {
        if let Some(command) = command {
            self.services.stats.commands[command.index].rejected += 1;
        }
        let mut text = refusal.text().to_vec();
        if command.is_some_and(|command| command.has(command_flag::RUNS_TRANSACTION)) {
            session.transaction = None;
            self.services.unwatch_all(session);
            let reason = text.strip_prefix(b"ERR ").unwrap_or(&text);
            text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
        } else if let Some(transaction) = &mut session.transaction {
            transaction.is_spoiled = true;
        }
        self.services.stats.error(&text);
        self.reply_to(session, |reply| reply.error(&text));
    }

    /// Answers a command that the session's user may not run, and notes it.
    #[cold]
    pub(super) fn deny(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        denial: Denial,
        origin: Origin,
    ) {
        let from = (origin, &self.now);
        let refusal = (self.services).note_denial(session, command, args, denial, from);
        self.refuse(session, Some(command), &refusal);
    }

    /// Writes to the output of a session that is lent out.
    pub(super) fn reply_to(&mut self, session: &mut Session, write: impl FnOnce(&mut Reply<'_>)) {
        let was_empty = session.output.is_empty();
        let muted = session.is_muted();
        write(&mut Reply::with_muted(
            &mut session.output,
            session.protocol,
            muted,
        ));
        if was_empty && !session.output.is_empty() {
            self.sessions.with_output.push(session.id);
        }
    }
}
