//! Vector sets: names, each with a vector and perhaps attributes, found by how near their vectors are.
//!
//! A vector comes as floats and is kept coarser (`quant`), after a projection to fewer components if the set has one
//! (`projection`). Elements are numbered without gaps and lie in shared pages (`pages`); `names` finds the number of a
//! name, `order` has the numbers in the order of the names. What is near is found in a graph (`graph`, `search`,
//! `link`, `remove`). A filter reads attributes (`filter`). `outline` is a set as files have it.
//!
//! A clone shares everything until one of the two changes: it costs one counter, and the first change after it a row of
//! pointers. So snapshots take a whole set at once, however large, and no write waits for them.
//!
//! Not good at: giving back the row of buckets of names when a large set shrinks; four bytes for each element it had.

pub(crate) mod filter;
mod graph;
mod link;
mod names;
mod order;
mod outline;
mod pages;
mod projection;
mod quant;
mod relocate;
mod remove;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::hash::Seed;
use crate::base::rng::Rng;
use filter::Filter;
use graph::{Graph, Near};
use names::Names;
use order::Order;
use pages::Body;
use projection::Projection;
use search::Wanted;

use super::choose::{self, Selection};
use super::zset::NameRange;
use super::{Digest, Family, Row};
use crate::store::mover::Mover;

pub(crate) use outline::{Builder, Outline, OutlineElement, OutlineLayer};
pub(crate) use quant::{Form, Quantization};

/// What a set is, from its first element on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Design {
    pub(crate) form: Form,
    /// How many links a new element gets on each layer of the graph.
    pub(crate) m: usize,
    /// How many components vectors come with, if they are projected to fewer.
    pub(crate) projects_from: Option<usize>,
}

/// The number of an element. Other elements may get it when one is removed.
pub(crate) type Id = u32;

#[derive(Clone, Debug)]
pub struct VectorSet(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    graph: Graph,
    names: Names,
    order: Order,
    projection: Option<Arc<Projection>>,
    /// How many elements have attributes.
    attributed: usize,
    /// How many elements were ever added, or the greatest number that a file gave to one.
    added: u64,
    /// How many were removed, be it to come again with another vector.
    removed: u64,
    /// Tells sets apart for as long as the process lives.
    uid: u64,
}

/// What VSIM asks for.
#[derive(Debug)]
pub(crate) struct Query {
    /// As many components as the set has.
    pub(crate) vector: Vec<f32>,
    /// How many elements the search holds on to.
    pub(crate) breadth: usize,
    pub(crate) filter: Option<Filter>,
    /// How many nodes a search with a filter may leave for their neighbours.
    pub(crate) effort: usize,
    /// Looks at each element instead of following links.
    pub(crate) is_exhaustive: bool,
}

/// An element that is to come, on so many layers of the graph.
#[derive(Debug)]
pub(crate) struct Newcomer {
    /// As many components as the set has.
    pub(crate) vector: Vec<f32>,
    pub(crate) level: usize,
    /// How many candidates for neighbours are looked for.
    pub(crate) breadth: usize,
}

/// What a search is for.
#[derive(Debug)]
pub(crate) enum Task {
    /// What is near to a vector.
    Near(Query),
    /// Whom an element to come may be linked with.
    Neighbours(Newcomer),
}

/// A search that can be made anywhere: the set is that of the moment at which it was asked for.
pub struct Search {
    pub(crate) set: VectorSet,
    pub(crate) task: Task,
}

/// What was found.
pub(crate) enum Found {
    Near(Nearest),
    Neighbours(Neighbours),
}

/// What is near, and where.
pub(crate) struct Nearest {
    pub(crate) set: VectorSet,
    /// Nearest first, with their distances.
    pub(crate) near: Vec<(Id, f32)>,
}

/// Candidates for the links of an element to come. They are good as long as no element has gone, since another may have
/// its number then.
pub(crate) struct Neighbours {
    uid: u64,
    removed: u64,
    level: usize,
    layers: Vec<Vec<Near>>,
}

