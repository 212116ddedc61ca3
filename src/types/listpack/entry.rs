//! One entry of a listpack: how an element becomes bytes and back.
//!
//! ```text
//! entry = encoding and data | backlen
//!
//! 0vvvvvvv                              integer 0..=127
//! 10nnnnnn data                         string of n < 64 bytes
//! 110vvvvv vvvvvvvv                     integer of 13 bits, two's complement, high bits first
//! 1110nnnn nnnnnnnn data                string of n < 4096 bytes
//! 11110000 n:u32 LE data                any other string
//! 11110001 i16 LE   11110010 i24 LE   11110011 i32 LE   11110100 i64 LE
//! 11111111                              end of the listpack
//! ```
//!
//! `backlen` is the length of encoding and data in groups of seven bits, most significant group first; every group but
//! the first carries the high bit, so that it can be read from its end. One oddity is part of the format: a length that
//! would just fill its groups (16383, 2097151, 268435455) takes one group more.

#![expect(
    clippy::inline_always,
    reason = "the common case is a few instructions, in the innermost loop of every caller"
)]

use crate::base::num;
use crate::base::short;

/// One element, as it is stored: text that is the canonical form of an `i64` is kept as the integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The text of the element; an integer is printed into `space`.
    #[inline]
    pub(crate) fn text<'b>(self, space: &'b mut [u8; 20]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Item::Int(value) => num::format_i64(value, space),
            Item::Bytes(bytes) => bytes,
        }
    }

    /// Length of the text.
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Item::Int(value) => num::digits_len(value),
            Item::Bytes(bytes) => bytes.len(),
        }
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.text(&mut [0; 20]).to_vec()
    }

    /// The integer this element is, whichever way it is stored.
    #[inline]
    pub(crate) fn as_i64(self) -> Option<i64> {
        match self {
            Item::Int(value) => Some(value),
            Item::Bytes(bytes) => num::parse_i64(bytes),
        }
    }

    /// Is the text of this element `text`?
    #[inline]
    pub(crate) fn is_text(self, text: &[u8]) -> bool {
        match self {
            Item::Int(value) => num::parse_i64(text) == Some(value),
            Item::Bytes(bytes) => bytes == text,
        }
    }
}

impl<'a> From<&'a [u8]> for Item<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Item::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Item<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Item::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Item<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Item::Bytes(bytes)
    }
}

impl From<i64> for Item<'_> {
    fn from(value: i64) -> Self {
        Item::Int(value)
    }
}

/// An element ready to be written: the canonical encoding chosen, the length known, nothing copied yet.
pub(crate) enum Encoded<'a> {
    /// A string of less than 64 bytes.
    Short(&'a [u8]),
    Long(&'a [u8]),
    /// Encoding byte and value, and how many bytes that is.
    Int([u8; 9], usize),
}

impl<'a> Encoded<'a> {
    #[inline(always)]
    pub(crate) fn new(item: Item<'a>) -> Self {
        match item {
            Item::Int(value) => Self::int(value),
            Item::Bytes(bytes) => {
                // Most strings show with their first byte that they are not numbers.
                let first = bytes.first().copied().unwrap_or_default();
                if (first.is_ascii_digit() || first == b'-')
                    && let Some(value) = num::parse_i64(bytes)
                {
                    return Self::int(value);
                }
                if bytes.len() < 64 {
                    Self::Short(bytes)
                } else {
                    Self::Long(bytes)
                }
            }
        }
    }

    fn int(value: i64) -> Self {
        let mut head = [0; 9];
        let bytes = value.to_le_bytes();
        let len = if (0..=127).contains(&value) {
            head[0] = value as u8;
            1
        } else if (-4096..=4095).contains(&value) {
            let bits = (value as u16) & 0x1fff;
            head[0] = INT_13 | (bits >> 8) as u8;
            head[1] = bits as u8;
            2
        } else {
            let (tag, width) = match value {
                -0x8000..=0x7fff => (INT_16, 2),
                -0x80_0000..=0x7f_ffff => (INT_24, 3),
                -0x8000_0000..=0x7fff_ffff => (INT_32, 4),
                _ => (INT_64, 8),
            };
            head[0] = tag;
            head[1..=width].copy_from_slice(&bytes[..width]);
            1 + width
        };
        Self::Int(head, len)
    }

    /// Bytes the whole entry takes, backlen included.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Short(data) => data.len() + 2,
            Self::Long(data) => {
                let body = long_head_len(data.len()) + data.len();
                body + backlen_size(body)
            }
            Self::Int(_, len) => len + 1,
        }
    }

    /// Writes the entry to `place`, which is as long as the entry.
    #[inline(always)]
    pub(crate) fn write(&self, place: &mut [u8]) {
        match self {
            Self::Short(data) => {
                let len = data.len();
                let place = &mut place[..len + 2];
                place[0] = STRING_6 | len as u8;
                short::copy(&mut place[1..=len], data);
                place[len + 1] = len as u8 + 1;
            }
            Self::Long(data) => write_long(place, data),
            Self::Int(head, len) => {
                place[..*len].copy_from_slice(&head[..*len]);
                place[*len] = *len as u8;
            }
        }
    }
}

fn write_long(place: &mut [u8], data: &[u8]) {
    let len = data.len();
    let head = long_head_len(len);
    if head == 2 {
        place[0] = STRING_12 | (len >> 8) as u8;
        place[1] = len as u8;
    } else {
        place[0] = STRING_32;
        place[1..5].copy_from_slice(&(len as u32).to_le_bytes());
    }
    let body = head + len;
    place[head..body].copy_from_slice(data);
    write_backlen(&mut place[body..], body);
}

