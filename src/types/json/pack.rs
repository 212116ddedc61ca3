//! Values as bytes, one after another.
//!
//! ```text
//! value    00 null | 01 false | 02 true
//!          03 i8 | 04 i16 | 05 i32 | 06 i64 | 07 u64 | 08 f32 | 09 f64      (little endian)
//!          0a length:1 text | 0b length:4 text
//!          0c length:1 elements | 0d length:2 elements | 0e length:4 elements
//!          10 length:1 fields | 11 length:2 fields | 12 length:4 fields
//!          13 half | 14 brain | 15 single                                   (numbers in fewer bits: `short`)
//!          01nnnnnn a number below 64
//!          1nnnnnnn a text of so many bytes
//! element  value
//! fields   field ..., and an index in front of them if they are many (`index`)
//! field    name value
//! name     0nnnnnnn so many bytes | 10nnnnnn n:1 a shared one | 11000000 length:4 bytes
//! ```
//!
//! The length of an array or object is that of its content in bytes, so anything is passed over in one step. A double
//! that is a float of 32 bits is kept as one.
//!
//! Packs are written here and never come from outside, so readers trust them.

use std::ops::Range;

use super::names::Names;
use super::short::{self, OutOfRange, Precision};

const NULL: u8 = 0x00;
const FALSE: u8 = 0x01;
const TRUE: u8 = 0x02;
const I8: u8 = 0x03;
const I16: u8 = 0x04;
const I32: u8 = 0x05;
const I64: u8 = 0x06;
const U64: u8 = 0x07;
const F32: u8 = 0x08;
const F64: u8 = 0x09;
const TEXT_8: u8 = 0x0a;
const TEXT_32: u8 = 0x0b;
const ARRAY: u8 = 0x0c;
const OBJECT: u8 = 0x10;
const HALF: u8 = 0x13;
const BRAIN: u8 = 0x14;
const SINGLE: u8 = 0x15;
const SMALL: u8 = 0x40;
const SHORT: u8 = 0x80;

const NAME_SHARED: u8 = 0x80;
const NAME_LONG: u8 = 0xc0;

/// A number as it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    /// Beyond what has a sign.
    Big(u64),
    Double(f64),
}

/// A value, of which only scalars are whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Atom<'a> {
    Null,
    Bool(bool),
    Number(Number),
    /// Always UTF-8.
    Text(&'a [u8]),
    Array,
    Object,
}

/// The name of a field, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    Here(&'a [u8]),
    Shared(u16),
}

impl<'a> Name<'a> {
    /// Whether it is the one with that text, which may have a number.
    #[inline]
    pub(super) fn is(self, text: &[u8], id: Option<u16>) -> bool {
        match self {
            Self::Here(here) => here == text,
            Self::Shared(shared) => id == Some(shared),
        }
    }

