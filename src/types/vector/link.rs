//! Which nodes a new node is linked to.
//!
//! The nearest candidates, but not all from one side: one that is nearer to a neighbour already taken than to the new
//! node is passed over, for it can be reached through that neighbour. A candidate that has no room gives up its longest
//! link for a shorter one, unless the node at the other end would be left with too few.
//!
//! A node that gets too few links in this way is hard to find. So a second round no longer asks for all sides, and a
//! third rather makes room than leave the node alone.

use super::graph::{Graph, Near};

/// How hard a link is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Only links that make a good graph.
    Choosy,
    /// From whichever side.
    Some,
    /// At any price.
    Any,
}

impl Graph {
    /// Links a node without links to some of the candidates, which come nearest first.
    pub(super) fn link(&mut self, id: u32, layer: usize, candidates: &[Near]) {
        self.link_some(id, layer, candidates, self.m, Need::Choosy);
        if layer != 0 {
            return;
        }
        if self.edges.links(id, 0).len() < self.m / 2 {
            self.link_some(id, 0, candidates, self.m, Need::Some);
        }
        if self.edges.links(id, 0).len() < self.m / 4 {
            self.link_some(id, 0, candidates, self.m / 4, Need::Any);
        }
    }

    /// Gives a node that has lost links one more if it can be had, and at any price if it has hardly one.
    pub(super) fn link_again(&mut self, id: u32, layer: usize, candidates: &[Near]) {
        let count = self.edges.links(id, layer).len();
        let need = match count {
            few if few < self.m / 4 => Need::Any,
            some if some < self.m / 2 => Need::Some,
            _ => Need::Choosy,
        };
        self.link_some(id, layer, candidates, count + 1, need);
    }

    /// Links a node to candidates until it has `enough` links.
    fn link_some(&mut self, id: u32, layer: usize, candidates: &[Near], enough: usize, need: Need) {
        let enough = enough.min(self.links_max(layer));
        for &candidate in candidates {
            if self.edges.links(id, layer).len() >= enough {
                return;
            }
            let other = candidate.id();
            if other == id || !self.is_eligible(id, layer, candidate, need) {
                continue;
            }
            if self.make_room(other, layer, candidate.distance(), need) {
                self.join(id, other, layer, candidate.distance());
            }
        }
    }

    /// Whether a candidate is no neighbour yet, and on a side of its own if that matters.
    fn is_eligible(&self, id: u32, layer: usize, candidate: Near, need: Need) -> bool {
        let (other, distance) = (candidate.id(), candidate.distance());
        let links = self.edges.links(id, layer);
        if need == Need::Choosy {
            !(links.iter()).any(|&link| link == other || self.distance(other, link) < distance)
        } else {
            !links.contains(&other)
        }
    }

    /// Sees to it that a node has room for a link of this length, if that can be answered for.
    fn make_room(&mut self, id: u32, layer: usize, distance: f32, need: Need) -> bool {
        if self.edges.links(id, layer).len() < self.links_max(layer) {
            return true;
        }
        let farthest = self.farthest(id, layer);
        if need == Need::Choosy && distance >= farthest.distance {
            return false;
        }
        let dropped = self.edges.links(id, layer)[farthest.index()];
        let least = if need == Need::Choosy {
            self.m / 2
        } else {
            self.m / 4
        };
        if self.edges.links(dropped, layer).len() > least {
            self.part(id, farthest.index(), layer);
            return true;
        }
        if need != Need::Any {
            return false;
        }
        match self.longest_to_spare(id, layer) {
            Some(index) => self.part(id, index, layer),
            // All its neighbours have too few links themselves. It gets one more than usual, within bounds.
            None if self.edges.links(id, layer).len() >= self.links_max(layer) * 3 / 2 => {
                return false;
            }
            None => {}
        }
        true
    }

    /// The longest link of a node whose other end has enough others.
    fn longest_to_spare(&self, id: u32, layer: usize) -> Option<usize> {
        let links = self.edges.links(id, layer).iter().enumerate();
        links
            .filter(|&(_, &link)| self.edges.links(link, layer).len() > self.m / 4)
            .map(|(index, &link)| (index, self.distance(id, link)))
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map(|(index, _)| index)
    }

    /// Links two nodes.
    pub(super) fn join(&mut self, one: u32, other: u32, layer: usize, distance: f32) {
        self.edges.push_link(one, layer, other, distance);
        self.edges.push_link(other, layer, one, distance);
    }

    /// Takes a link of a node away, and the one that leads back.
    fn part(&mut self, id: u32, index: usize, layer: usize) {
        let other = self.edges.links(id, layer)[index];
        self.edges.drop_link(id, layer, index);
        self.drop_link_to(other, layer, id);
    }

    pub(super) fn drop_link_to(&mut self, id: u32, layer: usize, other: u32) {
        let links = self.edges.links(id, layer);
        let index = links.iter().position(|&link| link == other);
        self.edges
            .drop_link(id, layer, index.expect("links go both ways"));
    }
}
