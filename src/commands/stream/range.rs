//! XRANGE and XREVRANGE: entries between two IDs, forwards or backwards.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::types::stream::{RangeEnd, Stream};
use crate::wire::args::Args;

use super::super::options::{integer, is};
use super::{range_end, reply_entries};

/// XRANGE key start end [COUNT count]
pub(crate) fn xrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    range(ctx, args, RangeEnd::Start)
}

/// XREVRANGE key end start [COUNT count]
pub(crate) fn xrevrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    range(ctx, args, RangeEnd::Stop)
}

/// `first` is the end of the range that the request names first, and the reply begins with.
fn range(ctx: &mut Ctx<'_>, args: Args<'_>, first: RangeEnd) -> Outcome {
    let (start_at, stop_at) = match first {
        RangeEnd::Start => (2, 3),
        RangeEnd::Stop => (3, 2),
    };
    let start = range_end(args.at(start_at), RangeEnd::Start)?;
    let stop = range_end(args.at(stop_at), RangeEnd::Stop)?;
    let mut count = usize::MAX;
    let mut words = args.from(4);
    while let Some(word) = words.next() {
        match words.next() {
            Some(value) if is(word, "COUNT") => count = integer(value)?.max(0) as usize,
            _ => return Err(Error::Syntax),
        }
    }
    let Some(stream) = ctx.keys.read_object::<Stream>(args.at(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (reply, log) = (&mut ctx.reply, &stream.log);
    if count == 0 {
        // COUNT 0 of a stream that is there is a null array, and a missing stream an empty one.
        reply.null_array();
        return Ok(());
    }
    match first {
        RangeEnd::Start => reply_entries(reply, log.range(start, stop), count),
        RangeEnd::Stop => reply_entries(reply, log.range_back(start, stop), count),
    }
    Ok(())
}
