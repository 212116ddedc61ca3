//! Replication: the facts and the decisions, without sessions, sockets or files.
//!
//! A primary's changes are one stream of bytes: commands as clients send them. Every byte has an offset, and the stream
//! has a name, the replication id. A replica that says how far it has come in which stream is told the rest, or gets
//! the whole data set and the stream from that instant on.
//!
//! ```text
//! stream     [ block ][ block ][ tail ...      start ............ end        counted from the stream's first byte
//! replicas        ^ cursor          ^ cursor                                 what each has been sent
//! ```
//!
//! [`stream`] keeps the bytes, [`history`] the ids and what is answered to PSYNC, [`replica`] what a primary knows of
//! one replica. The other direction: [`handshake`] is what a replica says to its primary before the stream, [`payload`]
//! takes the data set out of the bytes that follow.
//!
//! Not known here: who is connected, what commands mean, how snapshots are made. `engine/replication` joins all that.

pub(crate) mod handshake;
pub(crate) mod history;
pub(crate) mod payload;
pub(crate) mod replica;
pub(crate) mod stream;

pub(crate) use history::{History, NO_ID, Why};
pub(crate) use replica::{Replica, Stage};
pub(crate) use stream::{Held, Stream};
