//! What the functions of Rust's share with who runs a script.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::base::output::Output;
use crate::script::Host;
use crate::script::random::Random;
use crate::wire::args::OwnedArgs;
use crate::wire::reply::Protocol;

use super::guard::{Lent, Seat};

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
    /// The script that ran last was ended by the hook, which has not been set back yet.
    pub(super) was_ended: Cell<bool>,
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

    /// The bytes of the reply, until it is filled anew.
    #[inline]
    pub(in crate::script) fn reply(&self) -> &[u8] {
        // SAFETY: nobody fills it while it is read: a reply is read by the function that has filled it.
        let (_, out) = unsafe { &mut *self.0.get() };
        out.contiguous()
    }
}
