//! Changes of documents.
//!
//! A change is one of two: other children in the place of some neighbours, or another value in the place of one. In a
//! pack either is one range of bytes that is exchanged, after which the heads of all that encloses it say their new
//! lengths, and indexes where fields begin now. In a tree it happens in one run; a run that grew too large is divided,
//! and a child that did becomes a tree.
//!
//! What is taken out is returned, so that the owner can have it freed elsewhere if it is large.

use std::ops::Range;
use std::sync::Arc;

use smallvec::{Array, SmallVec, smallvec};

use super::Place;
use super::body;
use super::index;
use super::names::Names;
use super::pack::{self, Atom, Head};
use super::path::{self, One, Step};
use super::read::Part;
use super::tree::{OVERFULL, RUN_BYTES, Run, Tree, run_bytes};

/// A child to be put in, with its name as it stands in a pack; empty in an array.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    pub(super) value: Part,
}

/// The children of a container that go, and what comes there.
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) items: SmallVec<[Item; 1]>,
    /// Only the value of the one child goes, and its name stays.
    pub(super) keeps_name: bool,
}

/// What was taken out of trees.
pub(super) type Taken = Vec<Run>;

/// Changes the root value.
pub(super) fn edit_root(root: &mut Root, place: &[u32], splice: Splice, taken: &mut Taken) {
    if let Root::Pack(bytes) = root {
        if splice.items.iter().all(Item::is_pack) {
            let mut full: Place = smallvec![0];
            full.extend_from_slice(place);
            edit_pack(bytes, Pack::Root, &full, &splice);
            return root.grow_into_tree();
        }
        *root = Root::Tree(Arc::new(tree_of(bytes)));
    }
    if let Root::Tree(tree) = root {
        edit_tree(Arc::make_mut(tree), place, splice, taken);
        if let [Run::Pack { bytes, .. }] = tree.runs.as_slice()
            && bytes.len() <= RUN_BYTES / 2
        {
            let head = Head::new(tree.is_object, bytes.len());
            *root = Root::pack(&[head.as_bytes(), bytes].concat());
        } else if tree.runs.is_empty() {
            *root = Root::pack(Head::new(tree.is_object, 0).as_bytes());
        }
    }
}

/// Puts a scalar into the place of a value that [`find`] has found, and nothing has changed since.
pub(super) fn put_scalar(root: &mut Root, way: &Way, atom: Atom<'_>) {
    let Root::Pack(bytes) = root else { return };
    let range = way.start..way.start + pack::value_len(&bytes[way.start..]);
    let (head, text) = pack::parts(atom);
    let change = Change {
        around: &way.around,
        range,
        new: [head.as_bytes(), text],
        new_count: None,
    };
    change.make(bytes, Pack::Root);
    root.grow_into_tree();
}

