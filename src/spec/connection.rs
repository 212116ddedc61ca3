//! Commands a client sends about itself: its name, its protocol and database, and the messages it wants.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Databases, Deprecated, Group, Spec};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[&AUTH, &CLIENT, &ECHO, &HELLO, &PING, &QUIT, &RESET, &SELECT];

pub(crate) static AUTH: Spec = Spec {
    name: "auth",
    group: Group::Connection,
    since: "1.0.0",
    summary: "Authenticates the connection.",
    complexity: "O(N) where N is the number of passwords defined for the user",
    arity: -2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::NO_AUTH,
        flag::ALLOW_BUSY,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[
        Arg::string("username").since("6.0.0").optional(),
        Arg::string("password"),
    ],
    history: &[("6.0.0", "Added ACL style (username and password).")],
    ..Spec::BLANK
};

pub(crate) static CLIENT: Spec = Spec {
    name: "client",
    group: Group::Connection,
    since: "2.4.0",
    summary: "A container for client connection commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &CLIENT_CACHING,
        &CLIENT_GETNAME,
        &CLIENT_GETREDIR,
        &CLIENT_HELP,
        &CLIENT_ID,
        &CLIENT_INFO,
        &CLIENT_KILL,
        &CLIENT_LIST,
        &CLIENT_NO_EVICT,
        &CLIENT_NO_TOUCH,
        &CLIENT_PAUSE,
        &CLIENT_REPLY,
        &CLIENT_SETINFO,
        &CLIENT_SETNAME,
        &CLIENT_TRACKING,
        &CLIENT_TRACKINGINFO,
        &CLIENT_UNBLOCK,
        &CLIENT_UNPAUSE,
    ],
    ..Spec::BLANK
};

pub(crate) static CLIENT_CACHING: Spec = Spec {
    name: "client|caching",
    group: Group::Connection,
    since: "6.0.0",
    summary: "Instructs the server whether to track the keys in the next request.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::one_of("mode", &[Arg::word("YES"), Arg::word("NO")])],
    ..Spec::BLANK
};

pub(crate) static CLIENT_GETNAME: Spec = Spec {
    name: "client|getname",
    group: Group::Connection,
    since: "2.6.9",
    summary: "Returns the name of the connection.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static CLIENT_GETREDIR: Spec = Spec {
    name: "client|getredir",
    group: Group::Connection,
    since: "6.0.0",
    summary: "Returns the client ID to which the connection's tracking notifications are \
        redirected.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static CLIENT_HELP: Spec = Spec {
    name: "client|help",
    group: Group::Connection,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::KEEPS_CACHING]),
    acl: Categories::of(&[category::CONNECTION]),
    help: &[
        "CACHING (YES|NO)",
        "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "GETNAME",
        "    Return the name of the current connection.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.",
        "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)",
        "      Skip killing current connection (default: yes).",
        "    * ID <client-id>",
        "      Kill connections by client id.",
        "    * MAXAGE <maxage>",
        "      Kill connections older than the specified age.",
        "LIST [options ...]",
        "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "UNPAUSE",
        "    Stop the current client pause, resuming traffic.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        "SETINFO <option> <value>",
        "    Set client meta attr. Options are:",
        "    * LIB-NAME: the client lib name.",
        "    * LIB-VER: the client lib version.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    Unblock the specified blocked client.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Control server assisted client side caching.",
        "TRACKINGINFO",
        "    Report tracking status for the current connection.",
        "NO-EVICT (ON|OFF)",
        "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Will not touch LRU/LFU stats when this mode is on.",
    ],
    ..Spec::BLANK
};

pub(crate) static CLIENT_ID: Spec = Spec {
    name: "client|id",
    group: Group::Connection,
    since: "5.0.0",
    summary: "Returns the unique client ID of the connection.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static CLIENT_INFO: Spec = Spec {
    name: "client|info",
    group: Group::Connection,
    since: "6.2.0",
    summary: "Returns information about the connection.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["nondeterministic_output"],
    ..Spec::BLANK
};

