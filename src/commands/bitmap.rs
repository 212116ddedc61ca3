//! Strings as rows of bits and of small integers.
//!
//! Bits and fields are explained in `types::bits`; here are the words of the commands. Writing beyond the end of a
//! string makes it longer first, so that the bits in between are zeros.

use crate::base::num;
use crate::base::text::up_to_nul;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Event, Spot, Until, text};
use crate::spec::bitmap as spec;
use crate::spec::error::Error;
use crate::store::STRING_BYTES_MAX;
use crate::types::bits::{self, Field, Operation, Overflow, Unit};
use crate::wire::args::Args;

use super::options::{integer, is};
use super::string::{edit_within, len_max};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::BITCOUNT, bitcount),
    Row::new(&spec::BITFIELD, bitfield),
    Row::new(&spec::BITFIELD_RO, bitfield_ro),
    Row::new(&spec::BITOP, bitop),
    Row::new(&spec::BITPOS, bitpos),
    Row::new(&spec::GETBIT, getbit),
    Row::new(&spec::SETBIT, setbit),
];

/// A number of a bit that a string of allowed length has. `#n` means the n-th field where `width` is given.
fn bit_offset(ctx: &Ctx<'_>, arg: &[u8], width: Option<u8>) -> Result<u64, Error> {
    let (digits, factor) = match (arg, width) {
        ([b'#', digits @ ..], Some(width)) => (digits, u64::from(width)),
        _ => (arg, 1),
    };
    let offset = (num::parse_u64(digits))
        .and_then(|offset| offset.checked_mul(factor))
        .filter(|offset| i64::try_from(*offset).is_ok())
        .ok_or(Error::BitOffset)?;
    if offset / 8 < len_max(ctx) as u64 {
        Ok(offset)
    } else if ctx.is_replay() {
        // A log that says so was written by a server with another limit, and cannot be followed.
        Err(Error::StringTooLong)
    } else {
        Err(Error::BitOffset)
    }
}

/// BYTE or BIT.
fn unit(arg: &[u8]) -> Result<Unit, Error> {
    if is(arg, "BIT") {
        Ok(Unit::Bit)
    } else if is(arg, "BYTE") {
        Ok(Unit::Byte)
    } else {
        Err(Error::Syntax)
    }
}

/// SETBIT key offset value
fn setbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let offset = bit_offset(ctx, args.at(2), None)?;
    let value = match num::parse_i64(args.at(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(Error::Bit),
    };
    let site = ctx.keys.site(key);
    let old_len = match site.spot() {
        Some(spot) => ctx.keys.text(spot)?.len(),
        None => 0,
    };
    let is_new = site.is_vacant();
    let len = (offset / 8 + 1) as usize;
    let was = edit_within(ctx, site, len, |bytes| bits::set_bit(bytes, offset, value))?;
    // Writing the bit that is there already is no change; making the string longer for it is one.
    if was != value || is_new || old_len < len {
        ctx.keys.changed(key, Event::SETBIT, 1);
    }
    ctx.reply.integer(i64::from(was));
    Ok(())
}

/// GETBIT key offset
fn getbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let offset = bit_offset(ctx, args.at(2), None)?;
    let text = ctx.keys.read_text(args.at(1))?;
    let bit = text.is_some_and(|text| bits::bit(text.bytes(&mut [0; 20]), offset));
    ctx.reply.integer(i64::from(bit));
    Ok(())
}

/// BITCOUNT key [start end [BYTE | BIT]]
fn bitcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (start, end, unit) = match args.len() {
        2 => (0, -1, Unit::Byte),
        4 => (integer(args.at(2))?, integer(args.at(3))?, Unit::Byte),
        5 => (
            integer(args.at(2))?,
            integer(args.at(3))?,
            unit(args.at(4))?,
        ),
        _ => return Err(Error::Syntax),
    };
    let text = ctx.keys.read_text(args.at(1))?;
    let count = text.map_or(0, |text| {
        bits::count_in(text.bytes(&mut [0; 20]), start, end, unit)
    });
    ctx.reply.integer(count as i64);
    Ok(())
}

