//! A walk over all keys that moves what lies badly in memory.
//!
//! Each step looks at the entries of one bucket and at the values they own; a value of many elements is looked through
//! in slices of its own before the walk goes on. Nothing that a client could see changes, so neither the journal nor
//! the policy of eviction hears of it. Not known here: whether it is worth while, and how long it may take.
//!
//! Between two slices anything may happen to the keys: the place is a cursor, which stays good, and the name of a key,
//! which is looked for again.

use crate::store::mover::Mover;

use super::{Keyspace, Spot};

#[derive(Default)]
pub(crate) struct Relocation {
    db: usize,
    cursor: u64,
    /// Values of this database that are not done yet.
    late: Vec<Late>,
    /// The entries of a bucket; kept for its memory.
    bucket: Vec<Spot>,
    /// Keys of which something was moved, and others.
    pub(crate) keys_moved: u64,
    pub(crate) keys_left: u64,
}

/// A value with many elements.
struct Late {
    key: Vec<u8>,
    /// Where to go on.
    from: u64,
}

impl Keyspace {
    /// Goes on until the mover's time is over. Returns whether something is left. Values of more than `elements_max`
    /// elements may be left in the middle.
    pub(crate) fn relocate_slice(
        &mut self,
        walk: &mut Relocation,
        mover: &mut Mover<'_>,
        elements_max: usize,
    ) -> bool {
        while walk.db < self.dbs.len() {
            if walk.late.is_empty() {
                self.relocate_bucket(walk, mover, elements_max);
            } else {
                self.relocate_late(walk, mover);
            }
            if mover.is_over() {
                return true;
            }
        }
        false
    }

    fn relocate_bucket(
        &mut self,
        walk: &mut Relocation,
        mover: &mut Mover<'_>,
        elements_max: usize,
    ) {
        let dict = &mut self.dbs[walk.db].dict;
        let mut bucket = std::mem::take(&mut walk.bucket);
        walk.cursor = dict.scan(walk.cursor, &mut |spot, _| bucket.push(spot));
        for spot in bucket.drain(..) {
            let moved = mover.moved;
            dict.relocate(spot, mover);
            if let Some(value) = dict.entry_mut(spot).into_object_mut() {
                let mut from = value.relocate(mover, 0);
                let is_large = value.len().max(value.weight()) > elements_max;
                while from != 0 && !is_large {
                    from = value.relocate(mover, from);
                }
                if from != 0 {
                    let key = dict.entry(spot).key().to_vec();
                    walk.late.push(Late { key, from });
                }
            }
            if mover.moved > moved {
                walk.keys_moved += 1;
            } else {
                walk.keys_left += 1;
            }
        }
        walk.bucket = bucket;
        if walk.cursor == 0 && walk.late.is_empty() {
            walk.db += 1;
        }
    }

    fn relocate_late(&mut self, walk: &mut Relocation, mover: &mut Mover<'_>) {
        let Some(late) = walk.late.last_mut() else {
            return;
        };
        let dict = &mut self.dbs[walk.db].dict;
        let spot = dict.locate(dict.hash(&late.key), &late.key);
        let value = spot.and_then(|spot| dict.entry_mut(spot).into_object_mut());
        late.from = value.map_or(0, |value| value.relocate(mover, late.from));
        if late.from == 0 {
            walk.late.pop();
        }
        if walk.cursor == 0 && walk.late.is_empty() {
            walk.db += 1;
        }
    }
}
