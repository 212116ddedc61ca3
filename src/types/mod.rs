//! Values and their encodings.
//!
//! Everything a key can hold, and nothing about keys, clients, time or configuration: a limit or a moment that
//! matters comes in as an argument. The compact encodings (`listpack`, `intset`) are byte for byte the blobs that
//! Redis writes into its RDB files, so saving, loading and DUMP copy memory instead of translating it. Blobs that
//! come from outside are validated once, completely, when they are parsed; after that the readers trust them.

mod blob;
pub mod geo;
pub mod hll;
pub mod intset;
pub mod listpack;
#[cfg(test)]
mod random;
pub mod stream;

use std::fmt;

/// A compact blob from outside did not follow its own format. There is no detail in it on purpose: the peer that
/// sent such a blob is told one sentence, and a debugger wants the bytes themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bad data format")
    }
}

impl std::error::Error for Malformed {}
