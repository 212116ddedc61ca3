//! The blocks of a stream in order, on two levels.
//!
//! ```text
//! segments: [ Arc -> [ Arc block, Arc block, .. up to 128 ], Arc -> [ .. ], .. ]
//! ```
//!
//! Streams grow at one end and are cut at the other, and entries never move between blocks, so no tree is needed:
//! finding a block is two binary searches. The levels are shared (`Arc`) so that a copy of the whole stream, which a
//! snapshot or COPY takes, costs one count per segment; a later change of a block copies that segment's list and that
//! block only.
//!
//! Invariants: no segment is empty; keys of blocks ascend strictly.

use std::sync::Arc;

use crate::store::mover::Mover;

use super::block::Block;
use super::id::StreamId;

/// Small enough that copying or shifting one segment's list is nothing, large enough that a hundred million entries
/// make a list of a few thousand segments.
const SEGMENT_BLOCKS: usize = 128;

#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    segments: Vec<Arc<Vec<Arc<Block>>>>,
    count: usize,
}

/// Where a block is. Valid until a block is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    segment: usize,
    block: usize,
}

impl Blocks {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, place: Place) -> &Arc<Block> {
        &self.segments[place.segment][place.block]
    }

    /// The block for changing. Copies it if somebody else holds it.
    pub(crate) fn get_mut(&mut self, place: Place) -> &mut Block {
        let segment = Arc::make_mut(&mut self.segments[place.segment]);
        Arc::make_mut(&mut segment[place.block])
    }

    /// Moves blocks that lie badly, from this segment on; those that copies share stay.
    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        for (at, segment) in (from..).zip(self.segments.iter_mut().skip(from as usize)) {
            if at > from && mover.is_over() {
                return at;
            }
            mover.shared(segment, |mover, blocks| {
                for block in blocks.iter_mut() {
                    mover.shared(block, |mover, block| block.relocate(mover));
                }
                mover.vec(blocks);
            });
        }
        0
    }

    pub(crate) fn first(&self) -> Option<Place> {
        (self.count > 0).then_some(Place {
            segment: 0,
            block: 0,
        })
    }

    pub(crate) fn last(&self) -> Option<Place> {
        let segment = self.segments.len().checked_sub(1)?;
        Some(Place {
            segment,
            block: self.segments[segment].len() - 1,
        })
    }

    pub(crate) fn next(&self, place: Place) -> Option<Place> {
        if place.block + 1 < self.segments[place.segment].len() {
            return Some(Place {
                block: place.block + 1,
                ..place
            });
        }
        let segment = place.segment + 1;
        (segment < self.segments.len()).then_some(Place { segment, block: 0 })
    }

    pub(crate) fn previous(&self, place: Place) -> Option<Place> {
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
    pub(crate) fn find(&self, id: StreamId) -> Option<Place> {
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
    pub(crate) fn push(&mut self, block: Block) {
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

    pub(crate) fn remove(&mut self, place: Place) {
        let segment = Arc::make_mut(&mut self.segments[place.segment]);
        segment.remove(place.block);
        if segment.is_empty() {
            self.segments.remove(place.segment);
        }
        self.count -= 1;
    }

    /// How many nodes a compressed radix tree of the blocks' keys would have. Real servers keep one, and tell.
    ///
    /// A tree of so many blocks that counting took noticeable time is judged by its beginning.
    pub(crate) fn radix_nodes(&self) -> usize {
        let keys = self.iter().map(|block| block.first().to_bytes());
        let counted = radix_nodes(keys.take(COUNTED_BLOCKS_MAX));
        let rest = self.count.saturating_sub(COUNTED_BLOCKS_MAX);
        counted + counted * rest / COUNTED_BLOCKS_MAX
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.segments.iter().flat_map(|segment| segment.iter())
    }

    pub(crate) fn memory(&self) -> usize {
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
    pub(crate) fn validate(&self) {
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

/// Walks over ascending keys. Each adds its leaf, the run of bytes that only it has, and where it leaves its
/// predecessor's path a branching node, unless there is one; that may cut a run in two.
fn radix_nodes(keys: impl Iterator<Item = [u8; KEY_BYTES as usize]>) -> usize {
    let mut nodes = 1;
    let mut last: Option<u128> = None;
    // At which depths the path to the last key branches.
    let mut branches = 0_u32;
    for key in keys.map(u128::from_be_bytes) {
        nodes += 1;
        if let Some(last) = last {
            let depth = (last ^ key).leading_zeros() / 8;
            let before = branches & ((1 << depth) - 1);
            if branches & 1 << depth == 0 {
                let run_start = u32::BITS - before.leading_zeros();
                let after = branches >> (depth + 1);
                let run_end = match after {
                    0 => KEY_BYTES,
                    after => depth + 1 + after.trailing_zeros(),
                };
                nodes += usize::from(run_start < depth) + usize::from(depth + 1 < run_end);
            }
            nodes += usize::from(depth + 1 < KEY_BYTES);
            branches = before | 1 << depth;
        }
        last = Some(key);
    }
    nodes
}

const KEY_BYTES: u32 = 16;

/// About a million entries.
const COUNTED_BLOCKS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// The tree by its definition: a leaf for each key, a node for each branching, one for each run between them.
    fn nodes_of(keys: &[[u8; 16]], depth: usize) -> usize {
        if let [_] = keys {
            return 1 + usize::from(depth < 16);
        }
        let shared = (depth..16)
            .take_while(|at| keys.iter().all(|key| key[*at] == keys[0][*at]))
            .count();
        let at = depth + shared;
        let children = keys.chunk_by(|one, other| one[at] == other[at]);
        let below: usize = children.map(|group| nodes_of(group, at + 1)).sum();
        below + 1 + usize::from(shared > 0)
    }

    #[test]
    fn nodes_of_a_radix_tree() {
        let key = |ms, seq| StreamId { ms, seq }.to_bytes();
        assert_eq!(radix_nodes(std::iter::empty()), 1);
        assert_eq!(radix_nodes(std::iter::once(key(5, 5))), 2);
        let mut rng = Rng::from_seed(3);
        for _ in 0..300 {
            let count = 1 + rng.index(60);
            let mut keys: Vec<_> = (0..count)
                .map(|_| {
                    key(
                        rng.below(4) << (8 * rng.below(8)),
                        rng.next_u64() >> rng.below(64),
                    )
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(radix_nodes(keys.iter().copied()), nodes_of(&keys, 0));
        }
    }
}
