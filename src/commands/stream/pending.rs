//! XPENDING: the entries that a group was given and has not acknowledged, as a summary or one by one.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::types::stream::{Group, Pending, RangeEnd, Stream, StreamId};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::options::{integer, is};
use super::{no_group, range_end, reply_id};

/// The filters of the long form.
struct Wanted<'a> {
    idle_min_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        if !(6..=9).contains(&args.len()) {
            return Err(Error::Syntax);
        }
        let (mut idle_min_ms, mut at) = (0, 3);
        if is(args.at(3), "IDLE") {
            idle_min_ms = integer(args.at(4))?;
            if args.len() < 8 {
                return Err(Error::Syntax);
            }
            at = 5;
        }
        let count = integer(args.at(at + 2))?.max(0) as usize;
        Ok(Self {
            idle_min_ms,
            start: range_end(args.at(at), RangeEnd::Start)?,
            end: range_end(args.at(at + 1), RangeEnd::Stop)?,
            count,
            consumer: args.get(at + 3),
        })
    }
}

/// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
pub(crate) fn xpending(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let wanted = match args.len() {
        3 => None,
        _ => Some(Wanted::parse(args)?),
    };
    let (key, name) = (args.at(1), args.at(2));
    let stream = ctx.keys.read_object::<Stream>(key)?;
    let group = stream
        .and_then(|stream| stream.groups.get(name))
        .ok_or_else(|| no_group(key, name, ""))?;
    match wanted {
        None => reply_summary(&mut ctx.reply, group),
        Some(wanted) => reply_list(&mut ctx.reply, group, &wanted, ctx.now.unix_ms),
    }
    Ok(())
}

/// How many are pending, from which ID to which, and how many for each consumer that has any.
fn reply_summary(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.count(group.pending_count());
    let mut all = group.pending_range(StreamId::MIN..=StreamId::MAX);
    let Some((first, _)) = all.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, all.next_back().map_or(first, |(last, _)| last));
    let busy = || {
        group
            .consumers()
            .map(|(_, consumer)| consumer)
            .filter(|consumer| consumer.pending_count() > 0)
    };
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_i64(consumer.pending_count() as i64);
    }
}

fn reply_list(reply: &mut Reply<'_>, group: &Group, wanted: &Wanted<'_>, now_ms: i64) {
    let consumer = match wanted.consumer {
        None => None,
        Some(name) => {
            let Some(id) = group.consumer_id(name) else {
                reply.array(0);
                return;
            };
            Some(group.consumer(id))
        }
    };
    let (mark, mut shown) = (reply.deferred(), 0);
    // True while more are wanted.
    let mut show = |id: StreamId, pending: &Pending| {
        let idle_ms = now_ms.saturating_sub(pending.delivered_ms);
        if wanted.idle_min_ms != 0 && idle_ms < wanted.idle_min_ms {
            return true;
        }
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.consumer(pending.consumer).name());
        reply.integer(idle_ms.max(0));
        reply.integer(pending.deliveries as i64);
        shown += 1;
        shown < wanted.count
    };
    if wanted.count > 0 {
        match consumer {
            None => {
                let mut range = group.pending_range(wanted.start..=wanted.end);
                while range.next().is_some_and(|(id, pending)| show(id, pending)) {}
            }
            Some(consumer) => {
                let range = consumer.pending_from(wanted.start);
                let mut range = range.take_while(|id| *id <= wanted.end);
                while range
                    .next()
                    .and_then(|id| Some((id, group.pending(id)?)))
                    .is_some_and(|(id, pending)| show(id, pending))
                {}
            }
        }
    }
    reply.finish_array(mark, shown);
}
