//! A session: everything the engine knows of one client, over any transport.
//!
//! The transport names a session with an [`Id`] and hands bytes in; the engine writes replies to `output`. Sessions
//! live in [`Sessions`]; the one whose command runs is *lent out* of it for that command, so a handler may hold its
//! own session mutably and still address every other one by id.
//!
//! Invariants: `parked` is set exactly while the session waits for keys, an offset or the shell, and then it has an
//! entry in the matching waiting list.

mod access;
mod class;
mod forget;
pub(crate) mod limits;
pub(crate) mod line;
mod listens;
mod parked;
mod slab;
mod transaction;
mod wishes;

pub(crate) use access::Access;
pub(crate) use class::Class;
pub(crate) use listens::{Subscriptions, Tracking, TrackingMode};
pub(crate) use parked::{OnTimeout, Parked, Waiting};
pub(crate) use slab::Sessions;
pub(crate) use transaction::{Queued, Transaction, Watched};
pub(crate) use wishes::{Debugging, Replies};

use crate::acl::Identity;
use crate::base::input::Input;
use crate::base::output::Output;
use crate::base::slab::Id;
use crate::wire::reply::Protocol;
use crate::wire::request::{Batch, Decoder, Partial};

use crate::engine::run::facts::Facts;
use listens::NAME_COST_BYTES;

/// Whether the connection lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Stay,
    /// It is closed once the output is written.
    CloseAfterReply,
    /// It is closed without another word.
    CloseNow,
}

/// The other end of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Link {
    #[default]
    Client,
    /// A client that is sent every command that runs; `Services::monitors` lists it.
    Monitor,
    /// Nobody: the session runs commands for the server itself.
    Internal,
    /// A replica of ours, from its PSYNC on.
    Replica,
    /// Our primary, before its stream runs: its bytes are no commands yet.
    Joining,
    /// Our primary: its commands have been decided and are not answered.
    Primary,
}

/// The place of a session among those that a pause holds back: their commands stay in the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held(pub(crate) u64);

/// One client.
pub struct Session {
    pub(crate) id: Id,
    /// The number that CLIENT ID shows; never used twice.
    pub(crate) number: u64,
    pub(crate) link: Link,
    pub(crate) fate: Fate,
    pub(crate) replies: Replies,
    pub(crate) debugging: Option<Debugging>,
    /// It has passed authentication, or needed none when it was opened.
    pub(crate) is_authenticated: bool,
    /// What follows from that and from its user's rules.
    pub(crate) access: Access,
    /// `CLIENT NO-EVICT on`
    pub(crate) no_evict: bool,
    /// `CLIENT NO-TOUCH on`: reads leave the access time of keys alone.
    pub(crate) no_touch: bool,
    /// A watched key has changed, so EXEC will do nothing.
    pub(crate) is_watch_broken: bool,
    pub(crate) db: u16,
    pub(crate) protocol: Protocol,
    pub(crate) input: Input,
    /// Only while a request has come in part, or cannot be understood.
    pub(crate) decoder: Option<Box<Decoder>>,
    /// Requests that have been framed and may not run yet: the session waits, or its share of a turn is used up.
    pub(crate) leftover: Option<Box<Batch>>,
    /// Boxed because it is lent out apart from its session while a command runs.
    pub(crate) output: Box<Output>,
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) parked: Option<Box<Parked>>,
    /// Its place among the sessions that a pause holds back. Only [`Pause`](super::waiting::pause::Pause) gives and
    /// takes it.
    pub held: Option<Held>,
    pub watched: Vec<Watched>,
    /// `CLIENT TRACKING on`, and its modes.
    pub tracking: Option<Box<Tracking>>,
    /// A new session is the default user, also while that user needs a password.
    pub(crate) user: Identity,
    pub about: Box<About>,
    /// On the monotonic clock.
    pub(crate) last_active_us: u64,
    /// When its output first exceeded the soft limit; 0 while it does not.
    pub(crate) soft_limit_since_us: u64,
    pub(crate) last_command: Option<&'static Facts>,
    /// For CLIENT LIST and CLIENT INFO.
    pub(crate) commands_processed: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// Names that it listens to; none while it listens to nothing; the reverse index is in `pubsub`.
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    /// The largest input and output it has had lately, and since when we look.
    pub(crate) input_peak: u32,
    pub(crate) output_peak: u32,
    pub(crate) peaks_since_us: u64,
    /// While its commands run: the bytes of its input are lent out for that time.
    pub(crate) running: Running,
    /// Its share of `Sessions::memory`, as last counted.
    pub(crate) memory_counted: usize,
    /// The value of `Appending::offset` after the last command of this session that was written down.
    pub(crate) written_to: u64,
    /// Where the stream of replication was after the last command of this session that went into it.
    pub(crate) stream_to: u64,
}

/// The input of a session whose commands run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    /// They do.
    pub(crate) is_on: bool,
    /// Memory of the input that is lent out with the bytes.
    pub(crate) room: u32,
}

/// The parts of a session that are shown but seldom needed; apart so that the session itself stays small.
#[derive(Default)]
pub struct About {
    pub(crate) name: Vec<u8>,
    pub(crate) library_name: Vec<u8>,
    pub(crate) library_version: Vec<u8>,
    /// It is the second connection of a replica, for its data set.
    pub(crate) is_channel: bool,
    /// It came through a unix socket.
    pub(crate) is_unix: bool,
    pub address: String,
    pub(crate) local_address: String,
    pub(crate) fd: i64,
    pub(crate) created_us: u64,
}