pub(crate) static CLIENT_KILL: Spec = Spec {
    name: "client|kill",
    group: Group::Connection,
    since: "2.4.0",
    summary: "Terminates open connections.",
    complexity: "O(N) where N is the number of client connections",
    arity: -3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::one_of(
        "filter",
        &[
            Arg::string("old-format")
                .shown("ip:port")
                .deprecated_since("2.8.12"),
            Arg::one_of(
                "new-format",
                &[
                    Arg::integer("client-id")
                        .token("ID")
                        .since("2.8.12")
                        .optional(),
                    Arg::one_of(
                        "client-type",
                        &[
                            Arg::word("NORMAL"),
                            Arg::word("MASTER").since("3.2.0"),
                            Arg::word("SLAVE"),
                            Arg::word("REPLICA").since("5.0.0"),
                            Arg::word("PUBSUB"),
                        ],
                    )
                    .token("TYPE")
                    .since("2.8.12")
                    .optional(),
                    Arg::string("username").token("USER").optional(),
                    Arg::string("addr")
                        .shown("ip:port")
                        .token("ADDR")
                        .optional(),
                    Arg::string("laddr")
                        .shown("ip:port")
                        .token("LADDR")
                        .since("6.2.0")
                        .optional(),
                    Arg::one_of("skipme", &[Arg::word("YES"), Arg::word("NO")])
                        .token("SKIPME")
                        .optional(),
                    Arg::integer("maxage")
                        .token("MAXAGE")
                        .since("7.4.0")
                        .optional(),
                ],
            )
            .multiple(),
        ],
    )],
    history: &[
        ("2.8.12", "Added new filter format."),
        ("2.8.12", "`ID` option."),
        ("3.2.0", "Added `master` type in for `TYPE` option."),
        (
            "5.0.0",
            "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward \
             compatibility.",
        ),
        ("6.2.0", "`LADDR` option."),
        ("7.4.0", "`MAXAGE` option."),
    ],
    ..Spec::BLANK
};

pub(crate) static CLIENT_LIST: Spec = Spec {
    name: "client|list",
    group: Group::Connection,
    since: "2.4.0",
    summary: "Lists open connections.",
    complexity: "O(N) where N is the number of client connections",
    arity: -2,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["nondeterministic_output"],
    args: &[
        Arg::one_of(
            "client-type",
            &[
                Arg::word("NORMAL"),
                Arg::word("MASTER"),
                Arg::word("REPLICA"),
                Arg::word("PUBSUB"),
            ],
        )
        .token("TYPE")
        .since("5.0.0")
        .optional(),
        Arg::integer("client-id")
            .token("ID")
            .since("6.2.0")
            .optional()
            .multiple(),
    ],
    history: &[
        ("2.8.12", "Added unique client `id` field."),
        ("5.0.0", "Added optional `TYPE` filter."),
        ("6.0.0", "Added `user` field."),
        (
            "6.2.0",
            "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.",
        ),
        (
            "7.0.0",
            "Added `resp`, `multi-mem`, `rbs` and `rbp` fields.",
        ),
        ("7.0.3", "Added `ssub` field."),
        ("7.2.0", "Added `lib-name` and `lib-ver` fields."),
        ("7.4.0", "Added `watch` field."),
        ("8.0.0", "Added `io-thread` field."),
    ],
    ..Spec::BLANK
};

pub(crate) static CLIENT_NO_EVICT: Spec = Spec {
    name: "client|no-evict",
    group: Group::Connection,
    since: "7.0.0",
    summary: "Sets the client eviction mode of the connection.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::one_of("enabled", &[Arg::word("ON"), Arg::word("OFF")])],
    ..Spec::BLANK
};

pub(crate) static CLIENT_NO_TOUCH: Spec = Spec {
    name: "client|no-touch",
    group: Group::Connection,
    since: "7.2.0",
    summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::one_of("enabled", &[Arg::word("ON"), Arg::word("OFF")])],
    ..Spec::BLANK
};

pub(crate) static CLIENT_PAUSE: Spec = Spec {
    name: "client|pause",
    group: Group::Connection,
    since: "3.0.0",
    summary: "Suspends commands processing.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[
        Arg::integer("timeout"),
        Arg::one_of("mode", &[Arg::word("WRITE"), Arg::word("ALL")])
            .since("6.2.0")
            .optional(),
    ],
    history: &[(
        "6.2.0",
        "`CLIENT PAUSE WRITE` mode added along with the `mode` option.",
    )],
    ..Spec::BLANK
};

pub(crate) static CLIENT_REPLY: Spec = Spec {
    name: "client|reply",
    group: Group::Connection,
    since: "3.2.0",
    summary: "Instructs the server whether to reply to commands.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::one_of(
        "action",
        &[Arg::word("ON"), Arg::word("OFF"), Arg::word("SKIP")],
    )],
    ..Spec::BLANK
};

pub(crate) static CLIENT_SETINFO: Spec = Spec {
    name: "client|setinfo",
    group: Group::Connection,
    since: "7.2.0",
    summary: "Sets information specific to the client or connection.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::one_of(
        "attr",
        &[
            Arg::string("libname").token("LIB-NAME"),
            Arg::string("libver").token("LIB-VER"),
        ],
    )],
    ..Spec::BLANK
};

