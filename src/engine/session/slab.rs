//! All sessions, each at a place of its own. The one whose command runs is *lent out* of here for that command.
//!
//! Invariants: a session listed in `by_number` exists, at its place or lent out; at most one is lent out.

use std::collections::BTreeMap;

use crate::acl::Identity;
use crate::base::slab::Id;
use crate::config::OutputLimits;

use super::{Class, Session};

/// All sessions. Indexed by the transport's own ids, so no look-up stands between a socket and its session.
#[derive(Default)]
pub(crate) struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    by_number: BTreeMap<u64, Id>,
    last_number: u64,
    /// Sessions with output that the transport has not been told of.
    pub(crate) with_output: Vec<Id>,
    /// Sessions that the transport shall drop.
    pub(crate) to_close: Vec<Id>,
    /// Sessions that may go on without new bytes: their wait ended, or their share of the turn was used up.
    pub(crate) again: Vec<Id>,
    /// Sessions with a request that took long, for the transport to remember.
    pub(crate) took_long: Vec<Id>,
    /// Sessions of the group at hand that run a script, or are about to.
    pub(crate) busy: Vec<Id>,
    /// The limits of output, and the time: copies, so that code that appends to an output can judge.
    pub(crate) output_limits: OutputLimits,
    /// The smallest of those limits: a session that has less output cannot be over any of them.
    pub(crate) output_limit_min: u64,
    pub(crate) now_us: u64,
    /// Sessions closed because their output was over a limit, since the engine last looked.
    pub(crate) overflowed: u64,
    /// Whether `memory` is kept.
    pub(crate) counts_memory: bool,
    /// Memory of all sessions that count towards `maxmemory-clients`; kept only while there is such a limit.
    pub(crate) memory: usize,
}

impl Sessions {
    /// Makes a session for a connection that the transport calls `id`.
    pub(crate) fn open(&mut self, id: Id, now_us: u64, user: Identity) -> &mut Session {
        let index = id.index as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.last_number += 1;
        self.by_number.insert(self.last_number, id);
        self.slots[index].insert(Box::new(Session::new(id, self.last_number, now_us, user)))
    }

    #[inline]
    pub(crate) fn get(&self, id: Id) -> Option<&Session> {
        self.slots
            .get(id.index as usize)?
            .as_deref()
            .filter(|session| session.id == id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Session> {
        self.slots
            .get_mut(id.index as usize)?
            .as_deref_mut()
            .filter(|session| session.id == id)
    }

    /// Takes a session out for the time of a command; [`Sessions::put_back`] must follow.
    #[inline]
    pub(crate) fn lend(&mut self, id: Id) -> Option<Box<Session>> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.as_ref().is_some_and(|session| session.id == id) {
            slot.take()
        } else {
            None
        }
    }

    #[inline]
    pub(crate) fn put_back(&mut self, session: Box<Session>) {
        let index = session.id.index as usize;
        debug_assert!(
            self.slots[index].is_none(),
            "a lent session's slot stays empty"
        );
        self.slots[index] = Some(session);
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<Box<Session>> {
        let session = self.lend(id)?;
        self.memory = self.memory.saturating_sub(session.memory_counted);
        self.by_number.remove(&session.number);
        Some(session)
    }

    pub(crate) fn by_number(&self, number: u64) -> Option<Id> {
        self.by_number.get(&number).copied()
    }

    /// Numbers of all sessions, the lent one included, in order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.by_number.keys().copied()
    }

    /// Ids of all sessions, lent ones included, in the order of their numbers.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.by_number.values().copied()
    }

    /// How many places there are, taken or not: for walks that go on where they stopped.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }
    /// The session at a place.
    pub(crate) fn at_slot(&self, index: usize) -> Option<&Session> {
        self.slots.get(index)?.as_deref()
    }

    /// All sessions but the one that is lent out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().filter_map(|slot| slot.as_deref_mut())
    }

    /// How many there are, the lent one included.
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Tells the transport that `id` has something to write.
    #[inline]
    pub(crate) fn has_output(&mut self, id: Id) {
        self.with_output.push(id);
    }

    /// Marks a session for closing without another word, and tells the transport. The one that is lent out is marked
    /// by its command.
    pub(crate) fn close(&mut self, id: Id) {
        if let Some(session) = self.get_mut(id) {
            session.close_now();
            self.to_close.push(id);
        }
    }

    /// Counts the memory of a session anew.
    pub(crate) fn count_memory(&mut self, session: &mut Session) {
        let counted = match session.class() {
            Class::Normal | Class::Pubsub => session.memory(),
            Class::Replica | Class::Primary => 0,
        };
        self.memory = (self.memory + counted).saturating_sub(session.memory_counted);
        session.memory_counted = counted;
    }
}
