//! Each turn of the loop as a line.
//!
//! ```text
//! turn 3: 1 event after 812.4 ms; 1 client sent 6 bytes in 1 read; 6 bytes left in 1 write; 61 us: read 14, write 39
//! ```
//!
//! First what ended the sleep and how long that was, then what was done, then the time it took and where most of it
//! went. Turns in which nothing happened (a timer looked at its clock) are counted and mentioned later.

use std::fmt::Write as _;

use crate::base::time::Clock;
use crate::reactor::{Phase, Turn};

/// Counts turns and words them.
#[derive(Default)]
pub(crate) struct Watch {
    number: u64,
    idle: u64,
    slept_us: u64,
}

/// Microseconds, for `Io::trace`.
pub fn stamp() -> u64 {
    thread_local! {
        static CLOCK: Clock = Clock::system();
    }
    CLOCK.with(Clock::monotonic_us)
}

impl Watch {
    /// The line of a turn, unless nothing happened in it.
    pub(crate) fn line(&mut self, turn: &Turn) -> Option<String> {
        self.number += 1;
        self.slept_us += turn.spent[Phase::Sleep as usize];
        if turn.events == 0 && turn.reads == 0 && turn.writes == 0 && turn.clients == 0 {
            self.idle += 1;
            return None;
        }
        let mut line = format!("turn {}: ", self.number);
        self.what_woke(&mut line, turn);
        what_it_did(&mut line, turn);
        where_time_went(&mut line, turn);
        (self.idle, self.slept_us) = (0, 0);
        Some(line)
    }

    fn what_woke(&self, line: &mut String, turn: &Turn) {
        let slept = milliseconds(self.slept_us);
        // Writing to a string cannot fail.
        let _ = match turn.events {
            0 => write!(line, "work was left"),
            count => write!(line, "{} after {slept} ms", counted(count.into(), "event")),
        };
        if self.idle > 0 {
            let _ = write!(line, " and {}", counted(self.idle, "idle turn"));
        }
    }
}

fn what_it_did(line: &mut String, turn: &Turn) {
    if turn.accepted > 0 {
        let _ = write!(
            line,
            "; {} accepted",
            counted(turn.accepted.into(), "client")
        );
    }
    if turn.reads > 0 {
        let bytes = counted(turn.bytes_in, "byte");
        let reads = counted(turn.reads.into(), "read");
        let _ = write!(line, "; {bytes} came in {reads}");
    }
    if turn.clients > 0 {
        let clients = counted(turn.clients.into(), "client");
        let groups = counted(turn.groups.into(), "group");
        let _ = write!(line, ", {clients} in {groups}");
    }
    if turn.writes > 0 {
        let bytes = counted(turn.bytes_out, "byte");
        let writes = counted(turn.writes.into(), "write");
        let _ = write!(line, "; {bytes} left in {writes}");
    }
}

fn where_time_went(line: &mut String, turn: &Turn) {
    let busy: u64 = turn.spent[Phase::Notice as usize..].iter().sum();
    let _ = write!(line, "; {busy} us");
    let mut separator = ": ";
    for (phase, name) in PHASES {
        let spent = turn.spent[phase as usize];
        if spent > 0 {
            let _ = write!(line, "{separator}{name} {spent}");
            separator = ", ";
        }
    }
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Microseconds as milliseconds with one digit behind the point.
pub(crate) fn milliseconds(us: u64) -> String {
    format!("{}.{}", us / 1000, us % 1000 / 100)
}

const PHASES: [(Phase, &str); 7] = [
    (Phase::Notice, "notice"),
    (Phase::Accept, "accept"),
    (Phase::Read, "read"),
    (Phase::Execute, "execute"),
    (Phase::Settle, "settle"),
    (Phase::Write, "write"),
    (Phase::Close, "close"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_told_in_one_line_and_idle_ones_are_counted() {
        let mut watch = Watch::default();
        let idle = Turn {
            spent: [99_000, 0, 0, 0, 0, 3, 0, 0],
            ..Turn::default()
        };
        assert_eq!(watch.line(&idle), None);
        let busy = Turn {
            events: 2,
            accepted: 1,
            clients: 1,
            groups: 1,
            reads: 1,
            writes: 1,
            bytes_in: 6,
            bytes_out: 1,
            spent: [1_450, 0, 5, 10, 2, 1, 30, 0],
            ..Turn::default()
        };
        let line = "turn 2: 2 events after 100.4 ms and 1 idle turn; 1 client accepted; 6 bytes came in 1 read, \
                    1 client in 1 group; 1 byte left in 1 write; 48 us: accept 5, read 10, execute 2, settle 1, write 30";
        assert_eq!(watch.line(&busy).as_deref(), Some(line));
    }
}
