//! Streams: a log of entries and the groups that read it.
//!
//! `log` holds the entries, in blocks that are Redis's listpacks byte for byte (`block`), themselves in a list of two
//! levels (`blocks`). `group` holds the state of consumer groups. The two meet in few places, so they are two fields a
//! caller borrows apart: a reply is written from the log while the group notes the delivery.
//!
//! Time is not known here: IDs that depend on it are resolved from the `now_ms` of the caller.

mod block;
mod blocks;
mod group;
mod id;
mod log;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{Digest, Family, Row};
use crate::store::mover::Mover;

pub(crate) use block::{Block, Entry};
pub use group::Group;
pub(crate) use group::{Claim, ConsumerId, Deliveries, Pending};
pub use id::StreamId;
pub(crate) use id::{ID_TEXT_BYTES, NewId, RangeEnd, RangeError};
pub use log::StreamLimits;
pub(crate) use log::{AppendError, Counters, Keep, Log, Precision};

#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub log: Log,
    /// By name, in byte order as XINFO lists them.
    pub groups: BTreeMap<Box<[u8]>, Group>,
}

impl Stream {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of entries. A stream without any still exists.
    pub(crate) fn len(&self) -> usize {
        self.log.len() as usize
    }

    /// Whether any group has a consumer. Linear in the groups that have none, which is a group that nobody has read
    /// yet; if a stream with thousands of those matters, count them as they come and go.
    #[inline]
    pub(crate) fn has_consumers(&self) -> bool {
        (self.groups.values()).any(|group| group.consumer_count() > 0)
    }

    pub(crate) fn encoding(&self) -> &'static str {
        "stream"
    }

    pub(crate) fn memory(&self) -> usize {
        let groups: usize = self
            .groups
            .iter()
            .map(|(name, group)| name.len() + group.memory())
            .sum();
        size_of::<Self>() + self.log.memory() + groups
    }

    /// How many allocations there are to free, roughly.
    pub(crate) fn weight(&self) -> usize {
        let pending: usize = self
            .groups
            .values()
            .map(|group| 1 + group.pending_count())
            .sum();
        self.log.block_count() + pending
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        self.log.validate();
        self.groups.values().for_each(Group::validate);
    }
}

impl Family for Stream {
    const ROW: Row = Row {
        name: "stream",
        sizes: None,
        digest: 6,
        is_awaited: true,
    };

    fn len(&self) -> usize {
        Stream::len(self)
    }

    fn encoding(&self) -> &'static str {
        Stream::encoding(self)
    }

    fn memory(&self) -> usize {
        Stream::memory(self)
    }

    fn weight(&self) -> usize {
        Stream::weight(self)
    }

    fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        let next = self.log.relocate(mover, from);
        if next == 0 {
            for group in self.groups.values_mut() {
                group.relocate(mover);
            }
        }
        next
    }

    fn digest(&self, digest: &mut Digest) {
        for entry in self.log.range(StreamId::MIN, StreamId::MAX) {
            digest.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (name, value) in entry.fields() {
                digest.mix(name.text(&mut [0; 20]));
                digest.mix(value.text(&mut [0; 20]));
            }
        }
    }

    fn is_shared(&self) -> bool {
        true
    }
}
