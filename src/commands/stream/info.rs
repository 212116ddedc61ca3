//! XINFO: a stream, its groups and their consumers, for people and for monitoring.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::types::stream::{Entry, Group, Stream, StreamId};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::options::{integer, is};
use super::{no_group_of, reply_entries, reply_entry, reply_id};

/// XINFO STREAM key [FULL [COUNT count]]
pub(crate) fn xinfo_stream(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let stream = ctx
        .keys
        .read_object::<Stream>(args.at(2))?
        .ok_or(Error::NoSuchKey)?;
    let options = args.tail(3);
    let is_full = match options.len() {
        1 => is(options.at(0), "FULL"),
        3 => is(options.at(0), "FULL") && is(options.at(1), "COUNT"),
        _ => false,
    };
    if !is_full && !options.is_empty() {
        return Err(Error::subcommand_syntax("xinfo", args.at(1)));
    }
    let count = match options.get(2) {
        None => FULL_COUNT,
        Some(text) => usize::try_from(integer(text)?).unwrap_or(FULL_COUNT),
    };
    let count = if count == 0 { usize::MAX } else { count };

    let reply = &mut ctx.reply;
    let (log, counters) = (&stream.log, stream.log.counters());
    reply.map(if is_full { 9 } else { 10 });
    reply.bulk(b"length");
    reply.integer(counters.len as i64);
    reply.bulk(b"radix-tree-keys");
    reply.count(log.block_count());
    reply.bulk(b"radix-tree-nodes");
    reply.count(log.radix_nodes());
    reply.bulk(b"last-generated-id");
    reply_id(reply, counters.last_id);
    reply.bulk(b"max-deleted-entry-id");
    reply_id(reply, counters.max_deleted_id);
    reply.bulk(b"entries-added");
    reply.integer(counters.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id");
    reply_id(reply, counters.first_id);
    if is_full {
        reply.bulk(b"entries");
        reply_entries(reply, log.range(StreamId::MIN, StreamId::MAX), count);
        reply.bulk(b"groups");
        reply.array(stream.groups.len());
        for (name, group) in &stream.groups {
            reply_group_in_full(reply, stream, (name, group), count);
        }
    } else {
        reply.bulk(b"groups");
        reply.count(stream.groups.len());
        reply.bulk(b"first-entry");
        reply_entry_or_null(reply, log.first_entry());
        reply.bulk(b"last-entry");
        reply_entry_or_null(reply, log.last_entry());
    }
    Ok(())
}

fn reply_entry_or_null(reply: &mut Reply<'_>, entry: Option<Entry<'_>>) {
    match entry {
        Some(entry) => reply_entry(reply, &entry),
        None => reply.null(),
    }
}

fn reply_number_or_null(reply: &mut Reply<'_>, number: Option<i64>) {
    match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    }
}

/// How far a group has read: the part that both forms say alike.
fn reply_progress(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    reply.bulk(b"last-delivered-id");
    reply_id(reply, group.last_id);
    reply.bulk(b"entries-read");
    reply_number_or_null(reply, group.entries_read.map(|count| count as i64));
    reply.bulk(b"lag");
    reply_number_or_null(reply, group.lag(stream.log.counters()));
}

fn reply_group_in_full(
    reply: &mut Reply<'_>,
    stream: &Stream,
    (name, group): (&[u8], &Group),
    count: usize,
) {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    reply_progress(reply, stream, group);
    reply.bulk(b"pel-count");
    reply.count(group.pending_count());
    reply.bulk(b"pending");
    reply.array(group.pending_count().min(count));
    for (id, pending) in group
        .pending_range(StreamId::MIN..=StreamId::MAX)
        .take(count)
    {
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.consumer(pending.consumer).name());
        reply.integer(pending.delivered_ms);
        reply.integer(pending.deliveries as i64);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumer_count());
    for (_, consumer) in group.consumers() {
        reply.map(5);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"seen-time");
        reply.integer(consumer.seen_ms);
        reply.bulk(b"active-time");
        reply.integer(consumer.active_ms.unwrap_or(-1));
        reply.bulk(b"pel-count");
        reply.count(consumer.pending_count());
        reply.bulk(b"pending");
        reply.array(consumer.pending_count().min(count));
        for id in consumer.pending_from(StreamId::MIN).take(count) {
            let pending = group.pending(id).expect("both lists have it");
            reply.array(3);
            reply_id(reply, id);
            reply.integer(pending.delivered_ms);
            reply.integer(pending.deliveries as i64);
        }
    }
}

/// XINFO GROUPS key
pub(crate) fn xinfo_groups(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let stream = ctx
        .keys
        .read_object::<Stream>(args.at(2))?
        .ok_or(Error::NoSuchKey)?;
    let reply = &mut ctx.reply;
    reply.array(stream.groups.len());
    for (name, group) in &stream.groups {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.count(group.consumer_count());
        reply.bulk(b"pending");
        reply.count(group.pending_count());
        reply_progress(reply, stream, group);
    }
    Ok(())
}

/// XINFO CONSUMERS key group
pub(crate) fn xinfo_consumers(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, name) = (args.at(2), args.at(3));
    let stream = ctx
        .keys
        .read_object::<Stream>(key)?
        .ok_or(Error::NoSuchKey)?;
    let group = stream
        .groups
        .get(name)
        .ok_or_else(|| no_group_of(key, name))?;
    let (reply, now_ms) = (&mut ctx.reply, ctx.now.unix_ms);
    reply.array(group.consumer_count());
    for (_, consumer) in group.consumers() {
        let since = |moment: i64| now_ms.saturating_sub(moment).max(0);
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"pending");
        reply.count(consumer.pending_count());
        reply.bulk(b"idle");
        reply.integer(since(consumer.seen_ms));
        reply.bulk(b"inactive");
        reply.integer(consumer.active_ms.map_or(-1, since));
    }
    Ok(())
}

/// How many entries, and how many that are pending, the full form shows unless it is told.
const FULL_COUNT: usize = 10;
