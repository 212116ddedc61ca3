//! HyperLogLogs: strings that count distinct elements.
//!
//! The bytes and their arithmetic are in `types::hll`; here are the commands. To every other command such a value is a
//! string, so nothing but its own bytes says what it is, and each command looks at them before it trusts them.
//!
//! Always holds: a string that one of these commands has opened for writing is reported as `raw` from then on, as it
//! is in Redis, even if nothing was written; PFCOUNT of one key counts among them because it keeps its result in the
//! string.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Site, Spot};
use crate::spec::error::Error;
use crate::spec::hyperloglog as spec;
use crate::types::hll::{self, HllEncoding, HllError, Registers};
use crate::wire::args::Args;

use super::options::is;
use super::string::{edit, edit_within};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::PFADD, pfadd),
    Row::new(&spec::PFCOUNT, pfcount),
    Row::new(&spec::PFDEBUG, pfdebug),
    Row::new(&spec::PFMERGE, pfmerge),
    Row::new(&spec::PFSELFTEST, pfselftest),
];

impl From<HllError> for Error {
    fn from(error: HllError) -> Self {
        match error {
            HllError::NotHll => Self::InvalidHll,
            HllError::Corrupted => Self::CorruptHll,
        }
    }
}

/// Something computed from the string at a place, which must begin like a HyperLogLog.
fn at<R>(
    ctx: &Ctx<'_>,
    spot: Spot,
    compute: impl FnOnce(&[u8], HllEncoding) -> Result<R, HllError>,
) -> Result<R, Error> {
    let mut digits = [0; 20];
    let string = ctx.keys.text(spot)?.bytes(&mut digits);
    let encoding = hll::encoding(string)?;
    Ok(compute(string, encoding)?)
}

/// Changes the string under a key, a new one if there is none. Changes that `change` has made before it fails stay.
fn edit_string<R>(
    ctx: &mut Ctx<'_>,
    site: Site<'_>,
    change: impl FnOnce(&mut Vec<u8>) -> Result<R, HllError>,
) -> Result<R, Error> {
    let is_new = site.is_vacant();
    let mut result = None;
    edit(ctx, site, hll::EMPTY_LEN, |string| {
        if is_new {
            *string = hll::empty();
        }
        result = Some(change(string));
    })?;
    Ok(result.expect("edit calls it")?)
}

/// How the HyperLogLog at a place is laid out.
fn layout(ctx: &Ctx<'_>, spot: Spot) -> Result<HllEncoding, Error> {
    at(ctx, spot, |_, encoding| Ok(encoding))
}

/// PFADD key [element [element ...]]
fn pfadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let sparse_bytes_max = ctx.services.config.hll_sparse_max_bytes;
    let site = ctx.keys.site(key);
    let is_new = site.is_vacant();
    let old_layout = site.spot().map(|spot| layout(ctx, spot)).transpose()?;
    let changes = match old_layout {
        // All registers lie where they are, so nothing is copied.
        Some(HllEncoding::Dense) => edit_within(ctx, site, 0, |string| {
            let grows = |element: &&[u8]| hll::add_in_place(string, element).unwrap_or(false);
            args.from(2).filter(grows).count()
        })?,
        _ => edit_string(ctx, site, |string| {
            // Coming into being is a change, even without an element.
            let mut changes = usize::from(is_new);
            for element in args.from(2) {
                changes += usize::from(hll::add(string, element, sparse_bytes_max)?);
            }
            if changes > 0 {
                hll::invalidate_count(string);
            }
            Ok(changes)
        })?,
    };
    if changes > 0 {
        ctx.keys.changed(key, Event::PFADD, changes);
    }
    ctx.reply.integer(i64::from(changes > 0));
    Ok(())
}

/// PFCOUNT key [key ...]
fn pfcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = if args.len() == 2 {
        count_of_one(ctx, args.at(1))?
    } else {
        let mut union = Registers::new();
        merge(ctx, args.tail(1), &mut union)?;
        union.count()
    };
    ctx.reply.count(count as usize);
    Ok(())
}

