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
//! There is no fork and no copy of the keyspace. A write costs one comparison while nothing is frozen. While
//! something is, each key is saved at most once, either by the walk or by the first write to it. What is small is
//! copied; strings, long lists and streams are shared, and whoever changes them first copies the part that changes; a
//! value that is removed or replaced is not copied at all but moves into the chunk. A flushed database goes there
//! whole.
//!
//! A large set, hash or sorted set is walked in slices too, with other keys waiting behind it, as its elements must
//! not be interrupted. If it is changed meanwhile, the rest of it is saved at once. That is the one case in which
//! a write waits for more than its own key: about 30 ms for a million elements, once per snapshot. A log of what
//! was overwritten, kept by the table itself, would lift that.
//!
//! Chunks are taken away by the owner, who decides how many may be on their way. When that is enough, the walk stops;
//! what writes save comes on top, since a write cannot wait.
//!
//! Invariants: while active, an entry has the epoch if and only if it was saved or born since the start; the value
//! that is being walked does not have it yet. Three bits of epoch suffice because at the end all entries are equal;
//! walks that were given up leave older ones behind, so before the numbers could meet again all are made equal.

mod chunk;
#[cfg(test)]
mod tests;

use crate::store::{Dict, EntryRef, Payload, Spot};
use crate::types::Value;

use super::Keyspace;

pub use chunk::{CHUNK_BYTES, Chunk, Element, Frozen, Head, Shape, Sink, TableHead};

/// The state of a snapshot that is being taken, or that none is.
#[derive(Default)]
pub struct Freeze {
    is_active: bool,
    epoch: u8,
    /// How many snapshots in a row were given up.
    given_up: u8,
    /// Of each database, in their present order.
    walks: Vec<Walk>,
    /// The large value that is being walked.
    large: Option<Large>,
    /// Where records go; full ones are in `ready`.
    open: Chunk,
    /// What had to be saved while a large value is being walked.
    behind: Vec<Chunk>,
    /// Full chunks, in order.
    pub ready: Vec<Chunk>,
}

/// How far a database is.
#[derive(Clone, Copy, Default)]
struct Walk {
    /// The number it had at the start.
    db: u16,
    cursor: u64,
    is_done: bool,
}

/// How far a large value is. It is where it was at the start, since moving counts as a change.
struct Large {
    db: u16,
    key: Vec<u8>,
    cursor: u64,
}

/// What of an unsaved key must be remembered until its value has been taken out.
pub(super) enum Doomed {
    /// The head of a record, but for the value.
    Whole {
        db: u16,
        key: Vec<u8>,
        deadline: Option<i64>,
        access: u32,
    },
    /// It is the large value that is being walked: what is left of it.
    Rest(u64),
}

/// What a snapshot is going to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Of each database that has keys: its number, how many keys, how many of them with a deadline.
    pub dbs: Vec<(u16, usize, usize)>,
    /// Some hash has fields with deadlines.
    pub has_timed_fields: bool,
    pub has_streams: bool,
}

impl Census {
    pub fn keys(&self) -> usize {
        self.dbs.iter().map(|(_, keys, _)| keys).sum()
    }
}

/// Values with more elements are walked in slices.
const SLICED_ELEMENTS: u64 = if cfg!(test) { 50 } else { 1024 };

/// So many elements, or buckets of keys, between two looks at the budget.
const STRIDE: usize = if cfg!(test) { 2 } else { 8 };

/// Six epochs may be in use besides the present one.
const GIVEN_UP_MAX: u8 = 6;

impl Keyspace {
    /// What a snapshot begun now would hold.
    pub fn census(&self) -> Census {
        let filled = (self.dbs.iter().enumerate()).filter(|(_, db)| !db.dict.is_empty());
        Census {
            dbs: filled
                .map(|(number, db)| (number as u16, db.dict.len(), db.dict.expires()))
                .collect(),
            has_timed_fields: self.dbs.iter().any(|db| db.dict.field_expires() > 0),
            has_streams: self.dbs.iter().any(|db| db.sizes.streams() > 0),
        }
    }

