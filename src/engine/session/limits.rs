//! How much of our memory a session may hold: in its input, in its output, altogether.
//!
//! Three limits keep one client from using memory that the others need. Input beyond `client-query-buffer-limit` ends
//! the connection. Output beyond `client-output-buffer-limit` does too: at once above the hard limit, after some
//! seconds above the soft one. And when all sessions together exceed `maxmemory-clients`, the largest is dropped until
//! they fit.
//!
//! A session over a limit is dropped without another word; its queued output is given up at once, because that was the
//! problem.
//!
//! Counting the memory of a session takes about as long as a small command, so it is done only while there is a limit
//! on the sum, and then for the sessions that had something to do in the turn.

use crate::base::slab::Id;
use crate::base::text;
use crate::config::{Config, OutputLimit, OutputLimits};

use crate::engine::Engine;
use crate::engine::session::{Class, Link, Session, Sessions, line};

/// The limit on a session's output.
pub(crate) fn output_limit(limits: &OutputLimits, session: &Session) -> OutputLimit {
    match session.class() {
        Class::Normal => limits.normal,
        Class::Pubsub => limits.pubsub,
        // What it has yet to be sent is kept in the stream; `replication` counts that.
        // And our primary is sent nothing but acknowledgements.
        Class::Replica | Class::Primary => OutputLimit::default(),
    }
}

/// Whether a session has more output than it may, or has had more than the soft limit for too long. Starts and stops
/// the soft limit's clock.
fn is_over(session: &mut Session, limits: &OutputLimits, now_us: u64) -> bool {
    if session.output.is_cut_off() {
        return true;
    }
    let OutputLimit {
        hard_bytes,
        soft_bytes,
        soft_s,
    } = output_limit(limits, session);
    let used = session.output.len() as u64;
    if (hard_bytes != 0 && used >= hard_bytes) || (session.is_stranger() && used > STRANGER_BYTES) {
        return true;
    }
    if soft_bytes == 0 || used < soft_bytes {
        session.soft_limit_since_us = 0;
        return false;
    }
    if session.soft_limit_since_us == 0 {
        session.soft_limit_since_us = now_us.max(1);
        return false;
    }
    (now_us - session.soft_limit_since_us) / 1_000_000 > soft_s
}

/// The most output of a session that has yet to say the password: refusals are short, and a client that does not read
/// them does not mean well.
const STRANGER_BYTES: u64 = 17 * 1024;

/// The most input of such a session: it has only a password to say.
pub(crate) const STRANGER_INPUT_BYTES: usize = 1024 * 1024;

impl Sessions {
    /// Lets the output itself see to it that a single reply does not outgrow the limit. Looked up for a whole run of
    /// requests: a session that becomes a subscriber in the middle has the other cap from the next run on.
    #[inline]
    pub(crate) fn cap_output(&self, session: &mut Session) {
        session
            .output
            .set_cap(output_limit(&self.output_limits, session).hard_bytes as usize);
    }

    /// Copies the limits of output. There are strangers only while the default user needs a password.
    pub(crate) fn adopt_output_limits(&mut self, config: &Config, needs_password: bool) {
        let limits = config.client_output_buffer_limit;
        self.output_limits = limits;
        let all = [limits.normal, limits.pubsub, limits.replica];
        let all = all
            .iter()
            .flat_map(|limit| [limit.hard_bytes, limit.soft_bytes]);
        // A stranger's output is judged by less than any configured limit may say.
        let strangers = needs_password.then_some(STRANGER_BYTES);
        self.output_limit_min = all
            .filter(|bytes| *bytes != 0)
            .chain(strangers)
            .min()
            .unwrap_or(u64::MAX);
    }

    /// Looks whether a session's output is within its limits, after something was appended to it. If not, it is marked
    /// for closing.
    #[inline]
    pub(crate) fn keep_output_to_limits(&mut self, session: &mut Session) {
        let output = &session.output;
        let is_small = self.is_within_limits(output.len()) && !output.is_cut_off();
        if !is_small || session.soft_limit_since_us != 0 || self.counts_memory {
            self.judge_output(session);
        }
    }

