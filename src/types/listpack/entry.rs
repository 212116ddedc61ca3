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
//! `backlen` is the length of what stands before it in groups of seven bits, most significant group first; every
//! group but the first carries the high bit, so that it can be read from its end. One oddity is part of the format:
//! a length that would just fill its groups (16383, 2097151, 268435455) takes one group more.

use crate::base::num;

/// One element, as it is stored: text that is the canonical form of an `i64` is kept as the integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The text of the element; an integer is printed into `space`.
    #[inline]
    pub fn text<'b>(self, space: &'b mut [u8; 20]) -> &'b [u8]
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
    pub fn len(self) -> usize {
        match self {
            Item::Int(value) => num::digits_len(value),
            Item::Bytes(bytes) => bytes.len(),
        }
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        matches!(self, Item::Bytes([]))
    }

    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut [0; 20]).to_vec()
    }

    pub fn push_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text(&mut [0; 20]));
    }

    /// The integer this element is, whichever way it is stored.
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Item::Int(value) => Some(value),
            Item::Bytes(bytes) => num::parse_i64(bytes),
        }
    }

    /// Is the text of this element `text`?
    #[inline]
    pub fn is_text(self, text: &[u8]) -> bool {
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
pub struct Encoded<'a> {
    /// Encoding byte and whatever follows it except string data.
    head: [u8; 9],
    head_len: u8,
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub fn new(item: Item<'a>) -> Self {
        match item {
            Item::Int(value) => Self::int(value),
            Item::Bytes(bytes) => match num::parse_i64(bytes) {
                Some(value) => Self::int(value),
                None => Self::string(bytes),
            },
        }
    }

    #[inline]
    fn string(data: &'a [u8]) -> Self {
        let mut head = [0; 9];
        let len = data.len();
        let head_len = if len < 64 {
            head[0] = STRING_6 | len as u8;
            1
        } else if len < 4096 {
            head[0] = STRING_12 | (len >> 8) as u8;
            head[1] = len as u8;
            2
        } else {
            head[0] = STRING_32;
            head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
            5
        };
        Self {
            head,
            head_len,
            data,
        }
    }

    fn int(value: i64) -> Self {
        let mut head = [0; 9];
        let bytes = value.to_le_bytes();
        let head_len = if (0..=127).contains(&value) {
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
            1 + width as u8
        };
        Self {
            head,
            head_len,
            data: &[],
        }
    }

    /// Bytes the whole entry takes, backlen included.
    #[inline]
    pub fn len(&self) -> usize {
        let body = self.body_len();
        body + backlen_size(body)
    }

    fn body_len(&self) -> usize {
        usize::from(self.head_len) + self.data.len()
    }

    /// Writes the entry to the start of `out`, which has room for it; returns the bytes written.
    #[inline]
    pub fn write(&self, out: &mut [u8]) -> usize {
        let head_len = usize::from(self.head_len);
        let body = self.body_len();
        out[..head_len].copy_from_slice(&self.head[..head_len]);
        out[head_len..body].copy_from_slice(self.data);
        body + write_backlen(&mut out[body..], body)
    }
}

/// The entry at the start of `bytes` and the length of its encoding and data, without the backlen.
#[inline]
pub fn decode(bytes: &[u8]) -> (Item<'_>, usize) {
    let first = bytes[0];
    match first {
        0..=0x7f => (Item::Int(i64::from(first)), 1),
        0x80..=0xbf => {
            let end = 1 + usize::from(first & 0x3f);
            (Item::Bytes(&bytes[1..end]), end)
        }
        0xc0..=0xdf => {
            // Shifted up to the sign bit of an i16 and back, which extends the sign.
            let bits = (u16::from(first) << 8 | u16::from(bytes[1])) << 3;
            (Item::Int(i64::from(bits as i16 >> 3)), 2)
        }
        0xe0..=0xef => {
            let end = 2 + (usize::from(first & 0x0f) << 8 | usize::from(bytes[1]));
            (Item::Bytes(&bytes[2..end]), end)
        }
        STRING_32 => {
            let end = 5 + read_u32(&bytes[1..]) as usize;
            (Item::Bytes(&bytes[5..end]), end)
        }
        INT_16 => (
            Item::Int(i64::from(i16::from_le_bytes([bytes[1], bytes[2]]))),
            3,
        ),
        INT_24 => {
            let value = i32::from_le_bytes([0, bytes[1], bytes[2], bytes[3]]) >> 8;
            (Item::Int(i64::from(value)), 4)
        }
        INT_32 => (Item::Int(i64::from(read_u32(&bytes[1..]) as i32)), 5),
        INT_64 => {
            let word = bytes[1..9].try_into().expect("nine bytes were sliced");
            (Item::Int(i64::from_le_bytes(word)), 9)
        }
        _ => unreachable!("a listpack is validated when it is parsed"),
    }
}

/// Length of the whole entry at the start of `bytes`, backlen included.
#[inline]
pub fn skip(bytes: &[u8]) -> usize {
    let first = bytes[0];
    // Three of four entries in practice: their backlen is one byte.
    if first < 0x80 {
        return 2;
    }
    if first < 0xc0 {
        return 2 + usize::from(first & 0x3f);
    }
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
pub fn start_of_entry_before(bytes: &[u8], end: usize) -> usize {
    let last = bytes[end - 1];
    if last < 0x80 {
        return end - 1 - usize::from(last);
    }
    let mut body = usize::from(last & 0x7f);
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
pub fn checked_skip(bytes: &[u8]) -> Option<usize> {
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
pub fn backlen_size(body: usize) -> usize {
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
pub fn read_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

const STRING_6: u8 = 0x80;
const INT_13: u8 = 0xc0;
const STRING_12: u8 = 0xe0;
const STRING_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;
/// What stands where the next entry would begin, at the very end.
pub const END: u8 = 0xff;
