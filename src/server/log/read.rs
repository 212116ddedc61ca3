//! Reads the log when the server starts, and for DEBUG LOADAOF.
//!
//! The base and the increments are read one after the other, in slices between which clients are told that the data set
//! is not there yet. Commands run as they ran when they were written down: nobody may refuse them, and a key is there
//! until the log says that it went.
//!
//! Only the last file may end in the middle of a command, since only that one was being written.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::base::text::explain;
use crate::engine::loading::{Load, Manner};
use crate::engine::replay::{Replayed, Replayer};
use crate::persist::aof::feed::Sum;
use crate::persist::aof::{Item, Reader, Trouble};
use crate::persist::rdb::file::{Batch, FileReader};
use crate::reactor::Io;
use crate::server::Server;

use super::files::{adopt_old_file, in_directory, read_manifest, show, size_of_all};

/// A log that is being read.
pub(in crate::server) struct LogLoading {
    files: VecDeque<Part>,
    current: Option<Current>,
    bytes_total: u64,
    bytes_before: u64,
    base_size: u64,
    started_us: u64,
    sum: Option<Sum>,
}

/// One file of the log.
struct Part {
    name: Vec<u8>,
    path: PathBuf,
    is_base: bool,
    is_last: bool,
}

/// The file that is being read.
struct Current {
    part: Part,
    source: Source,
    started_us: u64,
}

enum Source {
    Rdb {
        reader: Box<FileReader<Box<dyn Read + Send>>>,
        load: Load,
        batch: Batch,
        /// Commands follow in the same file.
        has_tail: bool,
    },
    Commands {
        reader: Reader<Box<dyn Read + Send>>,
        /// Where the reader began.
        start: u64,
        replayer: Box<Replayer>,
        /// All before this offset is complete.
        valid_to: u64,
    },
}

/// How long is read before clients have their turn.
const SLICE_US: u64 = 2000;
/// So many commands between two looks at the clock.
const COMMANDS_PER_LOOK: usize = 64;

const FATAL_FORMAT: &str =
    "make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>";

/// The server cannot go on; the log says why.
struct Ruin;

impl LogLoading {
    fn begin(server: &mut Server) -> Result<Self, Ruin> {
        let config = &server.engine.services.config;
        let found = read_manifest(&*server.disk, config).map_err(|()| Ruin)?;
        let manifest = adopt_old_file(&*server.disk, config, found).map_err(|()| Ruin)?;
        let bytes_total = size_of_all(&*server.disk, config, &manifest);
        let count = manifest.to_read().count();
        let files = manifest.to_read().enumerate().map(|(at, entry)| Part {
            name: entry.name.clone(),
            path: in_directory(config, &entry.name),
            is_base: at == 0 && manifest.base.is_some(),
            is_last: at + 1 == count,
        });
        let files: VecDeque<Part> = files.collect();
        let base_size = (files.front())
            .filter(|part| part.is_base)
            .map_or(0, |part| server.disk.len(&part.path).unwrap_or(0));
        server.log.manifest = manifest;
        Ok(Self {
            files,
            current: None,
            bytes_total,
            bytes_before: 0,
            base_size,
            started_us: server.engine.clock.monotonic_us(),
            sum: None,
        })
    }
}

impl Server {
    /// Begins to read the log. Returns the status that the process shall end with if it cannot.
    pub(in crate::server) fn begin_log(&mut self) -> Result<(), i32> {
        let loading = LogLoading::begin(self).map_err(|Ruin| 1)?;
        if loading.files.is_empty() {
            self.log_is_read(&loading)?;
            return Ok(());
        }
        self.engine.begin_load(AS_IT_WAS, loading.bytes_total);
        self.log_loading = Some(Box::new(loading));
        Ok(())
    }

    /// Reads a slice of the log. Tells whether there is more.
    pub(in crate::server) fn load_log_some(&mut self, io: &mut Io) -> bool {
        let Some(mut loading) = self.log_loading.take() else {
            return false;
        };
        let until_us = self.engine.clock.monotonic_us() + SLICE_US;
        match self.read_slice(&mut loading, Some(until_us)) {
            Ok(true) => {
                self.log_loading = Some(loading);
                true
            }
            Ok(false) => {
                self.end_of_loading();
                if let Err(status) = self.log_is_read(&loading) {
                    self.exit_code = status;
                    io.stop();
                    return false;
                }
                self.welcome();
                false
            }
            Err(Ruin) => {
                self.exit_code = 1;
                io.stop();
                false
            }
        }
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
        let Ok(mut loading) = LogLoading::begin(self) else {
            return false;
        };
        self.engine.begin_load(AS_IT_WAS, loading.bytes_total);
        let outcome = self.read_slice(&mut loading, None);
        self.end_of_loading();
        self.engine.fx.listening = fed != crate::engine::appending::State::Off;
        self.engine.keyspace.journal.dirty = 0;
        if outcome.is_ok() {
            log::warn!("Append Only File loaded by DEBUG LOADAOF");
        }
        outcome.is_ok()
    }