/// Goes along steps that name one child each, in a document that is in one piece. `None` if it is not, or they do not,
/// or there is nothing.
pub(super) fn find(root: &Root, names: &Names, steps: &[Step<'_>]) -> Option<Way> {
    let Root::Pack(bytes) = root else {
        return None;
    };
    if steps.is_empty() {
        return None;
    }
    let mut way = Way {
        around: Levels::new(),
        start: 0,
    };
    for step in steps {
        let start = way.start;
        let (is_object, body) = pack::content(&bytes[start..])?;
        let body = start + body.start..start + body.end;
        let content = &bytes[body.clone()];
        let at = match step.one()? {
            One::Field(name) if is_object => body::find(content, name, names.find(name))?.1,
            One::Element(number) if !is_object => {
                let number = match usize::try_from(number) {
                    Ok(number) => number,
                    Err(_) => path::absolute(number, body::count(content, false)),
                };
                body::offset(content, false, number)?
            }
            _ => return None,
        };
        way.start = body.start + at;
        way.around.push(Level::new(bytes, start, is_object, body));
    }
    Some(way)
}

/// The root of a document. A pack is followed by bytes that mean nothing, as many as its block has; so what grows a
/// little stays where it is.
#[derive(Clone, Debug)]
pub(super) enum Root {
    Pack(Arc<[u8]>),
    Tree(Arc<Tree>),
}

/// Where a value begins in a document that is in one piece, and what is around it.
pub(crate) struct Way {
    around: Levels,
    pub(super) start: usize,
}

impl Root {
    /// That of a packed value.
    pub(super) fn pack(value: &[u8]) -> Self {
        let mut bytes = body::blank(body::with_room(value.len()));
        let own = Arc::get_mut(&mut bytes).expect("it is new");
        own[..value.len()].copy_from_slice(value);
        Self::Pack(bytes)
    }

    fn grow_into_tree(&mut self) {
        if let Self::Pack(bytes) = self
            && bytes.len() > OVERFULL
            && pack::value_len(bytes) > OVERFULL
            && pack::content(bytes).is_some()
        {
            *self = Self::Tree(Arc::new(tree_of(bytes)));
        }
    }
}

impl Item {
    fn is_pack(&self) -> bool {
        matches!(self.value, Part::Pack(_))
    }

    fn push<const N: usize>(&self, out: &mut SmallVec<[u8; N]>)
    where
        [u8; N]: Array<Item = u8>,
    {
        if let Part::Pack(bytes) = &self.value {
            out.extend_from_slice(&self.name);
            out.extend_from_slice(bytes);
        }
    }
}

/// A container on the way to what is changed.
struct Level {
    /// Where its head is, if it has one: the content of a run has none.
    start: usize,
    is_object: bool,
    body: Range<usize>,
    /// The index in front of its fields.
    index_len: usize,
}

/// What becomes of a level: it gets another head, and an index of some length, which may be the old one.
struct Renewed {
    head: Option<Head>,
    index_len: usize,
    keeps_index: bool,
    /// By how much its children grow.
    growth: isize,
}

type Levels = SmallVec<[Level; 2]>;

/// Bytes that come into the place of others, inside of containers.
struct Change<'a> {
    around: &'a [Level],
    range: Range<usize>,
    /// In two parts, one after the other.
    new: [&'a [u8]; 2],
    /// How many fields the innermost has afterwards, if others come or go.
    new_count: Option<usize>,
}

/// What packed bytes are: a root is one value with room behind it, a run has children and nothing else.
#[derive(Clone, Copy)]
enum Pack {
    Root,
    Run { is_object: bool },
}

impl Pack {
    /// All of it, as what other levels are in.
    fn outside(self, bytes: &[u8]) -> Level {
        match self {
            Self::Root => Level::new(bytes, 0, false, 0..pack::value_len(bytes)),
            Self::Run { is_object } => Level::new(bytes, 0, is_object, 0..bytes.len()),
        }
    }

    /// How many bytes are kept for so many that mean something.
    fn block(self, used: usize) -> usize {
        match self {
            Self::Root => body::with_room(used),
            Self::Run { .. } => used,
        }
    }
}

impl Level {
    fn new(bytes: &[u8], start: usize, is_object: bool, body: Range<usize>) -> Self {
        let content = &bytes[body.clone()];
        let children = body::children(content, is_object);
        Self {
            start,
            is_object,
            index_len: content.len() - children.len(),
            body,
        }
    }

    fn children_start(&self) -> usize {
        self.body.start + self.index_len
    }

    /// What it begins with when its content has grown, if it begins with anything.
    fn head(&self, growth: isize) -> Option<Head> {
        let body = self.body.len().strict_add_signed(growth);
        (self.start < self.body.start).then(|| Head::new(self.is_object, body))
    }

    /// Whether its children stay where they are when they grow: the head is as long then, and the index too.
    fn has_room_for(&self, growth: isize) -> bool {
        let head_len = self.head(growth).map_or(0, |head| head.as_bytes().len());
        let children = (self.body.len() - self.index_len).strict_add_signed(growth);
        head_len == self.body.start - self.start
            && (self.index_len == 0 || index::may_have(children))
    }
}

/// Changes what is in a container of a pack. All items are packed.
fn edit_pack(bytes: &mut Arc<[u8]>, pack: Pack, place: &[u32], splice: &Splice) {
    let mut level = pack.outside(bytes);
    let mut around = Levels::new();
    for index in place {
        let body = &bytes[level.body.clone()];
        let Some(at) = body::offset(body, level.is_object, *index as usize) else {
            return;
        };
        let at = level.body.start + at;
        let start = at + pack::value_start(&bytes[at..], level.is_object);
        let Some((is_object, inner)) = pack::content(&bytes[start..]) else {
            return;
        };
        let inner = start + inner.start..start + inner.end;
        around.push(level);
        level = Level::new(bytes, start, is_object, inner);
    }
    let is_object = level.is_object;
    let body = &bytes[level.body.clone()];
    let count = body::count(body, is_object);
    let place = |number| body::offset(body, is_object, number).unwrap_or(body.len());
    let (mut from, to) = (place(splice.range.start), place(splice.range.end));
    if splice.keeps_name {
        from += pack::value_start(&body[from..], is_object);
    }
    // Where there are no children there is no index either.
    let range = level.body.start + from..level.body.start + to;
    let keeps_names = splice.keeps_name || !is_object;
    around.push(level);
    let mut new = SmallVec::<[u8; 128]>::new();
    splice.items.iter().for_each(|item| item.push(&mut new));
    let new_count = (!keeps_names).then(|| count + splice.items.len() - splice.range.len());
    let change = Change {
        around: &around,
        range,
        new: [&new, &[]],
        new_count,
    };
    change.make(bytes, pack);
}

impl Change<'_> {
    fn make(&self, bytes: &mut Arc<[u8]>, pack: Pack) {
        let new_len = self.new[0].len() + self.new[1].len();
        let growth = new_len as isize - self.range.len() as isize;
        if growth == 0
            && self.new_count.is_none()
            && let Some(own) = Arc::get_mut(bytes)
        {
            return self.put_new(own);
        }
        if self.new_count.is_none()
            && pack.block(self.used().strict_add_signed(growth)) == bytes.len()
            && self.around.iter().all(|level| level.has_room_for(growth))
            && let Some(own) = Arc::get_mut(bytes)
        {
            own.copy_within(self.range.end..self.used(), self.range.start + new_len);
            self.put_new(own);
            return self.renew_in_place(own, growth);
        }
        let (renewed, growth) = renew(self.around, growth, self.new_count);
        let block = pack.block(self.used().strict_add_signed(growth));
        *bytes = self.copied(bytes, &renewed, block);
    }

    /// How many bytes mean something.
    fn used(&self) -> usize {
        self.around[0].body.end
    }

    fn put_new(&self, bytes: &mut [u8]) {
        let [head, text] = self.new;
        let place = &mut bytes[self.range.start..][..head.len() + text.len()];
        place[..head.len()].copy_from_slice(head);
        place[head.len()..].copy_from_slice(text);
    }

    /// Where something changes in each level: a child's head, or the bytes themselves.
    fn places(&self) -> impl Iterator<Item = usize> {
        let levels = self.around.iter().skip(1).map(|level| level.start);
        levels.chain([self.range.start])
    }

    /// Writes heads and indexes over the old ones, which were as long.
    fn renew_in_place(&self, bytes: &mut [u8], growth: isize) {
        for (level, change) in self.around.iter().zip(self.places()) {
            if let Some(head) = level.head(growth) {
                bytes[level.start..level.body.start].copy_from_slice(head.as_bytes());
            }
            if level.index_len > 0 {
                let index = &mut bytes[level.body.start..level.children_start()];
                index::shift(index, change - level.children_start(), growth);
            }
        }
    }

    /// The bytes as they are afterwards, in another block.
    fn copied(&self, bytes: &[u8], renewed: &[Renewed], block: usize) -> Arc<[u8]> {
        let mut shared = body::blank(block);
        let out = Arc::get_mut(&mut shared).expect("it is new");
        let mut at = 0;
        let mut put = |part: &[u8]| {
            out[at..at + part.len()].copy_from_slice(part);
            at += part.len();
            at
        };
        let mut indexes = SmallVec::<[Range<usize>; 4]>::new();
        let mut done = 0;
        for (level, renewed) in self.around.iter().zip(renewed) {
            let mut end = put(&bytes[done..level.start]);
            if let Some(head) = &renewed.head {
                end = put(head.as_bytes());
            }
            let old = &bytes[level.body.start..level.children_start()];
            let start = end;
            if renewed.keeps_index {
                end = put(old);
            } else {
                for _ in 0..renewed.index_len {
                    end = put(&[0]);
                }
            }
            indexes.push(start..end);
            done = level.children_start();
        }
        put(&bytes[done..self.range.start]);
        for part in self.new {
            put(part);
        }
        put(&bytes[self.range.end..self.used()]);
        let places = self.around.iter().zip(renewed).zip(indexes);
        for (((level, renewed), place), change) in places.zip(self.places()) {
            if place.is_empty() {
                continue;
            }
            if renewed.keeps_index {
                let within = change - level.children_start();
                index::shift(&mut out[place], within, renewed.growth);
            } else if let Some(count) = self.new_count {
                index::fill(&mut out[place.start..], place.len(), count);
            }
        }
        shared
    }
}

