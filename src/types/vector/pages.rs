//! The elements of a vector set, in pages of 64.
//!
//! Elements are numbered from 0 without gaps: the last one moves into the place of one that goes. Their data are in two
//! rows of pages. *Bodies* have what an element is: its record, name and attributes. *Edges* have what it is linked to,
//! layer by layer, which changes whenever a neighbour comes or goes.
//!
//! Pages are shared between a set and its clones, and a page is copied when one of them changes it. So a snapshot, COPY
//! or a thread takes a clone for the price of a row of pointers, and a write that meets one copies the pages that it
//! touches: a few dozens of edges, some kilobytes each, and one of bodies. That is why the two are apart.
//!
//! The links of the lowest layer, which every element has, lie in the page itself, at equal distances.

use std::sync::Arc;

use crate::store::mover::Mover;

use super::relocate::{Page, Row};

/// How many elements share a page. More make clones cheaper, and the first write to a page after one dearer.
const PAGE: usize = 64;

/// What an element is.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) name: Box<[u8]>,
    /// JSON, as it was given: it is read when a filter asks.
    pub(super) attributes: Option<Box<[u8]>>,
}

#[derive(Clone, Debug, Default)]
struct Bodies {
    records: Vec<u8>,
    each: Vec<Body>,
}

/// The bodies of all elements.
#[derive(Clone, Debug)]
pub(super) struct BodyPages {
    record_bytes: usize,
    pages: Vec<Arc<Bodies>>,
    len: usize,
}

impl BodyPages {
    pub(super) fn new(record_bytes: usize) -> Self {
        Self {
            record_bytes,
            pages: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn record(&self, id: u32) -> &[u8] {
        let (page, place) = split(id);
        &self.pages[page].records[place * self.record_bytes..][..self.record_bytes]
    }

    #[inline]
    pub(super) fn body(&self, id: u32) -> &Body {
        let (page, place) = split(id);
        &self.pages[page].each[place]
    }

    pub(super) fn body_mut(&mut self, id: u32) -> &mut Body {
        let (page, place) = split(id);
        &mut Arc::make_mut(&mut self.pages[page]).each[place]
    }

    /// Adds one behind all others; its number is what `len` was.
    pub(super) fn push(&mut self, record: &[u8], body: Body) {
        debug_assert_eq!(record.len(), self.record_bytes);
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Arc::default());
        }
        let is_first = self.pages.len() == 1;
        let page = Arc::make_mut(self.pages.last_mut().expect("one was just made"));
        let room = room_for_more(page.each.len(), is_first);
        if page.each.capacity() < page.each.len() + 1 {
            page.each.reserve_exact(room);
            page.records.reserve_exact(room * self.record_bytes);
        }
        page.records.extend_from_slice(record);
        page.each.push(body);
        self.len += 1;
    }

    /// Removes an element; the last one takes its number.
    pub(super) fn swap_remove(&mut self, id: u32) -> Body {
        let last = self.len - 1;
        let page = Arc::make_mut(self.pages.last_mut().expect("it has elements"));
        let record = page
            .records
            .split_off(page.records.len() - self.record_bytes);
        let body = page.each.pop().expect("a page is not empty");
        if page.each.is_empty() {
            self.pages.pop();
        }
        self.len = last;
        if id as usize == last {
            return body;
        }
        let (page, place) = split(id);
        let page = Arc::make_mut(&mut self.pages[page]);
        page.records[place * self.record_bytes..][..self.record_bytes].copy_from_slice(&record);
        std::mem::replace(&mut page.each[place], body)
    }

    pub(super) fn row(&mut self) -> &mut dyn Row {
        &mut self.pages
    }

    /// Bytes that the allocator spends, names and attributes included.
    pub(super) fn memory(&self) -> usize {
        let page = |page: &Arc<Bodies>| {
            let texts = page.each.iter().map(|body| {
                text_memory(&body.name) + body.attributes.as_deref().map_or(0, text_memory)
            });
            page.records.capacity()
                + page.each.capacity() * size_of::<Body>()
                + size_of::<Bodies>()
                + texts.sum::<usize>()
        };
        self.pages.iter().map(page).sum::<usize>() + self.pages.capacity() * size_of::<usize>()
    }
}

impl Page for Bodies {
    fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.records);
        mover.vec(&mut self.each);
        for body in &mut self.each {
            mover.bytes(&mut body.name);
            if let Some(attributes) = &mut body.attributes {
                mover.bytes(attributes);
            }
        }
    }
}

fn text_memory(text: &[u8]) -> usize {
    crate::types::blob::allocation_size(text.len())
}

