//! Receives the data set of our primary: into a file that is then read, or straight into the reader.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use crate::base::text::explain;
use crate::engine::dataset::appending::State;
use crate::engine::replication::Into;
use crate::persist::disk::Disk;
use crate::persist::rdb::file::SYNC_BYTES;
use crate::reactor::{Io, Waker};
use crate::server::Server;
use crate::server::files::paths::rdb_path;
use crate::server::files::pipe::{Receiver, Sender, pipe};

/// Bytes, and at last nothing: that was all.
type Piece = Option<Vec<u8>>;

/// A data set that is coming.
pub(super) struct Receiving {
    /// `None` when all has been passed on.
    pieces: Option<Sender<Piece>>,
    is_choked: bool,
    /// What becomes of the file.
    file: Option<Arriving>,
}

/// A file that a thread writes.
struct Arriving {
    path: PathBuf,
    outcome: mpsc::Receiver<io::Result<u64>>,
}

/// The reader's end of the pipe.
struct FromLoop {
    pieces: Receiver<Piece>,
    waker: Waker,
    bytes: Vec<u8>,
    at: usize,
}

impl FromLoop {
    /// Sees to it that there are bytes. `None`: there will be no more; `Some(true)`: all have come.
    fn next(&mut self) -> Option<bool> {
        let waker = &self.waker;
        match self.pieces.next(|| waker.wake()) {
            None => None,
            Some(None) => Some(true),
            Some(Some(bytes)) => {
                (self.bytes, self.at) = (bytes, 0);
                Some(false)
            }
        }
    }
}

impl Read for FromLoop {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.at == self.bytes.len() {
            if self.next() != Some(false) {
                return Ok(0);
            }
        }
        let left = &self.bytes[self.at..];
        let count = left.len().min(space.len());
        space[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Server {
    pub(super) fn begin_receiving(&mut self, into: Into, len: Option<u64>) {
        let (sender, receiver) = pipe();
        let mut source = FromLoop {
            pieces: receiver,
            waker: self.waker.clone(),
            bytes: Vec::new(),
            at: 0,
        };
        let mut file = None;
        match into {
            Into::Memory | Into::Aside => {
                self.stop_saving_old_data();
                self.load_sync(
                    PathBuf::from("socket"),
                    len.unwrap_or(0),
                    Some(Box::new(source)),
                );
            }
            Into::Disk => {
                let path = self.temporary();
                let (disk, target) = (self.disk.clone(), path.clone());
                let (tell, outcome) = mpsc::channel();
                let waker = self.waker.clone();
                let spawned = self.crew.spawn("receive", move || {
                    if let Some(outcome) = write(&disk, &target, &mut source) {
                        let _ = tell.send(outcome);
                    }
                    waker.wake();
                });
                if let Err(error) = spawned {
                    self.engine
                        .handle_sync_failed(&format!("Cannot start a thread: {error}"));
                    return;
                }
                file = Some(Arriving { path, outcome });
            }
        }
        self.links.receiving = Some(Receiving {
            pieces: Some(sender),
            is_choked: false,
            file,
        });
    }

    /// A name in the directory of the saved file.
    fn temporary(&self) -> PathBuf {
        let now_s = self.engine.log_terms().now.unix_ms / 1000;
        let name = format!("temp-{now_s}.{}.rdb", std::process::id());
        rdb_path(self.engine.config()).with_file_name(name)
    }

    pub(super) fn attend_receiving(&mut self, io: &mut Io) {
        self.pass_payload_on(io);
        let Some(receiving) = &mut self.links.receiving else {
            return;
        };
        let Some(arriving) = &receiving.file else {
            if receiving.pieces.is_none() {
                self.links.receiving = None;
            }
            return;
        };
        let outcome = match arriving.outcome.try_recv() {
            Ok(outcome) => outcome,
            Err(mpsc::TryRecvError::Empty) => return,
            Err(mpsc::TryRecvError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
        };
        let path = arriving.path.clone();
        self.links.receiving = None;
        match outcome {
            Ok(len) => self.received(&path, len),
            Err(error) => {
                let reason = format!(
                    "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA synchronization: {}",
                    explain(&error)
                );
                self.engine.handle_sync_failed(&reason);
            }
        }
    }

    /// Passes on what has come, as far as the thread can take it.
    fn pass_payload_on(&mut self, io: &mut Io) {
        let Some(receiving) = &mut self.links.receiving else {
            return;
        };
        while let Some(pieces) = &receiving.pieces {
            let has_room = pieces.has_room();
            if has_room == receiving.is_choked {
                receiving.is_choked = !has_room;
                self.engine.choke_payload(!has_room);
                if has_room && let Some(id) = self.engine.link() {
                    io.resume_reading(id);
                }
            }
            if !has_room {
                return;
            }
            let Some((bytes, is_end)) = self.engine.poll_payload() else {
                return;
            };
            let len = bytes.len();
            // If the thread is gone, its report says why.
            let _ = pieces.send(Some(bytes), len);
            if is_end {
                let _ = pieces.send(None, 0);
                receiving.pieces = None;
            }
        }
    }

    /// The file is there: it becomes the saved one, and takes the place of our data.
    fn received(&mut self, path: &Path, len: u64) {
        let target = rdb_path(self.engine.config());
        self.stop_saving_old_data();
        if let Err(error) = self.disk.rename(path, &target) {
            let reason = format!(
                "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA synchronization: {}",
                target.display(),
                explain(&error)
            );
            let _ = self.disk.remove(path);
            self.engine.handle_sync_failed(&reason);
            return;
        }
        self.engine.empty_for_sync(len);
        self.load_sync(target, len, None);
    }

    /// The data set goes: nobody needs a file of it, and the log is of another one from here on.
    fn stop_saving_old_data(&mut self) {
        if self.saver.is_some() {
            self.part_with_snapshot();
        }
        if self.engine.log_state() != State::Off {
            self.close_log();
        }
    }
}

/// Writes all that comes. `None`: it broke off, and nobody wants to know.
fn write(disk: &Arc<dyn Disk>, path: &Path, source: &mut FromLoop) -> Option<io::Result<u64>> {
    let outcome = write_all(disk, path, source);
    if !matches!(outcome, Some(Ok(_))) {
        let _ = disk.remove(path);
    }
    outcome
}

fn write_all(disk: &Arc<dyn Disk>, path: &Path, source: &mut FromLoop) -> Option<io::Result<u64>> {
    let mut file = match disk.create(path) {
        Ok(file) => file,
        Err(error) => return Some(Err(error)),
    };
    let (mut len, mut synced) = (0, 0);
    while !source.next()? {
        if let Err(error) = file.write_all(&source.bytes) {
            return Some(Err(error));
        }
        len += source.bytes.len() as u64;
        if len - synced >= SYNC_BYTES {
            synced = len;
            if let Err(error) = file.sync() {
                return Some(Err(error));
            }
        }
    }
    Some(file.sync().map(|()| len))
}
