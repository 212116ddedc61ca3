//! A row of small things that copies share in blocks.
//!
//! ```text
//! head: | . . . |   middle: [ Arc -> | . . . up to 256 |, Arc -> | . . . |, .. ]   near: | . . . |
//! ```
//!
//! A list of a million elements has thousands of nodes, and counting up a reference to each would stop the loop for
//! milliseconds. So the row is cut into blocks, and a copy, a snapshot for one, costs a count for each block and the
//! things at both ends; a later change in the middle copies the block it is in. The ends belong to nobody else, since
//! that is where lists are pushed and popped. A short row has no middle and is all in `near`.
//!
//! Invariants: if there is a far part, neither end is empty; no block is empty; `start` of a block tells how many
//! things stand before it in the middle, counted from the `start` of the first.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;

use crate::store::mover::Mover;

#[derive(Debug, Clone)]
pub(crate) struct Spine<T> {
    /// The last ones, or all.
    near: VecDeque<T>,
    far: Option<Box<Far<T>>>,
}

#[derive(Debug, Clone)]
struct Far<T> {
    head: VecDeque<T>,
    middle: VecDeque<Block<T>>,
    middle_len: usize,
}

#[derive(Debug)]
struct Block<T> {
    /// Wraps around, so that the first block may go without the others noticing.
    start: usize,
    items: Arc<Vec<T>>,
}

impl<T> Clone for Block<T> {
    fn clone(&self) -> Self {
        Self {
            start: self.start,
            items: Arc::clone(&self.items),
        }
    }
}

/// How many things a block gets. So small that copying it is nothing, so large that there are few.
const BLOCK: usize = if cfg!(test) { 4 } else { 128 };
/// An end, or a block, with more gives some away.
const MOST: usize = 2 * BLOCK;

/// Where a thing is.
enum Place {
    Head(usize),
    Middle(usize, usize),
    Near(usize),
}

impl<T> Spine<T> {
    pub(crate) fn new() -> Self {
        Self {
            near: VecDeque::new(),
            far: None,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.far.as_ref().map_or(0, |far| far.len())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.near.is_empty()
    }

    /// The bytes of the row itself.
    pub(crate) fn memory(&self) -> usize {
        let far = self.far.as_ref().map_or(0, |far| {
            let in_blocks: usize = far.middle.iter().map(|block| block.items.capacity()).sum();
            let items = (far.head.capacity() + in_blocks) * size_of::<T>();
            size_of::<Far<T>>() + far.middle.capacity() * size_of::<Block<T>>() + items
        });
        self.near.capacity() * size_of::<T>() + far
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let Some(far) = &self.far else {
            return self.near.get(index);
        };
        match far.place(index) {
            Place::Head(at) => far.head.get(at),
            Place::Middle(block, at) => far.middle[block].items.get(at),
            Place::Near(at) => self.near.get(at),
        }
    }

    /// Moves what lies badly of the row itself.
    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.deque(&mut self.near);
        if let Some(far) = &mut self.far {
            mover.boxed(far);
            mover.deque(&mut far.head);
            mover.deque(&mut far.middle);
            for block in &mut far.middle {
                mover.shared(&mut block.items, Mover::vec);
            }
        }
    }

    /// A thing for changing, unless it is in a block that copies share.
    pub(crate) fn own_mut(&mut self, index: usize) -> Option<&mut T> {
        let Some(far) = &mut self.far else {
            return self.near.get_mut(index);
        };
        match far.place(index) {
            Place::Head(at) => far.head.get_mut(at),
            Place::Middle(block, at) => Arc::get_mut(&mut far.middle[block].items)?.get_mut(at),
            Place::Near(at) => self.near.get_mut(at),
        }
    }

