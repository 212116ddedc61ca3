//! Records of entries, by their IDs, in blocks that copies share.
//!
//! ```text
//! segments: [ first, Arc -> [ first, Arc -> [ (id, what), .. up to 128 ], .. up to 128 ], .. ]
//! ```
//!
//! The pending list of a group may have a million entries, and a snapshot wants it as it is at one instant. As with the
//! blocks of the log, a copy costs one count for each segment, and a later change of an entry copies its leaf and the
//! list of its segment. IDs mostly come in ascending order, so that leaves fill up, and go from the front.
//!
//! Invariants: IDs ascend strictly; no leaf and no segment is empty; `first` is no larger than any ID behind it, and
//! larger than those before. It need not be there itself.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::store::mover::Mover;

use super::id::StreamId;

#[derive(Clone, Debug)]
pub(crate) struct Shelf<V> {
    segments: Vec<Segment<V>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Segment<V> {
    first: StreamId,
    leaves: Arc<Vec<Leaf<V>>>,
}

#[derive(Clone, Debug)]
struct Leaf<V> {
    first: StreamId,
    items: Arc<Vec<(StreamId, V)>>,
}

/// How many entries a leaf has at most, and how many leaves a segment.
const MOST: usize = if cfg!(test) { 4 } else { 128 };

impl<V> Default for Shelf<V> {
    fn default() -> Self {
        Self {
            segments: Vec::new(),
            len: 0,
        }
    }
}

impl<V: Clone> Shelf<V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Moves leaves that lie badly; those that copies share stay.
    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        for segment in &mut self.segments {
            mover.shared(&mut segment.leaves, |mover, leaves| {
                for leaf in leaves.iter_mut() {
                    mover.shared(&mut leaf.items, Mover::vec);
                }
                mover.vec(leaves);
            });
        }
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&V> {
        let (segment, leaf) = self.find(id)?;
        let items = &self.segments[segment].leaves[leaf].items;
        let at = items.binary_search_by_key(&id, |item| item.0).ok()?;
        Some(&items[at].1)
    }

    /// For changing. Copies the leaf if somebody else holds it.
    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut V> {
        self.get(id)?;
        let (segment, leaf) = self.find(id)?;
        let items = self.items_mut(segment, leaf);
        let at = items.binary_search_by_key(&id, |item| item.0).ok()?;
        Some(&mut items[at].1)
    }

    /// Returns the old value.
    pub(crate) fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        let Some((segment, leaf)) = self.find(id) else {
            self.segments.push(Segment::of(Leaf::of(id, value)));
            self.len = 1;
            return None;
        };
        let items = self.items_mut(segment, leaf);
        let at = match items.binary_search_by_key(&id, |item| item.0) {
            Ok(at) => return Some(std::mem::replace(&mut items[at].1, value)),
            Err(at) => at,
        };
        if items.len() < MOST {
            items.insert(at, (id, value));
            self.lower(segment, leaf, id);
        } else if at == MOST {
            // Behind a full leaf: as a rule the last one, whose turn is over.
            self.insert_leaf(segment, leaf + 1, Leaf::of(id, value));
        } else {
            let mut half = items.split_off(MOST / 2);
            if at <= MOST / 2 {
                items.insert(at, (id, value));
            } else {
                half.insert(at - MOST / 2, (id, value));
            }
            self.lower(segment, leaf, id);
            let half = Leaf {
                first: half[0].0,
                items: Arc::new(half),
            };
            self.insert_leaf(segment, leaf + 1, half);
        }
        self.len += 1;
        None
    }

    /// Returns the old value.
    pub(crate) fn remove(&mut self, id: StreamId) -> Option<V> {
        self.get(id)?;
        let (segment, leaf) = self.find(id)?;
        let items = self.items_mut(segment, leaf);
        let at = items.binary_search_by_key(&id, |item| item.0).ok()?;
        let (_, value) = items.remove(at);
        let left = items.len();
        self.len -= 1;
        let leaves = Arc::make_mut(&mut self.segments[segment].leaves);
        if left == 0 {
            leaves.remove(leaf);
            if leaves.is_empty() {
                self.segments.remove(segment);
            }
        } else if let Some(next) = leaves.get(leaf + 1)
            && left + next.items.len() <= MOST / 2
        {
            // Two small ones become one, lest there be many of them.
            let next = leaves.remove(leaf + 1);
            Arc::make_mut(&mut leaves[leaf].items).extend(Arc::unwrap_or_clone(next.items));
        }
        Some(value)
    }

    /// Those in a range of IDs, which may be empty.
    pub(crate) fn range(
        &self,
        ids: RangeInclusive<StreamId>,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &V)> {
        let (start, end) = ids.into_inner();
        let spans = spans(&self.segments, start, end, |segment| segment.first);
        spans.iter().flat_map(move |segment| {
            let spans = spans_of(&segment.leaves, start, end);
            spans.iter().flat_map(move |leaf| {
                let from = leaf.items.partition_point(|item| item.0 < start);
                let to = leaf.items.partition_point(|item| item.0 <= end);
                let items = leaf.items.get(from..to).unwrap_or_default();
                items.iter().map(|(id, value)| (*id, value))
            })
        })
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (StreamId, &V)> {
        self.range(StreamId::MIN..=StreamId::MAX)
    }

    /// The bytes of the entries, without the few words that hold them together.
    pub(crate) fn memory(&self) -> usize {
        self.len * size_of::<(StreamId, V)>()
    }

    /// The leaf that an ID is in, or would go to.
    fn find(&self, id: StreamId) -> Option<(usize, usize)> {
        let last = self.segments.len().checked_sub(1)?;
        // Most questions are about the newest.
        let segment = if self.segments[last].first <= id {
            last
        } else {
            let behind = self.segments.partition_point(|segment| segment.first <= id);
            behind.saturating_sub(1)
        };
        let leaves = &self.segments[segment].leaves;
        let leaf = leaves.partition_point(|leaf| leaf.first <= id);
        Some((segment, leaf.saturating_sub(1)))
    }

    fn items_mut(&mut self, segment: usize, leaf: usize) -> &mut Vec<(StreamId, V)> {
        let leaves = Arc::make_mut(&mut self.segments[segment].leaves);
        Arc::make_mut(&mut leaves[leaf].items)
    }

    /// An ID has come that may be less than all others.
    fn lower(&mut self, segment: usize, leaf: usize, id: StreamId) {
        let segment = &mut self.segments[segment];
        if id < segment.leaves[leaf].first {
            Arc::make_mut(&mut segment.leaves)[leaf].first = id;
            segment.first = segment.first.min(id);
        }
    }

    fn insert_leaf(&mut self, segment: usize, at: usize, leaf: Leaf<V>) {
        let leaves = Arc::make_mut(&mut self.segments[segment].leaves);
        if leaves.len() < MOST {
            leaves.insert(at, leaf);
        } else if at == MOST {
            self.segments.insert(segment + 1, Segment::of(leaf));
        } else {
            leaves.insert(at, leaf);
            let half = leaves.split_off(MOST / 2);
            let half = Segment {
                first: half[0].first,
                leaves: Arc::new(half),
            };
            self.segments.insert(segment + 1, half);
        }
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        let mut last = None;
        for segment in &self.segments {
            assert!(!segment.leaves.is_empty() && segment.leaves.len() <= MOST);
            assert!(segment.first <= segment.leaves[0].first);
            for leaf in segment.leaves.iter() {
                assert!(!leaf.items.is_empty() && leaf.items.len() <= MOST);
                assert!(leaf.first <= leaf.items[0].0 && last.is_none_or(|last| last < leaf.first));
                assert!(leaf.items.is_sorted_by(|one, other| one.0 < other.0));
                last = leaf.items.last().map(|item| item.0);
            }
        }
        assert_eq!(self.iter().count(), self.len);
    }
}

