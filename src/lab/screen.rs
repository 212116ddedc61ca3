//! The lab's lines on its terminal, gathered and written once a turn.
//!
//! A program says things at any time of a turn; `show` writes them, in `before_sleep`. Only what is said in `closed`
//! must be shown there, since connections are also buried after that. A terminal that is gone is no reason to stop
//! serving.

use std::fmt;
use std::io::{self, Write};

use crate::reactor::Turn;

use super::trace::Watch;

#[derive(Default)]
pub struct Screen {
    lines: Vec<u8>,
    watch: Watch,
}

impl Screen {
    pub fn new() -> Screen {
        Screen::default()
    }

    /// One line, or several with line ends between them.
    pub(crate) fn say(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a vector cannot fail.
        let _ = self.lines.write_fmt(text);
        if !self.lines.ends_with(b"\n") {
            self.lines.push(b'\n');
        }
        if self.lines.len() > GATHERED_BYTES_MAX {
            self.show();
        }
    }

    pub(crate) fn show(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let mut out = io::stdout().lock();
        let _ = out.write_all(&self.lines).and_then(|()| out.flush());
        self.lines.clear();
    }

    /// A turn is over; its lines are shown at once, or they would wait for the end of a sleep.
    pub fn turn(&mut self, turn: &Turn) {
        if let Some(line) = self.watch.line(turn) {
            self.say(format_args!("{line}"));
            self.show();
        }
    }
}

/// More than this is not kept until the end of a turn.
const GATHERED_BYTES_MAX: usize = 64 * 1024;
