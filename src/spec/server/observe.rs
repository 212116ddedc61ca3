//! Commands that let one watch the server work.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Group, Propagates, Protection, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &DEBUG, &INFO, &LATENCY, &LOLWUT, &MEMORY, &MONITOR, &SLOWLOG, &TIME,
];

pub(crate) static DEBUG: Spec = Spec {
    name: "debug",
    group: Group::Server,
    since: "1.0.0",
    summary: "A container for debugging commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    protected_by: Some(Protection::Debug),
    propagates: Propagates::Instead,
    is_internal: true,
    help: &[
        "AOF-FLUSH-SLEEP <microsec>",
        "    Sleep before the append-only file is flushed, for tests.",
        "ASSERT",
        "    Crash by a failed assertion.",
        "CHANGE-REPL-ID",
        "    Change the replication IDs of the instance.",
        "    Dangerous: should be used only for testing the replication subsystem.",
        "CONFIG-REWRITE-FORCE-ALL",
        "    Like CONFIG REWRITE but writes all configuration options, including",
        "    keywords not listed in original configuration file or default values.",
        "DICT-RESIZING <0|1>",
        "    Accepted without effect: tables grow and shrink bucket by bucket.",
        "DIGEST",
        "    Output a hex signature representing the current DB content.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Output a hex signature of the values of all the specified keys.",
        "DROP-CLUSTER-PACKET-FILTER <packet-type>",
        "    Drop all packets that match the filtered type. Set to -1 allow all packets.",
        "ERROR <string>",
        "    Return a Redis protocol error with <string> as message. Useful for clients",
        "    unit tests to simulate Redis errors.",
        "HTSTATS <dbid> [full]",
        "    Return hash table statistics of the specified Redis database.",
        "HTSTATS-KEY <key> [full]",
        "    Like HTSTATS but for the hash table stored at <key>'s value.",
        "LEAK <string>",
        "    Create a memory leak of the input string.",
        "LISTPACK <key>",
        "    Tell whether <key> is encoded as a listpack.",
        "LOG <message>",
        "    Write <message> to the server log.",
        "MALLCTL <key>",
        "    Get a malloc tuning integer.",
        "OBJECT <key>",
        "    Show low level info about `key` and associated value.",
        "OOM",
        "    Crash the server simulating an out-of-memory error.",
        "PANIC",
        "    Crash the server simulating a panic.",
        "PAUSE-CRON <0|1>",
        "    Stop periodic cron job processing.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Create <count> string keys named key:<num>. If <prefix> is specified then",
        "    it is used instead of the 'key' prefix. These are not propagated to",
        "    replicas.",
        "PROTOCOL <type>",
        "    Reply with a test value of the specified type. <type> can be: string,",
        "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
        "    true, false.",
        "QUICKLIST <key> [<0|1>]",
        "    Tell whether <key> is encoded as a quicklist.",
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "    Set the size from which an element of a list has a node of its own.",
        "    0 restores the default: elements that do not fit into a node.",
        "REPL-PAUSE <clear|after-fork|before-rdb-channel|on-streaming-repl-buf>",
        "    Pause the server's main process during various replication steps.",
        "REPLICATE <string>",
        "    Replicates the provided string to replicas, allowing data divergence.",
        "REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>",
        "    Sets the time (in milliseconds) to wait between client reply buffer peak resets.",
        "    In case NEVER is provided the last observed peak will never be reset",
        "    In case RESET is provided the peak reset time will be restored to the default value",
        "REPLYBUFFER RESIZING <0|1>",
        "    Enable or disable the reply buffer resize cron job",
        "SDSLEN <key>",
        "    Show how long the strings of `key` and its value are.",
        "SEGFAULT",
        "    Crash the server with sigsegv.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 disables expiring keys (and hash-fields) in background",
        "    when they are not accessed (otherwise the Redis behavior). Setting it",
        "    to 1 reenables back the default.",
        "SET-DISABLE-DENY-SCRIPTS <0|1>",
        "    Setting it to 1 lets scripts call the commands that are denied to them.",
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
        "SLEEP <seconds>",
        "    Stop the server for <seconds>. Decimals allowed.",
        "STRINGMATCH-TEST",
        "    Match patterns made by chance, to see whether that ends.",
        "STRUCTSIZE",
        "    Return the size of some data structures.",
    ],
    ..Spec::BLANK
};

pub(crate) static INFO: Spec = Spec {
    name: "info",
    group: Group::Server,
    since: "1.0.0",
    summary: "Returns information and statistics about the server.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::DANGEROUS]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    args: &[Arg::string("section").optional().multiple()],
    history: &[(
        "7.0.0",
        "Added support for taking multiple section arguments.",
    )],
    ..Spec::BLANK
};

pub(crate) static LATENCY: Spec = Spec {
    name: "latency",
    group: Group::Server,
    since: "2.8.13",
    summary: "A container for latency diagnostics commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &LATENCY_DOCTOR,
        &LATENCY_GRAPH,
        &LATENCY_HELP,
        &LATENCY_HISTOGRAM,
        &LATENCY_HISTORY,
        &LATENCY_LATEST,
        &LATENCY_RESET,
    ],
    ..Spec::BLANK
};

pub(crate) static LATENCY_DOCTOR: Spec = Spec {
    name: "latency|doctor",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns a human-readable latency analysis report.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    ..Spec::BLANK
};

pub(crate) static LATENCY_GRAPH: Spec = Spec {
    name: "latency|graph",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns a latency graph for an event.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    args: &[Arg::string("event")],
    ..Spec::BLANK
};

pub(crate) static LATENCY_HELP: Spec = Spec {
    name: "latency|help",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the \
             specified command names.",
        "    If no commands are specified then all histograms are replied.",
    ],
    ..Spec::BLANK
};

