//! The two kinds of ranges, as clients write them.
//!
//! ```text
//! by score:  5   (5   -inf   +inf         a parenthesis leaves the end out
//! by name:   [a  (a   -      +            a bracket takes it in; there is no default
//! ```

use crate::base::double;
use crate::base::text::up_to_nul;

/// Scores between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScoreRange {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) min_excluded: bool,
    pub(crate) max_excluded: bool,
}

/// One end of a range of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameBound<'a> {
    /// `-`: before every name.
    Smallest,
    /// `+`: after every name.
    Largest,
    Included(&'a [u8]),
    Excluded(&'a [u8]),
}

/// Names between two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameRange<'a> {
    pub(crate) min: NameBound<'a>,
    pub(crate) max: NameBound<'a>,
}

impl ScoreRange {
    pub(crate) fn parse(min: &[u8], max: &[u8]) -> Option<Self> {
        let (min, min_excluded) = parse_score(min)?;
        let (max, max_excluded) = parse_score(max)?;
        Some(Self {
            min,
            max,
            min_excluded,
            max_excluded,
        })
    }

    /// Does the range lie above this score?
    #[inline]
    pub(crate) fn is_above(&self, score: f64) -> bool {
        if self.min_excluded {
            score <= self.min
        } else {
            score < self.min
        }
    }

    /// Does the range lie below this score?
    #[inline]
    pub(crate) fn is_below(&self, score: f64) -> bool {
        if self.max_excluded {
            score >= self.max
        } else {
            score > self.max
        }
    }
}

impl<'a> NameBound<'a> {
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            // A NUL byte ends the text here, too.
            [b'-'] | [b'-', 0, ..] => Some(Self::Smallest),
            [b'+'] | [b'+', 0, ..] => Some(Self::Largest),
            [b'[', name @ ..] => Some(Self::Included(name)),
            [b'(', name @ ..] => Some(Self::Excluded(name)),
            _ => None,
        }
    }
}

impl<'a> NameRange<'a> {
    pub(crate) fn parse(min: &'a [u8], max: &'a [u8]) -> Option<Self> {
        Some(Self {
            min: NameBound::parse(min)?,
            max: NameBound::parse(max)?,
        })
    }

    /// Does the range lie above this name?
    #[inline]
    pub(crate) fn is_above(&self, name: &[u8]) -> bool {
        match self.min {
            NameBound::Smallest => false,
            NameBound::Largest => true,
            NameBound::Included(min) => name < min,
            NameBound::Excluded(min) => name <= min,
        }
    }

    /// Does the range lie below this name?
    #[inline]
    pub(crate) fn is_below(&self, name: &[u8]) -> bool {
        match self.max {
            NameBound::Smallest => true,
            NameBound::Largest => false,
            NameBound::Included(max) => name > max,
            NameBound::Excluded(max) => name >= max,
        }
    }
}

fn parse_score(text: &[u8]) -> Option<(f64, bool)> {
    // Redis reads a bound as a C string: a NUL ends it.
    let text = up_to_nul(text);
    match text {
        [b'(', number @ ..] => Some((double::parse_bound(number)?, true)),
        number => Some((double::parse_bound(number)?, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores() {
        let range = ScoreRange::parse(b"(1", b"2.5").expect("well formed");
        assert!(range.is_above(1.0) && !range.is_above(1.5));
        assert!(range.is_below(2.6) && !range.is_below(2.5));
        let all = ScoreRange::parse(b"-inf", b"+inf").expect("well formed");
        assert!(!all.is_above(f64::NEG_INFINITY) && !all.is_below(f64::INFINITY));
        for (min, max) in [("a", "1"), ("1", "((2"), ("nan", "1"), ("[1", "2")] {
            assert_eq!(ScoreRange::parse(min.as_bytes(), max.as_bytes()), None);
        }
    }

    #[test]
    fn names() {
        let range = NameRange::parse(b"[b", b"(d").expect("well formed");
        assert!(range.is_above(b"a") && !range.is_above(b"b"));
        assert!(range.is_below(b"d") && !range.is_below(b"c"));
        let nothing = NameRange::parse(b"+", b"-").expect("well formed");
        assert!(nothing.is_above(b"zz") && nothing.is_below(b""));
        for text in [&b""[..], b"a", b"--", b"+1"] {
            assert_eq!(NameBound::parse(text), None);
        }
    }
}