    /// Whether so much output is less than any limit says.
    #[inline]
    pub(crate) fn is_within_limits(&self, output_bytes: usize) -> bool {
        (output_bytes as u64) < self.output_limit_min
    }

    fn judge_output(&mut self, session: &mut Session) {
        if self.counts_memory {
            self.count_memory(session);
        }
        if session.is_cut() || !is_over(session, &self.output_limits, self.now_us) {
            return;
        }
        let line = line::text_at(session, self.now_us);
        log::warn!(
            "Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."
        );
        self.overflowed += 1;
        session.close_now();
        session.output.clear();
        self.to_close.push(session.id);
    }
}

impl Engine {
    /// Copies the sessions' part of the configuration, and counts their memory if it is limited now.
    pub(in crate::engine) fn adopt_limits(&mut self) {
        let needs_password = self.services.users.needs_password();
        self.sessions
            .adopt_output_limits(&self.services.config, needs_password);
        self.sessions.counts_memory = self.sessions_memory_max().is_some();
        if self.sessions.counts_memory {
            let ids: Vec<Id> = self.sessions.ids().collect();
            for id in ids {
                self.count_memory(id);
            }
        }
    }

    /// After a command, for its own session.
    #[inline]
    pub(in crate::engine) fn keep_to_limits(&mut self, session: &mut Session) {
        self.sessions.keep_output_to_limits(session);
    }

    /// Drops a session that has sent more than it may without letting any of it run.
    #[cold]
    pub(in crate::engine) fn check_input(&mut self, id: Id) {
        let config = &self.services.config;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let is_trusted = matches!(session.link, Link::Joining | Link::Primary);
        let within_limit = is_trusted
            || session.unexecuted() as u64 <= config.client_query_buffer_limit
                && !session.is_stranger();
        if within_limit {
            return;
        }
        let line = line::text(session, &self.now);
        let bytes = session.input.bytes();
        let first = text::quote(&bytes[..bytes.len().min(64)]);
        let first = self.services.loggable(&first);
        log::warn!(
            "Closing client that reached max query buffer length: {line} (qbuf initial bytes: {first})"
        );
        self.services.stats.query_buffer_limit_disconnections += 1;
        self.sessions.close(id);
    }

    /// How much all sessions together may hold, if that is limited.
    fn sessions_memory_max(&self) -> Option<usize> {
        let config = &self.services.config;
        match config.maxmemory_clients.of(config.maxmemory) as usize {
            0 => None,
            most => Some(most),
        }
    }

    pub(in crate::engine) fn count_memory(&mut self, id: Id) {
        if let Some(mut session) = self.sessions.lend(id) {
            self.sessions.count_memory(&mut session);
            self.sessions.put_back(session);
        }
    }

    /// Counts anew the memory of the sessions that have sent something, and drops the largest sessions while all
    /// together are over the limit.
    pub(in crate::engine) fn evict_sessions(&mut self, changed: &[Id]) {
        if !self.sessions.counts_memory {
            return;
        }
        let Some(most) = self.sessions_memory_max() else {
            return;
        };
        for &id in changed {
            self.count_memory(id);
        }
        while self.sessions.memory >= most && self.services.debug.client_eviction {
            // Linear in the number of sessions, but only while we are over the limit.
            let may_go = |session: &&Session| {
                !(session.no_evict || session.is_cut() || session.link == Link::Internal)
                    && matches!(session.class(), Class::Normal | Class::Pubsub)
            };
            let Some(largest) = self
                .sessions
                .iter()
                .filter(may_go)
                .max_by_key(|session| session.memory_counted)
            else {
                break;
            };
            let id = largest.id;
            log::info!("Evicting client: {}", line::text(largest, &self.now));
            self.services.stats.evicted_clients += 1;
            if let Some(session) = self.sessions.get_mut(id) {
                session.output.clear();
                let counted = std::mem::take(&mut session.memory_counted);
                self.sessions.memory = self.sessions.memory.saturating_sub(counted);
            }
            self.sessions.close(id);
        }
    }
}
