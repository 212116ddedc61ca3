//! The configuration as the rest of the server reads it: one public field per parameter.
//!
//! Fields have the parameter's name, with the unit last where the name does not say it. Names, limits and defaults are
//! in the rows, not here; `Config::new` fills the fields from them. Texts are bytes, because files and clients
//! give bytes, and an empty one means "none" wherever that makes sense.
//!
//! Some parameters are kept only because files set them and tools read them: they tune threads, forks or modules that
//! this server does not have. They are at the end of each group.

use super::values::{
    Bind, Dir, Events, OnSignal, OomValues, OutputLimits, Percentiles, ReplicaOf, SavePoints, Share,
};
use super::words::{
    DisklessLoad, EndpointType, Eviction, Fsync, LogFormat, LogLevel, OomScoreAdj, PagePrompt,
    Permission, PropagationError, PubsubDefault, RdbDuplicates, RdbFieldTtl, RdbVersion,
    SanitizeDump, Supervised, SyslogFacility, TlsAuthClients, TlsAuthClientsUser,
};

/// Every parameter of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    // Network.
    pub(crate) bind: Bind,
    pub(crate) bind_source_addr: Vec<u8>,
    /// 0: no TCP.
    pub(crate) port: u16,
    pub(crate) unixsocket: Vec<u8>,
    /// 0: as the umask says.
    pub(crate) unixsocketperm: u32,
    pub(crate) tcp_backlog: i32,
    pub(crate) tcp_keepalive_s: u32,
    pub(crate) socket_mark_id: u32,
    pub(crate) protected_mode: bool,
    pub(crate) max_new_connections_per_cycle: usize,
    /// The port of the live page. 0: there is none.
    pub(crate) page_port: u16,
    pub(crate) page_bind: Vec<u8>,
    /// Opens the page to who is not on this machine.
    pub(crate) page_token: Vec<u8>,
    pub(crate) page_prompt: PagePrompt,

    // TLS.
    pub(crate) tls_port: u16,
    pub(crate) tls_cluster: bool,
    pub(crate) tls_replication: bool,
    pub(crate) tls_auth_clients: TlsAuthClients,
    pub(crate) tls_auth_clients_user: TlsAuthClientsUser,
    pub(crate) tls_prefer_server_ciphers: bool,
    pub(crate) tls_session_caching: bool,
    pub(crate) tls_session_cache_size: u32,
    pub(crate) tls_session_cache_timeout_s: u32,
    pub(crate) tls_cert_file: Vec<u8>,
    pub(crate) tls_key_file: Vec<u8>,
    pub(crate) tls_key_file_pass: Vec<u8>,
    pub(crate) tls_client_cert_file: Vec<u8>,
    pub(crate) tls_client_key_file: Vec<u8>,
    pub(crate) tls_client_key_file_pass: Vec<u8>,
    pub(crate) tls_dh_params_file: Vec<u8>,
    pub(crate) tls_ca_cert_file: Vec<u8>,
    pub(crate) tls_ca_cert_dir: Vec<u8>,
    pub(crate) tls_protocols: Vec<u8>,
    pub(crate) tls_ciphers: Vec<u8>,
    pub(crate) tls_ciphersuites: Vec<u8>,
    pub(crate) max_new_tls_connections_per_cycle: usize,

    // Clients.
    pub(crate) maxclients: u32,
    /// 0: idle clients stay.
    pub(crate) timeout_s: u32,
    pub client_query_buffer_limit: u64,
    pub client_output_buffer_limit: OutputLimits,
    pub proto_max_bulk_len: u64,
    pub(crate) maxmemory_clients: Share,
    pub(crate) tracking_table_max_keys: u64,
    pub(crate) notify_keyspace_events: Events,

    // Permissions.
    pub(crate) requirepass: Vec<u8>,
    pub(crate) aclfile: Vec<u8>,
    pub(crate) acl_pubsub_default: PubsubDefault,
    pub(crate) acllog_max_len: u64,
    pub(crate) enable_protected_configs: Permission,
    pub enable_debug_command: Permission,
    pub(crate) enable_module_command: Permission,

    // Memory.
    /// 0: no limit.
    pub maxmemory: u64,
    pub(crate) maxmemory_policy: Eviction,
    pub(crate) maxmemory_samples: u32,
    pub(crate) maxmemory_eviction_tenacity: u32,
    pub(crate) lfu_log_factor: u32,
    pub(crate) lfu_decay_time_min: u32,
    pub(crate) lazyfree_lazy_eviction: bool,
    pub(crate) lazyfree_lazy_expire: bool,
    pub(crate) lazyfree_lazy_server_del: bool,
    pub(crate) lazyfree_lazy_user_del: bool,
    pub(crate) lazyfree_lazy_user_flush: bool,
    pub(crate) activedefrag: bool,
    pub(crate) active_defrag_ignore_bytes: u64,
    pub(crate) active_defrag_threshold_lower: u32,
    pub(crate) active_defrag_threshold_upper: u32,
    pub(crate) active_defrag_cycle_min: u32,
    pub(crate) active_defrag_cycle_max: u32,
    pub(crate) active_defrag_max_scan_fields: u64,
    pub(crate) jemalloc_bg_thread: bool,
    pub(crate) disable_thp: bool,

    // Values and their encodings.
    pub hash_max_listpack_entries: usize,
    pub hash_max_listpack_value: usize,
    /// Positive: entries per node. -1 to -5: 4 KiB to 64 KiB per node.
    pub list_max_listpack_size: i32,
    /// How many nodes at each end stay uncompressed; 0: all.
    pub list_compress_depth: u32,
    pub set_max_intset_entries: usize,
    pub set_max_listpack_entries: usize,
    pub set_max_listpack_value: usize,
    pub zset_max_listpack_entries: usize,
    pub zset_max_listpack_value: usize,
    pub hll_sparse_max_bytes: usize,
    pub stream_node_max_bytes: usize,
    pub stream_node_max_entries: usize,
    pub(crate) sanitize_dump_payload: SanitizeDump,

    // Databases and time.
    pub(crate) databases: u32,
    pub(crate) hz: u32,
    pub(crate) dynamic_hz: bool,
    pub(crate) active_expire_effort: u32,
    pub(crate) activerehashing: bool,

    // Snapshots.
    pub(crate) save: SavePoints,
    pub(crate) dir: Dir,
    pub(crate) dbfilename: Vec<u8>,
    pub(crate) rdbcompression: bool,
    pub(crate) rdbchecksum: bool,
    pub(crate) rdb_del_sync_files: bool,
    pub(crate) rdb_save_incremental_fsync: bool,
    pub(crate) stop_writes_on_bgsave_error: bool,
    pub(crate) rdb_version: RdbVersion,
    pub(crate) rdb_field_ttl_format: RdbFieldTtl,
    /// Whether values of modules in a file are passed over instead of refusing the file.
    pub(crate) rdb_skip_modules: bool,
    /// The way out where a file is refused because it has a key twice.
    pub(crate) rdb_duplicate_keys: RdbDuplicates,

    // Append-only file.
    pub(crate) appendonly: bool,
    pub(crate) appendfilename: Vec<u8>,
    pub(crate) appenddirname: Vec<u8>,
    pub(crate) appendfsync: Fsync,
    pub(crate) no_appendfsync_on_rewrite: bool,
    /// 0: never rewritten by itself.
    pub(crate) auto_aof_rewrite_percentage: u32,
    pub(crate) auto_aof_rewrite_min_size: u64,
    pub(crate) aof_load_truncated: bool,
    pub(crate) aof_use_rdb_preamble: bool,
    pub(crate) aof_timestamp_enabled: bool,
    pub(crate) aof_rewrite_incremental_fsync: bool,
    pub(crate) aof_disable_auto_gc: bool,
    /// Whether checksums are woven into the file as comments.
    pub(crate) aof_checksum: bool,

    // Replication.
    pub(crate) replicaof: ReplicaOf,
    pub(crate) masteruser: Vec<u8>,
    pub(crate) masterauth: Vec<u8>,
    pub(crate) replica_announce_ip: Vec<u8>,
    pub(crate) replica_announce_port: u16,
    pub(crate) replica_announced: bool,
    pub(crate) replica_priority: u32,
    pub(crate) replica_read_only: bool,
    pub(crate) replica_serve_stale_data: bool,
    pub(crate) replica_ignore_maxmemory: bool,
    pub(crate) replica_ignore_disk_write_errors: bool,
    pub(crate) replica_lazy_flush: bool,
    pub(crate) replica_full_sync_buffer_limit: u64,
    pub(crate) repl_backlog_size: u64,
    pub(crate) repl_backlog_ttl_s: u64,
    pub(crate) repl_timeout_s: u32,
    pub(crate) repl_ping_replica_period_s: u32,
    pub(crate) repl_disable_tcp_nodelay: bool,
    pub(crate) repl_diskless_sync: bool,
    pub(crate) repl_diskless_sync_delay_s: u32,
    pub(crate) repl_diskless_sync_max_replicas: u32,
    pub(crate) repl_diskless_load: DisklessLoad,
    /// Valkey's way to do the same as the next.
    pub(crate) dual_channel_replication_enabled: bool,
    pub(crate) repl_rdb_channel: bool,
    pub(crate) min_replicas_to_write: u32,
    pub(crate) min_replicas_max_lag_s: u32,
    pub(crate) propagation_error_behavior: PropagationError,

    // Cluster.
    pub(crate) cluster_enabled: bool,
    pub(crate) cluster_config_file: Vec<u8>,
    pub(crate) cluster_port: u16,
    pub(crate) cluster_node_timeout_ms: u64,
    pub(crate) cluster_ping_interval_ms: u64,
    pub(crate) cluster_announce_ip: Vec<u8>,
    pub(crate) cluster_announce_hostname: Vec<u8>,
    pub(crate) cluster_announce_human_nodename: Vec<u8>,
    pub(crate) cluster_announce_port: u16,
    pub(crate) cluster_announce_tls_port: u16,
    pub(crate) cluster_announce_bus_port: u16,
    pub(crate) cluster_preferred_endpoint_type: EndpointType,
    pub(crate) cluster_require_full_coverage: bool,
    pub(crate) cluster_allow_reads_when_down: bool,
    pub(crate) cluster_allow_pubsubshard_when_down: bool,
    pub(crate) cluster_allow_replica_migration: bool,
    pub(crate) cluster_migration_barrier: u32,
    pub(crate) cluster_replica_no_failover: bool,
    pub(crate) cluster_replica_validity_factor: u32,
    pub(crate) cluster_link_sendbuf_limit: u64,
    pub(crate) cluster_compatibility_sample_ratio: u32,

    // Scripts.
    /// Also known as lua-time-limit; 0: never busy.
    pub(crate) busy_reply_threshold_ms: u64,
    pub(crate) lua_enable_deprecated_api: bool,

    // Observing.
    pub(crate) loglevel: LogLevel,
    pub(crate) logfile: Vec<u8>,
    pub(crate) log_format: LogFormat,
    pub(crate) syslog_enabled: bool,
    pub(crate) syslog_ident: Vec<u8>,
    pub(crate) syslog_facility: SyslogFacility,
    pub(crate) always_show_logo: bool,
    pub(crate) hide_user_data_from_log: bool,
    /// Negative: nothing is logged. 0: everything.
    pub(crate) slowlog_log_slower_than_us: i64,
    pub(crate) slowlog_max_len: u64,
    /// 0: off.
    pub(crate) latency_monitor_threshold_ms: u64,
    pub(crate) latency_tracking: bool,
    pub(crate) latency_tracking_info_percentiles: Percentiles,

    // Process.
    pub(crate) daemonize: bool,
    pub(crate) pidfile: Vec<u8>,
    pub(crate) supervised: Supervised,
    pub(crate) set_proc_title: bool,
    pub(crate) proc_title_template: Vec<u8>,
    pub(crate) oom_score_adj: OomScoreAdj,
    pub(crate) oom_score_adj_values: OomValues,
    pub(crate) shutdown_timeout_s: u32,
    pub(crate) shutdown_on_sigint: OnSignal,
    pub(crate) shutdown_on_sigterm: OnSignal,
    pub(crate) locale_collate: Vec<u8>,
    pub(crate) ignore_warnings: Vec<u8>,
    pub(crate) crash_log_enabled: bool,
    pub(crate) crash_memcheck_enabled: bool,
    pub(crate) use_exit_on_panic: bool,
    /// 0: off.
    pub(crate) watchdog_period_ms: u32,
    pub(crate) io_threads: u32,
    pub(crate) server_cpulist: Vec<u8>,
    pub(crate) bio_cpulist: Vec<u8>,
    pub(crate) aof_rewrite_cpulist: Vec<u8>,
    pub(crate) bgsave_cpulist: Vec<u8>,

    // For tests.
    /// Microseconds to wait after each key that is loaded; negative: once per so many keys.
    pub(crate) key_load_delay_us: i32,
    /// The same for each key that is saved.
    pub(crate) rdb_key_save_delay_us: i32,
    /// How often a load looks at its clients.
    pub(crate) loading_process_events_interval_bytes: u64,
}
