//! Ranges of sorted sets, by rank, by score or by name: replied, stored, removed.
//!
//! The six old commands are ZRANGE with its options fixed, so there is one parser and one way to answer.

use std::ops::Range;

use crate::base::range;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::types::zset::{AddRule, NameRange, ScoreRange, Zset};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::limits;
use super::super::options::{integer, is};
use super::lost;

/// The measure of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

/// The part of a command's grammar that is fixed by its name.
#[derive(Clone, Copy)]
struct Grammar {
    /// `None` lets the options say.
    by: Option<By>,
    /// `None` lets the options say.
    reversed: Option<bool>,
    /// Where key, min and max stand.
    key_at: usize,
    stores: bool,
}

/// A parsed request.
struct Request<'a> {
    wanted: Wanted<'a>,
    reversed: bool,
    with_scores: bool,
    offset: i64,
    /// Negative: all.
    count: i64,
}

enum Wanted<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Names(NameRange<'a>),
}

impl<'a> Request<'a> {
    fn parse(args: Args<'a>, grammar: Grammar) -> Result<Self, Error> {
        let (mut by, mut reversed) = (grammar.by, grammar.reversed);
        let (mut with_scores, mut limit) = (false, None);
        let mut at = grammar.key_at + 3;
        while at < args.len() {
            let word = args.at(at);
            if !grammar.stores && is(word, "WITHSCORES") {
                with_scores = true;
            } else if is(word, "LIMIT") && at + 2 < args.len() {
                limit = Some((integer(args.at(at + 1))?, integer(args.at(at + 2))?));
                at += 2;
            } else if reversed.is_none() && is(word, "REV") {
                reversed = Some(true);
            } else if by.is_none() && is(word, "BYLEX") {
                by = Some(By::Name);
            } else if by.is_none() && is(word, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        let (by, reversed) = (by.unwrap_or(By::Rank), reversed.unwrap_or(false));
        // A limit whose count is -1 is as good as none.
        if limit.is_some_and(|(_, count)| count != -1) && by == By::Rank {
            return Err(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX".into()
            );
        }
        if with_scores && by == By::Name {
            return Err(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX".into(),
            );
        }
        let (mut min, mut max) = (args.at(grammar.key_at + 1), args.at(grammar.key_at + 2));
        if reversed && by != By::Rank {
            // With REV the request names the higher end first.
            std::mem::swap(&mut min, &mut max);
        }
        let wanted = match by {
            By::Rank => Wanted::Ranks(integer(min)?, integer(max)?),
            By::Score => Wanted::Scores(ScoreRange::parse(min, max).ok_or(Error::RangeNotFloat)?),
            By::Name => Wanted::Names(NameRange::parse(min, max).ok_or(Error::RangeNotLex)?),
        };
        let (offset, count) = limit.unwrap_or((0, -1));
        Ok(Self {
            wanted,
            reversed,
            with_scores,
            offset,
            count,
        })
    }

    /// Which ranks are meant, counted from the lowest.
    fn ranks(&self, zset: &Zset) -> Range<usize> {
        let len = zset.len();
        let range = match &self.wanted {
            Wanted::Ranks(start, end) => {
                let range = range::clamp(*start, *end, len).unwrap_or_default();
                return if self.reversed {
                    len - range.end..len - range.start
                } else {
                    range
                };
            }
            Wanted::Scores(range) => zset.ranks_by_score(range),
            Wanted::Names(range) => zset.ranks_by_name(range),
        };
        self.limited(range, matches!(zset, Zset::Large(_)))
    }

    /// The part of a range that LIMIT leaves. A negative offset counts from the other end of the range where the set is
    /// large, and leaves nothing where it is small: so it is in Redis, whose two forms skip members each in its own
    /// way.
    fn limited(&self, range: Range<usize>, is_large: bool) -> Range<usize> {
        let nothing = range.start..range.start;
        let skipped = match usize::try_from(self.offset) {
            Ok(offset) => offset.min(range.len()),
            Err(_) if !is_large => return nothing,
            Err(_) => match usize::try_from(self.offset.unsigned_abs()) {
                Ok(from_other_end) if from_other_end <= range.len() => range.len() - from_other_end,
                _ => return nothing,
            },
        };
        let left = range.len() - skipped;
        let taken = usize::try_from(self.count).map_or(left, |count| count.min(left));
        if self.reversed {
            let end = range.end - skipped;
            end - taken..end
        } else {
            let start = range.start + skipped;
            start..start + taken
        }
    }
}

const REPLIES: Grammar = Grammar {
    by: None,
    reversed: None,
    key_at: 1,
    stores: false,
};

/// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
pub(crate) fn zrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(ctx, args, REPLIES)
}

/// ZREVRANGE key start stop [WITHSCORES]
pub(crate) fn zrevrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(
        ctx,
        args,
        Grammar {
            by: Some(By::Rank),
            reversed: Some(true),
            ..REPLIES
        },
    )
}

/// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
pub(crate) fn zrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(
        ctx,
        args,
        Grammar {
            by: Some(By::Score),
            reversed: Some(false),
            ..REPLIES
        },
    )
}

/// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]
pub(crate) fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(
        ctx,
        args,
        Grammar {
            by: Some(By::Score),
            reversed: Some(true),
            ..REPLIES
        },
    )
}

/// ZRANGEBYLEX key min max [LIMIT offset count]
pub(crate) fn zrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(
        ctx,
        args,
        Grammar {
            by: Some(By::Name),
            reversed: Some(false),
            ..REPLIES
        },
    )
}

