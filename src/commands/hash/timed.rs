//! Commands that read or write fields and treat their deadlines in the same breath: HGETDEL, HGETEX, HSETEX.
//!
//! A deadline in the past deletes; the propagated command is then the deletion, field by field, and never a moment that
//! a replica with another clock could judge differently.

use crate::base::num;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Spot};
use crate::spec::error::Error;
use crate::types::hash::{FieldDeadline, FieldUntil, Hash};
use crate::wire::args::Args;

use super::super::limits;
use super::super::options::{Moment, is};
use super::deadline::{NOT_POSITIVE, field_moment, named_fields};
use super::{hash_or_new, reply_field, set_pairs, settle};

/// HGETDEL key FIELDS numfields field [field ...]
pub(crate) fn hgetdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let found = ctx.keys.spot_as::<Hash>(key)?;
    let fields = named_fields(ctx, args, 2, NOT_POSITIVE)?;
    ctx.reply.array(fields.len());
    let Some(spot) = found else {
        fields.iter().for_each(|_| ctx.reply.null());
        return Ok(());
    };
    let mut deleted = 0;
    let mut expired = 0;
    for field in fields {
        if reply_field(ctx, spot, field) {
            ctx.keys.edit_at::<Hash>(spot)?.remove(field);
            deleted += 1;
        } else {
            expired += ctx.keys.remove_due_fields(key, spot, [field].into_iter());
        }
    }
    if expired > 0 {
        ctx.keys.report_expired_fields(key);
    }
    if deleted > 0 {
        ctx.keys.changed(key, Event::HDEL, deleted);
        // HDEL names every field of the request, also those that were not there: a replica skips them as we did.
        let mut words: Vec<&[u8]> = vec![b"HDEL", key];
        words.extend(fields.iter());
        ctx.fx.propagate_as(ctx.keys.db, &words);
    }
    if expired + deleted > 0 {
        ctx.keys.touched(key, 0);
        settle(&mut ctx.keys, key, spot);
    }
    Ok(())
}

/// The effect of HGETEX on the deadlines of the fields it reads.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    Persist,
    Expire(i64),
}

/// HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]
/// FIELDS numfields field [field ...]
pub(crate) fn hgetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let found = ctx.keys.spot_as::<Hash>(key)?;
    let (change, fields_at) = if let Some(unit) = Moment::option(args.at(2)) {
        (
            Change::Expire(field_moment(args.at(3), unit, ctx.now, "hgetex")?),
            4,
        )
    } else if is(args.at(2), "PERSIST") {
        (Change::Persist, 3)
    } else {
        (Change::Nothing, 2)
    };
    let fields = named_fields(ctx, args, fields_at, NOT_POSITIVE)?;
    ctx.reply.array(fields.len());
    let Some(spot) = found else {
        fields.iter().for_each(|_| ctx.reply.null());
        return Ok(());
    };
    if !matches!(change, Change::Nothing) {
        ctx.keys.edit_at::<Hash>(spot)?.expect_deadlines();
    }
    let mut changed: Vec<&[u8]> = Vec::new();
    let mut expired = 0;
    for field in fields {
        if !reply_field(ctx, spot, field) {
            expired += ctx.keys.remove_due_fields(key, spot, [field].into_iter());
        } else if change_deadline(ctx, spot, field, change)? {
            changed.push(field);
        }
    }
    if expired > 0 {
        ctx.keys.report_expired_fields(key);
    }
    if !changed.is_empty() {
        report_changed(ctx, key, fields, change, &changed);
    }
    if expired + changed.len() > 0 {
        ctx.keys.touched(key, 0);
        settle(&mut ctx.keys, key, spot);
    }
    Ok(())
}

