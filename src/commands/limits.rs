//! How large the compact forms of values may grow, as the configuration says, and what their tables are keyed with.
//!
//! The types know neither the configuration nor the seed; whatever makes or changes a value asks here.

use crate::engine::ctx::Ctx;
use crate::types::hash::HashLimits;
use crate::types::set::SetLimits;
use crate::types::stream::StreamLimits;
use crate::types::zset::ZsetLimits;

pub fn hash(ctx: &Ctx<'_>) -> HashLimits {
    ctx.services.config.hash_limits(ctx.keys.space.seed())
}

pub fn set(ctx: &Ctx<'_>) -> SetLimits {
    ctx.services.config.set_limits(ctx.keys.space.seed())
}

pub fn zset(ctx: &Ctx<'_>) -> ZsetLimits {
    ctx.services.config.zset_limits(ctx.keys.space.seed())
}

pub fn stream(ctx: &Ctx<'_>) -> StreamLimits {
    let config = &ctx.services.config;
    StreamLimits {
        block_bytes_max: config.stream_node_max_bytes,
        block_entries_max: config.stream_node_max_entries,
    }
}
