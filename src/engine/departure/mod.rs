//! The end of the server, from the wish for it to the moment when it may come.
//!
//! A primary that ends lets its replicas catch up first: until they have, or `shutdown-timeout` is over, writes wait
//! and all else goes on. Then the shell saves what is to be saved and leaves the loop. If it cannot save, or somebody
//! thinks better of it, everything is as it was before, and whoever waits for the end is told so.
//!
//! Replicas are asked how far they are when it begins. What is asked is in the stream too, and no data, so a replica
//! that has all that was there before it is not behind.

mod steps;

use crate::base::slab::Id;
use crate::engine::run::effects::Shutdown;

/// How far the end has come.
#[derive(Default)]
pub(crate) struct Departure {
    /// A signal has asked for it.
    pub(in crate::engine) scheduled: Option<Shutdown>,
    pub(in crate::engine) begun: Option<Begun>,
    /// It was begun, and has been called off since.
    pub(in crate::engine) is_called_off: bool,
    /// Sessions that have asked for it: they hear of it if it does not come.
    pub(in crate::engine) waiting: Vec<Id>,
}

pub(in crate::engine) struct Begun {
    pub(in crate::engine) how: Shutdown,
    /// In unix milliseconds. `None`: it does not wait.
    pub(in crate::engine) until_ms: Option<i64>,
    /// Replicas are to have the stream up to here.
    pub(in crate::engine) offset: u64,
}

impl Departure {
    /// Replicas are given time to catch up.
    pub(crate) fn is_under_way(&self) -> bool {
        self.begun.is_some()
    }

    /// How long the patience with replicas lasts at most, in milliseconds.
    pub(crate) fn left_ms(&self, now_ms: i64) -> Option<i64> {
        let until_ms = self.begun.as_ref()?.until_ms?;
        Some(until_ms - now_ms)
    }
}
