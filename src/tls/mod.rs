//! Encrypted connections: what they need before a byte is sent, and the stream itself.
//!
//! ```text
//!  files of certificates and keys --files--> identity, authorities --terms--> ListenSecurity, DialSecurity
//!                                                                               |
//!                                               a socket --stream--> Secured: a stream of plaintext
//! ```
//!
//! The shell makes a [`ListenSecurity`] of its configuration and gives it to a listener; a changed certificate makes a
//! new one, and connections that are there keep theirs. The reactor puts a [`Secured`] where it would have a socket.
//! Nobody else knows of TLS, and this is the only room that names `rustls`.
//!
//! # As in Redis, and otherwise
//!
//! Redis uses OpenSSL, so its parameters speak OpenSSL's language: names of ciphers, directories of certificates, keys
//! with a passphrase. `ciphers.rs` reads as much of it as the library can do. What it cannot do (TLS before 1.2,
//! ciphers without forward secrecy, RC4 and their like) is refused by its name and never ignored: whoever names it
//! wants it.
//!
//! Certificates of version 1, which `openssl x509 -req` makes unless it is told otherwise, and certificates that are
//! their own authority are common where people try things. The library refuses both; `verify.rs` knows them.
//!
//! Whom a replica dials is not compared with the names in a certificate, as Redis does not: that one of the configured
//! authorities has signed it is what counts. Our client does compare, since it may trust all authorities of the system.
//!
//! In a build without the feature `tls` the room is `absent.rs`.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod ciphers;
#[cfg(feature = "tls")]
mod files;
#[cfg(feature = "tls")]
mod remembered;
#[cfg(feature = "tls")]
mod security;
#[cfg(feature = "tls")]
mod stream;
#[cfg(all(test, feature = "tls"))]
mod tests;
#[cfg(feature = "tls")]
mod verify;
mod waiting;

use std::path::PathBuf;

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{
    DialSecurity, HandshakeFailed, ListenSecurity, Secured, dial_security, listen_security,
};
#[cfg(feature = "tls")]
pub(crate) use security::{dial_security, listen_security};
#[cfg(feature = "tls")]
pub(crate) use stream::{DialSecurity, HandshakeFailed, ListenSecurity, Secured};
pub(crate) use waiting::Waiting;

/// What a server or a client is told about its encrypted connections, as people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Whom we are. A server must be somebody, a client may be nobody.
    pub(crate) identity: Option<IdentityFiles>,
    pub(crate) authorities: Authorities,
    pub(crate) callers: Callers,
    /// The name that we dial has to be in the certificate of whom we reach.
    pub(crate) checks_names: bool,
    /// Names of versions; empty for those that are thought good.
    pub(crate) protocols: String,
    /// Ciphers of TLS 1.2 in OpenSSL's language; empty for all.
    pub(crate) ciphers: String,
    /// Ciphers of TLS 1.3 by their names; empty for all.
    pub(crate) ciphersuites: String,
    /// Our order of ciphers counts, not the caller's.
    pub(crate) prefers_own_order: bool,
    pub(crate) memory: Option<Memory>,
}

/// Where a certificate, those that lead to its authority, and its key are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdentityFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// What opens the key; empty when it is not locked.
    pub(crate) passphrase: Vec<u8>,
}

/// Whose word about others is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Authorities {
    pub(crate) file: Option<PathBuf>,
    pub(crate) dir: Option<PathBuf>,
}

/// What a server wants to know of those that call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Callers {
    /// They show a certificate.
    #[default]
    Show,
    /// They may show one, and then it has to be good.
    MayShow,
    /// They are not asked.
    NotAsked,
}

/// How many sessions a server remembers, so that a caller that comes back need not prove all again, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// 0 for any number.
    pub(crate) sessions: usize,
    pub(crate) seconds: u64,
}
