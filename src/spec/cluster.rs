//! Commands about slots and nodes. A server that is no cluster node knows them all, and answers most of them by
//! saying so.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Deprecated, Group, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&ASKING, &CLUSTER, &READONLY, &READWRITE];

pub(crate) static ASKING: Spec = Spec {
    name: "asking",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Signals that a cluster client is following an -ASK redirect.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::FAST]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static CLUSTER: Spec = Spec {
    name: "cluster",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "A container for Redis Cluster commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &CLUSTER_ADDSLOTS,
        &CLUSTER_ADDSLOTSRANGE,
        &CLUSTER_BUMPEPOCH,
        &CLUSTER_COUNT_FAILURE_REPORTS,
        &CLUSTER_COUNTKEYSINSLOT,
        &CLUSTER_DELSLOTS,
        &CLUSTER_DELSLOTSRANGE,
        &CLUSTER_FAILOVER,
        &CLUSTER_FLUSHSLOTS,
        &CLUSTER_FORGET,
        &CLUSTER_GETKEYSINSLOT,
        &CLUSTER_HELP,
        &CLUSTER_INFO,
        &CLUSTER_KEYSLOT,
        &CLUSTER_LINKS,
        &CLUSTER_MEET,
        &CLUSTER_MYID,
        &CLUSTER_MYSHARDID,
        &CLUSTER_NODES,
        &CLUSTER_REPLICAS,
        &CLUSTER_REPLICATE,
        &CLUSTER_RESET,
        &CLUSTER_SAVECONFIG,
        &CLUSTER_SET_CONFIG_EPOCH,
        &CLUSTER_SETSLOT,
        &CLUSTER_SHARDS,
        &CLUSTER_SLAVES,
        &CLUSTER_SLOTS,
    ],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_ADDSLOTS: Spec = Spec {
    name: "cluster|addslots",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Assigns new hash slots to a node.",
    complexity: "O(N) where N is the total number of hash slot arguments",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::integer("slot").multiple()],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_ADDSLOTSRANGE: Spec = Spec {
    name: "cluster|addslotsrange",
    group: Group::Cluster,
    since: "7.0.0",
    summary: "Assigns new hash slot ranges to a node.",
    complexity: "O(N) where N is the total number of the slots between the start slot and end \
        slot arguments.",
    arity: -4,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::block(
        "range",
        &[Arg::integer("start-slot"), Arg::integer("end-slot")],
    )
    .multiple()],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_BUMPEPOCH: Spec = Spec {
    name: "cluster|bumpepoch",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Advances the cluster config epoch.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_COUNT_FAILURE_REPORTS: Spec = Spec {
    name: "cluster|count-failure-reports",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the number of active failure reports active for a node.",
    complexity: "O(N) where N is the number of failure reports",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE]),
    tips: &["nondeterministic_output"],
    args: &[Arg::string("node-id")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_COUNTKEYSINSLOT: Spec = Spec {
    name: "cluster|countkeysinslot",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the number of keys in a hash slot.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::STALE]),
    args: &[Arg::integer("slot")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_DELSLOTS: Spec = Spec {
    name: "cluster|delslots",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Sets hash slots as unbound for a node.",
    complexity: "O(N) where N is the total number of hash slot arguments",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::integer("slot").multiple()],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_DELSLOTSRANGE: Spec = Spec {
    name: "cluster|delslotsrange",
    group: Group::Cluster,
    since: "7.0.0",
    summary: "Sets hash slot ranges as unbound for a node.",
    complexity: "O(N) where N is the total number of the slots between the start slot and end \
        slot arguments.",
    arity: -4,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::block(
        "range",
        &[Arg::integer("start-slot"), Arg::integer("end-slot")],
    )
    .multiple()],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_FAILOVER: Spec = Spec {
    name: "cluster|failover",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Forces a replica to perform a manual failover of its master.",
    complexity: "O(1)",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::one_of("options", &[Arg::word("FORCE"), Arg::word("TAKEOVER")]).optional()],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_FLUSHSLOTS: Spec = Spec {
    name: "cluster|flushslots",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Deletes all slots information from a node.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    ..Spec::BLANK
};

pub(crate) static CLUSTER_FORGET: Spec = Spec {
    name: "cluster|forget",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Removes a node from the nodes table.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::string("node-id")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_GETKEYSINSLOT: Spec = Spec {
    name: "cluster|getkeysinslot",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the key names in a hash slot.",
    complexity: "O(N) where N is the number of requested keys",
    arity: 4,
    flags: Flags::of(&[flag::STALE]),
    tips: &["nondeterministic_output"],
    args: &[Arg::integer("slot"), Arg::integer("count")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_HELP: Spec = Spec {
    name: "cluster|help",
    group: Group::Cluster,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "COUNTKEYSINSLOT <slot>",
        "    Return the number of keys in <slot>.",
        "GETKEYSINSLOT <slot> <count>",
        "    Return key names stored by current node in a slot.",
        "INFO",
        "    Return information about the cluster.",
        "KEYSLOT <key>",
        "    Return the hash slot for <key>.",
        "MYID",
        "    Return the node id.",
        "MYSHARDID",
        "    Return the node's shard id.",
        "NODES",
        "    Return cluster configuration seen by node. Output format:",
        "    <id> <ip:port@bus-port[,hostname]> <flags> <master> <pings> <pongs> <epoch> <link> \
             <slot> ...",
        "REPLICAS <node-id>",
        "    Return <node-id> replicas.",
        "SLOTS",
        "    Return information about slots range mappings. Each range is made of:",
        "    start, end, master and replicas IP addresses, ports and ids",
        "SHARDS",
        "    Return information about slot range mappings and the nodes associated with them.",
        "ADDSLOTS <slot> [<slot> ...]",
        "    Assign slots to current node.",
        "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Assign slots which are between <start-slot> and <end-slot> to current node.",
        "BUMPEPOCH",
        "    Advance the cluster config epoch.",
        "COUNT-FAILURE-REPORTS <node-id>",
        "    Return number of failure reports for <node-id>.",
        "DELSLOTS <slot> [<slot> ...]",
        "    Delete slots information from current node.",
        "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Delete slots information which are between <start-slot> and <end-slot> from current \
             node.",
        "FAILOVER [FORCE|TAKEOVER]",
        "    Promote current replica node to being a master.",
        "FORGET <node-id>",
        "    Remove a node from the cluster.",
        "FLUSHSLOTS",
        "    Delete current node own slots information.",
        "MEET <ip> <port> [<bus-port>]",
        "    Connect nodes into a working cluster.",
        "REPLICATE <node-id>",
        "    Configure current node as replica to <node-id>.",
        "RESET [HARD|SOFT]",
        "    Reset current node (default: soft).",
        "SET-CONFIG-EPOCH <epoch>",
        "    Set config epoch of current node.",
        "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
        "    Set slot state.",
        "SAVECONFIG",
        "    Force saving cluster configuration on disk.",
        "LINKS",
        "    Return information about all network links between this node and its peers.",
        "    Output format is an array where each array element is a map containing attributes of \
             a link",
    ],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_INFO: Spec = Spec {
    name: "cluster|info",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns information about the state of a node.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::STALE]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_KEYSLOT: Spec = Spec {
    name: "cluster|keyslot",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the hash slot for a key.",
    complexity: "O(N) where N is the number of bytes in the key",
    arity: 3,
    flags: Flags::of(&[flag::STALE]),
    args: &[Arg::string("key")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_LINKS: Spec = Spec {
    name: "cluster|links",
    group: Group::Cluster,
    since: "7.0.0",
    summary: "Returns a list of all TCP links to and from peer nodes.",
    complexity: "O(N) where N is the total number of Cluster nodes",
    arity: 2,
    flags: Flags::of(&[flag::STALE]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_MEET: Spec = Spec {
    name: "cluster|meet",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Forces a node to handshake with another node.",
    complexity: "O(1)",
    arity: -4,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[
        Arg::string("ip"),
        Arg::integer("port"),
        Arg::integer("cluster-bus-port").since("4.0.0").optional(),
    ],
    history: &[("4.0.0", "Added the optional `cluster_bus_port` argument.")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_MYID: Spec = Spec {
    name: "cluster|myid",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the ID of a node.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::STALE]),
    ..Spec::BLANK
};

pub(crate) static CLUSTER_MYSHARDID: Spec = Spec {
    name: "cluster|myshardid",
    group: Group::Cluster,
    since: "7.2.0",
    summary: "Returns the shard ID of a node.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::STALE]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_NODES: Spec = Spec {
    name: "cluster|nodes",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the cluster configuration for a node.",
    complexity: "O(N) where N is the total number of Cluster nodes",
    arity: 2,
    flags: Flags::of(&[flag::STALE]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_REPLICAS: Spec = Spec {
    name: "cluster|replicas",
    group: Group::Cluster,
    since: "5.0.0",
    summary: "Lists the replica nodes of a master node.",
    complexity: "O(N) where N is the number of replicas.",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE]),
    tips: &["nondeterministic_output"],
    args: &[Arg::string("node-id")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_REPLICATE: Spec = Spec {
    name: "cluster|replicate",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Configure a node as replica of a master node.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::string("node-id")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_RESET: Spec = Spec {
    name: "cluster|reset",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Resets a node.",
    complexity: "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as \
        a side effect.",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::STALE]),
    args: &[Arg::one_of("reset-type", &[Arg::word("HARD"), Arg::word("SOFT")]).optional()],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_SAVECONFIG: Spec = Spec {
    name: "cluster|saveconfig",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Forces a node to save the cluster configuration to disk.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    ..Spec::BLANK
};

pub(crate) static CLUSTER_SET_CONFIG_EPOCH: Spec = Spec {
    name: "cluster|set-config-epoch",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Sets the configuration epoch for a new node.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[Arg::integer("config-epoch")],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_SETSLOT: Spec = Spec {
    name: "cluster|setslot",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Binds a hash slot to a node.",
    complexity: "O(1)",
    arity: -4,
    flags: Flags::of(&[flag::ADMIN, flag::STALE, flag::NO_ASYNC_LOADING]),
    args: &[
        Arg::integer("slot"),
        Arg::one_of(
            "subcommand",
            &[
                Arg::string("importing").shown("node-id").token("IMPORTING"),
                Arg::string("migrating").shown("node-id").token("MIGRATING"),
                Arg::string("node").shown("node-id").token("NODE"),
                Arg::word("STABLE"),
            ],
        ),
    ],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_SHARDS: Spec = Spec {
    name: "cluster|shards",
    group: Group::Cluster,
    since: "7.0.0",
    summary: "Returns the mapping of cluster slots to shards.",
    complexity: "O(N) where N is the total number of cluster nodes",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLUSTER_SLAVES: Spec = Spec {
    name: "cluster|slaves",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Lists the replica nodes of a master node.",
    complexity: "O(N) where N is the number of replicas.",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::STALE]),
    tips: &["nondeterministic_output"],
    args: &[Arg::string("node-id")],
    deprecated: Some(Deprecated {
        since: "5.0.0",
        replaced_by: "`CLUSTER REPLICAS`",
    }),
    ..Spec::BLANK
};

pub(crate) static CLUSTER_SLOTS: Spec = Spec {
    name: "cluster|slots",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Returns the mapping of cluster slots to nodes.",
    complexity: "O(N) where N is the total number of Cluster nodes",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    tips: &["nondeterministic_output"],
    history: &[
        ("4.0.0", "Added node IDs."),
        ("7.0.0", "Added additional networking metadata field."),
    ],
    deprecated: Some(Deprecated {
        since: "7.0.0",
        replaced_by: "`CLUSTER SHARDS`",
    }),
    ..Spec::BLANK
};

pub(crate) static READONLY: Spec = Spec {
    name: "readonly",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Enables read-only queries for a connection to a Redis Cluster replica node.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::FAST]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static READWRITE: Spec = Spec {
    name: "readwrite",
    group: Group::Cluster,
    since: "3.0.0",
    summary: "Enables read-write queries for a connection to a Reids Cluster replica node.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::FAST]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};
