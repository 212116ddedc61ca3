//! May this command run now? The gate decides and never acts: it returns what shall happen, and `engine` does it.
//!
//! The order of the questions is part of what clients see: an unknown command in an unauthenticated session is
//! "unknown command", a write on a full server inside MULTI spoils the transaction, and so on. It is Redis's order.

use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::flags::{Flags, flag as command_flag};
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::command::{Command, Table};
use super::ctx::Origin;
use super::pause::PauseMode;
use super::services::Services;
use super::session::{Session, flag};

/// What the gate decided.
pub enum Verdict {
    Run,
    /// Goes into the queue of the transaction.
    Queue,
    /// Stays in the input until the pause ends.
    Postpone,
    Refuse(Error),
}

/// Whether a request is the beginning of a web page's request. A browser can be made to send one to any port, and what
/// follows would be taken for commands.
pub fn is_web_request(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Finds the command of a request, or says why there is none.
pub fn resolve(table: &Table, args: Args<'_>) -> Result<&'static Command, Error> {
    let Some(command) = table.find(args.at(0)) else {
        return Err(Error::unknown_command(args.at(0), args.from(1)));
    };
    let command = if command.subcommands.is_empty() || args.len() < 2 {
        command
    } else {
        let Some(sub) = command.subcommand(args.at(1)) else {
            return Err(Error::unknown_subcommand(command.name(), args.at(1)));
        };
        sub
    };
    if command.spec.takes(args.len()) {
        Ok(command)
    } else {
        Err(Error::arity(command.name()))
    }
}

/// Whether the transaction that EXEC is about to run, or this command by itself, has one of the flags.
fn has(session: &Session, command: &Command, flags: Flags) -> bool {
    if let Some(transaction) = &session.transaction
        && is(command, "exec")
    {
        return transaction.flags.any(flags);
    }
    command.has(flags)
}

fn is(command: &Command, name: &str) -> bool {
    command.spec.name == name
}

/// Commands that act at once even while a transaction is being collected.
pub fn steers_transaction(spec: &Spec) -> bool {
    matches!(
        spec.name,
        "exec" | "discard" | "multi" | "watch" | "quit" | "reset"
    )
}

/// The common case: an authenticated session on a server where nothing special goes on. [`judge`] would let the command
/// run, and need not be asked.
#[inline]
pub fn is_open(session: &Session, services: &Services, command: &Command) -> bool {
    session.has(flag::AUTHENTICATED)
        && !session.has(flag::SUBSCRIBED)
        && session.transaction.is_none()
        && services.pause.is_off()
        && !services.server.is_loading
        && services.config.maxmemory == 0
        && !services.persistence.last_bgsave_failed
        && services.appending.error().is_none()
        && !command.has(command_flag::PROTECTED)
}

/// Decides about a command of a client. Commands that a transaction or a script runs have been decided with it.
pub fn judge(
    session: &Session,
    services: &Services,
    command: &Command,
    now_ms: i64,
    origin: Origin,
) -> Verdict {
    if origin == Origin::Replay {
        return Verdict::Run;
    }
    let config = &services.config;
    if command.has(command_flag::PROTECTED)
        && let Some(refusal) = refuse_protected(session, services, command)
    {
        return Verdict::Refuse(refusal);
    }
    if !session.has(flag::AUTHENTICATED)
        && !config.requirepass.is_empty()
        && !command.has(command_flag::NO_AUTH)
    {
        return Verdict::Refuse(Error::NoAuth);
    }
    if session.transaction.is_some() && command.has(command_flag::NO_MULTI) {
        return Verdict::Refuse(Error::from("ERR Command not allowed inside a transaction"));
    }
    if config.maxmemory != 0
        && services.out_of_memory
        && has(session, command, command_flag::DENYOOM)
    {
        return Verdict::Refuse(Error::Oom);
    }
    if services.persistence.last_bgsave_failed
        && services.denies_writes()
        && (has(session, command, command_flag::WRITE) || is(command, "ping"))
    {
        return Verdict::Refuse(Error::Misconf);
    }
    if let Some(reason) = services.appending.error()
        && (has(session, command, command_flag::WRITE) || is(command, "ping"))
    {
        return Verdict::Refuse(Error::from(format!(
            "MISCONF Errors writing to the AOF file: {reason}"
        )));
    }
    if session.has(flag::SUBSCRIBED)
        && session.protocol == Protocol::Resp2
        && !matches!(
            command.name(),
            "ping"
                | "subscribe"
                | "ssubscribe"
                | "sunsubscribe"
                | "psubscribe"
                | "unsubscribe"
                | "punsubscribe"
                | "quit"
                | "reset"
        )
    {
        return Verdict::Refuse(Error::from(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            command.name()
        )));
    }
    if services.server.is_loading && !command.has(command_flag::LOADING) {
        return Verdict::Refuse(Error::Loading);
    }
    if let Some(mode) = services.pause.mode(now_ms)
        && !session.has(flag::REPLICA)
        && origin == Origin::Client
    {
        let may_write = has(
            session,
            command,
            command_flag::WRITE | command_flag::MAY_REPLICATE,
        );
        if mode == PauseMode::All || may_write {
            return Verdict::Postpone;
        }
    }
    if session.transaction.is_some() && !steers_transaction(command.spec) {
        return Verdict::Queue;
    }
    Verdict::Run
}

/// DEBUG and MODULE are refused unless the configuration allows them.
fn refuse_protected(session: &Session, services: &Services, command: &Command) -> Option<Error> {
    let (setting, name, option) = if command.name().starts_with("debug") {
        (
            services.config.enable_debug_command,
            "DEBUG",
            "enable-debug-command",
        )
    } else {
        (
            services.config.enable_module_command,
            "MODULE",
            "enable-module-command",
        )
    };
    if setting.is_granted(session.is_local()) {
        return None;
    }
    Some(Error::from(format!(
        "ERR {name} command not allowed. If the {option} option is set to \"local\", you can run it from a local \
         connection, otherwise you need to set this option in the configuration file, and then restart the server."
    )))
}
