//! Plain commands while all is quiet, which is nearly all of the work of nearly every server.
//!
//! A *plain* command concerns the keyspace and nothing else: it reads or writes keys, waits for nobody, and changes no
//! session, no parameter and no service. Its row says so. All is *quiet* while no client has asked to be told of
//! commands or of changes, and nothing bars the session's way: the gate stands open. Then a plain command has no
//! consequences here, and after it all is as quiet as before. So a run of plain commands of one session is admitted as
//! a whole; one [`Ctx`] does for all of them, and for each there is left to run it and to count it.
//!
//! An append-only file or replicas hear of each command even so. Their stream takes bytes and gives nothing back, so it
//! disturbs nobody: a run is then *fed*, and what its commands did is passed on before the run ends (`fed`). The
//! function that does it is there twice, so that a server that feeds nobody pays nothing for being able to.
//!
//! This is a short cut: what is left out is what `Engine::run_request` would find to have no effect. That commands are
//! as plain as their rows say, is asserted after each one.

mod fed;

use std::sync::Arc;

use crate::acl::Passes;
use crate::keyspace::journal::interest;
use crate::keyspace::{Expiry, KeyHint, Keys};
use crate::store::tsc;
use crate::wire::args::Args;
use crate::wire::reply::Reply;
use crate::wire::request::Batch;

use crate::engine::Engine;
use crate::engine::clock::{LONG_NS, Now};
use crate::engine::prefetch::Pending;
use crate::engine::run::command::Command;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::Effects;
use crate::engine::run::{call, gate};
use crate::engine::services::Services;
use crate::engine::session::{Access, Replies, Session, Sessions};
use crate::engine::users;
use fed::Piece;

/// Whether plain commands may run in one go, as far as all sessions and services have a say in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Calm {
    /// They may not: clients want to be told, or something bars the way.
    No,
    /// They may, and nobody hears of it.
    Quiet,
    /// They may, and what they change goes into the stream of commands.
    Fed,
}

impl Calm {
    /// While a run goes on, which is fed or is not.
    const fn of_run(fed: bool) -> Self {
        if fed { Self::Fed } else { Self::Quiet }
    }

    /// Those who want to know of the keyspace meanwhile.
    const fn interest(self) -> u8 {
        match self {
            Self::No | Self::Quiet => interest::NOBODY,
            Self::Fed => interest::REMOVALS,
        }
    }
}

/// Whether they may, as far as the session that sends them has a say in it.
#[inline]
fn is_at_ease(session: &Session) -> bool {
    gate::is_unhindered(session)
        && session.replies == Replies::On
        && !session.no_touch
        && session.tracking.is_none()
        && session.soft_limit_since_us == 0
}

fn calm(services: &Services, sessions: &Sessions, fx: &Effects) -> Calm {
    let is_open = gate::stands_open(services)
        && !sessions.counts_memory
        && services.monitors.is_empty()
        && services.config.cluster_compatibility_sample_ratio == 0;
    match (Engine::listeners(services), fx.listening) {
        (interest::NOBODY, false) if is_open => Calm::Quiet,
        (interest::REMOVALS, true) if is_open => Calm::Fed,
        _ => Calm::No,
    }
}

impl Engine {
    /// Looks whether all is quiet. Once a turn, and after whatever may have changed it: plain commands do not.
    #[inline(never)]
    pub(in crate::engine) fn look_around(&mut self) {
        self.calm = calm(&self.services, &self.sessions, &self.fx);
    }

