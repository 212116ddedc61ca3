//! What any program might need: bytes, numbers, time values, ids, hashes, checksums.
//!
//! Nothing here knows Redis's commands, sockets or files. What makes these modules more than a library is that
//! several of them are *formats*: a double printed differently by one digit, a glob that matches one name more, a
//! CRC with another polynomial would each be seen by clients or by other servers reading our files.
//!
//! Must hold: no module here imports another room, none is `unsafe`, and bytes from outside never panic and never
//! decide alone how much memory is taken.

pub mod crc;
pub mod double;
pub mod glob;
pub mod hash;
pub mod input;
pub mod longdouble;
pub mod lzf;
pub mod murmur;
pub mod num;
pub mod output;
pub mod partial;
pub mod rng;
pub mod siphash;
pub mod slab;
pub mod text;
pub mod time;
