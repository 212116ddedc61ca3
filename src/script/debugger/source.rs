//! The text of a script as lines, and the breakpoints in it.

use crate::base::num::{leading_i32, parse_i64};
use crate::script::said::Said;

const BREAKPOINTS_MAX: usize = 64;

/// How many lines `list` shows before and after one.
const AROUND: i64 = 5;

pub(super) struct Source {
    lines: Vec<Vec<u8>>,
    /// Lines, in the order in which they were given; one may be there twice.
    breakpoints: Vec<usize>,
}

impl Source {
    pub(super) fn new(text: &[u8]) -> Self {
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec);
        Self {
            lines: lines.filter(|_| !text.is_empty()).collect(),
            breakpoints: Vec::new(),
        }
    }

    pub(super) fn has_breakpoint(&self, line: usize) -> bool {
        self.breakpoints.contains(&line)
    }

    pub(super) fn remove_all(&mut self) {
        self.breakpoints.clear();
    }

    /// One line, marked if the script stands there or has a breakpoint there.
    pub(super) fn say_line(&self, line: usize, current: usize, said: &mut Said) {
        let mark = match (line == current, self.has_breakpoint(line)) {
            (true, true) => "->#",
            (true, false) => "-> ",
            (false, true) => "  #",
            (false, false) => "   ",
        };
        let mut shown = format!("{mark}{line:<3} ").into_bytes();
        let text = line.checked_sub(1).and_then(|at| self.lines.get(at));
        shown.extend_from_slice(text.map_or(b"<out of range source code line>", Vec::as_slice));
        said.line(&shown);
    }

    /// The lines that are at most so far from one.
    pub(super) fn list(&self, around: i64, context: i64, current: usize, said: &mut Said) {
        for line in 1..=self.lines.len() {
            if around.saturating_sub(line as i64).abs() <= context {
                self.say_line(line, current, said);
            }
        }
    }

    /// `list [line [context]]`
    pub(super) fn list_around(&self, words: &[Vec<u8>], current: usize, said: &mut Said) {
        let number = |at: usize| words.get(at).map(|word| i64::from(leading_i32(word)));
        let around = number(1).filter(|&line| line > 0);
        let around = around.unwrap_or(current as i64);
        self.list(around, number(2).unwrap_or(AROUND), current, said);
    }

    /// `break [line | -line | 0 ...]`
    pub(super) fn change_breakpoints(
        &mut self,
        words: &[Vec<u8>],
        current: usize,
        said: &mut Said,
    ) {
        if words.len() == 1 {
            return self.say_breakpoints(current, said);
        }
        for word in &words[1..] {
            match parse_i64(word) {
                None => said.line(&[b"Invalid argument:'", &**word, b"'"].concat()),
                Some(0) => {
                    self.breakpoints.clear();
                    said.line(b"All breakpoints removed.");
                }
                Some(line) if line < 0 => self.remove(line.unsigned_abs(), said),
                Some(line) => self.add(line, current, said),
            }
        }
    }

    fn say_breakpoints(&self, current: usize, said: &mut Said) {
        if self.breakpoints.is_empty() {
            return said.line(b"No breakpoints set. Use 'b <line>' to add one.");
        }
        said.line(format!("{} breakpoints set:", self.breakpoints.len()).as_bytes());
        for &line in &self.breakpoints {
            self.say_line(line, current, said);
        }
    }

    fn add(&mut self, line: i64, current: usize, said: &mut Said) {
        if self.breakpoints.len() == BREAKPOINTS_MAX {
            return said.line(b"Too many breakpoints set.");
        }
        match usize::try_from(line) {
            Ok(at) if at <= self.lines.len() && !self.has_breakpoint(at) => {
                self.breakpoints.push(at);
                self.list(line, 1, current, said);
            }
            _ => said.line(b"Wrong line number."),
        }
    }

    fn remove(&mut self, line: u64, said: &mut Said) {
        let is_it = |&at: &usize| at as u64 == line;
        match self.breakpoints.iter().position(is_it) {
            Some(at) => {
                self.breakpoints.remove(at);
                said.line(b"Breakpoint removed.");
            }
            None => said.line(b"No breakpoint in the specified line."),
        }
    }
}
