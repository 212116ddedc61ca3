//! Where the bytes of the keyspace are: the only room with `unsafe`.
//!
//! The other rooms see safe types: a [`Dict`] of keys with deadlines, [`Members`] for the elements
//! of large sets and hashes, [`Ranked`] for large sorted sets. Below them is one kind of table
//! (`table`), which holds 48-bit pointers and knows nothing of what they point to; two kinds of
//! allocation (`entry`, `member`); and the timer wheel (`wheel`), an index over the entries that
//! have a deadline.
//!
//! What must always hold, and what `validate()` checks in the tests:
//!
//! - **I1** Each entry is owned by exactly one slot of one table.
//! - **I2** An entry has exactly one wheel record if and only if it has a deadline of its own or
//!   one for a field, and the entry's back-index names that record.
//! - **I3** The size given to free is computed from the entry's own header.
//! - **I4** Nobody keeps a reference into a table across a change of it: the borrow checker sees to
//!   that, since no raw pointer leaves this room. What does leave it is [`Spot`], a position that
//!   is checked at each use.
//!
//! Memory comes from the global allocator, so that AddressSanitizer and Miri see each entry; the
//! binary installs [`alloc::Counting`].

pub mod alloc;
pub mod tsc;

mod address;
mod compare;
mod dict;
mod entry;
mod member;
mod members;
mod ranked;
mod spot;
mod table;
mod wheel;

#[cfg(test)]
mod testing;

pub use dict::{Detached, Dict, Until};
pub use entry::{EntryMut, EntryRef, INLINE_MAX, New, Owned, Payload, PayloadMut, Taken};
pub use members::{Member, Members};
pub use ranked::{RangeIter, Ranked};
pub use spot::Spot;
pub use table::TableStats;
