//! Replication, as the engine takes part in it: sessions that are replicas, one that is our primary, and the stream.
//!
//! A server is a primary or a replica. As a primary it feeds the stream with what its commands propagate (`feed`),
//! brings replicas up to date (`sync`, `full`) and watches over them (`duties`). As a replica it has an [`Upstream`],
//! the link to its primary: `upstream` makes and ends it, `joining` takes what comes before the stream, and `apply`
//! runs the stream. What runs goes into our own stream byte by byte, so replicas of ours see the very stream of the
//! primary, with its offsets. `role` makes one of the other.
//!
//! Invariants: `upstream` is there exactly while `replicaof` names somebody; what has been applied is what our stream
//! ends with; a replica that holds the stream has a cursor within it.
//!
//! Not known here: sockets, threads, files. The shell is asked to connect ([`LinkAsk`]), and hands in what comes of it.

mod apply;
mod channel;
mod duties;
mod failover;
mod feed;
mod full;
mod joining;
mod link;
mod pair;
mod parting;
mod replace;
mod role;
mod sync;
mod upstream;

use crate::base::slab::Id;
use crate::config::Config;
use crate::engine::clock::Now;
use crate::engine::session::{Link, Session};
use crate::repl::{Held, History, Replica, Stage};
use crate::script::Functions;

pub(crate) use failover::Failover;
pub(crate) use full::Destination;
pub(crate) use link::{Into, LinkAsk, LinkState, Upstream};
pub(crate) use sync::{ip_of, name_of};

/// The state of replication, in either direction.
pub(crate) struct Replication {
    pub(crate) history: History,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) upstream: Option<Upstream>,
    /// The database that readers of the stream have selected. `None`: the next command says it.
    db: Option<u16>,
    /// How many replicas are near enough for `min-replicas-to-write`.
    pub(crate) good_replicas: u32,
    /// `min-replicas-max-lag`
    max_lag_s: i64,
    /// The gate has to look: we are a replica, or writes need replicas.
    pub(crate) is_guarding: bool,
    /// We are a replica, and clients may write here.
    pub(in crate::engine) is_written_to: bool,
    /// Somebody waits for acknowledgements.
    pub(crate) wants_acks: bool,
    pub(crate) failover: Option<Failover>,
    /// The data set of our primary is read beside the present one.
    pub(in crate::engine) loads_aside: bool,
    /// Its functions, or, while something is put in, those of the present one.
    functions_aside: Functions,
    /// FAILOVER ABORT was said.
    pub(crate) abort_requested: bool,
    /// A replica has acknowledged something since waiters were last served.
    has_news: bool,
    /// The snapshot for replicas that is being taken.
    sync: Option<Destination>,
    /// Since when there has been no replica, in seconds of Unix time.
    alone_since_s: i64,
    next_duties_us: u64,
    rounds: u64,
    scratch: Vec<u8>,
    /// How much of the stream of our primary is on our disk; and the next place, in the log and in the stream, that
    /// will be when the disk has come so far.
    on_disk: u64,
    next_on_disk: (u64, u64),
    /// The most that was ever kept of the stream while a data set came by a connection of its own.
    pub(crate) kept_peak: u64,
    /// What a file says about the history of its data set, while it is read.
    pub(in crate::engine) told: Told,
}

/// The facts of a file about the stream: its id, its offset, the selected database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) id: Option<String>,
    pub(crate) offset: Option<u64>,
    pub(crate) db: Option<u16>,
    /// Keys that were left out because their time had passed.
    gone: Vec<(u16, Vec<u8>)>,
}

impl Told {
    /// Replicas that go on with the history of this file have to hear that a key is gone.
    pub(in crate::engine) fn note_gone(&mut self, db: u16, key: &[u8]) {
        if self.id.is_some() {
            self.gone.push((db, key.to_vec()));
        }
    }
}

impl Replication {
    pub(crate) fn new(id: String) -> Self {
        Self {
            history: History::new(id),
            replicas: Vec::new(),
            upstream: None,
            db: None,
            good_replicas: 0,
            is_guarding: false,
            is_written_to: false,
            wants_acks: false,
            failover: None,
            loads_aside: false,
            functions_aside: Functions::default(),
            max_lag_s: i64::MAX,
            abort_requested: false,
            has_news: false,
            sync: None,
            alone_since_s: 0,
            next_duties_us: 0,
            rounds: 0,
            scratch: Vec::new(),
            on_disk: 0,
            next_on_disk: (0, 0),
            kept_peak: 0,
            told: Told::default(),
        }
    }

