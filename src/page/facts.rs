//! What the page is told by the server around it, and how it asks.
//!
//! The page knows neither the engine nor the shell. It has a [`Host`] for the moment in a turn at which it may ask, and
//! gets facts as plain data. Everything here is for reading; the one thing that a host does is to open a connection of
//! a client for the prompt, which then is a client as any other.

use crate::observe::shown::{CloseUp, Figures, Place, Request, Slow, Waiting};
use crate::reactor::{ConnId, Io};

/// Whether the server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Fine,
    /// The data set is not all there.
    Loading,
    /// A script has run for long.
    Busy,
}

/// The ends of a connection between page and server, and the number that CLIENT ID shows for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) ours: ConnId,
    pub(crate) theirs: ConnId,
    pub(crate) client: u64,
}

/// How the server takes the words of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    pub(crate) command: Option<&'static str>,
    /// The first key that they name, and where it is.
    pub(crate) place: Option<(Vec<u8>, Place)>,
}

/// The server, while the page may ask it.
pub(crate) trait Host {
    /// When this turn began: in milliseconds of Unix time, and on a clock that never goes back, in microseconds.
    fn now(&self) -> (i64, u64);

    fn health(&self) -> Health;

    /// The sections of INFO. None while a script is busy: the data set is in the midst of a step.
    fn info(&mut self) -> Option<String>;

    /// The same condition.
    fn figures(&mut self) -> Option<Figures>;

    /// Under the same condition; looks at all clients.
    fn waiting(&mut self) -> Option<Waiting>;

    /// One database from near by, under the same condition.
    fn close_up(&mut self) -> Option<CloseUp>;

    /// Where a key of a database is, under the same condition.
    fn place(&mut self, db: usize, key: &[u8]) -> Option<Place>;

    /// The latest entries of the slow log.
    fn slow(&self, most: usize) -> Vec<Slow>;

    /// Lines of CLIENT LIST.
    fn clients(&self, most: usize) -> Vec<String>;

    /// Makes a client of the server whose other end is ours.
    fn open_prompt(&mut self, io: &mut Io) -> Option<Pair>;

    /// How such a client's words are taken.
    fn way(&mut self, client: ConnId, words: &[Vec<u8>]) -> Way;

    /// From now on, or no longer, commands are noted as they run.
    fn note_requests(&mut self, is_noting: bool);

    /// Takes what was noted.
    fn take_requests(&mut self, into: &mut Vec<Request>);

    /// Whether this is a user who may run INFO.
    fn admits(&mut self, name: &[u8], password: &[u8]) -> bool;

    /// Whether clients have to say a password.
    fn needs_password(&self) -> bool;
}
