//! Commands on streams, their consumer groups and what is pending there.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Group, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &XACK,
    &XADD,
    &XAUTOCLAIM,
    &XCLAIM,
    &XDEL,
    &XGROUP,
    &XINFO,
    &XLEN,
    &XPENDING,
    &XRANGE,
    &XREAD,
    &XREADGROUP,
    &XREVRANGE,
    &XSETID,
    &XTRIM,
];

pub(crate) static XACK: Spec = Spec {
    name: "xack",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the number of messages that were successfully acknowledged by the consumer \
        group member of a stream.",
    complexity: "O(1) for each message ID processed.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::string("id").multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static XADD: Spec = Spec {
    name: "xadd",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Appends a new message to a stream. Creates the key if it doesn't exist.",
    complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of \
        entries evicted.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::OrInstead,
    acl: Categories::of(&[category::STREAM]),
    tips: &["nondeterministic_output"],
    keys: &[KeySpec::at(1)
        .flags(&[key::RW, key::UPDATE])
        .note("UPDATE instead of INSERT because of the optional trimming feature")],
    args: &[
        Arg::key("key", 0),
        Arg::word("NOMKSTREAM").since("6.2.0").optional(),
        Arg::block(
            "trim",
            &[
                Arg::one_of(
                    "strategy",
                    &[Arg::word("MAXLEN"), Arg::word("MINID").since("6.2.0")],
                ),
                Arg::one_of(
                    "operator",
                    &[
                        Arg::named_word("equal", "="),
                        Arg::named_word("approximately", "~"),
                    ],
                )
                .optional(),
                Arg::string("threshold"),
                Arg::integer("count")
                    .token("LIMIT")
                    .since("6.2.0")
                    .optional(),
            ],
        )
        .optional(),
        Arg::one_of(
            "id-selector",
            &[Arg::named_word("auto-id", "*"), Arg::string("id")],
        ),
        Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ],
    history: &[
        (
            "6.2.0",
            "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.",
        ),
        ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
    ],
    ..Spec::BLANK
};

pub(crate) static XAUTOCLAIM: Spec = Spec {
    name: "xautoclaim",
    group: Group::Stream,
    since: "6.2.0",
    summary: "Changes, or acquires, ownership of messages in a consumer group, as if the messages \
        were delivered to as consumer group member.",
    complexity: "O(1) if COUNT is small.",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STREAM]),
    tips: &["nondeterministic_output"],
    keys: usual::REMOVED_FROM,
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::word("JUSTID").optional(),
    ],
    history: &[(
        "7.0.0",
        "Added an element to the reply array, containing deleted entries the command cleared \
             from the PEL",
    )],
    ..Spec::BLANK
};

pub(crate) static XCLAIM: Spec = Spec {
    name: "xclaim",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Changes, or acquires, ownership of a message in a consumer group, as if the message \
        was delivered a consumer group member.",
    complexity: "O(log N) with N being the number of messages in the PEL of the consumer group.",
    arity: -6,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STREAM]),
    tips: &["nondeterministic_output"],
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("id").multiple(),
        Arg::integer("ms").token("IDLE").optional(),
        Arg::unix_time("unix-time-milliseconds")
            .token("TIME")
            .optional(),
        Arg::integer("count").token("RETRYCOUNT").optional(),
        Arg::word("FORCE").optional(),
        Arg::word("JUSTID").optional(),
        Arg::string("lastid").token("LASTID").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static XDEL: Spec = Spec {
    name: "xdel",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the number of messages after removing them from a stream.",
    complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("id").multiple()],
    ..Spec::BLANK
};

pub(crate) static XGROUP: Spec = Spec {
    name: "xgroup",
    group: Group::Stream,
    since: "5.0.0",
    summary: "A container for consumer groups commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &XGROUP_CREATE,
        &XGROUP_CREATECONSUMER,
        &XGROUP_DELCONSUMER,
        &XGROUP_DESTROY,
        &XGROUP_HELP,
        &XGROUP_SETID,
    ],
    ..Spec::BLANK
};

pub(crate) static XGROUP_CREATE: Spec = Spec {
    name: "xgroup|create",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Creates a consumer group.",
    complexity: "O(1)",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::at(2).flags(&[key::RW, key::INSERT])],
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::one_of(
            "id-selector",
            &[Arg::string("id"), Arg::named_word("new-id", "$")],
        ),
        Arg::word("MKSTREAM").optional(),
        Arg::integer("entriesread")
            .shown("entries-read")
            .token("ENTRIESREAD")
            .optional(),
    ],
    history: &[("7.0.0", "Added the `entries_read` named argument.")],
    ..Spec::BLANK
};

