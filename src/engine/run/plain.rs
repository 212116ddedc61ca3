//! Plain commands while all is quiet, which is nearly all of the work of nearly every server.
//!
//! A *plain* command concerns the keyspace and nothing else: it reads or writes keys, waits for nobody, and changes no
//! session, no parameter and no service. Its row says so. All is *quiet* while nobody has asked to be told of commands
//! or of changes, and nothing bars the session's way: the gate stands open. Then a plain command has no consequences,
//! and after it all is as quiet as before. So a run of plain commands of one session is admitted as a whole; one
//! [`Ctx`] does for all of them, and for each there is left to run it and to count it.
//!
//! This is a short cut: what is left out is what `Engine::run_request` would find to have no effect. That commands are
//! as plain as their rows say, is asserted after each one.

use crate::keyspace::journal::interest;
use crate::keyspace::{Expiry, Keys};
use crate::store::tsc;
use crate::wire::reply::Reply;
use crate::wire::request::Batch;

use crate::engine::Engine;
use crate::engine::clock::{LONG_NS, Now, read_clock};
use crate::engine::prefetch::Pending;
use crate::engine::run::command::Command;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::Effects;
use crate::engine::run::{call, gate};
use crate::engine::services::Services;
use crate::engine::session::{Replies, Session, Sessions};
use crate::engine::users;

/// Whether plain commands have no consequences, and may run, as far as the session has a say in it.
#[inline]
pub(in crate::engine) fn is_at_ease(session: &Session) -> bool {
    gate::is_unhindered(session)
        && session.replies == Replies::On
        && !session.no_touch
        && session.tracking.is_none()
        && session.soft_limit_since_us == 0
}

/// The same, as far as all others have.
fn all_are_quiet(services: &Services, sessions: &Sessions, fx: &Effects) -> bool {
    gate::stands_open(services)
        && !sessions.counts_memory
        && services.monitors.is_empty()
        && services.config.cluster_compatibility_sample_ratio == 0
        && !fx.listening
        && Engine::listeners(services) == interest::NOBODY
}

impl Engine {
    /// Looks whether all is quiet. Once a turn, and after whatever may have changed it: plain commands do not.
    #[inline(never)]
    pub(in crate::engine) fn look_around(&mut self) {
        self.is_quiet = all_are_quiet(&self.services, &self.sessions, &self.fx);
    }

    /// Runs the plain commands that `run` begins with, the first of which is `command` and stands in the batch at `at`.
    /// Returns how many ran, which is at least that one; but where each is `ASKED` about, only up to the first that the
    /// user may not run.
    #[inline(never)]
    pub(in crate::engine) fn run_plain<'a, const ASKED: bool>(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        (batch, at): (&'a Batch, usize),
        bytes: &'a [u8],
        run: &[Pending],
    ) -> usize {
        self.keyspace.journal.interest = interest::NOBODY;
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
        let (mut ran, mut is_late) = (0, false);
        let mut tally = Tally::new(command);
        let noteworthy_ns = ctx.services.slow_ns.min(LONG_NS);
        // The end of one command is the beginning of the next.
        let mut ticks = tsc::ticks();
        for (pending, args) in run.iter().zip(batch.all_args(at, bytes)) {
            let Some(command) = pending.plain_command() else {
                break;
            };
            if ASKED && users::denial(ctx.services, ctx.session, command, args).is_some() {
                break;
            }
            ctx.keys
                .set_hint(command.first_key_hint(args, pending.hash));
            let spent_ns = call::call_plain(&mut ctx, command, args, &mut ticks);
            tally.add(ctx.services, command, spent_ns);
            ran += 1;
            debug_assert!(
                was_plain(&ctx, &(db, expiry, now)),
                "{} is not plain",
                command.name()
            );
            if spent_ns >= noteworthy_ns {
                if spent_ns >= ctx.services.slow_ns {
                    // Taken out of the batch again, since what is kept across the call must be copied for it.
                    let args = batch.args(at + ran - 1, bytes);
                    call::note_own_slow(&mut ctx, command, args, spent_ns);
                }
                // Time has gone on for the next command.
                is_late = spent_ns >= LONG_NS;
                if is_late {
                    break;
                }
            }
            // There may be more output than is allowed.
            if !ctx.sessions.is_within_limits(ctx.reply.unsent()) || ctx.reply.is_cut_off() {
                break;
            }
        }
        tally.end(ctx.services);
        session.last_command = Some(&ctx.command.facts);
        session.commands_processed += ran as u64;
        if is_late {
            self.now = read_clock(&self.clock);
        }
        self.give_output_back(session, was_empty);
        self.keep_to_limits(session);
        if session.is_closing() {
            self.sessions.to_close.push(session.id);
        }
        ran
    }
}

/// Whether the last command has changed nothing but the keyspace.
fn was_plain(ctx: &Ctx<'_>, (db, expiry, now): &(u16, Expiry, Now)) -> bool {
    is_at_ease(ctx.session)
        && all_are_quiet(ctx.services, ctx.sessions, ctx.fx)
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
