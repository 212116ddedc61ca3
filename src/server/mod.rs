//! The shell: it owns the engine and the reactor and stands between them.
//!
//! The reactor names connections and moves bytes; the engine knows sessions and commands. Here the reactor's callbacks
//! become the engine's calls, and the engine's requests are carried out (listeners, threads, shutdown). A decision that
//! a client could notice belongs into the engine, where it can be tested without sockets.

mod configured;
mod embedded;
mod entrance;
mod files;
mod listeners;
mod migrating;
mod page;
mod process;
mod replication;
mod rewriting;
mod searching;
mod security;
mod shutdown;
#[cfg(test)]
mod simulation;
mod slot;
mod start;
mod users;

use std::path::Path;
use std::sync::Arc;

use crate::background::{Crew, Errand, Freer, Job};
use crate::base::output::Output;
use crate::base::slab::Id;
use crate::config::OnSignal;
use crate::engine::Engine;
use crate::engine::dataset::order::Purpose;
use crate::engine::doors::Delivery;
use crate::engine::run::effects::{Ask, Shutdown};
use crate::engine::sleep::Rest;
use crate::observe::banner;
use crate::page::Page;
use crate::persist::disk::Disk;
use crate::reactor::{App, Closed, ConnId, Io, Peer, Reactor, Signal, Sleep, Turn, Waker};

use entrance::Entrance;
use files::load::BackgroundLoad;
use files::log::{Haste, LogFile};
use files::saver;
use listeners::Listeners;
use migrating::Migrating;
use process::Exit;
use replication::Links;
use rewriting::Rewriting;
use searching::Searching;
use security::Security;
use slot::{Around, Slot};
use start::Surroundings;

pub use embedded::{Background, in_background};
pub use process::boot::{Boot, boot, boot_with};
pub use start::serve;

/// An observer that is shown the account of each turn of the loop.
pub struct Watcher {
    /// The time, in a unit of the watcher's choice.
    pub stamp: fn() -> u64,
    pub show: Box<dyn FnMut(&Turn)>,
}

/// What the program has for its server.
pub struct Beside {
    /// Somebody may watch.
    pub watcher: Option<Watcher>,
    /// Says on the process's output what is wrong with an RDB file that cannot be read.
    pub examine: fn(&Path),
}

/// The threads and the disk that the shell uses, and what else it is given.
struct Means {
    security: Security,
    freer: Freer,
    waker: Waker,
    disk: Arc<dyn Disk>,
    crew: Crew,
    exit: Exit,
    /// See [`Beside`].
    examine: fn(&Path),
}

pub(crate) struct Server {
    engine: Slot,
    freer: Freer,
    /// Sessions that wait for FLUSHALL SYNC, in order; each has a `Mark` in the freer's queue.
    flushing: std::collections::VecDeque<Id>,
    listeners: Listeners,
    entrance: Entrance,
    around: Surroundings,
    watcher: Option<Watcher>,
    /// The data set, as long as it is not all there.
    loading: Option<Box<BackgroundLoad>>,
    /// Where the last read of a session that is gone goes.
    nowhere: Vec<u8>,
    exit_code: i32,
    /// The thread that writes a snapshot, while there is one.
    saver: Option<saver::Saver>,
    /// Threads that were told to end, and may not have ended yet.
    parting: Vec<Errand>,
    snapshots_started: u64,
    log: LogFile,
    waker: Waker,
    disk: Arc<dyn Disk>,
    crew: Crew,
    exit: Exit,
    examine: fn(&Path),
    rewriting: Rewriting,
    links: Links,
    migrating: Migrating,
    searching: Searching,
    security: Security,
    /// The loop will be left after this turn.
    is_leaving: bool,
    /// The live page, if there is one.
    annex: Option<Box<Page>>,
}

impl Server {
    fn new(engine: Engine, listeners: Listeners, around: Surroundings, means: Means) -> Self {
        let Means {
            security,
            freer,
            waker,
            disk,
            crew,
            exit,
            examine,
        } = means;
        Self {
            loading: None,
            engine: Slot(Some(Box::new(engine))),
            freer,
            flushing: std::collections::VecDeque::new(),
            listeners,
            entrance: Entrance::default(),
            around,
            watcher: None,
            nowhere: vec![0; 4096],
            exit_code: 0,
            saver: None,
            parting: Vec::new(),
            snapshots_started: 0,
            log: LogFile::new(disk.clone(), crew.clone(), waker.clone(), exit),
            waker,
            disk,
            crew,
            exit,
            examine,
            rewriting: Rewriting::default(),
            links: Links::default(),
            migrating: Migrating::default(),
            searching: Searching::default(),
            security,
            is_leaving: false,
            annex: None,
        }
    }

