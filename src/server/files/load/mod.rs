//! Reads the data set: the file that a save has left, or the parts of the append-only log.
//!
//! At the start a thread reads, checks and builds the values (`ahead`); the loop takes them in (`take`), a slice at a
//! time, so that clients are told how far it is and a supervisor can stop it. DEBUG RELOAD and DEBUG LOADAOF read on
//! the loop. Both ways read with the same code, through the same [`Disk`](crate::persist::disk::Disk).
//!
//! A damaged file ends the server, as it would end Redis: a server that goes on with less than was saved would sooner
//! or later save less. A missing file is no damage. Only the last file of a log may end in the middle of a command,
//! since only the last was being written.

mod ahead;
mod delay;
mod ruin;
mod take;

use std::collections::VecDeque;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::background::{Breaks, Crew};
use crate::base::slab::Id;
use crate::base::text::explain;
use crate::engine::dataset::load::{Load, Manner};
use crate::engine::dataset::news::News;
use crate::engine::run::effects::Reload;
use crate::keyspace::load::OnDuplicate;
use crate::persist::aof::feed::Sum;
use crate::reactor::Io;
use crate::server::Server;
use crate::server::files::log::Haste;
use crate::server::files::log::files::{adopt_old_file, in_directory, read_manifest, show};
use crate::server::files::paths::rdb_path;
use crate::spec::error::Error;

use crate::server::files::pipe::{Gone, Next, Receiver, pipe};
use ahead::{Piece, Rest, Work};
use ruin::Ruin;
use take::Commands;

/// Files that are being read.
pub(in crate::server) struct Loading {
    files: Files,
    doing: Doing,
    base_size: u64,
    started_us: u64,
    part_started_us: u64,
    /// Of the last file, if one sum vouches for it.
    sum: Option<Sum>,
}

/// A load in progress beside its thread.
pub(in crate::server) struct BackgroundLoad {
    loading: Loading,
    pieces: Receiver<Piece>,
    /// The current value of `key-load-delay`.
    delay_us: Arc<AtomicI32>,
}

/// The files that are read.
struct Files {
    /// The files that have not been read to their end. Pieces are of the first.
    parts: VecDeque<Part>,
    /// How keys are taken in.
    manner: Manner,
    /// One file, all of it RDB, and not a log.
    is_rdb: bool,
    /// It comes from our primary.
    is_sync: bool,
}

/// One file.
struct Part {
    name: Vec<u8>,
    path: PathBuf,
    len: u64,
    is_base: bool,
    /// It is of the time when the log was one file.
    is_old: bool,
}

/// The state of the first of the files.
enum Doing {
    Nothing,
    Keys(Load),
    Commands(Box<Commands>),
}

/// How far a slice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slice {
    /// Its time is over, and there is more to do.
    Late,
    /// The thread has not read on yet.
    Waiting,
    /// All is read.
    Done,
}

/// How long batches are taken in before clients have their turn.
const SLICE_US: u64 = 2000;

/// Keys of a log whose time has passed stay: the log says when they went.
const AS_IT_WAS: Manner = Manner {
    drops_expired: false,
    ..Manner::WHOLE
};

impl Loading {
    fn new(files: Files, now_us: u64) -> Self {
        let base = files.parts.front().filter(|part| part.is_base);
        Self {
            base_size: base.map_or(0, |part| part.len),
            files,
            doing: Doing::Nothing,
            started_us: now_us,
            part_started_us: now_us,
            sum: None,
        }
    }
}

impl Server {
    /// Begins to read the data set, where there is one: the append-only log if the configuration wants one, the RDB
    /// file otherwise. Returns the status that the process shall end with if it cannot.
    pub(in crate::server) fn begin_load(&mut self) -> Result<(), i32> {
        let wants_log = self.engine.config().appendonly;
        let files = if wants_log {
            self.find_log()
        } else {
            self.find_rdb(Manner::WHOLE)
        };
        match files.map_err(|Ruin| 1)? {
            Some(files) => self.load_in_background(files, None).map_err(|Ruin| 1),
            None if wants_log => self.open_log(None),
            None => Ok(()),
        }
    }

