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
        // What made the keys ready may have taken so long that they are due again.
        self.refresh_time();
        while let Some(ready) = self.services.blocking.next_ready() {
            for id in ready.sessions {
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

    fn retry(&mut self, id: Id) {
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
        // The session's rights or the state of the server may have changed while it waited.
        let verdict = gate::judge(
            &session,
            &self.services,
            parked.command,
            self.now.unix_ms,
            Origin::Retry,
        );
        let is_done = if let Verdict::Refuse(refusal) = verdict {
            self.refuse(&mut session, Some(parked.command), &refusal);
            true
        } else {
            self.run(
                &mut session,
                parked.command,
                parked.args.as_args(),
                Origin::Retry,
            )
        };
        session.parked = Some(parked);
        if is_done {
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

    /// Serves those who wait for the disk, if it has come further. Tells whether there is something to send.
    pub fn serve_offset_waiters(&mut self) -> bool {
        let has_news = self.services.appending.has_news();
        if !has_news || self.services.blocking.for_offset.is_empty() {
            return false;
        }
        for id in self.services.blocking.for_offset.clone() {
            self.retry(id);
        }
        true
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
            forget_wait(&mut self.services, &mut session);
            self.sessions.again.push(id);
        }
        self.sessions.put_back(session);
    }

    /// Ends the waits whose deadline has passed, and the pause when its time is over.
    pub(super) fn wake_overdue(&mut self) {
        while let Some(id) = self.services.blocking.next_overdue(self.now.unix_ms) {
            end_wait(
                &mut self.sessions,
                &mut self.services,
                id,
                &Ending::TimedOut,
                self.now.unix_ms,
            );
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
        blocking.leave(
            session.id,
            parked.db,
            &parked.keys,
            parked.deadline_ms,
            parked.woken_by(),
        );
        if parked.waiting == Waiting::Offset {
            blocking.for_offset.retain(|id| *id != session.id);
        }
    }
    if session.has(flag::POSTPONED) {
        session.unset(flag::POSTPONED);
        services.pause.postponed.retain(|id| *id != session.id);
        services.blocking.parked_count -= 1;
    }
}

/// Ends a wait without serving it. Tells whether there was one that can be ended so.
pub fn end_wait(
    sessions: &mut Sessions,
    services: &mut Services,
    id: Id,
    ending: &Ending,
    unix_ms: i64,
) -> bool {
    let Some(session) = sessions.get_mut(id) else {
        return false;
    };
    let Some(parked) = &session.parked else {
        return false;
    };
    if !matches!(parked.waiting, Waiting::Keys | Waiting::Offset) {
        return false;
    }
    let on_timeout = parked.on_timeout;
    call::count_parked(
        services,
        session,
        parked,
        matches!(ending, Ending::Refused(_)),
        unix_ms,
    );
    if !session.is_closing() {
        let was_empty = session.output.is_empty();
        let muted = session.has(flag::REPLY_OFF | flag::REPLY_SKIP);
        let mut reply = Reply::with_muted(&mut session.output, session.protocol, muted);
        match ending {
            Ending::TimedOut => {
                let on_disk = services.appending.is_on_disk(session.written_to);
                time_out(&mut reply, on_timeout, on_disk);
            }
            Ending::Refused(refusal) => {
                services.stats.error(refusal.text());
                reply.error(refusal.text());
            }
        }
        if was_empty {
            sessions.with_output.push(id);
        }
    }
    let Some(session) = sessions.get_mut(id) else {
        return false;
    };
    session.commands_processed += 1;
    forget_wait(services, session);
    sessions.again.push(id);
    true
}

fn time_out(reply: &mut Reply<'_>, on_timeout: OnTimeout, on_disk: bool) {
    match on_timeout {
        OnTimeout::NullArray => reply.null_array(),
        OnTimeout::Null => reply.null(),
        OnTimeout::Acknowledged => reply.integer(0),
        OnTimeout::OnDisk => {
            reply.array(2);
            reply.integer(i64::from(on_disk));
            reply.integer(0);
        }
    }
}
