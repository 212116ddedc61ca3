//! INFO replication: the role, the link to the primary, the replicas, the stream. Sentinels read these lines.

use crate::engine::replication::{Failover, LinkState, Replication, Upstream, ip_of};
use crate::engine::run::ctx::Ctx;
use crate::engine::session::Session;
use crate::repl::Replica;
use crate::repl::payload::Payload;

use super::Report;

pub(crate) fn replication(ctx: &Ctx<'_>, report: &mut Report) {
    let config = &ctx.services.config;
    let replication = &ctx.services.replication;
    let role = if replication.is_replica() {
        "slave"
    } else {
        "master"
    };
    report.field("role", role);
    if let Some(upstream) = &replication.upstream {
        link(ctx, report, upstream);
    }
    report.field("connected_slaves", replication.attached().count());
    if config.min_replicas_to_write != 0 && config.min_replicas_max_lag_s != 0 {
        report.field("min_slaves_good_slaves", replication.good_replicas);
    }
    for (number, replica) in replication.attached().enumerate() {
        report.field(format_args!("slave{number}"), line(ctx, replica));
    }
    let failover = replication.failover.as_ref();
    report.field(
        "master_failover_state",
        failover.map_or("no-failover", Failover::state),
    );
    stream(ctx, report, replication);
}

/// A replica of ours.
fn line(ctx: &Ctx<'_>, replica: &Replica) -> String {
    let ip = (ctx.all_sessions().find(|session| session.id == replica.id))
        .map_or_else(String::new, |session| ip_of(session, Some(replica)));
    let lag = if replica.state() == Some("online") {
        replica.lag_s(ctx.now.unix_ms / 1000)
    } else {
        0
    };
    format!(
        "ip={ip},port={},state={},offset={},lag={lag}",
        replica.port,
        replica.state().unwrap_or_default(),
        replica.acked
    )
}

/// How much of the stream waits here until the data set is there. Without a second connection it waits at our primary.
pub(super) fn kept_stream(ctx: &Ctx<'_>) -> usize {
    let upstream = ctx.services.replication.upstream.as_ref();
    let waiting = upstream.filter(|upstream| upstream.has_kept());
    let session = waiting.and_then(|upstream| ctx.sessions.get(upstream.id?));
    session.map_or(0, Session::unexecuted)
}

/// The link to our primary.
fn link(ctx: &Ctx<'_>, report: &mut Report, upstream: &Upstream) {
    let config = &ctx.services.config;
    let now_us = ctx.now.monotonic_us;
    let is_up = upstream.state == LinkState::Connected;
    let heard_s = (now_us.saturating_sub(upstream.heard_us) / 1_000_000) as i64;
    let session = upstream.id.and_then(|id| ctx.sessions.get(id));
    report.field(
        "master_host",
        String::from_utf8_lossy(&upstream.primary.host),
    );
    report.field("master_port", upstream.primary.port);
    report.field("master_link_status", if is_up { "up" } else { "down" });
    report.field(
        "master_last_io_seconds_ago",
        if is_up { heard_s } else { -1 },
    );
    report.field("master_sync_in_progress", u8::from(upstream.is_syncing()));
    let applied = ctx.services.replication.history.offset();
    // What comes beside a data set is kept, and belongs to another history until that is there.
    let unapplied = if is_up {
        upstream.unapplied() + session.map_or(0, Session::unexecuted)
    } else {
        0
    };
    let offset = if is_up || upstream.has_history {
        applied
    } else {
        0
    };
    report.field("slave_read_repl_offset", offset + unapplied as u64);
    report.field("slave_repl_offset", offset);
    report.field("replica_full_sync_buffer_size", kept_stream(ctx));
    let peak = ctx.services.replication.kept_peak;
    report.field("replica_full_sync_buffer_peak", peak);
    if upstream.is_syncing() {
        let payload = upstream.payload.as_ref();
        let total = payload.and_then(Payload::total);
        let read = payload.map_or(0, |payload| payload.received);
        let left = total.map_or(-1, |total| total as i64 - read as i64);
        let percent = match total {
            Some(total) if total > 0 => read as f64 * 100.0 / total as f64,
            _ => 0.0,
        };
        report.field("master_sync_total_bytes", total.unwrap_or(0));
        report.field("master_sync_read_bytes", read);
        report.field(
            "master_sync_left_bytes",
            if total.is_some() {
                left
            } else {
                -(read as i64)
            },
        );
        report.ratio("master_sync_perc", percent);
        report.field("master_sync_last_io_seconds_ago", heard_s);
    }
    if !is_up {
        let down_s = match upstream.down_since_s {
            0 => -1,
            since_s => ctx.now.unix_ms / 1000 - since_s,
        };
        report.field("master_link_down_since_seconds", down_s);
    }
    report.field("slave_priority", config.replica_priority);
    report.field("slave_read_only", u8::from(config.replica_read_only));
    report.field("replica_announced", u8::from(config.replica_announced));
}

fn stream(ctx: &Ctx<'_>, report: &mut Report, replication: &Replication) {
    let history = &replication.history;
    let stream = history.stream();
    report.field("master_replid", &history.id);
    report.field("master_replid2", &history.second_id);
    report.field("master_repl_offset", history.offset());
    report.field("second_repl_offset", history.second_offset);
    report.field("repl_backlog_active", u8::from(stream.is_some()));
    report.field("repl_backlog_size", ctx.services.config.repl_backlog_size);
    // Counted from one.
    let first = stream.map_or(0, |stream| stream.start() + 1);
    report.field("repl_backlog_first_byte_offset", first);
    let len = stream.map_or(0, |stream| stream.end() - stream.start());
    report.field("repl_backlog_histlen", len);
}
