//! Lists.
//!
//! A list is one listpack while it is within `list-max-listpack-size`, and a quicklist, a row of such listpacks,
//! beyond. A short list is stored as plain rows (`small`) and reported as a listpack. A quicklist becomes a listpack
//! again when it has shrunk to one node of at most half the limit. Redis decides about growing *before* it adds
//! anything, once for all elements of a command, counting their text alone; clients see the decision in OBJECT
//! ENCODING, so it is a step of its own here too: `grow_for`, then the pushes. Everything else converts as needed by
//! itself.
//!
//! Elements are handed to closures as `Item`s, borrowed from wherever they are: a node may be compressed, and its
//! decompressed bytes live no longer than the call.

mod deck;
mod limits;
mod node;
mod quick;
mod small;
mod spine;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use limits::Limits;
pub(crate) use limits::NodeSize;
pub(crate) use node::NodeView;
pub(crate) use quick::Quicklist;

use super::listpack::{Item, Listpack};
use super::{Digest, Family, Folds, Form, Row};
use crate::store::Blob;
use small::Small;

/// One end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Head,
    Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// Beside an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

#[derive(Debug, Clone)]
pub enum List {
    Small(Small),
    Quick(Box<Quicklist>),
}

impl List {
    pub fn new() -> Self {
        Self::Small(Small::new())
    }

