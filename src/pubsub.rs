//! Subscriptions: channel or pattern → sessions.
//!
//! Three reverse indexes: channels, shard channels and patterns, each from a name to the sessions that shall hear a
//! message. The names that one session listens to are in the session. Not known here: replies. A message is turned into
//! bytes where it is delivered, because the form depends on the receiver's protocol.
//!
//! Listeners are ordered by their ids: to unsubscribe is a search, however many listen to the same name, and a message
//! goes through the sessions in the order in which they lie in memory.
//!
//! Delivery to patterns is linear in the number of distinct patterns. Real servers have tens; if someone has
//! thousands, index patterns by their literal prefix.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::glob;
use crate::base::slab::Id;

/// The kinds of names that a session may subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Shard,
}

/// The sessions that listen to one name.
pub(crate) type Listeners = BTreeSet<Id>;

#[derive(Default)]
pub(crate) struct Pubsub {
    channels: Index,
    shards: Index,
    patterns: Index,
    /// Patterns in the order in which they were first subscribed to: the order of delivery.
    pattern_order: BTreeMap<u64, Vec<u8>>,
    /// How many patterns there have ever been.
    last_place: u64,
}

/// Names, each with its listeners and its place. Invariant: no set of listeners is empty.
type Index = BTreeMap<Vec<u8>, Named>;

#[derive(Default)]
struct Named {
    listeners: Listeners,
    /// Of a pattern: its key in `pattern_order`.
    place: u64,
}

impl Pubsub {
    fn index(&self, kind: Kind) -> &Index {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }
    fn index_mut(&mut self, kind: Kind) -> &mut Index {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }

    pub(crate) fn subscribe(&mut self, kind: Kind, name: &[u8], session: Id) {
        if let Some(named) = self.index_mut(kind).get_mut(name) {
            named.listeners.insert(session);
            return;
        }
        self.last_place += 1;
        let named = Named {
            listeners: Listeners::from([session]),
            place: self.last_place,
        };
        if kind == Kind::Pattern {
            self.pattern_order.insert(named.place, name.to_vec());
        }
        self.index_mut(kind).insert(name.to_vec(), named);
    }

    pub(crate) fn unsubscribe(&mut self, kind: Kind, name: &[u8], session: Id) {
        let index = self.index_mut(kind);
        let Some(named) = index.get_mut(name) else {
            return;
        };
        named.listeners.remove(&session);
        if named.listeners.is_empty() {
            let place = named.place;
            index.remove(name);
            if kind == Kind::Pattern {
                self.pattern_order.remove(&place);
            }
        }
    }

    /// The sessions that listen to exactly this channel.
    pub(crate) fn listeners(&self, kind: Kind, name: &[u8]) -> &Listeners {
        static NOBODY: Listeners = Listeners::new();
        self.index(kind)
            .get(name)
            .map_or(&NOBODY, |named| &named.listeners)
    }

    /// The patterns that match `channel`, each with its listeners.
    pub(crate) fn matching<'a>(
        &'a self,
        channel: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a Listeners)> {
        (self.pattern_order.values())
            .filter(move |pattern| glob::matches(pattern, channel, false))
            .map(|pattern| (pattern.as_slice(), self.listeners(Kind::Pattern, pattern)))
    }

    /// Names with at least one listener, for PUBSUB CHANNELS and SHARDCHANNELS.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        self.index(kind).keys().map(Vec::as_slice)
    }
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.index(kind).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn id(index: u32) -> Id {
        Id {
            index,
            generation: 0,
        }
    }

    #[test]
    fn a_pattern_lives_as_long_as_its_listeners() {
        let mut pubsub = Pubsub::default();
        pubsub.subscribe(Kind::Pattern, b"n*", id(1));
        pubsub.subscribe(Kind::Channel, b"news", id(1));
        assert_eq!(
            pubsub.matching(b"news").collect::<Vec<_>>(),
            [(b"n*".as_slice(), &Listeners::from([id(1)]))]
        );
        pubsub.unsubscribe(Kind::Pattern, b"n*", id(1));
        assert_eq!(pubsub.matching(b"news").count(), 0);
        assert!(pubsub.listeners(Kind::Channel, b"news").contains(&id(1)));
    }

    /// Subscriptions come and go at random; a list of them says which session must hear what, and in which order.
    #[test]
    fn indexes_agree_with_a_plain_list() {
        let mut rng = Rng::from_seed(11);
        let mut pubsub = Pubsub::default();
        let mut model: Vec<(u8, Id)> = Vec::new();
        // Patterns that are there, in the order in which they came.
        let mut order: Vec<u8> = Vec::new();
        for _ in 0..20_000 {
            let (letter, session) = (b'a' + rng.below(6) as u8, id(rng.below(20) as u32));
            let kinds = [Kind::Channel, Kind::Pattern, Kind::Shard];
            if rng.one_in(2) {
                for kind in kinds {
                    pubsub.subscribe(kind, &[letter], session);
                }
                if !model.contains(&(letter, session)) {
                    model.push((letter, session));
                }
                if !order.contains(&letter) {
                    order.push(letter);
                }
            } else {
                for kind in kinds {
                    pubsub.unsubscribe(kind, &[letter], session);
                }
                model.retain(|known| *known != (letter, session));
                order.retain(|known| model.iter().any(|(letter, _)| letter == known));
            }
            let expected: Listeners = (model.iter())
                .filter(|(of, _)| *of == letter)
                .map(|(_, session)| *session)
                .collect();
            for kind in kinds {
                assert_eq!(*pubsub.listeners(kind, &[letter]), expected);
                assert_eq!(pubsub.count(kind), order.len());
            }
            assert_eq!(
                pubsub.matching(&[letter]).count(),
                usize::from(!expected.is_empty())
            );
            let known: Vec<u8> = pubsub.pattern_order.values().map(|name| name[0]).collect();
            assert_eq!(known, order);
        }
    }
}
