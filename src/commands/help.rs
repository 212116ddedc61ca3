//! The HELP of every container: one sentence, the lines of the row, and how to read this again.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::wire::args::Args;

/// `<container> HELP`: the handler of every subcommand of that name.
pub(crate) fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
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
