//! Sorted sets: walked from the highest rank down, some members at a time.
//!
//! Ranks shift while members come and go, so the place is a score and a name.

use std::cmp::Ordering;
use std::ops::Range;

use crate::store::Ranked;
use crate::store::mover::Mover;

use super::{Log, Show, Table, Walked};

/// How many members are shown in a step.
const RUN: usize = 64;

/// Members below the last that was shown are still to come.
#[derive(Default)]
pub enum RankPlace {
    #[default]
    Top,
    Below(f64, Vec<u8>),
    End,
}

impl RankPlace {
    fn has_ahead(&self, score: f64, member: &[u8]) -> bool {
        match self {
            Self::Top => true,
            Self::Below(last_score, last) => is_less((score, member), (*last_score, last)),
            Self::End => false,
        }
    }
}

/// The order of sorted sets: by score, in which zeros are equal, then by bytes. No score is NaN.
fn is_less(one: (f64, &[u8]), other: (f64, &[u8])) -> bool {
    match one.0.partial_cmp(&other.0) {
        Some(Ordering::Equal) | None => one.1 < other.1,
        Some(order) => order == Ordering::Less,
    }
}

impl Table for Ranked {
    type Place = RankPlace;

    fn step(&self, log: &mut Log<RankPlace>, show: Show<'_>) -> bool {
        let end = match &log.place {
            RankPlace::Top => self.len(),
            RankPlace::Below(score, member) => {
                self.partition(|other_score, other| is_less((other_score, other), (*score, member)))
            }
            RankPlace::End => 0,
        };
        let start = end.saturating_sub(RUN);
        let is_quiet = log.before.is_empty() && log.fresh.is_empty();
        for (member, score) in self.range(start..end).rev() {
            if is_quiet || !log.has(member) {
                show(member, b"", Some(score.to_bits()));
                log.left -= 1;
            }
        }
        log.place = match self.at(start) {
            Some((member, score)) if start > 0 => RankPlace::Below(score, member.to_vec()),
            _ => RankPlace::End,
        };
        start > 0
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.memory()
    }
}

impl Log<RankPlace> {
    /// A member moves, comes or goes.
    fn note(&mut self, member: &[u8], from: Option<f64>, to: Option<f64>) {
        if let Some(score) = from
            && self.place.has_ahead(score, member)
        {
            self.keep(member, b"", Some(score.to_bits()));
        } else if to.is_some_and(|score| self.place.has_ahead(score, member)) {
            self.hide(member);
        }
    }
}

impl Walked<Ranked> {
    /// One step of moving elements that lie badly. To a walk they are the same.
    pub(crate) fn relocate(&mut self, cursor: u64, mover: &mut Mover<'_>) -> u64 {
        self.table.relocate(cursor, mover)
    }

    /// As [`Ranked::insert`].
    #[inline]
    pub(crate) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        if let Some(log) = &mut self.log {
            log.note(member, self.table.score(member), Some(score));
        }
        self.table.insert(member, score)
    }

    /// As [`Ranked::remove`].
    #[inline]
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.table.remove(member)?;
        if let Some(log) = &mut self.log {
            log.note(member, Some(score), None);
        }
        Some(score)
    }

    /// As [`Ranked::remove_range`].
    pub(crate) fn remove_range(
        &mut self,
        ranks: Range<usize>,
        gone: &mut dyn FnMut(&[u8], f64),
    ) -> usize {
        let Self { table, log } = self;
        table.remove_range(ranks, &mut |member, score| {
            if let Some(log) = log {
                log.note(member, Some(score), None);
            }
            gone(member, score);
        })
    }
}
