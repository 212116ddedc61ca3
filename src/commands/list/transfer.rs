//! Moving an element from the end of one list to the end of another, or of the same: LMOVE, RPOPLPUSH, and BLMOVE and
//! BRPOPLPUSH, which wait for the element to come.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Spot;
use crate::spec::error::Error;
use crate::types::Kind;
use crate::types::list::{End, Limits, List};
use crate::types::listpack::Item;
use crate::wire::args::Args;

use super::super::options::wait_until;
use super::super::several::wait;
use super::pop::popped;
use super::{Loss, end, limits, lost, pushed};

/// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
pub(crate) fn lmove(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (end(args.at(3))?, end(args.at(4))?);
    if !transfer(ctx, args, from, to)? {
        ctx.reply.null();
    }
    Ok(())
}

/// RPOPLPUSH source destination
pub(crate) fn rpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if !transfer(ctx, args, End::Tail, End::Head)? {
        ctx.reply.null();
    }
    Ok(())
}

/// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
pub(crate) fn blmove(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (end(args.at(3))?, end(args.at(4))?);
    let deadline_ms = wait_until(args.at(5), ctx.now)?;
    if transfer(ctx, args, from, to)? {
        ctx.fx.propagate_as(
            ctx.keys.db,
            &[b"LMOVE", args.at(1), args.at(2), args.at(3), args.at(4)],
        );
    } else {
        wait_for_source(ctx, args, deadline_ms);
    }
    Ok(())
}

/// BRPOPLPUSH source destination timeout
pub(crate) fn brpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let deadline_ms = wait_until(args.at(3), ctx.now)?;
    if transfer(ctx, args, End::Tail, End::Head)? {
        ctx.fx
            .propagate_as(ctx.keys.db, &[b"RPOPLPUSH", args.at(1), args.at(2)]);
    } else {
        wait_for_source(ctx, args, deadline_ms);
    }
    Ok(())
}

fn wait_for_source(ctx: &mut Ctx<'_>, args: Args<'_>, deadline_ms: Option<i64>) {
    if ctx.may_wait() {
        wait(ctx, args, args.head(2).tail(1), Kind::List, deadline_ms);
    } else {
        ctx.reply.null();
    }
}

/// Moves and replies one element; returns whether there was a source.
fn transfer(ctx: &mut Ctx<'_>, args: Args<'_>, from: End, to: End) -> Result<bool, Error> {
    let (source, destination) = (args.at(1), args.at(2));
    let limits = limits(ctx);
    let Some(spot) = ctx.keys.find_to_write(source) else {
        return Ok(false);
    };
    ctx.keys.at::<List>(spot)?;
    ctx.keys.touch(spot);
    let element = if source == destination {
        ctx.keys.edit_at::<List>(spot)?.rotate(from, to, &limits)
    } else {
        between(ctx, spot, destination, from, to, &limits)?
    };
    // Adding an element to the destination may have added its key, and moved the source's place.
    let spot = ctx
        .keys
        .find_to_write(source)
        .expect("it is not removed before it is empty");
    // The push is announced before the pop, as in Redis, although the element is taken first.
    ctx.keys.touched(destination, 0);
    ctx.keys.event(destination, pushed(to));
    let loss = Loss {
        event: popped(from),
        count: 1,
        may_be_all: true,
    };
    lost(&mut ctx.keys, source, spot, &loss);
    ctx.reply.bulk(&element);
    Ok(true)
}

/// Moves one element from the list at `spot` to another.
fn between(
    ctx: &mut Ctx<'_>,
    spot: Spot,
    destination: &[u8],
    from: End,
    to: End,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    if let Some(there) = ctx.keys.find_to_write(destination) {
        ctx.keys.at::<List>(there)?;
    }
    let mut list = ctx.keys.edit_at::<List>(spot)?;
    // Redis counts only elements that are kept as text when it makes room.
    let measured = |item: Item<'_>| {
        (
            if matches!(item, Item::Int(_)) {
                0
            } else {
                item.len()
            },
            item.to_vec(),
        )
    };
    let (bytes, element) = list
        .pop_with(from, limits, measured)
        .expect("no list is empty");
    drop(list);
    let mut list = ctx.keys.edit_or_create(destination, List::new)?;
    list.grow_for(bytes, 1, limits);
    list.push(to, &element, limits);
    Ok(element)
}
