//! MONITOR: every command as one line, to the sessions that asked for it.

use crate::base::text;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::shown;

use crate::engine::tell::deliver;

/// What runs code shows its request before it runs, so that its own line comes before those of the commands it calls.
pub(crate) fn announce(ctx: &mut Ctx<'_>, args: Args<'_>) {
    if !ctx.services.monitors.is_empty() && ctx.origin != Origin::Replay {
        feed(ctx, args);
    }
}

/// Shows a command to all monitors.
pub(crate) fn feed(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let line = line(ctx, args);
    for id in ctx.services.monitors.clone() {
        if id == ctx.session.id {
            ctx.reply.raw(&line);
        } else {
            deliver::push_to(ctx.sessions, id, |reply: &mut Reply<'_>| reply.raw(&line));
        }
    }
}

/// `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`
fn line(ctx: &Ctx<'_>, args: Args<'_>) -> Vec<u8> {
    let unix_us = ctx.now.unix_us;
    let source = if ctx.origin == Origin::Script {
        "lua".to_owned()
    } else if ctx.session.about.is_unix {
        format!(
            "unix:{}",
            String::from_utf8_lossy(&ctx.services.config.unixsocket)
        )
    } else {
        ctx.session.about.address.clone()
    };
    let mut line = format!(
        "+{}.{:06} [{} {source}]",
        unix_us / 1_000_000,
        unix_us % 1_000_000,
        ctx.keys.db
    )
    .into_bytes();
    for arg in shown(args, &ctx.fx.redacted) {
        line.push(b' ');
        text::push_quoted(&mut line, arg);
    }
    line.extend_from_slice(b"\r\n");
    line
}
