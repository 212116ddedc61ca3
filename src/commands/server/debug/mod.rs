//! DEBUG: looking under the cover, and doing what no client should do.
//!
//! Its subcommands are no commands of their own: they have no rows, no statistics and no permissions apart from
//! DEBUG's. So they are told apart here, by name and by how many arguments follow. The official test suite is the main
//! user of most.
//!
//! Some switches change things this server does not have, such as the pace at which tables are rehashed. They are
//! accepted, so that scripts made for Redis run, and have no effect.

mod digest;
mod protocol;
mod values;

use std::time::Duration;

use crate::base::text::parse_memory;
use crate::base::{double, glob};
use crate::config::Extent;
use crate::engine;
use crate::engine::run::command::{Handler, Outcome};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Audience;
use crate::engine::services::{OUTPUT_PEAK_RESET_MS, ReplicationPause};
use crate::keyspace::{New, Site, text};
use crate::spec::error::Error;
use crate::store::alloc;
use crate::wire::args::Args;

use super::super::help::help;
use super::super::options::{integer, is, not_negative};
use super::config::rewrite_file;
use super::save::debug_reload;

/// One subcommand: its name, how many arguments may follow the name, and what runs it.
struct Sub(&'static str, std::ops::RangeInclusive<usize>, Handler);

const ANY: usize = usize::MAX;

const SUBCOMMANDS: &[Sub] = &[
    Sub("AOF-FLUSH-SLEEP", 1..=1, aof_flush_sleep),
    Sub("ASSERT", 0..=0, assert),
    Sub("CHANGE-REPL-ID", 0..=0, change_repl_id),
    Sub("CONFIG-REWRITE-FORCE-ALL", 0..=0, config_rewrite_force_all),
    Sub("DICT-RESIZING", 1..=1, dict_resizing),
    Sub("DIGEST", 0..=0, digest::digest),
    Sub("DIGEST-VALUE", 0..=ANY, digest::digest_value),
    Sub(
        "DROP-CLUSTER-PACKET-FILTER",
        1..=1,
        drop_cluster_packet_filter,
    ),
    Sub("ERROR", 1..=1, error),
    Sub("HELP", 0..=0, help),
    Sub("HTSTATS", 1..=2, values::htstats),
    Sub("HTSTATS-KEY", 1..=2, values::htstats_key),
    Sub("LEAK", 1..=1, leak),
    Sub("LISTPACK", 1..=1, values::listpack),
    Sub("LOADAOF", 0..=0, super::snapshot::debug_loadaof),
    Sub("LOG", 1..=1, log),
    Sub("MALLCTL", 1..=2, mallctl),
    Sub("MALLCTL-STR", 1..=2, mallctl),
    Sub("OBJECT", 1..=1, values::object),
    Sub("OOM", 0..=0, oom),
    Sub("PANIC", 0..=0, panic),
    Sub("PAUSE-CRON", 1..=1, pause_cron),
    Sub("POPULATE", 1..=3, populate),
    Sub("PROTOCOL", 1..=1, protocol::protocol),
    Sub("QUICKLIST", 1..=2, values::quicklist),
    Sub(
        "QUICKLIST-PACKED-THRESHOLD",
        1..=1,
        quicklist_packed_threshold,
    ),
    Sub("RELOAD", 0..=ANY, debug_reload),
    Sub("REPL-PAUSE", 1..=1, repl_pause),
    Sub("REPLICATE", 1..=ANY, replicate),
    Sub("REPLYBUFFER", 2..=2, replybuffer),
    Sub("SDSLEN", 1..=1, values::sdslen),
    Sub("SEGFAULT", 0..=0, segfault),
    Sub("SET-ACTIVE-EXPIRE", 1..=1, set_active_expire),
    Sub("SET-DISABLE-DENY-SCRIPTS", 1..=1, set_disable_deny_scripts),
    Sub(
        "SET-SKIP-CHECKSUM-VALIDATION",
        1..=1,
        set_skip_checksum_validation,
    ),
    Sub("SLEEP", 1..=1, sleep),
    Sub("STRINGMATCH-TEST", 0..=0, stringmatch_test),
    Sub("STRUCTSIZE", 0..=0, values::structsize),
];

/// DEBUG subcommand [argument ...]
pub(crate) fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let word = args.at(1);
    let fits =
        |Sub(name, arguments, _): &&Sub| is(word, name) && arguments.contains(&(args.len() - 2));
    match SUBCOMMANDS.iter().find(fits) {
        Some(Sub(_, _, run)) => run(ctx, args),
        None => Err(Error::subcommand_syntax("DEBUG", word)),
    }
}

