//! Strings: bytes or a number under a key.
//!
//! A string that is set whole is kept in the shortest form (`keyspace::text`). Changing one where it is, is next door
//! in `editing`, comparing two in `lcs`.

mod editing;
mod lcs;

use std::sync::Arc;

use crate::base::longdouble;
use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::keyspace::{Event, New, Spot, Text, Until, text};
use crate::spec::error::Error;
use crate::spec::string as spec;
use crate::store::INLINE_MAX;
use crate::types::Value;
use crate::types::string::resolve_range;
use crate::wire::args::Args;

pub use editing::{edit, edit_within};

use super::keys::deadline::end_at_once;
use super::options::{Moment, integer, is};

pub const ROWS: &[Row] = &[
    Row::new(&spec::APPEND, editing::append),
    Row::new(&spec::DECR, decr),
    Row::new(&spec::DECRBY, decrby),
    Row::new(&spec::GET, get),
    Row::new(&spec::GETDEL, getdel),
    Row::new(&spec::GETEX, getex),
    Row::new(&spec::GETRANGE, getrange),
    Row::new(&spec::GETSET, getset),
    Row::new(&spec::INCR, incr),
    Row::new(&spec::INCRBY, incrby),
    Row::new(&spec::INCRBYFLOAT, incrbyfloat),
    Row::new(&spec::LCS, lcs::lcs),
    Row::new(&spec::MGET, mget),
    Row::new(&spec::MSET, mset),
    Row::new(&spec::MSETNX, msetnx),
    Row::new(&spec::PSETEX, psetex),
    Row::new(&spec::SET, set),
    Row::new(&spec::SETEX, setex),
    Row::new(&spec::SETNX, setnx),
    Row::new(&spec::SETRANGE, editing::setrange),
    Row::new(&spec::STRLEN, strlen),
    Row::new(&spec::SUBSTR, getrange),
];

/// GET key
fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = ctx.keys.read(args.at(1)) else {
        ctx.reply.null();
        return Ok(());
    };
    reply_text(ctx, spot)
}

/// Replies the string at a place; a long one goes out without a copy.
#[inline]
fn reply_text(ctx: &mut Ctx<'_>, spot: Spot) -> Outcome {
    match ctx.keys.text(spot)? {
        Text::Bytes(bytes) => ctx.reply.bulk(bytes),
        Text::Int(number) => ctx.reply.bulk_i64(number),
        Text::Shared(bytes) => ctx.reply.bulk_shared(bytes),
    }
    Ok(())
}

/// MGET key [key ...]
fn mget(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply.array(args.len() - 1);
    ctx.keys.look_ahead(args.from(1));
    for key in args.from(1) {
        match ctx.keys.read(key) {
            // What is no string counts as missing here.
            Some(spot) if reply_text(ctx, spot).is_ok() => {}
            _ => ctx.reply.null(),
        }
    }
    Ok(())
}

/// What SET and its relatives were asked for.
#[derive(Default)]
struct SetOptions {
    only_if_missing: bool,
    only_if_present: bool,
    wants_old: bool,
    keeps_deadline: bool,
    deadline: Option<i64>,
    /// Whether the deadline came as it is kept, so that the command says the same at any time.
    is_absolute: bool,
}

fn set_options(args: Args<'_>, from: usize, ctx: &Ctx<'_>) -> Result<SetOptions, Error> {
    let mut options = SetOptions::default();
    let mut moment = None;
    let mut words = args.from(from);
    while let Some(word) = words.next() {
        if is(word, "NX") && !options.only_if_present {
            options.only_if_missing = true;
        } else if is(word, "XX") && !options.only_if_missing {
            options.only_if_present = true;
        } else if is(word, "GET") {
            options.wants_old = true;
        } else if is(word, "KEEPTTL") && moment.is_none() {
            options.keeps_deadline = true;
        } else if let Some(kind) = Moment::option(word)
            && !options.keeps_deadline
            && let Some(value) = words.next()
        {
            moment = Some(one_moment(moment, kind, value)?);
        } else {
            return Err(Error::Syntax);
        }
    }
    if let Some((kind, value)) = moment {
        options.deadline = Some(kind.deadline(value, ctx.now, "set")?);
        options.is_absolute = kind == Moment::UnixMilliseconds;
    }
    Ok(options)
}

/// A moment may be given again in the same unit; then the last one counts.
fn one_moment<'a>(
    earlier: Option<(Moment, &'a [u8])>,
    kind: Moment,
    value: &'a [u8],
) -> Result<(Moment, &'a [u8]), Error> {
    match earlier {
        Some((other, _)) if other != kind => Err(Error::Syntax),
        _ => Ok((kind, value)),
    }
}

/// SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds |
/// PXAT unix-time-milliseconds | KEEPTTL]
fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    if args.len() == 3 {
        let found = ctx.keys.find(key);
        ctx.keys.put(
            key,
            found,
            text::whole(args.at(2), || args.shared(2)),
            Until::Never,
        );
        ctx.keys.changed(key, Event::string("set"), 1);
        ctx.reply.ok();
        return Ok(());
    }
    let options = set_options(args, 3, ctx)?;
    let found = if options.wants_old {
        let found = ctx.keys.read(key);
        match found {
            Some(spot) => reply_text(ctx, spot)?,
            None => ctx.reply.null(),
        }
        found
    } else {
        ctx.keys.find(key)
    };
    if options.only_if_missing && found.is_some() || options.only_if_present && found.is_none() {
        if !options.wants_old {
            ctx.reply.null();
        }
        return Ok(());
    }
    set_whole(ctx, found, key, args.at(2), args.shared(2), &options);
    if options.wants_old && options.deadline.is_none() {
        // Nobody reads a reply to what is propagated.
        let is_kept = |(at, word): &(usize, &[u8])| *at < 3 || !is(word, "GET");
        let words: Vec<&[u8]> = (args.iter().enumerate().filter(is_kept))
            .map(|(_, word)| word)
            .collect();
        ctx.fx.propagate_as(ctx.keys.db, &words);
    }
    if !options.wants_old {
        ctx.reply.ok();
    }
    Ok(())
}

fn set_whole(
    ctx: &mut Ctx<'_>,
    found: Option<Spot>,
    key: &[u8],
    value: &[u8],
    shared: Option<Arc<Vec<u8>>>,
    options: &SetOptions,
) {
    let until = match options.deadline {
        Some(deadline) => Until::At(deadline),
        None if options.keeps_deadline => Until::Kept,
        None => Until::Never,
    };
    ctx.keys
        .put(key, found, text::whole(value, || shared), until);
    ctx.keys.changed(key, Event::string("set"), 1);
    if let Some(deadline) = options.deadline {
        ctx.keys.event(key, Event::EXPIRE);
        if !options.is_absolute {
            ctx.fx.propagate_as(
                ctx.keys.db,
                &[b"SET", key, value, b"PXAT", deadline.to_string().as_bytes()],
            );
        }
    }
}

/// SETNX key value
fn setnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let is_missing = ctx.keys.find(key).is_none();
    if is_missing {
        set_whole(
            ctx,
            None,
            key,
            args.at(2),
            args.shared(2),
            &SetOptions::default(),
        );
    }
    ctx.reply.integer(i64::from(is_missing));
    Ok(())
}

/// SETEX key seconds value
fn setex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    set_for(ctx, args, Moment::Seconds, "setex")
}

/// PSETEX key milliseconds value
fn psetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    set_for(ctx, args, Moment::Milliseconds, "psetex")
}

fn set_for(ctx: &mut Ctx<'_>, args: Args<'_>, unit: Moment, command: &str) -> Outcome {
    let deadline = Some(unit.deadline(args.at(2), ctx.now, command)?);
    let found = ctx.keys.find(args.at(1));
    let options = SetOptions {
        deadline,
        ..SetOptions::default()
    };
    set_whole(ctx, found, args.at(1), args.at(3), args.shared(3), &options);
    ctx.reply.ok();
    Ok(())
}

/// GETSET key value
fn getset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let found = ctx.keys.read(key);
    match found {
        Some(spot) => reply_text(ctx, spot)?,
        None => ctx.reply.null(),
    }
    set_whole(
        ctx,
        found,
        key,
        args.at(2),
        args.shared(2),
        &SetOptions::default(),
    );
    ctx.fx.propagate_as(ctx.keys.db, &[b"SET", key, args.at(2)]);
    Ok(())
}

/// GETDEL key
fn getdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(spot) = ctx.keys.read(key) else {
        ctx.reply.null();
        return Ok(());
    };
    reply_text(ctx, spot)?;
    let lazily = ctx.keys.space.lazy.user_del;
    ctx.keys.remove_at(spot, lazily);
    ctx.keys.changed(key, Event::DEL, 1);
    ctx.fx
        .propagate_as(ctx.keys.db, &[if lazily { b"UNLINK" } else { b"DEL" }, key]);
    Ok(())
}

/// GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]
fn getex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let mut persists = false;
    let mut moment = None;
    let mut words = args.from(2);
    while let Some(word) = words.next() {
        if is(word, "PERSIST") && moment.is_none() {
            persists = true;
        } else if let Some(kind) = Moment::option(word)
            && !persists
            && let Some(value) = words.next()
        {
            moment = Some(one_moment(moment, kind, value)?);
        } else {
            return Err(Error::Syntax);
        }
    }
    let Some(spot) = ctx.keys.read(key) else {
        ctx.reply.null();
        return Ok(());
    };
    ctx.keys.text(spot)?;
    // The moment is looked at last: a missing key and one of another kind are told first.
    let deadline = match moment {
        Some((kind, value)) => Some((kind.deadline(value, ctx.now, "getex")?, kind)),
        None => None,
    };
    reply_text(ctx, spot)?;
    let db = ctx.keys.db;
    if let Some((deadline, kind)) = deadline {
        if !kind.is_relative() && deadline <= ctx.now.unix_ms {
            end_at_once(ctx, key, spot);
        } else {
            ctx.keys.set_deadline(spot, Some(deadline));
            ctx.keys.changed(key, Event::EXPIRE, 1);
            ctx.fx
                .propagate_as(db, &[b"PEXPIREAT", key, deadline.to_string().as_bytes()]);
        }
    } else if persists && ctx.keys.deadline(spot).is_some() {
        ctx.keys.set_deadline(spot, None);
        ctx.keys.changed(key, Event::PERSIST, 1);
        ctx.fx.propagate_as(db, &[b"PERSIST", key]);
    }
    Ok(())
}

/// MSET key value [key value ...]
fn mset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::arity("mset"));
    }
    set_all(ctx, args);
    ctx.reply.ok();
    Ok(())
}

/// MSETNX key value [key value ...]
fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::arity("msetnx"));
    }
    let some_exist = args
        .from(1)
        .step_by(2)
        .any(|key| ctx.keys.find(key).is_some());
    if !some_exist {
        set_all(ctx, args);
    }
    ctx.reply.integer(i64::from(!some_exist));
    Ok(())
}

fn set_all(ctx: &mut Ctx<'_>, args: Args<'_>) {
    ctx.keys.look_ahead(args.from(1).step_by(2));
    for at in (1..args.len()).step_by(2) {
        let key = args.at(at);
        let found = ctx.keys.find(key);
        ctx.keys.put(
            key,
            found,
            text::whole(args.at(at + 1), || args.shared(at + 1)),
            Until::Never,
        );
        ctx.keys.changed(key, Event::string("set"), 1);
    }
}

/// INCR key
fn incr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    add(ctx, args.at(1), 1)
}

/// DECR key
fn decr(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    add(ctx, args.at(1), -1)
}

/// INCRBY key increment
fn incrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    add(ctx, args.at(1), integer(args.at(2))?)
}

/// DECRBY key decrement
fn decrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let decrement = integer(args.at(2))?;
    let increment = decrement
        .checked_neg()
        .ok_or(Error::from("ERR decrement would overflow"))?;
    add(ctx, args.at(1), increment)
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], increment: i64) -> Outcome {
    let found = ctx.keys.find(key);
    let old = match found {
        Some(spot) => ctx.keys.text(spot)?.as_i64().ok_or(Error::NotInteger)?,
        None => 0,
    };
    let new = old.checked_add(increment).ok_or(Error::Overflow)?;
    ctx.keys.put(key, found, New::Int(new), Until::Kept);
    ctx.keys.changed(key, Event::string("incrby"), 1);
    ctx.reply.integer(new);
    Ok(())
}

/// INCRBYFLOAT key increment
fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let found = ctx.keys.find(key);
    let old = match found {
        Some(spot) => {
            let text = ctx.keys.text(spot)?;
            longdouble::parse(text.bytes(&mut [0; 20])).ok_or(Error::NotFloat)?
        }
        None => longdouble::parse(b"0").expect("zero is a number"),
    };
    let increment = longdouble::parse(args.at(2)).ok_or(Error::NotFloat)?;
    let sum = old + increment;
    if !sum.is_finite() {
        return Err(Error::NanOrInfinity);
    }
    let sum = sum.text();
    ctx.keys.put(key, found, short(sum.as_bytes()), Until::Kept);
    ctx.keys.changed(key, Event::string("incrbyfloat"), 1);
    ctx.fx
        .propagate_as(ctx.keys.db, &[b"SET", key, sum.as_bytes(), b"KEEPTTL"]);
    ctx.reply.bulk(sum.as_bytes());
    Ok(())
}

/// Bytes that stay bytes even when they look like a number, as the result of INCRBYFLOAT does.
fn short(bytes: &[u8]) -> New<'_, Value> {
    if bytes.len() <= INLINE_MAX {
        New::Inline(bytes)
    } else {
        New::Object(Value::Str(Arc::new(bytes.to_vec())))
    }
}

/// STRLEN key
fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = ctx.keys.read_text(args.at(1))?.map_or(0, Text::len);
    ctx.reply.count(len);
    Ok(())
}

/// GETRANGE key start end
fn getrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (start, end) = (integer(args.at(2))?, integer(args.at(3))?);
    let Some(spot) = ctx.keys.read(args.at(1)) else {
        ctx.reply.bulk(b"");
        return Ok(());
    };
    let text = ctx.keys.text(spot)?;
    let range = resolve_range(start, end, text.len());
    match text {
        Text::Shared(bytes) => ctx.reply.bulk_shared_range(bytes, range),
        _ => ctx.reply.bulk(&text.bytes(&mut [0; 20])[range]),
    }
    Ok(())
}
