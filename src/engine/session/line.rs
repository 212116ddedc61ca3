//! A session in one line, as CLIENT LIST, CLIENT INFO and the log show it.
//!
//! ```text
//! id=4 addr=127.0.0.1:36954 laddr=127.0.0.1:6379 fd=14 name= age=0 idle=0 flags=N ... cmd=client|list user=default
//! ```
//!
//! Tools parse it, so the fields, their names and their order are Redis's. Some of Redis's buffers do not exist here;
//! their figures are made from ours: `obl` is the part of the unsent output that a fixed buffer of 16 KiB would hold,
//! `oll` and `omem` the rest behind it. For a replica these two say what is kept of the stream because of it, from the
//! block on that it is being sent; replicas share it, so each is said to have all.

use std::fmt::Write as _;

use crate::base::input::READ_BYTES;

use crate::engine::clock::Now;
use crate::engine::session::{Fate, Link, Session, Subscriptions, TrackingMode};
use crate::repl::Held;
use crate::wire::reply::Protocol;

/// What the line shows that its session does not know.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside {
    /// The arguments of the command that is running, and of nobody else's.
    pub(crate) args_bytes: usize,
    /// The part of the stream that is kept for it, and how many bytes of the output are views of that.
    pub(crate) stream: (Held, usize),
}

/// The line of a session whose command is not running.
pub(crate) fn text(session: &Session, now: &Now) -> String {
    text_at(session, now.monotonic_us)
}

pub(crate) fn text_at(session: &Session, now_us: u64) -> String {
    let mut line = Vec::new();
    push_line(&mut line, session, now_us, Beside::default());
    String::from_utf8_lossy(&line).into_owned()
}

/// Appends the line of a session, without a line end.
pub(crate) fn push_line(line: &mut Vec<u8>, session: &Session, now_us: u64, beside: Beside) {
    let about = &session.about;
    let (held, views) = beside.stream;
    let unsent = session.output.len();
    let own = unsent - views;
    let in_buffer = own.min(BUFFER_BYTES);
    let behind = own - in_buffer;
    let pieces = behind.div_ceil(BUFFER_BYTES);
    let behind_bytes = behind + pieces * PIECE_COST_BYTES + held.memory();
    let peak = (session.output_peak as usize).min(BUFFER_BYTES);
    let args_bytes = session.args_memory() + beside.args_bytes;
    let mut text = String::with_capacity(400);
    let _ = write!(
        text,
        "id={} addr={} laddr={} fd={} name=",
        session.number, about.address, about.local_address, about.fd
    );
    line.extend_from_slice(text.as_bytes());
    line.extend_from_slice(&about.name);
    text.clear();
    let count = |of: fn(&Subscriptions) -> usize| session.subscriptions.as_deref().map_or(0, of);
    let _ = write!(
        text,
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={} qbuf={} qbuf-free={} argv-mem={} \
         multi-mem={} rbs={} rbp={} obl={in_buffer} oll={} omem={behind_bytes} tot-mem={} events={} cmd={} user=",
        now_us.saturating_sub(about.created_us) / 1_000_000,
        now_us.saturating_sub(session.last_active_us) / 1_000_000,
        flags(session),
        session.db,
        count(|all| all.channels.len()),
        count(|all| all.patterns.len()),
        count(|all| all.shards.len()),
        session
            .transaction
            .as_ref()
            .map_or(-1, |transaction| transaction.queue.len() as i64),
        session.watched.len(),
        session.input_len(),
        input_room(session),
        args_bytes,
        session
            .transaction
            .as_ref()
            .map_or(0, |transaction| transaction.bytes),
        peak.next_power_of_two()
            .clamp(BUFFER_BYTES_MIN, BUFFER_BYTES),
        peak,
        pieces + held.blocks,
        session.memory() + held.memory() + beside.args_bytes + lent_bytes(session),
        if unsent > 0 && beside.args_bytes == 0 {
            "rw"
        } else {
            "r"
        },
        session
            .last_command
            .map_or("NULL", |command| command.spec.shown_name()),
    );
    line.extend_from_slice(text.as_bytes());
    line.extend_from_slice(session.user.name());
    text.clear();
    let redirect = session
        .tracking
        .as_ref()
        .map_or(-1, |tracking| tracking.redirect as i64);
    let protocol = if session.protocol == Protocol::Resp3 {
        3
    } else {
        2
    };
    let _ = write!(text, " redir={redirect} resp={protocol} lib-name=");
    line.extend_from_slice(text.as_bytes());
    line.extend_from_slice(&about.library_name);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&about.library_version);
    line.extend_from_slice(b" io-thread=0");
}

/// Room left in the input: of the buffer that is lent while commands run, and of the session's own otherwise.
fn input_room(session: &Session) -> usize {
    let len = session.input_len();
    session
        .input_memory()
        .max(lent_bytes(session))
        .saturating_sub(len)
}

/// The buffer that a session has while its commands run.
fn lent_bytes(session: &Session) -> usize {
    if session.running.is_on { READ_BYTES } else { 0 }
}

/// One letter for each thing that is special about a session, `N` for none.
fn flags(session: &Session) -> String {
    let tracking = session.tracking.as_deref();
    let letters = [
        ('O', session.link == Link::Monitor),
        ('S', session.link == Link::Replica),
        ('C', session.about.is_channel),
        ('M', matches!(session.link, Link::Joining | Link::Primary)),
        ('P', session.is_subscribed()),
        ('x', session.transaction.is_some()),
        ('b', session.parked.is_some() || session.held.is_some()),
        ('t', tracking.is_some()),
        ('R', tracking.is_some_and(|tracking| tracking.is_broken)),
        (
            'B',
            tracking.is_some_and(|tracking| tracking.mode == TrackingMode::Broadcast),
        ),
        ('d', session.is_watch_broken),
        ('c', session.fate == Fate::CloseAfterReply),
        ('A', session.is_cut()),
        ('U', session.about.is_unix),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ];
    let special: String = letters
        .iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(letter, _)| letter)
        .collect();
    if special.is_empty() {
        "N".to_owned()
    } else {
        special
    }
}

/// Redis's fixed reply buffer of a busy client, and what it shrinks to when the client is quiet.
const BUFFER_BYTES: usize = 16 * 1024;
const BUFFER_BYTES_MIN: usize = 1024;

/// The cost of a piece of output behind the first, besides its bytes.
const PIECE_COST_BYTES: usize = 48;
