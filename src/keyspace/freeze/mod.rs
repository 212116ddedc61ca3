//! The keyspace as it was at one instant, taken while it goes on changing.
//!
//! ```text
//! start    epoch + 1: every key that is there is "unsaved", since it bears another epoch
//! slices   walk the tables in the order of SCAN; what is unsaved goes into a chunk and gets the new epoch
//! writes   before an unsaved key changes, goes or moves, it is saved on the spot
//! births   new keys bear the new epoch: they were not there
//! end      every key bears the new epoch
//! ```
//!
//! There is no fork and no copy of the keyspace. A write costs one comparison while nothing is frozen. While something
//! is, each key is saved at most once, either by the walk or by the first write to it. Small values are copied;
//! strings, long lists and streams are shared, and a write to them first copies the part that changes; a value that is
//! removed or replaced is not copied at all but moves into the chunk. A flushed database goes there whole.
//!
//! A large set, hash or sorted set is walked in slices too, with other keys waiting behind it, as its elements must not
//! be interrupted. It may change meanwhile, or before its turn comes: then the table itself keeps the overwritten
//! elements, see [`walked`](crate::types::walked), and a write waits for no more than the one element. The walk follows
//! a value that moves, by RENAME for one; a value that is removed moves into the chunk with the rest of its walk.
//! Values that have been changed already are walked before all other keys, so that little has to be kept.
//!
//! Chunks are taken away by the owner, which decides how many may be on their way. When that is enough, the walk stops;
//! keys saved by writes come on top, since a write cannot wait.
//!
//! Invariants: while active, an entry has the epoch if and only if it was saved or born since the start, or holds a
//! table whose walk has begun; such tables are those that `larges` lists. Three bits of epoch suffice because at the
//! end all entries are equal; walks that were given up leave older ones behind, so before the numbers could meet again
//! all are made equal.

mod chunk;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::store::{Dict, EntryRef, Payload, Spot};
use crate::types::{Value, walked as table};

use super::Keyspace;

pub(crate) use chunk::{Chunk, Element, Frozen, Head, Shape, Sink, TableHead};

/// The state of a snapshot that is being taken, or that none is.
#[derive(Default)]
pub(crate) struct Freeze {
    is_active: bool,
    epoch: u8,
    /// How many snapshots in a row were given up.
    given_up: u8,
    /// Of each database, in their present order.
    walks: Vec<Walk>,
    /// Large values whose walks have begun. Elements of the first are in chunks already if its head is.
    larges: VecDeque<Large>,
    /// The number of the next walk of a large value.
    next_walk: u64,
    /// Where records go; full ones are in `ready`.
    open: Chunk,
    /// The chunks that had to be saved while a large value is being walked.
    behind: Vec<Chunk>,
    /// Full chunks, in order.
    pub(crate) ready: Vec<Chunk>,
    /// Bytes that were copied because commands changed what was not saved yet, large values that are still being walked
    /// left out.
    copied: usize,
}

/// How far a database is.
#[derive(Clone, Copy, Default)]
struct Walk {
    /// The number it had at the start.
    db: u16,
    cursor: u64,
    is_done: bool,
}

/// A large value whose walk has begun.
struct Large {
    /// The number of the walk.
    walk: u64,
    /// Where the value is now.
    db: u16,
    key: Vec<u8>,
    /// The head that is to be written before the elements, until it has been.
    head: Option<LargeHead>,
}

/// The head of a large value as it was when its walk began.
struct LargeHead {
    db: u16,
    key: Vec<u8>,
    deadline: Option<i64>,
    access: u32,
    table: TableHead,
}

/// The part of a key that must be remembered until its value has been taken out.
pub(super) enum Doomed {
    /// The head of a record, but for the value.
    Whole {
        db: u16,
        key: Vec<u8>,
        deadline: Option<i64>,
        access: u32,
    },
    /// It is a table of which this walk has something left.
    Rest(u64),
}

/// The size of a snapshot that is going to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Of each database that has keys: its number, how many keys, how many of them with a deadline.
    pub(crate) dbs: Vec<(u16, usize, usize)>,
    /// Some hash has fields with deadlines.
    pub(crate) has_timed_fields: bool,
    /// Some stream has consumers.
    pub(crate) has_consumers: bool,
}

impl Census {
    pub(crate) fn keys(&self) -> usize {
        self.dbs.iter().map(|(_, keys, _)| keys).sum()
    }
}

