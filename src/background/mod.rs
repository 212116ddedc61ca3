//! The thread that frees memory, and [`Crew`], which starts all other threads or, in a simulation, piles their work up.
//!
//! A [`Job`] owns everything it needs; nothing is shared with the loop. The engine only leaves garbage; the shell makes
//! jobs of it, so an engine under test simply drops what it has thrown away.

mod breaks;
mod crew;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) use breaks::Breaks;
pub(crate) use crew::{Crew, Errand, Line};

#[cfg(test)]
pub(crate) use crew::Pile;

/// Something to be done off the loop.
pub(crate) enum Job {
    /// Drop this. Freeing ten million list elements takes a second; the loop has better things to do.
    Free(Box<dyn Send>),
    /// Say when everything before this has been done: see [`Freer::has_passed_mark`].
    Mark,
}

/// The thread that frees memory. It ends when the handle is dropped and the queue is empty.
pub(crate) struct Freer {
    jobs: Option<mpsc::Sender<Job>>,
    marks: mpsc::Receiver<()>,
    /// For marks when there is no thread.
    passed: mpsc::Sender<()>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Freer {
    /// `knock` is called when a mark has been passed.
    pub(crate) fn start(knock: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (passed, marks) = mpsc::channel();
        let told = passed.clone();
        let thread = thread::Builder::new().name("free".into()).spawn(move || {
            for job in queue {
                match job {
                    Job::Free(garbage) => drop(garbage),
                    Job::Mark => {
                        let _ = told.send(());
                        knock();
                    }
                }
            }
        })?;
        Ok(Self {
            jobs: Some(jobs),
            marks,
            passed,
            thread: Some(thread),
        })
    }

    /// Without a thread: values that are handed over are freed at once.
    #[cfg(test)]
    pub(crate) fn on_the_spot() -> Self {
        let (passed, marks) = mpsc::channel();
        Self {
            jobs: None,
            marks,
            passed,
            thread: None,
        }
    }

    /// Hands the job over; if the thread is gone, it is done here.
    pub(crate) fn send(&self, job: Job) {
        match (&self.jobs, job) {
            (Some(jobs), job) => drop(jobs.send(job)),
            (None, Job::Mark) => drop(self.passed.send(())),
            (None, Job::Free(_)) => {}
        }
    }
}

impl Freer {
    /// Whether another mark has been passed. Each is told once.
    pub(crate) fn has_passed_mark(&self) -> bool {
        self.marks.try_recv().is_ok()
    }
}

impl Drop for Freer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The progress of a snapshot, shared by the loop and the thread that writes.
#[derive(Debug, Default)]
pub struct Progress {
    /// Keys that are in the file.
    keys: AtomicU64,
    /// Chunks that the thread has worked off.
    chunks: AtomicU64,
    stage: AtomicU8,
    /// The loop waits for room.
    is_wanted: AtomicBool,
    /// `rdb-key-save-delay` as it is now, in microseconds; negative: a microsecond after so many keys.
    key_delay_us: AtomicI32,
}

const WRITING: u8 = 0;
const COMMITTING: u8 = 1;
const ABANDONED: u8 = 2;

impl Progress {
    pub(crate) fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Acquire)
    }

    /// Thread: one more key is written. False: nobody wants the rest.
    pub(crate) fn wrote_key(&self) -> bool {
        self.keys.fetch_add(1, Ordering::Relaxed);
        !self.is_abandoned()
    }

    /// Thread: a chunk is worked off. True if the loop waits for that.
    pub fn wrote_chunk(&self) -> bool {
        self.chunks.fetch_add(1, Ordering::Release);
        self.is_wanted.swap(false, Ordering::AcqRel)
    }

    /// Loop: wants to be woken when a chunk has been worked off.
    pub(crate) fn want_room(&self) {
        self.is_wanted.store(true, Ordering::Release);
    }

    /// Loop: the snapshot is not wanted any more. False if it is too late: the file is getting its name just now.
    pub(crate) fn abandon(&self) -> bool {
        self.stage
            .compare_exchange(WRITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.stage.load(Ordering::Acquire) == ABANDONED
    }

    /// Thread: the file shall get its name. False: nobody wants it any more.
    pub(crate) fn may_commit(&self) -> bool {
        self.stage
            .compare_exchange(WRITING, COMMITTING, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Loop: how long a key lasts from now on, the one at hand included.
    pub(crate) fn set_key_delay(&self, us: i32) {
        self.key_delay_us.store(us, Ordering::Relaxed);
    }

    /// Thread: lets a key last as long as it shall, unless the snapshot is abandoned meanwhile. A change of
    /// `rdb-key-save-delay` counts at once: a child of Redis keeps the old one, and is killed by who has enough of it,
    /// which a thread cannot be. `keys` counts those since the last short break.
    pub(crate) fn delay_key(&self, keys: &mut u32) {
        let mut passed = Duration::ZERO;
        while !self.is_abandoned() {
            let us = self.key_delay_us.load(Ordering::Relaxed);
            let Ok(delay) = u64::try_from(us) else {
                *keys += 1;
                if *keys >= us.unsigned_abs() {
                    *keys = 0;
                    thread::sleep(Duration::from_micros(1));
                }
                return;
            };
            let left = Duration::from_micros(delay).saturating_sub(passed);
            if left.is_zero() {
                return;
            }
            let nap = left.min(NAP);
            thread::sleep(nap);
            passed += nap;
        }
    }
}

/// How long a thread that pauses does not notice that it is not needed any more, or shall be quicker.
const NAP: Duration = Duration::from_millis(5);
