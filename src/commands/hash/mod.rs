//! Hashes: setting, reading and walking over fields.
//!
//! Fields with deadlines are next door: `deadline` gives, tells and takes deadlines, `timed` holds the commands that
//! read or write fields and treat their deadlines in the same breath. Here it only matters that a field that is due is
//! hidden, and removed when a command asks for it by name.

mod deadline;
mod timed;

use crate::base::{longdouble, num};
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Keys, Spot};
use crate::spec::error::Error;
use crate::spec::hash as spec;
use crate::types::hash::{FieldUntil, Hash, HashLimits};
use crate::types::listpack::Item;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::items::reply_item;
use super::keys::scan::{Family, ScanOptions, cursor, reply_elements, reply_nothing};
use super::limits;
use super::options::{directed, integer, is};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::HDEL, hdel),
    Row::new(&spec::HEXISTS, hexists),
    Row::new(&spec::HEXPIRE, deadline::hexpire),
    Row::new(&spec::HEXPIREAT, deadline::hexpireat),
    Row::new(&spec::HEXPIRETIME, deadline::hexpiretime),
    Row::new(&spec::HGET, hget),
    Row::new(&spec::HGETALL, hgetall),
    Row::new(&spec::HGETDEL, timed::hgetdel),
    Row::new(&spec::HGETEX, timed::hgetex),
    Row::new(&spec::HINCRBY, hincrby),
    Row::new(&spec::HINCRBYFLOAT, hincrbyfloat),
    Row::new(&spec::HKEYS, hkeys),
    Row::new(&spec::HLEN, hlen),
    Row::new(&spec::HMGET, hmget),
    Row::new(&spec::HMSET, hmset),
    Row::new(&spec::HPERSIST, deadline::hpersist),
    Row::new(&spec::HPEXPIRE, deadline::hpexpire),
    Row::new(&spec::HPEXPIREAT, deadline::hpexpireat),
    Row::new(&spec::HPEXPIRETIME, deadline::hpexpiretime),
    Row::new(&spec::HPTTL, deadline::hpttl),
    Row::new(&spec::HRANDFIELD, hrandfield),
    Row::new(&spec::HSCAN, hscan),
    Row::new(&spec::HSET, hset),
    Row::new(&spec::HSETEX, timed::hsetex),
    Row::new(&spec::HSETNX, hsetnx),
    Row::new(&spec::HSTRLEN, hstrlen),
    Row::new(&spec::HTTL, deadline::httl),
    Row::new(&spec::HVALS, hvals),
];

/// Where the hash under a key is, for reading it.
fn read_hash(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<Option<Spot>, Error> {
    let Some(spot) = ctx.keys.read(key) else {
        return Ok(None);
    };
    ctx.keys.at::<Hash>(spot)?;
    Ok(Some(spot))
}

/// Replies a field of the hash at a place. False if it is not there, or due.
fn reply_field(ctx: &mut Ctx<'_>, spot: Spot, field: &[u8]) -> bool {
    let hash = ctx.keys.at::<Hash>(spot).expect("the caller looked");
    let found = hash.get(field, ctx.keys.horizon_ms());
    if let Some(value) = found {
        reply_item(&mut ctx.reply, value);
    } else {
        ctx.reply.null();
    }
    found.is_some()
}

/// Ends a change that may have emptied a hash: its key goes with its last field, and if not, its entry learns when the
/// next field is due.
fn settle(keys: &mut Keys<'_>, key: &[u8], spot: Spot) {
    if !keys.end_if_empty::<Hash>(key, spot) {
        keys.arm_fields(spot);
    }
}

/// HGET key field
fn hget(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, field) = (args.at(1), args.at(2));
    let Some(spot) = read_hash(ctx, key)? else {
        ctx.reply.null();
        return Ok(());
    };
    if !reply_field(ctx, spot, field) {
        ctx.keys.expire_named_fields(key, spot, [field].into_iter());
    }
    Ok(())
}

