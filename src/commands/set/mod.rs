//! Sets: adding, removing, asking, and choosing at random.
//!
//! Commands that compute with several sets are next door in `algebra`.

mod algebra;

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, Spot};
use crate::spec::error::Error;
use crate::spec::set as spec;
use crate::types::listpack::Item;
use crate::types::set::Set;
use crate::wire::args::Args;

use super::items::reply_item;
use super::keys::scan::{Family, ScanOptions, cursor, reply_elements, reply_nothing};
use super::limits;
use super::options::{directed, not_negative};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::SADD, sadd),
    Row::new(&spec::SCARD, scard),
    Row::new(&spec::SDIFF, algebra::sdiff),
    Row::new(&spec::SDIFFSTORE, algebra::sdiffstore),
    Row::new(&spec::SINTER, algebra::sinter),
    Row::new(&spec::SINTERCARD, algebra::sintercard),
    Row::new(&spec::SINTERSTORE, algebra::sinterstore),
    Row::new(&spec::SISMEMBER, sismember),
    Row::new(&spec::SMEMBERS, smembers),
    Row::new(&spec::SMISMEMBER, smismember),
    Row::new(&spec::SMOVE, smove),
    Row::new(&spec::SPOP, spop),
    Row::new(&spec::SRANDMEMBER, srandmember),
    Row::new(&spec::SREM, srem),
    Row::new(&spec::SSCAN, sscan),
    Row::new(&spec::SUNION, algebra::sunion),
    Row::new(&spec::SUNIONSTORE, algebra::sunionstore),
];

/// Reports `event`, and the end of the set if it has lost its last member; its key goes with that.
fn lost(keys: &mut Keys<'_>, key: &[u8], spot: Spot, event: Event, count: usize) {
    keys.changed(key, event, count);
    keys.end_if_empty::<Set>(key, spot);
}

/// SADD key member [member ...]
fn sadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let limits = limits::set(ctx);
    let count = args.len() - 2;
    let mut set = ctx
        .keys
        .edit_or_create(key, || Set::for_adding(args.at(2), count, &limits))?;
    set.expect(count, &limits);
    let added = args
        .from(2)
        .filter(|member| set.add(member, &limits))
        .count();
    drop(set);
    if added > 0 {
        ctx.keys.changed(key, Event::SADD, added);
    }
    ctx.reply.count(added);
    Ok(())
}

/// SREM key member [member ...]
fn srem(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(spot) = ctx.keys.spot_as::<Set>(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let mut set = ctx.keys.edit_at::<Set>(spot)?;
    let removed = args.from(2).filter(|member| set.remove(member)).count();
    drop(set);
    if removed > 0 {
        lost(&mut ctx.keys, key, spot, Event::SREM, removed);
    }
    ctx.reply.count(removed);
    Ok(())
}

/// SMOVE source destination member
fn smove(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (source, destination, member) = (args.at(1), args.at(2), args.at(3));
    if ctx.keys.spot_as::<Set>(source)?.is_none() {
        // A missing source is answered before the type of the destination is looked at.
        ctx.reply.integer(0);
        return Ok(());
    }
    ctx.keys.spot_as::<Set>(destination)?;
    // Looking for the destination may have moved the source.
    let spot = ctx
        .keys
        .find_to_write(source)
        .expect("it was there a moment ago");
    if source == destination {
        // A member that moves to its own set has not moved: nothing is announced or propagated.
        let is_member = ctx.keys.at::<Set>(spot)?.contains(member);
        ctx.reply.integer(i64::from(is_member));
        return Ok(());
    }
    if !ctx.keys.edit_at::<Set>(spot)?.remove(member) {
        ctx.reply.integer(0);
        return Ok(());
    }
    lost(&mut ctx.keys, source, spot, Event::SREM, 1);
    let limits = limits::set(ctx);
    let mut set = ctx
        .keys
        .edit_or_create(destination, || Set::for_adding(member, 1, &limits))?;
    let is_added = set.add(member, &limits);
    drop(set);
    // The destination may have the member already; the move succeeds, but only the source has changed.
    if is_added {
        ctx.keys.changed(destination, Event::SADD, 1);
    }
    ctx.reply.integer(1);
    Ok(())
}

/// SCARD key
fn scard(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = ctx
        .keys
        .read_as::<Set>(args.at(1))?
        .map_or(0, |set| set.len());
    ctx.reply.count(len);
    Ok(())
}

/// SISMEMBER key member
fn sismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let is_member = ctx
        .keys
        .read_as::<Set>(args.at(1))?
        .is_some_and(|set| set.contains(args.at(2)));
    ctx.reply.integer(i64::from(is_member));
    Ok(())
}

/// SMISMEMBER key member [member ...]
fn smismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let set = ctx.keys.read_as::<Set>(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.from(2) {
        let is_member = set.as_ref().is_some_and(|set| set.contains(member));
        ctx.reply.integer(i64::from(is_member));
    }
    Ok(())
}

