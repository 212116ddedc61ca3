//! Sorted sets.
//!
//! ```text
//! listpack     a pack of (member, score) in order           few and short (`small`)
//! skiplist     a table of members and a counted B+tree      everything else (`store::Ranked`)
//! ```
//!
//! The names are those of OBJECT ENCODING. The order is by score, then by bytes; negative zero equals zero, and NaN is
//! never let in. A range by score or by name is first turned into a range of ranks (`ranks_by_score`, `ranks_by_name`):
//! then counting is a subtraction, LIMIT an addition, and reading and removing need one way each.

mod bounds;
mod small;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{ControlFlow, Range};

pub(crate) use bounds::{NameRange, ScoreRange};

#[cfg(test)]
pub(crate) use bounds::NameBound;

use super::choose::{self, Selection};
use super::listpack::{Item, Listpack};
use super::pack::Pairs;
use super::walked::{Shape, Show, Walk, Walked};
use super::{Digest, Family, Folds, Form, Malformed, Row};
use crate::base::double;
use crate::base::hash::Seed;
use crate::base::rng::Rng;
use crate::store::{Blob, Members, Ranked, TableStats};

/// How large the small form may grow, and what a table is keyed with.
#[derive(Clone, Copy, Debug)]
pub struct ZsetLimits {
    pub listpack_entries_max: usize,
    pub listpack_value_max: usize,
    pub seed: Seed,
}

/// ZADD's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddRule {
    pub(crate) present: Present,
    pub(crate) direction: Direction,
    /// INCR: the score is added to the one the member has.
    pub(crate) increments: bool,
}

/// Which members may be added or changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Present {
    #[default]
    Either,
    /// NX
    No,
    /// XX
    Yes,
}

/// Which way the score of a present member may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Direction {
    #[default]
    Either,
    /// GT
    Up,
    /// LT
    Down,
}

/// The effect of an addition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The member is new.
    New(f64),
    /// It has another score now.
    Moved(f64),
    /// It had that score already.
    Same(f64),
    /// The rule did not allow it.
    Refused,
    /// The sum of infinities.
    NotANumber,
}

#[derive(Clone)]
pub enum Zset {
    Small(Pairs),
    Large(Box<Walked<Ranked>>),
}

impl Zset {
    pub fn small() -> Self {
        Self::Small(Pairs::new())
    }

    pub(crate) fn large(limits: &ZsetLimits) -> Self {
        Self::Large(Box::new(Walked::new(Ranked::new(limits.seed))))
    }

    /// An empty sorted set in the form that suits `count` members, the longest (or the first, where no more is known)
    /// of so many bytes.
    pub(crate) fn for_adding(count: usize, member_len: usize, limits: &ZsetLimits) -> Self {
        if count <= limits.listpack_entries_max && member_len <= limits.listpack_value_max {
            Self::small()
        } else {
            Self::large(limits)
        }
    }

    /// Pairs from a file, each member once; put in order if they are not.
    pub(crate) fn from_listpack(pairs: &Listpack, limits: &ZsetLimits) -> Result<Self, Malformed> {
        let mut zset = Self::small();
        let mut items = pairs.iter();
        let mut space = [0; 20];
        while let Some(member) = items.next() {
            let score = match items.next().ok_or(Malformed)? {
                Item::Int(number) => number as f64,
                Item::Bytes(text) => double::parse_f64(text).ok_or(Malformed)?,
            };
            let added = zset.add(member.text(&mut space), score, AddRule::default(), limits);
            if !matches!(added, Added::New(_)) {
                return Err(Malformed);
            }
        }
        if zset.is_empty() {
            Err(Malformed)
        } else {
            Ok(zset)
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small(pairs) => pairs.len(),
            Self::Large(ranked) => ranked.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Small(_) => "listpack",
            Self::Large(_) => "skiplist",
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Small(pairs) => pairs.memory(),
            Self::Large(ranked) => size_of::<Walked<Ranked>>() + ranked.memory(),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Small(_) => 1,
            Self::Large(ranked) => ranked.len(),
        }
    }

