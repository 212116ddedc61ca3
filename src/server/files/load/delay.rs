//! `key-load-delay`, with which tests make a load last.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

/// Slows reading down.
pub(crate) struct Delay {
    us: Arc<AtomicI32>,
    keys: Cell<u32>,
    /// Slept since keys were last handed over.
    slept_us: Cell<u64>,
}

/// Keys that were read do not wait longer than this.
const LATE_US: u64 = 2000;

impl Delay {
    /// `us` is the current value of the parameter.
    pub(crate) fn new(us: Arc<AtomicI32>) -> Self {
        Self {
            us,
            keys: Cell::new(0),
            slept_us: Cell::new(0),
        }
    }

    /// Returns whether the keys that were read should be handed over.
    pub(crate) fn after_key(&self) -> bool {
        let us = self.us.load(Ordering::Relaxed);
        if us == 0 {
            return false;
        }
        // Negative: a microsecond for so many keys.
        self.keys.set(self.keys.get().wrapping_add(1));
        let us = match u64::try_from(us) {
            Ok(us) => us,
            Err(_) => u64::from(self.keys.get().is_multiple_of(us.unsigned_abs())),
        };
        if us > 0 {
            thread::sleep(Duration::from_micros(us));
        }
        self.slept_us.set(self.slept_us.get() + us);
        let is_late = self.slept_us.get() > LATE_US;
        if is_late {
            self.slept_us.set(0);
        }
        is_late
    }
}