/// ZREVRANGEBYLEX key max min [LIMIT offset count]
pub(crate) fn zrevrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_range(
        ctx,
        args,
        Grammar {
            by: Some(By::Name),
            reversed: Some(true),
            ..REPLIES
        },
    )
}

fn reply_range(ctx: &mut Ctx<'_>, args: Args<'_>, grammar: Grammar) -> Outcome {
    let request = Request::parse(args, grammar)?;
    let Some(zset) = ctx.keys.read_as::<Zset>(args.at(grammar.key_at))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let ranks = request.ranks(&zset);
    let reply = &mut ctx.reply;
    begin(reply, ranks.len(), request.with_scores);
    let show = |member: &[u8], score| show(reply, member, score, request.with_scores);
    if request.reversed {
        zset.for_range_back(ranks, show)
    } else {
        zset.for_range(ranks, show)
    }
    Ok(())
}

/// Begins a list of members: in RESP3 each with its score is a pair, in RESP2 the list is flat.
pub(crate) fn begin(reply: &mut Reply<'_>, count: usize, with_scores: bool) {
    let is_flat = with_scores && !reply.is_resp3();
    reply.array(if is_flat {
        count.saturating_mul(2)
    } else {
        count
    });
}

/// One member of such a list.
#[inline]
pub(crate) fn show(reply: &mut Reply<'_>, member: &[u8], score: f64, with_scores: bool) {
    if with_scores && reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(member);
    if with_scores {
        reply.double(score);
    }
}

/// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
pub(crate) fn zrangestore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let grammar = Grammar {
        key_at: 2,
        stores: true,
        ..REPLIES
    };
    let request = Request::parse(args, grammar)?;
    let limits = limits::zset(ctx);
    let mut result = None;
    if let Some(zset) = ctx.keys.read_as::<Zset>(args.at(2))? {
        // REV and LIMIT choose the members; the stored set has its own order in any case.
        let ranks = request.ranks(&zset);
        let mut longest = 0;
        zset.for_range(ranks.clone(), |member, _| {
            longest = longest.max(member.len())
        });
        let mut copy = Zset::for_adding(ranks.len(), longest, &limits);
        zset.for_range(ranks, |member, score| {
            copy.add(member, score, AddRule::default(), &limits);
        });
        result = Some(copy);
    }
    store(ctx, args.at(1), result, Event::ZRANGESTORE, 1);
    Ok(())
}

/// Puts a computed sorted set under a key, which counts as so many changes, or removes the old value when the result is
/// empty; replies its length.
pub(crate) fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    result: Option<Zset>,
    event: Event,
    changes: usize,
) {
    let result = result.filter(|zset| !zset.is_empty());
    let len = result.as_ref().map_or(0, Zset::len);
    // ZRANGESTORE of an empty range removes the destination, as every command with a destination does.
    ctx.keys.store(key, result, event, changes);
    ctx.reply.count(len);
}

/// ZREMRANGEBYRANK key start stop
pub(crate) fn zremrangebyrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (start, end) = (integer(args.at(2))?, integer(args.at(3))?);
    remove_range(ctx, args, Event::ZREMRANGEBYRANK, |zset| {
        range::clamp(start, end, zset.len()).unwrap_or_default()
    })
}

/// ZREMRANGEBYSCORE key min max
pub(crate) fn zremrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let range = ScoreRange::parse(args.at(2), args.at(3)).ok_or(Error::RangeNotFloat)?;
    remove_range(ctx, args, Event::ZREMRANGEBYSCORE, |zset| {
        zset.ranks_by_score(&range)
    })
}

/// ZREMRANGEBYLEX key min max
pub(crate) fn zremrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let range = NameRange::parse(args.at(2), args.at(3)).ok_or(Error::RangeNotLex)?;
    remove_range(ctx, args, Event::ZREMRANGEBYLEX, |zset| {
        zset.ranks_by_name(&range)
    })
}

fn remove_range(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    event: Event,
    ranks: impl FnOnce(&Zset) -> Range<usize>,
) -> Outcome {
    let key = args.at(1);
    let Some(spot) = ctx.keys.spot_as::<Zset>(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let mut zset = ctx.keys.edit_at::<Zset>(spot)?;
    let ranks = ranks(&zset);
    let removed = zset.remove_range(ranks, |_, _| {});
    drop(zset);
    if removed > 0 {
        lost(&mut ctx.keys, key, spot, event, removed);
    }
    ctx.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(reversed: bool, offset: i64, count: i64) -> Request<'static> {
        Request {
            wanted: Wanted::Ranks(0, -1),
            reversed,
            with_scores: false,
            offset,
            count,
        }
    }

    #[test]
    fn a_limit_counts_from_where_the_reply_begins() {
        assert_eq!(request(false, 1, 2).limited(10..20, true), 11..13);
        assert_eq!(request(true, 1, 2).limited(10..20, true), 17..19);
        assert_eq!(request(false, 3, -1).limited(10..20, false), 13..20);
        assert_eq!(request(true, 30, 5).limited(10..20, true), 10..10);
        assert_eq!(request(false, -1, 5).limited(10..20, false), 10..10);
        assert_eq!(request(false, -2, 5).limited(10..20, true), 18..20);
        assert_eq!(request(true, -2, 5).limited(10..20, true), 10..12);
    }
}
