//! Taking elements from the ends of lists: at once (LPOP, RPOP, LMPOP), or when some come (BLPOP, BRPOP, BLMPOP).
//!
//! The waiting commands are propagated by their outcome, LPOP or RPOP of the key that had something: a replica never
//! waits.

use crate::base::num;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Spot};
use crate::spec::error::Error;
use crate::types::Kind;
use crate::types::list::{Direction, End, List};
use crate::wire::args::Args;

use super::super::options::{not_negative, wait_until};
use super::super::several::{Several, wait};
use super::{Loss, end, limits, lost, reply_item};

/// LPOP key [count]
pub(crate) fn lpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(ctx, args, End::Head)
}

/// RPOP key [count]
pub(crate) fn rpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop(ctx, args, End::Tail)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    let count = match args.len() {
        2 => None,
        3 => Some(not_negative(args.at(2))? as usize),
        _ => return Err(Error::arity(ctx.command.name())),
    };
    let key = args.at(1);
    let Some(spot) = ctx.keys.spot_as::<List>(key)? else {
        if count.is_some() {
            ctx.reply.null_array();
        } else {
            ctx.reply.null();
        }
        return Ok(());
    };
    match count {
        None => pop_one(ctx, key, spot, end),
        // A count of 0 still tells a list that is there (an empty array) from a missing one (null).
        Some(0) => ctx.reply.array(0),
        Some(count) => {
            pop_many(ctx, key, spot, end, count);
        }
    }
    Ok(())
}

pub(super) fn popped(end: End) -> Event {
    match end {
        End::Head => Event::LPOP,
        End::Tail => Event::RPOP,
    }
}

/// Replies the element at one end and removes it.
fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], spot: Spot, end: End) {
    let limits = limits(ctx);
    let mut list = ctx.keys.edit_at::<List>(spot).expect("the caller looked");
    list.pop_with(end, &limits, |item| reply_item(&mut ctx.reply, item));
    let loss = Loss {
        event: popped(end),
        count: 1,
        may_be_all: list.is_empty(),
    };
    drop(list);
    lost(&mut ctx.keys, key, spot, &loss);
}

/// Replies up to `count` elements, the outermost first, and removes them. Returns how many.
fn pop_many(ctx: &mut Ctx<'_>, key: &[u8], spot: Spot, end: End, count: usize) -> usize {
    let limits = limits(ctx);
    let mut list = ctx.keys.edit_at::<List>(spot).expect("the caller looked");
    let len = list.len();
    let count = count.min(len);
    let (from, direction, first) = match end {
        End::Head => (0, Direction::Forward, 0),
        End::Tail => (len - 1, Direction::Backward, len - count),
    };
    let reply = &mut ctx.reply;
    reply.array(count);
    list.for_range(from, count, direction, |item| reply_item(reply, item));
    list.delete_range(first, count, &limits);
    let loss = Loss {
        event: popped(end),
        count,
        may_be_all: list.is_empty(),
    };
    drop(list);
    lost(&mut ctx.keys, key, spot, &loss);
    count
}

/// The command that pops at this end.
fn pop_command(end: End) -> &'static [u8] {
    match end {
        End::Head => b"LPOP",
        End::Tail => b"RPOP",
    }
}

/// BLPOP key [key ...] timeout
pub(crate) fn blpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(ctx, args, End::Head)
}

/// BRPOP key [key ...] timeout
pub(crate) fn brpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    pop_or_wait(ctx, args, End::Tail)
}

fn pop_or_wait(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    let last = args.len() - 1;
    let deadline_ms = wait_until(args.at(last), ctx.now)?;
    let keys = args.head(last).tail(1);
    for key in keys {
        if let Some(spot) = ctx.keys.spot_as::<List>(key)? {
            ctx.reply.array(2);
            ctx.reply.bulk(key);
            pop_one(ctx, key, spot, end);
            ctx.fx.propagate_as(ctx.keys.db, &[pop_command(end), key]);
            return Ok(());
        }
    }
    wait(ctx, args, keys, Kind::List, deadline_ms);
    Ok(())
}

/// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
pub(crate) fn lmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let several = Several::parse(args.tail(1), end)?;
    if !pop_from_first(ctx, &several)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
pub(crate) fn blmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let several = Several::parse(args.tail(2), end)?;
    let deadline_ms = wait_until(args.at(1), ctx.now)?;
    if !pop_from_first(ctx, &several)? {
        wait(ctx, args, several.keys, Kind::List, deadline_ms);
    }
    Ok(())
}

/// Pops from the first list that is there; returns whether there was one.
fn pop_from_first(ctx: &mut Ctx<'_>, several: &Several<'_, End>) -> Result<bool, Error> {
    for key in several.keys {
        if let Some(spot) = ctx.keys.spot_as::<List>(key)? {
            ctx.reply.array(2);
            ctx.reply.bulk(key);
            let count = pop_many(ctx, key, spot, several.end, several.count);
            // The log gets LPOP or RPOP of the key that had something, with the number that there was.
            let count = num::format_i64(count as i64, &mut [0; 20]).to_vec();
            ctx.fx
                .propagate_as(ctx.keys.db, &[pop_command(several.end), key, &count]);
            return Ok(true);
        }
    }
    Ok(false)
}
