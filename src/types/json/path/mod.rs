//! Paths into documents: JSONPath, and the older form that means one value.
//!
//! ```text
//! $                    the document
//! .name ["name"]       a field          ["a","b"]   several
//! [2] [-1]             an element       [0,2]       several
//! [1:5] [1:5:2]        a range          .* [*]      all elements or fields
//! ..                   what follows is looked for at any depth
//! [?(@.price < 10)]    the children of which this holds
//! ```
//!
//! A path that does not begin with `$.` or `$[` is of the older form. It is read as if `$.` stood before it.

mod filter;
mod parse;
mod walk;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use smallvec::SmallVec;

use filter::Expr;

pub(crate) use walk::{TooMuch, Values, places, places_of, values};

/// A path that was understood. Names stand in the text that was given, so that a usual path is read without an
/// allocation.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    pub(super) steps: Steps<'a>,
    pub(crate) is_legacy: bool,
    given: &'a [u8],
}

pub(crate) type Steps<'a> = SmallVec<[Step<'a>; 4]>;

/// A part of a path.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Fields(SmallVec<[Cow<'a, [u8]>; 1]>),
    /// Negative ones count from the end.
    Elements(SmallVec<[i64; 1]>),
    Range {
        start: Option<i64>,
        end: Option<i64>,
        step: usize,
    },
    All,
    Descend,
    Filter(Box<Expr<'a>>),
}

/// The last part of a path that names one place.
pub(crate) enum Last<'a> {
    Field(&'a [u8]),
    Element,
}

impl<'a> Path<'a> {
    /// Understands a path; the error is a sentence.
    pub(crate) fn parse(given: &'a [u8]) -> Result<Self, Vec<u8>> {
        if str::from_utf8(given).is_err() {
            return Err(b"Couldn't parse as UTF-8 string".to_vec());
        }
        let is_legacy = !matches!(given, [b'$'] | [b'$', b'.' | b'[', ..]);
        let steps = match given {
            b"." => Ok(Steps::new()),
            _ => parse::parse(given, is_legacy),
        };
        let path = Self {
            steps: Steps::new(),
            is_legacy,
            given,
        };
        match steps {
            Ok(steps) => Ok(Self { steps, ..path }),
            Err(fault) => Err(fault.told(&path.text())),
        }
    }

    pub(crate) fn root() -> Self {
        Self {
            steps: Steps::new(),
            is_legacy: true,
            given: b".",
        }
    }

    /// As errors quote it.
    pub(crate) fn text(&self) -> Vec<u8> {
        match self.given {
            given if !self.is_legacy => given.to_vec(),
            b"." => b"$".to_vec(),
            given @ [b'.', ..] => [b"$", given].concat(),
            given => [b"$.", given].concat(),
        }
    }

    /// The whole document is meant.
    pub(crate) fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The path without its last part, if it names one place, and that part.
    pub(crate) fn split_last(&self) -> Option<(&[Step<'a>], Last<'_>)> {
        let names_one = |step: &Step<'_>| match step {
            Step::Fields(names) => names.len() == 1,
            Step::Elements(numbers) => numbers.len() == 1,
            _ => false,
        };
        if !self.steps.iter().all(names_one) {
            return None;
        }
        let (last, before) = self.steps.split_last()?;
        let last = match last {
            Step::Fields(names) => Last::Field(&names[0]),
            _ => Last::Element,
        };
        Some((before, last))
    }
}