impl Session {
    pub(crate) fn new(id: Id, number: u64, now_us: u64, user: Identity) -> Self {
        Self {
            id,
            number,
            link: Link::default(),
            fate: Fate::default(),
            replies: Replies::default(),
            debugging: None,
            is_authenticated: false,
            access: Access::default(),
            no_evict: false,
            no_touch: false,
            is_watch_broken: false,
            db: 0,
            protocol: Protocol::Resp2,
            input: Input::default(),
            decoder: None,
            leftover: None,
            output: Box::default(),
            transaction: None,
            parked: None,
            held: None,
            watched: Vec::new(),
            tracking: None,
            user,
            about: Box::new(About {
                created_us: now_us,
                fd: -1,
                ..About::default()
            }),
            last_active_us: now_us,
            soft_limit_since_us: 0,
            last_command: None,
            commands_processed: 0,
            bytes_in: 0,
            bytes_out: 0,
            subscriptions: None,
            input_peak: 0,
            output_peak: 0,
            peaks_since_us: now_us,
            running: Running::default(),
            memory_counted: 0,
            written_to: 0,
            stream_to: 0,
        }
    }

    /// Listens to a channel or pattern; in RESP2 few commands are allowed then.
    #[inline]
    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscriptions.is_some()
    }

    /// The present command gets no reply.
    #[inline]
    pub(crate) fn is_muted(&self) -> bool {
        matches!(self.replies, Replies::Off | Replies::Skipped)
    }

    /// A command is done; one that was to be silent has been.
    #[inline]
    pub(crate) fn command_ended(&mut self) {
        self.replies = match self.replies {
            Replies::SkipNext => Replies::Skipped,
            Replies::Skipped => Replies::On,
            replies => replies,
        };
    }

    /// Closes the connection once the output is written.
    pub(crate) fn close_after_reply(&mut self) {
        if self.fate == Fate::Stay {
            self.fate = Fate::CloseAfterReply;
        }
    }

    pub(crate) fn close_now(&mut self) {
        self.fate = Fate::CloseNow;
    }

    #[inline]
    pub(crate) fn is_cut(&self) -> bool {
        self.fate == Fate::CloseNow
    }

    /// A key it watches.
    pub(crate) fn watched_key(&mut self, db: u16, key: &[u8]) -> Option<&mut Watched> {
        self.watched
            .iter_mut()
            .find(|watched| watched.db == db && watched.key == key)
    }

    /// Whether it comes from this machine.
    pub(crate) fn is_local(&self) -> bool {
        let address = &self.about.address;
        self.about.is_unix || address.starts_with("127.") || address.starts_with("[::1]")
    }

    /// All memory held for it, buffers included. Values that wait in the output by reference count as if they were
    /// copies: they may be the last reference.
    pub(crate) fn memory(&self) -> usize {
        let transaction = self
            .transaction
            .as_ref()
            .map_or(0, |transaction| transaction.memory());
        let tracking = (self.tracking.as_ref()).map_or(0, |tracking| {
            size_of::<Tracking>()
                + tracking
                    .prefixes
                    .iter()
                    .map(|prefix| prefix.len() + NAME_COST_BYTES)
                    .sum::<usize>()
        });
        size_of::<Self>()
            + size_of::<About>()
            + self.input_memory()
            + self.output.memory().max(self.output.len())
            + self
                .parked
                .as_ref()
                .map_or(0, |parked| parked.args.memory())
            + transaction
            + tracking
            + (self.subscriptions.as_ref()).map_or(0, |subscriptions| subscriptions.memory())
            + self
                .watched
                .iter()
                .map(|watched| watched.key.len() + NAME_COST_BYTES)
                .sum::<usize>()
    }

    /// Bytes that have come and are no part of an argument yet, so far as we know.
    pub(crate) fn input_len(&self) -> usize {
        let partial = self.partial();
        (self.input.len() + partial.open).saturating_sub(partial.understood)
    }
    fn partial(&self) -> Partial {
        self.decoder
            .as_ref()
            .map(|decoder| decoder.partial())
            .unwrap_or_default()
    }
    /// All bytes that have come and have not run, those of a transaction included.
    #[inline]
    pub(crate) fn unexecuted(&self) -> usize {
        let partial = self.partial();
        self.input.len()
            + partial.taken
            + partial.open
            + self
                .transaction
                .as_ref()
                .map_or(0, |transaction| transaction.bytes)
    }

    /// The room in which the input lies.
    pub(crate) fn input_memory(&self) -> usize {
        let leftover = self
            .leftover
            .as_ref()
            .map_or(0, |leftover| leftover.memory());
        let decoder = self.decoder.as_ref().map_or(0, |decoder| decoder.memory());
        self.input.memory() + leftover + decoder + self.running.room as usize
    }

    /// Arguments of the command that waits, and of one that has not come completely.
    pub(crate) fn args_memory(&self) -> usize {
        let partial = self.partial();
        self.parked.as_ref().map_or(0, |parked| {
            parked.args.as_args().iter().map(<[u8]>::len).sum()
        }) + partial.understood
            + partial.taken
    }

    /// Whether the session is going away and must not run or receive anything more.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.fate != Fate::Stay
    }
}
