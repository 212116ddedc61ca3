//! A log-linear histogram of durations, as LATENCY HISTOGRAM and INFO latencystats show it.
//!
//! Each power of two is cut into 32 equal steps, so a value is known to within 3 %; from a nanosecond to 18
//! minutes that is a thousand counters of 4 bytes. Recording is a shift and an addition.

/// Steps within a power of two.
const STEPS_LOG2: u32 = 5;
const STEPS: u64 = 1 << STEPS_LOG2;
/// Durations beyond this are counted as this: about 18 minutes.
const MAX_NS: u64 = (1 << 40) - 1;
const BUCKETS: usize = bucket_of(MAX_NS) + 1;

#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Box<[u32]>,
    pub(crate) count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            count: 0,
        }
    }
}

const fn bucket_of(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let power = ns.ilog2();
    let shift = power - STEPS_LOG2;
    (((shift + 1) as u64 * STEPS) + ((ns >> shift) - STEPS)) as usize
}

/// The largest duration that falls into a bucket.
const fn top_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << shift) - 1
}

impl Histogram {
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        let bucket = bucket_of(ns.min(MAX_NS));
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.count += 1;
    }

    /// The duration below which `percent` of the recorded ones lie, in nanoseconds.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let wanted =
            ((percent / 100.0 * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted {
                return top_of(bucket);
            }
        }
        0
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.counts)
    }

    /// How many were at most `ns` long (to the precision of a bucket).
    pub(crate) fn at_most(&self, ns: u64) -> u64 {
        let last = bucket_of(ns.min(MAX_NS));
        self.counts[..=last]
            .iter()
            .map(|&count| u64::from(count))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for ns in (0..5000)
            .chain((13..40).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 12345]))
        {
            let bucket = bucket_of(ns);
            assert!(ns <= top_of(bucket), "{ns}");
            assert!(bucket == 0 || ns > top_of(bucket - 1), "{ns}");
        }
    }

    #[test]
    fn percentiles_are_within_three_percent() {
        let mut histogram = Histogram::default();
        for ns in 1..=100_000 {
            histogram.record(ns);
        }
        for percent in [1.0, 50.0, 99.0, 99.9, 100.0] {
            let exact = percent * 1000.0;
            let told = histogram.percentile(percent) as f64;
            assert!((told - exact).abs() / exact < 0.033, "{percent}: {told}");
        }
        assert_eq!(histogram.at_most(MAX_NS), 100_000);
    }
}
