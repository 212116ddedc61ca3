//! Values on their way to the thread that frees, and how many there are.
//!
//! Garbage is put into a box that counts itself out when it has been freed, wherever that happens. So INFO shows the
//! garbage that is really pending, and nobody has to report back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much is being freed off the loop, and was.
#[derive(Debug, Default)]
pub(crate) struct Freeing {
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Freeing {
    /// Values that have been thrown away and are not freed yet.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// Values that have been freed, since the figures were reset.
    pub(crate) fn freed(&self) -> u64 {
        self.freed.load(Ordering::Relaxed)
    }

    pub(crate) fn forget_freed(&self) {
        self.freed.store(0, Ordering::Relaxed);
    }
}

/// Something to be freed elsewhere, that stands for so many values. Fields go in this order.
struct Thrown<T> {
    _garbage: T,
    _count: Count,
}

struct Count {
    objects: u64,
    freeing: Arc<Freeing>,
}

impl Drop for Count {
    fn drop(&mut self) {
        self.freeing
            .pending
            .fetch_sub(self.objects, Ordering::Relaxed);
        self.freeing
            .freed
            .fetch_add(self.objects, Ordering::Relaxed);
    }
}

/// Counts garbage on its way to the thread.
pub(super) fn counted<T: Send + 'static>(
    garbage: T,
    objects: u64,
    freeing: &Arc<Freeing>,
) -> Box<dyn Send> {
    freeing.pending.fetch_add(objects, Ordering::Relaxed);
    Box::new(Thrown {
        _garbage: garbage,
        _count: Count {
            objects,
            freeing: Arc::clone(freeing),
        },
    })
}
