//! INFO stats: counters since the start or the last CONFIG RESETSTAT. INFO debug: some that are for developers.

use crate::acl::log::Reason;
use crate::engine::run::ctx::Ctx;
use crate::pubsub::Kind;

use super::Report;

/// The order is that of Redis.
pub(crate) fn stats(ctx: &Ctx<'_>, report: &mut Report) {
    traffic(ctx, report);
    keys(ctx, report);
    names_and_helpers(ctx, report);
    errors_and_turns(ctx, report);
}

/// Connections, commands, and bytes that came and went.
fn traffic(ctx: &Ctx<'_>, report: &mut Report) {
    let stats = &ctx.services.stats;
    report.field("total_connections_received", stats.connections_received);
    report.field("total_commands_processed", stats.commands_processed);
    report.field("instantaneous_ops_per_sec", stats.samples.commands.mean());
    report.field("total_net_input_bytes", stats.net_input_bytes);
    report.field("total_net_output_bytes", stats.net_output_bytes);
    report.field("total_net_repl_input_bytes", stats.repl_input_bytes);
    report.field("total_net_repl_output_bytes", stats.repl_output_bytes);
    report.ratio(
        "instantaneous_input_kbps",
        stats.samples.input.mean() as f64 / 1024.0,
    );
    report.ratio(
        "instantaneous_output_kbps",
        stats.samples.output.mean() as f64 / 1024.0,
    );
    report.ratio(
        "instantaneous_input_repl_kbps",
        stats.samples.repl_input.mean() as f64 / 1024.0,
    );
    report.ratio(
        "instantaneous_output_repl_kbps",
        stats.samples.repl_output.mean() as f64 / 1024.0,
    );
    report.field("rejected_connections", stats.rejected_connections);
    report.field("sync_full", stats.full_syncs);
    report.field("sync_partial_ok", stats.partial_syncs);
    report.field("sync_partial_err", stats.refused_partial_syncs);
}

/// Keys that went, and clients that had to go with them; what was found and what was not.
fn keys(ctx: &Ctx<'_>, report: &mut Report) {
    let stats = &ctx.services.stats;
    let counters = &ctx.keys.space.counters;
    report.field("expired_subkeys", counters.expired_fields);
    report.field("expired_keys", counters.expired_keys);
    // Keys leave when their time has come; none is found stale by sampling.
    report.field("expired_stale_perc", "0.00");
    report.field(
        "expired_time_cap_reached_count",
        stats.expire_turns_unfinished,
    );
    report.field(
        "expire_cycle_cpu_milliseconds",
        stats.expire_cycle_ns / 1_000_000,
    );
    report.field("evicted_keys", counters.evicted_keys);
    report.field("evicted_clients", stats.evicted_clients);
    report.field("evicted_scripts", ctx.services.scripts.evicted);
    let excess_us =
        (stats.excess_since_us).map_or(0, |since_us| ctx.now.monotonic_us.saturating_sub(since_us));
    report.field(
        "total_eviction_exceeded_time",
        (stats.excess_us + excess_us) / 1000,
    );
    report.field("current_eviction_exceeded_time", excess_us / 1000);
    report.field("keyspace_hits", counters.hits);
    report.field("keyspace_misses", counters.misses);
}

/// Who listens and who caches, and what others do with processes of their own.
fn names_and_helpers(ctx: &Ctx<'_>, report: &mut Report) {
    let pubsub = &ctx.services.pubsub;
    let tracking = &ctx.services.tracking;
    report.field("pubsub_channels", pubsub.count(Kind::Channel));
    report.field("pubsub_patterns", pubsub.count(Kind::Pattern));
    report.field("pubsubshard_channels", pubsub.count(Kind::Shard));
    // Nothing forks: snapshots are taken by the loop and written by a thread. But they are counted.
    report.field("latest_fork_usec", 0);
    report.field("total_forks", ctx.services.stats.snapshots);
    // There is no MIGRATE.
    report.field(
        "migrate_cached_sockets",
        ctx.services.migrations.kept_connections,
    );
    // Of replicas one can write to.
    report.field("slave_expires_tracked_keys", ctx.keys.space.own_count());
    // Entries stay where they are.
    report.field("active_defrag_hits", 0);
    report.field("active_defrag_misses", 0);
    report.field("active_defrag_key_hits", 0);
    report.field("active_defrag_key_misses", 0);
    report.field("total_active_defrag_time", 0);
    report.field("current_active_defrag_time", 0);
    report.field("tracking_total_keys", tracking.key_count());
    report.field("tracking_total_items", tracking.item_count());
    report.field("tracking_total_prefixes", tracking.prefix_count());
}

/// Errors, limits that were met, and the turns of the loop.
fn errors_and_turns(ctx: &Ctx<'_>, report: &mut Report) {
    let stats = &ctx.services.stats;
    report.field("unexpected_error_replies", stats.unexpected_error_replies);
    report.field("total_error_replies", stats.total_error_replies);
    report.field("dump_payload_sanitizations", stats.payloads_sanitized);
    report.field("total_reads_processed", stats.reads_processed);
    report.field("total_writes_processed", stats.writes_processed);
    // One thread reads and writes for all clients.
    report.field("io_threaded_reads_processed", 0);
    report.field("io_threaded_writes_processed", 0);
    report.field(
        "client_query_buffer_limit_disconnections",
        stats.query_buffer_limit_disconnections,
    );
    // The latest have not been collected yet.
    let overflowed = stats.output_buffer_limit_disconnections + ctx.sessions.overflowed;
    report.field("client_output_buffer_limit_disconnections", overflowed);
    // A client has no buffer for replies whose size would follow its habits: an output grows with what is in it.
    report.field("reply_buffer_shrinks", 0);
    report.field("reply_buffer_expands", 0);
    report.field("eventloop_cycles", stats.eventloop_cycles);
    report.field("eventloop_duration_sum", stats.eventloop_ns / 1000);
    report.field(
        "eventloop_duration_cmd_sum",
        stats.eventloop_commands_ns / 1000,
    );
    report.field(
        "instantaneous_eventloop_cycles_per_sec",
        stats.samples.cycles.mean(),
    );
    report.field(
        "instantaneous_eventloop_duration_usec",
        stats.samples.cycle_us.mean(),
    );
    let denied = [
        ("acl_access_denied_auth", Reason::Auth),
        ("acl_access_denied_cmd", Reason::Command),
        ("acl_access_denied_key", Reason::Key),
        ("acl_access_denied_channel", Reason::Channel),
    ];
    for (name, reason) in denied {
        report.field(name, ctx.services.denials.count(reason));
    }
    // Redis has no such line, and users who are held to databases only where somebody wanted it so.
    let by_database = ctx.services.denials.count(Reason::Database);
    if by_database > 0 {
        report.field("acl_access_denied_db", by_database);
    }
    if ctx.services.config.cluster_compatibility_sample_ratio != 0 {
        report.field("cluster_incompatible_ops", stats.cluster_incompatible_ops);
    }
}

pub(crate) fn debug(ctx: &Ctx<'_>, report: &mut Report) {
    let stats = &ctx.services.stats;
    report.field("eventloop_duration_aof_sum", stats.eventloop_aof_ns / 1000);
    report.field(
        "eventloop_duration_cron_sum",
        stats.eventloop_cron_ns / 1000,
    );
    report.field("eventloop_duration_max", stats.eventloop_max_ns / 1000);
    report.field(
        "eventloop_cmd_per_cycle_max",
        stats.eventloop_commands_per_cycle_max,
    );
}
