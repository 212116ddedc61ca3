//! How full the buckets of a table are.

use super::Table;

/// The figures of DEBUG HTSTATS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableStats {
    pub(crate) elements: usize,
    pub(crate) buckets: usize,
    pub(crate) overflow_buckets: usize,
    pub(crate) bytes: usize,
    /// How many buckets have a chain of `n` elements; the last number counts all longer ones too.
    pub(crate) chains: [usize; 32],
}

impl Table {
    pub(crate) fn stats(&self) -> TableStats {
        let mut stats = TableStats {
            elements: self.len,
            buckets: self.buckets(),
            overflow_buckets: self.overflow.len() as usize,
            bytes: self.bytes(),
            ..TableStats::default()
        };
        for index in 0..self.homes.len() {
            let mut count = 0;
            self.walk_chain(index, &mut |_, _| count += 1);
            stats.chains[count.min(stats.chains.len() - 1)] += 1;
        }
        stats
    }
}
