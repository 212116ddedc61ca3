//! What the thread that reads hands to the loop: pieces in order, and never many bytes of them at once.
//!
//! The reader waits while the loop is behind, so that a file which is read faster than it is taken in costs no memory.
//! Pieces are counted by their bytes and not by their number, since one long value is as large as a thousand short
//! ones. A piece that is larger than all that may wait goes alone.
//!
//! When either end is gone the other hears of it: a server that stops in the middle of a load leaves no thread behind.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The end of the thread that reads.
pub struct Sender<T>(Arc<Shared<T>>);

/// The end of the loop.
pub struct Receiver<T>(Arc<Shared<T>>);

/// Nobody takes pieces any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What there is for the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<T> {
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
    /// A piece has come, or none will.
    news: Condvar,
}

struct State<T> {
    pieces: VecDeque<(T, usize)>,
    bytes: usize,
    has_sender: bool,
    has_receiver: bool,
}

/// So many bytes may wait: enough that neither end waits for the other because of a single slow turn.
const BYTES_MAX: usize = 4 * 1024 * 1024;

pub fn pipe<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            pieces: VecDeque::new(),
            bytes: 0,
            has_sender: true,
            has_receiver: true,
        }),
        room: Condvar::new(),
        news: Condvar::new(),
    });
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Sends a piece of about so many bytes, once there is room for it.
    pub fn send(&self, piece: T, bytes: usize) -> Result<(), Gone> {
        let mut state = self.0.lock();
        while state.has_receiver && !state.pieces.is_empty() && state.bytes + bytes > BYTES_MAX {
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
}

impl<T> Receiver<T> {
    pub fn try_next(&self) -> Next<T> {
        let next = self.0.lock().take();
        if let Next::Piece(_) = next {
            self.0.room.notify_one();
        }
        next
    }

    /// The same, and waits for what comes. `None` when nothing will.
    pub fn next(&self) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            match state.take() {
                Next::Piece(piece) => {
                    drop(state);
                    self.0.room.notify_one();
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
}

impl<T> Shared<T> {
    /// Nothing is left half done while the lock is held, so it does not matter who died with it.
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
        while let Some((number, bytes)) = receiver.next() {
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
        assert_eq!(receiver.next(), Some(1));
        assert_eq!(receiver.next(), Some(2));
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
        assert_eq!(receiver.next(), None);
    }
}
