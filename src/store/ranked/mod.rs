//! The large form of sorted sets: members found by name, by score and by rank.
//!
//! Two structures over the same members: a table from the bytes to the member, which holds the
//! score (`Members`), and a counted B+tree in order of score and bytes (`tree`), which holds scores
//! and addresses. So ZSCORE is one look-up; a rank, or the member at a rank, is one path of three
//! or four nodes.
//!
//! A tree and not the skiplist of Redis: the scores of 72 neighbours share a few cache lines, where
//! a skiplist pays a miss per comparison; and it takes about 20 bytes per member for the order
//! instead of 45. Members never move in memory while they are here, which is why the tree may hold
//! their addresses.
//!
//! The order is by score, then by bytes; `-0` equals `0`; NaN is refused.

#![allow(unsafe_code)]

mod node;
mod tree;

use std::ops::Range;

use super::member::Raw;
use super::members::{Member, Members};
use super::mover::Mover;
use super::table::TableStats;
use crate::base::hash::Seed;
use node::{Key, NO_KEY};
use tree::{Cursor, Tree};

pub struct Ranked {
    members: Members,
    tree: Tree,
}

impl Ranked {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            members: Members::new(seed),
            tree: Tree::new(),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For looking ahead.
    #[inline]
    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    #[inline]
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        self.members.get(member).map(score_of)
    }

    /// Add a member, or move it to another score. Returns its old score. An equal score (-0 for 0)
    /// changes nothing.
    pub(crate) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        assert!(!score.is_nan(), "callers refuse NaN");
        let hash = self.members.hash(member);
        let Some(spot) = self.members.locate(hash, member) else {
            let spot = self
                .members
                .insert(hash, member, b"", Some(score.to_bits()));
            self.tree.insert(Key {
                score,
                member: self.members.raw(spot).address(),
            });
            return None;
        };
        let raw = self.members.raw(spot);
        let old = Key {
            score: score_of(self.members.at(spot)),
            member: raw.address(),
        };
        if score != old.score {
            if !self.tree.update_in_place(old, score) {
                self.tree.remove(old);
                self.tree.insert(Key { score, ..old });
            }
            raw.set_word(score.to_bits());
        }
        Some(old.score)
    }

    /// Returns the score it had.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let spot = self.members.locate(self.members.hash(member), member)?;
        let score = score_of(self.members.at(spot));
        self.tree.remove(Key {
            score,
            member: self.members.raw(spot).address(),
        });
        self.members.remove(spot);
        Some(score)
    }

    /// How many come before it, and its score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let spot = self.members.locate(self.members.hash(member), member)?;
        let score = score_of(self.members.at(spot));
        let rank = self.tree.rank(Key {
            score,
            member: self.members.raw(spot).address(),
        });
        Some((rank, score))
    }

    pub(crate) fn at(&self, rank: usize) -> Option<(&[u8], f64)> {
        (rank < self.len()).then(|| self.lend(self.tree.at(self.tree.find_rank(rank))))
    }

    /// How many members come before a bound: `before` says of a score and a member whether they do,
    /// and must be true up to some member and false from there on. Serves ranges by score and by
    /// name, inclusive and exclusive.
    pub(crate) fn partition(&self, mut before: impl FnMut(f64, &[u8]) -> bool) -> usize {
        self.tree.partition(|key| {
            let (member, score) = self.lend(key);
            before(score, member)
        })
    }

    /// The members with these ranks, from either end. Ranks beyond the last are ignored.
    pub(crate) fn range(&self, ranks: Range<usize>) -> RangeIter<'_> {
        let end = ranks.end.min(self.len());
        let left = end.saturating_sub(ranks.start);
        let ends = (left > 0).then(|| {
            (
                self.tree.find_rank(ranks.start),
                self.tree.find_rank(end - 1),
            )
        });
        RangeIter {
            ranked: self,
            ends,
            left,
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + ExactSizeIterator {
        self.range(0..self.len())
    }

    /// Remove the members with these ranks and report each. Returns how many there were.
    pub(crate) fn remove_range(
        &mut self,
        ranks: Range<usize>,
        gone: &mut dyn FnMut(&[u8], f64),
    ) -> usize {
        let count = ranks.end.min(self.len()).saturating_sub(ranks.start);
        if count == 1 {
            let key = self.tree.remove_rank(ranks.start);
            self.forget(key, self.members.hash(self.lend(key).0), gone);
        } else {
            for done in (0..count).step_by(GROUP) {
                self.remove_group(ranks.start, GROUP.min(count - done), gone);
            }
        }
        if ranks.start == 0 && count > 0 {
            self.expect_pop();
        }
        count
    }

    /// The same for at most [`GROUP`] members, of which there are enough. The table has them anywhere in memory, so all
    /// of that is sent for before the first is looked up.
    #[inline(never)]
    fn remove_group(&mut self, rank: usize, count: usize, gone: &mut dyn FnMut(&[u8], f64)) {
        let (mut keys, mut hashes) = ([NO_KEY; GROUP], [0; GROUP]);
        for key in &mut keys[..count] {
            *key = self.tree.remove_rank(rank);
            key.member.prefetch();
        }
        for (hash, key) in hashes.iter_mut().zip(&keys[..count]) {
            *hash = self.members.hash(self.lend(*key).0);
            self.members.prefetch_bucket(*hash);
        }
        for (hash, key) in hashes.iter().zip(&keys[..count]) {
            self.forget(*key, *hash, gone);
        }
    }

    /// What is no longer in the tree goes from the table.
    #[inline]
    fn forget(&mut self, key: Key, hash: u64, gone: &mut dyn FnMut(&[u8], f64)) {
        let (member, score) = self.lend(key);
        gone(member, score);
        let spot = self
            .members
            .locate_at(hash, key.member)
            .expect("what was in the tree is in the table");
        self.members.remove(spot);
    }

    /// A client that has taken the lowest members probably comes back for the next. Send for it: now for the second
    /// one's bytes, and for the bucket of the first, whose bytes were sent for the last time.
    fn expect_pop(&self) {
        let (first, second) = self.tree.lowest_two();
        if let Some(second) = second {
            second.member.prefetch();
        }
        if let Some(first) = first {
            self.members
                .prefetch_bucket(self.members.hash(self.lend(first).0));
        }
    }

    /// One step of a walk, as [`Dict::scan`](super::Dict::scan); in the order of the table.
    pub(crate) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        self.members
            .scan(cursor, &mut |member| visit(member.key(), score_of(member)))
    }

    /// One step of a walk that moves members which lie badly; the cursor is that of `scan`.
    pub(crate) fn relocate(&mut self, cursor: u64, mover: &mut Mover<'_>) -> u64 {
        let Self { members, tree } = self;
        members.relocate_some(cursor, mover, |old, new| {
            let word = old.word().expect("members of a sorted set have scores");
            let key = Key {
                score: f64::from_bits(word),
                member: old.address(),
            };
            tree.rename(key, new.address());
        })
    }

    /// Any member with equal probability. `draw` gives 64 random bits at each call.
    pub(crate) fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<(&[u8], f64)> {
        let member = self.members.at(self.members.random(draw)?);
        Some((member.key(), score_of(member)))
    }

    /// The bytes of table, members and tree, without this struct itself.
    pub(crate) fn memory(&self) -> usize {
        self.members.memory() + self.tree.bytes()
    }

    /// Of the table that finds members.
    pub(crate) fn stats(&self) -> TableStats {
        self.members.stats()
    }

    fn lend(&self, key: Key) -> (&[u8], f64) {
        debug_assert!(!self.is_empty());
        // SAFETY: the tree holds addresses of this set's living members.
        let member = unsafe { Raw::assume(key.member) };
        // SAFETY: the member stays alive while the set, which the result borrows, is not changed.
        (unsafe { member.key() }, key.score)
    }
}

