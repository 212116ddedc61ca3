//! What a script has changed is taken back.
//!
//! Before a command of the script may change a key, the key is put aside as it is, or that there is none; at the end
//! all of them are put back. While the script runs nobody else changes anything, so the data set is what it was. Nobody
//! hears of it either: the journal keeps no facts, the count of changes is set back, and nothing goes into the stream.
//!
//! It is not good at large values, which are copied. Commands whose changes are not in the keys that they name are
//! refused ([`Undo::covers`]).

use std::collections::HashMap;

use crate::engine::run::ctx::Ctx;
use crate::engine::run::facts::Facts;
use crate::keyspace::journal::interest;
use crate::keyspace::{Expiry, Keys, Site};
use crate::spec::flags::flag as command_flag;
use crate::spec::keys::{self, Wanted};
use crate::store::Taken;
use crate::types::Value;
use crate::wire::args::Args;

pub(crate) struct Undo {
    /// The keys that may have been changed, with their databases, as they were.
    kept: HashMap<(u16, Vec<u8>), Option<Taken<Value>>>,
    dirty: u64,
    interest: u8,
}

/// Why a command is not run.
pub(crate) const REFUSAL: &[u8] =
    b"ERR What this command does cannot be taken back. Use SCRIPT DEBUG SYNC to debug a script that calls it";

impl Undo {
    pub(crate) fn begin(ctx: &Ctx<'_>) -> Self {
        let journal = &ctx.keys.space.journal;
        Self {
            kept: HashMap::new(),
            dirty: journal.dirty,
            interest: journal.interest,
        }
    }

    /// Whether all that a command changes is in keys that it names.
    pub(crate) fn covers(command: &Facts) -> bool {
        let changes = command_flag::WRITE | command_flag::MAY_REPLICATE;
        let is_elsewhere = command_flag::PUBSUB | command_flag::ASKS_ANOTHER;
        !command.has(changes | is_elsewhere)
            || keys::has_keys(command.spec) && !command.has(is_elsewhere)
    }

    /// Puts aside what a command may change. Its own database is not all: some commands name another.
    pub(crate) fn keep(&mut self, ctx: &mut Ctx<'_>, command: &Facts, args: Args<'_>) {
        ctx.keys.space.journal.interest = interest::NOBODY;
        if !command.has(command_flag::WRITE | command_flag::MAY_REPLICATE) {
            return;
        }
        let mut found = Vec::new();
        keys::extract(command.spec, &args, Wanted::Keys, &mut found);
        let now_ms = ctx.now.unix_ms;
        for db in 0..ctx.keys.space.dbs.len() as u16 {
            let mut keys = Keys::new(ctx.keys.space, db, now_ms, Expiry::Show);
            for key in &found {
                let key = args.at(key.index);
                let spot = keys.find(key);
                self.kept
                    .entry((db, key.to_vec()))
                    .or_insert_with(|| spot.map(|spot| keys.duplicate(spot)));
            }
        }
    }

    /// The data set is again what it was.
    pub(crate) fn take_back(self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.unix_ms;
        ctx.keys.space.journal.interest = interest::NOBODY;
        for ((db, key), taken) in self.kept {
            let mut keys = Keys::new(ctx.keys.space, db, now_ms, Expiry::Show);
            let lazily = keys.space.lazy.server_del;
            match taken {
                Some(taken) => {
                    let (vacancy, _) = keys.vacate(&key, lazily);
                    keys.put_taken(vacancy, taken);
                }
                None => {
                    if let Site::Taken(spot) = keys.site(&key) {
                        keys.remove_at(spot, lazily);
                    }
                }
            }
        }
        let journal = &mut ctx.keys.space.journal;
        journal.dirty = self.dirty;
        journal.interest = self.interest;
    }
}
