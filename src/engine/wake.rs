//! Serves those who wait: for keys, for a deadline, for the end of a pause.
//!
//! Waiters are served by running their command again with the arguments it came with. So a blocking command is
//! written once: it either finds something and replies, or parks again and keeps its place in the line.

use crate::base::slab::Id;
use crate::spec::error::Error;
use crate::wire::reply::Reply;

use super::Engine;
use super::call;
use super::ctx::Origin;
use super::gate::{self, Verdict};
use super::session::{OnTimeout, Session, Waiting, flag};

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
        // What made the keys ready may have taken so long that they are due again.
        self.refresh_time();
        while let Some(ready) = self.services.blocking.next_ready() {
            for id in ready.sessions {
                let kind = self.keyspace.kind_of(ready.db, &ready.key, self.now.unix_ms);
                if kind.is_none() && !ready.any_when_gone {
                    break;
                }
                let Some(parked) = self.sessions.get(id).and_then(|session| session.parked.as_ref()) else { continue };
                if parked.also_when_gone || kind == Some(parked.kind) {
                    self.retry(id);
                }
            }
        }
    }

    fn retry(&mut self, id: Id) {
        let Some(mut session) = self.sessions.lend(id) else { return };
        let Some(parked) = session.parked.take() else {
            self.sessions.put_back(session);
            return;
        };
        // The session's rights or the state of the server may have changed while it waited.
        let verdict = gate::judge(&session, &self.services, parked.command, self.now.unix_ms, Origin::Retry);
        let is_done = if let Verdict::Refuse(refusal) = verdict {
            self.refuse(&mut session, Some(parked.command), &refusal);
            true
        } else {
            self.run(&mut session, parked.command, parked.args.as_args(), Origin::Retry)
        };
        session.parked = Some(parked);
        if is_done {
            self.forget_wait(&mut session);
            self.again.push(id);
        }
        if session.is_closing() {
            self.sessions.to_close.push(id);
        }
        self.sessions.put_back(session);
        if !self.keyspace.journal.is_empty() {
            self.settle();
        }
    }

    /// Takes the session out of every waiting list.
    pub(super) fn forget_wait(&mut self, session: &mut Session) {
        if let Some(parked) = session.parked.take() {
            let blocking = &mut self.services.blocking;
            blocking.leave(session.id, parked.db, &parked.keys, parked.deadline_ms, parked.also_when_gone);
        }
        if session.has(flag::POSTPONED) {
            session.unset(flag::POSTPONED);
            self.services.pause.postponed.retain(|id| *id != session.id);
            self.services.blocking.parked_count -= 1;
        }
    }

    /// Ends a wait without serving it. Tells whether there was one that can be ended so.
    pub fn end_wait(&mut self, id: Id, ending: &Ending) -> bool {
        let Some(mut session) = self.sessions.lend(id) else { return false };
        let is_waiting = (session.parked.as_ref()).is_some_and(|parked| matches!(parked.waiting, Waiting::Keys | Waiting::Offset));
        if let Some(parked) = &session.parked
            && is_waiting
        {
            let on_timeout = parked.on_timeout;
            let failed = matches!(ending, Ending::Refused(_));
            call::count_parked(&mut self.services, &session, parked, failed, self.now.unix_ms);
            match ending {
                Ending::TimedOut => self.reply_to(&mut session, |reply| time_out(reply, on_timeout)),
                Ending::Refused(refusal) => {
                    self.services.stats.error(refusal.text());
                    self.reply_to(&mut session, |reply| reply.error(refusal.text()));
                }
            }
            session.commands_processed += 1;
            self.forget_wait(&mut session);
            self.again.push(id);
        }
        self.sessions.put_back(session);
        is_waiting
    }

    /// Tells a session that waits for the shell or for a helper thread how it went.
    pub fn answer_parked(&mut self, id: Id, outcome: Result<(), Error>) {
        let Some(mut session) = self.sessions.lend(id) else { return };
        if let Some(parked) = &session.parked
            && parked.waiting == Waiting::Job
        {
            call::count_parked(&mut self.services, &session, parked, outcome.is_err(), self.now.unix_ms);
            match outcome {
                Ok(()) => self.reply_to(&mut session, |reply| reply.ok()),
                Err(refusal) => {
                    self.services.stats.error(refusal.text());
                    self.reply_to(&mut session, |reply| reply.error(refusal.text()));
                }
            }
            session.commands_processed += 1;
            self.forget_wait(&mut session);
            self.again.push(id);
        }
        self.sessions.put_back(session);
    }

    /// Ends the waits whose deadline has passed, and the pause when its time is over.
    pub(super) fn wake_overdue(&mut self) {
        while let Some(id) = self.services.blocking.next_overdue(self.now.unix_ms) {
            self.end_wait(id, &Ending::TimedOut);
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
                self.again.push(id);
            }
        }
    }
}

fn time_out(reply: &mut Reply<'_>, on_timeout: OnTimeout) {
    match on_timeout {
        OnTimeout::NullArray => reply.null_array(),
        OnTimeout::Null => reply.null(),
        OnTimeout::Acknowledged => reply.integer(0),
    }
}
