//! The sections of INFO about the other parts: clients, files, threads, replicas, cluster.

use crate::engine::dataset::Progress;
use crate::engine::dataset::order::Purpose;
use crate::engine::run::ctx::Ctx;
use crate::engine::session::{Class, Session};

use super::Report;

pub(crate) fn clients(ctx: &Ctx<'_>, report: &mut Report) {
    let count = |is_one: &dyn Fn(&Session) -> bool| {
        ctx.all_sessions().filter(|session| is_one(session)).count()
    };
    let replicas = count(&|session| session.class() == Class::Replica);
    let blocking = &ctx.services.blocking;
    report.field("connected_clients", ctx.sessions.len() - replicas);
    // There is no cluster bus.
    report.field("cluster_connections", 0);
    report.field("maxclients", ctx.services.config.maxclients);
    report.field(
        "client_recent_max_input_buffer",
        ctx.all_sessions()
            .map(|session| session.input_peak)
            .max()
            .unwrap_or(0),
    );
    report.field(
        "client_recent_max_output_buffer",
        ctx.all_sessions()
            .map(|session| session.output_peak)
            .max()
            .unwrap_or(0),
    );
    let waiting = blocking.wait_count() + ctx.services.pause.held_count();
    report.field("blocked_clients", waiting);
    report.field("tracking_clients", ctx.services.tracking.session_count());
    report.field("pubsub_clients", count(&|session| session.is_subscribed()));
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

pub(crate) fn persistence(ctx: &Ctx<'_>, report: &mut Report) {
    let files = &ctx.services.persistence;
    let snapshots = &ctx.services.snapshots;
    let running = snapshots.running.as_ref();
    let is_beside = ctx.services.server.serves_while_loading;
    report.field("loading", u8::from(files.loading.is_some() && !is_beside));
    report.field("async_loading", u8::from(is_beside));
    // Changes make the snapshot copy what the kernel would have copied for a child. It is counted as it comes, so it is
    // never old and never gets less.
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
        u8::from(snapshots.is_saving(Purpose::Rdb) || snapshots.is_saving(Purpose::Replicas)),
    );
    report.field("rdb_last_save_time", files.last_save_s);
    report.field("rdb_last_bgsave_status", status(!files.last_bgsave_failed));
    report.field(
        "rdb_last_bgsave_time_sec",
        snapshots.last_took_s.unwrap_or(-1),
    );
    report.field("rdb_current_bgsave_time_sec", since(ctx, Purpose::Rdb));
    report.field("rdb_saves", files.saves);
    let copied_last = snapshots.copied_last[Purpose::Rdb as usize];
    report.field("rdb_last_cow_size", copied_last);
    report.field("rdb_last_load_keys_expired", files.last_load.expired);
    report.field("rdb_last_load_keys_loaded", files.last_load.loaded);
    log(ctx, report);
    if let Some(progress) = &files.loading {
        loading(ctx, report, progress);
    }
}

/// For how many seconds a snapshot has been written for this.
fn since(ctx: &Ctx<'_>, purpose: Purpose) -> i64 {
    let running = ctx.services.snapshots.running.as_ref();
    running
        .filter(|running| running.purpose == purpose)
        .map_or(-1, |running| ctx.now.unix_ms / 1000 - running.started_s)
}

/// The part of `persistence` that is about the append-only log.
fn log(ctx: &Ctx<'_>, report: &mut Report) {
    let appending = &ctx.services.appending;
    let snapshots = &ctx.services.snapshots;
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
    report.field(
        "aof_current_rewrite_time_sec",
        since(ctx, Purpose::AofRewrite),
    );
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
    let copied_last = snapshots.copied_last[Purpose::AofRewrite as usize];
    report.field("aof_last_cow_size", copied_last);
    // There are no modules.
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
pub(crate) fn threads(ctx: &Ctx<'_>, report: &mut Report) {
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

pub(crate) fn cluster(ctx: &Ctx<'_>, report: &mut Report) {
    report.field(
        "cluster_enabled",
        u8::from(ctx.services.config.cluster_enabled),
    );
}
