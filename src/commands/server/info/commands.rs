//! INFO about commands: how often each was called, how long it took, and which errors came of it.

use std::fmt::Write as _;

use crate::engine::run::ctx::Ctx;

use super::{Report, harmless};

pub(crate) fn commandstats(ctx: &Ctx<'_>, report: &mut Report) {
    for command in &ctx.table.all {
        let stats = &ctx.services.stats.commands[command.index];
        if stats.calls == 0 && stats.rejected == 0 && stats.failed == 0 {
            continue;
        }
        let us = stats.ns / 1000;
        let us_per_call = if stats.calls == 0 {
            0.0
        } else {
            us as f64 / stats.calls as f64
        };
        report.field(
            format_args!("cmdstat_{}", command.spec.shown_name()),
            format_args!(
                "calls={},usec={us},usec_per_call={us_per_call:.2},rejected_calls={},failed_calls={}",
                stats.calls, stats.rejected, stats.failed
            ),
        );
    }
}

pub(crate) fn errorstats(ctx: &Ctx<'_>, report: &mut Report) {
    for (code, count) in ctx.services.stats.errors() {
        report.field(
            format_args!("errorstat_{}", harmless(code)),
            format_args!("count={count}"),
        );
    }
}

pub(crate) fn latencystats(ctx: &Ctx<'_>, report: &mut Report) {
    let config = &ctx.services.config;
    if !config.latency_tracking {
        return;
    }
    for command in &ctx.table.all {
        let Some(histogram) = &ctx.services.stats.commands[command.index].latency else {
            continue;
        };
        let mut line = String::new();
        for percent in &config.latency_tracking_info_percentiles.0 {
            let comma = if line.is_empty() { "" } else { "," };
            let us = histogram.percentile(*percent) as f64 / 1000.0;
            let _ = write!(line, "{comma}p{percent}={us:.3}");
        }
        report.field(
            format_args!("latency_percentiles_usec_{}", command.spec.shown_name()),
            line,
        );
    }
}
