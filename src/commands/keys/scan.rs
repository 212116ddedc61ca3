//! Walking over the keys: SCAN, KEYS, RANDOMKEY.

use crate::base::text::up_to_nul;
use crate::base::{glob, num};
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Expiry;
use crate::keyspace::db::kind_of;
use crate::spec::error::Error;
use crate::types::Kind;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::options::{integer, is};

/// The filters of SCAN and its relatives, and how much they do in one call.
pub(crate) struct ScanOptions<'a> {
    pub(crate) pattern: Option<&'a [u8]>,
    pub(crate) count: usize,
    pub(crate) kind: Asked,
    /// HSCAN NOVALUES
    pub(crate) no_values: bool,
}

/// The kind of value that TYPE asks for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    Any,
    Kind(Kind),
    /// A word that names no kind: no key is of it.
    Unknown,
}

impl Asked {
    fn takes(self, kind: Kind) -> bool {
        match self {
            Asked::Any => true,
            Asked::Kind(wanted) => wanted == kind,
            Asked::Unknown => false,
        }
    }
}

/// Which options a relative of SCAN knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Keys,
    Hash,
    Members,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options from `from` on.
    pub(crate) fn parse(args: Args<'a>, from: usize, family: Family) -> Result<Self, Error> {
        let mut options = Self {
            pattern: None,
            count: 10,
            kind: Asked::Any,
            no_values: false,
        };
        let mut at = from;
        while at < args.len() {
            let (word, value) = (args.at(at), args.get(at + 1));
            match value {
                Some(value) if is(word, "COUNT") => {
                    let count = integer(value)?;
                    if count < 1 {
                        return Err(Error::Syntax);
                    }
                    options.count = count as usize;
                    at += 1;
                }
                Some(value) if is(word, "MATCH") => {
                    // A lone star filters nothing.
                    options.pattern = (value != b"*").then_some(value);
                    at += 1;
                }
                Some(value) if is(word, "TYPE") && family == Family::Keys => {
                    options.kind = kind_named(value).map_or(Asked::Unknown, Asked::Kind);
                    at += 1;
                }
                _ if is(word, "NOVALUES") && family == Family::Hash => options.no_values = true,
                _ if is(word, "NOVALUES") => {
                    return Err("ERR NOVALUES option can only be used in HSCAN".into());
                }
                _ => return Err(Error::Syntax),
            }
            at += 1;
        }
        Ok(options)
    }

    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

/// The reply of HSCAN, SSCAN and ZSCAN: where to go on, and the elements. `walk` writes them, and says where it stopped
/// and how many replies they are; without it there is no such key.
pub(crate) fn reply_elements(
    reply: &mut Reply<'_>,
    walk: impl FnOnce(&mut Reply<'_>) -> (u64, usize),
) {
    reply.array(2);
    let cursor_mark = reply.deferred();
    let list_mark = reply.deferred();
    let (next, count) = walk(reply);
    reply.finish_array(list_mark, count);
    reply.finish_bulk(cursor_mark, next.to_string().as_bytes());
}

/// The reply of those for a key that is not there.
pub(crate) fn reply_nothing(reply: &mut Reply<'_>) {
    reply.array(2);
    // Cursor 0 ends a walk before it began.
    reply.bulk(b"0");
    reply.array(0);
}

/// A name that no type has is not refused: it matches no key.
fn kind_named(name: &[u8]) -> Option<Kind> {
    Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
}

/// The cursor a client gives: what C's `strtoull` takes, since Redis reads cursors with it.
pub(crate) fn cursor(arg: &[u8]) -> Result<u64, Error> {
    num::parse_u64_loosely(up_to_nul(arg)).ok_or(Error::InvalidCursor)
}

/// How many buckets are looked at for each element wanted: a sparse table must not make one call endless.
const BUCKETS_PER_ELEMENT: usize = 10;

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub(crate) fn scan(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut at = cursor(args.at(1))?;
    let options = ScanOptions::parse(args, 2, Family::Keys)?;
    let horizon_ms = ctx.keys.horizon_ms();
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut overdue: Vec<Vec<u8>> = Vec::new();
    let mut seen = 0;
    let mut buckets_left = options.count.saturating_mul(BUCKETS_PER_ELEMENT);
    loop {
        at = ctx.keys.dict().scan(at, &mut |_, entry| {
            seen += 1;
            if entry
                .deadline()
                .is_some_and(|deadline| deadline <= horizon_ms)
            {
                overdue.push(entry.key().to_vec());
            } else if options.kind.takes(kind_of(entry)) && options.matches(entry.key()) {
                found.push(entry.key().to_vec());
            }
        });
        buckets_left -= 1;
        if at == 0 || seen >= options.count || buckets_left == 0 {
            break;
        }
    }
    for key in overdue {
        // Looking for an overdue key removes it.
        ctx.keys.find(&key);
    }
    ctx.reply.array(2);
    ctx.reply.bulk(at.to_string().as_bytes());
    ctx.reply.array(found.len());
    for key in &found {
        ctx.reply.bulk(key);
    }
    Ok(())
}

/// KEYS pattern
pub(crate) fn keys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let pattern = args.at(1);
    let takes_all = pattern == b"*";
    let horizon_ms = ctx.keys.horizon_ms();
    let mark = ctx.reply.deferred();
    let mut count = 0;
    for entry in ctx.keys.dict().iter() {
        let is_live = entry
            .deadline()
            .is_none_or(|deadline| deadline > horizon_ms);
        if is_live && (takes_all || glob::matches(pattern, entry.key(), false)) {
            ctx.reply.bulk(entry.key());
            count += 1;
        }
    }
    ctx.reply.finish_array(mark, count);
    Ok(())
}

/// How often another key is drawn because the one drawn was overdue.
const DRAWS_MAX: usize = 100;

/// RANDOMKEY
pub(crate) fn randomkey(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut overdue = None;
    for _ in 0..DRAWS_MAX {
        let space = &mut *ctx.keys.space;
        let rng = &mut space.rng;
        let Some(spot) = space.dbs[ctx.keys.db as usize]
            .dict
            .random(&mut || rng.next_u64())
        else {
            break;
        };
        let entry = ctx.keys.entry(spot);
        if !entry
            .deadline()
            .is_some_and(|deadline| ctx.keys.is_past(deadline))
        {
            ctx.reply.bulk(entry.key());
            return Ok(());
        }
        let key = entry.key().to_vec();
        ctx.keys.find(&key);
        overdue = Some(key);
    }
    // Where readers remove nothing, a key that is due is better than none.
    match overdue.filter(|_| ctx.keys.expiry() == Expiry::Hide) {
        Some(key) => ctx.reply.bulk(&key),
        None => ctx.reply.null(),
    }
    Ok(())
}
