//! Work that the loop hands to other threads, as data, and the threads that turn one into the other.
//!
//! A [`Job`] owns everything it needs; nothing is shared with the loop. The engine only makes jobs; the shell sends
//! them here, so an engine under test simply drops them or does them itself.

use std::sync::mpsc;
use std::thread;

/// Something to be done off the loop.
pub enum Job {
    /// Drop this. Freeing ten million list elements takes a second; the loop has better things to do.
    Free(Box<dyn Send>),
}

/// The thread that frees memory. It ends when the handle is dropped and the queue is empty.
pub struct Freer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Freer {
    pub fn start() -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = thread::Builder::new().name("free".into()).spawn(move || {
            for job in queue {
                match job {
                    Job::Free(garbage) => drop(garbage),
                }
            }
        })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Hands the job over; if the thread is gone, it is done here.
    pub fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
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