    /// Begins a snapshot of this instant. There is one at a time.
    pub fn freeze(&mut self) {
        assert!(!self.freeze.is_active, "one snapshot at a time");
        // From here on whoever is lent a value has it saved first.
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
    pub fn is_freezing(&self) -> bool {
        self.freeze.is_active
    }

    /// Goes on with the snapshot as long as `may_go_on` says, which is asked after every few keys. Returns true when
    /// all is in chunks.
    pub fn freeze_slice(&mut self, may_go_on: &mut dyn FnMut() -> bool) -> bool {
        while self.freeze.is_active {
            if self.freeze.large.is_some() {
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
    pub fn give_up_freeze(&mut self) {
        if self.freeze.is_active {
            self.freeze.given_up += 1;
        }
        let Freeze {
            epoch, given_up, ..
        } = self.freeze;
        self.freeze = Freeze {
            epoch,
            given_up,
            ..Freeze::default()
        };
    }

    /// Walks a database until the budget is used up (false), or the database is done or a large value comes (true).
    fn walk_db(&mut self, db: usize, may_go_on: &mut dyn FnMut() -> bool) -> bool {
        let Self { dbs, freeze, .. } = self;
        let dict = &dbs[db].dict;
        // What the walk comes to next is asked for a few steps ahead, since it is hardly ever in the cache.
        let mut ahead = freeze.walks[db].cursor;
        let mut is_all_ahead = dict.is_empty();
        for _ in 0..AHEAD {
            if !is_all_ahead {
                ahead = dict.prefetch_scan(ahead);
                is_all_ahead = ahead == 0;
            }
        }
        let mut step = 0;
        loop {
            let Walk {
                db: origin, cursor, ..
            } = freeze.walks[db];
            if !is_all_ahead {
                ahead = dict.prefetch_scan(ahead);
                is_all_ahead = ahead == 0;
            }
            let mut large = None;
            let next = dict.scan(cursor, &mut |spot, entry| {
                if entry.epoch() == freeze.epoch {
                    return;
                }
                if let Some(table) = sliced(entry) {
                    large.get_or_insert((spot, table));
                    return;
                }
                save(&mut freeze.open, origin, entry);
                entry.set_epoch(freeze.epoch);
            });
            freeze.close_if_full();
            if let Some((spot, table)) = large {
                // The bucket is visited again when this value is done.
                freeze.begin_large(db as u16, origin, dict.entry(spot), table);
                return true;
            }
            freeze.walks[db].cursor = next;
            if next == 0 {
                freeze.walks[db].is_done = true;
                return true;
            }
            step += 1;
            if step % STRIDE == 0 && !may_go_on() {
                return false;
            }
        }
    }

    /// Goes on with the large value. Returns false if the budget ended first.
    fn walk_large(&mut self, may_go_on: &mut dyn FnMut() -> bool) -> bool {
        let Self { dbs, freeze, .. } = self;
        let Some(large) = &mut freeze.large else {
            return true;
        };
        let dict = &dbs[usize::from(large.db)].dict;
        let spot = dict
            .locate(dict.hash(&large.key), &large.key)
            .expect("it is saved before it moves or goes");
        let entry = dict.entry(spot);
        let value = entry.object().expect("only objects are large");
        let mut shown = 0;
        let mut asked_at = ELEMENTS_PER_LOOK;
        loop {
            let next = chunk::elements(value, large.cursor, &mut |element| {
                freeze.open.element(element);
                shown += 1;
            });
            if freeze.open.is_full() {
                freeze.ready.push(std::mem::take(&mut freeze.open));
            }
            let Some(next) = next else { break };
            large.cursor = next;
            if shown >= asked_at {
                asked_at = shown + ELEMENTS_PER_LOOK;
                if !may_go_on() {
                    return false;
                }
            }
        }
        entry.set_epoch(freeze.epoch);
        freeze.end_large();
        true
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

    /// Takes a value that was removed; what `doom` said of it comes along.
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
            Doomed::Rest(cursor) => {
                self.freeze.open.rest(value, cursor);
                self.freeze.end_large();
            }
        }
    }

    #[cold]
    fn save_before_change(&mut self, db: u16, spot: Spot) {
        let Self { dbs, freeze, .. } = self;
        let entry = dbs[usize::from(db)].dict.entry(spot);
        if entry.epoch() == freeze.epoch {
            return;
        }
        if freeze.is_large(db, entry) {
            self.walk_large(&mut || true);
            return;
        }
        let origin = freeze.walks[usize::from(db)].db;
        save(freeze.beside(), origin, entry);
        entry.set_epoch(freeze.epoch);
        freeze.close_if_full();
    }

    #[cold]
    fn save_before_removal(&mut self, db: u16, spot: Spot) -> Option<Doomed> {
        let Self { dbs, freeze, .. } = self;
        let entry = dbs[usize::from(db)].dict.entry(spot);
        if entry.epoch() == freeze.epoch {
            return None;
        }
        if freeze.is_large(db, entry) {
            let cursor = freeze.large.as_ref().map_or(0, |large| large.cursor);
            return Some(Doomed::Rest(cursor));
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

    /// A database has been emptied, and this was in it. What the snapshot does not need is given back.
    pub(super) fn adopt_database(&mut self, db: u16, mut old: Dict<Value>) -> Option<Dict<Value>> {
        let freeze = &mut self.freeze;
        if !freeze.is_active || freeze.walks[usize::from(db)].is_done {
            return Some(old);
        }
        if let Some(large) = freeze.large.take_if(|large| large.db == db) {
            let spot = old.locate(old.hash(&large.key), &large.key);
            let value = spot.and_then(|spot| old.remove(spot));
            let value = value.expect("it is saved before it moves or goes");
            freeze.open.rest(value, large.cursor);
            freeze.end_large();
        }
        let walk = &mut freeze.walks[usize::from(db)];
        walk.is_done = true;
        let (origin, epoch) = (walk.db, freeze.epoch);
        freeze.beside().keys(old, origin, epoch);
        freeze.close_if_full();
        None
    }

    /// Two databases are exchanged: what is known of them goes along.
    pub(super) fn swap_freeze(&mut self, one: u16, other: u16) {
        let freeze = &mut self.freeze;
        if !freeze.is_active {
            return;
        }
        freeze.walks.swap(usize::from(one), usize::from(other));
        if let Some(large) = &mut freeze.large {
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
    fn is_large(&self, db: u16, entry: EntryRef<'_, Value>) -> bool {
        (self.large.as_ref()).is_some_and(|large| large.db == db && large.key == entry.key())
    }

    fn begin_large(&mut self, db: u16, origin: u16, entry: EntryRef<'_, Value>, table: TableHead) {
        let Some(value) = entry.object() else { return };
        self.open.table(head(origin, entry), table);
        self.large = Some(Large {
            db,
            key: entry.key().to_vec(),
            cursor: chunk::first_element(value),
        });
    }

    /// The large value is complete: what had to wait for that follows.
    fn end_large(&mut self) {
        self.large = None;
        if self.behind.is_empty() {
            return;
        }
        if !self.open.is_empty() {
            self.ready.push(std::mem::take(&mut self.open));
        }
        self.ready.append(&mut self.behind);
        self.open = self.ready.pop().unwrap_or_default();
        self.close_if_full();
    }

    /// Where a record goes that does not belong to the large value.
    fn beside(&mut self) -> &mut Chunk {
        if self.large.is_none() {
            return &mut self.open;
        }
        if self.behind.last().is_none_or(Chunk::is_full) {
            self.behind.push(Chunk::default());
        }
        self.behind.last_mut().expect("one was just pushed")
    }

    fn close_if_full(&mut self) {
        if self.open.is_full() {
            self.ready.push(std::mem::take(&mut self.open));
        }
    }

    fn finish(&mut self) {
        if !self.open.is_empty() {
            self.ready.push(std::mem::take(&mut self.open));
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

/// The head of a value that is walked in slices, if it is one.
fn sliced(entry: EntryRef<'_, Value>) -> Option<TableHead> {
    let table = chunk::table_head(entry.object()?)?;
    (table.count > SLICED_ELEMENTS).then_some(table)
}

/// Copies or shares a key with all of its value.
fn save(chunk: &mut Chunk, db: u16, entry: EntryRef<'_, Value>) {
    let payload = entry.payload();
    if let Payload::Object(value) = payload
        && let Some(table) = chunk::table_head(value)
    {
        chunk.table(head(db, entry), table);
        let mut cursor = Some(chunk::first_element(value));
        while let Some(from) = cursor {
            cursor = chunk::elements(value, from, &mut |element| chunk.element(element));
        }
        return;
    }
    chunk.key(head(db, entry), payload);
}
