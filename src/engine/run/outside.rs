//! The shell, as an engine sees it that has something running for long.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::script::Lent;

/// The shell around an engine.
pub(crate) trait Outside {
    /// Gives the loop a turn with this engine. Returns whether the server is about to end.
    ///
    /// The sessions of `held` are in the midst of something, and are neither heard nor closed.
    fn turn(&mut self, engine: Box<Engine>, held: &[Id]) -> (Box<Engine>, bool);
}

/// The shell, as it is lent to an engine.
pub(crate) enum Shell {}

impl Lent for Shell {
    type With<'a> = dyn Outside + 'a;
}
