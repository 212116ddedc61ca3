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

#[cfg(test)]
mod tests {
    use crate::keyspace::{Expiry, Keys, Keyspace, New};
    use crate::types::Value;
    use crate::types::set::{Set, SetLimits};

    fn set(space: &Keyspace, count: usize) -> Value {
        let limits = SetLimits {
            intset_entries_max: 1,
            listpack_entries_max: 1,
            listpack_value_max: 1,
            seed: space.seed(),
        };
        let mut set = Set::small();
        for number in 0..count {
            set.add(format!("member {number}").as_bytes(), &limits);
        }
        Value::Set(set)
    }

    /// How many values the thread has got, and how many of them count.
    fn removed(value: impl Fn(&Keyspace) -> Value, lazily: bool) -> (usize, u64) {
        let mut space = Keyspace::new(1, 7);
        let value = value(&space);
        let mut keys = Keys::new(&mut space, 0, 0, Expiry::Remove);
        let (vacancy, _) = keys.vacate(b"key", false);
        keys.insert(vacancy, New::Object(value), None);
        assert!(keys.remove(b"key", lazily));
        (space.garbage.len(), space.freeing.pending())
    }

    #[test]
    fn what_has_expired_is_freed_where_the_parameter_says() {
        for lazily in [false, true] {
            let mut space = Keyspace::new(1, 7);
            space.lazy.expire = lazily;
            let value = set(&space, 10_001);
            let mut keys = Keys::new(&mut space, 0, 5, Expiry::Remove);
            let (vacancy, _) = keys.vacate(b"key", false);
            keys.insert(vacancy, New::Object(value), Some(5));
            assert!(keys.find(b"key").is_none());
            assert_eq!(space.garbage.len(), usize::from(lazily));
        }
    }

    #[test]
    fn what_is_very_large_is_never_freed_on_the_loop() {
        let text = |len| move |_: &Keyspace| Value::Str(vec![b'x'; len].into());
        assert_eq!(removed(|space| set(space, 10), true), (0, 0));
        assert_eq!(removed(|space| set(space, 1000), true), (1, 1));
        assert_eq!(removed(|space| set(space, 1000), false), (0, 0));
        assert_eq!(removed(|space| set(space, 10_001), false), (1, 0));
        assert_eq!(removed(text(1 << 20), true), (0, 0));
        assert_eq!(removed(text(9 << 20), true), (1, 0));
        assert_eq!(removed(text(9 << 20), false), (1, 0));
    }
}
