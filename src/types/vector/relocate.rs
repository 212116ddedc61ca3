//! Moving what lies badly of a set's memory, page by page.
//!
//! The pages of the graph and those by which names are found are numbered together, so a number says where to go on. A
//! set that changes meanwhile has its pages numbered anew; then some are looked at twice, or at the next walk.

use std::sync::Arc;

use crate::store::mover::Mover;

use super::Inner;

/// What is shared as one.
pub(super) trait Page {
    /// Moves what it owns, and not the page itself.
    fn relocate(&mut self, mover: &mut Mover<'_>);
}

/// A row of pages of one kind.
pub(super) trait Row {
    fn len(&self) -> usize;

    /// The row itself.
    fn relocate_row(&mut self, mover: &mut Mover<'_>);

    /// One page, unless a clone shares it.
    fn relocate_page(&mut self, number: usize, mover: &mut Mover<'_>);
}

impl<P: Page> Row for Vec<Arc<P>> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn relocate_row(&mut self, mover: &mut Mover<'_>) {
        mover.vec(self);
    }

    fn relocate_page(&mut self, number: usize, mover: &mut Mover<'_>) {
        mover.shared(&mut self[number], |mover, page| page.relocate(mover));
    }
}

impl Page for Vec<u32> {
    fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.vec(self);
    }
}

impl Inner {
    /// Goes on at a page, and returns where the time was over; 0 at the end.
    pub(super) fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        let [buckets, next] = self.names.rows();
        let (bodies, edges) = (self.graph.bodies.row(), self.graph.edges.row());
        let mut at = 0;
        for row in [bodies, edges, buckets, next, self.order.row()] {
            if from == 0 {
                row.relocate_row(mover);
            }
            for page in 0..row.len() {
                if at > from && mover.is_over() {
                    return at;
                }
                if at >= from {
                    row.relocate_page(page, mover);
                }
                at += 1;
            }
        }
        0
    }
}
