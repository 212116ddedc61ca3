//! CLIENT PAUSE: for a while, commands (or only those that write) stay in the inputs of their sessions.
//!
//! The sessions that are held back are listed here alone: a session is listed exactly while its `held` is set, and both
//! change in the same call.

use std::collections::BTreeMap;

use crate::base::slab::Id;

use crate::engine::session::{Held, Session, Sessions};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PauseMode {
    /// Only commands that may write wait; keys do not expire.
    Write,
    All,
}

/// What makes writes wait although no client has asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A replica takes over.
    Failover,
    /// Replicas catch up before the server ends.
    Shutdown,
    /// Keys move to another server.
    Migration,
}

#[derive(Default)]
pub(crate) struct Pause {
    /// Until when, in unix milliseconds, and what waits.
    until: Option<(i64, PauseMode)>,
    /// Who makes writes wait besides, a bit for each [`Holder`].
    holders: u8,
    /// Sessions with a command that waits for the end, in the order in which they were held back.
    held: BTreeMap<Held, Id>,
    /// How many have ever been held back.
    last_place: u64,
}

impl Pause {
    /// A pause in force is only made longer and stricter by another.
    pub(crate) fn start(&mut self, until_ms: i64, mode: PauseMode) {
        let (until_ms, mode) = match self.until {
            Some((old_until, old_mode)) => (until_ms.max(old_until), mode.max(old_mode)),
            None => (until_ms, mode),
        };
        self.until = Some((until_ms, mode));
    }

    pub(crate) fn end(&mut self) {
        self.until = None;
    }

    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.until.is_none() && self.holders == 0
    }

    #[inline]
    pub(crate) fn is_in_force(&self, now_ms: i64) -> bool {
        self.holders != 0 || self.until.is_some_and(|(until, _)| until > now_ms)
    }

    /// Writes wait, or do not any more, whatever clients have asked for.
    pub(crate) fn hold_writes(&mut self, holder: Holder, holds: bool) {
        let bit = 1 << holder as u8;
        self.holders = if holds {
            self.holders | bit
        } else {
            self.holders & !bit
        };
    }

    pub(crate) fn mode(&self, now_ms: i64) -> Option<PauseMode> {
        self.mode_of(now_ms, self.holders)
    }

    /// The same for the stream of our primary, which goes on while keys move.
    pub(crate) fn mode_of_stream(&self, now_ms: i64) -> Option<PauseMode> {
        self.mode_of(now_ms, self.holders & !(1 << Holder::Migration as u8))
    }

    fn mode_of(&self, now_ms: i64, holders: u8) -> Option<PauseMode> {
        let asked = self.until.filter(|(until, _)| *until > now_ms);
        let held = (holders != 0).then_some(PauseMode::Write);
        asked.map(|(_, mode)| mode).max(held)
    }

    pub(crate) fn until_ms(&self) -> Option<i64> {
        self.until.map(|(until, _)| until)
    }

    /// Whether the pause has just run out.
    pub(crate) fn is_over(&self, now_ms: i64) -> bool {
        self.until.is_some_and(|(until, _)| until <= now_ms)
    }

    /// Holds a session back until the pause ends.
    pub(crate) fn hold(&mut self, session: &mut Session) {
        self.last_place += 1;
        let place = Held(self.last_place);
        assert!(
            session.held.replace(place).is_none(),
            "a session that is held back runs nothing that could hold it back"
        );
        self.held.insert(place, session.id);
    }

    /// The session goes on or goes away.
    pub(crate) fn let_go(&mut self, session: &mut Session) {
        if let Some(place) = session.held.take() {
            self.held.remove(&place);
        }
    }

    /// Lets all go on, in the order in which they were held back.
    pub(crate) fn release(&mut self, sessions: &mut Sessions) {
        for (_, id) in std::mem::take(&mut self.held) {
            if let Some(session) = sessions.get_mut(id) {
                session.held = None;
                sessions.again.push(id);
            }
        }
    }

    pub(crate) fn held_count(&self) -> usize {
        self.held.len()
    }
}
