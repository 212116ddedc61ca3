//! Commands on sets, and on several of them at once.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Group, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &SADD,
    &SCARD,
    &SDIFF,
    &SDIFFSTORE,
    &SINTER,
    &SINTERCARD,
    &SINTERSTORE,
    &SISMEMBER,
    &SMEMBERS,
    &SMISMEMBER,
    &SMOVE,
    &SPOP,
    &SRANDMEMBER,
    &SREM,
    &SSCAN,
    &SUNION,
    &SUNIONSTORE,
];

pub(crate) static SADD: Spec = Spec {
    name: "sadd",
    group: Group::Set,
    since: "1.0.0",
    summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is \
        called with multiple arguments.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SET]),
    keys: usual::ADDED_TO,
    args: &[Arg::key("key", 0), Arg::string("member").multiple()],
    history: &[("2.4.0", "Accepts multiple `member` arguments.")],
    ..Spec::BLANK
};

pub(crate) static SCARD: Spec = Spec {
    name: "scard",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns the number of members in a set.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SET]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static SDIFF: Spec = Spec {
    name: "sdiff",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns the difference of multiple sets.",
    complexity: "O(N) where N is the total number of elements in all given sets.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output_order"],
    keys: usual::ALL_READ,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static SDIFFSTORE: Spec = Spec {
    name: "sdiffstore",
    group: Group::Set,
    since: "1.0.0",
    summary: "Stores the difference of multiple sets in a key.",
    complexity: "O(N) where N is the total number of elements in all given sets.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SET]),
    keys: usual::ALL_STORED,
    args: &[Arg::key("destination", 0), Arg::key("key", 1).multiple()],
    ..Spec::BLANK
};

pub(crate) static SINTER: Spec = Spec {
    name: "sinter",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns the intersect of multiple sets.",
    complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
        number of sets.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output_order"],
    keys: usual::ALL_READ,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static SINTERCARD: Spec = Spec {
    name: "sintercard",
    group: Group::Set,
    since: "7.0.0",
    summary: "Returns the number of members of the intersect of multiple sets.",
    complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
        number of sets.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    keys: usual::COUNTED_READ,
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static SINTERSTORE: Spec = Spec {
    name: "sinterstore",
    group: Group::Set,
    since: "1.0.0",
    summary: "Stores the intersect of multiple sets in a key.",
    complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
        number of sets.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SET]),
    keys: usual::ALL_STORED,
    args: &[Arg::key("destination", 0), Arg::key("key", 1).multiple()],
    ..Spec::BLANK
};

pub(crate) static SISMEMBER: Spec = Spec {
    name: "sismember",
    group: Group::Set,
    since: "1.0.0",
    summary: "Determines whether a member belongs to a set.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SET]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0), Arg::string("member")],
    ..Spec::BLANK
};

pub(crate) static SMEMBERS: Spec = Spec {
    name: "smembers",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns all members of a set.",
    complexity: "O(N) where N is the set cardinality.",
    arity: 2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output_order"],
    keys: usual::READ,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static SMISMEMBER: Spec = Spec {
    name: "smismember",
    group: Group::Set,
    since: "6.2.0",
    summary: "Determines whether multiple members belong to a set.",
    complexity: "O(N) where N is the number of elements being checked for membership",
    arity: -3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SET]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("member").multiple()],
    ..Spec::BLANK
};

pub(crate) static SMOVE: Spec = Spec {
    name: "smove",
    group: Group::Set,
    since: "1.0.0",
    summary: "Moves a member from one set to another.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SET]),
    keys: usual::ELEMENT_MOVED,
    args: &[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::string("member"),
    ],
    ..Spec::BLANK
};

pub(crate) static SPOP: Spec = Spec {
    name: "spop",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns one or more random members from a set after removing them. Deletes the set \
        if the last member was popped.",
    complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the \
        passed count.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output"],
    keys: usual::POPPED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("count").since("3.2.0").optional(),
    ],
    history: &[("3.2.0", "Added the `count` argument.")],
    ..Spec::BLANK
};

pub(crate) static SRANDMEMBER: Spec = Spec {
    name: "srandmember",
    group: Group::Set,
    since: "1.0.0",
    summary: "Get one or multiple random members from a set",
    complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of \
        the passed count.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("count").since("2.6.0").optional(),
    ],
    history: &[("2.6.0", "Added the optional `count` argument.")],
    ..Spec::BLANK
};

pub(crate) static SREM: Spec = Spec {
    name: "srem",
    group: Group::Set,
    since: "1.0.0",
    summary: "Removes one or more members from a set. Deletes the set if the last member was \
        removed.",
    complexity: "O(N) where N is the number of members to be removed.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SET]),
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("member").multiple()],
    history: &[("2.4.0", "Accepts multiple `member` arguments.")],
    ..Spec::BLANK
};

pub(crate) static SSCAN: Spec = Spec {
    name: "sscan",
    group: Group::Set,
    since: "2.8.0",
    summary: "Iterates over members of a set.",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
        calls for the cursor to return back to 0. N is the number of elements inside the \
        collection.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static SUNION: Spec = Spec {
    name: "sunion",
    group: Group::Set,
    since: "1.0.0",
    summary: "Returns the union of multiple sets.",
    complexity: "O(N) where N is the total number of elements in all given sets.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SET]),
    tips: &["nondeterministic_output_order"],
    keys: usual::ALL_READ,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static SUNIONSTORE: Spec = Spec {
    name: "sunionstore",
    group: Group::Set,
    since: "1.0.0",
    summary: "Stores the union of multiple sets in a key.",
    complexity: "O(N) where N is the total number of elements in all given sets.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SET]),
    keys: usual::ALL_STORED,
    args: &[Arg::key("destination", 0), Arg::key("key", 1).multiple()],
    ..Spec::BLANK
};
