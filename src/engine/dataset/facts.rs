//! The facts that a file states about itself, as its reader takes notice of them.

use crate::engine::Engine;
use crate::repl::NO_ID;

impl Engine {
    /// Takes notice of one.
    pub(super) fn note_aux(&mut self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let number = || text.parse::<i64>().unwrap_or(0);
        match name {
            b"redis-ver" | b"valkey-ver" => log::info!("Loading RDB produced by version {text}"),
            b"ctime" => {
                let age = (self.now.unix_ms / 1000).saturating_sub(number()).max(0);
                log::info!("RDB age {age} seconds");
            }
            b"used-mem" => {
                let bytes = number();
                log::info!(
                    "RDB memory usage when created {:.2} Mb",
                    bytes as f64 / (1024.0 * 1024.0)
                );
                if let Some(progress) = &mut self.services.persistence.loading {
                    progress.used_memory = bytes.max(0) as u64;
                }
            }
            b"aof-preamble" if number() != 0 => log::info!("RDB has an AOF tail"),
            b"aof-base" if number() != 0 => log::info!("RDB is base AOF"),
            b"repl-id" if text.len() == NO_ID.len() => {
                self.services.replication.told.id = Some(text.into_owned());
            }
            b"repl-offset" => self.services.replication.told.offset = text.parse().ok(),
            b"repl-stream-db" => self.services.replication.told.db = text.parse().ok(),
            _ => {}
        }
    }
}
