//! Commands on lists, at either end and in between, and those that wait for an element.

use crate::spec::flags::{Categories, Flags, category, flag, key};
use crate::spec::model::{Arg, Deprecated, Group, KeySpec, Propagates, Spec};
use crate::spec::usual;

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &BLMOVE,
    &BLMPOP,
    &BLPOP,
    &BRPOP,
    &BRPOPLPUSH,
    &LINDEX,
    &LINSERT,
    &LLEN,
    &LMOVE,
    &LMPOP,
    &LPOP,
    &LPOS,
    &LPUSH,
    &LPUSHX,
    &LRANGE,
    &LREM,
    &LSET,
    &LTRIM,
    &RPOP,
    &RPOPLPUSH,
    &RPUSH,
    &RPUSHX,
];

pub(crate) static BLMOVE: Spec = Spec {
    name: "blmove",
    group: Group::List,
    since: "6.2.0",
    summary: "Pops an element from a list, pushes it to another list and returns it. Blocks until \
        an element is available otherwise. Deletes the list if the last element was moved.",
    complexity: "O(1)",
    arity: 6,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ELEMENT_MOVED,
    args: &[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::one_of("wherefrom", &[Arg::word("LEFT"), Arg::word("RIGHT")]),
        Arg::one_of("whereto", &[Arg::word("LEFT"), Arg::word("RIGHT")]),
        Arg::double("timeout"),
    ],
    ..Spec::BLANK
};

pub(crate) static BLMPOP: Spec = Spec {
    name: "blmpop",
    group: Group::List,
    since: "7.0.0",
    summary: "Pops the first element from one of multiple lists. Blocks until an element is \
        available otherwise. Deletes the list if the last element was popped.",
    complexity: "O(N+M) where N is the number of provided keys and M is the number of elements \
        returned.",
    arity: -5,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::LIST]),
    keys: &[KeySpec::counted_at(2).flags(&[key::RW, key::ACCESS, key::DELETE])],
    args: &[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::one_of("where", &[Arg::word("LEFT"), Arg::word("RIGHT")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static BLPOP: Spec = Spec {
    name: "blpop",
    group: Group::List,
    since: "2.0.0",
    summary: "Removes and returns the first element in a list. Blocks until an element is \
        available otherwise. Deletes the list if the last element was popped.",
    complexity: "O(N) where N is the number of provided keys.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ALL_POPPED,
    args: &[Arg::key("key", 0).multiple(), Arg::double("timeout")],
    history: &[(
        "6.0.0",
        "`timeout` is interpreted as a double instead of an integer.",
    )],
    ..Spec::BLANK
};

pub(crate) static BRPOP: Spec = Spec {
    name: "brpop",
    group: Group::List,
    since: "2.0.0",
    summary: "Removes and returns the last element in a list. Blocks until an element is \
        available otherwise. Deletes the list if the last element was popped.",
    complexity: "O(N) where N is the number of provided keys.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ALL_POPPED,
    args: &[Arg::key("key", 0).multiple(), Arg::double("timeout")],
    history: &[(
        "6.0.0",
        "`timeout` is interpreted as a double instead of an integer.",
    )],
    ..Spec::BLANK
};

pub(crate) static BRPOPLPUSH: Spec = Spec {
    name: "brpoplpush",
    group: Group::List,
    since: "2.2.0",
    summary: "Pops an element from a list, pushes it to another list and returns it. Block until \
        an element is available otherwise. Deletes the list if the last element was popped.",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::BLOCKING]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ELEMENT_MOVED,
    args: &[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::double("timeout"),
    ],
    history: &[(
        "6.0.0",
        "`timeout` is interpreted as a double instead of an integer.",
    )],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
    }),
    ..Spec::BLANK
};

pub(crate) static LINDEX: Spec = Spec {
    name: "lindex",
    group: Group::List,
    since: "1.0.0",
    summary: "Returns an element from a list by its index.",
    complexity: "O(N) where N is the number of elements to traverse to get to the element at \
        index. This makes asking for the first or the last element of the list O(1).",
    arity: 3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::LIST]),
    keys: usual::READ,
    args: &[Arg::key("key", 0), Arg::integer("index")],
    ..Spec::BLANK
};