/// What becomes of all levels, and by how much the whole grows.
fn renew(
    around: &[Level],
    mut growth: isize,
    new_count: Option<usize>,
) -> (SmallVec<[Renewed; 4]>, isize) {
    let mut renewed = SmallVec::new();
    for (depth, level) in around.iter().enumerate().rev() {
        let children = level.body.end - level.children_start();
        let children = children.strict_add_signed(growth);
        let new_count = new_count.filter(|_| depth + 1 == around.len());
        let keeps_index = new_count.is_none() && level.index_len > 0 && index::may_have(children);
        let index_len = match new_count {
            Some(count) => index::len(count, children),
            None if keeps_index => level.index_len,
            None => 0,
        };
        let has_head = level.start < level.body.start;
        let head = has_head.then(|| Head::new(level.is_object, index_len + children));
        let head_len = head.as_ref().map_or(0, |head| head.as_bytes().len());
        let old_len = level.body.end - level.start;
        renewed.push(Renewed {
            head,
            index_len,
            keeps_index,
            growth,
        });
        growth = (head_len + index_len + children) as isize - old_len as isize;
    }
    renewed.reverse();
    (renewed, growth)
}

/// Changes what is in a container below a tree, or in the tree itself.
fn edit_tree(tree: &mut Tree, place: &[u32], splice: Splice, taken: &mut Taken) {
    let is_object = tree.is_object;
    let Some((first, rest)) = place.split_first() else {
        return edit_children(tree, splice, taken);
    };
    let (at, within) = tree.seek(*first as usize);
    if let Some(Run::Pack { bytes, .. }) = tree.runs.get_mut(at)
        && splice.items.iter().all(Item::is_pack)
    {
        let mut inside: Place = smallvec![within as u32];
        inside.extend_from_slice(rest);
        edit_pack(bytes, Pack::Run { is_object }, &inside, &splice);
        return mend(tree, at, false);
    }
    let at = match tree.runs.get(at) {
        None => return,
        Some(Run::Tree { .. }) => at,
        Some(Run::Pack { .. }) => isolate(tree, at, within),
    };
    if let Run::Tree { tree: inner, .. } = &mut tree.runs[at] {
        edit_tree(Arc::make_mut(inner), rest, splice, taken);
    }
}

