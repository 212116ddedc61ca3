//! `cmsgpack`: values as MessagePack, and back.
//!
//! ```text
//! 00-7f e0-ff  small integers            c0 c2 c3  nil, false, true
//! cc cd ce cf  1, 2, 4, 8 bytes          ca cb     float, double
//! d0 d1 d2 d3  the same for negatives    a0-bf d9 da db  strings
//! 90-9f dc dd  arrays                    80-8f de df     maps
//! ```
//!
//! A number is an integer when it is a whole one of 64 bits, else a float when a float holds it exactly, else a double.
//! A table is an array when its keys are exactly 1 to n, so an empty table is an array. What cannot be packed becomes
//! nil, and so do tables nested deeper than [`NESTING_MAX`]: a table that holds itself ends there.
//!
//! Unpacking keeps its own stack of unfinished tables, so that deep nesting costs memory in proportion to the input and
//! never the stack of the thread. It counts the slots that Redis's library would take, because that is what limits
//! nesting and the number of results.

use mlua::{Lua, LuaString, MultiValue, Result, Table, Value};

use super::args::{Args, to_i32, to_i64};
use super::nest::{Frame, Nest};
use super::{OUTPUT_BYTES_MAX, RESULTS_MAX, SLOTS_MAX, add, raise};

/// How deep tables are packed.
const NESTING_MAX: usize = 16;

/// Tables of up to so many keys are read in one walk, the others key by key. Every value that Rust holds takes a place
/// in the interpreter, of which there are some eight thousand; this times the nesting must stay far below.
const LISTED_KEYS_MAX: usize = 64;

const TOO_MANY_RESULTS: &str =
    "too many return values at once; use unpack_one or unpack_limit instead.";

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    add(lua, &library, "pack", pack)?;
    add(lua, &library, "unpack", |args| unpack(args, 0, 0))?;
    add(lua, &library, "unpack_one", |args| {
        let offset = args.integer_or(2, 0)?;
        unpack(args, 1, offset)
    })?;
    add(lua, &library, "unpack_limit", |args| {
        let limit = args.integer(2)?;
        let offset = args.integer_or(3, 0)?;
        unpack(args, limit, offset)
    })?;
    library.raw_set("_NAME", "cmsgpack")?;
    library.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    library.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    library.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(library)
}

// ---------------------------------------------------------------------------------------------------------------- pack

fn pack(args: &Args<'_>) -> Result<LuaString> {
    if args.count() == 0 {
        return Err(args.bad(0, "MessagePack pack needs input."));
    }
    // Every argument becomes a string of its own on Redis's stack before they are joined.
    if args.count() * 2 > SLOTS_MAX {
        return Err(args.bad(0, "Too many arguments for MessagePack pack."));
    }
    let mut out = Vec::new();
    for index in 1..=args.count() {
        if let Some(value) = args.value(index) {
            put(&mut out, value, 0)?;
        }
    }
    args.lua.create_string(out)
}