/// Does to one field what HGETEX asks for; returns whether that was anything.
fn change_deadline(
    ctx: &mut Ctx<'_>,
    spot: Spot,
    field: &[u8],
    change: Change,
) -> Result<bool, Error> {
    let horizon_ms = ctx.keys.horizon_ms();
    let deletes = matches!(change, Change::Expire(deadline) if ctx.keys.is_past(deadline));
    let mut hash = ctx.keys.edit_at::<Hash>(spot)?;
    Ok(match change {
        Change::Nothing => false,
        Change::Expire(_) if deletes => hash.remove(field),
        Change::Expire(deadline) => hash.set_deadline(field, Some(deadline)),
        Change::Persist => {
            let has_deadline = matches!(hash.deadline(field, horizon_ms), FieldDeadline::At(_));
            has_deadline && hash.set_deadline(field, None)
        }
    })
}

fn report_changed(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    fields: Args<'_>,
    change: Change,
    changed: &[&[u8]],
) {
    let db = ctx.keys.db;
    let count = fields.len().to_string();
    match change {
        Change::Nothing => {}
        Change::Persist => {
            ctx.keys.changed(key, Event::HPERSIST, changed.len());
            let mut words: Vec<&[u8]> = vec![b"HPERSIST", key, b"FIELDS", count.as_bytes()];
            words.extend(fields.iter());
            ctx.fx.propagate_as(db, &words);
        }
        Change::Expire(deadline) if ctx.keys.is_past(deadline) => {
            ctx.keys.changed(key, Event::HDEL, changed.len());
            for field in changed {
                ctx.fx.propagate_as(db, &[b"HDEL", key, field]);
            }
        }
        Change::Expire(deadline) => {
            ctx.keys.changed(key, Event::HEXPIRE, changed.len());
            // All fields of the request are named, as in Redis: those that are missing here are missing there.
            let deadline = deadline.to_string();
            let mut words: Vec<&[u8]> = vec![
                b"HPEXPIREAT",
                key,
                deadline.as_bytes(),
                b"FIELDS",
                count.as_bytes(),
            ];
            words.extend(fields.iter());
            ctx.fx.propagate_as(db, &words);
        }
    }
}

/// The options of HSETEX.
struct SetOptions<'a> {
    only_if_none: bool,
    only_if_all: bool,
    until: FieldUntil,
    /// The place of the option word for the moment, if there is one.
    moment_at: Option<usize>,
    /// Fields and values alternate.
    pairs: Args<'a>,
}

const ONE_CONDITION: &str = "ERR Only one of FXX or FNX arguments can be specified";
const ONE_MOMENT: &str = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";

fn set_options<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<SetOptions<'a>, Error> {
    let mut options = SetOptions {
        only_if_none: false,
        only_if_all: false,
        until: FieldUntil::Never,
        moment_at: None,
        pairs: Args::EMPTY,
    };
    let mut at = 2;
    while at < args.len() {
        let word = args.at(at);
        if is(word, "FIELDS") {
            // At least a count and one pair; only then is the count looked at.
            if args.len() - at < 4 {
                return Err(Error::arity("hsetex"));
            }
            let count = args.at(at + 1);
            let count =
                num::parse_i64(count).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
            let count = count.ok_or("ERR invalid number of fields")? as usize;
            options.pairs = args.tail(at + 2);
            if options.pairs.len() != 2 * count {
                return Err(Error::arity("hsetex"));
            }
            return Ok(options);
        }
        if is(word, "FNX") || is(word, "FXX") {
            if options.only_if_none || options.only_if_all {
                return Err(ONE_CONDITION.into());
            }
            options.only_if_none = is(word, "FNX");
            options.only_if_all = !options.only_if_none;
        } else if is(word, "KEEPTTL") {
            if options.until != FieldUntil::Never {
                return Err(ONE_MOMENT.into());
            }
            options.until = FieldUntil::Kept;
        } else if let Some(unit) = Moment::option(word) {
            if options.until != FieldUntil::Never {
                return Err(ONE_MOMENT.into());
            }
            let value = args.get(at + 1).ok_or_else(|| Error::arity("hsetex"))?;
            options.until = FieldUntil::At(field_moment(value, unit, ctx.now, "hsetex")?);
            options.moment_at = Some(at);
            at += 1;
        } else {
            return Err(Error::quoting("ERR unknown argument: ", word, ""));
        }
        at += 1;
    }
    Err(Error::arity("hsetex"))
}

/// HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds |
/// KEEPTTL] FIELDS numfields field value [field value ...]
pub(crate) fn hsetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let options = set_options(ctx, args)?;
    let found = ctx.keys.spot_as::<Hash>(key)?;
    if !condition_holds(ctx, key, found, &options)? {
        ctx.reply.integer(0);
        return Ok(());
    }
    let fields = options.pairs.iter().step_by(2);
    if options.until == FieldUntil::Kept
        && let Some(spot) = ctx.keys.spot_as::<Hash>(key)?
    {
        // KEEPTTL keeps the deadlines of live fields; one that is due must not lend its deadline to the new value.
        ctx.keys.clear_named_fields(key, spot, fields.clone());
    }
    let limits = limits::hash(ctx);
    let spot = hash_or_new(ctx, key)?;
    // The fields are set first and announced, even if the moment is past and they go at once, as in Redis.
    let mut hash = ctx.keys.edit_at::<Hash>(spot)?;
    let count = options.pairs.len() / 2;
    let deadline = if let FieldUntil::At(deadline) = options.until {
        Some(deadline)
    } else {
        None
    };
    if deadline.is_some() {
        hash.expect_deadlines();
    }
    set_pairs(&mut hash, options.pairs, options.until, &limits);
    drop(hash);
    ctx.keys.changed(key, Event::HSET, count);
    if let Some(deadline) = deadline {
        let db = ctx.keys.db;
        if ctx.keys.is_past(deadline) {
            let mut hash = ctx.keys.edit_at::<Hash>(spot)?;
            for field in fields {
                // A replica gets the deletions alone and never sees the values.
                if hash.remove(field) {
                    ctx.fx.propagate_as(db, &[b"HDEL", key, field]);
                }
            }
            drop(hash);
            ctx.keys.event(key, Event::HDEL);
        } else {
            ctx.keys.event(key, Event::HEXPIRE);
            propagate_with_moment(ctx, args, &options, deadline);
        }
    }
    settle(&mut ctx.keys, key, spot);
    ctx.reply.integer(1);
    Ok(())
}

/// Whether FNX or FXX allow the fields to be set. Fields are looked at until one decides, and those that turn out to be
/// due are removed on the way; a hash that is empty then stays if it is about to get fields.
fn condition_holds(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    found: Option<Spot>,
    options: &SetOptions<'_>,
) -> Result<bool, Error> {
    if !options.only_if_none && !options.only_if_all {
        return Ok(true);
    }
    let Some(spot) = found else {
        return Ok(options.only_if_none);
    };
    let fields = options.pairs.iter().step_by(2);
    let horizon_ms = ctx.keys.horizon_ms();
    let hash = ctx.keys.at::<Hash>(spot)?;
    let deciding = fields
        .clone()
        .position(|field| hash.contains(field, horizon_ms) != options.only_if_all);
    let looked_at = deciding.map_or(fields.len(), |at| at + 1);
    let expired = ctx
        .keys
        .remove_due_fields(key, spot, fields.take(looked_at));
    if expired > 0 {
        ctx.keys.report_expired_fields(key);
        ctx.keys.touched(key, 0);
        if deciding.is_some() {
            settle(&mut ctx.keys, key, spot);
        }
    }
    Ok(deciding.is_none())
}

/// The command as received, with the moment as a unix time.
fn propagate_with_moment(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    options: &SetOptions<'_>,
    deadline: i64,
) {
    let deadline = deadline.to_string();
    let mut words: Vec<&[u8]> = args.iter().collect();
    if let Some(at) = options.moment_at {
        words[at] = b"PXAT";
        words[at + 1] = deadline.as_bytes();
    }
    ctx.fx.propagate_as(ctx.keys.db, &words);
}