/// BITPOS key bit [start [end [BYTE | BIT]]]
fn bitpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let bit = match integer(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err("ERR The bit argument must be 1 or 0.".into()),
    };
    if args.len() > 6 {
        return Err(Error::Syntax);
    }
    let start = args.get(3).map_or(Ok(0), integer)?;
    let unit = args.get(5).map_or(Ok(Unit::Byte), unit)?;
    // Without an end the search for a 0 goes on into the endless zeros behind the string; with an end it stops there
    // and answers -1.
    let end = args.get(4).map(integer).transpose()?;
    let position = match ctx.keys.read_text(args.at(1))? {
        Some(text) => bits::find(text.bytes(&mut [0; 20]), bit, start, end, unit),
        // A missing string is endless zeros.
        None => (!bit).then_some(0),
    };
    ctx.reply
        .integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// BITOP AND | OR | XOR | NOT destkey key [key ...]
fn bitop(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let operation = match args.at(1) {
        word if is(word, "AND") => Operation::And,
        word if is(word, "OR") => Operation::Or,
        word if is(word, "XOR") => Operation::Xor,
        word if is(word, "NOT") => Operation::Not,
        _ => return Err(Error::Syntax),
    };
    if operation == Operation::Not && args.len() != 4 {
        return Err("ERR BITOP NOT must be called with a single source key.".into());
    }
    let result = combine(ctx, operation, args.tail(3))?;
    let target = args.at(2);
    // No key holds an empty result: the destination is removed instead.
    if result.is_empty() {
        ctx.keys.remove_reporting(target);
    } else {
        let site = ctx.keys.site(target);
        ctx.keys.put(site, text::edited(&result), Until::Never);
        ctx.keys.changed(target, Event::SET, 1);
    }
    ctx.reply.count(result.len());
    Ok(())
}

fn combine(ctx: &mut Ctx<'_>, operation: Operation, keys: Args<'_>) -> Result<Vec<u8>, Error> {
    for key in keys {
        ctx.keys.read_text(key)?;
    }
    // Looking a key up removes it when it is due, and moves others; by now that is over.
    let spots: Vec<Option<Spot>> = keys.iter().map(|key| ctx.keys.find(key)).collect();
    let mut digits = vec![[0; 20]; keys.len()];
    let mut sources: Vec<&[u8]> = Vec::with_capacity(keys.len());
    for (spot, digits) in spots.iter().zip(&mut digits) {
        let text = spot.map(|spot| ctx.keys.text(spot)).transpose()?;
        sources.push(text.map_or(&[], |text| text.bytes(digits)));
    }
    Ok(bits::combine(operation, &sources))
}

/// One step of BITFIELD.
struct Step {
    field: Field,
    act: Act,
}

enum Act {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// BITFIELD key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] SET encoding offset value |
/// INCRBY encoding offset increment ...]
fn bitfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let steps = parse_steps(ctx, args)?;
    // Without a write BITFIELD is a reader: it makes no key and is not propagated.
    if steps.iter().all(|step| matches!(step.act, Act::Get)) {
        get_fields(ctx, args, &steps)
    } else {
        set_fields(ctx, args, &steps)
    }
}

/// BITFIELD_RO key [GET encoding offset ...]
fn bitfield_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let steps = parse_steps(ctx, args)?;
    if steps.iter().any(|step| !matches!(step.act, Act::Get)) {
        return Err("ERR BITFIELD_RO only supports the GET subcommand".into());
    }
    get_fields(ctx, args, &steps)
}

