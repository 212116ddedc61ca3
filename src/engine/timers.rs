//! The events that nobody asks for: deadlines, idle clients, samples. Each is worked off within a budget.

use crate::base::time::Clock;
use crate::keyspace::Expiry;
use crate::store::tsc::{self, Rate};

use crate::engine::Engine;
use crate::engine::run::ctx::Origin;
use crate::engine::session::{Link, Session};

#[derive(Default)]
pub(crate) struct Cron {
    pub(super) next_us: u64,
    /// Where the walk over the sessions goes on.
    sessions_at: usize,
    next_sample_us: u64,
    /// When the present turn began, by the processor's counter.
    pub(super) woke_ticks: u64,
    /// How many commands had been run when the last turn ended.
    pub(super) commands_before: u64,
}

impl Cron {
    pub(crate) fn new() -> Self {
        Self {
            woke_ticks: tsc::ticks(),
            ..Self::default()
        }
    }

    /// Whether no command was run in this turn, of so many in all.
    pub(super) fn is_idle_turn(&self, commands: u64) -> bool {
        commands == self.commands_before
    }
}

/// How many records of the expiry wheels are looked at per turn: about a quarter of a millisecond.
const EXPIRY_BUDGET: usize = 1024;

/// How long to sleep when nothing is due; the cron runs at least ten times a second.
const SAMPLE_US: u64 = 100_000;

impl Engine {
    /// Nothing expires by itself while DEBUG forbids it, while readers may remove nothing, or while the data set is not
    /// all there.
    fn expires_actively(&self) -> bool {
        !self.services.server.is_loading
            && self.services.debug.active_expire
            && Origin::Client.expiry(&self.services, self.now.unix_ms) == Expiry::Remove
    }

    pub(super) fn next_expiry_ms(&self) -> Option<i64> {
        if self.expires_actively() {
            self.keyspace.next_due_ms()
        } else {
            None
        }
    }

    /// Removes keys that are due; returns whether some are left.
    pub(super) fn expire_keys(&mut self) -> bool {
        if self
            .next_expiry_ms()
            .is_none_or(|due_ms| due_ms > self.now.unix_ms)
        {
            return false;
        }
        let started = tsc::ticks();
        self.keyspace.journal.interest = Self::listeners(&self.services);
        let mut budget = EXPIRY_BUDGET;
        let is_behind = self.keyspace.expire_due(self.now.unix_ms, &mut budget);
        let spent_ns = self.services.rate.nanos(tsc::ticks().wrapping_sub(started));
        let stats = &mut self.services.stats;
        stats.expire_cycle_ns += spent_ns;
        stats.expire_turns_unfinished += u64::from(is_behind);
        self.services
            .note_latency("expire-cycle", spent_ns, self.now.unix_ms);
        if !self.keyspace.journal.is_empty() {
            self.settle();
            self.serve_waiters();
        }
        is_behind
    }

    /// Removes what clients of a replica have written and what is due. Our primary knows nothing of it.
    fn expire_own_keys(&mut self) {
        if self.keyspace.own_count() == 0 || !self.services.debug.active_expire {
            return;
        }
        if !self.services.replication.is_replica() {
            self.keyspace.forget_own();
            return;
        }
        self.keyspace.journal.interest = Self::listeners(&self.services);
        self.keyspace.expire_own(self.now.unix_ms, EXPIRY_BUDGET);
        if !self.keyspace.journal.is_empty() {
            self.settle();
            self.serve_waiters();
        }
    }

    pub(super) fn run_cron(&mut self) {
        let hz = self.services.config.hz.clamp(1, 500) as u64;
        self.cron.next_us = self.now.monotonic_us + 1_000_000 / hz;
        if self.services.debug.cron_paused {
            return;
        }
        if self.now.monotonic_us >= self.cron.next_sample_us {
            self.cron.next_sample_us = self.now.monotonic_us + SAMPLE_US;
            self.services.stats.sample(self.now.unix_ms);
            self.services.server.note_memory(self.now.unix_ms);
            self.consider_defrag();
        }
        let discarded = std::mem::take(&mut self.services.stats.discarded_errors);
        if !discarded.is_empty() {
            let objects = discarded.len() as u64;
            self.keyspace.free_lazily(discarded, objects);
        }
        self.services.stats.output_buffer_limit_disconnections +=
            std::mem::take(&mut self.sessions.overflowed);
        self.trim_tracking();
        self.do_replication_duties();
        self.expire_own_keys();
        self.start_rewrite();
        self.start_saves();
        self.visit_sessions(hz as usize);
    }

    /// Looks at a share of the sessions, so that each is seen about once a second: closes those that have been idle
    /// or over a limit for too long, gives back the buffers of quiet ones.
    fn visit_sessions(&mut self, hz: usize) {
        let slots = self.sessions.slots();
        let share = slots.div_ceil(hz).max(SESSIONS_SHARE_MIN).min(slots);
        for _ in 0..share {
            let at = self.cron.sessions_at % slots;
            self.cron.sessions_at = at + 1;
            let Some(id) = self.sessions.at_slot(at).map(|session| session.id) else {
                continue;
            };
            if let Some(mut session) = self.sessions.lend(id) {
                self.visit_session(&mut session);
                self.sessions.put_back(session);
            }
        }
    }

    fn visit_session(&mut self, session: &mut Session) {
        if session.is_cut() {
            return;
        }
        let now_us = self.now.monotonic_us;
        let idle_us = now_us.saturating_sub(session.last_active_us);
        let timeout_us = u64::from(self.services.config.timeout_s) * 1_000_000;
        if timeout_us > 0 && idle_us > timeout_us && !may_idle(session) {
            log::debug!("Closing idle client");
            session.close_now();
            self.sessions.to_close.push(session.id);
            return;
        }
        self.sessions.keep_output_to_limits(session);
        if now_us.saturating_sub(session.peaks_since_us) > PEAKS_FORGOTTEN_US {
            session.peaks_since_us = now_us;
            session.output_peak = session.output.len() as u32;
            session.input_peak = session.input.memory() as u32;
        }
        session.input.forget_big();
        if idle_us > QUIET_US {
            session.output.release();
            session.input.shrink();
            session.output_peak = 0;
            session.input_peak = session.input.memory() as u32;
        }
    }
}

/// Whether a session is expected to be silent: it listens, waits, or is no ordinary client.
fn may_idle(session: &Session) -> bool {
    let is_client = matches!(session.link, Link::Client | Link::Monitor);
    session.is_subscribed() || !is_client || session.parked.is_some()
}

/// So many sessions at least are looked at in each round of the cron.
const SESSIONS_SHARE_MIN: usize = 5;

/// A session that has said nothing for so long is quiet, and gets on without buffers.
const QUIET_US: u64 = 2_000_000;

/// How long a session is remembered to have needed a large buffer.
const PEAKS_FORGOTTEN_US: u64 = 5_000_000;

/// Compares the processor's counter with the clock for a moment. A wound clock does not move by itself; then a tick
/// counts as a nanosecond.
pub(super) fn measure_rate(clock: &Clock) -> Rate {
    let (ticks, started_us) = (tsc::ticks(), clock.monotonic_us());
    for _ in 0..100_000 {
        let now_us = clock.monotonic_us();
        if now_us - started_us >= 1000 {
            return Rate::measure((ticks, tsc::ticks()), (started_us * 1000, now_us * 1000));
        }
        std::hint::spin_loop();
    }
    Rate::measure((0, 0), (0, 0))
}
