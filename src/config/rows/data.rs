//! Rows about memory, values, databases, snapshots and the append-only file.

use super::{INT, LONG};
use crate::config::row::{
    Form, Kind, Outside, Row, Within, boolean, memory, number, special, text, word,
};
use crate::config::values::Reason;
use crate::config::words::{Eviction, Fsync, RdbDuplicates, RdbFieldTtl, RdbVersion, SanitizeDump};

#[rustfmt::skip] // A row per line reads as the table it is.
pub(crate) static ROWS: &[Row] = &[
    // Memory.
    Row::new("maxmemory", memory!(maxmemory, 0, u64::MAX), "0").within(Within::MaxMemory),
    Row::new("maxmemory-policy", word!(maxmemory_policy: Eviction), "noeviction"),
    Row::new("maxmemory-samples", number!(maxmemory_samples, 1, 64), "5"),
    Row::new("maxmemory-eviction-tenacity", number!(maxmemory_eviction_tenacity, 0, 100), "10"),
    Row::new("lfu-log-factor", number!(lfu_log_factor, 0, INT), "10"),
    Row::new("lfu-decay-time", number!(lfu_decay_time_min, 0, INT), "1"),
    Row::new("lazyfree-lazy-eviction", boolean!(lazyfree_lazy_eviction), "no"),
    Row::new("lazyfree-lazy-expire", boolean!(lazyfree_lazy_expire), "no"),
    Row::new("lazyfree-lazy-server-del", boolean!(lazyfree_lazy_server_del), "no"),
    Row::new("lazyfree-lazy-user-del", boolean!(lazyfree_lazy_user_del), "no"),
    Row::new("lazyfree-lazy-user-flush", boolean!(lazyfree_lazy_user_flush), "no"),
    Row::new("activedefrag", boolean!(activedefrag), "no"),
    Row::new("active-defrag-ignore-bytes", memory!(active_defrag_ignore_bytes, 1, LONG), "100mb"),
    Row::new("active-defrag-threshold-lower", number!(active_defrag_threshold_lower, 0, 1000), "10"),
    Row::new("active-defrag-threshold-upper", number!(active_defrag_threshold_upper, 0, 1000), "100"),
    Row::new("active-defrag-cycle-min", number!(active_defrag_cycle_min, 1, 99), "1"),
    Row::new("active-defrag-cycle-max", number!(active_defrag_cycle_max, 1, 99), "25"),
    Row::new("active-defrag-max-scan-fields", number!(active_defrag_max_scan_fields, 1, LONG), "1000"),
    Row::new("jemalloc-bg-thread", boolean!(jemalloc_bg_thread), "yes").outside(Outside::AllocatorThread),
    Row::new("disable-thp", boolean!(disable_thp), "yes").immutable(),
    // Values and their encodings.
    Row::new("hash-max-listpack-entries", number!(hash_max_listpack_entries, 0, LONG), "512")
        .alias("hash-max-ziplist-entries"),
    Row::new("hash-max-listpack-value", memory!(hash_max_listpack_value, 0, LONG), "64")
        .alias("hash-max-ziplist-value"),
    Row::new("list-max-listpack-size", number!(list_max_listpack_size, i32::MIN, INT), "-2")
        .alias("list-max-ziplist-size"),
    Row::new("list-compress-depth", number!(list_compress_depth, 0, INT), "0"),
    Row::new("set-max-intset-entries", number!(set_max_intset_entries, 0, LONG), "512"),
    Row::new("set-max-listpack-entries", number!(set_max_listpack_entries, 0, LONG), "128"),
    Row::new("set-max-listpack-value", number!(set_max_listpack_value, 0, LONG), "64"),
    Row::new("zset-max-listpack-entries", number!(zset_max_listpack_entries, 0, LONG), "128")
        .alias("zset-max-ziplist-entries"),
    Row::new("zset-max-listpack-value", memory!(zset_max_listpack_value, 0, LONG), "64")
        .alias("zset-max-ziplist-value"),
    Row::new("hll-sparse-max-bytes", memory!(hll_sparse_max_bytes, 0, LONG), "3000"),
    Row::new("stream-node-max-bytes", memory!(stream_node_max_bytes, 0, LONG), "4096"),
    Row::new("stream-node-max-entries", number!(stream_node_max_entries, 0, LONG), "100"),
    Row::new("sanitize-dump-payload", word!(sanitize_dump_payload: SanitizeDump), "no"),
    // Databases and time.
    Row::new("databases", number!(databases, 1, INT), "16").immutable(),
    Row::new("hz", HZ, "10"),
    Row::new("dynamic-hz", boolean!(dynamic_hz), "yes"),
    Row::new("active-expire-effort", number!(active_expire_effort, 1, 10), "1"),
    Row::new("activerehashing", boolean!(activerehashing), "yes"),
    // Snapshots.
    Row::new("save", special!(save), "3600 1 300 100 60 10000").many(),
    Row::new("dir", special!(dir), ".").protected().deny_loading().outside(Outside::Dir),
    Row::new("dbfilename", text!(dbfilename, file_name_of_rdb), "dump.rdb").protected(),
    Row::new("rdbcompression", boolean!(rdbcompression), "yes"),
    Row::new("rdbchecksum", boolean!(rdbchecksum), "yes").immutable(),
    Row::new("rdb-del-sync-files", boolean!(rdb_del_sync_files), "no"),
    Row::new("rdb-save-incremental-fsync", boolean!(rdb_save_incremental_fsync), "yes"),
    Row::new("stop-writes-on-bgsave-error", boolean!(stop_writes_on_bgsave_error), "yes"),
    Row::new("rdb-version", word!(rdb_version: RdbVersion), "auto").ours(),
    Row::new("rdb-field-ttl-format", word!(rdb_field_ttl_format: RdbFieldTtl), "redis").ours(),
    Row::new("rdb-skip-modules", boolean!(rdb_skip_modules), "no").ours(),
    Row::new("rdb-duplicate-keys", word!(rdb_duplicate_keys: RdbDuplicates), "refuse").ours(),
    // Append-only file.
    Row::new("appendonly", boolean!(appendonly), "no").outside(Outside::AppendOnly),
    Row::new("appendfilename", text!(appendfilename, file_name_of_aof), "appendonly.aof").immutable(),
    Row::new("appenddirname", text!(appenddirname, directory_of_aof), "appendonlydir").immutable(),
    Row::new("appendfsync", word!(appendfsync: Fsync), "everysec"),
    Row::new("no-appendfsync-on-rewrite", boolean!(no_appendfsync_on_rewrite), "no"),
    Row::new("auto-aof-rewrite-percentage", number!(auto_aof_rewrite_percentage, 0, INT), "100"),
    Row::new("auto-aof-rewrite-min-size", memory!(auto_aof_rewrite_min_size, 0, LONG), "64mb"),
    Row::new("aof-load-truncated", boolean!(aof_load_truncated), "yes"),
    Row::new("aof-use-rdb-preamble", boolean!(aof_use_rdb_preamble), "yes"),
    Row::new("aof-timestamp-enabled", boolean!(aof_timestamp_enabled), "no"),
    Row::new("aof-rewrite-incremental-fsync", boolean!(aof_rewrite_incremental_fsync), "yes"),
    Row::new("aof-disable-auto-gc", boolean!(aof_disable_auto_gc), "no").hidden(),
    Row::new("aof-checksum", boolean!(aof_checksum), "no").ours(),
    // For tests.
    Row::new("key-load-delay", number!(key_load_delay_us, i32::MIN, INT), "0").hidden(),
    Row::new("rdb-key-save-delay", number!(rdb_key_save_delay_us, i32::MIN, INT), "0").hidden(),
    Row::new("loading-process-events-interval-bytes",
        number!(loading_process_events_interval_bytes, 1024, INT, Form::Plain), "524288").hidden(),
];

/// Any number is taken, and brought to where the cron neither starves nor does nothing else.
const HZ: Kind = Kind::Number {
    get: |config| i128::from(config.hz),
    set: |config, hz| config.hz = hz.clamp(1, 500) as u32,
    min: 0,
    max: INT,
    form: Form::Plain,
};

fn file_name_of_rdb(name: &[u8]) -> Result<(), Reason> {
    plain(name, "dbfilename can't be a path, just a filename")
}

fn file_name_of_aof(name: &[u8]) -> Result<(), Reason> {
    if name.is_empty() {
        return Err("appendfilename can't be empty".into());
    }
    plain(name, "appendfilename can't be a path, just a filename")
}

fn directory_of_aof(name: &[u8]) -> Result<(), Reason> {
    if name.is_empty() {
        return Err("appenddirname can't be empty".into());
    }
    plain(name, "appenddirname can't be a path, just a dirname")
}

/// A name that stays inside its directory. Backslashes are refused too, as they separate on other systems.
fn plain(name: &[u8], otherwise: &'static str) -> Result<(), Reason> {
    if name.contains(&b'/') || name.contains(&b'\\') {
        return Err(otherwise.into());
    }
    Ok(())
}