/// HMGET key field [field ...]
fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let found = read_hash(ctx, key)?;
    ctx.reply.array(args.len() - 2);
    let Some(spot) = found else {
        args.from(2).for_each(|_| ctx.reply.null());
        return Ok(());
    };
    let mut some_missing = false;
    for field in args.from(2) {
        some_missing |= !reply_field(ctx, spot, field);
    }
    if some_missing {
        ctx.keys.expire_named_fields(key, spot, args.from(2));
    }
    Ok(())
}

/// HEXISTS key field
fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = field_len(ctx, args)?;
    ctx.reply.integer(i64::from(len.is_some()));
    Ok(())
}

/// HSTRLEN key field
fn hstrlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = field_len(ctx, args)?;
    ctx.reply.count(len.unwrap_or(0));
    Ok(())
}

/// How long the value of a field is.
fn field_len(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<Option<usize>, Error> {
    let (key, field) = (args.at(1), args.at(2));
    let Some(spot) = read_hash(ctx, key)? else {
        return Ok(None);
    };
    let len = ctx
        .keys
        .at::<Hash>(spot)?
        .get(field, ctx.keys.horizon_ms())
        .map(Item::len);
    if len.is_none() {
        ctx.keys.expire_named_fields(key, spot, [field].into_iter());
    }
    Ok(len)
}

/// HLEN key
fn hlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = ctx
        .keys
        .read_as::<Hash>(args.at(1))?
        .map_or(0, |hash| hash.len());
    ctx.reply.count(len);
    Ok(())
}

/// HGETALL key
fn hgetall(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let horizon_ms = ctx.keys.horizon_ms();
    let Some(hash) = ctx.keys.read_as::<Hash>(args.at(1))? else {
        ctx.reply.map(0);
        return Ok(());
    };
    let reply = &mut ctx.reply;
    reply.map(hash.len_at(horizon_ms));
    hash.for_each(horizon_ms, |field, value| {
        reply.bulk(field);
        reply_item(reply, value);
    });
    Ok(())
}

/// HKEYS key
fn hkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    list_all(ctx, args, |reply, field, _| reply.bulk(field))
}

/// HVALS key
fn hvals(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    list_all(ctx, args, |reply, _, value| reply_item(reply, value))
}

fn list_all(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    show: fn(&mut Reply<'_>, &[u8], Item<'_>),
) -> Outcome {
    let horizon_ms = ctx.keys.horizon_ms();
    let Some(hash) = ctx.keys.read_as::<Hash>(args.at(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let reply = &mut ctx.reply;
    reply.array(hash.len_at(horizon_ms));
    hash.for_each(horizon_ms, |field, value| show(reply, field, value));
    Ok(())
}

/// HSET key field value [field value ...]
fn hset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let added = set_fields(ctx, args)?;
    ctx.reply.count(added);
    Ok(())
}

/// HMSET key field value [field value ...]
fn hmset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    set_fields(ctx, args)?;
    ctx.reply.ok();
    Ok(())
}

/// Sets all fields of HSET; returns how many are new.
fn set_fields(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<usize, Error> {
    if args.len() % 2 == 1 {
        return Err(Error::arity(ctx.command.name()));
    }
    let key = args.at(1);
    let limits = limits::hash(ctx);
    let (spot, mut hash) = ctx.keys.edit_or_create_at(key, Hash::new)?;
    let soonest = hash.soonest();
    let added = set_pairs(&mut hash, args.tail(2), FieldUntil::Never, &limits);
    let is_sooner = hash.soonest() != soonest;
    drop(hash);
    if is_sooner {
        ctx.keys.arm_fields(spot);
    }
    ctx.keys.changed(key, Event::HSET, args.len() / 2 - 1);
    Ok(added)
}

/// The hash under a key, for changing it; a new one gets at least one field.
fn hash_or_new(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<Spot, Error> {
    ctx.keys.spot_or_create(key, Hash::new)
}

/// Sets fields to values, which alternate; returns how many are new.
fn set_pairs(hash: &mut Hash, pairs: Args<'_>, until: FieldUntil, limits: &HashLimits) -> usize {
    hash.expect_all(pairs.iter(), limits);
    let mut added = 0;
    for at in (0..pairs.len()).step_by(2) {
        added += usize::from(hash.set(pairs.at(at), pairs.at(at + 1), until, limits));
    }
    added
}

/// HSETNX key field value
fn hsetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, field) = (args.at(1), args.at(2));
    let limits = limits::hash(ctx);
    if let Some(spot) = ctx.keys.spot_as::<Hash>(key)? {
        if ctx
            .keys
            .at::<Hash>(spot)?
            .contains(field, ctx.keys.horizon_ms())
        {
            ctx.reply.integer(0);
            return Ok(());
        }
        // The field may be there and overdue; then it counts as missing, and its deadline must not stay for the new
        // value.
        ctx.keys.clear_named_fields(key, spot, [field].into_iter());
    }
    let spot = hash_or_new(ctx, key)?;
    set_pairs(
        &mut *ctx.keys.edit_at::<Hash>(spot)?,
        args.tail(2),
        FieldUntil::Never,
        &limits,
    );
    ctx.keys.arm_fields(spot);
    ctx.keys.changed(key, Event::HSET, 1);
    ctx.reply.integer(1);
    Ok(())
}

