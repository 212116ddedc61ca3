//! Events of a file in batches, as they go from the thread that reads to the loop that takes in.
//!
//! One batch is one hand-over between threads and one look at the clock for the loop, so it holds some hundred keys. It
//! ends early when it has grown large, or when the keys already read would otherwise be kept waiting.

use std::io::Read;

use super::read::{Event, FileReader, Trouble};

/// A run of events, and where their keys and short strings are.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) events: Vec<Event>,
    pub(crate) arena: Vec<u8>,
    /// How far the file had been read when it was complete.
    pub(crate) offset: u64,
}

pub(crate) const EVENTS_MAX: usize = 512;
const ARENA_MAX: usize = 256 * 1024;
/// Values that are not in the arena make a batch large too.
const BYTES_MAX: u64 = 1024 * 1024;

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.arena.clear();
    }
}

impl<R: Read> FileReader<R> {
    /// Adds events until the batch is full, the file ends, or `is_late` says so. Returns whether the file goes on.
    /// Events that came before a trouble are in the batch.
    pub fn fill(&mut self, batch: &mut Batch, is_late: impl Fn() -> bool) -> Result<bool, Trouble> {
        let start = self.offset();
        let mut goes_on = true;
        while goes_on && batch.events.len() < EVENTS_MAX && batch.arena.len() < ARENA_MAX {
            let event = self.next(&mut batch.arena)?;
            goes_on = !matches!(event, Event::End(_));
            batch.events.push(event);
            if self.offset() - start > BYTES_MAX || is_late() {
                break;
            }
        }
        batch.offset = self.offset();
        Ok(goes_on)
    }
}
