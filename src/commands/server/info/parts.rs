//! The sections of INFO about the other parts: clients, files, threads, replicas, cluster.

use crate::engine::ctx::Ctx;
use crate::engine::persistence::Progress;
use crate::engine::session::{Session, flag};
use crate::engine::snapshot::Purpose;

use super::Report;

/// All sessions, the one that asks included.
pub fn sessions<'a>(ctx: &'a Ctx<'_>) -> impl Iterator<Item = &'a Session> {
    ctx.sessions.iter().chain(std::iter::once(&*ctx.session))
}

pub fn clients(ctx: &Ctx<'_>, report: &mut Report) {
    let count =
        |is_one: &dyn Fn(&Session) -> bool| sessions(ctx).filter(|session| is_one(session)).count();
    let replicas = count(&|session| session.has(flag::REPLICA));
    let blocking = &ctx.services.blocking;
    report.field("connected_clients", ctx.sessions.len() - replicas);
    report.field("cluster_connections", 0);
    report.field("maxclients", ctx.services.config.maxclients);
    report.field(
        "client_recent_max_input_buffer",
        sessions(ctx)
            .map(|session| session.input_peak)
            .max()
            .unwrap_or(0),
    );
    report.field(
        "client_recent_max_output_buffer",
        sessions(ctx)
            .map(|session| session.output_peak)
            .max()
            .unwrap_or(0),
    );
    report.field("blocked_clients", blocking.parked_count);
    report.field("tracking_clients", ctx.services.tracking.session_count());
    report.field(
        "pubsub_clients",
        count(&|session| !session.subscriptions.is_empty()),
    );
    report.field(
        "watching_clients",
        count(&|session| !session.watched.is_empty()),
    );
    report.field("clients_in_timeout_table", blocking.deadline_count());
    report.field("total_watched_keys", ctx.services.watchers.key_count());
    report.field("total_blocking_keys", blocking.key_count());
    report.field(
        "total_blocking_keys_on_nokey",
        blocking.key_count_when_gone(),
    );
}

pub fn persistence(ctx: &Ctx<'_>, report: &mut Report) {
    let files = &ctx.services.persistence;
    let snapshots = &ctx.services.snapshots;
    let running = snapshots.running.as_ref();
    let since = |purpose| {
        running
            .filter(|running| running.purpose == purpose)
            .map_or(-1, |running| ctx.now.unix_ms / 1000 - running.started_s)
    };
    report.field("loading", u8::from(files.loading.is_some()));
    report.field("async_loading", 0);
    // What a child would have had copied for it by the kernel is what changes have made the snapshot copy. It is
    // counted as it comes, so it is never old and never gets less.
    let copied = running.map_or(0, |_| ctx.keys.space.copied_for_freeze());
    let processed = running.map_or(0, |running| running.progress.keys());
    let total = running.map_or(0, |running| running.keys_total);
    let percent = if total == 0 {
        0.0
    } else {
        processed as f64 / total as f64 * 100.0
    };
    report.field("current_cow_peak", copied);
    report.field("current_cow_size", copied);
    report.field("current_cow_size_age", 0);
    report.field("current_fork_perc", format_args!("{percent:.2}"));
    report.field("current_save_keys_processed", processed);
    report.field("current_save_keys_total", total);
    report.field("rdb_changes_since_last_save", ctx.keys.space.journal.dirty);
    report.field(
        "rdb_bgsave_in_progress",
        u8::from(snapshots.is_saving(Purpose::Rdb)),
    );
    report.field("rdb_last_save_time", files.last_save_s);
    report.field("rdb_last_bgsave_status", status(!files.last_bgsave_failed));
    report.field(
        "rdb_last_bgsave_time_sec",
        snapshots.last_took_s.unwrap_or(-1),
    );
    report.field("rdb_current_bgsave_time_sec", since(Purpose::Rdb));
    report.field("rdb_saves", files.saves);
    let copied_last = |purpose| snapshots.copied_last[purpose as usize];
    report.field("rdb_last_cow_size", copied_last(Purpose::Rdb));
    report.field("rdb_last_load_keys_expired", files.last_load.expired);
    report.field("rdb_last_load_keys_loaded", files.last_load.loaded);
    let appending = &ctx.services.appending;
    report.field("aof_enabled", u8::from(appending.is_fed()));
    report.field(
        "aof_rewrite_in_progress",
        u8::from(snapshots.is_saving(Purpose::AofRewrite)),
    );
    report.field(
        "aof_rewrite_scheduled",
        u8::from(appending.is_rewrite_scheduled),
    );
    report.field(
        "aof_last_rewrite_time_sec",
        appending.last_rewrite_took_s.unwrap_or(-1),
    );
    report.field("aof_current_rewrite_time_sec", since(Purpose::AofRewrite));
    report.field(
        "aof_last_bgrewrite_status",
        status(!appending.last_rewrite_failed),
    );
    report.field("aof_rewrites", appending.rewrites);
    report.field(
        "aof_rewrites_consecutive_failures",
        appending.failures_in_a_row,
    );
    report.field("aof_last_write_status", status(appending.error().is_none()));
    report.field("aof_last_cow_size", copied_last(Purpose::AofRewrite));
    report.field("module_fork_in_progress", 0);
    report.field("module_fork_last_cow_size", 0);
    if appending.is_fed() {
        report.field("aof_current_size", appending.size);
        report.field("aof_base_size", appending.base_size);
        report.field(
            "aof_pending_rewrite",
            u8::from(appending.is_rewrite_scheduled),
        );
        report.field(
            "aof_buffer_length",
            appending.unwritten + appending.feed.bytes.len(),
        );
        report.field("aof_pending_bio_fsync", u8::from(appending.is_syncing));
        report.field("aof_delayed_fsync", appending.delayed_fsyncs);
    }
    if let Some(progress) = &files.loading {
        loading(ctx, report, progress);
    }
}

