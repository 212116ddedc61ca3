//! RDB files: a header, records one after the other, and a checksum.
//!
//! ```text
//! file      "REDIS" or "VALKEY" and the version in digits, nine bytes | record ... | 255 | CRC-64:8 (little endian)
//! record    250 name value                        a fact about the file
//!           245 code                              a library of functions
//!           254 number                            keys from here on are of this database
//!           251 keys, keys with a deadline        how large the database will be
//!           244 slot, keys, keys with a deadline  the same for a slot of a cluster; means nothing here
//!           247 module, when, ...                 what a module wants to keep
//!           252 deadline:8 | 253 seconds:4        (little endian) the next key expires
//!           248 seconds | 249 count:1             how long the next key has been idle, how often it is used
//!           kind:1 key value
//! ```
//!
//! Numbers are lengths, names and keys are strings; see the parent room for both, and for values. A checksum of zero
//! means that none was computed. It covers everything before it, and versions below 5 do not have one.
//!
//! The writer takes records and the reader gives them; neither knows where keys come from or go to, so the same two
//! serve a snapshot in the background, a SAVE, a replica's stream and a tool that only looks.
//!
//! Invariant of the reader: it never takes more memory than a small multiple of the bytes that have really come.

mod batch;
mod read;
mod save;
mod write;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub(crate) use read::Trouble;
pub(crate) use read::{Access, Event, Held, Place, Record, Verdict, Wrong};
pub use read::{FileReader, Options};
pub(crate) use save::{Failure, SYNC_BYTES, SaveFile, save};
pub(super) use write::about_key;
pub use write::{FileWriter, Form};

/// The first byte of a record, where it is not a kind of value.
pub(crate) mod opcode {
    /// Valkey 9: a slot is being moved.
    pub(crate) const SLOT_IMPORT: u8 = 243;
    pub(crate) const SLOT_INFO: u8 = 244;
    pub(crate) const FUNCTIONS: u8 = 245;
    /// Of release candidates of Redis 7.0.
    pub(crate) const FUNCTIONS_EARLY: u8 = 246;
    pub(crate) const MODULE_AUX: u8 = 247;
    pub(crate) const IDLE: u8 = 248;
    pub(crate) const FREQUENCY: u8 = 249;
    pub(crate) const AUX: u8 = 250;
    pub(crate) const SIZES: u8 = 251;
    pub(crate) const DEADLINE_MS: u8 = 252;
    pub(crate) const DEADLINE_S: u8 = 253;
    pub(crate) const SELECT_DB: u8 = 254;
    pub(crate) const END: u8 = 255;
}

const MAGIC_REDIS: &[u8] = b"REDIS";
const MAGIC_VALKEY: &[u8] = b"VALKEY";
const HEADER_LEN: usize = 9;
/// The first version with a checksum.
pub(crate) const CHECKSUMS_SINCE: u16 = 5;
