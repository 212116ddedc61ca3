//! What the functions of Rust's share with who runs a script.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::base::output::Output;
use crate::script::Host;
use crate::script::random::Random;
use crate::script::said::Said;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Protocol;

use super::guard::{Lent, Seat};
use super::state::Stack;

/// The host of a script.
pub(super) enum ScriptHost {}

impl Lent for ScriptHost {
    type With<'a> = dyn Host + 'a;
}

#[derive(Default)]
pub(in crate::script) struct Shared {
    pub(super) seat: Seat<ScriptHost>,
    /// The protocol in which the script gets replies, and which decides what its booleans mean.
    pub(in crate::script) spoken: Cell<Protocol>,
    pub(in crate::script) random: Cell<Random>,
    pub(in crate::script) buffers: Buffers,
    /// A panic of the host's that is to go on when the script has ended.
    panic: Cell<Option<Box<dyn Any + Send>>>,
    /// The hook is not the one that a script begins with, and has not been set back yet.
    pub(super) was_hooked: Cell<bool>,
    pub(in crate::script) watch: Watch,
}

/// What watches a script line by line, as the script's functions see it.
#[derive(Default)]
pub(in crate::script) struct Watch {
    pub(in crate::script) is_on: Cell<bool>,
    /// The script stops at its next line.
    pub(in crate::script) steps: Cell<bool>,
    /// The script itself has asked for a stop.
    pub(in crate::script) is_called: Cell<bool>,
    /// The line that was reached last, from 1.
    pub(in crate::script) line: Cell<usize>,
    pub(in crate::script) said: Cell<Said>,
    pub(in crate::script) watcher: Cell<Option<Box<dyn Watcher>>>,
}

/// Told of each line of a script before it runs.
pub(in crate::script) trait Watcher {
    /// `is_pulse`: the line has been reached before, and is asked about because time has passed.
    fn reached(&mut self, stack: Stack, shared: &Shared, is_pulse: bool) -> Result<(), Stop>;

    /// Adds a line, which may be cut.
    fn show(&mut self, said: &mut Said, line: Vec<u8>);
}

/// An error that a script is stopped with.
pub(in crate::script) struct Stop {
    pub(in crate::script) text: &'static [u8],
    /// The script shall not catch it.
    pub(in crate::script) is_final: bool,
}

impl Watch {
    /// Notes a line for the one who watches, if that one sees each step.
    pub(in crate::script) fn note(&self, write: impl FnOnce(&mut Said)) {
        if self.steps.get() {
            self.say(write);
        }
    }

    pub(in crate::script) fn say(&self, write: impl FnOnce(&mut Said)) {
        let mut said = self.said.take();
        write(&mut said);
        self.said.set(said);
    }
}

impl Shared {
    /// Asks the host something. None: no script runs, or the host has panicked.
    #[inline]
    pub(in crate::script) fn ask<R>(&self, job: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
        let asked = self
            .seat
            .with(|host| catch_unwind(AssertUnwindSafe(|| job(host))));
        match asked? {
            Ok(answer) => Some(answer),
            Err(panic) => {
                self.panic.set(Some(panic));
                None
            }
        }
    }

    /// Lends the host for the time of `script`.
    pub(super) fn lend<R>(&self, host: &mut dyn Host, script: impl FnOnce() -> R) -> R {
        let ended = self.seat.lend(host, script);
        if let Some(panic) = self.panic.take() {
            std::panic::resume_unwind(panic);
        }
        ended
    }
}

/// The command that a script calls, and its reply: kept for their memory, and because a jump may cross whoever uses
/// them.
#[derive(Default)]
pub(in crate::script) struct Buffers(UnsafeCell<(OwnedArgs, Output)>);

impl Buffers {
    /// Fills both. `job` asks Lua for nothing that could jump, and runs no script of this interpreter.
    #[inline]
    pub(in crate::script) fn fill<R>(
        &self,
        job: impl FnOnce(&mut OwnedArgs, &mut Output) -> R,
    ) -> R {
        // SAFETY: only functions that Lua calls come here, one at a time, and `job` does not get back into Lua.
        let (args, out) = unsafe { &mut *self.0.get() };
        args.clear();
        out.clear();
        job(args, out)
    }

    /// The command, until it is filled anew.
    pub(in crate::script) fn args(&self) -> Args<'_> {
        // SAFETY: nobody fills it while it is read, as below.
        let (args, _) = unsafe { &*self.0.get() };
        args.as_args()
    }

    /// The bytes of the reply, until it is filled anew.
    #[inline]
    pub(in crate::script) fn reply(&self) -> &[u8] {
        // SAFETY: nobody fills it while it is read: a reply is read by the function that has filled it.
        let (_, out) = unsafe { &mut *self.0.get() };
        out.contiguous()
    }
}
