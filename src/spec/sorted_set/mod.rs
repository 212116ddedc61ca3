//! Commands on members ordered by score: by rank, by score, by name, at either end.

mod algebra;

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Deprecated, Group, KeySpec, Propagates, Spec};
use crate::spec::usual;

pub(crate) use algebra::{ZDIFF, ZDIFFSTORE, ZINTER, ZINTERCARD, ZINTERSTORE, ZUNION, ZUNIONSTORE};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &BZMPOP,
    &BZPOPMAX,
    &BZPOPMIN,
    &ZADD,
    &ZCARD,
    &ZCOUNT,
    &ZDIFF,
    &ZDIFFSTORE,
    &ZINCRBY,
    &ZINTER,
    &ZINTERCARD,
    &ZINTERSTORE,
    &ZLEXCOUNT,
    &ZMPOP,
    &ZMSCORE,
    &ZPOPMAX,
    &ZPOPMIN,
    &ZRANDMEMBER,
    &ZRANGE,
    &ZRANGEBYLEX,
    &ZRANGEBYSCORE,
    &ZRANGESTORE,
    &ZRANK,
    &ZREM,
    &ZREMRANGEBYLEX,
    &ZREMRANGEBYRANK,
    &ZREMRANGEBYSCORE,
    &ZREVRANGE,
    &ZREVRANGEBYLEX,
    &ZREVRANGEBYSCORE,
    &ZREVRANK,
    &ZSCAN,
    &ZSCORE,
    &ZUNION,
    &ZUNIONSTORE,
];

