//! Deadlines of keys: EXPIRE and its relatives.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Spot};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::{Moment, integer, is};

/// EXPIRE key seconds [NX | XX | GT | LT]
pub(crate) fn expire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::Seconds)
}

/// PEXPIRE key milliseconds [NX | XX | GT | LT]
pub(crate) fn pexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::Milliseconds)
}

/// EXPIREAT key unix-time-seconds [NX | XX | GT | LT]
pub(crate) fn expireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::UnixSeconds)
}

/// PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]
pub(crate) fn pexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    expire_by(ctx, args, Moment::UnixMilliseconds)
}

/// When a new deadline is taken, compared with the old one.
#[derive(Default)]
struct Condition {
    only_if_none: bool,
    only_if_some: bool,
    only_if_later: bool,
    only_if_sooner: bool,
}

impl Condition {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut condition = Self::default();
        for arg in args.from(3) {
            if is(arg, "NX") {
                condition.only_if_none = true;
            } else if is(arg, "XX") {
                condition.only_if_some = true;
            } else if is(arg, "GT") {
                condition.only_if_later = true;
            } else if is(arg, "LT") {
                condition.only_if_sooner = true;
            } else {
                return Err(Error::quoting("ERR Unsupported option ", arg, ""));
            }
        }
        if condition.only_if_none
            && (condition.only_if_some || condition.only_if_later || condition.only_if_sooner)
        {
            return Err(
                "ERR NX and XX, GT or LT options at the same time are not compatible".into(),
            );
        }
        if condition.only_if_later && condition.only_if_sooner {
            return Err("ERR GT and LT options at the same time are not compatible".into());
        }
        Ok(condition)
    }

    /// A key without a deadline lives longer than any other.
    fn holds(&self, old: Option<i64>, new: i64) -> bool {
        match old {
            None => !self.only_if_some && !self.only_if_later,
            Some(old) => {
                !self.only_if_none
                    && (!self.only_if_later || new > old)
                    && (!self.only_if_sooner || new < old)
            }
        }
    }
}

fn expire_by(ctx: &mut Ctx<'_>, args: Args<'_>, unit: Moment) -> Outcome {
    let key = args.at(1);
    let condition = Condition::parse(args)?;
    let value = integer(args.at(2))?;
    let Some(deadline) = unit.unix_ms(value, ctx.now) else {
        return Err(Error::invalid_expire(ctx.command.name()));
    };
    let Some(spot) = ctx.keys.find_to_write(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    if !condition.holds(ctx.keys.deadline(spot), deadline) {
        ctx.reply.integer(0);
        return Ok(());
    }
    if ctx.keys.is_past(deadline) {
        end_at_once(ctx, key, spot);
    } else {
        ctx.keys.set_deadline(spot, Some(deadline));
        ctx.keys.changed(key, Event::EXPIRE, 1);
        if unit != Moment::UnixMilliseconds {
            // The conditions go along, as they do with Redis.
            let deadline = deadline.to_string();
            let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", key, deadline.as_bytes()];
            words.extend(args.from(3));
            ctx.fx.propagate_as(ctx.keys.db, &words);
        }
    }
    ctx.reply.integer(1);
    Ok(())
}

/// Removes a key that was given a deadline in the past.
pub(crate) fn end_at_once(ctx: &mut Ctx<'_>, key: &[u8], spot: Spot) {
    // EXPIRE with a past moment is a removal and is propagated as one: a replica with another clock might think
    // otherwise of the moment. It is announced as `del`, not as `expired`, since no deadline has passed.
    let lazily = ctx.keys.space.lazy.expire;
    ctx.keys.remove_at(spot, lazily);
    ctx.keys.changed(key, Event::DEL, 1);
    ctx.fx.propagate_removal(ctx.keys.db, key, lazily);
}

/// PERSIST key
pub(crate) fn persist(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let has_deadline = match ctx.keys.find_to_write(key) {
        Some(spot) if ctx.keys.deadline(spot).is_some() => {
            ctx.keys.set_deadline(spot, None);
            ctx.keys.changed(key, Event::PERSIST, 1);
            true
        }
        _ => false,
    };
    ctx.reply.integer(i64::from(has_deadline));
    Ok(())
}

/// TTL key
pub(crate) fn ttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let now_ms = ctx.now.unix_ms;
    reply_deadline(ctx, args, |deadline| to_seconds((deadline - now_ms).max(0)))
}

/// PTTL key
pub(crate) fn pttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let now_ms = ctx.now.unix_ms;
    reply_deadline(ctx, args, |deadline| (deadline - now_ms).max(0))
}

/// EXPIRETIME key
pub(crate) fn expiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_deadline(ctx, args, to_seconds)
}

/// PEXPIRETIME key
pub(crate) fn pexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    reply_deadline(ctx, args, |deadline| deadline)
}

/// Seconds are rounded to the nearest: 1,500 ms are a TTL of 2.
fn to_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

fn reply_deadline(ctx: &mut Ctx<'_>, args: Args<'_>, show: impl FnOnce(i64) -> i64) -> Outcome {
    // A question about the deadline is no use of the key, so its idle time goes on.
    let answer = match ctx.keys.read_quietly(args.at(1)) {
        None => -2,
        Some(spot) => ctx.keys.deadline(spot).map_or(-1, show),
    };
    ctx.reply.integer(answer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_with_the_old_deadline() {
        let later = Condition {
            only_if_later: true,
            ..Condition::default()
        };
        assert!(!later.holds(None, 5) && later.holds(Some(4), 5) && !later.holds(Some(5), 5));
        let sooner = Condition {
            only_if_sooner: true,
            ..Condition::default()
        };
        assert!(sooner.holds(None, 5) && !sooner.holds(Some(5), 5) && sooner.holds(Some(6), 5));
        let none = Condition {
            only_if_none: true,
            ..Condition::default()
        };
        assert!(none.holds(None, 5) && !none.holds(Some(9), 5));
    }
}
