//! The crew: it does the work that the loop does not wait for.
//!
//! Usually threads do. In a simulation the work lies on a pile until the test says which piece is done when, on the one
//! thread there is; so the same seed always gives the same order of events.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

type Work = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
pub(crate) enum Crew {
    #[default]
    Threads,
    #[cfg_attr(not(test), expect(dead_code, reason = "for simulations"))]
    Pile(Pile),
}

/// Pieces of work that wait, oldest first, each with the name that its thread would have.
#[derive(Clone, Default)]
pub(crate) struct Pile(Arc<Mutex<VecDeque<(&'static str, Slot)>>>);

/// Empty once the work was begun.
type Slot = Arc<Mutex<Option<Work>>>;

/// One piece of work that was given away.
pub(crate) enum Errand {
    Thread(JoinHandle<()>),
    Piled(Slot),
}

/// A thread that does one piece of work after the other.
pub(crate) enum Line {
    Thread(Sender<Work>),
    Pile(&'static str, Pile),
}

impl Crew {
    /// Has a piece of work done on a thread of its own.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<Errand> {
        match self {
            Crew::Threads => {
                let thread = thread::Builder::new().name(name.into()).spawn(work)?;
                Ok(Errand::Thread(thread))
            }
            Crew::Pile(pile) => Ok(Errand::Piled(pile.add(name, Box::new(work)))),
        }
    }

    /// A worker that takes work piece by piece.
    pub(crate) fn line(&self, name: &'static str) -> io::Result<Line> {
        match self {
            Crew::Threads => {
                let (sender, queue) = mpsc::channel::<Work>();
                let work = move || queue.into_iter().for_each(|work| work());
                thread::Builder::new().name(name.into()).spawn(work)?;
                Ok(Line::Thread(sender))
            }
            Crew::Pile(pile) => Ok(Line::Pile(name, pile.clone())),
        }
    }
}

impl Errand {
    /// Whether there is nothing to be waited for.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Errand::Thread(thread) => thread.is_finished(),
            Errand::Piled(slot) => slot
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_none(),
        }
    }

    /// Returns when the work is done.
    pub(crate) fn wait(self) {
        match self {
            Errand::Thread(thread) => {
                // The handler of panics has logged the error.
                let _ = thread.join();
            }
            Errand::Piled(slot) => run(&slot),
        }
    }
}

impl Line {
    pub(crate) fn send(&self, work: impl FnOnce() + Send + 'static) {
        match self {
            // The thread lives as long as the sender does.
            Line::Thread(sender) => drop(sender.send(Box::new(work))),
            Line::Pile(name, pile) => drop(pile.add(name, Box::new(work))),
        }
    }
}

impl Pile {
    fn add(&self, name: &'static str, work: Work) -> Slot {
        let slot = Arc::new(Mutex::new(Some(work)));
        self.lock().push_back((name, slot.clone()));
        slot
    }

    /// Does the oldest piece of this name. False: there is none.
    #[cfg(test)]
    pub(crate) fn work_off(&self, name: &str) -> bool {
        let at = self.lock().iter().position(|(other, _)| *other == name);
        let slot = at.and_then(|at| self.lock().remove(at));
        let Some((_, slot)) = slot else {
            return false;
        };
        run(&slot);
        true
    }

    /// Jobs that are left undone are never done.
    #[cfg(test)]
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(&'static str, Slot)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(slot: &Slot) {
    let work = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = work {
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_a_pile_is_done_when_it_is_asked_for_and_once() {
        let pile = Pile::default();
        let crew = Crew::Pile(pile.clone());
        let (tell, told) = mpsc::channel();
        let errands: Vec<Errand> = (0..3)
            .map(|number| {
                let tell = tell.clone();
                let work = move || tell.send(number).expect("the test listens");
                crew.spawn("count", work).expect("a pile takes anything")
            })
            .collect();
        assert!(told.try_recv().is_err());
        errands.into_iter().nth(1).expect("three").wait();
        assert!(!pile.work_off("other"));
        while pile.work_off("count") {}
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [1, 0, 2]);
    }

    #[test]
    fn a_line_keeps_the_order() {
        let line = Crew::Threads.line("order").expect("a thread");
        let (tell, told) = mpsc::channel();
        for number in 0..100 {
            let tell = tell.clone();
            line.send(move || tell.send(number).expect("the test listens"));
        }
        assert!(told.iter().take(100).eq(0..100));
    }
}
