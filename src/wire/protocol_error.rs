//! The faults that make bytes no request.
//!
//! Clients and their test suites compare these texts, so they are Redis's to the letter. Each ends the connection: a
//! length that was misread leaves no way to tell where the next request begins.

use std::fmt;

/// Why a connection cannot go on: after such an error nobody knows where the next request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    UnbalancedQuotes,
    InlineTooBig,
    CountTooBig,
    LengthTooBig,
    /// A byte came where `$` was due.
    NotBulk(u8),
    InvalidCount,
    InvalidLength,
    UnauthenticatedCount,
    UnauthenticatedLength,
}

impl ProtocolError {
    /// The error reply, without its leading `-`: `ERR Protocol error: ...`.
    pub fn text(self) -> Vec<u8> {
        let mut text = b"ERR Protocol error: ".to_vec();
        match self {
            ProtocolError::UnbalancedQuotes => text.extend(b"unbalanced quotes in request"),
            ProtocolError::InlineTooBig => text.extend(b"too big inline request"),
            ProtocolError::CountTooBig => text.extend(b"too big mbulk count string"),
            ProtocolError::LengthTooBig => text.extend(b"too big bulk count string"),
            ProtocolError::NotBulk(byte) => {
                text.extend(b"expected '$', got '");
                text.push(byte);
                text.push(b'\'');
            }
            ProtocolError::InvalidCount => text.extend(b"invalid multibulk length"),
            ProtocolError::InvalidLength => text.extend(b"invalid bulk length"),
            ProtocolError::UnauthenticatedCount => text.extend(b"unauthenticated multibulk length"),
            ProtocolError::UnauthenticatedLength => text.extend(b"unauthenticated bulk length"),
        }
        text
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}
