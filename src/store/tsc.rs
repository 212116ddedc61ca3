//! Cheap time stamps, for measuring our own phases.
//!
//! The processor's counter takes about 10 ns to read where the system's clock takes 60, and a tick
//! of the loop takes eight stamps. The counter starts anywhere and runs at a rate of its own: a
//! [`Rate`] measured against the real clock turns differences into nanoseconds. It is for
//! statistics only. Deadlines, replies and anything a test must be able to wind come from
//! `base::time`.

#![allow(unsafe_code)]

/// The counter, in units that only a [`Rate`] can explain. Never decreases on one core; may differ
/// a little between cores, so compute differences with `wrapping_sub` or `saturating_sub`.
#[inline]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: RDTSC reads a register and is available to user code on every x86-64 system we
        // run on.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let counter: u64;
        // SAFETY: reads the virtual counter, which the architecture makes readable from user code;
        // no memory and no flags are touched.
        unsafe {
            core::arch::asm!("mrs {}, cntvct_el0", out(reg) counter, options(nomem, nostack, preserves_flags))
        };
        counter
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        use std::sync::LazyLock;
        use std::time::Instant;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed().as_nanos() as u64
    }
}

/// How fast the counter runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Nanoseconds per tick, times 2^32.
    nanos_per_tick: u64,
}

impl Rate {
    /// From two readings of the counter and of a clock, taken together and some milliseconds apart.
    /// If nothing has passed between them, a tick counts as a nanosecond.
    pub(crate) fn measure(ticks: (u64, u64), nanos: (u64, u64)) -> Self {
        let (ticks, nanos) = (ticks.1.wrapping_sub(ticks.0), nanos.1.wrapping_sub(nanos.0));
        let ratio = (u128::from(nanos) << 32)
            .checked_div(u128::from(ticks))
            .unwrap_or(0);
        Self {
            nanos_per_tick: if ratio == 0 { 1 << 32 } else { ratio as u64 },
        }
    }

    #[inline]
    pub(crate) fn nanos(self, ticks: u64) -> u64 {
        ((u128::from(ticks) * u128::from(self.nanos_per_tick)) >> 32) as u64
    }

    /// How many ticks so many nanoseconds are.
    pub(crate) fn ticks(self, nanos: u64) -> u64 {
        ((u128::from(nanos) << 32) / u128::from(self.nanos_per_tick)) as u64
    }

    #[inline]
    #[cfg(test)]
    pub(crate) fn micros(self, ticks: u64) -> u64 {
        self.nanos(ticks) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_runs() {
        let first = ticks();
        let mut sum = 0u64;
        for number in 0..10_000u64 {
            sum = std::hint::black_box(sum ^ number);
        }
        assert!(ticks().wrapping_sub(first) > 0);
    }

    #[test]
    fn a_rate_converts_both_ways_round() {
        let rate = Rate::measure((1_000, 3_001_000), (500, 1_000_500));
        assert_eq!(rate.micros(3_000_000), 999);
        assert!(rate.nanos(3_000_000).abs_diff(1_000_000) <= 1);
        assert!(rate.ticks(1_000_000).abs_diff(3_000_000) <= 3);
        assert_eq!(Rate::measure((5, 5), (0, 9)).nanos(7), 7);
    }
}
