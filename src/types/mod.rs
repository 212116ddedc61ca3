//! Values and their encodings.
//!
//! Everything a key can hold, and nothing about keys, clients, time or configuration: a limit or a moment that matters
//! comes in as an argument. Listpacks are byte for byte the blobs that Redis writes into its RDB files, so saving,
//! loading and DUMP of lists and streams copy memory instead of translating it. Small hashes, sets and sorted sets are
//! kept denser than that (`pack`, `intset`) and get Redis's form in files. Blobs that come from outside are validated
//! once, completely, when they are parsed; after that the readers trust them. A value that is one short blob has no
//! handle: its bytes lie in the entry of its key (`folded`).

pub(crate) mod bits;
mod blob;
mod choose;
mod family;
mod folded;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hll;
pub(crate) mod intset;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod listpack;
pub(crate) mod pack;
pub(crate) mod set;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod vector;
pub(crate) mod walked;
pub(crate) mod zset;

use std::fmt;
use std::sync::Arc;

use crate::store::mover::Mover;
use crate::store::{Blob, Members, TableStats};
use hash::Hash;
use json::Json;
use list::List;
use set::Set;
use stream::Stream;
use vector::VectorSet;
use walked::{Shape, Show, Walk};
use zset::Zset;

pub(crate) use family::{Digest, Family, Row, Typed};
pub(crate) use folded::{Folds, Form, Whole};

/// The list of families: from each line come a variant of [`Value`], one of [`Kind`], and an arm of every match over
/// either. A line has the variant's name, its content, the kind, and the type that implements [`Family`].
macro_rules! families {
    ($($(#[$about:meta])* $variant:ident($held:ty) $kind:ident $family:ty;)*) => {
        /// The value of a key, short strings and integers excepted: those live in the entry itself.
        #[derive(Debug, Clone)]
        pub enum Value {
            $($(#[$about])* $variant($held),)*
        }

        /// The type of a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            pub(crate) fn row(self) -> &'static Row {
                match self { $(Self::$kind => &<$family as Family>::ROW,)* }
            }

            /// How files hold the elements of a table of this kind.
            pub(crate) fn shape(self) -> Option<Shape> {
                match self { $(Self::$kind => <$family as Family>::SHAPE,)* }
            }
        }

        /// The answers of each value to [`Family`].
        impl Value {
            #[inline]
            pub(crate) fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$kind,)* }
            }

            pub(crate) fn len(&self) -> usize {
                match self { $(Self::$variant(it) => <$family as Family>::len(it),)* }
            }

            pub(crate) fn encoding(&self) -> &'static str {
                match self { $(Self::$variant(it) => <$family as Family>::encoding(it),)* }
            }

            pub(crate) fn memory(&self) -> usize {
                match self { $(Self::$variant(it) => <$family as Family>::memory(it),)* }
            }

            pub(crate) fn weight(&self) -> usize {
                match self { $(Self::$variant(it) => <$family as Family>::weight(it),)* }
            }

            fn relocate_content(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
                match self { $(Self::$variant(it) => <$family as Family>::relocate(it, mover, from),)* }
            }

            pub(crate) fn digest(&self, digest: &mut Digest) {
                match self { $(Self::$variant(it) => <$family as Family>::digest(it, digest),)* }
            }

            pub(crate) fn is_shared(&self) -> bool {
                match self { $(Self::$variant(it) => <$family as Family>::is_shared(it),)* }
            }

            #[inline]
            pub(crate) fn members(&self) -> Option<&Members> {
                match self { $(Self::$variant(it) => <$family as Family>::members(it),)* }
            }

            pub(crate) fn stats(&self) -> Option<TableStats> {
                match self { $(Self::$variant(it) => <$family as Family>::stats(it),)* }
            }

            pub(crate) fn table(&self) -> Option<&dyn Walk> {
                match self { $(Self::$variant(it) => <$family as Family>::table(it),)* }
            }

            pub(crate) fn table_mut(&mut self) -> Option<&mut dyn Walk> {
                match self { $(Self::$variant(it) => <$family as Family>::table_mut(it),)* }
            }

            pub(crate) fn show(&self, show: Show<'_>) {
                match self { $(Self::$variant(it) => <$family as Family>::show(it, show),)* }
            }

            pub(crate) fn soonest(&self) -> Option<i64> {
                match self { $(Self::$variant(it) => <$family as Family>::soonest(it),)* }
            }
        }

        $(
            impl Typed for $family {
                const KIND: Kind = Kind::$kind;

                #[inline]
                fn of(value: &Value) -> Option<&Self> {
                    match value { Value::$variant(it) => Some(it), _ => None }
                }

                #[inline]
                fn of_mut(value: &mut Value) -> Option<&mut Self> {
                    match value { Value::$variant(it) => Some(it), _ => None }
                }

                fn into_value(self) -> Value {
                    Value::$variant(self.into())
                }
            }
        )*
    };
}

