//! Taking the lowest or the highest members, now or when there are some.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Spot};
use crate::spec::error::Error;
use crate::types::Kind;
use crate::types::zset::Zset;
use crate::wire::args::Args;

use super::super::options::{is, not_negative, wait_until};
use super::super::several::{Several, wait};

/// Which end is popped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn parse(word: &[u8]) -> Result<Self, Error> {
        if is(word, "MIN") {
            Ok(Self::Min)
        } else if is(word, "MAX") {
            Ok(Self::Max)
        } else {
            Err(Error::Syntax)
        }
    }
    fn event(self) -> Event {
        if self == Self::Min {
            Event::ZPOPMIN
        } else {
            Event::ZPOPMAX
        }
    }
    fn command(self) -> &'static [u8] {
        if self == Self::Min {
            b"ZPOPMIN"
        } else {
            b"ZPOPMAX"
        }
    }
}

/// ZPOPMIN key [count]
pub(crate) fn zpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(ctx, args, End::Min)
}

/// ZPOPMAX key [count]
pub(crate) fn zpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(ctx, args, End::Max)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let count = args.get(2).map(not_negative).transpose()?;
    let key = args.at(1);
    let spot = ctx.keys.spot_as::<Zset>(key)?;
    let Some(spot) = spot.filter(|_| count != Some(0)) else {
        ctx.reply.array(0);
        return Ok(());
    };
    // Only a reply to a count is a list of pairs, and only in RESP3.
    let nests = count.is_some() && ctx.reply.is_resp3();
    let count = (count.unwrap_or(1) as usize).min(ctx.keys.at::<Zset>(spot)?.len());
    ctx.reply.array(if nests { count } else { count * 2 });
    take(ctx, key, spot, end, count, nests);
    Ok(())
}

/// Replies and removes `count` members, which are there.
fn take(ctx: &mut Ctx<'_>, key: &[u8], spot: Spot, end: End, count: usize, nests: bool) {
    let reply = &mut ctx.reply;
    let mut zset = ctx.keys.edit_at::<Zset>(spot).expect("the caller looked");
    let mut show = |member: &[u8], score: f64| {
        if nests {
            reply.array(2);
        }
        reply.bulk(member);
        reply.double(score);
    };
    match end {
        End::Min => {
            zset.remove_range(0..count, show);
        }
        End::Max => {
            // The highest comes first in the reply, so they go one by one.
            for _ in 0..count {
                zset.pop_max(&mut show);
            }
        }
    }
    let is_empty = zset.is_empty();
    drop(zset);
    ctx.keys.changed(key, end.event(), count);
    if is_empty {
        ctx.keys.end_if_empty::<Zset>(key, spot);
    }
}

/// BZPOPMIN key [key ...] timeout
pub(crate) fn bzpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(ctx, args, End::Min)
}

/// BZPOPMAX key [key ...] timeout
pub(crate) fn bzpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(ctx, args, End::Max)
}

fn pop_or_wait(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    let last = args.len() - 1;
    let deadline_ms = wait_until(args.at(last), ctx.now)?;
    let keys = args.head(last).tail(1);
    for key in keys {
        if let Some(spot) = ctx.keys.spot_as::<Zset>(key)? {
            ctx.reply.array(3);
            ctx.reply.bulk(key);
            take(ctx, key, spot, end, 1, false);
            ctx.fx.propagate_as(ctx.keys.db, &[end.command(), key]);
            return Ok(());
        }
    }
    wait(ctx, args, keys, Kind::Zset, deadline_ms);
    Ok(())
}

/// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
pub(crate) fn zmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let several = Several::parse(args.tail(1), End::parse)?;
    if !pop_from_first(ctx, &several)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
pub(crate) fn bzmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let several = Several::parse(args.tail(2), End::parse)?;
    let deadline_ms = wait_until(args.at(1), ctx.now)?;
    if !pop_from_first(ctx, &several)? {
        wait(ctx, args, several.keys, Kind::Zset, deadline_ms);
    }
    Ok(())
}

/// Pops from the first sorted set that is there; returns whether there was one.
fn pop_from_first(ctx: &mut Ctx<'_>, several: &Several<'_, End>) -> Result<bool, Error> {
    for key in several.keys {
        if let Some(spot) = ctx.keys.spot_as::<Zset>(key)? {
            let count = several.count.min(ctx.keys.at::<Zset>(spot)?.len());
            ctx.reply.array(2);
            ctx.reply.bulk(key);
            ctx.reply.array(count);
            take(ctx, key, spot, several.end, count, true);
            // The log gets ZPOPMIN or ZPOPMAX of the key that had something, with the number that there was.
            let count = count.to_string();
            ctx.fx
                .propagate_as(ctx.keys.db, &[several.end.command(), key, count.as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}
