//! Commands between a primary and its replicas, and those that make one of the other.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Deprecated, Group, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &FAILOVER,
    &PSYNC,
    &REPLCONF,
    &REPLICAOF,
    &RESTORE_ASKING,
    &ROLE,
    &SLAVEOF,
    &SYNC,
];

pub(crate) static FAILOVER: Spec = Spec {
    name: "failover",
    group: Group::Server,
    since: "6.2.0",
    summary: "Starts a coordinated failover from a server to one of its replicas.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::STALE]),
    args: &[
        Arg::block(
            "target",
            &[
                Arg::string("host"),
                Arg::integer("port"),
                Arg::word("FORCE").optional(),
            ],
        )
        .token("TO")
        .optional(),
        Arg::word("ABORT").optional(),
        Arg::integer("milliseconds").token("TIMEOUT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static PSYNC: Spec = Spec {
    name: "psync",
    group: Group::Server,
    since: "2.8.0",
    summary: "An internal command used in replication.",
    arity: -3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::NO_ASYNC_LOADING,
        flag::NO_MULTI,
    ]),
    args: &[Arg::string("replicationid"), Arg::integer("offset")],
    ..Spec::BLANK
};

pub(crate) static REPLCONF: Spec = Spec {
    name: "replconf",
    group: Group::Server,
    since: "3.0.0",
    summary: "An internal command for configuring the replication stream.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::ALLOW_BUSY,
    ]),
    is_internal: true,
    ..Spec::BLANK
};

pub(crate) static REPLICAOF: Spec = Spec {
    name: "replicaof",
    group: Group::Server,
    since: "5.0.0",
    summary: "Configures a server as replica of another, or promotes it to a master.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::STALE,
        flag::NO_ASYNC_LOADING,
    ]),
    args: &[Arg::one_of(
        "args",
        &[
            Arg::block("host-port", &[Arg::string("host"), Arg::integer("port")]),
            Arg::block("no-one", &[Arg::word("NO"), Arg::word("ONE")]),
        ],
    )],
    ..Spec::BLANK
};

pub(crate) static RESTORE_ASKING: Spec = Spec {
    name: "restore-asking",
    group: Group::Server,
    since: "3.0.0",
    summary: "An internal command for migrating keys in a cluster.",
    complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
        value, where N is the number of Redis objects composing the value and M their average \
        size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, \
        so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because \
        inserting values into sorted sets is O(log(N)).",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::ASKING]),
    propagates: Propagates::OrInstead,
    acl: Categories::of(&[category::KEYSPACE, category::DANGEROUS]),
    keys: usual::OVERWRITTEN,
    args: &[
        Arg::key("key", 0),
        Arg::integer("ttl"),
        Arg::string("serialized-value"),
        Arg::word("REPLACE").since("3.0.0").optional(),
        Arg::word("ABSTTL").since("5.0.0").optional(),
        Arg::integer("seconds")
            .token("IDLETIME")
            .since("5.0.0")
            .optional(),
        Arg::integer("frequency")
            .token("FREQ")
            .since("5.0.0")
            .optional(),
    ],
    history: &[
        ("3.0.0", "Added the `REPLACE` modifier."),
        ("5.0.0", "Added the `ABSTTL` modifier."),
        ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
    ],
    is_internal: true,
    ..Spec::BLANK
};

pub(crate) static ROLE: Spec = Spec {
    name: "role",
    group: Group::Server,
    since: "2.8.12",
    summary: "Returns the replication role.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::NOSCRIPT, flag::LOADING, flag::STALE, flag::FAST]),
    acl: Categories::of(&[category::ADMIN, category::DANGEROUS]),
    ..Spec::BLANK
};

pub(crate) static SLAVEOF: Spec = Spec {
    name: "slaveof",
    group: Group::Server,
    since: "1.0.0",
    summary: "Sets a Redis server as a replica of another, or promotes it to being a master.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::STALE,
        flag::NO_ASYNC_LOADING,
    ]),
    args: &[Arg::one_of(
        "args",
        &[
            Arg::block("host-port", &[Arg::string("host"), Arg::integer("port")]),
            Arg::block("no-one", &[Arg::word("NO"), Arg::word("ONE")]),
        ],
    )],
    deprecated: Some(Deprecated {
        since: "5.0.0",
        replaced_by: "`REPLICAOF`",
    }),
    ..Spec::BLANK
};

pub(crate) static SYNC: Spec = Spec {
    name: "sync",
    group: Group::Server,
    since: "1.0.0",
    summary: "An internal command used in replication.",
    arity: 1,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::NO_ASYNC_LOADING,
        flag::NO_MULTI,
    ]),
    ..Spec::BLANK
};
