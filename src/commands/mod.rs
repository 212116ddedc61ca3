//! (essay to come with the room)

pub mod command;
pub mod help;
