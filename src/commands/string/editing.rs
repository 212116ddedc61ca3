//! Strings that are changed where they are.
//!
//! An edited string is reported as `raw`, as in Redis, and is not looked at again for being a number. A short string
//! lives in its entry and is edited there as long as its length stays; a long one is edited in its own buffer unless
//! somebody else (an output, a snapshot) still holds that, and grows ahead of need, so that APPEND in a loop stays
//! linear.

use std::sync::Arc;

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, New, Site, Until, text};
use crate::spec::error::Error;
use crate::store::{INLINE_MAX, PayloadMut, STRING_BYTES_MAX};
use crate::types::Value;
use crate::types::string::{append as append_to, extend_to};
use crate::wire::args::Args;

use super::super::options::integer;

/// SETRANGE key offset value
pub(crate) fn setrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let offset = integer(args.at(2))?;
    let value = args.at(3);
    if offset < 0 {
        return Err(Error::OffsetOutOfRange);
    }
    let site = ctx.keys.site(key);
    let old_len = match site.spot() {
        Some(spot) => ctx.keys.text(spot)?.len(),
        None => 0,
    };
    // `SETRANGE key 5 ""` writes nothing: a missing key stays missing, and no offset is too large.
    if value.is_empty() {
        ctx.reply.count(old_len);
        return Ok(());
    }
    let start = offset as usize;
    let end = new_len(ctx, start, value.len())?;
    edit_within(ctx, site, end, |bytes| {
        bytes[start..end].copy_from_slice(value)
    })?;
    ctx.keys.changed(key, Event::SETRANGE, 1);
    ctx.reply.count(end.max(old_len));
    Ok(())
}

/// APPEND key value
pub(crate) fn append(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(2));
    let site = ctx.keys.site(key);
    let len = if let Some(spot) = site.spot() {
        let old_len = ctx.keys.text(spot)?.len();
        let len = new_len(ctx, old_len, value.len())?;
        edit(ctx, site, len, |bytes| append_to(bytes, value))?
    } else {
        // APPEND to a missing key is a SET: a number is kept as a number until something is appended to it.
        let new = text::whole(value, || args.shared(2));
        ctx.keys.put(site, new, Until::Never);
        value.len()
    };
    ctx.keys.changed(key, Event::APPEND, 1);
    ctx.reply.count(len);
    Ok(())
}

/// The length a string would have, if that is allowed.
fn new_len(ctx: &Ctx<'_>, start: usize, extra: usize) -> Result<usize, Error> {
    start
        .checked_add(extra)
        .filter(|len| *len <= len_max(ctx))
        .ok_or(Error::StringTooLong)
}

/// How long a command may make a string. The log is followed as far as the store can hold its strings.
pub(crate) fn len_max(ctx: &Ctx<'_>) -> usize {
    if ctx.is_replay() {
        STRING_BYTES_MAX
    } else {
        ctx.services.config.proto_max_bulk_len as usize
    }
}

/// Changes a string, its length too, and returns its new length. `len` is what that will be at least.
pub(crate) fn edit(
    ctx: &mut Ctx<'_>,
    site: Site<'_>,
    len: usize,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<usize, Error> {
    let found = site.spot();
    if let Some(spot) = found
        && let PayloadMut::Object(value) = ctx.keys.payload_mut(spot)
    {
        let Value::Str(bytes) = value else {
            return Err(Error::WrongType);
        };
        let bytes = Arc::make_mut(bytes);
        change(bytes);
        let len = bytes.len();
        ctx.keys.touch(spot);
        return Ok(len);
    }
    let mut bytes = Vec::with_capacity(len);
    if let Some(spot) = found {
        bytes.extend_from_slice(ctx.keys.text(spot)?.bytes(&mut [0; 20]));
    }
    change(&mut bytes);
    let len = bytes.len();
    if len <= INLINE_MAX {
        ctx.keys.put(site, New::InlineRaw(&bytes), Until::Kept);
    } else {
        let new = New::Object(Value::Str(Arc::new(bytes)));
        ctx.keys.put(site, new, Until::Kept);
    }
    Ok(len)
}

/// Makes a string at least `len` bytes long, with zeros, and changes bytes of it.
pub(crate) fn edit_within<R>(
    ctx: &mut Ctx<'_>,
    site: Site<'_>,
    len: usize,
    change: impl FnOnce(&mut [u8]) -> R,
) -> Result<R, Error> {
    if let Some(spot) = site.spot()
        && let Some(bytes) = ctx.keys.edit_inline(spot)
        && bytes.len() >= len
    {
        let result = change(bytes);
        ctx.keys.touch(spot);
        return Ok(result);
    }
    let mut result = None;
    edit(ctx, site, len, |bytes| {
        extend_to(bytes, len);
        result = Some(change(bytes));
    })?;
    Ok(result.expect("the change was made"))
}
