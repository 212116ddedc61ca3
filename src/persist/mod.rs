//! Files and payloads as bytes: what Redis writes, so that either server can read the other's.
//!
//! Not known here: where bytes come from and go to, keys of this server, clients. The disk that files are kept on is here
//! too, as something that files of either kind go through.

pub mod aof;
pub mod disk;
pub mod rdb;
pub mod snapshot;