    #[inline]
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        match &mut self.far {
            Some(far) => far.head.front_mut(),
            None => self.near.front_mut(),
        }
    }

    #[inline]
    pub(crate) fn back_mut(&mut self) -> Option<&mut T> {
        self.near.back_mut()
    }

    /// The things from the first to the last, in runs that lie beside each other.
    pub(crate) fn runs(&self) -> impl DoubleEndedIterator<Item = &[T]> + Clone {
        let far = self.far.iter();
        let head = far.clone().flat_map(|far| slices(&far.head));
        let middle = far.flat_map(|far| far.middle.iter());
        let middle = middle.map(|block| block.items.as_slice());
        head.chain(middle).chain(slices(&self.near))
    }

    /// All, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator + Clone {
        Iter {
            items: self.runs().flatten(),
            left: self.len(),
        }
    }

    /// Those from `index` on.
    pub(crate) fn iter_from(&self, index: usize) -> impl Iterator<Item = &T> {
        let (head, block, at, near) = self.cut(index);
        let blocks = self
            .far
            .iter()
            .flat_map(move |far| far.middle.iter().skip(block));
        let blocks = blocks
            .enumerate()
            .flat_map(move |(nth, block)| &block.items[if nth == 0 { at } else { 0 }..]);
        let heads = self
            .far
            .iter()
            .flat_map(move |far| far.head.iter().skip(head));
        heads.chain(blocks).chain(self.near.iter().skip(near))
    }

    /// Those before `end`, the last first.
    pub(crate) fn iter_back_from(&self, end: usize) -> impl Iterator<Item = &T> {
        let (head, block, at, near) = self.cut(end);
        let far = self.far.iter();
        let partly = far.clone().flat_map(move |far| {
            let block = far
                .middle
                .get(block)
                .map_or(&[][..], |block| &block.items[..at]);
            block.iter().rev()
        });
        let whole = far.clone().flat_map(move |far| {
            let blocks = far.middle.range(..block).rev();
            blocks.flat_map(|block| block.items.iter().rev())
        });
        let heads = far.flat_map(move |far| far.head.range(..head).rev());
        let nears = self.near.range(..near).rev();
        nears.chain(partly).chain(whole).chain(heads)
    }

    /// How many things of each part stand before `index`: of the head, blocks and of one block, of the near end.
    fn cut(&self, index: usize) -> (usize, usize, usize, usize) {
        let Some(far) = &self.far else {
            return (0, 0, 0, index);
        };
        let (heads, blocks) = (far.head.len(), far.middle.len());
        match far.place(index) {
            Place::Head(at) => (at, 0, 0, 0),
            Place::Middle(block, at) => (heads, block, at, 0),
            Place::Near(at) => (heads, blocks, 0, at),
        }
    }
}

impl<T: Clone> Spine<T> {
    /// For changing. Copies the block if somebody else holds it.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let Some(far) = &mut self.far else {
            return self.near.get_mut(index);
        };
        match far.place(index) {
            Place::Head(at) => far.head.get_mut(at),
            Place::Middle(block, at) => Arc::make_mut(&mut far.middle[block].items).get_mut(at),
            Place::Near(at) => self.near.get_mut(at),
        }
    }

    /// Puts a thing where the one with this index stands now, or behind the last.
    pub(crate) fn insert(&mut self, index: usize, item: T) {
        let Some(far) = &mut self.far else {
            self.near.insert(index, item);
            return self.settle();
        };
        match far.place(index) {
            Place::Head(at) => far.head.insert(at, item),
            // An element right behind the head goes to the head.
            Place::Middle(0, 0) => far.head.push_back(item),
            Place::Near(0) if far.middle.is_empty() => far.head.push_back(item),
            Place::Middle(block, at) => far.insert(block, at, item),
            Place::Near(at) => self.near.insert(at, item),
        }
        self.settle();
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let Some(far) = &mut self.far else {
            return self.near.remove(index);
        };
        let removed = match far.place(index) {
            Place::Head(at) => far.head.remove(at),
            Place::Middle(block, at) => Some(far.remove(block, at)),
            Place::Near(at) => self.near.remove(at),
        };
        self.settle();
        removed
    }

    /// Drops those in a range.
    pub(crate) fn cut_out(&mut self, range: Range<usize>) {
        let Some(far) = &mut self.far else {
            self.near.drain(range);
            return;
        };
        let (head, middle) = (far.head.len(), far.middle_len);
        let within = |from: usize, len: usize| {
            let end = range.end.saturating_sub(from).min(len);
            range.start.saturating_sub(from).min(end)..end
        };
        self.near.drain(within(head + middle, self.near.len()));
        far.cut_out(within(head, middle));
        far.head.drain(within(0, head));
        self.settle();
    }

    /// After a change: keeps the ends filled, and neither too long.
    #[inline]
    fn settle(&mut self) {
        match &self.far {
            None if self.near.len() <= MOST => {}
            Some(far)
                if (1..=MOST).contains(&far.head.len())
                    && (1..=MOST).contains(&self.near.len()) => {}
            _ => self.move_ends(),
        }
    }

    #[cold]
    fn move_ends(&mut self) {
        let far = self.far.get_or_insert_with(|| {
            Box::new(Far {
                head: self.near.drain(..BLOCK).collect(),
                middle: VecDeque::new(),
                middle_len: 0,
            })
        });
        while far.head.len() > MOST {
            let from = far.head.len() - BLOCK;
            let items = far.head.drain(from..).collect();
            far.push_front(items);
        }
        while self.near.len() > MOST {
            let items = self.near.drain(..BLOCK).collect();
            far.push_back(items);
        }
        if far.head.is_empty()
            && let Some(items) = far.pop_front()
        {
            far.head.extend(items);
        }
        if self.near.is_empty()
            && let Some(items) = far.pop_back()
        {
            self.near.extend(items);
        }
        if far.head.is_empty() || self.near.is_empty() {
            // There was no middle any more.
            let mut all = std::mem::take(&mut far.head);
            all.append(&mut self.near);
            self.near = all;
            self.far = None;
        }
    }
}

