//! LCS: what two strings have in common.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::Text;
use crate::spec::error::Error;
use crate::types::string::{Common, longest_common, longest_common_len, longest_common_memory};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::options::{integer, is};

#[derive(Default)]
struct Options {
    wants_len: bool,
    wants_matches: bool,
    with_match_len: bool,
    match_len_min: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut words = args.from(3);
        while let Some(word) = words.next() {
            if is(word, "IDX") {
                options.wants_matches = true;
            } else if is(word, "LEN") {
                options.wants_len = true;
            } else if is(word, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if is(word, "MINMATCHLEN")
                && let Some(len) = words.next()
            {
                options.match_len_min = integer(len)?.max(0) as usize;
            } else {
                return Err(Error::Syntax);
            }
        }
        if options.wants_matches && options.wants_len {
            return Err("ERR If you want both the length and indexes, please just use IDX.".into());
        }
        Ok(options)
    }
}

/// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
pub(crate) fn lcs(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // Both are looked up first, and only then is there something to say about either. Reading a key removes it when it
    // is due, and moves others; by the second look that is over.
    ctx.keys.read(args.at(1));
    ctx.keys.read(args.at(2));
    let (one, other) = (ctx.keys.find(args.at(1)), ctx.keys.find(args.at(2)));
    let text = |spot| match spot {
        Some(spot) => ctx
            .keys
            .text(spot)
            .map(Text::to_vec)
            .map_err(|_| Error::from(NO_STRING)),
        None => Ok(Vec::new()),
    };
    let (one, other) = (text(one)?, text(other)?);
    let options = Options::parse(args)?;
    // The table counts in 32 bits.
    if one.len().max(other.len()) >= u32::MAX as usize - 1 {
        return Err("ERR String too long for LCS".into());
    }
    let most = ctx.services.config.proto_max_bulk_len as usize;
    match longest_common_memory(one.len(), other.len()) {
        None => {
            return Err(
                "ERR Insufficient memory, failed allocating transient memory for LCS".into(),
            );
        }
        Some(bytes) if bytes > most => return Err(TOO_MUCH_MEMORY.into()),
        Some(_) => {}
    }
    if options.wants_len {
        ctx.reply.count(longest_common_len(&one, &other));
        return Ok(());
    }
    let common = longest_common(&one, &other);
    if options.wants_matches {
        reply_matches(&mut ctx.reply, &common, &options);
    } else {
        ctx.reply.bulk(&common.text);
    }
    Ok(())
}

fn reply_matches(reply: &mut Reply<'_>, common: &Common, options: &Options) {
    reply.map(2);
    reply.bulk(b"matches");
    let len_of = |range: &std::ops::RangeInclusive<usize>| range.end() - range.start() + 1;
    let shown: Vec<_> = common
        .matches
        .iter()
        .filter(|found| len_of(&found.one) >= options.match_len_min)
        .collect();
    reply.array(shown.len());
    for found in shown {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for range in [&found.one, &found.other] {
            reply.array(2);
            reply.count(*range.start());
            reply.count(*range.end());
        }
        if options.with_match_len {
            reply.count(len_of(&found.one));
        }
    }
    reply.bulk(b"len");
    reply.count(common.text.len());
}

const NO_STRING: &str = "ERR The specified keys must contain string values";
const TOO_MUCH_MEMORY: &str =
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
