//! A session: everything the engine knows of one client, whatever carries its bytes.
//!
//! The transport names a session with an [`Id`] and hands bytes in; the engine writes replies to `output`. Sessions
//! live in [`Sessions`]; the one whose command runs is *lent out* of it for that command, so a handler may hold its
//! own session mutably and still address every other one by id.
//!
//! Invariants: `parked` is set exactly while the session waits for keys, an offset or the end of a pause, and then
//! it has an entry in the matching waiting list; a session listed in `Sessions::by_number` exists.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::input::Input;
use crate::base::output::Output;
use crate::base::slab::Id;
use crate::blocking::WokenBy;
use crate::config::OutputLimits;
use crate::spec::flags::Flags;
use crate::types::Kind;
use crate::wire::args::OwnedArgs;
use crate::wire::reply::Protocol;
use crate::wire::request::{Batch, Decoder, Partial};

use super::command::Command;

/// Facts about a session that are yes or no.
pub mod flag {
    /// Close once the output is written.
    pub const CLOSE_AFTER_REPLY: u32 = 1 << 0;
    /// Close without writing anything more.
    pub const CLOSE_NOW: u32 = 1 << 1;
    /// Receives every command that is executed.
    pub const MONITOR: u32 = 1 << 2;
    /// `CLIENT REPLY OFF`.
    pub const REPLY_OFF: u32 = 1 << 3;
    /// `CLIENT REPLY SKIP` was just executed: the next command is silent.
    pub const REPLY_SKIP_NEXT: u32 = 1 << 4;
    /// The present command is silent.
    pub const REPLY_SKIP: u32 = 1 << 5;
    /// A watched key changed: EXEC will refuse.
    pub const DIRTY_CAS: u32 = 1 << 6;
    /// A command could not be queued: EXEC will abort.
    pub const DIRTY_EXEC: u32 = 1 << 7;
    /// Arrived through a unix socket.
    pub const UNIX: u32 = 1 << 8;
    /// `CLIENT NO-EVICT on`.
    pub const NO_EVICT: u32 = 1 << 9;
    /// `CLIENT NO-TOUCH on`: reads leave the access time of keys alone.
    pub const NO_TOUCH: u32 = 1 << 10;
    /// `READONLY` in cluster mode.
    pub const READONLY: u32 = 1 << 11;
    /// `ASKING` in cluster mode.
    pub const ASKING: u32 = 1 << 12;
    /// The link of a replica.
    pub const REPLICA: u32 = 1 << 13;
    /// The link to our primary.
    pub const PRIMARY: u32 = 1 << 14;
    /// Runs the commands of a script.
    pub const SCRIPT: u32 = 1 << 15;
    /// Has passed authentication, or needs none.
    pub const AUTHENTICATED: u32 = 1 << 16;
    /// Commands stay in the input until a pause ends.
    pub const POSTPONED: u32 = 1 << 17;
    /// Never connected: it runs commands for the server itself or for a test.
    pub const INTERNAL: u32 = 1 << 18;
    /// Subscribed to a channel or pattern: in RESP2 few commands are allowed.
    pub const SUBSCRIBED: u32 = 1 << 19;
    /// `CLIENT TRACKING ON`, and its modes.
    pub const TRACKING: u32 = 1 << 20;
    /// EXEC is running the session's transaction.
    pub const IN_EXEC: u32 = 1 << 21;
}

/// A queued command of a transaction.
pub struct Queued {
    pub command: &'static Command,
    pub args: OwnedArgs,
}

/// What MULTI has collected.
#[derive(Default)]
pub struct Transaction {
    pub queue: Vec<Queued>,
    /// All flags of the queued commands, or-ed: whether EXEC as a whole writes, may run while loading, and so on.
    pub flags: Flags,
    /// The flags that every queued command has.
    pub common_flags: Flags,
    pub bytes: usize,
}

/// Why a session waits, and what is done when its wait ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// For keys: the command is run again when one of them is ready.
    Keys,
    /// For replicas or the append-only file to reach an offset (`WAIT`, `WAITAOF`).
    Offset,
    /// For a pause of the clients to end; the command has not run yet.
    Pause,
    /// For something a helper thread does.
    Job,
}

