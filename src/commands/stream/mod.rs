//! Streams: adding entries, looking at them, and the numbers of a stream as a whole.
//!
//! Adding and trimming share their options and are in `add`; looking at a range is in `range`, reading what is new,
//! with or without a group and with or without waiting for it, in `read`. Consumer groups are made and unmade in
//! `group`; `pending` tells what they were given and `claim` gives it to others; `info` shows everything at once.
//!
//! A stream stays when its last entry goes: it remembers the last ID, and its groups. Watchers of the key see only
//! entries that come and go as a change, not the deeds of groups.
//!
//! Outcomes that depend on the clock are propagated as they came out: an ID that the server chose as that ID, a rough
//! trim as how much it left, a delivery to a consumer as the claim of each entry.

mod add;
mod claim;
mod group;
mod info;
mod pending;
mod range;
mod read;

use crate::base::num;
use crate::base::text::up_to_nul;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Effects;
use crate::keyspace::Event;
use crate::spec::error::Error;
use crate::spec::stream as spec;
use crate::types::stream::{Entry, Group, ID_TEXT_BYTES, RangeEnd, RangeError, Stream, StreamId};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::help::help;
use super::items::reply_item;
use super::options::{integer, is};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::XACK, group::xack),
    Row::new(&spec::XADD, add::xadd),
    Row::new(&spec::XAUTOCLAIM, claim::xautoclaim),
    Row::new(&spec::XCLAIM, claim::xclaim),
    Row::new(&spec::XDEL, xdel),
    Row::container(&spec::XGROUP, XGROUP_ROWS),
    Row::container(&spec::XINFO, XINFO_ROWS),
    Row::new(&spec::XLEN, xlen),
    Row::new(&spec::XPENDING, pending::xpending),
    Row::new(&spec::XRANGE, range::xrange),
    Row::new(&spec::XREAD, read::xread),
    Row::new(&spec::XREADGROUP, read::xreadgroup),
    Row::new(&spec::XREVRANGE, range::xrevrange),
    Row::new(&spec::XSETID, xsetid),
    Row::new(&spec::XTRIM, add::xtrim),
];

const XGROUP_ROWS: &[Row] = &[
    Row::new(&spec::XGROUP_CREATE, group::xgroup_create),
    Row::new(&spec::XGROUP_CREATECONSUMER, group::xgroup_createconsumer),
    Row::new(&spec::XGROUP_DELCONSUMER, group::xgroup_delconsumer),
    Row::new(&spec::XGROUP_DESTROY, group::xgroup_destroy),
    Row::new(&spec::XGROUP_HELP, help),
    Row::new(&spec::XGROUP_SETID, group::xgroup_setid),
];

const XINFO_ROWS: &[Row] = &[
    Row::new(&spec::XINFO_CONSUMERS, info::xinfo_consumers),
    Row::new(&spec::XINFO_GROUPS, info::xinfo_groups),
    Row::new(&spec::XINFO_HELP, help),
    Row::new(&spec::XINFO_STREAM, info::xinfo_stream),
];

// ---- words shared by the family

/// A complete ID, or one whose sequence is 0.
fn id(text: &[u8]) -> Result<StreamId, Error> {
    StreamId::parse(text, 0).ok_or(Error::InvalidStreamId)
}

/// One end of a range, made inclusive.
fn range_end(text: &[u8], end: RangeEnd) -> Result<StreamId, Error> {
    StreamId::parse_range_end(text, end).map_err(|error| match (error, end) {
        (RangeError::Invalid, _) => Error::InvalidStreamId,
        (RangeError::Beyond, RangeEnd::Start) => {
            Error::from("ERR invalid start ID for the interval")
        }
        (RangeError::Beyond, RangeEnd::Stop) => Error::from("ERR invalid end ID for the interval"),
    })
}

/// Neither the key nor the group needs to be there for this to be said.
fn no_group(key: &[u8], group: &[u8], where_asked: &str) -> Error {
    let (key, group) = (up_to_nul(key), up_to_nul(group));
    Error::from(
        [
            b"NOGROUP No such key '",
            key,
            b"' or consumer group '",
            group,
            b"'",
            where_asked.as_bytes(),
        ]
        .concat(),
    )
}

/// The key is there and has no such group.
fn no_group_of(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (up_to_nul(key), up_to_nul(group));
    Error::from(
        [
            b"NOGROUP No such consumer group '",
            group,
            b"' for key name '",
            key,
            b"'",
        ]
        .concat(),
    )
}

