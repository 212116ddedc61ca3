//! `struct`: values as the bytes of a C structure, and back.
//!
//! A format is a row of letters, and ends at its first zero byte like any C string:
//!
//! ```text
//! > <         big endian, little endian (at first: little, as the processor)
//! !n          alignment: nothing is aligned to more than n (at first 1; 8 where n is left out)
//! b h i l T   integers of 1, 2, 4, 8 and 8 bytes; the capitals B H I L have no sign, nor has T
//! in In       integers of n bytes, up to 32
//! f d         float, double
//! s           bytes up to a zero
//! cn          n bytes, 1 where n is left out; c0 packs a whole string, and unpacks as many bytes as the number
//!             before it says
//! x           a byte of padding
//! ```
//!
//! Integers are 64 bits inside. A wider one is filled with zeros when it is packed, and of a wider one only the lowest
//! 64 bits come back; its sign is looked for at the bit that the processor finds when it shifts by too much.
//!
//! What must hold: positions come from the script and may be any number, so sums of them wrap and are compared before
//! anything is read.

use mlua::{Lua, LuaString, MultiValue, Result, Table, Value};

use super::args::{Args, to_i64, to_u64};
use super::{RESULTS_MAX, SLOTS_MAX, add, raise};

/// The widest integer.
const INTEGER_BYTES_MAX: usize = 32;

/// The alignment of `!` alone: that of a double.
const ALIGN_DEFAULT: usize = 8;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    add(lua, &library, "pack", pack)?;
    add(lua, &library, "unpack", unpack)?;
    add(lua, &library, "size", size)?;
    Ok(library)
}

// ------------------------------------------------------------------------------------------------------------- formats

/// What is left of a format, and the options seen so far.
struct Format<'a> {
    args: &'a Args<'a>,
    rest: &'a [u8],
    is_big_endian: bool,
    align: usize,
}

