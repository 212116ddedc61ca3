//! Keys, whatever they hold: existence, removal, names, databases.
//!
//! Whole databases are next door in `database`, deadlines in `deadline`, walking in `scan`, and what OBJECT tells in `object`.

mod database;
pub mod deadline;
mod object;
pub mod scan;
mod transport;

use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::engine::slots;
use crate::keyspace::journal::Event;
use crate::keyspace::{Keys, Spot};
use crate::spec::error::Error;
use crate::spec::generic as spec;
use crate::spec::server::{dataset, replication};
use crate::store::{Owned, Taken};
use crate::wire::args::Args;

use super::options::{is, narrow_integer};

pub const ROWS: &[Row] = &[
    Row::new(&spec::COPY, copy),
    Row::new(&dataset::DBSIZE, database::dbsize),
    Row::new(&spec::DEL, del),
    Row::new(&spec::DUMP, transport::dump),
    Row::new(&spec::EXISTS, exists),
    Row::new(&spec::EXPIRE, deadline::expire),
    Row::new(&spec::EXPIREAT, deadline::expireat),
    Row::new(&spec::EXPIRETIME, deadline::expiretime),
    Row::new(&dataset::FLUSHALL, database::flushall),
    Row::new(&dataset::FLUSHDB, database::flushdb),
    Row::new(&spec::KEYS, scan::keys),
    Row::new(&spec::MOVE, move_),
    Row::container(&spec::OBJECT, object::ROWS),
    Row::new(&spec::PERSIST, deadline::persist),
    Row::new(&spec::PEXPIRE, deadline::pexpire),
    Row::new(&spec::PEXPIREAT, deadline::pexpireat),
    Row::new(&spec::PEXPIRETIME, deadline::pexpiretime),
    Row::new(&spec::PTTL, deadline::pttl),
    Row::new(&spec::RANDOMKEY, scan::randomkey),
    Row::new(&spec::RENAME, rename),
    Row::new(&spec::RENAMENX, renamenx),
    Row::new(&spec::RESTORE, transport::restore),
    Row::new(&replication::RESTORE_ASKING, transport::restore),
    Row::new(&spec::SCAN, scan::scan),
    Row::new(&dataset::SWAPDB, database::swapdb),
    Row::new(&spec::TOUCH, touch),
    Row::new(&spec::TTL, deadline::ttl),
    Row::new(&spec::TYPE, type_),
    Row::new(&spec::UNLINK, unlink),
];

/// DEL key [key ...]
fn del(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let lazily = ctx.keys.space.lazy.user_del;
    remove_all(ctx, args, lazily)
}

/// UNLINK key [key ...]
fn unlink(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    remove_all(ctx, args, true)
}

fn remove_all(ctx: &mut Ctx<'_>, args: Args<'_>, lazily: bool) -> Outcome {
    let mut count = 0;
    ctx.keys.look_ahead(args.from(1));
    for key in args.from(1) {
        if ctx.keys.remove(key, lazily) {
            ctx.keys.changed(key, Event::DEL, 1);
            count += 1;
        }
    }
    ctx.reply.count(count);
    Ok(())
}

/// EXISTS key [key ...]
fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.keys.look_ahead(args.from(1));
    let count = args
        .from(1)
        .filter(|key| ctx.keys.read_quietly(key).is_some())
        .count();
    ctx.reply.count(count);
    Ok(())
}

/// TOUCH key [key ...]
fn touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = args
        .from(1)
        .filter(|key| ctx.keys.read(key).is_some())
        .count();
    ctx.reply.count(count);
    Ok(())
}

/// TYPE key
fn type_(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let name = match ctx.keys.read_quietly(args.at(1)) {
        Some(spot) => ctx.keys.kind(spot).name(),
        None => "none",
    };
    ctx.reply.simple(name);
    Ok(())
}

/// RENAME key newkey
fn rename(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rename_key(ctx, args, false)?;
    ctx.reply.ok();
    Ok(())
}

/// RENAMENX key newkey
fn renamenx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let was_renamed = rename_key(ctx, args, true)?;
    ctx.reply.integer(i64::from(was_renamed));
    Ok(())
}

