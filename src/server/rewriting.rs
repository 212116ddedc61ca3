//! CONFIG REWRITE, off the loop: one thread at a time writes the file, in the order in which clients asked.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};

use crate::background::Errand;
use crate::base::slab::Id;
use crate::engine::config_file::{Rewrite, refused};
use crate::server::Server;
use crate::spec::error::Error;

/// Rewrites that clients wait for.
#[derive(Default)]
pub(crate) struct Rewriting {
    queue: VecDeque<(Id, Rewrite)>,
    running: Option<Running>,
}

struct Running {
    waiting: Id,
    errand: Errand,
    outcome: Receiver<Result<(), Error>>,
}

impl Rewriting {
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_none()
    }

    /// Returns when the rewrite that has begun is done, so that no half of a file is left behind. Rewrites that have
    /// not begun never will.
    pub(crate) fn end(&mut self) {
        self.queue.clear();
        if let Some(running) = self.running.take() {
            running.errand.wait();
        }
    }
}

impl Server {
    pub(super) fn rewrite_for(&mut self, waiting: Id, rewrite: Rewrite) {
        self.rewriting.queue.push_back((waiting, rewrite));
        self.attend_rewriting();
    }

    /// Answers the client whose rewrite is done, and begins the next.
    pub(super) fn attend_rewriting(&mut self) {
        loop {
            if let Some(running) = &self.rewriting.running {
                let Ok(outcome) = running.outcome.try_recv() else {
                    return;
                };
                let waiting = running.waiting;
                self.rewriting.running = None;
                self.engine.answer_parked(waiting, outcome);
            }
            let Some((waiting, rewrite)) = self.rewriting.queue.pop_front() else {
                return;
            };
            let (tell, outcome) = mpsc::channel();
            let waker = self.waker.clone();
            let work = move || {
                // The server may be at its end, and nobody listen.
                let _ = tell.send(rewrite.carry_out());
                waker.wake();
            };
            match self.crew.spawn("rewrite", work) {
                Ok(errand) => {
                    self.rewriting.running = Some(Running {
                        waiting,
                        errand,
                        outcome,
                    });
                }
                Err(error) => self.engine.answer_parked(waiting, Err(refused(&error))),
            }
        }
    }
}
