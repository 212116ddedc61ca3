//! The engine: sessions, admission, one command at a time, settling.
//!
//! Bytes and time go in, replies and requests to the shell come out. There are no sockets, files or threads here,
//! and time stands still until the owner moves it, so a test can drive a whole server in memory.
//!
//! The route of a request is the order of this room's files: [`Engine::handle_inputs`] takes the inputs of a group
//! of sessions apart, looks ahead at the keys so that their memory is on its way into the cache, and runs the
//! commands; `gate` decides whether a command may run; `call` runs it; `settle` tells everybody what it caused;
//! `wake` runs again the commands of those who waited for it.
//!
//! Invariants: while a command runs its session is lent out of [`Sessions`] and nobody else's is; when a command
//! has finished, its facts are settled before the next begins; commands of one session run in the order in which
//! they arrived.

mod ahead;
pub mod appending;
pub mod call;
pub mod command;
pub mod configure;
pub mod cron;
pub mod ctx;
pub mod deliver;
pub mod effects;
pub mod gate;
pub mod hold;
mod invalidate;
pub mod loading;
pub mod memory;
pub mod monitor;
pub mod pause;
pub mod persistence;
pub mod replay;
pub mod roster;
pub mod saving;
pub mod services;
pub mod session;
mod settle;
pub mod slots;
pub mod snapshot;
pub mod wake;

use crate::base::input::InputPool;
use crate::base::output::Output;
use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::base::time::Clock;
use crate::config::Config;
use crate::keyspace::{Keys, Keyspace, LOOK_AHEAD_KEYS_MIN, LOOK_AHEAD_MOST};
use crate::observe::stats::CommandStats;
use crate::spec::error::Error;
use crate::spec::flags::Flags;
use crate::store::tsc;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;
use crate::wire::request::{Batch, Decoder, Limits, ProtocolError};

use command::{Command, Table};
use ctx::{Ctx, Now, Origin};
use effects::Effects;
use gate::Verdict;
use services::Services;
use session::{Queued, Running, Session, Sessions, flag};

pub struct Engine {
    pub keyspace: Keyspace,
    pub sessions: Sessions,
    pub services: Services,
    pub table: Table,
    pub clock: Clock,
    pub fx: Effects,
    pub now: Now,
    /// Buffers lent to sessions while their bytes are read and worked off.
    pub inputs: InputPool,
    turn: Turn,
    /// The output of the session whose command runs; empty otherwise.
    output: Box<Output>,
    cron: cron::Cron,
}

/// What one call of `handle_inputs` works on; kept for its memory.
#[derive(Default)]
struct Turn {
    members: Vec<Member>,
    pending: Vec<Pending>,
    /// Those of the current round whose key must be looked for in a second bucket.
    further: Vec<Pending>,
    /// What pending requests name within the values under their keys, in their order. Collected only while that has
    /// lately been elements of large values.
    elements: Vec<Element>,
    /// The first of them that has not been sent for.
    next_element: usize,
    names_elements: bool,
}

/// An element that the pending request of this index names.
#[derive(Clone, Copy)]
struct Element {
    request: u32,
    hash: u64,
}

/// The part of one session of the group.
#[derive(Default)]
struct Member {
    decoder: Decoder,
    batch: Batch,
    /// Where among the pending requests those of the batch begin.
    first: usize,
    /// How many of the batch have run.
    done: usize,
    /// What is wrong with the bytes behind the batch.
    error: Option<ProtocolError>,
    /// There are no more whole requests than those in the batch.
    is_starved: bool,
}

/// A request that has been framed and waits for its place in a round.
#[derive(Clone, Copy)]
struct Pending {
    command: Option<&'static Command>,
    /// Where the first key stands in the input, and its hash; zeros when there is none.
    key: (usize, u64),
    member: u32,
    db: u16,
    /// Whether the database is so large that its keys are worth looking ahead at.
    sends_for_key: bool,
}

/// How many requests of one session run in one turn. A client that pipelines more keeps its place in the line.
const REQUESTS_PER_TURN: usize = 128;

/// So much room an output keeps in any case.
const OUTPUT_ROOM_BYTES: usize = 16 * 1024;

/// After a command that took so long, the next one in the same turn sees a new time.
const LONG_NS: u64 = 1_000_000;

