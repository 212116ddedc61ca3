//! Streams: a log of entries and the groups that read it.
//!
//! `log` holds the entries, in blocks that are Redis's listpacks byte for byte (`block`), themselves in a list of
//! two levels (`blocks`). `group` holds what consumer groups know. The two meet in few places, so they are two fields
//! a caller borrows apart: a reply is written from the log while the group notes what was delivered.
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

pub use block::{Block, Entry, Fields};
pub use group::{Claim, Consumer, ConsumerId, Deliveries, Group, Pending};
pub use id::{ID_TEXT_BYTES, NewId, RangeEnd, RangeError, StreamId};
pub use log::{AppendError, Counters, Keep, Log, Precision, Range, RangeBack, StreamLimits};

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
    pub fn len(&self) -> usize {
        self.log.len() as usize
    }

    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    pub fn memory(&self) -> usize {
        let groups: usize = self
            .groups
            .iter()
            .map(|(name, group)| name.len() + group.memory())
            .sum();
        size_of::<Self>() + self.log.memory() + groups
    }

    /// How many allocations there are to free, roughly.
    pub fn weight(&self) -> usize {
        let pending: usize = self
            .groups
            .values()
            .map(|group| 1 + group.pending_count())
            .sum();
        self.log.block_count() + pending
    }

    #[cfg(test)]
    pub fn validate(&self) {
        self.log.validate();
        self.groups.values().for_each(Group::validate);
    }
}
