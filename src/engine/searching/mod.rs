//! Searches through vectors that would hold the loop: the engine's half.
//!
//! The command takes a clone of the set, which costs a counter, and waits. A thread of the shell searches the clone, so
//! the set may change meanwhile, or go: the answer is that of the moment at which the command came. Then the command is
//! run again, finds what was found, and replies. If its client has gone, nobody hears of it.

mod steps;

use crate::base::slab::Id;
use crate::types::vector::Found;

/// What a thread has found for a session, while its command is run again.
#[derive(Default)]
pub(crate) struct Searches(pub(in crate::engine) Option<(Id, Found)>);
