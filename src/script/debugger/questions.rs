//! What a client asks of a script that stands still, each in a protected call of its own.

use std::ffi::CStr;

use crate::script::said::Said;
use crate::script::seat::{Ended, Job, Kind, Named, Raise, Stack, guarded};

use super::source::Source;
use super::values::{push, shown_bytes_max};

/// The frame of the script, seen from a job.
const FIRST: i32 = 1;

/// How Lua calls a text that `eval` runs.
const NAME: &CStr = c"@ldb_eval";

/// The variables of the innermost frame, with what they are.
pub(super) struct Locals {
    found: Vec<(Vec<u8>, Vec<u8>)>,
    most: usize,
}

impl Locals {
    pub(super) fn of(stack: Stack, seen_bytes_max: Option<usize>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut locals = Self {
            found: Vec::new(),
            most: shown_bytes_max(seen_bytes_max),
        };
        guarded(stack, &mut locals);
        locals.found
    }
}

impl Job for Locals {
    fn run(&mut self, stack: Stack) -> Ended {
        let mut at = 1;
        while let Some(name) = stack.push_local(FIRST, at) {
            // What Lua keeps there for itself has no name that a script could say.
            if name != c"(*temporary)" {
                self.found.push((name.to_bytes().to_vec(), Vec::new()));
                let place = stack.top();
                if let Some((_, value)) = self.found.last_mut() {
                    push(value, stack, place, self.most);
                }
            }
            stack.pop(1);
            at += 1;
        }
        Ok(0)
    }
}

/// A variable that is looked for from the innermost frame outwards.
pub(super) struct Variable<'a> {
    name: &'a [u8],
    value: Option<Vec<u8>>,
    most: usize,
}

impl<'a> Variable<'a> {
    pub(super) fn of(
        stack: Stack,
        name: &'a [u8],
        seen_bytes_max: Option<usize>,
    ) -> Option<Vec<u8>> {
        let mut variable = Self {
            name,
            value: None,
            most: shown_bytes_max(seen_bytes_max),
        };
        guarded(stack, &mut variable);
        variable.value
    }

    fn show_top(&mut self, stack: Stack) {
        let place = stack.top();
        push(self.value.insert(Vec::new()), stack, place, self.most);
    }
}

impl Job for Variable<'_> {
    fn run(&mut self, stack: Stack) -> Ended {
        let mut level = FIRST;
        while stack.script_frame(level).is_some() {
            let mut at = 1;
            while let Some(name) = stack.push_local(level, at) {
                if name.to_bytes() == self.name {
                    self.show_top(stack);
                    return Ok(0);
                }
                stack.pop(1);
                at += 1;
            }
            level += 1;
        }
        let global = match self.name {
            b"KEYS" => c"KEYS",
            b"ARGV" => c"ARGV",
            _ => return Ok(0),
        };
        stack.push_global(global);
        self.show_top(stack);
        Ok(0)
    }
}

/// The frames of a script, the innermost first.
#[derive(Default)]
pub(super) struct Trace(Vec<(bool, Named)>);

impl Trace {
    pub(super) fn of(stack: Stack) -> Self {
        let mut trace = Self::default();
        guarded(stack, &mut trace);
        trace
    }

    pub(super) fn say(&self, source: &Source, current: usize, said: &mut Said) {
        for (is_innermost, Named { name, line }) in &self.0 {
            let word: &[u8] = if *is_innermost { b"In" } else { b"From" };
            let name = name.as_deref().unwrap_or(b"top level");
            said.line(&[word, b" ", name, b":"].concat());
            source.say_line(*line, current, said);
        }
    }
}

impl Job for Trace {
    fn run(&mut self, stack: Stack) -> Ended {
        let mut level = FIRST;
        while let Some(frame) = stack.script_frame(level) {
            if let Some(frame) = frame {
                self.0.push((level == FIRST, frame));
            }
            level += 1;
        }
        Ok(0)
    }
}

/// A text that runs beside the script: it sees the globals and none of the script's variables.
pub(super) struct Eval {
    /// The text as an expression, and as it is.
    texts: [Vec<u8>; 2],
    value: Result<Vec<u8>, Vec<u8>>,
    most: usize,
}

impl Eval {
    pub(super) fn run(
        stack: Stack,
        text: &[u8],
        seen_bytes_max: Option<usize>,
    ) -> Result<Vec<u8>, Vec<u8>> {
        let mut eval = Self {
            texts: [[b"return ", text].concat(), text.to_vec()],
            value: Err(Vec::new()),
            most: shown_bytes_max(seen_bytes_max),
        };
        let is_done = guarded(stack, &mut eval);
        if is_done {
            eval.value
        } else {
            Err(b"not enough memory".to_vec())
        }
    }

    /// Notes the error on top.
    fn fail(&mut self, stack: Stack) {
        if stack.kind(-1) == Kind::Table {
            stack.push_field(-1, b"err");
        }
        self.value = Err(Vec::new());
        let place = stack.top();
        if let Err(text) = &mut self.value {
            match stack.bytes(-1) {
                Some(bytes) => text.extend_from_slice(bytes),
                None => push(text, stack, place, self.most),
            }
        }
    }
}

impl Job for Eval {
    fn run(&mut self, stack: Stack) -> Ended {
        let (mut apart, mut is_compiled) = stack.push_apart(&self.texts[0], NAME);
        // Byte code begins with an escape, and is not taken.
        if !is_compiled && self.texts[1].first() != Some(&27) {
            (apart, is_compiled) = stack.push_apart(&self.texts[1], NAME);
        }
        let is_fine = is_compiled && apart.call_for_one();
        stack.take_from(apart);
        if is_fine {
            let place = stack.top();
            self.value = Ok(Vec::new());
            if let Ok(text) = &mut self.value {
                push(text, stack, place, self.most);
            }
        } else {
            self.fail(stack);
        }
        Ok::<_, Raise>(0)
    }
}
