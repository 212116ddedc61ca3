//! Commands on JSON documents. Redis ships them as a module, whose name clients look for.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Deprecated, Group, KeySpec, Propagates, Spec};
use crate::spec::{modules, usual};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &ARRAPPEND, &ARRINDEX, &ARRINSERT, &ARRLEN, &ARRPOP, &ARRTRIM, &CLEAR, &DEBUG, &DEL, &FORGET,
    &GET, &MERGE, &MGET, &MSET, &NUMINCRBY, &NUMMULTBY, &NUMPOWBY, &OBJKEYS, &OBJLEN, &RESP, &SET,
    &STRAPPEND, &STRLEN, &TOGGLE, &TYPE,
];

/// What the rows have in common.
const COMMON: Spec = Spec {
    group: Group::Module,
    module: modules::JSON,
    acl: Categories::of(&[category::JSON]),
    ..Spec::BLANK
};

pub(crate) static ARRAPPEND: Spec = Spec {
    name: "json.arrappend",
    since: "1.0.0",
    summary: "Appends values to arrays.",
    complexity: "O(1) for each array that the path leads to.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::ADDED_TO,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value").multiple(),
    ],
    ..COMMON
};

pub(crate) static ARRINDEX: Spec = Spec {
    name: "json.arrindex",
    since: "1.0.0",
    summary: "Returns where a value is first found in arrays.",
    complexity: "O(N) where N is the size of the array.",
    arity: -4,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value"),
        Arg::block(
            "range",
            &[Arg::integer("start"), Arg::integer("stop").optional()],
        )
        .optional(),
    ],
    ..COMMON
};

pub(crate) static ARRINSERT: Spec = Spec {
    name: "json.arrinsert",
    since: "1.0.0",
    summary: "Inserts values into arrays, in front of an index.",
    complexity: "O(N) where N is the size of the array.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::ADDED_TO,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::integer("index"),
        Arg::string("value").multiple(),
    ],
    ..COMMON
};

pub(crate) static ARRLEN: Spec = Spec {
    name: "json.arrlen",
    since: "1.0.0",
    summary: "Returns the lengths of arrays.",
    complexity: "O(1) for each array that the path leads to.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static ARRPOP: Spec = Spec {
    name: "json.arrpop",
    since: "1.0.0",
    summary: "Removes an element from arrays and returns it.",
    complexity: "O(N) where N is the size of the array, O(1) for the last element.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    keys: usual::POPPED,
    args: &[
        Arg::key("key", 0),
        Arg::one_of(
            "format",
            &[
                Arg::word("STRING"),
                Arg::word("EXPAND1"),
                Arg::word("EXPAND"),
            ],
        )
        .token("FORMAT")
        .optional(),
        Arg::block(
            "place",
            &[Arg::string("path"), Arg::integer("index").optional()],
        )
        .optional(),
    ],
    ..COMMON
};

pub(crate) static ARRTRIM: Spec = Spec {
    name: "json.arrtrim",
    since: "1.0.0",
    summary: "Leaves only a range of elements in arrays.",
    complexity: "O(N) where N is the size of the array.",
    arity: 5,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    keys: usual::REMOVED_FROM,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::integer("start"),
        Arg::integer("stop"),
    ],
    ..COMMON
};

pub(crate) static CLEAR: Spec = Spec {
    name: "json.clear",
    since: "2.0.0",
    summary: "Empties arrays and objects, and sets numbers to zero.",
    complexity: "O(N) where N is the size of what is cleared.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static DEBUG: Spec = Spec {
    name: "json.debug",
    since: "1.0.0",
    summary: "Tells how much memory values take, or which subcommands there are.",
    complexity: "O(N) where N is the size of the value.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY, flag::NO_MANDATORY_KEYS]),
    keys: usual::SUB_READ,
    args: &[Arg::one_of(
        "subcommand",
        &[
            Arg::word("HELP"),
            Arg::block(
                "memory",
                &[Arg::key("key", 0), Arg::string("path").optional()],
            )
            .token("MEMORY"),
        ],
    )],
    ..COMMON
};

pub(crate) static DEL: Spec = Spec {
    name: "json.del",
    since: "1.0.0",
    summary: "Removes values.",
    complexity: "O(N) where N is the size of what is removed.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static FORGET: Spec = Spec {
    name: "json.forget",
    since: "1.0.0",
    summary: "Removes values.",
    complexity: "O(N) where N is the size of what is removed.",
    arity: -2,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    keys: usual::REMOVED_FROM,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static GET: Spec = Spec {
    name: "json.get",
    since: "1.0.0",
    summary: "Returns values as JSON.",
    complexity: "O(N) where N is the size of the values.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("indent").token("INDENT").optional(),
        Arg::string("newline").token("NEWLINE").optional(),
        Arg::string("space").token("SPACE").optional(),
        Arg::word("NOESCAPE").optional(),
        Arg::one_of(
            "format",
            &[
                Arg::word("STRING"),
                Arg::word("EXPAND1"),
                Arg::word("EXPAND"),
            ],
        )
        .token("FORMAT")
        .optional(),
        Arg::string("path").optional().multiple(),
    ],
    ..COMMON
};

