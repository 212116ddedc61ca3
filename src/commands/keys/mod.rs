//! Keys of any type: existence, removal, names, databases.
//!
//! Whole databases are next door in `database`, deadlines in `deadline`, walking in `scan`, and what OBJECT tells in
//! `object`.

mod database;
pub(crate) mod deadline;
mod migrate;
mod object;
pub(crate) mod scan;
mod transport;

use crate::engine::cluster_hints;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, LOOK_AHEAD_MOST, Site};
use crate::spec::error::Error;
use crate::spec::generic as spec;
use crate::spec::server::{dataset, replication};
use crate::store::Taken;
use crate::wire::args::Args;

use super::options::{is, narrow_integer};

pub(crate) const ROWS: &[Row] = &[
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
    Row::new(&spec::MIGRATE, migrate::migrate),
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
    for from in (1..args.len()).step_by(LOOK_AHEAD_MOST) {
        let part = args.tail(from).head(LOOK_AHEAD_MOST);
        ctx.keys.look_ahead(part.iter());
        for key in part {
            if ctx.keys.remove(key, lazily) {
                ctx.keys.changed(key, Event::DEL, 1);
                count += 1;
            }
        }
    }
    ctx.reply.count(count);
    Ok(())
}

/// EXISTS key [key ...]
fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut count = 0;
    for from in (1..args.len()).step_by(LOOK_AHEAD_MOST) {
        let part = args.tail(from).head(LOOK_AHEAD_MOST);
        ctx.keys.look_ahead(part.iter());
        // A key that is named twice counts twice, and asking is no use of it.
        count += (part.iter())
            .filter(|key| ctx.keys.read_quietly(key).is_some())
            .count();
    }
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
    if ctx.keys.find_to_write(from).is_none() {
        return Err(Error::NoSuchKey);
    }
    // A key can be renamed to itself: RENAME says OK, RENAMENX 0, and nothing has changed for a watcher or a listener.
    if from == to {
        return Ok(false);
    }
    if only_if_free && ctx.keys.find_to_write(to).is_some() {
        return Ok(false);
    }
    let lazily = ctx.keys.space.lazy.server_del;
    let (vacancy, _) = ctx.keys.vacate(to, lazily);
    // The target's removal may have moved the source.
    let spot = ctx.keys.find_to_write(from).ok_or(Error::NoSuchKey)?;
    let taken = ctx.keys.take(spot);
    // The entry moves as a whole, so the name's new owner brings its deadline, and the deadline of the old owner is
    // gone.
    ctx.keys.put_taken(vacancy, taken);
    ctx.keys.touched(from, 0);
    ctx.keys.touched(to, 1);
    ctx.keys.event(from, Event::RENAME_FROM);
    ctx.keys.event(to, Event::RENAME_TO);
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
    cluster_hints::note_database(&mut ctx.services.stats, true);
    let Some(spot) = ctx.keys.find_to_write(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let Site::Vacant(vacancy) = ctx.keys.other(target).site(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // The entry moves as a whole, its deadline too.
    let taken = ctx.keys.take(spot);
    ctx.keys.touched(key, 0);
    let mut there = ctx.keys.other(target);
    there.put_taken(vacancy, taken);
    there.touched(key, 1);
    ctx.keys.event(key, Event::MOVE_FROM);
    ctx.keys.other(target).event(key, Event::MOVE_TO);
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
    cluster_hints::note_database(&mut ctx.services.stats, target != ctx.keys.db);
    let Some(spot) = ctx.keys.read(from) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // The copy has the deadline of the source: it is to be the same key under another name.
    let copied = Taken {
        access: ctx.keys.space.access.fresh(ctx.keys.now_ms),
        ..ctx.keys.duplicate(spot)
    };
    let mut there = ctx.keys.other(target);
    if !replaces && there.find_to_write(to).is_some() {
        ctx.reply.integer(0);
        return Ok(());
    }
    let lazily = there.space.lazy.server_del;
    let (vacancy, _) = there.vacate(to, lazily);
    there.put_taken(vacancy, copied);
    there.changed(to, Event::COPY_TO, 1);
    ctx.reply.integer(1);
    Ok(())
}