impl Search {
    pub(crate) fn run(self) -> Found {
        let set = self.set;
        match self.task {
            Task::Near(query) => Found::Near(Nearest {
                near: set.search(&query),
                set,
            }),
            Task::Neighbours(newcomer) => Found::Neighbours(set.neighbours_to_be(&newcomer)),
        }
    }

    /// The bytes of the vectors that it may have to look at.
    pub(crate) fn effort_bytes(&self) -> usize {
        let len = self.set.len();
        let left = match &self.task {
            Task::Neighbours(newcomer) => newcomer.breadth,
            Task::Near(query) => match &query.filter {
                _ if query.is_exhaustive => len,
                Some(_) if query.effort == 0 => len,
                Some(_) => query.breadth.max(query.effort),
                None => query.breadth,
            },
        };
        let met = left.saturating_mul(self.set.design().m * 2).min(len);
        met.saturating_mul(self.set.form().record_bytes())
    }
}

impl VectorSet {
    /// A set without elements, which no key may hold for long.
    pub(crate) fn new(design: Design, seed: Seed) -> Self {
        static SETS: AtomicU64 = AtomicU64::new(0);
        let form = design.form;
        let projection = design
            .projects_from
            .map(|from| Arc::new(Projection::new(from, form.dimension)));
        Self(Arc::new(Inner {
            graph: Graph::new(form, design.m),
            names: Names::new(seed),
            order: Order::default(),
            projection,
            attributed: 0,
            added: 0,
            removed: 0,
            uid: SETS.fetch_add(1, Ordering::Relaxed),
        }))
    }

