//! Commands that see a string as a row of bits.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Group, KeyRule, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &BITCOUNT,
    &BITFIELD,
    &BITFIELD_RO,
    &BITOP,
    &BITPOS,
    &GETBIT,
    &SETBIT,
];

pub(crate) static BITCOUNT: Spec = Spec {
    name: "bitcount",
    group: Group::Bitmap,
    since: "2.6.0",
    summary: "Counts the number of set bits (population counting) in a string.",
    complexity: "O(N)",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::BITMAP]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "range",
            &[
                Arg::integer("start"),
                Arg::integer("end"),
                Arg::one_of("unit", &[Arg::word("BYTE"), Arg::word("BIT")])
                    .since("7.0.0")
                    .optional(),
            ],
        )
        .optional(),
    ],
    history: &[("7.0.0", "Added the `BYTE|BIT` option.")],
    ..Spec::BLANK
};

pub(crate) static BITFIELD: Spec = Spec {
    name: "bitfield",
    group: Group::Bitmap,
    since: "3.2.0",
    summary: "Performs arbitrary bitfield integer operations on strings.",
    complexity: "O(1) for each subcommand specified",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::BITMAP]),
    keys: &[KeySpec::at(1)
        .flags(&[key::RW, key::ACCESS, key::UPDATE, key::VARIABLE_FLAGS])
        .note("This command allows both access and modification of the key")],
    key_rule: Some(KeyRule::Bitfield),
    args: &[
        Arg::key("key", 0),
        Arg::one_of(
            "operation",
            &[
                Arg::block(
                    "get-block",
                    &[Arg::string("encoding"), Arg::integer("offset")],
                )
                .token("GET"),
                Arg::block(
                    "write",
                    &[
                        Arg::one_of(
                            "overflow-block",
                            &[Arg::word("WRAP"), Arg::word("SAT"), Arg::word("FAIL")],
                        )
                        .token("OVERFLOW")
                        .optional(),
                        Arg::one_of(
                            "write-operation",
                            &[
                                Arg::block(
                                    "set-block",
                                    &[
                                        Arg::string("encoding"),
                                        Arg::integer("offset"),
                                        Arg::integer("value"),
                                    ],
                                )
                                .token("SET"),
                                Arg::block(
                                    "incrby-block",
                                    &[
                                        Arg::string("encoding"),
                                        Arg::integer("offset"),
                                        Arg::integer("increment"),
                                    ],
                                )
                                .token("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        )
        .optional()
        .multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static BITFIELD_RO: Spec = Spec {
    name: "bitfield_ro",
    group: Group::Bitmap,
    since: "6.0.0",
    summary: "Performs arbitrary read-only bitfield integer operations on strings.",
    complexity: "O(1) for each subcommand specified",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::BITMAP]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::block(
            "get-block",
            &[Arg::string("encoding"), Arg::integer("offset")],
        )
        .token("GET")
        .optional()
        .multiple_token(),
    ],
    ..Spec::BLANK
};

pub(crate) static BITOP: Spec = Spec {
    name: "bitop",
    group: Group::Bitmap,
    since: "2.6.0",
    summary: "Performs bitwise operations on multiple strings, and stores the result.",
    complexity: "O(N)",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::BITMAP]),
    keys: &[
        KeySpec::at(2).flags(&[key::OW, key::UPDATE]),
        KeySpec::at(3).to(-1).flags(&[key::RO, key::ACCESS]),
    ],
    args: &[
        Arg::one_of(
            "operation",
            &[
                Arg::word("AND"),
                Arg::word("OR"),
                Arg::word("XOR"),
                Arg::word("NOT"),
            ],
        ),
        Arg::key("destkey", 0),
        Arg::key("key", 1).multiple(),
    ],
    ..Spec::BLANK
};

pub(crate) static BITPOS: Spec = Spec {
    name: "bitpos",
    group: Group::Bitmap,
    since: "2.8.7",
    summary: "Finds the first set (1) or clear (0) bit in a string.",
    complexity: "O(N)",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::BITMAP]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("bit"),
        Arg::block(
            "range",
            &[
                Arg::integer("start"),
                Arg::block(
                    "end-unit-block",
                    &[
                        Arg::integer("end"),
                        Arg::one_of("unit", &[Arg::word("BYTE"), Arg::word("BIT")])
                            .since("7.0.0")
                            .optional(),
                    ],
                )
                .optional(),
            ],
        )
        .optional(),
    ],
    history: &[("7.0.0", "Added the `BYTE|BIT` option.")],
    ..Spec::BLANK
};

pub(crate) static GETBIT: Spec = Spec {
    name: "getbit",
    group: Group::Bitmap,
    since: "2.2.0",
    summary: "Returns a bit value by offset.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::BITMAP]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::integer("offset")],
    ..Spec::BLANK
};

pub(crate) static SETBIT: Spec = Spec {
    name: "setbit",
    group: Group::Bitmap,
    since: "2.2.0",
    summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't \
        exist.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::BITMAP]),
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("offset"),
        Arg::integer("value"),
    ],
    ..Spec::BLANK
};
