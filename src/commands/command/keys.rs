//! COMMAND GETKEYS and GETKEYSANDFLAGS: which words of a request are keys, for a client that does not know the command.

use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::flags::flag;
use crate::spec::keys::{self, KeyAt, Wanted, Words};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::info::words;

/// Whether each key comes with what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Names,
    NamesAndFlags,
}

/// `request` is the request asked about; `spec` its command, if there is one.
pub(crate) fn keys(
    reply: &mut Reply<'_>,
    spec: Option<&Spec>,
    request: Args<'_>,
    detail: Detail,
) -> Result<(), Error> {
    let spec = spec.ok_or("ERR Invalid command specified")?;
    if !keys::has_keys(spec) {
        return Err("ERR The command has no key arguments".into());
    }
    if !spec.takes(request.len()) {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    let mut found = Vec::new();
    keys::extract(spec, &request, Wanted::Keys, &mut found);
    if found.is_empty() && !spec.flags.has(flag::NO_MANDATORY_KEYS) {
        return Err("ERR Invalid arguments specified for command".into());
    }
    reply.array(found.len());
    for KeyAt { index, flags } in found {
        if detail == Detail::NamesAndFlags {
            reply.array(2);
        }
        reply.bulk(request.at(index));
        if detail == Detail::NamesAndFlags {
            words(reply, flags.names());
        }
    }
    Ok(())
}

impl Words for Args<'_> {
    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn word(&self, index: usize) -> &[u8] {
        self.at(index)
    }
}
