//! MEMORY: the cost of single keys, the cost of the whole, and an opinion on it.

use crate::config::Eviction;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Ask;
use crate::spec::error::Error;
use crate::spec::server::observe as spec;
use crate::store::alloc;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::help::help;
use super::super::options::{integer, is};
use super::footprint::{Footprint, Gap};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::MEMORY_DOCTOR, doctor),
    Row::new(&spec::MEMORY_HELP, help),
    Row::new(&spec::MEMORY_MALLOC_STATS, malloc_stats),
    Row::new(&spec::MEMORY_PURGE, purge),
    Row::new(&spec::MEMORY_STATS, stats),
    Row::new(&spec::MEMORY_USAGE, usage),
];

/// MEMORY USAGE key [SAMPLES count]
///
/// Every type knows its bytes, so nothing is sampled; the count is only checked.
fn usage(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut options = args.from(3);
    while let Some(option) = options.next() {
        let Some(count) = options.next().filter(|_| is(option, "SAMPLES")) else {
            return Err(Error::Syntax);
        };
        if integer(count)? < 0 {
            return Err(Error::Syntax);
        }
    }
    let Some(spot) = ctx.keys.find(args.at(2)) else {
        ctx.reply.null();
        return Ok(());
    };
    let entry = ctx.keys.entry(spot);
    let value = entry.object().map_or(0, crate::types::Value::memory);
    ctx.reply.count(entry.bytes() + value);
    Ok(())
}

/// MEMORY STATS
fn stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.services.server.note_memory(ctx.now.unix_ms);
    let footprint = Footprint::take(ctx);
    let before = [
        ("peak.allocated", footprint.peak),
        ("total.allocated", footprint.used),
        ("startup.allocated", footprint.startup),
        ("replication.backlog", footprint.backlog()),
        ("replica.fullsync.buffer", 0),
        ("clients.slaves", footprint.of_replicas()),
        ("clients.normal", footprint.clients),
        ("cluster.links", 0),
        ("aof.buffer", footprint.aof_buffer),
        ("lua.caches", footprint.scripts),
        ("functions.caches", footprint.functions),
        ("script.VMs", footprint.interpreters),
    ];
    let between = [
        ("overhead.db.hashtable.lut", footprint.buckets()),
        // Tables grow bucket by bucket: there is never a second one.
        ("overhead.db.hashtable.rehashing", 0),
        ("overhead.total", footprint.overhead()),
        ("db.dict.rehashing.count", 0),
        ("keys.count", footprint.keys),
        ("keys.bytes-per-key", footprint.bytes_per_key()),
        ("dataset.bytes", footprint.dataset()),
    ];
    let shares = [
        ("dataset.percentage", footprint.dataset_percent()),
        ("peak.percentage", footprint.peak_percent()),
    ];
    let allocator = [
        ("allocator.allocated", footprint.allocator.allocated),
        ("allocator.active", footprint.allocator.active),
        ("allocator.resident", footprint.allocator.resident),
        ("allocator.muzzy", footprint.allocator.muzzy),
    ];
    let gaps = gaps(&footprint);
    let reply = &mut ctx.reply;
    let fields = before.len()
        + footprint.dbs.len()
        + between.len()
        + shares.len()
        + allocator.len()
        + 2 * gaps.len();
    reply.map(fields);
    counts(reply, &before);
    for db in &footprint.dbs {
        reply.bulk(format!("db.{}", db.number).as_bytes());
        reply.map(2);
        reply.bulk(b"overhead.hashtable.main");
        reply.count(db.table);
        reply.bulk(b"overhead.hashtable.expires");
        reply.count(db.wheel);
    }
    counts(reply, &between);
    for (name, percent) in shares {
        reply.bulk(name.as_bytes());
        reply.double(percent);
    }
    counts(reply, &allocator);
    for (ratio, bytes, gap) in gaps {
        reply.bulk(ratio.as_bytes());
        reply.double(gap.ratio);
        reply.bulk(bytes.as_bytes());
        reply.integer(gap.bytes);
    }
    Ok(())
}

fn counts(reply: &mut Reply<'_>, rows: &[(&str, usize)]) {
    for (name, count) in rows {
        reply.bulk(name.as_bytes());
        reply.count(*count);
    }
}

/// What lies between two figures: the names of their ratio and of their difference, and both.
fn gaps(footprint: &Footprint) -> [(&'static str, &'static str, Gap); 4] {
    [
        (
            "allocator-fragmentation.ratio",
            "allocator-fragmentation.bytes",
            footprint.fragmentation(),
        ),
        (
            "allocator-rss.ratio",
            "allocator-rss.bytes",
            footprint.kept(),
        ),
        (
            "rss-overhead.ratio",
            "rss-overhead.bytes",
            footprint.beside(),
        ),
        ("fragmentation", "fragmentation.bytes", footprint.total()),
    ]
}

/// MEMORY DOCTOR
fn doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.services.server.note_memory(ctx.now.unix_ms);
    let footprint = Footprint::take(ctx);
    let report = diagnosis(
        &footprint,
        ctx.sessions.len(),
        ctx.services.config.maxmemory_policy,
    );
    ctx.reply.verbatim("txt", report.as_bytes());
    Ok(())
}

/// Below this, ratios say more about the program than about the data.
const WORTH_A_LOOK_BYTES: usize = 5 << 20;
/// A gap must be this large to be worth words.
const GAP_BYTES: i64 = 10 << 20;
const CLIENT_BYTES: usize = 200 << 10;

