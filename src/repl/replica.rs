//! One replica, as its primary knows it.

use crate::base::slab::Id;

/// How far a replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has introduced itself, and not asked for anything.
    Candidate,
    /// Its data set is to come by a connection of its own, for which no snapshot has begun.
    Apart,
    /// It needs a snapshot that has not begun.
    Waiting,
    /// The snapshot is being written, to a file or straight to the replica.
    Snapshot,
    /// It follows the stream, and keeps it, while its data set comes by the other connection.
    Both,
    /// It is sent the file.
    File,
    /// It has the data set, and follows the stream.
    Online,
    /// It wanted the data set alone, and has it.
    Served,
}

/// What a replica can do and wants, beyond the oldest protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// It can find the end of a data set whose length is not known beforehand.
    pub(crate) eof: bool,
    /// It knows that the id may change when it goes on.
    pub(crate) psync2: bool,
    /// It reads files of every version that we write.
    pub(crate) reads_all: bool,
    /// It can take its data set by a connection of its own.
    pub(crate) channel: bool,
    /// The same in Valkey's way.
    pub(crate) pair: bool,
    /// It is such a connection.
    pub(crate) is_channel: bool,
    /// It wants no stream.
    pub(crate) rdb_only: bool,
    /// What shall not be in the data set.
    pub(crate) without_keys: bool,
    pub(crate) without_functions: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Replica {
    /// Its session.
    pub(crate) id: Id,
    pub(crate) stage: Stage,
    pub(crate) wishes: Wishes,
    /// The replica whose data set goes by this connection: nobody but that one's second.
    pub(crate) carries_for: Option<Id>,
    /// It carries the data set in Valkey's way: the replica itself comes when the snapshot has begun.
    pub(crate) is_pair: bool,
    /// Where it can be reached, as it says; the port 0 and no name while it has not.
    pub(crate) port: i64,
    pub(crate) ip: Vec<u8>,
    /// What it has been sent of the stream.
    pub(crate) cursor: u64,
    /// What it has said to have applied, and to have on its disk.
    pub(crate) acked: u64,
    pub(crate) acked_on_disk: u64,
    /// When it was last heard of, in seconds of Unix time.
    pub(crate) heard_s: i64,
    /// It has got the data set without a length, and begins to listen to the stream with its first word.
    pub(crate) starts_on_ack: bool,
    /// It has asked with SYNC, and knows nothing of ids and acknowledgements.
    pub(crate) is_old: bool,
    /// Since when it has more to be sent than the soft limit allows, in microseconds; 0: it has not.
    pub(crate) over_since_us: u64,
}

impl Replica {
    pub(crate) fn new(id: Id, now_s: i64) -> Self {
        Self {
            id,
            stage: Stage::Candidate,
            wishes: Wishes::default(),
            carries_for: None,
            is_pair: false,
            port: 0,
            ip: Vec::new(),
            cursor: 0,
            acked: 0,
            acked_on_disk: 0,
            heard_s: now_s,
            starts_on_ack: false,
            is_old: false,
            over_since_us: 0,
        }
    }

    /// Whether it counts as a replica.
    pub(crate) fn is_attached(&self) -> bool {
        self.stage != Stage::Candidate && self.carries_for.is_none() && !self.is_pair
    }

    /// Whether it is being sent the stream.
    pub(crate) fn is_streaming(&self) -> bool {
        match self.stage {
            Stage::Online => !self.starts_on_ack,
            Stage::Both => true,
            _ => false,
        }
    }

    /// Whether the stream from its cursor on is kept for it.
    pub(crate) fn holds_stream(&self) -> bool {
        let follows = matches!(
            self.stage,
            Stage::Snapshot | Stage::Both | Stage::File | Stage::Online
        );
        let awaits_main = self.is_pair
            && self.carries_for.is_none()
            && matches!(self.stage, Stage::Snapshot | Stage::Served);
        follows && !self.wishes.rdb_only || awaits_main
    }

    /// For how long it has not been heard of.
    pub(crate) fn lag_s(&self, now_s: i64) -> i64 {
        now_s - self.heard_s
    }

    /// As INFO calls its stage.
    pub(crate) fn state(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Candidate => None,
            Stage::Apart | Stage::Waiting | Stage::Snapshot => Some("wait_bgsave"),
            Stage::Both => Some("send_bulk_and_stream"),
            Stage::File => Some("send_bulk"),
            Stage::Online => Some("online"),
            Stage::Served => Some("rdb_transmitted"),
        }
    }
}
