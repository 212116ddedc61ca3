//! (essay to come with the room)
