//! MONITOR: every command as one line, to those who asked to see them.

use crate::base::text;
use crate::spec::flags::flag as command_flag;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::command::Command;
use super::ctx::{Ctx, Origin};
use super::deliver;
use super::session::flag;

/// Shows a command that has run to all monitors, one that waits when it began to.
pub fn feed(ctx: &mut Ctx<'_>, command: &Command, args: Args<'_>) {
    let is_hidden = command.has(command_flag::SKIP_MONITOR | command_flag::ADMIN);
    if is_hidden || ctx.services.server.is_loading || matches!(ctx.origin, Origin::Retry | Origin::Replay) {
        return;
    }
    show(ctx, args);
}

/// Shows a command that hides from [`feed`], because it runs others and shall stand before them.
pub fn show(ctx: &mut Ctx<'_>, args: Args<'_>) {
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
    } else if ctx.session.has(flag::UNIX) {
        format!("unix:{}", String::from_utf8_lossy(&ctx.services.config.unixsocket))
    } else {
        ctx.session.about.address.clone()
    };
    let mut line =
        format!("+{}.{:06} [{} {source}]", unix_us / 1_000_000, unix_us % 1_000_000, ctx.keys.db).into_bytes();
    for (at, arg) in args.iter().enumerate() {
        line.push(b' ');
        let is_secret = ctx.redacted.contains(&at);
        text::push_quoted(&mut line, if is_secret { b"(redacted)" } else { arg });
    }
    line.extend_from_slice(b"\r\n");
    line
}
