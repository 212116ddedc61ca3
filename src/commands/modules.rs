//! Types that Redis ships as modules, as clients are told of them.
//!
//! MODULE LIST, HELLO and INFO name them, and clients turn parts of their interface on by that. There is nothing else
//! to them here: the commands and values are like all others.

use std::fmt::Write as _;

use crate::spec::modules::{MODULES, Module};
use crate::wire::reply::Reply;

/// What is built in, as MODULE LIST and HELLO tell it.
pub(crate) fn list_modules(reply: &mut Reply<'_>) {
    reply.array(MODULES.len());
    for module in MODULES {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(module.name.as_bytes());
        reply.bulk(b"ver");
        reply.integer(module.version);
        reply.bulk(b"path");
        reply.bulk(b"");
        reply.bulk(b"args");
        reply.array(0);
    }
}

/// The section of INFO.
pub(crate) fn info(out: &mut String) {
    for module in MODULES {
        let Module {
            name,
            version,
            options,
        } = module;
        let _ = write!(
            out,
            "module:name={name},ver={version},api=1,filters=0,usedby=[],using=[],options=[{options}]\r\n"
        );
    }
}
