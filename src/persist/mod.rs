//! Files and payloads as bytes: what Redis writes, so that either server can read the other's.
//!
//! Not known here: where bytes come from and go to, keys of this server, clients.

pub mod aof;
pub mod rdb;
pub mod snapshot;
