//! Files and payloads as bytes, in Redis's formats, so that either server can read the other's.
//!
//! Not known here: where bytes come from and go to, keys of this server, clients. The [`disk`] that files of either
//! kind are kept on is here too.

pub(crate) mod aof;
pub(crate) mod disk;
pub(crate) mod rdb;

/// The complaint about a file that cannot be taken in for the length of a string in it.
pub(crate) const STRING_TOO_LONG: &str = "a string of 4 GiB or more, which this server cannot hold";
