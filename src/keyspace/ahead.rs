//! Keys that a command names are sent for together, before it goes through them.

use super::Keys;

/// Below this many keys a database fits into the cache, and looking ahead is work for nothing.
pub(crate) const LOOK_AHEAD_KEYS_MIN: usize = 10_000;

/// How many keys are looked ahead at: enough to hide the latency of memory, few enough that the lines are still in the
/// first-level cache when their turn comes.
pub(crate) const LOOK_AHEAD_MOST: usize = 32;

impl Keys<'_> {
    /// Sends for the memory of several keys at once, so that a command which goes through them need not wait for one
    /// after the other. At most [`LOOK_AHEAD_MOST`]: what is sent for too early is gone again when its turn comes.
    /// Returns their hashes.
    pub(crate) fn look_ahead<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> [u64; LOOK_AHEAD_MOST] {
        let dict = self.dict();
        let mut hashes = [0; LOOK_AHEAD_MOST];
        let mut count = 0;
        for (place, key) in hashes.iter_mut().zip(keys) {
            *place = dict.hash(key);
            count += 1;
        }
        if dict.len() >= LOOK_AHEAD_KEYS_MIN {
            let sent_for = &hashes[..count];
            for &hash in sent_for {
                dict.prefetch_bucket(hash);
            }
            for &hash in sent_for {
                if dict.prefetch_entry(hash) {
                    dict.prefetch_further(hash);
                }
            }
        }
        hashes
    }
}
