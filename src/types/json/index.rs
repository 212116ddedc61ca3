//! The index in front of the fields of an object.
//!
//! To find a field by passing over those in front of it takes some nanoseconds for each, since where one begins is only
//! known when the one before has been read. So fields that are many have an index in front of them, in the same bytes:
//!
//! ```text
//! index  11000001 | how many fields:2 | tag:1 for each | where every fourth begins:2, but the first
//! ```
//!
//! A tag is a byte that depends on the name; whoever looks for a name compares the tags, with vector instructions, and
//! then the names of fields that have the same. An index takes six bytes for four fields. No field begins with the
//! byte that an index begins with, so it is told from fields by looking at it.
//!
//! An index may be missing, but never wrong: one that is there tells of all fields as they are.

use memchr::memchr2;

use super::pack::{self, Name};

const MARK: u8 = 0xc1;
/// The mark and the count.
const HEAD_LEN: usize = 3;

/// Every so many fields the index says where one begins.
const STRIDE: usize = 4;

/// Fewer fields than this are passed over in about the time in which an index is read.
const COUNT_MIN: usize = if cfg!(test) { 4 } else { 12 };

/// Fields, and the index in front of them.
#[derive(Clone, Copy)]
pub(super) struct Index<'a> {
    body: &'a [u8],
    count: usize,
}

/// How long the index of some fields is; nothing if they need none, or are too long for one.
pub(super) fn len(count: usize, fields_len: usize) -> usize {
    let counts = COUNT_MIN..=usize::from(u16::MAX);
    if counts.contains(&count) && may_have(fields_len) {
        whole_len(count)
    } else {
        0
    }
}

/// Whether so many bytes of fields are not too many.
pub(super) fn may_have(fields_len: usize) -> bool {
    u16::try_from(fields_len).is_ok()
}

fn whole_len(count: usize) -> usize {
    HEAD_LEN + count + 2 * (count.saturating_sub(1) / STRIDE)
}

/// Writes the index, for which there is room in front of the fields.
pub(super) fn fill(body: &mut [u8], len: usize, count: usize) {
    let (index, fields) = body.split_at_mut(len);
    index[0] = MARK;
    index[1..HEAD_LEN].copy_from_slice(&(count as u16).to_le_bytes());
    let (tags, places) = index[HEAD_LEN..].split_at_mut(count);
    let mut at = 0;
    for (number, tag) in tags.iter_mut().enumerate() {
        if number > 0 && number % STRIDE == 0 {
            let place = 2 * (number / STRIDE - 1);
            places[place..place + 2].copy_from_slice(&(at as u16).to_le_bytes());
        }
        let (name, name_len) = pack::name(&fields[at..]);
        *tag = tag_of(name);
        at += name_len;
        at += pack::value_len(&fields[at..]);
    }
}

/// The fields behind some place grow, or shrink.
pub(super) fn shift(index: &mut [u8], place: usize, growth: isize) {
    let count = usize::from(u16::from_le_bytes([index[1], index[2]]));
    // Without a branch, so that it is done to many at once. Fields with an index are few enough bytes.
    let (place, growth) = (place as u16, growth as u16);
    let (starts, _) = index[HEAD_LEN + count..].as_chunks_mut();
    for start in starts {
        let old = u16::from_le_bytes(*start);
        let new = old.wrapping_add(if old > place { growth } else { 0 });
        *start = new.to_le_bytes();
    }
}

impl<'a> Index<'a> {
    /// That of an object's content, if it has one.
    #[inline]
    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        match body {
            [MARK, low, high, ..] => Some(Self {
                body,
                count: usize::from(u16::from_le_bytes([*low, *high])),
            }),
            _ => None,
        }
    }

    pub(super) fn count(self) -> usize {
        self.count
    }

    pub(super) fn len(self) -> usize {
        whole_len(self.count)
    }

    pub(super) fn fields(self) -> &'a [u8] {
        &self.body[self.len()..]
    }

    /// Where a field begins that is close in front of the one of that number, and how many are to be passed over from
    /// there.
    #[inline]
    pub(super) fn near(self, number: usize) -> Option<(usize, usize)> {
        if number >= self.count {
            return None;
        }
        let start = match (number / STRIDE).checked_sub(1) {
            None => 0,
            Some(place) => {
                let at = HEAD_LEN + self.count + 2 * place;
                usize::from(u16::from_le_bytes([self.body[at], self.body[at + 1]]))
            }
        };
        Some((self.len() + start, number % STRIDE))
    }

    /// A field's number, and where its value begins.
    pub(super) fn find(self, text: &[u8], id: Option<u16>) -> Option<(usize, usize)> {
        let here = tag_of(Name::Here(text));
        let shared = id.map_or(here, |id| tag_of(Name::Shared(id)));
        let tags = &self.body[HEAD_LEN..HEAD_LEN + self.count];
        let mut from = 0;
        while let Some(skipped) = memchr2(here, shared, &tags[from..]) {
            let number = from + skipped;
            let (mut at, others) = self.near(number)?;
            for _ in 0..others {
                at += pack::child_len(&self.body[at..], true);
            }
            let (name, len) = pack::name(&self.body[at..]);
            if name.is(text, id) {
                return Some((number, at + len));
            }
            from = number + 1;
        }
        None
    }
}

/// Names differ at their ends more often than anywhere else, so both ends count, and the length.
#[inline]
fn tag_of(name: Name<'_>) -> u8 {
    match name {
        Name::Shared(id) => id as u8,
        Name::Here(text) => {
            let word = |bytes: &[u8]| {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                u64::from_le_bytes(word)
            };
            let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
                (Some(first), Some(last)) => {
                    (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
                }
                _ => (word(text), 0),
            };
            let mixed = first ^ last.rotate_left(29) ^ text.len() as u64;
            (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
        }
    }
}