    /// An empty quicklist, for callers that bring many elements or whole nodes and call `settle` at the end.
    pub(crate) fn quick(limits: &Limits) -> Self {
        Self::Quick(Box::new(Quicklist::new(limits)))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small(small) => small.len(),
            Self::Quick(quick) => quick.len(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Small(small) => small.is_empty(),
            Self::Quick(quick) => quick.is_empty(),
        }
    }

    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Small(_) => "listpack",
            Self::Quick(_) => "quicklist",
        }
    }

    /// Bytes the allocator spends on it, beyond the handle.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Small(small) => small.memory(),
            Self::Quick(quick) => quick.memory(),
        }
    }

    /// How much work it is to free this: the number of allocations, roughly.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Small(_) => 1,
            Self::Quick(quick) => quick.node_count(),
        }
    }

    /// To be called before `count` elements of `bytes` of text together are pushed.
    #[inline]
    pub fn grow_for(&mut self, bytes: usize, count: usize, limits: &Limits) {
        if let Self::Small(small) = self {
            let size = NodeSize::new(limits.node_size);
            let count_then = small.len() + count;
            if size.exceeded_by(small.listpack_len_max() + bytes, count_then) {
                // Of a listpack the size is not only known to be at most this.
                small.unpack(0);
                if size.exceeded_by(small.listpack_len_max() + bytes, count_then) {
                    self.make_quick(limits);
                    return;
                }
            }
            small.reserve(bytes, count);
        }
    }

    /// `grow_for` these texts. Their sizes are not even added up where the list grows by nodes anyway.
    #[inline]
    pub(crate) fn grow_for_all<'a>(
        &mut self,
        texts: impl ExactSizeIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) {
        if let Self::Small(_) = self {
            let count = texts.len();
            self.grow_for(texts.map(<[u8]>::len).sum(), count, limits);
        }
    }

    /// Pushes the first of several texts, as many as can be pushed at one go, and returns how many that were. The
    /// others are for `push`, and so may be all of them.
    pub(crate) fn push_first<'a>(
        &mut self,
        end: End,
        texts: impl Iterator<Item = &'a [u8]>,
    ) -> usize {
        match self {
            Self::Small(small) => small.push_rows(end, texts),
            Self::Quick(_) => 0,
        }
    }

    /// Pushes one element; `grow_for` comes before the first of a command.
    #[inline]
    pub(crate) fn push<'a>(&mut self, end: End, item: impl Into<Item<'a>>, limits: &Limits) {
        match self {
            Self::Small(small) => small.push(end, item.into()),
            Self::Quick(quick) => quick.push(end, item.into(), limits),
        }
    }

    #[inline]
    pub fn push_tail<'a>(&mut self, item: impl Into<Item<'a>>, limits: &Limits) {
        self.push(End::Tail, item, limits);
    }

    /// Pushes an element that has an allocation already, and keeps that if the element gets a node of its own.
    pub(crate) fn push_shared(&mut self, end: End, element: &Arc<Vec<u8>>, limits: &Limits) {
        match self {
            Self::Quick(quick) if quick.is_big(element.len(), limits) => {
                quick.push_plain(end, Arc::clone(element));
            }
            _ => self.push(end, element.as_slice(), limits),
        }
    }

    /// Removes the element at one end after `take` had a look at it.
    #[inline]
    pub(crate) fn pop_with<R>(
        &mut self,
        end: End,
        limits: &Limits,
        take: impl FnOnce(Item<'_>) -> R,
    ) -> Option<R> {
        match self {
            Self::Small(small) => small.pop_with(end, take),
            Self::Quick(quick) => {
                let taken = quick.pop(end, take);
                self.shrunk(limits);
                taken
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn pop(&mut self, end: End, limits: &Limits) -> Option<Vec<u8>> {
        self.pop_with(end, limits, owned)
    }

    #[cfg(test)]
    pub(crate) fn pop_head(&mut self, limits: &Limits) -> Option<Vec<u8>> {
        self.pop(End::Head, limits)
    }

    #[cfg(test)]
    pub(crate) fn pop_tail(&mut self, limits: &Limits) -> Option<Vec<u8>> {
        self.pop(End::Tail, limits)
    }

    /// Moves the element at `from` to `to` of the same list, which is not empty; returns it.
    pub(crate) fn rotate(&mut self, from: End, to: End, limits: &Limits) -> Vec<u8> {
        let outermost = match from {
            End::Head => 0,
            End::Tail => -1,
        };
        let element = self.get(outermost).expect("the caller has an element");
        match self {
            Self::Small(_) => {
                self.pop_with(from, limits, |_| ());
                self.grow_for(element.len(), 1, limits);
                self.push(to, &element, limits);
            }
            // Pushed first, so that a list at the brink does not become a listpack for a moment; at the same end it
            // is the copy that is popped.
            Self::Quick(_) => {
                self.push(to, &element, limits);
                self.pop_with(from, limits, |_| ());
            }
        }
        element
    }

    /// Which element a client means by `index`, negative ones counting from the end.
    #[inline]
    pub(crate) fn resolve(&self, index: i64) -> Option<usize> {
        let len = self.len();
        let index = if index < 0 {
            index.checked_add(len as i64)?
        } else {
            index
        };
        usize::try_from(index).ok().filter(|index| *index < len)
    }

    /// Hands over the element at `index`, negative ones counting from the end.
    #[inline]
    pub(crate) fn get_with<R>(&self, index: i64, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let index = self.resolve(index)?;
        match self {
            Self::Small(small) => small.get(index, take),
            Self::Quick(quick) => quick.get(index, take),
        }
    }

    pub(crate) fn get(&self, index: i64) -> Option<Vec<u8>> {
        self.get_with(index, owned)
    }

    /// Replaces the element at `index`, negative ones counting from the end; `false` if there is none.
    pub(crate) fn set<'a>(
        &mut self,
        index: i64,
        item: impl Into<Item<'a>>,
        limits: &Limits,
    ) -> bool {
        let item = item.into();
        // Redis makes room before it looks whether there is such an element, and as if one were added.
        self.grow_for(item.len(), 1, limits);
        let Some(index) = self.resolve(index) else {
            return false;
        };
        match self {
            Self::Small(small) => small.set(index, item),
            Self::Quick(quick) => {
                quick.set(index, item, limits);
                self.shrunk(limits);
            }
        }
        true
    }

    /// Inserts beside the first element whose text is `pivot`; `false` if there is none.
    pub(crate) fn insert<'a>(
        &mut self,
        side: Side,
        pivot: &[u8],
        item: impl Into<Item<'a>>,
        limits: &Limits,
    ) -> bool {
        let item = item.into();
        self.grow_for(item.len(), 1, limits);
        match self {
            Self::Small(small) => return small.insert(side, pivot, item),
            Self::Quick(_) => {
                let mut found = None;
                self.search(pivot, 0, usize::MAX, Direction::Forward, |index| {
                    found = Some(index);
                    ControlFlow::Break(())
                });
                let Some(index) = found else { return false };
                if let Self::Quick(quick) = self {
                    quick.insert(index, side, item, limits);
                }
            }
        }
        true
    }

    /// Removes elements whose text is `text`: the first `count`, the last `-count`, or all for 0. Returns how many.
    pub(crate) fn remove(&mut self, count: i64, text: &[u8], limits: &Limits) -> usize {
        let direction = if count < 0 {
            Direction::Backward
        } else {
            Direction::Forward
        };
        let most = if count == 0 {
            usize::MAX
        } else {
            count.unsigned_abs() as usize
        };
        match self {
            Self::Small(small) => small.remove(most, text, direction),
            Self::Quick(quick) => {
                let removed = quick.remove(most, text, direction);
                if removed > 0 {
                    self.shrunk(limits);
                }
                removed
            }
        }
    }

    /// Removes up to `count` elements from `index` on; returns how many.
    pub(crate) fn delete_range(&mut self, index: usize, count: usize, limits: &Limits) -> usize {
        let count = count.min(self.len().saturating_sub(index));
        if count == 0 {
            return 0;
        }
        match self {
            Self::Small(small) => small.delete_range(index, count),
            Self::Quick(quick) => {
                quick.delete_range(index, count);
                self.shrunk(limits);
            }
        }
        count
    }

    /// Keeps `count` elements from `index` on and removes all others. Returns how many it removed.
    pub(crate) fn trim(&mut self, index: usize, count: usize, limits: &Limits) -> usize {
        let end = index.saturating_add(count);
        let removed = match self {
            Self::Small(_) => self.delete_range(end, usize::MAX, limits),
            // One conversion at the end, not one after each half.
            Self::Quick(quick) => {
                let after = quick.len().saturating_sub(end);
                quick.delete_range(end, after);
                after
            }
        };
        let before = self.delete_range(0, index, limits);
        self.shrunk(limits);
        removed + before
    }

    /// Hands up to `count` elements to `visit`, from the one at `index` on, in either direction.
    #[inline]
    pub(crate) fn for_range(
        &self,
        index: usize,
        count: usize,
        direction: Direction,
        mut visit: impl FnMut(Item<'_>),
    ) {
        let _: ControlFlow<()> = self.visit(index, count, direction, |item| {
            visit(item);
            ControlFlow::Continue(())
        });
    }

    /// All elements in order.
    pub(crate) fn for_each(&self, visit: impl FnMut(Item<'_>)) {
        self.for_range(0, usize::MAX, Direction::Forward, visit);
    }

    /// As `for_range`, until `visit` breaks off.
    #[inline]
    pub(crate) fn visit<B>(
        &self,
        index: usize,
        count: usize,
        direction: Direction,
        mut visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Small(small) => small.visit(index, count, direction, &mut visit),
            Self::Quick(quick) => quick.visit(index, count, direction, &mut visit),
        }
    }

    /// Hands the indexes of elements whose text is `text` to `found`, until it breaks off: the first `skip` of them
    /// left out, looking at no more than `most` elements, from the end where `direction` starts.
    pub(crate) fn search(
        &self,
        text: &[u8],
        mut skip: usize,
        most: usize,
        direction: Direction,
        mut found: impl FnMut(usize) -> ControlFlow<()>,
    ) {
        let len = self.len();
        let needle = Needle::new(text);
        let mut seen = 0;
        let start = match direction {
            Direction::Forward => 0,
            Direction::Backward => len.saturating_sub(1),
        };
        let _: ControlFlow<()> = self.visit(start, most, direction, |item| {
            let distance = seen;
            seen += 1;
            if !needle.is(item) {
                return ControlFlow::Continue(());
            }
            if skip > 0 {
                skip -= 1;
                return ControlFlow::Continue(());
            }
            found(match direction {
                Direction::Forward => distance,
                Direction::Backward => start - distance,
            })
        });
    }

    /// The nodes in order, with the number of elements of each: what an RDB file holds. A small list is one node.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeView<'_>, usize)> {
        let (small, quick) = match self {
            Self::Small(small) => {
                let node = NodeView::Packed(small.listpack_blob());
                (Some((node, small.len())), None)
            }
            Self::Quick(quick) => (None, Some(quick.nodes())),
        };
        small.into_iter().chain(quick.into_iter().flatten())
    }

    pub(crate) fn node_count(&self) -> usize {
        match self {
            Self::Small(_) => 1,
            Self::Quick(quick) => quick.node_count(),
        }
    }

    /// Appends a node as a file brought it. The list is one that `quick` made; an empty listpack is left out.
    pub(crate) fn append_listpack(&mut self, pack: Listpack, limits: &Limits) {
        if !pack.is_empty() {
            self.make_quick(limits).append_listpack(pack);
        }
    }

    /// Appends an element that is a node of its own in a file, whatever its size.
    pub(crate) fn append_plain(&mut self, element: Vec<u8>, limits: &Limits) {
        self.make_quick(limits)
            .push_plain(End::Tail, Arc::new(element));
    }

    /// After the list was built: turns it into what a list of its size should be.
    pub(crate) fn settle(&mut self, limits: &Limits) {
        match self {
            Self::Small(_) => self.grow_for(0, 0, limits),
            Self::Quick(_) => self.make_small_if(NodeSize::holds, limits),
        }
    }

    /// After the list lost elements.
    #[inline]
    fn shrunk(&mut self, limits: &Limits) {
        if let Self::Quick(quick) = self
            && quick.single_listpack_bytes().is_some()
        {
            self.make_small_if(NodeSize::is_half_empty, limits);
        }
    }

    fn make_small_if(&mut self, fits: impl Fn(NodeSize, usize, usize) -> bool, limits: &Limits) {
        let Self::Quick(quick) = self else { return };
        let Some(bytes) = quick.single_listpack_bytes() else {
            return;
        };
        if fits(NodeSize::new(limits.node_size), bytes, quick.len()) {
            let quick = std::mem::replace(quick.as_mut(), Quicklist::new(limits));
            *self = Self::Small(Small::from_listpack(quick.into_listpack()));
        }
    }

    /// This list as a quicklist, whatever its size.
    fn make_quick(&mut self, limits: &Limits) -> &mut Quicklist {
        if let Self::Small(small) = self {
            let mut quick = Quicklist::new(limits);
            if !small.is_empty() {
                let small = std::mem::replace(small, Small::new());
                quick.append_listpack(small.into_listpack());
            }
            *self = Self::Quick(Box::new(quick));
        }
        match self {
            Self::Quick(quick) => quick,
            Self::Small(_) => unreachable!("it was replaced"),
        }
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        match self {
            Self::Small(small) => small.validate(),
            Self::Quick(quick) => quick.validate(),
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

fn owned(item: Item<'_>) -> Vec<u8> {
    item.to_vec()
}

/// A text to be compared with many elements.
struct Needle<'a> {
    text: &'a [u8],
    number: Option<i64>,
}

impl<'a> Needle<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            number: crate::base::num::parse_i64(text),
        }
    }

    #[inline]
    fn is(&self, item: Item<'_>) -> bool {
        match item {
            Item::Int(value) => self.number == Some(value),
            Item::Bytes(text) => text == self.text,
        }
    }
}

