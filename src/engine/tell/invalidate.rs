//! Tells sessions with a cache of their own which of the keys they read have changed.
//!
//! The readers of keys are in `tracking`; when keys change, settling comes here. A message reaches a session as a push
//! in RESP3. A session that cannot be pushed to names another to be told in its place; if the other speaks RESP2, it
//! gets a message of the channel `__redis__:invalidate`.
//!
//! ```text
//! >2 invalidate *1 key                              to itself, or to another that speaks RESP3
//! *3 message __redis__:invalidate *1 key            to another that speaks RESP2 and is subscribed
//! ```
//!
//! Readers are told while the change settles, listeners to prefixes once per turn. In place of the list of keys, null
//! stands for all of them.

use crate::base::slab::Id;
use crate::spec::Propagates;
use crate::spec::flags::flag as command_flag;
use crate::spec::keys::{self, Wanted};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use crate::engine::Engine;
use crate::engine::run::command::Command;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::facts::Facts;
use crate::engine::session::{Session, TrackingMode};
use crate::engine::tell::deliver;

/// Which keys a message is about.
#[derive(Clone, Copy)]
enum Gone<'a> {
    These(&'a [&'a [u8]]),
    All,
}

/// Notes which keys a command has read for a session that caches them. `ctx.session` is the client's own session, also
/// when a script runs the command.
#[cold]
pub(crate) fn remember_reads(ctx: &mut Ctx<'_>, command: &Facts, args: Args<'_>) {
    let Some(tracking) = &ctx.session.tracking else {
        return;
    };
    let wants = match tracking.mode {
        TrackingMode::Read => true,
        TrackingMode::OptIn => tracking.caching,
        TrackingMode::OptOut => !tracking.caching,
        TrackingMode::Broadcast => false,
    };
    // A script reads nothing itself; the commands it runs come here too.
    let is_script = command.spec.propagates == Propagates::Parts
        || command.has(command_flag::NO_MANDATORY_KEYS);
    if !wants
        || is_script
        || !command.has(command_flag::READONLY)
        || command.has(command_flag::PUBSUB)
    {
        return;
    }
    if ctx.origin == Origin::Replay || ctx.session.parked.is_some() {
        return;
    }
    let mut found = Vec::new();
    keys::extract(command.spec, &args, Wanted::Keys, &mut found);
    for key in found {
        ctx.services
            .tracking
            .remember(args.at(key.index), ctx.session.id);
    }
}

/// Notes which keys a command has changed, before its reads and later ones are noted.
#[cold]
pub(crate) fn note_changes(ctx: &mut Ctx<'_>) {
    let tracking = &mut ctx.services.tracking;
    let (keys, facts) = ctx.keys.space.journal.changed_since(tracking.facts_seen());
    tracking.see_changes(keys, facts, Some(ctx.session.id));
}

/// The word of CLIENT CACHING holds for one command, or for one transaction.
#[inline]
pub(in crate::engine) fn end_caching(session: &mut Session, command: Option<&Command>) {
    if let Some(tracking) = &mut session.tracking
        && session.transaction.is_none()
        && !command.is_some_and(|command| command.has(command_flag::KEEPS_CACHING))
    {
        tracking.caching = false;
    }
}

impl Engine {
    /// Notes the changes that no command has noted: keys that expired by themselves, mostly.
    pub(in crate::engine) fn note_changes(&mut self) {
        let tracking = &mut self.services.tracking;
        if !tracking.is_idle() {
            let (keys, facts) = self.keyspace.journal.changed_since(tracking.facts_seen());
            tracking.see_changes(keys, facts, None);
        }
    }

    /// Tells the readers of the keys that changed.
    pub(in crate::engine) fn tell_readers(&mut self) {
        for (key, readers, cause) in self.services.tracking.take_due() {
            for reader in readers {
                self.tell_reader(reader, &key, cause);
            }
        }
    }

