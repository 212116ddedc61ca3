//! What scripts can set, and the functions that do it.
//!
//! Every function takes nil for "leave it" and gives the setting as it then is. A row of [`FUNCTIONS`] says which field
//! a function sets and what it may be.

use mlua::{MultiValue, Result, Value};

use super::super::args::Args;
use super::{Body, State};

/// What scripts can set. Integers have the range of C's `int`.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) sparse_convert: i32,
    pub(super) sparse_ratio: i32,
    pub(super) sparse_safe: i32,
    pub(super) encode_max_depth: i32,
    pub(super) decode_max_depth: i32,
    pub(super) encode_invalid_numbers: i32,
    pub(super) decode_invalid_numbers: i32,
    pub(super) number_precision: i32,
    pub(super) keep_buffer: i32,
}

pub(super) const DEFAULTS: Settings = Settings {
    sparse_convert: 0,
    sparse_ratio: 2,
    sparse_safe: 10,
    encode_max_depth: 1000,
    decode_max_depth: 1000,
    encode_invalid_numbers: 0,
    decode_invalid_numbers: 1,
    number_precision: 14,
    keep_buffer: 1,
};

const SWITCH: &[&str] = &["off", "on"];
const INVALID_NUMBERS: &[&str] = &["off", "on", "null"];

pub(super) const FUNCTIONS: &[(&str, Body<MultiValue>)] = &[
    ("encode_sparse_array", encode_sparse_array),
    ("encode_max_depth", |args, state| {
        only_integer(args, state, |all| &mut all.encode_max_depth, i32::MAX)
    }),
    ("decode_max_depth", |args, state| {
        only_integer(args, state, |all| &mut all.decode_max_depth, i32::MAX)
    }),
    ("encode_number_precision", |args, state| {
        only_integer(args, state, |all| &mut all.number_precision, 14)
    }),
    ("encode_keep_buffer", |args, state| {
        only_choice(args, state, |all| &mut all.keep_buffer, SWITCH)
    }),
    ("encode_invalid_numbers", |args, state| {
        let field: Field = |all| &mut all.encode_invalid_numbers;
        only_choice(args, state, field, INVALID_NUMBERS)
    }),
    ("decode_invalid_numbers", |args, state| {
        only_choice(args, state, |all| &mut all.decode_invalid_numbers, SWITCH)
    }),
];

/// The setting that a function is about.
type Field = fn(&mut Settings) -> &mut i32;

fn encode_sparse_array(args: &Args<'_>, state: &State) -> Result<MultiValue> {
    at_most(args, 3)?;
    let results = [
        choice(args, 1, state, |all| &mut all.sparse_convert, SWITCH)?,
        integer(args, 2, state, |all| &mut all.sparse_ratio, 0, i32::MAX)?,
        integer(args, 3, state, |all| &mut all.sparse_safe, 0, i32::MAX)?,
    ];
    Ok(MultiValue::from_iter(results))
}

fn only_integer(args: &Args<'_>, state: &State, field: Field, max: i32) -> Result<MultiValue> {
    at_most(args, 1)?;
    let value = integer(args, 1, state, field, 1, max)?;
    Ok(MultiValue::from_iter([value]))
}

fn only_choice(
    args: &Args<'_>,
    state: &State,
    field: Field,
    choices: &[&str],
) -> Result<MultiValue> {
    at_most(args, 1)?;
    let value = choice(args, 1, state, field, choices)?;
    Ok(MultiValue::from_iter([value]))
}

fn at_most(args: &Args<'_>, count: usize) -> Result<()> {
    if args.count() > count {
        return Err(args.bad(count + 1, "found too many arguments"));
    }
    Ok(())
}

/// Sets an integer, unless the argument is nil, and gives the present one. A number out of range is an error of the
/// first argument, whichever it was.
fn integer(
    args: &Args<'_>,
    index: usize,
    state: &State,
    field: Field,
    min: i32,
    max: i32,
) -> Result<Value> {
    let mut settings = state.settings.get();
    if !args.is_nil(index) {
        // C cuts an integer of 64 bits down to its lower half.
        let value = args.integer(index)? as i32;
        if !(min..=max).contains(&value) {
            let text = format!("expected integer between {min} and {max}");
            return Err(args.bad(1, text));
        }
        *field(&mut settings) = value;
        state.settings.set(settings);
    }
    Ok(Value::Number(f64::from(*field(&mut settings))))
}

/// Sets one of several words, or a boolean for `off` and `on`, and gives the present choice the same way.
fn choice(
    args: &Args<'_>,
    index: usize,
    state: &State,
    field: Field,
    choices: &[&str],
) -> Result<Value> {
    let mut settings = state.settings.get();
    if !args.is_nil(index) {
        *field(&mut settings) = chosen(args, index, choices)? as i32;
        state.settings.set(settings);
    }
    match *field(&mut settings) {
        0 => Ok(Value::Boolean(false)),
        1 => Ok(Value::Boolean(true)),
        number => {
            let word = choices.get(number as usize).copied().unwrap_or_default();
            args.lua.create_string(word).map(Value::String)
        }
    }
}

fn chosen(args: &Args<'_>, index: usize, choices: &[&str]) -> Result<usize> {
    if let Some(Value::Boolean(is_on)) = args.value(index) {
        return Ok(usize::from(*is_on));
    }
    let text = args.string(index)?;
    let text = text.as_bytes();
    let word = &text[..memchr::memchr(0, &text).unwrap_or(text.len())];
    choices
        .iter()
        .position(|choice| choice.as_bytes() == word)
        .ok_or_else(|| {
            let mut text = b"invalid option '".to_vec();
            text.extend_from_slice(word);
            text.push(b'\'');
            args.bad(index, text)
        })
}

#[cfg(test)]
mod tests;
