//! Those who are connected to the page: what they have sent, what waits for them, and how long they may take.
//!
//! Each caller has room for one request at a time; more than that stays at the kernel. While replies wait for a caller,
//! its next request is not looked at. So a caller costs at most a request, a reply, and what frames it is behind.

use std::collections::{BTreeMap, VecDeque};

use crate::base::output::Output;
use crate::reactor::{ConnId, Io};

use super::http::{self, BODY_BYTES_MAX, HEAD_BYTES_MAX, Status};

/// So many are connected at the most. A reader's browser takes up to six connections, a collector one.
const CALLERS_MAX: usize = 64;

/// So many of them may watch.
pub(super) const VIEWERS_MAX: usize = 16;

/// A request must be there so long after its first byte, a reply be taken so long after it was begun; and a connection
/// may be silent for so long.
const REQUEST_US: u64 = 10_000_000;
const REPLY_US: u64 = 30_000_000;
const SILENCE_US: u64 = 60_000_000;

const INPUT_BYTES: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX;

#[derive(Default)]
pub(super) struct Callers {
    all: BTreeMap<ConnId, Caller>,
    /// Those who have sent something that nobody has looked at, each once.
    pub(super) heard: VecDeque<ConnId>,
    /// Those whose requests wait until something costly may be made again, each once.
    pub(super) put_off: VecDeque<ConnId>,
    pub(super) refused: u64,
    /// How many of them watch.
    viewers: usize,
}

/// Bytes of a request, and room for more.
#[derive(Default)]
pub(super) struct Input {
    room: Vec<u8>,
    used: usize,
}

impl Input {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.room[..self.used]
    }
}

pub(super) struct Caller {
    input: Input,
    pub(super) output: Output,
    /// Since when it has been in its present state, on the page's clock.
    pub(super) since_us: u64,
    /// The last reply was given: nothing further is read.
    pub(super) is_done: bool,
    /// It is sent frames.
    pub(super) watches: bool,
    /// Its request has been taken, and the answer is not there.
    pub(super) waits: bool,
    /// What it is known by, if it watches.
    name: String,
}

impl Caller {
    fn new(now_us: u64) -> Caller {
        Caller {
            input: Input::default(),
            output: Output::new(),
            since_us: now_us,
            is_done: false,
            watches: false,
            waits: false,
            name: String::new(),
        }
    }

    /// Whether its next request is looked at.
    pub(super) fn may_ask(&self) -> bool {
        !self.is_done && !self.watches && !self.waits && self.output.is_empty()
    }

    pub(super) fn take_input(&mut self) -> Input {
        std::mem::take(&mut self.input)
    }

    /// So much of it was a request.
    pub(super) fn give_input_back(&mut self, mut input: Input, taken: usize) {
        input.room.copy_within(taken..input.used, 0);
        input.used -= taken;
        if input.used > 0 || taken == 0 {
            self.input = input;
        }
    }

    pub(super) fn reply_head(
        &mut self,
        status: Status,
        kind: &str,
        body_bytes: usize,
        further: &str,
    ) {
        let head = http::head(status, kind, body_bytes, further);
        self.output.push(head.as_bytes());
    }

    pub(super) fn reply(&mut self, status: Status, kind: &str, body: &[u8], further: &str) {
        self.reply_head(status, kind, body.len(), further);
        self.output.push(body);
    }

    fn patience_us(&self) -> u64 {
        if !self.output.is_empty() {
            REPLY_US
        } else if self.watches {
            u64::MAX
        } else if self.input.used > 0 {
            REQUEST_US
        } else {
            SILENCE_US
        }
    }
}

