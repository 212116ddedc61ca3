//! Errors on their way through a script.
//!
//! An error of the server's is a table with the field `err`, and one more if the statistics have seen it. Errors of
//! Lua's and of the libraries are strings. What no script catches comes to [`handle`], which makes a table of all, with
//! the place where the error was raised.

use crate::base::text::up_to_nul;

use super::seat::{Ended, Job, Kind, Main, Raise, Shared, Stack};

/// The name of the prelude's source, by which its frames are known on the stack.
pub(super) const PRELUDE: &str = "=prelude";

/// The field of an error that the statistics have seen.
const COUNTED: &[u8] = b"ignore_error_stats_update";

/// The text of an error that has none.
const UNKNOWN: &[u8] = b"ERR unknown error";

/// How a script failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) text: Vec<u8>,
    /// The source and the line where the error was raised.
    pub(crate) place: Option<(Vec<u8>, i64)>,
    /// The error is one of a command and has been counted.
    pub(crate) is_counted: bool,
}

/// Raises an error that the statistics have not seen.
pub(super) fn refuse(stack: Stack, text: &[u8]) -> Ended {
    push(stack, text);
    Err(Raise)
}

/// Raises a text with the place of the call before it, as a function of Lua's library does.
pub(super) fn fail(stack: Stack, text: &[u8]) -> Ended {
    stack.push_where();
    stack.push_bytes(text);
    stack.join(2);
    Err(Raise)
}

/// Pushes an error of the server's.
pub(super) fn push(stack: Stack, text: &[u8]) {
    stack.push_table(0, 3);
    stack.push_bytes(text);
    stack.set_field(-2, b"err");
}

/// The same for one that the statistics have seen, and that is not to be counted again when the script returns or
/// raises it.
pub(super) fn push_counted(stack: Stack, text: &[u8]) {
    push(stack, text);
    stack.push_boolean(true);
    stack.set_field(-2, COUNTED);
}

/// `pcall` as scripts have it: of an error of the server's they get the text.
pub(super) fn pcall(stack: Stack, _: &Shared) -> Ended {
    let given = stack.top();
    if given == 0 {
        stack.push_boolean(false);
        // What is called instead is the first of the results.
        stack.push_bytes(b"attempt to call a boolean value");
        return Ok(2);
    }
    stack.push_boolean(true);
    stack.insert(1);
    if stack.call_protected(given - 1) {
        return Ok(stack.top());
    }
    if stack.kind(-1) == Kind::Table {
        stack.ask_field(-1, c"err");
        if matches!(stack.kind(-1), Kind::String | Kind::Number) {
            stack.remove(-2);
        }
    }
    stack.push_boolean(false);
    stack.replace(1);
    Ok(stack.top())
}

/// `xpcall`, whose handler gets errors as they are.
pub(super) fn xpcall(stack: Stack, _: &Shared) -> Ended {
    if stack.top() < 2 {
        return fail(stack, b"bad argument #2 to 'xpcall' (value expected)");
    }
    stack.set_top(2);
    stack.insert(1);
    let is_fine = stack.call_handled();
    stack.push_boolean(is_fine);
    stack.replace(1);
    Ok(stack.top())
}

/// The table that every error becomes: what went wrong, and where.
pub(super) fn handle(stack: Stack, _: &Shared) -> Ended {
    if stack.kind(1) != Kind::Table {
        stack.push_bytes(b"ERR ");
        push_text(stack, 1);
        stack.join(2);
        stack.push_table(0, 3);
        stack.push_copy(-2);
        stack.set_field(-2, b"err");
        stack.replace(1);
    }
    stack.set_top(1);
    if let Some(level) = place(stack) {
        let line = stack.frame(level, |frame| {
            stack.push_bytes(frame.source.to_bytes());
            frame.line
        });
        stack.set_field(1, b"source");
        if let Some(line) = line.flatten() {
            stack.push_number(line.into());
            stack.set_field(1, b"line");
        }
    }
    Ok(1)
}

