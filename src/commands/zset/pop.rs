//! Taking the lowest or the highest members, now or when there are some.

use crate::engine::command::Outcome;
use crate::engine::ctx::{Ctx, Wait};
use crate::engine::session::OnTimeout;
use crate::keyspace::{Event, Spot};
use crate::spec::error::Error;
use crate::types::Kind;
use crate::types::zset::Zset;
use crate::wire::args::Args;

use super::super::options::{integer_within, is, not_negative, wait_until};
use super::{lost, zset_at};

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
        Event::zset(if self == Self::Min { "zpopmin" } else { "zpopmax" })
    }
    fn command(self) -> &'static [u8] {
        if self == Self::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }
}

/// ZPOPMIN key [count]
pub fn zpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(ctx, args, End::Min)
}

/// ZPOPMAX key [count]
pub fn zpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(ctx, args, End::Max)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let count = args.get(2).map(not_negative).transpose()?;
    let key = args.at(1);
    let spot = zset_at(ctx, key)?;
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
    let zset = ctx.keys.at_mut::<Zset>(spot).expect("the caller looked");
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
            for _ in 0..count {
                zset.pop_max(&mut show);
            }
        }
    }
    lost(&mut ctx.keys, key, spot, end.event(), count);
}

/// BZPOPMIN key [key ...] timeout
pub fn bzpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(ctx, args, End::Min)
}

/// BZPOPMAX key [key ...] timeout
pub fn bzpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(ctx, args, End::Max)
}

fn pop_or_wait(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    let last = args.len() - 1;
    let deadline_ms = wait_until(args.at(last), ctx.now)?;
    let keys = args.head(last).tail(1);
    for key in keys {
        if let Some(spot) = zset_at(ctx, key)? {
            ctx.reply.array(3);
            ctx.reply.bulk(key);
            take(ctx, key, spot, end, 1, false);
            ctx.fx.propagate_as(ctx.keys.db, &[end.command(), key]);
            return Ok(());
        }
    }
    wait(ctx, args, keys, deadline_ms);
    Ok(())
}

/// Waits for one of the sorted sets to get a member; where one may not wait, the time is over at once.
fn wait(ctx: &mut Ctx<'_>, args: Args<'_>, keys: Args<'_>, deadline_ms: Option<i64>) {
    if !ctx.may_wait() {
        ctx.reply.null_array();
        return;
    }
    let keys: Vec<&[u8]> = keys.iter().collect();
    let on_timeout = OnTimeout::NullArray;
    ctx.park(args, &Wait { keys: &keys, kind: Kind::Zset, deadline_ms, on_timeout, also_when_gone: false });
}

/// What ZMPOP and BZMPOP were asked for.
struct Several<'a> {
    keys: Args<'a>,
    end: End,
    count: usize,
}

impl<'a> Several<'a> {
    /// Reads `numkeys key [key ...] MIN | MAX [COUNT count]`.
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let numkeys = integer_within(args.at(0), 1, i64::MAX, Error::NumkeysNotPositive)? as usize;
        let at = numkeys.checked_add(1).filter(|at| *at < args.len()).ok_or(Error::Syntax)?;
        let end = End::parse(args.at(at))?;
        let mut count = None;
        let mut words = args.from(at + 1);
        while let Some(word) = words.next() {
            count = match words.next() {
                Some(value) if count.is_none() && is(word, "COUNT") => {
                    Some(integer_within(value, 1, i64::MAX, "ERR count should be greater than 0")? as usize)
                }
                _ => return Err(Error::Syntax),
            };
        }
        Ok(Self { keys: args.head(at).tail(1), end, count: count.unwrap_or(1) })
    }
}

/// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
pub fn zmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let several = Several::parse(args.tail(1))?;
    if !pop_from_first(ctx, &several)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
pub fn bzmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let several = Several::parse(args.tail(2))?;
    let deadline_ms = wait_until(args.at(1), ctx.now)?;
    if !pop_from_first(ctx, &several)? {
        wait(ctx, args, several.keys, deadline_ms);
    }
    Ok(())
}

/// Pops from the first sorted set that is there; tells whether there was one.
fn pop_from_first(ctx: &mut Ctx<'_>, several: &Several<'_>) -> Result<bool, Error> {
    for key in several.keys {
        if let Some(spot) = zset_at(ctx, key)? {
            let count = several.count.min(ctx.keys.at::<Zset>(spot)?.len());
            ctx.reply.array(2);
            ctx.reply.bulk(key);
            ctx.reply.array(count);
            take(ctx, key, spot, several.end, count, true);
            let count = count.to_string();
            ctx.fx.propagate_as(ctx.keys.db, &[several.end.command(), key, count.as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}