/// Bytes in front of a string that is not short.
fn long_head_len(len: usize) -> usize {
    if len < 4096 { 2 } else { 5 }
}

/// The entry at the start of `bytes` and the length of all of it, backlen included.
#[inline(always)]
pub(crate) fn decode(bytes: &[u8]) -> (Item<'_>, usize) {
    let first = bytes[0];
    // These two are nearly all entries in practice; they are decoded where they are needed.
    if first & 0xc0 == STRING_6 {
        let end = 1 + usize::from(first & 0x3f);
        (Item::Bytes(&bytes[1..end]), end + 1)
    } else if first < 0x80 {
        (Item::Int(i64::from(first)), 2)
    } else {
        decode_other(bytes)
    }
}

fn decode_other(bytes: &[u8]) -> (Item<'_>, usize) {
    let first = bytes[0];
    match first {
        0xc0..=0xdf => {
            // Shifted up to the sign bit of an i16 and back, which extends the sign.
            let bits = (u16::from(first) << 8 | u16::from(bytes[1])) << 3;
            (Item::Int(i64::from(bits as i16 >> 3)), 3)
        }
        0xe0..=0xef => {
            let end = 2 + (usize::from(first & 0x0f) << 8 | usize::from(bytes[1]));
            (Item::Bytes(&bytes[2..end]), end + backlen_size(end))
        }
        STRING_32 => {
            let end = 5 + read_u32(&bytes[1..]) as usize;
            (Item::Bytes(&bytes[5..end]), end + backlen_size(end))
        }
        INT_16 => {
            let value = i16::from_le_bytes([bytes[1], bytes[2]]);
            (Item::Int(i64::from(value)), 4)
        }
        INT_24 => {
            let value = i32::from_le_bytes([0, bytes[1], bytes[2], bytes[3]]) >> 8;
            (Item::Int(i64::from(value)), 5)
        }
        INT_32 => (Item::Int(i64::from(read_u32(&bytes[1..]) as i32)), 6),
        INT_64 => {
            let word = bytes[1..9].try_into().expect("nine bytes were sliced");
            (Item::Int(i64::from_le_bytes(word)), 10)
        }
        _ => unreachable!("a listpack is validated when it is parsed"),
    }
}

/// Length of the whole entry at the start of `bytes`, backlen included.
#[inline(always)]
pub(crate) fn skip(bytes: &[u8]) -> usize {
    let first = bytes[0];
    if first & 0xc0 == STRING_6 {
        2 + usize::from(first & 0x3f)
    } else if first < 0x80 {
        2
    } else {
        skip_other(bytes)
    }
}

fn skip_other(bytes: &[u8]) -> usize {
    let first = bytes[0];
    let body = match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(bytes[1])),
        STRING_32 => 5 + read_u32(&bytes[1..]) as usize,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => unreachable!("a listpack is validated when it is parsed"),
    };
    body + backlen_size(body)
}

/// Where the entry starts whose backlen ends at `end`.
#[inline]
pub(crate) fn start_of_entry_before(bytes: &[u8], end: usize) -> usize {
    let last = bytes[end - 1];
    if last < 0x80 {
        end - 1 - usize::from(last)
    } else {
        start_of_long_entry_before(bytes, end)
    }
}

fn start_of_long_entry_before(bytes: &[u8], end: usize) -> usize {
    let mut body = usize::from(bytes[end - 1] & 0x7f);
    let mut at = end - 1;
    let mut shift = 7;
    loop {
        at -= 1;
        body |= usize::from(bytes[at] & 0x7f) << shift;
        if bytes[at] < 0x80 {
            return at - body;
        }
        shift += 7;
    }
}

/// The length of the whole entry at the start of `bytes`, or `None` if it is not an entry that ends within them.
/// The only reader that may be shown bytes nobody has looked at.
pub(crate) fn checked_skip(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let body = match first {
        0..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        STRING_32 => 5 + read_u32(bytes.get(1..5)?) as usize,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => return None,
    };
    let found = bytes.get(body..body + backlen_size(body))?;
    let mut expected = [0; 5];
    let size = write_backlen(&mut expected, body);
    (found == &expected[..size]).then_some(body + size)
}

#[inline]
pub(crate) fn backlen_size(body: usize) -> usize {
    if body <= 127 {
        1
    } else if body < 16383 {
        2
    } else if body < 2_097_151 {
        3
    } else if body < 268_435_455 {
        4
    } else {
        5
    }
}

#[inline]
fn write_backlen(out: &mut [u8], body: usize) -> usize {
    if body <= 127 {
        out[0] = body as u8;
        return 1;
    }
    let size = backlen_size(body);
    let mut rest = body;
    for byte in out[1..size].iter_mut().rev() {
        *byte = (rest & 0x7f) as u8 | 0x80;
        rest >>= 7;
    }
    out[0] = rest as u8;
    size
}

#[inline]
pub(crate) fn read_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().expect("four bytes"))
}

const STRING_6: u8 = 0x80;
const INT_13: u8 = 0xc0;
const STRING_12: u8 = 0xe0;
const STRING_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;
/// The byte where the next entry would begin, at the very end.
pub(crate) const END: u8 = 0xff;
