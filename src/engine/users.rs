//! Users, joined to the sessions that are them: what is denied is noted and answered, and a change of users reaches the
//! sessions at once.
//!
//! A session stays when its user is switched off or has other rules. It goes when its user is removed, and when it
//! listens to a channel that its user may no longer listen to.

use crate::acl::log::{Context, Event, Reason};
use crate::acl::{Asked, Denial, User, Whereabouts, covers_channel};
use crate::base::slab::Id;
use crate::config::PubsubDefault;
use crate::spec::error::Error;
use crate::wire::args::Args;

use crate::engine::Engine;
use crate::engine::clock::Now;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::facts::Facts;
use crate::engine::services::Services;
use crate::engine::session::{Access, Class, Session, Sessions, line};

/// Why a session's user may not run a command; none if it may.
pub(crate) fn denial(
    services: &Services,
    session: &Session,
    command: &Facts,
    args: Args<'_>,
) -> Option<Denial> {
    if session.access == Access::Unrestricted {
        return None;
    }
    let db = whereabouts(services, session).db;
    let first_key = args.get(usize::from(command.first_key));
    let passes = services.users.passes(&session.user)?;
    if passes.let_through(command.asks(), &args, first_key, db) {
        return None;
    }
    denial_at_length(services, session, command, args)
}

/// The same for a request that is not let through at once.
pub(crate) fn denial_at_length(
    services: &Services,
    session: &Session,
    command: &Facts,
    args: Args<'_>,
) -> Option<Denial> {
    let user = services.users.get(&session.user)?;
    user.denial(&asked(command, &args, whereabouts(services, session)))
}

/// A request, as permissions see it.
#[inline]
pub(crate) fn asked<'a, 'b>(
    command: &Facts,
    args: &'a Args<'b>,
    place: Whereabouts,
) -> Asked<'a, Args<'b>> {
    Asked {
        spec: command.spec,
        number: command.number,
        words: args,
        place,
    }
}

/// Where the next command of a session would run. What MULTI collects may have gone to another database before.
#[inline]
pub(crate) fn whereabouts(services: &Services, session: &Session) -> Whereabouts {
    let transaction = session.transaction.as_ref();
    Whereabouts {
        db: transaction.map_or(session.db, |transaction| transaction.db),
        count: services.config.databases,
    }
}

impl Services {
    /// `acl-pubsub-default`
    pub(crate) fn new_users_have_all_channels(&self) -> bool {
        self.config.acl_pubsub_default == PubsubDefault::AllChannels
    }

    /// Counts a denial and puts it into the log. Returns the words for it.
    pub(crate) fn note_denial(
        &mut self,
        session: &mut Session,
        command: &'static Facts,
        args: Args<'_>,
        denial: Denial,
        (origin, now): (Origin, &Now),
    ) -> Error {
        let reason = match denial {
            Denial::Database(_) => Reason::Database,
            Denial::Command => Reason::Command,
            Denial::Key(_) => Reason::Key,
            Denial::Channel(_) => Reason::Channel,
        };
        let object = denial.object(command.spec, &args);
        if matches!(origin, Origin::Client | Origin::Retry) {
            session.last_command = Some(command);
        }
        self.note_refused(session, reason, object, None, (origin, now));
        let text = denial.text(session.user.name(), command.spec, object, false);
        Error::from([b"NOPERM ", text.as_slice()].concat())
    }

    /// Counts what was refused to a user, and puts it into the log. `user` is who somebody wanted to be.
    pub(crate) fn note_refused(
        &mut self,
        session: &Session,
        reason: Reason,
        object: &[u8],
        user: Option<&[u8]>,
        (origin, now): (Origin, &Now),
    ) {
        let context = if origin == Origin::Script {
            Context::Script
        } else if origin == Origin::Transaction || session.transaction.is_some() {
            Context::Transaction
        } else {
            Context::TopLevel
        };
        let event = Event {
            reason,
            context,
            object: object.to_vec(),
            user: user.unwrap_or(session.user.name()).to_vec(),
        };
        let client = line::text(session, now).into_bytes();
        let most = self.config.acllog_max_len as usize;
        self.denials.note(event, client, now.unix_ms, most);
    }
}

