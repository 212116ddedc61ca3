//! Commands that treat a key alike whatever its value: naming, copying, deadlines, sorting, waiting.

mod deadline;

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Databases, Group, KeyRule, KeySpec, Propagates, Spec};
use crate::spec::usual;

pub(crate) use deadline::{
    EXPIRE, EXPIREAT, EXPIRETIME, PERSIST, PEXPIRE, PEXPIREAT, PEXPIRETIME, PTTL, TTL,
};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &COPY,
    &DEL,
    &DUMP,
    &EXISTS,
    &EXPIRE,
    &EXPIREAT,
    &EXPIRETIME,
    &KEYS,
    &MIGRATE,
    &MOVE,
    &OBJECT,
    &PERSIST,
    &PEXPIRE,
    &PEXPIREAT,
    &PEXPIRETIME,
    &PTTL,
    &RANDOMKEY,
    &RENAME,
    &RENAMENX,
    &RESTORE,
    &SCAN,
    &SORT,
    &SORT_RO,
    &TOUCH,
    &TTL,
    &TYPE,
    &UNLINK,
    &WAIT,
    &WAITAOF,
];

pub(crate) static COPY: Spec = Spec {
    name: "copy",
    group: Group::Generic,
    since: "6.2.0",
    summary: "Copies the value of a key to a new key.",
    complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for \
        string values.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    keys: &[
        KeySpec::at(1).flags(&[key::RO, key::ACCESS]),
        KeySpec::at(2).flags(&[key::OW, key::UPDATE]),
    ],
    databases: Databases::Options,
    args: &[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::integer("destination-db").token("DB").optional(),
        Arg::word("REPLACE").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static DEL: Spec = Spec {
    name: "del",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Deletes one or more keys.",
    complexity: "O(N) where N is the number of keys that will be removed. When a key to remove \
        holds a value other than a string, the individual complexity for this key is O(M) where M \
        is the number of elements in the list, set, sorted set or hash. Removing a single key \
        that holds a string value is O(1).",
    arity: -2,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: usual::ALL_REMOVED,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static DUMP: Spec = Spec {
    name: "dump",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Returns a serialized representation of the value stored at a key.",
    complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the \
        number of Redis objects composing the value and M their average size. For small string \
        values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
    arity: 2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static EXISTS: Spec = Spec {
    name: "exists",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Determines whether one or more keys exist.",
    complexity: "O(N) where N is the number of keys to check.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: usual::ALL_LOOKED_AT,
    args: &[Arg::key("key", 0).multiple()],
    history: &[("3.0.3", "Accepts multiple `key` arguments.")],
    ..Spec::BLANK
};

pub(crate) static KEYS: Spec = Spec {
    name: "keys",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Returns all key names that match a pattern.",
    complexity: "O(N) with N being the number of keys in the database, under the assumption that \
        the key names in the database and the given pattern have limited length.",
    arity: 2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::KEYSPACE, category::DANGEROUS]),
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    args: &[Arg::pattern("pattern")],
    ..Spec::BLANK
};

pub(crate) static MIGRATE: Spec = Spec {
    name: "migrate",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Atomically transfers a key from one Redis instance to another.",
    complexity: "This command actually executes a DUMP+DEL in the source instance, and a RESTORE \
        in the target instance. See the pages of these commands for time complexity. Also an O(N) \
        data transfer between the two instances is performed.",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::ASKS_ANOTHER]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::KEYSPACE, category::DANGEROUS]),
    tips: &["nondeterministic_output"],
    keys: &[
        KeySpec::at(3).flags(&[key::RW, key::ACCESS, key::DELETE]),
        KeySpec::after("KEYS", -2).to(-1).flags(&[
            key::RW,
            key::ACCESS,
            key::DELETE,
            key::INCOMPLETE,
        ]),
    ],
    key_rule: Some(KeyRule::Migrate),
    args: &[
        Arg::string("host"),
        Arg::integer("port"),
        Arg::one_of(
            "key-selector",
            &[Arg::key("key", 0), Arg::named_word("empty-string", "")],
        ),
        Arg::integer("destination-db"),
        Arg::integer("timeout"),
        Arg::word("COPY").since("3.0.0").optional(),
        Arg::word("REPLACE").since("3.0.0").optional(),
        Arg::one_of(
            "authentication",
            &[
                Arg::string("auth")
                    .shown("password")
                    .token("AUTH")
                    .since("4.0.7"),
                Arg::block("auth2", &[Arg::string("username"), Arg::string("password")])
                    .token("AUTH2")
                    .since("6.0.0"),
            ],
        )
        .optional(),
        Arg::key("keys", 1)
            .shown("key")
            .token("KEYS")
            .since("3.0.6")
            .optional()
            .multiple(),
    ],
    history: &[
        ("3.0.0", "Added the `COPY` and `REPLACE` options."),
        ("3.0.6", "Added the `KEYS` option."),
        ("4.0.7", "Added the `AUTH` option."),
        ("6.0.0", "Added the `AUTH2` option."),
    ],
    ..Spec::BLANK
};

