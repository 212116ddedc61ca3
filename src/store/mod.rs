//! Where the bytes of the keyspace are: the only room with `unsafe`.
//!
//! The other rooms see safe types: a [`Dict`] of keys with deadlines, [`Members`] for the elements
//! of large sets and hashes, [`Ranked`] for large sorted sets. Below them is one kind of table
//! (`table`), which holds 48-bit pointers and knows nothing of what they point to; two kinds of
//! allocation (`entry`, `member`); and the timer wheel (`wheel`), an index over the entries that
//! have a deadline.
//!
//! The invariants, which `validate()` checks in the tests:
//!
//! - **I1** Each entry is owned by exactly one slot of one table.
//! - **I2** An entry has exactly one wheel record if and only if it has a deadline of its own or
//!   one for a field, and the entry's back-index names that record.
//! - **I3** The size given to free is computed from the entry's own header.
//! - **I4** Nobody keeps a reference into a table across a change of it: the borrow checker sees to
//!   that, since no raw pointer leaves this room. Other rooms hold a [`Spot`] instead, a position that
//!   is checked at each use.
//!
//! Memory comes from the global allocator, so that AddressSanitizer and Miri see each entry; the
//! binary installs [`alloc::Counting`].

pub(crate) mod alloc;
pub(crate) mod tsc;

mod address;
mod blob;
mod compare;
mod dict;
pub(crate) mod distance;
mod entry;
mod member;
mod members;
mod ranked;
mod site;
mod spot;
mod table;
mod wheel;

#[cfg(test)]
mod testing;

/// The longest string that may be a key, an element, a field or a value. Entries, members and chunks count bytes in 32
/// bits. No longer one comes in: `proto-max-bulk-len` goes no further, commands that make strings grow ask for it, and
/// files that have a longer one are refused.
pub(crate) const STRING_BYTES_MAX: usize = u32::MAX as usize;

pub(crate) use blob::{Blob, Held, Lent};
pub(crate) use dict::{Dict, Occupied, Until};
pub use entry::Payload;
pub(crate) use entry::{EntryRef, FOLDED_MAX, INLINE_MAX, New, Owned, PayloadMut, Taken};
pub(crate) use members::{Member, Members};
pub(crate) use ranked::Ranked;
pub(crate) use site::{Site, Vacancy};
pub(crate) use spot::Spot;
pub use table::set_eager;
pub(crate) use table::{Probe, TableShape, TableStats};
pub(crate) use wheel::WheelShape;
