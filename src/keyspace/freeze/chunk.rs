//! The parts of a frozen keyspace, on their way to the thread that writes files.
//!
//! A chunk is a row of records. Small values are copied into one block of bytes, so that most keys cost no allocation;
//! values that are shared, or that nobody needs any more, travel as they are. The reader of a chunk is a [`Sink`]: it
//! hears of keys one after another, and of the elements of a large value right after its head.
//!
//! ```text
//! record   op:1 | head | what the op says
//! head     db:2 | access:4 | deadline:8 (MAX: none) | key length:4 | key
//! INT      head | number:8
//! TEXT     head | length:4 | bytes
//! VALUE    head, and the next of `objects`
//! TABLE    head | shape:1 | count:8 | soonest field:8 (MAX: none); that many ELEMENTs follow
//! ELEMENT  key length:4 | key | value length:4 | value | has word:1 | word:8
//! REST     and the next of `objects`: a table that was given up, of which the walk has something left
//! KEPT     and the next of `objects`: what the walk over a table has kept of elements that were changed meanwhile
//! KEYS     db:2 | epoch:1, and the next of `objects`: a database of which what is not of this epoch is meant
//! ```
//!
//! Numbers are in the order of this machine: a chunk never leaves the process.
//!
//! Invariant: a table's elements follow its head with nothing between them, if need be over several chunks.

use crate::keyspace::look::folded_value;
use crate::store::{Dict, EntryRef, Payload};
use crate::types::Value;
use crate::types::walked::{Kept, Walk};

pub(crate) use crate::types::walked::Shape;

/// All of a key but its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) db: u16,
    pub(crate) key: &'a [u8],
    pub(crate) deadline: Option<i64>,
    /// When or how often it was used: see [`AccessPolicy`](crate::keyspace::AccessPolicy).
    pub(crate) access: u32,
}

/// A value that is there as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frozen<'a> {
    Int(i64),
    Text(&'a [u8]),
    Value(&'a Value),
}

/// A large value whose elements follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableHead {
    pub(crate) shape: Shape,
    pub(crate) count: u64,
    /// The deadline of the hash's field that expires first.
    pub(crate) soonest: Option<i64>,
}

/// One element of a large value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) key: &'a [u8],
    /// Of a field.
    pub(crate) value: &'a [u8],
    /// The deadline of a field, or the bits of a score.
    pub(crate) word: Option<u64>,
}

/// A reader of chunks.
pub(crate) trait Sink {
    type Error;
    fn key(&mut self, head: Head<'_>, value: Frozen<'_>) -> Result<(), Self::Error>;
    fn table(&mut self, head: Head<'_>, table: TableHead) -> Result<(), Self::Error>;
    fn element(&mut self, element: Element<'_>) -> Result<(), Self::Error>;
}

/// A row of records.
#[derive(Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    objects: Vec<Object>,
    /// The bytes of the copied values, about.
    weight: usize,
}

enum Object {
    Value(Value),
    // Boxed, since nearly all are values.
    Kept(Box<Kept>),
    Keys(Box<Dict<Value>>),
}

const _: () = assert!(size_of::<Object>() <= 24, "a chunk may have a thousand");

/// A chunk that holds so much is full.
pub(crate) const CHUNK_BYTES: usize = if cfg!(test) { 2000 } else { 32 * 1024 };

/// One key more than full is mostly no longer than this.
const BEYOND: usize = CHUNK_BYTES / 8;

/// The bytes that a value counts for that was not copied: a chunk shall not hold any number of them, for they are work
/// for the thread.
const SHARED_WEIGHT: usize = if cfg!(test) { 64 } else { 256 };

const INT: u8 = 0;
const TEXT: u8 = 1;
const VALUE: u8 = 2;
const TABLE: u8 = 3;
const ELEMENT: u8 = 4;
const REST: u8 = 5;
const KEPT: u8 = 6;
const KEYS: u8 = 7;
const FOLDED: u8 = 8;

impl Chunk {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.size() >= CHUNK_BYTES
    }

