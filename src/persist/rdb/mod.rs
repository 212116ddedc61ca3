//! Values in the format of RDB files, of which the payload of DUMP is one value.
//!
//! ```text
//! payload   type:1 | value | version:2 (little endian) | CRC-64:8 (little endian, of all before it)
//! length    00nnnnnn | 01nnnnnn n:1 | 10000000 n:4 | 10000001 n:8 (big endian)
//! string    length bytes | 11000000 i8 | 11000001 i16 | 11000010 i32 (little endian)
//!           11000011 length of LZF data, length of the string, LZF data
//! ```
//!
//! The version is a demand on the reader, so it is the lowest that loses nothing: 12 where fields of a hash have
//! deadlines, 11 where a stream has consumers, 10 for all else. Readers take all types of versions up to 12 but those
//! of modules, and Valkey 9's version 80.
//!
//! A whole file is drawn in [`file`].
//!
//! A reader trusts nothing: lengths do not reserve memory before the bytes have come, and blobs are checked whole.

mod fault;
pub(crate) mod file;
pub(crate) mod from_frozen;
mod legacy;
mod libraries;
pub(crate) mod module;
mod read;
mod write;

#[cfg(test)]
mod tests;

use crate::base::crc::crc64;
use crate::base::lzf::Compressor;

pub(crate) use fault::Fault;
pub(crate) use libraries::{dump_libraries, libraries_in};
pub(crate) use read::{Limits, Loaded, Reader};
pub use write::Source;
pub(crate) use write::{Writer, version_of};

/// The first byte of a value.
pub(crate) mod kind {
    /// The trouble with a value of a kind that cannot be read, in a sentence for the log.
    pub(crate) fn damage(kind: u8) -> &'static str {
        match kind {
            LIST | LIST_OF_NODES => "List integrity check failed.",
            SET => "Duplicate set members detected",
            ZSET | ZSET_TEXT => "Zset integrity check failed.",
            HASH => "Duplicate hash fields detected",
            HASH_ZIPMAP => "Zipmap integrity check failed.",
            LIST_ZIPLIST | LIST_OF_ZIPLISTS => "Ziplist integrity check failed.",
            SET_INTSET => "Intset integrity check failed.",
            ZSET_ZIPLIST => "Zset ziplist integrity check failed.",
            HASH_ZIPLIST => "Hash ziplist integrity check failed.",
            STREAM_1 | STREAM_2 | STREAM_3 => "Stream listpack integrity check failed.",
            HASH_LISTPACK => "Hash listpack integrity check failed.",
            ZSET_LISTPACK => "Zset listpack integrity check failed.",
            SET_LISTPACK => "Set listpack integrity check failed.",
            HASH_TIMED_EARLY | HASH_TIMED => "Hash with expiring fields integrity check failed.",
            HASH_TIMED_LISTPACK_EARLY | HASH_TIMED_LISTPACK => {
                "Hash listpack with expiring fields integrity check failed."
            }
            _ => "Bad data format",
        }
    }

    pub(crate) const STRING: u8 = 0;
    pub(crate) const LIST: u8 = 1;
    pub(crate) const SET: u8 = 2;
    pub(crate) const ZSET_TEXT: u8 = 3;
    pub(crate) const HASH: u8 = 4;
    pub(crate) const ZSET: u8 = 5;
    /// As redis-check-rdb calls it.
    pub(crate) fn name(kind: u8) -> &'static str {
        const NAMES: [&str; 26] = [
            "string",
            "list-linked",
            "set-hashtable",
            "zset-v1",
            "hash-hashtable",
            "zset-v2",
            "module-pre-release",
            "module-value",
            "",
            "hash-zipmap",
            "list-ziplist",
            "set-intset",
            "zset-ziplist",
            "hash-ziplist",
            "quicklist",
            "stream",
            "hash-listpack",
            "zset-listpack",
            "quicklist-v2",
            "stream-v2",
            "set-listpack",
            "stream-v3",
            "hash-hashtable-md-pre-release",
            "hash-listpack-md-pre-release",
            "hash-hashtable-md",
            "hash-listpack-md",
        ];
        NAMES.get(usize::from(kind)).unwrap_or(&"unknown")
    }

    /// Of release candidates of Redis 4.0. Not read.
    pub(crate) const MODULE: u8 = 6;
    /// Only a module could make something of it, but it can be passed over.
    pub(crate) const MODULE_2: u8 = 7;
    pub(crate) const HASH_ZIPMAP: u8 = 9;
    pub(crate) const LIST_ZIPLIST: u8 = 10;
    pub(crate) const SET_INTSET: u8 = 11;
    pub(crate) const ZSET_ZIPLIST: u8 = 12;
    pub(crate) const HASH_ZIPLIST: u8 = 13;
    pub(crate) const LIST_OF_ZIPLISTS: u8 = 14;
    pub(crate) const STREAM_1: u8 = 15;
    pub(crate) const HASH_LISTPACK: u8 = 16;
    pub(crate) const ZSET_LISTPACK: u8 = 17;
    pub(crate) const LIST_OF_NODES: u8 = 18;
    pub(crate) const STREAM_2: u8 = 19;
    pub(crate) const SET_LISTPACK: u8 = 20;
    pub(crate) const STREAM_3: u8 = 21;
    /// Of release candidates of Redis 7.4, and something else in version 80.
    pub(crate) const HASH_TIMED_EARLY: u8 = 22;
    pub(crate) const HASH_TIMED_LISTPACK_EARLY: u8 = 23;
    pub(crate) const HASH_TIMED: u8 = 24;
    pub(crate) const HASH_TIMED_LISTPACK: u8 = 25;
}

/// The highest version that Redis 8.0 knows.
pub(crate) const VERSION_MAX: u16 = 12;
/// The version that Valkey 9 writes where version 11 does not suffice.
pub(crate) const VERSION_VALKEY: u16 = 80;
/// The last version without listpacks, which servers from 5.0 on read.
pub(crate) const VERSION_PLAIN: u16 = 9;

const FOOTER_LEN: usize = 10;

/// The payload of DUMP for a value.
pub(crate) fn dump(source: Source<'_>, lzf: Option<&mut Compressor>) -> Vec<u8> {
    let version = version_of(source);
    let mut payload = Vec::new();
    let mut writer = Writer::new(&mut payload, lzf, version);
    writer.kind_of(source);
    writer.value(source);
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// Checks the end of a payload; the part before it is returned with the version. `None` if a newer server wrote it, or
/// it was damaged.
pub(crate) fn checked_payload(payload: &[u8], trusts: bool) -> Option<(&[u8], u16)> {
    let (body, footer) = payload.split_at(payload.len().checked_sub(FOOTER_LEN)?);
    let (version, sum) = footer.split_at(2);
    let version = u16::from_le_bytes(version.try_into().ok()?);
    if version > VERSION_MAX && version != VERSION_VALKEY {
        return None;
    }
    let covered = &payload[..payload.len() - sum.len()];
    let holds = trusts || crc64(0, covered).to_le_bytes() == sum;
    holds.then_some((body, version))
}