pub(crate) static MOVE: Spec = Spec {
    name: "move",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Moves a key to another database.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    keys: usual::READ_UPDATED,
    databases: Databases::Named(&[2]),
    args: &[Arg::key("key", 0), Arg::integer("db")],
    ..Spec::BLANK
};

pub(crate) static OBJECT: Spec = Spec {
    name: "object",
    group: Group::Generic,
    since: "2.2.3",
    summary: "A container for object introspection commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &OBJECT_ENCODING,
        &OBJECT_FREQ,
        &OBJECT_HELP,
        &OBJECT_IDLETIME,
        &OBJECT_REFCOUNT,
    ],
    ..Spec::BLANK
};

pub(crate) static OBJECT_ENCODING: Spec = Spec {
    name: "object|encoding",
    group: Group::Generic,
    since: "2.2.3",
    summary: "Returns the internal encoding of a Redis object.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::SUB_LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static OBJECT_FREQ: Spec = Spec {
    name: "object|freq",
    group: Group::Generic,
    since: "4.0.0",
    summary: "Returns the logarithmic access frequency counter of a Redis object.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::SUB_LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static OBJECT_HELP: Spec = Spec {
    name: "object|help",
    group: Group::Generic,
    since: "6.2.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::KEYSPACE]),
    help: &[
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
    ],
    ..Spec::BLANK
};

pub(crate) static OBJECT_IDLETIME: Spec = Spec {
    name: "object|idletime",
    group: Group::Generic,
    since: "2.2.3",
    summary: "Returns the time since the last access to a Redis object.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::SUB_LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static OBJECT_REFCOUNT: Spec = Spec {
    name: "object|refcount",
    group: Group::Generic,
    since: "2.2.3",
    summary: "Returns the reference count of a value of a key.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::SUB_LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static RANDOMKEY: Spec = Spec {
    name: "randomkey",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Returns a random key name from the database.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[flag::READONLY, flag::TOUCHES_ARBITRARY_KEYS]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &[
        "request_policy:all_shards",
        "response_policy:special",
        "nondeterministic_output",
    ],
    ..Spec::BLANK
};

pub(crate) static RENAME: Spec = Spec {
    name: "rename",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Renames a key and overwrites the destination.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    keys: &[
        KeySpec::at(1).flags(&[key::RW, key::ACCESS, key::DELETE]),
        KeySpec::at(2).flags(&[key::OW, key::UPDATE]),
    ],
    args: &[Arg::key("key", 0), Arg::key("newkey", 1)],
    ..Spec::BLANK
};

pub(crate) static RENAMENX: Spec = Spec {
    name: "renamenx",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Renames a key only when the target key name doesn't exist.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    keys: &[
        KeySpec::at(1).flags(&[key::RW, key::ACCESS, key::DELETE]),
        KeySpec::at(2).flags(&[key::OW, key::INSERT]),
    ],
    args: &[Arg::key("key", 0), Arg::key("newkey", 1)],
    history: &[(
        "3.2.0",
        "The command no longer returns an error when source and destination names are the \
             same.",
    )],
    ..Spec::BLANK
};

pub(crate) static RESTORE: Spec = Spec {
    name: "restore",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Creates a key from the serialized representation of a value.",
    complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
        value, where N is the number of Redis objects composing the value and M their average \
        size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, \
        so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because \
        inserting values into sorted sets is O(log(N)).",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
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
    ..Spec::BLANK
};

pub(crate) static SCAN: Spec = Spec {
    name: "scan",
    group: Group::Generic,
    since: "2.8.0",
    summary: "Iterates over the key names in the database.",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
        calls for the cursor to return back to 0. N is the number of elements inside the \
        collection.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::TOUCHES_ARBITRARY_KEYS]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &[
        "nondeterministic_output",
        "request_policy:special",
        "response_policy:special",
    ],
    args: &[
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::string("type").token("TYPE").since("6.0.0").optional(),
    ],
    history: &[("6.0.0", "Added the `TYPE` subcommand.")],
    ..Spec::BLANK
};

