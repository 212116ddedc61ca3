//! How large the compact forms of values may grow, as the configuration says, and what their tables are keyed with.
//!
//! The types know neither the configuration nor the seed; code that makes or changes a value asks here.

use crate::engine::run::ctx::Ctx;
use crate::persist::rdb;
use crate::types::hash::HashLimits;
use crate::types::set::SetLimits;
use crate::types::stream::StreamLimits;
use crate::types::zset::ZsetLimits;

pub(crate) fn hash(ctx: &Ctx<'_>) -> HashLimits {
    ctx.services.config.hash_limits(ctx.keys.space.seed())
}

pub(crate) fn set(ctx: &Ctx<'_>) -> SetLimits {
    ctx.services.config.set_limits(ctx.keys.space.seed())
}

pub(crate) fn zset(ctx: &Ctx<'_>) -> ZsetLimits {
    ctx.services.config.zset_limits(ctx.keys.space.seed())
}

pub(crate) fn stream(ctx: &Ctx<'_>) -> StreamLimits {
    let config = &ctx.services.config;
    StreamLimits {
        block_bytes_max: config.stream_node_max_bytes,
        block_entries_max: config.stream_node_max_entries,
    }
}

/// Of all types, for what is read from a payload.
pub(crate) fn all(ctx: &Ctx<'_>) -> rdb::Limits {
    rdb::Limits {
        list: ctx
            .services
            .config
            .list_limits(ctx.services.debug.big_list_element),
        set: set(ctx),
        hash: hash(ctx),
        zset: zset(ctx),
    }
}
