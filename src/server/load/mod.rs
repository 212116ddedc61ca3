//! Reads the data set from its file.
//!
//! At the start a thread reads, checks and builds the values, and the loop takes them in, a slice at a time, so that
//! clients are told how far it is and a supervisor can stop it. DEBUG RELOAD reads on the spot.
//!
//! A file that is damaged ends the server, as it would end Redis: to go on with less than what was saved would sooner or
//! later save less. No file is no damage.

mod delay;
mod pipe;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use super::Server;
use super::check::check_rdb;
use super::save::rdb_path;
use crate::base::slab::Id;
use crate::config::explain;
use crate::engine::Engine;
use crate::engine::effects::Reload;
use crate::engine::loading::{Load, Manner, Refusal};
use crate::keyspace::load::OnDuplicate;
use crate::persist::rdb::Limits;
use crate::persist::rdb::file::{Batch, FileReader, Options, Trouble, Wrong};
use crate::reactor::{Io, Waker};
use crate::spec::error::Error;

pub(super) use delay::Delay;
pub(super) use pipe::{Gone, Next, Receiver, Sender, pipe};

/// A file that is being read.
pub(super) struct Loading {
    load: Load,
    path: PathBuf,
    messages: Receiver<Message>,
    /// What `key-load-delay` says at the moment.
    delay_us: Arc<AtomicI32>,
    started_us: u64,
}

/// From the thread that reads.
enum Message {
    Batch(Batch),
    Ended,
    Failed(Trouble),
}

/// How long batches are taken in before clients have their turn.
pub(super) const SLICE_US: u64 = 2000;

/// Why there will be no server.
#[derive(Debug)]
pub(super) enum Ruin {
    Trouble(Trouble),
    Refusal(Refusal),
    /// The thread that reads is gone.
    Thread,
}

impl Loading {
    /// Begins to read the file that the configuration names. `None` if there is none; the error is the status that the
    /// process shall end with.
    pub fn begin(engine: &mut Engine, waker: Waker) -> Result<Option<Self>, i32> {
        let path = rdb_path(&engine.services.config);
        let (file, bytes) = match open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                log::warn!(
                    "Fatal error: can't open the RDB file {} for reading: {}",
                    path.display(),
                    explain(&error)
                );
                log::warn!("{FATAL}");
                return Err(1);
            }
        };
        let (sender, messages) = pipe();
        let delay_us = Arc::new(AtomicI32::new(engine.services.config.key_load_delay_us));
        let work = Work {
            file,
            limits: engine.rdb_limits(),
            options: engine.rdb_options(),
            delay_us: delay_us.clone(),
            sender,
            waker,
        };
        let spawned = thread::Builder::new()
            .name("load".into())
            .spawn(move || work.run());
        if let Err(error) = spawned {
            log::error!("Cannot start a thread: {}", explain(&error));
            return Err(1);
        }
        engine.begin_loading(bytes);
        Ok(Some(Self {
            load: Load::new(Manner::WHOLE, bytes),
            path,
            messages,
            delay_us,
            started_us: engine.clock.monotonic_us(),
        }))
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

/// What the thread has to do.
struct Work {
    file: File,
    limits: Limits,
    options: Options,
    delay_us: Arc<AtomicI32>,
    sender: Sender<Message>,
    waker: Waker,
}

impl Work {
    fn run(self) {
        let mut reader = FileReader::new(self.file, &self.limits, self.options);
        let delay = Delay::new(self.delay_us);
        let mut read_before = 0;
        loop {
            let mut batch = Batch::default();
            let outcome = reader.fill(&mut batch, || delay.after_key());
            let bytes = batch.offset.saturating_sub(read_before) as usize + batch.arena.len();
            read_before = batch.offset;
            let mut sent = self.sender.send(Message::Batch(batch), bytes);
            let goes_on = matches!(outcome, Ok(true));
            if !goes_on {
                let last = outcome.map_or_else(Message::Failed, |_| Message::Ended);
                sent = sent.and_then(|()| self.sender.send(last, 0));
            }
            self.waker.wake();
            // Nobody listens any more when the server stops before all is read.
            if sent.is_err() || !goes_on {
                return;
            }
        }
    }
}

impl Server {
    /// Takes in what has been read. Tells whether more of it is there already.
    pub(super) fn load_some(&mut self, io: &mut Io) -> bool {
        let Some(mut loading) = self.loading.take() else {
            return false;
        };
        let config = &self.engine.services.config;
        loading
            .delay_us
            .store(config.key_load_delay_us, Ordering::Relaxed);
        let started_us = self.engine.clock.monotonic_us();
        loop {
            let taken = match loading.messages.try_next() {
                Next::Piece(Message::Batch(mut batch)) => self
                    .engine
                    .take_in(&mut loading.load, &mut batch)
                    .map_err(Ruin::Refusal),
                Next::Piece(Message::Ended) => {
                    self.loaded(&loading);
                    return false;
                }
                Next::Piece(Message::Failed(trouble)) => Err(Ruin::Trouble(trouble)),
                Next::Over => Err(Ruin::Thread),
                Next::Nothing => {
                    self.loading = Some(loading);
                    return false;
                }
            };
            if let Err(ruin) = taken {
                give_up(&ruin, &loading.path, FATAL);
                self.exit_code = 1;
                io.stop();
                return false;
            }
            if self.engine.clock.monotonic_us() - started_us > SLICE_US {
                self.loading = Some(loading);
                return true;
            }
        }
    }

