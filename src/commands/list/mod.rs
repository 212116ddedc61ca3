//! Lists: pushing, looking at and editing elements.
//!
//! Taking elements away is next door in `pop`, moving them from one list to another in `transfer`; those files also
//! hold the commands that wait for an element to come.

mod pop;
mod transfer;

use std::ops::ControlFlow;

use crate::base::range;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, Spot};
use crate::spec::error::Error;
use crate::spec::list as spec;
use crate::types::list::{Direction, End, Limits, List, Side};
use crate::wire::args::Args;

use super::items::reply_item;
use super::options::{directed, integer, integer_within, is};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::BLMOVE, transfer::blmove),
    Row::new(&spec::BLMPOP, pop::blmpop),
    Row::new(&spec::BLPOP, pop::blpop),
    Row::new(&spec::BRPOP, pop::brpop),
    Row::new(&spec::BRPOPLPUSH, transfer::brpoplpush),
    Row::new(&spec::LINDEX, lindex),
    Row::new(&spec::LINSERT, linsert),
    Row::new(&spec::LLEN, llen),
    Row::new(&spec::LMOVE, transfer::lmove),
    Row::new(&spec::LMPOP, pop::lmpop),
    Row::new(&spec::LPOP, pop::lpop),
    Row::new(&spec::LPOS, lpos),
    Row::new(&spec::LPUSH, lpush),
    Row::new(&spec::LPUSHX, lpushx),
    Row::new(&spec::LRANGE, lrange),
    Row::new(&spec::LREM, lrem),
    Row::new(&spec::LSET, lset),
    Row::new(&spec::LTRIM, ltrim),
    Row::new(&spec::RPOP, pop::rpop),
    Row::new(&spec::RPOPLPUSH, transfer::rpoplpush),
    Row::new(&spec::RPUSH, rpush),
    Row::new(&spec::RPUSHX, rpushx),
];

/// The configured limits of lists.
pub(crate) fn limits(ctx: &Ctx<'_>) -> Limits {
    let services = &ctx.services;
    services.config.list_limits(services.debug.big_list_element)
}

/// LEFT or RIGHT.
fn end(arg: &[u8]) -> Result<End, Error> {
    if is(arg, "LEFT") {
        Ok(End::Head)
    } else if is(arg, "RIGHT") {
        Ok(End::Tail)
    } else {
        Err(Error::Syntax)
    }
}

/// What a list has lost.
struct Loss {
    event: Event,
    count: usize,
    /// Whoever has just seen the list knows that something is left of it, and saves looking for it again.
    may_be_all: bool,
}

/// Reports a loss, and the end of the list if that was its last element; its key goes with that.
fn lost(keys: &mut Keys<'_>, key: &[u8], spot: Spot, loss: &Loss) {
    keys.event(key, loss.event);
    if loss.may_be_all {
        keys.end_if_empty::<List>(key, spot);
    }
    keys.touched(key, loss.count);
}

/// LPUSH key element [element ...]
fn lpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push(ctx, args, End::Head)
}

/// RPUSH key element [element ...]
fn rpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push(ctx, args, End::Tail)
}

/// LPUSHX key element [element ...]
fn lpushx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push_if_present(ctx, args, End::Head)
}

/// RPUSHX key element [element ...]
fn rpushx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    push_if_present(ctx, args, End::Tail)
}

fn push(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    let limits = limits(ctx);
    let mut list = ctx.keys.edit_or_create(args.at(1), List::new)?;
    let len = push_all(&mut list, args, end, &limits);
    drop(list);
    ctx.keys.changed(args.at(1), pushed(end), args.len() - 2);
    ctx.reply.count(len);
    Ok(())
}

fn push_if_present(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Outcome {
    let limits = limits(ctx);
    let Some(mut list) = ctx.keys.edit::<List>(args.at(1))? else {
        // Pushing to a missing list is no error: the length stays 0.
        ctx.reply.integer(0);
        return Ok(());
    };
    let len = push_all(&mut list, args, end, &limits);
    drop(list);
    ctx.keys.changed(args.at(1), pushed(end), args.len() - 2);
    ctx.reply.count(len);
    Ok(())
}

/// Pushes the arguments from the second on; returns how long the list is then.
fn push_all(list: &mut List, args: Args<'_>, end: End, limits: &Limits) -> usize {
    list.grow_for_all(args.from(2), limits);
    let pushed = list.push_first(end, args.from(2));
    for at in 2 + pushed..args.len() {
        match args.shared(at) {
            Some(element) => list.push_shared(end, &element, limits),
            None => list.push(end, args.at(at), limits),
        }
    }
    list.len()
}

fn pushed(end: End) -> Event {
    match end {
        End::Head => Event::LPUSH,
        End::Tail => Event::RPUSH,
    }
}

/// LLEN key
fn llen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = ctx
        .keys
        .read_as::<List>(args.at(1))?
        .map_or(0, |list| list.len());
    ctx.reply.count(len);
    Ok(())
}

/// LINDEX key index
fn lindex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // A missing list is answered before the index is looked at.
    let Some(list) = ctx.keys.read_as::<List>(args.at(1))? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = integer(args.at(2))?;
    if list
        .get_with(index, |item| reply_item(&mut ctx.reply, item))
        .is_none()
    {
        ctx.reply.null();
    }
    Ok(())
}

