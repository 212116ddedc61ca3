//! Writes the data set to its file, and ends the server.
//!
//! Both happen between two turns of the loop, so nobody sees a half of it. The file is named relative to the directory
//! that the process stands in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::Server;
use crate::base::slab::Id;
use crate::config::Config;
use crate::engine::appending::State;
use crate::engine::effects::Shutdown;
use crate::engine::snapshot::Purpose;
use crate::observe::banner;
use crate::persist::rdb::file::{self, Failure};
use crate::reactor::Io;
use crate::spec::error::Error;

/// Where the data set is kept.
pub fn rdb_path(config: &Config) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&config.dbfilename))
}

impl Server {
    /// Writes the file; the log says how it went.
    pub(super) fn save(&mut self) -> Result<(), Failure> {
        self.save_unless(|| false)
    }

    /// Writes the file, or gives it up when `is_given_up` says so.
    fn save_unless(&mut self, is_given_up: impl Fn() -> bool) -> Result<(), Failure> {
        // What the thread is writing would otherwise take the name of what is saved now.
        self.give_up_rdb_snapshot();
        let config = &self.engine.services.config;
        let path = rdb_path(config);
        let syncs_on_the_way = config.rdb_save_incremental_fsync;
        let form = self.engine.rdb_form();
        let engine = &self.engine;
        let outcome = file::save(&self.disk, &path, form, syncs_on_the_way, |file| {
            engine.write_all(file, || !is_given_up())
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
    pub(super) fn save_for(&mut self, waiting: Option<Id>) {
        let outcome = self.save().map_err(|_| Error::from("ERR"));
        self.answer_waiting(waiting, outcome);
    }

    pub(super) fn answer_waiting(&mut self, waiting: Option<Id>, outcome: Result<(), Error>) {
        if let Some(id) = waiting {
            self.engine.answer_parked(id, outcome);
        }
    }

    /// Saves if that is wanted, and leaves the loop; or stays, if saving fails and nobody insists.
    pub(super) fn shut_down(&mut self, io: &mut Io, waiting: Option<Id>, how: Shutdown) {
        log::info!("{}", banner::SHUTDOWN_REQUESTED);
        self.around.supervisor.stopping();
        if self.saver.is_some() {
            let snapshots = &self.engine.services.snapshots;
            let is_first = self.engine.services.appending.state == State::Beginning;
            if snapshots.is_saving(Purpose::Rdb) {
                log::warn!("There is a child saving an .rdb. Killing it!");
            } else if is_first && !how.force {
                // Until it is written there is nothing that could be read at the next start.
                log::warn!("Writing initial AOF, can't exit.");
                log::warn!(
                    "Errors trying to shut down the server. Check the logs for more information."
                );
                let refusal = Error::from("ERR Errors trying to SHUTDOWN. Check logs.");
                self.answer_waiting(waiting, Err(refusal));
                return;
            } else {
                if is_first {
                    log::warn!("Writing initial AOF. Exit anyway.");
                }
                log::warn!("There is a child rewriting the AOF. Killing it!");
            }
            self.give_up_snapshot();
        }
        self.see_off_savers();
        self.finish_log();
        if self.saves_at_the_end(how) {
            log::info!("{}", banner::SAVING);
            self.around
                .supervisor
                .tell("STATUS=Saving the final RDB snapshot\n");
            // Who interrupts once more does not want to wait for it.
            let interrupts = io.interrupts();
            interrupts.forget();
            if self.save_unless(|| interrupts.came()).is_err() {
                if interrupts.came() {
                    log::warn!("{}", banner::SIGINT_AGAIN);
                    self.exit_code = 1;
                    io.stop();
                    return;
                }
                if !how.force {
                    log::warn!("Error trying to save the DB, can't exit.");
                    self.around
                        .supervisor
                        .tell("STATUS=Error trying to save the DB, can't exit.\n");
                    log::warn!(
                        "Errors trying to shut down the server. Check the logs for more information."
                    );
                    let refusal = Error::from("ERR Errors trying to SHUTDOWN. Check logs.");
                    self.answer_waiting(waiting, Err(refusal));
                    return;
                }
                log::warn!("Error trying to save the DB. Exit anyway.");
            }
        }
        if let Some(pidfile) = self.around.pidfile.take() {
            pidfile.remove();
        }
        self.listeners.close(io);
        log::warn!("{}", banner::BYE);
        io.stop();
    }

    fn saves_at_the_end(&self, how: Shutdown) -> bool {
        // What is there while the file is being read is less than what is in the file.
        if self.engine.services.server.is_loading {
            return false;
        }
        let has_save_points = !self.engine.services.config.save.0.is_empty();
        how.save.unwrap_or(has_save_points)
    }
}