pub(crate) static LATENCY_HISTOGRAM: Spec = Spec {
    name: "latency|histogram",
    group: Group::Server,
    since: "7.0.0",
    summary: "Returns the cumulative distribution of latencies of a subset or all commands.",
    complexity: "O(N) where N is the number of commands with latency information being retrieved.",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    args: &[Arg::string("command").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static LATENCY_HISTORY: Spec = Spec {
    name: "latency|history",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns timestamp-latency samples for an event.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    args: &[Arg::string("event")],
    ..Spec::BLANK
};

pub(crate) static LATENCY_LATEST: Spec = Spec {
    name: "latency|latest",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns the latest latency samples for all events.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    ..Spec::BLANK
};

pub(crate) static LATENCY_RESET: Spec = Spec {
    name: "latency|reset",
    group: Group::Server,
    since: "2.8.13",
    summary: "Resets the latency data for one or more events.",
    complexity: "O(1)",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    args: &[Arg::string("event").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static LOLWUT: Spec = Spec {
    name: "lolwut",
    group: Group::Server,
    since: "5.0.0",
    summary: "Displays computer art and the Redis version",
    arity: -1,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    args: &[Arg::integer("version").token("VERSION").optional()],
    ..Spec::BLANK
};

pub(crate) static MEMORY: Spec = Spec {
    name: "memory",
    group: Group::Server,
    since: "4.0.0",
    summary: "A container for memory diagnostics commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &MEMORY_DOCTOR,
        &MEMORY_HELP,
        &MEMORY_MALLOC_STATS,
        &MEMORY_PURGE,
        &MEMORY_STATS,
        &MEMORY_USAGE,
    ],
    ..Spec::BLANK
};

pub(crate) static MEMORY_DOCTOR: Spec = Spec {
    name: "memory|doctor",
    group: Group::Server,
    since: "4.0.0",
    summary: "Outputs a memory problems report.",
    complexity: "O(1)",
    arity: 2,
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..Spec::BLANK
};

pub(crate) static MEMORY_HELP: Spec = Spec {
    name: "memory|help",
    group: Group::Server,
    since: "4.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    ],
    ..Spec::BLANK
};

pub(crate) static MEMORY_MALLOC_STATS: Spec = Spec {
    name: "memory|malloc-stats",
    group: Group::Server,
    since: "4.0.0",
    summary: "Returns the allocator statistics.",
    complexity: "Depends on how much memory is allocated, could be slow",
    arity: 2,
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..Spec::BLANK
};

pub(crate) static MEMORY_PURGE: Spec = Spec {
    name: "memory|purge",
    group: Group::Server,
    since: "4.0.0",
    summary: "Asks the allocator to release memory.",
    complexity: "Depends on how much memory is allocated, could be slow",
    arity: 2,
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..Spec::BLANK
};

pub(crate) static MEMORY_STATS: Spec = Spec {
    name: "memory|stats",
    group: Group::Server,
    since: "4.0.0",
    summary: "Returns details about memory usage.",
    complexity: "O(1)",
    arity: 2,
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..Spec::BLANK
};

pub(crate) static MEMORY_USAGE: Spec = Spec {
    name: "memory|usage",
    group: Group::Server,
    since: "4.0.0",
    summary: "Estimates the memory usage of a key.",
    complexity: "O(N) where N is the number of samples.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::SUB_LOOKED_AT,
    args: &[
        Arg::key("key", 0),
        Arg::integer("count").token("SAMPLES").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static MONITOR: Spec = Spec {
    name: "monitor",
    group: Group::Server,
    since: "1.0.0",
    summary: "Listens for all requests received by the server in real-time.",
    arity: 1,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    ..Spec::BLANK
};

pub(crate) static SLOWLOG: Spec = Spec {
    name: "slowlog",
    group: Group::Server,
    since: "2.2.12",
    summary: "A container for slow log commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&SLOWLOG_GET, &SLOWLOG_HELP, &SLOWLOG_LEN, &SLOWLOG_RESET],
    ..Spec::BLANK
};

pub(crate) static SLOWLOG_GET: Spec = Spec {
    name: "slowlog|get",
    group: Group::Server,
    since: "2.2.12",
    summary: "Returns the slow log's entries.",
    complexity: "O(N) where N is the number of entries returned",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    args: &[Arg::integer("count").optional()],
    history: &[(
        "4.0.0",
        "Added client IP address, port and name to the reply.",
    )],
    ..Spec::BLANK
};

pub(crate) static SLOWLOG_HELP: Spec = Spec {
    name: "slowlog|help",
    group: Group::Server,
    since: "6.2.0",
    summary: "Show helpful text about the different subcommands",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
    ],
    ..Spec::BLANK
};

pub(crate) static SLOWLOG_LEN: Spec = Spec {
    name: "slowlog|len",
    group: Group::Server,
    since: "2.2.12",
    summary: "Returns the number of entries in the slow log.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::LOADING, flag::STALE]),
    tips: &[
        "request_policy:all_nodes",
        "response_policy:agg_sum",
        "nondeterministic_output",
    ],
    ..Spec::BLANK
};

pub(crate) static SLOWLOG_RESET: Spec = Spec {
    name: "slowlog|reset",
    group: Group::Server,
    since: "2.2.12",
    summary: "Clears all entries from the slow log.",
    complexity: "O(N) where N is the number of entries in the slowlog",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Spec::BLANK
};

pub(crate) static TIME: Spec = Spec {
    name: "time",
    group: Group::Server,
    since: "2.6.0",
    summary: "Returns the server time.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::FAST]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};
