//! Values and their encodings.
//!
//! Everything a key can hold, and nothing about keys, clients, time or configuration: a limit or a moment that
//! matters comes in as an argument. The compact encodings (`listpack`, `intset`) are byte for byte the blobs that
//! Redis writes into its RDB files, so saving, loading and DUMP of lists, streams and integer sets copy memory instead
//! of translating it. Small hashes, sets of text and sorted sets are kept denser than that (`pack`) and become listpacks
//! in files. Blobs that come from outside are validated once, completely, when they are parsed; after that the readers
//! trust them.

pub mod bits;
mod blob;
mod choose;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod pack;
pub mod set;
pub mod stream;
pub mod string;
pub mod walked;
pub mod zset;

use std::fmt;
use std::sync::Arc;

use crate::store::Members;
use hash::Hash;
use list::List;
use set::Set;
use stream::Stream;
use walked::Walk;
use zset::Zset;

/// What a key holds, short strings and integers excepted: those live in the entry itself.
#[derive(Debug, Clone)]
pub enum Value {
    /// Shared, because a reply may still be on its way while the key changes.
    Str(Arc<Vec<u8>>),
    List(List),
    Set(Set),
    Hash(Hash),
    Zset(Zset),
    Stream(Box<Stream>),
}

/// The type of a value as TYPE and SCAN name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    String,
    List,
    Set,
    Zset,
    Hash,
    Stream,
}

impl Value {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Str(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Hash(_) => Kind::Hash,
            Self::Zset(_) => Kind::Zset,
            Self::Stream(_) => Kind::Stream,
        }
    }

    /// How many elements it has, or bytes if it is a string.
    pub fn len(&self) -> usize {
        match self {
            Self::Str(text) => text.len(),
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Hash(hash) => hash.len(),
            Self::Zset(zset) => zset.len(),
            Self::Stream(stream) => stream.len(),
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Str(_) => "raw",
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::Zset(zset) => zset.encoding(),
            Self::Stream(stream) => stream.encoding(),
        }
    }

    /// Bytes the allocator spends on it, beyond the entry.
    pub fn memory(&self) -> usize {
        match self {
            Self::Str(text) => string_memory(text),
            Self::List(list) => list.memory(),
            Self::Set(set) => set.memory(),
            Self::Hash(hash) => hash.memory(),
            Self::Zset(zset) => zset.memory(),
            Self::Stream(stream) => stream.memory(),
        }
    }

    /// Where its elements are looked up, if that is a table.
    #[inline]
    pub fn members(&self) -> Option<&Members> {
        match self {
            Self::Set(Set::Large(members)) => Some(members),
            Self::Hash(hash) => hash.table().map(|table| &**table),
            Self::Zset(Zset::Large(ranked)) => Some(ranked.members()),
            _ => None,
        }
    }

    /// How much work it is to free this: the number of allocations, roughly. Beyond some dozens it is better done
    /// on another thread.
    pub fn weight(&self) -> usize {
        match self {
            Self::Str(_) => 1,
            Self::List(list) => list.weight(),
            Self::Set(set) => set.weight(),
            Self::Hash(hash) => hash.weight(),
            Self::Zset(zset) => zset.weight(),
            Self::Stream(stream) => stream.weight(),
        }
    }
}

impl Value {
    /// The table that it is, if it is one: too large to be copied at once.
    pub fn table(&self) -> Option<&dyn Walk> {
        match self {
            Self::Set(Set::Large(members)) => Some(&**members),
            Self::Zset(Zset::Large(ranked)) => Some(&**ranked),
            Self::Hash(hash) => hash.table().map(|table| table as &dyn Walk),
            Self::Str(_) | Self::List(_) | Self::Stream(_) | Self::Set(_) | Self::Zset(_) => None,
        }
    }

    pub fn table_mut(&mut self) -> Option<&mut dyn Walk> {
        match self {
            Self::Set(Set::Large(members)) => Some(&mut **members),
            Self::Zset(Zset::Large(ranked)) => Some(&mut **ranked),
            Self::Hash(hash) => hash.table_mut().map(|table| table as &mut dyn Walk),
            Self::Str(_) | Self::List(_) | Self::Stream(_) | Self::Set(_) | Self::Zset(_) => None,
        }
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }
}

fn string_memory(text: &Vec<u8>) -> usize {
    let shared = 2 * size_of::<usize>() + size_of::<Vec<u8>>();
    shared + blob::allocation_size(text.capacity())
}

// The store keeps a value inside its entry, in three words.
const _: () = assert!(size_of::<Value>() <= 24);
const _: () = {
    const fn goes_to_other_threads<T: Send + Sync>() {}
    goes_to_other_threads::<Value>();
};

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
