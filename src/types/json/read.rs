//! From text to documents.
//!
//! The grammar, the numbers and the words for what is wrong are serde_json's. Nothing is built in between: what it
//! calls back with goes straight into a pack, and a part that grows beyond a run is taken out of it as a tree.
//!
//! Nesting is bounded by serde_json, so the recursion here is too.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::base::num;

use super::body;
use super::names::{self, Names, Sieve};
use super::pack::{self, Atom, Head, Name, Number};
use super::short::{OutOfRange, Precision};
use super::tree::{OVERFULL, Run, Tree, run_bytes};
use super::write::is_plain;

/// A value that is not part of a document yet.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Pack(Vec<u8>),
    Tree(Arc<Tree>),
}

/// A value that was read, and what its names are by.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) part: Part,
    pub(super) names: Arc<Names>,
    /// How many arrays and objects are in each other.
    pub(crate) depth: usize,
}

/// Which names are shared that are not shared yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learning {
    None,
    /// Those that recur.
    Recurring,
    /// The value joins many like it.
    All,
}

/// Reads a value. Its names are by those that are given, and by what is added to them.
pub(super) fn parse(
    text: &[u8],
    names: Arc<Names>,
    learning: Learning,
    precision: Option<Precision>,
) -> Result<Parsed, serde_json::Error> {
    let mut builder = Builder {
        out: Vec::with_capacity(text.len().min(run_bytes(0)) + NUMBER_BYTES_MAX),
        sieve: (learning == Learning::Recurring).then(Sieve::new),
        learns_all: learning == Learning::All,
        names,
        fields: Vec::new(),
        depth: 0,
        precision,
    };
    let mut input = serde_json::Deserializer::from_slice(text);
    let seed = Seed {
        builder: &mut builder,
        depth: 0,
    };
    let made = seed.deserialize(&mut input)?;
    input.end()?;
    let Builder {
        out,
        mut names,
        depth,
        ..
    } = builder;
    if let Some(names) = Arc::get_mut(&mut names) {
        names.shrink();
    }
    let part = match made {
        Made::Pack => Part::Pack(out),
        Made::Tree(tree) => Part::Tree(Arc::new(tree)),
    };
    Ok(Parsed { part, names, depth })
}

/// A scalar as it is mostly written: a text that means itself, a whole number, or a word. `None` says nothing of the
/// text.
pub(crate) fn plain_scalar(text: &[u8]) -> Option<Atom<'_>> {
    match text {
        [b'"', inside @ .., b'"'] => {
            (is_plain(inside) && inside.is_ascii()).then_some(Atom::Text(inside))
        }
        b"null" => Some(Atom::Null),
        b"true" => Some(Atom::Bool(true)),
        b"false" => Some(Atom::Bool(false)),
        _ => num::parse_i64(text).map(|number| Atom::Number(Number::Int(number))),
    }
}

/// All values that are being read, the innermost at the end.
struct Builder {
    out: Vec<u8>,
    sieve: Option<Sieve>,
    learns_all: bool,
    names: Arc<Names>,
    /// Hashes of the names of open objects.
    fields: Vec<u64>,
    depth: usize,
    /// How arrays of numbers are kept.
    precision: Option<Precision>,
}

/// What became of a value: it is at the end of the pack, or taken out of it.
enum Made {
    Pack,
    Tree(Tree),
}

/// An array or object that is being read.
struct Open {
    is_object: bool,
    /// Where its head is, and where the children begin that are in no run yet.
    start: usize,
    body: usize,
    pending: u32,
    count: usize,
    runs: Vec<Run>,
    fields_start: usize,
    /// The same hashes, when there are many.
    many_fields: Option<HashSet<u64>>,
    /// A name came twice, or its hash.
    is_doubtful: bool,
}

/// A number takes more bytes than its text by so many at most.
const NUMBER_BYTES_MAX: usize = 9;

/// So many hashes are compared one by one.
const FEW_FIELDS: usize = 48;

impl Builder {
    fn open(&mut self, is_object: bool) -> Open {
        let start = self.out.len();
        self.out
            .extend_from_slice(Head::new(is_object, 0).as_bytes());
        Open {
            is_object,
            start,
            body: self.out.len(),
            pending: 0,
            count: 0,
            runs: Vec::new(),
            fields_start: self.fields.len(),
            many_fields: None,
            is_doubtful: false,
        }
    }

    fn name(&mut self, open: &mut Open, text: &[u8]) {
        let hash = names::hash(text);
        open.is_doubtful |= self.has_seen(open, hash);
        let id = match &mut self.sieve {
            Some(sieve) => sieve.id(text, hash, &mut self.names),
            None => self.names.find(text).or_else(|| {
                self.learns_all
                    .then(|| Arc::make_mut(&mut self.names).add(text))?
            }),
        };
        pack::push_name(&mut self.out, id.map_or(Name::Here(text), Name::Shared));
    }

    fn has_seen(&mut self, open: &mut Open, hash: u64) -> bool {
        if let Some(many) = &mut open.many_fields {
            return !many.insert(hash);
        }
        let few = &self.fields[open.fields_start..];
        let has_seen = few.contains(&hash);
        self.fields.push(hash);
        if self.fields.len() - open.fields_start > FEW_FIELDS {
            open.many_fields = Some(self.fields.drain(open.fields_start..).collect());
        }
        has_seen
    }

