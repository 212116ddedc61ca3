//! Rows about sockets, TLS, clients and their limits.

use super::{INT, LONG, PORT};
use crate::config::row::{
    Form, Outside, Row, Within, boolean, memory, number, optional, special, text, word,
};
use crate::config::words::{
    PagePrompt, Permission, PubsubDefault, TlsAuthClients, TlsAuthClientsUser,
};
use crate::store::STRING_BYTES_MAX;

#[rustfmt::skip] // A row per line reads as the table it is.
pub(crate) static ROWS: &[Row] = &[
    // Sockets.
    Row::new("bind", special!(bind), "* -::*").many().outside(Outside::Listen),
    Row::new("bind-source-addr", optional!(bind_source_addr), ""),
    Row::new("port", number!(port, 0, PORT), "6379").outside(Outside::Listen),
    Row::new("unixsocket", optional!(unixsocket), "").immutable(),
    Row::new("unixsocketperm", number!(unixsocketperm, 0, 0o777, Form::Octal), "0").immutable(),
    Row::new("tcp-backlog", number!(tcp_backlog, 0, INT), "511").immutable(),
    Row::new("tcp-keepalive", number!(tcp_keepalive_s, 0, INT), "300").outside(Outside::Connections),
    Row::new("socket-mark-id", number!(socket_mark_id, 0, u32::MAX), "0").immutable(),
    Row::new("protected-mode", boolean!(protected_mode), "yes"),
    Row::new("max-new-connections-per-cycle", number!(max_new_connections_per_cycle, 1, 1000), "10")
        .outside(Outside::Connections),
    // The live page.
    Row::new("page-port", number!(page_port, 0, PORT), "0").immutable().ours(),
    Row::new("page-bind", text!(page_bind), "127.0.0.1").immutable().ours(),
    Row::new("page-token", optional!(page_token), "").immutable().sensitive().ours(),
    Row::new("page-prompt", word!(page_prompt: PagePrompt), "read-only").immutable().ours(),
    // TLS.
    Row::new("tls-port", number!(tls_port, 0, PORT), "0").outside(Outside::ListenTls),
    Row::new("tls-cluster", boolean!(tls_cluster), "no").outside(Outside::Tls),
    Row::new("tls-replication", boolean!(tls_replication), "no").outside(Outside::Tls),
    Row::new("tls-auth-clients-user", word!(tls_auth_clients_user: TlsAuthClientsUser), "off").hidden(),
    Row::new("tls-auth-clients", word!(tls_auth_clients: TlsAuthClients), "yes").outside(Outside::Tls),
    Row::new("tls-prefer-server-ciphers", boolean!(tls_prefer_server_ciphers), "no").outside(Outside::Tls),
    Row::new("tls-session-caching", boolean!(tls_session_caching), "yes").outside(Outside::Tls),
    Row::new("tls-session-cache-size", number!(tls_session_cache_size, 0, INT), "20480").outside(Outside::Tls),
    Row::new("tls-session-cache-timeout", number!(tls_session_cache_timeout_s, 0, INT), "300").outside(Outside::Tls),
    Row::new("tls-cert-file", optional!(tls_cert_file), "").volatile().outside(Outside::Tls),
    Row::new("tls-key-file", optional!(tls_key_file), "").volatile().outside(Outside::Tls),
    Row::new("tls-key-file-pass", optional!(tls_key_file_pass), "").sensitive().outside(Outside::Tls),
    Row::new("tls-client-cert-file", optional!(tls_client_cert_file), "").volatile().outside(Outside::Tls),
    Row::new("tls-client-key-file", optional!(tls_client_key_file), "").volatile().outside(Outside::Tls),
    Row::new("tls-client-key-file-pass", optional!(tls_client_key_file_pass), "").sensitive().outside(Outside::Tls),
    Row::new("tls-dh-params-file", optional!(tls_dh_params_file), "").volatile().outside(Outside::Tls),
    Row::new("tls-ca-cert-file", optional!(tls_ca_cert_file), "").volatile().outside(Outside::Tls),
    Row::new("tls-ca-cert-dir", optional!(tls_ca_cert_dir), "").volatile().outside(Outside::Tls),
    Row::new("tls-protocols", optional!(tls_protocols), "").outside(Outside::Tls),
    Row::new("tls-ciphers", optional!(tls_ciphers), "").outside(Outside::Tls),
    Row::new("tls-ciphersuites", optional!(tls_ciphersuites), "").outside(Outside::Tls),
    Row::new("max-new-tls-connections-per-cycle", number!(max_new_tls_connections_per_cycle, 1, 1000), "1").outside(Outside::Connections),
    // Clients.
    Row::new("maxclients", number!(maxclients, 1, u32::MAX), "10000").outside(Outside::MaxClients),
    Row::new("timeout", number!(timeout_s, 0, INT), "0"),
    Row::new("client-query-buffer-limit", memory!(client_query_buffer_limit, 1 << 20, LONG), "1gb"),
    Row::new("client-output-buffer-limit", special!(client_output_buffer_limit),
        "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60").many(),
    Row::new("proto-max-bulk-len", memory!(proto_max_bulk_len, 1 << 20, STRING_BYTES_MAX as u64), "512mb"),
    Row::new("maxmemory-clients", special!(maxmemory_clients), "0"),
    Row::new("tracking-table-max-keys", number!(tracking_table_max_keys, 0, LONG), "1000000"),
    Row::new("notify-keyspace-events", special!(notify_keyspace_events), ""),
    // Permissions.
    Row::new("requirepass", optional!(requirepass), "").sensitive().within(Within::DefaultPassword),
    Row::new("aclfile", text!(aclfile), "").immutable(),
    Row::new("acl-pubsub-default", word!(acl_pubsub_default: PubsubDefault), "resetchannels"),
    Row::new("acllog-max-len", number!(acllog_max_len, 0, LONG), "128"),
    Row::new("enable-protected-configs", word!(enable_protected_configs: Permission), "no").immutable(),
    Row::new("enable-debug-command", word!(enable_debug_command: Permission), "no").immutable(),
    Row::new("enable-module-command", word!(enable_module_command: Permission), "no").immutable(),
];