    /// The file that the configuration names. `None` if there is none.
    fn find_rdb(&self, manner: Manner) -> Result<Option<Files>, Ruin> {
        let path = rdb_path(self.engine.config());
        let len = match self.disk.len(&path) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ruin::cannot_open(&path, &error)),
        };
        let part = Part {
            name: self.engine.config().dbfilename.clone(),
            path,
            len,
            is_base: false,
            is_old: false,
        };
        Ok(Some(Files {
            parts: VecDeque::from([part]),
            manner,
            is_rdb: true,
            is_sync: false,
        }))
    }

    /// The files that the manifest names. `None` if there are none.
    fn find_log(&mut self) -> Result<Option<Files>, Ruin> {
        let config = self.engine.config();
        let found = read_manifest(&*self.disk, config).map_err(|()| Ruin)?;
        let manifest = adopt_old_file(&*self.disk, config, found).map_err(|()| Ruin)?;
        let parts = manifest.to_read().enumerate().map(|(at, entry)| {
            let path = in_directory(config, &entry.name);
            let len = self.disk.len(&path).map_err(|error| {
                log::warn!(
                    "Unable to obtain the AOF file {} length. stat: {}",
                    show(&entry.name),
                    explain(&error)
                );
                Ruin
            })?;
            Ok(Part {
                name: entry.name.clone(),
                path,
                len,
                is_base: at == 0 && manifest.base.is_some(),
                is_old: entry.name == config.appendfilename,
            })
        });
        let parts = parts.collect::<Result<VecDeque<Part>, Ruin>>()?;
        self.log.go_on_from(manifest);
        Ok((!parts.is_empty()).then_some(Files {
            parts,
            manner: AS_IT_WAS,
            is_rdb: false,
            is_sync: false,
        }))
    }

    fn work(&self, files: &Files, delay_us: Arc<AtomicI32>) -> Work {
        Work {
            source: None,
            disk: self.disk.clone(),
            paths: files.parts.iter().map(|part| part.path.clone()).collect(),
            limits: self.engine.rdb_limits(),
            options: self.engine.rdb_options(),
            delay_us,
            is_rdb: files.is_rdb,
        }
    }

    /// Starts the thread that reads. The loop goes on with [`Server::load_some`].
    /// `source` is in place of the file.
    fn load_in_background(&mut self, files: Files, source: Option<Rest>) -> Result<(), Ruin> {
        let (sender, pieces) = pipe();
        let delay_us = Arc::new(AtomicI32::new(self.engine.config().key_load_delay_us));
        let mut work = self.work(&files, delay_us.clone());
        work.source = source;
        let waker = self.waker.clone();
        // A replica may answer meanwhile from the data set that it has.
        let has_breaks = files.is_sync && matches!(self.crew, Crew::Threads);
        let rate = has_breaks.then(|| self.engine.rate());
        let spawned = self.crew.spawn("load", move || {
            let breaks = Breaks::new(rate);
            work.run(&mut |piece, bytes| {
                sender.send(piece, bytes)?;
                waker.wake();
                breaks.take_one_if_due();
                Ok(())
            });
            // That nothing more will come is news as well.
            drop(sender);
            waker.wake();
        });
        if let Err(error) = spawned {
            log::error!("Cannot start a thread: {}", explain(&error));
            return Err(Ruin);
        }
        self.engine
            .begin_loading(files.parts.iter().map(|part| part.len).sum());
        self.loading = Some(Box::new(BackgroundLoad {
            loading: Loading::new(files, self.engine.monotonic_us()),
            pieces,
            delay_us,
        }));
        Ok(())
    }

    /// Goes on with the pieces that have been read. Returns whether there is more of it already.
    pub(in crate::server) fn load_some(&mut self, io: &mut Io) -> bool {
        let Some(mut background) = self.loading.take() else {
            return false;
        };
        let slice = self.load_slice(&mut background);
        if background.loading.files.is_sync {
            return self.sync_slice(background, slice);
        }
        let outcome = match slice {
            Ok(slice @ (Slice::Late | Slice::Waiting)) => {
                self.loading = Some(background);
                return slice == Slice::Late;
            }
            Ok(Slice::Done) => self.loaded(&background.loading),
            Err(Ruin) => Err(1),
        };
        match outcome {
            Ok(()) => self.welcome(),
            Err(status) => {
                self.exit_code = status;
                io.stop();
            }
        }
        false
    }

    /// Works off the pieces that have been read, until the time of a slice is over.
    fn load_slice(&mut self, background: &mut BackgroundLoad) -> Result<Slice, Ruin> {
        let until_us = self.engine.monotonic_us() + SLICE_US;
        let delay_us = self.engine.config().key_load_delay_us;
        background.delay_us.store(delay_us, Ordering::Relaxed);
        let loading = &mut background.loading;
        while !loading.files.parts.is_empty() {
            if !self.run_some(loading)? {
                match background.pieces.try_next() {
                    Next::Piece(piece) => self.take_piece(loading, piece)?,
                    Next::Nothing => return Ok(Slice::Waiting),
                    Next::Over => {
                        log::error!("The thread that reads the file has ended unexpectedly.");
                        return Err(Ruin);
                    }
                }
            }
            if self.engine.monotonic_us() > until_us {
                return Ok(Slice::Late);
            }
        }
        Ok(Slice::Done)
    }

    /// Begins to read the data set of our primary: the file that has come, or what is still coming.
    pub(in crate::server) fn load_sync(&mut self, path: PathBuf, len: u64, source: Option<Rest>) {
        let part = Part {
            name: show(path.as_os_str().as_bytes()).into_bytes(),
            path,
            len,
            is_base: false,
            is_old: false,
        };
        let files = Files {
            parts: VecDeque::from([part]),
            manner: AS_IT_WAS,
            is_rdb: true,
            is_sync: true,
        };
        if let Err(Ruin) = self.load_in_background(files, source) {
            self.sync_failed();
        }
    }

    /// After a slice of the data set of our primary.
    fn sync_slice(&mut self, background: Box<BackgroundLoad>, slice: Result<Slice, Ruin>) -> bool {
        match slice {
            Ok(slice @ (Slice::Late | Slice::Waiting)) => {
                self.loading = Some(background);
                return slice == Slice::Late;
            }
            Ok(Slice::Done) => {
                self.engine.end_loading();
                self.engine.handle_synced();
                // What the log has is of another data set.
                if self.switch_log().is_err() {
                    log::warn!("The append-only file cannot be switched on.");
                }
            }
            Err(Ruin) => self.sync_failed(),
        }
        false
    }

    /// The data set of our primary cannot be read; nor is the old one there any more.
    fn sync_failed(&mut self) {
        self.engine.give_up_loading();
        self.engine.handle_sync_failed(
            "Failed trying to load the MASTER synchronization DB, check server logs.",
        );
    }

    /// The data set that is being read is not wanted any more, if it is our primary's.
    pub(in crate::server) fn abandon_sync_load(&mut self) {
        let is_sync = |background: &mut Box<BackgroundLoad>| background.loading.files.is_sync;
        if self.loading.take_if(is_sync).is_some() {
            self.engine.give_up_loading();
        }
    }

    /// The data set is there.
    fn loaded(&mut self, loading: &Loading) -> Result<(), i32> {
        self.engine.end_loading();
        let us = self.engine.monotonic_us() - loading.started_us;
        let seconds = us as f64 / 1e6;
        if loading.files.is_rdb {
            log::info!("DB loaded from disk: {seconds:.3} seconds");
            self.engine.adopt_history();
            // CONFIG SET may have asked for a log meanwhile.
            if self.switch_log().is_err() {
                log::warn!("The append-only file cannot be switched on.");
            }
            return Ok(());
        }
        log::info!("DB loaded from append only file: {seconds:.3} seconds");
        self.engine.handle_log(News::BaseSize(loading.base_size));
        if !self.engine.config().appendonly {
            // It was switched off meanwhile.
            return Ok(());
        }
        self.open_log(loading.sum.clone())?;
        self.with_log(|log, terms| log.remove_history(terms.config));
        Ok(())
    }

    /// Whether the data set is not all there yet.
    pub(in crate::server) fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Says that clients may come.
    pub(in crate::server) fn welcome(&self) {
        self.listeners.announce();
        self.around.supervisor.ready();
    }

    /// Reads all files at once, while everybody waits.
    fn load_now(&mut self, files: Files) -> Result<(), Ruin> {
        let delay_us = Arc::new(AtomicI32::new(self.engine.config().key_load_delay_us));
        let work = self.work(&files, delay_us);
        self.engine
            .begin_loading(files.parts.iter().map(|part| part.len).sum());
        let mut loading = Loading::new(files, self.engine.monotonic_us());
        let mut outcome = Ok(());
        work.run(&mut |piece, _| {
            outcome = self.take_all(&mut loading, piece);
            outcome.as_ref().copied().map_err(|Ruin| Gone)
        });
        self.engine.end_loading();
        outcome
    }

    /// Takes in a piece, and runs the commands in it to the last.
    fn take_all(&mut self, loading: &mut Loading, piece: Piece) -> Result<(), Ruin> {
        self.take_piece(loading, piece)?;
        while self.run_some(loading)? {}
        Ok(())
    }

    /// DEBUG RELOAD
    pub(in crate::server) fn reload_for(&mut self, waiting: Option<Id>, how: Reload) {
        let outcome = self.reload(how);
        self.answer_waiting(waiting, outcome);
    }

    fn reload(&mut self, how: Reload) -> Result<(), Error> {
        if how.saves {
            self.save().map_err(|_| Error::from("ERR"))?;
        }
        if how.flushes {
            self.engine.forget_dataset();
        }
        let manner = Manner {
            on_duplicate: if how.merges {
                OnDuplicate::Replace
            } else {
                OnDuplicate::Refuse
            },
            ..Manner::WHOLE
        };
        let found = self.find_rdb(manner);
        let outcome = found.and_then(|files| match files {
            Some(files) => self.load_now(files),
            None => Err(ruin::cannot_open(
                &rdb_path(self.engine.config()),
                &io::ErrorKind::NotFound.into(),
            )),
        });
        outcome.map_err(|Ruin| {
            Error::from("ERR Error trying to load the RDB dump, check server logs.")
        })?;
        log::warn!("DB reloaded by DEBUG RELOAD");
        Ok(())
    }

    /// DEBUG LOADAOF
    pub(in crate::server) fn reload_log_for(&mut self, waiting: Option<Id>) {
        self.write_log(Haste::Now);
        self.engine.forget_dataset();
        let files = self.find_log();
        let outcome = files.and_then(|files| files.map_or(Ok(()), |files| self.load_now(files)));
        self.engine.handle_reloaded();
        if let Err(Ruin) = outcome {
            self.exit.leave(1);
        }
        log::warn!("Append Only File loaded by DEBUG LOADAOF");
        self.answer_waiting(waiting, Ok(()));
    }
}