    /// The size of its content, about.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.weight
    }

    /// The chunk as it goes to the thread: without the room that it turned out not to need.
    pub(super) fn sealed(mut self) -> Self {
        if self.bytes.len() < self.bytes.capacity() / 2 {
            self.bytes.shrink_to_fit();
        }
        self
    }

    /// A key with its value. A value may be shared: see `Family::is_shared`.
    pub(super) fn key(&mut self, head: Head<'_>, payload: Payload<'_, Value>) {
        match payload {
            Payload::Int(number) => {
                self.head(INT, head);
                self.bytes.extend_from_slice(&number.to_ne_bytes());
            }
            Payload::Inline(bytes) => {
                self.head(TEXT, head);
                self.run(bytes);
            }
            Payload::Folded(form, bytes) => {
                self.head(FOLDED, head);
                self.bytes.push(form);
                self.run(bytes);
            }
            Payload::Object(value) => {
                self.weight += if value.is_shared() {
                    SHARED_WEIGHT
                } else {
                    SHARED_WEIGHT + value.memory()
                };
                self.head(VALUE, head);
                self.objects.push(Object::Value(value.clone()));
            }
        }
    }

    /// A key with a value that nobody else needs any more.
    pub(super) fn key_with(&mut self, head: Head<'_>, value: Value) {
        self.weight += SHARED_WEIGHT;
        self.head(VALUE, head);
        self.objects.push(Object::Value(value));
    }

    pub(super) fn table(&mut self, head: Head<'_>, table: TableHead) {
        self.head(TABLE, head);
        self.bytes.push(table.shape as u8);
        self.number(table.count);
        self.number(table.soonest.unwrap_or(i64::MAX) as u64);
    }

    pub(super) fn element(&mut self, element: Element<'_>) {
        self.make_room();
        self.bytes.push(ELEMENT);
        self.run(element.key);
        self.run(element.value);
        self.bytes.push(u8::from(element.word.is_some()));
        self.number(element.word.unwrap_or(0));
    }

    pub(super) fn rest(&mut self, value: Value) {
        self.weight += SHARED_WEIGHT;
        self.bytes.push(REST);
        self.objects.push(Object::Value(value));
    }

    pub(super) fn kept(&mut self, kept: Kept) {
        self.weight += SHARED_WEIGHT;
        self.bytes.push(KEPT);
        self.objects.push(Object::Kept(Box::new(kept)));
    }

    pub(super) fn keys(&mut self, keys: Dict<Value>, db: u16, epoch: u8) {
        self.bytes.push(KEYS);
        self.bytes.extend_from_slice(&db.to_ne_bytes());
        self.bytes.push(epoch);
        self.objects.push(Object::Keys(Box::new(keys)));
    }

    fn head(&mut self, op: u8, head: Head<'_>) {
        self.make_room();
        self.bytes.push(op);
        self.bytes.extend_from_slice(&head.db.to_ne_bytes());
        self.bytes.extend_from_slice(&head.access.to_ne_bytes());
        self.number(head.deadline.unwrap_or(i64::MAX) as u64);
        self.run(head.key);
    }

    /// Room for all that a usual chunk gets, so that it is not moved while it grows.
    #[inline]
    fn make_room(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(CHUNK_BYTES + CHUNK_BYTES / 8);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_ne_bytes());
    }

    fn run(&mut self, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).expect("STRING_BYTES_MAX");
        let needed = bytes.len() + size_of::<u32>();
        if self.bytes.capacity() - self.bytes.len() < needed {
            self.grow(needed);
        }
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// A chunk is full a little beyond [`CHUNK_BYTES`]: from its half on it grows to that, and not to the double.
    #[cold]
    fn grow(&mut self, needed: usize) {
        let len = self.bytes.len();
        if len < CHUNK_BYTES / 2 {
            self.bytes.reserve(needed);
        } else {
            let left = CHUNK_BYTES.saturating_sub(len);
            self.bytes.reserve_exact(left.max(needed) + BEYOND);
        }
    }

    /// Tells the sink everything, in order.
    pub(crate) fn read<S: Sink>(self, sink: &mut S) -> Result<(), S::Error> {
        let mut objects = self.objects.into_iter();
        let mut at = Cursor(&self.bytes);
        while let Some(op) = at.op() {
            match op {
                INT => {
                    let head = at.head();
                    sink.key(head, Frozen::Int(at.number() as i64))?;
                }
                TEXT => {
                    let head = at.head();
                    sink.key(head, Frozen::Text(at.run()))?;
                }
                FOLDED => {
                    let head = at.head();
                    let form = at.take(1)[0];
                    sink.key(head, Frozen::Value(&folded_value(form, at.run())))?;
                }
                VALUE => {
                    let head = at.head();
                    if let Some(Object::Value(value)) = objects.next() {
                        sink.key(head, Frozen::Value(&value))?;
                    }
                }
                TABLE => {
                    let head = at.head();
                    let shape = match at.take(1)[0] {
                        0 => Shape::Set,
                        1 => Shape::Hash,
                        _ => Shape::Zset,
                    };
                    let count = at.number();
                    let soonest = some_deadline(at.number());
                    let table = TableHead {
                        shape,
                        count,
                        soonest,
                    };
                    sink.table(head, table)?;
                }
                ELEMENT => {
                    let (key, value) = (at.run(), at.run());
                    let has_word = at.take(1)[0] != 0;
                    let word = Some(at.number()).filter(|_| has_word);
                    sink.element(Element { key, value, word })?;
                }
                REST => {
                    if let Some(Object::Value(mut value)) = objects.next()
                        && let Some(table) = value.table_mut()
                    {
                        walk_on(table, sink)?;
                    }
                }
                KEPT => {
                    if let Some(Object::Kept(kept)) = objects.next() {
                        show_kept(&kept, sink)?;
                    }
                }
                _ => {
                    let db = u16::from_ne_bytes([at.take(1)[0], at.take(1)[0]]);
                    let epoch = at.take(1)[0];
                    if let Some(Object::Keys(keys)) = objects.next() {
                        read_keys(&keys, db, epoch, sink)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn read_keys<S: Sink>(
    keys: &Dict<Value>,
    db: u16,
    epoch: u8,
    sink: &mut S,
) -> Result<(), S::Error> {
    let mut entries = keys.iter().filter(|entry| entry.epoch() != epoch);
    entries.try_for_each(|entry| show_entry(entry, db, sink))
}

/// Tells a sink of a key as it is now.
pub(super) fn show_entry<S: Sink>(
    entry: EntryRef<'_, Value>,
    db: u16,
    sink: &mut S,
) -> Result<(), S::Error> {
    let head = Head {
        db,
        key: entry.key(),
        deadline: entry.deadline(),
        access: entry.access(),
    };
    match entry.payload() {
        Payload::Int(number) => sink.key(head, Frozen::Int(number)),
        Payload::Inline(bytes) => sink.key(head, Frozen::Text(bytes)),
        Payload::Folded(form, bytes) => sink.key(head, Frozen::Value(&folded_value(form, bytes))),
        Payload::Object(value) => sink.key(head, Frozen::Value(value)),
    }
}

/// The head of a value whose elements are copied one by one, if it is such a value.
pub(super) fn table_head(value: &Value) -> Option<TableHead> {
    Some(TableHead {
        count: value.table()?.count() as u64,
        shape: value.kind().shape()?,
        soonest: value.soonest(),
    })
}

/// Shows all elements of such a value.
pub(super) fn elements(value: &Value, show: &mut dyn FnMut(Element<'_>)) {
    if value.table().is_some() {
        value.show(&mut |key, value, word| show(Element { key, value, word }));
    }
}

/// Walks a table whose walk has begun to the end.
fn walk_on<S: Sink>(table: &mut dyn Walk, sink: &mut S) -> Result<(), S::Error> {
    loop {
        let mut shown = Ok(());
        let goes_on = table.step(&mut |key, value, word| {
            if shown.is_ok() {
                shown = sink.element(Element { key, value, word });
            }
        });
        shown?;
        if !goes_on {
            break;
        }
    }
    table.end().map_or(Ok(()), |kept| show_kept(&kept, sink))
}

fn show_kept<S: Sink>(kept: &Kept, sink: &mut S) -> Result<(), S::Error> {
    let mut shown = Ok(());
    kept.show(&mut |key, value, word| {
        if shown.is_ok() {
            shown = sink.element(Element { key, value, word });
        }
    });
    shown
}

fn some_deadline(number: u64) -> Option<i64> {
    let deadline = number as i64;
    (deadline != i64::MAX).then_some(deadline)
}

/// The rest of a chunk's bytes. They were written here, so they are as long as they say.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn op(&mut self) -> Option<u8> {
        let (op, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*op)
    }
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }
    fn short(&mut self) -> u32 {
        u32::from_ne_bytes(self.take(4).try_into().expect("four bytes"))
    }
    fn number(&mut self) -> u64 {
        u64::from_ne_bytes(self.take(8).try_into().expect("eight bytes"))
    }
    fn run(&mut self) -> &'a [u8] {
        let len = self.short();
        self.take(len as usize)
    }
    fn head(&mut self) -> Head<'a> {
        let db = u16::from_ne_bytes(self.take(2).try_into().expect("two bytes"));
        let access = self.short();
        let deadline = some_deadline(self.number());
        let key = self.run();
        Head {
            db,
            key,
            deadline,
            access,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of values that were not copied has few bytes of its own.
    #[test]
    fn a_sealed_chunk_has_no_room_that_it_does_not_need() {
        let mut chunk = Chunk::default();
        let value = Value::Str(std::sync::Arc::new(vec![b'v'; 10_000]));
        let head = Head {
            db: 0,
            access: 0,
            deadline: None,
            key: b"key",
        };
        chunk.key_with(head, value);
        assert!(chunk.bytes.capacity() >= CHUNK_BYTES);
        assert!(chunk.sealed().bytes.capacity() < 64);
    }

    /// What is on its way to the thread is counted in chunks, so none may take much more than its size.
    #[test]
    fn a_full_chunk_has_hardly_more_room_than_it_needs() {
        for len in [3, 40, 900] {
            let value = vec![b'v'; len];
            let mut chunk = Chunk::default();
            while !chunk.is_full() {
                let head = Head {
                    db: 0,
                    access: 0,
                    deadline: None,
                    key: b"key",
                };
                chunk.key(head, Payload::Inline(&value));
            }
            let room = chunk.bytes.capacity();
            assert!(room <= CHUNK_BYTES + 2 * BEYOND + len, "{room} for {len}");
        }
    }
}