    /// For files; not for large sorted sets, whose members are written one by one.
    pub(crate) fn to_listpack(&self) -> Listpack {
        let mut pack = Listpack::new();
        let mut text = Vec::new();
        self.for_range(0..self.len(), |member, score| {
            text.clear();
            double::push_f64(&mut text, score);
            // Whole numbers become integers by themselves; a listpack has no negative zero.
            let score = if score == 0.0 {
                Item::Int(0)
            } else {
                Item::Bytes(&text)
            };
            pack.append_all(&[Item::Bytes(member), score]);
        });
        pack.shrink_to_fit();
        pack
    }

    /// A command is about to add `count` members, repetitions included.
    pub(crate) fn expect(&mut self, count: usize, limits: &ZsetLimits) {
        if count > limits.listpack_entries_max {
            self.enlarge(limits);
        }
    }

    #[inline]
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Small(pairs) => pairs.find(member).ok().map(|row| pairs.value(row).score()),
            Self::Large(ranked) => ranked.score(member),
        }
    }

    /// How many members come before this one, and its score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Self::Small(pairs) => small::rank(pairs, member),
            Self::Large(ranked) => ranked.rank(member),
        }
    }

    /// Adds a member or changes its score, as far as the rule allows. The score is not NaN.
    pub fn add(&mut self, member: &[u8], score: f64, rule: AddRule, limits: &ZsetLimits) -> Added {
        match self {
            Self::Small(pairs) => match small::seek(pairs, member, score) {
                Ok((before, row)) => {
                    let added = rule.judge(pairs.value(row).score(), score);
                    if let Added::Moved(score) = added {
                        small::move_to(pairs, row, before, member, score);
                    }
                    added
                }
                Err(_) if rule.present == Present::Yes => Added::Refused,
                Err(gap) if fits(pairs, member.len(), limits) => {
                    small::insert(pairs, gap, member, score);
                    Added::New(score)
                }
                Err(_) => {
                    self.enlarge(limits);
                    self.add(member, score, rule, limits)
                }
            },
            Self::Large(ranked) if rule == AddRule::default() => match ranked.insert(member, score)
            {
                None => Added::New(score),
                Some(before) if before == score => Added::Same(score),
                Some(_) => Added::Moved(score),
            },
            Self::Large(ranked) => {
                let added = match ranked.score(member) {
                    None if rule.present == Present::Yes => Added::Refused,
                    None => Added::New(score),
                    Some(before) => rule.judge(before, score),
                };
                if let Added::New(score) | Added::Moved(score) = added {
                    ranked.insert(member, score);
                }
                added
            }
        }
    }

    /// Returns the score it had.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Small(pairs) => {
                let row = pairs.find(member).ok()?;
                let score = pairs.value(row).score();
                pairs.remove(row);
                Some(score)
            }
            Self::Large(ranked) => ranked.remove(member),
        }
    }

    // ---- ranges ----

    /// The ranks of members whose scores are in the range; empty ones start where the first would stand.
    pub(crate) fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        let start = self.partition_by_score(|score| range.is_above(score));
        let end = self.partition_by_score(|score| !range.is_below(score));
        start..end.max(start)
    }

    /// The ranks of members whose names are in the range, if all have the same score; otherwise it is as
    /// unspecified as it is in Redis.
    pub(crate) fn ranks_by_name(&self, range: &NameRange<'_>) -> Range<usize> {
        let start = self.partition_by_name(|member| range.is_above(member));
        let end = self.partition_by_name(|member| !range.is_below(member));
        start..end.max(start)
    }

    /// Shows the members with these ranks, lowest first. Ranks beyond the last are ignored.
    pub(crate) fn for_range(&self, ranks: Range<usize>, mut show: impl FnMut(&[u8], f64)) {
        let _ = self.visit::<()>(ranks, |member, score| {
            show(member, score);
            ControlFlow::Continue(())
        });
    }

    /// Shows the members with these ranks, highest first.
    pub(crate) fn for_range_back(&self, ranks: Range<usize>, mut show: impl FnMut(&[u8], f64)) {
        match self {
            Self::Small(pairs) => small::for_range_back(pairs, ranks, show),
            Self::Large(ranked) => {
                ranked
                    .range(ranks)
                    .rev()
                    .for_each(|(member, score)| show(member, score));
            }
        }
    }

    /// Shows the members with these ranks, lowest first, until told to stop.
    pub(crate) fn visit<B>(
        &self,
        ranks: Range<usize>,
        mut show: impl FnMut(&[u8], f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Small(pairs) => small::visit(pairs, ranks, show),
            Self::Large(ranked) => ranked
                .range(ranks)
                .try_for_each(|(member, score)| show(member, score)),
        }
    }

    /// Removes the members with these ranks and shows each, lowest first. Returns how many there were.
    pub(crate) fn remove_range(
        &mut self,
        ranks: Range<usize>,
        mut gone: impl FnMut(&[u8], f64),
    ) -> usize {
        match self {
            Self::Small(pairs) => small::remove_range(pairs, ranks, gone),
            Self::Large(ranked) => ranked.remove_range(ranks, &mut gone),
        }
    }

    /// Removes the member with the lowest score.
    #[cfg(test)]
    pub(crate) fn pop_min<R>(&mut self, show: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        self.pop_at(0, show)
    }

    /// Removes the member with the highest score.
    pub(crate) fn pop_max<R>(&mut self, show: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        self.pop_at(self.len().checked_sub(1)?, show)
    }

    // ---- choosing and scanning ----

    /// Shows a member that was chosen at random.
    pub(crate) fn random<R>(&self, rng: &mut Rng, show: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        match self {
            _ if self.is_empty() => None,
            Self::Small(pairs) => {
                let (row, walk) = pairs.walk_to(rng.index(pairs.len()));
                Some(show(walk.key(), walk.value(row).score()))
            }
            Self::Large(ranked) => {
                let (member, score) = ranked.random(&mut || rng.next_u64())?;
                Some(show(member, score))
            }
        }
    }

    /// Shows `count` different members, or all if there are fewer.
    pub(crate) fn sample(&self, count: usize, rng: &mut Rng, mut show: impl FnMut(&[u8], f64)) {
        if let Self::Large(ranked) = self
            && !choose::walks(count, ranked.len())
        {
            for (member, score) in choose::distinct(count, || Some(rng.index(ranked.len())))
                .into_iter()
                .filter_map(|rank| ranked.at(rank))
            {
                show(member, score);
            }
            return;
        }
        let mut selection = Selection::new(count, self.len());
        let _ = self.visit(0..self.len(), |member, score| {
            if selection.takes(rng) {
                show(member, score);
            }
            if selection.is_done() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }

    /// ZSCAN: shows at least `count` members from `cursor` on, or what there is, and returns where to go on, 0 at the
    /// end. The small form is shown whole.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut show: impl FnMut(&[u8], f64)) -> u64 {
        let Self::Large(ranked) = self else {
            self.for_range(0..self.len(), show);
            return 0;
        };
        let mut shown = 0;
        let mut cursor = cursor;
        loop {
            cursor = ranked.scan(cursor, &mut |member, score| {
                show(member, score);
                shown += 1;
            });
            if cursor == 0 || shown >= count {
                return cursor;
            }
        }
    }

    /// Takes the form for many members, however few there are.
    pub(crate) fn enlarge(&mut self, limits: &ZsetLimits) {
        if let Self::Small(_) = self {
            let mut ranked = Ranked::new(limits.seed);
            self.for_range(0..self.len(), |member, score| {
                ranked.insert(member, score);
            });
            *self = Self::Large(Box::new(Walked::new(ranked)));
        }
    }

    // ---- private ----

    fn pop_at<R>(&mut self, rank: usize, show: impl FnOnce(&[u8], f64) -> R) -> Option<R> {
        let mut show = Some(show);
        let mut shown = None;
        self.remove_range(rank..rank + 1, |member, score| {
            shown = show.take().map(|show| show(member, score));
        });
        shown
    }

    fn partition_by_score(&self, mut before: impl FnMut(f64) -> bool) -> usize {
        match self {
            Self::Small(pairs) => pairs
                .rows()
                .take_while(|row| before(pairs.value(*row).score()))
                .count(),
            Self::Large(ranked) => ranked.partition(|score, _| before(score)),
        }
    }

    fn partition_by_name(&self, mut before: impl FnMut(&[u8]) -> bool) -> usize {
        match self {
            Self::Small(pairs) => {
                let mut walk = pairs.walk();
                let mut rank = 0;
                while walk.next().is_some() && before(walk.key()) {
                    rank += 1;
                }
                rank
            }
            Self::Large(ranked) => ranked.partition(|_, member| before(member)),
        }
    }

    #[cfg(test)]
    pub(crate) fn validate(&self, limits: &ZsetLimits) {
        match self {
            Self::Small(pairs) => {
                pairs.validate();
                assert!(pairs.len() <= limits.listpack_entries_max);
                let mut previous: Option<(f64, Vec<u8>)> = None;
                self.for_range(0..self.len(), |member, score| {
                    assert!(member.len() <= limits.listpack_value_max);
                    let this = (score, member.to_vec());
                    assert!(previous.as_ref().is_none_or(|previous| *previous < this));
                    previous = Some(this);
                });
            }
            Self::Large(ranked) => ranked.validate(),
        }
    }
}