    /// Serves until it is told to stop; returns the status that the process shall end with.
    fn run(mut self, mut reactor: Reactor) -> i32 {
        // Nobody else gives freed pages back while the server idles.
        crate::store::alloc::set_background_thread(self.engine.config().jemalloc_bg_thread);
        let outcome = self.turn_until_told(&mut reactor);
        if let Err(error) = outcome {
            ::log::error!("The event loop failed: {}", crate::config::explain(&error));
            self.exit_code = 1;
        }
        let status = self.exit_code;
        // The kernel takes the memory back at once; freeing a hundred million keys one by one takes a minute.
        std::mem::forget(self);
        status
    }

    /// Carries out the requests that the engine has left for the shell and for the reactor since the last time.
    fn carry_out(&mut self, io: &mut Io) {
        // First, because what is done for the engine may give it something to say.
        while let Some(ask) = self.engine.poll_ask() {
            self.answer(io, ask);
        }
        if self.saver.is_some() {
            self.attend_snapshot();
        }
        if !self.links.are_idle() && !self.engine.is_busy() {
            self.attend_links(io);
        }
        if !self.migrating.is_idle() && !self.engine.is_busy() {
            self.attend_migrating();
        }
        if !self.searching.is_idle() && !self.engine.is_busy() {
            self.attend_searching();
        }
        if !self.rewriting.is_idle() {
            self.attend_rewriting();
        }
        while !self.flushing.is_empty() && self.freer.has_passed_mark() {
            if let Some(id) = self.flushing.pop_front() {
                self.engine.answer_parked(id, Ok(()));
            }
        }
        self.engine.poll_deliveries(|delivery| match delivery {
            Delivery::Write(id) => io.want_write(id),
            Delivery::CloseAfterReply(id) => io.close_after_flush(id),
            Delivery::CloseNow(id) => io.close(id),
            Delivery::Again(id) => io.again(id),
        });
        for id in self.engine.poll_long() {
            io.note_long(id);
        }
        self.throw_away();
    }

    /// Gives the engine's garbage to the thread that frees it.
    fn throw_away(&mut self) {
        for garbage in self.engine.poll_garbage() {
            self.freer.send(Job::Free(garbage));
        }
    }

    fn answer(&mut self, io: &mut Io, ask: Ask) {
        match ask {
            Ask::Leave => self.around.supervisor.stopping(),
            Ask::Stay => io.interrupts().forget(),
            Ask::Save { waiting } => self.save_for(waiting),
            Ask::Reload { waiting, how } => self.reload_for(waiting, how),
            Ask::Configured(configured) => self.configured(io, configured),
            Ask::RewriteConfig { waiting, rewrite } => self.rewrite_for(waiting, rewrite),
            Ask::LoadLog { waiting } => self.reload_log_for(waiting),
            Ask::FlushedAll => self.flushed_all(),
            Ask::TellWhenFreed { waiting } => {
                self.throw_away();
                self.freer.send(Job::Mark);
                self.flushing.push_back(waiting);
            }
            Ask::Snapshot(order) => self.start_snapshot(io, *order),
            Ask::Migrate(order) => self.migrate(*order),
            Ask::Search { waiting, search } => self.search(waiting, *search),
            Ask::Link(ask) => self.answer_link(io, ask),
            Ask::ForsakeSync => {
                if self.engine.is_saving(Purpose::Replicas) {
                    self.part_with_snapshot();
                }
            }
            Ask::RoleChanged => {
                let config = self.engine.config();
                // It has been logged, and the server is as good without.
                let _ = self
                    .around
                    .oom_score
                    .apply(config, config.replicaof.0.is_some());
            }
            Ask::PurgeMemory => {
                crate::store::alloc::purge();
            }
        }
    }
}

