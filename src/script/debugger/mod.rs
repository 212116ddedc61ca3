//! The debugger: a script is stopped at its lines, and its client asks and orders.
//!
//! The client gets arrays of status replies, one line each ([`Said`]), and sends requests of its own kind
//! (`request.rs`). While a script is stopped nothing of it is on the move: the hook in which it stands returns when the
//! client says so. What the client asks of the script itself is done in protected calls (`questions.rs`), so no error
//! of Lua's goes through here.
//!
//! Not known here: how lines reach the client, and what becomes of the data set (`Host`).

mod questions;
mod replies;
mod request;
mod source;
mod values;

use crate::base::num::leading_i32;
use crate::base::output::Output;
use crate::base::text::up_to_nul;
use crate::wire::args::OwnedArgs;

use super::Heard;
use super::said::Said;
use super::seat::{Shared, Stack, Stop, Watcher};
use questions::{Eval, Locals, Trace, Variable};
use request::Request;
use source::Source;

pub(super) use replies::note_call;
pub(super) use values::Arguments;

/// A reply is cut to so many bytes unless the client wants more of it, and to no fewer than the least.
const SHOWN_BYTES_USUAL: usize = 256;
const SHOWN_BYTES_LEAST: usize = 60;

pub(super) struct Debugger {
    source: Source,
    /// `None`: replies are not cut.
    shown_bytes_max: Option<usize>,
    /// The client has been told that replies are cut.
    is_hinted: bool,
    /// What has come and is no request yet.
    heard: Vec<u8>,
}

/// What the script does after a request.
enum Next {
    Stays,
    Runs,
}

impl Debugger {
    /// For a script of this text, which stops at its first line.
    pub(super) fn new(text: &[u8]) -> Self {
        Self {
            source: Source::new(text),
            shown_bytes_max: Some(SHOWN_BYTES_USUAL),
            is_hinted: false,
            heard: Vec::new(),
        }
    }

    /// Does what the client asks until the script is to run on. False: the client is gone.
    fn converse(&mut self, stack: Stack, shared: &Shared) -> Result<bool, Stop> {
        loop {
            let Some(words) = self.next_request(shared)? else {
                // The script goes on to its end.
                shared.watch.steps.set(false);
                self.source.remove_all();
                return Ok(false);
            };
            let next = self.obey(&words, stack, shared)?;
            if matches!(next, Next::Runs) {
                return Ok(true);
            }
            send(shared);
        }
    }

    /// `None`: the client is gone.
    fn next_request(&mut self, shared: &Shared) -> Result<Option<Vec<Vec<u8>>>, Stop> {
        loop {
            match request::read(&self.heard) {
                Request::Whole(words) => {
                    // What came with it is not for this stop.
                    self.heard.clear();
                    return Ok(Some(words));
                }
                Request::Wrong => return Err(stop(b"ERR protocol error")),
                Request::Partial => {}
            }
            let heard = shared.ask(|host| host.hear(&mut self.heard));
            match heard {
                Some(Heard::Something) => {}
                Some(Heard::Ends(text)) => {
                    let is_final = true;
                    return Err(Stop { text, is_final });
                }
                Some(Heard::Nobody) | None => return Ok(None),
            }
        }
    }

