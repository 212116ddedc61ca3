//! The guard by which something gets back what it cannot hold: a script its engine, and an engine its shell.
//!
//! `redis.call` is a function of the interpreter's and lives as long as it does; the engine that it calls into is
//! borrowed for the time of one script. A closure that outlives the borrow cannot hold it, so the borrow is left here
//! and is taken from here, and the type system is told that this is in order. What makes it so:
//!
//! - A host can be taken only inside [`Seat::lend`], whose caller cannot touch it meanwhile: `lend` has borrowed it.
//! - While somebody uses it the seat is empty, so there is never a second reference to it.
//! - However the script ends, by a panic too, the seat is as it was before.

use std::cell::Cell;
use std::ptr::NonNull;

/// A kind of thing that is lent.
pub(crate) trait Lent {
    /// The thing, as it is borrowed for a time.
    type With<'a>: ?Sized + 'a;
}

/// Where it sits while it is lent.
pub(crate) struct Seat<L: Lent>(Cell<Option<NonNull<L::With<'static>>>>);

/// Puts back what was there, however the scope ends.
struct PutBack<'a, L: Lent> {
    seat: &'a Seat<L>,
    before: Option<NonNull<L::With<'static>>>,
}

impl<L: Lent> Default for Seat<L> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}

impl<L: Lent> Drop for PutBack<'_, L> {
    fn drop(&mut self) {
        self.seat.0.set(self.before);
    }
}

impl<L: Lent> Seat<L> {
    /// Runs `scope`, within which the host may be taken as often as one likes.
    pub(crate) fn lend<'h, R>(&self, host: &'h mut L::With<'h>, scope: impl FnOnce() -> R) -> R {
        let borrowed: NonNull<L::With<'h>> = NonNull::from(host);
        // SAFETY: only the lifetime changes, so both types are the same pointer. It is in the seat no longer than this
        // function runs, and that is no longer than `host` is borrowed.
        let lent: NonNull<L::With<'static>> = unsafe { std::mem::transmute_copy(&borrowed) };
        let _put_back = PutBack {
            seat: self,
            before: self.0.replace(Some(lent)),
        };
        scope()
    }

    /// Uses the host. None: nothing is lent, or it is in use.
    pub(crate) fn with<R>(&self, job: impl FnOnce(&mut L::With<'static>) -> R) -> Option<R> {
        let mut host = self.0.take()?;
        let _put_back = PutBack {
            seat: self,
            before: Some(host),
        };
        // SAFETY: the pointer came from a `&mut` that `lend` still holds, and the seat is empty until this scope ends:
        // nobody else has a reference. `job` cannot keep it, for it lives no longer than this.
        Some(job(unsafe { host.as_mut() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::output::Output;
    use crate::script::seat::shared::ScriptHost;
    use crate::script::trial::{Answers, nobody};
    use crate::wire::args::OwnedArgs;
    use crate::wire::reply::Protocol;

    fn call(seat: &Seat<ScriptHost>) -> bool {
        let args = OwnedArgs::from_slices(&[b"PING"]);
        let mut out = Output::default();
        (seat.with(|host| host.call(args.as_args(), Protocol::Resp2, &mut out))).is_some()
    }

    #[test]
    fn the_host_is_there_while_it_is_lent_and_once_at_a_time() {
        let seat = Seat::<ScriptHost>::default();
        assert!(!call(&seat));
        let mut count = 0;
        let mut host = Answers(|_: &mut Output| {
            count += 1;
            Ok(())
        });
        let calls = seat.lend(&mut host, || {
            assert!(call(&seat));
            let nested = seat.with(|_| call(&seat));
            assert_eq!(nested, Some(false), "it is in use");
            usize::from(call(&seat))
        });
        assert_eq!((calls, count), (1, 2));
        assert!(!call(&seat));
    }

    #[test]
    fn a_panic_leaves_the_seat_as_it_was() {
        let seat = Seat::<ScriptHost>::default();
        let mut host = nobody();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            seat.lend(&mut host, || panic!("a script went wrong"));
        }));
        assert!(ended.is_err());
        assert!(!call(&seat));
    }
}