/// HDEL key field [field ...]
fn hdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(spot) = ctx.keys.spot_as::<Hash>(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let mut hash = ctx.keys.edit_at::<Hash>(spot)?;
    let removed = args.from(2).filter(|field| hash.remove(field)).count();
    drop(hash);
    if removed > 0 {
        ctx.keys.changed(key, Event::HDEL, removed);
        settle(&mut ctx.keys, key, spot);
    }
    ctx.reply.count(removed);
    Ok(())
}

/// A number in a hash that is to be increased: where the hash is, if it is, and the number, if the field is there.
fn old_number<N>(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    read: impl FnOnce(Item<'_>) -> Result<N, Error>,
) -> Result<Option<N>, Error> {
    let (key, field) = (args.at(1), args.at(2));
    let Some(spot) = ctx.keys.spot_as::<Hash>(key)? else {
        return Ok(None);
    };
    if let Some(value) = ctx.keys.at::<Hash>(spot)?.get(field, ctx.keys.horizon_ms()) {
        return read(value).map(Some);
    }
    ctx.keys.clear_named_fields(key, spot, [field].into_iter());
    Ok(None)
}

/// Sets the increased number; the field keeps its deadline.
fn set_number(ctx: &mut Ctx<'_>, args: Args<'_>, text: &[u8], event: Event) -> Outcome {
    let key = args.at(1);
    let limits = limits::hash(ctx);
    let spot = hash_or_new(ctx, key)?;
    ctx.keys
        .edit_at::<Hash>(spot)?
        .set(args.at(2), text, FieldUntil::Kept, &limits);
    ctx.keys.changed(key, event, 1);
    Ok(())
}

/// HINCRBY key field increment
fn hincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let increment = integer(args.at(3))?;
    let old = old_number(ctx, args, |value| {
        value.as_i64().ok_or(Error::HashNotInteger)
    })?;
    let new = old
        .unwrap_or(0)
        .checked_add(increment)
        .ok_or(Error::Overflow)?;
    set_number(
        ctx,
        args,
        num::format_i64(new, &mut [0; 20]),
        Event::HINCRBY,
    )?;
    ctx.reply.integer(new);
    Ok(())
}

/// HINCRBYFLOAT key field increment
fn hincrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, field) = (args.at(1), args.at(2));
    let increment = longdouble::parse(args.at(3)).ok_or(Error::NotFloat)?;
    if !increment.is_finite() {
        return Err("ERR value is NaN or Infinity".into());
    }
    let parse =
        |value: Item<'_>| longdouble::parse(value.text(&mut [0; 20])).ok_or(Error::HashNotFloat);
    let sum = match old_number(ctx, args, parse)? {
        Some(old) => old + increment,
        None => increment,
    };
    if !sum.is_finite() {
        return Err(Error::NanOrInfinity);
    }
    let sum = sum.text();
    set_number(ctx, args, sum.as_bytes(), Event::HINCRBYFLOAT)?;
    // The result and not the increment, so that no other arithmetic can come to another one.
    // HSET would end the field's deadline, which HINCRBYFLOAT keeps; HSETEX KEEPTTL does not.
    ctx.fx.propagate_as(
        ctx.keys.db,
        &[
            b"HSETEX",
            key,
            b"KEEPTTL",
            b"FIELDS",
            b"1",
            field,
            sum.as_bytes(),
        ],
    );
    ctx.reply.bulk(sum.as_bytes());
    Ok(())
}