pub(crate) static BZMPOP: Spec = Spec {
    name: "bzmpop",
    group: Group::SortedSet,
    since: "7.0.0",
    summary: "Removes and returns a member by score from one or more sorted sets. Blocks until a \
        member is available otherwise. Deletes the sorted set if the last element was popped.",
    complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
        elements in the sorted set, and M being the number of elements popped.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: &[KeySpec::counted_at(2).flags(&[key::RW, key::ACCESS, key::DELETE])],
    args: &[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::one_of("where", &[Arg::word("MIN"), Arg::word("MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static BZPOPMAX: Spec = Spec {
    name: "bzpopmax",
    group: Group::SortedSet,
    since: "5.0.0",
    summary: "Removes and returns the member with the highest score from one or more sorted sets. \
        Blocks until a member available otherwise.  Deletes the sorted set if the last element \
        was popped.",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::ALL_POPPED,
    args: &[Arg::key("key", 0).multiple(), Arg::double("timeout")],
    history: &[(
        "6.0.0",
        "`timeout` is interpreted as a double instead of an integer.",
    )],
    ..Spec::BLANK
};

pub(crate) static BZPOPMIN: Spec = Spec {
    name: "bzpopmin",
    group: Group::SortedSet,
    since: "5.0.0",
    summary: "Removes and returns the member with the lowest score from one or more sorted sets. \
        Blocks until a member is available otherwise. Deletes the sorted set if the last element \
        was popped.",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING, flag::FAST]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::ALL_POPPED,
    args: &[Arg::key("key", 0).multiple(), Arg::double("timeout")],
    history: &[(
        "6.0.0",
        "`timeout` is interpreted as a double instead of an integer.",
    )],
    ..Spec::BLANK
};

pub(crate) static ZADD: Spec = Spec {
    name: "zadd",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Adds one or more members to a sorted set, or updates their scores. Creates the key \
        if it doesn't exist.",
    complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted \
        set.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::one_of("condition", &[Arg::word("NX"), Arg::word("XX")])
            .since("3.0.2")
            .optional(),
        Arg::one_of("comparison", &[Arg::word("GT"), Arg::word("LT")])
            .since("6.2.0")
            .optional(),
        Arg::named_word("change", "CH").since("3.0.2").optional(),
        Arg::named_word("increment", "INCR")
            .since("3.0.2")
            .optional(),
        Arg::block("data", &[Arg::double("score"), Arg::string("member")]).multiple(),
    ],
    history: &[
        ("2.4.0", "Accepts multiple elements."),
        ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
        ("6.2.0", "Added the `GT` and `LT` options."),
    ],
    ..Spec::BLANK
};

pub(crate) static ZCARD: Spec = Spec {
    name: "zcard",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Returns the number of members in a sorted set.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static ZCOUNT: Spec = Spec {
    name: "zcount",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Returns the count of members in a sorted set that have scores within a range.",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    arity: 4,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::double("min"), Arg::double("max")],
    ..Spec::BLANK
};

pub(crate) static ZINCRBY: Spec = Spec {
    name: "zincrby",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Increments the score of a member in a sorted set.",
    complexity: "O(log(N)) where N is the number of elements in the sorted set.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("increment"),
        Arg::string("member"),
    ],
    ..Spec::BLANK
};

pub(crate) static ZLEXCOUNT: Spec = Spec {
    name: "zlexcount",
    group: Group::SortedSet,
    since: "2.8.9",
    summary: "Returns the number of members in a sorted set within a lexicographical range.",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    arity: 4,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("min"), Arg::string("max")],
    ..Spec::BLANK
};

pub(crate) static ZMPOP: Spec = Spec {
    name: "zmpop",
    group: Group::SortedSet,
    since: "7.0.0",
    summary: "Returns the highest- or lowest-scoring members from one or more sorted sets after \
        removing them. Deletes the sorted set if the last member was popped.",
    complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
        elements in the sorted set, and M being the number of elements popped.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: &[KeySpec::counted_at(1).flags(&[key::RW, key::ACCESS, key::DELETE])],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::one_of("where", &[Arg::word("MIN"), Arg::word("MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZMSCORE: Spec = Spec {
    name: "zmscore",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns the score of one or more members in a sorted set.",
    complexity: "O(N) where N is the number of members being requested.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("member").multiple()],
    ..Spec::BLANK
};

pub(crate) static ZPOPMAX: Spec = Spec {
    name: "zpopmax",
    group: Group::SortedSet,
    since: "5.0.0",
    summary: "Returns the highest-scoring members from a sorted set after removing them. Deletes \
        the sorted set if the last member was popped.",
    complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being \
        the number of elements popped.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::POPPED,
    args: &[Arg::key("key", 0), Arg::integer("count").optional()],
    ..Spec::BLANK
};

pub(crate) static ZPOPMIN: Spec = Spec {
    name: "zpopmin",
    group: Group::SortedSet,
    since: "5.0.0",
    summary: "Returns the lowest-scoring members from a sorted set after removing them. Deletes \
        the sorted set if the last member was popped.",
    complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being \
        the number of elements popped.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::POPPED,
    args: &[Arg::key("key", 0), Arg::integer("count").optional()],
    ..Spec::BLANK
};

pub(crate) static ZRANDMEMBER: Spec = Spec {
    name: "zrandmember",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns one or more random members from a sorted set.",
    complexity: "O(N) where N is the number of members returned",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    tips: &["nondeterministic_output"],
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "options",
            &[Arg::integer("count"), Arg::word("WITHSCORES").optional()],
        )
        .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZRANGE: Spec = Spec {
    name: "zrange",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Returns members in a sorted set within a range of indexes.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements returned.",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("start"),
        Arg::string("stop"),
        Arg::one_of("sortby", &[Arg::word("BYSCORE"), Arg::word("BYLEX")])
            .since("6.2.0")
            .optional(),
        Arg::word("REV").since("6.2.0").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .since("6.2.0")
            .optional(),
        Arg::word("WITHSCORES").optional(),
    ],
    history: &[(
        "6.2.0",
        "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.",
    )],
    ..Spec::BLANK
};

pub(crate) static ZRANGEBYLEX: Spec = Spec {
    name: "zrangebylex",
    group: Group::SortedSet,
    since: "2.8.9",
    summary: "Returns members in a sorted set within a lexicographical range.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements being returned. If M is constant (e.g. always asking for the first 10 \
        elements with LIMIT), you can consider it O(log(N)).",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("min"),
        Arg::string("max"),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`ZRANGE` with the `BYLEX` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static ZRANGEBYSCORE: Spec = Spec {
    name: "zrangebyscore",
    group: Group::SortedSet,
    since: "1.0.5",
    summary: "Returns members in a sorted set within a range of scores.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements being returned. If M is constant (e.g. always asking for the first 10 \
        elements with LIMIT), you can consider it O(log(N)).",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::double("min"),
        Arg::double("max"),
        Arg::word("WITHSCORES").since("2.0.0").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ],
    history: &[("2.0.0", "Added the `WITHSCORES` modifier.")],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`ZRANGE` with the `BYSCORE` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static ZRANGESTORE: Spec = Spec {
    name: "zrangestore",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Stores a range of members from sorted set in a key.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements stored into the destination key.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::STORED,
    args: &[
        Arg::key("dst", 0),
        Arg::key("src", 1),
        Arg::string("min"),
        Arg::string("max"),
        Arg::one_of("sortby", &[Arg::word("BYSCORE"), Arg::word("BYLEX")]).optional(),
        Arg::word("REV").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZRANK: Spec = Spec {
    name: "zrank",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Returns the index of a member in a sorted set ordered by ascending scores.",
    complexity: "O(log(N))",
    arity: -3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("member"),
        Arg::word("WITHSCORE").optional(),
    ],
    history: &[("7.2.0", "Added the optional `WITHSCORE` argument.")],
    ..Spec::BLANK
};

pub(crate) static ZREM: Spec = Spec {
    name: "zrem",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Removes one or more members from a sorted set. Deletes the sorted set if all \
        members were removed.",
    complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the \
        number of elements to be removed.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("member").multiple()],
    history: &[("2.4.0", "Accepts multiple elements.")],
    ..Spec::BLANK
};

pub(crate) static ZREMRANGEBYLEX: Spec = Spec {
    name: "zremrangebylex",
    group: Group::SortedSet,
    since: "2.8.9",
    summary: "Removes members in a sorted set within a lexicographical range. Deletes the sorted \
        set if all members were removed.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements removed by the operation.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("min"), Arg::string("max")],
    ..Spec::BLANK
};

pub(crate) static ZREMRANGEBYRANK: Spec = Spec {
    name: "zremrangebyrank",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Removes members in a sorted set within a range of indexes. Deletes the sorted set \
        if all members were removed.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements removed by the operation.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::REMOVED_FROM,
    args: &[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("stop"),
    ],
    ..Spec::BLANK
};

pub(crate) static ZREMRANGEBYSCORE: Spec = Spec {
    name: "zremrangebyscore",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Removes members in a sorted set within a range of scores. Deletes the sorted set if \
        all members were removed.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements removed by the operation.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::double("min"), Arg::double("max")],
    ..Spec::BLANK
};

pub(crate) static ZREVRANGE: Spec = Spec {
    name: "zrevrange",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Returns members in a sorted set within a range of indexes in reverse order.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements returned.",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("stop"),
        Arg::word("WITHSCORES").optional(),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`ZRANGE` with the `REV` argument",
    }),
    ..Spec::BLANK
};

pub(crate) static ZREVRANGEBYLEX: Spec = Spec {
    name: "zrevrangebylex",
    group: Group::SortedSet,
    since: "2.8.9",
    summary: "Returns members in a sorted set within a lexicographical range in reverse order.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements being returned. If M is constant (e.g. always asking for the first 10 \
        elements with LIMIT), you can consider it O(log(N)).",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("max"),
        Arg::string("min"),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`ZRANGE` with the `REV` and `BYLEX` arguments",
    }),
    ..Spec::BLANK
};

