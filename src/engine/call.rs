//! Runs one command: measures it, counts it, turns a refusal into an error reply, and notes what it propagates.

use crate::spec::error::Error;
use crate::spec::flags::flag as command_flag;
use crate::store::tsc;
use crate::wire::args::Args;

use super::command::Command;
use super::ctx::{Ctx, Origin};
use super::services::Services;
use super::session::{Parked, Session, flag};
use super::{invalidate, monitor};

/// Runs `command` in `ctx`. The gate has let it pass. Returns how long it took, in nanoseconds.
pub fn call(ctx: &mut Ctx<'_>, command: &'static Command, args: Args<'_>) -> u64 {
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
    if !ctx.services.tracking.is_idle() {
        invalidate::note_changes(ctx);
    }
    if ctx.session.has(flag::TRACKING) {
        invalidate::remember_reads(ctx, command, args);
    }
    // After the command, which knows by now which of its arguments are secrets.
    if !ctx.services.monitors.is_empty()
        && !ctx.services.server.is_loading
        && !command.has(command_flag::SKIP_MONITOR | command_flag::ADMIN)
        && !matches!(ctx.origin, Origin::Retry | Origin::Replay)
    {
        monitor::feed(ctx, args);
    }
    // A command that has to wait counts when its wait is over.
    if let Some(parked) = &mut ctx.session.parked {
        parked.spent_ns += spent_ns;
    } else if !ctx.still_waiting && ctx.origin != Origin::Replay {
        count(ctx.services, command, spent_ns, failed);
        if spent_ns >= ctx.services.slow_ns {
            let finished = Finished {
                command,
                args,
                spent_ns,
                origin: ctx.origin,
                unix_s: ctx.now.unix_ms / 1000,
            };
            note_slow(ctx.services, ctx.session, &finished, &ctx.fx.redacted);
        }
    }
    ctx.fx.redacted.clear();
    let changed = ctx.keys.space.journal.dirty != dirty_before;
    if ctx.fx.listening {
        ctx.fx.note_removals(&ctx.keys.space.journal);
    }
    ctx.fx.finish_command(db_before, changed, args);
    ctx.command = outer;
    spent_ns
}

/// Writes an error reply and counts it.
pub fn refuse(ctx: &mut Ctx<'_>, refusal: &Error) {
    let text = refusal.text();
    ctx.services.stats.error(text);
    ctx.reply.error(text);
}

/// A command that has replied, and took long.
struct Finished<'a> {
    command: &'static Command,
    args: Args<'a>,
    spent_ns: u64,
    origin: Origin,
    unix_s: i64,
}

/// The counters of the command and its histogram.
#[inline]
fn count(services: &mut Services, command: &Command, spent_ns: u64, failed: bool) {
    services.stats.commands_processed += 1;
    let stats = &mut services.stats.commands[command.index];
    stats.calls += 1;
    stats.ns += spent_ns;
    stats.failed += u64::from(failed);
    if services.config.latency_tracking {
        stats.latency.get_or_insert_default().record(spent_ns);
    }
}

/// The slow log and the latency monitor.
#[cold]
fn note_slow(
    services: &mut Services,
    session: &Session,
    finished: &Finished<'_>,
    redacted: &[usize],
) {
    let Finished { command, args, .. } = *finished;
    let spent_us = finished.spent_ns / 1000;
    let threshold_us = services.config.slowlog_log_slower_than_us;
    let keeps_log = threshold_us >= 0 && services.config.slowlog_max_len > 0;
    let is_slow = keeps_log && spent_us as i64 >= threshold_us;
    if is_slow && !command.has(command_flag::SKIP_SLOWLOG) && finished.origin != Origin::Replay {
        let about = &session.about;
        let most = services.config.slowlog_max_len as usize;
        let shown = shown(args, redacted);
        let args = shown.iter().copied();
        services.slowlog.push(
            args,
            finished.unix_s,
            spent_us as i64,
            &about.address,
            &about.name,
            most,
        );
    }
    let monitor_ms = services.config.latency_monitor_threshold_ms;
    if monitor_ms != 0 && spent_us >= monitor_ms * 1000 && !session.has(flag::INTERNAL) {
        let name = if command.has(command_flag::FAST) {
            "fast-command"
        } else {
            "command"
        };
        services
            .latency
            .note(name, finished.unix_s, spent_us / 1000);
    }
}

/// Counts a command whose wait has ended without its running again: its time is over, the shell or another client
/// has decided.
pub(super) fn count_parked(
    services: &mut Services,
    session: &Session,
    parked: &Parked,
    failed: bool,
    unix_ms: i64,
) {
    let Parked {
        command, spent_ns, ..
    } = *parked;
    count(services, command, spent_ns, failed);
    if spent_ns >= services.slow_ns {
        let (args, origin) = (parked.args.as_args(), Origin::Client);
        let finished = Finished {
            command,
            args,
            spent_ns,
            origin,
            unix_s: unix_ms / 1000,
        };
        note_slow(services, session, &finished, &parked.redacted);
    }
}

/// The arguments as the slow log and MONITOR show them: secrets are replaced.
pub(super) fn shown<'a>(args: Args<'a>, redacted: &[usize]) -> Vec<&'a [u8]> {
    let show = |(at, arg)| {
        if redacted.contains(&at) {
            b"(redacted)".as_slice()
        } else {
            arg
        }
    };
    args.iter().enumerate().map(show).collect()
}