/// HRANDFIELD key [count [WITHVALUES]]
fn hrandfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    if args.len() == 2 {
        return random_field(ctx, key);
    }
    let count = directed(args.at(2))?;
    let with_values = args.len() > 3;
    if args.len() > 4 || with_values && !is(args.at(3), "WITHVALUES") {
        return Err(Error::Syntax);
    }
    // Twice as many elements have to be counted too.
    if with_values
        && count
            .checked_mul(2)
            .is_none_or(|elements| elements == i64::MIN)
    {
        return Err(Error::OutOfRange);
    }
    let horizon_ms = ctx.keys.horizon_ms();
    let Some(spot) = read_live_hash(ctx, key)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (hash, rng) = ctx.keys.at_with_rng::<Hash>(spot)?;
    let live = hash.len_at(horizon_ms);
    let reply = &mut ctx.reply;
    let wanted = count.unsigned_abs() as usize;
    // A negative count draws each time from all fields, so a field may come more than once and the count is always met.
    let shown = if count >= 0 {
        wanted.min(live)
    } else if live == 0 {
        0
    } else {
        wanted
    };
    let nests = with_values && reply.is_resp3();
    reply.array(if with_values && !nests {
        2 * shown
    } else {
        shown
    });
    let show = |reply: &mut Reply<'_>, field: &[u8], value: Item<'_>| {
        if nests {
            reply.array(2);
        }
        reply.bulk(field);
        if with_values {
            reply_item(reply, value);
        }
    };
    if count >= 0 {
        hash.sample(shown, horizon_ms, rng, |field, value| {
            show(reply, field, value)
        });
    } else {
        for _ in 0..shown {
            if reply.is_cut_off() {
                break;
            }
            hash.random(horizon_ms, rng, |field, value| show(reply, field, value));
        }
    }
    Ok(())
}

/// As `read_hash`, without the fields that are due: they would make choosing slow.
fn read_live_hash(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<Option<Spot>, Error> {
    let found = read_hash(ctx, key)?;
    Ok(found.filter(|spot| !ctx.keys.expire_all_fields(*spot)))
}

fn random_field(ctx: &mut Ctx<'_>, key: &[u8]) -> Outcome {
    let horizon_ms = ctx.keys.horizon_ms();
    let Some(spot) = read_live_hash(ctx, key)? else {
        ctx.reply.null();
        return Ok(());
    };
    let reply = &mut ctx.reply;
    let (hash, rng) = ctx.keys.at_with_rng::<Hash>(spot)?;
    if hash
        .random(horizon_ms, rng, |field, _| reply.bulk(field))
        .is_none()
    {
        reply.null();
    }
    Ok(())
}

/// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
fn hscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let at = cursor(args.at(2))?;
    let horizon_ms = ctx.keys.horizon_ms();
    let Some(spot) = read_hash(ctx, args.at(1))? else {
        reply_nothing(&mut ctx.reply);
        return Ok(());
    };
    // The options are read after the key: of a missing key even wrong options say nothing.
    let options = ScanOptions::parse(args, 3, Family::Hash)?;
    let hash = ctx.keys.at::<Hash>(spot)?;
    reply_elements(&mut ctx.reply, |reply| {
        let mut count = 0;
        let next = hash.scan(at, options.count, horizon_ms, |field, value| {
            if options.matches(field) {
                reply.bulk(field);
                count += 1;
                if !options.no_values {
                    reply_item(reply, value);
                    count += 1;
                }
            }
        });
        (next, count)
    });
    Ok(())
}
