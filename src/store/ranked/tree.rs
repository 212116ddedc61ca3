//! A counted B+tree over members that live elsewhere.
//!
//! Inner nodes know, for each child, its first key and how many keys are below it. So a rank is the
//! sum of the counts to the left of a path, and finding by rank is the same path the other way
//! round. Leaves are linked in both directions for walks.
//!
//! Invariants: the leaves hold all keys in order; each inner key equals the first key below its
//! child, so that no inner key outlives its member; counts are exact; no node is empty, but for the
//! only leaf of an empty tree. Nodes are merged with a neighbour when both would fit well, which
//! keeps long-lived trees from thinning out.
//!
//! The tree stores addresses of members and reads their bytes to settle equal scores. The tree's owner keeps the
//! members alive.

#![allow(unsafe_code)]

use std::cmp::Ordering;

use super::node::{Arena, Child, INNER, Inner, Key, LEAF, Leaf, NONE};
use crate::store::address::Address;
use crate::store::member::Raw;

pub(super) struct Tree {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// A leaf if `height` is 0; `NONE` if nothing was ever inserted.
    root: u32,
    height: usize,
    len: usize,
}

/// A place in a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cursor {
    leaf: u32,
    index: usize,
}

/// From the root down: inner nodes, and which child the path takes. A tree gains a level when its
/// root splits, and each level takes at least 34 times as many insertions as the one below: twelve
/// are out of reach.
struct Path {
    steps: [(u32, usize); 12],
    len: usize,
}

impl Path {
    const fn new() -> Self {
        Self {
            steps: [(NONE, 0); 12],
            len: 0,
        }
    }

    fn push(&mut self, node: u32, index: usize) {
        self.steps[self.len] = (node, index);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<(u32, usize)> {
        self.len = self.len.checked_sub(1)?;
        Some(self.steps[self.len])
    }

    fn last(&self) -> Option<(u32, usize)> {
        Some(self.steps[self.len.checked_sub(1)?])
    }

    /// From the leaf's parent to the root.
    fn upwards(&self) -> impl Iterator<Item = (u32, usize)> {
        self.steps[..self.len].iter().rev().copied()
    }
}

impl Tree {
    pub(crate) const fn new() -> Self {
        Self {
            leaves: Arena::new(),
            inners: Arena::new(),
            root: NONE,
            height: 0,
            len: 0,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.leaves.bytes() + self.inners.bytes()
    }

    /// The key must be absent.
    pub(crate) fn insert(&mut self, key: Key) {
        if self.root == NONE {
            self.root = self.leaves.add(Leaf::new());
        }
        let (mut path, mut leaf) = self.descend(key);
        let mut index = self.leaf_index(leaf, key);
        if self.leaves.get(leaf).keys.is_full() && self.share_with_neighbour(path.last()) {
            (path, leaf) = self.descend(key);
            index = self.leaf_index(leaf, key);
        }
        self.len += 1;
        for (node, step) in path.upwards() {
            let inner = self.inners.get_mut(node);
            inner.set_count(step, inner.count_of(step) + 1);
        }
        if self.leaves.get(leaf).keys.is_full() {
            let is_end = index == LEAF && self.leaves.get(leaf).next == NONE;
            let new = self.split_leaf(leaf, is_end);
            let kept = self.leaves.get(leaf).keys.len();
            let is_in_new = index > kept || is_end;
            if is_in_new {
                self.leaves.get_mut(new).keys.insert(index - kept, key);
            } else {
                self.leaves.get_mut(leaf).keys.insert(index, key);
            }
            let (left, right) = (self.leaves.get(leaf).keys.len(), &self.leaves.get(new).keys);
            let child = Child {
                first: right.at(0),
                node: new,
                count: right.len() as u32,
            };
            self.add_sibling(&mut path, left, child);
            (leaf, index) = if is_in_new {
                (new, index - kept)
            } else {
                (leaf, index)
            };
        } else {
            self.leaves.get_mut(leaf).keys.insert(index, key);
        }
        // Only a new least key can be first in its leaf: otherwise the search would have ended one
        // leaf to the left.
        if index == 0 && self.leaves.get(leaf).previous == NONE {
            self.set_leftmost_first(key);
        }
    }

    /// The key must be present.
    pub(crate) fn remove(&mut self, key: Key) {
        let (path, leaf) = self.descend(key);
        let index = self.leaf_index(leaf, key);
        debug_assert_eq!(self.leaves.get(leaf).keys.at(index).member, key.member);
        self.remove_at(path, leaf, index);
    }

    /// Remove the key with this rank, which must be below `len`, and return it. The way there is one of counts, on
    /// which nothing has to be compared.
    pub(crate) fn remove_rank(&mut self, rank: usize) -> Key {
        assert!(rank < self.len, "no such rank");
        let (mut path, mut node, mut index) = (Path::new(), self.root, rank);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let (step, below) = inner.child_at(index);
            path.push(node, step);
            (node, index) = (inner.node(step), below);
        }
        let key = self.leaves.get(node).keys.at(index);
        self.remove_at(path, node, index);
        key
    }

