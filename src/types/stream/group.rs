//! Consumer groups: the entries that each consumer was given and has not acknowledged.
//!
//! The *pending list* of a group maps the ID of each such entry to its delivery; each consumer also keeps the IDs
//! that are its own. Both lists change together, which is why they are private. Consumers are listed by name in
//! byte order, as XINFO and files do.
//!
//! `entries_read` counts how many entries the group has been given since the stream began, and is what makes the
//! *lag* (entries not yet given) a subtraction. It can be unknown: the group was created in the middle, or entries
//! were deleted ahead of it. Then it is estimated where the counters of the stream allow, and null otherwise; the
//! cases are Redis's, since monitoring compares them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::store::mover::Mover;

use super::block::Entry;
use super::id::StreamId;
use super::log::{Counters, Log};
use super::shelf::Shelf;

/// The delivery of an entry that was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) delivered_ms: i64,
    pub(crate) deliveries: u64,
    pub(crate) consumer: ConsumerId,
}

/// Names a consumer within its group until it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerId(u32);

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for anything.
    pub(crate) seen_ms: i64,
    /// When it last was given something, if ever.
    pub(crate) active_ms: Option<i64>,
    pending: Shelf<()>,
}

#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Entries after this one are new to the group.
    pub(crate) last_id: StreamId,
    /// How many entries up to `last_id` were ever added to the stream; None if nobody can say.
    pub(crate) entries_read: Option<u64>,
    pending: Shelf<Pending>,
    by_name: BTreeMap<Box<[u8]>, ConsumerId>,
    /// By id. A slot without a consumer is reused.
    consumers: Vec<Option<Consumer>>,
}

/// XCLAIM's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// Only entries idle for at least so long, as of `now_ms`.
    pub(crate) idle_min_ms: i64,
    pub(crate) now_ms: i64,
    /// The new time of delivery.
    pub(crate) delivered_ms: i64,
    pub(crate) deliveries: Deliveries,
    /// Claim an entry even if it is pending for nobody.
    pub(crate) force: bool,
}

/// The effect of a claim on the number of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deliveries {
    /// JUSTID.
    Kept,
    Incremented,
    Set(u64),
}

