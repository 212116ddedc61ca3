//! Stands between a client and a server, passes everything on, and prints what passed.
//!
//! ```text
//! redis-cli  <->  client side | relay | server side  <->  server
//! ```
//!
//! Every client gets a connection of its own to the server. Bytes that are read from one side are queued as the output
//! of the other; when that has `OUTPUT_BYTES_MAX` waiting, the first side is not read until it has less, and so the
//! slow side slows down the fast one, through us as without us.
//!
//! Bytes are passed on whatever they say. Printing only listens (`text`): when it does not understand a connection any
//! more it says so once and listens to that direction no longer.
//!
//! A client may finish sending before it has its replies. It is then kept until it has them all, but no longer than
//! `LINGER_US`: one that left for good looks just the same.

mod app;
mod text;

use std::collections::VecDeque;
use std::net::ToSocketAddrs;
use std::time::Duration;

use crate::base::output::Output;
use crate::base::time::Clock;
use crate::client::{Client, Settings};
use crate::reactor::{Address, ConnId, Io};

use super::doors::reason;
use super::options::At;
use super::screen::Screen;
use super::trace::milliseconds;
use crate::base::seats::Seats;

use text::{Listener, Told};

pub(crate) struct Relay {
    to: Address,
    max_clients: usize,
    clients: usize,
    sides: Seats<Side>,
    /// How many clients there were so far; each is shown by its number.
    numbers: u64,
    /// Connections that are to end, and when at the latest.
    lingering: Vec<(ConnId, u64)>,
    space: Vec<u8>,
    clock: Clock,
    screen: Screen,
}

/// One of the two connections of a client.
struct Side {
    role: Role,
    /// The bytes to be written to it.
    output: Output,
    /// The connection on the other side, while there is one.
    other: Option<ConnId>,
    /// The parser of its words; `None` once they were not understood.
    listener: Option<Listener>,
    number: u64,
    /// It will send no more.
    has_ended: bool,
    /// Of a client's side: when those of its requests passed that have had no reply.
    unanswered: VecDeque<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// Where a server is. Looked up once, before the loop runs, since looking up may take its time.
pub(crate) fn find(to: &str) -> Result<Address, String> {
    let mut found = to
        .to_socket_addrs()
        .map_err(|error| format!("{to}: {}", reason(&error)))?;
    let address = found.next().ok_or(format!("{to} has no address"))?;
    Ok(Address::Ip(address))
}

/// Says whether a server is there, before the first client finds out.
pub(crate) fn greet(to: &str) {
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        reply_timeout: Duration::from_secs(1),
        ..Settings::default()
    };
    let answer = Client::connect_with(to, settings).and_then(|mut client| client.ping());
    match answer {
        Ok(()) => println!("{to} answers"),
        Err(error) => println!("{to} does not answer as it should: {error}"),
    }
}

impl Relay {
    pub(crate) fn new(to: Address, at: &At) -> Relay {
        Relay {
            to,
            max_clients: at.max_clients as usize,
            clients: 0,
            sides: Seats::new(),
            numbers: 0,
            lingering: Vec::new(),
            space: vec![0; SPACE_BYTES],
            clock: Clock::system(),
            screen: Screen::new(),
        }
    }

    fn say(&mut self, number: u64, text: &str) {
        self.screen.say(format_args!("#{number} {text}"));
    }

    /// Listens to the words of a side, which are at the beginning of `space`.
    fn listen(&mut self, id: ConnId, count: usize) {
        let Some(side) = self.sides.get_mut(id) else {
            return;
        };
        let (role, number, other) = (side.role, side.number, side.other);
        let Some(mut listener) = side.listener.take() else {
            return;
        };
        let mut told = Vec::new();
        let outcome = listener.hear(&self.space[..count], &mut |one| told.push(one));
        for one in told {
            let time = match role {
                Role::Client => self.asked(id),
                Role::Server => self.answered(other, one.is_push),
            };
            self.tell(role, number, &one, &time);
        }
        let arrow = arrow(role);
        match outcome {
            Ok(()) => {
                if let Some(side) = self.sides.get_mut(id) {
                    side.listener = Some(listener);
                }
            }
            Err(garbled) => {
                let text = format!("{arrow} not understood from here on ({garbled})");
                self.say(number, &text);
            }
        }
    }

    fn tell(&mut self, role: Role, number: u64, told: &Told, time: &str) {
        let Told {
            what, size, text, ..
        } = told;
        let arrow = arrow(role);
        let text = text.trim_start_matches('\n');
        let separator = match text {
            "" => "",
            _ if told.text.starts_with('\n') => ":\n",
            _ => ": ",
        };
        let text = format!("{arrow} {what}, {size} bytes{time}{separator}{text}");
        self.say(number, &text);
    }

    /// Remembers when a request passed.
    fn asked(&mut self, client: ConnId) -> String {
        let now_us = self.clock.monotonic_us();
        if let Some(side) = self.sides.get_mut(client)
            && side.unanswered.len() < UNANSWERED_MAX
        {
            side.unanswered.push_back(now_us);
        }
        String::new()
    }

    /// How long the client has waited for this reply.
    fn answered(&mut self, client: Option<ConnId>, is_push: bool) -> String {
        let now_us = self.clock.monotonic_us();
        let side = client.and_then(|id| self.sides.get_mut(id));
        match side
            .filter(|_| !is_push)
            .and_then(|side| side.unanswered.pop_front())
        {
            Some(asked_us) => format!(", {} ms", milliseconds(now_us.saturating_sub(asked_us))),
            None => ", unasked".into(),
        }
    }

    /// Ends a connection when its output is written, or after a while if nobody reads that.
    fn finish(&mut self, io: &mut Io, id: ConnId) {
        io.close_after_flush(id);
        let deadline_us = self.clock.monotonic_us() + LINGER_US;
        self.lingering.push((id, deadline_us));
    }

    /// Ends a pair whose client sends no more, once it has its replies.
    fn finish_if_answered(&mut self, io: &mut Io, client: ConnId) {
        let Some(side) = self.sides.get(client) else {
            return;
        };
        if side.has_ended && side.unanswered.is_empty() {
            match side.other {
                Some(server) => self.finish(io, server),
                None => self.finish(io, client),
            }
        }
    }
}

fn arrow(role: Role) -> &'static str {
    match role {
        Role::Client => "->",
        Role::Server => "<-",
    }
}

/// Above this much unsent output a connection is sent nothing more.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

const SPACE_BYTES: usize = 64 * 1024;

/// Pipelined requests whose times are remembered; of further ones the replies count as unasked.
const UNANSWERED_MAX: usize = 100_000;

/// How long a connection that is to end may take for it.
const LINGER_US: u64 = 5_000_000;
