//! INFO memory: how much is in use, for what, and how well the allocator and the kernel keep up.

use crate::base::text::human_bytes;
use crate::config::Word;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::memory;
use crate::store::alloc;

use super::super::footprint::Footprint;
use super::Report;

pub(crate) fn memory(ctx: &Ctx<'_>, report: &mut Report) {
    let config = &ctx.services.config;
    let footprint = Footprint::take(ctx);
    bytes(report, "used_memory", footprint.used);
    bytes(report, "used_memory_rss", footprint.resident);
    bytes(report, "used_memory_peak", footprint.peak);
    report.field(
        "used_memory_peak_perc",
        format_args!("{:.2}%", footprint.peak_percent()),
    );
    report.field("used_memory_overhead", footprint.overhead());
    report.field("used_memory_startup", footprint.startup);
    report.field("used_memory_dataset", footprint.dataset());
    report.field(
        "used_memory_dataset_perc",
        format_args!("{:.2}%", footprint.dataset_percent()),
    );
    report.field("allocator_allocated", footprint.allocator.allocated);
    report.field("allocator_active", footprint.allocator.active);
    report.field("allocator_resident", footprint.allocator.resident);
    report.field("allocator_muzzy", footprint.allocator.muzzy);
    bytes(
        report,
        "total_system_memory",
        footprint.figures.machine_bytes,
    );
    code(report, ctx);
    bytes(report, "maxmemory", config.maxmemory as usize);
    report.field("maxmemory_policy", config.maxmemory_policy.word());
    for (name, gap) in [
        ("allocator_frag", footprint.fragmentation()),
        ("allocator_rss", footprint.kept()),
        ("rss_overhead", footprint.beside()),
        ("mem_fragmentation", footprint.total()),
    ] {
        report.field(
            format_args!("{name}_ratio"),
            format_args!("{:.2}", gap.ratio),
        );
        report.field(format_args!("{name}_bytes"), gap.bytes);
    }
    report.field(
        "mem_not_counted_for_evict",
        memory::on_their_way(ctx.services, ctx.sessions),
    );
    report.field("mem_replication_backlog", footprint.backlog());
    let kept = super::replication::kept_stream(ctx);
    report.field("mem_total_replication_buffers", footprint.stream + kept);
    report.field("mem_replica_full_sync_buffer", kept);
    report.field("mem_clients_slaves", footprint.of_replicas());
    report.field("mem_clients_normal", footprint.clients);
    // There is no cluster bus.
    report.field("mem_cluster_links", 0);
    report.field("mem_aof_buffer", footprint.aof_buffer);
    report.field("mem_allocator", alloc::name());
    // Tables grow bucket by bucket: there is never a second one.
    report.field("mem_overhead_db_hashtable_rehashing", 0);
    // Entries stay where they are.
    report.field("active_defrag_running", 0);
    report.field("lazyfree_pending_objects", ctx.keys.space.freeing.pending());
    report.field("lazyfreed_objects", ctx.keys.space.freeing.freed());
}

/// A figure, and the same for people.
fn bytes(report: &mut Report, name: &str, bytes: usize) {
    report.field(name, bytes);
    report.field(format_args!("{name}_human"), human_bytes(bytes as u64));
}

/// Scripts and functions.
fn code(report: &mut Report, ctx: &Ctx<'_>) {
    let (scripts, functions) = (&ctx.services.scripts, &ctx.services.functions);
    let (vm, texts) = (scripts.interpreter_bytes(), scripts.bytes());
    let (functions_vm, libraries) = (functions.interpreter_bytes(), functions.bytes());
    report.field("used_memory_lua", vm);
    report.field("used_memory_vm_eval", vm);
    report.field("used_memory_lua_human", human_bytes(vm as u64));
    report.field("used_memory_scripts_eval", texts);
    report.field("number_of_cached_scripts", scripts.len());
    report.field("number_of_functions", functions.function_count());
    report.field("number_of_libraries", functions.libraries().len());
    report.field("used_memory_vm_functions", functions_vm);
    bytes(report, "used_memory_vm_total", vm + functions_vm);
    report.field("used_memory_functions", libraries);
    bytes(report, "used_memory_scripts", texts + libraries);
}