    pub(crate) fn text(self, names: &'a Names) -> &'a [u8] {
        match self {
            Self::Here(text) => text,
            Self::Shared(id) => names.text(id),
        }
    }
}

pub(super) fn push_null(out: &mut Vec<u8>) {
    out.push(NULL);
}

pub(super) fn push_bool(out: &mut Vec<u8>, is_true: bool) {
    out.push(if is_true { TRUE } else { FALSE });
}

pub(super) fn push_number(out: &mut Vec<u8>, number: Number) {
    out.extend_from_slice(Head::number(number).as_bytes());
}

/// A number as precisely as asked for.
pub(super) fn push_short(
    out: &mut Vec<u8>,
    number: Number,
    precision: Precision,
) -> Result<(), OutOfRange> {
    let number = precision.nearest(number.as_f64())?;
    match precision {
        Precision::Fp64 => push_number(out, Number::Double(number)),
        Precision::Fp32 => {
            out.push(SINGLE);
            out.extend_from_slice(&(number as f32).to_le_bytes());
        }
        Precision::Fp16 => {
            out.push(HALF);
            out.extend_from_slice(&short::fp16_bits(number).to_le_bytes());
        }
        Precision::Bf16 => {
            out.push(BRAIN);
            out.extend_from_slice(&short::bf16_bits(number).to_le_bytes());
        }
    }
    Ok(())
}

/// Writes a number over the one that comes first, if that takes as many bytes as the new one can be given. A smaller
/// one may take more bytes than it needs, so that what counts down stays where it is.
pub(super) fn overwrite_number(bytes: &mut [u8], number: Number) -> bool {
    let len = value_len(bytes);
    let mut put = |tag: u8, number: &[u8]| {
        bytes[0] = tag;
        bytes[1..=number.len()].copy_from_slice(number);
        true
    };
    match (number, len) {
        (Number::Int(number @ 0..64), 1) => put(SMALL | number as u8, &[]),
        (Number::Int(number), 2) => {
            i8::try_from(number).is_ok_and(|number| put(I8, &number.to_le_bytes()))
        }
        (Number::Int(number), 3) => {
            i16::try_from(number).is_ok_and(|number| put(I16, &number.to_le_bytes()))
        }
        (Number::Int(number), 5) => {
            i32::try_from(number).is_ok_and(|number| put(I32, &number.to_le_bytes()))
        }
        (Number::Int(number), 9) => put(I64, &number.to_le_bytes()),
        (Number::Big(number), 9) => put(U64, &number.to_le_bytes()),
        (Number::Double(number), 5) => is_f32(number) && put(F32, &(number as f32).to_le_bytes()),
        (Number::Double(number), 9) => put(F64, &number.to_le_bytes()),
        _ => false,
    }
}

/// Whether a number is none the worse for being kept in 32 bits.
fn is_f32(number: f64) -> bool {
    f64::from(number as f32).to_bits() == number.to_bits()
}

pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(Head::text(text.len()).as_bytes());
    out.extend_from_slice(text);
}

pub(super) fn push_name(out: &mut Vec<u8>, name: Name<'_>) {
    match name {
        Name::Shared(id) => out.extend_from_slice(&[NAME_SHARED | (id >> 8) as u8, id as u8]),
        Name::Here(text) => {
            if text.len() < 128 {
                out.push(text.len() as u8);
            } else {
                out.push(NAME_LONG);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            }
            out.extend_from_slice(text);
        }
    }
}

/// The bytes of a scalar.
pub(super) fn scalar(atom: Atom<'_>) -> Vec<u8> {
    let (head, text) = parts(atom);
    [head.as_bytes(), text].concat()
}

/// The same in two parts, so that a text is not copied.
pub(super) fn parts(atom: Atom<'_>) -> (Head, &[u8]) {
    match atom {
        Atom::Null | Atom::Array | Atom::Object => (Head::with(NULL, []), &[]),
        Atom::Bool(is_true) => (Head::with(if is_true { TRUE } else { FALSE }, []), &[]),
        Atom::Number(number) => (Head::number(number), &[]),
        Atom::Text(text) => (Head::text(text.len()), text),
    }
}

/// The beginning of a text, array or object; of other values all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    bytes: [u8; 9],
    len: u8,
}

impl Head {
    /// That of an array or object.
    pub(super) fn new(is_object: bool, body_len: usize) -> Self {
        let tag = if is_object { OBJECT } else { ARRAY };
        match body_len {
            0..256 => Self::with(tag, [body_len as u8]),
            256..65536 => Self::with(tag + 1, (body_len as u16).to_le_bytes()),
            _ => Self::with(tag + 2, (body_len as u32).to_le_bytes()),
        }
    }

    fn text(len: usize) -> Self {
        match len {
            ..128 => Self::with(SHORT | len as u8, []),
            128..256 => Self::with(TEXT_8, [len as u8]),
            _ => Self::with(TEXT_32, (len as u32).to_le_bytes()),
        }
    }

    fn number(number: Number) -> Self {
        match number {
            Number::Int(number) => Self::int(number),
            Number::Big(number) => Self::with(U64, number.to_le_bytes()),
            Number::Double(number) if is_f32(number) => {
                Self::with(F32, (number as f32).to_le_bytes())
            }
            Number::Double(number) => Self::with(F64, number.to_le_bytes()),
        }
    }

    fn int(number: i64) -> Self {
        if (0..64).contains(&number) {
            Self::with(SMALL | number as u8, [])
        } else if let Ok(number) = i8::try_from(number) {
            Self::with(I8, number.to_le_bytes())
        } else if let Ok(number) = i16::try_from(number) {
            Self::with(I16, number.to_le_bytes())
        } else if let Ok(number) = i32::try_from(number) {
            Self::with(I32, number.to_le_bytes())
        } else {
            Self::with(I64, number.to_le_bytes())
        }
    }