// In the order in which INFO shows them.
families! {
    /// Shared, because a reply may still be on its way while the key changes.
    Str(Arc<Vec<u8>>) String Arc<Vec<u8>>;
    List(List) List List;
    Set(Set) Set Set;
    Zset(Zset) Zset Zset;
    Hash(Hash) Hash Hash;
    Stream(Box<Stream>) Stream Stream;
    Json(Box<Json>) Json Json;
    Vector(VectorSet) Vector VectorSet;
}

impl Value {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves what lies badly of the value's memory, as [`Family::relocate`] does.
    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>, from: u64) -> u64 {
        if from == 0 {
            match self {
                Self::Stream(it) => mover.boxed(it),
                Self::Json(it) => mover.boxed(it),
                // These have no box, or know it.
                Self::Str(_)
                | Self::List(_)
                | Self::Set(_)
                | Self::Zset(_)
                | Self::Hash(_)
                | Self::Vector(_) => {}
            }
        }
        self.relocate_content(mover, from)
    }
}

/// Moves what lies badly in a table, step by step, until its end or that of the mover's time.
fn relocate_table(
    mover: &mut Mover<'_>,
    from: u64,
    mut step: impl FnMut(u64, &mut Mover<'_>) -> u64,
) -> u64 {
    let mut cursor = step(from, mover);
    while cursor != 0 && !mover.is_over() {
        cursor = step(cursor, mover);
    }
    cursor
}

impl Whole for Stream {}
impl Whole for Json {}
impl Whole for VectorSet {}

impl Value {
    /// The form and the bytes of a value that is short enough to be folded.
    pub(crate) fn folded(&self) -> Option<(u8, &[u8])> {
        match self {
            Self::List(list) => list.folded(),
            Self::Set(set) => set.folded(),
            Self::Zset(zset) => zset.folded(),
            Self::Hash(hash) => hash.folded(),
            Self::Str(_) | Self::Stream(_) | Self::Json(_) | Self::Vector(_) => None,
        }
    }

    /// The value that is folded so, over its blob.
    pub(crate) fn from_blob(form: u8, blob: Blob) -> Self {
        let form = Form::of(form);
        let value = match form.kind() {
            Kind::List => List::from_blob(form, blob).map(Self::List),
            Kind::Set => Set::from_blob(form, blob).map(Self::Set),
            Kind::Zset => Zset::from_blob(form, blob).map(Self::Zset),
            _ => Hash::from_blob(form, blob).map(Self::Hash),
        };
        value.expect("the family of the form")
    }
}

impl Kind {
    /// As TYPE and SCAN name it.
    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }
}

impl Family for Arc<Vec<u8>> {
    const ROW: Row = Row {
        name: "string",
        sizes: Some("strings_sizes"),
        digest: 0,
        is_awaited: false,
    };

    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn encoding(&self) -> &'static str {
        "raw"
    }

    fn memory(&self) -> usize {
        string_memory(self)
    }

    fn weight(&self) -> usize {
        1
    }

    fn relocate(&mut self, mover: &mut Mover<'_>, _: u64) -> u64 {
        mover.shared(self, Mover::vec);
        0
    }

    fn digest(&self, digest: &mut Digest) {
        digest.mix(self);
    }

    fn is_shared(&self) -> bool {
        true
    }
}

fn string_memory(text: &Vec<u8>) -> usize {
    let shared = 2 * size_of::<usize>() + size_of::<Vec<u8>>();
    shared + blob::allocation_size(text.capacity())
}

// The store keeps a value inside its entry, in three words.
const _: () = assert!(size_of::<Value>() <= 24);
const _: () = {
    const fn goes_to_other_threads<T: Send + Sync>() {}
    goes_to_other_threads::<Value>();
};

/// A compact blob from outside did not follow its own format. There is no detail in it on purpose: the peer that
/// sent such a blob is told one sentence, and a debugger wants the bytes themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bad data format")
    }
}

impl std::error::Error for Malformed {}
