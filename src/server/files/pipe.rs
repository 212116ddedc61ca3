//! A pipe between a thread and the loop: pieces in order, and never many bytes of them at once.
//!
//! The reader waits while the loop is behind, so that a file which is read faster than it is taken in costs no memory.
//! Pieces are counted by their bytes and not by their number, since one long value is as large as a thousand short
//! ones. A piece that is larger than the limit goes alone.
//!
//! When either end is gone the other hears of it: a server that stops in the middle of a load leaves no thread behind.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The end that pieces are put in.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// The end that they come out of.
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

/// Nobody takes pieces any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// The next piece for the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    Piece(T),
    /// Not yet.
    Nothing,
    /// The reader has gone, and all it sent has been taken.
    Over,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// A piece was taken, or nobody will take any.
    room: Condvar,
    /// A piece was sent, or nobody will send any.
    news: Condvar,
}

struct State<T> {
    /// So many bytes may wait.
    bytes_max: usize,
    pieces: VecDeque<(T, usize)>,
    bytes: usize,
    has_sender: bool,
    has_receiver: bool,
    wants_room: bool,
}

/// So many bytes wait at most: enough that neither end waits for the other because of a single slow turn.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// And of a data set on its way to replicas, which is memory that a primary needs besides its keys: a few writes.
const OUTWARD_BYTES_MAX: usize = 256 * 1024;

/// A pipe for what is being read.
pub(crate) fn pipe<T>() -> (Sender<T>, Receiver<T>) {
    pipe_of(BYTES_MAX)
}

/// A pipe for what replicas get.
pub(crate) fn outward_pipe<T>() -> (Sender<T>, Receiver<T>) {
    pipe_of(OUTWARD_BYTES_MAX)
}

fn pipe_of<T>(bytes_max: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            bytes_max,
            pieces: VecDeque::new(),
            bytes: 0,
            has_sender: true,
            has_receiver: true,
            wants_room: false,
        }),
        room: Condvar::new(),
        news: Condvar::new(),
    });
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Sends a piece of about so many bytes, once there is room for it.
    pub(crate) fn send(&self, piece: T, bytes: usize) -> Result<(), Gone> {
        let mut state = self.0.lock();
        while state.has_receiver
            && !state.pieces.is_empty()
            && state.bytes + bytes > state.bytes_max
        {
            let waited = self.0.room.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if !state.has_receiver {
            return Err(Gone);
        }
        state.pieces.push_back((piece, bytes));
        state.bytes += bytes;
        drop(state);
        self.0.news.notify_one();
        Ok(())
    }

    /// Whether a small piece would go at once. If not, the reader is told that room is wanted.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.0.lock();
        let has_room = state.bytes < state.bytes_max / 2 || !state.has_receiver;
        state.wants_room = !has_room;
        has_room
    }
}

impl<T> Receiver<T> {
    /// The next piece, when it has come. `None`: there will be none. `made_room` is called if somebody waits for that.
    pub(crate) fn next(&self, made_room: impl FnOnce()) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            match state.take() {
                Next::Piece(piece) => {
                    let is_wanted = state.wants_room && state.bytes < state.bytes_max / 2;
                    state.wants_room &= !is_wanted;
                    drop(state);
                    self.0.room.notify_one();
                    if is_wanted {
                        made_room();
                    }
                    return Some(piece);
                }
                Next::Over => return None,
                Next::Nothing => {
                    let waited = self.0.news.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    pub(crate) fn try_next(&self) -> Next<T> {
        let next = self.0.lock().take();
        if let Next::Piece(_) = next {
            self.0.room.notify_one();
        }
        next
    }
}

impl<T> Shared<T> {
    /// Nothing is left half done while the lock is held, so a thread that died with it does no harm.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Next<T> {
        match self.pieces.pop_front() {
            Some((piece, bytes)) => {
                self.bytes -= bytes;
                Next::Piece(piece)
            }
            None if self.has_sender => Next::Nothing,
            None => Next::Over,
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().has_sender = false;
        self.0.news.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.has_receiver = false;
        state.pieces.clear();
        drop(state);
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// Waits for what comes. `None` when nothing will.
    fn next<T>(receiver: &Receiver<T>) -> Option<T> {
        loop {
            match receiver.try_next() {
                Next::Piece(piece) => return Some(piece),
                Next::Over => return None,
                Next::Nothing => thread::yield_now(),
            }
        }
    }

    #[test]
    fn pieces_come_in_order_and_never_too_many_at_once() {
        let (sender, receiver) = pipe();
        let waiting = Arc::new(AtomicUsize::new(0));
        let sent = waiting.clone();
        let thread = thread::spawn(move || {
            for number in 0..1000_usize {
                let bytes = 1 + number * 7919 % 100_000;
                sent.fetch_add(bytes, Ordering::SeqCst);
                sender
                    .send((number, bytes), bytes)
                    .expect("somebody listens");
            }
        });
        let mut expected = 0;
        while let Some((number, bytes)) = next(&receiver) {
            assert_eq!(number, expected);
            expected += 1;
            // One more stands at the door.
            let most = waiting.fetch_sub(bytes, Ordering::SeqCst);
            assert!(most <= BYTES_MAX + 200_000, "{most}");
        }
        assert_eq!(expected, 1000);
        assert_eq!(receiver.try_next(), Next::Over);
        thread.join().expect("it has sent all");
    }

    #[test]
    fn what_is_larger_than_all_goes_alone() {
        let (sender, receiver) = pipe();
        sender.send(1, 10 * BYTES_MAX).expect("there is room");
        let thread = thread::spawn(move || {
            sender.send(2, 10 * BYTES_MAX).expect("in its turn");
            sender.send(3, 1)
        });
        assert_eq!(next(&receiver), Some(1));
        assert_eq!(next(&receiver), Some(2));
        drop(receiver);
        // It may have got in before the other end went.
        let _ = thread.join().expect("it is not left waiting");
    }

    #[test]
    fn each_end_hears_that_the_other_is_gone() {
        let (sender, receiver) = pipe();
        assert_eq!(receiver.try_next(), Next::Nothing);
        sender.send(1, BYTES_MAX).expect("somebody listens");
        let thread = thread::spawn(move || sender.send(2, 1));
        drop(receiver);
        assert_eq!(thread.join().expect("it is let go"), Err(Gone));
        let (sender, receiver) = pipe::<u8>();
        drop(sender);
        assert_eq!(next(&receiver), None);
    }
}