impl Engine {
    pub fn new(config: Config, table: Table, clock: Clock, seed: u64) -> Self {
        let databases = config.databases as usize;
        let mut services = Services::new(config);
        services
            .stats
            .commands
            .resize_with(table.all.len(), CommandStats::default);
        services.rate = cron::measure_rate(&clock);
        let now = read_clock(&clock);
        services.server.started_ms = now.unix_ms;
        services.persistence.last_save_s = now.unix_ms / 1000;
        services.server.started_us = now.monotonic_us;
        services.persistence.last_save_s = now.unix_ms / 1000;
        let mut rng = Rng::from_system();
        services.server.run_id = hexadecimal(&mut rng);
        services.server.replication_id = hexadecimal(&mut rng);
        let mut engine = Self {
            keyspace: Keyspace::new(databases, seed),
            sessions: Sessions::default(),
            services,
            table,
            clock,
            fx: Effects::default(),
            now,
            inputs: InputPool::default(),
            turn: Turn::default(),
            output: Box::default(),
            cron: cron::Cron::new(),
        };
        engine.apply_config();
        engine
    }

    /// Looks at the configuration and makes what depends on it agree.
    pub fn apply_config(&mut self) {
        memory::configure(&mut self.keyspace, &self.services.config);
        self.adopt_limits();
        self.services.adopt_config();
    }

    /// Reads the clock. Called after the loop has slept and after a command that took long; in between, time
    /// stands still.
    #[inline]
    pub fn refresh_time(&mut self) {
        self.now = read_clock(&self.clock);
        self.sessions.now_us = self.now.monotonic_us;
        self.cron.woke_ticks = tsc::ticks();
    }

    /// A session for the connection that the transport calls `id`.
    pub fn open(&mut self, id: Id) -> &mut Session {
        let needs_no_password = self.services.config.requirepass.is_empty();
        let session = self.sessions.open(id, self.now.monotonic_us);
        session.put(flag::AUTHENTICATED, needs_no_password);
        session
    }

    /// Bytes came into the session's input.
    pub fn received(&mut self, id: Id, count: usize) {
        self.services.stats.net_input_bytes += count as u64;
        self.services.stats.reads_processed += 1;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.input.filled(count);
        session.bytes_in += count as u64;
        session.last_active_us = self.now.monotonic_us;
        let most = self.services.config.client_query_buffer_limit as usize;
        if session.unexecuted() > most || session.unexecuted() > hold::STRANGER_INPUT_BYTES {
            self.check_input(id);
        }
    }

    /// Bytes of the session's output were sent.
    pub fn sent(&mut self, id: Id, count: usize) {
        self.services.stats.net_output_bytes += count as u64;
        self.services.stats.writes_processed += 1;
        if let Some(session) = self.sessions.get_mut(id) {
            session.bytes_out += count as u64;
            session.last_active_us = self.now.monotonic_us;
            session.output_peak = session.output_peak.max(count as u32);
            // Where memory is scarce no room is kept for the next large reply: keys would be evicted for it.
            if self.services.config.maxmemory != 0 && session.output.memory() > OUTPUT_ROOM_BYTES {
                session.output.release();
            }
        }
        if self.sessions.counts_memory {
            self.count_memory(id);
        }
    }

    /// Works off what has arrived for a group of sessions.
    pub fn handle_inputs(&mut self, group: &[Id]) {
        self.evict_sessions(group);
        let mut turn = std::mem::take(&mut self.turn);
        turn.pending.clear();
        turn.elements.clear();
        turn.next_element = 0;
        if turn.members.len() < group.len() {
            turn.members.resize_with(group.len(), Member::default);
        }
        for (index, &id) in group.iter().enumerate() {
            self.frame(id, index, &mut turn);
        }
        let mut at = 0;
        while at < turn.pending.len() {
            let end = (at + LOOK_AHEAD_MOST).min(turn.pending.len());
            self.run_round(group, &mut turn, at..end);
            at = end;
        }
        for (member, &id) in turn.members.iter_mut().zip(group) {
            self.finish_member(id, member);
        }
        self.turn = turn;
    }

