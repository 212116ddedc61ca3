//! What our primary says before the stream: answers to our introduction, and the data set.
//!
//! Lines go to the [`Handshake`](crate::repl::handshake::Handshake), which says what follows from them. The data set
//! goes on to the shell, which can push back: then nothing is read from our primary for a while.

use crate::base::slab::Id;
use crate::base::text;
use crate::config::DisklessLoad;
use crate::engine::Engine;
use crate::engine::replication::{Into, LinkAsk, LinkState};
use crate::engine::run::effects::Ask;
use crate::repl::handshake::Verdict;
use crate::repl::payload::{Form, Payload, parse_header};

/// An answer is shorter than this, or it is none.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Engine {
    /// The session of our primary whose bytes are none of the stream.
    pub(in crate::engine) fn joining(&self) -> Option<Id> {
        let upstream = self.services.replication.upstream.as_ref()?;
        (upstream.carrier()).filter(|_| upstream.state != LinkState::Connected)
    }

    /// Takes what our primary has sent before the stream.
    #[cold]
    pub(in crate::engine) fn handle_joining(&mut self, id: Id) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let mut input = std::mem::take(&mut session.input);
        let now_us = self.now.monotonic_us;
        if let Some(upstream) = self.upstream() {
            upstream.heard_us = now_us;
        }
        // What follows on the main connection may be of the stream, while the data set comes by another.
        while self.joining() == Some(id)
            && let Some(count) = self.take_bytes(input.bytes())
        {
            input.consume(count);
        }
        let is_left = !input.bytes().is_empty();
        let is_linked = self.services.replication.is_linked();
        if let Some(session) = self.sessions.get_mut(id) {
            session.input = input;
            session.input.settle(&mut self.inputs);
            if is_linked && is_left {
                self.sessions.again.push(id);
            }
        }
    }

    /// Takes a line, or some of the data set. Returns how many bytes that was. `None`: nothing can be made of them now.
    fn take_bytes(&mut self, bytes: &[u8]) -> Option<usize> {
        let upstream = self.services.replication.upstream.as_mut()?;
        if let Some(payload) = &mut upstream.payload {
            if payload.is_complete() || bytes.is_empty() {
                return None;
            }
            let count = payload.take(bytes, &mut upstream.received);
            if payload.is_complete() {
                upstream.state = LinkState::Loading;
                self.close_channel();
            }
            return Some(count);
        }
        if !matches!(upstream.state, LinkState::Shaking | LinkState::Receiving) {
            return None;
        }
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            if bytes.len() > LINE_BYTES_MAX {
                self.fail_link("Bad protocol from MASTER: a line without an end");
            }
            return None;
        };
        let line = bytes[..end].trim_ascii_end();
        if let Some(handshake) = &mut upstream.handshake {
            let verdict = handshake.answer(line);
            self.follow_verdict(verdict);
        } else if upstream.state == LinkState::Receiving {
            self.take_header(line);
        }
        Some(end + 1)
    }

    fn follow_verdict(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Wait => {}
            Verdict::Say(bytes) => {
                if let Some(id) = self.link() {
                    self.say(id, &bytes);
                }
            }
            Verdict::Channel(manner) => {
                self.end_failover();
                self.open_channel(manner);
            }
            Verdict::Apart { id, offset, number } => {
                self.ask_for_stream(&id, offset, &number);
                self.expect_data_set(Some((id, offset)));
            }
            Verdict::Full { id, offset } => {
                self.end_failover();
                self.expect_data_set(Some((id, offset)));
            }
            Verdict::FullWithSync(bytes) => {
                self.say_to_primary(&bytes);
                self.expect_data_set(None);
            }
            Verdict::Continue { id } => {
                self.end_failover();
                self.go_on_with_stream(id);
            }
            Verdict::Later(reason) => {
                log::info!("{reason}");
                self.stop_link();
            }
            Verdict::Failed(reason) => {
                self.fail_link(&reason);
                self.abort_failover("Failover target rejected psync request");
            }
        }
    }

    fn expect_data_set(&mut self, next: Option<(String, u64)>) {
        if let Some(upstream) = self.upstream() {
            upstream.state = LinkState::Receiving;
            upstream.next = next;
            upstream.handshake = None;
        }
    }

    /// The first line of the data set.
    fn take_header(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if line.starts_with(b"-") {
            let text = String::from_utf8_lossy(&line[1..]).into_owned();
            return self.fail_link(&format!("MASTER aborted replication with an error: {text}"));
        }
        let Some(form) = parse_header(line) else {
            let line = text::quote(&line[..line.len().min(100)]);
            let line = String::from_utf8_lossy(&line).into_owned();
            return self.fail_link(&format!(
                "Bad protocol from MASTER, the first byte is not '$' (we received {line}), are you sure the host and port are right?"
            ));
        };
        let into = match self.services.config.repl_diskless_load {
            DisklessLoad::OnEmptyDb if self.keyspace.is_empty() => Into::Memory,
            DisklessLoad::Swapdb => Into::Aside,
            DisklessLoad::OnEmptyDb | DisklessLoad::Disabled => Into::Disk,
        };
        let place = match into {
            Into::Disk => "disk",
            Into::Memory | Into::Aside => "parser",
        };
        match &form {
            Form::Length(len) => {
                log::info!("MASTER <-> REPLICA sync: receiving {len} bytes from master to {place}")
            }
            Form::Mark(_) => log::info!(
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to {place}"
            ),
        }
        let Some(upstream) = self.upstream() else {
            return;
        };
        upstream.has_mark = matches!(form, Form::Mark(_));
        upstream.into = into;
        let payload = upstream.payload.insert(Payload::new(form));
        let len = payload.total();
        if payload.is_complete() {
            upstream.state = LinkState::Loading;
            self.close_channel();
        }
        match into {
            Into::Disk => {}
            Into::Memory => self.empty_for_sync(len.unwrap_or(0)),
            Into::Aside => self.load_aside(len.unwrap_or(0)),
        }
        self.fx.ask(Ask::Link(LinkAsk::Receive { into, len }));
    }

    /// Bytes of the data set that have come, and whether these are the last.
    pub(crate) fn poll_payload(&mut self) -> Option<(Vec<u8>, bool)> {
        let upstream = self.upstream()?;
        let payload = upstream.payload.as_ref()?;
        let is_end = payload.is_complete();
        if upstream.received.is_empty() && !is_end {
            return None;
        }
        let bytes = std::mem::take(&mut upstream.received);
        Some((bytes, is_end))
    }

    /// Whether the shell can take more of the data set. Until it can, nothing is read from our primary.
    pub(crate) fn choke_payload(&mut self, is_choked: bool) {
        if let Some(upstream) = self.upstream() {
            upstream.is_choked = is_choked;
        }
    }

    pub(in crate::engine) fn is_choked(&self, id: Id) -> bool {
        let upstream = &self.services.replication.upstream;
        (upstream.as_ref())
            .is_some_and(|upstream| upstream.is_choked && upstream.carrier() == Some(id))
    }
}
