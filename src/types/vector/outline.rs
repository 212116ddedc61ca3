//! A set as files have it: its design, and element after element with its links.
//!
//! Links are named by numbers that the file gives to elements. Whoever wrote it may have numbered them as it liked, so
//! they are looked up when all have come. What does not fit together is refused: an element or a number that comes
//! twice, a link to nobody, to oneself, twice, or to somebody who is not on that layer, and one that does not lead
//! back.
//!
//! A file may give an element more links than it would get here; they are kept.

use std::collections::HashMap;
use std::sync::Arc;

use super::graph::{Graph, LEVEL_MAX};
use super::pages::Body;
use super::projection::Projection;
use super::{Design, Id, VectorSet};
use crate::base::hash::Seed;
use crate::types::Malformed;

/// The most links that a file may give an element on a layer.
const LINKS_MAX: usize = 4 * 4096;

/// A set, to be written down.
pub(crate) struct Outline<'s>(&'s VectorSet);

/// An element in a file.
pub(crate) struct OutlineElement<'s> {
    pub(crate) name: &'s [u8],
    /// Empty if there are none.
    pub(crate) attributes: &'s [u8],
    /// The components as they are kept.
    pub(crate) vector: &'s [u8],
    pub(crate) length: f32,
    pub(crate) range: f32,
    /// What links call it.
    pub(crate) number: u64,
    /// From the lowest on.
    pub(crate) layers: Vec<OutlineLayer>,
}

/// The links of an element on a layer.
pub(crate) struct OutlineLayer {
    /// How many it has room for.
    pub(crate) room: usize,
    /// The numbers of its neighbours, in ascending order.
    pub(crate) links: Vec<u64>,
    /// The place of the farthest neighbour among them, and its distance.
    pub(crate) farthest: (usize, f32),
}

impl VectorSet {
    pub(crate) fn outline(&self) -> Outline<'_> {
        Outline(self)
    }
}

impl<'s> Outline<'s> {
    pub(crate) fn design(&self) -> Design {
        self.0.design()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn has_attributes(&self) -> bool {
        self.0.attributed() > 0
    }

    /// The factors of the projection, if there is one.
    pub(crate) fn matrix(&self) -> Option<Vec<u8>> {
        self.0.0.projection.as_ref().map(|it| it.to_bytes())
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = OutlineElement<'s>> {
        let set = self.0;
        (0..set.len() as Id).map(|id| element(set, id))
    }
}

fn element(set: &VectorSet, id: Id) -> OutlineElement<'_> {
    let (vector, length, range) = set.raw(id);
    let level = set.0.graph.edges.level(id);
    OutlineElement {
        name: set.name(id),
        attributes: set.attributes(id).unwrap_or_default(),
        vector,
        length,
        range,
        number: number(set, id),
        layers: (0..=level).map(|at| layer(set, id, at)).collect(),
    }
}

fn layer(set: &VectorSet, id: Id, layer: usize) -> OutlineLayer {
    let graph = &set.0.graph;
    let links = graph.edges.links(id, layer);
    let mut numbers: Vec<u64> = links.iter().map(|&link| number(set, link)).collect();
    numbers.sort_unstable();
    let known = graph.edges.farthest(id, layer);
    let farthest = known.unwrap_or_else(|| graph.look_for_farthest(id, layer));
    let far = links.get(farthest.index()).map(|&link| number(set, link));
    let place = far.and_then(|far| numbers.binary_search(&far).ok());
    OutlineLayer {
        room: graph.links_max(layer).max(links.len()),
        links: numbers,
        farthest: (place.unwrap_or(0), farthest.distance),
    }
}

/// From 1 on. The last element has the greatest number that any ever had: so a set goes on counting where it was.
fn number(set: &VectorSet, id: Id) -> u64 {
    if id as usize + 1 == set.len() {
        set.added()
    } else {
        u64::from(id) + 1
    }
}

