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

pub(super) use walk::absolute;
pub(crate) use walk::{TooMuch, Values, places, places_of, values};

/// A path that was understood. Names stand in the text that was given, so that a usual path is read without an
/// allocation.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    pub(super) steps: Steps<'a>,
    pub(crate) is_legacy: bool,
    given: &'a [u8],
}

pub(crate) type Steps<'a> = SmallVec<[Step<'a>; 3]>;

/// A part of a path. What is rare has a box, so that paths are moved by few instructions.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// As it stands in the path.
    Field(&'a [u8]),
    Fields(Vec<Cow<'a, [u8]>>),
    /// A negative one counts from the end.
    Element(i64),
    Elements(Box<[i64]>),
    Range(Box<Range>),
    All,
    Descend,
    Filter(Box<Expr<'a>>),
}

const _: () = assert!(size_of::<Step<'_>>() <= 24);

/// Elements from one to another; negative numbers count from the end.
#[derive(Debug)]
pub(crate) struct Range {
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) step: usize,
}

/// What a step leads to that names one child.
#[derive(Clone, Copy)]
pub(crate) enum One<'a> {
    Field(&'a [u8]),
    Element(i64),
}

impl Step<'_> {
    #[inline]
    pub(super) fn one(&self) -> Option<One<'_>> {
        match self {
            Self::Field(name) => Some(One::Field(name)),
            Self::Fields(names) => match names.as_slice() {
                [name] => Some(One::Field(name)),
                _ => None,
            },
            Self::Element(number) => Some(One::Element(*number)),
            _ => None,
        }
    }
}

impl<'a> Path<'a> {
    /// Understands a path; the error is a sentence.
    #[inline]
    pub(crate) fn parse(given: &'a [u8]) -> Result<Self, Vec<u8>> {
        if !given.is_ascii() && str::from_utf8(given).is_err() {
            return Err(b"Couldn't parse as UTF-8 string".to_vec());
        }
        let mut path = Self {
            steps: Steps::new(),
            is_legacy: !matches!(given, [b'$'] | [b'$', b'.' | b'[', ..]),
            given,
        };
        if given != b"."
            && let Err(fault) = parse::parse(given, path.is_legacy, &mut path.steps)
        {
            return Err(fault.told(&path.text()));
        }
        Ok(path)
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
    pub(crate) fn split_last(&self) -> Option<(&[Step<'a>], One<'_>)> {
        let (last, before) = self.steps.split_last()?;
        let is_plain = before.iter().all(|step| step.one().is_some());
        is_plain.then_some((before, last.one()?))
    }
}
