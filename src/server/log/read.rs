//! Reads the log when the server starts, and for DEBUG LOADAOF.
//!
//! A thread reads the base and the increments, one after the other; see `ahead`. Here commands run and keys find their
//! places, a slice at a time, and between slices clients are told that the data set is not there yet. Commands run as
//! they ran when they were written down: nobody may refuse them, and a key is there until the log says that it went.
//!
//! Only the last file may end in the middle of a command, since only that one was being written. It is cut behind the
//! last command that is complete, in front of a transaction that is not.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::base::text::explain;
use crate::engine::loading::{Load, Manner};
use crate::engine::replay::{Ran, Replayer, Unknown};
use crate::persist::aof::feed::Sum;
use crate::persist::aof::{Batch, Trouble};
use crate::reactor::Io;
use crate::server::Server;
use crate::server::load::{Next, Receiver, Ruin as RdbRuin, SLICE_US, give_up, pipe};

use super::ahead::{Failed, Piece, Work};
use super::files::{adopt_old_file, in_directory, read_manifest, show};

/// A log that is being read.
pub(in crate::server) struct LogLoading {
    /// Those that have not been read to their end. Pieces are of the first.
    parts: VecDeque<Part>,
    pieces: Receiver<Piece>,
    doing: Doing,
    /// What `key-load-delay` says at the moment.
    delay_us: Arc<AtomicI32>,
    base_size: u64,
    started_us: u64,
    part_started_us: u64,
    sum: Option<Sum>,
}

/// One file of the log.
struct Part {
    name: Vec<u8>,
    path: PathBuf,
    len: u64,
    is_base: bool,
    /// It is of the time when the log was one file.
    is_old: bool,
}

/// What is going on in the first of the files.
enum Doing {
    Nothing,
    Keys(Load),
    Commands(Box<Commands>),
}

struct Commands {
    replayer: Replayer,
    batch: Batch,
    /// The next of the batch.
    at: usize,
    /// Where in the file the commands begin.
    start: u64,
    /// All before this offset is complete.
    valid_to: u64,
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

const FATAL_FORMAT: &str =
    "make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>";

/// The server cannot go on; the log says why.
struct Ruin;

impl Server {
    /// Begins to read the log. Returns the status that the process shall end with if it cannot.
    pub(in crate::server) fn begin_log(&mut self) -> Result<(), i32> {
        let loading = self.start_reading().map_err(|Ruin| 1)?;
        match loading {
            Some(loading) => self.log_loading = Some(Box::new(loading)),
            None => self.open_log(None, self.waker.clone())?,
        }
        Ok(())
    }

    /// Finds the files and starts the thread that reads them. `None`: there are none.
    fn start_reading(&mut self) -> Result<Option<LogLoading>, Ruin> {
        let config = &self.engine.services.config;
        let found = read_manifest(&*self.disk, config).map_err(|()| Ruin)?;
        self.log.manifest = adopt_old_file(&*self.disk, config, found).map_err(|()| Ruin)?;
        let parts = self.find_parts()?;
        if parts.is_empty() {
            return Ok(None);
        }
        let (sender, pieces) = pipe();
        let delay_us = Arc::new(AtomicI32::new(
            self.engine.services.config.key_load_delay_us,
        ));
        let work = Work {
            disk: self.disk.clone(),
            paths: parts.iter().map(|part| part.path.clone()).collect(),
            limits: self.engine.rdb_limits(),
            options: self.engine.rdb_options(),
            delay_us: delay_us.clone(),
            sender,
            waker: self.waker.clone(),
        };
        let spawned = self.crew.spawn("load", move || work.run());
        if let Err(error) = spawned {
            log::error!("Cannot start a thread: {}", explain(&error));
            return Err(Ruin);
        }
        let bytes = parts.iter().map(|part| part.len).sum();
        self.engine.begin_loading(bytes);
        let now_us = self.engine.clock.monotonic_us();
        Ok(Some(LogLoading {
            base_size: parts
                .front()
                .filter(|part| part.is_base)
                .map_or(0, |part| part.len),
            parts,
            pieces,
            doing: Doing::Nothing,
            delay_us,
            started_us: now_us,
            part_started_us: now_us,
            sum: None,
        }))
    }

    fn find_parts(&self) -> Result<VecDeque<Part>, Ruin> {
        let config = &self.engine.services.config;
        let manifest = &self.log.manifest;
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
        parts.collect()
    }