pub(crate) static LINSERT: Spec = Spec {
    name: "linsert",
    group: Group::List,
    since: "2.2.0",
    summary: "Inserts an element before or after another element in a list.",
    complexity: "O(N) where N is the number of elements to traverse before seeing the value \
        pivot. This means that inserting somewhere on the left end on the list (head) can be \
        considered O(1) and inserting somewhere on the right end (tail) is O(N).",
    arity: 5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ADDED_TO,
    args: &[
        Arg::key("key", 0),
        Arg::one_of("where", &[Arg::word("BEFORE"), Arg::word("AFTER")]),
        Arg::string("pivot"),
        Arg::string("element"),
    ],
    ..Spec::BLANK
};

pub(crate) static LLEN: Spec = Spec {
    name: "llen",
    group: Group::List,
    since: "1.0.0",
    summary: "Returns the length of a list.",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::of(&[flag::READONLY, flag::FAST]),
    acl: Categories::of(&[category::LIST]),
    keys: usual::LOOKED_AT,
    args: &[Arg::key("key", 0)],
    ..Spec::BLANK
};

pub(crate) static LMOVE: Spec = Spec {
    name: "lmove",
    group: Group::List,
    since: "6.2.0",
    summary: "Returns an element after popping it from one list and pushing it to another. \
        Deletes the list if the last element was moved.",
    complexity: "O(1)",
    arity: 5,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ELEMENT_MOVED,
    args: &[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::one_of("wherefrom", &[Arg::word("LEFT"), Arg::word("RIGHT")]),
        Arg::one_of("whereto", &[Arg::word("LEFT"), Arg::word("RIGHT")]),
    ],
    ..Spec::BLANK
};

pub(crate) static LMPOP: Spec = Spec {
    name: "lmpop",
    group: Group::List,
    since: "7.0.0",
    summary: "Returns multiple elements from a list after removing them. Deletes the list if the \
        last element was popped.",
    complexity: "O(N+M) where N is the number of provided keys and M is the number of elements \
        returned.",
    arity: -4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::Instead,
    acl: Categories::of(&[category::LIST]),
    keys: &[KeySpec::counted_at(1).flags(&[key::RW, key::ACCESS, key::DELETE])],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::one_of("where", &[Arg::word("LEFT"), Arg::word("RIGHT")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static LPOP: Spec = Spec {
    name: "lpop",
    group: Group::List,
    since: "1.0.0",
    summary: "Returns the first elements in a list after removing it. Deletes the list if the \
        last element was popped.",
    complexity: "O(N) where N is the number of elements returned",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::POPPED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("count").since("6.2.0").optional(),
    ],
    history: &[("6.2.0", "Added the `count` argument.")],
    ..Spec::BLANK
};

pub(crate) static LPOS: Spec = Spec {
    name: "lpos",
    group: Group::List,
    since: "6.0.6",
    summary: "Returns the index of matching elements in a list.",
    complexity: "O(N) where N is the number of elements in the list, for the average case. When \
        searching for elements near the head or the tail of the list, or when the MAXLEN option \
        is provided, the command may run in constant time.",
    arity: -3,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::LIST]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::string("element"),
        Arg::integer("rank").token("RANK").optional(),
        Arg::integer("num-matches").token("COUNT").optional(),
        Arg::integer("len").token("MAXLEN").optional(),
    ],
    ..Spec::BLANK
};

pub(crate) static LPUSH: Spec = Spec {
    name: "lpush",
    group: Group::List,
    since: "1.0.0",
    summary: "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is \
        called with multiple arguments.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ADDED_TO,
    args: &[Arg::key("key", 0), Arg::string("element").multiple()],
    history: &[("2.4.0", "Accepts multiple `element` arguments.")],
    ..Spec::BLANK
};

pub(crate) static LPUSHX: Spec = Spec {
    name: "lpushx",
    group: Group::List,
    since: "2.2.0",
    summary: "Prepends one or more elements to a list only when the list exists.",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is \
        called with multiple arguments.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ADDED_TO,
    args: &[Arg::key("key", 0), Arg::string("element").multiple()],
    history: &[("4.0.0", "Accepts multiple `element` arguments.")],
    ..Spec::BLANK
};