fn count_of_one(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<u64, Error> {
    let Some(spot) = ctx.keys.read(key) else {
        return Ok(0);
    };
    let cached = at(ctx, spot, |string, _| hll::cached_count(string))?;
    if let Some(count) = cached {
        // Redis opens the string for writing even to read the count in it, which makes its encoding `raw`.
        ctx.keys.edit_inline(spot);
        return Ok(count);
    }
    let count = at(ctx, spot, |string, _| hll::count(string))?;
    // PFCOUNT of one key keeps the count in the value, so this reader writes, and the log hears of it.
    edit_within(ctx, Site::Taken(spot), 0, |string| {
        hll::store_count(string, count);
    })?;
    ctx.keys.touched(key, 1);
    Ok(count)
}

/// Adds the registers under the keys to a union, and says how a union of them all is to be laid out.
fn merge(ctx: &mut Ctx<'_>, keys: Args<'_>, union: &mut Registers) -> Result<HllEncoding, Error> {
    let mut layout = HllEncoding::Sparse;
    for key in keys {
        if let Some(spot) = ctx.keys.read(key)
            && at(ctx, spot, |string, _| union.merge(string))? == HllEncoding::Dense
        {
            layout = HllEncoding::Dense;
        }
    }
    Ok(layout)
}

/// PFMERGE destkey [sourcekey [sourcekey ...]]
fn pfmerge(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let sparse_bytes_max = ctx.services.config.hll_sparse_max_bytes;
    let mut union = Registers::new();
    // The destination is a source too.
    let layout = merge(ctx, args.tail(1), &mut union)?;
    let key = args.at(1);
    let site = ctx.keys.site(key);
    edit_string(ctx, site, |string| {
        union.store(string, layout, sparse_bytes_max)
    })?;
    // Announced as PFADD, since elements were added.
    ctx.keys.changed(key, Event::PFADD, 1);
    ctx.reply.ok();
    Ok(())
}

/// PFDEBUG DECODE | ENCODING | GETREG | TODENSE key; PFDEBUG SIMD ON | OFF
fn pfdebug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (word, key) = (args.at(1), args.at(2));
    if is(word, "SIMD") {
        return simd(ctx, key);
    }
    let found = ctx.keys.find_to_write(key);
    let spot = found.ok_or("ERR The specified key does not exist")?;
    let encoding = layout(ctx, spot)?;
    ctx.keys.edit_inline(spot);
    if is(word, "GETREG") {
        make_dense(ctx, spot)?;
        let mut registers = Registers::new();
        at(ctx, spot, |string, _| registers.merge(string))?;
        ctx.reply.array(registers.as_slice().len());
        for register in registers.as_slice() {
            ctx.reply.integer(i64::from(*register));
        }
    } else if is(word, "DECODE") {
        let words = at(ctx, spot, |string, _| hll::describe(string))?
            .ok_or("ERR HLL encoding is not sparse")?;
        ctx.reply.bulk(words.as_bytes());
    } else if is(word, "ENCODING") {
        ctx.reply.simple(encoding.name());
    } else if is(word, "TODENSE") {
        let was_sparse = make_dense(ctx, spot)?;
        ctx.reply.integer(i64::from(was_sparse));
    } else {
        return Err(Error::quoting(
            "ERR Unknown PFDEBUG subcommand '",
            word,
            "'",
        ));
    }
    Ok(())
}

/// Lays the registers out one by one, if they are not yet. The bytes change and their meaning does not, so it counts as
/// a change, and no watcher of the key is told.
fn make_dense(ctx: &mut Ctx<'_>, spot: Spot) -> Result<bool, Error> {
    let was_sparse = edit_string(ctx, Site::Taken(spot), hll::make_dense)?;
    ctx.keys.space.journal.dirty += u64::from(was_sparse);
    Ok(was_sparse)
}

/// PFDEBUG SIMD ON | OFF
fn simd(ctx: &mut Ctx<'_>, switch: &[u8]) -> Outcome {
    // Redis has two ways of counting with the same result, and this chooses between them. Here there is one, written so
    // that the compiler can make vector instructions of it; nothing is left to choose.
    let state = if is(switch, "ON") {
        "enabled"
    } else if is(switch, "OFF") {
        "disabled"
    } else {
        return Err("ERR Argument must be ON or OFF".into());
    };
    ctx.reply.simple(state);
    Ok(())
}

/// PFSELFTEST
fn pfselftest(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    hll::check::self_check(&mut ctx.keys.space.rng)
        .map_err(|finding| Error::from(format!("TESTFAILED {finding}")))?;
    ctx.reply.ok();
    Ok(())
}
