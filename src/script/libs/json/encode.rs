//! Values to JSON.
//!
//! A table is an array when it has keys and all of them are whole numbers from 1 on; what is missing in between becomes
//! null. An array with too many holes is an error, or an object if a script has set that. Every other table is an
//! object, in the order in which Lua walks it; so is the empty one, which nobody could tell from an empty array.
//!
//! Strings pass as they are, but for quotes, backslashes, slashes and control characters: no encoding is checked.

use std::vec;

use mlua::{Function, Lua, Result, Table, Value};

use super::super::args::{to_i32, type_name};
use super::super::nest::{Frame, Nest};
use super::super::{OUTPUT_BYTES_MAX, SLOTS_MAX, raise};
use super::{Settings, number};

/// Tables of up to so many keys are read in one walk, the others key by key.
const LISTED_KEYS_MAX: usize = 64;

/// How many keys may be read and not written yet, in all open tables together. The interpreter has some eight thousand
/// places for values that Rust holds, and each key and value may take one.
const LISTED_MAX: usize = 1024;

/// Appends a value as JSON.
pub(super) fn encode(
    lua: &Lua,
    settings: Settings,
    next: &Function,
    value: Value,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut encoder = Encoder {
        lua,
        settings,
        next,
        out,
        open: Nest::new(),
        listed: 0,
        slots: 1,
    };
    encoder.value(value)?;
    while encoder.open.len() > 0 {
        encoder.step()?;
    }
    Ok(())
}

struct Encoder<'a> {
    lua: &'a Lua,
    settings: Settings,
    next: &'a Function,
    out: &'a mut Vec<u8>,
    open: Nest<Open>,
    /// How many keys are read and not written yet.
    listed: usize,
    /// How full Redis's stack would be.
    slots: usize,
}

/// A table that is not written to its end. For an object, the key of the frame is the last one written, and nil before
/// the first.
enum Open {
    Array {
        written: i32,
        len: i32,
    },
    Object,
    /// Either of them, with all that is in it.
    Listed {
        is_array: bool,
        is_first: bool,
        count: usize,
        pairs: vec::IntoIter<(Value, Value)>,
    },
}

/// What a table turns out to be.
struct Shape {
    /// The length of an array; nothing for an object. It is cut to an `int`, so that an array too long is an object.
    len: Option<i32>,
    /// All that is in it, if that is little; for an array in the order of its indexes.
    pairs: Option<Vec<(Value, Value)>>,
}

/// What happens next with the innermost table.
enum Step {
    Element(Value),
    Member(Value, Value),
    End(u8),
}

