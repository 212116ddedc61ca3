//! The connection itself: who is there, in which database, in which protocol.

mod client;
mod handshake;
mod kill;
mod list;
mod tracking;

use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::engine::session::flag;
use crate::engine::slots;
use crate::spec::connection as spec;
use crate::spec::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::options::integer;
use super::pubsub::unsubscribe_silently;
use super::transaction::drop_transaction;

pub const ROWS: &[Row] = &[
    Row::new(&spec::AUTH, handshake::auth),
    Row::container(&spec::CLIENT, client::ROWS),
    Row::new(&spec::ECHO, echo),
    Row::new(&spec::HELLO, handshake::hello),
    Row::new(&spec::PING, ping),
    Row::new(&spec::QUIT, quit),
    Row::new(&spec::RESET, reset),
    Row::new(&spec::SELECT, select),
];

/// PING [message]
fn ping(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 2 {
        return Err(Error::arity("ping"));
    }
    let message = args.get(1);
    if ctx.session.has(flag::SUBSCRIBED) && !ctx.reply.is_resp3() {
        ctx.reply.array(2);
        ctx.reply.bulk(b"pong");
        ctx.reply.bulk(message.unwrap_or_default());
    } else if let Some(message) = message {
        ctx.reply.bulk(message);
    } else {
        ctx.reply.simple("PONG");
    }
    Ok(())
}

/// ECHO message
fn echo(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply.bulk(args.at(1));
    Ok(())
}

/// QUIT
fn quit(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.ok();
    ctx.session.set(flag::CLOSE_AFTER_REPLY);
    Ok(())
}

/// SELECT index
fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let index = integer(args.at(1))?;
    slots::note_database(&mut ctx.services.stats, index != 0);
    if index < 0 || index as usize >= ctx.keys.space.dbs.len() {
        return Err(Error::DbIndex);
    }
    ctx.session.db = index as u16;
    ctx.keys.db = index as u16;
    ctx.reply.ok();
    Ok(())
}

/// RESET: the session becomes as it was when it was opened, but for its number and what library it said it is.
fn reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.session.has(flag::REPLICA | flag::PRIMARY) {
        return Err(Error::from("ERR can only reset normal client connections"));
    }
    let id = ctx.session.id;
    ctx.services.monitors.retain(|monitor| *monitor != id);
    tracking::stop(ctx.services, ctx.session);
    drop_transaction(ctx);
    unsubscribe_silently(ctx);
    let session = &mut *ctx.session;
    session.unset(
        flag::MONITOR
            | flag::REPLY_OFF
            | flag::REPLY_SKIP
            | flag::REPLY_SKIP_NEXT
            | flag::ASKING
            | flag::READONLY
            | flag::NO_EVICT
            | flag::NO_TOUCH,
    );
    session.db = 0;
    ctx.keys.db = 0;
    session.protocol = Protocol::Resp2;
    session.about.name.clear();
    handshake::become_default_user(session, &ctx.services.config);
    ctx.reply.protocol = Protocol::Resp2;
    ctx.reply.set_muted(false);
    ctx.reply.simple("RESET");
    Ok(())
}