/// Pushes the text that a value is in a message.
fn push_text(stack: Stack, at: i32) {
    match stack.kind(at) {
        Kind::String | Kind::Number => {
            stack.push_copy(at);
            stack.make_string(-1);
        }
        Kind::Boolean => {
            let text: &[u8] = if stack.truth(at) { b"true" } else { b"false" };
            stack.push_bytes(text);
        }
        Kind::Nil | Kind::None => stack.push_bytes(b"nil"),
        Kind::Userdata if stack.push_shown(at) => {}
        Kind::Userdata if stack.identity(at) == 0 => stack.push_bytes(b"userdata: (nil)"),
        Kind::Userdata | Kind::Table | Kind::Function | Kind::Thread => {
            stack.push_bytes(stack.type_name(at));
            let mut digits = [b'0'; 16];
            let (mut rest, mut start) = (stack.identity(at), digits.len());
            while rest > 0 {
                start -= 1;
                digits[start] = b"0123456789abcdef"[rest % 16];
                rest /= 16;
            }
            stack.push_bytes(b": 0x");
            stack.push_bytes(&digits[start..]);
            stack.join(3);
        }
    }
}

/// The frame where an error was raised; the stack of calls still stands.
fn place(stack: Stack) -> Option<i32> {
    // A function of C, such as `error`, is not the place, but who called it is.
    let first = stack.frame(1, |frame| frame.is_c)?;
    let mut level = 1 + i32::from(first);
    while let Some((is_c, is_ours)) = stack.frame(level, |frame| {
        let is_ours = frame.is_tail || frame.source.to_bytes() == PRELUDE.as_bytes();
        (frame.is_c, is_ours)
    }) {
        if !is_c && !is_ours {
            return Some(level);
        }
        level += 1;
    }
    None
}

/// Reads the error that a table is, if it is one.
#[derive(Default)]
struct Reading {
    failure: Option<Failure>,
}

impl Job for Reading {
    fn run(&mut self, stack: Stack) -> Ended {
        if stack.kind(2) != Kind::Table {
            return Ok(0);
        }
        stack.ask_field(2, c"err");
        let has_text = stack.make_string(-1);
        stack.push_field(2, COUNTED);
        stack.push_field(2, b"source");
        stack.push_field(2, b"line");
        let failure = self.failure.insert(Failure::default());
        let text = stack.bytes(3).filter(|_| has_text);
        failure.text = up_to_nul(text.unwrap_or(UNKNOWN)).to_vec();
        failure.is_counted = stack.kind(4) == Kind::Boolean && stack.truth(4);
        failure.place =
            (stack.bytes(5).map(<[u8]>::to_vec)).zip(stack.number(6).map(|line| line as i64));
        Ok(0)
    }
}

/// The error on top of the stack, that the handler has made, or that there was no memory.
pub(super) fn read(main: &Main) -> Failure {
    let stack = main.stack();
    if let Some(text) = stack.bytes(-1) {
        return Failure {
            text: [b"ERR ", text].concat(),
            ..Failure::default()
        };
    }
    let mut reading = Reading::default();
    main.read(&mut reading, 1);
    reading.failure.unwrap_or_else(|| Failure {
        text: UNKNOWN.to_vec(),
        ..Failure::default()
    })
}

/// The error that a table on the stack is, if it is one: its text, and whether it has been counted.
pub(super) fn in_table<'a>(stack: Stack, at: i32) -> Option<(&'a [u8], bool)> {
    stack.push_field(at, COUNTED);
    let is_counted = stack.kind(-1) == Kind::Boolean && stack.truth(-1);
    stack.pop(1);
    stack.push_field(at, b"err");
    // The table holds the text.
    let text = stack.bytes(-1);
    stack.pop(1);
    text.map(|text| (up_to_nul(text), is_counted))
}

#[cfg(test)]
mod tests;