    fn end_of_loading(&mut self) {
        self.engine.services.server.is_loading = false;
        self.engine.services.persistence.loading = None;
    }

    fn log_is_read(&mut self, loading: &LogLoading) -> Result<(), i32> {
        if !self.log.manifest.is_empty() {
            let us = self.engine.clock.monotonic_us() - loading.started_us;
            log::info!(
                "DB loaded from append only file: {:.3} seconds",
                us as f64 / 1e6
            );
        }
        self.engine.services.appending.base_size = loading.base_size;
        if !self.engine.services.config.appendonly {
            // It was switched off meanwhile.
            return Ok(());
        }
        self.open_log(loading.sum.clone(), self.waker.clone())?;
        self.remove_history();
        Ok(())
    }

    /// Reads until the time is over (true) or all is read (false).
    fn read_slice(
        &mut self,
        loading: &mut LogLoading,
        until_us: Option<u64>,
    ) -> Result<bool, Ruin> {
        loop {
            if loading.current.is_none() {
                let Some(part) = loading.files.pop_front() else {
                    return Ok(false);
                };
                loading.current = Some(self.open_part(part)?);
            }
            let Some(mut current) = loading.current.take() else {
                continue;
            };
            let is_read = match &mut current.source {
                Source::Rdb { .. } => self.read_rdb(&mut current)?,
                Source::Commands { .. } => self.read_commands(loading, &mut current)?,
            };
            if let Some(progress) = &mut self.engine.services.persistence.loading {
                progress.bytes = loading.bytes_before + current.source.offset();
            }
            if is_read {
                loading.bytes_before += self.disk.len(&current.part.path).unwrap_or(0);
                let us = self.engine.clock.monotonic_us() - current.started_us;
                let kind = if current.part.is_base { "base" } else { "incr" };
                log::info!(
                    "DB loaded from {kind} file {}: {:.3} seconds",
                    show(&current.part.name),
                    us as f64 / 1e6
                );
            } else {
                loading.current = Some(current);
            }
            if until_us.is_some_and(|until_us| self.engine.clock.monotonic_us() > until_us) {
                return Ok(true);
            }
        }
    }

