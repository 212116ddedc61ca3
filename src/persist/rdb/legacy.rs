//! The compact forms of old servers, which are only read: ziplist and zipmap.
//!
//! ```text
//! ziplist   bytes:4 | offset of the last entry:4 | entries:2 (65535: many) | entries | 255   (little endian)
//! entry     length of the entry before: 1 byte, or 254 and 4 bytes | head | text or number
//! head      00nnnnnn text | 01nnnnnn n:1 text (big endian) | 10...... n:4 text (big endian)
//!           11000000 i16 | 11010000 i32 | 11100000 i64 | 11110000 i24 | 11111110 i8 | 1111nnnn n - 1, 0 to 12
//! zipmap    pairs:1 (254 and up: many) | pairs | 255
//! pair      length: 1 byte, or 254 and 4 bytes | field | length | spare:1 | value | spare bytes
//! ```

use crate::types::Malformed;
use crate::types::listpack::Listpack;

/// Takes from the front of a blob, and never past its end.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<usize, Malformed> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A length that takes one byte, or five if that is 254.
    fn short_or_long(&mut self) -> Result<usize, Malformed> {
        match self.byte()? {
            255 => Err(Malformed),
            254 => self.u32(),
            short => Ok(usize::from(short)),
        }
    }
}

const END: u8 = 255;
/// In the two bytes of a ziplist's count: count yourself.
const MANY: u16 = u16::MAX;

/// The elements of a ziplist as a listpack.
pub(crate) fn from_ziplist(blob: &[u8]) -> Result<Listpack, Malformed> {
    let mut cursor = Cursor(blob);
    let (bytes, last, count) = (
        cursor.u32()?,
        cursor.u32()?,
        u16::from_le_bytes(cursor.array()?),
    );
    if bytes != blob.len() {
        return Err(Malformed);
    }
    let mut pack = Listpack::with_capacity(blob.len());
    let mut previous_len = 0;
    let mut last_at = blob.len() - cursor.0.len();
    while *cursor.0.first().ok_or(Malformed)? != END {
        let at = blob.len() - cursor.0.len();
        if cursor.short_or_long()? != previous_len {
            return Err(Malformed);
        }
        ziplist_entry(&mut cursor, &mut pack)?;
        last_at = at;
        previous_len = blob.len() - cursor.0.len() - at;
    }
    let counted = count == MANY || usize::from(count) == pack.len();
    if cursor.0.len() == 1 && last == last_at && counted {
        Ok(pack)
    } else {
        Err(Malformed)
    }
}

fn ziplist_entry(cursor: &mut Cursor<'_>, pack: &mut Listpack) -> Result<(), Malformed> {
    let head = cursor.byte()?;
    let text_len = match head >> 6 {
        0 => Some(usize::from(head & 63)),
        1 => Some(usize::from(head & 63) << 8 | usize::from(cursor.byte()?)),
        2 => Some(u32::from_be_bytes(cursor.array()?) as usize),
        _ => None,
    };
    if let Some(len) = text_len {
        let text = cursor.bytes(len)?;
        if !pack.has_room_for(len) {
            return Err(Malformed);
        }
        pack.append(text);
        return Ok(());
    }
    let number = match head {
        0xc0 => i64::from(i16::from_le_bytes(cursor.array()?)),
        0xd0 => i64::from(i32::from_le_bytes(cursor.array()?)),
        0xe0 => i64::from_le_bytes(cursor.array()?),
        0xf0 => {
            let [low, middle, high] = cursor.array()?;
            i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)
        }
        0xfe => i64::from(cursor.byte()? as i8),
        0xf1..=0xfd => i64::from(head & 15) - 1,
        _ => return Err(Malformed),
    };
    pack.append(number);
    Ok(())
}

/// The pairs of a zipmap as a listpack.
pub(crate) fn from_zipmap(blob: &[u8]) -> Result<Listpack, Malformed> {
    let mut cursor = Cursor(blob);
    let count = usize::from(cursor.byte()?);
    let mut pack = Listpack::with_capacity(blob.len());
    while *cursor.0.first().ok_or(Malformed)? != END {
        let len = cursor.short_or_long()?;
        let field = cursor.bytes(len)?;
        let len = cursor.short_or_long()?;
        let spare = usize::from(cursor.byte()?);
        let value = cursor.bytes(len)?;
        cursor.bytes(spare)?;
        if !pack.has_room_for(field.len() + value.len()) {
            return Err(Malformed);
        }
        pack.append(field);
        pack.append(value);
    }
    let counted = count >= 254 || 2 * count == pack.len();
    if cursor.0.len() == 1 && counted {
        Ok(pack)
    } else {
        Err(Malformed)
    }
}
