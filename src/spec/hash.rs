//! Commands on fields and their values, and on the deadlines of fields.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Deprecated, Group, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &HDEL,
    &HEXISTS,
    &HEXPIRE,
    &HEXPIREAT,
    &HEXPIRETIME,
    &HGET,
    &HGETALL,
    &HGETDEL,
    &HGETEX,
    &HINCRBY,
    &HINCRBYFLOAT,
    &HKEYS,
    &HLEN,
    &HMGET,
    &HMSET,
    &HPERSIST,
    &HPEXPIRE,
    &HPEXPIREAT,
    &HPEXPIRETIME,
    &HPTTL,
    &HRANDFIELD,
    &HSCAN,
    &HSET,
    &HSETEX,
    &HSETNX,
    &HSTRLEN,
    &HTTL,
    &HVALS,
];

pub(crate) static HDEL: Spec = Spec {
    name: "hdel",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no \
        fields remain.",
    complexity: "O(N) where N is the number of fields to be removed.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HASH]),
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("field").multiple()],
    history: &[("2.4.0", "Accepts multiple `field` arguments.")],
    ..Spec::BLANK
};

pub(crate) static HEXISTS: Spec = Spec {
    name: "hexists",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Determines whether a field exists in a hash.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0), Arg::string("field")],
    ..Spec::BLANK
};

pub(crate) static HEXPIRE: Spec = Spec {
    name: "hexpire",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Set expiry for hash field using relative time to expire (seconds)",
    complexity: "O(N) where N is the number of specified fields",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("seconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::word("NX"),
                Arg::word("XX"),
                Arg::word("GT"),
                Arg::word("LT"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HEXPIREAT: Spec = Spec {
    name: "hexpireat",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Set expiry for hash field using an absolute Unix timestamp (seconds)",
    complexity: "O(N) where N is the number of specified fields",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::unix_time("unix-time-seconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::word("NX"),
                Arg::word("XX"),
                Arg::word("GT"),
                Arg::word("LT"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HEXPIRETIME: Spec = Spec {
    name: "hexpiretime",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HGET: Spec = Spec {
    name: "hget",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns the value of a field in a hash.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("field")],
    ..Spec::BLANK
};

pub(crate) static HGETALL: Spec = Spec {
    name: "hgetall",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns all fields and values in a hash.",
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output_order"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static HGETDEL: Spec = Spec {
    name: "hgetdel",
    group: Group::Hash,
    since: "8.0.0",
    summary: "Returns the value of a field and deletes it from the hash.",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::POPPED,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HGETEX: Spec = Spec {
    name: "hgetex",
    group: Group::Hash,
    since: "8.0.0",
    summary: "Get the value of one or more fields of a given hash key, and optionally set their \
        expiration.",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
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
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HINCRBY: Spec = Spec {
    name: "hincrby",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial \
        value if the field doesn't exist.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HASH]),
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("field"),
        Arg::integer("increment"),
    ],
    ..Spec::BLANK
};

pub(crate) static HINCRBYFLOAT: Spec = Spec {
    name: "hincrbyfloat",
    group: Group::Hash,
    since: "2.6.0",
    summary: "Increments the floating point value of a field by a number. Uses 0 as initial value \
        if the field doesn't exist.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("field"),
        Arg::double("increment"),
    ],
    ..Spec::BLANK
};

pub(crate) static HKEYS: Spec = Spec {
    name: "hkeys",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns all fields in a hash.",
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output_order"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static HLEN: Spec = Spec {
    name: "hlen",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns the number of fields in a hash.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static HMGET: Spec = Spec {
    name: "hmget",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns the values of all fields in a hash.",
    complexity: "O(N) where N is the number of fields being requested.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("field").multiple()],
    ..Spec::BLANK
};

pub(crate) static HMSET: Spec = Spec {
    name: "hmset",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Sets the values of multiple fields.",
    complexity: "O(N) where N is the number of fields being set.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ],
    deprecated: Some(Deprecated {
        since: "4.0.0",
        replaced_by: "`HSET` with multiple field-value pairs",
    }),
    ..Spec::BLANK
};

pub(crate) static HPERSIST: Spec = Spec {
    name: "hpersist",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Removes the expiration time for each specified field",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HPEXPIRE: Spec = Spec {
    name: "hpexpire",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Set expiry for hash field using relative time to expire (milliseconds)",
    complexity: "O(N) where N is the number of specified fields",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("milliseconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::word("NX"),
                Arg::word("XX"),
                Arg::word("GT"),
                Arg::word("LT"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HPEXPIREAT: Spec = Spec {
    name: "hpexpireat",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
    complexity: "O(N) where N is the number of specified fields",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::unix_time("unix-time-milliseconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::word("NX"),
                Arg::word("XX"),
                Arg::word("GT"),
                Arg::word("LT"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HPEXPIRETIME: Spec = Spec {
    name: "hpexpiretime",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HPTTL: Spec = Spec {
    name: "hpttl",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Returns the TTL in milliseconds of a hash field.",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HRANDFIELD: Spec = Spec {
    name: "hrandfield",
    group: Group::Hash,
    since: "6.2.0",
    summary: "Returns one or more random fields from a hash.",
    complexity: "O(N) where N is the number of fields returned",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "options",
            &[Arg::integer("count"), Arg::word("WITHVALUES").optional()],
        )
        .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static HSCAN: Spec = Spec {
    name: "hscan",
    group: Group::Hash,
    since: "2.8.0",
    summary: "Iterates over fields and values of a hash.",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
        calls for the cursor to return back to 0. N is the number of elements inside the \
        collection.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::word("NOVALUES").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static HSET: Spec = Spec {
    name: "hset",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Creates or modifies the value of a field in a hash.",
    complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when \
        the command is called with multiple field/value pairs.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ],
    history: &[("4.0.0", "Accepts multiple `field` and `value` arguments.")],
    ..Spec::BLANK
};

pub(crate) static HSETEX: Spec = Spec {
    name: "hsetex",
    group: Group::Hash,
    since: "8.0.0",
    summary: "Set the value of one or more fields of a given hash key, and optionally set their \
        expiration.",
    complexity: "O(N) where N is the number of fields being set.",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::OrInstead,
    acl: Categories::of(&[category::HASH]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::one_of("condition", &[Arg::word("FNX"), Arg::word("FXX")]).optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::word("KEEPTTL"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[
                Arg::integer("numfields"),
                Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
            ],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HSETNX: Spec = Spec {
    name: "hsetnx",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Sets the value of a field in a hash only when the field doesn't exist.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HASH]),
    keys: usual::ADDED_TO,
    args: &[
        Arg::key("key", 0),
        Arg::string("field"),
        Arg::string("value"),
    ],
    ..Spec::BLANK
};

pub(crate) static HSTRLEN: Spec = Spec {
    name: "hstrlen",
    group: Group::Hash,
    since: "3.2.0",
    summary: "Returns the length of the value of a field.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0), Arg::string("field")],
    ..Spec::BLANK
};

pub(crate) static HTTL: Spec = Spec {
    name: "httl",
    group: Group::Hash,
    since: "7.4.0",
    summary: "Returns the TTL in seconds of a hash field.",
    complexity: "O(N) where N is the number of specified fields",
    arity: -5,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "fields",
            &[Arg::integer("numfields"), Arg::string("field").multiple()],
        )
        .token("FIELDS"),
    ],
    ..Spec::BLANK
};

pub(crate) static HVALS: Spec = Spec {
    name: "hvals",
    group: Group::Hash,
    since: "2.0.0",
    summary: "Returns all values in a hash.",
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::HASH]),
    tips: &["nondeterministic_output_order"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};
