//! Keys on their way to another server (MIGRATE): the engine's half.
//!
//! The command makes the requests for the other server and waits; a thread of the shell sends them and reads the
//! answers. Meanwhile writes wait, as in a pause, so what is removed here at the end is what was sent. Reads and
//! everything else go on. Then the command is run again, removes what the other server has taken, and replies. That
//! happens also when its client has gone in between: what has moved must not be in two places.
//!
//! Only one runs at a time, for it is a write itself.

mod steps;

use crate::base::slab::Id;
use crate::engine::session::Parked;

/// What is known of migrations.
#[derive(Default)]
pub(crate) struct Migrations {
    pub(in crate::engine) running: Option<Running>,
    /// How many connections the shell keeps for the next ones.
    pub(crate) kept_connections: usize,
}

pub(in crate::engine) struct Running {
    pub(in crate::engine) session: Id,
    pub(in crate::engine) keys: Vec<Vec<u8>>,
    /// The command of a client that has gone, and its database.
    pub(in crate::engine) orphan: Option<(Box<Parked>, u16)>,
    pub(in crate::engine) report: Option<Report>,
}

/// What the shell is to do.
#[derive(Clone, Debug)]
pub struct Order {
    pub(crate) host: Vec<u8>,
    pub(crate) port: u16,
    /// How long one step may take: to connect, to send a piece, to read.
    pub(crate) timeout_ms: u64,
    /// Requests, as they are sent: AUTH; SELECT, if the connection is not at this database; a RESTORE for each key.
    pub(crate) auth: Option<Vec<u8>>,
    pub(crate) db: i64,
    pub(crate) select: Vec<u8>,
    pub(crate) restores: Vec<u8>,
    pub(crate) count: usize,
}

/// What the other server has answered, without line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) auth: Option<Vec<u8>>,
    pub(crate) select: Option<Vec<u8>>,
    /// For the keys, as far as answers came.
    pub(crate) keys: Vec<Vec<u8>>,
    /// Why no more came.
    pub(crate) failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Connecting,
    Writing,
    Reading,
}

impl Report {
    pub(crate) fn failed(failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::default()
        }
    }
}
