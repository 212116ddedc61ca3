//! stand-in
#[derive(Clone, Copy)]
pub enum Allow { No, Local, Yes }
impl Allow { pub fn allows(self, local: bool) -> bool { match self { Allow::No => false, Allow::Local => local, Allow::Yes => true } } }
#[derive(Clone, Copy)]
pub enum Policy { No }
impl Policy { pub fn is_lfu(self) -> bool { false } pub fn needs_own_objects(self) -> bool { false } }
pub struct Config {
    pub databases: i64, pub maxmemory: u64, pub requirepass: Vec<u8>, pub notify_keyspace_events: u32, pub proto_max_bulk_len: i64,
    pub latency_tracking: bool, pub slowlog_log_slower_than: i64, pub slowlog_max_len: u64, pub latency_monitor_threshold: i64,
    pub enable_debug_command: Allow, pub enable_module_command: Allow, pub maxmemory_policy: Policy, pub lfu_log_factor: i64, pub lfu_decay_time: i64,
    pub lazyfree_lazy_expire: bool, pub lazyfree_lazy_eviction: bool, pub lazyfree_lazy_server_del: bool, pub lazyfree_lazy_user_del: bool, pub lazyfree_lazy_user_flush: bool,
    pub hz: i64, pub port: i64, pub bind: Vec<String>, pub tcp_backlog: i64, pub unixsocket: String, pub unixsocketperm: i64, pub maxclients: i64, pub protected_mode: bool, pub tcp_keepalive: i64, pub max_new_connections_per_cycle: i64, pub client_query_buffer_limit: i64, pub timeout: i64,
}
