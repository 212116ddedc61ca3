//! The engine's place in the shell, and the shell's part in an engine that is busy.
//!
//! While the engine works off inputs it is taken out of its place, and the shell is lent to it ([`Around`]). A script
//! that has run for long comes back with an engine of its own (`engine::run::busy`), which is put in that place for one
//! turn of the loop. So the shell serves clients then by the same code as ever.

use std::ops::{Deref, DerefMut};

use crate::base::output::Output;
use crate::base::slab::Id;
use crate::config::Changes;
use crate::engine::Engine;
use crate::engine::run::outside::{Listened, Outside};
use crate::reactor::{Io, Router, Sleep};
use crate::spec::error::Error;

use super::Server;

/// Where the engine is, except while it works off inputs.
pub(super) struct Slot(pub(super) Option<Box<Engine>>);

const IN_USE: &str = "nobody asks for the engine while it works off inputs";

impl Slot {
    pub(super) fn take(&mut self) -> Box<Engine> {
        self.0.take().expect(IN_USE)
    }

    pub(super) fn put_back(&mut self, engine: Box<Engine>) {
        self.0 = Some(engine);
    }
}

impl Deref for Slot {
    type Target = Engine;

    #[inline]
    fn deref(&self) -> &Engine {
        self.0.as_deref().expect(IN_USE)
    }
}

impl DerefMut for Slot {
    #[inline]
    fn deref_mut(&mut self) -> &mut Engine {
        self.0.as_deref_mut().expect(IN_USE)
    }
}

/// The shell, without its engine.
pub(super) struct Around<'a> {
    pub(super) server: &'a mut Server,
    pub(super) io: &'a mut Io,
}

impl Outside for Around<'_> {
    fn turn(&mut self, engine: Box<Engine>, held: &[Id], sleep_ms: u64) -> (Box<Engine>, bool) {
        self.server.engine.put_back(engine);
        let sleep = Sleep::AtMostMs(sleep_ms);
        let outcome = if self.server.annex.is_some() {
            let mut both = Router(&mut *self.server);
            self.io.turn_inside_holding(&mut both, held, sleep)
        } else {
            self.io.turn_inside_holding(self.server, held, sleep)
        };
        if let Err(error) = outcome {
            log::error!("The event loop failed: {}", crate::config::explain(&error));
        }
        (self.server.engine.take(), self.server.is_leaving)
    }

    fn configure(
        &mut self,
        engine: Box<Engine>,
        changes: Changes,
    ) -> (Box<Engine>, Result<(), Error>) {
        self.server.engine.put_back(engine);
        let outcome = self.server.bring_all_about(self.io, changes);
        self.server.engine.apply_config();
        (self.server.engine.take(), outcome)
    }

    fn say(&mut self, id: Id, said: &mut Output) -> bool {
        self.io.write_now(id, said)
    }

    fn hear(&mut self, id: Id, heard: &mut Vec<u8>) -> Listened {
        match self.io.read_now(id, heard) {
            None => Listened::End,
            Some(0) => Listened::Nothing,
            Some(_) => Listened::Something,
        }
    }
}
