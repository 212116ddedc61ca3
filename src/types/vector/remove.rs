//! Taking a node out of the graph.
//!
//! Each of its neighbours loses a link, so each has room for one. They are near each other, being near the node, so
//! they are paired among themselves, the shortest new link first. Whoever stays alone is linked to somebody else, found
//! by a search, if it has few links left.
//!
//! Then the last node takes the number of the one that went, and its neighbours are told.

use super::graph::Graph;
use super::pages::Body;

/// How many candidates are looked for when a node that has lost a link finds no other among its former neighbours.
const BREADTH: usize = 200;

impl Graph {
    /// Removes a node; the last one takes its number.
    pub(super) fn remove(&mut self, id: u32) -> Body {
        let level = self.edges.level(id);
        let layers: Vec<Vec<u32>> = (0..=level)
            .map(|layer| self.edges.links(id, layer).to_vec())
            .collect();
        for (layer, neighbours) in layers.iter().enumerate() {
            for (index, &neighbour) in neighbours.iter().enumerate().rev() {
                self.edges.drop_link(id, layer, index);
                self.drop_link_to(neighbour, layer, id);
            }
        }
        if self.entrance == Some(id) {
            self.entrance = self.next_entrance(id, &layers);
        }
        for (layer, neighbours) in layers.iter().enumerate() {
            self.reconnect(neighbours, layer);
        }
        self.take_out(id)
    }

    /// Who follows the entrance `id`: a neighbour on the highest layer on which it had some. Without any, which is
    /// hardly ever, all nodes are looked at.
    fn next_entrance(&self, id: u32, layers: &[Vec<u32>]) -> Option<u32> {
        let near = layers.iter().rev().find(|links| !links.is_empty());
        if let Some(near) = near {
            return near.iter().copied().max_by_key(|&id| self.edges.level(id));
        }
        (0..self.len() as u32)
            .filter(|&other| other != id)
            .max_by_key(|&other| self.edges.level(other))
    }

    /// Pairs nodes that have lost a common neighbour.
    fn reconnect(&mut self, nodes: &[u32], layer: usize) {
        let mut pairs = Vec::new();
        for (index, &one) in nodes.iter().enumerate() {
            for (further, &other) in nodes.iter().enumerate().skip(index + 1) {
                if !self.edges.links(one, layer).contains(&other) {
                    pairs.push((self.distance(one, other), index, further));
                }
            }
        }
        pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut is_paired = vec![false; nodes.len()];
        let max = self.links_max(layer);
        for (distance, one, other) in pairs {
            let has_room = |index: usize| self.edges.links(nodes[index], layer).len() < max;
            if is_paired[one] || is_paired[other] || !has_room(one) || !has_room(other) {
                continue;
            }
            self.join(nodes[one], nodes[other], layer, distance);
            (is_paired[one], is_paired[other]) = (true, true);
        }
        for (&node, is_paired) in nodes.iter().zip(is_paired) {
            if !is_paired {
                self.find_company(node, layer);
            }
        }
    }

    /// Looks for a link for a node that has few.
    fn find_company(&mut self, id: u32, layer: usize) {
        if self.edges.links(id, layer).len() > self.m / 2 || layer > self.level() {
            return;
        }
        let record = self.bodies.record(id).to_vec();
        let Some(start) = self.descend(&record, layer) else {
            return;
        };
        let candidates = self.search_layer(&record, start, BREADTH, layer);
        self.link_again(id, layer, &candidates);
    }

    /// Removes a node without links; the last one takes its number.
    fn take_out(&mut self, id: u32) -> Body {
        let last = self.len() as u32 - 1;
        if id != last {
            for layer in 0..=self.edges.level(last) {
                for link in self.edges.links(last, layer).to_vec() {
                    self.edges.rename_link(link, layer, last, id);
                }
            }
            if self.entrance == Some(last) {
                self.entrance = Some(id);
            }
        }
        self.edges.swap_remove(id);
        self.bodies.swap_remove(id)
    }
}
