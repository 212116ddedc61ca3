//! What a cluster would not do, counted on request.
//!
//! Who thinks of moving to a cluster wants to know which of his commands would be refused there: those whose keys
//! belong to different slots, transactions and SORT patterns that cross them, and everything that concerns another
//! database. With `cluster-compatibility-sample-ratio` a share of all commands is looked at, and INFO counts what was
//! found. Other databases are counted whatever the ratio, since that costs nothing.

use crate::base::crc::key_slot;
use crate::observe::Stats;
use crate::spec::keys::{self, Wanted};
use crate::wire::args::Args;

use super::Engine;
use super::command::Command;
use super::ctx::Ctx;
use super::session::Transaction;

impl Engine {
    /// Looks at the keys of a command that a client sent, now and then.
    #[cold]
    pub(super) fn note_slots(&mut self, command: &Command, args: Args<'_>) {
        let percent = self.services.config.cluster_compatibility_sample_ratio;
        if self.keyspace.rng.below(100) < u64::from(percent) && crosses_slots([(command, args)]) {
            self.services.stats.cluster_incompatible_ops += 1;
        }
    }
}

/// The same for all that a transaction is about to do.
pub fn note_transaction(ctx: &mut Ctx<'_>, transaction: &Transaction) {
    let queue = transaction.queue.iter();
    if is_sampled(ctx) && crosses_slots(queue.map(|queued| (queued.command, queued.args.as_args())))
    {
        ctx.services.stats.cluster_incompatible_ops += 1;
    }
}

/// A command names keys that no cluster could check before it runs: those that `pattern` stands for.
pub fn note_pattern(ctx: &mut Ctx<'_>, key: &[u8], pattern: &[u8]) {
    if is_sampled(ctx) && key_slot(pattern) != key_slot(key) {
        ctx.services.stats.cluster_incompatible_ops += 1;
    }
}

/// A command concerns a database of this number; a cluster has only the first.
pub fn note_database(stats: &mut Stats, is_elsewhere: bool) {
    stats.cluster_incompatible_ops += u64::from(is_elsewhere);
}

fn is_sampled(ctx: &mut Ctx<'_>) -> bool {
    let percent = ctx.services.config.cluster_compatibility_sample_ratio;
    percent != 0 && ctx.keys.space.rng.below(100) < u64::from(percent)
}

fn crosses_slots<'a>(requests: impl IntoIterator<Item = (&'a Command, Args<'a>)>) -> bool {
    let mut first = None;
    let mut found = Vec::new();
    requests.into_iter().any(|(command, args)| {
        found.clear();
        keys::extract(
            command.spec,
            &args,
            Wanted::KeysAndShardChannels,
            &mut found,
        );
        found.iter().any(|key| {
            let slot = key_slot(args.at(key.index));
            *first.get_or_insert(slot) != slot
        })
    })
}
