//! The thread that has the log's file synchronised once a second.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::background::{Crew, Line};
use crate::base::text::explain;
use crate::persist::disk::DiskFile;
use crate::reactor::Waker;

pub(crate) struct Syncer {
    thread: Line,
    waker: Waker,
    state: Arc<Shared>,
}

/// How a synchronisation went: well, or why not.
pub(crate) type Outcome = Result<(), String>;

#[derive(Default)]
struct Shared {
    is_busy: AtomicBool,
    synced: AtomicU64,
    /// How the last synchronisation went, until somebody asks.
    news: Mutex<Option<Outcome>>,
}

impl Syncer {
    pub(crate) fn start(crew: &Crew, waker: Waker) -> io::Result<Self> {
        Ok(Self {
            thread: crew.line("aof")?,
            waker,
            state: Arc::default(),
        })
    }

    /// Has everything up to this offset of the log brought to the disk.
    pub(crate) fn sync(&self, file: Box<dyn DiskFile>, offset: u64) {
        let (shared, waker) = (self.state.clone(), self.waker.clone());
        shared.is_busy.store(true, Ordering::Release);
        self.thread.send(move || {
            let outcome = match file.sync() {
                // It is a device, and there is nothing to be synchronised.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                outcome => outcome,
            };
            if outcome.is_ok() {
                shared.synced.fetch_max(offset, Ordering::AcqRel);
            }
            let news = outcome.map_err(|error| explain(&error).into_owned());
            if let Ok(mut place) = shared.news.lock() {
                *place = Some(news);
            }
            shared.is_busy.store(false, Ordering::Release);
            waker.wake();
        });
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.state.is_busy.load(Ordering::Acquire)
    }

    pub(crate) fn synced(&self) -> u64 {
        self.state.synced.load(Ordering::Acquire)
    }

    /// The outcome of the last synchronisation; told once.
    pub(crate) fn take_news(&self) -> Option<Outcome> {
        self.state.news.lock().ok()?.take()
    }
}
