//! What a script has returned, until it is written.

use crate::wire::reply::Protocol;

use super::seat::Main;

/// What a script has returned, to be written by [`write`](super::write). It lies on the interpreter's stack.
pub(crate) struct Returned<'a> {
    pub(super) main: &'a Main,
    pub(super) spoken: Protocol,
    base: i32,
}

impl<'a> Returned<'a> {
    /// The value on top, which lies on a stack that had so many values.
    pub(super) fn new(main: &'a Main, spoken: Protocol, base: i32) -> Self {
        Self { main, spoken, base }
    }
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        self.main.stack().set_top(self.base);
    }
}
