//! Scripts wait until the other members of their group are done.
//!
//! A script may run for long, and from a moment on others are let in meanwhile. But whoever is in the midst of a turn
//! cannot be let in. So nobody is: what runs a script is put off, and begins when all the others have had their
//! requests.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::prefetch::Pending;
use crate::engine::session::Session;
use crate::spec::flags::flag as command_flag;

use super::Turn;

impl Engine {
    /// Those that are about to run a script go on when the others are done: they may be at it for long, and then the
    /// others are let in meanwhile.
    #[inline]
    pub(super) fn finish_members(&mut self, group: &[Id], turn: &mut Turn) {
        for (member, &id) in turn.members.iter_mut().zip(group) {
            if member.is_put_off {
                self.sessions.busy.push(id);
            } else {
                self.finish_member(id, member);
            }
        }
        if !self.sessions.busy.is_empty() {
            self.finish_put_off(group, turn);
        }
    }

    #[cold]
    fn finish_put_off(&mut self, group: &[Id], turn: &mut Turn) {
        let Turn { members, ahead } = turn;
        for (member, &id) in members.iter_mut().zip(group) {
            if member.is_put_off {
                let (from, to) = (
                    member.first + member.done,
                    member.first + member.batch.len(),
                );
                self.run_requests(id, member, &ahead.pending[from..to]);
                self.finish_member(id, member);
                self.sessions.busy.retain(|other| *other != id);
            }
        }
    }
}

/// Whether a request runs a script, by itself or in a transaction.
#[inline]
pub(super) fn runs_script(session: &Session, pending: &Pending) -> bool {
    let flag = command_flag::NO_MANDATORY_KEYS;
    pending
        .command
        .is_some_and(|command| match &session.transaction {
            None => command.has(flag),
            Some(transaction) => {
                command.has(command_flag::RUNS_TRANSACTION) && transaction.flags.any(flag)
            }
        })
}
