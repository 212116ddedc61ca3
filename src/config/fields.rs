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
    DisklessLoad, EndpointType, Eviction, Fsync, HashFunction, LogFormat, LogLevel, OomScoreAdj,
    Permission, PropagationError, PubsubDefault, RdbFieldTtl, RdbVersion, SanitizeDump, Supervised,
    SyslogFacility, TlsAuthClients,
};

/// Every parameter of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    // Network.
    pub bind: Bind,
    pub bind_source_addr: Vec<u8>,
    /// 0: no TCP.
    pub port: u16,
    pub unixsocket: Vec<u8>,
    /// 0: as the umask says.
    pub unixsocketperm: u32,
    pub tcp_backlog: i32,
    pub tcp_keepalive_s: u32,
    pub socket_mark_id: u32,
    pub protected_mode: bool,
    pub max_new_connections_per_cycle: usize,
    pub introspection_port: u16,

    // TLS.
    pub tls_port: u16,
    pub tls_cluster: bool,
    pub tls_replication: bool,
    pub tls_auth_clients: TlsAuthClients,
    pub tls_prefer_server_ciphers: bool,
    pub tls_session_caching: bool,
    pub tls_session_cache_size: u32,
    pub tls_session_cache_timeout_s: u32,
    pub tls_cert_file: Vec<u8>,
    pub tls_key_file: Vec<u8>,
    pub tls_key_file_pass: Vec<u8>,
    pub tls_client_cert_file: Vec<u8>,
    pub tls_client_key_file: Vec<u8>,
    pub tls_client_key_file_pass: Vec<u8>,
    pub tls_dh_params_file: Vec<u8>,
    pub tls_ca_cert_file: Vec<u8>,
    pub tls_ca_cert_dir: Vec<u8>,
    pub tls_protocols: Vec<u8>,
    pub tls_ciphers: Vec<u8>,
    pub tls_ciphersuites: Vec<u8>,
    pub max_new_tls_connections_per_cycle: usize,

    // Clients.
    pub maxclients: u32,
    /// 0: idle clients stay.
    pub timeout_s: u32,
    pub client_query_buffer_limit: u64,
    pub client_output_buffer_limit: OutputLimits,
    pub proto_max_bulk_len: u64,
    pub maxmemory_clients: Share,
    pub tracking_table_max_keys: u64,
    pub notify_keyspace_events: Events,

    // Who may do what.
    pub requirepass: Vec<u8>,
    pub aclfile: Vec<u8>,
    pub acl_pubsub_default: PubsubDefault,
    pub acllog_max_len: u64,
    pub enable_protected_configs: Permission,
    pub enable_debug_command: Permission,
    pub enable_module_command: Permission,

    // Memory.
    /// 0: no limit.
    pub maxmemory: u64,
    pub maxmemory_policy: Eviction,
    pub maxmemory_samples: u32,
    pub maxmemory_eviction_tenacity: u32,
    pub lfu_log_factor: u32,
    pub lfu_decay_time_min: u32,
    pub lazyfree_lazy_eviction: bool,
    pub lazyfree_lazy_expire: bool,
    pub lazyfree_lazy_server_del: bool,
    pub lazyfree_lazy_user_del: bool,
    pub lazyfree_lazy_user_flush: bool,
    pub activedefrag: bool,
    pub active_defrag_ignore_bytes: u64,
    pub active_defrag_threshold_lower: u32,
    pub active_defrag_threshold_upper: u32,
    pub active_defrag_cycle_min: u32,
    pub active_defrag_cycle_max: u32,
    pub active_defrag_max_scan_fields: u64,
    pub jemalloc_bg_thread: bool,
    pub disable_thp: bool,

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
    pub sanitize_dump_payload: SanitizeDump,
    pub hash_function: HashFunction,

    // Databases and time.
    pub databases: u32,
    pub hz: u32,
    pub dynamic_hz: bool,
    pub active_expire_effort: u32,
    pub activerehashing: bool,

    // Snapshots.
    pub save: SavePoints,
    pub dir: Dir,
    pub dbfilename: Vec<u8>,
    pub rdbcompression: bool,
    pub rdbchecksum: bool,
    pub rdb_del_sync_files: bool,
    pub rdb_save_incremental_fsync: bool,
    pub stop_writes_on_bgsave_error: bool,
    pub rdb_version: RdbVersion,
    pub rdb_field_ttl_format: RdbFieldTtl,
    /// Whether values of modules in a file are passed over instead of refusing the file.
    pub rdb_skip_modules: bool,

    // Append-only file.
    pub appendonly: bool,
    pub appendfilename: Vec<u8>,
    pub appenddirname: Vec<u8>,
    pub appendfsync: Fsync,
    pub no_appendfsync_on_rewrite: bool,
    /// 0: never rewritten by itself.
    pub auto_aof_rewrite_percentage: u32,
    pub auto_aof_rewrite_min_size: u64,
    pub aof_load_truncated: bool,
    pub aof_use_rdb_preamble: bool,
    pub aof_timestamp_enabled: bool,
    pub aof_rewrite_incremental_fsync: bool,
    pub aof_disable_auto_gc: bool,
    /// Whether checksums are woven into the file as comments.
    pub aof_checksum: bool,

    // Replication.
    pub replicaof: ReplicaOf,
    pub masteruser: Vec<u8>,
    pub masterauth: Vec<u8>,
    pub replica_announce_ip: Vec<u8>,
    pub replica_announce_port: u16,
    pub replica_announced: bool,
    pub replica_priority: u32,
    pub replica_read_only: bool,
    pub replica_serve_stale_data: bool,
    pub replica_ignore_maxmemory: bool,
    pub replica_ignore_disk_write_errors: bool,
    pub replica_lazy_flush: bool,
    pub replica_full_sync_buffer_limit: u64,
    pub repl_backlog_size: u64,
    pub repl_backlog_ttl_s: u64,
    pub repl_timeout_s: u32,
    pub repl_ping_replica_period_s: u32,
    pub repl_disable_tcp_nodelay: bool,
    pub repl_diskless_sync: bool,
    pub repl_diskless_sync_delay_s: u32,
    pub repl_diskless_sync_max_replicas: u32,
    pub repl_diskless_load: DisklessLoad,
    pub repl_rdb_channel: bool,
    pub min_replicas_to_write: u32,
    pub min_replicas_max_lag_s: u32,
    pub propagation_error_behavior: PropagationError,

    // Cluster.
    pub cluster_enabled: bool,
    pub cluster_config_file: Vec<u8>,
    pub cluster_port: u16,
    pub cluster_node_timeout_ms: u64,
    pub cluster_ping_interval_ms: u64,
    pub cluster_announce_ip: Vec<u8>,
    pub cluster_announce_hostname: Vec<u8>,
    pub cluster_announce_human_nodename: Vec<u8>,
    pub cluster_announce_port: u16,
    pub cluster_announce_tls_port: u16,
    pub cluster_announce_bus_port: u16,
    pub cluster_preferred_endpoint_type: EndpointType,
    pub cluster_require_full_coverage: bool,
    pub cluster_allow_reads_when_down: bool,
    pub cluster_allow_pubsubshard_when_down: bool,
    pub cluster_allow_replica_migration: bool,
    pub cluster_migration_barrier: u32,
    pub cluster_replica_no_failover: bool,
    pub cluster_replica_validity_factor: u32,
    pub cluster_link_sendbuf_limit: u64,
    pub cluster_compatibility_sample_ratio: u32,

    // Scripts.
    /// Also known as lua-time-limit; 0: never busy.
    pub busy_reply_threshold_ms: u64,
    pub lua_enable_deprecated_api: bool,

    // Observing.
    pub loglevel: LogLevel,
    pub logfile: Vec<u8>,
    pub log_format: LogFormat,
    pub syslog_enabled: bool,
    pub syslog_ident: Vec<u8>,
    pub syslog_facility: SyslogFacility,
    pub always_show_logo: bool,
    pub hide_user_data_from_log: bool,
    /// Negative: nothing is logged. 0: everything.
    pub slowlog_log_slower_than_us: i64,
    pub slowlog_max_len: u64,
    /// 0: off.
    pub latency_monitor_threshold_ms: u64,
    pub latency_tracking: bool,
    pub latency_tracking_info_percentiles: Percentiles,

    // Process.
    pub daemonize: bool,
    pub pidfile: Vec<u8>,
    pub supervised: Supervised,
    pub set_proc_title: bool,
    pub proc_title_template: Vec<u8>,
    pub oom_score_adj: OomScoreAdj,
    pub oom_score_adj_values: OomValues,
    pub shutdown_timeout_s: u32,
    pub shutdown_on_sigint: OnSignal,
    pub shutdown_on_sigterm: OnSignal,
    pub locale_collate: Vec<u8>,
    pub ignore_warnings: Vec<u8>,
    pub crash_log_enabled: bool,
    pub crash_memcheck_enabled: bool,
    pub use_exit_on_panic: bool,
    /// 0: off.
    pub watchdog_period_ms: u32,
    pub io_threads: u32,
    pub server_cpulist: Vec<u8>,
    pub bio_cpulist: Vec<u8>,
    pub aof_rewrite_cpulist: Vec<u8>,
    pub bgsave_cpulist: Vec<u8>,

    // For tests.
    /// Microseconds to wait after each key that is loaded; negative: once per so many keys.
    pub key_load_delay_us: i32,
    /// The same for each key that is saved.
    pub rdb_key_save_delay_us: i32,
    /// How often a load looks at its clients.
    pub loading_process_events_interval_bytes: u64,
}
