//! Deadlines of fields: HEXPIRE and its relatives give them, HTTL and its relatives tell them, HPERSIST takes them.
//!
//! Each replies one number per field: -2 for a field that is not there, and so on, so that one missing field does
//! not spoil the rest.

use crate::base::num;
use crate::engine::clock::Now;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::types::hash::{FieldDeadline, Hash};
use crate::wire::args::Args;

use super::super::options::{Moment, integer, is};
use super::{read_hash, settle};

/// The latest moment a field's deadline may be, in unix milliseconds. Redis keeps two bits of its 48 for itself.
const DEADLINE_MAX: i64 = (1 << 46) - 1;

const FIELDS_MISPLACED: &str =
    "ERR Mandatory argument FIELDS is missing or not at the right position";
const FIELDS_MISCOUNTED: &str = "ERR The `numfields` parameter must match the number of arguments";

/// The reply for a field that is not there.
const NO_FIELD: i64 = -2;

/// FIELDS numfields field [field ...], the last arguments of a request, which start at `at`. `not_positive` is said of
/// a number of fields that is none.
pub(crate) fn named_fields<'a>(
    ctx: &Ctx<'_>,
    args: Args<'a>,
    at: usize,
    not_positive: &'static str,
) -> Result<Args<'a>, Error> {
    let count = args
        .get(at + 1)
        .ok_or_else(|| Error::arity(ctx.command.name()))?;
    if !is(args.at(at), "FIELDS") {
        return Err(FIELDS_MISPLACED.into());
    }
    let fields = args.tail(at + 2);
    match num::parse_i64(count) {
        Some(count) if count >= 1 => {
            if count == fields.len() as i64 {
                Ok(fields)
            } else {
                Err(FIELDS_MISCOUNTED.into())
            }
        }
        _ => Err(not_positive.into()),
    }
}

/// How most commands say that a number of fields is none.
pub(crate) const NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";

/// A moment for a field's deadline, in unix milliseconds.
pub(crate) fn field_moment(
    text: &[u8],
    unit: Moment,
    now: Now,
    command: &str,
) -> Result<i64, Error> {
    let value = integer(text)?;
    if value < 0 {
        return Err("ERR invalid expire time, must be >= 0".into());
    }
    let moment = unit
        .unix_ms(value, now)
        .filter(|moment| *moment <= DEADLINE_MAX);
    moment.ok_or_else(|| Error::invalid_expire(command))
}

/// When a field's new deadline is taken, compared with the old one.
#[derive(Clone, Copy)]
enum Condition {
    None,
    OnlyIfNone,
    OnlyIfSome,
    OnlyIfLater,
    OnlyIfSooner,
}

impl Condition {
    fn parse(word: &[u8]) -> Self {
        if is(word, "NX") {
            Self::OnlyIfNone
        } else if is(word, "XX") {
            Self::OnlyIfSome
        } else if is(word, "GT") {
            Self::OnlyIfLater
        } else if is(word, "LT") {
            Self::OnlyIfSooner
        } else {
            Self::None
        }
    }

    /// A field without a deadline lives longer than any other.
    fn holds(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Self::None => true,
            Self::OnlyIfNone => old.is_none(),
            Self::OnlyIfSome => old.is_some(),
            Self::OnlyIfLater => old.is_some_and(|old| new > old),
            Self::OnlyIfSooner => old.is_none_or(|old| new < old),
        }
    }
}

/// HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub(crate) fn hexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::Seconds)
}

/// HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub(crate) fn hpexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::Milliseconds)
}

/// HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub(crate) fn hexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::UnixSeconds)
}

/// HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
pub(crate) fn hpexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::UnixMilliseconds)
}