    /// Takes the input of one session apart into requests and finds their commands.
    fn frame(&mut self, id: Id, index: usize, turn: &mut Turn) {
        let member = &mut turn.members[index];
        member.first = turn.pending.len();
        member.done = 0;
        member.error = None;
        member.is_starved = true;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.parked.is_some() || session.is_closing() || session.has(flag::POSTPONED) {
            return;
        }
        if let Some(leftover) = session.leftover.take() {
            member.batch = *leftover;
        }
        let batch = &mut member.batch;
        let limits = Limits {
            bulk_bytes_max: self.services.config.proto_max_bulk_len as usize,
            authenticated: session.has(flag::AUTHENTICATED)
                || self.services.config.requirepass.is_empty(),
            ..Limits::default()
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
        let sends_for_key = dict.len() >= LOOK_AHEAD_KEYS_MIN;
        let db = session.db;
        let bytes = session.input.bytes();
        turn.pending.reserve(batch.len());
        for request in 0..batch.len() {
            let args = batch.args(request, bytes);
            let command = self.table.find(args.name());
            let mut pending = Pending {
                command,
                key: (0, 0),
                member: index as u32,
                db,
                sends_for_key: false,
            };
            if let Some(command) = command
                && command.first_key != 0
                && let Some(key) = args.get(command.first_key as usize)
            {
                let hash = dict.hash(key);
                if sends_for_key {
                    dict.prefetch_bucket(hash);
                }
                pending.key = (key.as_ptr() as usize, hash);
                pending.sends_for_key = sends_for_key;
                if turn.names_elements
                    && command.element != 0
                    && let Some(element) = args.get(command.element as usize)
                {
                    turn.elements.push(Element {
                        request: turn.pending.len() as u32,
                        // Tables inside values have the seed of the keys.
                        hash: dict.hash(element),
                    });
                }
            }
            turn.pending.push(pending);
        }
    }

    fn run_round(&mut self, group: &[Id], turn: &mut Turn, range: std::ops::Range<usize>) {
        ahead::send_for(&self.keyspace, turn, range.clone());
        let mut at = range.start;
        while at < range.end {
            let index = turn.pending[at].member as usize;
            let member = &mut turn.members[index];
            let end = range.end.min(member.first + member.batch.len());
            if member.first + member.done == at {
                self.run_requests(group[index], member, &turn.pending[at..end]);
            }
            at = end;
        }
    }

    /// Runs requests of one session, in order, until one of them must wait. The session is lent out for all of them,
    /// and put back between two only if the first has consequences.
    fn run_requests(&mut self, id: Id, member: &mut Member, run: &[Pending]) {
        let Some(mut session) = self.sessions.lend(id) else {
            return;
        };
        // The arguments point into the input, so it is taken out while they are used.
        let input = std::mem::take(&mut session.input);
        session.running = Running {
            bytes: input.len() as u32,
            room: input.memory() as u32,
        };
        self.sessions.cap_output(&mut session);
        let bytes = input.bytes();
        for pending in run {
            if self.needs_room() {
                session = self.at_rest(session, Self::make_room);
            }
            if session.parked.is_some() || session.is_closing() {
                break;
            }
            let args = member.batch.args(member.done, bytes);
            self.keyspace.hint = pending.key;
            let is_done = self.run_request(&mut session, args, pending.command);
            self.keyspace.hint = (0, 0);
            if self.has_consequences() {
                session = self.at_rest(session, Self::settle_consequences);
            }
            if !is_done {
                break;
            }
            member.done += 1;
        }
        session.input = input;
        session.running = Running::default();
        self.sessions.put_back(session);
    }

    /// Does something for which every session must be at its place.
    #[cold]
    fn at_rest(&mut self, session: Box<Session>, deed: impl FnOnce(&mut Self)) -> Box<Session> {
        let id = session.id;
        self.sessions.put_back(session);
        deed(self);
        self.sessions
            .lend(id)
            .expect("only the shell removes sessions, and not while one runs")
    }

    /// Whether something has to go before the next command may add to it.
    #[inline]
    fn needs_room(&self) -> bool {
        self.services.config.maxmemory != 0 || !self.services.tracking.is_idle()
    }

    fn make_room(&mut self) {
        if self.services.config.maxmemory != 0 {
            self.keep_within_memory();
        }
        self.trim_tracking();
    }

    /// Gives back what the turn borrowed, and answers what could not be framed.
    fn finish_member(&mut self, id: Id, member: &mut Member) {
        let batch = &mut member.batch;
        let Some(session) = self.sessions.get_mut(id) else {
            *batch = Batch::default();
            return;
        };
        let goes_on =
            !session.is_closing() && session.parked.is_none() && !session.has(flag::POSTPONED);
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

    fn refuse_protocol(&mut self, id: Id, error: ProtocolError) {
        let text = error.text();
        self.services.stats.error(&text);
        if let Some(session) = self.sessions.get(id) {
            log::debug!(
                "Protocol error ({error}) from client: {}",
                roster::text(session, &self.now)
            );
        }
        deliver::push_to(&mut self.sessions, id, |reply| reply.error(&text));
        if let Some(session) = self.sessions.get_mut(id) {
            session.set(flag::CLOSE_AFTER_REPLY);
            self.sessions.to_close.push(id);
        }
    }

    /// Runs one request. Returns false when it stays in the input because it may not run yet, and when nothing
    /// after it may run because the session waits or closes; in the latter case the request itself is done.
    fn run_request(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        found: Option<&'static Command>,
    ) -> bool {
        session.last_active_us = self.now.monotonic_us;
        let mut resolved = found;
        let mut is_done = true;
        if let Some(command) = found
            && command.is_called_by(args.len())
            && gate::is_open(session, &self.services, command)
        {
            self.run(session, command, args, Origin::Client);
        } else {
            match gate::resolve(&self.table, args) {
                Ok(command) => {
                    resolved = Some(command);
                    is_done = self.run_if_allowed(session, command, args);
                }
                Err(_) if gate::is_web_request(args.name()) => {
                    log::warn!(
                        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands \
                         to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to \
                         compromise your Redis instance. Connection from {} aborted.",
                        session.about.address
                    );
                    session.set(flag::CLOSE_NOW);
                }
                Err(refusal) => self.refuse(session, found, &refusal),
            }
        }
        if session.has(flag::REPLY_SKIP | flag::REPLY_SKIP_NEXT) {
            let silent = session.has(flag::REPLY_SKIP_NEXT);
            session.unset(flag::REPLY_SKIP | flag::REPLY_SKIP_NEXT);
            session.put(flag::REPLY_SKIP, silent);
        }
        if session.tracking.is_some() {
            invalidate::end_caching(session, resolved);
        }
        self.keep_to_limits(session);
        if session.is_closing() {
            self.sessions.to_close.push(session.id);
        }
        is_done
    }

    /// Asks the gate about a command and does what it says. Returns false when the command stays in the input.
    fn run_if_allowed(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
    ) -> bool {
        match gate::judge(
            session,
            &self.services,
            command,
            self.now.unix_ms,
            Origin::Client,
        ) {
            Verdict::Run => {
                self.run(session, command, args, Origin::Client);
            }
            Verdict::Queue => self.queue(session, command, args),
            Verdict::Postpone => {
                session.set(flag::POSTPONED);
                self.services.pause.postponed.push(session.id);
                self.services.blocking.parked_count += 1;
                return false;
            }
            Verdict::Refuse(refusal) => self.refuse(session, Some(command), &refusal),
        }
        true
    }

    /// Whether the last command has done something that others must hear of before the next one runs.
    #[inline]
    fn has_consequences(&self) -> bool {
        !self.keyspace.journal.is_empty() || self.services.blocking.has_ready()
    }

    /// What follows a command with consequences, once its session is back at its place.
    fn settle_consequences(&mut self) {
        if !self.keyspace.journal.is_empty() {
            self.settle();
        }
        if self.services.blocking.has_ready() {
            self.serve_waiters();
        }
    }

    /// Runs a command for a session that is lent out.
    fn run(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        origin: Origin,
    ) -> bool {
        self.keyspace.journal.interest = Self::listeners(&self.services);
        if self.services.config.cluster_compatibility_sample_ratio != 0 && origin == Origin::Client
        {
            self.note_slots(command, args);
        }
        // The reply is borrowed apart from its session, so the output is lent out for the time of the command.
        std::mem::swap(&mut self.output, &mut session.output);
        let was_empty = self.output.is_empty();
        let muted = session.has(flag::REPLY_OFF | flag::REPLY_SKIP);
        session.last_command = Some(command);
        let reply = Reply::with_muted(&mut self.output, session.protocol, muted);
        let db = session.db;
        let mut keys = Keys::new(&mut self.keyspace, db, self.now.unix_ms);
        keys.sees_overdue = origin == Origin::Replay;
        let mut ctx = Ctx {
            clock: &self.clock,
            session: &mut *session,
            reply,
            keys,
            fx: &mut self.fx,
            services: &mut self.services,
            sessions: &mut self.sessions,
            table: &self.table,
            command,
            origin,
            now: self.now,
            still_waiting: false,
        };
        let spent_ns = call::call(&mut ctx, command, args);
        let still_waiting = ctx.still_waiting;
        // DEBUG SLEEP lets time pass, and so does a command that takes long.
        self.now = if spent_ns < LONG_NS {
            ctx.now
        } else {
            read_clock(&self.clock)
        };
        if self.fx.listening && !self.fx.stream.is_empty() {
            self.append_effects(command);
            session.written_to = self.services.appending.offset;
        }
        // What this command has pushed to its own session comes behind its reply.
        if !session.output.is_empty() {
            self.output.append(&mut session.output);
        }
        if was_empty && !self.output.is_empty() {
            self.sessions.with_output.push(session.id);
        }
        std::mem::swap(&mut self.output, &mut session.output);
        if session.parked.is_none() && !still_waiting {
            session.commands_processed += 1;
        }
        self.services.stats.eventloop_commands_ns += spent_ns;
        !still_waiting
    }

    /// Adds a command to the transaction that the session collects.
    fn queue(&mut self, session: &mut Session, command: &'static Command, args: Args<'_>) {
        let transaction = session
            .transaction
            .as_mut()
            .expect("the gate queues only inside MULTI");
        let owned = OwnedArgs::from(args);
        transaction.bytes += owned.memory();
        transaction.common_flags = if transaction.queue.is_empty() {
            command.spec.flags
        } else {
            Flags(transaction.common_flags.0 & command.spec.flags.0)
        };
        transaction.flags = transaction.flags | command.spec.flags;
        transaction.queue.push(Queued {
            command,
            args: owned,
        });
        if self.services.config.cluster_compatibility_sample_ratio != 0 {
            self.note_slots(command, args);
        }
        self.reply_to(session, |reply| reply.simple("QUEUED"));
    }

    /// Answers a command that may not run. Inside MULTI this spoils the transaction; EXEC itself ends it.
    fn refuse(
        &mut self,
        session: &mut Session,
        command: Option<&'static Command>,
        refusal: &Error,
    ) {
        if let Some(command) = command {
            self.services.stats.commands[command.index].rejected += 1;
        }
        let mut text = refusal.text().to_vec();
        if command.is_some_and(|command| command.name() == "exec") {
            session.transaction = None;
            session.unset(flag::DIRTY_EXEC);
            self.unwatch_all(session);
            let reason = text.strip_prefix(b"ERR ").unwrap_or(&text);
            text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
        } else if session.transaction.is_some() {
            session.set(flag::DIRTY_EXEC);
        }
        self.services.stats.error(&text);
        self.reply_to(session, |reply| reply.error(&text));
    }

    /// Writes to the output of a session that is lent out.
    fn reply_to(&mut self, session: &mut Session, write: impl FnOnce(&mut Reply<'_>)) {
        let was_empty = session.output.is_empty();
        let muted = session.has(flag::REPLY_OFF | flag::REPLY_SKIP);
        write(&mut Reply::with_muted(
            &mut session.output,
            session.protocol,
            muted,
        ));
        if was_empty && !session.output.is_empty() {
            self.sessions.with_output.push(session.id);
        }
    }

    /// Forgets what the session watches.
    fn unwatch_all(&mut self, session: &mut Session) {
        for watched in session.watched.drain(..) {
            self.services
                .watchers
                .unwatch(watched.db, &watched.key, session.id);
        }
        session.unset(flag::DIRTY_CAS);
    }

    /// The connection is gone: so is everything that names the session.
    pub fn close(&mut self, id: Id) {
        let Some(mut session) = self.sessions.remove(id) else {
            return;
        };
        self.unwatch_all(&mut session);
        wake::forget_wait(&mut self.services, &mut session);
        if let Some(tracking) = session.tracking.take() {
            tracking
                .prefixes
                .iter()
                .for_each(|prefix| self.services.tracking.remove_prefix(prefix, id));
            self.services.tracking.session_ended();
        }
        let subscriptions = std::mem::take(&mut session.subscriptions);
        let pubsub = &mut self.services.pubsub;
        for name in &subscriptions.channels {
            pubsub.unsubscribe(crate::pubsub::Kind::Channel, name, id);
        }
        for name in &subscriptions.patterns {
            pubsub.unsubscribe(crate::pubsub::Kind::Pattern, name, id);
        }
        for name in &subscriptions.shards {
            pubsub.unsubscribe(crate::pubsub::Kind::Shard, name, id);
        }
        self.services.monitors.retain(|monitor| *monitor != id);
    }
}

/// The time that the next command sees.
pub fn read_clock(clock: &Clock) -> Now {
    let unix_us = clock.unix_us();
    Now {
        unix_ms: unix_us / 1000,
        unix_us,
        monotonic_us: clock.monotonic_us(),
    }
}

/// 40 digits that nobody else has: the name of a run, or of a history of a data set.
pub fn hexadecimal(rng: &mut Rng) -> String {
    (0..40)
        .map(|_| char::from(b"0123456789abcdef"[rng.below(16) as usize]))
        .collect()
}
