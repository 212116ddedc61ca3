//! A command that could not finish yet, and how its wait ends.

use crate::blocking::Wait;
use crate::types::Kind;
use crate::wire::args::OwnedArgs;

use crate::engine::run::facts::Facts;

/// The reason why a session waits, and the way its wait ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// For keys: the command is run again when one of them is ready.
    Keys,
    /// For replicas or the append-only file to reach an offset (`WAIT`, `WAITAOF`).
    Offset,
    /// For something a helper thread does.
    Job,
}

/// A command that could not finish yet.
pub(crate) struct Parked {
    pub(crate) waiting: Waiting,
    pub(crate) command: &'static Facts,
    pub(crate) args: OwnedArgs,
    /// Its place in the lines of [`crate::blocking`].
    pub(crate) lines: Wait,
    /// The reply when the deadline passes.
    pub(crate) on_timeout: OnTimeout,
    /// Serve this waiter also when the key is gone (XREADGROUP learns that its group vanished).
    pub(crate) also_when_gone: bool,
    /// Only a key of this kind wakes the waiter.
    pub(crate) kind: Kind,
    /// How long the command ran before it had to wait.
    pub(crate) spent_ns: u64,
    /// Which of its arguments are secrets.
    pub(crate) redacted: Vec<usize>,
}

/// The reply of a wait that ended by its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnTimeout {
    NullArray,
    Null,
    /// How many replicas have what the session has written (`WAIT`), worked out then.
    Acknowledged,
    /// Whether the disk has it, and how many replicas have it on theirs (`WAITAOF`), worked out then.
    OnDisk,
}
