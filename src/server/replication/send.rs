//! Sends a saved file to a replica: a thread reads, the loop passes on what the replica can take.

use std::io::{self, Read};

use crate::base::slab::Id;
use crate::base::text::explain;
use crate::server::Server;
use crate::server::files::paths::rdb_path;
use crate::server::files::pipe::{Next, Receiver, outward_pipe};

/// A file on its way to a replica.
pub(super) struct Transfer {
    id: Id,
    pieces: Receiver<Vec<u8>>,
    left: u64,
}

/// How much of a file is read at once.
const PIECE_BYTES: usize = 64 * 1024;

impl Server {
    /// Sends the file that was just saved to these replicas.
    pub(in crate::server) fn send_file(&mut self, receivers: &[Id]) {
        for &id in receivers {
            if let Err(error) = self.begin_transfer(id) {
                log::warn!(
                    "SYNC failed. Can't open/stat DB after BGSAVE: {}",
                    explain(&error)
                );
                self.engine.handle_file_end(id, false);
            }
        }
    }

    fn begin_transfer(&mut self, id: Id) -> io::Result<()> {
        let path = rdb_path(self.engine.config());
        let len = self.disk.len(&path)?;
        let mut file = self.disk.open(&path)?.take(len);
        let (sender, pieces) = outward_pipe();
        let waker = self.waker.clone();
        self.crew.spawn("send", move || {
            loop {
                let mut bytes = vec![0; PIECE_BYTES];
                // A file that cannot be read is too short for the loop, and that is enough.
                let count = match file.read(&mut bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => break,
                    Ok(count) => count,
                };
                bytes.truncate(count);
                if sender.send(bytes, count).is_err() {
                    break;
                }
                waker.wake();
            }
            drop(sender);
            waker.wake();
        })?;
        self.engine
            .handle_file(id, format!("${len}\r\n").into_bytes());
        self.links.transfers.push(Transfer {
            id,
            pieces,
            left: len,
        });
        Ok(())
    }

    pub(super) fn attend_transfers(&mut self) {
        let mut transfers = std::mem::take(&mut self.links.transfers);
        transfers.retain_mut(|transfer| {
            while self.engine.output_has_room(transfer.id) {
                match transfer.pieces.try_next() {
                    Next::Piece(bytes) => {
                        transfer.left = transfer.left.saturating_sub(bytes.len() as u64);
                        if !self.engine.handle_file(transfer.id, bytes) {
                            return false;
                        }
                    }
                    Next::Nothing => return true,
                    Next::Over => {
                        let is_whole = transfer.left == 0;
                        self.engine.handle_file_end(transfer.id, is_whole);
                        return false;
                    }
                }
            }
            true
        });
        self.links.transfers = transfers;
    }
}