    /// The first and the second key of all, as far as they are at hand.
    pub(crate) fn lowest_two(&self) -> (Option<Key>, Option<Key>) {
        if self.len == 0 {
            return (None, None);
        }
        let leaf = self.find_rank(0).leaf;
        let keys = &self.leaves.get(leaf).keys;
        (Some(keys.at(0)), (keys.len() > 1).then(|| keys.at(1)))
    }

    fn remove_at(&mut self, path: Path, leaf: u32, index: usize) {
        self.len -= 1;
        for (node, step) in path.upwards() {
            let inner = self.inners.get_mut(node);
            inner.set_count(step, inner.count_of(step) - 1);
        }
        self.leaves.get_mut(leaf).keys.remove(index);
        if self.leaves.get(leaf).keys.len() == 0 {
            self.drop_leaf(path, leaf);
            return;
        }
        if index == 0 {
            let first = self.leaves.get(leaf).keys.at(0);
            self.set_first(path.upwards(), first);
        }
        self.merge_thin(path, leaf);
    }

    /// Give a member another score if it keeps its place among its neighbours in the leaf; false if
    /// nothing was done.
    pub(crate) fn update_in_place(&mut self, old: Key, score: f64) -> bool {
        let (_, leaf) = self.descend(old);
        let index = self.leaf_index(leaf, old);
        let new = Key { score, ..old };
        let keys = &mut self.leaves.get_mut(leaf).keys;
        let has_neighbours = index > 0 && index + 1 < keys.len();
        let keeps_place = has_neighbours
            && order(keys.at(index - 1), new) == Ordering::Less
            && order(new, keys.at(index + 1)) == Ordering::Less;
        if keeps_place {
            keys.set(index, new);
        }
        keeps_place
    }

    /// A member is somewhere else from now on. The key must be present.
    pub(crate) fn rename(&mut self, key: Key, member: Address) {
        let (path, leaf) = self.descend(key);
        let index = self.leaf_index(leaf, key);
        let keys = &mut self.leaves.get_mut(leaf).keys;
        let old = keys.at(index);
        debug_assert_eq!(old.member, key.member);
        let new = Key { member, ..old };
        keys.set(index, new);
        if index == 0 {
            self.set_first(path.upwards(), new);
        }
    }

    /// How many keys come before this one.
    pub(crate) fn rank(&self, key: Key) -> usize {
        self.partition(|other| order(other, key) == Ordering::Less)
    }

    /// How many keys at the beginning satisfy `before`, which is true up to some key and false from
    /// there on.
    pub(crate) fn partition(&self, mut before: impl FnMut(Key) -> bool) -> usize {
        if self.len == 0 {
            return 0;
        }
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            // The point may be in the middle of the last child that begins before it, and in no
            // other.
            let step = inner.firsts.partition(&mut before).saturating_sub(1);
            rank += inner.count_before(step);
            node = inner.node(step);
        }
        rank + self.leaves.get(node).keys.partition(before)
    }

