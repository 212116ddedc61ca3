//! LATENCY: what took long, when and how often; and how the times of each command are distributed.
//!
//! The monitor remembers events above `latency-monitor-threshold`, the histograms every command. Pictures of the former
//! are drawn in `graph`, advice is given in `doctor`.

mod doctor;
mod graph;

use crate::engine::run::command::{Command, Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::observe::histogram::Histogram;
use crate::spec::error::Error;
use crate::spec::server::observe as spec;
use crate::wire::args::Args;

use super::super::help::help;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::LATENCY_DOCTOR, doctor),
    Row::new(&spec::LATENCY_GRAPH, graph),
    Row::new(&spec::LATENCY_HELP, help),
    Row::new(&spec::LATENCY_HISTOGRAM, histogram),
    Row::new(&spec::LATENCY_HISTORY, history),
    Row::new(&spec::LATENCY_LATEST, latest),
    Row::new(&spec::LATENCY_RESET, reset),
];

/// LATENCY HISTORY event
fn history(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let reply = &mut ctx.reply;
    let Some((_, event)) = ctx.services.latency.find(args.at(2)) else {
        reply.array(0);
        return Ok(());
    };
    reply.array(event.samples.len());
    for (unix_s, ms) in &event.samples {
        reply.array(2);
        reply.integer(*unix_s);
        reply.count(*ms as usize);
    }
    Ok(())
}

/// LATENCY LATEST
fn latest(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let reply = &mut ctx.reply;
    let events = &ctx.services.latency.events;
    reply.array(events.len());
    for (name, event) in events {
        let (unix_s, ms) = event.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.integer(unix_s);
        reply.count(ms as usize);
        reply.count(event.max_ms as usize);
    }
    Ok(())
}

/// LATENCY RESET [event [event ...]]
fn reset(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let latency = &mut ctx.services.latency;
    let count = if args.len() == 2 {
        std::mem::take(&mut latency.events).len()
    } else {
        args.from(2).filter(|name| latency.reset(name)).count()
    };
    ctx.reply.count(count);
    Ok(())
}

/// LATENCY GRAPH event
fn graph(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some((name, event)) = ctx.services.latency.find(args.at(2)) else {
        return Err(Error::quoting(
            "ERR No samples available for event '",
            args.at(2),
            "'",
        ));
    };
    let picture = graph::draw(name, event, ctx.now.unix_ms / 1000);
    ctx.reply.verbatim("txt", picture.as_bytes());
    Ok(())
}

/// LATENCY DOCTOR
fn doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let report = doctor::report(
        &ctx.services.latency,
        &ctx.services.config,
        ctx.now.unix_ms / 1000,
    );
    ctx.reply.verbatim("txt", report.as_bytes());
    Ok(())
}

/// LATENCY HISTOGRAM [command [command ...]]
fn histogram(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut wanted: Vec<&Command> = Vec::new();
    if args.len() == 2 {
        wanted.extend(ctx.table.all.iter().copied());
    }
    for name in args.from(2) {
        if let Some(command) = named(ctx, name) {
            wanted.push(command);
            wanted.extend(command.subcommands.iter().copied());
        }
    }
    let mark = ctx.reply.deferred();
    let mut count = 0;
    for command in wanted {
        if let Some(histogram) = &ctx.services.stats.commands[command.index].latency {
            ctx.reply.bulk(command.spec.shown_name().as_bytes());
            ctx.reply.map(2);
            ctx.reply.bulk(b"calls");
            ctx.reply.count(histogram.count as usize);
            ctx.reply.bulk(b"histogram_usec");
            let bins = bins(histogram);
            ctx.reply.map(bins.len());
            for (top_us, so_far) in bins {
                ctx.reply.count(top_us as usize);
                ctx.reply.count(so_far as usize);
            }
            count += 1;
        }
    }
    ctx.reply.finish_map(mark, count);
    Ok(())
}

/// `set`, `config` or `config|set`.
fn named(ctx: &Ctx<'_>, name: &[u8]) -> Option<&'static Command> {
    let mut words = name.splitn(2, |byte| *byte == b'|');
    let command = ctx.table.find(words.next()?)?;
    match words.next() {
        None => Some(command),
        Some(word) => command.subcommand(word),
    }
}

/// How many calls took at most so many microseconds, where that number grows; the steps double from about one
/// microsecond on.
fn bins(histogram: &Histogram) -> Vec<(u64, u64)> {
    let mut bins = Vec::new();
    let mut told = 0;
    for power in 10..41 {
        let ns = 1_u64 << power;
        let so_far = if power == 40 {
            histogram.count
        } else {
            histogram.at_most(ns)
        };
        if so_far > told {
            // Redis's histogram has steps of 1/128, and names a bin by the largest value it cannot tell from this one.
            bins.push(((ns + ns / 128 - 1) / 1000, so_far));
            told = so_far;
        }
        if told == histogram.count {
            break;
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_cumulative_and_doubling() {
        let mut histogram = Histogram::default();
        for ns in [500, 900, 30_000, 32_000, 60_000_000] {
            histogram.record(ns);
        }
        assert_eq!(bins(&histogram), [(1, 2), (33, 4), (67_633, 5)]);
    }
}