    pub(crate) fn design(&self) -> Design {
        Design {
            form: self.form(),
            m: self.0.graph.m,
            projects_from: self.0.projection.as_ref().map(|it| it.from()),
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.0.graph.form
    }

    pub(crate) fn len(&self) -> usize {
        self.0.graph.len()
    }

    /// The highest layer of the graph.
    pub(crate) fn level(&self) -> usize {
        self.0.graph.level()
    }

    pub(crate) fn uid(&self) -> u64 {
        self.0.uid
    }

    pub(crate) fn added(&self) -> u64 {
        self.0.added
    }

    pub(crate) fn attributed(&self) -> usize {
        self.0.attributed
    }

    /// A vector as the set keeps it, if it projects.
    pub(crate) fn project(&self, vector: &[f32]) -> Option<Vec<f32>> {
        let projection = self.0.projection.as_ref()?;
        Some(projection.apply(vector, self.form().dimension))
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Id> {
        self.0.names.find(name, |id| self.name(id))
    }

    pub(crate) fn name(&self, id: Id) -> &[u8] {
        &self.0.graph.bodies.body(id).name
    }

    pub(crate) fn attributes(&self, id: Id) -> Option<&[u8]> {
        self.0.graph.bodies.body(id).attributes.as_deref()
    }

    /// The components of an element, as far as they have not been coarsened.
    pub(crate) fn vector(&self, id: Id) -> Vec<f32> {
        self.form().components(self.0.graph.bodies.record(id))
    }

    /// What is kept of an element: its components, the length they had, and what 127 stands for.
    pub(crate) fn raw(&self, id: Id) -> (&[u8], f32, f32) {
        let record = self.0.graph.bodies.record(id);
        (
            quant::vector(record),
            quant::length(record),
            quant::range(record),
        )
    }

    /// Adds an element, or gives one another vector; true if it is new. Attributes that are not given stay as they
    /// are; empty ones are removed. `breadth` is how many candidates for neighbours are looked for.
    pub(crate) fn add(
        &mut self,
        name: &[u8],
        vector: &[f32],
        attributes: Option<&[u8]>,
        breadth: usize,
        rng: &mut Rng,
    ) -> bool {
        let known = self.find(name);
        let record = self.form().record(vector);
        let inner = Arc::make_mut(&mut self.0);
        let mut body = match known {
            Some(id) => inner.remove(id),
            None => Body {
                name: name.into(),
                attributes: None,
            },
        };
        match attributes {
            None => {}
            Some([]) if known.is_some() => body.attributes = None,
            Some(text) => body.attributes = Some(text.into()),
        }
        let level = graph::draw_level(rng);
        let layers = inner.graph.candidates(&record, level, breadth);
        inner.push(&record, body, level, layers);
        known.is_none()
    }

    /// The highest layer of an element to come.
    pub(crate) fn draw_level(rng: &mut Rng) -> usize {
        graph::draw_level(rng)
    }

    /// Whether candidates are those of this set, or of one that had its key before.
    pub(crate) fn has_asked_for(&self, neighbours: &Neighbours) -> bool {
        self.0.uid == neighbours.uid
    }

    /// Adds an element, which is not there, with links to some of the candidates if they are still good.
    pub(crate) fn add_among(
        &mut self,
        name: &[u8],
        vector: &[f32],
        attributes: Option<&[u8]>,
        breadth: usize,
        neighbours: Neighbours,
    ) {
        let record = self.form().record(vector);
        let inner = Arc::make_mut(&mut self.0);
        let Neighbours { level, layers, .. } = neighbours;
        let layers = if neighbours.removed == inner.removed {
            layers
        } else {
            inner.graph.candidates(&record, level, breadth)
        };
        let body = Body {
            name: name.into(),
            attributes: attributes.map(Into::into),
        };
        inner.push(&record, body, level, layers);
    }

    fn neighbours_to_be(&self, newcomer: &Newcomer) -> Neighbours {
        let record = self.form().record(&newcomer.vector);
        let Newcomer { level, breadth, .. } = *newcomer;
        Neighbours {
            uid: self.0.uid,
            removed: self.0.removed,
            level,
            layers: self.0.graph.candidates(&record, level, breadth),
        }
    }

    /// Whether there was such an element.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        let known = self.find(name);
        if let Some(id) = known {
            Arc::make_mut(&mut self.0).remove(id);
        }
        known.is_some()
    }

    /// Gives an element attributes, or takes them away if they are empty.
    pub(crate) fn set_attributes(&mut self, id: Id, attributes: &[u8]) {
        let inner = Arc::make_mut(&mut self.0);
        let body = inner.graph.bodies.body_mut(id);
        inner.attributed -= usize::from(body.attributes.is_some());
        body.attributes = (!attributes.is_empty()).then(|| attributes.into());
        inner.attributed += usize::from(body.attributes.is_some());
    }

    /// The elements nearest to a vector with their distances, nearest first.
    pub(crate) fn search(&self, query: &Query) -> Vec<(Id, f32)> {
        let graph = &self.0.graph;
        let record = self.form().record(&query.vector);
        let accepts = |id: Id| {
            let Some(filter) = &query.filter else {
                return true;
            };
            self.attributes(id).is_some_and(|json| filter.accepts(json))
        };
        let wanted = query.filter.as_ref().map(|_| Wanted {
            accepts: &accepts,
            effort: query.effort,
        });
        let found = if query.is_exhaustive {
            graph.scan(&record, query.breadth, wanted.as_ref())
        } else {
            let Some(start) = graph.descend(&record, 0) else {
                return Vec::new();
            };
            match &wanted {
                None => graph.search_layer(&record, start, query.breadth, 0),
                Some(wanted) => graph.search_wanted(&record, start, query.breadth, wanted),
            }
        };
        self.shown(&record, &found)
    }

    /// The distances that clients are shown, in their order.
    fn shown(&self, record: &[u8], found: &[Near]) -> Vec<(Id, f32)> {
        let graph = &self.0.graph;
        let mut shown: Vec<(Id, f32)> = found
            .iter()
            .map(|near| {
                let other = graph.bodies.record(near.id());
                (near.id(), self.form().shown_distance(record, other))
            })
            .collect();
        shown.sort_by(|one, other| one.1.total_cmp(&other.1));
        shown
    }

    /// Shows the names of `count` different elements, all choices being equally likely; there are at least as many.
    pub(crate) fn sample(&self, count: usize, rng: &mut Rng, mut show: impl FnMut(&[u8])) {
        let len = self.len();
        if choose::walks(count, len) {
            let mut selection = Selection::new(count, len);
            for id in (0..len as Id).filter(|_| selection.takes(rng)) {
                show(self.name(id));
            }
        } else {
            let ids = choose::distinct(count, || Some(rng.index(len) as Id));
            for id in ids {
                show(self.name(id));
            }
        }
    }

    /// The names in a range, in order.
    pub(crate) fn names(&self, range: NameRange<'_>) -> impl Iterator<Item = &[u8]> {
        let ids = (self.0.order).range(range, |id| self.name(id));
        ids.map(|id| self.name(id))
    }

    /// The neighbours of an element with their distances: a list for each layer, from its highest on.
    pub(crate) fn neighbours(&self, id: Id) -> Vec<Vec<(Id, f32)>> {
        let graph = &self.0.graph;
        let record = graph.bodies.record(id);
        let layer = |layer: usize| {
            let links = graph.edges.links(id, layer).iter();
            let near = |&link: &Id| {
                (
                    link,
                    self.form()
                        .shown_distance(record, graph.bodies.record(link)),
                )
            };
            links.map(near).collect()
        };
        (0..=graph.edges.level(id)).rev().map(layer).collect()
    }
}

impl Inner {
    /// The next element will be called so.
    fn name_next(&mut self, name: &[u8]) {
        let bodies = &self.graph.bodies;
        self.names.push(name, |id| &bodies.body(id).name);
    }

