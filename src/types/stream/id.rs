//! Stream IDs and the ways clients write them.
//!
//! ```text
//! 1526919030474-55    complete
//! 1526919030474       incomplete: the sequence is 0 where a range starts, the largest where it ends
//! (1526919030474-55   an end of a range that does not include it
//! -  +                the smallest and the largest ID
//! 1526919030474-*  *  for XADD: the server chooses the sequence, or everything
//! ```
//!
//! The numbers are read as C's `strtoull` would if they are not canonical: leading spaces, zeros and a sign are
//! accepted, and a NUL ends the text. Clients rely on none of it, but an ID that Redis accepts is accepted here.

use std::fmt;

use crate::base::num::{self, fill_digits};
use crate::base::text::up_to_nul;

/// When an entry was added (by the clock of its primary, or as the client said) and which one it was in that
/// millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

/// The ID argument of XADD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewId {
    /// `*`: the current time, or one more than the last ID if the clock is behind it.
    Auto,
    /// `ms-*`: the next free sequence in that millisecond.
    AutoSeq(u64),
    Exact(StreamId),
}

/// Which end of a range a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeEnd {
    Start,
    Stop,
}

/// Why an end of a range was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeError {
    /// Not an ID.
    Invalid,
    /// `(` before the largest ID as a start, or before the smallest as a stop: there is nothing beyond.
    Beyond,
}

impl StreamId {
    pub(crate) const MIN: Self = Self { ms: 0, seq: 0 };
    pub(crate) const MAX: Self = Self {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    #[cfg(test)]
    pub(crate) const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The next larger ID, if there is one.
    pub(crate) fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }

    /// The next smaller ID, if there is one.
    pub(crate) fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }

    /// The key of a block in RDB files: both numbers, big end first, so that bytes sort as IDs do.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self {
            ms: (both >> 64) as u64,
            seq: both as u64,
        }
    }

    /// An ID where `-` and `+` are not allowed; `missing_seq` completes one without a sequence.
    pub(crate) fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        match parse_parts(text)? {
            (ms, Seq::Given(seq)) => Some(Self { ms, seq }),
            (ms, Seq::Missing) => Some(Self {
                ms,
                seq: missing_seq,
            }),
            (_, Seq::Star) => None,
        }
    }

    /// An ID where `-` and `+` stand for the smallest and the largest.
    pub(crate) fn parse_or_extreme(text: &[u8], missing_seq: u64) -> Option<Self> {
        match up_to_nul(text) {
            b"-" => Some(Self::MIN),
            b"+" => Some(Self::MAX),
            _ => Self::parse(text, missing_seq),
        }
    }

    /// One end of an XRANGE or XPENDING range, made inclusive.
    pub(crate) fn parse_range_end(text: &[u8], end: RangeEnd) -> Result<Self, RangeError> {
        let missing_seq = match end {
            RangeEnd::Start => 0,
            RangeEnd::Stop => u64::MAX,
        };
        match text {
            [b'(', rest @ ..] if !rest.is_empty() => {
                let id = Self::parse(rest, missing_seq).ok_or(RangeError::Invalid)?;
                let inclusive = match end {
                    RangeEnd::Start => id.next(),
                    RangeEnd::Stop => id.previous(),
                };
                inclusive.ok_or(RangeError::Beyond)
            }
            _ => Self::parse_or_extreme(text, missing_seq).ok_or(RangeError::Invalid),
        }
    }

    /// `ms-seq`, as replies show it.
    pub(crate) fn format(self, buf: &mut [u8; ID_TEXT_BYTES]) -> &[u8] {
        let dash = fill_digits(self.seq, buf) - 1;
        buf[dash] = b'-';
        let start = fill_digits(self.ms, &mut buf[..dash]);
        &buf[start..]
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl NewId {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if up_to_nul(text) == b"*" {
            return Some(Self::Auto);
        }
        Some(match parse_parts(text)? {
            (ms, Seq::Given(seq)) => Self::Exact(StreamId { ms, seq }),
            (ms, Seq::Missing) => Self::Exact(StreamId { ms, seq: 0 }),
            (ms, Seq::Star) => Self::AutoSeq(ms),
        })
    }
}

