//! Tools that any program might need: bytes, numbers, time values, ids, hashes, checksums.
//!
//! Nothing here knows Redis's commands, sockets or files. These modules are more than a library because several of them
//! are *formats*: a double printed differently by one digit, a glob that matches one name more, a CRC with another
//! polynomial would each be seen by clients or by other servers reading our files.
//!
//! Must hold: no module here imports another room, none is `unsafe`, and bytes from outside never panic and never
//! decide alone how much memory is taken.

pub(crate) mod crc;
pub(crate) mod double;
pub(crate) mod glob;
pub(crate) mod hash;
pub(crate) mod input;
pub(crate) mod longdouble;
pub(crate) mod lzf;
pub(crate) mod murmur;
pub(crate) mod num;
pub(crate) mod output;
pub(crate) mod partial;
pub(crate) mod range;
pub(crate) mod rng;
pub(crate) mod seats;
pub(crate) mod short;
pub(crate) mod slab;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod todo;
