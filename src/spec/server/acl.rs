//! ACL: users and their permissions.

use crate::spec::flags::{Flags, flag};
use crate::spec::model::{Arg, Group, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&ACL];

pub(crate) static ACL: Spec = Spec {
    name: "acl",
    group: Group::Server,
    since: "6.0.0",
    summary: "A container for Access List Control commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &ACL_CAT,
        &ACL_DELUSER,
        &ACL_DRYRUN,
        &ACL_GENPASS,
        &ACL_GETUSER,
        &ACL_HELP,
        &ACL_LIST,
        &ACL_LOAD,
        &ACL_LOG,
        &ACL_SAVE,
        &ACL_SETUSER,
        &ACL_USERS,
        &ACL_WHOAMI,
    ],
    ..Spec::BLANK
};

pub(crate) static ACL_CAT: Spec = Spec {
    name: "acl|cat",
    group: Group::Server,
    since: "6.0.0",
    summary: "Lists the ACL categories, or the commands inside a category.",
    complexity: "O(1) since the categories and commands are a fixed set.",
    arity: -2,
    flags: Flags::of(&[flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    args: &[Arg::string("category").optional()],
    ..Spec::BLANK
};

pub(crate) static ACL_DELUSER: Spec = Spec {
    name: "acl|deluser",
    group: Group::Server,
    since: "6.0.0",
    summary: "Deletes ACL users, and terminates their connections.",
    complexity: "O(1) amortized time considering the typical user.",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::string("username").multiple()],
    ..Spec::BLANK
};

pub(crate) static ACL_DRYRUN: Spec = Spec {
    name: "acl|dryrun",
    group: Group::Server,
    since: "7.0.0",
    summary: "Simulates the execution of a command by a user, without executing the command.",
    complexity: "O(1).",
    arity: -4,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    args: &[
        Arg::string("username"),
        Arg::string("command"),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static ACL_GENPASS: Spec = Spec {
    name: "acl|genpass",
    group: Group::Server,
    since: "6.0.0",
    summary: "Generates a pseudorandom, secure password that can be used to identify ACL users.",
    complexity: "O(1)",
    arity: -2,
    flags: Flags::of(&[flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    args: &[Arg::integer("bits").optional()],
    ..Spec::BLANK
};

pub(crate) static ACL_GETUSER: Spec = Spec {
    name: "acl|getuser",
    group: Group::Server,
    since: "6.0.0",
    summary: "Lists the ACL rules of a user.",
    complexity: "O(N). Where N is the number of password, command and pattern rules that the user \
        has.",
    arity: 3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    args: &[Arg::string("username")],
    history: &[
        ("6.2.0", "Added Pub/Sub channel patterns."),
        (
            "7.0.0",
            "Added selectors and changed the format of key and channel patterns from a list to \
             their rule representation.",
        ),
    ],
    ..Spec::BLANK
};

pub(crate) static ACL_HELP: Spec = Spec {
    name: "acl|help",
    group: Group::Server,
    since: "6.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    help: &[
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "DELUSER <username> [<username> ...]",
        "    Delete a list of users.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Returns whether the user can execute the given command without executing the command.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Generate a secure 256-bit user password. The optional `bits` argument can",
        "    be used to specify a different size.",
        "LIST",
        "    Show users details in config file format.",
        "LOAD",
        "    Reload users from the ACL file.",
        "LOG [<count> | RESET]",
        "    Show the ACL log entries.",
        "SAVE",
        "    Save the current config to the ACL file.",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Create or modify a user with the specified attributes.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
    ],
    ..Spec::BLANK
};

pub(crate) static ACL_LIST: Spec = Spec {
    name: "acl|list",
    group: Group::Server,
    since: "6.0.0",
    summary: "Dumps the effective rules in ACL file format.",
    complexity: "O(N). Where N is the number of configured users.",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    ..Spec::BLANK
};

pub(crate) static ACL_LOAD: Spec = Spec {
    name: "acl|load",
    group: Group::Server,
    since: "6.0.0",
    summary: "Reloads the rules from the configured ACL file.",
    complexity: "O(N). Where N is the number of configured users.",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    ..Spec::BLANK
};

pub(crate) static ACL_LOG: Spec = Spec {
    name: "acl|log",
    group: Group::Server,
    since: "6.0.0",
    summary: "Lists recent security events generated due to ACL rules.",
    complexity: "O(N) with N being the number of entries shown.",
    arity: -2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    args: &[Arg::one_of("operation", &[Arg::integer("count"), Arg::word("RESET")]).optional()],
    history: &[(
        "7.2.0",
        "Added entry ID, timestamp created, and timestamp last updated.",
    )],
    ..Spec::BLANK
};

pub(crate) static ACL_SAVE: Spec = Spec {
    name: "acl|save",
    group: Group::Server,
    since: "6.0.0",
    summary: "Saves the effective ACL rules in the configured ACL file.",
    complexity: "O(N). Where N is the number of configured users.",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Spec::BLANK
};

pub(crate) static ACL_SETUSER: Spec = Spec {
    name: "acl|setuser",
    group: Group::Server,
    since: "6.0.0",
    summary: "Creates and modifies an ACL user and its rules.",
    complexity: "O(N). Where N is the number of rules provided.",
    arity: -3,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[
        Arg::string("username"),
        Arg::string("rule").optional().multiple(),
    ],
    history: &[
        ("6.2.0", "Added Pub/Sub channel patterns."),
        ("7.0.0", "Added selectors and key based permissions."),
    ],
    ..Spec::BLANK
};

pub(crate) static ACL_USERS: Spec = Spec {
    name: "acl|users",
    group: Group::Server,
    since: "6.0.0",
    summary: "Lists all ACL users.",
    complexity: "O(N). Where N is the number of configured users.",
    arity: 2,
    flags: Flags::of(&[flag::ADMIN, flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    ..Spec::BLANK
};

pub(crate) static ACL_WHOAMI: Spec = Spec {
    name: "acl|whoami",
    group: Group::Server,
    since: "6.0.0",
    summary: "Returns the authenticated username of the current connection.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::NOSCRIPT, flag::LOADING, flag::STALE]),
    ..Spec::BLANK
};
