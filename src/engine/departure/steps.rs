//! The steps to the end: it is asked for, held up, called off, and comes.

use crate::engine::Engine;
use crate::engine::clock::Now;
use crate::engine::departure::Begun;
use crate::engine::replication::name_of;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::{Ask, Effects, Shutdown};
use crate::engine::services::Services;
use crate::engine::session::Sessions;
use crate::engine::waiting::pause::Holder;
use crate::observe::banner;
use crate::repl::Stage;
use crate::spec::error::Error;
use crate::wire::args::Args;

impl Ctx<'_> {
    /// SHUTDOWN: the session waits for the end. A second wish changes nothing in the first.
    pub(crate) fn depart(&mut self, args: Args<'_>, how: Shutdown) {
        self.park_for_shell(args);
        self.services.departure.waiting.push(self.session.id);
        begin(self.services, self.fx, how, self.now);
    }

    /// SHUTDOWN ABORT. Returns whether there was anything to abort.
    pub(crate) fn call_departure_off(&mut self) -> bool {
        let departure = &mut self.services.departure;
        let was_begun = departure.begun.take().is_some();
        if !was_begun && departure.scheduled.is_none() {
            return false;
        }
        departure.scheduled = None;
        departure.is_called_off = true;
        self.services.pause.hold_writes(Holder::Shutdown, false);
        self.fx.ask(Ask::Stay);
        true
    }
}

fn begin(services: &mut Services, fx: &mut Effects, how: Shutdown, now: Now) {
    if services.departure.is_under_way() {
        return;
    }
    log::info!("{}", banner::SHUTDOWN_REQUESTED);
    fx.ask(Ask::Leave);
    let patience_ms = i64::from(services.config.shutdown_timeout_s) * 1000;
    let offset = services.replication.history.offset();
    let waits = !how.now && patience_ms != 0 && !replicas_are_level(services, offset);
    if waits {
        log::info!("Waiting for replicas before shutting down.");
        services.pause.hold_writes(Holder::Shutdown, true);
        services.replication.wants_acks = true;
    }
    services.departure.begun = Some(Begun {
        how,
        until_ms: waits.then_some(now.unix_ms + patience_ms),
        offset,
    });
}

/// Whether all replicas have the stream up to here.
fn replicas_are_level(services: &Services, offset: u64) -> bool {
    let mut following = services.replication.attached();
    following.all(|replica| replica.wishes.rdb_only || replica.acked >= offset)
}

/// Says in the log who is behind.
fn report_replicas(services: &Services, sessions: &Sessions, offset: u64, now_s: i64) {
    let (mut count, mut level) = (0, 0);
    for replica in services.replication.attached() {
        count += 1;
        if replica.acked >= offset {
            level += 1;
            continue;
        }
        let Some(session) = sessions.get(replica.id) else {
            continue;
        };
        let lag_s = if replica.stage == Stage::Online {
            replica.lag_s(now_s)
        } else {
            0
        };
        log::info!(
            "Lagging replica {} reported offset {} behind master, lag={lag_s}, state={}.",
            name_of(session, Some(replica)),
            offset - replica.acked,
            replica.state().unwrap_or_default()
        );
    }
    if count > 0 {
        log::info!("{level} of {count} replicas are in sync when shutting down.");
    }
}

impl Engine {
    /// A signal says that the process is to end.
    pub(crate) fn handle_signal(&mut self, how: Shutdown) {
        self.services.departure.scheduled = Some(how);
    }

    /// Somebody has asked for the end, and nothing holds it up. If it cannot come, [`Engine::handle_stay`] is called.
    pub(crate) fn poll_shutdown(&mut self) -> Option<Shutdown> {
        if self.services.departure.is_called_off {
            self.handle_stay();
            return None;
        }
        if !self.services.debug.cron_paused
            && let Some(how) = self.services.departure.scheduled.take()
        {
            begin(&mut self.services, &mut self.fx, how, self.now);
        }
        self.poll_departure()
    }

    /// The same for an end that has been begun already.
    pub(crate) fn poll_departure(&mut self) -> Option<Shutdown> {
        let begun = self.services.departure.begun.as_ref()?;
        let (how, offset) = (begun.how, begun.offset);
        let is_over = (begun.until_ms).is_none_or(|until_ms| self.now.unix_ms >= until_ms);
        if !is_over && !replicas_are_level(&self.services, offset) {
            return None;
        }
        let now_s = self.now.unix_ms / 1000;
        report_replicas(&self.services, &self.sessions, offset, now_s);
        Some(how)
    }

    /// The server goes on. Those that wait for its end hear that it could not come.
    pub fn handle_stay(&mut self) {
        let departure = std::mem::take(&mut self.services.departure);
        self.services.pause.hold_writes(Holder::Shutdown, false);
        for id in departure.waiting {
            let refusal = Error::from("ERR Errors trying to SHUTDOWN. Check logs.");
            self.answer_parked(id, Err(refusal));
        }
    }
}
