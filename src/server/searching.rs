//! Searches through vectors on a thread, one after the other.
//!
//! The thread begins with the first search and stays. One is enough: it is there so that nobody else waits for a search
//! that takes long, not to make searches faster.

use std::sync::mpsc::{self, Receiver, Sender};

use crate::background::Line;
use crate::base::slab::Id;
use crate::server::Server;
use crate::types::vector::{Found, Search};

#[derive(Default)]
pub(super) struct Searching {
    thread: Option<Thread>,
    /// How many searches have not been answered.
    pending: usize,
}

struct Thread {
    line: Line,
    tell: Sender<(Id, Found)>,
    found: Receiver<(Id, Found)>,
}

impl Searching {
    pub(super) fn is_idle(&self) -> bool {
        self.pending == 0
    }
}

impl Server {
    pub(super) fn search(&mut self, waiting: Id, search: Search) {
        if self.searching.thread.is_none() {
            match self.crew.line("search") {
                Ok(line) => {
                    let (tell, found) = mpsc::channel();
                    self.searching.thread = Some(Thread { line, tell, found });
                }
                Err(error) => log::warn!("Cannot start a thread: {error}"),
            }
        }
        let Some(thread) = &self.searching.thread else {
            // Then the loop does it after all.
            self.engine.handle_found(waiting, search.run());
            return;
        };
        let (tell, waker) = (thread.tell.clone(), self.waker.clone());
        thread.line.send(move || {
            let _ = tell.send((waiting, search.run()));
            waker.wake();
        });
        self.searching.pending += 1;
    }

    /// Takes what the thread has found.
    pub(super) fn attend_searching(&mut self) {
        while let Some(thread) = &self.searching.thread
            && let Ok((waiting, found)) = thread.found.try_recv()
        {
            self.searching.pending -= 1;
            self.engine.handle_found(waiting, found);
        }
    }
}
