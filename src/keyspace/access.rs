//! When a key was last used, or how often: 24 bits beside each key, kept for eviction and for OBJECT IDLETIME and
//! OBJECT FREQ.
//!
//! Under an LRU policy they are a clock in seconds that wraps after half a year. Under an LFU policy they are 16
//! bits of minutes and a counter of 8 bits that grows ever more slowly (logarithmically) and decays with time.

use crate::base::rng::Rng;
use crate::store::EntryRef;

/// The word is 24 bits wide.
const WORD_MAX: u32 = (1 << 24) - 1;
/// The first value of a new key's counter, so that the key is not evicted before it had a chance to be used.
const LFU_START: u32 = 5;

/// The time of some accesses, in milliseconds, and the word that it is under an LRU policy: worked out once for all
/// keys of a command.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    ms: i64,
    lru_word: u32,
}

impl Moment {
    #[inline]
    pub(crate) fn at(now_ms: i64) -> Self {
        Self {
            ms: now_ms,
            lru_word: seconds(now_ms),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessPolicy {
    pub(crate) is_lfu: bool,
    pub(crate) log_factor: u64,
    pub(crate) decay_minutes: u64,
}

impl Default for AccessPolicy {
    fn default() -> Self {
        Self {
            is_lfu: false,
            log_factor: 10,
            decay_minutes: 1,
        }
    }
}

impl AccessPolicy {
    /// The word of a key that comes into being now.
    pub(crate) fn fresh(&self, now_ms: i64) -> u32 {
        if self.is_lfu {
            minutes(now_ms) << 8 | LFU_START
        } else {
            seconds(now_ms)
        }
    }

    /// The word after one more access.
    #[inline]
    pub(crate) fn touched(&self, word: u32, now: Moment, rng: &mut Rng) -> u32 {
        if !self.is_lfu {
            return now.lru_word;
        }
        let count = self.decayed(word, now.ms);
        minutes(now.ms) << 8 | self.incremented(count, rng)
    }

    /// The counter as it is now, less one for each decay period that has passed since it was written.
    pub(crate) fn decayed(&self, word: u32, now_ms: i64) -> u32 {
        let (then, count) = (word >> 8, word & 255);
        let now = minutes(now_ms);
        let elapsed = if now >= then {
            now - then
        } else {
            65535 - then + now
        };
        match u64::from(elapsed).checked_div(self.decay_minutes) {
            Some(periods) => count.saturating_sub(periods.min(255) as u32),
            None => count,
        }
    }

    /// Notes an access to an entry.
    #[inline]
    pub(crate) fn touch<V>(&self, entry: EntryRef<'_, V>, now: Moment, rng: &mut Rng) {
        entry.set_access(self.touched(entry.access(), now, rng));
    }

    fn incremented(&self, count: u32, rng: &mut Rng) -> u32 {
        if count == 255 {
            return 255;
        }
        let base = u64::from(count.saturating_sub(LFU_START));
        let chance = 1.0 / (base * self.log_factor + 1) as f64;
        if rng.f64() < chance { count + 1 } else { count }
    }

    /// Seconds since the last access; only meaningful under an LRU policy.
    pub(crate) fn idle_seconds(word: u32, now_ms: i64) -> u64 {
        let now = seconds(now_ms);
        u64::from(if now >= word {
            now - word
        } else {
            WORD_MAX - word + now
        })
    }

    /// The clock that access words are read from.
    pub(crate) fn lru_clock(now_ms: i64) -> u32 {
        seconds(now_ms)
    }

    /// The word of a key that has been idle for so long (RESTORE IDLETIME).
    pub(crate) fn idle_since(idle_s: u64, now_ms: i64) -> u32 {
        (u64::from(seconds(now_ms)).wrapping_sub(idle_s) & u64::from(WORD_MAX)) as u32
    }

    /// The word with this frequency (RESTORE FREQ).
    pub(crate) fn with_frequency(frequency: u8, now_ms: i64) -> u32 {
        minutes(now_ms) << 8 | u32::from(frequency)
    }
}

fn seconds(now_ms: i64) -> u32 {
    (now_ms / 1000) as u32 & WORD_MAX
}

fn minutes(now_ms: i64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_may_wrap() {
        let almost = (i64::from(WORD_MAX) - 1) * 1000;
        let word = AccessPolicy::default().fresh(almost);
        assert_eq!(AccessPolicy::idle_seconds(word, almost + 5000), 4);
    }

    #[test]
    fn a_counter_grows_slowly_and_decays() {
        let policy = AccessPolicy {
            is_lfu: true,
            ..AccessPolicy::default()
        };
        let mut rng = Rng::from_seed(1);
        let mut word = policy.fresh(0);
        assert_eq!(policy.decayed(word, 0), LFU_START);
        for _ in 0..1000 {
            word = policy.touched(word, Moment::at(0), &mut rng);
        }
        let count = policy.decayed(word, 0);
        assert!((8..40).contains(&count), "{count}");
        assert_eq!(policy.decayed(word, 3 * 60_000), count - 3);
        assert_eq!(policy.decayed(word, 1000 * 60_000), 0);
    }
}