    #[inline]
    fn with<const N: usize>(tag: u8, rest: [u8; N]) -> Self {
        let mut bytes = [0; 9];
        bytes[0] = tag;
        bytes[1..=N].copy_from_slice(&rest);
        Self {
            bytes,
            len: 1 + N as u8,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

fn u32_at(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize
}

fn array_at<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[1..=N].try_into().expect("packs are whole")
}

/// How long the head of the first value is, and what follows it and belongs to it.
#[inline]
fn extent(bytes: &[u8]) -> (usize, usize) {
    match bytes[0] {
        tag @ SHORT.. => (1, usize::from(tag & 0x7f)),
        SMALL.. | NULL | FALSE | TRUE => (1, 0),
        I8 => (1, 1),
        I16 | HALF | BRAIN => (1, 2),
        I32 | F32 | SINGLE => (1, 4),
        I64 | U64 | F64 => (1, 8),
        TEXT_8 => (2, usize::from(bytes[1])),
        TEXT_32 => (5, u32_at(&bytes[1..])),
        tag => match tag & 3 {
            0 => (2, usize::from(bytes[1])),
            1 => (3, usize::from(u16::from_le_bytes(array_at::<2>(bytes)))),
            _ => (5, u32_at(&bytes[1..])),
        },
    }
}

/// How long the values are whose first byte says it; zero for the others.
static FIXED_LEN: [u8; 256] = {
    let mut lens = [0; 256];
    let mut tag = 0;
    while tag < 256 {
        lens[tag] = match tag as u8 {
            high @ SHORT.. => 1 + (high & 0x7f),
            SMALL.. | NULL | FALSE | TRUE => 1,
            I8 => 2,
            I16 | HALF | BRAIN => 3,
            I32 | F32 | SINGLE => 5,
            I64 | U64 | F64 => 9,
            _ => 0,
        };
        tag += 1;
    }
    lens
};

/// The bytes of the first value.
#[inline]
pub(super) fn value_len(bytes: &[u8]) -> usize {
    match FIXED_LEN[usize::from(bytes[0])] {
        0 => {
            let (head, body) = extent(bytes);
            head + body
        }
        len => usize::from(len),
    }
}

/// Where the content of the first value is, which is an array or object, and whether it is an object.
#[inline]
pub(super) fn content(bytes: &[u8]) -> Option<(bool, Range<usize>)> {
    if !(ARRAY..OBJECT + 3).contains(&bytes[0]) {
        return None;
    }
    let (head, body) = extent(bytes);
    Some((bytes[0] >= OBJECT, head..head + body))
}

#[inline]
pub(super) fn name(bytes: &[u8]) -> (Name<'_>, usize) {
    match bytes[0] {
        len @ ..NAME_SHARED => {
            let end = 1 + usize::from(len);
            (Name::Here(&bytes[1..end]), end)
        }
        NAME_LONG.. => {
            let end = 5 + u32_at(&bytes[1..]);
            (Name::Here(&bytes[5..end]), end)
        }
        high => {
            let id = u16::from(high & 0x3f) << 8 | u16::from(bytes[1]);
            (Name::Shared(id), 2)
        }
    }
}

#[inline]
fn name_len(bytes: &[u8]) -> usize {
    match bytes[0] {
        len @ ..NAME_SHARED => 1 + usize::from(len),
        NAME_LONG.. => 5 + u32_at(&bytes[1..]),
        _ => 2,
    }
}

/// The bytes of the first element or field.
#[inline]
pub(super) fn child_len(bytes: &[u8], is_object: bool) -> usize {
    let name = if is_object { name_len(bytes) } else { 0 };
    name + value_len(&bytes[name..])
}

/// Where the value of the first element or field begins.
#[inline]
pub(super) fn value_start(bytes: &[u8], is_object: bool) -> usize {
    if is_object { name_len(bytes) } else { 0 }
}

pub(super) fn atom(bytes: &[u8]) -> Atom<'_> {
    let number = |number| Atom::Number(Number::Int(number));
    let double = |number| Atom::Number(Number::Double(number));
    match bytes[0] {
        NULL => Atom::Null,
        FALSE => Atom::Bool(false),
        TRUE => Atom::Bool(true),
        I8 => number(i64::from(i8::from_le_bytes(array_at(bytes)))),
        I16 => number(i64::from(i16::from_le_bytes(array_at(bytes)))),
        I32 => number(i64::from(i32::from_le_bytes(array_at(bytes)))),
        I64 => number(i64::from_le_bytes(array_at(bytes))),
        U64 => Atom::Number(Number::Big(u64::from_le_bytes(array_at(bytes)))),
        F32 => double(f64::from(f32::from_le_bytes(array_at(bytes)))),
        F64 => double(f64::from_le_bytes(array_at(bytes))),
        HALF => double(short::fp16(u16::from_le_bytes(array_at(bytes)))),
        BRAIN => double(short::bf16(u16::from_le_bytes(array_at(bytes)))),
        SINGLE => double(short::fp32(f32::from_le_bytes(array_at(bytes)))),
        tag @ SMALL..SHORT => number(i64::from(tag & 0x3f)),
        SHORT.. | TEXT_8 | TEXT_32 => {
            let (head, body) = extent(bytes);
            Atom::Text(&bytes[head..head + body])
        }
        tag if tag >= OBJECT => Atom::Object,
        _ => Atom::Array,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let long = [b'x'; 300];
        let atoms = [
            Atom::Null,
            Atom::Bool(true),
            Atom::Bool(false),
            Atom::Text(b""),
            Atom::Text(b"short"),
            Atom::Text(&long[..200]),
            Atom::Text(&long),
        ];
        let ints = [0, 63, 64, -1, -128, 128, 40_000, -40_000, 1 << 40, i64::MIN];
        let doubles = [0.0, -0.0, 1.5, 0.1, 1e300];
        let numbers = ints.map(Number::Int).into_iter();
        let numbers = numbers.chain(doubles.map(Number::Double));
        let numbers = numbers.chain([Number::Big(u64::MAX)]).map(Atom::Number);
        for value in atoms.into_iter().chain(numbers) {
            let mut pack = Vec::new();
            match value {
                Atom::Null => push_null(&mut pack),
                Atom::Bool(is_true) => push_bool(&mut pack, is_true),
                Atom::Number(number) => push_number(&mut pack, number),
                Atom::Text(text) => push_text(&mut pack, text),
                Atom::Array | Atom::Object => unreachable!(),
            }
            assert_eq!(atom(&pack), value);
            assert_eq!(value_len(&pack), pack.len());
        }
    }

    #[test]
    fn numbers_are_written_over_others_where_there_is_room() {
        let ints = [
            0,
            63,
            64,
            -1,
            127,
            -128,
            128,
            40_000,
            -40_000,
            1 << 40,
            i64::MIN,
        ];
        let numbers = ints.map(Number::Int).into_iter();
        let numbers = numbers.chain([1.5, 0.1].map(Number::Double));
        let numbers: Vec<Number> = numbers.chain([Number::Big(u64::MAX)]).collect();
        for old in &numbers {
            for new in &numbers {
                let mut bytes = scalar(Atom::Number(*old));
                let len = bytes.len();
                let is_done = overwrite_number(&mut bytes, *new);
                let shown = if is_done { *new } else { *old };
                assert_eq!(atom(&bytes), Atom::Number(shown));
                assert_eq!((value_len(&bytes), bytes.len()), (len, len));
                let has_room = scalar(Atom::Number(*new)).len() <= len;
                // A fraction never takes two or three bytes, and a small number only one has no sign.
                assert_eq!(is_done, has_room, "{old:?} {new:?}");
            }
        }
    }

    #[test]
    fn heads_and_names_say_how_long_they_are() {
        for len in [0, 255, 256, 65535, 65536] {
            let head = Head::new(true, len);
            let (is_object, body) = content(head.as_bytes()).expect("an object");
            assert!(is_object);
            assert_eq!(body, head.as_bytes().len()..head.as_bytes().len() + len);
        }
        let long = [b'n'; 200];
        for text in [Name::Here(b"a"), Name::Here(&long), Name::Shared(9999)] {
            let mut pack = Vec::new();
            push_name(&mut pack, text);
            assert_eq!(name(&pack), (text, pack.len()));
            assert_eq!(name_len(&pack), pack.len());
        }
    }
}
