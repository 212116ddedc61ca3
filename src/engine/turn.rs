//! One turn: the inputs of a group of sessions are taken apart, their keys are sent for, and their requests run.
//!
//! [`Engine::handle_inputs`] frames what each session of the group has sent, then runs the requests of all of them in
//! rounds of at most [`LOOK_AHEAD_MOST`]: the memory that a round will read is sent for before its first request runs
//! (see `prefetch`). The requests of one session run in the order in which they came, and while they run the session is
//! lent out of [`Sessions`](super::session::Sessions).
//!
//! A request that may not run yet stays in the input, and so does everything behind it. Not known here: whether a
//! command may run, and its effects (`run`).

mod put_off;

use crate::base::slab::Id;
use crate::keyspace::{LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
use crate::spec::lookup::LastName;
use crate::store::Dict;
use crate::types::Value;
use crate::wire::request::{Batch, Decoder, Limits, ProtocolError};

use super::prefetch::{Ahead, Element, Pending};
use super::run::command::Table;
use super::session::{Link, Running, Session};
use super::{Engine, prefetch};
use put_off::runs_script;

/// The working set of one call of `handle_inputs`; kept for its memory.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) members: Vec<Member>,
    ahead: Ahead,
}

/// The part of one session of the group.
#[derive(Default)]
pub(super) struct Member {
    decoder: Decoder,
    batch: Batch,
    /// Where among the pending requests those of the batch begin.
    first: usize,
    /// How many of the batch have run.
    done: usize,
    /// The error in the bytes behind the batch.
    error: Option<ProtocolError>,
    /// There are no more whole requests than those in the batch.
    is_starved: bool,
    /// Its next request runs a script, which waits until the rest of the group is done.
    is_put_off: bool,
}

/// The stream of our primary is kept as it came, and so large as it decides.
const OF_PRIMARY: Limits = Limits {
    bulk_bytes_max: usize::MAX / 2,
    authenticated: true,
    big_bytes_min: usize::MAX,
};

/// How many requests of one session run in one turn. A client that pipelines more keeps its place in the line.
const REQUESTS_PER_TURN: usize = 128;

impl Engine {
    /// Works off the bytes that have arrived for a group of sessions.
    pub fn handle_inputs(&mut self, group: &[Id]) {
        self.evict_sessions(group);
        if let Some(id) = self.joining()
            && group.contains(&id)
            && self.services.busy.is_none()
        {
            self.handle_joining(id);
        }
        if let Some(id) = self.awaiting_stream()
            && group.contains(&id)
            && self.services.busy.is_none()
        {
            self.take_answers(id);
        }
        self.look_around();
        let mut turn = std::mem::take(&mut self.turn);
        turn.ahead.pending.clear();
        turn.ahead.elements.clear();
        turn.ahead.next_element = 0;
        if turn.members.len() < group.len() {
            turn.members.resize_with(group.len(), Member::default);
        }
        for (index, &id) in group.iter().enumerate() {
            self.frame(id, index, &mut turn);
        }
        let mut at = 0;
        while at < turn.ahead.pending.len() {
            let end = (at + LOOK_AHEAD_MOST).min(turn.ahead.pending.len());
            self.run_round(group, &mut turn, at..end);
            at = end;
        }
        self.finish_members(group, &mut turn);
        self.turn = turn;
    }

    /// Takes the input of one session apart into requests and finds their commands.
    #[inline(never)]
    fn frame(&mut self, id: Id, index: usize, turn: &mut Turn) {
        let member = &mut turn.members[index];
        member.first = turn.ahead.pending.len();
        member.done = 0;
        member.error = None;
        member.is_starved = true;
        member.is_put_off = false;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let is_deaf = session.parked.is_some() || session.is_closing() || session.held.is_some();
        let is_unheard = session.link == Link::Primary && self.services.busy.is_some();
        if is_deaf || is_unheard || session.link == Link::Joining {
            return;
        }
        if let Some(leftover) = session.leftover.take() {
            member.batch = *leftover;
        }
        let batch = &mut member.batch;
        let limits = if session.link == Link::Primary {
            OF_PRIMARY
        } else {
            Limits {
                bulk_bytes_max: self.services.config.proto_max_bulk_len as usize,
                authenticated: !session.is_stranger(),
                ..Limits::default()
            }
        };
        // The requests before an error still run.
        if let Some(decoder) = session.decoder.take() {
            member.decoder = *decoder;
        }
        member.error = member
            .decoder
            .decode(&mut session.input, batch, REQUESTS_PER_TURN, &limits)
            .err();
        member.is_starved = member.decoder.is_starved();
        // Few sessions are in the middle of a request, so only those keep a decoder of their own.
        if !member.decoder.is_fresh() {
            session.decoder = Some(Box::new(std::mem::take(&mut member.decoder)));
        }
        let dict = &self.keyspace.dbs[session.db as usize].dict;
        find_commands(&self.table, dict, turn, index, session);
    }

    fn run_round(&mut self, group: &[Id], turn: &mut Turn, range: std::ops::Range<usize>) {
        prefetch::send_for(&self.keyspace, &mut turn.ahead, range.clone());
        let mut at = range.start;
        while at < range.end {
            let index = turn.ahead.pending[at].member as usize;
            let member = &mut turn.members[index];
            let end = range.end.min(member.first + member.batch.len());
            if member.first + member.done == at && !member.is_put_off {
                self.run_requests(group[index], member, &turn.ahead.pending[at..end]);
            }
            at = end;
        }
    }

