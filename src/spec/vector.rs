//! Commands on vector sets.
//!
//! Redis has them as a module that is built in. So COMMAND shows them in capitals, knows nothing of their grammar, and
//! takes any number of words: each command counts for itself. They are in no ACL category either.

use crate::spec::flags::{Flags, flag};
use crate::spec::model::{Group, Propagates, Spec};
use crate::spec::{modules, usual};

/// The top-level commands of this file.
pub(crate) static ROWS: &[&Spec] = &[
    &VADD,
    &VCARD,
    &VDIM,
    &VEMB,
    &VGETATTR,
    &VINFO,
    &VISMEMBER,
    &VLINKS,
    &VRANDMEMBER,
    &VRANGE,
    &VREM,
    &VSETATTR,
    &VSIM,
];

pub(crate) static VADD: Spec = write("vadd", "VADD", flag::DENYOOM.with(flag::ASKS_ANOTHER));
pub(crate) static VCARD: Spec = read("vcard", "VCARD", flag::FAST);
pub(crate) static VDIM: Spec = read("vdim", "VDIM", flag::FAST);
pub(crate) static VEMB: Spec = read("vemb", "VEMB", flag::FAST);
pub(crate) static VGETATTR: Spec = read("vgetattr", "VGETATTR", flag::FAST);
pub(crate) static VINFO: Spec = read("vinfo", "VINFO", flag::FAST);
pub(crate) static VISMEMBER: Spec = read("vismember", "VISMEMBER", Flags::NONE);
pub(crate) static VLINKS: Spec = read("vlinks", "VLINKS", flag::FAST);
pub(crate) static VRANDMEMBER: Spec = read("vrandmember", "VRANDMEMBER", Flags::NONE);
/// Of Redis 8.4.
pub(crate) static VRANGE: Spec = read("vrange", "VRANGE", Flags::NONE);
pub(crate) static VREM: Spec = write("vrem", "VREM", Flags::NONE);
pub(crate) static VSETATTR: Spec = write("vsetattr", "VSETATTR", flag::FAST);
pub(crate) static VSIM: Spec = read("vsim", "VSIM", flag::ASKS_ANOTHER);

const fn read(name: &'static str, shown: &'static str, flags: Flags) -> Spec {
    any(name, shown, flags.with(flag::READONLY))
}

const fn write(name: &'static str, shown: &'static str, flags: Flags) -> Spec {
    Spec {
        propagates: Propagates::AsReceived,
        ..any(name, shown, flags.with(flag::WRITE))
    }
}

/// What all of them have in common. Whoever registers a command with the module interface says nothing of what it does
/// with its key, so the worst is assumed.
const fn any(name: &'static str, shown: &'static str, flags: Flags) -> Spec {
    Spec {
        name,
        shown,
        group: Group::Module,
        module: modules::VECTORS,
        arity: -1,
        flags,
        keys: usual::READ_UPDATED,
        ..Spec::BLANK
    }
}
