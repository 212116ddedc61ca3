//! Connections that several threads share, one at a time.
//!
//! A connection is lent until its guard is dropped. A connection that came back broken is forgotten; one that lay idle
//! for a while is asked whether it is alive before it is lent again. There are never more than `PoolLimits::most`: a
//! caller that comes when all are out waits, and not for ever.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::time::Clock;

use super::{Client, Error, Result, Settings};

/// ```
/// use pollux::client::{Pool, PoolLimits, Settings};
/// # let server = pollux::server::in_background("");
/// # let address = server.address();
///
/// let pool = Pool::new(&address, Settings::default(), PoolLimits::default());
/// std::thread::scope(|scope| {
///     for _ in 0..20 {
///         scope.spawn(|| pool.take()?.ask::<i64>(&["INCR", "visits"]));
///     }
/// });
/// assert_eq!(pool.take()?.get("visits")?, Some(b"20".to_vec()));
/// # Ok::<(), pollux::client::Error>(())
/// ```
#[derive(Debug)]
pub struct Pool {
    address: String,
    settings: Settings,
    limits: PoolLimits,
    inside: Mutex<Inside>,
    returned: Condvar,
}

/// How large a pool may become. `PoolLimits::default()` has the values in brackets.
#[derive(Clone, Debug)]
pub struct PoolLimits {
    /// Connections at most, lent and idle together (10).
    pub most: usize,
    /// Connections that are kept while nobody needs them (5).
    pub most_idle: usize,
    /// For how long to wait when all are lent (5 s).
    pub patience: Duration,
    /// Idle for longer than this, a connection is checked before it is lent (1 s).
    pub check_after: Duration,
}

#[derive(Debug)]
struct Inside {
    /// With the time each was returned; the last returned is lent first, so that those not needed grow old.
    idle: Vec<(Client, u64)>,
    lent: usize,
    clock: Clock,
}

/// A connection on loan. It goes back when this is dropped.
#[derive(Debug)]
pub struct Lent<'a> {
    pool: &'a Pool,
    /// Always there, until the drop takes it.
    client: Option<Client>,
}

impl Default for PoolLimits {
    fn default() -> PoolLimits {
        PoolLimits {
            most: 10,
            most_idle: 5,
            patience: Duration::from_secs(5),
            check_after: Duration::from_secs(1),
        }
    }
}

impl Pool {
    /// Connects to nobody yet.
    pub fn new(address: &str, settings: Settings, limits: PoolLimits) -> Pool {
        Pool {
            address: address.to_owned(),
            settings,
            limits,
            inside: Mutex::new(Inside {
                idle: Vec::new(),
                lent: 0,
                clock: Clock::system(),
            }),
            returned: Condvar::new(),
        }
    }

    /// Borrows a connection that works, made for the purpose if need be.
    pub fn take(&self) -> Result<Lent<'_>> {
        let has_none =
            |inside: &mut Inside| inside.idle.is_empty() && inside.lent >= self.limits.most;
        let (mut inside, _) = self
            .returned
            .wait_timeout_while(self.inside(), self.limits.patience, has_none)
            .unwrap_or_else(PoisonError::into_inner);
        if has_none(&mut inside) {
            return Err(Error::PoolEmpty);
        }
        inside.lent += 1;
        let now_us = inside.clock.monotonic_us();
        let found = inside.idle.pop();
        // Talking to the server takes time, in which others may come and go.
        drop(inside);
        let mut lent = Lent {
            pool: self,
            client: None,
        };
        let client = match found {
            Some((mut client, since_us)) => {
                let idle = Duration::from_micros(now_us - since_us);
                let is_well = idle < self.limits.check_after || client.ping().is_ok();
                is_well.then_some(client)
            }
            None => None,
        };
        lent.client = Some(match client {
            Some(client) => client,
            None => Client::connect_with(&self.address, self.settings.clone())?,
        });
        Ok(lent)
    }

    /// How many connections are lent, and how many are idle.
    pub fn size(&self) -> (usize, usize) {
        let inside = self.inside();
        (inside.lent, inside.idle.len())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing in here is ever half changed, so a thread that died holding it did no harm.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Lent<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("there until the drop")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect("there until the drop")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut inside = self.pool.inside();
        inside.lent -= 1;
        let now_us = inside.clock.monotonic_us();
        if let Some(client) = self.client.take()
            && client.is_connected()
            && inside.idle.len() < self.pool.limits.most_idle
        {
            inside.idle.push((client, now_us));
        }
        drop(inside);
        self.pool.returned.notify_one();
    }
}