    /// Everything has changed.
    pub(in crate::engine) fn invalidate_all(&mut self) {
        self.services.tracking.forget_keys();
        let ids: Vec<Id> = (self
            .sessions
            .iter()
            .filter(|session| session.tracking.is_some()))
        .map(|session| session.id)
        .collect();
        for id in ids {
            self.tell(id, Gone::All);
        }
    }

    /// Announces keys that were only read, while more are remembered than the configuration allows.
    pub(in crate::engine) fn trim_tracking(&mut self) {
        let most = self.services.config.tracking_table_max_keys as usize;
        for (key, readers) in self.services.tracking.drop_excess(most) {
            for reader in readers {
                self.tell_reader(reader, &key, None);
            }
        }
    }

    /// Sends the changes under prefixes since the last turn.
    pub(in crate::engine) fn broadcast_invalidations(&mut self) {
        for broadcast in self.services.tracking.take_broadcasts() {
            let all: Vec<&[u8]> = broadcast
                .keys
                .iter()
                .map(|(key, _)| key.as_slice())
                .collect();
            for &id in &broadcast.listeners {
                let tracking = self
                    .sessions
                    .get(id)
                    .and_then(|session| session.tracking.as_ref());
                let Some(tracking) = tracking else { continue };
                if tracking.no_loop {
                    let others = broadcast
                        .keys
                        .iter()
                        .filter(|(_, cause)| *cause != Some(id));
                    let others: Vec<&[u8]> = others.map(|(key, _)| key.as_slice()).collect();
                    if !others.is_empty() {
                        self.tell(id, Gone::These(&others));
                    }
                } else {
                    self.tell(id, Gone::These(&all));
                }
            }
        }
    }

    fn tell_reader(&mut self, id: Id, key: &[u8], cause: Option<Id>) {
        let tracking = self
            .sessions
            .get(id)
            .and_then(|session| session.tracking.as_ref());
        let wants = tracking.is_some_and(|tracking| {
            tracking.mode != TrackingMode::Broadcast && !(tracking.no_loop && cause == Some(id))
        });
        if wants {
            self.tell(id, Gone::These(&[key]));
        }
    }

    /// Sends a message to a session that tracks, or to the one it has named.
    fn tell(&mut self, id: Id, gone: Gone<'_>) {
        let Some(tracking) = self
            .sessions
            .get_mut(id)
            .and_then(|session| session.tracking.as_mut())
        else {
            return;
        };
        let redirect = tracking.redirect;
        if redirect == 0 {
            deliver::push_to(&mut self.sessions, id, |reply| {
                if reply.is_resp3() {
                    push(reply, gone);
                }
            });
            return;
        }
        let target = self
            .sessions
            .by_number(redirect)
            .and_then(|id| self.sessions.get(id));
        let Some(target) = target.filter(|target| !target.is_cut()) else {
            self.say_broken(id, redirect);
            return;
        };
        let (target, is_subscribed) = (target.id, target.is_subscribed());
        deliver::push_to(&mut self.sessions, target, |reply| {
            if reply.is_resp3() {
                push(reply, gone);
            } else if is_subscribed {
                reply.array(3);
                reply.bulk(b"message");
                reply.bulk(b"__redis__:invalidate");
                list(reply, gone);
            }
        });
    }

    /// The session that was to be told is gone; its principal can only be told of that.
    fn say_broken(&mut self, id: Id, redirect: u64) {
        if let Some(tracking) = self
            .sessions
            .get_mut(id)
            .and_then(|session| session.tracking.as_mut())
        {
            tracking.is_broken = true;
        }
        deliver::push_to(&mut self.sessions, id, |reply| {
            if reply.is_resp3() {
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.integer(redirect as i64);
            }
        });
    }
}

fn push(reply: &mut Reply<'_>, gone: Gone<'_>) {
    reply.push(2);
    reply.bulk(b"invalidate");
    list(reply, gone);
}

fn list(reply: &mut Reply<'_>, gone: Gone<'_>) {
    match gone {
        Gone::These(keys) => {
            reply.array(keys.len());
            for key in keys {
                reply.bulk(key);
            }
        }
        Gone::All => reply.null(),
    }
}
