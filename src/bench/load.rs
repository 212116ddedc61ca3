//! The generator itself: a program on the loop, whose connections it opened.
//!
//! A connection sends a batch, waits until all its replies have come, and sends the next. That is all, so the time from
//! one to the other is what a client waits; requests of one batch share it.
//!
//! The clock of a run begins when all connections have been made and introduced, and ends with the last reply. So what
//! is measured around it, the server's processor time for one, is of exactly these requests.

use std::io::{self, IsTerminal, Write};
use std::net::ToSocketAddrs;

use rustix::time::{ClockId, clock_gettime};

use crate::base::output::Output;
use crate::base::seats::Seats;
use crate::base::time::Clock;
use crate::client::{self, push_request};
use crate::observe::histogram::Histogram;
use crate::reactor::{Address, App, Closed, ConnId, Io, Peer, Reactor, Settings, Sleep};
use crate::tls::DialSecurity;
use crate::wire::tokens::{Kind, Token, Tokens};

use super::options::Options;
use super::requests::Requests;
use super::suite::Test;

/// Runs one test after the other, each with connections of its own.
pub(super) struct Generator<'a> {
    options: &'a Options,
    door: Door,
}

/// How a connection to the server is made.
struct Door {
    to: Address,
    security: Option<DialSecurity>,
    /// What is said before anything else, and how many replies that gets.
    introduction: Vec<u8>,
    greetings: u32,
}

/// The account of a run.
pub(super) struct Outcome {
    pub(super) seconds: f64,
    /// Processor time of this process.
    pub(super) own_seconds: f64,
    pub(super) latencies: Latencies,
}

/// How long requests waited for their replies.
#[derive(Default)]
pub(super) struct Latencies {
    pub(super) histogram: Histogram,
    pub(super) sum_ns: u64,
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
}

impl Latencies {
    fn add(&mut self, ns: u64, times: u32) {
        if times == 0 {
            return;
        }
        let is_first = self.histogram.count == 0;
        for _ in 0..times {
            self.histogram.record(ns);
        }
        self.sum_ns += ns * u64::from(times);
        self.min_ns = if is_first { ns } else { self.min_ns.min(ns) };
        self.max_ns = self.max_ns.max(ns);
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.histogram.count
    }

    pub(super) fn average_ns(&self) -> f64 {
        self.sum_ns as f64 / self.count().max(1) as f64
    }
}

impl<'a> Generator<'a> {
    pub(super) fn new(options: &'a Options) -> Result<Generator<'a>, String> {
        let door = Door::find(options)?;
        Ok(Generator { options, door })
    }

    pub(super) fn run(&self, test: &Test, requests: Requests) -> Result<Outcome, String> {
        let mut reactor = new_reactor()?;
        let mut load = Load::new(self.options, &self.door, requests, &test.title);
        load.connect_all(&mut reactor)?;
        let own_before = own_time();
        load.begin(reactor.io());
        load.turn_until(&mut reactor, |load| load.left == 0 && load.awaited == 0)?;
        let seconds = (load.clock.monotonic_us() - load.begun_us) as f64 / 1e6;
        let own_seconds = own_time() - own_before;
        load.progress.end();
        Ok(Outcome {
            seconds,
            own_seconds,
            latencies: load.latencies,
        })
    }

    /// Opens the connections and does nothing with them until the process is ended.
    pub(super) fn idle(&self) -> Result<(), String> {
        let mut reactor = new_reactor()?;
        let mut load = Load::new(self.options, &self.door, Requests::default(), "");
        load.connect_all(&mut reactor)?;
        load.turn_until(&mut reactor, |_| false)
    }
}

fn new_reactor() -> Result<Reactor, String> {
    Reactor::new(&Settings::default()).map_err(|error| error.to_string())
}

/// Processor time of this process so far, in seconds.
fn own_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

impl Door {
    fn find(options: &Options) -> Result<Door, String> {
        let (place, settings) = options.place();
        let (place, settings) =
            client::read_address(&place, settings).map_err(|error| error.to_string())?;
        let unreachable = |error: io::Error| format!("{place}: {error}");
        let to = if place.starts_with('/') || options.socket.is_some() {
            Address::Unix(place.clone().into())
        } else {
            let mut found = place.to_socket_addrs().map_err(unreachable)?;
            Address::Ip(
                found
                    .next()
                    .ok_or_else(|| format!("{place}: no such host"))?,
            )
        };
        let security = match &settings.tls {
            Some(tls) => Some(client::security(&place, tls).map_err(unreachable)?),
            None => None,
        };
        let mut introduction = Vec::new();
        let mut requests = settings.introduction();
        if options.enable_tracking {
            requests.push(["CLIENT", "TRACKING", "on"].map(String::from).to_vec());
        }
        for request in &requests {
            push_request(&mut introduction, request);
        }
        Ok(Door {
            to,
            security,
            introduction,
            greetings: requests.len() as u32,
        })
    }
}

/// One connection.
struct Conn {
    output: Output,
    tokens: Tokens,
    /// The value at hand is one that nobody asked for.
    is_push: bool,
    /// Replies to the introduction that are still to come.
    greetings: u32,
    /// The same for the batch.
    due: u32,
    sent_us: u64,
    /// All is said, and a new connection takes its place.
    is_spent: bool,
}

/// One run.
struct Load<'a> {
    options: &'a Options,
    door: &'a Door,
    requests: Requests,
    seats: Seats<Conn>,
    /// The connections that can send, until the run begins.
    ready: Vec<ConnId>,
    has_begun: bool,
    /// Where every read goes: its bytes are counted before the next one.
    space: Vec<u8>,
    /// Requests that are to be sent still ...
    left: u64,
    /// ... and those that were, and have no reply yet.
    awaited: u64,
    clock: Clock,
    begun_us: u64,
    /// When no more is sent, where time decides.
    until_us: Option<u64>,
    latencies: Latencies,
    /// Why the run cannot go on.
    broken: Option<String>,
    progress: Progress,
}

