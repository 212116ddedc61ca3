//! Commands on plain strings, and on strings that are numbers.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Deprecated, Group, KeyRule, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &APPEND,
    &DECR,
    &DECRBY,
    &GET,
    &GETDEL,
    &GETEX,
    &GETRANGE,
    &GETSET,
    &INCR,
    &INCRBY,
    &INCRBYFLOAT,
    &LCS,
    &MGET,
    &MSET,
    &MSETNX,
    &PSETEX,
    &SET,
    &SETEX,
    &SETNX,
    &SETRANGE,
    &STRLEN,
    &SUBSTR,
];

pub(crate) static APPEND: Spec = Spec {
    name: "append",
    group: Group::String,
    since: "2.0.0",
    summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
    complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is small \
        and the already present value is of any size, since the dynamic string library used by \
        Redis will double the free space available on every reallocation.",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: usual::ADDED_TO,
    args: &[Arg::key("key", 0), Arg::string("value")],
    ..Spec::BLANK
};

pub(crate) static DECR: Spec = Spec {
    name: "decr",
    group: Group::String,
    since: "1.0.0",
    summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key \
        doesn't exist.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static DECRBY: Spec = Spec {
    name: "decrby",
    group: Group::String,
    since: "1.0.0",
    summary: "Decrements a number from the integer value of a key. Uses 0 as initial value if the \
        key doesn't exist.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0), Arg::integer("decrement")],
    ..Spec::BLANK
};

pub(crate) static GET: Spec = Spec {
    name: "get",
    group: Group::String,
    since: "1.0.0",
    summary: "Returns the string value of a key.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static GETDEL: Spec = Spec {
    name: "getdel",
    group: Group::String,
    since: "6.2.0",
    summary: "Returns the string value of a key after deleting the key.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STRING]),
    keys: usual::POPPED,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static GETEX: Spec = Spec {
    name: "getex",
    group: Group::String,
    since: "6.2.0",
    summary: "Returns the string value of a key after setting its expiration time.",
    complexity: "O(1)",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STRING]),
    keys: &[KeySpec::at(1)
        .flags(&[key::RW, key::ACCESS, key::UPDATE])
        .note("RW and UPDATE because it changes the TTL")],
    args: &[
        Arg::key("key", 0),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::word("PERSIST"),
            ],
        )
        .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static GETRANGE: Spec = Spec {
    name: "getrange",
    group: Group::String,
    since: "2.4.0",
    summary: "Returns a substring of the string stored at a key.",
    complexity: "O(N) where N is the length of the returned string. The complexity is ultimately \
        determined by the returned length, but because creating a substring from an existing \
        string is very cheap, it can be considered O(1) for small strings.",
    arity: 4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("end"),
    ],
    ..Spec::BLANK
};

pub(crate) static GETSET: Spec = Spec {
    name: "getset",
    group: Group::String,
    since: "1.0.0",
    summary: "Returns the previous string value of a key after setting it to a new value.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0), Arg::string("value")],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`SET` with the `!GET` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static INCR: Spec = Spec {
    name: "incr",
    group: Group::String,
    since: "1.0.0",
    summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key \
        doesn't exist.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static INCRBY: Spec = Spec {
    name: "incrby",
    group: Group::String,
    since: "1.0.0",
    summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the \
        key doesn't exist.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0), Arg::integer("increment")],
    ..Spec::BLANK
};

pub(crate) static INCRBYFLOAT: Spec = Spec {
    name: "incrbyfloat",
    group: Group::String,
    since: "2.6.0",
    summary: "Increment the floating point value of a key by a number. Uses 0 as initial value if \
        the key doesn't exist.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0), Arg::double("increment")],
    ..Spec::BLANK
};

