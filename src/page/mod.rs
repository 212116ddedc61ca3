//! The live page: the running loop, shown by the loop itself.
//!
//! A second program on the loop of the server, behind the router. It speaks HTTP to browsers and to collectors of
//! metrics, and holds everything it sends: the files of the page are part of the binary, and none of them names another
//! host. It asks the server around it for facts once a turn at most, at the moment at which the router lets the two
//! talk ([`Page::talk`]); all requests that came in a turn are answered then, after the clients' requests have run.
//!
//! ```text
//!  GET /          the page           GET /healthz   is the server alive
//!  GET /metrics   for Prometheus     GET /events    turns and figures, as they happen
//!  GET /place     where a key is     POST /prompt   runs a command as a client would
//! ```
//!
//! What must hold: the page changes nothing but by what is typed at its prompt, and that as a client. What it keeps is
//! bounded: callers, the bytes of a caller's request, the bytes that wait for a caller; a caller who is slow loses its
//! connection, and one who watches and does not read loses frames first. Nobody is answered who should not be.
//!
//! Not known here: the engine. Facts come as plain data through [`Host`].

mod assets;
mod callers;
mod facts;
mod frames;
mod guard;
mod http;
mod json;
mod metrics;
mod prompt;
mod routes;
mod turns;

use std::sync::Arc;

use crate::base::output::Output;
use crate::reactor::{App, Closed, ConnId, Io, Peer, Sleep, Turn};
use crate::store::tsc::Rate;

use callers::Callers;
pub(crate) use facts::{Health, Host, Pair, Way};
use frames::Frames;
use prompt::Prompts;
use turns::Turns;

/// What the configuration says of the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Empty: there is none.
    pub(crate) token: Vec<u8>,
    /// It can be reached from this machine only.
    pub(crate) is_local: bool,
    /// What the prompt may do, in the word of the configuration.
    pub(crate) prompt: &'static str,
}

pub(crate) struct Page {
    settings: Settings,
    /// When this turn began, or the one before it, on the server's clock.
    now_us: u64,
    callers: Callers,
    turns: Turns,
    frames: Frames,
    prompts: Prompts,
    /// The engine notes the requests of this turn.
    is_noting: bool,
    /// When it may do so again.
    next_noted_us: u64,
    /// When something costly may be made again.
    next_costly_us: u64,
    /// When slow callers are looked for again.
    next_look_us: u64,
    /// How much of the turn at hand is the page's own: callers who were heard, and written to.
    own_clients: u32,
    own_writes: u32,
}

impl Page {
    /// `rate` explains the stamps of the turns.
    pub(crate) fn new(settings: Settings, rate: Rate) -> Page {
        Page {
            settings,
            now_us: 0,
            callers: Callers::default(),
            turns: Turns::new(rate),
            frames: Frames::default(),
            prompts: Prompts::default(),
            is_noting: false,
            next_noted_us: 0,
            next_costly_us: 0,
            next_look_us: 0,
            own_clients: 0,
            own_writes: 0,
        }
    }

    /// The page may ask, and answers what it was asked.
    pub(crate) fn talk(&mut self, io: &mut Io, host: &mut dyn Host) {
        let (unix_ms, now_us) = host.now();
        self.now_us = now_us;
        if self.callers.are_idle() && self.prompts.are_idle() && !self.is_noting {
            return;
        }
        self.turns.now.woke_us = now_us;
        if self.is_noting {
            host.take_requests(&mut self.turns.now.requests);
            self.turns.now.is_noted = true;
        }
        self.answer_some(io, host);
        self.answer_prompts(io, host);
        let is_watched = self.callers.viewer_count() > 0;
        if is_watched && self.now_us >= self.frames.next_us {
            self.send_frame(io, host, unix_ms);
        }
        self.decide_noting(host, is_watched);
        if now_us >= self.next_look_us {
            self.next_look_us = now_us + LOOK_EVERY_US;
            self.callers.part_with_slow(io, now_us);
        }
    }

