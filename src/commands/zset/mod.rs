//! Sorted sets: adding, removing, scores and ranks.
//!
//! Ranges are next door in `range`, popping and waiting in `pop`, commands that compute with several sets in `algebra`.

mod algebra;
mod pop;
pub(crate) mod range;

use crate::base::double;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, Spot};
use crate::spec::error::Error;
use crate::spec::sorted_set as spec;
use crate::types::zset::{AddRule, Added, Direction, NameRange, Present, ScoreRange, Zset};
use crate::wire::args::Args;

use super::keys::scan::{Family, ScanOptions, cursor, reply_elements, reply_nothing};
use super::limits;
use super::options::{float, integer, is};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::BZMPOP, pop::bzmpop),
    Row::new(&spec::BZPOPMAX, pop::bzpopmax),
    Row::new(&spec::BZPOPMIN, pop::bzpopmin),
    Row::new(&spec::ZADD, zadd),
    Row::new(&spec::ZCARD, zcard),
    Row::new(&spec::ZCOUNT, zcount),
    Row::new(&spec::ZDIFF, algebra::zdiff),
    Row::new(&spec::ZDIFFSTORE, algebra::zdiffstore),
    Row::new(&spec::ZINCRBY, zincrby),
    Row::new(&spec::ZINTER, algebra::zinter),
    Row::new(&spec::ZINTERCARD, algebra::zintercard),
    Row::new(&spec::ZINTERSTORE, algebra::zinterstore),
    Row::new(&spec::ZLEXCOUNT, zlexcount),
    Row::new(&spec::ZMPOP, pop::zmpop),
    Row::new(&spec::ZMSCORE, zmscore),
    Row::new(&spec::ZPOPMAX, pop::zpopmax),
    Row::new(&spec::ZPOPMIN, pop::zpopmin),
    Row::new(&spec::ZRANDMEMBER, zrandmember),
    Row::new(&spec::ZRANGE, range::zrange),
    Row::new(&spec::ZRANGEBYLEX, range::zrangebylex),
    Row::new(&spec::ZRANGEBYSCORE, range::zrangebyscore),
    Row::new(&spec::ZRANGESTORE, range::zrangestore),
    Row::new(&spec::ZRANK, zrank),
    Row::new(&spec::ZREM, zrem),
    Row::new(&spec::ZREMRANGEBYLEX, range::zremrangebylex),
    Row::new(&spec::ZREMRANGEBYRANK, range::zremrangebyrank),
    Row::new(&spec::ZREMRANGEBYSCORE, range::zremrangebyscore),
    Row::new(&spec::ZREVRANGE, range::zrevrange),
    Row::new(&spec::ZREVRANGEBYLEX, range::zrevrangebylex),
    Row::new(&spec::ZREVRANGEBYSCORE, range::zrevrangebyscore),
    Row::new(&spec::ZREVRANK, zrevrank),
    Row::new(&spec::ZSCAN, zscan),
    Row::new(&spec::ZSCORE, zscore),
    Row::new(&spec::ZUNION, algebra::zunion),
    Row::new(&spec::ZUNIONSTORE, algebra::zunionstore),
];

/// Reports `event`, and the end of the sorted set if it has lost its last member; its key goes with that.
fn lost(keys: &mut Keys<'_>, key: &[u8], spot: Spot, event: Event, count: usize) {
    keys.changed(key, event, count);
    keys.end_if_empty::<Zset>(key, spot);
}

/// The options of ZADD.
#[derive(Default)]
pub(crate) struct AddOptions {
    pub(crate) rule: AddRule,
    /// Replies how many members changed, not only how many are new.
    pub(crate) counts_changed: bool,
}

impl AddOptions {
    /// The options, and where the pairs begin.
    fn parse(args: Args<'_>) -> Result<(Self, usize), Error> {
        let mut options = Self::default();
        let mut pairs_at = 2;
        let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
        while let Some(word) = args.get(pairs_at) {
            if is(word, "NX") {
                nx = true;
            } else if is(word, "XX") {
                xx = true;
            } else if is(word, "CH") {
                options.counts_changed = true;
            } else if is(word, "INCR") {
                options.rule.increments = true;
            } else if is(word, "GT") {
                gt = true;
            } else if is(word, "LT") {
                lt = true;
            } else {
                break;
            }
            pairs_at += 1;
        }
        let words = args.len() - pairs_at;
        if words == 0 || !words.is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        if nx && xx {
            return Err("ERR XX and NX options at the same time are not compatible".into());
        }
        if (gt || lt) && nx || gt && lt {
            return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
        }
        if options.rule.increments && words > 2 {
            return Err("ERR INCR option supports a single increment-element pair".into());
        }
        options.rule.present = match (nx, xx) {
            (true, _) => Present::No,
            (_, true) => Present::Yes,
            _ => Present::Either,
        };
        options.rule.direction = match (gt, lt) {
            (true, _) => Direction::Up,
            (_, true) => Direction::Down,
            _ => Direction::Either,
        };
        Ok((options, pairs_at))
    }
}

/// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
fn zadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (options, pairs_at) = AddOptions::parse(args)?;
    add(ctx, args.at(1), args.tail(pairs_at), &options)
}

/// ZINCRBY key increment member
fn zincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // ZADD's options are options here too, though with one of them too few words are left.
    let (mut options, pairs_at) = AddOptions::parse(args)?;
    options.rule.increments = true;
    add(ctx, args.at(1), args.tail(pairs_at), &options)
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], pairs: Args<'_>, options: &AddOptions) -> Outcome {
    let first = float(pairs.at(0))?;
    // A single pair, the common case, needs no list of scores.
    let rest: Vec<f64> = match pairs.len() {
        2 => Vec::new(),
        _ => (pairs.iter().step_by(2).skip(1).map(float)).collect::<Result<_, _>>()?,
    };
    let members = pairs.from(1).step_by(2);
    let scored = members.zip(std::iter::once(first).chain(rest));
    insert(ctx, key, options, pairs.len() / 2, scored)?;
    Ok(())
}

/// Adds `count` members with their scores, as ZADD does, and replies. Says how many changes that were.
pub(crate) fn insert<'a>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    options: &AddOptions,
    count: usize,
    scored: impl Iterator<Item = (&'a [u8], f64)>,
) -> Result<usize, Error> {
    let rule = options.rule;
    let limits = limits::zset(ctx);
    let mut scored = scored.peekable();
    let mut zset = if rule.present == Present::Yes {
        match ctx.keys.edit::<Zset>(key)? {
            Some(zset) => zset,
            // XX without a key creates nothing.
            None if rule.increments => {
                ctx.reply.null();
                return Ok(0);
            }
            None => {
                ctx.reply.integer(0);
                return Ok(0);
            }
        }
    } else {
        let fresh = || {
            let first_len = scored.peek().map_or(0, |(member, _)| member.len());
            Zset::for_adding(count, first_len, &limits)
        };
        ctx.keys.edit_or_create(key, fresh)?
    };
    zset.expect(count, &limits);
    let (mut added, mut moved) = (0, 0);
    let mut last = Added::Refused;
    for (member, score) in scored {
        last = zset.add(member, score, rule, &limits);
        match last {
            Added::New(_) => added += 1,
            Added::Moved(_) => moved += 1,
            // Only INCR can come to no number (inf plus -inf), and it has a single pair: nothing has changed yet.
            Added::NotANumber => return Err(Error::ScoreIsNan),
            Added::Same(_) | Added::Refused => {}
        }
    }
    drop(zset);
    if added + moved > 0 {
        let event = if rule.increments {
            Event::ZINCR
        } else {
            Event::ZADD
        };
        ctx.keys.changed(key, event, added + moved);
    }
    if !rule.increments {
        // Without CH only new members are counted: `ZADD z 2 a` answers 0 when it moves a from 1 to 2.
        ctx.reply.count(if options.counts_changed {
            added + moved
        } else {
            added
        });
    } else if let Some(score) = last.score() {
        ctx.reply.double(score);
    } else {
        ctx.reply.null();
    }
    Ok(added + moved)
}

/// ZREM key member [member ...]
fn zrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(spot) = ctx.keys.spot_as::<Zset>(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let mut zset = ctx.keys.edit_at::<Zset>(spot)?;
    let removed = args
        .from(2)
        .filter(|member| zset.remove(member).is_some())
        .count();
    drop(zset);
    if removed > 0 {
        lost(&mut ctx.keys, key, spot, Event::ZREM, removed);
    }
    ctx.reply.count(removed);
    Ok(())
}

/// ZCARD key
fn zcard(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = ctx
        .keys
        .read_as::<Zset>(args.at(1))?
        .map_or(0, |zset| zset.len());
    ctx.reply.count(len);
    Ok(())
}

