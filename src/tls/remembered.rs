//! The sessions that a server remembers, so that callers who come back need not prove everything again.
//!
//! They are kept here and not in tickets that the callers keep, so that size and age are the configured ones. The
//! oldest make room, and what is too old is not given out. A session of TLS 1.3 is used once; its answer names the
//! next.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use rustls::pki_types::UnixTime;
use rustls::server::StoresServerSessions;

use super::Memory;

#[derive(Debug)]
pub(super) struct Remembered {
    memory: Memory,
    now: fn() -> u64,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    by_name: HashMap<Vec<u8>, Session>,
    /// Names in the order they came, with the number of the session; of those that were taken, too, until they are old.
    order: VecDeque<(Vec<u8>, u64)>,
    count: u64,
}

#[derive(Debug)]
struct Session {
    number: u64,
    since: u64,
    value: Vec<u8>,
}

/// However many may be remembered, there are never more than this.
const SESSIONS_MAX: usize = 1 << 20;

impl Remembered {
    pub(super) fn new(memory: Memory) -> Remembered {
        Remembered::with_clock(memory, || UnixTime::now().as_secs())
    }

    fn with_clock(memory: Memory, now: fn() -> u64) -> Remembered {
        Remembered {
            memory,
            now,
            sessions: Mutex::default(),
        }
    }

    fn is_old(&self, since: u64) -> bool {
        (self.now)() >= since.saturating_add(self.memory.seconds)
    }

    fn most(&self) -> usize {
        match self.memory.sessions {
            0 => SESSIONS_MAX,
            count => count.min(SESSIONS_MAX),
        }
    }
}

impl StoresServerSessions for Remembered {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let Ok(mut sessions) = self.sessions.lock() else {
            return false;
        };
        sessions.count += 1;
        let number = sessions.count;
        sessions.order.push_back((key.clone(), number));
        let since = (self.now)();
        sessions.by_name.insert(
            key,
            Session {
                number,
                since,
                value,
            },
        );
        while let Some((name, number)) = sessions.order.front() {
            let found = sessions
                .by_name
                .get(name)
                .filter(|session| session.number == *number);
            let stays = found.is_some_and(|session| !self.is_old(session.since))
                && sessions.order.len() <= self.most();
            if stays {
                break;
            }
            let is_found = found.is_some();
            if let Some((name, _)) = sessions.order.pop_front()
                && is_found
            {
                sessions.by_name.remove(&name);
            }
        }
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let sessions = self.sessions.lock().ok()?;
        let session = sessions.by_name.get(key)?;
        (!self.is_old(session.since)).then(|| session.value.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut sessions = self.sessions.lock().ok()?;
        let session = sessions.by_name.remove(key)?;
        (!self.is_old(session.since)).then_some(session.value)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn the_oldest_make_room_and_the_old_are_forgotten() {
        static NOW: AtomicU64 = AtomicU64::new(100);
        let memory = Memory {
            sessions: 3,
            seconds: 10,
        };
        let remembered = Remembered::with_clock(memory, || NOW.load(Ordering::Relaxed));
        for name in 1..=5u8 {
            assert!(remembered.put(vec![name], vec![name; 2]));
        }
        assert_eq!(remembered.get(&[2]), None);
        assert_eq!(remembered.get(&[3]), Some(vec![3; 2]));
        assert_eq!(remembered.take(&[3]), Some(vec![3; 2]));
        assert_eq!(remembered.take(&[3]), None);
        // A name that comes back is as young as when it came back.
        assert!(remembered.put(vec![4], vec![9]));
        assert!(remembered.put(vec![6], vec![6]));
        assert_eq!(remembered.get(&[4]), Some(vec![9]));
        NOW.store(109, Ordering::Relaxed);
        assert_eq!(remembered.get(&[6]), Some(vec![6]));
        NOW.store(110, Ordering::Relaxed);
        assert_eq!(remembered.get(&[6]), None);
        assert_eq!(remembered.take(&[5]), None);
        assert!(remembered.put(vec![7], vec![7]));
        let sessions = remembered.sessions.lock().unwrap();
        assert_eq!((sessions.by_name.len(), sessions.order.len()), (1, 1));
    }
}
