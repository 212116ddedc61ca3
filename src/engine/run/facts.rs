//! The facts of a command that others keep: what it is, without what runs it.
//!
//! A session remembers commands: the last one, the one that it waits with, those that MULTI has queued. A handler in
//! turn reaches a session. So that neither has to know the other, a session keeps these facts, and the table gives the
//! command for them when it is to run ([`Table::command`](super::table::Table::command)).

use crate::acl::{Reach, commands};
use crate::keyspace::KeyHint;
use crate::spec::Spec;
use crate::spec::flags::{Flags, flag as command_flag};
use crate::wire::args::Args;

pub struct Facts {
    pub spec: &'static Spec,
    /// Index into the per-command statistics, and into the table's commands.
    pub(crate) index: usize,
    /// The number by which users' permissions know it.
    pub(crate) number: u16,
    /// What it asks of them.
    pub(crate) reach: Reach,
    /// Position of the first key when it is at a fixed place, else 0: what the prefetcher looks at.
    pub(crate) first_key: u8,
    /// Position of the first element of that key's value that it names, likewise.
    pub(crate) element: u8,
    /// Whether it concerns nothing but the keyspace; see [`plain`](super::plain).
    pub(crate) is_plain: bool,
}

impl Facts {
    pub(super) fn new(spec: &'static Spec, index: usize) -> Self {
        Self {
            spec,
            index,
            number: commands::number(spec),
            reach: Reach::of(spec),
            first_key: spec.key_range().0.clamp(0, 255) as u8,
            element: spec.element(),
            is_plain: is_plain(spec),
        }
    }

    /// The hash of the first key that a request names, where it is known already.
    #[inline]
    pub(crate) fn first_key_hint<'a>(&self, args: Args<'a>, hash: Option<u64>) -> KeyHint<'a> {
        match (hash, args.get(self.first_key as usize)) {
            (Some(hash), Some(key)) => KeyHint::new(key, hash),
            _ => KeyHint::default(),
        }
    }

    #[inline]
    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.spec.flags.any(flags)
    }

    /// What users' permissions have to be asked.
    #[inline]
    pub(crate) fn asks(&self) -> (&'static Spec, u16, Reach) {
        (self.spec, self.number, self.reach)
    }

    /// `get`, or `config|get`.
    #[inline]
    pub fn name(&self) -> &'static str {
        self.spec.name
    }
}

/// Whether a command concerns nothing but the keyspace.
fn is_plain(spec: &Spec) -> bool {
    spec.flags.any(command_flag::READONLY | command_flag::WRITE)
        && !(spec.flags).any(command_flag::BLOCKING | command_flag::ASKS_ANOTHER)
        && spec.key_range().0 > 0
        && !spec.is_container()
        && spec.protected_by.is_none()
}
