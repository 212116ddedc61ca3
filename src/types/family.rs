//! The questions that the house asks of a type of value.
//!
//! A type is a room of this one with an implementation of [`Family`], and a line in the list of families (`super`).
//! TYPE and SCAN's TYPE, OBJECT ENCODING, MEMORY USAGE, the sizes in INFO, how a value is freed, how a snapshot copies
//! it and what DEBUG DIGEST makes of it follow from these. Files are not known here: `persist` has a column of its own,
//! which docs/ADDING-A-TYPE.md names.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

use crate::store::{Members, TableStats};

use super::walked::{Shape, Show, Walk};
use super::{Kind, Value};

/// The facts that hold for all values of a type.
#[derive(Debug)]
pub(crate) struct Row {
    /// As TYPE and SCAN name it.
    pub(crate) name: &'static str,
    /// How INFO keysizes calls the distribution of its sizes, if it shows one.
    pub(crate) sizes: Option<&'static str>,
    /// The number that DEBUG DIGEST starts from, which is Redis's.
    pub(crate) digest: u32,
    /// Whether clients can wait for a key to become one.
    pub(crate) is_awaited: bool,
}

/// The answers and deeds of a value of a type.
pub(crate) trait Family: Sized {
    const ROW: Row;

    /// How many elements it has, or bytes if it is a string.
    fn len(&self) -> usize;

    /// The answer of OBJECT ENCODING.
    fn encoding(&self) -> &'static str;

    /// Bytes the allocator spends on it, beyond the entry.
    fn memory(&self) -> usize;

    /// How much work it is to free: the number of allocations, roughly. Beyond some dozens another thread does it.
    fn weight(&self) -> usize;

    /// Adds its elements to the digest, each in the way that its place asks for.
    fn digest(&self, digest: &mut Digest);

    /// Whether a clone shares its memory, or most of it. If not, a snapshot counts what it copies.
    fn is_shared(&self) -> bool {
        false
    }

    /// Where its elements are looked up, if that is a table.
    fn members(&self) -> Option<&Members> {
        None
    }

    /// The figures of that table, for DEBUG HTSTATS-KEY.
    fn stats(&self) -> Option<TableStats> {
        None
    }

    /// The table that it is, if it is one: too large to be copied at once. A snapshot walks it in slices, or shows its
    /// elements one by one.
    fn table(&self) -> Option<&dyn Walk> {
        None
    }

    fn table_mut(&mut self) -> Option<&mut dyn Walk> {
        None
    }

    /// How files hold the elements of such a table; `None` if there is never one.
    const SHAPE: Option<Shape> = None;

    /// Shows all elements of such a table.
    fn show(&self, _: Show<'_>) {}

    /// The deadline of the element that expires first.
    fn soonest(&self) -> Option<i64> {
        None
    }
}

/// A family as commands ask for it by its Rust type: `ctx.keys.edit::<List>(key)?`.
pub(crate) trait Typed: Family {
    const KIND: Kind;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

/// Twenty bytes that tell data apart. *Xor* adds something whose place does not matter, *mix* something whose place
/// does.
#[derive(Default)]
pub(crate) struct Digest([u8; 20]);

impl Digest {
    pub(crate) fn xor(&mut self, data: &[u8]) {
        for (byte, other) in self.0.iter_mut().zip(Sha1::digest(data)) {
            *byte ^= other;
        }
    }

    pub(crate) fn mix(&mut self, data: &[u8]) {
        self.xor(data);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds what has a digest of its own, and whose place does not matter.
    pub(crate) fn add(&mut self, other: &Self) {
        self.xor(&other.0);
    }

    pub(crate) fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