/// Makes a tree of one container in a packed run.
fn isolate(tree: &mut Tree, at: usize, within: usize) -> usize {
    let is_object = tree.is_object;
    let Run::Pack { bytes, .. } = &tree.runs[at] else {
        return at;
    };
    let bytes = body::children(bytes, is_object);
    let start = body::offset(bytes, is_object, within).expect("it was sought");
    let end = start + pack::child_len(&bytes[start..], is_object);
    let value = start + pack::value_start(&bytes[start..], is_object);
    let alone = Run::Tree {
        name: bytes[start..value].into(),
        tree: Arc::new(tree_of(&bytes[value..end])),
    };
    let parts = [
        pack_run(&bytes[..start], is_object),
        Some(alone),
        pack_run(&bytes[end..], is_object),
    ];
    let middle = at + usize::from(parts[0].is_some());
    tree.runs.splice(at..=at, parts.into_iter().flatten());
    tree.recount(at);
    middle
}

fn pack_run(children: &[u8], is_object: bool) -> Option<Run> {
    (!children.is_empty()).then(|| run_of(children, is_object))
}

fn run_of(children: &[u8], is_object: bool) -> Run {
    Run::pack(children, body::count(children, is_object), is_object)
}

/// Other children in the place of some of a tree's.
fn edit_children(tree: &mut Tree, splice: Splice, taken: &mut Taken) {
    let Splice {
        range,
        mut items,
        keeps_name,
    } = splice;
    let is_object = tree.is_object;
    if keeps_name && let [item] = items.as_mut_slice() {
        item.name = name_of(tree, range.start);
    }
    let (first, within) = tree.seek(range.start);
    // All in one run, and small: the usual case.
    let appends = first == tree.runs.len() && range.is_empty();
    let at = if appends {
        first.saturating_sub(1)
    } else {
        first
    };
    if let Some(Run::Pack { bytes, count }) = tree.runs.get_mut(at)
        && items.iter().all(Item::is_pack)
    {
        let within = if appends { *count as usize } else { within };
        if within + range.len() <= *count as usize {
            let has_new_count = items.len() != range.len();
            *count = *count + items.len() as u32 - range.len() as u32;
            let splice = Splice {
                range: within..within + range.len(),
                items,
                keeps_name: false,
            };
            edit_pack(bytes, Pack::Run { is_object }, &[], &splice);
            return mend(tree, at, has_new_count);
        }
    }
    let start = divide(tree, range.start);
    let end = divide(tree, range.end);
    let new = runs_of(items, is_object);
    let behind = start + new.len();
    taken.extend(tree.runs.splice(start..end, new));
    tree.recount(start);
    mend(tree, behind, false);
    mend(tree, start.saturating_sub(1), false);
}