impl AddRule {
    /// The fate of a member that is present with the score `before`.
    fn judge(self, before: f64, score: f64) -> Added {
        if self.present == Present::No {
            return Added::Refused;
        }
        let after = if self.increments {
            before + score
        } else {
            score
        };
        let allowed = match self.direction {
            Direction::Either => true,
            Direction::Up => after > before,
            Direction::Down => after < before,
        };
        if after.is_nan() {
            Added::NotANumber
        } else if !allowed {
            Added::Refused
        } else if after == before {
            Added::Same(after)
        } else {
            Added::Moved(after)
        }
    }
}

impl Added {
    /// The score the member has now, unless nothing was allowed.
    pub(crate) fn score(self) -> Option<f64> {
        match self {
            Self::New(score) | Self::Moved(score) | Self::Same(score) => Some(score),
            Self::Refused | Self::NotANumber => None,
        }
    }
}

fn fits(pairs: &Pairs, member_len: usize, limits: &ZsetLimits) -> bool {
    pairs.len() < limits.listpack_entries_max
        && member_len <= limits.listpack_value_max
        && pairs.has_room_for(member_len)
}

impl Folds for Zset {
    #[inline]
    fn as_blob(&self) -> Option<(Form, &[u8])> {
        match self {
            Self::Small(pairs) => Some((Form::Scores, pairs.bytes())),
            Self::Large(_) => None,
        }
    }

