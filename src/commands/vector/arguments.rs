//! Vectors as requests have them: a row of floats in bytes, or numbers written out.

use crate::base::{double, num};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::is;

/// The words of a request that have not been read.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    args: Args<'a>,
    at: usize,
}

/// Why there is no vector where one was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VectorError;

impl VectorError {
    pub(super) fn told(self) -> Error {
        "ERR invalid vector specification".into()
    }
}

impl<'a> Words<'a> {
    pub(super) fn new(args: Args<'a>, at: usize) -> Self {
        Self { args, at }
    }

    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let word = self.args.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    pub(super) fn has_more(self) -> bool {
        self.at < self.args.len()
    }

    /// The value of an option, within bounds; `refusal` for everything else.
    pub(super) fn number(
        &mut self,
        least: i64,
        most: i64,
        refusal: &'static str,
    ) -> Result<i64, Error> {
        let number = self.next().and_then(whole);
        let number = number.filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| refusal.into())
    }

    /// REDUCE and the number of components that is to remain, if that is what comes.
    pub(super) fn reduction(&mut self) -> Result<Option<usize>, Error> {
        let (word, number) = (self.args.get(self.at), self.args.get(self.at + 1));
        if !word.is_some_and(|word| is(word, "REDUCE")) || self.args.get(self.at + 2).is_none() {
            return Ok(None);
        }
        self.at += 2;
        let number = number.and_then(whole);
        let fits = number.and_then(|number| u32::try_from(number).ok());
        match fits.filter(|&number| number > 0) {
            Some(number) => Ok(Some(number as usize)),
            None => Err(VectorError.told()),
        }
    }

    /// Passes over what [`Words::vector`] reads, or ELE and an element.
    pub(super) fn skip_vector(&mut self) {
        let is_counted = self.next().is_some_and(|form| is(form, "VALUES"));
        let count = self.next().and_then(whole).filter(|_| is_counted);
        self.at += count.unwrap_or(0) as usize;
    }

    /// FP32 and a row of little-endian floats, or VALUES, a number and so many numbers.
    pub(super) fn vector(&mut self) -> Result<Vec<f32>, VectorError> {
        let form = self.next().ok_or(VectorError)?;
        if is(form, "FP32") {
            let bytes = self.next().ok_or(VectorError)?;
            let floats = bytes.chunks_exact(4);
            if bytes.is_empty() || !floats.remainder().is_empty() {
                return Err(VectorError);
            }
            let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
            return Ok(floats.map(float).collect());
        }
        if !is(form, "VALUES") {
            return Err(VectorError);
        }
        let count = self.next().and_then(whole).ok_or(VectorError)?;
        let count = usize::try_from(count).map_err(|_| VectorError)?;
        // Nothing is reserved before it is known that the numbers are there.
        if count == 0 || count > self.args.len() - self.at {
            return Err(VectorError);
        }
        let numbers = (self.at..self.at + count).map(|at| self.args.at(at));
        let vector: Option<Vec<f32>> = numbers
            .map(|text| double::parse_f64(text).map(|number| number as f32))
            .collect();
        self.at += count;
        vector.ok_or(VectorError)
    }
}

pub(super) fn whole(text: &[u8]) -> Option<i64> {
    num::parse_i64(text)
}

pub(super) fn other_dimension(len: usize, dimension: usize) -> Error {
    format!("ERR Vector dimension mismatch - got {len} but set has {dimension}").into()
}

pub(super) fn other_input(len: usize, expected: usize) -> Error {
    format!(
        "ERR Input dimension mismatch for projection - got {len} but projection expects {expected}"
    )
    .into()
}