/// Tables with more elements, or more bytes, are walked in slices.
const SLICED_ELEMENTS: usize = if cfg!(test) { 50 } else { 1024 };
const SLICED_BYTES: usize = 64 * 1024;

/// So many elements, or buckets of keys, between two looks at the budget.
const STRIDE: usize = if cfg!(test) { 2 } else { 8 };

/// Six epochs may be in use besides the present one.
const GIVEN_UP_MAX: u8 = 6;

impl Keyspace {
    /// The size of a snapshot that would begin now.
    pub(crate) fn census(&mut self) -> Census {
        self.settle_loan();
        let filled = (self.dbs.iter().enumerate()).filter(|(_, db)| !db.dict.is_empty());
        Census {
            dbs: filled
                .map(|(number, db)| (number as u16, db.dict.len(), db.dict.expires()))
                .collect(),
            has_timed_fields: self.dbs.iter().any(|db| db.dict.field_expires() > 0),
            has_consumers: self.dbs.iter().any(|db| db.sizes.read_streams() > 0),
        }
    }

    /// Tells a sink of every key as it is now. Nothing is frozen, as nobody writes meanwhile; a snapshot may be under
    /// way.
    pub(crate) fn show_all<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        for (number, db) in self.dbs.iter().enumerate() {
            for entry in db.dict.iter() {
                chunk::show_entry(entry, number as u16, sink)?;
            }
        }
        Ok(())
    }

    /// Begins a snapshot of this instant. There is one at a time.
    pub(crate) fn freeze(&mut self) {
        assert!(!self.freeze.is_active, "one snapshot at a time");
        // From here on a value is saved before it is lent.
        self.settle_loan();
        let freeze = &mut self.freeze;
        if freeze.given_up >= GIVEN_UP_MAX {
            for db in &self.dbs {
                db.dict
                    .iter()
                    .for_each(|entry| entry.set_epoch(freeze.epoch));
            }
            freeze.given_up = 0;
        }
        freeze.epoch = freeze.epoch % 7 + 1;
        freeze.is_active = true;
        freeze.copied = 0;
        freeze.walks = (0..self.dbs.len())
            .map(|db| Walk {
                db: db as u16,
                ..Walk::default()
            })
            .collect();
        for db in &mut self.dbs {
            db.dict.set_birth_epoch(freeze.epoch);
        }
    }

    /// Whether a snapshot is being taken, and not everything is in chunks yet.
    #[inline]
    pub(crate) fn is_freezing(&self) -> bool {
        self.freeze.is_active
    }

    /// How many bytes changes have made this snapshot copy, or the last one.
    pub(crate) fn copied_for_freeze(&self) -> usize {
        let dict = |large: &Large| &self.dbs[usize::from(large.db)].dict;
        let logs = self.freeze.larges.iter().map(|large| {
            let spot = dict(large).locate(dict(large).hash(&large.key), &large.key);
            let value = spot.and_then(|spot| dict(large).entry(spot).object());
            value
                .and_then(Value::table)
                .map_or(0, table::Walk::log_bytes)
        });
        self.freeze.copied + logs.sum::<usize>()
    }

    /// How much of a database's table the walk is through, of one.
    pub(crate) fn frozen_part(&self, db: usize) -> Option<f64> {
        let walk = self.freeze.walks.get(db).filter(|_| self.is_freezing())?;
        // Cursors count in the reversed bits of a hash.
        let part = walk.cursor.reverse_bits() as f64 / u64::MAX as f64;
        Some(if walk.is_done { 1.0 } else { part })
    }

    /// Goes on with the snapshot as long as `may_go_on` says, which is asked after every few keys. Returns true when
    /// all is in chunks.
    pub(crate) fn freeze_slice(&mut self, may_go_on: &mut dyn FnMut() -> bool) -> bool {
        while self.freeze.is_active {
            if !self.freeze.larges.is_empty() {
                if !self.walk_large(may_go_on) {
                    return false;
                }
                continue;
            }
            let unfinished = self.freeze.walks.iter().position(|walk| !walk.is_done);
            let Some(db) = unfinished else {
                self.freeze.finish();
                break;
            };
            if !self.walk_db(db, may_go_on) {
                return false;
            }
        }
        true
    }

    /// Forgets the snapshot that is being taken.
    pub(crate) fn give_up_freeze(&mut self) {
        if self.freeze.is_active {
            self.freeze.given_up += 1;
        }
        while let Some(large) = self.freeze.larges.pop_front() {
            // The kept elements may be many, and freeing them takes time.
            if let Some(kept) = self.table_of(large.db, &large.key).end() {
                self.garbage.push(Box::new(kept));
            }
        }
        let Freeze {
            epoch,
            given_up,
            next_walk,
            copied,
            ..
        } = self.freeze;
        let fresh = Freeze {
            epoch,
            given_up,
            next_walk,
            copied,
            ..Freeze::default()
        };
        // Whole databases may be in chunks.
        let old = std::mem::replace(&mut self.freeze, fresh);
        self.garbage
            .push(Box::new((old.open, old.behind, old.ready)));
    }

    /// Walks a database until the budget is used up (false), or the database is done or a large value comes (true).
    fn walk_db(&mut self, db: usize, may_go_on: &mut dyn FnMut() -> bool) -> bool {
        let Self { dbs, freeze, .. } = self;
        let dict = &dbs[db].dict;
        // The next steps of the walk are prefetched, since their keys are hardly ever in the cache.
        let mut ahead = freeze.walks[db].cursor;
        let mut is_all_ahead = dict.is_empty();
        for _ in 0..AHEAD {
            if !is_all_ahead {
                ahead = dict.prefetch_scan(ahead);
                is_all_ahead = ahead == 0;
            }
        }
        let mut larges = Vec::new();
        let mut step = 0;
        loop {
            let Walk {
                db: origin, cursor, ..
            } = freeze.walks[db];
            if !is_all_ahead {
                ahead = dict.prefetch_scan(ahead);
                is_all_ahead = ahead == 0;
            }
            let next = dict.scan(cursor, &mut |spot, entry| {
                if entry.epoch() == freeze.epoch {
                    return;
                }
                if is_sliced(entry) {
                    larges.push(spot);
                    return;
                }
                save(&mut freeze.open, origin, entry);
                entry.set_epoch(freeze.epoch);
            });
            let is_full = freeze.close_if_full();
            freeze.walks[db].cursor = next;
            freeze.walks[db].is_done = next == 0;
            if !larges.is_empty() {
                for spot in larges {
                    self.begin_large(db as u16, spot);
                }
                return true;
            }
            if next == 0 {
                return true;
            }
            step += 1;
            if (step % STRIDE == 0 || is_full) && !may_go_on() {
                return false;
            }
        }
    }

    /// From here on a large value notes what changes in it, and waits for its turn.
    fn begin_large(&mut self, db: u16, spot: Spot) {
        let seed = self.seed;
        let Self { dbs, freeze, .. } = self;
        let mut entry = dbs[usize::from(db)].dict.entry_mut(spot);
        let shared = entry.shared();
        let table = shared.object().and_then(chunk::table_head);
        let key = shared.key().to_vec();
        let head = LargeHead {
            db: freeze.walks[usize::from(db)].db,
            key: key.clone(),
            deadline: shared.deadline(),
            access: shared.access(),
            table: table.expect("only tables are walked in slices"),
        };
        shared.set_epoch(freeze.epoch);
        let walk = freeze.next_walk;
        freeze.next_walk += 1;
        let table = entry.object_mut().and_then(Value::table_mut);
        table
            .expect("only tables are walked in slices")
            .begin(walk, seed);
        freeze.larges.push_back(Large {
            walk,
            db,
            key,
            head: Some(head),
        });
    }

    /// Goes on with the first of the large values. Returns false if the budget ended first.
    fn walk_large(&mut self, may_go_on: &mut dyn FnMut() -> bool) -> bool {
        let Self { dbs, freeze, .. } = self;
        let Some(large) = freeze.larges.front_mut() else {
            return true;
        };
        let table = table_in(&mut dbs[usize::from(large.db)].dict, &large.key);
        debug_assert_eq!(table.walk(), Some(large.walk), "another value is there");
        if let Some(head) = large.head.take() {
            freeze.open.table(head.as_head(), head.table);
        }
        let mut shown = 0;
        let mut asked_at = ELEMENTS_PER_LOOK;
        loop {
            let goes_on = table.step(&mut |key, value, word| {
                freeze.open.element(Element { key, value, word });
                shown += 1;
            });
            let is_full = freeze.close_if_full();
            if !goes_on {
                break;
            }
            // Steps that show nothing, as all has changed, take their time too.
            shown += 1;
            if shown >= asked_at || is_full {
                asked_at = shown + ELEMENTS_PER_LOOK;
                if !may_go_on() {
                    return false;
                }
            }
        }
        if let Some(kept) = table.end() {
            freeze.copied += kept.bytes();
            freeze.open.kept(kept);
        }
        freeze.end_large();
        true
    }

    /// The table under a key.
    fn table_of(&mut self, db: u16, key: &[u8]) -> &mut dyn table::Walk {
        table_in(&mut self.dbs[usize::from(db)].dict, key)
    }

    // ---- the hooks of the write path

    /// The key at a place is about to change, and stays where it is.
    #[inline]
    pub(super) fn preserve(&mut self, db: u16, spot: Spot) {
        if self.freeze.is_active {
            self.save_before_change(db, spot);
        }
    }

    /// The key at a place is about to go, or to get another value: what `adopt` wants with the old value.
    #[inline]
    pub(super) fn doom(&mut self, db: u16, spot: Spot) -> Option<Doomed> {
        if self.freeze.is_active {
            self.save_before_removal(db, spot)
        } else {
            None
        }
    }

    /// Takes a value that was removed; the notes of `doom` come along.
    #[cold]
    pub(super) fn adopt(&mut self, doomed: Doomed, value: Value) {
        match doomed {
            Doomed::Whole {
                db,
                key,
                deadline,
                access,
            } => {
                let head = Head {
                    db,
                    key: &key,
                    deadline,
                    access,
                };
                self.freeze.beside().key_with(head, value);
                self.freeze.close_if_full();
            }
            Doomed::Rest(walk) => self.freeze.adopt_large(walk, value),
        }
    }

    /// A value has moved to another key, perhaps of another database: its walk goes along.
    #[inline]
    pub(super) fn moved(&mut self, db: u16, spot: Spot) {
        if !self.freeze.larges.is_empty() {
            self.follow_large(db, spot);
        }
    }

    #[cold]
    fn follow_large(&mut self, db: u16, spot: Spot) {
        let Self { dbs, freeze, .. } = self;
        let entry = dbs[usize::from(db)].dict.entry(spot);
        if let Some(walk) = walk_of(entry)
            && let Some(large) = freeze.larges.iter_mut().find(|large| large.walk == walk)
        {
            large.db = db;
            large.key = entry.key().to_vec();
        }
    }

    #[cold]
    fn save_before_change(&mut self, db: u16, spot: Spot) {
        let Self { dbs, freeze, .. } = self;
        let entry = dbs[usize::from(db)].dict.entry(spot);
        if entry.epoch() == freeze.epoch {
            return;
        }
        if is_sliced(entry) {
            return self.begin_large(db, spot);
        }
        let origin = freeze.walks[usize::from(db)].db;
        let chunk = freeze.beside();
        let before = chunk.size();
        save(chunk, origin, entry);
        let copied = chunk.size() - before;
        freeze.copied += copied;
        entry.set_epoch(freeze.epoch);
        freeze.close_if_full();
    }

    #[cold]
    fn save_before_removal(&mut self, db: u16, spot: Spot) -> Option<Doomed> {
        let Self { dbs, freeze, .. } = self;
        let entry = dbs[usize::from(db)].dict.entry(spot);
        if entry.epoch() == freeze.epoch {
            return walk_of(entry).map(Doomed::Rest);
        }
        if entry.object().is_none() {
            self.save_before_change(db, spot);
            return None;
        }
        Some(Doomed::Whole {
            db: freeze.walks[usize::from(db)].db,
            key: entry.key().to_vec(),
            deadline: entry.deadline(),
            access: entry.access(),
        })
    }

    /// A database has been emptied, and this was in it. Values that the snapshot does not need are given back.
    pub(super) fn adopt_database(&mut self, db: u16, mut old: Dict<Value>) -> Option<Dict<Value>> {
        let freeze = &mut self.freeze;
        if !freeze.is_active {
            return Some(old);
        }
        let here = freeze.larges.iter().filter(|large| large.db == db);
        let here: Vec<_> = here.map(|large| (large.walk, large.key.clone())).collect();
        for (walk, key) in here {
            let spot = old.locate(old.hash(&key), &key);
            let value = spot.and_then(|spot| old.remove(spot));
            freeze.adopt_large(walk, value.expect("walks follow their values"));
        }
        let walk = &mut freeze.walks[usize::from(db)];
        if std::mem::replace(&mut walk.is_done, true) {
            return Some(old);
        }
        let (origin, epoch) = (walk.db, freeze.epoch);
        freeze.beside().keys(old, origin, epoch);
        freeze.close_if_full();
        None
    }

    /// Two databases are exchanged: the walk's notes on them go along.
    pub(super) fn swap_freeze(&mut self, one: u16, other: u16) {
        let freeze = &mut self.freeze;
        if !freeze.is_active {
            return;
        }
        freeze.walks.swap(usize::from(one), usize::from(other));
        for large in &mut freeze.larges {
            if large.db == one {
                large.db = other;
            } else if large.db == other {
                large.db = one;
            }
        }
    }
}