/// A command that could not finish yet.
pub struct Parked {
    pub waiting: Waiting,
    pub command: &'static Command,
    pub args: OwnedArgs,
    /// The databases and keys waited for.
    pub db: u16,
    pub keys: Vec<Vec<u8>>,
    /// In unix milliseconds; `None` waits for ever.
    pub deadline_ms: Option<i64>,
    /// When the wait began, on the monotonic clock.
    pub since_us: u64,
    /// What is said when the deadline passes.
    pub on_timeout: OnTimeout,
    /// Serve this waiter also when the key is gone (XREADGROUP learns that its group vanished).
    pub also_when_gone: bool,
    /// Only a key of this kind wakes the waiter.
    pub kind: Kind,
    /// How long the command ran before it had to wait.
    pub spent_ns: u64,
    /// Which of its arguments are secrets.
    pub redacted: Vec<usize>,
}

impl Parked {
    /// What must happen to one of its keys for the command to be tried again.
    pub fn woken_by(&self) -> WokenBy {
        match self.kind {
            _ if self.also_when_gone => WokenBy::Loss,
            Kind::Stream => WokenBy::News,
            Kind::String | Kind::List | Kind::Set | Kind::Zset | Kind::Hash => WokenBy::Arrival,
        }
    }
}

/// The reply of a wait that ended by its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    NullArray,
    Null,
    /// How many replicas have what the session has written (`WAIT`), worked out then.
    Acknowledged,
    /// Whether the disk has it, and how many replicas have it on theirs (`WAITAOF`), worked out then.
    OnDisk,
}

/// A key as a watcher saw it.
pub struct Watched {
    pub db: u16,
    pub key: Vec<u8>,
    /// It was logically gone already when it was watched, so its removal is no change.
    pub was_expired: bool,
}

/// One client.
pub struct Session {
    pub id: Id,
    /// The number that CLIENT ID shows; never used twice.
    pub number: u64,
    pub flags: u32,
    pub db: u16,
    pub protocol: Protocol,
    pub input: Input,
    /// Only while a request has come in part, or cannot be understood.
    pub decoder: Option<Box<Decoder>>,
    /// Requests that have been framed and may not run yet: the session waits, or its share of a turn is used up.
    pub leftover: Option<Box<Batch>>,
    /// Boxed because it is lent out apart from its session while a command runs.
    pub output: Box<Output>,
    pub transaction: Option<Box<Transaction>>,
    pub parked: Option<Box<Parked>>,
    pub watched: Vec<Watched>,
    /// Set exactly while `flag::TRACKING` is.
    pub tracking: Option<Box<Tracking>>,
    pub about: Box<About>,
    /// On the monotonic clock.
    pub last_active_us: u64,
    /// When its output first exceeded the soft limit; 0 while it does not.
    pub soft_limit_since_us: u64,
    pub last_command: Option<&'static Command>,
    /// For CLIENT LIST and CLIENT INFO.
    pub commands_processed: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Names of what it listens to; the reverse index is in `pubsub`.
    pub subscriptions: Subscriptions,
    /// The largest input and output it has had lately, and since when we look.
    pub input_peak: u32,
    pub output_peak: u32,
    pub peaks_since_us: u64,
    /// While its commands run, what is to be said of its input: the input itself is taken out for that time.
    pub running: Running,
    /// Its share of `Sessions::memory`, as last counted.
    pub memory_counted: usize,
    /// What `Appending::offset` was after the last command of this session that was written down.
    pub written_to: u64,
}

/// The input of a session whose commands run.
#[derive(Clone, Copy, Default)]
pub struct Running {
    pub bytes: u32,
    /// Memory of its own that they lie in.
    pub room: u32,
}

/// Client-side caching, as this session has asked for it.
#[derive(Default)]
pub struct Tracking {
    /// Number of the session that is told instead; 0 for none.
    pub redirect: u64,
    /// The session that was to be told is gone.
    pub is_broken: bool,
    pub mode: TrackingMode,
    /// Not told of keys that it changes itself.
    pub no_loop: bool,
    /// CLIENT CACHING was said for the next command.
    pub caching: bool,
    /// In broadcast mode: of which keys it wants to hear.
    pub prefixes: Vec<Vec<u8>>,
}

/// Which keys are tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TrackingMode {
    /// Those it reads.
    #[default]
    Read,
    /// Those it reads with the command after CLIENT CACHING YES.
    OptIn,
    /// Those it reads, but for the command after CLIENT CACHING NO.
    OptOut,
    /// Those with certain prefixes, whether or not it has read them.
    Broadcast,
}

