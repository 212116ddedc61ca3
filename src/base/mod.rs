//! (essay to come with the room)

pub mod hash;