    /// Files the element that has just come by its name.
    fn file_last(&mut self) {
        let bodies = &self.graph.bodies;
        let id = bodies.len() as Id - 1;
        let name_of = |id| &*bodies.body(id).name;
        self.order.insert(id, name_of(id), name_of);
    }

    fn push(&mut self, record: &[u8], body: Body, level: usize, layers: Vec<Vec<Near>>) {
        self.attributed += usize::from(body.attributes.is_some());
        self.added = self.added.saturating_add(1);
        self.name_next(&body.name);
        self.graph.insert_among(record, body, level, layers);
        self.file_last();
    }

    fn remove(&mut self, id: Id) -> Body {
        self.removed += 1;
        let last = self.graph.len() as Id - 1;
        let bodies = &self.graph.bodies;
        self.names
            .swap_remove(id, &bodies.body(id).name, &bodies.body(last).name);
        self.order.swap_remove(id, last, |id| &bodies.body(id).name);
        let body = self.graph.remove(id);
        self.attributed -= usize::from(body.attributes.is_some());
        body
    }
}

impl Family for VectorSet {
    const ROW: Row = Row {
        name: "vectorset",
        sizes: None,
        digest: 7,
        is_awaited: false,
    };

    fn len(&self) -> usize {
        VectorSet::len(self)
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn memory(&self) -> usize {
        let Inner {
            graph,
            names,
            order,
            projection,
            ..
        } = &*self.0;
        let matrix = projection.as_ref().map_or(0, |it| it.memory());
        let names = names.memory() + order.memory();
        size_of::<Inner>() + graph.bodies.memory() + graph.edges.memory() + names + matrix
    }

    fn weight(&self) -> usize {
        self.len() + self.0.attributed
    }

    /// Pages of the graph and those by which names are found are numbered together. What clones share stays.
    fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        let mut next = 0;
        mover.shared(&mut self.0, |mover, inner| {
            next = inner.relocate(mover, from);
        });
        next
    }

    fn digest(&self, digest: &mut Digest) {
        digest.mix(self.len().to_string().as_bytes());
        digest.mix(self.form().dimension.to_string().as_bytes());
        for id in 0..self.len() as Id {
            let mut one = Digest::default();
            one.mix(self.raw(id).0);
            one.mix(self.name(id));
            if let Some(attributes) = self.attributes(id) {
                one.mix(attributes);
            }
            digest.add(&one);
        }
    }

    fn is_shared(&self) -> bool {
        true
    }
}
