//! MODULE: extensions loaded into the server.

use crate::spec::flags::{Flags, flag};
use crate::spec::model::{Arg, Group, Protection, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&MODULE];

pub(crate) static MODULE: Spec = Spec {
    name: "module",
    group: Group::Server,
    since: "4.0.0",
    summary: "A container for module commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &MODULE_HELP,
        &MODULE_LIST,
        &MODULE_LOAD,
        &MODULE_LOADEX,
        &MODULE_UNLOAD,
    ],
    ..Spec::BLANK
};

pub(crate) static MODULE_HELP: Spec = Spec {
    name: "module|help",
    group: Group::Server,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "LIST",
        "    Return a list of loaded modules.",
        "LOAD <path> [<arg> ...]",
        "    Load a module library from <path>, passing to it any optional arguments.",
        "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
        "    Load a module library from <path>, while passing it module configurations and \
             optional arguments.",
        "UNLOAD <name>",
        "    Unload a module.",
    ],
    ..Spec::BLANK
};

pub(crate) static MODULE_LIST: Spec = Spec {
    name: "module|list",
    group: Group::Server,
    since: "4.0.0",
    summary: "Returns all loaded modules.",
    complexity: "O(N) where N is the number of loaded modules.",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT]),
    tips: &["nondeterministic_output_order"],
    ..Spec::BLANK
};

pub(crate) static MODULE_LOAD: Spec = Spec {
    name: "module|load",
    group: Group::Server,
    since: "4.0.0",
    summary: "Loads a module.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::NO_ASYNC_LOADING]),
    protected_by: Some(Protection::Module),
    args: &[
        Arg::string("path"),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static MODULE_LOADEX: Spec = Spec {
    name: "module|loadex",
    group: Group::Server,
    since: "7.0.0",
    summary: "Loads a module using extended parameters.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::NO_ASYNC_LOADING]),
    protected_by: Some(Protection::Module),
    args: &[
        Arg::string("path"),
        Arg::block("configs", &[Arg::string("name"), Arg::string("value")])
            .token("CONFIG")
            .optional()
            .multiple_token(),
        Arg::string("args").token("ARGS").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static MODULE_UNLOAD: Spec = Spec {
    name: "module|unload",
    group: Group::Server,
    since: "4.0.0",
    summary: "Unloads a module.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::NO_ASYNC_LOADING]),
    protected_by: Some(Protection::Module),
    args: &[Arg::string("name")],
    ..Spec::BLANK
};