pub(crate) static XGROUP_CREATECONSUMER: Spec = Spec {
    name: "xgroup|createconsumer",
    group: Group::Stream,
    since: "6.2.0",
    summary: "Creates a consumer in a consumer group.",
    complexity: "O(1)",
    arity: 5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::at(2).flags(&[key::RW, key::INSERT])],
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::string("consumer"),
    ],
    ..Spec::BLANK
};

pub(crate) static XGROUP_DELCONSUMER: Spec = Spec {
    name: "xgroup|delconsumer",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Deletes a consumer from a consumer group.",
    complexity: "O(1)",
    arity: 5,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::at(2).flags(&[key::RW, key::DELETE])],
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::string("consumer"),
    ],
    ..Spec::BLANK
};

pub(crate) static XGROUP_DESTROY: Spec = Spec {
    name: "xgroup|destroy",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Destroys a consumer group.",
    complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
    arity: 4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::at(2).flags(&[key::RW, key::DELETE])],
    args: &[Arg::key("key", 0), Arg::string("group")],
    ..Spec::BLANK
};

pub(crate) static XGROUP_HELP: Spec = Spec {
    name: "xgroup|help",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::STREAM]),
    help: &[
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
    ],
    ..Spec::BLANK
};

pub(crate) static XGROUP_SETID: Spec = Spec {
    name: "xgroup|setid",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Sets the last-delivered ID of a consumer group.",
    complexity: "O(1)",
    arity: -5,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::at(2).flags(&[key::RW, key::UPDATE])],
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::one_of(
            "id-selector",
            &[Arg::string("id"), Arg::named_word("new-id", "$")],
        ),
        Arg::integer("entriesread")
            .shown("entries-read")
            .token("ENTRIESREAD")
            .optional(),
    ],
    history: &[("7.0.0", "Added the optional `entries_read` argument.")],
    ..Spec::BLANK
};

pub(crate) static XINFO: Spec = Spec {
    name: "xinfo",
    group: Group::Stream,
    since: "5.0.0",
    summary: "A container for stream introspection commands.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&XINFO_CONSUMERS, &XINFO_GROUPS, &XINFO_HELP, &XINFO_STREAM],
    ..Spec::BLANK
};

pub(crate) static XINFO_CONSUMERS: Spec = Spec {
    name: "xinfo|consumers",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns a list of the consumers in a consumer group.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STREAM]),
    tips: &["nondeterministic_output"],
    keys: usual::SUB_READ,
    args: &[Arg::key("key", 0), Arg::string("group")],
    history: &[(
        "7.2.0",
        "Added the `inactive` field, and changed the meaning of `idle`.",
    )],
    ..Spec::BLANK
};

pub(crate) static XINFO_GROUPS: Spec = Spec {
    name: "xinfo|groups",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns a list of the consumer groups of a stream.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STREAM]),
    keys: usual::SUB_READ,
    args: &[Arg::key("key", 0)],
    history: &[("7.0.0", "Added the `entries-read` and `lag` fields")],
    ..Spec::BLANK
};

pub(crate) static XINFO_HELP: Spec = Spec {
    name: "xinfo|help",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::LOADING, flag::STALE]),
    acl: Categories::of(&[category::STREAM]),
    help: &[
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
    ],
    ..Spec::BLANK
};

pub(crate) static XINFO_STREAM: Spec = Spec {
    name: "xinfo|stream",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns information about a stream.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STREAM]),
    keys: usual::SUB_READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "full-block",
            &[
                Arg::word("FULL"),
                Arg::integer("count").token("COUNT").optional(),
            ],
        )
        .optional(),
    ],
    history: &[
        ("6.0.0", "Added the `FULL` modifier."),
        (
            "7.0.0",
            "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, \
             `entries-read` and `lag` fields",
        ),
        (
            "7.2.0",
            "Added the `active-time` field, and changed the meaning of `seen-time`.",
        ),
    ],
    ..Spec::BLANK
};

pub(crate) static XLEN: Spec = Spec {
    name: "xlen",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Return the number of messages in a stream.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::STREAM]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static XPENDING: Spec = Spec {
    name: "xpending",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the information and entries from a stream consumer group's pending entries \
        list.",
    complexity: "O(N) with N being the number of elements returned, so asking for a small fixed \
        number of entries per call is O(1). O(M), where M is the total number of entries scanned \
        when used with the IDLE filter. When the command returns just the summary and the list of \
        consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for \
        iterating every consumer.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STREAM]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("group"),
        Arg::block(
            "filters",
            &[
                Arg::integer("min-idle-time")
                    .token("IDLE")
                    .since("6.2.0")
                    .optional(),
                Arg::string("start"),
                Arg::string("end"),
                Arg::integer("count"),
                Arg::string("consumer").optional(),
            ],
        )
        .optional(),
    ],
    history: &[(
        "6.2.0",
        "Added the `IDLE` option and exclusive range intervals.",
    )],
    ..Spec::BLANK
};

