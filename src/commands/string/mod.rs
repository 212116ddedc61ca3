//! Strings: bytes or a number under a key.
//!
//! A string that is set whole is kept in the shortest form (`keyspace::text`). Changing one where it is, is next door
//! in `editing`, comparing two in `lcs`.

mod editing;
mod lcs;

use std::sync::Arc;

use crate::base::longdouble;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, LOOK_AHEAD_MOST, New, Site, Spot, Text, Until, text};
use crate::spec::error::Error;
use crate::spec::string as spec;
use crate::store::{EntryRef, INLINE_MAX};
use crate::types::Value;
use crate::types::string::resolve_range;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

pub(crate) use editing::{edit, edit_within, len_max};

use super::keys::deadline::end_at_once;
use super::options::{Moment, integer, is};

pub(crate) const ROWS: &[Row] = &[
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
    let reply = &mut ctx.reply;
    let found = (ctx.keys).read_with(args.at(1), |entry| reply_entry(reply, entry));
    found.unwrap_or_else(|| {
        ctx.reply.null();
        Ok(())
    })
}

/// Replies the string in an entry; a long one goes out without a copy.
#[expect(clippy::inline_always, reason = "most of what GET does")]
#[inline(always)]
fn reply_entry(reply: &mut Reply<'_>, entry: EntryRef<'_, Value>) -> Outcome {
    match Text::of_entry(entry)? {
        Text::Bytes(bytes) => reply.bulk(bytes),
        Text::Int(number) => reply.bulk_i64(number),
        Text::Shared(bytes) => reply.bulk_shared(bytes),
    }
    Ok(())
}

/// Replies the string at a place.
fn reply_text(ctx: &mut Ctx<'_>, spot: Spot) -> Outcome {
    reply_entry(&mut ctx.reply, ctx.keys.entry(spot))
}

/// Replies the old value, or null, and returns its place for a new one.
fn site_after_reply<'k>(ctx: &mut Ctx<'_>, key: &'k [u8]) -> Result<Site<'k>, Error> {
    let site = ctx.keys.site_to_read(key);
    match site.spot() {
        Some(spot) => reply_text(ctx, spot)?,
        None => ctx.reply.null(),
    }
    Ok(site)
}

/// MGET key [key ...]
fn mget(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // MGET has no WRONGTYPE: one wrong key would spoil the values of all others.
    ctx.reply.array(args.len() - 1);
    for from in (1..args.len()).step_by(LOOK_AHEAD_MOST) {
        let part = args.tail(from).head(LOOK_AHEAD_MOST);
        let hashes = ctx.keys.look_ahead(part.iter());
        for (key, hash) in part.iter().zip(hashes) {
            let reply = &mut ctx.reply;
            let found = (ctx.keys).read_hashed(hash, key, |entry| reply_entry(reply, entry));
            // A value that is no string counts as missing here.
            if !matches!(found, Some(Ok(()))) {
                ctx.reply.null();
            }
        }
    }
    Ok(())
}

/// The options of SET and its relatives.
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
        ctx.keys.update(key, Until::Never, |_| {
            Ok(text::whole(args.at(2), || args.shared(2)))
        })?;
        ctx.keys.changed(key, Event::SET, 1);
        ctx.reply.ok();
        return Ok(());
    }
    let options = set_options(args, 3, ctx)?;
    let site = if options.wants_old {
        site_after_reply(ctx, key)?
    } else {
        ctx.keys.site(key)
    };
    let is_new = site.is_vacant();
    if options.only_if_missing && !is_new || options.only_if_present && is_new {
        // With GET the reply is the old value, or null if there was none, whether or not the condition let SET write.
        if !options.wants_old {
            ctx.reply.null();
        }
        return Ok(());
    }
    set_whole(ctx, site, key, args.at(2), args.shared(2), &options);
    if options.wants_old && options.deadline.is_none() {
        // Nobody reads a reply to a propagated command.
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
    site: Site<'_>,
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
    ctx.keys.put(site, text::whole(value, || shared), until);
    ctx.keys.changed(key, Event::SET, 1);
    if let Some(deadline) = options.deadline {
        ctx.keys.event(key, Event::EXPIRE);
        if !options.is_absolute {
            // The log gets the moment, not the span: replayed later, a span would begin anew. Conditions have held, and
            // GET asks for a reply that nobody reads, so neither is in it.
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
    let site = ctx.keys.site(key);
    let is_missing = site.is_vacant();
    if is_missing {
        set_whole(
            ctx,
            site,
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
    let site = ctx.keys.site(args.at(1));
    let options = SetOptions {
        deadline,
        ..SetOptions::default()
    };
    set_whole(ctx, site, args.at(1), args.at(3), args.shared(3), &options);
    ctx.reply.ok();
    Ok(())
}

/// GETSET key value
fn getset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let site = site_after_reply(ctx, key)?;
    set_whole(
        ctx,
        site,
        key,
        args.at(2),
        args.shared(2),
        &SetOptions::default(),
    );
    // Nobody reads a reply to a propagated command, so GETSET is a SET there.
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
    ctx.fx.propagate_removal(ctx.keys.db, key, lazily);
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
    // Without an option, and with PERSIST of a key that has no deadline, GETEX is GET: it changed nothing, so nothing
    // is propagated.
    let db = ctx.keys.db;
    if let Some((deadline, kind)) = deadline {
        if !kind.is_relative() && deadline <= ctx.now.unix_ms {
            // Only an absolute moment can be past: a span was refused unless positive. The value is replied and the key
            // goes.
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
    set_all(ctx, args)?;
    ctx.reply.ok();
    Ok(())
}

/// MSETNX key value [key value ...]
fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::arity("msetnx"));
    }
    // All or nothing: one key that exists keeps all others from being set.
    let some_exist = args
        .from(1)
        .step_by(2)
        .any(|key| ctx.keys.find_to_write(key).is_some());
    if !some_exist {
        set_all(ctx, args)?;
    }
    ctx.reply.integer(i64::from(!some_exist));
    Ok(())
}

fn set_all(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    for from in (1..args.len()).step_by(2 * LOOK_AHEAD_MOST) {
        let part = args.tail(from).head(2 * LOOK_AHEAD_MOST);
        let hashes = ctx.keys.look_ahead(part.iter().step_by(2));
        for (at, hash) in (0..part.len()).step_by(2).zip(hashes) {
            let key = part.at(at);
            ctx.keys.update_hashed(hash, key, Until::Never, |_| {
                Ok(text::whole(part.at(at + 1), || part.shared(at + 1)))
            })?;
            ctx.keys.changed(key, Event::SET, 1);
        }
    }
    Ok(())
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
    let mut new = 0;
    ctx.keys.update(key, Until::Kept, |entry| {
        let old = match entry {
            Some(entry) => Text::of_entry(entry)?.as_i64().ok_or(Error::NotInteger)?,
            None => 0,
        };
        new = old.checked_add(increment).ok_or(Error::Overflow)?;
        Ok(New::Int(new))
    })?;
    // INCR, DECR and DECRBY are announced as `incrby` too.
    ctx.keys.changed(key, Event::INCRBY, 1);
    ctx.reply.integer(new);
    Ok(())
}

/// INCRBYFLOAT key increment
fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let site = ctx.keys.site(key);
    let old = match site.spot() {
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
    ctx.keys.put(site, short(sum.as_bytes()), Until::Kept);
    ctx.keys.changed(key, Event::INCRBYFLOAT, 1);
    // The result and not the increment, so that no other arithmetic can come to another one. SET alone would end the
    // deadline, which INCRBYFLOAT keeps.
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
        // A missing key reads as an empty string, not as null.
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
