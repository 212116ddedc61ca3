//! SAVE: writes the data set to its file at once, while all clients wait. BGSAVE is in `saver`.
//!
//! The file is named relative to the directory that the process stands in.

use std::io;

use crate::base::slab::Id;
use crate::persist::rdb::file::{self, Failure};
use crate::server::Server;
use crate::server::files::paths::rdb_path;
use crate::spec::error::Error;

impl Server {
    /// Writes the file; the log says how it went.
    pub(in crate::server) fn save(&mut self) -> Result<(), Failure> {
        self.save_unless(|| false)
    }

    /// Writes the file, or gives it up when `is_given_up` says so.
    pub(in crate::server) fn save_unless(
        &mut self,
        is_given_up: impl Fn() -> bool,
    ) -> Result<(), Failure> {
        // The file that the thread is writing would otherwise take the name of the one that is saved now.
        self.give_up_rdb_snapshot();
        let config = self.engine.config();
        let path = rdb_path(config);
        let syncs_on_the_way = config.rdb_save_incremental_fsync;
        let delay_us = config.rdb_key_save_delay_us;
        let outline = self.engine.outline(false);
        let engine = &self.engine;
        let mut each_key = || {
            if delay_us > 0 {
                engine.sleep_us(delay_us as u64);
            }
            if is_given_up() {
                return Err(io::Error::other("Interrupted"));
            }
            Ok(())
        };
        let outcome = file::save(&self.disk, &path, syncs_on_the_way, |sink| {
            let mut snapshot = outline.begin(sink, &mut each_key)?;
            engine.show_all(&mut snapshot)?;
            snapshot.finish()
        });
        match &outcome {
            Ok(()) => {
                log::info!("DB saved on disk");
                self.engine.saved();
            }
            Err(failure) => log::warn!("{failure}"),
        }
        outcome
    }

    /// SAVE
    pub(in crate::server) fn save_for(&mut self, waiting: Option<Id>) {
        let outcome = self.save().map_err(|_| Error::from("ERR"));
        self.answer_waiting(waiting, outcome);
    }

    pub(in crate::server) fn answer_waiting(
        &mut self,
        waiting: Option<Id>,
        outcome: Result<(), Error>,
    ) {
        if let Some(id) = waiting {
            self.engine.answer_parked(id, outcome);
        }
    }
}
