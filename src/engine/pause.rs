//! CLIENT PAUSE: for a while, commands (or only those that write) stay in the inputs of their sessions.

use crate::base::slab::Id;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseMode {
    /// Only commands that may write wait; keys do not expire.
    Write,
    All,
}

#[derive(Default)]
pub struct Pause {
    /// Until when, in unix milliseconds, and what waits.
    until: Option<(i64, PauseMode)>,
    /// Sessions with a command that waits for the end.
    pub postponed: Vec<Id>,
}

impl Pause {
    /// A pause in force is only made longer and stricter by another.
    pub fn start(&mut self, until_ms: i64, mode: PauseMode) {
        let (until_ms, mode) = match self.until {
            Some((old_until, old_mode)) => (until_ms.max(old_until), mode.max(old_mode)),
            None => (until_ms, mode),
        };
        self.until = Some((until_ms, mode));
    }

    pub fn end(&mut self) {
        self.until = None;
    }

    #[inline]
    pub fn is_off(&self) -> bool {
        self.until.is_none()
    }

    pub fn mode(&self, now_ms: i64) -> Option<PauseMode> {
        self.until
            .filter(|(until, _)| *until > now_ms)
            .map(|(_, mode)| mode)
    }

    pub fn until_ms(&self) -> Option<i64> {
        self.until.map(|(until, _)| until)
    }

    /// Whether the pause has just run out.
    pub fn is_over(&self, now_ms: i64) -> bool {
        self.until.is_some_and(|(until, _)| until <= now_ms)
    }
}
