//! Turns the facts of the last command into consequences for everybody else.
//!
//! The journal holds facts; here they become consequences, in the order in which they happened: watchers are spoiled,
//! waiting clients are put on the ready list, keyspace events go out as messages. Then the stream of commands goes to
//! the log and the replicas. Handlers never do any of this themselves.

use crate::blocking::WokenBy;
use crate::keyspace::Event;
use crate::keyspace::journal::{Fact, Facts, interest};
use crate::pubsub;
use crate::spec::flags::class;

use crate::engine::Engine;
use crate::engine::services::Services;

use crate::engine::tell::deliver::{self, Reach};

impl Engine {
    /// The active consumers of the journal, as bits.
    #[inline]
    pub(in crate::engine) fn listeners(services: &Services) -> u8 {
        let mut who = interest::NOBODY;
        if !services.watchers.is_empty()
            || !services.blocking.is_empty()
            || !services.tracking.is_idle()
            || services.replication.is_written_to
        {
            who |= interest::KEYS;
        }
        if !services.config.notify_keyspace_events.is_empty() {
            who |= interest::EVENTS;
        }
        if services.is_fed() {
            who |= interest::REMOVALS;
        }
        who
    }

    /// Works the journal off. Every session is at its place in the slab, the one that caused it included.
    pub(in crate::engine) fn settle(&mut self) {
        self.append_removals();
        self.note_changes();
        let facts = self.keyspace.journal.take();
        self.tell_readers();
        for fact in facts.iter() {
            match fact {
                Fact::Added { db, key, kind } => {
                    // Nobody waits for what nothing can be taken from; not even if a list has taken its place since.
                    if kind.row().is_awaited {
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
                    session.is_watch_broken = true;
                }
            }
        }
        self.tell_waiters(db, key, WokenBy::Loss);
    }

    /// A key expired or was evicted. A session that began to watch it when it was due already sees no change.
    fn key_vanished(&mut self, db: u16, key: &[u8]) {
        for id in self.services.watchers.of(db, key) {
            let Some(session) = self.sessions.get_mut(*id) else {
                continue;
            };
            match session.watched_key(db, key) {
                Some(watched) if watched.was_expired => watched.was_expired = false,
                _ => session.is_watch_broken = true,
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
        let wanted = self.services.config.notify_keyspace_events;
        if !wanted.wants(event.class()) {
            return;
        }
        if wanted.0.has(class::KEYSPACE) {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish_event(&channel, event.name().as_bytes());
        }
        if wanted.0.has(class::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{}", event.name());
            self.publish_event(channel.as_bytes(), key);
        }
    }

    fn publish_event(&mut self, channel: &[u8], message: &[u8]) {
        let mut reach = Reach::all(&mut self.sessions);
        deliver::publish(
            &mut reach,
            &self.services.pubsub,
            pubsub::Kind::Channel,
            channel,
            message,
        );
    }
}
