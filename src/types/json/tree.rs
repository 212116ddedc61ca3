//! Arrays and objects too large for one pack, and how either form is looked at.
//!
//! A tree is a row of *runs*. A run is a pack of neighbouring children, about a kilobyte of them, or one child that is
//! a tree itself. So a large document is as dense as a small one, an edit moves no more than a run, and a copy shares
//! all runs: what is changed afterwards is copied first, no more than the runs that lead to it.
//!
//! A child's number leads to its run by bisection. A field's name does not: looking for it means passing over all
//! fields in front of it, which for an object with a million fields takes some milliseconds.

use std::sync::Arc;

use crate::store::mover::Mover;

use super::body::{self, SHARED_HEAD};
use super::names::Names;
use super::pack::{self, Atom, Name};

/// So many bytes of children make a run. Smaller runs would be found faster and take more room.
pub(super) const RUN_BYTES: usize = if cfg!(test) { 40 } else { 1024 };

/// An array or object with more bytes of children is a tree, and a run that grew beyond is divided: larger than what a
/// run starts with, so that one that hovers is not changed each time.
pub(super) const OVERFULL: usize = 2 * RUN_BYTES;

/// So many bytes of children make a run of a tree with that many runs. A large tree has larger ones, so that the row of
/// them is copied in a moment when a snapshot shares it.
pub(super) fn run_bytes(runs: usize) -> usize {
    if runs < MANY_RUNS {
        RUN_BYTES
    } else {
        4 * RUN_BYTES
    }
}

const MANY_RUNS: usize = if cfg!(test) { 8 } else { 1024 };

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(super) is_object: bool,
    pub(super) count: usize,
    pub(super) runs: Vec<Run>,
    /// The number of each run's first child.
    starts: Vec<u32>,
}

/// Neighbouring children. Invariant: there is at least one.
#[derive(Clone, Debug)]
pub(super) enum Run {
    Pack {
        bytes: Arc<[u8]>,
        count: u32,
    },
    /// With its name as it stands in a pack; empty in an array.
    Tree {
        name: Arc<[u8]>,
        tree: Arc<Tree>,
    },
}

impl Run {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Pack { count, .. } => *count as usize,
            Self::Tree { .. } => 1,
        }
    }

    /// Of so many children, one after another.
    pub(super) fn pack(children: &[u8], count: usize, is_object: bool) -> Self {
        Self::Pack {
            bytes: body::shared(children, count, is_object),
            count: count as u32,
        }
    }
}

impl Tree {
    pub(super) fn new(is_object: bool, runs: Vec<Run>) -> Self {
        let mut tree = Self {
            is_object,
            count: 0,
            runs,
            starts: Vec::new(),
        };
        tree.recount(0);
        tree
    }

    /// After runs have changed, from one of them on.
    pub(super) fn recount(&mut self, from: usize) {
        let from = from.min(self.starts.len()).min(self.runs.len());
        self.starts.truncate(from);
        let mut count = match from.checked_sub(1) {
            Some(before) => self.starts[before] as usize + self.runs[before].count(),
            None => 0,
        };
        self.starts.reserve_exact(self.runs.len() - from);
        for run in &self.runs[from..] {
            self.starts.push(count as u32);
            count += run.count();
        }
        self.count = count;
    }

    /// The bytes it takes, itself included.
    pub(super) fn memory(&self) -> usize {
        let runs = self.runs.iter().map(|run| match run {
            Run::Pack { bytes, .. } => SHARED_HEAD + bytes.len(),
            Run::Tree { name, tree } => SHARED_HEAD + name.len() + tree.memory(),
        });
        let own = SHARED_HEAD
            + size_of::<Self>()
            + self.runs.capacity() * size_of::<Run>()
            + self.starts.capacity() * size_of::<u32>();
        own + runs.sum::<usize>()
    }

    /// The run in which a child is, and its number there.
    pub(super) fn seek(&self, index: usize) -> (usize, usize) {
        if index >= self.count {
            return (self.runs.len(), index - self.count);
        }
        let behind = (self.starts).partition_point(|start| *start as usize <= index);
        let at = behind - 1;
        (at, index - self.starts[at] as usize)
    }

    #[cfg(test)]
    pub(super) fn validate(&self) {
        let mut count = 0;
        for (run, start) in self.runs.iter().zip(&self.starts) {
            assert_eq!(count, *start as usize);
            count += run.count();
        }
        assert_eq!((count, self.starts.len()), (self.count, self.runs.len()));
    }
}