#[inline]
fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(id.format(&mut [0; ID_TEXT_BYTES]));
}

/// An entry: its ID, and names and values in turn.
#[inline]
fn reply_entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(entry.len() * 2);
    for (name, value) in entry.fields() {
        reply_item(reply, name);
        reply_item(reply, value);
    }
}

/// Up to `count` entries as one array.
#[inline]
fn reply_entries<'a>(
    reply: &mut Reply<'_>,
    entries: impl Iterator<Item = Entry<'a>>,
    count: usize,
) {
    let mark = reply.deferred();
    let mut shown = 0;
    for entry in entries.take(count) {
        reply_entry(reply, &entry);
        shown += 1;
    }
    reply.finish_array(mark, shown);
}

// ---- how the deeds of groups are propagated

/// The delivery of one entry as a replica can repeat it: `text` is the entry's ID.
fn propagate_claim(
    fx: &mut Effects,
    db: u16,
    key: &[u8],
    (name, group): (&[u8], &Group),
    id: StreamId,
    text: &[u8],
) {
    let Some(pending) = group.pending(id).filter(|_| fx.listening) else {
        return;
    };
    let consumer = group.consumer(pending.consumer).name();
    let (mut time, mut count, mut last) = ([0; 20], [0; 20], [0; ID_TEXT_BYTES]);
    fx.propagate_as(
        db,
        &[
            b"XCLAIM",
            key,
            name,
            consumer,
            b"0",
            text,
            b"TIME",
            num::format_i64(pending.delivered_ms, &mut time),
            b"RETRYCOUNT",
            num::format_u64(pending.deliveries, &mut count),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            group.last_id.format(&mut last),
        ],
    );
}

/// How far a group has read.
fn propagate_group_id(fx: &mut Effects, db: u16, key: &[u8], (name, group): (&[u8], &Group)) {
    if !fx.listening {
        return;
    }
    let (mut id, mut count) = ([0; ID_TEXT_BYTES], [0; 20]);
    let read = group.entries_read.map_or(-1, |count| count as i64);
    fx.propagate_as(
        db,
        &[
            b"XGROUP",
            b"SETID",
            key,
            name,
            group.last_id.format(&mut id),
            b"ENTRIESREAD",
            num::format_i64(read, &mut count),
        ],
    );
}

// ---- the stream as a whole

/// XLEN key
fn xlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let len = ctx
        .keys
        .read_object::<Stream>(args.at(1))?
        .map_or(0, Stream::len);
    ctx.reply.count(len);
    Ok(())
}

/// XDEL key id [id ...]
fn xdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(stream) = ctx.keys.write_object::<Stream>(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // All or nothing: one that is no ID spares those before it.
    for text in args.from(2) {
        id(text)?;
    }
    let deleted = args
        .from(2)
        .filter(|text| id(text).is_ok_and(|id| stream.log.delete(id)))
        .count();
    if deleted > 0 {
        ctx.keys.changed(key, Event::XDEL, deleted);
    }
    ctx.reply.count(deleted);
    Ok(())
}

/// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
fn xsetid(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let last_id = id(args.at(2))?;
    let mut entries_added = None;
    let mut max_deleted_id = StreamId::MIN;
    let mut words = args.from(3);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(Error::Syntax)?;
        if is(word, "ENTRIESADDED") {
            let count = integer(value)?;
            if count < 0 {
                return Err(Error::from("ERR entries_added must be positive"));
            }
            entries_added = Some(count as u64);
        } else if is(word, "MAXDELETEDID") {
            max_deleted_id = id(value)?;
            if last_id < max_deleted_id {
                return Err(Error::from(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(Error::Syntax);
        }
    }
    let key = args.at(1);
    let Stream { log, .. } = ctx
        .keys
        .write_object::<Stream>(key)?
        .ok_or(Error::NoSuchKey)?;
    if last_id < log.counters().max_deleted_id {
        return Err(Error::from(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if let Some(newest) = log.last_entry().map(|entry| entry.id) {
        if last_id < newest {
            return Err(Error::from(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if entries_added.is_some_and(|count| count < log.len()) {
            return Err(Error::from(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    log.set_last_id(last_id);
    if let Some(count) = entries_added {
        log.set_entries_added(count);
    }
    if max_deleted_id != StreamId::MIN {
        log.set_max_deleted_id(max_deleted_id);
    }
    ctx.keys.noted(key, Event::XSETID, 1);
    ctx.reply.ok();
    Ok(())
}