fn loading(ctx: &Ctx<'_>, report: &mut Report, progress: &Progress) {
    let left = progress.bytes_total.saturating_sub(progress.bytes);
    let percent = progress.bytes as f64 * 100.0 / progress.bytes_total.max(1) as f64;
    let elapsed_s = (ctx.now.unix_ms / 1000 - progress.started_s).max(0) as u64;
    let eta_s = match elapsed_s {
        0 => 1,
        elapsed_s => {
            (u128::from(elapsed_s) * u128::from(left) / (u128::from(progress.bytes) + 1)) as u64
        }
    };
    report.field("loading_start_time", progress.started_s);
    report.field("loading_total_bytes", progress.bytes_total);
    report.field("loading_rdb_used_mem", progress.used_memory);
    report.field("loading_loaded_bytes", progress.bytes);
    report.ratio("loading_loaded_perc", percent);
    report.field("loading_eta_seconds", eta_s);
}

fn status(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "err" }
}

/// The one thread that serves clients.
pub fn threads(ctx: &Ctx<'_>, report: &mut Report) {
    let stats = &ctx.services.stats;
    report.field(
        "io_thread_0",
        format_args!(
            "clients={},reads={},writes={}",
            ctx.sessions.len(),
            stats.reads_processed,
            stats.writes_processed
        ),
    );
}

pub fn replication(ctx: &Ctx<'_>, report: &mut Report) {
    report.field("role", "master");
    report.field(
        "connected_slaves",
        sessions(ctx)
            .filter(|session| session.has(flag::REPLICA))
            .count(),
    );
    report.field("master_failover_state", "no-failover");
    report.field("master_replid", &ctx.services.server.replication_id);
    report.field("master_replid2", "0".repeat(40));
    report.field("master_repl_offset", 0);
    report.field("second_repl_offset", -1);
    report.field("repl_backlog_active", 0);
    report.field("repl_backlog_size", ctx.services.config.repl_backlog_size);
    report.field("repl_backlog_first_byte_offset", 0);
    report.field("repl_backlog_histlen", 0);
}

pub fn cluster(ctx: &Ctx<'_>, report: &mut Report) {
    report.field(
        "cluster_enabled",
        u8::from(ctx.services.config.cluster_enabled),
    );
}
