//! `bit`: operations on 32 bits.
//!
//! Any double is an operand. Its fraction is rounded to the nearest integer, ties to even, and of that the lowest 32
//! bits count: adding 2^52 + 2^51 moves exactly those to the low end of the double. Results are signed. Shifts and
//! rotations look at the low five bits of their distance.

use mlua::{Lua, LuaString, Result, Table};

use super::add;
use super::args::Args;

/// 2^52 + 2^51. Beyond 2^51 in size an operand is no longer exact, and neither are its lowest bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;

type Unary = fn(u32) -> u32;
type Binary = fn(u32, u32) -> u32;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    let unary: [(&str, Unary); 3] = [
        ("tobit", |bits| bits),
        ("bnot", |bits| !bits),
        ("bswap", u32::swap_bytes),
    ];
    for (name, operation) in unary {
        add(lua, &library, name, move |args| {
            Ok(signed(operation(operand(args, 1)?)))
        })?;
    }
    let folds: [(&str, Binary); 3] = [
        ("band", |left, right| left & right),
        ("bor", |left, right| left | right),
        ("bxor", |left, right| left ^ right),
    ];
    for (name, operation) in folds {
        add(lua, &library, name, move |args| fold(args, operation))?;
    }
    let shifts: [(&str, Binary); 5] = [
        ("lshift", |bits, distance| bits << distance),
        ("rshift", |bits, distance| bits >> distance),
        ("arshift", |bits, distance| {
            (bits.cast_signed() >> distance).cast_unsigned()
        }),
        ("rol", u32::rotate_left),
        ("ror", u32::rotate_right),
    ];
    for (name, operation) in shifts {
        add(lua, &library, name, move |args| {
            let bits = operand(args, 1)?;
            let distance = operand(args, 2)? & 31;
            Ok(signed(operation(bits, distance)))
        })?;
    }
    add(lua, &library, "tohex", tohex)?;
    Ok(library)
}

fn operand(args: &Args<'_>, index: usize) -> Result<u32> {
    match args.number_if_any(index)? {
        Some(value) => Ok((value + MAGIC).to_bits() as u32),
        None => Err(args.wrong_type(index, "number")),
    }
}

fn signed(bits: u32) -> f64 {
    f64::from(bits.cast_signed())
}

/// Joins all operands. The first is read first and the others from the last on, which shows when several are wrong.
fn fold(args: &Args<'_>, operation: Binary) -> Result<f64> {
    let mut bits = operand(args, 1)?;
    for index in (2..=args.count()).rev() {
        bits = operation(bits, operand(args, index)?);
    }
    Ok(signed(bits))
}

/// The lowest digits in hexadecimal, eight unless told; a negative number of digits means capital letters.
fn tohex(args: &Args<'_>) -> Result<LuaString> {
    let bits = operand(args, 1)?;
    let wanted = match args.value(2) {
        None => 8,
        Some(_) => operand(args, 2)?.cast_signed(),
    };
    let digits = if wanted < 0 {
        format!("{bits:08X}")
    } else {
        format!("{bits:08x}")
    };
    let count = wanted.unsigned_abs().min(8) as usize;
    args.lua.create_string(&digits[8 - count..])
}

#[cfg(test)]
mod tests;
