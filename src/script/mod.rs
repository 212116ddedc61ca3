//! Lua 5.1 beside the data: the interpreter, its sandbox, and the scripts that clients have sent.
//!
//! A script is a function of an [`Interpreter`], which is made when the first one comes. It runs on the loop, to its
//! end, and nothing else runs meanwhile; so all it does is one step for everybody else. What it asks of the server goes
//! through [`Host`], which the engine implements: a command with its arguments, whose reply comes back as bytes and
//! becomes values of Lua (`from_reply`); and what the script returns becomes a reply (`to_reply`).
//!
//! What always holds: scripts share one set of globals, and none of them can change it, nor anything that it reaches
//! (`prelude.lua`); so no script finds traces of another. A script cannot reach files, the network, the clock of the
//! system's, or byte code.
//!
//! Not known here: sessions, admission, keys.

mod api;
mod by_name;
mod debugger;
mod errors;
mod from_reply;
mod functions;
mod interpreter;
mod libs;
mod name;
mod random;
mod returned;
mod said;
mod scripts;
mod seat;
mod shebang;
mod to_reply;
#[cfg(test)]
mod trial;

use std::borrow::Cow;

use crate::base::output::Output;
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

pub(crate) use errors::Failure;
pub(crate) use functions::{Functions, Library, Policy};
pub(crate) use interpreter::Deprecated;
pub(crate) use name::{Name, name_in};
pub(crate) use returned::Returned;
pub(crate) use said::Said;
pub(crate) use scripts::Scripts;
pub(crate) use seat::{Lent, Seat};
pub(crate) use shebang::{Flags, flags_in};
pub(crate) use to_reply::write;

/// The server as a script sees it.
pub(crate) trait Host {
    /// Runs a command; its reply is written to `out`. A command that may not run is refused with a text.
    fn call(&mut self, args: Args<'_>, protocol: Protocol, out: &mut Output)
    -> Result<(), Refused>;

    /// `redis.log`
    fn log(&mut self, level: log::Level, text: &[u8]);

    /// `redis.set_repl`: for whom the writes from here on are.
    fn replicate(&mut self, to: Replication);

    /// `redis.acl_check_cmd`
    fn may_call(&mut self, args: Args<'_>) -> Result<bool, &'static str>;

    /// Asked about every millisecond.
    fn pulse(&mut self) -> Pulse;

    /// Sends bytes to the client that debugs the script, at once.
    fn tell(&mut self, _bytes: &[u8]) {}

    /// Waits for what that client says next, and appends it.
    fn hear(&mut self, _heard: &mut Vec<u8>) -> Heard {
        Heard::Nobody
    }

    /// Whether the script has run for long since the client was last heard.
    fn runs_long(&mut self) -> bool {
        false
    }
}

/// What has come of the client that debugs a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Something,
    /// The connection is over.
    Nobody,
    /// Somebody else has ended the script, with this error.
    Ends(&'static [u8]),
}

/// Whether a script goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    GoesOn,
    /// It ends with this error.
    Ends(&'static [u8]),
}

/// The text with which a command is refused, its code first.
pub(crate) struct Refused(pub(crate) Cow<'static, [u8]>);

/// The readers of what a script writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    Nobody,
    Log,
    Replicas,
    All,
}
