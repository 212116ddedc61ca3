//! XCLAIM and XAUTOCLAIM: entries that one consumer was given and did not finish go to another.
//!
//! A claim also clears up: a pending entry that is no longer in the stream becomes pending for nobody. Each change is
//! propagated as the XCLAIM that makes a replica's group the same, independent of its clock.

use crate::base::num;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Spot;
use crate::spec::error::Error;
use crate::types::stream::{Claim, Deliveries, ID_TEXT_BYTES, RangeEnd, Stream, StreamId};
use crate::wire::args::Args;

use super::super::options::{integer_within, is};
use super::read::join;
use super::{id, no_group, propagate_claim, propagate_group_id, range_end, reply_entry, reply_id};

/// Where the stream is, which must have the group. `spot` is where its key is.
fn stream_with(ctx: &Ctx<'_>, args: Args<'_>, spot: Option<Spot>) -> Result<Spot, Error> {
    let (key, name) = (args.at(1), args.at(2));
    let stream = spot
        .map(|spot| ctx.keys.object_at::<Stream>(spot))
        .transpose()?;
    spot.filter(|_| stream.is_some_and(|stream| stream.groups.contains_key(name)))
        .ok_or_else(|| no_group(key, name, ""))
}

fn number(text: &[u8], refusal: &'static str) -> Result<i64, Error> {
    num::parse_i64(text).ok_or_else(|| Error::from(refusal))
}

/// The words behind the IDs of XCLAIM.
struct Options {
    claim: Claim,
    is_brief: bool,
    last_id: StreamId,
}

impl Options {
    fn parse(words: Args<'_>, idle_min_ms: i64, now_ms: i64) -> Result<Self, Error> {
        let mut options = Self {
            claim: Claim {
                idle_min_ms,
                now_ms,
                delivered_ms: now_ms,
                deliveries: Deliveries::Incremented,
                force: false,
            },
            is_brief: false,
            last_id: StreamId::MIN,
        };
        let (mut delivered_ms, mut deliveries) = (None, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if is(word, "FORCE") {
                options.claim.force = true;
                continue;
            }
            if is(word, "JUSTID") {
                options.is_brief = true;
                continue;
            }
            match words.next() {
                Some(value) if is(word, "IDLE") => {
                    let idle = number(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                    delivered_ms = Some(now_ms.wrapping_sub(idle));
                }
                Some(value) if is(word, "TIME") => {
                    delivered_ms = Some(number(
                        value,
                        "ERR Invalid TIME option argument for XCLAIM",
                    )?);
                }
                Some(value) if is(word, "RETRYCOUNT") => {
                    let count = number(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                    deliveries = u64::try_from(count).ok();
                }
                Some(value) if is(word, "LASTID") => options.last_id = id(value)?,
                _ => {
                    return Err(Error::quoting(
                        "ERR Unrecognized XCLAIM option '",
                        word,
                        "'",
                    ));
                }
            }
        }
        // A moment that cannot be is not refused: clients do sums with clocks that are not ours.
        options.claim.delivered_ms = delivered_ms
            .filter(|moment| (0..=now_ms).contains(moment))
            .unwrap_or(now_ms);
        options.claim.deliveries = match deliveries {
            Some(count) => Deliveries::Set(count),
            // JUSTID looks at IDs without reading entries, so it does not count as a delivery.
            None if options.is_brief => Deliveries::Kept,
            None => Deliveries::Incremented,
        };
        Ok(options)
    }
}

/// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count]
/// [FORCE] [JUSTID] [LASTID lastid]
pub(crate) fn xclaim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let spot = ctx.keys.read(args.at(1));
    let spot = stream_with(ctx, args, spot)?;
    let idle_min_ms = number(args.at(4), "ERR Invalid min-idle-time argument for XCLAIM")?;
    let id_count = args.from(5).take_while(|text| id(text).is_ok()).count();
    let options = Options::parse(args.tail(5 + id_count), idle_min_ms, ctx.now.unix_ms)?;

    let (key, name, db) = (args.at(1), args.at(2), ctx.keys.db);
    let me = join(ctx, key, spot, name, args.at(3), false)?;
    let Stream { log, groups } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let group = groups.get_mut(name).expect("it was there just now");
    group.consumer_mut(me).seen_ms = ctx.now.unix_ms;
    let mut tells_last_id = options.last_id > group.last_id;
    if tells_last_id {
        group.last_id = options.last_id;
    }
    let (mark, mut shown, mut changes) = (ctx.reply.deferred(), 0, 0);
    for text in args.from(5).take(id_count) {
        let id = id(text)?;
        let Some(entry) = log.entry(id) else {
            if group.pending(id).is_some() {
                propagate_claim(ctx.fx, db, key, (name, group), id, text);
                group.acknowledge(id);
                tells_last_id = false;
                changes += 1;
            }
            continue;
        };
        if !group.claim(id, me, &options.claim) {
            continue;
        }
        if options.is_brief {
            reply_id(&mut ctx.reply, id);
        } else {
            reply_entry(&mut ctx.reply, &entry);
        }
        propagate_claim(ctx.fx, db, key, (name, group), id, text);
        // The claim says it too.
        tells_last_id = false;
        shown += 1;
        changes += 1;
    }
    if tells_last_id {
        propagate_group_id(ctx.fx, db, key, (name, group));
        changes += 1;
    }
    ctx.reply.finish_array(mark, shown);
    ctx.keys.space.journal.dirty += changes;
    Ok(())
}

/// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
pub(crate) fn xautoclaim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // Looked at before anything is refused, as real servers count it.
    let spot = ctx.keys.read(args.at(1));
    let idle_min_ms = number(
        args.at(4),
        "ERR Invalid min-idle-time argument for XAUTOCLAIM",
    )?;
    let start = range_end(args.at(5), RangeEnd::Start)?;
    let (mut count, mut is_brief) = (100, false);
    let mut words = args.from(6);
    while let Some(word) = words.next() {
        if is(word, "JUSTID") {
            is_brief = true;
            continue;
        }
        match words.next() {
            Some(value) if is(word, "COUNT") => {
                count = integer_within(value, 1, COUNT_MAX, "ERR COUNT must be > 0")? as usize;
            }
            _ => return Err(Error::Syntax),
        }
    }
    let spot = stream_with(ctx, args, spot)?;

