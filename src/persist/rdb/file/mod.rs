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
//! serve a snapshot that a thread writes in the background, a SAVE, a replica's stream and a tool that only looks.
//!
//! Invariant of the reader: it never takes more memory than a small multiple of the bytes that have really come.

mod batch;
mod read;
mod save;
mod write;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use read::{
    Access, Doing, Event, FileReader, Held, Options, Place, Record, Trouble, Verdict, Wrong,
};
pub use save::{Failure, SaveFile, save};
pub use write::{FileWriter, Form};

/// What the first byte of a record says, where it is not a kind of value.
pub mod opcode {
    /// Valkey 9: a slot is being moved.
    pub const SLOT_IMPORT: u8 = 243;
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTIONS: u8 = 245;
    /// Of release candidates of Redis 7.0.
    pub const FUNCTIONS_EARLY: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQUENCY: u8 = 249;
    pub const AUX: u8 = 250;
    pub const SIZES: u8 = 251;
    pub const DEADLINE_MS: u8 = 252;
    pub const DEADLINE_S: u8 = 253;
    pub const SELECT_DB: u8 = 254;
    pub const END: u8 = 255;
}

const MAGIC_REDIS: &[u8] = b"REDIS";
const MAGIC_VALKEY: &[u8] = b"VALKEY";
const HEADER_LEN: usize = 9;
/// The first version with a checksum.
pub const CHECKSUMS_SINCE: u16 = 5;