pub(crate) static LRANGE: Spec = Spec {
    name: "lrange",
    group: Group::List,
    since: "1.0.0",
    summary: "Returns a range of elements from a list.",
    complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from \
        nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the \
        specified range.",
    arity: 4,
    flags: Flags::of(&[flag::READONLY]),
    acl: Categories::of(&[category::LIST]),
    keys: usual::READ,
    args: &[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("stop"),
    ],
    ..Spec::BLANK
};

pub(crate) static LREM: Spec = Spec {
    name: "lrem",
    group: Group::List,
    since: "1.0.0",
    summary: "Removes elements from a list. Deletes the list if the last element was removed.",
    complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::REMOVED_FROM,
    args: &[
        Arg::key("key", 0),
        Arg::integer("count"),
        Arg::string("element"),
    ],
    ..Spec::BLANK
};

pub(crate) static LSET: Spec = Spec {
    name: "lset",
    group: Group::List,
    since: "1.0.0",
    summary: "Sets the value of an element in a list by its index.",
    complexity: "O(N) where N is the length of the list. Setting either the first or the last \
        element of the list is O(1).",
    arity: 4,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::UPDATED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("index"),
        Arg::string("element"),
    ],
    ..Spec::BLANK
};

pub(crate) static LTRIM: Spec = Spec {
    name: "ltrim",
    group: Group::List,
    since: "1.0.0",
    summary: "Removes elements from both ends a list. Deletes the list if all elements were \
        trimmed.",
    complexity: "O(N) where N is the number of elements to be removed by the operation.",
    arity: 4,
    flags: Flags::of(&[flag::WRITE]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::REMOVED_FROM,
    args: &[
        Arg::key("key", 0),
        Arg::integer("start"),
        Arg::integer("stop"),
    ],
    ..Spec::BLANK
};

pub(crate) static RPOP: Spec = Spec {
    name: "rpop",
    group: Group::List,
    since: "1.0.0",
    summary: "Returns and removes the last elements of a list. Deletes the list if the last \
        element was popped.",
    complexity: "O(N) where N is the number of elements returned",
    arity: -2,
    flags: Flags::of(&[flag::WRITE, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::POPPED,
    args: &[
        Arg::key("key", 0),
        Arg::integer("count").since("6.2.0").optional(),
    ],
    history: &[("6.2.0", "Added the `count` argument.")],
    ..Spec::BLANK
};

pub(crate) static RPOPLPUSH: Spec = Spec {
    name: "rpoplpush",
    group: Group::List,
    since: "1.2.0",
    summary: "Returns the last element of a list after removing and pushing it to another list. \
        Deletes the list if the last element was popped.",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ELEMENT_MOVED,
    args: &[Arg::key("source", 0), Arg::key("destination", 1)],
    deprecated: Some(Deprecated {
        since: "6.2.0",
        replaced_by: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
    }),
    ..Spec::BLANK
};

pub(crate) static RPUSH: Spec = Spec {
    name: "rpush",
    group: Group::List,
    since: "1.0.0",
    summary: "Appends one or more elements to a list. Creates the key if it doesn't exist.",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is \
        called with multiple arguments.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ADDED_TO,
    args: &[Arg::key("key", 0), Arg::string("element").multiple()],
    history: &[("2.4.0", "Accepts multiple `element` arguments.")],
    ..Spec::BLANK
};

pub(crate) static RPUSHX: Spec = Spec {
    name: "rpushx",
    group: Group::List,
    since: "2.2.0",
    summary: "Appends an element to a list only when the list exists.",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is \
        called with multiple arguments.",
    arity: -3,
    flags: Flags::of(&[flag::WRITE, flag::DENYOOM, flag::FAST]),
    propagates: Propagates::AsReceived,
    acl: Categories::of(&[category::LIST]),
    keys: usual::ADDED_TO,
    args: &[Arg::key("key", 0), Arg::string("element").multiple()],
    history: &[("4.0.0", "Accepts multiple `element` arguments.")],
    ..Spec::BLANK
};
