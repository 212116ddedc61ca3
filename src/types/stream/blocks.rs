//! The blocks of a stream in order, on two levels.
//!
//! ```text
//! segments: [ Arc -> [ Arc block, Arc block, .. up to 128 ], Arc -> [ .. ], .. ]
//! ```
//!
//! Streams grow at one end and are cut at the other, and entries never move between blocks, so no tree is needed:
//! finding a block is two binary searches. The levels are shared (`Arc`) so that a copy of the whole stream, which a
//! snapshot or COPY takes, costs one count per segment; whoever then changes a block copies that segment's list
//! and that block only.
//!
//! Invariants: no segment is empty; keys of blocks ascend strictly.

use std::sync::Arc;

use super::block::Block;
use super::id::StreamId;

/// Small enough that copying or shifting one segment's list is nothing, large enough that a hundred million entries
/// make a list of a few thousand segments.
const SEGMENT_BLOCKS: usize = 128;

#[derive(Clone, Debug, Default)]
pub struct Blocks {
    segments: Vec<Arc<Vec<Arc<Block>>>>,
    count: usize,
}

/// Where a block is. Valid until a block is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    segment: usize,
    block: usize,
}

impl Blocks {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn get(&self, place: Place) -> &Arc<Block> {
        &self.segments[place.segment][place.block]
    }

    /// The block for changing. Copies it if somebody else holds it.
    pub fn get_mut(&mut self, place: Place) -> &mut Block {
        let segment = Arc::make_mut(&mut self.segments[place.segment]);
        Arc::make_mut(&mut segment[place.block])
    }

    pub fn first(&self) -> Option<Place> {
        (self.count > 0).then_some(Place {
            segment: 0,
            block: 0,
        })
    }

    pub fn last(&self) -> Option<Place> {
        let segment = self.segments.len().checked_sub(1)?;
        Some(Place {
            segment,
            block: self.segments[segment].len() - 1,
        })
    }

    pub fn next(&self, place: Place) -> Option<Place> {
        if place.block + 1 < self.segments[place.segment].len() {
            return Some(Place {
                block: place.block + 1,
                ..place
            });
        }
        let segment = place.segment + 1;
        (segment < self.segments.len()).then_some(Place { segment, block: 0 })
    }

    pub fn previous(&self, place: Place) -> Option<Place> {
        if place.block > 0 {
            return Some(Place {
                block: place.block - 1,
                ..place
            });
        }
        let segment = place.segment.checked_sub(1)?;
        Some(Place {
            segment,
            block: self.segments[segment].len() - 1,
        })
    }

    /// The block an entry with this ID would be in: the last that does not begin after it.
    pub fn find(&self, id: StreamId) -> Option<Place> {
        // Most questions are about the newest entries.
        let last = self.last()?;
        if self.get(last).first() <= id {
            return Some(last);
        }
        let segment = self
            .segments
            .partition_point(|blocks| blocks[0].first() <= id)
            .checked_sub(1)?;
        let block = self.segments[segment].partition_point(|block| block.first() <= id) - 1;
        Some(Place { segment, block })
    }

    /// Adds a block behind the others; its key is larger than theirs.
    pub fn push(&mut self, block: Block) {
        debug_assert!(
            self.last()
                .is_none_or(|last| self.get(last).first() < block.first())
        );
        let block = Arc::new(block);
        match self.segments.last_mut() {
            Some(segment) if segment.len() < SEGMENT_BLOCKS => Arc::make_mut(segment).push(block),
            _ => self.segments.push(Arc::new(vec![block])),
        }
        self.count += 1;
    }

    pub fn remove(&mut self, place: Place) {
        let segment = Arc::make_mut(&mut self.segments[place.segment]);
        segment.remove(place.block);
        if segment.is_empty() {
            self.segments.remove(place.segment);
        }
        self.count -= 1;
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.segments.iter().flat_map(|segment| segment.iter())
    }

    pub fn memory(&self) -> usize {
        let handles = self.count * size_of::<Arc<Block>>()
            + self.segments.len() * size_of::<Vec<Arc<Block>>>();
        // Two counts before each shared block.
        handles
            + self
                .iter()
                .map(|block| block.memory() + 2 * size_of::<usize>())
                .sum::<usize>()
    }

    #[cfg(test)]
    pub fn validate(&self) {
        assert!(
            self.segments
                .iter()
                .all(|segment| !segment.is_empty() && segment.len() <= SEGMENT_BLOCKS)
        );
        assert_eq!(self.count, self.iter().count());
        assert!(
            self.iter()
                .zip(self.iter().skip(1))
                .all(|(a, b)| a.last() < b.first())
        );
    }
}
