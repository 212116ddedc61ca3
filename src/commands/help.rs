//! The HELP of every container: one sentence, what the row says, and how to read this again.

use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::spec::Spec;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// `<container> HELP`: the handler of every subcommand of that name.
pub fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let container = ctx.command.spec.container().and_then(|name| ctx.table.find(name.as_bytes()));
    if let Some(container) = container {
        show(&mut ctx.reply, container.spec);
    }
    Ok(())
}

/// `container` is the command that has the subcommand HELP.
pub fn show(reply: &mut Reply<'_>, container: &Spec) {
    reply.array(container.help.len() + 3);
    let name = container.name.to_ascii_uppercase();
    reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in container.help {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
