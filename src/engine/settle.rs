//! Tells everybody what the last command caused.
//!
//! The journal holds facts; here they become consequences, in the order in which they happened: watchers are
//! spoiled, waiting clients are put on the ready list, keyspace events go out as messages. Then the stream of
//! commands goes to whoever persists or replicates it. Handlers never do any of this themselves.

use std::collections::HashSet;

use crate::base::slab::Id;
use crate::blocking::WokenBy;
use crate::keyspace::journal::{Event, Fact, Facts, class, interest};
use crate::types::Kind;

use super::Engine;
use super::deliver;
use super::services::Services;
use super::session::flag;

impl Engine {
    /// Who listens to the journal just now.
    #[inline]
    pub(super) fn listeners(services: &Services) -> u8 {
        let mut who = interest::NOBODY;
        if !services.watchers.is_empty()
            || !services.blocking.is_empty()
            || !services.tracking.is_idle()
        {
            who |= interest::KEYS;
        }
        if services.config.notify_keyspace_events.0 != 0 {
            who |= interest::EVENTS;
        }
        if services.appending.is_fed() {
            who |= interest::REMOVALS;
        }
        who
    }

    /// Works the journal off. Every session is at its place in the slab, the one that caused it included.
    pub(super) fn settle(&mut self) {
        self.append_removals();
        self.note_changes();
        let facts = self.keyspace.journal.take();
        self.tell_readers();
        for fact in facts.iter() {
            match fact {
                Fact::Added { db, key, kind } => {
                    // Nobody waits for what nothing can be taken from; not even if a list has taken its place since.
                    if matches!(kind, Kind::List | Kind::Zset | Kind::Stream) {
                        self.tell_waiters(*db, facts.key(key), WokenBy::Arrival);
                    }
                }
                Fact::News { db, key } => self.tell_waiters(*db, facts.key(key), WokenBy::News),
                Fact::Changed { db, key } => self.key_changed(*db, facts.key(key)),
                Fact::Event { db, key, event } => self.announce(*db, facts.key(key), *event),
                Fact::Vanished { db, key, .. } => self.key_vanished(*db, facts.key(key)),
                Fact::FieldVanished { .. } => {}
                Fact::Flushed { db } => self.database_changed(*db),
            }
        }
        self.recycle(facts);
    }

    fn recycle(&mut self, facts: Facts) {
        self.keyspace.journal.recycle(facts);
    }

    fn key_changed(&mut self, db: u16, key: &[u8]) {
        if !self.services.watchers.is_empty() {
            for id in self.services.watchers.of(db, key) {
                if let Some(session) = self.sessions.get_mut(*id) {
                    session.set(flag::DIRTY_CAS);
                }
            }
        }
        self.tell_waiters(db, key, WokenBy::Loss);
    }

    /// A key expired or was evicted. For those who began to watch it when it was due already, nothing has changed.
    fn key_vanished(&mut self, db: u16, key: &[u8]) {
        for id in self.services.watchers.of(db, key) {
            let Some(session) = self.sessions.get_mut(*id) else {
                continue;
            };
            match session.watched_key(db, key) {
                Some(watched) if watched.was_expired => watched.was_expired = false,
                _ => session.set(flag::DIRTY_CAS),
            }
        }
        self.tell_waiters(db, key, WokenBy::Loss);
    }

    fn tell_waiters(&mut self, db: u16, key: &[u8], what: WokenBy) {
        if !self.services.blocking.is_empty() {
            self.services.blocking.mark_ready(db, key, what);
        }
    }

    /// A database was flushed or exchanged with another. Its watchers were told by the command, which knows
    /// whether their keys existed.
    fn database_changed(&mut self, db: Option<u16>) {
        if !self.services.blocking.is_empty() {
            self.services.blocking.mark_database_ready(db);
        }
        if !self.services.tracking.is_idle() {
            self.invalidate_all();
        }
    }

    /// Publishes a keyspace event on the channels that the configuration asks for.
    fn announce(&mut self, db: u16, key: &[u8], event: Event) {
        let wanted = self.services.config.notify_keyspace_events.0 as u16;
        if wanted & event.class == 0 {
            return;
        }
        if wanted & class::KEYSPACE != 0 {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish_event(&channel, event.name.as_bytes());
        }
        if wanted & class::KEYEVENT != 0 {
            let channel = format!("__keyevent@{db}__:{}", event.name);
            self.publish_event(channel.as_bytes(), key);
        }
    }

    fn publish_event(&mut self, channel: &[u8], message: &[u8]) {
        deliver::publish(&mut self.sessions, &self.services, channel, message);
    }

    /// Ids of sessions whose input may hold whole requests that no new bytes will announce.
    pub fn take_again(&mut self) -> Vec<Id> {
        let mut again = std::mem::take(&mut self.sessions.again);
        if again.len() > 1 {
            let mut seen = HashSet::with_capacity(again.len());
            again.retain(|id| seen.insert(*id));
        }
        again
    }
}
