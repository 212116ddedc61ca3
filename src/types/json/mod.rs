//! JSON documents.
//!
//! A document is kept as bytes that are denser than its text (`pack`): small numbers take one byte, short texts one
//! more than they have, and nothing is allocated for a value of its own. What is larger than two kilobytes is a tree of
//! such packs (`tree`), so an edit moves little and a snapshot shares nearly everything. Field names that recur are
//! kept once in a document (`names`).
//!
//! Values within a document are told by their *place*: the number of the child at each level, of fields as well. `path`
//! finds places, `edit` changes what is there, `read` and `write` are text in and text out.
//!
//! Invariants: nothing is nested deeper than [`DEPTH_MAX`], so recursion over a document is bounded; all texts are
//! UTF-8; a field's name stands once in its object.

mod body;
mod edit;
mod index;
mod merge;
mod names;
mod number;
mod pack;
pub(crate) mod path;
mod read;
mod short;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use edit::{Item, Root, Splice, Taken};
use path::Path;
use read::Learning;
use tree::Run;

use super::{Digest, Family, Row};
use crate::store::mover::Mover;

pub(crate) use edit::Way;
pub(crate) use names::Names;
pub(crate) use number::{Arithmetic, NumberError};
pub(crate) use pack::{Atom, Number};
pub(crate) use read::{Part, plain_scalar};
pub(crate) use short::Precision;
pub(crate) use tree::{View, are_equal};
pub(crate) use write::{Layout, Printer, push_number, push_quoted};

/// How deep arrays and objects may be in each other.
pub(crate) const DEPTH_MAX: usize = 128;

/// A tree gets new names for what joins it up to this number; what a document begins with can have more.
const LEARNED_NAMES_MAX: usize = 1024;

/// Blocks are counted up to this number, which is more than anybody frees on the loop.
const BLOCKS_COUNTED_MAX: usize = 20_000;

/// Garbage with more blocks than this is large, or with a block of more bytes.
const BLOCKS_FREED_HERE: usize = 64;
const BYTES_FREED_HERE: usize = 1 << 20;

/// Where a value is in its document: the number of the child at each level.
pub(crate) type Place = SmallVec<[u32; 6]>;

/// A document.
#[derive(Clone, Debug)]
pub struct Json {
    root: Root,
    names: Arc<Names>,
}

/// Values for a document: they are read with its names, and join it together with those that they added.
pub(crate) struct Reader {
    names: Arc<Names>,
    learning: Learning,
    precision: Option<Precision>,
}

/// A value that was read, with its depth.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) part: Part,
    pub(crate) depth: usize,
}

/// The document would be nested too deep.
#[derive(Debug)]
pub(crate) struct TooDeep;

/// What a change has taken out of trees.
#[derive(Default)]
pub(crate) struct Garbage(Taken);

impl Reader {
    /// For a value that joins nothing.
    pub(crate) fn plain() -> Self {
        Self {
            names: Names::none(),
            learning: Learning::None,
            precision: None,
        }
    }

    /// For a document, if there is one to join.
    pub(crate) fn new(json: Option<&Json>) -> Self {
        let Some(json) = json else {
            return Self {
                names: Names::none(),
                learning: Learning::Recurring,
                precision: None,
            };
        };
        let is_large = matches!(json.root, Root::Tree(_));
        Self {
            names: Arc::clone(&json.names),
            learning: if is_large && json.names.len() < LEARNED_NAMES_MAX {
                Learning::All
            } else {
                Learning::None
            },
            precision: None,
        }
    }

    /// Keeps arrays of numbers as precisely as that.
    pub(crate) fn with_precision(self, precision: Option<Precision>) -> Self {
        Self { precision, ..self }
    }

    pub(crate) fn read(&mut self, text: &[u8]) -> Result<Input, serde_json::Error> {
        let parsed = read::parse(text, Arc::clone(&self.names), self.learning, self.precision)?;
        self.names = parsed.names;
        Ok(Input {
            part: parsed.part,
            depth: parsed.depth,
        })
    }

    /// A document of its own.
    pub(crate) fn into_json(self, input: Input) -> Json {
        Json {
            root: input.part.into(),
            names: self.names,
        }
    }

    /// The value, to be looked at.
    pub(crate) fn look<'a>(&'a self, input: &'a Input) -> (View<'a>, &'a Names) {
        (input.part.view(), &self.names)
    }
}

impl From<Part> for Root {
    fn from(part: Part) -> Self {
        match part {
            Part::Pack(bytes) => Self::pack(&bytes),
            Part::Tree(tree) => Self::Tree(tree),
        }
    }
}