fn parse_steps(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let (word, left) = (args.at(at), args.len() - at - 1);
        if is(word, "OVERFLOW") && left >= 1 {
            // OVERFLOW holds for the writes behind it, up to the next OVERFLOW.
            overflow = overflow_named(args.at(at + 1))?;
            at += 2;
        } else if is(word, "GET") && left >= 2 {
            steps.push(Step {
                field: parse_field(ctx, args.tail(at + 1))?,
                act: Act::Get,
            });
            at += 3;
        } else if is(word, "SET") && left >= 3 {
            let field = parse_field(ctx, args.tail(at + 1))?;
            steps.push(Step {
                field,
                act: Act::Set(integer(args.at(at + 3))?, overflow),
            });
            at += 4;
        } else if is(word, "INCRBY") && left >= 3 {
            let field = parse_field(ctx, args.tail(at + 1))?;
            steps.push(Step {
                field,
                act: Act::Add(integer(args.at(at + 3))?, overflow),
            });
            at += 4;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(steps)
}

fn overflow_named(arg: &[u8]) -> Result<Overflow, Error> {
    match arg {
        word if is(word, "WRAP") => Ok(Overflow::Wrap),
        word if is(word, "SAT") => Ok(Overflow::Saturate),
        word if is(word, "FAIL") => Ok(Overflow::Fail),
        _ => Err("ERR Invalid OVERFLOW type specified".into()),
    }
}

/// Reads `encoding offset`, as in `u8 #2`.
fn parse_field(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Field, Error> {
    let (is_signed, width) = match up_to_nul(args.at(0)) {
        [b'i', width @ ..] => (
            true,
            num::parse_i64(width).filter(|width| (1..=64).contains(width)),
        ),
        // Replies are signed 64-bit integers, so the widest unsigned field has 63 bits.
        [b'u', width @ ..] => (
            false,
            num::parse_i64(width).filter(|width| (1..=63).contains(width)),
        ),
        _ => (false, None),
    };
    let width = width.ok_or(Error::from(FIELD_TYPE))? as u8;
    Ok(Field {
        is_signed,
        width,
        offset: bit_offset(ctx, args.at(1), Some(width))?,
    })
}

const FIELD_TYPE: &str = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

fn get_fields(ctx: &mut Ctx<'_>, args: Args<'_>, steps: &[Step]) -> Outcome {
    let text = ctx.keys.read_text(args.at(1))?;
    let mut digits = [0; 20];
    let bytes = text.map_or(&[] as &[u8], |text| text.bytes(&mut digits));
    ctx.reply.array(steps.len());
    for step in steps {
        ctx.reply.integer(step.field.get(bytes));
    }
    Ok(())
}

fn set_fields(ctx: &mut Ctx<'_>, args: Args<'_>, steps: &[Step]) -> Outcome {
    let key = args.at(1);
    let site = ctx.keys.site(key);
    let old_len = match site.spot() {
        Some(spot) => ctx.keys.text(spot)?.len(),
        None => 0,
    };
    let written = steps.iter().filter(|step| !matches!(step.act, Act::Get));
    let len = written.map(|step| step.field.end_byte()).max().unwrap_or(0) as usize;
    // A field may begin within the limit and end behind it, as far as the store can follow.
    if len > STRING_BYTES_MAX {
        return Err(Error::StringTooLong);
    }
    let mut answers = Vec::with_capacity(steps.len());
    let mut changes = 0;
    // A string that grew has changed, whatever was written to it.
    let has_grown = site.is_vacant() || old_len < len;
    edit_within(ctx, site, len, |bytes| {
        for step in steps {
            let old = step.field.get(bytes);
            let (new, answer) = step.result(old);
            if let Some(new) = new {
                step.field.set(bytes, new);
                changes += usize::from(has_grown || new != old);
            }
            answers.push(answer);
        }
    })?;
    if changes > 0 {
        ctx.keys.changed(key, Event::SETBIT, changes);
    }
    ctx.reply.array(answers.len());
    for answer in answers {
        match answer {
            Some(number) => ctx.reply.integer(number),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

impl Step {
    /// The number to write, if any, and the reply.
    fn result(&self, old: i64) -> (Option<i64>, Option<i64>) {
        match self.act {
            Act::Get => (None, Some(old)),
            Act::Set(value, overflow) => {
                let new = self.field.fit(value, overflow);
                // SET replies the number before, INCRBY the number after; a write that OVERFLOW FAIL refuses replies
                // null.
                (new, new.map(|_| old))
            }
            Act::Add(increment, overflow) => {
                let new = self.field.add(old, increment, overflow);
                (new, new)
            }
        }
    }
}