    #[inline]
    fn from_blob(form: Form, blob: Blob) -> Option<Self> {
        (form == Form::Scores).then(|| Self::Small(Pairs::trusted(blob)))
    }

    #[inline]
    fn into_blob(self) -> Option<Blob> {
        match self {
            Self::Small(pairs) => Some(pairs.into_storage()),
            Self::Large(_) => None,
        }
    }
}

impl fmt::Debug for Zset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.for_range(0..self.len(), |member, score| {
            map.entry(&String::from_utf8_lossy(member), &score);
        });
        map.finish()
    }
}

impl Family for Zset {
    const ROW: Row = Row {
        name: "zset",
        sizes: Some("zsets_items"),
        digest: 3,
        is_awaited: true,
    };

    fn len(&self) -> usize {
        Zset::len(self)
    }

    fn encoding(&self) -> &'static str {
        Zset::encoding(self)
    }

    fn memory(&self) -> usize {
        Zset::memory(self)
    }

    fn weight(&self) -> usize {
        Zset::weight(self)
    }

    fn digest(&self, digest: &mut Digest) {
        let mut text = Vec::new();
        self.for_range(0..self.len(), |member, score| {
            let mut one = Digest::default();
            one.mix(member);
            // Not the text that replies show: it has an exponent wherever that is shorter.
            text.clear();
            double::push_shortest(&mut text, score);
            one.mix(&text);
            digest.add(&one);
        });
    }

    fn members(&self) -> Option<&Members> {
        match self {
            Self::Large(ranked) => Some(ranked.members()),
            Self::Small(_) => None,
        }
    }

    fn stats(&self) -> Option<TableStats> {
        match self {
            Self::Large(ranked) => Some(ranked.stats()),
            Self::Small(_) => None,
        }
    }

    fn table(&self) -> Option<&dyn Walk> {
        match self {
            Self::Large(ranked) => Some(&**ranked),
            Self::Small(_) => None,
        }
    }

    fn table_mut(&mut self) -> Option<&mut dyn Walk> {
        match self {
            Self::Large(ranked) => Some(&mut **ranked),
            Self::Small(_) => None,
        }
    }

    const SHAPE: Option<Shape> = Some(Shape::Zset);

    fn show(&self, show: Show<'_>) {
        self.for_range_back(0..self.len(), |member, score| {
            show(member, b"", Some(score.to_bits()));
        });
    }
}
