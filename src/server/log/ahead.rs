//! The thread that reads the log's files, one after the other, ahead of the loop.
//!
//! It reads, compares checksums and takes apart what is read, so that the loop has only to run commands and to put keys
//! in their places. What it finds wrong goes to the loop behind everything that came before it, and it is the loop that
//! decides what becomes of the server.

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use crate::persist::aof::feed::Sum;
use crate::persist::aof::{Batch, Reader, Trouble};
use crate::persist::disk::Disk;
use crate::persist::rdb::Limits;
use crate::persist::rdb::file::{self, FileReader, Options};
use crate::reactor::Waker;
use crate::server::load::{Delay, Gone, Sender};

/// What the thread has to do.
pub(super) struct Work {
    pub disk: Arc<dyn Disk>,
    /// In the order in which they are read.
    pub paths: Vec<PathBuf>,
    pub limits: Limits,
    pub options: Options,
    /// What `key-load-delay` says at the moment.
    pub delay_us: Arc<AtomicI32>,
    pub sender: Sender<Piece>,
    pub waker: Waker,
}

/// What the loop gets, file by file.
pub(super) enum Piece {
    /// The next file is open.
    Opened {
        is_rdb: bool,
    },
    Keys(file::Batch),
    /// The part of the file that is RDB ends here, and commands follow.
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
pub(super) enum Failed {
    Open(io::Error),
    Rdb(file::Trouble),
    Commands(Trouble),
}

/// A file, from wherever it has been read to.
type Rest = Box<dyn Read + Send>;

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
    pub fn run(self) {
        let delay = Delay::new(self.delay_us.clone());
        for path in &self.paths {
            let outcome = match self.open(path) {
                Ok((file, is_rdb)) => self.read(file, is_rdb, &delay),
                Err(error) => Err(Stop::Failed(Failed::Open(error))),
            };
            match outcome {
                Ok(()) => {}
                Err(Stop::Nobody) => return,
                Err(Stop::Failed(why)) => {
                    let _ = self.send(Piece::Failed(why), 0);
                    return;
                }
            }
        }
    }

    /// Tells whether the file begins as RDB does.
    fn open(&self, path: &Path) -> io::Result<(Rest, bool)> {
        let mut file = self.disk.open(path)?;
        let mut magic = Vec::new();
        (&mut file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic)?;
        let is_rdb = magic == MAGIC;
        Ok((Box::new(Cursor::new(magic).chain(file)), is_rdb))
    }

    fn send(&self, piece: Piece, bytes: usize) -> Result<(), Gone> {
        self.sender.send(piece, bytes)?;
        self.waker.wake();
        Ok(())
    }

    fn read(&self, file: Rest, is_rdb: bool, delay: &Delay) -> Result<(), Stop> {
        self.send(Piece::Opened { is_rdb }, 0)?;
        if !is_rdb {
            return self.read_commands(Vec::new(), file, 0, delay);
        }
        let (ahead, file, offset) = self.read_keys(file, delay)?;
        self.send(Piece::Preamble { offset }, 0)?;
        self.read_commands(ahead, file, offset, delay)
    }

    /// Returns what has been read of what follows the keys, the rest of the file, and how much of it the keys took.
    fn read_keys(&self, file: Rest, delay: &Delay) -> Result<(Vec<u8>, Rest, u64), Stop> {
        let mut reader = FileReader::new(file, &self.limits, self.options);
        let mut read_before = 0;
        loop {
            let mut batch = file::Batch::default();
            let outcome = reader.fill(&mut batch, || delay.after_key());
            let bytes = (reader.offset() - read_before) as usize + batch.arena.len();
            read_before = reader.offset();
            self.send(Piece::Keys(batch), bytes)?;
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
        &self,
        ahead: Vec<u8>,
        file: Rest,
        start: u64,
        delay: &Delay,
    ) -> Result<(), Stop> {
        let mut reader = Reader::new(ahead, file);
        loop {
            let mut batch = Batch::default();
            let outcome = reader.fill(&mut batch, || delay.after_key());
            if !batch.commands.is_empty() {
                let bytes = batch.commands.bytes();
                self.send(Piece::Commands(batch), bytes)?;
            }
            match outcome {
                Ok(true) => {}
                Ok(false) => break,
                Err(trouble) => return Err(Stop::Failed(Failed::Commands(trouble))),
            }
        }
        let is_empty = start == 0 && reader.offset() == 0;
        let sum = (start == 0).then(|| reader.sum().clone());
        Ok(self.send(Piece::End { is_empty, sum }, 0)?)
    }
}

const MAGIC: &[u8] = b"REDIS";
