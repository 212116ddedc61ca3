//! Commands that a cluster would not run, counted on request.
//!
//! The counter helps an operator before a migration to a cluster: it counts commands whose keys belong to different
//! slots, transactions and SORT patterns that cross slots, and databases other than 0. With
//! `cluster-compatibility-sample-ratio` a share of all commands is looked at, and INFO counts what was found. Other
//! databases are counted whatever the ratio, since that costs nothing.

use crate::base::crc::key_slot;
use crate::observe::Stats;
use crate::script;
use crate::spec::keys::{self, Wanted};
use crate::wire::args::Args;

use crate::engine::Engine;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::facts::Facts;
use crate::engine::session::Transaction;

impl Engine {
    /// Looks at the keys of a command that a client sent, now and then.
    #[cold]
    pub(super) fn note_slots(&mut self, command: &Facts, args: Args<'_>) {
        let percent = self.services.config.cluster_compatibility_sample_ratio;
        if self.keyspace.rng.below(100) < u64::from(percent) && crosses_slots([(command, args)]) {
            self.services.stats.cluster_incompatible_ops += 1;
        }
    }
}

/// The same for all that a transaction is about to do.
pub(crate) fn note_transaction(ctx: &mut Ctx<'_>, transaction: &Transaction) {
    let queue = transaction.queue.iter();
    if is_sampled(ctx) && crosses_slots(queue.map(|queued| (queued.command, queued.args.as_args())))
    {
        ctx.services.stats.cluster_incompatible_ops += 1;
    }
}

/// A command names keys that no cluster could check before it runs: those that `pattern` stands for.
pub(crate) fn note_pattern(ctx: &mut Ctx<'_>, key: &[u8], pattern: &[u8]) {
    if is_sampled(ctx) && key_slot(pattern) != key_slot(key) {
        ctx.services.stats.cluster_incompatible_ops += 1;
    }
}

/// A command concerns a database of this number; a cluster has only the first.
pub(crate) fn note_database(stats: &mut Stats, is_elsewhere: bool) {
    stats.cluster_incompatible_ops += u64::from(is_elsewhere);
}

fn is_sampled(ctx: &mut Ctx<'_>) -> bool {
    let percent = ctx.services.config.cluster_compatibility_sample_ratio;
    percent != 0 && ctx.keys.space.rng.below(100) < u64::from(percent)
}

/// The slots that a script reaches.
pub(crate) struct ScriptSlots {
    first: Option<u16>,
    /// Only the keys of one command must agree.
    may_cross: bool,
}

impl ScriptSlots {
    /// For a script that is looked at. One whose keys cross slots has been counted with its command.
    pub(crate) fn begin(ctx: &mut Ctx<'_>, flags: script::Flags, args: Args<'_>) -> Option<Self> {
        if flags.no_cluster {
            ctx.services.stats.cluster_incompatible_ops += 1;
            return None;
        }
        let may_cross = flags.allow_cross_slot_keys;
        let is_looked_at = is_sampled(ctx) && !crosses_slots([(&ctx.command.facts, args)]);
        is_looked_at.then_some(Self {
            first: None,
            may_cross,
        })
    }

    /// Whether a command of the script's is the first to cross slots.
    #[cold]
    pub(crate) fn crosses(&mut self, command: &Facts, args: Args<'_>) -> bool {
        if self.may_cross {
            self.first = None;
        }
        leaves_slot(&mut self.first, command, args)
    }
}

fn crosses_slots<'a>(requests: impl IntoIterator<Item = (&'a Facts, Args<'a>)>) -> bool {
    let mut first = None;
    (requests.into_iter()).any(|(command, args)| leaves_slot(&mut first, command, args))
}

/// Whether a command names a key of another slot than the first key of all.
fn leaves_slot(first: &mut Option<u16>, command: &Facts, args: Args<'_>) -> bool {
    let mut found = Vec::new();
    let wanted = Wanted::KeysAndShardChannels;
    keys::extract(command.spec, &args, wanted, &mut found);
    found.iter().any(|key| {
        let slot = key_slot(args.at(key.index));
        *first.get_or_insert(slot) != slot
    })
}