impl Part {
    pub(crate) fn view(&self) -> View<'_> {
        match self {
            Self::Pack(bytes) => View::Pack(bytes),
            Self::Tree(tree) => View::Tree(tree),
        }
    }

    /// The same value, apart.
    fn of(view: View<'_>) -> Self {
        match view {
            View::Tree(tree) => Self::Tree(Arc::clone(tree)),
            View::Pack(_) => Self::Pack(view.bytes().unwrap_or_default().to_vec()),
        }
    }
}

impl Json {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let mut reader = Reader::new(None);
        let input = reader.read(text)?;
        Ok(reader.into_json(input))
    }

    pub(crate) fn view(&self) -> View<'_> {
        match &self.root {
            Root::Pack(bytes) => View::Pack(bytes),
            Root::Tree(tree) => View::Tree(tree),
        }
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn at(&self, place: &[u32]) -> Option<View<'_>> {
        self.view().at(place)
    }

    /// The number of a field.
    pub(crate) fn field(&self, view: View<'_>, name: &[u8]) -> Option<usize> {
        let wanted = tree::Wanted::new(name, &self.names);
        view.field(wanted).map(|(at, _)| at)
    }

    /// A value of the document, as one of its own.
    pub(crate) fn apart(&self, view: View<'_>) -> Self {
        Self {
            root: Part::of(view).into(),
            names: Arc::clone(&self.names),
        }
    }

    pub(crate) fn print(&self, view: View<'_>, layout: Layout<'_>, out: &mut Vec<u8>) {
        Printer::new(out, layout).value(view, &self.names);
    }

    /// As files hold it.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.print(self.view(), Layout::default(), &mut out);
        out
    }

    /// Takes over the names of values that have been read for this document.
    pub(crate) fn adopt(&mut self, reader: Reader) {
        if reader.names.len() > self.names.len() {
            self.names = reader.names;
        }
    }

    /// The same, while the values are still to be looked at.
    pub(crate) fn adopt_names(&mut self, reader: &Reader) {
        if reader.names.len() > self.names.len() {
            self.names = Arc::clone(&reader.names);
        }
    }

    /// Whether something of that depth may be put into a place.
    fn check(levels: usize, depth: usize) -> Result<(), TooDeep> {
        if levels + depth > DEPTH_MAX {
            return Err(TooDeep);
        }
        Ok(())
    }

    /// Whether values can be put below all these places.
    pub(crate) fn fits(places: &[Place], depth: usize) -> Result<(), TooDeep> {
        let levels = places.iter().map(SmallVec::len).max().unwrap_or(0);
        Self::check(levels + 1, depth)
    }

    /// Puts a value into the place of another.
    pub(crate) fn replace(&mut self, place: &[u32], input: Input) -> Result<Garbage, TooDeep> {
        Self::check(place.len(), input.depth)?;
        Ok(self.put(place, input.part))
    }

    /// Puts a scalar into the place of another.
    pub(crate) fn replace_scalar(&mut self, place: &[u32], atom: Atom<'_>) -> Garbage {
        self.put(place, Part::Pack(pack::scalar(atom)))
    }

    /// The way to the value of a plain path in a document in one piece, which is good until the next change. Others
    /// have to be sought by their places.
    pub(crate) fn way(&self, path: &Path<'_>) -> Option<Way> {
        edit::find(&self.root, &self.names, &path.steps)
    }

    /// The scalar to which a way leads.
    pub(crate) fn scalar_at(&self, way: &Way) -> Atom<'_> {
        match &self.root {
            Root::Pack(bytes) => pack::atom(&bytes[way.start..]),
            Root::Tree(_) => Atom::Null,
        }
    }

    /// Puts a scalar where a way leads to.
    pub(crate) fn put_scalar(&mut self, way: &Way, atom: Atom<'_>) {
        if let Atom::Number(number) = atom
            && let Root::Pack(bytes) = &mut self.root
            && let Some(bytes) = Arc::get_mut(bytes)
            && pack::overwrite_number(&mut bytes[way.start..], number)
        {
            return;
        }
        edit::put_scalar(&mut self.root, way, atom);
    }

    /// Leaves an array or object without children.
    pub(crate) fn empty(&mut self, place: &[u32]) -> Garbage {
        let is_object = self.at(place).is_some_and(View::is_object);
        let empty = pack::Head::new(is_object, 0).as_bytes().to_vec();
        self.put(place, Part::Pack(empty))
    }

    fn put(&mut self, place: &[u32], value: Part) -> Garbage {
        let Some((last, parent)) = place.split_last() else {
            return Garbage::of_root(std::mem::replace(&mut self.root, value.into()));
        };
        let at = *last as usize;
        let item = Item {
            name: Vec::new(),
            value,
        };
        self.splice(
            parent,
            Splice {
                range: at..at + 1,
                items: smallvec![item],
                keeps_name: true,
            },
        )
    }

    /// Adds a field to an object, which has none of that name.
    pub(crate) fn add_field(
        &mut self,
        place: &[u32],
        name: &[u8],
        input: Input,
    ) -> Result<Garbage, TooDeep> {
        Self::check(place.len() + 1, input.depth)?;
        let count = self.at(place).map_or(0, View::len);
        let item = Item {
            name: self.name(name),
            value: input.part,
        };
        Ok(self.splice(
            place,
            Splice {
                range: count..count,
                items: smallvec![item],
                keeps_name: false,
            },
        ))
    }

    /// Puts elements into an array, in front of the one with that number.
    pub(crate) fn insert(
        &mut self,
        place: &[u32],
        index: usize,
        inputs: Vec<Input>,
    ) -> Result<(), TooDeep> {
        let depth = inputs.iter().map(|input| input.depth).max();
        Self::check(place.len() + 1, depth.unwrap_or(0))?;
        let items = inputs.into_iter().map(|input| Item {
            name: Vec::new(),
            value: input.part,
        });
        self.splice(
            place,
            Splice {
                range: index..index,
                items: items.collect(),
                keeps_name: false,
            },
        );
        Ok(())
    }

    /// Removes some children of an array or object.
    pub(crate) fn remove(&mut self, place: &[u32], range: std::ops::Range<usize>) -> Garbage {
        self.splice(
            place,
            Splice {
                range,
                items: SmallVec::new(),
                keeps_name: false,
            },
        )
    }

    fn splice(&mut self, place: &[u32], splice: Splice) -> Garbage {
        let mut taken = Taken::new();
        edit::edit_root(&mut self.root, place, splice, &mut taken);
        Garbage(taken)
    }
}