pub(crate) static CLIENT_SETNAME: Spec = Spec {
    name: "client|setname",
    group: Group::Connection,
    since: "2.6.9",
    summary: "Sets the connection name.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::string("connection-name")],
    ..Spec::BLANK
};

pub(crate) static CLIENT_TRACKING: Spec = Spec {
    name: "client|tracking",
    group: Group::Connection,
    since: "6.0.0",
    summary: "Controls server-assisted client-side caching for the connection.",
    complexity: "O(1). Some options may introduce additional complexity.",
    arity: -3,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[
        Arg::one_of("status", &[Arg::word("ON"), Arg::word("OFF")]),
        Arg::integer("client-id").token("REDIRECT").optional(),
        Arg::string("prefix")
            .token("PREFIX")
            .optional()
            .multiple_token(),
        Arg::word("BCAST").optional(),
        Arg::word("OPTIN").optional(),
        Arg::word("OPTOUT").optional(),
        Arg::word("NOLOOP").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static CLIENT_TRACKINGINFO: Spec = Spec {
    name: "client|trackinginfo",
    group: Group::Connection,
    since: "6.2.0",
    summary: "Returns information about server-assisted client-side caching for the connection.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static CLIENT_UNBLOCK: Spec = Spec {
    name: "client|unblock",
    group: Group::Connection,
    since: "5.0.0",
    summary: "Unblocks a client blocked by a blocking command from a different connection.",
    complexity: "O(log N) where N is the number of client connections",
    arity: -3,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[
        Arg::integer("client-id"),
        Arg::one_of("unblock-type", &[Arg::word("TIMEOUT"), Arg::word("ERROR")]).optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static CLIENT_UNPAUSE: Spec = Spec {
    name: "client|unpause",
    group: Group::Connection,
    since: "6.2.0",
    summary: "Resumes processing commands from paused clients.",
    complexity: "O(N) Where N is the number of paused clients",
    arity: 2,
    flags: Flags::of(&[
        flag::ADMIN,
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::KEEPS_CACHING,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static ECHO: Spec = Spec {
    name: "echo",
    group: Group::Connection,
    since: "1.0.0",
    summary: "Returns the given string.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::FAST]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::string("message")],
    ..Spec::BLANK
};

pub(crate) static HELLO: Spec = Spec {
    name: "hello",
    group: Group::Connection,
    since: "6.0.0",
    summary: "Handshakes with the Redis server.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::NO_AUTH,
        flag::ALLOW_BUSY,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    args: &[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("auth", &[Arg::string("username"), Arg::string("password")])
                .token("AUTH")
                .optional(),
            Arg::string("clientname").token("SETNAME").optional(),
        ],
    )
    .optional()],
    history: &[(
        "6.2.0",
        "`protover` made optional; when called without arguments the command reports the \
             current connection's context.",
    )],
    ..Spec::BLANK
};

pub(crate) static PING: Spec = Spec {
    name: "ping",
    group: Group::Connection,
    since: "1.0.0",
    summary: "Returns the server's liveliness response.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[flag::FAST, flag::ALLOWED_SUBSCRIBED, flag::FAILS_WITH_DISK]),
    acl: Categories::of(&[category::CONNECTION]),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::string("message").optional()],
    ..Spec::BLANK
};

pub(crate) static QUIT: Spec = Spec {
    name: "quit",
    group: Group::Connection,
    since: "1.0.0",
    summary: "Closes the connection.",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::NO_AUTH,
        flag::ALLOW_BUSY,
        flag::STEERS_TRANSACTION,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    deprecated: Some(Deprecated {
        since: "7.2.0",
        replaced_by: "just closing the connection",
    }),
    ..Spec::BLANK
};

pub(crate) static RESET: Spec = Spec {
    name: "reset",
    group: Group::Connection,
    since: "6.2.0",
    summary: "Resets the connection.",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::of(&[
        flag::NOSCRIPT,
        flag::LOADING,
        flag::STALE,
        flag::FAST,
        flag::NO_AUTH,
        flag::ALLOW_BUSY,
        flag::STEERS_TRANSACTION,
        flag::ALLOWED_SUBSCRIBED,
    ]),
    acl: Categories::of(&[category::CONNECTION]),
    ..Spec::BLANK
};

pub(crate) static SELECT: Spec = Spec {
    name: "select",
    group: Group::Connection,
    since: "1.0.0",
    summary: "Changes the selected database.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE, flag::FAST]),
    acl: Categories::of(&[category::CONNECTION]),
    databases: Databases::Entered,
    args: &[Arg::integer("index")],
    ..Spec::BLANK
};
