//! The append-only log: what goes into it, and what is known of its files.
//!
//! After each outermost command what it propagates is turned into bytes here; the shell takes them at the end of the
//! turn, before any reply leaves, and has the files. Several commands that one caused stand between MULTI and EXEC.
//!
//! A rewrite begins with a cut: bytes before it belong to the old files, bytes after it to a new one, and the snapshot
//! is of the very instant between them.

use crate::persist::aof::Feed;
use crate::spec::flags::flag as command_flag;

use super::Engine;
use super::command::Command;
use super::effects::Propagated;
use super::snapshot::{Ended, Purpose};

/// Whether there is a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Off,
    On,
    /// It was just switched on: its first base is being written, and what happens meanwhile is kept beside it.
    Beginning,
}

/// The log as the engine knows it. Times are in seconds of Unix time.
#[derive(Debug, Default)]
pub struct Appending {
    pub state: State,
    pub feed: Feed,
    /// Bytes before the cut, for the old file.
    pub before_cut: Option<Vec<u8>>,
    /// All files together, and what they were after the last rewrite.
    pub size: u64,
    pub base_size: u64,
    pub is_rewrite_scheduled: bool,
    pub last_rewrite_took_s: Option<i64>,
    pub last_rewrite_failed: bool,
    pub rewrites: u64,
    pub failures_in_a_row: u64,
    /// Not before this time a rewrite starts by itself.
    next_rewrite_s: i64,
    delay_minutes: i64,
    /// Why the last write failed.
    pub write_error: Option<String>,
    /// Why the last synchronisation failed.
    pub sync_error: Option<String>,
    /// Bytes that wait to be written.
    pub unwritten: usize,
    pub delayed_fsyncs: u64,
    /// The thread is busy with the disk.
    pub is_syncing: bool,
    /// How many commands were ever put into the log, and what this was at the cut; up to where they are in a file, and
    /// up to where the disk has them: for WAITAOF. Commands are counted and not bytes, since checksums come between.
    pub offset: u64,
    pub cut_offset: u64,
    pub written_offset: u64,
    pub synced_offset: u64,
    /// What those who wait for the disk were last told.
    told: (State, u64),
}

/// After so many failures in a row, rewrites become rare.
const FAILURES_MAX: u64 = 3;
const DELAY_MAX_MINUTES: i64 = 60;

impl Appending {
    /// Whether commands are to be written down.
    #[inline]
    pub fn is_fed(&self) -> bool {
        self.state != State::Off
    }

    /// Why the disk does not have what it should.
    pub fn error(&self) -> Option<&str> {
        let error = self.write_error.as_ref().or(self.sync_error.as_ref());
        error.filter(|_| self.is_fed()).map(String::as_str)
    }

    /// How much the log has grown since its base was written, in percent.
    fn growth_percent(&self) -> u64 {
        (u128::from(self.size) * 100 / u128::from(self.base_size.max(1))).saturating_sub(100) as u64
    }

    /// From here on bytes belong to a new file.
    pub fn cut(&mut self) {
        let bytes = self.feed.cut();
        self.before_cut.get_or_insert_default().extend(bytes);
        self.cut_offset = self.offset;
    }

    /// Whether the disk has all up to this offset. While the first base is written, what came before it is nowhere.
    pub fn is_on_disk(&self, offset: u64) -> bool {
        self.state == State::On && self.synced_offset >= offset
    }

    /// Whether `is_on_disk` may say something else than when this was last asked.
    pub(super) fn has_news(&mut self) -> bool {
        let present = (self.state, self.synced_offset);
        std::mem::replace(&mut self.told, present) != present
    }
}

impl Engine {
    /// Turns what a command propagates into bytes.
    #[cold]
    pub(super) fn append_effects(&mut self, command: &Command) {
        let stream = std::mem::take(&mut self.fx.stream);
        // What a walk over keys comes across by chance does not belong together.
        let belongs = stream.len() > 1 && !command.has(command_flag::TOUCHES_ARBITRARY_KEYS);
        let now_s = self.noted_time();
        let feed = &mut self.services.appending.feed;
        if belongs {
            feed.bracket(b"MULTI", now_s);
        }
        for Propagated { db, args } in &stream {
            feed.command(*db, args.as_args().iter(), now_s);
        }
        if belongs {
            feed.bracket(b"EXEC", now_s);
        }
        self.services.appending.offset += stream.len() as u64;
        let mut stream = stream;
        stream.clear();
        self.fx.stream = stream;
    }

    /// Writes down what went by itself, outside of commands.
    pub(super) fn append_removals(&mut self) {
        if self.fx.listening {
            self.fx.note_removals(&self.keyspace.journal);
            let now_s = self.noted_time();
            for Propagated { db, args } in self.fx.stream.drain(..) {
                let feed = &mut self.services.appending.feed;
                feed.command(db, args.as_args().iter(), now_s);
                self.services.appending.offset += 1;
            }
        }
        self.fx.facts_seen = 0;
    }

    /// The time that goes into the log, if times do.
    fn noted_time(&self) -> Option<i64> {
        let config = &self.services.config;
        config
            .aof_timestamp_enabled
            .then_some(self.now.unix_ms / 1000)
    }

    /// Says whether there is a log from now on.
    pub fn set_appending(&mut self, state: State) {
        self.services.appending.state = state;
        self.fx.listening = self.services.appending.is_fed();
        self.fx.stream.clear();
        if state == State::Off {
            self.services.appending.feed.cut();
            self.services.appending.before_cut = None;
        }
    }

    /// What the shell is to write at the end of the turn: bytes for the old file if there was a cut, and bytes for the
    /// present one.
    pub fn take_appended(&mut self) -> (Option<Vec<u8>>, Vec<u8>) {
        let appending = &mut self.services.appending;
        (
            appending.before_cut.take(),
            std::mem::take(&mut appending.feed.bytes),
        )
    }

    /// The first rewrite of a log that was just switched on, as soon as there is no other snapshot.
    pub fn begin_rewrite_soon(&mut self) {
        self.services.appending.is_rewrite_scheduled = true;
        self.services.appending.failures_in_a_row = 0;
        self.start_rewrite();
    }

    /// A rewrite has ended.
    pub fn rewrite_ended(&mut self, ended: Ended, started_s: i64) {
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
    pub(super) fn start_rewrite(&mut self) {
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
