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

use filter::Expr;

pub(crate) use walk::{TooMuch, places, places_of, values};

/// A path that was understood.
#[derive(Debug)]
pub(crate) struct Path {
    pub(super) steps: Vec<Step>,
    pub(crate) is_legacy: bool,
    /// As errors quote it.
    pub(crate) text: Vec<u8>,
}

/// A part of a path.
#[derive(Debug)]
pub(crate) enum Step {
    Fields(Vec<Vec<u8>>),
    /// Negative ones count from the end.
    Elements(Vec<i64>),
    Range {
        start: Option<i64>,
        end: Option<i64>,
        step: usize,
    },
    All,
    Descend,
    Filter(Expr),
}

/// The last part of a path that names one place.
pub(crate) enum Last<'a> {
    Field(&'a [u8]),
    Element,
}

impl Path {
    /// Understands a path; the error is a sentence.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Vec<u8>> {
        if str::from_utf8(text).is_err() {
            return Err(b"Couldn't parse as UTF-8 string".to_vec());
        }
        let is_plain = match text {
            [b'$'] => true,
            [b'$', next, ..] => matches!(next, b'.' | b'['),
            _ => false,
        };
        let full = match text {
            _ if is_plain => text.to_vec(),
            b"." => b"$".to_vec(),
            [b'.', ..] => [b"$", text].concat(),
            _ => [b"$.", text].concat(),
        };
        Ok(Self {
            steps: parse::parse(&full)?,
            is_legacy: !is_plain,
            text: full,
        })
    }

    pub(crate) fn root() -> Self {
        Self {
            steps: Vec::new(),
            is_legacy: true,
            text: b"$".to_vec(),
        }
    }

    /// The whole document is meant.
    pub(crate) fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The path without its last part, if it names one place, and that part.
    pub(crate) fn split_last(&self) -> Option<(&[Step], Last<'_>)> {
        let names_one = |step: &Step| match step {
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
