//! The form of HELP subcommands: a heading, the lines of the command, and HELP itself.

use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::wire::args::Args;

/// The handler of every HELP subcommand; the lines stand in its row.
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    reply(ctx, ctx.command.spec.help);
    Ok(())
}

/// Replies the help of the running command's container.
pub fn reply(ctx: &mut Ctx<'_>, lines: &[&str]) {
    let container = ctx.command.spec.container().unwrap_or(ctx.command.name()).to_uppercase();
    ctx.reply.array(lines.len() + 3);
    ctx.reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        ctx.reply.simple(line);
    }
    ctx.reply.simple("HELP");
    ctx.reply.simple("    Print this help.");
}