/// LSET key index element
fn lset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let limits = limits(ctx);
    let mut list = ctx.keys.edit::<List>(key)?.ok_or(Error::NoSuchKey)?;
    // Redis keeps this index in 32 bits, so larger ones come around; clients see which element that is.
    let index = i64::from(integer(args.at(2))? as i32);
    if !list.set(index, args.at(3), &limits) {
        return Err(Error::IndexOutOfRange);
    }
    drop(list);
    ctx.keys.changed(key, Event::LSET, 1);
    ctx.reply.ok();
    Ok(())
}

/// LINSERT key BEFORE | AFTER pivot element
fn linsert(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let side = match args.at(2) {
        word if is(word, "AFTER") => Side::After,
        word if is(word, "BEFORE") => Side::Before,
        _ => return Err(Error::Syntax),
    };
    let key = args.at(1);
    let limits = limits(ctx);
    let Some(mut list) = ctx.keys.edit::<List>(key)? else {
        // A missing list answers 0, a missing pivot -1.
        ctx.reply.integer(0);
        return Ok(());
    };
    if !list.insert(side, args.at(3), args.at(4), &limits) {
        ctx.reply.integer(-1);
        return Ok(());
    }
    let len = list.len();
    drop(list);
    ctx.keys.changed(key, Event::LINSERT, 1);
    ctx.reply.count(len);
    Ok(())
}

/// LRANGE key start stop
fn lrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (start, end) = (integer(args.at(2))?, integer(args.at(3))?);
    let Some(list) = ctx.keys.read_as::<List>(args.at(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let range = range::clamp(start, end, list.len()).unwrap_or_default();
    let reply = &mut ctx.reply;
    reply.array(range.len());
    list.for_range(range.start, range.len(), Direction::Forward, |item| {
        reply_item(reply, item)
    });
    Ok(())
}

/// LTRIM key start stop
fn ltrim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let (start, end) = (integer(args.at(2))?, integer(args.at(3))?);
    let limits = limits(ctx);
    if let Some(spot) = ctx.keys.find_to_write(key) {
        ctx.keys.touch(spot);
        let mut list = ctx.keys.edit_at::<List>(spot)?;
        let range = range::clamp(start, end, list.len()).unwrap_or_default();
        // LTRIM of a list that is there is announced even when it removed nothing; only the count of changes knows.
        let loss = Loss {
            event: Event::LTRIM,
            count: list.trim(range.start, range.len(), &limits),
            may_be_all: list.is_empty(),
        };
        drop(list);
        lost(&mut ctx.keys, key, spot, &loss);
    }
    ctx.reply.ok();
    Ok(())
}

/// LREM key count element
fn lrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    // A negative count removes from the tail, 0 removes all.
    let count = directed(args.at(2))?;
    let limits = limits(ctx);
    let Some(spot) = ctx.keys.find_to_write(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    ctx.keys.touch(spot);
    let mut list = ctx.keys.edit_at::<List>(spot)?;
    let loss = Loss {
        event: Event::LREM,
        count: list.remove(count, args.at(3), &limits),
        may_be_all: list.is_empty(),
    };
    drop(list);
    if loss.count > 0 {
        lost(&mut ctx.keys, key, spot, &loss);
    }
    ctx.reply.count(loss.count);
    Ok(())
}

/// The request of LPOS.
struct Search {
    /// 1 is the first match, 2 the second; negative ones count from the end.
    rank: i64,
    /// `None` is one match, replied by itself; 0 is all.
    count: Option<i64>,
    /// How many elements are compared; 0 is all.
    maxlen: i64,
}

impl Search {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut search = Self {
            rank: 1,
            count: None,
            maxlen: 0,
        };
        for at in (3..args.len()).step_by(2) {
            let value = args.get(at + 1).ok_or(Error::Syntax)?;
            match args.at(at) {
                word if is(word, "RANK") => {
                    search.rank = directed(value)?;
                    if search.rank == 0 {
                        return Err(Error::from(RANK_ZERO));
                    }
                }
                word if is(word, "COUNT") => {
                    search.count = Some(integer_within(
                        value,
                        0,
                        i64::MAX,
                        "ERR COUNT can't be negative",
                    )?);
                }
                word if is(word, "MAXLEN") => {
                    search.maxlen =
                        integer_within(value, 0, i64::MAX, "ERR MAXLEN can't be negative")?;
                }
                _ => return Err(Error::Syntax),
            }
        }
        Ok(search)
    }
}

const RANK_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                         negative to start from the end of the list";

/// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
fn lpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let search = Search::parse(args)?;
    let or_all = |limit: i64| {
        if limit == 0 {
            usize::MAX
        } else {
            limit as usize
        }
    };
    let wanted = or_all(search.count.unwrap_or(1));
    let direction = if search.rank > 0 {
        Direction::Forward
    } else {
        Direction::Backward
    };
    // A negative rank searches from the tail, and MAXLEN counts from there; the index that is replied counts from the
    // head all the same.
    let skip = search.rank.unsigned_abs() as usize - 1;
    let mut found = Vec::new();
    if let Some(list) = ctx.keys.read_as::<List>(args.at(1))? {
        list.search(
            args.at(2),
            skip,
            or_all(search.maxlen),
            direction,
            |index| {
                found.push(index);
                if found.len() < wanted {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        );
    }
    if search.count.is_some() {
        ctx.reply.array(found.len());
        for index in found {
            ctx.reply.count(index);
        }
    } else if let Some(index) = found.first() {
        ctx.reply.count(*index);
    } else {
        ctx.reply.null();
    }
    Ok(())
}
