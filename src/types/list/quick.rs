//! The quicklist: nodes of many small elements, or of one large one.
//!
//! Nodes are shared (`Arc`), and so are runs of them (see `spine`): a copy of the list, a snapshot for one, costs a
//! pointer per run, and the first change to a shared node copies that node and its run of pointers. How many elements a
//! node has stands beside its pointer, so finding an index walks a small array instead of visiting nodes.
//!
//! The places of elements are Redis's choice in every case (which node takes a push, how an insertion splits and
//! merges), because clients can see them: OBJECT ENCODING depends on when one node is left, DUMP on the content of
//! each.
//!
//! Invariants: no node is empty; counts are right; the sum of them is `len`; with compression on, the outermost
//! nodes of the configured depth are not compressed.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::store::mover::Mover;
use crate::types::listpack::{FRAME, Item, Listpack};

use super::deck::Deck;
use super::limits::COUNT_MAX;
use super::node::{Node, NodeView};
use super::spine::Spine;
use super::{Direction, End, Limits, NodeSize, Side};

#[derive(Debug, Clone)]
pub struct Quicklist {
    slots: Spine<Slot>,
    len: usize,
    /// The configured size when the list became a quicklist; a later change is for later lists.
    node_size: NodeSize,
    compress_depth: usize,
}

/// How many nodes are looked at before the time is.
const NODES_A_STEP: usize = 16;

#[derive(Debug, Clone)]
struct Slot {
    node: Arc<Node>,
    count: u32,
}

impl Quicklist {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            slots: Spine::new(),
            len: 0,
            node_size: NodeSize::new(limits.node_size.min(COUNT_MAX)),
            compress_depth: limits.compress_depth as usize,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn node_count(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the only node, if there is one and it is a listpack: what may become a small list again.
    #[inline]
    pub(crate) fn single_listpack_bytes(&self) -> Option<usize> {
        if self.slots.len() != 1 {
            return None;
        }
        let node = &self.slots[0].node;
        (!node.is_plain()).then(|| node.byte_len())
    }

    /// The only node, which is a listpack.
    pub(crate) fn into_listpack(mut self) -> Listpack {
        let slot = self.slots.remove(0).expect("the caller saw one node");
        let node = Arc::unwrap_or_clone(slot.node);
        match node.opened().into_owned() {
            Node::Packed(deck) => deck.into_listpack(),
            Node::Plain(_) | Node::Compressed(_) => unreachable!("the caller saw a listpack"),
        }
    }

    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeView<'_>, usize)> + Clone {
        self.slots
            .iter()
            .map(|slot| (slot.node.view(), slot.count as usize))
    }

    pub(crate) fn memory(&self) -> usize {
        let slots = self.slots.memory();
        let node = size_of::<Node>() + 2 * size_of::<usize>();
        let nodes: usize = self
            .slots
            .iter()
            .map(|slot| node + slot.node.memory())
            .sum();
        size_of::<Self>() + slots + nodes
    }

