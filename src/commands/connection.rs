//! The connection itself: who is there, in which database, in which protocol.

use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::engine::session::flag;
use crate::spec::connection as spec;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::options::integer;

pub const ROWS: &[Row] = &[
    Row::new(&spec::ECHO, echo),
    Row::new(&spec::PING, ping),
    Row::new(&spec::QUIT, quit),
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
    let index = integer(args.at(1)).map_err(|_| Error::from("ERR invalid DB index"))?;
    if index < 0 || index as usize >= ctx.keys.space.dbs.len() {
        return Err(Error::DbIndex);
    }
    ctx.session.db = index as u16;
    ctx.keys.db = index as u16;
    ctx.reply.ok();
    Ok(())
}