impl Engine {
    /// Looks at all sessions again, after users have changed.
    pub(in crate::engine) fn adopt_users(&mut self) {
        let users = &self.services.users;
        for session in self.sessions.iter_mut() {
            session.look_up_access(users);
        }
        self.adopt_limits();
    }
}

impl Ctx<'_> {
    /// Why the session's user may not run a command; noted already. None if it may.
    pub(crate) fn denied(
        &mut self,
        command: &'static Facts,
        args: Args<'_>,
    ) -> Option<(Denial, Error)> {
        if self.is_replay() {
            return None;
        }
        let denial = denial(self.services, self.session, command, args)?;
        let from = (self.origin, &self.now);
        let error = self
            .services
            .note_denial(self.session, command, args, denial, from);
        Some((denial, error))
    }

    /// Looks at all sessions again, after users have changed.
    pub(crate) fn users_changed(&mut self) {
        let users = &self.services.users;
        self.session.look_up_access(users);
        for session in self.sessions.iter_mut() {
            session.look_up_access(users);
        }
        self.sessions
            .adopt_output_limits(&self.services.config, users.needs_password());
    }

    /// These users and no others, as a file has them.
    pub(crate) fn replace_users(&mut self, users: Vec<(Vec<u8>, User)>) {
        let known = self.services.users.iter();
        let before: Vec<(Vec<u8>, User)> = known
            .map(|(name, user)| (name.to_vec(), user.clone()))
            .collect();
        for gone in self.services.users.replace_all(users) {
            self.expel(gone);
        }
        for (name, before) in before {
            if let Some(id) = self.services.users.id(&name)
                && let Some(after) = self.services.users.named(&name).cloned()
            {
                self.expel_listeners(id, &before, &after);
            }
        }
        self.users_changed();
    }

    /// Whether the command may also look at keys that it does not name.
    pub(crate) fn may_read_all(&self, args: Args<'_>) -> bool {
        let user = self.services.users.get(&self.session.user);
        let place = whereabouts(self.services, self.session);
        user.is_none_or(|user| user.may_read_all(&asked(self.command, &args, place)))
    }

    /// Ends the sessions of a user that is no more.
    pub(crate) fn expel(&mut self, user: Id) {
        self.end_sessions(|session| session.user.is(user));
    }

    /// A user is about to have other rules: ends its sessions that listen to what it may no longer listen to.
    pub(crate) fn expel_listeners(&mut self, user: Id, before: &User, after: &User) {
        let Some(channels) = after.narrowed_channels(before) else {
            return;
        };
        self.end_sessions(|session| session.user.is(user) && listens_elsewhere(session, &channels));
    }

    /// Ends sessions. The one that asks is told how it went before.
    fn end_sessions(&mut self, is_meant: impl Fn(&Session) -> bool) {
        if is_meant(self.session) {
            self.session.be_nobody(&self.services.users);
            self.session.close_after_reply();
        }
        end_all(self.sessions, self.services, is_meant);
    }
}

fn end_all(sessions: &mut Sessions, services: &Services, is_meant: impl Fn(&Session) -> bool) {
    let meant = sessions.iter().filter(|session| is_meant(session));
    let ids: Vec<Id> = meant.map(|session| session.id).collect();
    for id in ids {
        if let Some(session) = sessions.get_mut(id) {
            session.be_nobody(&services.users);
        }
        sessions.close(id);
    }
}

/// Whether a subscriber listens to something that none of the patterns covers.
fn listens_elsewhere(session: &Session, channels: &[&[u8]]) -> bool {
    let Some(all) = session.subscriptions.as_deref() else {
        return false;
    };
    session.class() == Class::Pubsub
        && (all
            .patterns
            .iter()
            .any(|name| !covers_channel(channels, name, true))
            || (all.channels.iter().chain(&all.shards))
                .any(|name| !covers_channel(channels, name, false)))
}