pub(crate) static SORT: Spec = Spec {
    name: "sort",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Sorts the elements in a list, a set, or a sorted set, optionally storing the result.",
    complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and \
        M the number of returned elements. When the elements are not sorted, complexity is O(N).",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[
        category::SET,
        category::SORTEDSET,
        category::LIST,
        category::DANGEROUS,
    ]),
    keys: &[
        KeySpec::at(1).flags(&[key::RO, key::ACCESS]),
        KeySpec::unknown().flags(&[key::RO, key::ACCESS]).note(
            "For the optional BY/GET keyword. It is marked 'unknown' because the key names \
        derive from the content of the key we sort",
        ),
        KeySpec::unknown().flags(&[key::OW, key::UPDATE]).note(
            "For the optional STORE keyword. It is marked 'unknown' because the keyword can \
        appear anywhere in the argument array",
        ),
    ],
    key_rule: Some(KeyRule::Sort),
    args: &[
        Arg::key("key", 0),
        Arg::pattern("by-pattern")
            .key_spec(1)
            .shown("pattern")
            .token("BY")
            .optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
        Arg::pattern("get-pattern")
            .key_spec(1)
            .shown("pattern")
            .token("GET")
            .optional()
            .multiple_token(),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
        Arg::named_word("sorting", "ALPHA").optional(),
        Arg::key("destination", 2).token("STORE").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static SORT_RO: Spec = Spec {
    name: "sort_ro",
    group: Group::Generic,
    since: "7.0.0",
    summary: "Returns the sorted elements of a list, a set, or a sorted set.",
    complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and \
        M the number of returned elements. When the elements are not sorted, complexity is O(N).",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[
        category::SET,
        category::SORTEDSET,
        category::LIST,
        category::DANGEROUS,
    ]),
    keys: &[
        KeySpec::at(1).flags(&[key::RO, key::ACCESS]),
        KeySpec::unknown().flags(&[key::RO, key::ACCESS]).note(
            "For the optional BY/GET keyword. It is marked 'unknown' because the key names \
        derive from the content of the key we sort",
        ),
    ],
    key_rule: Some(KeyRule::SortReadOnly),
    args: &[
        Arg::key("key", 0),
        Arg::pattern("by-pattern")
            .key_spec(1)
            .shown("pattern")
            .token("BY")
            .optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
        Arg::pattern("get-pattern")
            .key_spec(1)
            .shown("pattern")
            .token("GET")
            .optional()
            .multiple_token(),
        Arg::one_of("order", &[Arg::word("ASC"), Arg::word("DESC")]).optional(),
        Arg::named_word("sorting", "ALPHA").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static TOUCH: Spec = Spec {
    name: "touch",
    group: Group::Generic,
    since: "3.2.1",
    summary: "Returns the number of existing keys out of those specified after updating the time \
        they were last accessed.",
    complexity: "O(N) where N is the number of keys that will be touched.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::FAST, flag::ALWAYS_TOUCHES]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: usual::ALL_LOOKED_AT,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static TYPE: Spec = Spec {
    name: "type",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Determines the type of value stored at a key.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static UNLINK: Spec = Spec {
    name: "unlink",
    group: Group::Generic,
    since: "4.0.0",
    summary: "Asynchronously deletes one or more keys.",
    complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) \
        work in a different thread in order to reclaim memory, where N is the number of \
        allocations the deleted objects where composed of.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: usual::ALL_REMOVED,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static WAIT: Spec = Spec {
    name: "wait",
    group: Group::Generic,
    since: "3.0.0",
    summary: "Blocks until the asynchronous replication of all preceding write commands sent by \
        the connection is completed.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::BLOCKING]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    args: &[Arg::integer("numreplicas"), Arg::integer("timeout")],
    ..Spec::BLANK
};

pub(crate) static WAITAOF: Spec = Spec {
    name: "waitaof",
    group: Group::Generic,
    since: "7.2.0",
    summary: "Blocks until all of the preceding write commands sent by the connection are written \
        to the append-only file of the master and/or replicas.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::BLOCKING]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    args: &[
        Arg::integer("numlocal"),
        Arg::integer("numreplicas"),
        Arg::integer("timeout"),
    ],
    ..Spec::BLANK
};
