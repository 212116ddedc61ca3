//! XADD and XTRIM: entries come at one end and go at the other.
//!
//! Both take the same trimming options. A rough trim (`~`) removes whole blocks only, and the number of their entries
//! depends on this server's blocks; so it is propagated as an exact one, by the entries it left.

use crate::base::num;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, New, Site};
use crate::spec::error::Error;
use crate::types::Value;
use crate::types::stream::{
    AppendError, Block, ID_TEXT_BYTES, Keep, Log, NewId, Precision, Stream, StreamId,
};
use crate::wire::args::Args;

use super::super::limits;
use super::super::options::{integer, is};
use super::{id, reply_id};

/// Which of the two commands is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Trim,
}

/// The words between the key and the fields.
struct Options {
    /// NOMKSTREAM says no.
    makes_stream: bool,
    trim: Option<Trim>,
    /// The ID of the new entry, and which argument that is. None if the arguments end without one.
    id: Option<(NewId, usize)>,
}

#[derive(Clone, Copy)]
struct Trim {
    keep: Keep,
    precision: Precision,
    /// Which argument says how much is kept.
    at: usize,
}

impl Options {
    fn parse(ctx: &Ctx<'_>, args: Args<'_>, verb: Verb) -> Result<Self, Error> {
        let mut options = Self {
            makes_stream: true,
            trim: None,
            id: None,
        };
        // How much is kept, whether roughly, and which argument says so.
        let mut trim: Option<(Keep, bool, usize)> = None;
        let mut limit = None;
        let mut at = 2;
        while at < args.len() {
            let (word, has_more) = (args.at(at), at + 1 < args.len());
            if has_more && (is(word, "MAXLEN") || is(word, "MINID")) {
                if trim.is_some() {
                    return Err(Error::from(BOTH_STRATEGIES));
                }
                let mut is_rough = false;
                if at + 2 < args.len() && (is(args.at(at + 1), "~") || is(args.at(at + 1), "=")) {
                    is_rough = is(args.at(at + 1), "~");
                    at += 1;
                }
                at += 1;
                let keep = if is(word, "MAXLEN") {
                    Keep::Newest(not_negative(
                        args.at(at),
                        "ERR The MAXLEN argument must be >= 0.",
                    )?)
                } else {
                    Keep::From(id(args.at(at))?)
                };
                trim = Some((keep, is_rough, at));
            } else if has_more && is(word, "LIMIT") {
                at += 1;
                let count = not_negative(args.at(at), "ERR The LIMIT argument must be >= 0.")?;
                limit = Some(count);
            } else if verb == Verb::Trim {
                return Err(Error::Syntax);
            } else if is(word, "NOMKSTREAM") {
                options.makes_stream = false;
            } else {
                let id = NewId::parse(word).ok_or(Error::InvalidStreamId)?;
                options.id = Some((id, at));
                break;
            }
            at += 1;
        }
        let Some((keep, is_rough, at)) = trim else {
            return match limit {
                Some(limit) if limit > 0 => Err(Error::from(LIMIT_WITHOUT_STRATEGY)),
                _ if verb == Verb::Trim => Err(Error::from(NO_STRATEGY)),
                Some(_) if !ctx.is_replay() => Err(Error::from(LIMIT_OF_EXACT)),
                _ => Ok(options),
            };
        };
        let precision = match limit {
            // Decided elsewhere, where the limit was kept to.
            _ if ctx.is_replay() && is_rough => Precision::Blocks { limit: None },
            _ if ctx.is_replay() => Precision::Exact,
            Some(_) if !is_rough => return Err(Error::from(LIMIT_OF_EXACT)),
            None if !is_rough => Precision::Exact,
            Some(limit) => Precision::Blocks {
                limit: Some(limit).filter(|limit| *limit > 0),
            },
            None => Precision::Blocks {
                limit: Some(usual_limit(ctx.services.config.stream_node_max_entries)),
            },
        };
        options.trim = Some(Trim {
            keep,
            precision,
            at,
        });
        Ok(options)
    }
}

impl Trim {
    fn is_rough(&self) -> bool {
        self.precision != Precision::Exact
    }

    /// The outcome of a rough trim, in the words of an exact one.
    fn outcome(&self, log: &Log) -> Vec<u8> {
        match self.keep {
            Keep::Newest(_) => num::format_u64(log.len(), &mut [0; 20]).to_vec(),
            Keep::From(_) => {
                // With nothing left, nothing is kept.
                let first = log.blocks().next().map_or(StreamId::MAX, Block::first);
                first.format(&mut [0; ID_TEXT_BYTES]).to_vec()
            }
        }
    }
}

fn not_negative(text: &[u8], refusal: &'static str) -> Result<u64, Error> {
    u64::try_from(integer(text)?).map_err(|_| Error::from(refusal))
}

/// How many entries a rough trim removes at most, unless it is told: it shall not take long by surprise.
fn usual_limit(block_entries_max: usize) -> u64 {
    match (block_entries_max as u64).saturating_mul(100) {
        0 => 10_000,
        count => count.min(1_000_000),
    }
}

/// Propagates the command with some of its arguments replaced.
fn propagate_with(ctx: &mut Ctx<'_>, args: Args<'_>, replaced: &[(usize, &[u8])]) {
    if !ctx.fx.listening || replaced.is_empty() {
        return;
    }
    let mut words: Vec<&[u8]> = args.iter().collect();
    for (at, word) in replaced {
        words[*at] = word;
    }
    ctx.fx.propagate_as(ctx.keys.db, &words);
}

/// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value ...]
pub(crate) fn xadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(ctx, args, Verb::Add)?;
    let (new_id, id_at) = options
        .id
        .filter(|(_, at)| args.len() - at > 2 && (args.len() - at) % 2 == 1)
        .ok_or_else(|| Error::arity("xadd"))?;
    if new_id == NewId::Exact(StreamId::MIN) {
        return Err(Error::from(ID_ZERO));
    }
    let key = args.at(1);
    let limits = limits::stream(ctx);
    let now_ms = ctx.now.unix_ms as u64;
    let (spot, is_new) = match ctx.keys.site(key) {
        Site::Taken(spot) => {
            ctx.keys.touch(spot);
            (spot, false)
        }
        Site::Vacant(vacancy) if options.makes_stream => {
            let stream = Value::Stream(Box::default());
            (ctx.keys.insert(vacancy, New::Object(stream), None), true)
        }
        Site::Vacant(_) => {
            // NOMKSTREAM turns XADD to a missing stream into a null reply, not an error.
            ctx.reply.null();
            return Ok(());
        }
    };
    let Stream { log, .. } = ctx.keys.object_at_mut::<Stream>(spot)?;
    if log.last_id() == StreamId::MAX {
        return Err(Error::from(EXHAUSTED));
    }
    let added = match log.resolve(new_id, now_ms) {
        Some(id) => log.append(id, args.from(id_at + 1), &limits).map(|()| id),
        None => Err(AppendError::IdTooSmall),
    };
    let id = match added {
        Ok(id) => id,
        Err(error) => {
            // A refused first entry must not leave an empty stream behind.
            if is_new {
                ctx.keys.remove_at(spot, false);
            }
            return Err(Error::from(match error {
                AppendError::IdTooSmall => ID_TOO_SMALL,
                AppendError::TooLarge => TOO_LARGE,
            }));
        }
    };
    // The trim comes after the entry, so MAXLEN 0 removes the entry that has just been added; its ID is replied all the
    // same.
    let removed = options
        .trim
        .map_or(0, |trim| log.trim(trim.keep, trim.precision));
    let rough = options.trim.filter(Trim::is_rough);
    let left = rough
        .filter(|_| ctx.fx.listening)
        .map(|trim| trim.outcome(log));
    ctx.keys.changed(key, Event::XADD, 1);
    ctx.keys.tell_waiters(key);
    if removed > 0 {
        ctx.keys.event(key, Event::XTRIM);
    }
    let mut text = [0; ID_TEXT_BYTES];
    let text = id.format(&mut text);
    // `*` is propagated as the ID that it became here.
    let made = (!matches!(new_id, NewId::Exact(_))).then_some((id_at, text));
    match (rough, &left) {
        (Some(trim), Some(left)) => propagate_exactly(ctx, args, (trim.at, left), made),
        _ if made.is_some() => propagate_with(ctx, args, made.as_slice()),
        _ => {}
    }
    reply_id(&mut ctx.reply, id);
    Ok(())
}

/// XADD with `~` is propagated with `=`: a replica with other blocks would trim roughly to another length. The
/// threshold becomes what is left, and an ID that was made here goes with it.
fn propagate_exactly(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    (at, left): (usize, &[u8]),
    made: Option<(usize, &[u8])>,
) {
    let exact: [(usize, &[u8]); 2] = [(at - 1, b"="), (at, left)];
    let replaced: Vec<(usize, &[u8])> = exact.into_iter().chain(made).collect();
    propagate_with(ctx, args, &replaced);
}

/// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]
pub(crate) fn xtrim(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(ctx, args, Verb::Trim)?;
    let trim = options.trim.expect("XTRIM is refused without a strategy");
    let key = args.at(1);
    let Some(Stream { log, .. }) = ctx.keys.write_object::<Stream>(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let removed = log.trim(trim.keep, trim.precision);
    // A trim that removes nothing is no change; a rough one may find no whole block to remove.
    if removed > 0 {
        if ctx.fx.listening && trim.is_rough() {
            let left = trim.outcome(log);
            propagate_with(ctx, args, &[(trim.at - 1, b"="), (trim.at, &left)]);
        }
        ctx.keys.changed(key, Event::XTRIM, removed as usize);
    }
    ctx.reply.count(removed as usize);
    Ok(())
}

const BOTH_STRATEGIES: &str =
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
const LIMIT_WITHOUT_STRATEGY: &str =
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
const NO_STRATEGY: &str = "ERR syntax error, XTRIM must be called with a trimming strategy";
const LIMIT_OF_EXACT: &str = "ERR syntax error, LIMIT cannot be used without the special ~ option";
const ID_ZERO: &str = "ERR The ID specified in XADD must be greater than 0-0";
const EXHAUSTED: &str =
    "ERR The stream has exhausted the last possible ID, unable to add more items";
const ID_TOO_SMALL: &str =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";
const TOO_LARGE: &str = "ERR Elements are too large to be stored";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rough_trim_is_bounded() {
        assert_eq!(usual_limit(0), 10_000);
        assert_eq!(usual_limit(100), 10_000);
        assert_eq!(usual_limit(usize::MAX), 1_000_000);
    }
}
