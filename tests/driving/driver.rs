//! An engine in memory, driven as the shell drives it.
//!
//! There are no sockets, files or threads, and time stands still until the test moves it. What the engine asks of the
//! shell is done at once: values are freed, parameters are adopted, a snapshot is taken to its end and thrown away.
//! There is no disk: whoever wants to save or to load is refused.

use std::collections::BTreeMap;

use pollux::testing::background::Progress;
use pollux::testing::base::Clock;
use pollux::testing::base::Id;
use pollux::testing::commands;
use pollux::testing::config::Config;
use pollux::testing::engine::Ask;
use pollux::testing::engine::Delivery;
use pollux::testing::engine::Ended;
use pollux::testing::engine::Engine;
use pollux::testing::spec::Error;
use std::sync::Arc;

/// When every driven engine begins, in milliseconds of Unix time. Tests may rely on it.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// Turns without new bytes after which an engine is taken to spin.
const RESTLESS_TURNS_MAX: usize = 10_000;

pub(crate) struct Driver {
    pub(crate) engine: Engine,
    /// Of each seat that was ever taken, who took it last.
    seats: Vec<Id>,
    /// What those received last who are gone.
    farewells: BTreeMap<Id, Vec<u8>>,
    /// How far the snapshot is that the engine has begun.
    saving: Option<Arc<Progress>>,
}

impl Driver {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        let clock = Clock::manual(START_MS);
        Self {
            engine: Engine::new(config, commands::table(), clock, seed),
            seats: Vec::new(),
            farewells: BTreeMap::new(),
            saving: None,
        }
    }

    /// With everything as it is by default.
    pub(crate) fn plain() -> Self {
        Self::new(Config::new(), 1)
    }

    /// A new client, at a seat of its own.
    pub(crate) fn connect(&mut self) -> Id {
        let index = self.seats.len() as u32;
        let id = Id {
            index,
            generation: 1,
        };
        self.seats.push(id);
        self.open(id);
        id
    }

    /// The connection is gone, by whichever side, and there is another at the same seat.
    pub(crate) fn reconnect(&mut self, id: Id) -> Id {
        self.engine.handle_closed(id);
        let seat = &mut self.seats[id.index as usize];
        seat.generation += 1;
        let id = *seat;
        self.open(id);
        id
    }

    fn open(&mut self, id: Id) {
        self.engine.open(id).about.address = format!("127.0.0.1:{}", 50_000 + id.index);
    }

    /// Whether the client is still connected.
    pub(crate) fn is_open(&mut self, id: Id) -> bool {
        self.engine.output(id).is_some()
    }

    /// Bytes arrive. They are looked at in the next turn.
    pub(crate) fn push(&mut self, id: Id, bytes: &[u8]) {
        self.engine.inside().push(id, bytes);
    }

    /// One turn for those who have sent something: a single call into the engine.
    pub(crate) fn turn(&mut self, group: &[Id]) {
        self.engine.handle_inputs(group);
    }

    /// What the shell does between two turns, and the turns that need no new bytes, until nothing is left to do.
    pub(crate) fn rest(&mut self) {
        for _ in 0..RESTLESS_TURNS_MAX {
            self.engine.before_sleep();
            let again = self.carry_out();
            if again.is_empty() && self.saving.is_none() {
                return;
            }
            self.engine.handle_inputs(&again);
        }
        panic!("the engine does not come to rest");
    }

    /// Does what the engine has left for its shell; returns the sessions that may go on without new bytes.
    fn carry_out(&mut self) -> Vec<Id> {
        while let Some(ask) = self.engine.poll_ask() {
            self.answer(ask);
        }
        self.go_on_saving();
        self.engine.poll_garbage().for_each(drop);
        let (mut again, mut closing) = (Vec::new(), Vec::new());
        self.engine.poll_deliveries(|delivery| match delivery {
            Delivery::Write(_) => {}
            Delivery::CloseAfterReply(id) => closing.push((id, true)),
            Delivery::CloseNow(id) => closing.push((id, false)),
            Delivery::Again(id) if again.contains(&id) => {}
            Delivery::Again(id) => again.push(id),
        });
        for (id, says_more) in closing {
            let Some(output) = self.engine.output(id) else {
                continue;
            };
            if says_more {
                let rest = output.take();
                self.farewells.insert(id, rest);
            }
            self.engine.handle_closed(id);
        }
        again
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::TellWhenFreed { waiting } => {
                self.engine.inside().free_garbage();
                self.engine.answer_parked(waiting, Ok(()));
            }
            Ask::Configured(configured) => self.engine.configured(configured.waiting, Ok(())),
            Ask::RewriteConfig { waiting, rewrite } => {
                self.engine.answer_parked(waiting, rewrite.carry_out());
            }
            Ask::Save { waiting } | Ask::Reload { waiting, .. } | Ask::LoadLog { waiting } => {
                if let Some(id) = waiting {
                    let refusal = Error::from("ERR there is no disk");
                    self.engine.answer_parked(id, Err(refusal));
                }
            }
            Ask::Snapshot(order) => self.saving = Some(order.progress),
            Ask::FlushedAll => {
                if self.engine.inside().is_saving_rdb() {
                    self.saving = None;
                    self.engine.handle_snapshot(Ended::Abandoned);
                }
            }
            Ask::Leave => self.engine.handle_stay(),
            Ask::Search { waiting, search } => self.engine.inside().take_searched(waiting, *search),
            Ask::Migrate(order) => self.engine.inside().take_migrated(&order),
            Ask::Stay | Ask::PurgeMemory | Ask::Link(_) | Ask::ForsakeSync | Ask::RoleChanged => {}
        }
    }

    /// Takes what there is of the snapshot, as the thread would that writes it.
    fn go_on_saving(&mut self) {
        let Some(progress) = &self.saving else {
            return;
        };
        if let Some((chunks, is_end)) = self.engine.take_snapshot_chunks() {
            for _ in chunks {
                progress.wrote_chunk();
            }
            if is_end {
                self.saving = None;
                self.engine.handle_snapshot(Ended::Well);
            }
        }
    }

    /// Time passes, and whatever comes next comes before the engine has looked at what is due.
    pub(crate) fn wind(&mut self, ms: u64) {
        self.engine.advance(ms);
        self.engine.begin_turn();
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.wind(ms);
        self.rest();
    }

    /// What the client has received since the last time.
    pub(crate) fn received(&mut self, id: Id) -> Vec<u8> {
        match self.engine.output(id) {
            Some(output) => output.take(),
            None => self.farewells.remove(&id).unwrap_or_default(),
        }
    }

    /// Sends bytes in one piece and returns what comes back.
    pub(crate) fn ask(&mut self, id: Id, bytes: &[u8]) -> Vec<u8> {
        self.push(id, bytes);
        self.turn(&[id]);
        self.rest();
        self.received(id)
    }
}

/// A request as a client sends it.
pub(crate) fn request<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
