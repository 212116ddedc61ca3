//! Reading files ahead of the loop, one after the other.
//!
//! The bytes are checked, compared with their checksums and taken apart, so that the loop has only to run commands and
//! to put keys in their places. At the start a thread does this, and pieces go through a pipe; where clients wait
//! anyway (DEBUG RELOAD) the loop does it itself. An error comes behind everything that was read before it, and the
//! loop decides what becomes of the server.

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use super::delay::Delay;
use crate::persist::aof::feed::Sum;
use crate::persist::aof::{Batch, Reader, Trouble};
use crate::persist::disk::Disk;
use crate::persist::rdb::Limits;
use crate::persist::rdb::file::{self, FileReader, Options};
use crate::server::files::pipe::Gone;

/// The thread's work.
pub(in crate::server) struct Work {
    pub(crate) disk: Arc<dyn Disk>,
    /// In the order in which they are read.
    pub(crate) paths: Vec<PathBuf>,
    /// In place of a file: a data set as it comes from elsewhere.
    pub(crate) source: Option<Rest>,
    pub(crate) limits: Limits,
    pub(crate) options: Options,
    /// The current value of `key-load-delay`.
    pub(crate) delay_us: Arc<AtomicI32>,
    /// Files are RDB to their end, and not parts of a log.
    pub(crate) is_rdb: bool,
}

/// Takes pieces, each of about so many bytes of memory.
pub(in crate::server) type Take<'a> = &'a mut dyn FnMut(Piece, usize) -> Result<(), Gone>;

/// The pieces for the loop, file by file.
pub(in crate::server) enum Piece {
    /// The next file is open.
    Opened {
        is_rdb: bool,
    },
    Keys(file::Batch),
    /// The part of the file that is RDB ends here; in a log commands follow.
    Preamble {
        offset: u64,
    },
    Commands(Batch),
    /// All of the file has been read. `sum` vouches for it, if one sum can.
    End {
        is_empty: bool,
        sum: Option<Sum>,
    },
    Failed(Failed),
}

/// Why no more will come.
pub(in crate::server) enum Failed {
    Open(io::Error),
    Rdb(file::Trouble),
    Commands(Trouble),
}

/// A file, from wherever it has been read to.
pub(in crate::server) type Rest = Box<dyn Read + Send>;

/// The rest need not be read.
enum Stop {
    Nobody,
    Failed(Failed),
}

impl From<Gone> for Stop {
    fn from(Gone: Gone) -> Self {
        Self::Nobody
    }
}

impl Work {
    /// Reads all files, until one of them is damaged or nobody takes pieces any more.
    pub(crate) fn run(mut self, take: Take<'_>) {
        let delay = Delay::new(self.delay_us.clone());
        if let Some(source) = self.source.take() {
            if let Err(Stop::Failed(why)) = self.read(source, true, &delay, take) {
                let _ = take(Piece::Failed(why), 0);
            }
            return;
        }
        for path in &self.paths {
            let outcome = match self.open(path) {
                Ok((file, is_rdb)) => self.read(file, is_rdb, &delay, take),
                Err(error) => Err(Stop::Failed(Failed::Open(error))),
            };
            match outcome {
                Ok(()) => {}
                Err(Stop::Nobody) => return,
                Err(Stop::Failed(why)) => {
                    let _ = take(Piece::Failed(why), 0);
                    return;
                }
            }
        }
    }

    /// Returns the file, and whether it begins as RDB does.
    fn open(&self, path: &Path) -> io::Result<(Rest, bool)> {
        let mut file = self.disk.open(path)?;
        if self.is_rdb {
            return Ok((Box::new(file), true));
        }
        let mut magic = Vec::new();
        (&mut file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic)?;
        let is_rdb = magic == MAGIC;
        Ok((Box::new(Cursor::new(magic).chain(file)), is_rdb))
    }

    fn read(&self, file: Rest, is_rdb: bool, delay: &Delay, take: Take<'_>) -> Result<(), Stop> {
        take(Piece::Opened { is_rdb }, 0)?;
        if !is_rdb {
            return Self::read_commands(Vec::new(), file, 0, delay, take);
        }
        let (ahead, file, offset) = self.read_keys(file, delay, take)?;
        take(Piece::Preamble { offset }, 0)?;
        if self.is_rdb {
            let (is_empty, sum) = (false, None);
            return Ok(take(Piece::End { is_empty, sum }, 0)?);
        }
        Self::read_commands(ahead, file, offset, delay, take)
    }

    /// Returns the bytes read beyond the keys, the rest of the file, and how much of it the keys took.
    fn read_keys(
        &self,
        file: Rest,
        delay: &Delay,
        take: Take<'_>,
    ) -> Result<(Vec<u8>, Rest, u64), Stop> {
        let mut reader = FileReader::new(file, &self.limits, self.options);
        let mut read_before = 0;
        loop {
            let mut batch = file::Batch::default();
            let outcome = reader.fill(&mut batch, || delay.after_key());
            let bytes = (reader.offset() - read_before) as usize + batch.arena.len();
            read_before = reader.offset();
            take(Piece::Keys(batch), bytes)?;
            match outcome {
                Ok(true) => {}
                Ok(false) => break,
                Err(trouble) => return Err(Stop::Failed(Failed::Rdb(trouble))),
            }
        }
        let (ahead, file) = reader.into_input();
        Ok((ahead, file, read_before))
    }

    fn read_commands(
        ahead: Vec<u8>,
        file: Rest,
        start: u64,
        delay: &Delay,
        take: Take<'_>,
    ) -> Result<(), Stop> {
        let mut reader = Reader::new(ahead, file);
        loop {
            let mut batch = Batch::default();
            let outcome = reader.fill(&mut batch, || delay.after_key());
            if !batch.commands.is_empty() {
                let bytes = batch.commands.bytes();
                take(Piece::Commands(batch), bytes)?;
            }
            match outcome {
                Ok(true) => {}
                Ok(false) => break,
                Err(trouble) => return Err(Stop::Failed(Failed::Commands(trouble))),
            }
        }
        let is_empty = start == 0 && reader.offset() == 0;
        let sum = (start == 0).then(|| reader.sum().clone());
        Ok(take(Piece::End { is_empty, sum }, 0)?)
    }
}

const MAGIC: &[u8] = b"REDIS";
