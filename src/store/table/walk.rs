//! Ways through a table: from end to end, with a cursor that stays good while the table changes, and by chance.

use super::super::address::Address;
use super::super::spot::{Place, Spot};
use super::bucket::Bits;
use super::{Table, below};

/// Chains longer than this are not met in practice; `random` is exactly uniform up to here.
const LONGEST_FAIR_CHAIN: usize = 32;

impl Table {
    /// Visit the bucket the cursor stands for and return the cursor that follows; 0 starts and 0
    /// ends.
    ///
    /// A cursor is a threshold in the order of *reversed* hash bits, in which each bucket, divided
    /// or not, is one interval. The walk takes the intervals from the lowest to the highest.
    /// Dividing and joining change where intervals end but never move an element to the other side
    /// of the threshold. So what is present throughout is seen, and after a join some of it twice.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Spot, Address)) -> u64 {
        if self.homes.len() == 0 {
            return 0;
        }
        let index = self.home(cursor);
        self.walk_chain(index, &mut visit);
        let narrow = self.mask_of(index);
        ((cursor | !u64::from(narrow)).reverse_bits().wrapping_add(1)).reverse_bits()
    }

    /// Every element once, in no order that means anything.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter {
            table: self,
            place: Place::Home(0),
            left: self.len,
            used: None,
        }
    }

    /// Each element with the same probability; see `LONGEST_FAIR_CHAIN`. `draw` gives 64 random
    /// bits.
    ///
    /// Draw a bucket and a rank, and start over if the chain is shorter than that: about five tries
    /// at the usual fill.
    pub(crate) fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> {
        if self.len == 0 {
            return None;
        }
        if self.buckets() <= 4 {
            return self.iter().nth(below(draw, self.len)).map(|(spot, _)| spot);
        }
        loop {
            let mut rank = below(draw, LONGEST_FAIR_CHAIN);
            let mut place = Place::Home(below(draw, self.buckets()) as u32);
            loop {
                let bucket = self.cells(place);
                if rank < bucket.count() {
                    return bucket.used().nth(rank).map(|slot| Spot::new(place, slot));
                }
                rank -= bucket.count();
                let Some(child) = bucket.child() else { break };
                place = Place::Overflow(child);
            }
        }
    }

    pub(super) fn walk_chain(&self, home: u32, visit: &mut impl FnMut(Spot, Address)) {
        let mut place = Place::Home(home);
        loop {
            let bucket = self.cells(place);
            bucket
                .used()
                .for_each(|slot| visit(Spot::new(place, slot), bucket.address(slot)));
            let Some(child) = bucket.child() else { return };
            place = Place::Overflow(child);
        }
    }
}

/// Every element of a table.
pub(in crate::store) struct Iter<'t> {
    table: &'t Table,
    /// The bucket after the one that `used` belongs to.
    place: Place,
    left: usize,
    used: Option<(Place, Bits)>,
}

impl Iterator for Iter<'_> {
    type Item = (Spot, Address);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((place, used)) = &mut self.used
                && let Some(slot) = used.next()
            {
                self.left -= 1;
                return Some((
                    Spot::new(*place, slot),
                    self.table.cells(*place).address(slot),
                ));
            }
            if self.left == 0 {
                return None;
            }
            if self.place == Place::Home(self.table.homes.len()) {
                self.place = Place::Overflow(0);
            }
            self.used = Some((self.place, self.table.cells(self.place).used()));
            self.place = match self.place {
                Place::Home(index) => Place::Home(index + 1),
                Place::Overflow(index) => Place::Overflow(index + 1),
            };
            // The next bucket's elements arrive while the caller is busy with this one's.
            if let Place::Home(next) = self.place
                && next < self.table.homes.len()
            {
                let bucket = self.table.homes.bucket(next);
                bucket
                    .used()
                    .for_each(|slot| bucket.address(slot).prefetch());
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
