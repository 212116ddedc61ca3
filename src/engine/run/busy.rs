//! The loop turns inside a script that has run for long.
//!
//! A script runs in the midst of a command, which has the engine borrowed part by part. Others are to be told that the
//! server is busy, and one of them may end the script; so the parts that a session needs move into an engine of their
//! own, the shell gives the loop one turn with that, and they move back. The same code serves a client then as at any
//! other time. What is different hangs on [`Services::busy`](crate::engine::services::Services): the gate lets few
//! commands through, and nothing is done by itself, for the data set is in the midst of a step.
//!
//! Sessions whose scripts came in the same turn are not heard (`Engine::finish_members`), nor is our primary: its
//! stream waits.

use std::mem::swap;
use std::rc::Rc;

use crate::base::output::Output;
use crate::config::{Changes, Config};
use crate::keyspace::Keyspace;
use crate::script::Pulse;
use crate::spec::error::Error;
use crate::store::tsc;

use crate::engine::Engine;
use crate::engine::clock::read_clock;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Effects;
use crate::engine::run::executing::{Asked, Busy, KILLED};
use crate::engine::run::outside::Outside;
use crate::engine::run::plain::Calm;
use crate::engine::services::Services;
use crate::engine::session::{Link, Sessions};

/// What the pulse of a script has to know of it.
pub(crate) struct Script<'a> {
    pub(crate) asked: Asked<'a>,
    /// When it began, by the processor's counter.
    pub(crate) started: u64,
    pub(crate) has_written: bool,
}

/// Looks whether a script has run for long, and lets others in if so.
pub(crate) fn pulse(ctx: &mut Ctx<'_>, script: &Script<'_>) -> Pulse {
    let spent = tsc::ticks().wrapping_sub(script.started);
    let spent_ms = ctx.services.rate.nanos(spent) / 1_000_000;
    let threshold_ms = ctx.services.config.busy_reply_threshold_ms;
    if threshold_ms == 0 || spent_ms < threshold_ms {
        return Pulse::GoesOn;
    }
    if ctx.services.busy.is_none() {
        let asked = script.asked;
        log::warn!(
            "Slow script detected: still in execution after {spent_ms} milliseconds. You can try killing the script using the {} command. Script name is: {}.",
            asked.kind.killer(),
            String::from_utf8_lossy(asked.name)
        );
    }
    note(ctx, script);
    let_others_in(ctx, script, 0)
}

/// From here on the script is what others are told of.
pub(crate) fn note(ctx: &mut Ctx<'_>, script: &Script<'_>) {
    let spent = tsc::ticks().wrapping_sub(script.started);
    let spent_ms = ctx.services.rate.nanos(spent) / 1_000_000;
    let (is_replayed, asked) = (ctx.is_replay(), script.asked);
    let busy = ctx.services.busy.get_or_insert_with(|| {
        Box::new(Busy {
            kind: asked.kind,
            name: asked.name.to_vec(),
            args: asked.args.into(),
            spent_ms,
            is_replayed,
            has_written: false,
            is_killed: false,
        })
    });
    busy.has_written = script.has_written;
    busy.spent_ms = spent_ms;
}

/// Gives the loop a turn, in which it sleeps at most so long; then says whether the script goes on.
pub(crate) fn let_others_in(ctx: &mut Ctx<'_>, script: &Script<'_>, sleep_ms: u64) -> Pulse {
    if turn(ctx, sleep_ms) == Some(true) {
        // What the script has done so far is half of a step, and nobody shall hear of it.
        ctx.fx.stream.clear();
        ctx.fx.listening = false;
        return Pulse::Ends(KILLED);
    }
    if ctx
        .services
        .busy
        .as_ref()
        .is_some_and(|busy| busy.is_killed)
    {
        log::info!(
            "Lua script killed by user with {}.",
            script.asked.kind.killer()
        );
        return Pulse::Ends(KILLED);
    }
    Pulse::GoesOn
}

/// The script has ended: whoever has waited meanwhile is heard.
pub(crate) fn end(ctx: &mut Ctx<'_>) {
    if ctx.services.busy.take().is_none() {
        return;
    }
    let waits = |link| matches!(link, Link::Primary | Link::Joining);
    let waiting: Vec<_> = (ctx.sessions.iter())
        .filter(|session| waits(session.link))
        .map(|session| session.id)
        .collect();
    ctx.sessions.again.extend(waiting);
}

/// One turn of the loop; returns whether the server is about to end. None: there is no loop.
fn turn(ctx: &mut Ctx<'_>, sleep_ms: u64) -> Option<bool> {
    let held = ctx.sessions.busy.clone();
    lend_engine(ctx, |outside, engine| outside.turn(engine, &held, sleep_ms))
}

/// Makes changes of the configuration outside, while the command that wants them waits. None: there is nothing outside,
/// and they are still there.
pub(crate) fn configure(
    ctx: &mut Ctx<'_>,
    changes: &mut Option<Changes>,
) -> Option<Result<(), Error>> {
    lend_engine(ctx, |outside, engine| match changes.take() {
        Some(changes) => outside.configure(engine, changes),
        None => (engine, Ok(())),
    })
}

/// Moves what sessions need into an engine that the shell can have, and back.
fn lend_engine<R>(
    ctx: &mut Ctx<'_>,
    job: impl FnOnce(&mut dyn Outside, Box<Engine>) -> (Box<Engine>, R),
) -> Option<R> {
    let seat = Rc::clone(&ctx.services.outside);
    seat.with(|outside| {
        let mut inner = Box::new(Engine {
            keyspace: Keyspace::new(1, 0),
            sessions: Sessions::default(),
            services: Services::new(Config::new()),
            table: Rc::clone(ctx.table),
            clock: ctx.clock.clone(),
            fx: Effects::default(),
            now: read_clock(ctx.clock),
            inputs: crate::base::input::InputPool::default(),
            turn: crate::engine::turn::Turn::default(),
            output: Box::<Output>::default(),
            cron: crate::engine::timers::Cron::new(),
            calm: Calm::No,
        });
        exchange(ctx, &mut inner);
        let (mut inner, outcome) = job(outside, inner);
        exchange(ctx, &mut inner);
        outcome
    })
}

fn exchange(ctx: &mut Ctx<'_>, inner: &mut Engine) {
    swap(ctx.keys.space, &mut inner.keyspace);
    swap(ctx.sessions, &mut inner.sessions);
    swap(ctx.services, &mut inner.services);
}
