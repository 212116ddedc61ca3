//! Serves waiting sessions: for keys, for a deadline, for the end of a pause.
//!
//! Waiters are served by running their command again with the arguments it came with. So a blocking command is
//! written once: it either finds something and replies, or parks again and keeps its place in the line.

pub(crate) mod pause;

use crate::base::slab::Id;
use crate::keyspace::KeyHint;
use crate::spec::error::Error;
use crate::wire::reply::Reply;

use crate::engine::Engine;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::gate::Refusal;
use crate::engine::run::{call, gate};
use crate::engine::services::Services;
use crate::engine::session::{OnTimeout, Session, Sessions, Waiting};

/// How a wait ends other than by being served.
pub(crate) enum Ending {
    TimedOut,
    /// By an error: CLIENT UNBLOCK ERROR, a change of role.
    Refused(Error),
}

impl Engine {
    /// Goes through the keys that became ready, oldest waiter first. A served command may make further keys ready;
    /// they are served in the same call.
    pub(in crate::engine) fn serve_waiters(&mut self) {
        // The commands that made the keys ready may have taken so long that keys are overdue by now.
        self.refresh_time();
        while let Some(mut ready) = self.services.blocking.next_ready() {
            while let Some(id) = self.services.blocking.next_waiter(&mut ready) {
                let kind = self
                    .keyspace
                    .kind_of(ready.db, &ready.key, self.now.unix_ms);
                if kind.is_none() && !ready.any_by_loss {
                    break;
                }
                let Some(parked) = self
                    .sessions
                    .get(id)
                    .and_then(|session| session.parked.as_ref())
                else {
                    continue;
                };
                let may_help = if kind == Some(parked.kind) {
                    ready.may_serve
                } else {
                    parked.also_when_gone
                };
                if may_help {
                    self.retry(id);
                }
            }
        }
    }

    pub(in crate::engine) fn retry(&mut self, id: Id) {
        let Some(mut session) = self.sessions.lend(id) else {
            return;
        };
        let parked = match session.parked.take() {
            Some(parked) if !session.is_closing() => parked,
            parked => {
                session.parked = parked;
                self.sessions.put_back(session);
                return;
            }
        };
        let command = self.table.command(parked.command);
        // The session's rights or the state of the server may have changed while it waited.
        let refusal = gate::judge(&gate::Request {
            session: &session,
            services: &self.services,
            command,
            flags: command.spec.flags,
            args: parked.args.as_args(),
            now_ms: self.now.unix_ms,
            origin: Origin::Retry,
        });
        let args = parked.args.as_args();
        let is_done = match refusal {
            Some(Refusal::Error(refusal)) => {
                self.refuse(&mut session, Some(command), &refusal);
                true
            }
            Some(Refusal::Denied(denial)) => {
                self.deny(&mut session, command, args, denial, Origin::Retry);
                true
            }
            None | Some(Refusal::Postpone | Refusal::Queue) => {
                let hint = KeyHint::default();
                self.run(&mut session, command, args, Origin::Retry, hint)
            }
        };
        session.parked = Some(parked);
        if is_done {
            self.services.forget_wait(&mut session);
            self.sessions.again.push(id);
        }
        self.keep_to_limits(&mut session);
        if session.is_closing() {
            self.sessions.to_close.push(id);
        }
        self.sessions.put_back(session);
        if !self.keyspace.journal.is_empty() {
            self.settle();
        }
    }

    /// Serves the sessions that wait for the disk, if it has come further. Returns whether there is something to send.
    pub(crate) fn serve_offset_waiters(&mut self) -> bool {
        self.note_on_disk();
        let has_news = self.services.appending.has_news() | self.services.replication.has_news();
        if !has_news {
            return false;
        }
        let waiting: Vec<Id> = self.services.blocking.for_offset().collect();
        for &id in &waiting {
            self.retry(id);
        }
        !waiting.is_empty()
    }

    /// Tells a session that waits for the shell or for a helper thread how it went.
    pub fn answer_parked(&mut self, id: Id, outcome: Result<(), Error>) {
        let Some(mut session) = self.sessions.lend(id) else {
            return;
        };
        if let Some(parked) = &session.parked
            && parked.waiting == Waiting::Job
        {
            call::count_parked(
                &mut self.services,
                &session,
                parked,
                outcome.is_err(),
                self.now.unix_ms,
            );
            match outcome {
                Ok(()) => self.reply_to(&mut session, |reply| {
                    reply.ok();
                }),
                Err(refusal) => {
                    self.services.stats.error(refusal.text());
                    self.reply_to(&mut session, |reply| reply.error(refusal.text()));
                }
            }
            session.commands_processed += 1;
            self.services.forget_wait(&mut session);
            self.sessions.again.push(id);
        }
        self.sessions.put_back(session);
    }

