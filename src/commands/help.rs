//! The HELP of every container: one sentence, what the row says, and how to read this again.

use crate::spec::Spec;
use crate::wire::reply::Reply;

/// `container` is the command that has the subcommand HELP.
pub fn help(reply: &mut Reply<'_>, container: &Spec) {
    reply.array(container.help.len() + 3);
    let name = container.name.to_ascii_uppercase();
    reply.simple(&format!(
        "{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for line in container.help {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