    /// Works out what depends on the role and on parameters.
    pub(crate) fn adopt_config(&mut self, config: &Config) {
        self.is_guarding = self.is_replica() || config.min_replicas_to_write != 0;
        self.is_written_to = self.is_replica() && !config.replica_read_only;
        self.max_lag_s = i64::from(config.min_replicas_max_lag_s);
        if let Some(stream) = self.history.stream_mut() {
            stream.resize(config.repl_backlog_size);
        }
    }

    #[inline]
    pub(crate) fn is_replica(&self) -> bool {
        self.upstream.is_some()
    }

    /// Whether our own commands go into the stream.
    #[inline]
    pub(crate) fn is_fed(&self) -> bool {
        self.upstream.is_none() && self.history.stream().is_some()
    }

    /// Whether the stream of our primary runs.
    pub(crate) fn is_linked(&self) -> bool {
        (self.upstream.as_ref()).is_some_and(|upstream| upstream.state == LinkState::Connected)
    }

    pub(crate) fn of(&mut self, id: Id) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.id == id)
    }

    /// The replicas that have asked for data.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.is_attached())
    }

    /// Counts the replicas that `min-replicas-to-write` counts.
    pub(in crate::engine) fn count_good(&mut self, now_s: i64) {
        let most_s = self.max_lag_s;
        let is_good =
            |replica: &&Replica| replica.stage == Stage::Online && replica.lag_s(now_s) <= most_s;
        self.good_replicas = self.replicas.iter().filter(is_good).count() as u32;
    }

    /// How many replicas have applied the stream up to here.
    pub(crate) fn acknowledged(&self, offset: u64) -> usize {
        let has = |replica: &&Replica| replica.stage == Stage::Online && replica.acked >= offset;
        self.replicas.iter().filter(has).count()
    }

    /// How many have it on their disks.
    pub(crate) fn acknowledged_on_disk(&self, offset: u64) -> usize {
        let has =
            |replica: &&Replica| replica.stage == Stage::Online && replica.acked_on_disk >= offset;
        self.replicas.iter().filter(has).count()
    }

    /// Whether replicas have acknowledged anything since this was last asked.
    pub(in crate::engine) fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// A replica says how far it is.
    pub(crate) fn acknowledge(&mut self, id: Id, applied: u64, on_disk: Option<u64>, now_s: i64) {
        let Some(replica) = self.of(id) else {
            return;
        };
        replica.acked = replica.acked.max(applied);
        if let Some(on_disk) = on_disk {
            replica.acked_on_disk = replica.acked_on_disk.max(on_disk);
        }
        replica.heard_s = now_s;
        replica.starts_on_ack = false;
        self.has_news = true;
        self.count_good(now_s);
    }

    /// Bytes have come from a replica or from our primary.
    #[cold]
    pub(in crate::engine) fn note_heard(&mut self, id: Id, link: Link, now: &Now) {
        if link == Link::Replica {
            if let Some(replica) = self.of(id) {
                replica.heard_s = now.unix_ms / 1000;
            }
            return;
        }
        if let Some(upstream) = &mut self.upstream {
            upstream.heard_us = now.monotonic_us;
        }
    }

    /// How many bytes of the stream are on their way to a replica.
    pub(crate) fn pending(&self, id: Id) -> u64 {
        let replica = self.replicas.iter().find(|replica| replica.id == id);
        let held = replica.filter(|replica| replica.holds_stream());
        // One that is about to be closed may be of a history that is gone.
        held.map_or(0, |replica| {
            self.history.offset().saturating_sub(replica.cursor)
        })
    }

    /// The part of the stream that is kept for a session, if that is a replica, and how many bytes of its output are
    /// views of it.
    pub(crate) fn held_for(&self, session: &Session) -> (Held, usize) {
        let replica = self.replicas.iter().find(|one| one.id == session.id);
        let held = replica.filter(|replica| replica.holds_stream());
        let (Some(replica), Some(stream)) = (held, self.history.stream()) else {
            return (Held::default(), 0);
        };
        let queued = if replica.is_streaming() {
            session.output.len()
        } else {
            0
        };
        let sent = replica.cursor.saturating_sub(queued as u64);
        (stream.held_from(sent), queued)
    }

    /// The database that the stream has selected, for a file. A primary says it again before it matters.
    pub(crate) fn stream_db(&self) -> u16 {
        match &self.upstream {
            Some(upstream) => upstream.db,
            None => self.db.unwrap_or(0),
        }
    }

    /// Whether somebody could go on with the stream if our data set was read from a file.
    pub(crate) fn has_history(&self) -> bool {
        match &self.upstream {
            Some(upstream) => upstream.has_history || upstream.state == LinkState::Connected,
            None => self.history.stream().is_some(),
        }
    }
}
