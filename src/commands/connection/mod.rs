//! The connection itself: its name, its database, its protocol.

mod client;
mod handshake;
mod kill;
mod list;
mod tracking;

use crate::engine::cluster_hints;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::session::Replies;
use crate::spec::connection as spec;
use crate::spec::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::options::narrow_integer;

pub(crate) const ROWS: &[Row] = &[
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
    // A RESP2 client that is subscribed reads only arrays, so PONG comes as one.
    if ctx.session.is_subscribed() && !ctx.reply.is_resp3() {
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
    ctx.session.close_after_reply();
    Ok(())
}

/// SELECT index
fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let index = narrow_integer(args.at(1))?;
    cluster_hints::note_database(&mut ctx.services.stats, index != 0);
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
    let session = &mut *ctx.session;
    // RESET has one reply of its own, so subscriptions end without messages.
    ctx.services.forget(session);
    session.transaction = None;
    session.replies = Replies::On;
    (session.no_evict, session.no_touch) = (false, false);
    session.db = 0;
    ctx.keys.db = 0;
    session.protocol = Protocol::Resp2;
    session.about.name.clear();
    session.be_default(&ctx.services.users);
    ctx.reply.protocol = Protocol::Resp2;
    ctx.reply.set_muted(false);
    ctx.reply.simple("RESET");
    Ok(())
}