impl App for Server {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        self.expect_handshake(io, id);
        self.meet(io, id, peer);
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        self.link_connected(io, id, peer);
    }

    #[inline]
    fn input(&mut self, id: ConnId) -> &mut [u8] {
        let Self {
            engine, nowhere, ..
        } = self;
        engine.input_space(id).unwrap_or(nowhere)
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        self.engine.handle_filled(id, count);
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        self.turn_strangers_away(io, group);
        if self.has_unnamed() {
            self.name_callers(io, group);
        }
        let mut engine = self.engine.take();
        let outside = engine.outside();
        let mut around = Around { server: self, io };
        outside.lend(&mut around, || engine.handle_inputs(group));
        self.engine.put_back(engine);
        self.carry_out(io);
    }

    #[inline]
    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        let Self {
            engine, entrance, ..
        } = self;
        engine.output(id).or_else(|| entrance.output(id))
    }

    fn wrote(&mut self, io: &mut Io, id: ConnId, count: usize) {
        let has_more = self.engine.handle_sent(id, count);
        if has_more {
            io.want_write(id);
        }
        // A data set on its way goes on as replicas take it.
        if self.saver.is_some() || !self.links.are_idle() {
            self.carry_out(io);
        }
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        if ::log::log_enabled!(::log::Level::Debug)
            && let Some(line) = self.engine.describe(id)
        {
            match &why {
                Closed::ByApp => {}
                Closed::ByPeer => ::log::debug!("Client closed connection {line}"),
                Closed::Failed(error) => ::log::debug!("Reading from client: {error}"),
            }
        }
        self.complain_of_handshake(id, &why);
        self.engine.handle_lost(id, &replication::reason(&why));
        self.entrance.forget(id);
        self.carry_out(io);
    }

    fn signalled(&mut self, _: &mut Io, signal: Signal) {
        let config = self.engine.config();
        let (line, how) = match signal {
            Signal::Interrupt => (banner::SIGINT_RECEIVED, config.shutdown_on_sigint),
            Signal::Terminate => (banner::SIGTERM_RECEIVED, config.shutdown_on_sigterm),
            _ => return,
        };
        self.engine.handle_signal(how.into());
        if self.is_loading() {
            ::log::warn!("{}", banner::SIGNAL_WHILE_LOADING);
        } else {
            ::log::warn!("{line}");
        }
    }

    /// Nothing to do: that the loop woke up is enough, `carry_out` looks at every channel. A thread wakes the loop when
    /// it has left something there.
    fn woken(&mut self, _: &mut Io) {}

    fn after_sleep(&mut self) {
        self.engine.begin_turn();
        self.entrance.after_sleep();
    }

    fn spent_us(&mut self) -> u64 {
        self.engine.turn_ns() / 1000
    }

    fn input_waits(&mut self, id: ConnId) {
        self.engine.handle_postponed(id);
    }

    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        self.decide_entrance(io);
        if self.engine.is_busy() {
            self.carry_out(io);
            if let Some(how) = self.engine.poll_departure() {
                self.shut_down(io, how);
            }
            return Sleep::NotAtAll;
        }
        let has_more_to_load = self.load_some(io);
        if let Some(how) = self.engine.poll_shutdown() {
            self.shut_down(io, how);
        }
        let rest = self.engine.before_sleep();
        self.carry_out(io);
        self.write_log(Haste::Usual);
        let has_served = self.engine.serve_offset_waiters();
        if has_served {
            self.carry_out(io);
        }
        let handshakes_ms = self.end_handshakes(io);
        match rest {
            _ if has_more_to_load || has_served || self.entrance.has_waiting() => Sleep::NotAtAll,
            Rest::None => Sleep::NotAtAll,
            Rest::Ms(ms) => Sleep::AtMostMs(handshakes_ms.map_or(ms, |soon| ms.min(soon))),
        }
    }

    fn turn(&mut self, turn: &Turn) {
        if let Some(watcher) = &mut self.watcher {
            (watcher.show)(turn);
        }
    }
}

impl From<OnSignal> for Shutdown {
    fn from(
        OnSignal {
            save,
            nosave,
            now,
            force,
        }: OnSignal,
    ) -> Shutdown {
        let save = if save {
            Some(true)
        } else {
            nosave.then_some(false)
        };
        Shutdown { save, now, force }
    }
}
