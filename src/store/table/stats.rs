//! How full the buckets of a table are.

use super::{Place, Spot, Table, tag};

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

/// The figures that need no walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableShape {
    pub(crate) buckets: usize,
    pub(crate) overflow_buckets: usize,
    /// The next bucket to divide, and how many there were when that round of divisions began.
    pub(crate) split: usize,
    pub(crate) round: usize,
}

/// The way of one look-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) hash: u64,
    /// The home bucket that the hash leads to, and the byte by which elements are told apart there.
    pub(crate) bucket: u32,
    pub(crate) tag: u8,
    /// How many elements each bucket of the chain has, and how many of them carry the tag.
    pub(crate) chain: Vec<(u8, u8)>,
    /// Where the element is, if it is: the bucket of the chain, and the slot.
    pub(crate) at: Option<(usize, usize)>,
}

impl Table {
    /// How a look-up for this hash went that came to `spot`.
    pub(crate) fn probe(&self, hash: u64, spot: Option<Spot>) -> Probe {
        let mut probe = Probe {
            hash,
            tag: tag(hash),
            ..Probe::default()
        };
        if self.homes.len() == 0 {
            return probe;
        }
        probe.bucket = self.home(hash);
        let mut place = Place::Home(probe.bucket);
        loop {
            let cells = self.cells(place);
            let tagged = cells.used().filter(|slot| cells.tag(*slot) == probe.tag);
            if let Some(spot) = spot.filter(|spot| spot.place() == place) {
                probe.at = Some((probe.chain.len(), spot.slot()));
            }
            probe
                .chain
                .push((cells.count() as u8, tagged.count() as u8));
            let Some(child) = cells.child() else {
                return probe;
            };
            place = Place::Overflow(child);
        }
    }

    /// The lengths of some chains, evenly spread over the home buckets.
    pub(crate) fn some_chains(&self, most: usize) -> Vec<u8> {
        let count = self.buckets().min(most);
        let lengths = (0..count).map(|number| {
            let index = (number as u64 * self.buckets() as u64 / count as u64) as u32;
            let mut length = 0_usize;
            self.walk_chain(index, &mut |_, _| length += 1);
            length.min(255) as u8
        });
        lengths.collect()
    }

    pub(crate) fn shape(&self) -> TableShape {
        TableShape {
            buckets: self.buckets(),
            overflow_buckets: self.overflow.len() as usize,
            split: self.split as usize,
            round: self.mask as usize + 1,
        }
    }

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