fn put(out: &mut Vec<u8>, value: &Value, level: usize) -> Result<()> {
    if out.len() > OUTPUT_BYTES_MAX {
        return Err(raise::no_memory());
    }
    match value {
        Value::String(text) => put_string(out, &text.as_bytes()),
        Value::Boolean(is_true) => out.push(if *is_true { 0xc3 } else { 0xc2 }),
        Value::Integer(number) => put_number(out, *number as f64),
        Value::Number(number) => put_number(out, *number),
        Value::Table(table) if level < NESTING_MAX => put_table(out, table, level)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len();
    match len {
        0..32 => out.push(0xa0 | len as u8),
        32..0x100 => out.extend_from_slice(&[0xd9, len as u8]),
        _ => put_len(out, 0xda, len),
    }
    out.extend_from_slice(bytes);
}

/// A length of two bytes behind the first of two adjacent marks, or of four behind the second.
fn put_len(out: &mut Vec<u8>, mark: u8, len: usize) {
    if let Ok(len) = u16::try_from(len) {
        out.push(mark);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(mark + 1);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn put_number(out: &mut Vec<u8>, number: f64) {
    let whole = to_i64(number);
    if number.is_finite() && whole as f64 == number {
        put_integer(out, whole);
        return;
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn put_integer(out: &mut Vec<u8>, number: i64) {
    let bytes = number.to_be_bytes();
    let (mark, width) = match number {
        -32..0x80 => (None, 1),
        0x80..0x100 => (Some(0xcc), 1),
        0x100..0x1_0000 => (Some(0xcd), 2),
        0x1_0000..0x1_0000_0000 => (Some(0xce), 4),
        0x1_0000_0000.. => (Some(0xcf), 8),
        -0x80..-32 => (Some(0xd0), 1),
        -0x8000..-0x80 => (Some(0xd1), 2),
        -0x8000_0000..-0x8000 => (Some(0xd2), 4),
        ..-0x8000_0000 => (Some(0xd3), 8),
    };
    out.extend(mark);
    out.extend_from_slice(&bytes[8 - width..]);
}

fn put_table(out: &mut Vec<u8>, table: &Table, level: usize) -> Result<()> {
    let Shape {
        count,
        is_array,
        pairs,
    } = shape(table)?;
    let (small, large) = if is_array { (0x90, 0xdc) } else { (0x80, 0xde) };
    if count < 16 {
        out.push(small | count as u8);
    } else {
        put_len(out, large, count);
    }
    if let Some(pairs) = pairs {
        for (key, value) in pairs {
            put_pair(out, &key, &value, is_array, level)?;
        }
    } else if is_array {
        for index in 1..=count {
            put(out, &table.raw_get::<Value>(index)?, level + 1)?;
        }
    } else {
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            put_pair(out, &key, &value, is_array, level)?;
        }
    }
    Ok(())
}

fn put_pair(
    out: &mut Vec<u8>,
    key: &Value,
    value: &Value,
    is_array: bool,
    level: usize,
) -> Result<()> {
    if !is_array {
        put(out, key, level + 1)?;
    }
    put(out, value, level + 1)
}

/// What a table turns out to be.
struct Shape {
    /// How many keys it has.
    count: usize,
    /// Whether the keys are exactly 1 to that number.
    is_array: bool,
    /// All that is in it, if that is little; for an array in the order of its indexes.
    pairs: Option<Vec<(Value, Value)>>,
}

fn shape(table: &Table) -> Result<Shape> {
    let mut count = 0;
    let mut max = 0.0;
    let (mut is_array, mut is_in_order) = (true, true);
    let mut pairs = Some(Vec::new());
    table.for_each(|key: Value, value: Value| {
        count += 1;
        let number = match key {
            Value::Integer(number) => number as f64,
            Value::Number(number) => number,
            _ => 0.0,
        };
        is_array &= number > 0.0 && f64::from(to_i32(number)) == number;
        is_in_order &= number == count as f64;
        max = number.max(max);
        match &mut pairs {
            Some(list) if list.len() < LISTED_KEYS_MAX => list.push((key, value)),
            _ => pairs = None,
        }
        Ok(())
    })?;
    is_array &= max == count as f64;
    if is_array && !is_in_order {
        pairs = None;
    }
    Ok(Shape {
        count,
        is_array,
        pairs,
    })
}

// -------------------------------------------------------------------------------------------------------------- unpack

/// Unpacks values from an offset on: as many as the limit says, or all when both are 0. The offset behind them comes
/// first, or -1 at the end; only who asks for all does not get it.
fn unpack(args: &Args<'_>, limit: i64, offset: i64) -> Result<MultiValue> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let len = text.len();
    if offset < 0 || limit < 0 {
        // The second number is the length, whatever its name says.
        let text = format!(
            "Invalid request to unpack with offset of {} and limit of {}.",
            offset as i32, len as i32
        );
        return Err(raise::error(args.lua, text));
    }
    if offset as u64 > len as u64 {
        let text = format!(
            "Start offset {} greater than input length {}.",
            offset as i32, len as i32
        );
        return Err(raise::error(args.lua, text));
    }
    let takes_all = limit == 0 && offset == 0;
    let limit = if takes_all { i64::MAX } else { limit };
    let mut reader = Reader {
        lua: args.lua,
        rest: &text[offset as usize..],
        slots: if takes_all { args.count() } else { 1 },
        open: Nest::new(),
    };
    let mut values = Vec::new();
    while !reader.rest.is_empty() && (values.len() as i64) < limit {
        if values.len() >= RESULTS_MAX {
            return Err(raise::stack_overflow(args.lua, TOO_MANY_RESULTS));
        }
        values.push(reader.value()?);
        reader.slots += 1;
    }
    if !takes_all {
        reader.need_slot("in function mp_unpack_full")?;
        let next = if reader.rest.is_empty() {
            -1.0
        } else {
            (len - reader.rest.len()) as f64
        };
        values.insert(0, Value::Number(next));
    }
    Ok(MultiValue::from(values))
}

/// What is left of the input, and the tables that are not finished.
struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
    /// How full Redis's stack would be.
    slots: usize,
    open: Nest<Missing>,
}

/// What an unfinished table still misses.
enum Missing {
    Array {
        index: usize,
        count: usize,
    },
    /// Whether the next value is the one of a key that was read.
    Map {
        has_key: bool,
        count: usize,
    },
}

/// What stands next in the input.
enum Item {
    Whole(Value),
    Array(usize),
    Map(usize),
}

impl Reader<'_> {
    /// One value, with everything inside of it.
    fn value(&mut self) -> Result<Value> {
        loop {
            let mut done = match self.item()? {
                Item::Whole(value) => Some(value),
                Item::Array(count) => self.open_array(count)?,
                Item::Map(count) => self.open_map(count)?,
            };
            while let Some(value) = done {
                if self.open.len() == 0 {
                    return Ok(value);
                }
                done = self.take(value)?;
            }
        }
    }

    /// Puts a value into the innermost table, and gives the table if it was the last.
    fn take(&mut self, value: Value) -> Result<Option<Value>> {
        let Some(Frame { table, key, more }) = self.open.inner() else {
            return Ok(Some(value));
        };
        let (missing, slots) = match more {
            Missing::Array { index, count } => {
                table.raw_set(*index, value)?;
                *index += 1;
                (count, 2)
            }
            Missing::Map { has_key, .. } if !*has_key => {
                *has_key = true;
                *key = value;
                self.slots += 1;
                return Ok(None);
            }
            Missing::Map { has_key, count } => {
                *has_key = false;
                let key = std::mem::replace(key, Value::Nil);
                set(table, key, value)?;
                self.slots -= 1;
                (count, 1)
            }
        };
        *missing -= 1;
        if *missing > 0 {
            return Ok(None);
        }
        self.slots -= slots;
        Ok(self.open.pop()?.map(Value::Table))
    }

    /// Starts an array, or gives it when it is empty.
    fn open_array(&mut self, count: usize) -> Result<Option<Value>> {
        let table = self.lua.create_table()?;
        self.slots += 1;
        self.need_slot("in function mp_decode_to_lua_array")?;
        if count == 0 {
            self.slots -= 1;
            return Ok(Some(Value::Table(table)));
        }
        // The index lies on the stack before its element.
        self.slots += 1;
        let more = Missing::Array { index: 1, count };
        self.begin(table, more)
    }

    fn open_map(&mut self, count: usize) -> Result<Option<Value>> {
        let table = self.lua.create_table()?;
        if count == 0 {
            return Ok(Some(Value::Table(table)));
        }
        self.slots += 1;
        let has_key = false;
        self.begin(table, Missing::Map { has_key, count })
    }

    fn begin(&mut self, table: Table, more: Missing) -> Result<Option<Value>> {
        let key = Value::Nil;
        self.open.push(self.lua, Frame { table, key, more })?;
        Ok(None)
    }

    fn need_slot(&self, what: &str) -> Result<()> {
        if self.slots + 1 > SLOTS_MAX {
            return Err(raise::stack_overflow(self.lua, what));
        }
        Ok(())
    }

    fn item(&mut self) -> Result<Item> {
        let mark = self.bytes::<1>()?[0];
        self.need_slot(TOO_MANY_RESULTS)?;
        let number = match mark {
            0x00..=0x7f => f64::from(mark),
            0x80..=0x8f => return Ok(Item::Map(usize::from(mark & 0xf))),
            0x90..=0x9f => return Ok(Item::Array(usize::from(mark & 0xf))),
            0xa0..=0xbf => return self.text(usize::from(mark & 0x1f)),
            0xc0 => return Ok(Item::Whole(Value::Nil)),
            0xc2 | 0xc3 => return Ok(Item::Whole(Value::Boolean(mark == 0xc3))),
            0xca => f64::from(f32::from_be_bytes(self.bytes()?)),
            0xcb => f64::from_be_bytes(self.bytes()?),
            0xcc => f64::from(u8::from_be_bytes(self.bytes()?)),
            0xcd => f64::from(u16::from_be_bytes(self.bytes()?)),
            0xce => f64::from(u32::from_be_bytes(self.bytes()?)),
            // Lua's integers have a sign, so the upper half of these is negative.
            0xcf | 0xd3 => i64::from_be_bytes(self.bytes()?) as f64,
            0xd0 => f64::from(i8::from_be_bytes(self.bytes()?)),
            0xd1 => f64::from(i16::from_be_bytes(self.bytes()?)),
            0xd2 => f64::from(i32::from_be_bytes(self.bytes()?)),
            0xd9 => {
                let len = usize::from(self.bytes::<1>()?[0]);
                return self.text(len);
            }
            0xda => {
                let len = self.short_len()?;
                return self.text(len);
            }
            0xdb => {
                let len = self.long_len()?;
                return self.text(len);
            }
            0xdc => return self.short_len().map(Item::Array),
            0xdd => return self.long_len().map(Item::Array),
            0xde => return self.short_len().map(Item::Map),
            0xdf => return self.long_len().map(Item::Map),
            0xe0..=0xff => f64::from(mark.cast_signed()),
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => {
                return Err(raise::error(self.lua, "Bad data format in input."));
            }
        };
        Ok(Item::Whole(Value::Number(number)))
    }

    fn short_len(&mut self) -> Result<usize> {
        self.bytes().map(u16::from_be_bytes).map(usize::from)
    }

    fn long_len(&mut self) -> Result<usize> {
        self.bytes().map(|bytes| u32::from_be_bytes(bytes) as usize)
    }

    fn text(&mut self, len: usize) -> Result<Item> {
        let Some((text, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.missing_bytes());
        };
        self.rest = rest;
        let text = self.lua.create_string(text)?;
        Ok(Item::Whole(Value::String(text)))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.missing_bytes());
        };
        self.rest = rest;
        Ok(*bytes)
    }

    fn missing_bytes(&self) -> mlua::Error {
        raise::error(self.lua, "Missing bytes in input.")
    }
}

/// Sets a field. A key that can be none is an error of the interpreter, which tells no place.
fn set(table: &Table, key: Value, value: Value) -> Result<()> {
    match key {
        Value::Nil => Err(raise::bare("table index is nil")),
        Value::Number(number) if number.is_nan() => Err(raise::bare("table index is NaN")),
        key => table.raw_set(key, value),
    }
}

#[cfg(test)]
mod tests;
