//! Publish and subscribe: messages to whoever listens now, kept for nobody.

use crate::base::glob;
use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::engine::deliver;
use crate::engine::session::{Session, flag};
use crate::pubsub::Kind;
use crate::spec::pubsub as spec;
use crate::wire::args::Args;

use super::help::help;

pub const ROWS: &[Row] = &[
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
    ctx.session.set(flag::SUBSCRIBED);
    ctx.reply.set_muted(was_muted);
    Ok(())
}

/// What is said of subscriptions counts as pushed, so CLIENT REPLY does not silence it.
fn speak_up(ctx: &mut Ctx<'_>) -> bool {
    let was_muted = ctx.reply.is_muted();
    ctx.reply.set_muted(false);
    was_muted
}

fn add(session: &mut Session, kind: Kind, name: &[u8]) -> bool {
    let subscriptions = &mut session.subscriptions;
    match kind {
        Kind::Channel => subscriptions.channels.insert(name.to_vec()),
        Kind::Shard => subscriptions.shards.insert(name.to_vec()),
        Kind::Pattern => {
            let is_new = !subscriptions.patterns.iter().any(|known| known == name);
            if is_new {
                subscriptions.patterns.push(name.to_vec());
            }
            is_new
        }
    }
}

fn count(session: &Session, kind: Kind) -> usize {
    match kind {
        Kind::Shard => session.subscriptions.shards.len(),
        Kind::Channel | Kind::Pattern => session.subscriptions.count(),
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
        let all: Vec<Vec<u8>> = match kind {
            Kind::Channel => ctx.session.subscriptions.channels.iter().cloned().collect(),
            Kind::Shard => ctx.session.subscriptions.shards.iter().cloned().collect(),
            Kind::Pattern => ctx.session.subscriptions.patterns.clone(),
        };
        for name in &all {
            give_up(ctx, kind, name);
        }
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
    let subscriptions = &mut ctx.session.subscriptions;
    let was_there = match kind {
        Kind::Channel => subscriptions.channels.remove(name),
        Kind::Shard => subscriptions.shards.remove(name),
        Kind::Pattern => {
            let before = subscriptions.patterns.len();
            subscriptions.patterns.retain(|known| known != name);
            subscriptions.patterns.len() < before
        }
    };
    if was_there {
        ctx.services.pubsub.unsubscribe(kind, name, ctx.session.id);
    }
}

/// Ends all subscriptions without a word: RESET.
pub fn unsubscribe_silently(ctx: &mut Ctx<'_>) {
    let all = std::mem::take(&mut ctx.session.subscriptions);
    let pubsub = &mut ctx.services.pubsub;
    let id = ctx.session.id;
    all.channels
        .iter()
        .for_each(|name| pubsub.unsubscribe(Kind::Channel, name, id));
    all.patterns
        .iter()
        .for_each(|name| pubsub.unsubscribe(Kind::Pattern, name, id));
    all.shards
        .iter()
        .for_each(|name| pubsub.unsubscribe(Kind::Shard, name, id));
    deliver::update_subscribed(ctx.session);
}

/// PUBLISH channel message
fn publish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (channel, text) = (args.at(1), args.at(2));
    let mut count = 0;
    for id in ctx
        .services
        .pubsub
        .listeners(Kind::Channel, channel)
        .to_vec()
    {
        deliver::push(ctx, id, |reply| {
            deliver::message(reply, &[b"message", channel, text])
        });
        count += 1;
    }
    let matching: Vec<_> = (ctx.services.pubsub.matching(channel))
        .map(|(pattern, listeners)| (pattern.to_vec(), listeners.to_vec()))
        .collect();
    for (pattern, listeners) in matching {
        for id in listeners {
            deliver::push(ctx, id, |reply| {
                deliver::message(reply, &[b"pmessage", &pattern, channel, text])
            });
            count += 1;
        }
    }
    ctx.fx
        .propagate_as(ctx.keys.db, &[b"PUBLISH", channel, text]);
    ctx.reply.count(count);
    Ok(())
}

/// SPUBLISH shardchannel message
fn spublish(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (channel, text) = (args.at(1), args.at(2));
    let listeners = ctx.services.pubsub.listeners(Kind::Shard, channel).to_vec();
    for &id in &listeners {
        deliver::push(ctx, id, |reply| {
            deliver::message(reply, &[b"smessage", channel, text])
        });
    }
    ctx.reply.count(listeners.len());
    ctx.fx
        .propagate_as(ctx.keys.db, &[b"SPUBLISH", channel, text]);
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
