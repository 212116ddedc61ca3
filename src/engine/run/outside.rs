//! The shell, as an engine sees it that has something running for long.

use crate::base::output::Output;
use crate::base::slab::Id;
use crate::config::Changes;
use crate::engine::Engine;
use crate::script::Lent;
use crate::spec::error::Error;

/// The shell around an engine.
pub(crate) trait Outside {
    /// Gives the loop a turn with this engine. Returns whether the server is about to end.
    ///
    /// It sleeps at most so long if there is nothing to do. The sessions of `held` are in the midst of something, and
    /// are neither heard nor closed.
    fn turn(&mut self, engine: Box<Engine>, held: &[Id], sleep_ms: u64) -> (Box<Engine>, bool);

    /// Makes changes of the configuration in the world outside; or says why that cannot be, and all is as before.
    fn configure(
        &mut self,
        engine: Box<Engine>,
        changes: Changes,
    ) -> (Box<Engine>, Result<(), Error>);

    /// Writes to the connection of a session that is held, as much as it takes. False: it is over.
    fn say(&mut self, id: Id, said: &mut Output) -> bool;

    /// Reads from it, without waiting.
    fn hear(&mut self, id: Id, heard: &mut Vec<u8>) -> Listened;
}

/// What a connection has had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listened {
    Something,
    Nothing,
    End,
}

/// The shell, as it is lent to an engine.
pub(crate) enum Shell {}

impl Lent for Shell {
    type With<'a> = dyn Outside + 'a;
}