/// How many steps of the walk the memory is asked for ahead.
const AHEAD: usize = 4;
/// So many elements between two looks at the budget.
const ELEMENTS_PER_LOOK: usize = if cfg!(test) { 8 } else { 64 };

impl Freeze {
    /// Whether elements of a large value are in chunks, and others are to follow.
    fn is_within_large(&self) -> bool {
        let first = self.larges.front();
        first.is_some_and(|large| large.head.is_none())
    }

    /// Takes a large value that was removed; the rest of its walk is for the thread.
    fn adopt_large(&mut self, walk: u64, value: Value) {
        let at = self.larges.iter().position(|large| large.walk == walk);
        let at = at.expect("a walk that is under way is listed");
        if at == 0 && self.is_within_large() {
            self.open.rest(value);
            return self.end_large();
        }
        let large = self.larges.remove(at);
        let head = large.and_then(|large| large.head);
        let head = head.expect("only the first has been begun to be written");
        let chunk = self.beside();
        chunk.table(head.as_head(), head.table);
        chunk.rest(value);
        self.close_if_full();
    }

    /// The large value is complete: what had to wait for that follows.
    fn end_large(&mut self) {
        self.larges.pop_front();
        if self.behind.is_empty() {
            self.close_if_full();
            return;
        }
        if !self.open.is_empty() {
            self.send_off();
        }
        let behind = std::mem::take(&mut self.behind);
        self.ready.extend(behind.into_iter().map(Chunk::sealed));
        self.open = self.ready.pop().unwrap_or_default();
        self.close_if_full();
    }

