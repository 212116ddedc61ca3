//! Searches through vectors that would hold the loop: the engine's half.
//!
//! The command takes a clone of the set, which costs a counter, and waits. A thread of the shell searches the clone, so
//! the set may change meanwhile, or go: the answer is that of the moment at which the command came. Then the command is
//! run again, finds what was found, and replies. If its client has gone, nobody hears of it.
//!
//! An insertion is a search, too, and then a write. If writes have to wait when it could be made, it waits with them.

mod steps;

use crate::base::slab::Id;
use crate::types::vector::Found;

#[derive(Default)]
pub(crate) struct Searches {
    /// What a thread has found for a session, while its command is run again.
    found: Option<(Id, Found)>,
    /// What will be written when writes go on.
    held: Vec<(Id, Found)>,
}