impl Callers {
    pub(super) fn are_idle(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn viewer_count(&self) -> usize {
        self.viewers
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Caller> {
        self.all.get_mut(&id)
    }

    pub(super) fn viewers(&mut self) -> impl Iterator<Item = (ConnId, &mut Caller)> {
        let all = self.all.iter_mut().map(|(id, caller)| (*id, caller));
        all.filter(|(_, caller)| caller.watches)
    }

    /// Lets a caller in, or tells it that there are too many.
    pub(super) fn welcome(&mut self, io: &mut Io, id: ConnId, now_us: u64) {
        let count = self.all.len();
        if count >= CALLERS_MAX * 2 {
            // Not even a word for them: a flood of connections costs a close each.
            self.refused += 1;
            return io.close(id);
        }
        let mut caller = Caller::new(now_us);
        if count >= CALLERS_MAX {
            self.refused += 1;
            caller.is_done = true;
            caller.reply(
                Status::Unavailable,
                "text/plain",
                b"too many callers\n",
                LAST,
            );
            io.close_after_flush(id);
        }
        self.all.insert(id, caller);
    }

    pub(super) fn space(&mut self, id: ConnId) -> &mut [u8] {
        let Some(caller) = self.all.get_mut(&id) else {
            return &mut [];
        };
        let input = &mut caller.input;
        if input.room.is_empty() {
            input.room.resize(INPUT_BYTES, 0);
        }
        // Who watches has nothing more to say, and what it says all the same is not kept.
        if caller.watches {
            input.used = 0;
        }
        &mut input.room[input.used..]
    }

    pub(super) fn filled(&mut self, id: ConnId, count: usize) {
        if let Some(caller) = self.all.get_mut(&id) {
            caller.input.used += count;
        }
    }

    pub(super) fn heard(&mut self, group: &[ConnId]) {
        for id in group {
            if !self.heard.contains(id) {
                self.heard.push_back(*id);
            }
        }
    }

    pub(super) fn put_off(&mut self, id: ConnId) {
        if !self.put_off.contains(&id) {
            self.put_off.push_back(id);
        }
    }

    pub(super) fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        Some(&mut self.all.get_mut(&id)?.output)
    }

    /// Some of its output was taken.
    pub(super) fn wrote(&mut self, io: &mut Io, id: ConnId, now_us: u64) {
        if let Some(caller) = self.all.get_mut(&id) {
            caller.since_us = now_us;
            if caller.may_ask() && caller.input.used > 0 {
                // The next request, which may have come already.
                io.again(id);
            } else {
                // A full input had stopped the reading.
                io.resume_reading(id);
            }
        }
    }

    /// Who watches under this name.
    pub(super) fn named(&self, name: &str) -> Option<ConnId> {
        let mut all = self.all.iter();
        let found = all.find(|(_, caller)| caller.watches && caller.name == name);
        found.map(|(id, _)| *id)
    }

    /// From now on it is sent frames.
    pub(super) fn begin_to_watch(&mut self, id: ConnId, name: String) {
        if let Some(caller) = self.all.get_mut(&id) {
            caller.name = name;
            caller.watches = true;
            self.viewers += 1;
        }
    }

    pub(super) fn forget(&mut self, id: ConnId) {
        if let Some(caller) = self.all.remove(&id)
            && caller.watches
        {
            self.viewers -= 1;
        }
        self.heard.retain(|heard| *heard != id);
        self.put_off.retain(|waiting| *waiting != id);
    }

    /// Closes the connections of those who take too long.
    pub(super) fn part_with_slow(&mut self, io: &mut Io, now_us: u64) {
        for (id, caller) in &mut self.all {
            if now_us.saturating_sub(caller.since_us) < caller.patience_us() {
                continue;
            }
            if caller.input.used > 0 && caller.output.is_empty() && !caller.is_done {
                caller.reply(Status::TooSlow, "text/plain", b"too slow\n", LAST);
                caller.is_done = true;
                caller.since_us = now_us;
                io.close_after_flush(*id);
            } else {
                io.close(*id);
            }
        }
    }
}

/// The header of a reply after which the connection ends.
pub(super) const LAST: &str = "Connection: close\r\n";
