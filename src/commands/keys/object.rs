//! OBJECT: how a value is kept, and how it has been used.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::memory;
use crate::keyspace::{AccessPolicy, Payload, Spot, folded_value, text};
use crate::spec::error::Error;
use crate::spec::generic as spec;
use crate::wire::args::Args;

use super::super::help::help;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::OBJECT_ENCODING, encoding),
    Row::new(&spec::OBJECT_FREQ, freq),
    Row::new(&spec::OBJECT_HELP, help),
    Row::new(&spec::OBJECT_IDLETIME, idletime),
    Row::new(&spec::OBJECT_REFCOUNT, refcount),
];

/// The key, looked up without leaving a trace; a missing one is answered here.
fn look(ctx: &mut Ctx<'_>, args: Args<'_>) -> Option<Spot> {
    let found = ctx.keys.find(args.at(2));
    if found.is_none() {
        ctx.reply.null();
    }
    found
}

/// OBJECT ENCODING key
fn encoding(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = look(ctx, args) else {
        return Ok(());
    };
    let entry = ctx.keys.entry(spot);
    let name = match entry.payload() {
        Payload::Folded(form, bytes) => folded_value(form, bytes).encoding(),
        Payload::Object(value) => value.encoding(),
        Payload::Int(_) | Payload::Inline(_) => text::encoding(entry),
    };
    ctx.reply.bulk(name.as_bytes());
    Ok(())
}

/// OBJECT REFCOUNT key
fn refcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = look(ctx, args) else {
        return Ok(());
    };
    // Redis shares small numbers between keys and shows this figure for them.
    let is_shared_number = matches!(ctx.keys.entry(spot).payload(), Payload::Int(number) if (0..10_000).contains(&number));
    let config = &ctx.services.config;
    let shares = config.maxmemory == 0 || !memory::keeps_word_per_value(config.maxmemory_policy);
    ctx.reply.integer(if is_shared_number && shares {
        i64::from(i32::MAX)
    } else {
        1
    });
    Ok(())
}

/// OBJECT IDLETIME key
fn idletime(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = look(ctx, args) else {
        return Ok(());
    };
    if ctx.keys.space.access.is_lfu {
        return Err(Error::from(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
             policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    let idle_s = AccessPolicy::idle_seconds(ctx.keys.entry(spot).access(), ctx.now.unix_ms);
    ctx.reply.integer(idle_s as i64);
    Ok(())
}

/// OBJECT FREQ key
fn freq(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(spot) = look(ctx, args) else {
        return Ok(());
    };
    // Both policies keep their figure in the same word of an entry, so only the one in force can be asked for: the word
    // of LRU is a time, and read as a frequency it would be noise.
    if !ctx.keys.space.access.is_lfu {
        return Err(Error::from(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    let frequency = ctx
        .keys
        .space
        .access
        .decayed(ctx.keys.entry(spot).access(), ctx.now.unix_ms);
    ctx.reply.integer(i64::from(frequency));
    Ok(())
}
