//! Who listens to what.
//!
//! Three reverse indexes: channels, shard channels and patterns, each from a name to the sessions that shall hear
//! a message. The names that one session listens to are in the session. Here is nothing of replies: a message is
//! turned into bytes by whoever delivers it, because the form depends on the receiver's protocol.
//!
//! Delivery to patterns is linear in the number of distinct patterns. Real servers have tens; if someone has
//! thousands, index patterns by their literal prefix.

use std::collections::BTreeMap;

use crate::base::glob;
use crate::base::slab::Id;

/// What a session may subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Channel,
    Pattern,
    Shard,
}

#[derive(Default)]
pub struct Pubsub {
    /// Invariant, for all three: no list is empty.
    channels: BTreeMap<Vec<u8>, Vec<Id>>,
    shards: BTreeMap<Vec<u8>, Vec<Id>>,
    patterns: BTreeMap<Vec<u8>, Vec<Id>>,
    /// Patterns in the order in which they were first subscribed to: the order of delivery.
    pattern_order: Vec<Vec<u8>>,
}

impl Pubsub {
    fn index(&self, kind: Kind) -> &BTreeMap<Vec<u8>, Vec<Id>> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }
    fn index_mut(&mut self, kind: Kind) -> &mut BTreeMap<Vec<u8>, Vec<Id>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }

    /// The caller has checked that the session does not listen to `name` yet.
    pub fn subscribe(&mut self, kind: Kind, name: &[u8], session: Id) {
        if kind == Kind::Pattern && !self.patterns.contains_key(name) {
            self.pattern_order.push(name.to_vec());
        }
        self.index_mut(kind)
            .entry(name.to_vec())
            .or_default()
            .push(session);
    }

    pub fn unsubscribe(&mut self, kind: Kind, name: &[u8], session: Id) {
        let index = self.index_mut(kind);
        let Some(list) = index.get_mut(name) else {
            return;
        };
        list.retain(|id| *id != session);
        if list.is_empty() {
            index.remove(name);
            if kind == Kind::Pattern {
                self.pattern_order.retain(|pattern| pattern != name);
            }
        }
    }

    /// Those who listen to exactly this channel.
    pub fn listeners(&self, kind: Kind, name: &[u8]) -> &[Id] {
        self.index(kind).get(name).map_or(&[], Vec::as_slice)
    }

    /// The patterns that match `channel`, each with its listeners.
    pub fn matching<'a>(&'a self, channel: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [Id])> {
        (self.pattern_order.iter())
            .filter(move |pattern| glob::matches(pattern, channel, false))
            .map(|pattern| (pattern.as_slice(), self.listeners(Kind::Pattern, pattern)))
    }

    /// Names with at least one listener, for PUBSUB CHANNELS and SHARDCHANNELS.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        self.index(kind).keys().map(Vec::as_slice)
    }
    pub fn count(&self, kind: Kind) -> usize {
        self.index(kind).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_lives_as_long_as_its_listeners() {
        let mut pubsub = Pubsub::default();
        let id = Id {
            index: 1,
            generation: 0,
        };
        pubsub.subscribe(Kind::Pattern, b"n*", id);
        pubsub.subscribe(Kind::Channel, b"news", id);
        assert_eq!(
            pubsub.matching(b"news").collect::<Vec<_>>(),
            [(b"n*".as_slice(), [id].as_slice())]
        );
        pubsub.unsubscribe(Kind::Pattern, b"n*", id);
        assert_eq!(pubsub.matching(b"news").count(), 0);
        assert_eq!(pubsub.listeners(Kind::Channel, b"news"), [id]);
    }
}