    /// Runs requests of one session, in order, until one of them must wait. The session is lent out for all of them,
    /// and put back between two only if the first has consequences.
    #[expect(
        clippy::inline_always,
        reason = "one of its two callers is the common case; a call costs each request of a short pipeline"
    )]
    #[inline(always)]
    fn run_requests(&mut self, id: Id, member: &mut Member, run: &[Pending]) {
        let Some(mut session) = self.sessions.lend(id) else {
            return;
        };
        // The arguments point into the input, so its bytes are lent out while they are used.
        let lent = session.input.lend_bytes();
        session.running = Running {
            is_on: true,
            room: session.input.lent_room(&lent) as u32,
        };
        self.sessions.cap_output(&mut session);
        let bytes = lent.bytes();
        let mut rest = run;
        while let Some((pending, others)) = rest.split_first() {
            if self.needs_room() {
                session = self.at_rest(session, Self::make_room);
            }
            if session.parked.is_some() || session.is_closing() {
                break;
            }
            if let Some(command) = pending.plain_command() {
                let place = (&member.batch, member.done);
                let ran = self.run_together(&mut session, command, place, bytes, rest);
                if ran > 0 {
                    member.done += ran;
                    rest = &rest[ran..];
                    continue;
                }
            }
            if runs_script(&session, pending) && !member.is_put_off {
                member.is_put_off = true;
                break;
            }
            let args = member.batch.args(member.done, bytes);
            let is_done = self.run_request(&mut session, args, pending);
            self.look_around();
            if is_done && session.link == Link::Primary {
                self.applied(&session, member.batch.raw(member.done, bytes));
            }
            if self.has_consequences() {
                session = self.at_rest(session, Self::settle_consequences);
            }
            if !is_done {
                break;
            }
            member.done += 1;
            rest = others;
        }
        session.input.take_back(lent);
        session.running = Running::default();
        self.sessions.put_back(session);
    }

    /// Does something for which every session must be at its place.
    #[cold]
    fn at_rest(&mut self, session: Box<Session>, deed: impl FnOnce(&mut Self)) -> Box<Session> {
        let id = session.id;
        self.sessions.put_back(session);
        deed(self);
        self.look_around();
        self.sessions
            .lend(id)
            .expect("only the shell removes sessions, and not while one runs")
    }

    /// Whether something has to go before the next command may add to it.
    #[inline]
    fn needs_room(&self) -> bool {
        (self.services.config.maxmemory != 0 || !self.services.tracking.is_idle())
            && self.services.busy.is_none()
    }

    fn make_room(&mut self) {
        if self.services.config.maxmemory != 0 {
            self.keep_within_memory();
        }
        self.trim_tracking();
    }

    /// Gives back the memory that the turn borrowed, and answers bytes that could not be framed.
    #[expect(
        clippy::inline_always,
        reason = "one of its two callers is the common case"
    )]
    #[inline(always)]
    fn finish_member(&mut self, id: Id, member: &mut Member) {
        let batch = &mut member.batch;
        let Some(session) = self.sessions.get_mut(id) else {
            *batch = Batch::default();
            return;
        };
        let goes_on = !session.is_closing() && session.parked.is_none() && session.held.is_none();
        batch.retire(member.done, &mut session.input);
        batch.trim();
        session.input_peak = session.input_peak.max(session.input.memory() as u32);
        session.input.settle(&mut self.inputs);
        if !batch.is_empty() {
            session.leftover = Some(Box::new(std::mem::take(batch)));
        } else if goes_on && let Some(error) = member.error {
            self.refuse_protocol(id, error);
        } else if goes_on && !member.is_starved {
            self.sessions.again.push(id);
        }
    }
}

/// Notes the requests of one member that have been framed: their commands, and the hashes of their keys, whose buckets
/// are sent for.
#[inline(never)]
fn find_commands(
    table: &Table,
    dict: &Dict<Value>,
    turn: &mut Turn,
    index: usize,
    session: &Session,
) {
    let sends_for_key = dict.len() >= LOOK_AHEAD_KEYS_MIN;
    let db = session.db;
    let mut last_name = LastName::NONE;
    let Turn { members, ahead, .. } = turn;
    let requests = members[index].batch.all(0, session.input.bytes());
    ahead.pending.reserve(requests.len());
    // A loop by hand: as a chain of adapters it is compiled apart from its place.
    for (_, args) in requests {
        let mut pending = Pending {
            command: table.find_next(args.name(), &mut last_name),
            hash: None,
            member: index as u32,
            db,
            sends_for_key: false,
            is_plain: false,
        };
        if let Some(command) = pending.command
            && command.first_key != 0
            && let Some(key) = args.get(usize::from(command.first_key))
        {
            let hash = dict.hash(key);
            if sends_for_key {
                dict.prefetch_bucket(hash);
            }
            pending.hash = Some(hash);
            pending.sends_for_key = sends_for_key;
            pending.is_plain = command.is_plain && command.spec.takes(args.len());
            if ahead.names_elements
                && command.element != 0
                && let Some(element) = args.get(usize::from(command.element))
            {
                ahead.elements.push(Element {
                    request: ahead.pending.len() as u32,
                    // Tables inside values have the seed of the keys.
                    hash: dict.hash(element),
                });
            }
        }
        ahead.pending.push(pending);
    }
}