/// What a session listens to.
#[derive(Default)]
pub struct Subscriptions {
    pub channels: std::collections::BTreeSet<Vec<u8>>,
    pub patterns: Vec<Vec<u8>>,
    pub shards: std::collections::BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    /// The count that SUBSCRIBE and PSUBSCRIBE report: channels and patterns together.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }
    fn memory(&self) -> usize {
        let names = self
            .channels
            .iter()
            .chain(&self.patterns)
            .chain(&self.shards);
        names.map(|name| name.len() + NAME_COST_BYTES).sum()
    }
}

/// What a name in some collection costs besides its bytes, roughly.
const NAME_COST_BYTES: usize = 64;

/// What is shown of a session but seldom needed; apart so that the session itself stays small.
#[derive(Default)]
pub struct About {
    pub name: Vec<u8>,
    /// As whom it is authenticated. A new session is the default user, also while that user needs a password.
    pub user: Cow<'static, [u8]>,
    pub library_name: Vec<u8>,
    pub library_version: Vec<u8>,
    pub address: String,
    pub local_address: String,
    pub fd: i64,
    pub created_us: u64,
}

impl Session {
    pub fn new(id: Id, number: u64, now_us: u64) -> Self {
        Self {
            id,
            number,
            flags: 0,
            db: 0,
            protocol: Protocol::Resp2,
            input: Input::default(),
            decoder: None,
            leftover: None,
            output: Box::default(),
            transaction: None,
            parked: None,
            watched: Vec::new(),
            tracking: None,
            about: Box::new(About {
                created_us: now_us,
                user: Cow::Borrowed(b"default"),
                fd: -1,
                ..About::default()
            }),
            last_active_us: now_us,
            soft_limit_since_us: 0,
            last_command: None,
            commands_processed: 0,
            bytes_in: 0,
            bytes_out: 0,
            subscriptions: Subscriptions::default(),
            input_peak: 0,
            output_peak: 0,
            peaks_since_us: now_us,
            running: Running::default(),
            memory_counted: 0,
            written_to: 0,
        }
    }

    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }
    #[inline]
    pub fn set(&mut self, flags: u32) {
        self.flags |= flags;
    }
    #[inline]
    pub fn unset(&mut self, flags: u32) {
        self.flags &= !flags;
    }
    pub fn put(&mut self, flags: u32, on: bool) {
        if on {
            self.set(flags)
        } else {
            self.unset(flags)
        }
    }

    /// A key it watches.
    pub fn watched_key(&mut self, db: u16, key: &[u8]) -> Option<&mut Watched> {
        self.watched
            .iter_mut()
            .find(|watched| watched.db == db && watched.key == key)
    }

    /// Whether it comes from this machine.
    pub fn is_local(&self) -> bool {
        let address = &self.about.address;
        self.has(flag::UNIX) || address.starts_with("127.") || address.starts_with("[::1]")
    }

    /// Its kind, for limits and for choosing sessions by kind.
    #[inline]
    pub fn class(&self) -> Class {
        if self.has(flag::PRIMARY) {
            Class::Primary
        } else if self.has(flag::REPLICA) {
            Class::Replica
        } else if self.has(flag::SUBSCRIBED) {
            Class::Pubsub
        } else {
            Class::Normal
        }
    }

    /// All memory held for it, buffers included. Values that wait in the output by reference count as if they were
    /// copies: they may be the last reference.
    pub fn memory(&self) -> usize {
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
            + self.subscriptions.memory()
            + self
                .watched
                .iter()
                .map(|watched| watched.key.len() + NAME_COST_BYTES)
                .sum::<usize>()
    }

    /// Bytes that have come and are no part of an argument yet, so far as we know.
    pub fn input_len(&self) -> usize {
        let partial = self.partial();
        (self.input.len() + partial.open + self.running.bytes as usize)
            .saturating_sub(partial.understood)
    }
    fn partial(&self) -> Partial {
        self.decoder
            .as_ref()
            .map(|decoder| decoder.partial())
            .unwrap_or_default()
    }
    /// All bytes that have come and have not run, those of a transaction included.
    pub fn unexecuted(&self) -> usize {
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
    pub fn input_memory(&self) -> usize {
        let leftover = self
            .leftover
            .as_ref()
            .map_or(0, |leftover| leftover.memory());
        let decoder = self.decoder.as_ref().map_or(0, |decoder| decoder.memory());
        self.input.memory() + leftover + decoder + self.running.room as usize
    }

    /// Arguments of the command that waits, and of one that has not come completely.
    pub fn args_memory(&self) -> usize {
        let partial = self.partial();
        self.parked
            .as_ref()
            .map_or(0, |parked| parked.args.memory())
            + partial.understood
            + partial.taken
    }

    /// Whether the session is going away and must not run or receive anything more.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.has(flag::CLOSE_AFTER_REPLY | flag::CLOSE_NOW)
    }
}