/// ZSCORE key member
fn zscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    match ctx
        .keys
        .read_as::<Zset>(args.at(1))?
        .and_then(|zset| zset.score(args.at(2)))
    {
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// ZMSCORE key member [member ...]
fn zmscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let zset = ctx.keys.read_as::<Zset>(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.from(2) {
        match zset.as_ref().and_then(|zset| zset.score(member)) {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// ZRANK key member [WITHSCORE]
fn zrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rank(ctx, args, |rank, _| rank)
}

/// ZREVRANK key member [WITHSCORE]
fn zrevrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rank(ctx, args, |rank, len| len - 1 - rank)
}

fn rank(ctx: &mut Ctx<'_>, args: Args<'_>, count_from: fn(usize, usize) -> usize) -> Outcome {
    let with_score = match args.get(3) {
        None => false,
        // Too many words are an error of arity here, and one wrong word is one of syntax.
        Some(_) if args.len() > 4 => return Err(Error::arity(ctx.command.name())),
        Some(word) if is(word, "WITHSCORE") => true,
        Some(_) => return Err(Error::Syntax),
    };
    let zset = ctx.keys.read_as::<Zset>(args.at(1))?;
    let found = zset.and_then(|zset| Some((zset.rank(args.at(2))?, zset.len())));
    match found {
        Some(((rank, score), len)) => {
            if with_score {
                ctx.reply.array(2);
            }
            ctx.reply.count(count_from(rank, len));
            if with_score {
                ctx.reply.double(score);
            }
        }
        None if with_score => ctx.reply.null_array(),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// ZCOUNT key min max
fn zcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let range = ScoreRange::parse(args.at(2), args.at(3)).ok_or(Error::RangeNotFloat)?;
    let count = ctx
        .keys
        .read_as::<Zset>(args.at(1))?
        .map_or(0, |zset| zset.ranks_by_score(&range).len());
    ctx.reply.count(count);
    Ok(())
}

/// ZLEXCOUNT key min max
fn zlexcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let range = NameRange::parse(args.at(2), args.at(3)).ok_or(Error::RangeNotLex)?;
    let count = ctx
        .keys
        .read_as::<Zset>(args.at(1))?
        .map_or(0, |zset| zset.ranks_by_name(&range).len());
    ctx.reply.count(count);
    Ok(())
}

/// ZRANDMEMBER key [count [WITHSCORES]]
fn zrandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    if args.len() == 2 {
        let Some(spot) = ctx.keys.read(key) else {
            ctx.reply.null();
            return Ok(());
        };
        let reply = &mut ctx.reply;
        let (zset, rng) = ctx.keys.at_with_rng::<Zset>(spot)?;
        zset.random(rng, |member, _| reply.bulk(member));
        return Ok(());
    }
    let count = integer(args.at(2))?;
    let with_scores = match args.get(3) {
        None => false,
        Some(word) if args.len() == 4 && is(word, "WITHSCORES") => true,
        Some(_) => return Err(Error::Syntax),
    };
    // Scores double the reply, so with them half as many members can be counted.
    let most = if with_scores { i64::MAX / 2 } else { i64::MAX };
    if count < -most || count > most {
        return Err(Error::CountRange);
    }
    let Some(spot) = ctx.keys.read(key) else {
        ctx.reply.array(0);
        return Ok(());
    };
    let reply = &mut ctx.reply;
    let (zset, rng) = ctx.keys.at_with_rng::<Zset>(spot)?;
    let shown = if count >= 0 {
        zset.len().min(count as usize)
    } else {
        count.unsigned_abs() as usize
    };
    range::begin(reply, shown, with_scores);
    if count >= 0 {
        zset.sample(shown, rng, |member, score| {
            range::show(reply, member, score, with_scores)
        });
    } else {
        for _ in 0..shown {
            if reply.is_cut_off() {
                break;
            }
            zset.random(rng, |member, score| {
                range::show(reply, member, score, with_scores)
            });
        }
    }
    Ok(())
}

/// ZSCAN key cursor [MATCH pattern] [COUNT count]
fn zscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let at = cursor(args.at(2))?;
    let Some(zset) = ctx.keys.read_as::<Zset>(args.at(1))? else {
        reply_nothing(&mut ctx.reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, Family::Members)?;
    // Redis keeps the scores of a small set as text and shows it; those of a large one it prints anew.
    let print = if matches!(*zset, Zset::Large(_)) {
        double::push_general
    } else {
        double::push_f64
    };
    reply_elements(&mut ctx.reply, |reply| {
        let mut count = 0;
        let mut text = Vec::new();
        let next = zset.scan(at, options.count, |member, score| {
            if options.pattern.is_none() || options.matches(member) {
                reply.bulk(member);
                text.clear();
                print(&mut text, score);
                reply.bulk(&text);
                count += 2;
            }
        });
        (next, count)
    });
    Ok(())
}