    fn loaded(&mut self, loading: &Loading) {
        self.end_load(&loading.load);
        log::info!("{}", loading.load.summary());
        let us = self.engine.clock.monotonic_us() - loading.started_us;
        log::info!("DB loaded from disk: {:.3} seconds", us as f64 / 1e6);
        self.welcome();
    }

    fn end_load(&mut self, load: &Load) {
        self.engine.end_loading();
        self.engine.services.persistence.last_load = load.tally();
    }

    /// Says that clients may come.
    pub(super) fn welcome(&self) {
        self.listeners.announce();
        self.around.supervisor.ready();
    }

    /// DEBUG RELOAD
    pub(super) fn reload_for(&mut self, waiting: Option<Id>, how: Reload) {
        let outcome = self.reload(how);
        self.answer_waiting(waiting, outcome);
    }

    fn reload(&mut self, how: Reload) -> Result<(), Error> {
        if how.saves {
            self.save().map_err(|_| Error::from("ERR"))?;
        }
        if how.flushes {
            let databases = self.engine.keyspace.dbs.len() as u16;
            for db in 0..databases {
                self.engine.keyspace.flush(db, false);
            }
            self.engine.keyspace.journal.flushed(None);
            self.engine.services.persistence.libraries.clear();
        }
        let manner = Manner {
            on_duplicate: if how.merges {
                OnDuplicate::Replace
            } else {
                OnDuplicate::Refuse
            },
            ..Manner::WHOLE
        };
        let path = rdb_path(&self.engine.services.config);
        if let Err(ruin) = self.read_now(&path, manner) {
            match ruin {
                Some(ruin) => {
                    give_up(&ruin, &path, FATAL);
                }
                None => log::warn!("{FATAL}"),
            }
            return Err(Error::from(
                "ERR Error trying to load the RDB dump, check server logs.",
            ));
        }
        log::warn!("DB reloaded by DEBUG RELOAD");
        Ok(())
    }

    fn read_now(&mut self, path: &Path, manner: Manner) -> Result<(), Option<Ruin>> {
        let (file, bytes) = open(path).map_err(|error| {
            log::warn!(
                "Fatal error: can't open the RDB file {} for reading: {}",
                path.display(),
                explain(&error)
            );
            None
        })?;
        let (limits, options) = (self.engine.rdb_limits(), self.engine.rdb_options());
        let mut reader = FileReader::new(file, &limits, options);
        self.engine.begin_loading(bytes);
        let mut load = Load::new(manner, bytes);
        let mut batch = Batch::default();
        let outcome = loop {
            let filled = reader.fill(&mut batch, || false);
            if let Err(refusal) = self.engine.take_in(&mut load, &mut batch) {
                break Err(Some(Ruin::Refusal(refusal)));
            }
            match filled {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(trouble) => break Err(Some(Ruin::Trouble(trouble))),
            }
        };
        self.end_load(&load);
        if outcome.is_ok() {
            log::info!("{}", load.summary());
        }
        outcome
    }
}

/// Says why the data set cannot be had. `fatal` is said last of a file that is none of ours.
pub(super) fn give_up(ruin: &Ruin, path: &Path, fatal: &str) {
    match ruin {
        Ruin::Trouble(Trouble { offset, wrong }) => match wrong {
            Wrong::Signature | Wrong::Version(_) => {
                log::warn!("{wrong}");
                log::warn!("{fatal}");
            }
            wrong => {
                match wrong {
                    Wrong::Ended | Wrong::Io(_) => log::warn!("{SHORT_READ}"),
                    Wrong::Checksum { expected, found } => log::warn!(
                        "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
                    ),
                    _ => {}
                }
                log::warn!("Internal error in RDB reading offset {offset} -> {wrong}");
                // Goes to where the process writes, not to the log: it is for whoever looks why there is no server.
                check_rdb(path, None);
                log::warn!("Terminating server after rdb file reading failure.");
            }
        },
        Ruin::Refusal(refusal) => log::warn!("{refusal}"),
        Ruin::Thread => log::error!("The thread that reads the file has ended unexpectedly."),
    }
}

const SHORT_READ: &str = "Short read or OOM loading DB. Unrecoverable error, aborting now.";
const FATAL: &str = "Fatal error loading the DB, check server logs. Exiting.";