impl<'a> Format<'a> {
    fn new(args: &'a Args<'a>, text: &'a [u8]) -> Format<'a> {
        Format {
            args,
            rest: until_zero(text),
            is_big_endian: false,
            align: 1,
        }
    }

    /// The next letter and the size of what it stands for: 0 for strings and options.
    fn next(&mut self) -> Result<Option<(u8, usize)>> {
        let Some((&letter, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let size = match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > INTEGER_BYTES_MAX {
                    let text =
                        format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(raise::error(self.args.lua, text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((letter, size)))
    }

    /// The number behind a letter, which fits into 31 bits.
    fn number(&mut self, default: usize) -> Result<usize> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        if count == 0 {
            return Ok(default);
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let number = digits.iter().try_fold(0i32, |number, digit| {
            number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
        });
        match number {
            Some(number) => Ok(number as usize),
            None => Err(raise::error(self.args.lua, "integral size overflow")),
        }
    }

    /// How many bytes are skipped before an element. The sizes that are no powers of two come out as odd as in Redis.
    fn padding(&self, position: usize, letter: u8, size: usize) -> usize {
        if size == 0 || letter == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(position & (size - 1)) & (size - 1)
    }

    /// Takes a letter that stands for no value.
    fn option(&mut self, letter: u8) -> Result<()> {
        match letter {
            b' ' => {}
            b'>' => self.is_big_endian = true,
            b'<' => self.is_big_endian = false,
            b'!' => {
                let align = self.number(ALIGN_DEFAULT)?;
                if !align.is_power_of_two() {
                    let text = format!("alignment {align} is not a power of 2");
                    return Err(raise::error(self.args.lua, text));
                }
                self.align = align;
            }
            _ => {
                let mut text = b"invalid format option '".to_vec();
                text.extend_from_slice(&[letter, b'\'']);
                return Err(self.args.bad(1, text));
            }
        }
        Ok(())
    }

    /// Puts the bytes of a number into the order of the format, or back.
    fn ordered<const N: usize>(&self, mut little: [u8; N]) -> [u8; N] {
        if self.is_big_endian {
            little.reverse();
        }
        little
    }
}

fn until_zero(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    &text[..end]
}

fn is_integer(letter: u8) -> bool {
    matches!(
        letter,
        b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I'
    )
}

// ---------------------------------------------------------------------------------------------------------------- pack

fn pack(args: &Args<'_>) -> Result<LuaString> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(args, &text);
    let mut packed = Vec::new();
    let mut arg = 2;
    while let Some((letter, size)) = format.next()? {
        let padding = format.padding(packed.len(), letter, size);
        packed.resize(packed.len() + padding, 0);
        match letter {
            b'x' => packed.push(0),
            b'f' => {
                let value = given(args, arg, "number", |args| args.number(arg))? as f32;
                packed.extend_from_slice(&format.ordered(value.to_le_bytes()));
                arg += 1;
            }
            b'd' => {
                let value = given(args, arg, "number", |args| args.number(arg))?;
                packed.extend_from_slice(&format.ordered(value.to_le_bytes()));
                arg += 1;
            }
            b'c' | b's' => {
                let bytes = given(args, arg, "string", |args| args.string(arg))?;
                arg += 1;
                let bytes = bytes.as_bytes();
                let wanted = if size == 0 { bytes.len() } else { size };
                // The error names the argument after the one it means, as in Redis.
                let Some(bytes) = bytes.get(..wanted) else {
                    return Err(args.bad(arg, "string too short"));
                };
                packed.extend_from_slice(bytes);
                if letter == b's' {
                    packed.push(0);
                }
            }
            _ if is_integer(letter) => {
                let value = given(args, arg, "number", |args| args.number(arg))?;
                put_integer(&mut packed, value, size, format.is_big_endian);
                arg += 1;
            }
            _ => format.option(letter)?,
        }
        if packed.len() > super::OUTPUT_BYTES_MAX {
            return Err(raise::no_memory());
        }
    }
    args.lua.create_string(packed)
}

/// Reads an argument to pack. Where there is none, the error finds a nil: in Redis a mark lies behind the arguments.
fn given<T>(
    args: &Args<'_>,
    index: usize,
    expected: &str,
    read: impl FnOnce(&Args<'_>) -> Result<T>,
) -> Result<T> {
    if args.value(index).is_none() {
        return Err(args.bad(index, format!("{expected} expected, got nil")));
    }
    read(args)
}

fn put_integer(packed: &mut Vec<u8>, value: f64, size: usize, is_big_endian: bool) {
    let bits = if value < 0.0 {
        to_i64(value) as u64
    } else {
        to_u64(value)
    };
    let mut bytes = [0; INTEGER_BYTES_MAX];
    bytes[..8].copy_from_slice(&bits.to_le_bytes());
    let bytes = &mut bytes[..size];
    if is_big_endian {
        bytes.reverse();
    }
    packed.extend_from_slice(bytes);
}

// -------------------------------------------------------------------------------------------------------------- unpack

fn unpack(args: &Args<'_>) -> Result<MultiValue> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let data = args.string(2)?;
    let data = data.as_bytes();
    let start = args.integer_or(3, 1)?;
    if start == 0 {
        return Err(args.bad(3, "offset must be 1 or greater"));
    }
    // A negative offset is a huge one.
    let mut position = (start as usize).wrapping_sub(1);
    let mut format = Format::new(args, &text);
    let mut values: Vec<Value> = Vec::new();
    while let Some((letter, size)) = format.next()? {
        position = position.wrapping_add(format.padding(position, letter, size));
        let Some(mut bytes) = slice(&data, position, size) else {
            return Err(args.bad(2, "data string too short"));
        };
        let is_full = args.count() + values.len() + 2 > SLOTS_MAX || values.len() >= RESULTS_MAX;
        if is_full {
            return Err(raise::stack_overflow(args.lua, "too many results"));
        }
        let mut taken = size;
        match letter {
            b'x' => {}
            b'f' => {
                let value = f32::from_le_bytes(format.ordered(array(bytes)));
                values.push(Value::Number(f64::from(value)));
            }
            b'd' => {
                let value = f64::from_le_bytes(format.ordered(array(bytes)));
                values.push(Value::Number(value));
            }
            b'c' => {
                if size == 0 {
                    taken = previous_size(args, &mut values)?;
                    bytes = slice(&data, position, taken)
                        .ok_or_else(|| args.bad(2, "data string too short"))?;
                }
                values.push(Value::String(args.lua.create_string(bytes)?));
            }
            b's' => {
                let rest = &data[position..];
                let Some(end) = memchr::memchr(0, rest) else {
                    return Err(raise::error(args.lua, "unfinished string in data"));
                };
                values.push(Value::String(args.lua.create_string(&rest[..end])?));
                taken = end + 1;
            }
            _ if is_integer(letter) => {
                let is_signed = letter.is_ascii_lowercase();
                let value = integer(bytes, is_signed, format.is_big_endian);
                values.push(Value::Number(value));
            }
            _ => format.option(letter)?,
        }
        position = position.wrapping_add(taken);
    }
    values.push(Value::Number(position.wrapping_add(1) as i64 as f64));
    Ok(MultiValue::from(values))
}

fn slice(data: &[u8], position: usize, size: usize) -> Option<&[u8]> {
    data.get(position..position.checked_add(size)?)
}

/// The bytes of a number whose size was looked at before.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

/// The size of a `c0`: the value before it, which is then no result any more.
fn previous_size(args: &Args<'_>, values: &mut Vec<Value>) -> Result<usize> {
    let number = match values.last() {
        Some(value @ (Value::Number(_) | Value::String(_))) => {
            args.lua.coerce_number(value.clone())?
        }
        _ => None,
    };
    let Some(number) = number else {
        return Err(raise::error(args.lua, "format 'c0' needs a previous size"));
    };
    values.pop();
    Ok(to_u64(number) as usize)
}

fn integer(bytes: &[u8], is_signed: bool, is_big_endian: bool) -> f64 {
    let join = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
    let mut bits = if is_big_endian {
        bytes.iter().fold(0, join)
    } else {
        bytes.iter().rev().fold(0, join)
    };
    if !is_signed {
        return bits as f64;
    }
    let shift = (bytes.len() as u32).wrapping_mul(8).wrapping_sub(1);
    let mask = u64::MAX.wrapping_shl(shift);
    if bits & mask != 0 {
        bits |= mask;
    }
    bits as i64 as f64
}

// ---------------------------------------------------------------------------------------------------------------- size

fn size(args: &Args<'_>) -> Result<f64> {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(args, &text);
    let mut position = 0usize;
    while let Some((letter, size)) = format.next()? {
        position = position.wrapping_add(format.padding(position, letter, size));
        if letter == b's' {
            return Err(args.bad(1, "option 's' has no fixed size"));
        }
        if letter == b'c' && size == 0 {
            return Err(args.bad(1, "option 'c0' has no fixed size"));
        }
        // A letter that means nothing passes here, and is 0 bytes.
        if !letter.is_ascii_alphanumeric() {
            format.option(letter)?;
        }
        position = position.wrapping_add(size);
    }
    Ok(position as i64 as f64)
}

#[cfg(test)]
mod tests;