impl Transaction {
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes + self.queue.len() * size_of::<Queued>()
    }
}

/// Kinds of sessions, as the limits on output and CLIENT LIST TYPE distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Normal,
    Replica,
    Pubsub,
    Primary,
}

/// All sessions. Indexed by the transport's own ids, so no look-up stands between a socket and its session.
#[derive(Default)]
pub struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    by_number: BTreeMap<u64, Id>,
    last_number: u64,
    /// Sessions with output that the transport has not been told of.
    pub with_output: Vec<Id>,
    /// Sessions that the transport shall drop.
    pub to_close: Vec<Id>,
    /// Sessions that may go on without new bytes: their wait ended, or their share of the turn was used up.
    pub again: Vec<Id>,
    /// How much output may pile up, and what time it is: copies, so that whoever appends to an output can judge.
    pub output_limits: OutputLimits,
    pub needs_password: bool,
    /// The smallest of those limits: nobody who has less output can be over any of them.
    pub output_limit_min: u64,
    pub now_us: u64,
    /// Sessions closed because their output was over a limit, since the engine last looked.
    pub overflowed: u64,
    /// Whether `memory` is kept.
    pub counts_memory: bool,
    /// Memory of all sessions that count towards `maxmemory-clients`; kept only while there is such a limit.
    pub memory: usize,
}

impl Sessions {
    /// Makes a session for a connection that the transport calls `id`.
    pub fn open(&mut self, id: Id, now_us: u64) -> &mut Session {
        let index = id.index as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.last_number += 1;
        self.by_number.insert(self.last_number, id);
        self.slots[index].insert(Box::new(Session::new(id, self.last_number, now_us)))
    }

    #[inline]
    pub fn get(&self, id: Id) -> Option<&Session> {
        self.slots
            .get(id.index as usize)?
            .as_deref()
            .filter(|session| session.id == id)
    }

    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Session> {
        self.slots
            .get_mut(id.index as usize)?
            .as_deref_mut()
            .filter(|session| session.id == id)
    }

    /// Takes a session out for the time of a command; [`Sessions::put_back`] must follow.
    #[inline]
    pub fn lend(&mut self, id: Id) -> Option<Box<Session>> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.as_ref().is_some_and(|session| session.id == id) {
            slot.take()
        } else {
            None
        }
    }

    #[inline]
    pub fn put_back(&mut self, session: Box<Session>) {
        let index = session.id.index as usize;
        debug_assert!(
            self.slots[index].is_none(),
            "a lent session's slot stays empty"
        );
        self.slots[index] = Some(session);
    }

    pub fn remove(&mut self, id: Id) -> Option<Box<Session>> {
        let session = self.lend(id)?;
        self.memory = self.memory.saturating_sub(session.memory_counted);
        self.by_number.remove(&session.number);
        Some(session)
    }

    pub fn by_number(&self, number: u64) -> Option<Id> {
        self.by_number.get(&number).copied()
    }

    /// Numbers of all sessions, the lent one included, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.by_number.keys().copied()
    }

    /// Ids of all sessions, lent ones included, in the order of their numbers.
    pub fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.by_number.values().copied()
    }

    /// How many places there are, taken or not: for walks that go on where they stopped.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }
    /// The session at a place.
    pub fn at_slot(&self, index: usize) -> Option<&Session> {
        self.slots.get(index)?.as_deref()
    }

    /// All sessions but the one that is lent out.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().filter_map(|slot| slot.as_deref_mut())
    }

    /// How many there are, the lent one included.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Tells the transport that `id` has something to write.
    #[inline]
    pub fn has_output(&mut self, id: Id) {
        self.with_output.push(id);
    }

    /// Marks a session for closing without another word, and tells the transport. The one that is lent out is marked
    /// by its command.
    pub fn close(&mut self, id: Id) {
        if let Some(session) = self.get_mut(id) {
            session.set(flag::CLOSE_NOW);
            self.to_close.push(id);
        }
    }

    /// Counts the memory of a session anew.
    pub fn count_memory(&mut self, session: &mut Session) {
        let counted = match session.class() {
            Class::Normal | Class::Pubsub => session.memory(),
            Class::Replica | Class::Primary => 0,
        };
        self.memory = (self.memory + counted).saturating_sub(session.memory_counted);
        session.memory_counted = counted;
    }
}