    fn send_frame(&mut self, io: &mut Io, host: &mut dyn Host, unix_ms: i64) {
        let now = (unix_ms, self.now_us);
        let frame = self.frames.next(&mut self.turns, host, now);
        let frame = Arc::new(frame.into_bytes());
        for (id, caller) in self.callers.viewers() {
            // Who is behind by that much misses frames, and has its connection closed if it goes on.
            if caller.output.len() < BEHIND_BYTES_MAX {
                caller.output.push_shared(frame.clone(), 0..frame.len());
                io.want_write(id);
            }
        }
    }

    /// Whether the requests of the next turn are noted.
    fn decide_noting(&mut self, host: &mut dyn Host, is_watched: bool) {
        let is_due = self.now_us >= self.next_noted_us;
        let is_noting = is_watched && (is_due || self.prompts.are_waiting());
        if is_noting != self.is_noting {
            self.is_noting = is_noting;
            host.note_requests(is_noting);
        }
    }
}

impl App for Page {
    fn opened(&mut self, io: &mut Io, id: ConnId, _peer: &Peer) {
        self.callers.welcome(io, id, self.now_us);
    }

    fn input(&mut self, id: ConnId) -> &mut [u8] {
        if self.prompts.has(id) {
            return self.prompts.space(id);
        }
        self.callers.space(id)
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        if self.prompts.has(id) {
            return self.prompts.filled(id, count);
        }
        self.callers.filled(id, count);
    }

    fn received(&mut self, _io: &mut Io, group: &[ConnId]) {
        self.own_clients += group.len() as u32;
        self.callers.heard(group);
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.prompts.output(id).or_else(|| self.callers.output(id))
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, _count: usize) {
        self.own_writes += 1;
        self.callers.wrote(io, id, self.now_us);
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, _why: Closed) {
        self.callers.forget(id);
        self.prompts.forget(io, id);
    }

    fn before_sleep(&mut self, _io: &mut Io) -> Sleep {
        if self.callers.are_idle() {
            Sleep::Forever
        } else if !self.callers.heard.is_empty() {
            Sleep::NotAtAll
        } else {
            let mut until_us = self.now_us + LOOK_EVERY_US;
            if self.callers.viewer_count() > 0 {
                until_us = until_us.min(self.frames.next_us);
            }
            if !self.callers.put_off.is_empty() {
                until_us = until_us.min(self.next_costly_us);
            }
            let left_us = until_us.saturating_sub(self.now_us);
            Sleep::AtMostMs(left_us.div_ceil(1000))
        }
    }

    fn turn(&mut self, turn: &Turn) {
        let is_own = turn.clients == self.own_clients && turn.accepted == 0;
        self.turns.now.is_own = is_own && (self.own_clients > 0 || self.own_writes > 0);
        (self.own_clients, self.own_writes) = (0, 0);
        let awake_ns = self.turns.finish(turn, self.callers.viewer_count() > 0);
        if self.is_noting {
            self.next_noted_us = self.now_us + rest_us(awake_ns);
        }
    }
}

/// A frame has a few kilobytes, so this is some seconds of them.
const BEHIND_BYTES_MAX: usize = 512 * 1024;

/// How long nothing is noted after a turn that took so long and was: noting makes its requests dearer by a third or
/// so, and a loop that is never idle shall not notice.
fn rest_us(awake_ns: u64) -> u64 {
    (awake_ns / 1000 * REST_AFTER_NOTED).clamp(REST_US_MIN, REST_US_MAX)
}

const REST_AFTER_NOTED: u64 = 64;
const REST_US_MIN: u64 = 500;
const REST_US_MAX: u64 = frames::FRAME_US;

/// How often slow callers are looked for while there are callers.
const LOOK_EVERY_US: u64 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noting_rests_for_a_multiple_of_what_the_noted_turn_took() {
        assert_eq!(rest_us(0), 500);
        assert_eq!(rest_us(5_000), 500);
        assert_eq!(rest_us(400_000), 25_600);
        // After a script of a second, the next frame has noted turns all the same.
        assert_eq!(rest_us(1_000_000_000), 100_000);
    }
}