impl<T> Far<T> {
    fn len(&self) -> usize {
        self.head.len() + self.middle_len
    }

    #[inline]
    fn place(&self, index: usize) -> Place {
        let Some(at) = index.checked_sub(self.head.len()) else {
            return Place::Head(index);
        };
        if let Some(at) = at.checked_sub(self.middle_len) {
            return Place::Near(at);
        }
        let (block, at) = self.find(at);
        Place::Middle(block, at)
    }

    /// The block with the thing at an index of the middle, and where it is in there.
    fn find(&self, index: usize) -> (usize, usize) {
        let base = self.middle[0].start;
        let starts_before = |block: &Block<T>| block.start.wrapping_sub(base) <= index;
        let block = self.middle.partition_point(starts_before) - 1;
        let start = self.middle[block].start.wrapping_sub(base);
        (block, index - start)
    }

    fn push_front(&mut self, items: Vec<T>) {
        let first = self.middle.front();
        let start = first.map_or(0, |block| block.start.wrapping_sub(items.len()));
        self.middle_len += items.len();
        self.middle.push_front(Block {
            start,
            items: Arc::new(items),
        });
    }

    fn push_back(&mut self, items: Vec<T>) {
        let last = self.middle.back();
        let start = last.map_or(0, |block| block.start.wrapping_add(block.items.len()));
        self.middle_len += items.len();
        self.middle.push_back(Block {
            start,
            items: Arc::new(items),
        });
    }

    /// The blocks from `block` on stand so much further behind, or before.
    fn shift(&mut self, block: usize, by: isize) {
        for block in self.middle.range_mut(block..) {
            block.start = block.start.wrapping_add_signed(by);
        }
        self.middle_len = self.middle_len.wrapping_add_signed(by);
    }
}

impl<T: Clone> Far<T> {
    fn pop_front(&mut self) -> Option<Vec<T>> {
        let block = self.middle.pop_front()?;
        self.middle_len -= block.items.len();
        Some(Arc::unwrap_or_clone(block.items))
    }

    fn pop_back(&mut self) -> Option<Vec<T>> {
        let block = self.middle.pop_back()?;
        self.middle_len -= block.items.len();
        Some(Arc::unwrap_or_clone(block.items))
    }

    fn insert(&mut self, block: usize, at: usize, item: T) {
        let items = Arc::make_mut(&mut self.middle[block].items);
        items.insert(at, item);
        let half = (items.len() > MOST).then(|| items.split_off(BLOCK));
        self.shift(block + 1, 1);
        if let Some(half) = half {
            let start = self.middle[block].start.wrapping_add(BLOCK);
            let items = Arc::new(half);
            self.middle.insert(block + 1, Block { start, items });
        }
    }

    fn remove(&mut self, block: usize, at: usize) -> T {
        let removed = Arc::make_mut(&mut self.middle[block].items).remove(at);
        self.shift(block + 1, -1);
        self.tidy(block);
        removed
    }

    fn cut_out(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let (first, from) = self.find(range.start);
        let (last, to) = self.find(range.end - 1);
        let to = to + 1;
        if first == last {
            Arc::make_mut(&mut self.middle[first].items).drain(from..to);
        } else {
            Arc::make_mut(&mut self.middle[last].items).drain(..to);
            Arc::make_mut(&mut self.middle[first].items).truncate(from);
        }
        // The rest of the last block, if it is another than the first, stands behind the rest of the first.
        let len = range.len();
        if first != last {
            let start = self.middle[first]
                .start
                .wrapping_add(from)
                .wrapping_add(len);
            self.middle[last].start = start;
            self.middle.drain(first + 1..last);
        }
        self.shift(first + 1, -(len as isize));
        if first != last {
            self.tidy(first + 1);
        }
        self.tidy(first);
    }

