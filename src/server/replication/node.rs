//! A server in memory, for simulations: an engine, and what the shell would do for it, done at once.

use crate::base::output::Output;
use crate::base::slab::Id;
use crate::base::time::Clock;
use crate::commands;
use crate::config::{Config, Permission, Primary};
use crate::engine::Engine;
use crate::engine::dataset::load::{Load, Manner};
use crate::engine::dataset::order::{Ended, Order, Purpose};
use crate::engine::doors::{Caller, Delivery};
use crate::engine::replication::LinkAsk;
use crate::engine::run::effects::Ask;
use crate::persist::rdb::file::{Batch, FileReader};

pub(super) const START_MS: i64 = 1_700_000_000_000;
pub(super) const CLIENT: Id = Id {
    index: 0,
    generation: 1,
};

pub(super) const OTHER: Id = Id {
    index: 1,
    generation: 1,
};
pub(super) const THIRD: Id = Id {
    index: 2,
    generation: 1,
};

/// A server, and the data set that it is receiving.
pub(super) struct Node {
    pub(super) engine: Engine,
    payload: Option<Vec<u8>>,
    /// Where it wants to be connected to.
    pub(super) wanted: Vec<Primary>,
    /// What it has saved.
    pub(super) disk: Option<Vec<u8>>,
}

impl Node {
    /// `channel`: the data set goes by a connection of its own, if the other end agrees.
    pub(super) fn new(seed: u64, replica_of: Option<Primary>, channel: bool) -> Self {
        let mut config = Config::new();
        config.enable_debug_command = Permission::Yes;
        config.save.0.clear();
        config.repl_diskless_sync_delay_s = 0;
        config.repl_backlog_size = 1 << 20;
        config.repl_rdb_channel = channel;
        config.replicaof.0 = replica_of;
        let clock = Clock::manual(START_MS);
        let mut engine = Engine::new(config, commands::table(), clock, seed);
        for id in [CLIENT, OTHER, THIRD] {
            engine.handle_opened(id, Caller::default());
        }
        Self {
            engine,
            payload: None,
            wanted: Vec::new(),
            disk: None,
        }
    }

    pub(super) fn ask(&mut self, words: &[&[u8]]) -> Vec<u8> {
        self.ask_as(CLIENT, words)
    }

    pub(super) fn ask_as(&mut self, id: Id, words: &[&[u8]]) -> Vec<u8> {
        let bytes = crate::repl::handshake::command(words);
        self.engine.inside().push(id, &bytes);
        self.engine.handle_inputs(&[id]);
        self.said(id)
    }

    /// What a client has been answered since it last looked.
    pub(super) fn said(&mut self, id: Id) -> Vec<u8> {
        (self.engine.output(id)).map_or_else(Vec::new, Output::take)
    }

    pub(super) fn digest(&mut self) -> Vec<u8> {
        self.ask(&[b"DEBUG", b"DIGEST"])
    }

    /// A turn without sockets. Returns the sessions that are to be closed.
    pub(super) fn turn(&mut self, ms: u64) -> Vec<Id> {
        self.engine.advance(ms);
        self.engine.begin_turn();
        self.engine.before_sleep();
        let (mut closing, mut again) = (Vec::new(), Vec::new());
        while let Some(ask) = self.engine.poll_ask() {
            self.answer(ask);
        }
        self.receive();
        self.engine.serve_offset_waiters();
        self.engine.poll_deliveries(|delivery| match delivery {
            Delivery::Write(_) => {}
            Delivery::CloseAfterReply(id) | Delivery::CloseNow(id) => closing.push(id),
            Delivery::Again(id) => again.push(id),
        });
        for id in again {
            self.engine.handle_inputs(&[id]);
        }
        closing
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Snapshot(order) => self.send_snapshot(&order),
            Ask::Link(LinkAsk::Connect { primary, .. }) => self.wanted.push(primary),
            Ask::Link(LinkAsk::Receive { .. }) => self.payload = Some(Vec::new()),
            Ask::Link(LinkAsk::Abandon) => self.payload = None,
            _ => {}
        }
    }

    /// All of the snapshot at once, before anything else runs.
    fn send_snapshot(&mut self, order: &Order) {
        let mut each_key = || Ok(());
        let begun = order.outline.begin(Vec::new(), &mut each_key);
        let mut snapshot = begun.expect("memory takes all");
        self.engine.show_all(&mut snapshot).expect("likewise");
        let bytes = snapshot.finish().expect("likewise");
        if order.purpose == Purpose::Replicas {
            self.engine.handle_payload(bytes);
        } else {
            self.disk = Some(bytes);
        }
        self.engine.handle_snapshot(Ended::Well);
    }

    /// Takes what has come of the data set, and loads it when it is complete.
    fn receive(&mut self) {
        let Some(payload) = &mut self.payload else {
            return;
        };
        let Some((bytes, is_end)) = self.engine.poll_payload() else {
            return;
        };
        payload.extend(bytes);
        if !is_end {
            return;
        }
        let bytes = self.payload.take().unwrap_or_default();
        self.engine.empty_for_sync(bytes.len() as u64);
        self.load(&bytes);
        self.engine.handle_synced();
    }

    /// Starts with what was saved.
    pub(super) fn load_saved(&mut self, bytes: &[u8]) {
        self.engine.begin_loading(bytes.len() as u64);
        self.load(bytes);
        self.engine.adopt_history();
        self.disk = Some(bytes.to_vec());
    }

    fn load(&mut self, bytes: &[u8]) {
        let len = bytes.len() as u64;
        let (limits, options) = (self.engine.rdb_limits(), self.engine.rdb_options());
        let mut reader = FileReader::new(bytes, &limits, options);
        let manner = Manner {
            drops_expired: false,
            ..Manner::WHOLE
        };
        let mut load = Load::new(manner, len);
        let mut goes_on = true;
        while goes_on {
            let mut batch = Batch::default();
            goes_on = reader.fill(&mut batch, || false).expect("a sound file");
            let taken = self.engine.take_in(&mut load, &mut batch);
            taken.expect("no key is there twice");
        }
        self.engine.end_loading();
    }

    pub(super) fn offset(&mut self) -> u64 {
        self.engine.inside().services().replication.history.offset()
    }
}

/// Carries what one end has to say to the other, up to so many bytes. Returns how many there were.
pub(super) fn pass(from: &mut Engine, to: &mut Engine, id: Id, most: usize) -> usize {
    let Some(output) = from.output(id) else {
        return 0;
    };
    let bytes = output.take();
    from.handle_sent(id, bytes.len());
    for piece in bytes[..bytes.len().min(most)].chunks(700) {
        let Some(space) = to.input_space(id) else {
            break;
        };
        let count = space.len().min(piece.len());
        space[..count].copy_from_slice(&piece[..count]);
        to.handle_filled(id, count);
        to.handle_inputs(&[id]);
        to.inside().push(id, &piece[count..]);
        to.handle_inputs(&[id]);
    }
    bytes.len()
}