/// The links of one element on one layer above the lowest.
#[derive(Clone, Debug, Default)]
struct Layer {
    links: Vec<u32>,
    farthest: Farthest,
}

/// The link of an element that is the longest, as far as that is known: a new neighbour takes its place. It is found
/// out when it is asked for, and forgotten when it goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Farthest {
    pub(super) distance: f32,
    index: u32,
    is_known: bool,
}

impl Farthest {
    pub(super) fn of(index: usize, distance: f32) -> Self {
        Self {
            distance,
            index: index as u32,
            is_known: true,
        }
    }

    pub(super) fn index(self) -> usize {
        self.index as usize
    }
}

#[derive(Clone, Debug, Default)]
struct Edge {
    /// How many links there are on the lowest layer.
    count: u32,
    farthest: Farthest,
    /// The layers from the second on.
    upper: Box<[Layer]>,
}

#[derive(Clone, Debug)]
struct Edges {
    /// How many links an element of this page has room for on the lowest layer.
    stride: usize,
    links: Vec<u32>,
    each: Vec<Edge>,
}

/// The links of all elements.
#[derive(Clone, Debug)]
pub(super) struct EdgePages {
    /// Usual room on the lowest layer.
    stride: usize,
    pages: Vec<Arc<Edges>>,
    len: usize,
}

impl EdgePages {
    pub(super) fn new(stride: usize) -> Self {
        Self {
            stride,
            pages: Vec::new(),
            len: 0,
        }
    }

