//! The end of the server: a last save if that is wanted, and the loop is left. It happens between two turns of the
//! loop, so no client sees a partial result.

use crate::engine::dataset::appending::State;
use crate::engine::dataset::order::Purpose;
use crate::engine::run::effects::Shutdown;
use crate::observe::banner;
use crate::reactor::Io;
use crate::server::Server;

impl Server {
    /// Saves if that is wanted, and leaves the loop; or stays, if saving fails and nobody insists.
    pub(super) fn shut_down(&mut self, io: &mut Io, how: Shutdown) {
        // The lines below are Redis's, whose snapshots are child processes. The "child" here is the thread of `saver`,
        // and to kill it is to give its snapshot up.
        if self.saver.is_some() {
            let is_first = self.engine.log_state() == State::Beginning;
            if self.engine.is_saving(Purpose::Rdb) {
                log::warn!("There is a child saving an .rdb. Killing it!");
            } else if is_first && !how.force {
                // Until it is written there is nothing that could be read at the next start.
                log::warn!("Writing initial AOF, can't exit.");
                log::warn!(
                    "Errors trying to shut down the server. Check the logs for more information."
                );
                self.engine.handle_stay();
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
            // A second interrupt means that nobody wants to wait for it.
            let interrupts = io.interrupts();
            interrupts.forget();
            if self.save_unless(|| interrupts.came()).is_err() {
                if interrupts.came() {
                    log::warn!("{}", banner::SIGINT_AGAIN);
                    self.exit_code = 1;
                    self.is_leaving = true;
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
                    self.engine.handle_stay();
                    return;
                }
                log::warn!("Error trying to save the DB. Exit anyway.");
            }
        }
        self.rewriting.end();
        if let Some(pidfile) = self.around.pidfile.take() {
            pidfile.remove();
        }
        self.listeners.close(io);
        log::warn!("{}", banner::BYE);
        self.is_leaving = true;
        io.stop();
    }

    fn saves_at_the_end(&self, how: Shutdown) -> bool {
        // The data set is incomplete while the file is being read: the file has more.
        if self.engine.is_loading() {
            return false;
        }
        let has_save_points = !self.engine.config().save.0.is_empty();
        how.save.unwrap_or(has_save_points)
    }
}