impl Garbage {
    /// A value or document that nobody needs any more.
    pub(crate) fn of(json: Json) -> Self {
        Self::of_root(json.root)
    }

    fn of_root(root: Root) -> Self {
        match root {
            Root::Pack(bytes) if bytes.len() > BYTES_FREED_HERE => {
                Self(vec![Run::Pack { bytes, count: 1 }])
            }
            Root::Pack(_) => Self::default(),
            Root::Tree(tree) => Self(vec![Run::Tree {
                name: [].into(),
                tree,
            }]),
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        if self.0.is_empty() {
            self.0 = other.0;
        } else {
            self.0.extend(other.0);
        }
    }

    /// Whether freeing it takes so long that somebody else should.
    pub(crate) fn is_large(&self) -> bool {
        let is_long = |run: &Run| match run {
            Run::Pack { bytes, .. } => bytes.len() > BYTES_FREED_HERE,
            Run::Tree { .. } => false,
        };
        tree::blocks(&self.0, BLOCKS_COUNTED_MAX) > BLOCKS_FREED_HERE || self.0.iter().any(is_long)
    }
}

impl Family for Json {
    const ROW: Row = Row {
        name: "ReJSON-RL",
        sizes: None,
        digest: 7,
        is_awaited: false,
    };

    /// No document is without a value.
    fn len(&self) -> usize {
        1
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn memory(&self) -> usize {
        let shared = 2 * size_of::<usize>();
        let names = match self.names.len() {
            0 => 0,
            _ => shared + size_of::<Names>() + self.names.memory(),
        };
        let root = match &self.root {
            Root::Pack(bytes) => bytes.len(),
            Root::Tree(tree) => tree.memory(),
        };
        size_of::<Self>() + names + shared + root
    }

    fn weight(&self) -> usize {
        match &self.root {
            Root::Pack(_) => 1,
            Root::Tree(tree) => tree::blocks(&tree.runs, BLOCKS_COUNTED_MAX),
        }
    }

    fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        if from == 0 {
            mover.shared(&mut self.names, |mover, names| names.relocate(mover));
        }
        match &mut self.root {
            Root::Pack(bytes) => {
                mover.shared_bytes(bytes);
                0
            }
            Root::Tree(tree) => tree::relocate(tree, mover, from),
        }
    }

    fn digest(&self, digest: &mut Digest) {
        digest.mix(&self.text());
    }

    fn is_shared(&self) -> bool {
        true
    }
}