    fn obey(&mut self, words: &[Vec<u8>], stack: Stack, shared: &Shared) -> Result<Next, Stop> {
        let watch = &shared.watch;
        let mut said = watch.said.take();
        let current = watch.line.get();
        let name = words[0].to_ascii_lowercase();
        let mut next = Next::Stays;
        match &*name {
            b"h" | b"help" => HELP.iter().for_each(|line| said.line(line.as_bytes())),
            b"s" | b"step" | b"n" | b"next" => {
                watch.steps.set(true);
                next = Next::Runs;
            }
            b"c" | b"continue" => next = Next::Runs,
            b"a" | b"abort" => {
                watch.said.set(said);
                return Err(stop(b"ERR script aborted for user request"));
            }
            b"t" | b"trace" => Trace::of(stack).say(&self.source, current, &mut said),
            b"m" | b"maxlen" => self.set_length(words, &mut said),
            b"b" | b"break" => self.source.change_breakpoints(words, current, &mut said),
            b"l" | b"list" => self.source.list_around(words, current, &mut said),
            b"w" | b"whole" => self.source.list(1, i64::MAX / 2, current, &mut said),
            b"p" | b"print" if words.len() == 2 => {
                match Variable::of(stack, &words[1], self.shown_bytes_max) {
                    Some(value) => self.show(&mut said, [b"<value> ", &*value].concat()),
                    None => said.line(b"No such variable."),
                }
            }
            b"p" | b"print" => self.show_locals(stack, &mut said),
            b"e" | b"eval" => {
                // What the text itself says comes before its value.
                watch.said.set(said);
                let ran = Eval::run(stack, &words[1..].join(&b' '), self.shown_bytes_max);
                said = watch.said.take();
                match ran {
                    Ok(value) => self.show(&mut said, [b"<retval> ", &*value].concat()),
                    Err(text) => said.line(&[b"<error> ", &*text].concat()),
                }
            }
            b"r" | b"redis" if words.len() > 1 => self.call(&words[1..], shared, &mut said),
            _ => said
                .line(b"<error> Unknown Redis Lua debugger command or wrong number of arguments."),
        }
        watch.said.set(said);
        Ok(next)
    }

    /// `maxlen [len]`
    fn set_length(&mut self, words: &[Vec<u8>], said: &mut Said) {
        if let [_, word] = words {
            let len = leading_i32(word);
            self.is_hinted = true;
            self.shown_bytes_max = (len != 0)
                .then(|| usize::try_from(len).unwrap_or_default())
                .map(|len| len.max(SHOWN_BYTES_LEAST));
        }
        match self.shown_bytes_max {
            Some(most) => {
                said.line(format!("<value> replies are truncated at {most} bytes.").as_bytes());
            }
            None => said.line(b"<value> replies are unlimited."),
        }
    }

    /// `print`
    fn show_locals(&mut self, stack: Stack, said: &mut Said) {
        let locals = Locals::of(stack, self.shown_bytes_max);
        if locals.is_empty() {
            return said.line(b"No local variables in the current context.");
        }
        for (name, value) in locals {
            self.show(said, [b"<value> ", &*name, b" = ", &*value].concat());
        }
    }

    /// `redis cmd`
    fn call(&mut self, words: &[Vec<u8>], shared: &Shared, said: &mut Said) {
        let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
        let args = OwnedArgs::from_slices(&words);
        let mut out = Output::default();
        let protocol = shared.spoken.get();
        let ran = shared.ask(|host| host.call(args.as_args(), protocol, &mut out));
        replies::say_request(args.as_args(), said);
        match ran {
            Some(Ok(())) => {
                let reply = out.contiguous();
                if let Some(error) = replies::error_in(reply) {
                    said.line(&[b"<error> ", error].concat());
                }
                self.show(said, [b"<reply> ", &*replies::shown(reply)].concat());
            }
            Some(Err(refusal)) => said.line(&replies::refused(&refusal.0)),
            None => {}
        }
    }

    /// The lines that are about the place where the script stands.
    fn say_stop(&self, reason: &str, line: usize, said: &mut Said) {
        said.line(format!("* Stopped at {line}, stop reason = {reason}").as_bytes());
        self.source.say_line(line, line, said);
    }
}

