//! Walking the graph towards a vector.
//!
//! Which nodes a search has met is a bitmap of its own, as large as the set has elements, made for each search and
//! dropped with it. So nothing is kept in the nodes, and any number of searches can read one graph at a time. For a
//! million elements that is 125 KB to clear, against some thousands of distances.
//!
//! The records of a node's links are sent for together before the first of them is compared: waiting for memory is most
//! of what a search does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::{Graph, Near};
use crate::store::distance::send_for;

/// Which elements are wanted, and how many nodes a search may look at in order to find such.
pub(super) struct Wanted<'f> {
    pub(super) accepts: &'f dyn Fn(u32) -> bool,
    /// How many nodes may be left for their neighbours; 0 is no limit.
    pub(super) effort: usize,
}

/// The nodes that a search has met.
struct Met(Vec<u64>);

impl Met {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    /// Whether the node is new to the search.
    #[inline]
    fn insert(&mut self, id: u32) -> bool {
        let (word, bit) = (id as usize / 64, 1 << (id % 64));
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }
}

/// The best that were found so far, at most `most` of them.
struct Best {
    heap: BinaryHeap<Near>,
    most: usize,
}

impl Best {
    fn new(most: usize, len: usize) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(most.min(len) + 1),
            most,
        }
    }

    /// Whether something that near would be among them.
    #[inline]
    fn admits(&self, near: Near) -> bool {
        self.heap.len() < self.most || self.heap.peek().is_some_and(|worst| near < *worst)
    }

    #[inline]
    fn push(&mut self, near: Near) {
        self.heap.push(near);
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    fn into_sorted(self) -> Vec<Near> {
        self.heap.into_sorted_vec()
    }
}

impl Graph {
    /// From the entrance down to the layer above `level` or the lowest, always to the nearest node.
    pub(super) fn descend(&self, record: &[u8], level: usize) -> Option<Near> {
        let entrance = self.entrance?;
        let mut nearest = Near::new(self.distance_to(record, entrance), entrance);
        for layer in (level + 1..=self.level()).rev() {
            nearest = self.descend_layer(record, nearest, layer);
        }
        Some(nearest)
    }

    fn descend_layer(&self, record: &[u8], mut nearest: Near, layer: usize) -> Near {
        loop {
            let links = self.edges.links(nearest.id(), layer);
            for &link in links {
                send_for(self.bodies.record(link));
            }
            let best = links
                .iter()
                .map(|&link| Near::new(self.distance_to(record, link), link))
                .min();
            match best {
                Some(best) if best.distance() < nearest.distance() => nearest = best,
                _ => return nearest,
            }
        }
    }

    /// The `most` nodes of a layer that are nearest to a vector, as far as they are found from `start`; nearest first.
    pub(super) fn search_layer(
        &self,
        record: &[u8],
        start: Near,
        most: usize,
        layer: usize,
    ) -> Vec<Near> {
        let mut met = Met::new(self.len());
        let mut best = Best::new(most, self.len());
        let mut open = BinaryHeap::with_capacity(64);
        let mut fresh = Vec::with_capacity(self.links_max(layer));
        met.insert(start.id());
        best.push(start);
        open.push(Reverse(start));
        while let Some(Reverse(node)) = open.pop() {
            if !best.admits(node) && best.heap.peek() != Some(&node) {
                break;
            }
            self.fresh_links(node.id(), layer, &mut met, &mut fresh);
            for &link in &fresh {
                let near = Near::new(self.distance_to(record, link), link);
                if best.admits(near) {
                    best.push(near);
                    open.push(Reverse(near));
                }
            }
            if let Some(Reverse(next)) = open.peek().filter(|_| layer == 0) {
                self.edges.send_for(next.id());
            }
        }
        best.into_sorted()
    }

    /// The same among those that are wanted. Others are walked through: they may lead to some.
    pub(super) fn search_wanted(
        &self,
        record: &[u8],
        start: Near,
        most: usize,
        wanted: &Wanted<'_>,
    ) -> Vec<Near> {
        let mut met = Met::new(self.len());
        let mut best = Best::new(most, self.len());
        let mut open = BinaryHeap::from([Reverse(start)]);
        let mut fresh = Vec::with_capacity(self.links_max(0));
        met.insert(start.id());
        if (wanted.accepts)(start.id()) {
            best.push(start);
        }
        let mut left = 1;
        while let Some(Reverse(node)) = open.pop() {
            if wanted.effort != 0 && left >= wanted.effort {
                break;
            }
            left += 1;
            if !best.admits(node) && best.heap.peek() != Some(&node) {
                break;
            }
            self.fresh_links(node.id(), 0, &mut met, &mut fresh);
            for &link in &fresh {
                let near = Near::new(self.distance_to(record, link), link);
                if best.admits(near) {
                    open.push(Reverse(near));
                    if (wanted.accepts)(link) {
                        best.push(near);
                    }
                }
            }
        }
        best.into_sorted()
    }

    /// The links of a node that the search has not met, whose records are on their way from memory.
    #[inline]
    fn fresh_links(&self, id: u32, layer: usize, met: &mut Met, fresh: &mut Vec<u32>) {
        fresh.clear();
        for &link in self.edges.links(id, layer) {
            if met.insert(link) {
                send_for(self.bodies.record(link));
                fresh.push(link);
            }
        }
    }

    /// The `most` nearest of all, by looking at each.
    pub(super) fn scan(
        &self,
        record: &[u8],
        most: usize,
        wanted: Option<&Wanted<'_>>,
    ) -> Vec<Near> {
        let mut best = Best::new(most, self.len());
        for id in 0..self.len() as u32 {
            let distance = self.form.shown_distance(record, self.bodies.record(id));
            let near = Near::new(distance, id);
            if best.admits(near) && wanted.is_none_or(|wanted| (wanted.accepts)(id)) {
                best.push(near);
            }
        }
        best.into_sorted()
    }
}