    /// Takes in the child that begins at `start`, with its name.
    fn child(&mut self, open: &mut Open, start: usize, made: Made) {
        open.count += 1;
        match made {
            Made::Pack => {
                let most = if open.runs.is_empty() {
                    OVERFULL
                } else {
                    run_bytes(open.runs.len())
                };
                if self.out.len() - open.body > most {
                    self.seal(open, start);
                }
                open.pending += 1;
                if self.out.len() - open.body > most {
                    self.seal(open, self.out.len());
                }
            }
            Made::Tree(tree) => {
                let name = self.out[start..].into();
                self.out.truncate(start);
                self.seal(open, start);
                let tree = Arc::new(tree);
                open.runs.push(Run::Tree { name, tree });
            }
        }
    }

    /// Keeps a number as precisely as asked for. False if it is none: then the array is not one of numbers.
    fn shorten(
        &mut self,
        start: usize,
        made: &Made,
        precision: Precision,
    ) -> Result<bool, OutOfRange> {
        let Made::Pack = made else {
            return Ok(false);
        };
        let Atom::Number(number) = pack::atom(&self.out[start..]) else {
            return Ok(false);
        };
        self.out.truncate(start);
        pack::push_short(&mut self.out, number, precision)?;
        Ok(true)
    }

    /// Makes a run of the children up to a place.
    fn seal(&mut self, open: &mut Open, end: usize) {
        if open.pending > 0 {
            let children = &self.out[open.body..end];
            open.runs
                .push(Run::pack(children, open.pending as usize, open.is_object));
            self.out.drain(open.body..end);
            open.pending = 0;
        }
    }

    fn close(&mut self, mut open: Open) -> Made {
        self.fields.truncate(open.fields_start);
        if open.is_doubtful {
            open = self.without_doubles(open);
        }
        if open.runs.is_empty() {
            body::close(
                &mut self.out,
                open.start..open.body,
                open.is_object,
                open.count,
            );
            return Made::Pack;
        }
        self.seal(&mut open, self.out.len());
        self.out.truncate(open.start);
        open.runs.shrink_to_fit();
        Made::Tree(Tree::new(open.is_object, open.runs))
    }

    /// The same object with each name once: the first place, and the last value.
    fn without_doubles(&mut self, mut open: Open) -> Open {
        self.seal(&mut open, self.out.len());
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut fields: Vec<(Vec<u8>, Run)> = Vec::new();
        let mut put = |text: &[u8], name: &[u8], value: Run| {
            if let Some(at) = places.get(text) {
                fields[*at].1 = value;
            } else {
                places.insert(text.to_vec(), fields.len());
                fields.push((name.to_vec(), value));
            }
        };
        for run in &open.runs {
            match run {
                Run::Tree { name, .. } => {
                    put(pack::name(name).0.text(&self.names), name, run.clone());
                }
                Run::Pack { bytes, .. } => {
                    let mut rest = body::children(bytes, true);
                    while !rest.is_empty() {
                        let (name, start) = pack::name(rest);
                        let len = pack::child_len(rest, true);
                        let value = Run::pack(&rest[start..len], 1, false);
                        put(name.text(&self.names), &rest[..start], value);
                        rest = &rest[len..];
                    }
                }
            }
        }
        self.out.truncate(open.start);
        let mut clean = self.open(true);
        for (name, value) in fields {
            let start = self.out.len();
            self.out.extend_from_slice(&name);
            let made = match value {
                Run::Pack { bytes, .. } => {
                    self.out.extend_from_slice(&bytes);
                    Made::Pack
                }
                Run::Tree { tree, .. } => Made::Tree(Arc::unwrap_or_clone(tree)),
            };
            self.child(&mut clean, start, made);
        }
        clean
    }
}

struct Seed<'b> {
    builder: &'b mut Builder,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Made;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Made, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Made;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Made, E> {
        pack::push_null(&mut self.builder.out);
        Ok(Made::Pack)
    }

    fn visit_bool<E: Error>(self, is_true: bool) -> Result<Made, E> {
        pack::push_bool(&mut self.builder.out, is_true);
        Ok(Made::Pack)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Made, E> {
        pack::push_number(&mut self.builder.out, Number::Int(number));
        Ok(Made::Pack)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Made, E> {
        let number = i64::try_from(number).map_or(Number::Big(number), Number::Int);
        pack::push_number(&mut self.builder.out, number);
        Ok(Made::Pack)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Made, E> {
        pack::push_number(&mut self.builder.out, Number::Double(number));
        Ok(Made::Pack)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Made, E> {
        pack::push_text(&mut self.builder.out, text.as_bytes());
        Ok(Made::Pack)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Made, A::Error> {
        let Self { builder, depth } = self;
        let depth = depth + 1;
        builder.depth = builder.depth.max(depth);
        let mut open = builder.open(false);
        let mut precision = builder.precision;
        loop {
            let start = builder.out.len();
            let Some(made) = input.next_element_seed(Seed { builder, depth })? else {
                return Ok(builder.close(open));
            };
            if let Some(wanted) = precision
                && !builder
                    .shorten(start, &made, wanted)
                    .map_err(|OutOfRange| {
                        let name = wanted.name();
                        Error::custom(format_args!("value out of range for {name}"))
                    })?
            {
                precision = None;
            }
            builder.child(&mut open, start, made);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Made, A::Error> {
        let Self { builder, depth } = self;
        let depth = depth + 1;
        builder.depth = builder.depth.max(depth);
        let mut open = builder.open(true);
        loop {
            let start = builder.out.len();
            let open = &mut open;
            if input.next_key_seed(Key { builder, open })?.is_none() {
                break;
            }
            let made = input.next_value_seed(Seed { builder, depth })?;
            builder.child(open, start, made);
        }
        Ok(builder.close(open))
    }
}

/// A name of a field.
struct Key<'b> {
    builder: &'b mut Builder,
    open: &'b mut Open,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.builder.name(self.open, text.as_bytes());
        Ok(())
    }
}
