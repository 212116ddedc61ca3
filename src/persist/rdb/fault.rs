//! Why a value cannot be read.

use std::io;

use crate::types::Malformed;

/// Why a value could not be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The bytes ended too early, or the source failed.
    Io(io::Error),
    Malformed,
    /// The same, where there are better words for it than those for the kind of value.
    Broken(&'static str),
    /// There is nothing in it, and all of it has been read.
    Empty,
    /// A type that this server does not know, or a module's.
    Unknown(u8),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}