/// A switch as C reads a number: text that is no number is 0.
fn is_on(text: &[u8]) -> bool {
    leading_number(text) != 0
}

fn leading_number(text: &[u8]) -> i64 {
    let end = text
        .iter()
        .skip(1)
        .position(|byte| !byte.is_ascii_digit())
        .map_or(text.len(), |at| at + 1);
    std::str::from_utf8(&text[..end])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

// ---- time and load

/// DEBUG SLEEP seconds
fn sleep(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let seconds = double::parse_f64(args.at(2)).unwrap_or(0.0);
    // The whole loop stands still: that is what the command is for.
    if let Ok(time) = Duration::try_from_secs_f64(seconds) {
        ctx.clock.sleep_us(time.as_micros() as u64);
    }
    // A transaction sees one instant, however long it takes.
    if ctx.may_wait() {
        ctx.now = engine::clock::read_clock(ctx.clock);
    }
    ctx.reply.ok();
    Ok(())
}

/// DEBUG POPULATE count [prefix [size]]
fn populate(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = not_negative(args.at(2))?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = match args.get(4) {
        Some(size) => usize::try_from(not_negative(size)?)
            .ok()
            .filter(|size| *size <= POPULATE_SIZE_MAX),
        None => Some(0),
    };
    let size = size.ok_or_else(|| Error::from("ERR value is out of range, must be positive"))?;
    for number in 0..count {
        let key = [prefix, b":", number.to_string().as_bytes()].concat();
        let Site::Vacant(vacancy) = ctx.keys.site(&key) else {
            continue;
        };
        let mut value = format!("value:{number}").into_bytes();
        if size != 0 {
            value.resize(size, 0);
        }
        // As bytes even when short ones look like a number: they are not worth the look.
        let new = if value.len() <= crate::store::INLINE_MAX {
            New::Inline(&value)
        } else {
            text::whole(&value, || None)
        };
        ctx.keys.insert(vacancy, new, None);
        ctx.keys.touched(&key, 0);
    }
    ctx.reply.ok();
    Ok(())
}

/// A value cannot be larger than this anyway (`proto-max-bulk-len`).
const POPULATE_SIZE_MAX: usize = 512 << 20;

/// DEBUG SET-ACTIVE-EXPIRE 0|1
fn set_active_expire(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.active_expire = is_on(args.at(2));
    ctx.reply.ok();
    Ok(())
}

/// DEBUG PAUSE-CRON 0|1
fn pause_cron(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.cron_paused = is_on(args.at(2));
    ctx.reply.ok();
    Ok(())
}

// ---- memory

/// DEBUG QUICKLIST-PACKED-THRESHOLD size
fn quicklist_packed_threshold(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let bytes = parse_memory(args.at(2)).filter(|bytes| u32::try_from(*bytes).is_ok());
    let refusal = "ERR argument must be a memory value bigger than 1 and smaller than 4gb";
    ctx.services.debug.big_list_element = bytes.ok_or_else(|| Error::from(refusal))? as usize;
    ctx.reply.ok();
    Ok(())
}

/// DEBUG DICT-RESIZING 0|1
fn dict_resizing(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.dict_resizing = is_on(args.at(2));
    ctx.reply.ok();
    Ok(())
}

/// DEBUG REPLYBUFFER PEAK-RESET-TIME never|reset|milliseconds, DEBUG REPLYBUFFER RESIZING 0|1
fn replybuffer(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (what, value) = (args.at(2), args.at(3));
    if is(what, "PEAK-RESET-TIME") {
        ctx.services.debug.output_peak_reset_ms = match value {
            word if is(word, "NEVER") => -1,
            word if is(word, "RESET") => OUTPUT_PEAK_RESET_MS,
            number => integer(number)?,
        };
    } else if is(what, "RESIZING") {
        ctx.services.debug.output_resizing = is_on(value);
    } else {
        return Err(Error::subcommand_syntax("DEBUG", args.at(1)));
    }
    ctx.reply.ok();
    Ok(())
}

/// DEBUG MALLCTL name. Values can only be read: a wrong one would take the process down.
fn mallctl(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(Error::from("ERR Operation not permitted"));
    }
    let number = std::str::from_utf8(args.at(2))
        .ok()
        .and_then(alloc::control);
    ctx.reply
        .integer(number.ok_or_else(|| Error::from("ERR No such file or directory"))? as i64);
    Ok(())
}

