//! Commands that make several requests one.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Group, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&DISCARD, &EXEC, &MULTI, &UNWATCH, &WATCH];

pub(crate) static DISCARD: Spec = Spec {
    name: "discard",
    group: Group::Transactions,
    since: "2.0.0",
    summary: "Discards a transaction.",
    complexity: "O(N), when N is the number of queued commands",
    arity: 1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::ALLOW_BUSY,
        flag::STEERS_TRANSACTION,
    ]),
    acl: Categories::of(&[category::TRANSACTION]),
    ..Spec::BLANK
};

pub(crate) static EXEC: Spec = Spec {
    name: "exec",
    group: Group::Transactions,
    since: "1.2.0",
    summary: "Executes all commands in a transaction.",
    complexity: "Depends on commands in the transaction",
    arity: 1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::SKIP_SLOWLOG,
        flag::STEERS_TRANSACTION,
        flag::RUNS_TRANSACTION,
    ]),
    propagates: Propagates::Parts,
    acl: Categories::of(&[category::TRANSACTION]),
    ..Spec::BLANK
};

pub(crate) static MULTI: Spec = Spec {
    name: "multi",
    group: Group::Transactions,
    since: "1.2.0",
    summary: "Starts a transaction.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::ALLOW_BUSY,
        flag::STEERS_TRANSACTION,
    ]),
    acl: Categories::of(&[category::TRANSACTION]),
    ..Spec::BLANK
};

pub(crate) static UNWATCH: Spec = Spec {
    name: "unwatch",
    group: Group::Transactions,
    since: "2.2.0",
    summary: "Forgets about watched keys of a transaction.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::ALLOW_BUSY,
    ]),
    acl: Categories::of(&[category::TRANSACTION]),
    ..Spec::BLANK
};

pub(crate) static WATCH: Spec = Spec {
    name: "watch",
    group: Group::Transactions,
    since: "2.2.0",
    summary: "Monitors changes to keys to determine the execution of a transaction.",
    complexity: "O(1) for every key.",
    arity: -2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::ALLOW_BUSY,
        flag::STEERS_TRANSACTION,
    ]),
    acl: Categories::of(&[category::TRANSACTION]),
    keys: usual::ALL_LOOKED_AT,
    args: &[Arg::key("key", 0).multiple()],
    ..Spec::BLANK
};
