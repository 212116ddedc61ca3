//! The nodes of the tree.
//!
//! A leaf has up to 72 keys in 1024 bytes, an inner node up to 69 children in 1536: both fill a
//! size class of the allocator. Scores stand together, so that a binary search reads a few cache
//! lines of one node and no member at all, unless scores are equal.

use crate::store::address::Address;

/// Sorted keys, the common part of both kinds of node.
#[repr(C)]
pub(super) struct Keys<const N: usize> {
    scores: [f64; N],
    members: [[u8; 6]; N],
    len: u32,
}

/// A member with its score, as a node holds it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Key {
    pub(crate) score: f64,
    pub(crate) member: Address,
}

/// For places that are filled afterwards.
pub(super) const NO_KEY: Key = Key {
    score: 0.0,
    member: Address::NOWHERE,
};

impl<const N: usize> Keys<N> {
    pub(crate) fn new() -> Self {
        Self {
            scores: [0.0; N],
            members: [[0; 6]; N],
            len: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() == N
    }

    #[inline]
    pub(crate) fn at(&self, index: usize) -> Key {
        debug_assert!(index < self.len());
        Key {
            score: self.scores[index],
            member: Address::from_bytes(self.members[index]),
        }
    }

    pub(crate) fn set(&mut self, index: usize, key: Key) {
        debug_assert!(index < self.len());
        self.scores[index] = key.score;
        self.members[index] = key.member.to_bytes();
    }

    pub(crate) fn insert(&mut self, index: usize, key: Key) {
        let len = self.len();
        open_gap(&mut self.scores, index, len);
        open_gap(&mut self.members, index, len);
        self.len += 1;
        self.set(index, key);
    }

    pub(crate) fn remove(&mut self, index: usize) {
        let len = self.len();
        close_gap(&mut self.scores, index, len);
        close_gap(&mut self.members, index, len);
        self.len -= 1;
    }

    /// Move the keys from `start` on to the end of another node's.
    fn move_tail(&mut self, start: usize, to: &mut Self) {
        let (len, to_len) = (self.len(), to.len());
        to.scores[to_len..to_len + len - start].copy_from_slice(&self.scores[start..len]);
        to.members[to_len..to_len + len - start].copy_from_slice(&self.members[start..len]);
        to.len += self.len - start as u32;
        self.len = start as u32;
    }

    /// Move the first `count` keys to the end of those of the node before.
    pub(crate) fn move_head(&mut self, count: usize, to: &mut Self) {
        let (len, to_len) = (self.len(), to.len());
        to.scores[to_len..to_len + count].copy_from_slice(&self.scores[..count]);
        to.members[to_len..to_len + count].copy_from_slice(&self.members[..count]);
        to.len += count as u32;
        self.scores.copy_within(count..len, 0);
        self.members.copy_within(count..len, 0);
        self.len -= count as u32;
    }

    /// Move the last `count` keys to the beginning of those of the node after.
    pub(crate) fn move_end(&mut self, count: usize, to: &mut Self) {
        let (len, to_len) = (self.len(), to.len());
        to.scores.copy_within(..to_len, count);
        to.members.copy_within(..to_len, count);
        to.scores[..count].copy_from_slice(&self.scores[len - count..len]);
        to.members[..count].copy_from_slice(&self.members[len - count..len]);
        to.len += count as u32;
        self.len -= count as u32;
    }

    /// How many keys at the beginning satisfy `before`, which is true up to some point and false
    /// from there on.
    #[inline]
    pub(crate) fn partition(&self, mut before: impl FnMut(Key) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if before(self.at(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

pub(super) const LEAF: usize = 72;
pub(super) const INNER: usize = 69;
/// Stands for "no node".
pub(super) const NONE: u32 = u32::MAX;

pub(super) struct Leaf {
    pub(crate) keys: Keys<LEAF>,
    pub(crate) next: u32,
    pub(crate) previous: u32,
}

/// Children with the first key and the number of keys below each.
pub(super) struct Inner {
    pub(crate) firsts: Keys<INNER>,
    children: [u32; INNER],
    counts: [u32; INNER],
}

/// An inner node's view of a child.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub(crate) first: Key,
    pub(crate) node: u32,
    pub(crate) count: u32,
}

const _: () = assert!(size_of::<Leaf>() == 1024 && size_of::<Inner>() <= 1536);

impl Leaf {
    pub(crate) fn new() -> Self {
        Self {
            keys: Keys::new(),
            next: NONE,
            previous: NONE,
        }
    }

    /// The upper half goes to `to`, which is empty.
    pub(crate) fn split(&mut self, to: &mut Self) {
        self.keys.move_tail(LEAF / 2, &mut to.keys);
    }

    /// Take all keys of the leaf that follows.
    pub(crate) fn absorb(&mut self, from: &mut Self) {
        from.keys.move_tail(0, &mut self.keys);
    }
}

impl Inner {
    pub(crate) fn new() -> Self {
        Self {
            firsts: Keys::new(),
            children: [0; INNER],
            counts: [0; INNER],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.firsts.len()
    }

    /// How many keys are below this node.
    pub(crate) fn count(&self) -> u32 {
        self.counts[..self.len()].iter().sum()
    }

    /// How many keys are below the children before `index`.
    pub(crate) fn count_before(&self, index: usize) -> usize {
        self.counts[..index].iter().sum::<u32>() as usize
    }

    pub(crate) fn node(&self, index: usize) -> u32 {
        self.children[index]
    }

    pub(crate) fn count_of(&self, index: usize) -> usize {
        self.counts[index] as usize
    }

    pub(crate) fn set_count(&mut self, index: usize, count: usize) {
        self.counts[index] =
            u32::try_from(count).expect("a sorted set has fewer than 2^32 members");
    }

    /// The child that holds the `rank`th key below this node, and the key's rank below that child.
    pub(crate) fn child_at(&self, mut rank: usize) -> (usize, usize) {
        for (index, &count) in self.counts[..self.len()].iter().enumerate() {
            if rank < count as usize {
                return (index, rank);
            }
            rank -= count as usize;
        }
        panic!("the rank is below the count");
    }

    pub(crate) fn insert(&mut self, index: usize, child: Child) {
        let len = self.len();
        self.firsts.insert(index, child.first);
        open_gap(&mut self.children, index, len);
        open_gap(&mut self.counts, index, len);
        self.children[index] = child.node;
        self.counts[index] = child.count;
    }

    pub(crate) fn remove(&mut self, index: usize) {
        let len = self.len();
        self.firsts.remove(index);
        close_gap(&mut self.children, index, len);
        close_gap(&mut self.counts, index, len);
    }

    /// The upper half goes to `to`, which is empty.
    pub(crate) fn split(&mut self, to: &mut Self) {
        self.move_tail(INNER / 2, to);
    }

    /// Take all children of the node that follows.
    pub(crate) fn absorb(&mut self, from: &mut Self) {
        from.move_tail(0, self);
    }

    fn move_tail(&mut self, start: usize, to: &mut Self) {
        let (len, to_len) = (self.len(), to.len());
        to.children[to_len..to_len + len - start].copy_from_slice(&self.children[start..len]);
        to.counts[to_len..to_len + len - start].copy_from_slice(&self.counts[start..len]);
        self.firsts.move_tail(start, &mut to.firsts);
    }
}

fn open_gap<T: Copy>(items: &mut [T], index: usize, len: usize) {
    items.copy_within(index..len, index + 1);
}

fn close_gap<T: Copy>(items: &mut [T], index: usize, len: usize) {
    items.copy_within(index + 1..len, index);
}

/// Nodes by number. Each is an allocation of its own, so that growing moves none of them.
pub(super) struct Arena<T> {
    nodes: Vec<Option<Box<T>>>,
    free: Vec<u32>,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, node: u32) -> &T {
        self.nodes[node as usize]
            .as_deref()
            .expect("the tree names living nodes only")
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, node: u32) -> &mut T {
        self.nodes[node as usize]
            .as_deref_mut()
            .expect("the tree names living nodes only")
    }

    pub(crate) fn add(&mut self, new: T) -> u32 {
        let new = Some(Box::new(new));
        if let Some(node) = self.free.pop() {
            self.nodes[node as usize] = new;
            return node;
        }
        self.nodes.push(new);
        u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 nodes")
    }

    pub(crate) fn remove(&mut self, node: u32) {
        self.nodes[node as usize] = None;
        self.free.push(node);
    }

    /// To move things from one node to the other.
    pub(crate) fn pair(&mut self, one: u32, two: u32) -> (&mut T, &mut T) {
        let [one, two] = self
            .nodes
            .get_disjoint_mut([one as usize, two as usize])
            .expect("two nodes of this arena");
        let expected = "the tree names living nodes only";
        (
            one.as_deref_mut().expect(expected),
            two.as_deref_mut().expect(expected),
        )
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.len() * size_of::<T>()
            + self.nodes.capacity() * size_of::<Option<Box<T>>>()
            + self.free.capacity() * 4
    }
}