/// So many members are removed together: their cache lines come while others are worked on.
const GROUP: usize = 16;

fn score_of(member: Member<'_>) -> f64 {
    f64::from_bits(member.word().expect("members of a sorted set have scores"))
}

impl Clone for Ranked {
    /// In order, so that the copy's leaves are full.
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.members.seed());
        for (member, score) in self.iter() {
            copy.insert(member, score);
        }
        copy
    }
}

/// Members with their scores, in order.
#[derive(Clone)]
pub(crate) struct RangeIter<'t> {
    ranked: &'t Ranked,
    /// The next one from the front and the next one from the back, while there are any.
    ends: Option<(Cursor, Cursor)>,
    left: usize,
}

impl<'t> Iterator for RangeIter<'t> {
    type Item = (&'t [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        let (front, back) = self.ends?;
        self.left -= 1;
        self.ends = if self.left > 0 {
            self.ranked.tree.next(front).map(|next| (next, back))
        } else {
            None
        };
        Some(self.ranked.lend(self.ranked.tree.at(front)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for RangeIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (front, back) = self.ends?;
        self.left -= 1;
        self.ends = if self.left > 0 {
            self.ranked.tree.previous(back).map(|back| (front, back))
        } else {
            None
        };
        Some(self.ranked.lend(self.ranked.tree.at(back)))
    }
}

impl ExactSizeIterator for RangeIter<'_> {}

#[cfg(test)]
impl Ranked {
    pub(crate) fn validate(&self) {
        self.members.validate();
        let keys = self.tree.validate();
        assert_eq!(
            (keys.len(), self.tree.len()),
            (self.members.len(), self.members.len())
        );
        for key in keys {
            let (member, score) = self.lend(key);
            assert_eq!(self.score(member).map(f64::to_bits), Some(score.to_bits()));
        }
    }
}

#[cfg(test)]
mod tests;
