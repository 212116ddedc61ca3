//! Append-only files: commands as they are propagated, in files that a manifest puts in order.
//!
//! ```text
//! directory    name.1.base.rdb     the data set when the file was last rewritten, or commands that make it (.aof)
//!              name.1.incr.aof     commands since then; each rewrite begins a new one
//!              name.manifest       which of these belong together, in order: see `manifest`
//! file         item ...
//! item         *count, and each word as $length word: a command as clients send it
//!              #TS:seconds         the time at which what follows happened
//!              #C:offset:crc       checksum of all bytes before this line, which begins at the offset
//! ```
//!
//! Lines that begin with `#` are comments to Redis, so our additions do not keep a file from being read there. The
//! checksum is CRC-64/XZ. SELECT says which database the following commands mean, and MULTI and EXEC enclose commands
//! that belong together: a file that ends between them is read up to MULTI.

mod batch;
pub(crate) mod feed;
pub(crate) mod manifest;
pub(crate) mod read;
pub(crate) mod rewrite;

pub use batch::Batch;
pub use feed::Feed;
pub use manifest::Manifest;
pub use read::{Item, Reader, Trouble};