/// The part after the milliseconds.
enum Seq {
    Given(u64),
    Missing,
    Star,
}

fn parse_parts(text: &[u8]) -> Option<(u64, Seq)> {
    if text.len() > TEXT_LEN_MAX {
        return None;
    }
    let text = up_to_nul(text);
    let Some(dash) = text.iter().position(|byte| *byte == b'-') else {
        return Some((num::parse_u64_loosely(text)?, Seq::Missing));
    };
    let ms = num::parse_u64_loosely(&text[..dash])?;
    Some(match &text[dash + 1..] {
        b"*" => (ms, Seq::Star),
        seq => (ms, Seq::Given(num::parse_u64_loosely(seq)?)),
    })
}

/// Room for the text of any ID.
pub(crate) const ID_TEXT_BYTES: usize = 41;

/// Longer texts are no IDs whatever they say.
const TEXT_LEN_MAX: usize = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours() {
        assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
        assert_eq!(
            StreamId::new(2, 0).previous(),
            Some(StreamId::new(1, u64::MAX))
        );
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
        let id = StreamId::new(3, 9);
        assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.format(&mut [0; ID_TEXT_BYTES]), b"3-9");
        assert_eq!(
            StreamId::MAX.format(&mut [0; ID_TEXT_BYTES]),
            StreamId::MAX.to_string().as_bytes()
        );
    }

    #[test]
    fn texts() {
        let parse = |text: &[u8]| StreamId::parse(text, 7);
        assert_eq!(parse(b"5-3"), Some(StreamId::new(5, 3)));
        assert_eq!(parse(b"5"), Some(StreamId::new(5, 7)));
        assert_eq!(
            parse(b"18446744073709551615-18446744073709551615"),
            Some(StreamId::MAX)
        );
        assert_eq!(parse(b"007-+3"), Some(StreamId::new(7, 3)));
        assert_eq!(parse(b" 5-\t3"), Some(StreamId::new(5, 3)));
        assert_eq!(parse(b"5\0x-3"), Some(StreamId::new(5, 7)));
        for text in [
            "",
            "-",
            "+",
            "5-",
            "-5",
            "5-*",
            "5-3-1",
            "5 ",
            "a",
            "18446744073709551616",
            "1--1",
            "*",
            "+-1",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[b'1'; 128]), None);
        assert_eq!(NewId::parse(b"*"), Some(NewId::Auto));
        assert_eq!(NewId::parse(b"4-*"), Some(NewId::AutoSeq(4)));
        assert_eq!(NewId::parse(b"4"), Some(NewId::Exact(StreamId::new(4, 0))));
    }

    #[test]
    fn ends_of_ranges() {
        let start = |text: &[u8]| StreamId::parse_range_end(text, RangeEnd::Start);
        let stop = |text: &[u8]| StreamId::parse_range_end(text, RangeEnd::Stop);
        assert_eq!(start(b"-"), Ok(StreamId::MIN));
        assert_eq!(stop(b"+"), Ok(StreamId::MAX));
        assert_eq!(start(b"5"), Ok(StreamId::new(5, 0)));
        assert_eq!(stop(b"5"), Ok(StreamId::new(5, u64::MAX)));
        assert_eq!(start(b"(5-1"), Ok(StreamId::new(5, 2)));
        assert_eq!(stop(b"(5-0"), Ok(StreamId::new(4, u64::MAX)));
        assert_eq!(stop(b"(0-0"), Err(RangeError::Beyond));
        assert_eq!(
            start(b"(18446744073709551615-18446744073709551615"),
            Err(RangeError::Beyond)
        );
        for text in [&b"("[..], b"(-", b"(+", b"x", b"((1"] {
            assert_eq!(start(text), Err(RangeError::Invalid));
        }
    }
}