    /// After a block has lost things: an empty one goes, and two small ones become one, lest there be many of them.
    fn tidy(&mut self, block: usize) {
        if self.middle[block].items.is_empty() {
            self.middle.remove(block);
            return;
        }
        let Some(next) = self.middle.get(block + 1) else {
            return;
        };
        if self.middle[block].items.len() + next.items.len() <= BLOCK / 2 {
            let next = self.middle.remove(block + 1).map(|next| next.items);
            let more = next.map(Arc::unwrap_or_clone).unwrap_or_default();
            Arc::make_mut(&mut self.middle[block].items).extend(more);
        }
    }
}

impl<T> Index<usize> for Spine<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        self.get(index).expect("the index is within the row")
    }
}

impl<T: Clone> IndexMut<usize> for Spine<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.get_mut(index).expect("the index is within the row")
    }
}

fn slices<T>(items: &VecDeque<T>) -> std::array::IntoIter<&[T], 2> {
    let (one, other) = items.as_slices();
    [one, other].into_iter()
}

/// An iterator that knows how many there are.
#[derive(Clone)]
struct Iter<I> {
    items: I,
    left: usize,
}

impl<I: Iterator> Iterator for Iter<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.left = self.left.saturating_sub(1);
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Iter<I> {
    fn next_back(&mut self) -> Option<I::Item> {
        self.left = self.left.saturating_sub(1);
        self.items.next_back()
    }
}

impl<I: Iterator> ExactSizeIterator for Iter<I> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn compare(spine: &Spine<u64>, model: &[u64]) {
        assert_eq!(spine.len(), model.len());
        assert_eq!(spine.is_empty(), model.is_empty());
        assert_eq!(spine.iter().len(), model.len());
        assert!(spine.iter().eq(model));
        assert!(spine.iter().rev().eq(model.iter().rev()));
        if let Some(far) = &spine.far {
            assert!(!far.head.is_empty() && !spine.near.is_empty());
            assert!(far.middle.iter().all(|block| !block.items.is_empty()));
            let mut start = far.middle.front().map_or(0, |block| block.start);
            for block in &far.middle {
                assert_eq!(block.start, start);
                start = start.wrapping_add(block.items.len());
            }
        }
    }

    #[test]
    fn follows_a_vector() {
        for seed in 0..200 {
            let mut rng = Rng::from_seed(seed);
            let (mut spine, mut model) = (Spine::new(), Vec::new());
            let mut copies = Vec::new();
            for step in 0..400 {
                let len = model.len();
                let index = rng.index(len + 1);
                match rng.below(12) {
                    0..3 => {
                        spine.insert(len, step);
                        model.push(step);
                    }
                    3 | 4 => {
                        spine.insert(0, step);
                        model.insert(0, step);
                    }
                    5 | 6 => {
                        spine.insert(index, step);
                        model.insert(index, step);
                    }
                    7 if index < len => assert_eq!(spine.remove(index), Some(model.remove(index))),
                    8 if len > 0 => {
                        let end = [0, len - 1][rng.index(2)];
                        assert_eq!(spine.remove(end), Some(model.remove(end)));
                    }
                    9 if index < len => {
                        spine[index] = step;
                        model[index] = step;
                    }
                    10 if rng.one_in(4) => {
                        let end = index + rng.index(len - index + 1);
                        spine.cut_out(index..end);
                        model.drain(index..end);
                    }
                    11 if rng.one_in(8) => copies.push((spine.clone(), model.clone())),
                    _ => {}
                }
                compare(&spine, &model);
                let index = rng.index(model.len() + 1);
                assert_eq!(spine.get(index), model.get(index));
                assert!(spine.iter_from(index).eq(&model[index..]));
                assert!(spine.iter_back_from(index).eq(model[..index].iter().rev()));
                assert_eq!(spine.back_mut(), model.last_mut());
                assert_eq!(spine.front_mut(), model.first_mut());
            }
            // Nobody sees what others did to their copies.
            for (copy, model) in copies {
                compare(&copy, &model);
            }
        }
    }
}
