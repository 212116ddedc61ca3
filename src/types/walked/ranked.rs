//! Sorted sets: walked from the highest rank down, some members at a time.
//!
//! Ranks shift while members come and go, so the place is a score and a name.

use std::cmp::Ordering;
use std::ops::Range;

use crate::base::hash::Seed;
use crate::store::Ranked;

use super::{Kept, Log, Show, Table, Walk, Walked};

/// How many members are shown in a step.
const RUN: usize = 64;

/// What is below the last that was shown is still to come.
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
    /// As [`Ranked::insert`].
    #[inline]
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        if let Some(log) = &mut self.log {
            log.note(member, self.table.score(member), Some(score));
        }
        self.table.insert(member, score)
    }

    /// As [`Ranked::remove`].
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.table.remove(member)?;
        if let Some(log) = &mut self.log {
            log.note(member, Some(score), None);
        }
        Some(score)
    }

    /// As [`Ranked::remove_range`].
    pub fn remove_range(&mut self, ranks: Range<usize>, gone: &mut dyn FnMut(&[u8], f64)) -> usize {
        let Self { table, log } = self;
        table.remove_range(ranks, &mut |member, score| {
            if let Some(log) = log {
                log.note(member, Some(score), None);
            }
            gone(member, score);
        })
    }
}

impl Walk for Walked<Ranked> {
    fn begin(&mut self, id: u64, seed: Seed) {
        self.log = Some(Log::new(id, seed, self.table.len()));
    }

    fn walk(&self) -> Option<u64> {
        self.log.as_ref().map(|log| log.id)
    }

    fn step(&mut self, show: Show<'_>) -> bool {
        let Self { table, log } = self;
        let Some(log) = log else { return false };
        let end = match &log.place {
            RankPlace::Top => table.len(),
            RankPlace::Below(score, member) => table
                .partition(|other_score, other| is_less((other_score, other), (*score, member))),
            RankPlace::End => 0,
        };
        let start = end.saturating_sub(RUN);
        let is_quiet = log.before.is_empty() && log.fresh.is_empty();
        for (member, score) in table.range(start..end).rev() {
            if is_quiet || !log.has(member) {
                show(member, b"", Some(score.to_bits()));
                log.left -= 1;
            }
        }
        log.place = match table.at(start) {
            Some((member, score)) if start > 0 => RankPlace::Below(score, member.to_vec()),
            _ => RankPlace::End,
        };
        start > 0
    }

    fn end(&mut self) -> Option<Kept> {
        self.log.take().map(|log| log.end())
    }

    fn log_bytes(&self) -> usize {
        self.log.as_ref().map_or(0, |log| log.bytes())
    }

    fn count(&self) -> usize {
        self.table.len()
    }

    fn bytes(&self) -> usize {
        self.table.memory()
    }
}