/// DEBUG LEAK text
fn leak(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    std::mem::forget(args.at(2).to_vec());
    ctx.reply.ok();
    Ok(())
}

// ---- persistence, replication, scripts, cluster

/// DEBUG SET-SKIP-CHECKSUM-VALIDATION 0|1
fn set_skip_checksum_validation(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.skips_checksums = is_on(args.at(2));
    ctx.reply.ok();
    Ok(())
}

/// DEBUG AOF-FLUSH-SLEEP microseconds
fn aof_flush_sleep(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.aof_flush_sleep_us = leading_number(args.at(2)).max(0) as u64;
    ctx.reply.ok();
    Ok(())
}

/// DEBUG CONFIG-REWRITE-FORCE-ALL
fn config_rewrite_force_all(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rewrite_file(ctx, args, Extent::Everything)
}

/// DEBUG CHANGE-REPL-ID
fn change_repl_id(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    log::info!("Changing replication IDs after receiving change-repl-id");
    let id = engine::hexadecimal(&mut ctx.keys.space.rng);
    ctx.services.replication.history.rename(id);
    ctx.reply.ok();
    Ok(())
}

/// DEBUG REPLICATE word [word ...]: replicas get a command that does not run here.
fn replicate(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let words: Vec<&[u8]> = args.from(2).collect();
    ctx.fx.propagate_to(Audience::Replicas, ctx.keys.db, &words);
    ctx.reply.ok();
    Ok(())
}

/// DEBUG REPL-PAUSE clear|after-fork|before-rdb-channel|on-streaming-repl-buf
fn repl_pause(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.replication_pause = match args.at(2) {
        word if is(word, "clear") => ReplicationPause::Nowhere,
        word if is(word, "after-fork") => ReplicationPause::AfterFork,
        word if is(word, "before-rdb-channel") => ReplicationPause::BeforeRdbChannel,
        word if is(word, "on-streaming-repl-buf") => ReplicationPause::OnStreamingBuffer,
        _ => return Err(Error::subcommand_syntax("DEBUG", args.at(1))),
    };
    ctx.reply.ok();
    Ok(())
}

/// DEBUG DROP-CLUSTER-PACKET-FILTER type
fn drop_cluster_packet_filter(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.dropped_cluster_packet = integer(args.at(2))?;
    ctx.reply.ok();
    Ok(())
}

/// DEBUG SET-DISABLE-DENY-SCRIPTS 0|1
fn set_disable_deny_scripts(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.services.debug.scripts_may_call_all = is_on(args.at(2));
    ctx.reply.ok();
    Ok(())
}

// ---- words

/// DEBUG ERROR text. Not counted as an error: it is what the client asked for.
fn error(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply.error(args.at(2));
    Ok(())
}

/// DEBUG LOG text
fn log(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    log::warn!("DEBUG LOG: {}", String::from_utf8_lossy(args.at(2)));
    ctx.reply.ok();
    Ok(())
}

/// DEBUG STRINGMATCH-TEST: patterns made by chance against text made by chance.
fn stringmatch_test(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let rng = &mut ctx.keys.space.rng;
    for _ in 0..STRINGMATCH_ROUNDS {
        let mut text = [0; 32];
        let mut pattern = [0; 32];
        rng.fill(&mut text);
        rng.fill(&mut pattern);
        for byte in &mut pattern {
            if *byte < 128 {
                *byte = b"*?[]\\-^"[usize::from(*byte) % 7];
            }
        }
        let (text_len, pattern_len) = (rng.index(33), rng.index(33));
        glob::matches(&pattern[..pattern_len], &text[..text_len], false);
    }
    ctx.reply
        .simple("Apparently Redis did not crash: test passed");
    Ok(())
}

const STRINGMATCH_ROUNDS: usize = 100_000;

// ---- ends

/// DEBUG SEGFAULT: ends as if memory had been touched that is not there.
fn segfault(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::SEGV);
    std::process::abort()
}

/// DEBUG PANIC
fn panic(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    crash("Guru Meditation: Panic called at Unix time, by DEBUG PANIC")
}

/// DEBUG ASSERT
fn assert(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    crash("=== ASSERTION FAILED === 1 == 2, by DEBUG ASSERT")
}

/// DEBUG OOM
fn oom(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    crash("Out Of Memory allocating 9223372036854775807 bytes!")
}

/// Ends the process the way a bug would; the shell reports panics.
fn crash(why: &str) -> ! {
    panic!("{why}")
}