fn diagnosis(footprint: &Footprint, clients: usize, policy: Eviction) -> String {
    if footprint.used < WORTH_A_LOOK_BYTES {
        return "Hi Sam, there is next to nothing in this instance, and out of nothing I read nothing. Fill it with \
                some data and ask again.\n"
            .to_owned();
    }
    let mut findings = Vec::new();
    if footprint.peak as f64 / footprint.used as f64 > 1.5 {
        findings.push(
            "Peak memory: at some time this instance used more than one and a half times of what it uses now. The \
             allocator may not have given all of that back, which then shows as a high fragmentation. If memory is \
             short elsewhere, MEMORY PURGE returns what can be returned.",
        );
    }
    let is_wide = |gap: &Gap, ratio: f64| gap.ratio > ratio && gap.bytes > GAP_BYTES;
    if is_wide(&footprint.total(), 1.4) {
        findings.push(
            "High total RSS: the process holds more than 1.4 times the memory that is in use. The points below tell \
             where it is, unless it is simply left over from the peak.",
        );
    }
    if is_wide(&footprint.fragmentation(), 1.1) {
        findings.push(
            "High allocator fragmentation: the allocator's pages have holes, as happens after many values of \
             changing sizes. The holes are filled again by values that fit.",
        );
    }
    if is_wide(&footprint.kept(), 1.1) {
        findings.push(
            "High allocator RSS overhead: the allocator keeps free pages for later. MEMORY PURGE returns them to the \
             system.",
        );
    }
    if is_wide(&footprint.beside(), 1.1) {
        findings.push(
            "High process RSS overhead: beside the allocator the process has more memory than its code and stacks \
             explain.",
        );
    }
    if footprint.clients / clients.max(1) > CLIENT_BYTES {
        findings.push(
            "Big client buffers: clients hold more than 200 KB each on average. They may read more slowly than they are \
             answered, or send very large requests. See CLIENT LIST, and client-output-buffer-limit.",
        );
    }
    if footprint.of_replicas() > GAP_BYTES as usize {
        findings.push(
            "Big replica buffers: replicas cannot keep up with what is written here. Look at the network between \
             and at the load there.",
        );
    }
    if findings.is_empty() {
        let eviction = if policy == Eviction::NoEviction {
            ""
        } else {
            " Evicting keys is what you asked for."
        };
        return format!(
            "Hi Sam, I find nothing wrong with the memory of this instance.{eviction}\n"
        );
    }
    let mut report =
        "Sam, I noticed the following about the memory of this instance:\n\n".to_owned();
    for finding in findings {
        report.push_str(" * ");
        report.push_str(finding);
        report.push_str("\n\n");
    }
    report.push_str("I am only measuring, Sam. What to make of it is up to you.\n");
    report
}

/// MEMORY MALLOC-STATS
fn malloc_stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let report = match alloc::stats() {
        None => "Stats not supported for the current allocator".to_owned(),
        Some(stats) => format!(
            "___ Begin {} statistics ___\nQuantum size: 8\nPage size: {}\nArenas: {}\nAllocated: {}, active: {}, \
             metadata: {}, resident: {}, mapped: {}, retained: {}\nMuzzy: {}\n--- End {0} statistics ---\n",
            alloc::name(),
            alloc::control("arenas.page").unwrap_or(0),
            alloc::control("arenas.narenas").unwrap_or(0),
            stats.allocated,
            stats.active,
            stats.metadata,
            stats.resident,
            stats.mapped,
            stats.retained,
            stats.muzzy,
        ),
    };
    ctx.reply.verbatim("txt", report.as_bytes());
    Ok(())
}

/// MEMORY PURGE
fn purge(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.fx.ask(Ask::PurgeMemory);
    ctx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::services::Figures;

    fn footprint(used: usize, peak: usize) -> Footprint {
        let allocator = alloc::Stats {
            allocated: used,
            active: used,
            resident: used,
            ..alloc::Stats::default()
        };
        Footprint {
            used,
            peak,
            startup: 0,
            clients: 0,
            replicas: 0,
            has_replicas: false,
            stream: 0,
            backlog_size: 0,
            aof_buffer: 0,
            scripts: 0,
            functions: 0,
            interpreters: 0,
            histograms: 0,
            dbs: Vec::new(),
            keys: 0,
            allocator,
            resident: used,
            figures: Figures::default(),
        }
    }

    #[test]
    fn only_what_is_wrong_is_told() {
        let told = |footprint: &Footprint| diagnosis(footprint, 1, Eviction::NoEviction);
        assert!(told(&footprint(1000, 1000)).contains("nothing"));
        assert!(!told(&footprint(100 << 20, 100 << 20)).contains(" * "));
        let report = told(&footprint(100 << 20, 200 << 20));
        assert!(
            report.contains("Peak memory") && !report.contains("Big client"),
            "{report}"
        );
        let mut hungry = footprint(100 << 20, 100 << 20);
        hungry.clients = 50 << 20;
        hungry.resident = 200 << 20;
        let report = told(&hungry);
        assert!(
            report.contains("Big client") && report.contains("High total RSS"),
            "{report}"
        );
        let mut slow = footprint(100 << 20, 100 << 20);
        slow.stream = 50 << 20;
        assert!(!told(&slow).contains("Big replica"));
        slow.has_replicas = true;
        assert!(told(&slow).contains("Big replica"));
    }
}
