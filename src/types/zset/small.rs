//! The small form: a pack of members in order of their scores.

use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};

use crate::types::pack::{Cell, Gap, Pairs, Row, Search};

/// The row of a member and the one before it, or the place it would have with this score.
#[inline]
pub(crate) fn seek(pairs: &Pairs, member: &[u8], score: f64) -> Result<(Option<Row>, Row), Gap> {
    pairs.find_or_place(member, |theirs, order| {
        let theirs = theirs.score();
        score < theirs || (score == theirs && order == Ordering::Less)
    })
}

pub(crate) fn insert(pairs: &mut Pairs, gap: Gap, member: &[u8], score: f64) {
    pairs.insert(gap, member, Cell::from_score(score));
}

/// Gives the member in `row` another score.
pub(crate) fn move_to(pairs: &mut Pairs, row: Row, before: Option<Row>, member: &[u8], score: f64) {
    let fits_after = before.is_none_or(|before| pairs.value(before).score() < score);
    let fits_before = pairs
        .row_after(row)
        .is_none_or(|after| score < pairs.value(after).score());
    if fits_after && fits_before {
        pairs.set_value(row, Cell::from_score(score));
        return;
    }
    pairs.remove(row);
    if let Err(gap) = seek(pairs, member, score) {
        insert(pairs, gap, member, score);
    }
}

pub(crate) fn rank(pairs: &Pairs, member: &[u8]) -> Option<(usize, f64)> {
    let mut search = Search::new(member);
    let found = pairs
        .rows()
        .enumerate()
        .find(|(_, row)| search.compare(pairs.row_key(*row)) == Ordering::Equal);
    found.map(|(rank, row)| (rank, pairs.value(row).score()))
}

pub(crate) fn visit<B>(
    pairs: &Pairs,
    ranks: Range<usize>,
    mut show: impl FnMut(&[u8], f64) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut walk = pairs.walk();
    let mut rank = 0;
    while rank < ranks.end
        && let Some(row) = walk.next()
    {
        if rank >= ranks.start {
            show(walk.key(), walk.value(row).score())?;
        }
        rank += 1;
    }
    ControlFlow::Continue(())
}

/// A pack is written to be read forwards, so the texts are gathered first.
pub(crate) fn for_range_back(pairs: &Pairs, ranks: Range<usize>, mut show: impl FnMut(&[u8], f64)) {
    let mut texts = Vec::new();
    let mut found = Vec::with_capacity(ranks.len().min(pairs.len()));
    let _ = visit::<()>(pairs, ranks, |member, score| {
        let start = texts.len();
        texts.extend_from_slice(member);
        found.push((start..texts.len(), score));
        ControlFlow::Continue(())
    });
    for (text, score) in found.into_iter().rev() {
        show(&texts[text], score);
    }
}

pub(crate) fn remove_range(
    pairs: &mut Pairs,
    ranks: Range<usize>,
    mut gone: impl FnMut(&[u8], f64),
) -> usize {
    let ranks = ranks.start..ranks.end.min(pairs.len());
    if ranks.len() == 1 {
        let (row, walk) = pairs.walk_to(ranks.start);
        gone(walk.key(), walk.value(row).score());
        pairs.remove(row);
        return 1;
    }
    let mut rank = 0;
    if !ranks.is_empty() {
        pairs.retain(|member, score| {
            let keep = !ranks.contains(&rank);
            rank += 1;
            if let (false, Some(score)) = (keep, score) {
                gone(member, score.score());
            }
            keep
        });
    }
    ranks.len()
}
