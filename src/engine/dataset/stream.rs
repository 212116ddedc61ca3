//! The append-only log: commands become bytes, and news of its files is taken notice of.
//!
//! The propagated commands of each outermost command are turned into bytes here. The shell takes them at the end of the
//! turn ([`Engine::poll_log`]), before any reply leaves, and writes them; the outcome comes back as [`News`]
//! ([`Engine::handle_log`]). Several commands that one caused stand between MULTI and EXEC.
//!
//! A rewrite begins with a cut: bytes before it belong to the old files, bytes after it to a new one, and the snapshot
//! is of the very instant between them.

use super::appending::State;
use super::news::{Appended, Cut, LogTerms, News};
use super::order::{Ended, Purpose};
use crate::engine::Engine;

/// After so many failures in a row, rewrites become rare.
const FAILURES_MAX: u64 = 3;
const DELAY_MAX_MINUTES: i64 = 60;

impl Engine {
    /// Whether there is a log.
    pub(crate) fn log_state(&self) -> State {
        self.services.appending.state
    }

    /// Under which circumstances the log's files are written just now.
    pub(crate) fn log_terms(&self) -> LogTerms<'_> {
        LogTerms {
            config: &self.services.config,
            now: self.now,
            state: self.services.appending.state,
            is_saving: self.services.snapshots.running.is_some(),
            rate: self.services.rate,
            sleep_us: self.services.debug.aof_flush_sleep_us,
        }
    }

    /// The bytes that the shell is to write at the end of the turn. `None`: there is no log.
    pub fn poll_log(&mut self) -> Option<Appended> {
        let appending = &mut self.services.appending;
        if appending.state == State::Off {
            return None;
        }
        let upto = appending.cut_offset;
        Some(Appended {
            before_cut: appending.before_cut.take().map(|bytes| Cut { bytes, upto }),
            bytes: std::mem::take(&mut appending.feed.bytes),
            upto: appending.offset,
        })
    }

    /// Takes notice of changes to the log's files.
    pub fn handle_log(&mut self, news: News) {
        let now_ms = self.now.unix_ms;
        let appending = &mut self.services.appending;
        match news {
            News::Opened => self.set_appending(State::On),
            News::Begun => self.begin_log(),
            News::Closed => self.set_appending(State::Off),
            News::Size(size) => appending.size = size,
            News::BaseSize(size) => appending.base_size = size,
            News::Rebased { size } => {
                (appending.size, appending.base_size) = (size, size);
                if appending.state == State::Beginning {
                    appending.state = State::On;
                }
            }
            News::NoBase => appending.last_rewrite_failed = true,
            News::RewriteFailed => {
                appending.last_rewrite_failed = true;
                appending.failures_in_a_row += 1;
            }
            News::Synced { upto } => appending.synced_offset = upto,
            News::Waiting { bytes, is_syncing } => {
                (appending.unwritten, appending.is_syncing) = (bytes, is_syncing);
            }
            News::Delayed => appending.delayed_fsyncs += 1,
            News::Spent(ns) => self.services.stats.eventloop_aof_ns += ns,
            News::Took { what, spent_ns } => self.services.note_latency(what, spent_ns, now_ms),
            News::WriteFailed(reason) => appending.write_error = Some(reason),
            News::WriteWorks if appending.write_error.take().is_some() => {
                log::warn!("AOF write error looks solved. The server can write again.");
            }
            News::SyncFailed(reason) => {
                if appending.sync_error.as_ref() != Some(&reason) {
                    log::warn!("Fail to fsync the AOF file: {reason}");
                }
                appending.sync_error = Some(reason);
            }
            News::SyncWorks if appending.sync_error.take().is_some() => {
                log::warn!("AOF fsync error looks solved. The server can write again.");
                // A kernel may have dropped bytes that it could not write, and be content now. A rewrite writes all of
                // it once more.
                appending.is_rewrite_scheduled = true;
            }
            News::WriteWorks | News::SyncWorks => {}
            News::IsSound => appending.sync_error = None,
            News::NamesUnsure(reason) => appending.sync_error = Some(reason),
        }
    }

    /// The log was switched on: its first rewrite begins as soon as there is no other snapshot.
    fn begin_log(&mut self) {
        let appending = &mut self.services.appending;
        if appending.sync_error.take().is_some() {
            log::warn!("AOF reopen, just ignore the AOF fsync error in bio job");
        }
        if appending.write_error.take().is_some() {
            log::warn!("AOF reopen, just ignore the last error.");
        }
        log::info!("AOF background was scheduled");
        appending.is_rewrite_scheduled = true;
        appending.failures_in_a_row = 0;
        self.set_appending(State::Beginning);
        self.start_rewrite();
    }

    fn set_appending(&mut self, state: State) {
        self.services.appending.state = state;
        self.update_listening();
        self.fx.stream.clear();
        if state == State::Off {
            self.services.appending.feed.cut();
            self.services.appending.before_cut = None;
        }
    }

    /// A rewrite has ended.
    pub(in crate::engine) fn rewrite_ended(&mut self, ended: Ended, started_s: i64) {
        let now_s = self.now.unix_ms / 1000;
        let appending = &mut self.services.appending;
        appending.last_rewrite_took_s = Some(now_s - started_s);
        match ended {
            Ended::Well => {
                appending.last_rewrite_failed = false;
                appending.failures_in_a_row = 0;
            }
            Ended::Badly => {
                log::warn!("Background AOF rewrite terminated with error");
                appending.last_rewrite_failed = true;
                appending.failures_in_a_row += 1;
            }
            Ended::Abandoned => log::warn!("Background AOF rewrite terminated on request"),
        }
    }

    /// Starts a rewrite that was asked for or that the size of the log calls for.
    pub(in crate::engine) fn start_rewrite(&mut self) {
        if self.services.snapshots.running.is_some() || self.services.server.is_loading {
            return;
        }
        let now_s = self.now.unix_ms / 1000;
        let config = &self.services.config;
        let (percent, least) = (
            u64::from(config.auto_aof_rewrite_percentage),
            config.auto_aof_rewrite_min_size,
        );
        let appending = &self.services.appending;
        let is_grown = appending.state == State::On
            && percent != 0
            && appending.size > least
            && appending.growth_percent() >= percent;
        let must_begin = appending.state == State::Beginning;
        if !(appending.is_rewrite_scheduled || is_grown || must_begin)
            || self.is_rewrite_limited(now_s)
        {
            return;
        }
        if is_grown && !self.services.appending.is_rewrite_scheduled {
            log::info!(
                "Starting automatic rewriting of AOF on {}% growth",
                self.services.appending.growth_percent()
            );
        }
        self.begin_snapshot(Purpose::AofRewrite);
    }

    /// A rewrite that fails again and again is tried less and less often.
    fn is_rewrite_limited(&mut self, now_s: i64) -> bool {
        let appending = &mut self.services.appending;
        if appending.failures_in_a_row < FAILURES_MAX {
            (appending.next_rewrite_s, appending.delay_minutes) = (0, 0);
            return false;
        }
        if appending.next_rewrite_s != 0 {
            let is_too_early = now_s < appending.next_rewrite_s;
            if !is_too_early {
                appending.next_rewrite_s = 0;
            }
            return is_too_early;
        }
        appending.delay_minutes = (2 * appending.delay_minutes).clamp(1, DELAY_MAX_MINUTES);
        appending.next_rewrite_s = now_s + appending.delay_minutes * 60;
        log::warn!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {} minutes",
            appending.delay_minutes
        );
        true
    }
}
