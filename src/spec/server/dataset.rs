//! Commands on the data set as a whole: its size, its files, its end.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Databases, Group, Propagates, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &BGREWRITEAOF,
    &BGSAVE,
    &DBSIZE,
    &FLUSHALL,
    &FLUSHDB,
    &LASTSAVE,
    &SAVE,
    &SHUTDOWN,
    &SWAPDB,
];

pub(crate) static BGREWRITEAOF: Spec = Spec {
    name: "bgrewriteaof",
    group: Group::Server,
    since: "1.0.0",
    summary: "Asynchronously rewrites the append-only file to disk.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::NO_ASYNC_LOADING]),
    ..Spec::BLANK
};

pub(crate) static BGSAVE: Spec = Spec {
    name: "bgsave",
    group: Group::Server,
    since: "1.0.0",
    summary: "Asynchronously saves the database(s) to disk.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::NO_ASYNC_LOADING]),
    args: &[Arg::word("SCHEDULE").since("3.2.2").optional()],
    history: &[("3.2.2", "Added the `SCHEDULE` option.")],
    ..Spec::BLANK
};

pub(crate) static DBSIZE: Spec = Spec {
    name: "dbsize",
    group: Group::Server,
    since: "1.0.0",
    summary: "Returns the number of keys in the database.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    ..Spec::BLANK
};

pub(crate) static FLUSHALL: Spec = Spec {
    name: "flushall",
    group: Group::Server,
    since: "1.0.0",
    summary: "Removes all keys from all databases.",
    complexity: "O(N) where N is the total number of keys in all databases",
    arity: -1,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::Always,
    acl: Categories::of(&[category::KEYSPACE, category::DANGEROUS]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    databases: Databases::All,
    args: &[Arg::one_of(
        "flush-type",
        &[
            Arg::word("ASYNC").since("4.0.0"),
            Arg::word("SYNC").since("6.2.0"),
        ],
    )
    .optional()],
    history: &[
        ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
        ("6.2.0", "Added the `SYNC` flushing mode modifier."),
    ],
    ..Spec::BLANK
};

pub(crate) static FLUSHDB: Spec = Spec {
    name: "flushdb",
    group: Group::Server,
    since: "1.0.0",
    summary: "Remove all keys from the current database.",
    complexity: "O(N) where N is the number of keys in the selected database",
    arity: -1,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::Always,
    acl: Categories::of(&[category::KEYSPACE, category::DANGEROUS]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::one_of(
        "flush-type",
        &[
            Arg::word("ASYNC").since("4.0.0"),
            Arg::word("SYNC").since("6.2.0"),
        ],
    )
    .optional()],
    history: &[
        ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
        ("6.2.0", "Added the `SYNC` flushing mode modifier."),
    ],
    ..Spec::BLANK
};

pub(crate) static LASTSAVE: Spec = Spec {
    name: "lastsave",
    group: Group::Server,
    since: "1.0.0",
    summary: "Returns the Unix timestamp of the last successful save to disk.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::FAST]),
    acl: Categories::of(&[category::ADMIN, category::DANGEROUS]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static SAVE: Spec = Spec {
    name: "save",
    group: Group::Server,
    since: "1.0.0",
    summary: "Synchronously saves the database(s) to disk.",
    complexity: "O(N) where N is the total number of keys in all databases",
    arity: 1,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::NO_ASYNC_LOADING,
        flag::NO_MULTI,
    ]),
    ..Spec::BLANK
};

pub(crate) static SHUTDOWN: Spec = Spec {
    name: "shutdown",
    group: Group::Server,
    since: "1.0.0",
    summary: "Synchronously saves the database(s) to disk and shuts down the Redis server.",
    complexity: "O(N) when saving, where N is the total number of keys in all databases when \
        saving data, otherwise O(1)",
    arity: -1,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::NO_MULTI,
        flag::ALLOW_BUSY,
    ]),
    args: &[
        Arg::one_of("save-selector", &[Arg::word("NOSAVE"), Arg::word("SAVE")]).optional(),
        Arg::word("NOW").since("7.0.0").optional(),
        Arg::word("FORCE").since("7.0.0").optional(),
        Arg::word("ABORT").since("7.0.0").optional(),
    ],
    history: &[("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers.")],
    ..Spec::BLANK
};

pub(crate) static SWAPDB: Spec = Spec {
    name: "swapdb",
    group: Group::Server,
    since: "4.0.0",
    summary: "Swaps two Redis databases.",
    complexity: "O(N) where N is the count of clients watching or blocking on keys from both \
        databases.",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE, category::DANGEROUS]),
    databases: Databases::Named(&[1, 2]),
    args: &[Arg::integer("index1"), Arg::integer("index2")],
    ..Spec::BLANK
};