    /// The place of the key with this rank, which must be below `len`.
    pub(crate) fn find_rank(&self, rank: usize) -> Cursor {
        assert!(rank < self.len, "no such rank");
        let (mut node, mut index) = (self.root, rank);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let (step, below) = inner.child_at(index);
            (node, index) = (inner.node(step), below);
        }
        Cursor { leaf: node, index }
    }

    #[inline]
    pub(crate) fn at(&self, cursor: Cursor) -> Key {
        let keys = &self.leaves.get(cursor.leaf).keys;
        // Walks end up reading each member: ask for the one a few steps ahead.
        if let Some(ahead) = cursor.index.checked_add(4)
            && ahead < keys.len()
        {
            keys.at(ahead).member.prefetch();
        }
        keys.at(cursor.index)
    }

    pub(crate) fn next(&self, cursor: Cursor) -> Option<Cursor> {
        let leaf = self.leaves.get(cursor.leaf);
        if cursor.index + 1 < leaf.keys.len() {
            return Some(Cursor {
                index: cursor.index + 1,
                ..cursor
            });
        }
        (leaf.next != NONE).then_some(Cursor {
            leaf: leaf.next,
            index: 0,
        })
    }

    pub(crate) fn previous(&self, cursor: Cursor) -> Option<Cursor> {
        if cursor.index > 0 {
            return Some(Cursor {
                index: cursor.index - 1,
                ..cursor
            });
        }
        let previous = self.leaves.get(cursor.leaf).previous;
        (previous != NONE).then(|| Cursor {
            leaf: previous,
            index: self.leaves.get(previous).keys.len() - 1,
        })
    }

    /// The leaf where a key is or would go, and the way there.
    fn descend(&self, key: Key) -> (Path, u32) {
        let (mut path, mut node) = (Path::new(), self.root);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            // The last child that does not begin after the key.
            let after = inner
                .firsts
                .partition(|first| order(first, key) != Ordering::Greater);
            let step = after.saturating_sub(1);
            path.push(node, step);
            node = inner.node(step);
        }
        (path, node)
    }

    fn leaf_index(&self, leaf: u32, key: Key) -> usize {
        self.leaves
            .get(leaf)
            .keys
            .partition(|other| order(other, key) == Ordering::Less)
    }

    /// Even out a full leaf with a neighbour below the same parent that has room to speak of; false if there is none.
    /// Leaves that are split only when their neighbours are full as well are on average fuller by a fifth.
    fn share_with_neighbour(&mut self, step: Option<(u32, usize)>) -> bool {
        let Some((parent, step)) = step else {
            return false;
        };
        let inner = self.inners.get(parent);
        let full = inner.node(step);
        let room_of = |step: usize| {
            let node = inner.node(step);
            (node, LEAF - self.leaves.get(node).keys.len())
        };
        let after = (step + 1 < inner.len()).then(|| room_of(step + 1));
        let before = step.checked_sub(1).map(room_of);
        let has_room = |&(_, room): &(u32, usize)| room >= LEAF / 8;
        let (border, moved) = if let Some((after, room)) = after.filter(has_room) {
            let moved = room / 2;
            let (one, two) = self.leaves.pair(full, after);
            one.keys.move_end(moved, &mut two.keys);
            (step + 1, -(moved as isize))
        } else if let Some((before, room)) = before.filter(has_room) {
            let moved = room / 2;
            let (one, two) = self.leaves.pair(before, full);
            two.keys.move_head(moved, &mut one.keys);
            (step, moved as isize)
        } else {
            return false;
        };
        let inner = self.inners.get_mut(parent);
        let first = self.leaves.get(inner.node(border)).keys.at(0);
        inner.firsts.set(border, first);
        inner.set_count(
            border - 1,
            inner.count_of(border - 1).saturating_add_signed(moved),
        );
        inner.set_count(border, inner.count_of(border).saturating_add_signed(-moved));
        true
    }

    /// A new leaf after a full one, with the upper half of its keys. At the end of the tree with
    /// none: keys that come in order then leave full leaves behind.
    fn split_leaf(&mut self, leaf: u32, is_end: bool) -> u32 {
        let new = self.leaves.add(Leaf::new());
        let (old, fresh) = self.leaves.pair(leaf, new);
        if !is_end {
            old.split(fresh);
        }
        (fresh.next, fresh.previous) = (old.next, leaf);
        let next = std::mem::replace(&mut old.next, new);
        if next != NONE {
            self.leaves.get_mut(next).previous = new;
        }
        new
    }

    /// A node has been split: `left` keys stay below the child that the path ends with, the others
    /// are below the new `right`.
    fn add_sibling(&mut self, path: &mut Path, left: usize, mut right: Child) {
        let mut left = left;
        while let Some((node, step)) = path.pop() {
            let inner = self.inners.get_mut(node);
            inner.set_count(step, left);
            let index = step + 1;
            if !inner.firsts.is_full() {
                inner.insert(index, right);
                return;
            }
            let is_end = index == inner.len();
            let new = self.inners.add(Inner::new());
            let (old, fresh) = self.inners.pair(node, new);
            if !is_end {
                old.split(fresh);
            }
            let kept = old.len();
            if index > kept || is_end {
                fresh.insert(index - kept, right);
            } else {
                old.insert(index, right);
            }
            left = old.count() as usize;
            right = Child {
                first: fresh.firsts.at(0),
                node: new,
                count: fresh.count(),
            };
        }
        // The root itself was split.
        let first = self.first_below(self.root, self.height);
        let mut root = Inner::new();
        root.insert(
            0,
            Child {
                first,
                node: self.root,
                count: left as u32,
            },
        );
        root.insert(1, right);
        self.root = self.inners.add(root);
        self.height += 1;
    }

    fn first_below(&self, mut node: u32, height: usize) -> Key {
        for _ in 0..height {
            node = self.inners.get(node).node(0);
        }
        self.leaves.get(node).keys.at(0)
    }

    /// A new least key: every node on the left edge begins with it.
    fn set_leftmost_first(&mut self, first: Key) {
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = self.inners.get_mut(node);
            inner.firsts.set(0, first);
            node = inner.node(0);
        }
    }

    /// The child that this path, given from below, leads to has another first key. So have its
    /// ancestors, as far up as it is the first one.
    fn set_first(&mut self, upwards: impl Iterator<Item = (u32, usize)>, first: Key) {
        for (node, step) in upwards {
            self.inners.get_mut(node).firsts.set(step, first);
            if step > 0 {
                return;
            }
        }
    }

    /// Remove a leaf that has become empty, and the ancestors that this empties.
    fn drop_leaf(&mut self, mut path: Path, leaf: u32) {
        if self.height == 0 {
            return;
        }
        self.unlink_leaf(leaf);
        while let Some((node, step)) = path.pop() {
            let inner = self.inners.get_mut(node);
            inner.remove(step);
            if inner.len() > 0 {
                if step == 0 {
                    let first = inner.firsts.at(0);
                    self.set_first(path.upwards(), first);
                }
                self.lower_root();
                return;
            }
            self.inners.remove(node);
        }
        // Nothing is left at all.
        self.root = self.leaves.add(Leaf::new());
        self.height = 0;
    }

    fn unlink_leaf(&mut self, leaf: u32) {
        let &Leaf { next, previous, .. } = self.leaves.get(leaf);
        if previous != NONE {
            self.leaves.get_mut(previous).next = next;
        }
        if next != NONE {
            self.leaves.get_mut(next).previous = previous;
        }
        self.leaves.remove(leaf);
    }

    /// Merge a leaf that has become thin with a neighbour below the same parent, and so on upwards.
    fn merge_thin(&mut self, mut path: Path, leaf: u32) {
        if self.leaves.get(leaf).keys.len() > LEAF / 3 {
            return;
        }
        let Some((parent, left)) = self.mergeable(
            path.last(),
            |tree, node| tree.leaves.get(node).keys.len(),
            LEAF,
        ) else {
            return;
        };
        let inner = self.inners.get(parent);
        let (one, two) = (inner.node(left), inner.node(left + 1));
        let (into, from) = self.leaves.pair(one, two);
        into.absorb(from);
        self.unlink_leaf(two);
        self.forget_merged(parent, left);
        // The same for inner nodes: here the thin one is what the path's last step leads through.
        while let Some((node, _)) = path.pop() {
            if path.last().is_none() || self.inners.get(node).len() > INNER / 3 {
                break;
            }
            let Some((parent, left)) =
                self.mergeable(path.last(), |tree, node| tree.inners.get(node).len(), INNER)
            else {
                break;
            };
            let inner = self.inners.get(parent);
            let (one, two) = (inner.node(left), inner.node(left + 1));
            let (into, from) = self.inners.pair(one, two);
            into.absorb(from);
            self.inners.remove(two);
            self.forget_merged(parent, left);
        }
        self.lower_root();
    }

    /// The left one of two neighbours, one of which the step leads to, that together leave a
    /// quarter of a node free: so that the next insertion does not split it again.
    fn mergeable(
        &self,
        step: Option<(u32, usize)>,
        len_of: impl Fn(&Self, u32) -> usize,
        most: usize,
    ) -> Option<(u32, usize)> {
        let (parent, step) = step?;
        let inner = self.inners.get(parent);
        let fits = |left: usize| {
            left + 1 < inner.len()
                && len_of(self, inner.node(left)) + len_of(self, inner.node(left + 1))
                    <= most - most / 4
        };
        let left = [Some(step), step.checked_sub(1)]
            .into_iter()
            .flatten()
            .find(|&left| fits(left))?;
        Some((parent, left))
    }

    /// The child after `left` is now part of it.
    fn forget_merged(&mut self, parent: u32, left: usize) {
        let inner = self.inners.get_mut(parent);
        inner.set_count(left, inner.count_of(left) + inner.count_of(left + 1));
        inner.remove(left + 1);
    }

    /// A root with one child is a level too many.
    fn lower_root(&mut self) {
        while self.height > 0 && self.inners.get(self.root).len() == 1 {
            let only = self.inners.get(self.root).node(0);
            self.inners.remove(self.root);
            self.root = only;
            self.height -= 1;
        }
    }
}

