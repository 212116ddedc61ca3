//! Commands that count distinct elements approximately, and two by which the counter is tested.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Group, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&PFADD, &PFCOUNT, &PFDEBUG, &PFMERGE, &PFSELFTEST];

pub(crate) static PFADD: Spec = Spec {
    name: "pfadd",
    group: Group::HyperLogLog,
    since: "2.8.9",
    summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
    complexity: "O(1) to add every element.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HYPERLOGLOG]),
    keys: usual::ADDED_TO,
    args: &[
        Arg::key("key", 0),
        Arg::string("element").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static PFCOUNT: Spec = Spec {
    name: "pfcount",
    group: Group::HyperLogLog,
    since: "2.8.9",
    summary: "Returns the approximated cardinality of the set(s) observed by the HyperLogLog \
        key(s).",
    complexity: "O(1) with a very small average constant time when called with a single key. O(N) \
        with N being the number of keys, and much bigger constant times, when called with \
        multiple keys.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::MAY_REPLICATE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HYPERLOGLOG]),
    keys: &[KeySpec::at(1).to(-1).flags(&[key::RW, key::ACCESS]).note(
        "RW because it may change the internal representation of the key, and propagate \
        to replicas",
    )],
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};

pub(crate) static PFDEBUG: Spec = Spec {
    name: "pfdebug",
    group: Group::HyperLogLog,
    since: "2.8.9",
    summary: "Internal commands for debugging HyperLogLog values.",
    complexity: "N/A",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::ADMIN]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HYPERLOGLOG]),
    keys: &[KeySpec::at(2).flags(&[key::RW, key::ACCESS])],
    args: &[Arg::string("subcommand"), Arg::key("key", 0)],
    is_internal: true,
    ..Spec::BLANK
};

pub(crate) static PFMERGE: Spec = Spec {
    name: "pfmerge",
    group: Group::HyperLogLog,
    since: "2.8.9",
    summary: "Merges one or more HyperLogLog values into a single key.",
    complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::HYPERLOGLOG]),
    keys: &[
        KeySpec::at(1).flags(&[key::RW, key::ACCESS, key::INSERT]),
        KeySpec::at(2).to(-1).flags(&[key::RO, key::ACCESS]),
    ],
    args: &[
        Arg::key("destkey", 0),
        Arg::key("sourcekey", 1).optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static PFSELFTEST: Spec = Spec {
    name: "pfselftest",
    group: Group::HyperLogLog,
    since: "2.8.9",
    summary: "An internal command for testing HyperLogLog values.",
    complexity: "N/A",
    arity: 1,
    flags: Flags::of(&[flag::ADMIN]),
    acl: Categories::of(&[category::HYPERLOGLOG]),
    is_internal: true,
    ..Spec::BLANK
};