fn rename_key(ctx: &mut Ctx<'_>, args: Args<'_>, only_if_free: bool) -> Result<bool, Error> {
    let (from, to) = (args.at(1), args.at(2));
    if ctx.keys.find(from).is_none() {
        return Err(Error::NoSuchKey);
    }
    if from == to {
        return Ok(false);
    }
    if ctx.keys.find(to).is_some() {
        if only_if_free {
            return Ok(false);
        }
        let lazily = ctx.keys.space.lazy.server_del;
        ctx.keys.remove(to, lazily);
    }
    // The target's removal may have moved the source.
    let spot = ctx.keys.find(from).ok_or(Error::NoSuchKey)?;
    let taken = ctx.keys.take(spot);
    ctx.keys.put_taken(to, taken);
    ctx.keys.touched(from, 0);
    ctx.keys.touched(to, 1);
    ctx.keys.event(from, Event::generic("rename_from"));
    ctx.keys.event(to, Event::generic("rename_to"));
    Ok(true)
}

/// The database an argument names.
fn database(ctx: &Ctx<'_>, arg: &[u8]) -> Result<u16, Error> {
    let index = narrow_integer(arg)?;
    if index >= 0 && (index as usize) < ctx.keys.space.dbs.len() {
        Ok(index as u16)
    } else {
        Err(Error::DbIndex)
    }
}

/// MOVE key db
fn move_(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let target = database(ctx, args.at(2))?;
    if target == ctx.keys.db {
        return Err(Error::SameObject);
    }
    slots::note_database(&mut ctx.services.stats, true);
    let Some(spot) = ctx.keys.find(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    if ctx.keys.other(target).find(key).is_some() {
        ctx.reply.integer(0);
        return Ok(());
    }
    let taken = ctx.keys.take(spot);
    ctx.keys.touched(key, 0);
    let mut there = ctx.keys.other(target);
    there.put_taken(key, taken);
    there.touched(key, 1);
    ctx.keys.event(key, Event::generic("move_from"));
    ctx.keys.other(target).event(key, Event::generic("move_to"));
    ctx.reply.integer(1);
    Ok(())
}

/// COPY source destination [DB destination-db] [REPLACE]
fn copy(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    let mut target = ctx.keys.db;
    let mut replaces = false;
    let mut at = 3;
    while at < args.len() {
        if is(args.at(at), "REPLACE") {
            replaces = true;
        } else if is(args.at(at), "DB") && at + 1 < args.len() {
            at += 1;
            target = database(ctx, args.at(at))?;
        } else {
            return Err(Error::Syntax);
        }
        at += 1;
    }
    if target == ctx.keys.db && from == to {
        return Err(Error::SameObject);
    }
    slots::note_database(&mut ctx.services.stats, target != ctx.keys.db);
    let Some(spot) = ctx.keys.read(from) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let copied = duplicate(&ctx.keys, spot);
    let mut there = ctx.keys.other(target);
    if there.find(to).is_some() {
        if !replaces {
            ctx.reply.integer(0);
            return Ok(());
        }
        let lazily = there.space.lazy.server_del;
        there.remove(to, lazily);
    }
    there.put_taken(to, copied);
    there.changed(to, Event::generic("copy_to"), 1);
    ctx.reply.integer(1);
    Ok(())
}

/// A value with its deadline, doubled.
fn duplicate(keys: &Keys<'_>, spot: Spot) -> Taken<crate::types::Value> {
    use crate::keyspace::Payload;
    let entry = keys.entry(spot);
    let payload = match entry.payload() {
        Payload::Int(number) => Owned::Int(number),
        Payload::Inline(bytes) => Owned::Inline {
            bytes: bytes.to_vec(),
            raw_reported: entry.raw_reported(),
        },
        Payload::Object(value) => Owned::Object(value.clone()),
    };
    let access = keys.space.access.fresh(keys.now_ms);
    Taken {
        payload,
        deadline: entry.deadline(),
        field_deadline: entry.field_deadline(),
        access,
    }
}