/// The size of one read.
const SPACE_BYTES: usize = 256 * 1024;

impl<'a> Load<'a> {
    fn new(options: &'a Options, door: &'a Door, requests: Requests, title: &str) -> Load<'a> {
        let left = if options.seconds.is_some() {
            u64::MAX
        } else {
            options.requests
        };
        Load {
            options,
            door,
            requests,
            seats: Seats::new(),
            ready: Vec::new(),
            has_begun: false,
            space: vec![0; SPACE_BYTES],
            left,
            awaited: 0,
            clock: Clock::system(),
            begun_us: 0,
            until_us: None,
            latencies: Latencies::default(),
            broken: None,
            progress: Progress::new(options, title),
        }
    }

    fn turn_until(
        &mut self,
        reactor: &mut Reactor,
        is_over: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        while !is_over(self) {
            reactor.turn(self).map_err(|error| error.to_string())?;
            if let Some(reason) = self.broken.take() {
                self.progress.end();
                return Err(reason);
            }
        }
        Ok(())
    }

    fn connect_all(&mut self, reactor: &mut Reactor) -> Result<(), String> {
        let clients = self.options.clients as usize;
        // A listener's queue is short: the next come when these are in.
        while self.seats.len() < clients {
            let some = CONNECTS_AT_ONCE.min(clients - self.seats.len());
            for _ in 0..some {
                self.connect(reactor.io())?;
            }
            let wanted = self.seats.len();
            self.turn_until(reactor, |load| load.ready.len() == wanted)?;
        }
        Ok(())
    }

    fn connect(&mut self, io: &mut Io) -> Result<(), String> {
        let door = self.door;
        let id = io
            .connect(&door.to, None, door.security.clone())
            .map_err(|error| format!("Could not connect to {}: {error}", door.to))?;
        let mut output = Output::new();
        output.push(&door.introduction);
        let conn = Conn {
            output,
            tokens: Tokens::of_replies(),
            is_push: false,
            greetings: door.greetings,
            due: 0,
            sent_us: 0,
            is_spent: false,
        };
        self.seats.insert(id, conn);
        Ok(())
    }

    fn begin(&mut self, io: &mut Io) {
        self.begun_us = self.clock.monotonic_us();
        let until_us = |seconds: f64| self.begun_us + (seconds * 1e6) as u64;
        self.until_us = self.options.seconds.map(until_us);
        self.progress.shown_us = self.begun_us;
        self.has_begun = true;
        for id in std::mem::take(&mut self.ready) {
            self.send_batch(io, id);
        }
    }

    /// The connection can send, and has nothing to wait for.
    fn is_ready(&mut self, io: &mut Io, id: ConnId) {
        if self.has_begun {
            self.send_batch(io, id);
        } else {
            self.ready.push(id);
        }
    }

    fn send_batch(&mut self, io: &mut Io, id: ConnId) {
        let now_us = self.clock.monotonic_us();
        if self.until_us.is_some_and(|until_us| now_us >= until_us) {
            self.left = 0;
        }
        let count = self.left.min(u64::from(self.options.pipeline));
        let Some(conn) = self.seats.get_mut(id).filter(|_| count > 0) else {
            return;
        };
        conn.output.push(self.requests.take(count as usize));
        conn.due = count as u32;
        conn.sent_us = now_us;
        self.left -= count;
        self.awaited += count;
        io.want_write(id);
    }

    /// Counts what the replies in the first `count` bytes of the space are; returns why that cannot be.
    fn count_replies(&mut self, id: ConnId, count: usize) -> Result<(), String> {
        let Some(conn) = self.seats.get_mut(id) else {
            return Ok(());
        };
        let (mut replies, mut error) = (0, None);
        let is_push = &mut conn.is_push;
        let mut note = |text: &[u8]| {
            error.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
        };
        let sink = &mut |token: Token<'_>| match token {
            Token::Line(Kind::Error, text) => note(text),
            Token::Begin(Kind::BulkError, _) => note(b"(told in more than a line)"),
            Token::Aggregate(Kind::Push, _) => *is_push = true,
            Token::Done(_) if *is_push => *is_push = false,
            Token::Done(_) => replies += 1,
            _ => {}
        };
        conn.tokens
            .feed(&self.space[..count], sink)
            .map_err(|error| format!("The server's reply is no RESP: {error}"))?;
        if let Some(text) = error {
            return Err(format!("Error from server: {text}"));
        }
        if conn.greetings > 0 {
            let greeted = conn.greetings.min(replies);
            conn.greetings -= greeted;
            replies -= greeted;
        }
        conn.due =
            (conn.due.checked_sub(replies)).ok_or("There are more replies than requests.")?;
        self.awaited -= u64::from(replies);
        let waited_us = self.clock.monotonic_us() - conn.sent_us;
        self.latencies.add(waited_us * 1000, replies);
        Ok(())
    }
}

