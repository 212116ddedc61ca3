//! Serves those who wait: for keys, for a deadline, for the end of a pause.
//!
//! Waiters are served by running their command again with the arguments it came with. So a blocking command is
//! written once: it either finds something and replies, or parks again and keeps its place in the line.

use crate::base::slab::Id;
use crate::spec::error::Error;
use crate::wire::reply::Reply;

use super::Engine;
use super::ctx::Origin;
use super::services::Services;
use super::session::{OnTimeout, Session, Sessions, Waiting, flag};

/// How a wait ends other than by being served.
pub enum Ending {
    TimedOut,
    /// By an error: CLIENT UNBLOCK ERROR, a change of role.
    Refused(Error),
}

impl Engine {
    /// Goes through the keys that became ready, oldest waiter first. A served command may make further keys ready;
    /// they are served in the same call.
    pub(super) fn serve_waiters(&mut self) {
        while let Some((db, key, line)) = self.services.blocking.next_ready() {
            for id in line {
                let kind = self.keyspace.kind_of(db, &key, self.now.unix_ms);
                let Some(session) = self.sessions.get(id) else { continue };
                let Some(parked) = &session.parked else { continue };
                match kind {
                    None if !parked.also_when_gone => continue,
                    Some(kind) if kind != parked.kind && !parked.also_when_gone => continue,
                    _ => self.retry(id),
                }
            }
        }
    }

    fn retry(&mut self, id: Id) {
        let Some(mut session) = self.sessions.lend(id) else { return };
        let parked = match session.parked.take() {
            Some(parked) if !session.is_closing() => parked,
            parked => {
                session.parked = parked;
                self.sessions.put_back(session);
                return;
            }
        };
        self.cause = Some(id);
        let served = self.run(&mut session, parked.command, parked.args.as_args(), Origin::Retry);
        session.parked = Some(parked);
        if served {
            forget_wait(&mut self.services, &mut session);
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

    /// Tells a session that waits for the shell or for a helper thread how it went.
    pub fn answer_parked(&mut self, id: Id, outcome: Result<(), Error>) {
        let Some(mut session) = self.sessions.lend(id) else { return };
        if session.parked.as_ref().is_some_and(|parked| parked.waiting == Waiting::Job) {
            match outcome {
                Ok(()) => self.reply_to(&mut session, |reply| reply.ok()),
                Err(refusal) => {
                    self.services.stats.error(refusal.text());
                    self.reply_to(&mut session, |reply| reply.error(refusal.text()));
                }
            }
            forget_wait(&mut self.services, &mut session);
            self.sessions.again.push(id);
        }
        self.sessions.put_back(session);
    }

    /// Ends the waits whose deadline has passed, and the pause when its time is over.
    pub(super) fn wake_overdue(&mut self) {
        while let Some(id) = self.services.blocking.pop_overdue(self.now.unix_ms) {
            end_wait(&mut self.sessions, &mut self.services, id, &Ending::TimedOut);
        }
        if self.services.pause.is_over(self.now.unix_ms) {
            self.services.pause.end();
        }
        if self.services.pause.is_off() && !self.services.pause.postponed.is_empty() {
            self.release_postponed();
        }
    }

    /// Lets the sessions go on that a pause held back.
    fn release_postponed(&mut self) {
        for id in std::mem::take(&mut self.services.pause.postponed) {
            if let Some(session) = self.sessions.get_mut(id) {
                session.unset(flag::POSTPONED);
                self.services.blocking.parked_count -= 1;
                self.sessions.again.push(id);
            }
        }
    }
}

/// Takes the session out of every waiting list.
pub fn forget_wait(services: &mut Services, session: &mut Session) {
    if let Some(parked) = session.parked.take() {
        let blocking = &mut services.blocking;
        blocking.leave(session.id, parked.db, &parked.keys, parked.deadline_ms, parked.also_when_gone);
    }
    if session.has(flag::POSTPONED) {
        session.unset(flag::POSTPONED);
        services.pause.postponed.retain(|id| *id != session.id);
        services.blocking.parked_count -= 1;
    }
}

/// Ends a wait without serving it. Tells whether there was one that can be ended so.
pub fn end_wait(sessions: &mut Sessions, services: &mut Services, id: Id, ending: &Ending) -> bool {
    let Some(session) = sessions.get_mut(id) else { return false };
    let on_timeout = match &session.parked {
        Some(parked) if matches!(parked.waiting, Waiting::Keys | Waiting::Offset) => parked.on_timeout,
        _ => return false,
    };
    if !session.is_closing() {
        let was_empty = session.output.is_empty();
        let muted = session.has(flag::REPLY_OFF | flag::REPLY_SKIP);
        let mut reply = Reply::with_muted(&mut session.output, session.protocol, muted);
        match ending {
            Ending::TimedOut => time_out(&mut reply, on_timeout),
            Ending::Refused(refusal) => {
                services.stats.error(refusal.text());
                reply.error(refusal.text());
            }
        }
        if was_empty {
            sessions.with_output.push(id);
        }
    }
    let Some(session) = sessions.get_mut(id) else { return false };
    forget_wait(services, session);
    sessions.again.push(id);
    true
}

fn time_out(reply: &mut Reply<'_>, on_timeout: OnTimeout) {
    match on_timeout {
        OnTimeout::NullArray => reply.null_array(),
        OnTimeout::Null => reply.null(),
        OnTimeout::Acknowledged => reply.integer(0),
    }
}
