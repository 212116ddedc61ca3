//! The HELP of every container: one sentence, what the row says, and how to read this again.

use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::wire::args::Args;

/// `<container> HELP`: the handler of every subcommand of that name.
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let spec = ctx.command.spec;
    let container = spec.container().unwrap_or(spec.name).to_ascii_uppercase();
    let reply = &mut ctx.reply;
    reply.array(spec.help.len() + 3);
    reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for line in spec.help {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
    Ok(())
}
