//! The graph that is searched: a hierarchical navigable small world.
//!
//! Every element is a node of the lowest layer, a quarter of them of the next one, and so on. On each layer a node is
//! linked to some that are near to it, `m` on most layers and twice as many on the lowest. A search begins at the
//! entrance, which is on the highest layer, goes from node to node as long as that leads nearer, descends a layer, and
//! widens to a beam of candidates on the lowest (`search`). An insertion is such a search, and then links
//! (`link`); a removal links those that the node had held together (`remove`).
//!
//! Links always go both ways, so a node that goes finds all that lead to it.
//!
//! Not known here: names, except that they are kept beside the records.

use super::pages::{Body, BodyPages, EdgePages, Farthest};
use super::quant::Form;
use crate::base::rng::Rng;

/// A node on the layer above is one of this many.
const LAYER_SHARE: u64 = 4;

/// The highest layer that a node may have.
pub(crate) const LEVEL_MAX: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) form: Form,
    /// How many links a new node gets on each layer.
    pub(super) m: usize,
    pub(super) bodies: BodyPages,
    pub(super) edges: EdgePages,
    /// A node of the highest layer.
    pub(super) entrance: Option<u32>,
}

/// A node and how far it is from what is looked for. Orders by distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Near(u64);

impl Near {
    pub(super) fn new(distance: f32, id: u32) -> Self {
        // The bits of floats order like integers once those of negative ones are turned round.
        let bits = distance.to_bits();
        let key = if bits >> 31 == 1 {
            !bits
        } else {
            bits | 1 << 31
        };
        Self(u64::from(key) << 32 | u64::from(id))
    }

    pub(super) fn id(self) -> u32 {
        self.0 as u32
    }

    pub(super) fn distance(self) -> f32 {
        let key = (self.0 >> 32) as u32;
        f32::from_bits(if key >> 31 == 1 {
            key & !(1 << 31)
        } else {
            !key
        })
    }
}

impl Graph {
    pub(super) fn new(form: Form, m: usize) -> Self {
        Self {
            form,
            m,
            bodies: BodyPages::new(form.record_bytes()),
            edges: EdgePages::new(m * 2),
            entrance: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bodies.len()
    }

    /// The highest layer.
    pub(super) fn level(&self) -> usize {
        self.entrance.map_or(0, |id| self.edges.level(id))
    }

    #[inline]
    pub(super) fn distance(&self, one: u32, other: u32) -> f32 {
        let (one, other) = (self.bodies.record(one), self.bodies.record(other));
        self.form.distance(one, other)
    }

    #[inline]
    pub(super) fn distance_to(&self, record: &[u8], id: u32) -> f32 {
        self.form.distance(record, self.bodies.record(id))
    }

    /// How many links a node may have on a layer without asking for more room.
    pub(super) fn links_max(&self, layer: usize) -> usize {
        if layer == 0 { self.m * 2 } else { self.m }
    }

    /// For each layer of a node to come, from the lowest on, those near it: nearest first.
    pub(super) fn candidates(&self, record: &[u8], level: usize, breadth: usize) -> Vec<Vec<Near>> {
        let Some(mut nearest) = self.descend(record, level) else {
            return Vec::new();
        };
        let mut layers = Vec::new();
        for layer in (0..=level.min(self.level())).rev() {
            let found = self.search_layer(record, nearest, breadth, layer);
            nearest = found.first().copied().unwrap_or(nearest);
            layers.push(found);
        }
        layers.reverse();
        layers
    }

    /// Adds a node on the layers up to `level`, and links it with some of the candidates.
    pub(super) fn insert_among(
        &mut self,
        record: &[u8],
        body: Body,
        level: usize,
        layers: Vec<Vec<Near>>,
    ) {
        let id = self.len() as u32;
        self.bodies.push(record, body);
        self.edges.push(level);
        for (layer, candidates) in layers.into_iter().enumerate().rev() {
            self.link(id, layer, &candidates);
        }
        if self.entrance.is_none() || level > self.level() {
            self.entrance = Some(id);
        }
    }

    /// The longest link of a node on a layer on which it has some.
    pub(super) fn farthest(&mut self, id: u32, layer: usize) -> Farthest {
        if let Some(farthest) = self.edges.farthest(id, layer) {
            return farthest;
        }
        let farthest = self.look_for_farthest(id, layer);
        self.edges.set_farthest(id, layer, farthest);
        farthest
    }

    pub(super) fn look_for_farthest(&self, id: u32, layer: usize) -> Farthest {
        let links = self.edges.links(id, layer).iter();
        let longest = links
            .map(|&link| self.distance(id, link))
            .enumerate()
            .max_by(|one, other| one.1.total_cmp(&other.1));
        let (index, distance) = longest.unwrap_or_default();
        Farthest::of(index, distance)
    }
}

/// The highest layer of a new node.
pub(super) fn draw_level(rng: &mut Rng) -> usize {
    (0..LEVEL_MAX)
        .take_while(|_| rng.one_in(LAYER_SHARE))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_orders_like_the_distance() {
        let distances = [-1.0, -1e-7, -0.0, 0.0, 1e-30, 0.5, 1.0, 2.0, f32::INFINITY];
        for pair in distances.windows(2) {
            assert!(Near::new(pair[0], 9) < Near::new(pair[1], 1), "{pair:?}");
            assert_eq!(
                Near::new(pair[0], 9).distance().to_bits(),
                pair[0].to_bits()
            );
            assert_eq!(Near::new(pair[0], 9).id(), 9);
        }
        assert!(Near::new(f32::NAN, 0) > Near::new(2.0, 0));
    }
}