impl<V> Segment<V> {
    fn of(leaf: Leaf<V>) -> Self {
        Self {
            first: leaf.first,
            leaves: Arc::new(vec![leaf]),
        }
    }
}

impl<V> Leaf<V> {
    fn of(id: StreamId, value: V) -> Self {
        Self {
            first: id,
            items: Arc::new(vec![(id, value)]),
        }
    }
}

fn spans_of<V>(leaves: &[Leaf<V>], start: StreamId, end: StreamId) -> &[Leaf<V>] {
    spans(leaves, start, end, |leaf| leaf.first)
}

/// The blocks that may have IDs from `start` to `end`.
fn spans<T>(items: &[T], start: StreamId, end: StreamId, first: impl Fn(&T) -> StreamId) -> &[T] {
    let from = items.partition_point(|item| first(item) <= start);
    let to = items.partition_point(|item| first(item) <= end);
    items.get(from.saturating_sub(1)..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::Rng;

    fn id(number: u64) -> StreamId {
        StreamId {
            ms: number / 3,
            seq: number % 3,
        }
    }

    #[test]
    fn follows_a_map() {
        for seed in 0..100 {
            let mut rng = Rng::from_seed(seed);
            let (mut shelf, mut model) = (Shelf::default(), BTreeMap::new());
            let mut copies = Vec::new();
            let mut newest = 300;
            for step in 0..600 {
                let some = id(rng.below(newest));
                match rng.below(10) {
                    0..3 => {
                        newest += rng.below(3);
                        assert_eq!(
                            shelf.insert(id(newest), step),
                            model.insert(id(newest), step)
                        );
                    }
                    3 | 4 => assert_eq!(shelf.insert(some, step), model.insert(some, step)),
                    5 | 6 => assert_eq!(shelf.remove(some), model.remove(&some)),
                    7 => {
                        let first = model.first_key_value().map(|(id, _)| *id);
                        let first = first.unwrap_or(some);
                        assert_eq!(shelf.remove(first), model.remove(&first));
                    }
                    8 => assert_eq!(shelf.get_mut(some), model.get_mut(&some)),
                    _ if rng.one_in(6) => copies.push((shelf.clone(), model.clone())),
                    _ => {
                        if let Some(value) = shelf.get_mut(some) {
                            *value = step;
                            model.insert(some, step);
                        }
                    }
                }
                shelf.validate();
                assert_eq!(
                    (shelf.get(some), shelf.len()),
                    (model.get(&some), model.len())
                );
                let end = id(rng.below(newest));
                assert!(some <= end || shelf.range(some..=end).next().is_none());
                if some <= end {
                    let expected = || model.range(some..=end).map(|(id, value)| (*id, value));
                    assert!(shelf.range(some..=end).eq(expected()));
                    assert!(shelf.range(some..=end).rev().eq(expected().rev()));
                }
            }
            for (copy, model) in copies {
                assert!(copy.iter().eq(model.iter().map(|(id, value)| (*id, value))));
            }
        }
    }
}