impl App for Load<'_> {
    fn opened(&mut self, io: &mut Io, id: ConnId, _: &Peer) {
        io.close(id);
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, _: &Peer) {
        if self.door.greetings > 0 {
            io.want_write(id);
        } else {
            self.is_ready(io, id);
        }
    }

    fn input(&mut self, _: ConnId) -> &mut [u8] {
        &mut self.space
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        if let Err(reason) = self.count_replies(id, count) {
            self.broken.get_or_insert(reason);
        }
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        for &id in group {
            let Some(conn) = self.seats.get_mut(id) else {
                continue;
            };
            if conn.due > 0 || conn.greetings > 0 || conn.is_spent || conn.tokens.is_midway() {
                continue;
            }
            let has_served = self.has_begun && conn.sent_us >= self.begun_us;
            if has_served && self.options.keep_alive == 0 {
                conn.is_spent = true;
                io.close(id);
            } else {
                self.is_ready(io, id);
            }
        }
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.seats.get_mut(id).map(|conn| &mut conn.output)
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        if self.seats.remove(id).is_some_and(|conn| conn.is_spent) {
            if self.left > 0
                && let Err(reason) = self.connect(io)
            {
                self.broken.get_or_insert(reason);
            }
            return;
        }
        let to = &self.door.to;
        let reason = match why {
            Closed::Failed(error) => format!("A connection to {to} failed: {error}"),
            Closed::ByPeer | Closed::ByApp => format!("The server closed a connection to {to}."),
        };
        self.broken.get_or_insert(reason);
    }

    fn before_sleep(&mut self, _: &mut Io) -> Sleep {
        let waits = self.has_begun && self.progress.is_shown;
        if waits {
            let now_us = self.clock.monotonic_us();
            self.progress.show(&self.latencies, now_us, self.begun_us);
        }
        match (self.options.spin && self.has_begun, waits) {
            (true, _) => Sleep::NotAtAll,
            (false, true) => Sleep::AtMostMs(PROGRESS_MS),
            (false, false) => Sleep::Forever,
        }
    }
}

/// Connections on their way at once.
const CONNECTS_AT_ONCE: usize = 256;
/// How often the line of progress is written anew.
const PROGRESS_MS: u64 = 250;

/// One line that says how far a run has come, where somebody looks.
struct Progress {
    is_shown: bool,
    title: String,
    shown_us: u64,
    requests: u64,
    sum_ns: u64,
    width: usize,
}

impl Progress {
    fn new(options: &Options, title: &str) -> Progress {
        Progress {
            is_shown: !options.csv && !title.is_empty() && io::stdout().is_terminal(),
            title: title.to_owned(),
            shown_us: 0,
            requests: 0,
            sum_ns: 0,
            width: 0,
        }
    }

    /// Writes the line, if it is time: what was since it was written last, and in all.
    fn show(&mut self, latencies: &Latencies, now_us: u64, begun_us: u64) {
        let since_us = now_us - self.shown_us;
        if since_us < PROGRESS_MS * 1000 {
            return;
        }
        let a_second = |count: u64, us: u64| count as f64 / us.max(1) as f64 * 1e6;
        let count = latencies.count();
        let (new, new_ns) = (count - self.requests, latencies.sum_ns - self.sum_ns);
        let line = format!(
            "{}: rps={:.1} (overall: {:.1}) avg_msec={:.3} (overall: {:.3})",
            self.title,
            a_second(new, since_us),
            a_second(count, now_us - begun_us),
            new_ns as f64 / new.max(1) as f64 / 1e6,
            latencies.average_ns() / 1e6,
        );
        // What is left of a longer line before is written over.
        print!("\r{line:width$}", width = self.width);
        let _ = io::stdout().flush();
        self.width = line.len();
        (self.shown_us, self.requests, self.sum_ns) = (now_us, count, latencies.sum_ns);
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.width) > 0 {
            print!("\r{:width$}\r", "", width = self.title.len() + 80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_reply_is_no_reply() {
        let mut latencies = Latencies::default();
        for (ns, times) in [(1, 0), (5000, 2), (10, 0), (3000, 1), (90_000, 0)] {
            latencies.add(ns, times);
        }
        let Latencies {
            histogram,
            sum_ns,
            min_ns,
            max_ns,
        } = latencies;
        assert_eq!(
            (histogram.count, sum_ns, min_ns, max_ns),
            (3, 13_000, 3000, 5000)
        );
    }
}