    /// Where a record goes that does not belong to the large value that is being written.
    fn beside(&mut self) -> &mut Chunk {
        if !self.is_within_large() {
            return &mut self.open;
        }
        if self.behind.last().is_none_or(Chunk::is_full) {
            self.behind.push(Chunk::default());
        }
        self.behind.last_mut().expect("one was just pushed")
    }

    fn send_off(&mut self) {
        let full = std::mem::take(&mut self.open);
        self.ready.push(full.sealed());
    }

    /// Returns whether it was: then there has been as much work as a turn can bear.
    fn close_if_full(&mut self) -> bool {
        let is_full = self.open.is_full();
        if is_full {
            self.send_off();
        }
        is_full
    }

    fn finish(&mut self) {
        if !self.open.is_empty() {
            self.send_off();
        }
        self.is_active = false;
        self.given_up = 0;
    }
}

fn head(db: u16, entry: EntryRef<'_, Value>) -> Head<'_> {
    Head {
        db,
        key: entry.key(),
        deadline: entry.deadline(),
        access: entry.access(),
    }
}

impl LargeHead {
    fn as_head(&self) -> Head<'_> {
        Head {
            db: self.db,
            key: &self.key,
            deadline: self.deadline,
            access: self.access,
        }
    }
}

/// The table under a key that is known to hold one.
fn table_in<'d>(dict: &'d mut Dict<Value>, key: &[u8]) -> &'d mut dyn table::Walk {
    let spot = dict.locate(dict.hash(key), key);
    let value = spot.and_then(|spot| dict.entry_mut(spot).into_object_mut());
    let table = value.and_then(Value::table_mut);
    table.expect("walks follow their values")
}

/// Whether a value is walked in slices.
fn is_sliced(entry: EntryRef<'_, Value>) -> bool {
    let table = entry.object().and_then(Value::table);
    table.is_some_and(|table| table.count() > SLICED_ELEMENTS || table.bytes() > SLICED_BYTES)
}

/// The walk that is under way over a value.
fn walk_of(entry: EntryRef<'_, Value>) -> Option<u64> {
    entry.object()?.table()?.walk()
}

/// Copies or shares a key with all of its value.
fn save(chunk: &mut Chunk, db: u16, entry: EntryRef<'_, Value>) {
    let payload = entry.payload();
    if let Payload::Object(value) = payload
        && let Some(table) = chunk::table_head(value)
    {
        chunk.table(head(db, entry), table);
        chunk::elements(value, &mut |element| chunk.element(element));
        return;
    }
    chunk.key(head(db, entry), payload);
}