    /// Adds one without links behind all others, on the layers from 0 to `level`.
    pub(super) fn push(&mut self, level: usize) {
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Arc::new(Edges {
                stride: self.stride,
                links: Vec::new(),
                each: Vec::new(),
            }));
        }
        let is_first = self.pages.len() == 1;
        let page = Arc::make_mut(self.pages.last_mut().expect("one was just made"));
        if page.each.capacity() < page.each.len() + 1 {
            let room = room_for_more(page.each.len(), is_first);
            page.each.reserve_exact(room);
            page.links.reserve_exact(room * page.stride);
        }
        page.links.resize(page.links.len() + page.stride, 0);
        page.each.push(Edge {
            upper: vec![Layer::default(); level].into(),
            ..Edge::default()
        });
        self.len += 1;
    }

    /// The highest layer of an element.
    #[inline]
    pub(super) fn level(&self, id: u32) -> usize {
        let (page, place) = split(id);
        self.pages[page].each[place].upper.len()
    }

    #[inline]
    pub(super) fn links(&self, id: u32, layer: usize) -> &[u32] {
        let (page, place) = split(id);
        let page = &*self.pages[page];
        let edge = &page.each[place];
        match layer {
            0 => &page.links[place * page.stride..][..edge.count as usize],
            above => &edge.upper[above - 1].links,
        }
    }

    /// Sends for the links of the lowest layer.
    #[inline]
    pub(super) fn send_for(&self, id: u32) {
        let (page, place) = split(id);
        let page = &*self.pages[page];
        crate::store::distance::send_for_words(&page.links[place * page.stride..][..page.stride]);
    }

    pub(super) fn farthest(&self, id: u32, layer: usize) -> Option<Farthest> {
        let (page, place) = split(id);
        let edge = &self.pages[page].each[place];
        let farthest = match layer {
            0 => edge.farthest,
            above => edge.upper[above - 1].farthest,
        };
        farthest.is_known.then_some(farthest)
    }

    pub(super) fn set_farthest(&mut self, id: u32, layer: usize, farthest: Farthest) {
        *self.edit(id, layer).1 = farthest;
    }

    /// Adds a link of this length.
    pub(super) fn push_link(&mut self, id: u32, layer: usize, link: u32, distance: f32) {
        let (page, place) = split(id);
        let page = Arc::make_mut(&mut self.pages[page]);
        let edge = &mut page.each[place];
        let (index, farthest) = if layer == 0 {
            if edge.count as usize == page.stride {
                page.widen();
            }
            let edge = &mut page.each[place];
            let index = edge.count as usize;
            page.links[place * page.stride + index] = link;
            edge.count += 1;
            (index, &mut edge.farthest)
        } else {
            let layer = &mut edge.upper[layer - 1];
            layer.links.push(link);
            (layer.links.len() - 1, &mut layer.farthest)
        };
        let is_longest = farthest.is_known && distance > farthest.distance;
        if index == 0 || is_longest {
            *farthest = Farthest::of(index, distance);
        }
    }

    /// Adds a link whose length nobody has asked for yet.
    pub(super) fn append_link(&mut self, id: u32, layer: usize, link: u32) {
        self.push_link(id, layer, link, 0.0);
        self.edit(id, layer).1.is_known = false;
    }

    /// Puts the links of an element in ascending order.
    pub(super) fn sort_links(&mut self, id: u32, layer: usize) {
        let (links, farthest) = self.edit(id, layer);
        links.sort_unstable();
        farthest.is_known = false;
    }

    /// Removes the link at `index`; the last one takes its place.
    pub(super) fn drop_link(&mut self, id: u32, layer: usize, index: usize) {
        let (page, place) = split(id);
        let page = Arc::make_mut(&mut self.pages[page]);
        let edge = &mut page.each[place];
        let (last, farthest) = if layer == 0 {
            let last = edge.count as usize - 1;
            let start = place * page.stride;
            page.links[start + index] = page.links[start + last];
            edge.count -= 1;
            (last, &mut edge.farthest)
        } else {
            let layer = &mut edge.upper[layer - 1];
            layer.links.swap_remove(index);
            (layer.links.len(), &mut layer.farthest)
        };
        if farthest.index() == index {
            farthest.is_known = false;
        } else if farthest.index() == last {
            farthest.index = index as u32;
        }
    }

    /// The element that a link leads to has another number now.
    pub(super) fn rename_link(&mut self, id: u32, layer: usize, from: u32, to: u32) {
        let (links, _) = self.edit(id, layer);
        if let Some(link) = links.iter_mut().find(|link| **link == from) {
            *link = to;
        }
    }

    fn edit(&mut self, id: u32, layer: usize) -> (&mut [u32], &mut Farthest) {
        let (page, place) = split(id);
        let page = Arc::make_mut(&mut self.pages[page]);
        let edge = &mut page.each[place];
        if layer == 0 {
            let links = &mut page.links[place * page.stride..][..edge.count as usize];
            (links, &mut edge.farthest)
        } else {
            let layer = &mut edge.upper[layer - 1];
            (&mut layer.links, &mut layer.farthest)
        }
    }

    /// Removes an element, to which nothing leads any more; the last one takes its number.
    pub(super) fn swap_remove(&mut self, id: u32) {
        let last = self.len - 1;
        let page = Arc::make_mut(self.pages.last_mut().expect("it has elements"));
        let edge = page.each.pop().expect("a page is not empty");
        let start = page.links.len() - page.stride;
        let links = page.links.split_off(start);
        if page.each.is_empty() {
            self.pages.pop();
        }
        self.len = last;
        if id as usize == last {
            return;
        }
        let (page, place) = split(id);
        let page = Arc::make_mut(&mut self.pages[page]);
        let count = edge.count as usize;
        while page.stride < count {
            page.widen();
        }
        page.links[place * page.stride..][..count].copy_from_slice(&links[..count]);
        page.each[place] = edge;
    }

    pub(super) fn row(&mut self) -> &mut dyn Row {
        &mut self.pages
    }

    /// Bytes that the allocator spends.
    pub(super) fn memory(&self) -> usize {
        let page = |page: &Arc<Edges>| {
            let upper = (page.each.iter())
                .flat_map(|edge| &edge.upper)
                .map(|layer| size_of::<Layer>() + layer.links.capacity() * 4);
            page.links.capacity() * 4
                + page.each.capacity() * size_of::<Edge>()
                + size_of::<Edges>()
                + upper.sum::<usize>()
        };
        self.pages.iter().map(page).sum::<usize>() + self.pages.capacity() * size_of::<usize>()
    }
}

impl Page for Edges {
    fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.links);
        mover.vec(&mut self.each);
        for edge in self.each.iter_mut().filter(|edge| !edge.upper.is_empty()) {
            let mut upper = std::mem::take(&mut edge.upper).into_vec();
            mover.vec(&mut upper);
            for layer in &mut upper {
                mover.vec(&mut layer.links);
            }
            edge.upper = upper.into();
        }
    }
}

impl Edges {
    /// Makes room for some links more at each element. Rare: it is asked for only where an element would otherwise
    /// stay without a link.
    fn widen(&mut self) {
        let wider = self.stride + (self.stride / 8).max(4);
        let mut links = Vec::with_capacity(self.each.capacity() * wider);
        for old in self.links.chunks_exact(self.stride) {
            links.extend_from_slice(old);
            links.resize(links.len() + wider - self.stride, 0);
        }
        self.links = links;
        self.stride = wider;
    }
}

fn split(id: u32) -> (usize, usize) {
    (id as usize / PAGE, id as usize % PAGE)
}

/// How many elements a page that is full makes room for. The first page of a set grows by doubling, since most sets
/// may be small; another is as large as it gets at once.
fn room_for_more(len: usize, is_first: bool) -> usize {
    if is_first {
        len.clamp(1, PAGE - len)
    } else {
        PAGE - len
    }
}
