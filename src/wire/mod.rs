//! Bytes to requests, replies to bytes: RESP2, RESP3 and the inline form.
//!
//! `request` finds whole requests in an input and says where their arguments lie; `reply` appends replies to an
//! output. `tokens` reads either direction piece by piece, for those who stand on the other side. None of them knows
//! what a command is, who the client is, or what a socket is.

pub mod args;
pub mod batch;
pub mod protocol_error;
pub mod reply;
pub mod request;
pub mod tokens;

pub use args::{Args, OwnedArgs, OwnedRequests};
pub use reply::{Protocol, Reply};
pub use request::{Batch, Decoder, Limits, ProtocolError};