/// Moves what lies badly of a tree, from the run with that number on, as all runs below the tree are counted; returns
/// where to go on. What copies share stays.
pub(super) fn relocate(tree: &mut Arc<Tree>, mover: &mut Mover<'_>, from: u64) -> u64 {
    let mut walk = Relocation {
        from,
        at: 0,
        is_over: false,
    };
    walk.tree(tree, mover);
    if walk.is_over { walk.at } else { 0 }
}

/// How far the moving of a tree is.
struct Relocation {
    from: u64,
    at: u64,
    is_over: bool,
}

/// After so many runs it is asked whether the time is over.
const RUNS_A_STEP: u64 = if cfg!(test) { 2 } else { 64 };

impl Relocation {
    /// The recursion is as deep as the document, which is bounded.
    fn tree(&mut self, tree: &mut Arc<Tree>, mover: &mut Mover<'_>) {
        mover.shared(tree, |mover, tree| {
            if self.at >= self.from {
                mover.vec(&mut tree.runs);
                mover.vec(&mut tree.starts);
            }
            for run in &mut tree.runs {
                self.is_over |=
                    self.at > self.from && self.at.is_multiple_of(RUNS_A_STEP) && mover.is_over();
                if self.is_over {
                    return;
                }
                self.at += 1;
                match run {
                    Run::Pack { bytes, .. } if self.at > self.from => mover.shared_bytes(bytes),
                    Run::Pack { .. } => {}
                    Run::Tree { name, tree } => {
                        mover.shared_bytes(name);
                        self.tree(tree, mover);
                    }
                }
            }
        });
    }
}

/// How many blocks runs have, or `most` if there are more.
pub(super) fn blocks(runs: &[Run], most: usize) -> usize {
    let mut blocks = runs.len();
    for run in runs {
        if blocks >= most {
            return most;
        }
        if let Run::Tree { tree, .. } = run {
            blocks += self::blocks(&tree.runs, most - blocks);
        }
    }
    blocks.min(most)
}

/// A value in a document, to be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View<'a> {
    /// Its bytes, and perhaps what follows.
    Pack(&'a [u8]),
    Tree(&'a Arc<Tree>),
}

/// A name to be looked for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    text: &'a [u8],
    id: Option<u16>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(text: &'a [u8], names: &Names) -> Self {
        Self {
            text,
            id: names.find(text),
        }
    }

    #[inline]
    fn is(&self, name: Name<'_>) -> bool {
        match name {
            Name::Here(text) => text == self.text,
            Name::Shared(id) => self.id == Some(id),
        }
    }
}

