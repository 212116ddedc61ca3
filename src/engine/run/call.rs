//! Runs one command: measures it, counts it, turns a refusal into an error reply, and notes the commands it propagates.

use crate::observe::shown::Request;
use crate::spec::Propagates;
use crate::spec::error::Error;
use crate::spec::flags::flag as command_flag;
use crate::store::tsc;
use crate::wire::args::Args;

use crate::engine::run::command::Command;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::{Ended, shown};
use crate::engine::run::facts::Facts;
use crate::engine::services::Services;
use crate::engine::session::{Link, Parked, Session};
use crate::engine::tell::{invalidate, monitor};

/// Runs `command` in `ctx`. The gate has let it pass. Returns how long it took, in nanoseconds.
pub(crate) fn call(ctx: &mut Ctx<'_>, command: &'static Command, args: Args<'_>) -> u64 {
    let outer = std::mem::replace(&mut ctx.command, command);
    if ctx.session.no_touch {
        ctx.keys.no_touch = !command.has(command_flag::ALWAYS_TOUCHES);
    }
    let dirty_before = ctx.keys.space.journal.dirty;
    let db_before = ctx.keys.db;
    let started = tsc::ticks();
    let outcome = (command.run.0)(ctx, args);
    let spent_ns = ctx.services.rate.nanos(tsc::ticks().wrapping_sub(started));
    let failed = match outcome {
        Ok(()) => false,
        Err(refusal) => {
            if ctx.is_replay() {
                note_unexpected(ctx, command, &refusal);
            }
            refuse(ctx, &refusal);
            true
        }
    };
    if !ctx.services.tracking.is_idle() {
        invalidate::note_changes(ctx);
    }
    if ctx.session.tracking.is_some() {
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
            note_own_slow(ctx, command, args, spent_ns);
        }
    }
    ctx.fx.redacted.clear();
    let changed = ctx.keys.space.journal.dirty != dirty_before;
    if ctx.fx.listening {
        ctx.fx.note_removals(&ctx.keys.space.journal);
    }
    let ended = Ended::new(changed, failed);
    ctx.fx
        .finish_command(command.spec.propagates, db_before, ended, args);
    ctx.command = outer;
    spent_ns
}

/// `call` for a plain command while nobody listens but, perhaps, the readers of the stream (see
/// [`plain`](super::plain)). To count it, to pass it on, and to note that it took long, is for the caller. `ticks` is
/// the processor's counter when it began, and then when it has ended. Returns how long it took, in nanoseconds, and
/// how it ended.
#[expect(
    clippy::inline_always,
    reason = "it is the whole of a plain command, for two kinds of users"
)]
#[inline(always)]
pub(super) fn call_plain(
    ctx: &mut Ctx<'_>,
    command: &'static Command,
    args: Args<'_>,
    ticks: &mut u64,
) -> (u64, Ended) {
    ctx.command = command;
    let dirty_before = ctx.keys.space.journal.dirty;
    let outcome = (command.run.0)(ctx, args);
    let started = std::mem::replace(ticks, tsc::ticks());
    let changed = ctx.keys.space.journal.dirty != dirty_before;
    debug_assert!(
        command.spec.propagates != Propagates::Never || !changed,
        "a command that changes the data set says in its row how it propagates"
    );
    let failed = outcome.is_err();
    if let Err(refusal) = outcome {
        refuse(ctx, &refusal);
        ctx.services.stats.commands[command.index].failed += 1;
    }
    let spent_ns = ctx.services.rate.nanos(ticks.wrapping_sub(started));
    (spent_ns, Ended::new(changed, failed))
}

/// For the command of this context, if it took long.
#[cold]
pub(super) fn note_own_slow(
    ctx: &mut Ctx<'_>,
    command: &'static Facts,
    args: Args<'_>,
    spent_ns: u64,
) {
    let finished = Finished {
        command,
        args,
        spent_ns,
        origin: ctx.origin,
        unix_s: ctx.now.unix_ms / 1000,
    };
    note_slow(ctx.services, ctx.session, &finished, &ctx.fx.redacted);
}

/// A command of the log fails that did not fail when it was written down.
#[cold]
fn note_unexpected(ctx: &mut Ctx<'_>, command: &Command, refusal: &Error) {
    ctx.services.stats.unexpected_error_replies += 1;
    ctx.fx.outgrown |= matches!(refusal, Error::StringTooLong);
    let (who, whom) = if ctx.origin == Origin::Primary {
        ("replica", "master")
    } else {
        ("server", "AOF-loading-client")
    };
    log::warn!(
        "== CRITICAL == This {who} is sending an error to its {whom}: '{}' after processing the command '{}'",
        String::from_utf8_lossy(refusal.text()),
        command.name()
    );
}

/// Writes an error reply and counts it.
#[cold]
pub(crate) fn refuse(ctx: &mut Ctx<'_>, refusal: &Error) {
    let text = refusal.text();
    if !matches!(refusal, Error::Counted(_)) {
        ctx.services.stats.error(text);
    }
    ctx.reply.error(text);
}

/// A command that has replied, and took long.
struct Finished<'a> {
    command: &'static Facts,
    args: Args<'a>,
    spent_ns: u64,
    origin: Origin,
    unix_s: i64,
}

/// The counters of the command and its histogram.
#[inline]
fn count(services: &mut Services, command: &Facts, spent_ns: u64, failed: bool) {
    services.stats.commands_processed += 1;
    let stats = &mut services.stats.commands[command.index];
    stats.calls += 1;
    stats.ns += spent_ns;
    stats.failed += u64::from(failed);
    if services.config.latency_tracking {
        stats.note_latency(spent_ns);
    }
}

/// The slow log, the latency monitor and the live page.
#[cold]
fn note_slow(
    services: &mut Services,
    session: &Session,
    finished: &Finished<'_>,
    redacted: &[usize],
) {
    let Finished { command, args, .. } = *finished;
    if finished.origin != Origin::Replay {
        services.requests.note(Request {
            name: command.name(),
            client: session.number,
            spent_ns: finished.spent_ns,
        });
    }
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
    if monitor_ms != 0 && spent_us >= monitor_ms * 1000 && session.link != Link::Internal {
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
pub(in crate::engine) fn count_parked(
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
