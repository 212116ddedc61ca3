//! Rows about replicas, primaries and the cluster. The older names, with `slave` in them, are as good as the newer
//! ones.

use super::{INT, LONG, PORT};
use crate::config::row::{Form, Kind, Row, boolean, memory, number, optional, special, text, word};
use crate::config::values::Reason;
use crate::config::words::{DisklessLoad, EndpointType, PropagationError};

#[rustfmt::skip] // A row per line reads as the table it is.
pub(crate) static ROWS: &[Row] = &[
    // Replication.
    Row::new("replicaof", special!(replicaof), "no one").alias("slaveof").immutable().many(),
    Row::new("masteruser", optional!(masteruser), "").sensitive(),
    Row::new("masterauth", optional!(masterauth), "").sensitive(),
    Row::new("replica-announce-ip", optional!(replica_announce_ip), "").alias("slave-announce-ip"),
    Row::new("replica-announce-port", number!(replica_announce_port, 0, PORT), "0").alias("slave-announce-port"),
    Row::new("replica-announced", boolean!(replica_announced), "yes"),
    Row::new("replica-priority", number!(replica_priority, 0, INT), "100").alias("slave-priority"),
    Row::new("replica-read-only", boolean!(replica_read_only), "yes").alias("slave-read-only"),
    Row::new("replica-serve-stale-data", boolean!(replica_serve_stale_data), "yes").alias("slave-serve-stale-data"),
    Row::new("replica-ignore-maxmemory", boolean!(replica_ignore_maxmemory), "yes").alias("slave-ignore-maxmemory"),
    Row::new("replica-ignore-disk-write-errors", boolean!(replica_ignore_disk_write_errors), "no"),
    Row::new("replica-lazy-flush", boolean!(replica_lazy_flush), "no").alias("slave-lazy-flush"),
    Row::new("replica-full-sync-buffer-limit", memory!(replica_full_sync_buffer_limit, 0, LONG), "0"),
    Row::new("repl-backlog-size", BACKLOG, "1mb"),
    Row::new("repl-backlog-ttl", number!(repl_backlog_ttl_s, 0, LONG), "3600"),
    Row::new("repl-timeout", number!(repl_timeout_s, 1, INT), "60"),
    Row::new("repl-ping-replica-period", number!(repl_ping_replica_period_s, 1, INT), "10").alias("repl-ping-slave-period"),
    Row::new("repl-disable-tcp-nodelay", boolean!(repl_disable_tcp_nodelay), "no"),
    Row::new("repl-diskless-sync", boolean!(repl_diskless_sync), "yes"),
    Row::new("repl-diskless-sync-delay", number!(repl_diskless_sync_delay_s, 0, INT), "5"),
    Row::new("repl-diskless-sync-max-replicas", number!(repl_diskless_sync_max_replicas, 0, INT), "0"),
    Row::new("repl-diskless-load", word!(repl_diskless_load: DisklessLoad), "disabled").deny_loading(),
    Row::new("dual-channel-replication-enabled", boolean!(dual_channel_replication_enabled), "no").hidden(),
    Row::new("repl-rdb-channel", boolean!(repl_rdb_channel), "yes").hidden(),
    Row::new("min-replicas-to-write", number!(min_replicas_to_write, 0, INT), "0")
        .alias("min-slaves-to-write"),
    Row::new("min-replicas-max-lag", number!(min_replicas_max_lag_s, 0, INT), "10")
        .alias("min-slaves-max-lag"),
    Row::new("propagation-error-behavior", word!(propagation_error_behavior: PropagationError), "ignore"),
    // Cluster.
    Row::new("cluster-enabled", boolean!(cluster_enabled), "no").immutable(),
    Row::new("cluster-config-file", text!(cluster_config_file), "nodes.conf").immutable(),
    Row::new("cluster-port", number!(cluster_port, 0, PORT), "0").immutable(),
    Row::new("cluster-node-timeout", number!(cluster_node_timeout_ms, 0, LONG), "15000"),
    Row::new("cluster-ping-interval", number!(cluster_ping_interval_ms, 0, LONG), "0").hidden(),
    Row::new("cluster-announce-ip", optional!(cluster_announce_ip), ""),
    Row::new("cluster-announce-hostname", optional!(cluster_announce_hostname, host_name), ""),
    Row::new("cluster-announce-human-nodename", optional!(cluster_announce_human_nodename, node_name), ""),
    Row::new("cluster-announce-port", number!(cluster_announce_port, 0, PORT), "0"),
    Row::new("cluster-announce-tls-port", number!(cluster_announce_tls_port, 0, PORT), "0"),
    Row::new("cluster-announce-bus-port", number!(cluster_announce_bus_port, 0, PORT), "0"),
    Row::new("cluster-preferred-endpoint-type", word!(cluster_preferred_endpoint_type: EndpointType), "ip"),
    Row::new("cluster-require-full-coverage", boolean!(cluster_require_full_coverage), "yes"),
    Row::new("cluster-allow-reads-when-down", boolean!(cluster_allow_reads_when_down), "no"),
    Row::new("cluster-allow-pubsubshard-when-down", boolean!(cluster_allow_pubsubshard_when_down), "yes"),
    Row::new("cluster-allow-replica-migration", boolean!(cluster_allow_replica_migration), "yes"),
    Row::new("cluster-migration-barrier", number!(cluster_migration_barrier, 0, INT), "1"),
    Row::new("cluster-replica-no-failover", boolean!(cluster_replica_no_failover), "no")
        .alias("cluster-slave-no-failover"),
    Row::new("cluster-replica-validity-factor", number!(cluster_replica_validity_factor, 0, INT), "10")
        .alias("cluster-slave-validity-factor"),
    Row::new("cluster-link-sendbuf-limit", memory!(cluster_link_sendbuf_limit, 0, u64::MAX), "0"),
    Row::new("cluster-compatibility-sample-ratio", number!(cluster_compatibility_sample_ratio, 0, 100), "0"),
];

/// A backlog that small would not last from one of a replica's reads to the next.
const BACKLOG_BYTES_MIN: u64 = 16 << 10;

/// Any size is taken, and brought to the least that makes sense.
const BACKLOG: Kind = Kind::Number {
    get: |config| i128::from(config.repl_backlog_size),
    set: |config, bytes| config.repl_backlog_size = (bytes as u64).max(BACKLOG_BYTES_MIN),
    min: 1,
    max: LONG,
    form: Form::Memory,
};

/// How long a host name may be, with room for the zero that ends it on the wire of the cluster bus.
const HOST_NAME_MAX: usize = 256;

fn host_name(name: &[u8]) -> Result<(), Reason> {
    if name.len() >= HOST_NAME_MAX {
        return Err("Hostnames must be less than 256 characters".into());
    }
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if !name.iter().all(fits) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into());
    }
    Ok(())
}

/// The name goes into lines of text that other nodes parse, so it must not hold what those lines are made of.
fn node_name(name: &[u8]) -> Result<(), Reason> {
    if name
        .iter()
        .any(|byte| b"!#$%&()*+:;<>?@[]^{|}~\0".contains(byte))
    {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(())
}