    /// Moves nodes that lie badly, from the one with this index on; those that copies share stay.
    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        if from == 0 {
            self.slots.relocate(mover);
        }
        for at in from as usize..self.slots.len() {
            if at as u64 > from && at % NODES_A_STEP == 0 && mover.is_over() {
                return at as u64;
            }
            if let Some(slot) = self.slots.own_mut(at) {
                mover.shared(&mut slot.node, |mover, node| node.relocate(mover));
            }
        }
        0
    }

    /// Appends a whole node, however large it is: that is how files bring them.
    pub(crate) fn append_listpack(&mut self, pack: Listpack) {
        let count = pack.len();
        self.insert_slot(self.slots.len(), Node::Packed(Deck::from(pack)), count);
    }

    /// Does an element of `len` bytes get a node of its own?
    pub(crate) fn is_big(&self, len: usize, limits: &Limits) -> bool {
        self.node_size.is_big(len, limits)
    }

    /// Adds an element as a node of its own.
    pub(crate) fn push_plain(&mut self, end: End, element: Arc<Vec<u8>>) {
        self.push_slot(end, Node::Plain(element));
    }

    #[inline]
    pub(crate) fn push(&mut self, end: End, item: Item<'_>, limits: &Limits) {
        let len = item.len();
        if self.node_size.is_big(len, limits) {
            return self.push_slot(end, Node::plain(item));
        }
        let node_size = self.node_size;
        let slot = match end {
            End::Head => self.slots.front_mut(),
            End::Tail => self.slots.back_mut(),
        };
        match slot {
            Some(slot) if slot.node.has_room(slot.count as usize, len, node_size) => {
                Arc::make_mut(&mut slot.node).deck_mut().push(end, item);
                slot.count += 1;
                self.len += 1;
            }
            _ => self.push_slot(end, Node::of_one(item)),
        }
    }

    #[inline]
    pub(crate) fn pop<R>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let slot = match end {
            End::Head => self.slots.front_mut(),
            End::Tail => self.slots.back_mut(),
        }?;
        if slot.count == 1 {
            let index = self.end_index(end);
            let slot = self.remove_slot(index);
            return Some(slot.with_only(take));
        }
        self.len -= 1;
        slot.count -= 1;
        Arc::make_mut(&mut slot.node).deck_mut().pop(end, take)
    }

    pub(crate) fn get<R>(&self, index: usize, take: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let (slot, offset) = self.locate(index)?;
        let mut take = Some(take);
        let mut visit = |item: Item<'_>| match take.take() {
            Some(take) => ControlFlow::Break(take(item)),
            None => ControlFlow::Continue(()),
        };
        self.slots[slot]
            .node
            .visit(offset, 1, Direction::Forward, &mut visit)
            .break_value()
    }

    /// Hands up to `take` elements to `visit`, from the one at `index` on in `direction`.
    #[inline]
    pub(crate) fn visit<B>(
        &self,
        index: usize,
        mut take: usize,
        direction: Direction,
        visit: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((slot, offset)) = self.locate(index) else {
            return ControlFlow::Continue(());
        };
        let mut skip = match direction {
            Direction::Forward => offset,
            Direction::Backward => self.slots[slot].count as usize - 1 - offset,
        };
        let (mut onwards, mut back) = match direction {
            Direction::Forward => (Some(self.slots.iter_from(slot)), None),
            Direction::Backward => (None, Some(self.slots.iter_back_from(slot + 1))),
        };
        while take > 0 {
            let next = match (&mut onwards, &mut back) {
                (Some(slots), _) => slots.next(),
                (None, slots) => slots.as_mut().and_then(Iterator::next),
            };
            let Some(Slot { node, count }) = next else {
                break;
            };
            let here = take.min(*count as usize - skip);
            node.visit(skip, here, direction, visit)?;
            take -= here;
            skip = 0;
        }
        ControlFlow::Continue(())
    }

    /// Replaces the element at `index`, which exists.
    pub(crate) fn set(&mut self, index: usize, item: Item<'_>, limits: &Limits) {
        let (slot, offset) = self.locate(index).expect("the caller checked the index");
        let is_big = self.node_size.is_big(item.len(), limits);
        match (self.slots[slot].node.is_plain(), is_big) {
            (false, false) => {
                // The size is not looked at: a node may outgrow its limit this way, as it may in Redis.
                self.open_mut(slot).edit(|pack| {
                    let pos = pack
                        .seek(offset as i64)
                        .expect("the slot counts its elements");
                    pack.replace(pos, item);
                });
                self.recompress(slot);
            }
            (true, true) => {
                self.slots[slot].node = Arc::new(Node::plain(item));
                self.recompress(slot);
            }
            (true, false) => {
                self.insert_at(slot, 0, Side::After, item, limits);
                self.remove_slot(slot);
            }
            (false, true) => {
                self.split(slot, offset + 1);
                self.insert_slot(slot + 1, Node::plain(item), 1);
                if self.slots[slot].count == 1 {
                    self.remove_slot(slot);
                } else {
                    self.delete_in_node(slot, offset, 1);
                    self.merge_around(slot + 1);
                }
            }
        }
    }

    /// Inserts beside the element at `index`, which exists.
    pub(crate) fn insert(&mut self, index: usize, side: Side, item: Item<'_>, limits: &Limits) {
        let (slot, offset) = self.locate(index).expect("the caller found the index");
        self.insert_at(slot, offset, side, item, limits);
    }

    /// Removes `count` elements from `index` on; they exist.
    pub(crate) fn delete_range(&mut self, index: usize, mut count: usize) {
        let Some((mut slot, offset)) = self.locate(index) else {
            return;
        };
        if offset > 0 {
            let here = count.min(self.count(slot) - offset);
            self.delete_in_node(slot, offset, here);
            count -= here;
            slot += 1;
        }
        let mut end = slot;
        while count > 0 && count >= self.count(end) {
            count -= self.count(end);
            self.len -= self.count(end);
            end += 1;
        }
        if count > 0 {
            self.delete_in_node(end, 0, count);
        }
        self.slots.cut_out(slot..end);
        self.recompress(slot);
    }

    /// Removes up to `most` elements with this text, in the order of `direction`; returns how many.
    pub(crate) fn remove(&mut self, most: usize, text: &[u8], direction: Direction) -> usize {
        let mut removed = 0;
        // Slots that have not been looked at yet.
        let mut rest = 0..self.slots.len();
        while removed < most {
            let next = match direction {
                Direction::Forward => rest.next(),
                Direction::Backward => rest.next_back(),
            };
            let Some(slot) = next else { break };
            // A look first: most nodes stay shared, or compressed.
            let is_here = match &*self.slots[slot].node.opened() {
                Node::Plain(element) => element.as_slice() == text,
                Node::Packed(deck) => deck.view().find_first(text, 0).is_some(),
                Node::Compressed(_) => unreachable!("it was opened"),
            };
            if !is_here {
                continue;
            }
            let gone = if self.slots[slot].node.is_plain() {
                1
            } else {
                let most = most - removed;
                self.open_mut(slot)
                    .edit(|pack| remove_from(pack, most, text, direction))
            };
            removed += gone;
            self.slots[slot].count -= gone as u32;
            self.len -= gone;
            if self.slots[slot].count > 0 {
                self.recompress(slot);
            } else {
                self.remove_slot(slot);
                if direction == Direction::Forward {
                    rest = slot..self.slots.len();
                }
            }
        }
        removed
    }

    /// Are the invariants kept?
    #[cfg(test)]
    pub(crate) fn validate(&self) {
        let mut len = 0;
        for (index, slot) in self.slots.iter().enumerate() {
            let node = slot.node.opened();
            let count = match &*node {
                Node::Packed(deck) => {
                    let blob = deck.view().as_bytes();
                    crate::types::listpack::validate(blob).expect("a node is a listpack")
                }
                Node::Plain(_) => 1,
                Node::Compressed(_) => unreachable!("it was opened"),
            };
            assert!(count > 0);
            assert_eq!(count, slot.count as usize);
            assert_eq!(node.byte_len(), slot.node.byte_len());
            len += count;
            let is_compressed = matches!(*slot.node, Node::Compressed(_));
            let is_interior = self.is_interior(index);
            assert!(is_interior || !is_compressed);
        }
        assert_eq!(len, self.len);
    }

    #[inline]
    fn count(&self, slot: usize) -> usize {
        self.slots[slot].count as usize
    }

    fn end_index(&self, end: End) -> usize {
        match end {
            End::Head => 0,
            End::Tail => self.slots.len() - 1,
        }
    }

    /// Which node has the element at `index`, and how many stand before it there. Walks from the nearer end.
    #[inline]
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let (mut before, mut passed) = (0, 0);
            for run in self.slots.runs() {
                for (slot, Slot { count, .. }) in run.iter().enumerate() {
                    let after = before + *count as usize;
                    if index < after {
                        return Some((passed + slot, index - before));
                    }
                    before = after;
                }
                passed += run.len();
            }
        } else {
            let (mut before, mut left) = (self.len, self.slots.len());
            for run in self.slots.runs().rev() {
                left -= run.len();
                for (slot, Slot { count, .. }) in run.iter().enumerate().rev() {
                    before -= *count as usize;
                    if index >= before {
                        return Some((left + slot, index - before));
                    }
                }
            }
        }
        unreachable!("the counts sum up to the length")
    }

    /// Inserts beside the element at `offset` of a node: there if it has room, else at the near end of a neighbour
    /// that has, else in a node of its own at a node's edge, else into the node cut in two.
    fn insert_at(
        &mut self,
        slot: usize,
        offset: usize,
        side: Side,
        item: Item<'_>,
        limits: &Limits,
    ) {
        let len = item.len();
        let is_big = self.node_size.is_big(len, limits);
        // Where a cut would go, and where a slot between the two parts, or at that edge, would stand.
        let cut = offset + usize::from(side == Side::After);
        let between = slot + usize::from(cut > 0);
        let is_at_edge = match side {
            Side::Before => offset == 0,
            Side::After => cut == self.count(slot),
        };
        if is_big {
            if !is_at_edge {
                self.split(slot, cut);
            }
            self.insert_slot(between, Node::plain(item), 1);
        } else if self.has_room(slot, len) {
            self.edit_slot(slot, 1, |pack| {
                let pos = pack
                    .seek(offset as i64)
                    .expect("the slot counts its elements");
                match side {
                    Side::Before => pack.insert_before(pos, item),
                    Side::After => pack.insert_after(pos, item),
                }
            });
        } else if is_at_edge {
            let (neighbour, end) = match side {
                Side::Before => (slot.checked_sub(1), End::Tail),
                Side::After => (Some(slot + 1), End::Head),
            };
            match neighbour {
                Some(neighbour) if self.has_room(neighbour, len) => {
                    self.push_into(neighbour, end, item);
                }
                _ => self.insert_slot(between, Node::of_one(item), 1),
            }
        } else {
            self.split(slot, cut);
            match side {
                Side::Before => {
                    self.push_into(slot, End::Tail, item);
                    self.merge_around(slot + 1);
                }
                Side::After => {
                    self.push_into(slot + 1, End::Head, item);
                    self.merge_around(slot);
                }
            }
        }
    }

    fn has_room(&self, slot: usize, len: usize) -> bool {
        let slot = self.slots.get(slot);
        slot.is_some_and(|slot| slot.node.has_room(slot.count as usize, len, self.node_size))
    }

    fn push_into(&mut self, slot: usize, end: End, item: Item<'_>) {
        self.open_mut(slot).deck_mut().push(end, item);
        self.slots[slot].count += 1;
        self.len += 1;
        self.recompress(slot);
    }

    fn delete_in_node(&mut self, slot: usize, offset: usize, count: usize) {
        self.edit_slot(slot, -(count as i32), |pack| {
            pack.delete_range(offset as i64, count);
        });
    }

    /// Changes the listpack of a node to have `change` elements more or less.
    fn edit_slot<R>(&mut self, slot: usize, change: i32, edit: impl FnOnce(&mut Listpack) -> R) {
        self.open_mut(slot).edit(edit);
        let counted = self.slots[slot].count.checked_add_signed(change);
        self.slots[slot].count = counted.expect("a node has what is taken from it");
        let len = self.len.checked_add_signed(change as isize);
        self.len = len.expect("the list has what is taken from it");
        self.recompress(slot);
    }

    /// Cuts a node in two, elements from `at` on going to a new one after it. Nothing to cut at its end.
    fn split(&mut self, slot: usize, at: usize) {
        let count = self.count(slot);
        if at == count {
            return;
        }
        let tail = self.open_mut(slot).edit(|pack| pack.split_off(at));
        self.slots[slot].count = at as u32;
        self.len -= count - at;
        self.insert_slot(slot + 1, Node::Packed(Deck::from(tail)), count - at);
        self.recompress(slot);
    }

    /// After a node was cut: merges what now fits together around it, in Redis's order.
    fn merge_around(&mut self, mut center: usize) {
        if center >= 2 && self.merge(center - 2) {
            center -= 1;
        }
        self.merge(center + 1);
        if center >= 1 && self.merge(center - 1) {
            center -= 1;
        }
        self.merge(center);
    }

    /// Moves the elements of the node after `slot` into it, if they fit.
    fn merge(&mut self, slot: usize) -> bool {
        let (Some(one), Some(next)) = (self.slots.get(slot), self.slots.get(slot + 1)) else {
            return false;
        };
        // One header and terminator is saved.
        let bytes = one.node.byte_len() + next.node.byte_len() - FRAME;
        let count = one.count + next.count;
        let is_plain = one.node.is_plain() || next.node.is_plain();
        if is_plain || self.node_size.exceeded_by(bytes, count as usize) {
            return false;
        }
        let next = self.slots.remove(slot + 1).expect("it was looked at");
        let Node::Packed(more) = &*next.node.opened() else {
            unreachable!("neither node is plain")
        };
        self.open_mut(slot).edit(|pack| pack.merge(more.view()));
        self.slots[slot].count = count;
        self.recompress(slot);
        true
    }

    #[cold]
    fn push_slot(&mut self, end: End, node: Node) {
        // The node that was at this end has seen its last push.
        if !self.slots.is_empty() {
            let last = self.end_index(end);
            if let Some(Node::Packed(deck)) = Arc::get_mut(&mut self.slots[last].node) {
                deck.settle();
            }
        }
        let index = match end {
            End::Head => 0,
            End::Tail => self.slots.len(),
        };
        self.insert_slot(index, node, 1);
    }

    fn insert_slot(&mut self, index: usize, node: Node, count: usize) {
        self.len += count;
        self.slots.insert(
            index,
            Slot {
                node: Arc::new(node),
                count: count as u32,
            },
        );
        self.recompress(index);
    }

    fn remove_slot(&mut self, index: usize) -> Slot {
        let slot = self.slots.remove(index).expect("the caller saw this slot");
        self.len -= slot.count as usize;
        self.recompress(index);
        slot
    }

    /// A node to be changed: not shared, not compressed.
    fn open_mut(&mut self, slot: usize) -> &mut Node {
        let node = Arc::make_mut(&mut self.slots[slot].node);
        if let Cow::Owned(opened) = node.opened() {
            *node = opened;
        }
        node
    }

    fn is_interior(&self, slot: usize) -> bool {
        let depth = self.compress_depth;
        depth > 0 && (depth..self.slots.len().saturating_sub(depth)).contains(&slot)
    }

    /// After a change at `slot`, which may have moved nodes into the interior or out of it: opens what is near the
    /// ends and compresses what is not, looking only where that can have changed.
    #[inline]
    fn recompress(&mut self, slot: usize) {
        if self.compress_depth > 0 {
            self.recompress_near(slot);
        }
    }

    fn recompress_near(&mut self, slot: usize) {
        let (depth, count) = (self.compress_depth, self.slots.len());
        let outermost = (0..depth.min(count)).chain(count.saturating_sub(depth)..count);
        for index in outermost {
            if let Cow::Owned(opened) = self.slots[index].node.opened() {
                self.slots[index].node = Arc::new(opened);
            }
        }
        for index in [depth, count.wrapping_sub(depth + 1), slot] {
            if self.is_interior(index)
                && let Some(compressed) = self.slots[index].node.compressed()
            {
                self.slots[index].node = Arc::new(compressed);
            }
        }
    }
}

impl Slot {
    /// Hands over the only element.
    fn with_only<R>(&self, take: impl FnOnce(Item<'_>) -> R) -> R {
        match &*self.node.opened() {
            Node::Plain(element) => take(Item::Bytes(element)),
            Node::Packed(deck) => take(deck.view().at(0).expect("the slot counts one")),
            Node::Compressed(_) => unreachable!("it was opened"),
        }
    }
}

/// Removes up to `most` elements with this text, the first ones in `direction`; returns how many.
pub(crate) fn remove_from(
    pack: &mut Listpack,
    most: usize,
    text: &[u8],
    direction: Direction,
) -> usize {
    let mut found = Vec::new();
    let mut from = pack.first();
    while let Some(pos) = from.and_then(|from| pack.view().find(from, text, 0)) {
        found.push(pos);
        from = pack.next(pos);
        if direction == Direction::Forward && found.len() == most {
            break;
        }
    }
    let last = found.len().saturating_sub(most);
    pack.delete_all(&found[last..]);
    found.len() - last
}