pub(crate) static ZREVRANGEBYSCORE: Spec = Spec {
    name: "zrevrangebyscore",
    group: Group::SortedSet,
    since: "2.2.0",
    summary: "Returns members in a sorted set within a range of scores in reverse order.",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
        number of elements being returned. If M is constant (e.g. always asking for the first 10 \
        elements with LIMIT), you can consider it O(log(N)).",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::double("max"),
        Arg::double("min"),
        Arg::word("WITHSCORES").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .optional(),
    ],
    history: &[("2.1.6", "`min` and `max` can be exclusive.")],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
    }),
    ..Spec::BLANK
};

pub(crate) static ZREVRANK: Spec = Spec {
    name: "zrevrank",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Returns the index of a member in a sorted set ordered by descending scores.",
    complexity: "O(log(N))",
    arity: -3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("member"),
        Arg::word("WITHSCORE").optional(),
    ],
    history: &[("7.2.0", "Added the optional `WITHSCORE` argument.")],
    ..Spec::BLANK
};

pub(crate) static ZSCAN: Spec = Spec {
    name: "zscan",
    group: Group::SortedSet,
    since: "2.8.0",
    summary: "Iterates over members and scores of a sorted set.",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
        calls for the cursor to return back to 0. N is the number of elements inside the \
        collection.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
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

pub(crate) static ZSCORE: Spec = Spec {
    name: "zscore",
    group: Group::SortedSet,
    since: "1.2.0",
    summary: "Returns the score of a member in a sorted set.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("member")],
    ..Spec::BLANK
};