pub(crate) static LCS: Spec = Spec {
    name: "lcs",
    group: Group::String,
    since: "7.0.0",
    summary: "Finds the longest common substring.",
    complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STRING]),
    keys: &[KeySpec::at(1).to(1).flags(&[key::RO, key::ACCESS])],
    args: &[
        Arg::key("key1", 0),
        Arg::key("key2", 0),
        Arg::word("LEN").optional(),
        Arg::word("IDX").optional(),
        Arg::integer("min-match-len")
            .token("MINMATCHLEN")
            .optional(),
        Arg::word("WITHMATCHLEN").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static MGET: Spec = Spec {
    name: "mget",
    group: Group::String,
    since: "1.0.0",
    summary: "Atomically returns the string values of one or more keys.",
    complexity: "O(N) where N is the number of keys to retrieve.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::STRING]),
    tips: &["request_policy:multi_shard"],
    keys: usual::ALL_READ,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static MSET: Spec = Spec {
    name: "mset",
    group: Group::String,
    since: "1.0.1",
    summary: "Atomically creates or modifies the string values of one or more keys.",
    complexity: "O(N) where N is the number of keys to set.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    tips: &[
        "request_policy:multi_shard",
        "response_policy:all_succeeded",
    ],
    keys: &[KeySpec::at(1).to(-1).step(2).flags(&[key::OW, key::UPDATE])],
    args: &[Arg::block("data", &[Arg::key("key", 0), Arg::string("value")]).multiple()],
    ..Spec::BLANK
};

pub(crate) static MSETNX: Spec = Spec {
    name: "msetnx",
    group: Group::String,
    since: "1.0.1",
    summary: "Atomically modifies the string values of one or more keys only when all keys don't \
        exist.",
    complexity: "O(N) where N is the number of keys to set.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: &[KeySpec::at(1).to(-1).step(2).flags(&[key::OW, key::INSERT])],
    args: &[Arg::block("data", &[Arg::key("key", 0), Arg::string("value")]).multiple()],
    ..Spec::BLANK
};

pub(crate) static PSETEX: Spec = Spec {
    name: "psetex",
    group: Group::String,
    since: "2.6.0",
    summary: "Sets both string value and expiration time in milliseconds of a key. The key is \
        created if it doesn't exist.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STRING]),
    keys: usual::OVERWRITTEN,
    args: &[
        Arg::key("key", 0),
        Arg::integer("milliseconds"),
        Arg::string("value"),
    ],
    deprecated: Some(Deprecated {
        since: "2.6.12",
        replaced_by: "`SET` with the `PX` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static SET: Spec = Spec {
    name: "set",
    group: Group::String,
    since: "1.0.0",
    summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't \
        exist.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::OrInstead,
    acl: Categories::of(&[category::STRING]),
    keys: &[KeySpec::at(1)
        .flags(&[key::RW, key::ACCESS, key::UPDATE, key::VARIABLE_FLAGS])
        .note("RW and ACCESS due to the optional `GET` argument")],
    key_rule: Some(KeyRule::Set),
    args: &[
        Arg::key("key", 0),
        Arg::string("value"),
        Arg::one_of("condition", &[Arg::word("NX"), Arg::word("XX")])
            .since("2.6.12")
            .optional(),
        Arg::word("GET").since("6.2.0").optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX").since("2.6.12"),
                Arg::integer("milliseconds").token("PX").since("2.6.12"),
                Arg::unix_time("unix-time-seconds")
                    .token("EXAT")
                    .since("6.2.0"),
                Arg::unix_time("unix-time-milliseconds")
                    .token("PXAT")
                    .since("6.2.0"),
                Arg::word("KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ],
    history: &[
        ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
        ("6.0.0", "Added the `KEEPTTL` option."),
        ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
        (
            "7.0.0",
            "Allowed the `NX` and `GET` options to be used together.",
        ),
    ],
    ..Spec::BLANK
};

pub(crate) static SETEX: Spec = Spec {
    name: "setex",
    group: Group::String,
    since: "2.0.0",
    summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't \
        exist.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STRING]),
    keys: usual::OVERWRITTEN,
    args: &[
        Arg::key("key", 0),
        Arg::integer("seconds"),
        Arg::string("value"),
    ],
    deprecated: Some(Deprecated {
        since: "2.6.12",
        replaced_by: "`SET` with the `EX` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static SETNX: Spec = Spec {
    name: "setnx",
    group: Group::String,
    since: "1.0.0",
    summary: "Set the string value of a key only when the key doesn't exist.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: &[KeySpec::at(1).flags(&[key::OW, key::INSERT])],
    args: &[Arg::key("key", 0), Arg::string("value")],
    deprecated: Some(Deprecated {
        since: "2.6.12",
        replaced_by: "`SET` with the `NX` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static SETRANGE: Spec = Spec {
    name: "setrange",
    group: Group::String,
    since: "2.2.0",
    summary: "Overwrites a part of a string value with another by an offset. Creates the key if \
        it doesn't exist.",
    complexity: "O(1), not counting the time taken to copy the new string in place. Usually, this \
        string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) \
        with M being the length of the value argument.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STRING]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("offset"),
        Arg::string("value"),
    ],
    ..Spec::BLANK
};

pub(crate) static STRLEN: Spec = Spec {
    name: "strlen",
    group: Group::String,
    since: "2.2.0",
    summary: "Returns the length of a string value.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::STRING]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static SUBSTR: Spec = Spec {
    name: "substr",
    group: Group::String,
    since: "1.0.0",
    summary: "Returns a substring from a string value.",
    complexity: "O(N) where N is the length of the returned string. The complexity is ultimately \
        determined by the returned length, but because creating a substring from an existing \
        string is very cheap, it can be considered O(1) for small strings.",
    arity: 4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STRING]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("end"),
    ],
    deprecated: Some(Deprecated {
        since: "2.0.0",
        replaced_by: "`GETRANGE`",
    }),
    ..Spec::BLANK
};