    /// Goes on with what has been read. Tells whether there is more of it already.
    pub(in crate::server) fn load_log_some(&mut self, io: &mut Io) -> bool {
        let Some(mut loading) = self.log_loading.take() else {
            return false;
        };
        let until_us = self.engine.clock.monotonic_us() + SLICE_US;
        let slice = self.load_slice(&mut loading, Some(until_us));
        let outcome = match slice {
            Ok(slice @ (Slice::Late | Slice::Waiting)) => {
                self.log_loading = Some(loading);
                return slice == Slice::Late;
            }
            Ok(Slice::Done) => self.log_is_read(&loading),
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

    /// DEBUG LOADAOF
    pub(in crate::server) fn reload_log(&mut self) -> bool {
        self.write_log(super::Haste::Now);
        let fed = self.engine.services.appending.state;
        self.engine.fx.listening = false;
        let databases = self.engine.keyspace.dbs.len() as u16;
        for db in 0..databases {
            self.engine.keyspace.flush(db, false);
        }
        self.engine.keyspace.journal.flushed(None);
        self.engine.services.persistence.libraries.clear();
        let outcome = self.start_reading().and_then(|loading| match loading {
            Some(mut loading) => self.load_slice(&mut loading, None).map(|_| ()),
            None => Ok(()),
        });
        self.engine.end_loading();
        self.engine.fx.listening = fed != crate::engine::appending::State::Off;
        self.engine.keyspace.journal.dirty = 0;
        if outcome.is_ok() {
            log::warn!("Append Only File loaded by DEBUG LOADAOF");
        }
        outcome.is_ok()
    }

    fn log_is_read(&mut self, loading: &LogLoading) -> Result<(), i32> {
        self.engine.end_loading();
        let us = self.engine.clock.monotonic_us() - loading.started_us;
        log::info!(
            "DB loaded from append only file: {:.3} seconds",
            us as f64 / 1e6
        );
        self.engine.services.appending.base_size = loading.base_size;
        if !self.engine.services.config.appendonly {
            // It was switched off meanwhile.
            return Ok(());
        }
        self.open_log(loading.sum.clone(), self.waker.clone())?;
        self.remove_history();
        Ok(())
    }

    /// Works off what has been read, until the time is over; without one, until all is read.
    fn load_slice(
        &mut self,
        loading: &mut LogLoading,
        until_us: Option<u64>,
    ) -> Result<Slice, Ruin> {
        let delay_us = self.engine.services.config.key_load_delay_us;
        loading.delay_us.store(delay_us, Ordering::Relaxed);
        while !loading.parts.is_empty() {
            if !self.run_some(loading)? {
                let next = match until_us {
                    Some(_) => loading.pieces.try_next(),
                    None => loading.pieces.next().map_or(Next::Over, Next::Piece),
                };
                match next {
                    Next::Piece(piece) => self.take_piece(loading, piece)?,
                    Next::Nothing => return Ok(Slice::Waiting),
                    Next::Over => {
                        log::error!("The thread that reads the file has ended unexpectedly.");
                        return Err(Ruin);
                    }
                }
            }
            if until_us.is_some_and(|until_us| self.engine.clock.monotonic_us() > until_us) {
                return Ok(Slice::Late);
            }
        }
        Ok(Slice::Done)
    }

    /// Runs some of the commands at hand. Tells whether there were any.
    fn run_some(&mut self, loading: &mut LogLoading) -> Result<bool, Ruin> {
        let Doing::Commands(commands) = &mut loading.doing else {
            return Ok(false);
        };
        let Commands {
            replayer,
            batch,
            at,
            start,
            valid_to,
        } = &mut **commands;
        if *at == batch.commands.len() {
            return Ok(false);
        }
        let Ran { next, whole } =
            (self.engine.replay(replayer, &batch.commands, *at)).map_err(|Unknown(index)| {
                log::warn!(
                    "Unknown command '{}' reading the append only file {}",
                    String::from_utf8_lossy(batch.commands.at(index).name()),
                    loading
                        .parts
                        .front()
                        .map_or_else(String::new, |part| show(&part.name)),
                );
                Ruin
            })?;
        *at = next;
        if let Some(count) = whole {
            *valid_to = *start + batch.ends[count - 1];
        }
        if next == batch.commands.len() {
            self.engine.note_loaded(*start + batch.offset);
        }
        Ok(true)
    }

    /// Takes in what the thread has sent; of commands only that they are there.
    fn take_piece(&mut self, loading: &mut LogLoading, piece: Piece) -> Result<(), Ruin> {
        let Some(part) = loading.parts.front() else {
            return Ok(());
        };
        match piece {
            Piece::Opened { is_rdb } => {
                loading.part_started_us = self.engine.clock.monotonic_us();
                loading.doing = if is_rdb {
                    if part.is_old {
                        log::info!("Reading RDB preamble from AOF file...");
                    } else {
                        log::info!("Reading RDB base file on AOF loading...");
                    }
                    Doing::Keys(Load::new(AS_IT_WAS, part.len))
                } else {
                    self.commands_from(0)
                };
            }
            Piece::Keys(mut batch) => {
                if let Doing::Keys(load) = &mut loading.doing {
                    let taken = self.engine.take_in(load, &mut batch);
                    taken.map_err(|refusal| part.blame(&RdbRuin::Refusal(refusal)))?;
                }
            }
            Piece::Preamble { offset } => {
                if let Doing::Keys(load) = &loading.doing {
                    log::info!("{}", load.summary());
                    self.engine.services.persistence.last_load = load.tally();
                }
                if part.is_old {
                    log::info!("Reading the remaining AOF tail...");
                }
                loading.doing = self.commands_from(offset);
            }
            Piece::Commands(batch) => {
                if let Doing::Commands(commands) = &mut loading.doing {
                    commands.batch = batch;
                    commands.at = 0;
                }
            }
            Piece::End { is_empty, sum } => {
                let is_cut = self.cut_transaction(loading)?;
                loading.sum = sum.filter(|_| !is_cut);
                self.end_part(loading, is_empty);
            }
            Piece::Failed(why) => {
                self.bear(loading, why)?;
                loading.sum = None;
                self.end_part(loading, false);
            }
        }
        Ok(())
    }

    fn commands_from(&self, start: u64) -> Doing {
        Doing::Commands(Box::new(Commands {
            replayer: self.engine.replayer(),
            batch: Batch::default(),
            at: 0,
            start,
            valid_to: start,
        }))
    }

    /// The first file has been read to its end.
    fn end_part(&mut self, loading: &mut LogLoading, is_empty: bool) {
        loading.doing = Doing::Nothing;
        let Some(part) = loading.parts.pop_front() else {
            return;
        };
        self.engine.file_loaded(part.len);
        if !is_empty {
            let us = self.engine.clock.monotonic_us() - loading.part_started_us;
            let kind = if part.is_base { "base" } else { "incr" };
            log::info!(
                "DB loaded from {kind} file {}: {:.3} seconds",
                show(&part.name),
                us as f64 / 1e6
            );
        }
    }

    /// A file that ends within a transaction is treated as if it ended before. Tells whether it was so.
    fn cut_transaction(&mut self, loading: &LogLoading) -> Result<bool, Ruin> {
        match &loading.doing {
            Doing::Commands(commands) if commands.replayer.is_in_transaction() => {
                if let Some(part) = loading.parts.front() {
                    log::warn!(
                        "Revert incomplete MULTI/EXEC transaction in AOF file {}",
                        show(&part.name)
                    );
                }
                self.cut_tail(loading)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Something is wrong with the first file. If the server can live with that, it is as if the file had ended.
    fn bear(&mut self, loading: &LogLoading, why: Failed) -> Result<(), Ruin> {
        let Some(part) = loading.parts.front() else {
            return Err(Ruin);
        };
        let name = show(&part.name);
        match why {
            Failed::Commands(Trouble::Ended) => return self.cut_tail(loading),
            Failed::Commands(Trouble::Io(error)) => log::warn!(
                "Unrecoverable error reading the append only file {name}: {}",
                explain(&error)
            ),
            Failed::Commands(Trouble::Malformed(_)) => {
                log::warn!("Bad file format reading the append only file {name}: {FATAL_FORMAT}")
            }
            Failed::Commands(Trouble::Checksum { from, to }) => log::warn!(
                "Checksum mismatch in the append only file {name}: the bytes from {from} to {to} are damaged. {FATAL_FORMAT}"
            ),
            Failed::Rdb(trouble) => return Err(part.blame(&RdbRuin::Trouble(trouble))),
            Failed::Open(error) if error.kind() == io::ErrorKind::NotFound => log::info!(
                "The append log file {name} doesn't exist: {}",
                explain(&error)
            ),
            Failed::Open(error) => log::warn!(
                "Fatal error: can't open the append log file {name} for reading: {}",
                explain(&error)
            ),
        }
        Err(Ruin)
    }

    /// The file ends in the middle of a command or a transaction.
    fn cut_tail(&mut self, loading: &LogLoading) -> Result<(), Ruin> {
        let (Some(part), Doing::Commands(commands)) = (loading.parts.front(), &loading.doing)
        else {
            return Err(Ruin);
        };
        let (name, valid_to) = (show(&part.name), commands.valid_to);
        if !self.engine.services.config.aof_load_truncated {
            log::warn!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
            );
            return Err(Ruin);
        }
        log::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
        if loading.parts.len() > 1 {
            // Redis cuts this file as well before it gives up. What is cut may be all that there is to repair it with.
            log::warn!("Fatal error: the truncated file is not the last file");
            return Err(Ruin);
        }
        log::warn!("!!! Truncating the AOF {name} at offset {valid_to} !!!");
        let cut = self.disk.truncate(&part.path, valid_to);
        cut.map_err(|error| {
            log::warn!("Error truncating the AOF file {name}: {}", explain(&error));
            Ruin
        })?;
        log::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
        Ok(())
    }
}

impl Part {
    /// Says what is wrong with the part of this file that is RDB.
    fn blame(&self, ruin: &RdbRuin) -> Ruin {
        let name = show(&self.name);
        let fatal = if self.is_old {
            format!("Error reading the RDB preamble of the AOF file {name}, AOF loading aborted")
        } else {
            format!("Error reading the RDB base file {name}, AOF loading aborted")
        };
        give_up(ruin, &self.path, &fatal);
        Ruin
    }
}

/// Keys whose time has passed stay: the log says when they went.
const AS_IT_WAS: Manner = Manner {
    drops_expired: false,
    ..Manner::WHOLE
};