pub(crate) static XRANGE: Spec = Spec {
    name: "xrange",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the messages from a stream within a range of IDs.",
    complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. \
        always asking for the first 10 elements with COUNT), you can consider it O(1).",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STREAM]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("start"),
        Arg::string("end"),
        Arg::integer("count").token("COUNT").optional(),
    ],
    history: &[("6.2.0", "Added exclusive ranges.")],
    ..Spec::BLANK
};

pub(crate) static XREAD: Spec = Spec {
    name: "xread",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns messages from multiple streams with IDs greater than the ones requested. \
        Blocks until a message is available otherwise.",
    arity: -4,
    flags: Flags::of(&[flag::READONLY, flag::BLOCKING]),
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::after("STREAMS", 1)
        .to(-1)
        .first_half()
        .flags(&[key::RO, key::ACCESS])],
    args: &[
        Arg::integer("count").token("COUNT").optional(),
        Arg::integer("milliseconds").token("BLOCK").optional(),
        Arg::block(
            "streams",
            &[Arg::key("key", 0).multiple(), Arg::string("id").multiple()],
        )
        .token("STREAMS"),
    ],
    ..Spec::BLANK
};

pub(crate) static XREADGROUP: Spec = Spec {
    name: "xreadgroup",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns new or historical messages from a stream for a consumer in a group. Blocks \
        until a message is available otherwise.",
    complexity: "For each stream mentioned: O(M) with M being the number of elements returned. If \
        M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider \
        it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order \
        to serve the N clients blocked on the stream getting new data.",
    arity: -7,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::STREAM]),
    keys: &[KeySpec::after("STREAMS", 4)
        .to(-1)
        .first_half()
        .flags(&[key::RO, key::ACCESS])],
    args: &[
        Arg::block(
            "group-block",
            &[Arg::string("group"), Arg::string("consumer")],
        )
        .token("GROUP"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::integer("milliseconds").token("BLOCK").optional(),
        Arg::word("NOACK").optional(),
        Arg::block(
            "streams",
            &[Arg::key("key", 0).multiple(), Arg::string("id").multiple()],
        )
        .token("STREAMS"),
    ],
    ..Spec::BLANK
};

pub(crate) static XREVRANGE: Spec = Spec {
    name: "xrevrange",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns the messages from a stream within a range of IDs in reverse order.",
    complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always \
        asking for the first 10 elements with COUNT), you can consider it O(1).",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::STREAM]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("end"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
    ],
    history: &[("6.2.0", "Added exclusive ranges.")],
    ..Spec::BLANK
};

pub(crate) static XSETID: Spec = Spec {
    name: "xsetid",
    group: Group::Stream,
    since: "5.0.0",
    summary: "An internal command for replicating stream values.",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::STREAM]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("last-id"),
        Arg::integer("entries-added")
            .token("ENTRIESADDED")
            .since("7.0.0")
            .optional(),
        Arg::string("max-deleted-id")
            .token("MAXDELETEDID")
            .since("7.0.0")
            .optional(),
    ],
    history: &[(
        "7.0.0",
        "Added the `entries_added` and `max_deleted_entry_id` arguments.",
    )],
    ..Spec::BLANK
};

pub(crate) static XTRIM: Spec = Spec {
    name: "xtrim",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Deletes messages from the beginning of a stream.",
    complexity: "O(N), with N being the number of evicted entries. Constant times are very small \
        however, since entries are organized in macro nodes containing multiple entries that can \
        be released with a single deallocation.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::OrInstead,
    acl: Categories::of(&[category::STREAM]),
    tips: &["nondeterministic_output"],
    keys: usual::REMOVED_FROM,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "trim",
            &[
                Arg::one_of(
                    "strategy",
                    &[Arg::word("MAXLEN"), Arg::word("MINID").since("6.2.0")],
                ),
                Arg::one_of(
                    "operator",
                    &[
                        Arg::named_word("equal", "="),
                        Arg::named_word("approximately", "~"),
                    ],
                )
                .optional(),
                Arg::string("threshold"),
                Arg::integer("count")
                    .token("LIMIT")
                    .since("6.2.0")
                    .optional(),
            ],
        ),
    ],
    history: &[(
        "6.2.0",
        "Added the `MINID` trimming strategy and the `LIMIT` option.",
    )],
    ..Spec::BLANK
};
