//! The seat on Lua's C API: the one place that speaks to the interpreter without the crate that embeds it.
//!
//! The crate guards each string that Rust hands to Lua by a protected call of its own, and holds each value in a
//! registry. That is right for libraries, which are called now and then, and too dear for what every script does. So a
//! whole script is one protected call here (`evaluate`), and everything within it is done on Lua's stack ([`Stack`]).
//!
//! An error of Lua's, be it only that there is no memory for a string, leaves by a jump to that protected call and over
//! all that lies between. Therefore:
//!
//! - What a jump may cross owns nothing that has to be dropped. Buffers lie in [`Shared`](super::shared::Shared), texts
//!   that Rust has made are copied there before Lua is asked for a string.
//! - A function of ours raises by returning [`Raise`]; the jump is made when it has returned.
//! - A panic of the server's does not unwind through the interpreter: it is put aside and goes on where the script was
//!   begun.
//!
//! Lua has no pointers of ours but those to `Shared` and to its memory (`memory`), which live as long as the
//! interpreter, and those that a protected call is handed and forgets at its end. The host is reached through
//! [`guard`].
//!
//! Not known here: what `redis.call` means, which errors there are, how a reply looks.

#![allow(unsafe_code)]

mod apart;
mod evaluate;
mod guard;
mod hook;
mod inspect;
mod machine;
mod memory;
mod shared;
mod stack;
mod state;

pub(crate) use evaluate::Code;
pub(super) use evaluate::{Job, Main, Passing, Task, guarded};
pub(crate) use guard::{Lent, Seat};
pub(super) use inspect::{Named, SCRIPT};
pub(super) use machine::Machine;
pub(super) use shared::{Shared, Stop, Watcher};
pub(super) use stack::{
    Ended, Kind, Raise, build, failed, library_function, rebound, set_walls, walled,
};
pub(super) use state::Stack;
