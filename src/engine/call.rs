//! Runs one command: measures it, counts it, turns a refusal into an error reply, and notes what it propagates.

use crate::spec::error::Error;
use crate::spec::flags::flag as command_flag;
use crate::store::tsc;
use crate::wire::args::Args;

use super::command::Command;
use super::ctx::{Ctx, Origin};
use super::{invalidate, monitor};
use super::session::flag;

/// Runs `command` in `ctx`. The gate has let it pass.
pub fn call(ctx: &mut Ctx<'_>, command: &'static Command, args: Args<'_>) {
    let outer = std::mem::replace(&mut ctx.command, command);
    if ctx.session.has(flag::NO_TOUCH) {
        ctx.keys.no_touch = command.name() != "touch";
    }
    let dirty_before = ctx.keys.space.journal.dirty;
    let db_before = ctx.keys.db;
    let started = tsc::ticks();
    let outcome = (command.run)(ctx, args);
    let spent_ns = ctx.services.rate.nanos(tsc::ticks().wrapping_sub(started));
    let failed = match outcome {
        Ok(()) => false,
        Err(refusal) => {
            refuse(ctx, &refusal);
            true
        }
    };
    if ctx.session.has(flag::TRACKING) {
        invalidate::remember_reads(ctx, command, args);
    }
    let stats = &mut ctx.services.stats.commands[command.index];
    if !ctx.still_waiting {
        stats.calls += 1;
        stats.ns += spent_ns;
        stats.failed += u64::from(failed);
        if ctx.services.config.latency_tracking {
            stats.latency.get_or_insert_default().record(spent_ns);
        }
        note_slow(ctx, command, args, spent_ns);
    }
    let changed = ctx.keys.space.journal.dirty != dirty_before;
    ctx.fx.finish_command(db_before, changed, args);
    if !ctx.services.monitors.is_empty() {
        monitor::feed(ctx, command, args);
    }
    ctx.redacted.clear();
    ctx.command = outer;
}

/// Writes an error reply and counts it.
pub fn refuse(ctx: &mut Ctx<'_>, refusal: &Error) {
    let text = refusal.text();
    ctx.services.stats.error(text);
    ctx.reply.error(text);
}

/// The slow log and the latency monitor.
fn note_slow(ctx: &mut Ctx<'_>, command: &Command, args: Args<'_>, spent_ns: u64) {
    let config = &ctx.services.config;
    let spent_us = spent_ns / 1000;
    let threshold_us = config.slowlog_log_slower_than_us;
    let is_slow = threshold_us >= 0 && spent_us as i64 >= threshold_us;
    if is_slow && !command.has(command_flag::SKIP_SLOWLOG) && ctx.origin != Origin::Replay {
        let about = &ctx.session.about;
        let most = config.slowlog_max_len as usize;
        let unix_s = ctx.now.unix_ms / 1000;
        let slowlog = &mut ctx.services.slowlog;
        slowlog.push(args.from(0), unix_s, spent_us as i64, &about.address, &about.name, most);
    }
    let monitor_ms = config.latency_monitor_threshold_ms;
    if monitor_ms != 0 && spent_us >= monitor_ms * 1000 && !ctx.session.has(flag::INTERNAL) {
        let name = if command.has(command_flag::FAST) { "fast-command" } else { "command" };
        ctx.services.latency.note(name, ctx.now.unix_ms / 1000, spent_us / 1000);
    }
}