impl Group {
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self {
            last_id,
            entries_read,
            ..Self::default()
        }
    }

    // ---- consumers ----

    pub(crate) fn consumer_id(&self, name: &[u8]) -> Option<ConsumerId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers[id.0 as usize]
            .as_ref()
            .expect("a consumer's id lives as long as it does")
    }

    pub(crate) fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id.0 as usize]
            .as_mut()
            .expect("a consumer's id lives as long as it does")
    }

    /// Consumers by name.
    pub(crate) fn consumers(&self) -> impl ExactSizeIterator<Item = (ConsumerId, &Consumer)> {
        self.by_name.values().map(|id| (*id, self.consumer(*id)))
    }

    pub(crate) fn consumer_count(&self) -> usize {
        self.by_name.len()
    }

    /// None if there is one of that name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerId> {
        if self.by_name.contains_key(name) {
            return None;
        }
        let consumer = Some(Consumer {
            name: name.into(),
            seen_ms: now_ms,
            active_ms: None,
            pending: Shelf::default(),
        });
        let slot = if let Some(slot) = self.consumers.iter().position(Option::is_none) {
            self.consumers[slot] = consumer;
            slot
        } else {
            self.consumers.push(consumer);
            self.consumers.len() - 1
        };
        let id = ConsumerId(slot as u32);
        self.by_name.insert(name.into(), id);
        Some(id)
    }

    /// Forgets a consumer and everything pending for it. Returns how many entries that were.
    pub(crate) fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.by_name.remove(name)?;
        let consumer = self.consumers[id.0 as usize]
            .take()
            .expect("the names list living consumers");
        for (entry, ()) in consumer.pending.iter() {
            self.pending.remove(entry);
        }
        Some(consumer.pending.len())
    }

    // ---- pending entries ----

    pub(crate) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// Pending entries of all consumers in this range of IDs, which may be empty.
    pub(crate) fn pending_range(
        &self,
        ids: RangeInclusive<StreamId>,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        self.pending.range(ids)
    }

    /// A new entry goes to a consumer, or an entry that is pending already goes to it as if it were new (that
    /// happens after XGROUP SETID went back).
    pub fn deliver(&mut self, id: StreamId, consumer: ConsumerId, now_ms: i64) {
        self.put(
            id,
            Pending {
                delivered_ms: now_ms,
                deliveries: 1,
                consumer,
            },
        );
    }

    /// Makes `pending` the only record of `id`, as files and replicas tell it.
    pub(crate) fn put(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        match before {
            Some(before) if before.consumer == pending.consumer => {}
            before => {
                if let Some(before) = before {
                    self.consumer_mut(before.consumer).pending.remove(id);
                }
                self.consumer_mut(pending.consumer).pending.insert(id, ());
            }
        }
    }

    /// A consumer reads its own pending entry again. Nothing happens if it is not pending.
    pub(crate) fn redeliver(&mut self, id: StreamId, now_ms: i64) {
        if let Some(pending) = self.pending.get_mut(id) {
            pending.delivered_ms = now_ms;
            pending.deliveries += 1;
        }
    }

    /// True if it was pending.
    pub(crate) fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else {
            return false;
        };
        self.consumer_mut(pending.consumer).pending.remove(id);
        true
    }

    /// XCLAIM of one entry that the stream still has. True if it is the consumer's now.
    pub(crate) fn claim(&mut self, id: StreamId, consumer: ConsumerId, claim: &Claim) -> bool {
        let before = self.pending.get(id).copied();
        // An entry that was pending for nobody counts as delivered once already.
        let deliveries = match before {
            None if !claim.force => return false,
            // A delivery may lie in the future if the clock went back; without a minimum it is claimed all the same.
            Some(before)
                if claim.idle_min_ms > 0
                    && claim.now_ms.saturating_sub(before.delivered_ms) < claim.idle_min_ms =>
            {
                return false;
            }
            before => before.map_or(1, |before| before.deliveries),
        };
        let deliveries = match claim.deliveries {
            Deliveries::Kept => deliveries,
            Deliveries::Incremented => deliveries.saturating_add(1),
            Deliveries::Set(count) => count,
        };
        self.put(
            id,
            Pending {
                delivered_ms: claim.delivered_ms,
                deliveries,
                consumer,
            },
        );
        self.consumer_mut(consumer).active_ms = Some(claim.now_ms);
        true
    }

    /// XAUTOCLAIM: walks pending entries from `start` and claims up to `count` that are idle enough. One whose entry is
    /// gone becomes pending for nobody, and counts too. Looks at ten times as many at most, so that one call stays
    /// short however long the list is. Returns where to go on; 0-0 when all was seen.
    ///
    /// `show` is told of each in the order of the list: its delivery as it is now, or was at last, and its entry.
    pub(crate) fn autoclaim<'l>(
        &mut self,
        log: &'l Log,
        consumer: ConsumerId,
        start: StreamId,
        count: usize,
        claim: &Claim,
        mut show: impl FnMut(&Self, StreamId, Option<Entry<'l>>),
    ) -> StreamId {
        let mut left = count;
        let mut attempts = count.saturating_mul(10);
        let mut from = Some(start);
        while let Some((id, _)) =
            from.and_then(|from| self.pending.range(from..=StreamId::MAX).next())
        {
            if left == 0 || attempts == 0 {
                return id;
            }
            attempts -= 1;
            let entry = log.entry(id);
            if entry.is_none() {
                show(self, id, None);
                self.acknowledge(id);
                left -= 1;
            } else if self.claim(id, consumer, claim) {
                show(self, id, entry);
                left -= 1;
            }
            from = id.next();
        }
        StreamId::MIN
    }

    // ---- how far the group has read ----

    /// An entry after `last_id` was given to the group.
    pub(crate) fn advance(&mut self, id: StreamId, stream: &Counters) {
        if id <= self.last_id {
            return;
        }
        match self.entries_read {
            // The count was right and nothing is missing between it and the end of the stream, so this is the next.
            Some(count)
                if self.last_id >= stream.first_id && !stream.has_tombstone_after(self.last_id) =>
            {
                self.entries_read = Some(count.wrapping_add(1));
            }
            _ if stream.entries_added > 0 => self.entries_read = stream.entries_up_to(id),
            _ => {}
        }
        self.last_id = id;
    }

    /// How many entries the group has not been given yet. None if that cannot be known.
    pub(crate) fn lag(&self, stream: &Counters) -> Option<i64> {
        if stream.entries_added == 0 || stream.len == 0 {
            return Some(0);
        }
        if self.last_id < stream.first_id && stream.max_deleted_id < stream.first_id {
            return Some(stream.len as i64);
        }
        let read = match self.entries_read {
            Some(count) if !stream.has_tombstone_after(self.last_id) => Some(count),
            _ => stream.entries_up_to(self.last_id),
        };
        read.map(|read| stream.entries_added.wrapping_sub(read) as i64)
    }

    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        self.pending.relocate(mover);
        for consumer in self.consumers.iter_mut().flatten() {
            mover.bytes(&mut consumer.name);
            consumer.pending.relocate(mover);
        }
    }

    pub(crate) fn memory(&self) -> usize {
        let names = self
            .by_name
            .keys()
            .map(|name| 2 * name.len())
            .sum::<usize>();
        let of_consumers = self.pending.len() * size_of::<StreamId>();
        size_of::<Self>()
            + names
            + self.by_name.len() * (size_of::<Box<[u8]>>() + size_of::<ConsumerId>())
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.pending.memory()
            + of_consumers
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        let mut listed = 0;
        for (name, id) in &self.by_name {
            let consumer = self.consumer(*id);
            assert_eq!(name, &consumer.name);
            consumer.pending.validate();
            for (entry, ()) in consumer.pending.iter() {
                assert_eq!(
                    self.pending(entry).map(|pending| pending.consumer),
                    Some(*id)
                );
            }
            listed += consumer.pending.len();
        }
        self.pending.validate();
        assert_eq!(listed, self.pending.len());
        assert_eq!(self.consumers.iter().flatten().count(), self.by_name.len());
    }
}