pub(crate) static MERGE: Spec = Spec {
    name: "json.merge",
    since: "2.6.0",
    summary: "Merges a JSON value into values.",
    complexity: "O(M+N) where M and N are the sizes of both values.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value"),
    ],
    ..COMMON
};

pub(crate) static MGET: Spec = Spec {
    name: "json.mget",
    since: "1.0.0",
    summary: "Returns values at the same path of several keys.",
    complexity: "O(M*N) where M is the number of keys and N the size of the values.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    keys: &[KeySpec::at(1).to(-2).flags(&[key::RO, key::ACCESS])],
    args: &[Arg::key("key", 0).multiple(), Arg::string("path")],
    ..COMMON
};

pub(crate) static MSET: Spec = Spec {
    name: "json.mset",
    since: "2.6.0",
    summary: "Sets values of several keys.",
    complexity: "O(K*(M+N)) where K is the number of keys, and M and N the sizes of old and new values.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: &[KeySpec::at(1).to(-1).step(3).flags(&[key::RW, key::UPDATE])],
    args: &[Arg::block(
        "triplet",
        &[
            Arg::key("key", 0),
            Arg::string("path"),
            Arg::string("value"),
        ],
    )
    .multiple()],
    ..COMMON
};

pub(crate) static NUMINCRBY: Spec = Spec {
    name: "json.numincrby",
    since: "1.0.0",
    summary: "Adds to numbers.",
    complexity: "O(1) for each number that the path leads to.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value"),
    ],
    ..COMMON
};

pub(crate) static NUMMULTBY: Spec = Spec {
    name: "json.nummultby",
    since: "1.0.0",
    summary: "Multiplies numbers.",
    complexity: "O(1) for each number that the path leads to.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value"),
    ],
    ..COMMON
};

pub(crate) static NUMPOWBY: Spec = Spec {
    name: "json.numpowby",
    since: "1.0.0",
    summary: "Raises numbers to a power.",
    complexity: "O(1) for each number that the path leads to.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::READ_UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value"),
    ],
    ..COMMON
};

pub(crate) static OBJKEYS: Spec = Spec {
    name: "json.objkeys",
    since: "1.0.0",
    summary: "Returns the names of the fields of objects.",
    complexity: "O(N) where N is the number of fields.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static OBJLEN: Spec = Spec {
    name: "json.objlen",
    since: "1.0.0",
    summary: "Returns how many fields objects have.",
    complexity: "O(1) for each object that the path leads to.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static RESP: Spec = Spec {
    name: "json.resp",
    since: "1.0.0",
    summary: "Returns values as nested replies.",
    complexity: "O(N) where N is the size of the values.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    deprecated: Some(Deprecated {
        since: "2.6.0",
        replaced_by: "`JSON.GET`",
    }),
    ..COMMON
};

pub(crate) static SET: Spec = Spec {
    name: "json.set",
    since: "1.0.0",
    summary: "Sets values.",
    complexity: "O(M+N) where M is the size of the old value and N that of the new one.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: &[KeySpec::at(1).flags(&[key::RW, key::UPDATE])],
    args: &[
        Arg::key("key", 0),
        Arg::string("path"),
        Arg::string("value"),
        Arg::one_of("condition", &[Arg::word("NX"), Arg::word("XX")]).optional(),
        Arg::one_of(
            "precision",
            &[
                Arg::word("BF16"),
                Arg::word("FP16"),
                Arg::word("FP32"),
                Arg::word("FP64"),
            ],
        )
        .token("FPHA")
        .optional()
        .since("8.8.0"),
    ],
    ..COMMON
};

pub(crate) static STRAPPEND: Spec = Spec {
    name: "json.strappend",
    since: "1.0.0",
    summary: "Appends to strings.",
    complexity: "O(N) where N is the length of the string.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    keys: usual::ADDED_TO,
    args: &[
        Arg::key("key", 0),
        Arg::string("path").optional(),
        Arg::string("value"),
    ],
    ..COMMON
};

pub(crate) static STRLEN: Spec = Spec {
    name: "json.strlen",
    since: "1.0.0",
    summary: "Returns the lengths of strings.",
    complexity: "O(1) for each string that the path leads to.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};

pub(crate) static TOGGLE: Spec = Spec {
    name: "json.toggle",
    since: "2.0.0",
    summary: "Turns booleans over.",
    complexity: "O(1) for each boolean that the path leads to.",
    arity: 3,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    keys: usual::READ_UPDATED,
    args: &[Arg::key("key", 0), Arg::string("path")],
    ..COMMON
};

pub(crate) static TYPE: Spec = Spec {
    name: "json.type",
    since: "1.0.0",
    summary: "Returns the types of values.",
    complexity: "O(1) for each value that the path leads to.",
    arity: -2,
    flags: Flags::of(&[flag::READONLY]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0), Arg::string("path").optional()],
    ..COMMON
};