    fn open_part(&mut self, part: Part) -> Result<Current, Ruin> {
        let name = show(&part.name);
        let opened = self.disk.open(&part.path).and_then(|start| {
            let len = self.disk.len(&part.path)?;
            let mut magic = Vec::new();
            start.take(5).read_to_end(&mut magic)?;
            Ok((self.disk.open(&part.path)?, len, magic == b"REDIS"))
        });
        let (file, len, is_rdb) = opened.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                log::info!(
                    "The append log file {name} doesn't exist: {}",
                    explain(&error)
                );
            } else {
                log::warn!(
                    "Fatal error: can't open the append log file {name} for reading: {}",
                    explain(&error)
                );
            }
            Ruin
        })?;
        let source = if is_rdb {
            if !part.name.ends_with(b".rdb") {
                log::info!("Reading RDB base file on AOF loading...");
            }
            let (limits, options) = (self.engine.rdb_limits(), self.engine.rdb_options());
            let progress = self.engine.services.persistence.loading.take();
            let load = self.engine.begin_load(AS_IT_WAS, len);
            if progress.is_some() {
                self.engine.services.persistence.loading = progress;
            }
            Source::Rdb {
                reader: Box::new(FileReader::new(file, &limits, options)),
                load,
                batch: Batch::default(),
                has_tail: !part.name.ends_with(b".rdb"),
            }
        } else {
            self.commands(Vec::new(), file, 0)
        };
        Ok(Current {
            part,
            source,
            started_us: self.engine.clock.monotonic_us(),
        })
    }

    fn commands(&mut self, ahead: Vec<u8>, file: Box<dyn Read + Send>, start: u64) -> Source {
        Source::Commands {
            reader: Reader::new(ahead, file),
            start,
            replayer: Box::new(self.engine.replayer()),
            valid_to: start,
        }
    }

    /// Takes in a batch of a base. Tells whether the file has been read.
    fn read_rdb(&mut self, current: &mut Current) -> Result<bool, Ruin> {
        let name = show(&current.part.name);
        let Source::Rdb {
            reader,
            load,
            batch,
            has_tail,
        } = &mut current.source
        else {
            return Ok(true);
        };
        let delay_us = self.engine.services.config.key_load_delay_us;
        let filled = reader.fill(batch, || slow_down(delay_us));
        let taken = self.engine.take_in(load, batch);
        let goes_on = match (filled, taken) {
            (Ok(goes_on), Ok(())) => goes_on,
            (Err(trouble), _) => {
                log::warn!("{}", trouble.wrong);
                log::warn!(
                    "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"
                );
                return Err(Ruin);
            }
            (_, Err(refusal)) => {
                log::warn!("{refusal}");
                log::warn!(
                    "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"
                );
                return Err(Ruin);
            }
        };
        if goes_on {
            return Ok(false);
        }
        self.engine.services.persistence.last_load = load.tally();
        if !*has_tail {
            return Ok(true);
        }
        log::info!("Reading the remaining AOF tail...");
        let start = reader.offset();
        let empty = Source::Commands {
            reader: Reader::new(Vec::new(), Box::new(io::empty())),
            start: 0,
            replayer: Box::new(self.engine.replayer()),
            valid_to: 0,
        };
        if let Source::Rdb { reader, .. } = std::mem::replace(&mut current.source, empty) {
            let (ahead, file) = reader.into_input();
            current.source = self.commands(ahead, file, start);
        }
        Ok(false)
    }

    /// Runs some commands. Tells whether the file has been read.
    fn read_commands(
        &mut self,
        loading: &mut LogLoading,
        current: &mut Current,
    ) -> Result<bool, Ruin> {
        let Source::Commands {
            reader,
            start,
            replayer,
            valid_to,
        } = &mut current.source
        else {
            return Ok(true);
        };
        let name = show(&current.part.name);
        let mut is_late = false;
        let delay_us = self.engine.services.config.key_load_delay_us;
        for _ in 0..COMMANDS_PER_LOOK {
            if slow_down(delay_us) {
                is_late = true;
            }
            let trouble = match reader.item() {
                Ok(Item::Command(args)) => match self.engine.replay(replayer, args.as_args()) {
                    Replayed::Done => None,
                    Replayed::Unknown => {
                        let word = String::from_utf8_lossy(args.as_args().name()).into_owned();
                        log::warn!("Unknown command '{word}' reading the append only file {name}");
                        return Err(Ruin);
                    }
                },
                Ok(Item::Time(_) | Item::Comment) => None,
                Ok(Item::End) if replayer.is_in_transaction() => {
                    log::warn!("Revert incomplete MULTI/EXEC transaction from AOF file {name}");
                    Some(Trouble::Ended)
                }
                Ok(Item::End) => {
                    if current.part.is_last && *start == 0 {
                        loading.sum = Some(reader.sum().clone());
                    }
                    return Ok(true);
                }
                Err(trouble) => Some(trouble),
            };
            let Some(trouble) = trouble else {
                if !replayer.is_in_transaction() {
                    *valid_to = *start + reader.offset();
                }
                if is_late {
                    return Ok(false);
                }
                continue;
            };
            return match trouble {
                Trouble::Ended => self.cut_tail(&current.part, *valid_to).map(|()| true),
                Trouble::Io(error) => {
                    log::warn!(
                        "Unrecoverable error reading the append only file {name}: {}",
                        explain(&error)
                    );
                    Err(Ruin)
                }
                Trouble::Malformed(_) => {
                    log::warn!(
                        "Bad file format reading the append only file {name}: {FATAL_FORMAT}"
                    );
                    Err(Ruin)
                }
                Trouble::Checksum { from, to } => {
                    log::warn!(
                        "Checksum mismatch in the append only file {name}: the bytes from {from} to {to} are damaged. {FATAL_FORMAT}"
                    );
                    Err(Ruin)
                }
            };
        }
        Ok(false)
    }

    /// The file ends in the middle of a command.
    fn cut_tail(&mut self, part: &Part, valid_to: u64) -> Result<(), Ruin> {
        let name = show(&part.name);
        if !(self.engine.services.config.aof_load_truncated && part.is_last) {
            log::warn!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
            );
            return Err(Ruin);
        }
        log::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
        log::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
        log::warn!("Truncating the AOF {name} at offset {valid_to}");
        let cut = self.disk.truncate(&part.path, valid_to);
        cut.map_err(|error| {
            log::warn!("Error truncating the AOF file {name}: {}", explain(&error));
            Ruin
        })
    }
}

impl Source {
    fn offset(&self) -> u64 {
        match self {
            Self::Rdb { reader, .. } => reader.offset(),
            Self::Commands { reader, start, .. } => start + reader.offset(),
        }
    }
}

/// `key-load-delay`, with which tests make a load last. Tells whether it did.
fn slow_down(us: i32) -> bool {
    if us > 0 {
        std::thread::sleep(std::time::Duration::from_micros(us as u64));
    }
    us > 0
}

/// Keys whose time has passed stay: the log says when they went.
const AS_IT_WAS: Manner = Manner {
    drops_expired: false,
    ..Manner::WHOLE
};