impl Consumer {
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// IDs pending for this consumer, from `start` on.
    pub(crate) fn pending_from(
        &self,
        start: StreamId,
    ) -> impl DoubleEndedIterator<Item = StreamId> {
        self.pending.range(start..=StreamId::MAX).map(|(id, ())| id)
    }
}

impl Counters {
    /// Whether an entry from `start` on was deleted out of the middle.
    fn has_tombstone_after(&self, start: StreamId) -> bool {
        if self.len == 0
            || self.max_deleted_id == StreamId::MIN
            || self.first_id > self.max_deleted_id
        {
            return false;
        }
        start <= self.max_deleted_id
    }

    /// How many entries were added up to and including `id`, if that can be told.
    pub(crate) fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.len == 0 && id < self.last_id {
            return Some(self.entries_added);
        }
        if id != StreamId::MIN && id < self.max_deleted_id {
            return None;
        }
        match id.cmp(&self.last_id) {
            std::cmp::Ordering::Equal => return Some(self.entries_added),
            std::cmp::Ordering::Greater => return None,
            std::cmp::Ordering::Less => {}
        }
        if self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id {
            let before_first = self.entries_added.wrapping_sub(self.len);
            match id.cmp(&self.first_id) {
                std::cmp::Ordering::Less => return Some(before_first),
                std::cmp::Ordering::Equal => return Some(before_first.wrapping_add(1)),
                std::cmp::Ordering::Greater => {}
            }
        }
        None
    }
}