/// By score, then by bytes. Scores are never NaN, and -0 equals 0.
#[inline]
fn order(left: Key, right: Key) -> Ordering {
    if left.score < right.score {
        Ordering::Less
    } else if left.score > right.score {
        Ordering::Greater
    } else {
        bytes(left.member).cmp(bytes(right.member))
    }
}

/// A member's bytes, to be compared here and now.
fn bytes<'t>(member: Address) -> &'t [u8] {
    // SAFETY: the tree's keys, and those it is called with, are addresses of living members:
    // `Ranked` removes a member from the tree before it frees it.
    let member = unsafe { Raw::assume(member) };
    // SAFETY: the result does not leave this module, and no member is freed in it.
    unsafe { member.key() }
}

#[cfg(test)]
impl Tree {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All that the essay promises. Returns the keys in order.
    pub(crate) fn validate(&self) -> Vec<Key> {
        if self.root == NONE {
            assert_eq!(self.len, 0);
            return Vec::new();
        }
        let mut keys = Vec::new();
        let mut leaves = Vec::new();
        let mut inner_nodes = 0;
        self.validate_node(
            self.root,
            self.height,
            &mut keys,
            &mut leaves,
            &mut inner_nodes,
        );
        assert_eq!(keys.len(), self.len);
        assert_eq!(
            (leaves.len(), inner_nodes),
            (self.leaves.len(), self.inners.len()),
            "a node is lost"
        );
        assert!(
            keys.windows(2)
                .all(|pair| order(pair[0], pair[1]) == Ordering::Less)
        );
        for (number, &leaf) in leaves.iter().enumerate() {
            let at = |number: Option<usize>| {
                number
                    .and_then(|number| leaves.get(number))
                    .copied()
                    .unwrap_or(NONE)
            };
            assert_eq!(self.leaves.get(leaf).next, at(Some(number + 1)));
            assert_eq!(self.leaves.get(leaf).previous, at(number.checked_sub(1)));
        }
        keys
    }

    fn validate_node(
        &self,
        node: u32,
        height: usize,
        keys: &mut Vec<Key>,
        leaves: &mut Vec<u32>,
        inners: &mut usize,
    ) {
        if height == 0 {
            let leaf = self.leaves.get(node);
            assert!(leaf.keys.len() > 0 || self.height == 0, "an empty leaf");
            keys.extend((0..leaf.keys.len()).map(|index| leaf.keys.at(index)));
            leaves.push(node);
            return;
        }
        *inners += 1;
        let inner = self.inners.get(node);
        assert!(
            inner.len() > usize::from(height == self.height),
            "a node with too few children"
        );
        for index in 0..inner.len() {
            let start = keys.len();
            self.validate_node(inner.node(index), height - 1, keys, leaves, inners);
            assert_eq!(
                keys[start],
                inner.firsts.at(index),
                "an inner key is not the first below it"
            );
            assert_eq!(
                keys.len() - start,
                inner.count_of(index),
                "a count is wrong"
            );
        }
    }
}
