//! Commands that run code beside the data, and manage the code.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Code, Group, KeySpec, Propagates, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &EVAL,
    &EVAL_RO,
    &EVALSHA,
    &EVALSHA_RO,
    &FCALL,
    &FCALL_RO,
    &FUNCTION,
    &SCRIPT,
];

pub(crate) static EVAL: Spec = Spec {
    name: "eval",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Executes a server-side Lua script.",
    complexity: "Depends on the script that is executed.",
    arity: -3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::STALE,
        flag::SKIP_MONITOR,
        flag::MAY_REPLICATE,
        flag::NO_MANDATORY_KEYS,
    ]),
    propagates: Propagates::Parts,
    code: Some(Code::Text),
    acl: Categories::of(&[category::SCRIPTING]),
    keys: &[KeySpec::counted_at(2)
        .flags(&[key::RW, key::ACCESS, key::UPDATE])
        .note("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")],
    args: &[
        Arg::string("script"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static EVAL_RO: Spec = Spec {
    name: "eval_ro",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Executes a read-only server-side Lua script.",
    complexity: "Depends on the script that is executed.",
    arity: -3,
    flags: Flags::of(&[
        flag::READONLY,
        flag::NOSCRIPT,
        flag::STALE,
        flag::SKIP_MONITOR,
        flag::NO_MANDATORY_KEYS,
    ]),
    code: Some(Code::Text),
    acl: Categories::of(&[category::SCRIPTING]),
    keys: &[KeySpec::counted_at(2)
        .flags(&[key::RO, key::ACCESS])
        .note("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")],
    args: &[
        Arg::string("script"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static EVALSHA: Spec = Spec {
    name: "evalsha",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Executes a server-side Lua script by SHA1 digest.",
    complexity: "Depends on the script that is executed.",
    arity: -3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::STALE,
        flag::SKIP_MONITOR,
        flag::MAY_REPLICATE,
        flag::NO_MANDATORY_KEYS,
    ]),
    propagates: Propagates::Parts,
    code: Some(Code::Digest),
    acl: Categories::of(&[category::SCRIPTING]),
    keys: &[KeySpec::counted_at(2).flags(&[key::RW, key::ACCESS, key::UPDATE])],
    args: &[
        Arg::string("sha1"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static EVALSHA_RO: Spec = Spec {
    name: "evalsha_ro",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Executes a read-only server-side Lua script by SHA1 digest.",
    complexity: "Depends on the script that is executed.",
    arity: -3,
    flags: Flags::of(&[
        flag::READONLY,
        flag::NOSCRIPT,
        flag::STALE,
        flag::SKIP_MONITOR,
        flag::NO_MANDATORY_KEYS,
    ]),
    code: Some(Code::Digest),
    acl: Categories::of(&[category::SCRIPTING]),
    keys: &[KeySpec::counted_at(2).flags(&[key::RO, key::ACCESS])],
    args: &[
        Arg::string("sha1"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static FCALL: Spec = Spec {
    name: "fcall",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Invokes a function.",
    complexity: "Depends on the function that is executed.",
    arity: -3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::STALE,
        flag::SKIP_MONITOR,
        flag::MAY_REPLICATE,
        flag::NO_MANDATORY_KEYS,
    ]),
    propagates: Propagates::Parts,
    code: Some(Code::Function),
    acl: Categories::of(&[category::SCRIPTING]),
    keys: &[KeySpec::counted_at(2)
        .flags(&[key::RW, key::ACCESS, key::UPDATE])
        .note("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")],
    args: &[
        Arg::string("function"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static FCALL_RO: Spec = Spec {
    name: "fcall_ro",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Invokes a read-only function.",
    complexity: "Depends on the function that is executed.",
    arity: -3,
    flags: Flags::of(&[
        flag::READONLY,
        flag::NOSCRIPT,
        flag::STALE,
        flag::SKIP_MONITOR,
        flag::NO_MANDATORY_KEYS,
    ]),
    code: Some(Code::Function),
    acl: Categories::of(&[category::SCRIPTING]),
    keys: &[KeySpec::counted_at(2)
        .flags(&[key::RO, key::ACCESS])
        .note("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")],
    args: &[
        Arg::string("function"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static FUNCTION: Spec = Spec {
    name: "function",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "A container for function commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &FUNCTION_DELETE,
        &FUNCTION_DUMP,
        &FUNCTION_FLUSH,
        &FUNCTION_HELP,
        &FUNCTION_KILL,
        &FUNCTION_LIST,
        &FUNCTION_LOAD,
        &FUNCTION_RESTORE,
        &FUNCTION_STATS,
    ],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_DELETE: Spec = Spec {
    name: "function|delete",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Deletes a library and its functions.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::NOSCRIPT]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::string("library-name")],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_DUMP: Spec = Spec {
    name: "function|dump",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Dumps all libraries into a serialized binary payload.",
    complexity: "O(N) where N is the number of functions",
    arity: 2,
    flags: Flags::of(&[flag::NOSCRIPT]),
    acl: Categories::of(&[category::SCRIPTING]),
    ..Spec::BLANK
};

pub(crate) static FUNCTION_FLUSH: Spec = Spec {
    name: "function|flush",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Deletes all libraries and functions.",
    complexity: "O(N) where N is the number of functions deleted",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::NOSCRIPT]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::one_of("flush-type", &[Arg::word("ASYNC"), Arg::word("SYNC")]).optional()],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_HELP: Spec = Spec {
    name: "function|help",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::SCRIPTING]),
    help: &[
        "LOAD [REPLACE] <FUNCTION CODE>",
        "    Create a new library with the given library name and code.",
        "DELETE <LIBRARY NAME>",
        "    Delete the given library.",
        "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
        "    Return general information on all the libraries:",
        "    * Library name",
        "    * The engine used to run the Library",
        "    * Functions list",
        "    * Library code (if WITHCODE is given)",
        "    It also possible to get only function that matches a pattern using LIBRARYNAME \
             argument.",
        "STATS",
        "    Return information about the current function running:",
        "    * Function name",
        "    * Command used to run the function",
        "    * Duration in MS that the function is running",
        "    If no function is running, return nil",
        "    In addition, returns a list of available engines.",
        "KILL",
        "    Kill the current running function.",
        "FLUSH [ASYNC|SYNC]",
        "    Delete all the libraries.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the libraries.",
        "    * SYNC: Synchronously flush the libraries.",
        "DUMP",
        "    Return a serialized payload representing the current libraries, can be restored \
             using FUNCTION RESTORE command",
        "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
        "    Restore the libraries represented by the given payload, it is possible to give a \
             restore policy to",
        "    control how to handle existing libraries (default APPEND):",
        "    * FLUSH: delete all existing libraries.",
        "    * APPEND: appends the restored libraries to the existing libraries. On collision, \
             abort.",
        "    * REPLACE: appends the restored libraries to the existing libraries, On collision, \
             replace the old",
        "      libraries with the new libraries (notice that even on this option there is a \
             chance of failure",
        "      in case of functions name collision with another library).",
    ],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_KILL: Spec = Spec {
    name: "function|kill",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Terminates a function during execution.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::NOSCRIPT, flag::ALLOW_BUSY]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_LIST: Spec = Spec {
    name: "function|list",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Returns information about all libraries.",
    complexity: "O(N) where N is the number of functions",
    arity: -2,
    flags: Flags::of(&[flag::NOSCRIPT]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["nondeterministic_output_order"],
    args: &[
        Arg::string("library-name-pattern")
            .token("LIBRARYNAME")
            .optional(),
        Arg::word("WITHCODE").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_LOAD: Spec = Spec {
    name: "function|load",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Creates a library.",
    complexity: "O(1) (considering compilation time is redundant)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::NOSCRIPT]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[
        Arg::word("REPLACE").optional(),
        Arg::string("function-code"),
    ],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_RESTORE: Spec = Spec {
    name: "function|restore",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Restores all libraries from a payload.",
    complexity: "O(N) where N is the number of functions on the payload",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::NOSCRIPT]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[
        Arg::string("serialized-value"),
        Arg::one_of(
            "policy",
            &[
                Arg::word("FLUSH"),
                Arg::word("APPEND"),
                Arg::word("REPLACE"),
            ],
        )
        .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static FUNCTION_STATS: Spec = Spec {
    name: "function|stats",
    group: Group::Scripting,
    since: "7.0.0",
    summary: "Returns information about a function during execution.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::NOSCRIPT, flag::ALLOW_BUSY]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..Spec::BLANK
};

pub(crate) static SCRIPT: Spec = Spec {
    name: "script",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "A container for Lua scripts management commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &SCRIPT_DEBUG,
        &SCRIPT_EXISTS,
        &SCRIPT_FLUSH,
        &SCRIPT_HELP,
        &SCRIPT_KILL,
        &SCRIPT_LOAD,
    ],
    ..Spec::BLANK
};

pub(crate) static SCRIPT_DEBUG: Spec = Spec {
    name: "script|debug",
    group: Group::Scripting,
    since: "3.2.0",
    summary: "Sets the debug mode of server-side Lua scripts.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::NOSCRIPT]),
    acl: Categories::of(&[category::SCRIPTING]),
    args: &[Arg::one_of(
        "mode",
        &[Arg::word("YES"), Arg::word("SYNC"), Arg::word("NO")],
    )],
    ..Spec::BLANK
};

pub(crate) static SCRIPT_EXISTS: Spec = Spec {
    name: "script|exists",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Determines whether server-side Lua scripts exist in the script cache.",
    complexity: "O(N) with N being the number of scripts to check (so checking a single script is \
        an O(1) operation).",
    arity: -3,
    flags: Flags::of(&[flag::NOSCRIPT]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &[
        "request_policy:all_shards",
        "response_policy:agg_logical_and",
    ],
    args: &[Arg::string("sha1").multiple()],
    ..Spec::BLANK
};

pub(crate) static SCRIPT_FLUSH: Spec = Spec {
    name: "script|flush",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Removes all server-side Lua scripts from the script cache.",
    complexity: "O(N) with N being the number of scripts in cache",
    arity: -2,
    flags: Flags::of(&[flag::NOSCRIPT]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[
        Arg::one_of("flush-type", &[Arg::word("ASYNC"), Arg::word("SYNC")])
            .since("6.2.0")
            .optional(),
    ],
    history: &[(
        "6.2.0",
        "Added the `ASYNC` and `SYNC` flushing mode modifiers.",
    )],
    ..Spec::BLANK
};

pub(crate) static SCRIPT_HELP: Spec = Spec {
    name: "script|help",
    group: Group::Scripting,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::SCRIPTING]),
    help: &[
        "DEBUG (YES|SYNC|NO)",
        "    Set the debug mode for subsequent scripts executed.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Return information about the existence of the scripts in the script cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Flush the Lua scripts cache. Very dangerous on replicas.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the scripts cache.",
        "    * SYNC: Synchronously flush the scripts cache.",
        "KILL",
        "    Kill the currently executing Lua script.",
        "LOAD <script>",
        "    Load a script into the scripts cache without executing it.",
    ],
    ..Spec::BLANK
};

pub(crate) static SCRIPT_KILL: Spec = Spec {
    name: "script|kill",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Terminates a server-side Lua script during execution.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::NOSCRIPT, flag::ALLOW_BUSY]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..Spec::BLANK
};

pub(crate) static SCRIPT_LOAD: Spec = Spec {
    name: "script|load",
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Loads a server-side Lua script to the script cache.",
    complexity: "O(N) with N being the length in bytes of the script body.",
    arity: 3,
    flags: Flags::of(&[flag::NOSCRIPT, flag::STALE]),
    acl: Categories::of(&[category::SCRIPTING]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::string("script")],
    ..Spec::BLANK
};