/// Makes a set of what a file has.
pub(crate) struct Builder {
    set: VectorSet,
    numbers: HashMap<u64, Id>,
    /// For each element the numbers of its neighbours, layer by layer.
    links: Vec<Vec<Vec<u64>>>,
}

impl Builder {
    /// `matrix` has the factors of the projection, if the design has one.
    pub(crate) fn new(design: Design, matrix: &[u8], seed: Seed) -> Result<Self, Malformed> {
        let without = Design {
            projects_from: None,
            ..design
        };
        let mut set = VectorSet::new(without, seed);
        if let Some(from) = design.projects_from {
            let bytes = from
                .checked_mul(design.form.dimension)
                .and_then(|factors| factors.checked_mul(4));
            if from == 0 || bytes != Some(matrix.len()) {
                return Err(Malformed);
            }
            let inner = Arc::get_mut(&mut set.0).expect("it was just made");
            inner.projection = Some(Arc::new(Projection::of_bytes(from, matrix)));
        }
        Ok(Self {
            set,
            numbers: HashMap::new(),
            links: Vec::new(),
        })
    }

    /// Takes the next element.
    pub(crate) fn push(&mut self, element: OutlineElement<'_>) -> Result<(), Malformed> {
        let form = self.set.form();
        let fits = element.vector.len() == form.vector_bytes()
            && (1..=LEVEL_MAX + 1).contains(&element.layers.len())
            && (element.layers.iter()).all(|layer| layer.links.len() <= LINKS_MAX)
            && self.links.len() < Id::MAX as usize;
        if !fits || self.set.find(element.name).is_some() {
            return Err(Malformed);
        }
        let id = self.links.len() as Id;
        if self.numbers.insert(element.number, id).is_some() {
            return Err(Malformed);
        }
        let has_attributes = !element.attributes.is_empty();
        let body = Body {
            name: element.name.into(),
            attributes: has_attributes.then(|| element.attributes.into()),
        };
        let record = form.record_of_parts(element.length, element.range, element.vector);
        let inner = Arc::make_mut(&mut self.set.0);
        inner.attributed += usize::from(has_attributes);
        inner.added = inner.added.max(element.number).max(u64::from(id) + 1);
        inner.name_next(element.name);
        inner.graph.bodies.push(&record, body);
        inner.file_last();
        let graph = &mut inner.graph;
        let level = element.layers.len() - 1;
        graph.edges.push(level);
        if graph.entrance.is_none() || level > graph.level() {
            graph.entrance = Some(id);
        }
        let links = element.layers.into_iter().map(|layer| layer.links);
        self.links.push(links.collect());
        Ok(())
    }

    /// The set, if everything in it fits together.
    pub(crate) fn finish(mut self) -> Result<VectorSet, Malformed> {
        let inner = Arc::make_mut(&mut self.set.0);
        let graph = &mut inner.graph;
        for (id, layers) in self.links.iter().enumerate() {
            for (layer, numbers) in layers.iter().enumerate() {
                for number in numbers {
                    let link = *self.numbers.get(number).ok_or(Malformed)?;
                    if link as usize == id || layer > graph.edges.level(link) {
                        return Err(Malformed);
                    }
                    graph.edges.append_link(id as Id, layer, link);
                }
            }
        }
        for id in 0..graph.len() as Id {
            for layer in 0..=graph.edges.level(id) {
                graph.edges.sort_links(id, layer);
            }
        }
        if !is_sound(graph) || graph.len() == 0 {
            return Err(Malformed);
        }
        Ok(self.set)
    }
}

/// Whether no link, of those in ascending order, is there twice, and each leads back.
fn is_sound(graph: &Graph) -> bool {
    (0..graph.len() as Id).all(|id| {
        (0..=graph.edges.level(id)).all(|layer| {
            let links = graph.edges.links(id, layer);
            let leads_back = |link: &Id| {
                let back = graph.edges.links(*link, layer);
                back.binary_search(&id).is_ok()
            };
            links.windows(2).all(|pair| pair[0] < pair[1]) && links.iter().all(leads_back)
        })
    })
}