impl Watcher for Debugger {
    fn reached(&mut self, stack: Stack, shared: &Shared, is_pulse: bool) -> Result<(), Stop> {
        let watch = &shared.watch;
        let line = watch.line.get();
        let is_called = watch.is_called.get();
        let breaks = is_called || self.source.has_breakpoint(line);
        let mut steps = watch.steps.get();
        let mut is_late = false;
        if is_pulse && !steps && !breaks {
            is_late = shared.ask(|host| host.runs_long()).unwrap_or(false);
            steps = is_late;
        }
        if !steps && !breaks {
            return Ok(());
        }
        let reason = match () {
            () if is_called => "redis.breakpoint() called",
            () if breaks => "break point",
            () if is_late => "timeout reached, infinite loop?",
            () => "step over",
        };
        watch.steps.set(false);
        watch.is_called.set(false);
        watch.say(|said| self.say_stop(reason, line, said));
        send(shared);
        let is_there = self.converse(stack, shared)?;
        if !is_there && is_late {
            return Err(stop(
                b"ERR timeout during Lua debugging with client closing connection",
            ));
        }
        Ok(())
    }

    fn show(&mut self, said: &mut Said, mut line: Vec<u8>) {
        let Some(most) = self.shown_bytes_max.filter(|&most| line.len() > most) else {
            return said.line(&line);
        };
        line.truncate(most);
        line.extend_from_slice(b" ...");
        said.line(&line);
        if !std::mem::replace(&mut self.is_hinted, true) {
            said.line(b"<hint> The above reply was trimmed. Use 'maxlen 0' to disable trimming.");
        }
    }
}

/// An error that the script may catch.
fn stop(text: &'static [u8]) -> Stop {
    let is_final = false;
    Stop { text, is_final }
}

fn send(shared: &Shared) {
    let mut said = shared.watch.said.take();
    let bytes = said.take();
    shared.watch.said.set(said);
    shared.ask(|host| host.tell(&bytes));
}

/// The words of an error that a function of ours raises: the common code is left out, another one marked.
fn error_words(text: &[u8]) -> Vec<u8> {
    let text = up_to_nul(text);
    match text.strip_prefix(b"ERR ") {
        Some(text) => text.to_vec(),
        None => [b"-", text].concat(),
    }
}

/// Notes an error of a function of ours for a client that sees each step.
pub(super) fn note_error(shared: &Shared, text: &[u8]) {
    let line = || [b"<error> ", &*error_words(text)].concat();
    shared.watch.note(|said| said.line(&line()));
}

/// The answer to `help`, as clients know it.
const HELP: &[&str] = &[
    "Redis Lua debugger help:",
    "[h]elp               Show this help.",
    "[s]tep               Run current line and stop again.",
    "[n]ext               Alias for step.",
    "[c]ontinue           Run till next breakpoint.",
    "[l]ist               List source code around current line.",
    "[l]ist [line]        List source code around [line].",
    "                     line = 0 means: current position.",
    "[l]ist [line] [ctx]  In this form [ctx] specifies how many lines",
    "                     to show before/after [line].",
    "[w]hole              List all source code. Alias for 'list 1 1000000'.",
    "[p]rint              Show all the local variables.",
    "[p]rint <var>        Show the value of the specified variable.",
    "                     Can also show global vars KEYS and ARGV.",
    "[b]reak              Show all breakpoints.",
    "[b]reak <line>       Add a breakpoint to the specified line.",
    "[b]reak -<line>      Remove breakpoint from the specified line.",
    "[b]reak 0            Remove all breakpoints.",
    "[t]race              Show a backtrace.",
    "[e]val <code>        Execute some Lua code (in a different callframe).",
    "[r]edis <cmd>        Execute a Redis command.",
    "[m]axlen [len]       Trim logged Redis replies and Lua var dumps to len.",
    "                     Specifying zero as <len> means unlimited.",
    "[a]bort              Stop the execution of the script. In sync",
    "                     mode dataset changes will be retained.",
    "",
    "Debugger functions you can call from Lua scripts:",
    "redis.debug()        Produce logs in the debugger console.",
    "redis.breakpoint()   Stop execution like if there was a breakpoint in the",
    "                     next line of code.",
];

#[cfg(test)]
mod tests;