impl Encoder<'_> {
    /// Writes the next element of the innermost table, or its end.
    fn step(&mut self) -> Result<()> {
        if self.out.len() > OUTPUT_BYTES_MAX {
            return Err(raise::no_memory());
        }
        let Some(open) = self.open.inner() else {
            return Ok(());
        };
        let is_first = is_at_start(open);
        match next_step(open, self.next)? {
            Step::End(bracket) => {
                self.out.push(bracket);
                self.slots -= open.more.slots();
                if let Open::Listed { count, .. } = open.more {
                    self.listed -= count;
                }
                self.open.pop()?;
                Ok(())
            }
            Step::Element(value) => {
                self.comma(is_first);
                self.value(value)
            }
            Step::Member(key, value) => {
                self.comma(is_first);
                self.key(&key)?;
                // Only a walk key by key needs to know where it was.
                if let Some(
                    open @ Frame {
                        more: Open::Object, ..
                    },
                ) = self.open.inner()
                {
                    open.key = key;
                }
                self.value(value)
            }
        }
    }

    fn comma(&mut self, is_first: bool) {
        if !is_first {
            self.out.push(b',');
        }
    }

    /// Writes a plain value, or the start of a table.
    fn value(&mut self, value: Value) -> Result<()> {
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(_) if value.is_null() => self.out.extend_from_slice(b"null"),
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Integer(number) => self.number(number as f64)?,
            Value::Number(number) => self.number(number)?,
            Value::String(text) => put_string(self.out, &text.as_bytes())?,
            Value::Table(table) => self.table(table)?,
            other => return Err(self.cannot(&other, "type not supported")),
        }
        Ok(())
    }

    fn table(&mut self, table: Table) -> Result<()> {
        let depth = self.open.len() + 1;
        if depth > self.settings.encode_max_depth as usize || self.slots + 3 > SLOTS_MAX {
            let text = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(raise::error(self.lua, text));
        }
        let Shape { len, pairs } = self.shape(&table)?;
        let is_array = len.is_some_and(|len| len > 0);
        self.out.push(if is_array { b'[' } else { b'{' });
        let more = match (pairs, len) {
            (Some(pairs), _) => {
                self.listed += pairs.len();
                Open::Listed {
                    is_array,
                    is_first: true,
                    count: pairs.len(),
                    pairs: pairs.into_iter(),
                }
            }
            (None, Some(len)) if is_array => Open::Array { written: 0, len },
            (None, _) => Open::Object,
        };
        self.slots += more.slots();
        let key = Value::Nil;
        self.open.push(self.lua, Frame { table, key, more })
    }

    /// Walks a table, once if it is small.
    fn shape(&self, table: &Table) -> Result<Shape> {
        let room = LISTED_KEYS_MAX.min(LISTED_MAX - self.listed);
        let mut pairs = Some(Vec::new());
        let (mut max, mut count) = (0i32, 0i32);
        let (mut is_array, mut is_in_order) = (true, true);
        let mut is_cut_short = false;
        let walk = table.for_each(|key: Value, value: Value| {
            count = count.wrapping_add(1);
            match array_index(&key) {
                Some(index) => {
                    is_in_order &= index == f64::from(count);
                    if index > f64::from(max) {
                        max = to_i32(index);
                    }
                }
                None => is_array = false,
            }
            match &mut pairs {
                Some(list) if list.len() < room => list.push((key, value)),
                _ => pairs = None,
            }
            if !is_array && pairs.is_none() {
                // Any error ends the walk; nobody sees this one.
                is_cut_short = true;
                return Err(mlua::Error::StackError);
            }
            Ok(())
        });
        if !is_cut_short {
            walk?;
        }
        let len = if is_array {
            self.array_len(table, max, count)?
        } else {
            None
        };
        if len.is_some_and(|len| len > 0) && !is_in_order {
            pairs = None;
        }
        Ok(Shape { len, pairs })
    }

    /// The length of an array, unless it has so many holes that it is an object or an error.
    fn array_len(&self, table: &Table, max: i32, count: i32) -> Result<Option<i32>> {
        let settings = &self.settings;
        let is_sparse = settings.sparse_ratio > 0
            && max > count.wrapping_mul(settings.sparse_ratio)
            && max > settings.sparse_safe;
        if is_sparse && settings.sparse_convert == 0 {
            let value = Value::Table(table.clone());
            return Err(self.cannot(&value, "excessively sparse array"));
        }
        Ok((!is_sparse).then_some(max))
    }

    fn key(&mut self, key: &Value) -> Result<()> {
        match key {
            Value::String(text) => put_string(self.out, &text.as_bytes())?,
            Value::Integer(_) | Value::Number(_) => {
                let number = match key {
                    Value::Integer(number) => *number as f64,
                    Value::Number(number) => *number,
                    _ => 0.0,
                };
                self.out.push(b'"');
                self.number(number)?;
                self.out.push(b'"');
            }
            other => {
                return Err(self.cannot(other, "table key must be a number or string"));
            }
        }
        self.out.push(b':');
        Ok(())
    }

    fn number(&mut self, value: f64) -> Result<()> {
        match self.settings.encode_invalid_numbers {
            0 if !value.is_finite() => {
                return Err(self.cannot(&Value::Number(value), "must not be NaN or Inf"));
            }
            1 if value.is_nan() => self.out.extend_from_slice(b"nan"),
            2 if !value.is_finite() => self.out.extend_from_slice(b"null"),
            _ => number::push(self.out, value, self.settings.number_precision as usize),
        }
        Ok(())
    }

    fn cannot(&self, value: &Value, why: &str) -> mlua::Error {
        let text = format!("Cannot serialise {}: {why}", type_name(value));
        raise::error(self.lua, text)
    }
}

impl Open {
    /// What lies on Redis's stack above the table: an element, or a key and its value.
    fn slots(&self) -> usize {
        match self {
            Open::Array { .. } | Open::Listed { is_array: true, .. } => 1,
            Open::Object | Open::Listed { .. } => 2,
        }
    }
}

/// The index that a key is, if it is a whole number from 1 on.
fn array_index(key: &Value) -> Option<f64> {
    match key {
        Value::Integer(index) if *index >= 1 => Some(*index as f64),
        Value::Number(index) if *index >= 1.0 && index.floor() == *index => Some(*index),
        _ => None,
    }
}

fn is_at_start(open: &Frame<Open>) -> bool {
    match open.more {
        Open::Array { written, .. } => written == 0,
        Open::Object => open.key.is_nil(),
        Open::Listed { is_first, .. } => is_first,
    }
}

fn next_step(open: &mut Frame<Open>, next: &Function) -> Result<Step> {
    match &mut open.more {
        Open::Array { written, len } => {
            if written == len {
                return Ok(Step::End(b']'));
            }
            *written += 1;
            open.table.raw_get(*written).map(Step::Element)
        }
        Open::Listed {
            is_array,
            is_first,
            pairs,
            ..
        } => {
            *is_first = false;
            Ok(match (pairs.next(), is_array) {
                (Some((_, value)), true) => Step::Element(value),
                (Some((key, value)), false) => Step::Member(key, value),
                (None, true) => Step::End(b']'),
                (None, false) => Step::End(b'}'),
            })
        }
        Open::Object => {
            let last = std::mem::replace(&mut open.key, Value::Nil);
            let (key, value): (Value, Value) = next.call((&open.table, last))?;
            if key.is_nil() {
                return Ok(Step::End(b'}'));
            }
            Ok(Step::Member(key, value))
        }
    }
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    out.push(b'"');
    let mut plain_from = 0;
    for (at, byte) in text.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' | b'/' => *byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            0..0x20 | 0x7f => 0,
            _ => continue,
        };
        out.extend_from_slice(&text[plain_from..at]);
        plain_from = at + 1;
        if short == 0 {
            let [high, low] = [byte >> 4, byte & 15].map(hex_digit);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
        // An escape is six times as long as its byte, so a string may grow beyond the limit by itself.
        if out.len() > OUTPUT_BYTES_MAX {
            return Err(raise::no_memory());
        }
    }
    out.extend_from_slice(&text[plain_from..]);
    out.push(b'"');
    Ok(())
}

fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}
