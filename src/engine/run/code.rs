//! What a request to run code may do: as much as the code says of itself.
//!
//! A script that begins with `#!lua`, and every function, has flags; and the rules that admit a command look at those
//! and not at what EVAL in general might do. So a function that only reads is let in where no write is.

use crate::engine::run::facts::Facts;
use crate::engine::services::Services;
use crate::script;
use crate::spec::Code;
use crate::spec::flags::{Flags, flag};
use crate::wire::args::Args;

/// The flags of a command as this request calls it.
pub(in crate::engine) fn flags_of(services: &Services, command: &Facts, args: Args<'_>) -> Flags {
    let flags = command.spec.flags;
    let (Some(code), Some(which)) = (command.spec.code, args.get(1)) else {
        return flags;
    };
    let said = match code {
        Code::Text => script::flags_in(which),
        Code::Digest => services.scripts.flags_of(which),
        Code::Function => services.functions.flags_of(which),
    };
    match said {
        Some(said) if said.is_said => adapted(flags, said),
        _ => flags,
    }
}

fn adapted(flags: Flags, said: script::Flags) -> Flags {
    let mut flags = flags.without(flag::STALE | flag::DENYOOM | flag::WRITE | flag::MAY_REPLICATE);
    if !said.no_writes {
        flags = flags | flag::WRITE;
        if !said.allow_oom {
            flags = flags | flag::DENYOOM;
        }
    }
    if said.allow_stale {
        flags = flags | flag::STALE;
    }
    flags
}
