//! CONFIG: parameters, read and changed while running.

use crate::spec::flags::{Flags, flag};
use crate::spec::model::{Arg, Group, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&CONFIG];

pub(crate) static CONFIG: Spec = Spec {
    name: "config",
    group: Group::Server,
    since: "2.0.0",
    summary: "A container for server configuration commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &CONFIG_GET,
        &CONFIG_HELP,
        &CONFIG_RESETSTAT,
        &CONFIG_REWRITE,
        &CONFIG_SET,
    ],
    ..Spec::BLANK
};

pub(crate) static CONFIG_GET: Spec = Spec {
    name: "config|get",
    group: Group::Server,
    since: "2.0.0",
    summary: "Returns the effective values of configuration parameters.",
    complexity: "O(N) when N is the number of configuration parameters provided",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    args: &[Arg::string("parameter").multiple()],
    history: &[(
        "7.0.0",
        "Added the ability to pass multiple pattern parameters in one call",
    )],
    ..Spec::BLANK
};

pub(crate) static CONFIG_HELP: Spec = Spec {
    name: "config|help",
    group: Group::Server,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
    ],
    ..Spec::BLANK
};

pub(crate) static CONFIG_RESETSTAT: Spec = Spec {
    name: "config|resetstat",
    group: Group::Server,
    since: "2.0.0",
    summary: "Resets the server's statistics.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Spec::BLANK
};

pub(crate) static CONFIG_REWRITE: Spec = Spec {
    name: "config|rewrite",
    group: Group::Server,
    since: "2.8.0",
    summary: "Persists the effective configuration to file.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Spec::BLANK
};

pub(crate) static CONFIG_SET: Spec = Spec {
    name: "config|set",
    group: Group::Server,
    since: "2.0.0",
    summary: "Sets configuration parameters in-flight.",
    complexity: "O(N) when N is the number of configuration parameters provided",
    arity: -4,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::block("data", &[Arg::string("parameter"), Arg::string("value")]).multiple()],
    history: &[(
        "7.0.0",
        "Added the ability to set multiple parameters in one call.",
    )],
    ..Spec::BLANK
};