    /// Runs the plain commands that `run` begins with, the first of which is `command` and stands there in its batch.
    /// Returns how many ran. The rest goes the long way, and that is all of it where somebody wants to be told, or the
    /// user may not run the first.
    #[expect(
        clippy::inline_always,
        reason = "its one caller is the common case; it only tells apart who is asked and who is told"
    )]
    #[inline(always)]
    pub(in crate::engine) fn run_together<'a>(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        place: (&'a Batch, usize),
        bytes: &'a [u8],
        run: &[Pending],
    ) -> usize {
        if !is_at_ease(session) {
            return 0;
        }
        match (self.calm, session.access) {
            (Calm::No, _) | (_, Access::Stranger) => 0,
            (Calm::Quiet, Access::Unrestricted) => {
                self.run_plain::<false, false>(session, command, place, bytes, run)
            }
            (Calm::Quiet, Access::Restricted) => {
                self.run_plain::<true, false>(session, command, place, bytes, run)
            }
            (Calm::Fed, Access::Unrestricted) => {
                self.run_plain::<false, true>(session, command, place, bytes, run)
            }
            (Calm::Fed, Access::Restricted) => {
                self.run_plain::<true, true>(session, command, place, bytes, run)
            }
        }
    }

    /// At least one command runs; but where each is `ASKED` about, only those up to the first that the user may not
    /// run. `FED`: what they change goes into the stream.
    #[inline(never)]
    fn run_plain<'a, const ASKED: bool, const FED: bool>(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        (batch, at): (&'a Batch, usize),
        bytes: &'a [u8],
        run: &[Pending],
    ) -> usize {
        self.keyspace.journal.interest = Calm::of_run(FED).interest();
        session.last_active_us = self.now.monotonic_us;
        let was_empty = self.take_output(session);
        let (db, now) = (session.db, self.now);
        let expiry = Origin::Client.expiry(&self.services, now.unix_ms);
        let mut ctx = Ctx {
            clock: &self.clock,
            reply: Reply::new(&mut self.output, session.protocol),
            keys: Keys::new(&mut self.keyspace, db, now.unix_ms, expiry),
            session: &mut *session,
            fx: &mut self.fx,
            services: &mut self.services,
            sessions: &mut self.sessions,
            table: &self.table,
            command,
            origin: Origin::Client,
            now,
            still_waiting: false,
        };
        let (mut ran, mut is_late, mut tally) = (0, false, Tally::new(command));
        let noteworthy_ns = ctx.services.slow_ns.min(LONG_NS);
        // The end of one command is the beginning of the next.
        let mut ticks = tsc::ticks();
        let passes = ASKED.then(|| passes(&ctx)).flatten();
        let mut piece = Piece::new(bytes, ctx.services.fed_to());
        let mut all = batch.all(at, bytes);
        for pending in run {
            let (Some(command), Some((sent, args))) = (pending.plain_command(), all.next()) else {
                break;
            };
            let hint = command.first_key_hint(args, pending.hash);
            if ASKED && !may_run(&ctx, passes.as_deref(), command, args, hint) {
                break;
            }
            ctx.keys.set_hint(hint);
            let (spent_ns, ended) = call::call_plain(&mut ctx, command, args, &mut ticks);
            if FED && !piece.takes(&mut ctx, ended, sent) {
                piece.pass_on(&mut ctx, command, batch.args(at + ran, bytes), ended);
            }
            tally.add(ctx.services, command, spent_ns);
            ran += 1;
            debug_assert!(
                was_plain(&ctx, FED, &(db, expiry, now)),
                "{} is not plain",
                command.name()
            );
            if spent_ns >= noteworthy_ns {
                // Taken out of the batch again, since what is kept across the call must be copied for it.
                is_late = note_long(&mut ctx, command, batch.args(at + ran - 1, bytes), spent_ns);
                if is_late {
                    break;
                }
            }
            // There may be more output than is allowed.
            if !ctx.sessions.is_within_limits(ctx.reply.unsent()) || ctx.reply.is_cut_off() {
                break;
            }
        }
        if FED {
            piece.end_run(&mut ctx);
        }
        tally.end(ctx.services);
        session.last_command = Some(&ctx.command.facts);
        session.commands_processed += ran as u64;
        if is_late {
            self.note_long(session.id);
        }
        self.give_output_back(session, was_empty);
        self.look_at_output(session);
        ran
    }

    /// What the run has put there may be too much.
    #[inline]
    fn look_at_output(&mut self, session: &mut Session) {
        self.keep_to_limits(session);
        if session.is_closing() {
            self.sessions.to_close.push(session.id);
        }
    }
}

/// What lets most requests of the session's user through.
fn passes(ctx: &Ctx<'_>) -> Option<Arc<Passes>> {
    ctx.services.users.passes(&ctx.session.user).cloned()
}

/// Whether the session's user may run a command.
#[expect(
    clippy::inline_always,
    reason = "one caller, and a call costs a tenth of what is asked here"
)]
#[inline(always)]
fn may_run(
    ctx: &Ctx<'_>,
    passes: Option<&Passes>,
    command: &'static Command,
    args: Args<'_>,
    hint: KeyHint<'_>,
) -> bool {
    let (asks, db) = (command.asks(), ctx.keys.db);
    passes.is_some_and(|passes| passes.let_through(asks, &args, hint.key(), db))
        || users::denial_at_length(ctx.services, ctx.session, command, args).is_none()
}

/// Notes that a command took long. Returns whether time has gone on for the next one.
#[cold]
fn note_long(ctx: &mut Ctx<'_>, command: &'static Command, args: Args<'_>, spent_ns: u64) -> bool {
    if spent_ns >= ctx.services.slow_ns {
        call::note_own_slow(ctx, command, args, spent_ns);
    }
    spent_ns >= LONG_NS
}

/// Whether the last command has changed nothing but the keyspace, and the readers of the stream have heard of it.
fn was_plain(ctx: &Ctx<'_>, fed: bool, (db, expiry, now): &(u16, Expiry, Now)) -> bool {
    is_at_ease(ctx.session)
        && calm(ctx.services, ctx.sessions, ctx.fx) == Calm::of_run(fed)
        && ctx.fx.is_quiet()
        && ctx.session.parked.is_none()
        && !ctx.services.blocking.has_ready()
        && ctx.keys.space.journal.is_empty()
        && ctx.keys.expiry() == *expiry
        && (ctx.keys.db, ctx.keys.no_touch, ctx.now) == (*db, false, *now)
}

/// The statistics of commands that follow each other, written down when another one follows.
struct Tally {
    command: &'static Command,
    calls: u64,
    ns: u64,
}

impl Tally {
    fn new(command: &'static Command) -> Self {
        Self {
            command,
            calls: 0,
            ns: 0,
        }
    }

    #[inline]
    fn add(&mut self, services: &mut Services, command: &'static Command, spent_ns: u64) {
        if !std::ptr::eq(command, self.command) {
            self.end(services);
            *self = Self::new(command);
        }
        self.calls += 1;
        self.ns += spent_ns;
        if services.config.latency_tracking {
            services.stats.commands[command.index].note_latency(spent_ns);
        }
    }

    #[inline]
    fn end(&self, services: &mut Services) {
        write_down(services, self.command.index, self.calls, self.ns);
    }
}

/// The figures one by one, so that they need not be in memory before.
#[inline(never)]
fn write_down(services: &mut Services, index: usize, calls: u64, ns: u64) {
    let stats = &mut services.stats;
    stats.commands_processed += calls;
    stats.eventloop_commands_ns += ns;
    let stats = &mut stats.commands[index];
    stats.calls += calls;
    stats.ns += ns;
}