/// The name of a child as it stands in a pack.
fn name_of(tree: &Tree, index: usize) -> Vec<u8> {
    let (at, within) = tree.seek(index);
    match &tree.runs[at] {
        Run::Tree { name, .. } => name.to_vec(),
        Run::Pack { bytes, .. } => {
            let start = body::offset(bytes, tree.is_object, within).expect("it was sought");
            let child = &bytes[start..];
            child[..pack::value_start(child, tree.is_object)].to_vec()
        }
    }
}

/// Sees to it that a run begins with a child, and returns which.
fn divide(tree: &mut Tree, index: usize) -> usize {
    let (at, within) = tree.seek(index);
    if within == 0 {
        return at;
    }
    let is_object = tree.is_object;
    if let Some(Run::Pack { bytes, .. }) = tree.runs.get(at) {
        let bytes = body::children(bytes, is_object);
        let middle = body::offset(bytes, is_object, within).expect("it was sought");
        let parts = [&bytes[..middle], &bytes[middle..]].map(|part| run_of(part, is_object));
        tree.runs.splice(at..=at, parts);
        tree.recount(at);
    }
    at + 1
}

fn runs_of(items: SmallVec<[Item; 1]>, is_object: bool) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut pending = SmallVec::<[u8; 128]>::new();
    for item in items {
        match item.value {
            Part::Pack(_) => item.push(&mut pending),
            Part::Tree(tree) => {
                chunk(&pending, is_object, &mut runs);
                pending.clear();
                let name = item.name.into();
                runs.push(Run::Tree { name, tree });
            }
        }
    }
    chunk(&pending, is_object, &mut runs);
    runs
}

/// Divides children into runs, and makes trees of those that are too large.
fn chunk(body: &[u8], is_object: bool, runs: &mut Vec<Run>) {
    let mut pending = 0..0;
    while pending.end < body.len() {
        let start = pending.end;
        let len = pack::child_len(&body[start..], is_object);
        let value = start + pack::value_start(&body[start..], is_object);
        let is_large = len > OVERFULL && pack::content(&body[value..]).is_some();
        if is_large || start - pending.start + len > RUN_BYTES {
            runs.extend(pack_run(&body[pending.start..start], is_object));
            pending.start = start;
        }
        pending.end = start + len;
        if is_large {
            let tree = Arc::new(tree_of(&body[value..start + len]));
            let name = body[start..value].into();
            runs.push(Run::Tree { name, tree });
            pending.start = pending.end;
        }
    }
    runs.extend(pack_run(&body[pending], is_object));
}

/// The tree of a packed array or object.
fn tree_of(value: &[u8]) -> Tree {
    let (is_object, body) = pack::content(value).expect("the caller has looked");
    let mut runs = Vec::new();
    let children = body::children(&value[body], is_object);
    chunk(children, is_object, &mut runs);
    Tree::new(is_object, runs)
}

/// After a change in a run, which may have given it another number of children.
fn mend(tree: &mut Tree, at: usize, has_new_count: bool) {
    if reshape(tree, at) || has_new_count {
        tree.recount(at.saturating_sub(1));
    }
}

/// Brings a run back into shape: divided if it is too large, joined with a neighbour if both are small, and gone if
/// nothing is in it. Returns whether there are other runs now.
fn reshape(tree: &mut Tree, at: usize) -> bool {
    let is_object = tree.is_object;
    let Some(Run::Pack { bytes, .. }) = tree.runs.get(at) else {
        return false;
    };
    if bytes.is_empty() {
        tree.runs.remove(at);
        join(tree, at);
        return true;
    }
    if bytes.len() > 2 * run_bytes(tree.runs.len()) {
        let mut parts = Vec::new();
        chunk(body::children(bytes, is_object), is_object, &mut parts);
        let is_divided = parts.len() > 1;
        tree.runs.splice(at..=at, parts);
        return is_divided;
    }
    let is_joined = join(tree, at + 1);
    join(tree, at) || is_joined
}

/// Makes one of the runs on both sides of a gap, if they are small.
fn join(tree: &mut Tree, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    if let (Some(Run::Pack { bytes: one, .. }), Some(Run::Pack { bytes: other, .. })) =
        (tree.runs.get(before), tree.runs.get(at))
        && one.len() + other.len() <= RUN_BYTES / 2
    {
        let both = [one, other].map(|bytes| body::children(bytes, tree.is_object));
        let joined = run_of(&both.concat(), tree.is_object);
        tree.runs.splice(before..=at, [joined]);
        return true;
    }
    false
}
