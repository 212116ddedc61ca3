//! The link to our primary, as data.

use std::net::IpAddr;

use crate::base::slab::Id;
use crate::config::Primary;
use crate::repl::handshake::{Handshake, Manner};
use crate::repl::payload::Payload;

/// How far the link to our primary has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// There is none; the next round of duties makes one.
    Resting,
    Connecting,
    /// We introduce ourselves.
    Shaking,
    /// The data set is expected, or on its way.
    Receiving,
    /// It has come, and is being read.
    Loading,
    /// The stream runs.
    Connected,
}

/// The link to our primary.
pub(crate) struct Upstream {
    pub(crate) primary: Primary,
    pub(crate) state: LinkState,
    /// The connection, from the moment it was begun.
    pub(crate) id: Option<Id>,
    /// When it last said anything, on the monotonic clock.
    pub(crate) heard_us: u64,
    /// Since when the stream has not run, in seconds of Unix time; 0: it has never run.
    pub(crate) down_since_s: i64,
    pub(super) handshake: Option<Handshake>,
    /// The data set, from its first line on.
    pub(crate) payload: Option<Payload>,
    /// The history that the data set is of.
    pub(super) next: Option<(String, u64)>,
    /// Bytes of the data set for the shell.
    pub(super) received: Vec<u8>,
    /// The shell cannot take more at the moment.
    pub(super) is_choked: bool,
    /// We could go on with the stream where we are.
    pub(crate) has_history: bool,
    /// The database that the stream has selected.
    pub(super) db: u16,
    /// Bytes of a transaction that has not ended.
    pub(super) unapplied: Vec<u8>,
    /// The data set ends with a mark, so our primary waits for a word.
    pub(super) has_mark: bool,
    /// Its data set comes by a second connection.
    pub(super) channel: Option<Channel>,
    /// How much of the stream was kept meanwhile, and the offset at which all of that has been run.
    pub(super) kept: Option<(u64, u64)>,
    /// Where the data set goes.
    pub(super) into: Into,
}

/// The second connection to our primary.
pub(super) struct Channel {
    pub(super) manner: Manner,
    /// From the moment it was begun until its data set has come.
    pub(super) id: Option<Id>,
    pub(super) is_over: bool,
    /// No more of the stream is taken.
    pub(super) is_full: bool,
    /// What our primary has yet to answer on the main connection, before the stream.
    pub(super) awaited: Option<Awaited>,
    /// The data set is there, and the stream has not begun.
    pub(super) is_loaded: bool,
}

/// An answer on the main connection.
pub(super) enum Awaited {
    /// To the name of the second one; PSYNC is said then.
    Named { psync: Vec<u8> },
    /// To PSYNC.
    Stream,
}

/// What the shell is asked to do for the link.
#[derive(Clone, Debug)]
pub enum LinkAsk {
    Connect {
        primary: Primary,
        from: Option<IpAddr>,
    },
    /// Take the data set that will come, by [`crate::engine::Engine::poll_payload`].
    Receive { into: Into, len: Option<u64> },
    /// Whatever was being received or loaded is not wanted any more.
    Abandon,
    /// Read again from a connection that was left alone.
    Resume { id: Id },
    /// Stop this process, as a test wants it.
    Stop,
    /// A replica's connection may wait for more before it sends, or may not.
    Delay { id: Id, delays: bool },
}

/// Where a data set from our primary goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Into {
    /// A file, which is read when all of it has come.
    Disk,
    /// Straight into the keyspace, which is emptied before.
    Memory,
    /// Into a second set of databases, which takes the place of the present one when it is complete.
    Aside,
}

impl Upstream {
    pub(super) fn new(primary: Primary, now_us: u64) -> Self {
        Self {
            primary,
            state: LinkState::Resting,
            id: None,
            heard_us: now_us,
            down_since_s: 0,
            handshake: None,
            payload: None,
            next: None,
            received: Vec::new(),
            is_choked: false,
            has_history: false,
            db: 0,
            unapplied: Vec::new(),
            has_mark: false,
            channel: None,
            kept: None,
            into: Into::Disk,
        }
    }

    /// How many bytes of a transaction wait for its end.
    pub(crate) fn unapplied(&self) -> usize {
        self.unapplied.len()
    }

    /// The data set is on its way or being read.
    pub(crate) fn is_syncing(&self) -> bool {
        matches!(self.state, LinkState::Receiving | LinkState::Loading)
    }
}
