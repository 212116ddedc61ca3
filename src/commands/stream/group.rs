//! XGROUP and XACK: consumer groups, their consumers, and the entries those have done with.
//!
//! A group is no part of what watches of its key look at, so its changes are only counted and announced. Its end wakes
//! the sessions that wait for its entries: they would wait for ever.

use crate::base::text::up_to_nul;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, New, Site, Spot};
use crate::spec::error::Error;
use crate::types::Value;
use crate::types::stream::{Group, Stream, StreamId};
use crate::wire::args::Args;

use super::super::options::{integer, is};
use super::{id, no_group_of};

/// The words behind the ID in XGROUP CREATE and SETID.
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, may_make_stream: bool) -> Result<Self, Error> {
        let mut options = Self {
            makes_stream: false,
            entries_read: None,
        };
        let mut words = args.from(5);
        while let Some(word) = words.next() {
            if may_make_stream && is(word, "MKSTREAM") {
                options.makes_stream = true;
                continue;
            }
            match words.next() {
                Some(value) if is(word, "ENTRIESREAD") => {
                    let count = integer(value)?;
                    if count < -1 {
                        return Err(Error::from(
                            "ERR value for ENTRIESREAD must be positive or -1",
                        ));
                    }
                    options.entries_read = u64::try_from(count).ok();
                }
                _ => return Err(Error::subcommand_syntax("xgroup", args.at(1))),
            }
        }
        if args.len() > if may_make_stream { 8 } else { 7 } {
            return Err(Error::subcommand_syntax("xgroup", args.at(1)));
        }
        Ok(options)
    }
}

/// Where the stream is that a subcommand is about.
fn stream_at<'k>(ctx: &mut Ctx<'_>, key: &'k [u8]) -> Result<Site<'k>, Error> {
    let site = ctx.keys.site(key);
    if let Some(spot) = site.spot() {
        ctx.keys.touch(spot);
        ctx.keys.object_at::<Stream>(spot)?;
    }
    Ok(site)
}

/// The group that a subcommand is about, and where its stream is.
fn group_at<'c>(
    ctx: &'c mut Ctx<'_>,
    key: &[u8],
    name: &[u8],
) -> Result<(Spot, &'c mut Group), Error> {
    let found = stream_at(ctx, key)?.spot();
    let spot = found.ok_or_else(|| Error::from(NO_STREAM))?;
    let Stream { groups, .. } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let group = groups.get_mut(name).ok_or_else(|| no_group_of(key, name))?;
    Ok((spot, group))
}

/// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read]
pub(crate) fn xgroup_create(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(args, true)?;
    let (key, name, text) = (args.at(2), args.at(3), args.at(4));
    let site = stream_at(ctx, key)?;
    if site.is_vacant() && !options.makes_stream {
        return Err(Error::from(NO_STREAM));
    }
    let id = match (up_to_nul(text), site.spot()) {
        (b"$", Some(spot)) => ctx.keys.object_at::<Stream>(spot)?.log.last_id(),
        // With MKSTREAM the stream is empty, so its end is its beginning.
        (b"$", None) => StreamId::MIN,
        _ => id(text)?,
    };
    let spot = match site {
        Site::Taken(spot) => spot,
        Site::Vacant(vacancy) => {
            let stream = Value::Stream(Box::default());
            let spot = ctx.keys.insert(vacancy, New::Object(stream), None);
            ctx.keys.touched(key, 0);
            spot
        }
    };
    let Stream { groups, .. } = ctx.keys.object_at_mut::<Stream>(spot)?;
    if groups.contains_key(name) {
        return Err(Error::from("BUSYGROUP Consumer Group name already exists"));
    }
    groups.insert(name.into(), Group::new(id, options.entries_read));
    ctx.keys.noted(key, Event::XGROUP_CREATE, 1);
    ctx.reply.ok();
    Ok(())
}

/// XGROUP SETID key group id | $ [ENTRIESREAD entries-read]
pub(crate) fn xgroup_setid(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(args, false)?;
    let (key, name, text) = (args.at(2), args.at(3), args.at(4));
    let (spot, _) = group_at(ctx, key, name)?;
    let Stream { log, groups } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let id = match up_to_nul(text) {
        b"$" => log.last_id(),
        _ => StreamId::parse_or_extreme(text, 0).ok_or(Error::InvalidStreamId)?,
    };
    let group = groups.get_mut(name).expect("it was there just now");
    group.last_id = id;
    // Without ENTRIESREAD the count is unknown from now on, and with it, in most cases, the lag that XINFO shows.
    group.entries_read = options.entries_read;
    ctx.keys.noted(key, Event::XGROUP_SETID, 1);
    ctx.reply.ok();
    Ok(())
}

/// XGROUP DESTROY key group
pub(crate) fn xgroup_destroy(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, name) = (args.at(2), args.at(3));
    let found = stream_at(ctx, key)?.spot();
    let spot = found.ok_or_else(|| Error::from(NO_STREAM))?;
    let Stream { groups, .. } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let was_there = groups.remove(name).is_some();
    if was_there {
        ctx.keys.noted(key, Event::XGROUP_DESTROY, 1);
        ctx.keys.tell_waiters(key);
    }
    ctx.reply.integer(i64::from(was_there));
    Ok(())
}

/// XGROUP CREATECONSUMER key group consumer
pub(crate) fn xgroup_createconsumer(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, name) = (args.at(2), args.at(3));
    let now_ms = ctx.now.unix_ms;
    let (_, group) = group_at(ctx, key, name)?;
    let is_new = group.create_consumer(args.at(4), now_ms).is_some();
    if is_new {
        ctx.keys.noted(key, Event::XGROUP_CREATECONSUMER, 1);
    }
    ctx.reply.integer(i64::from(is_new));
    Ok(())
}

/// XGROUP DELCONSUMER key group consumer
pub(crate) fn xgroup_delconsumer(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, name) = (args.at(2), args.at(3));
    let (_, group) = group_at(ctx, key, name)?;
    // The entries that were pending for the consumer are pending for nobody afterwards; the reply says how many were
    // lost.
    let pending = group.delete_consumer(args.at(4));
    if pending.is_some() {
        ctx.keys.noted(key, Event::XGROUP_DELCONSUMER, 1);
    }
    ctx.reply.count(pending.unwrap_or(0));
    Ok(())
}

/// XACK key group id [id ...]
pub(crate) fn xack(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = ctx.keys.read(args.at(1)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let Stream { groups, .. } = ctx.keys.object_at_mut::<Stream>(spot)?;
    let Some(group) = groups.get_mut(args.at(2)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // All or nothing: one that is no ID spares those before it.
    for text in args.from(3) {
        id(text)?;
    }
    let acknowledged = args
        .from(3)
        .filter(|text| id(text).is_ok_and(|id| group.acknowledge(id)))
        .count();
    ctx.keys.space.journal.dirty += acknowledged as u64;
    ctx.reply.count(acknowledged);
    Ok(())
}

const NO_STREAM: &str = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
                         the MKSTREAM option to create an empty stream automatically.";