fn expire_by(ctx: &mut Ctx<'_>, args: Args<'_>, unit: Moment) -> Outcome {
    let key = args.at(1);
    let found = ctx.keys.spot_as::<Hash>(key)?;
    let deadline = field_moment(args.at(2), unit, ctx.now, ctx.command.name())?;
    let condition = Condition::parse(args.at(3));
    let has_condition = !matches!(condition, Condition::None);
    let fields_at = if has_condition { 4 } else { 3 };
    let fields = named_fields(
        ctx,
        args,
        fields_at,
        "ERR Parameter `numFields` should be greater than 0",
    )?;
    ctx.reply.array(fields.len());
    let Some(spot) = found else {
        fields.iter().for_each(|_| ctx.reply.integer(NO_FIELD));
        return Ok(());
    };
    let is_past = ctx.keys.is_past(deadline);
    let horizon_ms = ctx.keys.horizon_ms();
    let mut hash = ctx.keys.edit_at::<Hash>(spot)?;
    hash.expect_deadlines();
    let mut affected: Vec<&[u8]> = Vec::new();
    for field in fields {
        let old = match hash.deadline(field, horizon_ms) {
            FieldDeadline::NoField => {
                ctx.reply.integer(NO_FIELD);
                continue;
            }
            FieldDeadline::Never => None,
            FieldDeadline::At(old) => Some(old),
        };
        if !condition.holds(old, deadline) {
            ctx.reply.integer(0);
            continue;
        }
        if is_past {
            // A moment in the past deletes the field: that is answered with 2, and propagated as HDEL.
            hash.remove(field);
        } else {
            hash.set_deadline(field, Some(deadline));
        }
        affected.push(field);
        ctx.reply.integer(if is_past { 2 } else { 1 });
    }
    drop(hash);
    if affected.is_empty() {
        return Ok(());
    }
    let db = ctx.keys.db;
    if is_past {
        ctx.keys.changed(key, Event::HDEL, affected.len());
        for field in affected {
            ctx.fx.propagate_as(db, &[b"HDEL", key, field]);
        }
    } else {
        ctx.keys.changed(key, Event::HEXPIRE, affected.len());
        let (deadline, count) = (deadline.to_string(), affected.len().to_string());
        let mut words: Vec<&[u8]> = vec![b"HPEXPIREAT", key, deadline.as_bytes()];
        if has_condition {
            // The condition goes along although it held here, as Redis sends it: a replica compares once more.
            words.push(args.at(3));
        }
        words.extend([b"FIELDS", count.as_bytes()]);
        words.extend(affected);
        ctx.fx.propagate_as(db, &words);
    }
    settle(&mut ctx.keys, key, spot);
    Ok(())
}

/// HTTL key FIELDS numfields field [field ...]
pub(crate) fn httl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let now_ms = ctx.now.unix_ms;
    reply_deadlines(ctx, args, |deadline| to_seconds(deadline - now_ms))
}

/// HPTTL key FIELDS numfields field [field ...]
pub(crate) fn hpttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let now_ms = ctx.now.unix_ms;
    reply_deadlines(ctx, args, |deadline| deadline - now_ms)
}

/// HEXPIRETIME key FIELDS numfields field [field ...]
pub(crate) fn hexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_deadlines(ctx, args, to_seconds)
}

/// HPEXPIRETIME key FIELDS numfields field [field ...]
pub(crate) fn hpexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_deadlines(ctx, args, |deadline| deadline)
}

/// Seconds are rounded up, other than those of keys.
fn to_seconds(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

fn reply_deadlines(ctx: &mut Ctx<'_>, args: Args<'_>, show: impl Fn(i64) -> i64) -> Outcome {
    let found = read_hash(ctx, args.at(1))?;
    let fields = named_fields(ctx, args, 2, NOT_POSITIVE)?;
    ctx.reply.array(fields.len());
    let Some(spot) = found else {
        fields.iter().for_each(|_| ctx.reply.integer(NO_FIELD));
        return Ok(());
    };
    let horizon_ms = ctx.keys.horizon_ms();
    let hash = ctx.keys.at::<Hash>(spot)?;
    for field in fields {
        let answer = match hash.deadline(field, horizon_ms) {
            FieldDeadline::NoField => NO_FIELD,
            FieldDeadline::Never => -1,
            FieldDeadline::At(deadline) => show(deadline),
        };
        ctx.reply.integer(answer);
    }
    Ok(())
}

/// HPERSIST key FIELDS numfields field [field ...]
pub(crate) fn hpersist(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let found = ctx.keys.spot_as::<Hash>(key)?;
    let fields = named_fields(ctx, args, 2, NOT_POSITIVE)?;
    ctx.reply.array(fields.len());
    let Some(spot) = found else {
        fields.iter().for_each(|_| ctx.reply.integer(NO_FIELD));
        return Ok(());
    };
    let horizon_ms = ctx.keys.horizon_ms();
    let mut hash = ctx.keys.edit_at::<Hash>(spot)?;
    let mut persisted = 0;
    for field in fields {
        let answer = match hash.deadline(field, horizon_ms) {
            FieldDeadline::NoField => NO_FIELD,
            // A field without a deadline answers -1, where PERSIST answers 0 for a key without one.
            FieldDeadline::Never => -1,
            FieldDeadline::At(_) => {
                hash.set_deadline(field, None);
                persisted += 1;
                1
            }
        };
        ctx.reply.integer(answer);
    }
    drop(hash);
    if persisted > 0 {
        ctx.keys.arm_fields(spot);
        ctx.keys.changed(key, Event::HPERSIST, persisted);
    }
    Ok(())
}
