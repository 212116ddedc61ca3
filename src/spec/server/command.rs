//! COMMAND: the knowledge of this room, told to clients.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Group, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&COMMAND];

pub(crate) static COMMAND: Spec = Spec {
    name: "command",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns detailed information about all commands.",
    complexity: "O(N) where N is the total number of Redis commands",
    arity: -1,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["nondeterministic_output_order"],
    subcommands: &[
        &COMMAND_COUNT,
        &COMMAND_DOCS,
        &COMMAND_GETKEYS,
        &COMMAND_GETKEYSANDFLAGS,
        &COMMAND_HELP,
        &COMMAND_INFO,
        &COMMAND_LIST,
    ],
    ..Spec::BLANK
};

pub(crate) static COMMAND_COUNT: Spec = Spec {
    name: "command|count",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns a count of commands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static COMMAND_DOCS: Spec = Spec {
    name: "command|docs",
    group: Group::Server,
    since: "7.0.0",
    summary: "Returns documentary information about one, multiple or all commands.",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["nondeterministic_output_order"],
    args: &[Arg::string("command-name").optional().multiple()],
    ..Spec::BLANK
};

pub(crate) static COMMAND_GETKEYS: Spec = Spec {
    name: "command|getkeys",
    group: Group::Server,
    since: "2.8.13",
    summary: "Extracts the key names from an arbitrary command.",
    complexity: "O(N) where N is the number of arguments to the command",
    arity: -3,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[
        Arg::string("command"),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static COMMAND_GETKEYSANDFLAGS: Spec = Spec {
    name: "command|getkeysandflags",
    group: Group::Server,
    since: "7.0.0",
    summary: "Extracts the key names and access flags for an arbitrary command.",
    complexity: "O(N) where N is the number of arguments to the command",
    arity: -3,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[
        Arg::string("command"),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static COMMAND_HELP: Spec = Spec {
    name: "command|help",
    group: Group::Server,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    help: &[
        "(no subcommand)",
        "    Return details about all Redis commands.",
        "COUNT",
        "    Return the total number of commands in this Redis server.",
        "LIST",
        "    Return a list of all commands in this Redis server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full Redis command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full Redis command.",
    ],
    ..Spec::BLANK
};

pub(crate) static COMMAND_INFO: Spec = Spec {
    name: "command|info",
    group: Group::Server,
    since: "2.8.13",
    summary: "Returns information about one, multiple or all commands.",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["nondeterministic_output_order"],
    args: &[Arg::string("command-name").optional().multiple()],
    history: &[(
        "7.0.0",
        "Allowed to be called with no argument to get info on all commands.",
    )],
    ..Spec::BLANK
};

pub(crate) static COMMAND_LIST: Spec = Spec {
    name: "command|list",
    group: Group::Server,
    since: "7.0.0",
    summary: "Returns a list of command names.",
    complexity: "O(N) where N is the total number of Redis commands",
    arity: -2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["nondeterministic_output_order"],
    args: &[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").token("MODULE"),
            Arg::string("category").token("ACLCAT"),
            Arg::pattern("pattern").token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()],
    ..Spec::BLANK
};
