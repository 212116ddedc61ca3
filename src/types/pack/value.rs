//! The values in a pack, drawn in the module above.

use crate::base::num;
use crate::types::listpack::Item;

/// A value: of a hash field text, which is kept as an integer if it is one, of a sorted set's member a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Double(f64),
}

impl<'a> Cell<'a> {
    /// Text becomes an integer if that is what it spells, in the one canonical way.
    #[inline]
    pub(crate) fn from_text(text: &'a [u8]) -> Self {
        num::parse_i64(text).map_or(Self::Bytes(text), Self::Int)
    }

    /// A score becomes an integer if it is one. Negative zero loses its sign, as it does in a listpack of Redis.
    #[inline]
    pub(crate) fn from_score(score: f64) -> Self {
        let number = score as i64;
        if number as f64 == score && number.unsigned_abs() <= EXACT_MAX {
            Self::Int(number)
        } else {
            Self::Double(score)
        }
    }

    /// For packs of texts.
    #[inline]
    pub(crate) fn item(self) -> Item<'a> {
        match self {
            Self::Int(number) => Item::Int(number),
            Self::Bytes(text) => Item::Bytes(text),
            Self::Double(_) => unreachable!("only scores are doubles"),
        }
    }

    /// For packs of scores.
    #[inline]
    pub(crate) fn score(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Double(score) => score,
            Self::Bytes(_) => unreachable!("scores are numbers"),
        }
    }
}

/// A value ready to be written.
pub(crate) struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(crate) fn head(&self) -> &[u8] {
        &self.head[..self.head_len]
    }

    #[inline]
    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// The value of a row that has none.
pub(crate) fn nothing() -> Encoded<'static> {
    Encoded {
        head: [0; 9],
        head_len: 0,
        text: &[],
    }
}

pub(crate) fn encode(value: Cell<'_>) -> Encoded<'_> {
    let mut encoded = nothing();
    match value {
        Cell::Int(number @ 0..=127) => {
            encoded.head[0] = number as u8;
            encoded.head_len = 1;
        }
        Cell::Int(number @ -4096..=4095) => {
            let bits = number as u16 & 0x1fff;
            encoded.head[0] = INT_13 | (bits >> 8) as u8;
            encoded.head[1] = bits as u8;
            encoded.head_len = 2;
        }
        Cell::Int(number) => {
            // Bits that only repeat the sign are left out, but for one.
            let bits = 65 - (number ^ number >> 63).leading_zeros() as usize;
            let size = bits.div_ceil(8);
            encoded.head[0] = INT | size as u8;
            encoded.head[1..].copy_from_slice(&number.to_le_bytes());
            encoded.head_len = 1 + size;
        }
        Cell::Bytes(text) => {
            if text.len() < 64 {
                encoded.head[0] = TEXT_6 | text.len() as u8;
                encoded.head_len = 1;
            } else {
                encoded.head[0] = TEXT;
                encoded.head_len = 1 + write_len(text.len(), &mut encoded.head[1..]);
            }
            encoded.text = text;
        }
        Cell::Double(score) => {
            encoded.head[0] = DOUBLE;
            encoded.head[1..].copy_from_slice(&score.to_le_bytes());
            encoded.head_len = 9;
        }
    }
    encoded
}

/// The value that starts `bytes`.
#[inline]
pub(crate) fn decode(bytes: &[u8]) -> Cell<'_> {
    let first = bytes[0];
    match first {
        0..=0x7f => Cell::Int(i64::from(first)),
        0x80..=0xbf => Cell::Bytes(&bytes[1..=usize::from(first & 0x3f)]),
        INT_13.. => {
            // Shifted up to the sign bit of an i16 and back, which extends the sign.
            let bits = (u16::from(first) << 8 | u16::from(bytes[1])) << 3;
            Cell::Int(i64::from(bits as i16 >> 3))
        }
        DOUBLE => Cell::Double(f64::from_le_bytes(
            bytes[1..9].try_into().expect("eight bytes"),
        )),
        TEXT => {
            let (len, used) = read_len(&bytes[1..]);
            Cell::Bytes(&bytes[1 + used..1 + used + len])
        }
        _ => {
            let size = usize::from(first & 15);
            let sign = if bytes[size] & 0x80 == 0 { 0 } else { 0xff };
            let mut word = [sign; 8];
            word[..size].copy_from_slice(&bytes[1..=size]);
            Cell::Int(i64::from_le_bytes(word))
        }
    }
}

/// Length of the value that starts `bytes`, encoding included.
#[inline]
pub(crate) fn len(bytes: &[u8]) -> usize {
    let first = bytes[0];
    if first < 0x80 {
        1
    } else if first < 0xc0 {
        1 + usize::from(first & 0x3f)
    } else {
        len_of_others(bytes)
    }
}

fn len_of_others(bytes: &[u8]) -> usize {
    let first = bytes[0];
    match first {
        INT_13.. => 2,
        DOUBLE => 9,
        TEXT => {
            let (len, used) = read_len(&bytes[1..]);
            1 + used + len
        }
        _ => 1 + usize::from(first & 15),
    }
}

/// Reads a number in groups of seven bits, lowest first; all but the last byte have the high bit. Returns how many
/// bytes it took.
pub(crate) fn read_len(bytes: &[u8]) -> (usize, usize) {
    let mut len = 0;
    for (index, byte) in bytes.iter().enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (len, index + 1);
        }
    }
    unreachable!("packs are written by this module")
}

/// Writes such a number and returns its size.
pub(crate) fn write_len(len: usize, out: &mut [u8]) -> usize {
    let mut rest = len;
    let mut size = 0;
    loop {
        out[size] = (rest & 0x7f) as u8;
        rest >>= 7;
        size += 1;
        if rest == 0 {
            return size;
        }
        out[size - 1] |= 0x80;
    }
}

const TEXT_6: u8 = 0x80;
const INT: u8 = 0xc0;
const TEXT: u8 = 0xd0;
const DOUBLE: u8 = 0xd1;
const INT_13: u8 = 0xe0;
/// Up to here every integer is a double and every such double an integer.
const EXACT_MAX: u64 = 1 << 53;
