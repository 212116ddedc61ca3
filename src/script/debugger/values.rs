//! Values of Lua as the debugger shows them.

use crate::base::text::push_quoted;
use crate::script::seat::{Ended, Job, Kind, Shared, Stack, guarded};

/// Tables within tables are shown so deep.
const DEPTH_MAX: usize = 10;

/// No value is shown at greater length; a table that holds itself often enough would have no end.
const SHOWN_BYTES_MAX: usize = 4 << 20;

/// How much of a value to show if so much of it will be seen.
pub(super) fn shown_bytes_max(seen_bytes_max: Option<usize>) -> usize {
    // One byte more, so that it can be seen that there is more.
    seen_bytes_max.map_or(SHOWN_BYTES_MAX, |most| most + 1)
}

/// Appends a value; in a guarded job, for Lua may jump over this.
pub(super) fn push(text: &mut Vec<u8>, stack: Stack, at: i32, most: usize) {
    push_within(text, stack, at, most, 0);
}

fn push_within(text: &mut Vec<u8>, stack: Stack, at: i32, most: usize, depth: usize) {
    if text.len() > most {
        return;
    }
    if depth == DEPTH_MAX || !stack.has_room(6) {
        return text.extend_from_slice(b"<max recursion level reached! Nested table?>");
    }
    match stack.kind(at) {
        Kind::None | Kind::Nil => text.extend_from_slice(b"nil"),
        Kind::Boolean if stack.truth(at) => text.extend_from_slice(b"true"),
        Kind::Boolean => text.extend_from_slice(b"false"),
        Kind::Number => push_short(text, stack.number(at).unwrap_or_default()),
        Kind::String => push_quoted(text, stack.bytes(at).unwrap_or_default()),
        Kind::Table => {
            stack.push_copy(at);
            if stack.push_behind(-1) {
                stack.remove(-2);
            }
            push_table(text, stack, most, depth);
            stack.pop(1);
        }
        Kind::Function | Kind::Thread | Kind::Userdata => {
            text.push(b'"');
            text.extend_from_slice(stack.type_name(at));
            text.extend_from_slice(format!("@{:#x}\"", stack.identity(at)).as_bytes());
        }
    }
}

/// The table on top. One whose keys are 1, 2, 3 ... in this order is shown without them.
fn push_table(text: &mut Vec<u8>, stack: Stack, most: usize, depth: usize) {
    let table = stack.top();
    let is_list = is_list(stack, table);
    let mut is_first = true;
    text.push(b'{');
    stack.push_nil();
    while stack.next(table) {
        if text.len() > most {
            stack.pop(2);
            break;
        }
        if !std::mem::replace(&mut is_first, false) {
            text.extend_from_slice(b"; ");
        }
        if !is_list {
            text.push(b'[');
            push_within(text, stack, table + 1, most, depth + 1);
            text.extend_from_slice(b"]=");
        }
        push_within(text, stack, table + 2, most, depth + 1);
        stack.pop(1);
    }
    text.push(b'}');
}

fn is_list(stack: Stack, table: i32) -> bool {
    let mut expected = 1.0;
    stack.push_nil();
    while stack.next(table) {
        stack.pop(1);
        if stack.number(-1) != Some(expected) {
            stack.pop(1);
            return false;
        }
        expected += 1.0;
    }
    true
}

/// A number as C prints it by `%g`: six digits, no more.
fn push_short(text: &mut Vec<u8>, number: f64) {
    const DIGITS: i32 = 6;
    if number.is_nan() {
        let sign: &[u8] = if number.is_sign_negative() { b"-" } else { b"" };
        text.extend_from_slice(sign);
        return text.extend_from_slice(b"nan");
    }
    if number.is_infinite() {
        let word: &[u8] = if number < 0.0 { b"-inf" } else { b"inf" };
        return text.extend_from_slice(word);
    }
    let scientific = format!("{number:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let places = (DIGITS - 1 - exponent) as usize;
        text.extend_from_slice(without_zeros(&format!("{number:.places$}")).as_bytes());
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let size = exponent.unsigned_abs();
        let digits = without_zeros(digits);
        text.extend_from_slice(format!("{digits}e{sign}{size:02}").as_bytes());
    }
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// The arguments of a function of ours that runs, as one text.
#[derive(Default)]
pub(in crate::script) struct Arguments(Vec<u8>);

impl Arguments {
    /// `redis.debug(value, ...)`
    pub(in crate::script) fn note(stack: Stack, shared: &Shared) {
        let watch = &shared.watch;
        if !watch.is_on.get() {
            return;
        }
        let mut arguments = Self::default();
        guarded(stack, &mut arguments);
        let line = format!("<debug> line {}: ", watch.line.get());
        watch.say(|said| said.line(&[line.as_bytes(), &*arguments.0].concat()));
    }
}

impl Job for Arguments {
    fn run(&mut self, stack: Stack) -> Ended {
        let mut at = 1;
        while stack.push_local(1, at).is_some() {
            if at > 1 {
                self.0.extend_from_slice(b", ");
            }
            let place = stack.top();
            push(&mut self.0, stack, place, SHOWN_BYTES_MAX);
            stack.pop(1);
            at += 1;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::push_short;

    #[test]
    fn numbers_have_six_digits() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (599_999.0, "599999"),
            (1_000_000.0, "1e+06"),
            (9_007_199_254_740_992.0, "9.0072e+15"),
            (1e20, "1e+20"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (999_999.5, "1e+06"),
            (f64::INFINITY, "inf"),
        ] {
            let mut text = Vec::new();
            push_short(&mut text, number);
            assert_eq!(String::from_utf8_lossy(&text), expected);
        }
    }
}
