//! Commands that set, take away and tell the deadline of a key.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Group, Propagates, Spec};
use crate::spec::usual;

pub(crate) static EXPIRE: Spec = Spec {
    name: "expire",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Sets the expiration time of a key in seconds.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::KEYSPACE]),
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
        .since("7.0.0")
        .optional(),
    ],
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    ..Spec::BLANK
};

pub(crate) static EXPIREAT: Spec = Spec {
    name: "expireat",
    group: Group::Generic,
    since: "1.2.0",
    summary: "Sets the expiration time of a key to a Unix timestamp.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::KEYSPACE]),
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
        .since("7.0.0")
        .optional(),
    ],
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    ..Spec::BLANK
};

pub(crate) static EXPIRETIME: Spec = Spec {
    name: "expiretime",
    group: Group::Generic,
    since: "7.0.0",
    summary: "Returns the expiration time of a key as a Unix timestamp.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static PERSIST: Spec = Spec {
    name: "persist",
    group: Group::Generic,
    since: "2.2.0",
    summary: "Removes the expiration time of a key.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::KEYSPACE]),
    keys: usual::UPDATED,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static PEXPIRE: Spec = Spec {
    name: "pexpire",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Sets the expiration time of a key in milliseconds.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::KEYSPACE]),
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
        .since("7.0.0")
        .optional(),
    ],
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    ..Spec::BLANK
};

pub(crate) static PEXPIREAT: Spec = Spec {
    name: "pexpireat",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Sets the expiration time of a key to a Unix milliseconds timestamp.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::OrInstead,
    acl: Categories::of(&[category::KEYSPACE]),
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
        .since("7.0.0")
        .optional(),
    ],
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    ..Spec::BLANK
};

pub(crate) static PEXPIRETIME: Spec = Spec {
    name: "pexpiretime",
    group: Group::Generic,
    since: "7.0.0",
    summary: "Returns the expiration time of a key as a Unix milliseconds timestamp.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static PTTL: Spec = Spec {
    name: "pttl",
    group: Group::Generic,
    since: "2.6.0",
    summary: "Returns the expiration time in milliseconds of a key.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    history: &[("2.8.0", "Added the -2 reply.")],
    ..Spec::BLANK
};

pub(crate) static TTL: Spec = Spec {
    name: "ttl",
    group: Group::Generic,
    since: "1.0.0",
    summary: "Returns the expiration time in seconds of a key.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::KEYSPACE]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    history: &[("2.8.0", "Added the -2 reply.")],
    ..Spec::BLANK
};
