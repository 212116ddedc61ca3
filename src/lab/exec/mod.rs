//! Runs the lines that clients send, as programs.
//!
//! ```text
//! client: uname -s            here: Linux                        (the program's output, as it comes)
//!                                   [exit 0]
//! client: cat /etc/passwd     here: [refused: cat is not among the programs allowed here: date, uname]
//! ```
//!
//! A program's output comes through pipes, which are connections of the same loop: while a program thinks, everybody
//! else is served. A client has one program at a time, and all together have `--exec-at-once`; others wait in `queue`.
//! The end of a process arrives as a signal, and the loop turns that into a callback.
//!
//! Everything is bounded: a line, a program's time, its output, the output a client has not read (`OUTPUT_BYTES_MAX`:
//! beyond it the pipes are not read and the program itself has to wait), the programs at once.
//!
//! A client that is done sending (`printf 'date\n' | nc`) still gets its output. It cannot be told from one that left
//! until something is written to it; until then its program runs on, no longer than its time.
//!
//! Here is what happens between the callbacks; `app` has the callbacks, `child` the life of one program.

mod app;
mod child;
mod lines;
mod words;

use std::collections::VecDeque;
use std::fmt;

use crate::base::output::Output;
use crate::base::slab::{Id, Slab};
use crate::base::time::Clock;
use crate::reactor::{Address, ConnId, Io};

use super::options::{At, Rules};
use super::screen::Screen;
use crate::base::seats::Seats;

use child::{Programs, Run};
use lines::Lines;

type RunId = Id;

pub(crate) struct Exec {
    rules: Rules,
    max_clients: usize,
    programs: Programs,
    seats: Seats<Seat>,
    clients: usize,
    runs: Slab<Run>,
    /// Clients whose command waits for a free place. Some may have left.
    queue: VecDeque<ConnId>,
    /// Clients that may have a line to work on.
    lively: Vec<ConnId>,
    space: Vec<u8>,
    clock: Clock,
    screen: Screen,
}

/// A connection is a client, or one of the outputs of a program.
enum Seat {
    Client(Box<Client>),
    Pipe(RunId),
}

struct Client {
    address: Address,
    lines: Lines,
    output: Output,
    work: Work,
    /// It will send no more.
    has_ended: bool,
}

enum Work {
    None,
    Waiting(Vec<String>),
    Running(RunId),
}

impl Exec {
    pub(crate) fn new(rules: Rules, at: &At) -> Exec {
        let mut screen = Screen::new();
        let programs = Programs::find(&rules.allow, &mut screen);
        Exec {
            rules,
            max_clients: at.max_clients as usize,
            programs,
            seats: Seats::new(),
            clients: 0,
            runs: Slab::new(),
            queue: VecDeque::new(),
            lively: Vec::new(),
            space: vec![0; SPACE_BYTES],
            clock: Clock::system(),
            screen,
        }
    }

    /// For when the loop has stopped: nothing that was started here outlives it.
    pub(crate) fn end_all(&mut self) {
        self.runs.iter_mut().for_each(|(_, run)| run.end_now());
    }

    fn client(&mut self, id: ConnId) -> Option<&mut Client> {
        match self.seats.get_mut(id) {
            Some(Seat::Client(client)) => Some(client),
            _ => None,
        }
    }

    fn say(&mut self, io: &mut Io, id: ConnId, text: fmt::Arguments<'_>) {
        let Some(client) = self.client(id) else {
            return;
        };
        let text = text.to_string();
        client.output.push(text.as_bytes());
        client.output.push(b"\n");
        let address = client.address.clone();
        self.screen.say(format_args!("{address} {text}"));
        io.want_write(id);
    }

    /// Works on the lines of clients until each of them waits, runs something, or has said nothing more.
    fn advance(&mut self, io: &mut Io) {
        loop {
            while let Some(id) = self.lively.pop() {
                self.next_line(io, id);
            }
            if self.runs.len() >= usize::from(self.rules.exec_at_once) {
                return;
            }
            let Some(id) = self.queue.pop_front() else {
                return;
            };
            self.start(io, id);
        }
    }

    fn next_line(&mut self, io: &mut Io, id: ConnId) {
        let Some(client) = self.client(id) else {
            return;
        };
        let is_busy = !matches!(client.work, Work::None);
        if is_busy || client.output.len() >= OUTPUT_BYTES_MAX {
            return;
        }
        let Some(line) = client.lines.next(client.has_ended) else {
            if client.has_ended {
                io.close_after_flush(id);
            } else {
                io.resume_reading(id);
            }
            return;
        };
        let words = match line {
            Ok(line) => words::split(&line).map_err(|unclear| unclear.to_string()),
            Err(too_long) => Err(too_long.to_string()),
        };
        match words.and_then(|words| self.programs.judge(words)) {
            Ok(words) if words.is_empty() => self.lively.push(id),
            Ok(words) => {
                self.queue.push_back(id);
                if let Some(client) = self.client(id) {
                    let address = client.address.clone();
                    client.work = Work::Waiting(words.clone());
                    self.screen.say(format_args!("{address} runs {words:?}"));
                }
            }
            Err(why) => {
                self.say(io, id, format_args!("[refused: {why}]"));
                self.lively.push(id);
            }
        }
    }

    fn start(&mut self, io: &mut Io, id: ConnId) {
        let Some(client) = self.client(id) else {
            return;
        };
        let Work::Waiting(words) = std::mem::replace(&mut client.work, Work::None) else {
            return;
        };
        let program = self.programs.named(&words[0]);
        let program = program.expect("judged before it was put into the queue");
        match program.start(&words[1..], io) {
            Ok(mut run) => {
                let limit_us = u64::from(self.rules.exec_seconds) * 1_000_000;
                run.client = Some(id);
                run.deadline_us = self.clock.monotonic_us() + limit_us;
                run.bytes_left = self.rules.exec_bytes;
                let pipes = run.pipes.clone();
                let run = self.runs.insert(run);
                for pipe in pipes {
                    self.seats.insert(pipe, Seat::Pipe(run));
                }
                if let Some(client) = self.client(id) {
                    client.work = Work::Running(run);
                }
                // Nothing to write yet; but the loop must not go to sleep before it has heard of the new deadline.
                io.want_write(id);
            }
            Err(error) => {
                let why = super::doors::reason(&error);
                self.say(io, id, format_args!("[refused: {}: {why}]", words[0]));
                self.lively.push(id);
            }
        }
    }

    /// A run is over when its process is and nothing more can come out of its pipes.
    fn finish_if_over(&mut self, io: &mut Io, id: RunId) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if !run.has_ended() || !run.pipes.is_empty() {
            return;
        }
        let run = self.runs.remove(id).expect("found above");
        if let Some(client) = run.client {
            self.say(io, client, format_args!("[{}]", run.verdict()));
            if let Some(client) = self.client(client) {
                client.work = Work::None;
            }
            self.lively.push(client);
        }
    }
}

/// Above this much unsent output a client is given nothing more to wait for.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

const SPACE_BYTES: usize = 16 * 1024;
