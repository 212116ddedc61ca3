//! Commands that compute with several sorted sets.

use crate::spec::flags::{Categories, Flags, category, flag};
use crate::spec::model::{Arg, Group, Propagates, Spec};
use crate::spec::usual;

pub(crate) static ZDIFF: Spec = Spec {
    name: "zdiff",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns the difference between multiple sorted sets.",
    complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
        sets, N is the size of the first set, and K is the size of the result set.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_READ,
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::word("WITHSCORES").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZDIFFSTORE: Spec = Spec {
    name: "zdiffstore",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Stores the difference of multiple sorted sets in a key.",
    complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
        sets, N is the size of the first set, and K is the size of the result set.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_STORED,
    args: &[
        Arg::key("destination", 0),
        Arg::integer("numkeys"),
        Arg::key("key", 1).multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZINTER: Spec = Spec {
    name: "zinter",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns the intersect of multiple sorted sets.",
    complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
        being the number of input sorted sets and M being the number of elements in the resulting \
        sorted set.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_READ,
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::integer("weight")
            .token("WEIGHTS")
            .optional()
            .multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::word("SUM"), Arg::word("MIN"), Arg::word("MAX")],
        )
        .token("AGGREGATE")
        .optional(),
        Arg::word("WITHSCORES").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZINTERCARD: Spec = Spec {
    name: "zintercard",
    group: Group::SortedSet,
    since: "7.0.0",
    summary: "Returns the number of members of the intersect of multiple sorted sets.",
    complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number \
        of input sorted sets.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_READ,
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZINTERSTORE: Spec = Spec {
    name: "zinterstore",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Stores the intersect of multiple sorted sets in a key.",
    complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
        being the number of input sorted sets and M being the number of elements in the resulting \
        sorted set.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_STORED,
    args: &[
        Arg::key("destination", 0),
        Arg::integer("numkeys"),
        Arg::key("key", 1).multiple(),
        Arg::integer("weight")
            .token("WEIGHTS")
            .optional()
            .multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::word("SUM"), Arg::word("MIN"), Arg::word("MAX")],
        )
        .token("AGGREGATE")
        .optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZUNION: Spec = Spec {
    name: "zunion",
    group: Group::SortedSet,
    since: "6.2.0",
    summary: "Returns the union of multiple sorted sets.",
    complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and \
        M being the number of elements in the resulting sorted set.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_READ,
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::integer("weight")
            .token("WEIGHTS")
            .optional()
            .multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::word("SUM"), Arg::word("MIN"), Arg::word("MAX")],
        )
        .token("AGGREGATE")
        .optional(),
        Arg::word("WITHSCORES").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static ZUNIONSTORE: Spec = Spec {
    name: "zunionstore",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Stores the union of multiple sorted sets in a key.",
    complexity: "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and \
        M being the number of elements in the resulting sorted set.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::SORTEDSET]),
    keys: usual::COUNTED_STORED,
    args: &[
        Arg::key("destination", 0),
        Arg::integer("numkeys"),
        Arg::key("key", 1).multiple(),
        Arg::integer("weight")
            .token("WEIGHTS")
            .optional()
            .multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::word("SUM"), Arg::word("MIN"), Arg::word("MAX")],
        )
        .token("AGGREGATE")
        .optional(),
    ],
    ..Spec::BLANK
};