    let (key, name, db) = (args.at(1), args.at(2), ctx.keys.db);
    let me = join(ctx, key, spot, name, args.at(3), false)?;
    let Stream { log, groups } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let group = groups.get_mut(name).expect("it was there just now");
    let now_ms = ctx.now.unix_ms;
    group.consumer_mut(me).seen_ms = now_ms;
    let claim = Claim {
        idle_min_ms,
        now_ms,
        delivered_ms: now_ms,
        deliveries: if is_brief {
            Deliveries::Kept
        } else {
            Deliveries::Incremented
        },
        force: false,
    };
    let (reply, fx) = (&mut ctx.reply, &mut *ctx.fx);
    reply.array(3);
    let (mark, mut claimed, mut deleted) = (reply.deferred(), 0, Vec::new());
    let next = group.autoclaim(log, me, start, count, &claim, |group, id, entry| {
        match entry {
            // An entry that is gone is claimed by nobody: it leaves the pending list and is told in the third part of
            // the reply.
            None => deleted.push(id),
            Some(entry) => {
                claimed += 1;
                if is_brief {
                    reply_id(reply, id);
                } else {
                    reply_entry(reply, &entry);
                }
            }
        }
        let text = &mut [0; ID_TEXT_BYTES];
        propagate_claim(fx, db, key, (name, group), id, id.format(text));
    });
    // In front of the entries stands where to go on, which is known only now.
    reply.finish_array(mark, claimed);
    reply.finish_bulk(mark, next.format(&mut [0; ID_TEXT_BYTES]));
    reply.array(deleted.len());
    for id in &deleted {
        reply_id(reply, *id);
    }
    ctx.keys.space.journal.dirty += (claimed + deleted.len()) as u64;
    Ok(())
}

/// So that ten times as many, and their IDs, can still be counted in bytes.
const COUNT_MAX: i64 = i64::MAX / 16;
