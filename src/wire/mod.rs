//! Bytes to requests, replies to bytes: RESP2, RESP3 and the inline form.
//!
//! `request` finds whole requests in an input and says where their arguments lie; `reply` appends replies to an output.
//! `tokens` reads either direction piece by piece, for programs on the other side. Not known here: commands, clients,
//! sockets.

pub(crate) mod args;
pub(crate) mod batch;
pub(crate) mod protocol_error;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod tokens;

pub use reply::Protocol;