impl<'a> View<'a> {
    pub(crate) fn atom(self) -> Atom<'a> {
        match self {
            Self::Pack(bytes) => pack::atom(bytes),
            Self::Tree(tree) if tree.is_object => Atom::Object,
            Self::Tree(_) => Atom::Array,
        }
    }

    pub(crate) fn is_object(self) -> bool {
        matches!(self.atom(), Atom::Object)
    }

    pub(crate) fn is_array(self) -> bool {
        matches!(self.atom(), Atom::Array)
    }

    /// How many elements or fields; none if it is a scalar.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Tree(tree) => tree.count,
            Self::Pack(bytes) => match pack::content(bytes) {
                Some((is_object, body)) => body::count(&bytes[body], is_object),
                None => 0,
            },
        }
    }

    /// Whether there are none, or it is a scalar.
    pub(crate) fn is_empty(self) -> bool {
        self.children().next().is_none()
    }

    pub(crate) fn children(self) -> Children<'a> {
        match self {
            Self::Tree(tree) => Children {
                pack: &[],
                runs: tree.runs.iter(),
                is_object: tree.is_object,
            },
            Self::Pack(bytes) => match pack::content(bytes) {
                Some((is_object, body)) => Children {
                    pack: body::children(&bytes[body], is_object),
                    runs: [].iter(),
                    is_object,
                },
                None => Children {
                    pack: &[],
                    runs: [].iter(),
                    is_object: false,
                },
            },
        }
    }

    /// An element or the value of a field, by its place.
    pub(crate) fn child(self, index: usize) -> Option<Self> {
        match self {
            Self::Pack(bytes) => {
                let (is_object, body) = pack::content(bytes)?;
                let body = &bytes[body];
                let child = &body[body::offset(body, is_object, index)?..];
                Some(Self::Pack(&child[pack::value_start(child, is_object)..]))
            }
            Self::Tree(tree) => {
                let (at, within) = tree.seek(index);
                match tree.runs.get(at)? {
                    Run::Tree { tree, .. } => Some(Self::Tree(tree)),
                    Run::Pack { bytes, .. } => {
                        let start = body::offset(bytes, tree.is_object, within)?;
                        let child = &bytes[start..];
                        let value = pack::value_start(child, tree.is_object);
                        Some(Self::Pack(&child[value..]))
                    }
                }
            }
        }
    }

    /// The value of a field, and its place.
    pub(crate) fn field(self, wanted: Wanted<'_>) -> Option<(usize, Self)> {
        let tree = match self {
            Self::Tree(tree) if tree.is_object => tree,
            Self::Tree(_) => return None,
            Self::Pack(bytes) => {
                let (is_object, body) = pack::content(bytes)?;
                if !is_object {
                    return None;
                }
                let body = &bytes[body];
                let (index, value) = body::find(body, wanted.text, wanted.id)?;
                return Some((index, Self::Pack(&body[value..])));
            }
        };
        for (run, start) in tree.runs.iter().zip(&tree.starts) {
            let start = *start as usize;
            match run {
                Run::Pack { bytes, .. } => {
                    if let Some((index, value)) = body::find(bytes, wanted.text, wanted.id) {
                        return Some((start + index, Self::Pack(&bytes[value..])));
                    }
                }
                Run::Tree { name, tree } => {
                    if wanted.is(pack::name(name).0) {
                        return Some((start, Self::Tree(tree)));
                    }
                }
            }
        }
        None
    }

    /// The value at a place of the document.
    pub(crate) fn at(self, place: &[u32]) -> Option<Self> {
        let mut view = self;
        for index in place {
            view = view.child(*index as usize)?;
        }
        Some(view)
    }

    /// As it stands in a pack, if it does.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Pack(bytes) => Some(&bytes[..pack::value_len(bytes)]),
            Self::Tree(_) => None,
        }
    }

    /// The bytes it takes, about.
    pub(crate) fn memory(self) -> usize {
        match self {
            Self::Pack(bytes) => pack::value_len(bytes),
            Self::Tree(tree) => tree.memory(),
        }
    }
}

/// The children of an array or object; names are empty in an array.
pub(crate) struct Children<'a> {
    pack: &'a [u8],
    runs: std::slice::Iter<'a, Run>,
    is_object: bool,
}

impl<'a> Iterator for Children<'a> {
    type Item = (Name<'a>, View<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.pack.is_empty() {
            match self.runs.next()? {
                Run::Pack { bytes, .. } => self.pack = body::children(bytes, self.is_object),
                Run::Tree { name, tree } => {
                    let name = if self.is_object {
                        pack::name(name).0
                    } else {
                        Name::Here(&[])
                    };
                    return Some((name, View::Tree(tree)));
                }
            }
        }
        let (name, start) = if self.is_object {
            pack::name(self.pack)
        } else {
            (Name::Here(&[]), 0)
        };
        let value = &self.pack[start..];
        self.pack = &value[pack::value_len(value)..];
        Some((name, View::Pack(value)))
    }
}

/// Whether two values are the same: numbers of different kinds never are, and the order of fields does not matter.
pub(crate) fn are_equal(one: (View<'_>, &Names), other: (View<'_>, &Names)) -> bool {
    match (one.0.atom(), other.0.atom()) {
        (Atom::Array, Atom::Array) => {
            let (mut ones, mut others) = (one.0.children(), other.0.children());
            loop {
                match (ones.next(), others.next()) {
                    (None, None) => return true,
                    (Some((_, a)), Some((_, b))) if are_equal((a, one.1), (b, other.1)) => {}
                    _ => return false,
                }
            }
        }
        (Atom::Object, Atom::Object) => {
            let (ones, others) = (sorted(one), sorted(other));
            let mut pairs = ones.iter().zip(&others);
            ones.len() == others.len()
                && pairs.all(|(a, b)| a.0 == b.0 && are_equal((a.1, one.1), (b.1, other.1)))
        }
        (one, other) => one == other,
    }
}

fn sorted<'a>((view, names): (View<'a>, &'a Names)) -> Vec<(&'a [u8], View<'a>)> {
    let fields = view
        .children()
        .map(|(name, value)| (name.text(names), value));
    let mut fields: Vec<_> = fields.collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    fields
}