/// SMEMBERS key
fn smembers(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(set) = ctx.keys.read_as::<Set>(args.at(1))? else {
        ctx.reply.set(0);
        return Ok(());
    };
    let reply = &mut ctx.reply;
    reply.set(set.len());
    set.for_each(|member| reply_item(reply, member));
    Ok(())
}

/// How many members one propagated SREM names.
const MEMBERS_PER_COMMAND: usize = 1024;

/// SPOP key [count]
fn spop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = match args.len() {
        2 => None,
        3 => Some(not_negative(args.at(2))? as usize),
        _ => return Err(Error::Syntax),
    };
    let key = args.at(1);
    match (ctx.keys.spot_as::<Set>(key)?, count) {
        (None, None) => ctx.reply.null(),
        (None | Some(_), Some(0)) | (None, Some(_)) => ctx.reply.set(0),
        (Some(spot), None) => pop(ctx, key, spot, 1),
        (Some(spot), Some(count)) => {
            let len = ctx.keys.at::<Set>(spot)?.len();
            ctx.reply.set(count.min(len));
            if count < len {
                pop(ctx, key, spot, count)
            } else {
                pop_all(ctx, key, spot)
            }
        }
    }
    Ok(())
}

/// Removes random members and replies each. A replica is told which.
fn pop(ctx: &mut Ctx<'_>, key: &[u8], spot: Spot, count: usize) {
    let mut popped: Vec<Vec<u8>> = Vec::new();
    let is_heard = ctx.fx.listening;
    let reply = &mut ctx.reply;
    let (mut set, rng) = ctx
        .keys
        .edit_at_with_rng::<Set>(spot)
        .expect("the caller looked");
    for _ in 0..count {
        set.pop(rng, |member| {
            reply_item(reply, member);
            if is_heard {
                popped.push(member.to_vec());
            }
        });
    }
    drop(set);
    let db = ctx.keys.db;
    lost(&mut ctx.keys, key, spot, Event::SPOP, count);
    // The choice was chance, so the log gets the names: SREM, in pieces of bounded size.
    for members in popped.chunks(MEMBERS_PER_COMMAND) {
        let mut words: Vec<&[u8]> = vec![b"SREM", key];
        words.extend(members.iter().map(Vec::as_slice));
        ctx.fx.propagate_as(db, &words);
    }
}

/// Replies all members, and removes the key.
fn pop_all(ctx: &mut Ctx<'_>, key: &[u8], spot: Spot) {
    let reply = &mut ctx.reply;
    let set = ctx.keys.at::<Set>(spot).expect("the caller looked");
    let len = set.len();
    set.for_each(|member| reply_item(reply, member));
    let lazily = ctx.keys.space.lazy.server_del;
    ctx.keys.remove_at(spot, lazily);
    ctx.keys.changed(key, Event::SPOP, len);
    ctx.keys.event(key, Event::DEL);
    // SPOP that empties a set is propagated as the key's removal: one short command instead of an SREM of every member.
    ctx.fx.propagate_removal(ctx.keys.db, key, lazily);
}

/// SRANDMEMBER key [count]
fn srandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let count = match args.len() {
        2 => None,
        3 => Some(directed(args.at(2))?),
        _ => return Err(Error::Syntax),
    };
    let Some(spot) = ctx.keys.read(key) else {
        if count.is_some() {
            ctx.reply.array(0);
        } else {
            ctx.reply.null();
        }
        return Ok(());
    };
    let reply = &mut ctx.reply;
    let (set, rng) = ctx.keys.at_with_rng::<Set>(spot)?;
    match count {
        None => {
            set.random(rng, |member| reply_item(reply, member));
        }
        Some(count) if count >= 0 => {
            let count = set.len().min(count as usize);
            reply.array(count);
            set.sample(count, rng, |member| reply_item(reply, member));
        }
        Some(count) => {
            // A negative count draws each time from all members, so a member may come more than once.
            let count = count.unsigned_abs() as usize;
            reply.array(count);
            for _ in 0..count {
                if reply.is_cut_off() {
                    break;
                }
                set.random(rng, |member| reply_item(reply, member));
            }
        }
    }
    Ok(())
}

/// SSCAN key cursor [MATCH pattern] [COUNT count]
fn sscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let at = cursor(args.at(2))?;
    let Some(set) = ctx.keys.read_as::<Set>(args.at(1))? else {
        reply_nothing(&mut ctx.reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, Family::Members)?;
    reply_elements(&mut ctx.reply, |reply| {
        let mut count = 0;
        let next = set.scan(at, options.count, |member: Item<'_>| {
            if options.pattern.is_none() || options.matches(member.text(&mut [0; 20])) {
                reply_item(reply, member);
                count += 1;
            }
        });
        (next, count)
    });
    Ok(())
}