    /// Ends the waits whose deadline has passed, and the pause when its time is over.
    pub(in crate::engine) fn wake_overdue(&mut self) {
        while let Some(id) = self.services.blocking.take_overdue(self.now.unix_ms) {
            let has_ended = self.waits().end(id, &Ending::TimedOut);
            debug_assert!(has_ended, "only waits that can end so have a deadline");
        }
        if self.services.pause.is_over(self.now.unix_ms) {
            self.services.pause.end();
        }
        if self.services.pause.is_off() {
            self.services.pause.release(&mut self.sessions);
            self.handle_held_searches();
        }
    }

    fn waits(&mut self) -> Waits<'_> {
        Waits {
            sessions: &mut self.sessions,
            services: &mut self.services,
            unix_ms: self.now.unix_ms,
        }
    }
}

impl Ctx<'_> {
    /// The waits of all sessions but this one.
    pub(crate) fn waits(&mut self) -> Waits<'_> {
        Waits {
            sessions: self.sessions,
            services: self.services,
            unix_ms: self.now.unix_ms,
        }
    }
}

/// The parts of a wait, for code that ends one: the engine between two commands, and commands that name a session.
pub(crate) struct Waits<'a> {
    sessions: &'a mut Sessions,
    services: &'a mut Services,
    unix_ms: i64,
}

impl<'a> Waits<'a> {
    pub(in crate::engine) fn new(
        sessions: &'a mut Sessions,
        services: &'a mut Services,
        unix_ms: i64,
    ) -> Self {
        Self {
            sessions,
            services,
            unix_ms,
        }
    }

    /// Ends a wait without serving it. Returns whether there was one that can be ended so.
    pub(crate) fn end(&mut self, id: Id, ending: &Ending) -> bool {
        let Some(mut session) = self.sessions.lend(id) else {
            return false;
        };
        let has_ended = self.end_of(&mut session, ending);
        self.sessions.put_back(session);
        has_ended
    }

    fn end_of(&mut self, session: &mut Session, ending: &Ending) -> bool {
        let Some(parked) = &session.parked else {
            return false;
        };
        if !matches!(parked.waiting, Waiting::Keys | Waiting::Offset) {
            return false;
        }
        let on_timeout = parked.on_timeout;
        let failed = matches!(ending, Ending::Refused(_));
        call::count_parked(self.services, session, parked, failed, self.unix_ms);
        if !session.is_closing() {
            let was_empty = session.output.is_empty();
            let muted = session.is_muted();
            let held = Held::of(self.services, session);
            let mut reply = Reply::with_muted(&mut session.output, session.protocol, muted);
            match ending {
                Ending::TimedOut => {
                    time_out(&mut reply, on_timeout, &held);
                }
                Ending::Refused(refusal) => {
                    self.services.stats.error(refusal.text());
                    reply.error(refusal.text());
                }
            }
            if was_empty {
                self.sessions.with_output.push(session.id);
            }
        }
        session.commands_processed += 1;
        self.services.forget_wait(session);
        self.sessions.again.push(session.id);
        true
    }
}

impl Services {
    /// Takes the session out of every waiting list.
    pub(in crate::engine) fn forget_wait(&mut self, session: &mut Session) {
        if let Some(parked) = session.parked.take() {
            self.blocking.leave(session.id, &parked.lines);
        }
        self.pause.let_go(session);
    }
}

/// How many others have what a session has written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) on_our_disk: i64,
    pub(crate) by_replicas: i64,
    pub(crate) on_their_disks: i64,
}

impl Held {
    pub(crate) fn of(services: &Services, session: &Session) -> Self {
        let replication = &services.replication;
        Self {
            on_our_disk: i64::from(services.appending.is_on_disk(session.written_to)),
            by_replicas: replication.acknowledged(session.stream_to) as i64,
            on_their_disks: replication.acknowledged_on_disk(session.stream_to) as i64,
        }
    }
}

fn time_out(reply: &mut Reply<'_>, on_timeout: OnTimeout, held: &Held) {
    match on_timeout {
        OnTimeout::NullArray => reply.null_array(),
        OnTimeout::Null => reply.null(),
        OnTimeout::Acknowledged => reply.integer(held.by_replicas),
        OnTimeout::OnDisk => {
            reply.array(2);
            reply.integer(held.on_our_disk);
            reply.integer(held.on_their_disks);
        }
    }
}
