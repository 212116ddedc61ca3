//! A client of this server, or of any that speaks its protocol: one connection, one thread, one answer at a time.
//!
//! ```
//! use pollux::client::Client;
//! # let server = pollux::server::in_background("");
//! # let address = server.address();
//!
//! let mut client = Client::connect(&address)?;
//! client.set("greeting", "hello")?;
//! assert_eq!(client.get("greeting")?, Some(b"hello".to_vec()));
//!
//! // Any other command, its reply as the type one wants:
//! let visits: i64 = client.ask(&["INCRBY", "visits", "3"])?;
//! assert_eq!(visits, 3);
//! # Ok::<(), pollux::client::Error>(())
//! ```
//!
//! The loop's servers never block; this is the other side, where waiting for the answer is the whole point: a tool, a
//! test, a worker. So it is written with plain blocking sockets, and time-outs on them.
//!
//! # Time-outs and broken connections
//!
//! A call takes at most `Settings::reply_timeout` for each reply. After a time-out, or any failure in the middle of
//! talking, nobody knows which reply would come next, so the connection is dropped; the next call makes a new one. A
//! request that may have been received is never sent twice: its call fails, and the caller decides. But before a
//! connection that lay idle is used again it is looked at, so that one which the server closed meanwhile does no harm.
//!
//! # What it does not do
//!
//! Cluster redirections (they are errors like others), and values that begin before they are complete. It knows `base`,
//! `wire` and `tls`, and nothing of the server.

mod address;
mod connection;
mod json;
mod pipeline;
mod pool;
mod stream;
mod typed;
mod value;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::wire::tokens::Garbled;

pub use crate::wire::Protocol;
pub(crate) use address::read as read_address;
pub use connection::Client;
pub(crate) use connection::push_request;
pub use pipeline::Pipeline;
pub use pool::{Lent, Pool, PoolLimits};
pub(crate) use stream::security;
pub use typed::FromReply;
pub use value::Value;

/// How a connection is made and kept. `Settings::default()` has the values in brackets.
///
/// ```
/// use pollux::client::{Client, Protocol, Settings};
/// use std::time::Duration;
/// # let server = pollux::server::in_background("requirepass secret");
/// # let address = server.address();
///
/// let settings = Settings {
///     protocol: Protocol::Resp3,
///     password: Some("secret".into()),
///     reply_timeout: Duration::from_secs(2),
///     ..Settings::default()
/// };
/// let mut client = Client::connect_with(&address, settings)?;
/// client.ping()?;
/// # Ok::<(), pollux::client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which protocol to ask for (RESP2).
    pub protocol: Protocol,
    /// For how long to try to connect (5 s).
    pub connect_timeout: Duration,
    /// For how long to wait for a reply, and for room to send into (30 s).
    pub reply_timeout: Duration,
    /// The user to be (the default user) ...
    pub user: Option<String>,
    /// ... and what proves it (nothing).
    pub password: Option<String>,
    /// Which database to use (0).
    pub database: u32,
    /// How often to try to connect again when that fails, waiting a little longer each time (2).
    pub retries: u32,
    /// The largest reply that is kept (1 GiB).
    pub reply_bytes_max: usize,
    /// How to encrypt the connection (not at all).
    pub tls: Option<Tls>,
}

/// How a connection is encrypted. With `Tls::default()` whom we reach has to be known to the authorities of the system,
/// by the name that we dial, and we are nobody.
///
/// ```no_run
/// use pollux::client::{Client, Settings, Tls};
///
/// let tls = Tls {
///     authorities: Some("/etc/redis/ca.crt".into()),
///     ..Tls::default()
/// };
/// let settings = Settings { tls: Some(tls), ..Settings::default() };
/// let mut client = Client::connect_with("rediss://db.example.com:6380", settings)?;
/// # Ok::<(), pollux::client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tls {
    /// A file or a directory of certificates whose word counts.
    pub authorities: Option<PathBuf>,
    /// Who we are, where a server wants to know.
    pub identity: Option<Identity>,
    /// The name in the server's certificate, where it is not the one that we dial.
    pub name: Option<String>,
    /// Whether the name has to be there (it has). Redis's own tools do not look.
    pub checks_names: bool,
}

/// A certificate and its key, as files in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// What opens the key; empty when it is not locked.
    pub passphrase: String,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            authorities: None,
            identity: None,
            name: None,
            checks_names: true,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            protocol: Protocol::Resp2,
            connect_timeout: Duration::from_secs(5),
            reply_timeout: Duration::from_secs(30),
            user: None,
            password: None,
            database: 0,
            retries: 2,
            reply_bytes_max: 1024 * 1024 * 1024,
            tls: None,
        }
    }
}

/// The errors of a client.
#[derive(Debug)]
pub enum Error {
    /// The server said no. The connection is as good as before.
    Server(String),
    /// No answer in time. The connection is given up.
    TimedOut,
    /// The server closed the connection.
    Closed,
    Io(io::Error),
    /// The bytes that came are no RESP.
    Garbled(Garbled),
    /// The reply is larger than `Settings::reply_bytes_max`.
    TooLarge,
    /// The reply is not of the type that was asked for.
    Type {
        wanted: &'static str,
        got: &'static str,
    },
    /// All connections of the pool are lent out, and none came back in time.
    PoolEmpty,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The first word of a server's error: `WRONGTYPE`, `ERR`, `NOAUTH`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Server(text) => text.split(' ').next(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Server(text) => out.write_str(text),
            Error::TimedOut => out.write_str("no answer in time"),
            Error::Closed => out.write_str("the server closed the connection"),
            Error::Io(error) => error.fmt(out),
            Error::Garbled(garbled) => write!(out, "the answer is not understood: {garbled}"),
            Error::TooLarge => out.write_str("the answer is larger than allowed"),
            Error::Type { wanted, got } => write!(out, "the answer is {got}, not {wanted}"),
            Error::PoolEmpty => out.write_str("all connections of the pool are in use"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            // Which of the two a socket's time-out shows as depends on the system.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::TimedOut,
            _ => Error::Io(error),
        }
    }
}

impl From<Garbled> for Error {
    fn from(garbled: Garbled) -> Error {
        Error::Garbled(garbled)
    }
}
