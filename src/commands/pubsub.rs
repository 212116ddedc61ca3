//! Publish and subscribe: messages to the present subscribers, kept for nobody.

use std::collections::BTreeSet;

use crate::base::glob;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::session::Session;
use crate::engine::tell::deliver::{self, Reach};
use crate::pubsub::Kind;
use crate::spec::error::Error;
use crate::spec::pubsub as spec;
use crate::wire::args::Args;

use super::help::help;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::PSUBSCRIBE, psubscribe),
    Row::new(&spec::PUBLISH, publish),
    Row::container(&spec::PUBSUB, SUBCOMMANDS),
    Row::new(&spec::PUNSUBSCRIBE, punsubscribe),
    Row::new(&spec::SPUBLISH, spublish),
    Row::new(&spec::SSUBSCRIBE, ssubscribe),
    Row::new(&spec::SUBSCRIBE, subscribe),
    Row::new(&spec::SUNSUBSCRIBE, sunsubscribe),
    Row::new(&spec::UNSUBSCRIBE, unsubscribe),
];

const SUBCOMMANDS: &[Row] = &[
    Row::new(&spec::PUBSUB_CHANNELS, channels),
    Row::new(&spec::PUBSUB_HELP, help),
    Row::new(&spec::PUBSUB_NUMPAT, numpat),
    Row::new(&spec::PUBSUB_NUMSUB, numsub),
    Row::new(&spec::PUBSUB_SHARDCHANNELS, shardchannels),
    Row::new(&spec::PUBSUB_SHARDNUMSUB, shardnumsub),
];

/// SUBSCRIBE channel [channel ...]
fn subscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    subscribe_to(ctx, args, Kind::Channel)
}

/// PSUBSCRIBE pattern [pattern ...]
fn psubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    subscribe_to(ctx, args, Kind::Pattern)
}

/// SSUBSCRIBE shardchannel [shardchannel ...]
fn ssubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    subscribe_to(ctx, args, Kind::Shard)
}

fn subscribe_to(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    let word: &[u8] = match kind {
        Kind::Channel => b"subscribe",
        Kind::Pattern => b"psubscribe",
        Kind::Shard => b"ssubscribe",
    };
    let was_muted = speak_up(ctx);
    for name in args.from(1) {
        if add(ctx.session, kind, name) {
            ctx.services.pubsub.subscribe(kind, name, ctx.session.id);
        }
        let count = count(ctx.session, kind);
        ctx.reply.push(3);
        ctx.reply.bulk(word);
        ctx.reply.bulk(name);
        ctx.reply.count(count);
    }
    ctx.reply.set_muted(was_muted);
    Ok(())
}

/// Replies about subscriptions count as pushed, so CLIENT REPLY does not silence them.
fn speak_up(ctx: &mut Ctx<'_>) -> bool {
    let was_muted = ctx.reply.is_muted();
    ctx.reply.set_muted(false);
    was_muted
}

/// The names of one kind that the session listens to.
fn names(session: &mut Session, kind: Kind) -> &mut BTreeSet<Vec<u8>> {
    let subscriptions = session.subscriptions.get_or_insert_default();
    match kind {
        Kind::Channel => &mut subscriptions.channels,
        Kind::Pattern => &mut subscriptions.patterns,
        Kind::Shard => &mut subscriptions.shards,
    }
}

fn add(session: &mut Session, kind: Kind, name: &[u8]) -> bool {
    names(session, kind).insert(name.to_vec())
}

fn count(session: &Session, kind: Kind) -> usize {
    let Some(all) = &session.subscriptions else {
        return 0;
    };
    match kind {
        // Channels and patterns are counted together, channels of shards apart from them.
        Kind::Shard => all.shards.len(),
        Kind::Channel | Kind::Pattern => all.count(),
    }
}

/// UNSUBSCRIBE [channel [channel ...]]
fn unsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    unsubscribe_from(ctx, args, Kind::Channel)
}

/// PUNSUBSCRIBE [pattern [pattern ...]]
fn punsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    unsubscribe_from(ctx, args, Kind::Pattern)
}

/// SUNSUBSCRIBE [shardchannel [shardchannel ...]]
fn sunsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    unsubscribe_from(ctx, args, Kind::Shard)
}

fn unsubscribe_from(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    let was_muted = speak_up(ctx);
    if args.len() > 1 {
        for name in args.from(1) {
            give_up(ctx, kind, name);
        }
    } else {
        let all = names(ctx.session, kind).clone();
        for name in &all {
            give_up(ctx, kind, name);
        }
        // UNSUBSCRIBE is answered once even if there was nothing to leave: the client counts on a reply.
        if all.is_empty() {
            let count = count(ctx.session, kind);
            ctx.reply.push(3);
            ctx.reply.bulk(farewell(kind));
            ctx.reply.null();
            ctx.reply.count(count);
        }
    }
    deliver::update_subscribed(ctx.session);
    ctx.reply.set_muted(was_muted);
    Ok(())
}

fn farewell(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Channel => b"unsubscribe",
        Kind::Pattern => b"punsubscribe",
        Kind::Shard => b"sunsubscribe",
    }
}

/// Ends one subscription, if there is one, and says so in any case.
fn give_up(ctx: &mut Ctx<'_>, kind: Kind, name: &[u8]) {
    forget(ctx, kind, name);
    let count = count(ctx.session, kind);
    ctx.reply.push(3);
    ctx.reply.bulk(farewell(kind));
    ctx.reply.bulk(name);
    ctx.reply.count(count);
}

fn forget(ctx: &mut Ctx<'_>, kind: Kind, name: &[u8]) {
    if names(ctx.session, kind).remove(name) {
        ctx.services.pubsub.unsubscribe(kind, name, ctx.session.id);
    }
}

/// PUBLISH channel message
fn publish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    publish_to(ctx, args, Kind::Channel)
}

/// SPUBLISH shardchannel message
fn spublish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    publish_to(ctx, args, Kind::Shard)
}

fn publish_to(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    let mut reach = Reach::with_lent(ctx.sessions, ctx.session);
    // A session that listens to the channel and to a matching pattern gets the message for each, and counts for each.
    let count = deliver::publish(
        &mut reach,
        &ctx.services.pubsub,
        kind,
        args.at(1),
        args.at(2),
    );
    ctx.reply.count(count);
    Ok(())
}

/// PUBSUB CHANNELS [pattern]
fn channels(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    list_names(ctx, args, Kind::Channel)
}

/// PUBSUB SHARDCHANNELS [pattern]
fn shardchannels(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    list_names(ctx, args, Kind::Shard)
}

fn list_names(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    if args.len() > 3 {
        return Err(Error::subcommand_syntax("pubsub", args.at(1)));
    }
    let pattern = args.get(2);
    let mark = ctx.reply.deferred();
    let mut count = 0;
    for name in ctx.services.pubsub.names(kind) {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name, false)) {
            ctx.reply.bulk(name);
            count += 1;
        }
    }
    ctx.reply.finish_array(mark, count);
    Ok(())
}

/// PUBSUB NUMSUB [channel [channel ...]]
fn numsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count_listeners(ctx, args, Kind::Channel)
}

/// PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]
fn shardnumsub(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    count_listeners(ctx, args, Kind::Shard)
}

fn count_listeners(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    ctx.reply.array((args.len() - 2) * 2);
    for name in args.from(2) {
        ctx.reply.bulk(name);
        ctx.reply
            .count(ctx.services.pubsub.listeners(kind, name).len());
    }
    Ok(())
}

/// PUBSUB NUMPAT
fn numpat(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.count(ctx.services.pubsub.count(Kind::Pattern));
    Ok(())
}