impl Folds for List {
    #[inline]
    fn as_blob(&self) -> Option<(Form, &[u8])> {
        match self {
            Self::Small(small) => Some((Form::Elements, small.bytes())),
            Self::Quick(_) => None,
        }
    }

    #[inline]
    fn from_blob(form: Form, blob: Blob) -> Option<Self> {
        (form == Form::Elements).then(|| Self::Small(Small::trusted(blob)))
    }

    #[inline]
    fn into_blob(self) -> Option<Blob> {
        match self {
            Self::Small(small) => Some(small.into_blob()),
            Self::Quick(_) => None,
        }
    }
}

impl Family for List {
    const ROW: Row = Row {
        name: "list",
        sizes: Some("lists_items"),
        digest: 1,
        is_awaited: true,
    };

    fn len(&self) -> usize {
        List::len(self)
    }

    fn encoding(&self) -> &'static str {
        List::encoding(self)
    }

    fn memory(&self) -> usize {
        List::memory(self)
    }

    fn weight(&self) -> usize {
        List::weight(self)
    }

    fn digest(&self, digest: &mut Digest) {
        self.for_each(|item| digest.mix(item.text(&mut [0; 20])));
    }

    fn is_shared(&self) -> bool {
        matches!(self, Self::Quick(_))
    }
}
