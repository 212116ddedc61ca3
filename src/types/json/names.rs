//! The field names that a document shares.
//!
//! A name stands beside each value of an object. One that occurs once is cheapest there; one that recurs is kept here
//! once, and two bytes stand for it. Names are never taken out: a table lives as long as its document, and it is made
//! anew when the document is set or loaded as a whole. What can be added to one is bounded in number and length.

use std::sync::{Arc, LazyLock};

use crate::store::mover::Mover;

/// No more names than two bytes can tell.
const NAMES_MAX: usize = 1 << 14;
/// Longer names are left where they are.
const NAME_LEN_MAX: usize = 64;
/// The number takes two bytes, so a shorter name gains nothing.
const NAME_LEN_MIN: usize = 2;

/// The names, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    text: Vec<u8>,
    ends: Vec<u32>,
    /// The numbers in the order of the names.
    sorted: Vec<u16>,
}

impl Names {
    /// No names, which most small documents have, in one block for all of them.
    pub(super) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Names>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn text(&self, id: u16) -> &[u8] {
        let id = usize::from(id);
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[id] as usize]
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<u16> {
        if self.ends.is_empty() {
            return None;
        }
        let at = self.search(name).ok()?;
        Some(self.sorted[at])
    }

    fn search(&self, name: &[u8]) -> Result<usize, usize> {
        self.sorted.binary_search_by(|id| self.text(*id).cmp(name))
    }

    /// The number of a name, be it a new one; `None` if it shall have none.
    pub(super) fn add(&mut self, name: &[u8]) -> Option<u16> {
        let at = match self.search(name) {
            Ok(at) => return Some(self.sorted[at]),
            Err(at) => at,
        };
        if self.len() >= NAMES_MAX || !(NAME_LEN_MIN..=NAME_LEN_MAX).contains(&name.len()) {
            return None;
        }
        let id = self.len() as u16;
        self.text.extend_from_slice(name);
        self.ends.push(self.text.len() as u32);
        self.sorted.insert(at, id);
        Some(id)
    }

    pub(super) fn memory(&self) -> usize {
        self.text.capacity() + 4 * self.ends.capacity() + 2 * self.sorted.capacity()
    }

    pub(super) fn relocate(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.text);
        mover.vec(&mut self.ends);
        mover.vec(&mut self.sorted);
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.sorted.shrink_to_fit();
    }
}

/// Finds the names that recur while a document is read: a few slots remember the last names that came by. A name that
/// is taken for another, because their hashes are equal, is only shared too early.
pub(super) struct Sieve {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    id: u16,
}

/// The name was seen once, and has no number.
const NO_ID: u16 = u16::MAX;
const SLOTS: usize = 512;

impl Sieve {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot { hash: 0, id: NO_ID }; SLOTS],
        }
    }

    /// The number for a name, if it has come before.
    pub(super) fn id(&mut self, name: &[u8], hash: u64, names: &mut Arc<Names>) -> Option<u16> {
        if name.len() < NAME_LEN_MIN {
            return None;
        }
        let slot = &mut self.slots[hash as usize % SLOTS];
        let mark = (hash >> 32) as u32 | 1;
        if slot.hash != mark {
            *slot = Slot {
                hash: mark,
                id: names.find(name).unwrap_or(NO_ID),
            };
            return Some(slot.id).filter(|id| *id != NO_ID);
        }
        if slot.id == NO_ID || names.text(slot.id) != name {
            slot.id = Arc::make_mut(names).add(name)?;
        }
        Some(slot.id)
    }
}

/// A hash that tells names apart; whoever relies on it compares the names as well.
pub(super) fn hash(name: &[u8]) -> u64 {
    let mut hash = name.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for part in name.chunks(8) {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_recurs_gets_a_number() {
        let (mut names, mut sieve) = (Names::none(), Sieve::new());
        let mut ask = |name: &[u8]| sieve.id(name, hash(name), &mut names);
        assert_eq!(ask(b"name"), None);
        assert_eq!(ask(b"name"), Some(0));
        assert_eq!(ask(b"x"), None);
        assert_eq!(ask(b"x"), None, "nothing is gained");
        assert_eq!(ask(b"age"), None);
        assert_eq!(ask(b"age"), Some(1));
        assert_eq!(ask(b"name"), Some(0));
        assert_eq!(names.text(1), b"age");
        assert_eq!(names.find(b"name"), Some(0));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut names = Names::default();
        for number in 0..NAMES_MAX + 10 {
            let name = format!("name{number}");
            let id = names.add(name.as_bytes());
            assert_eq!(id.is_some(), number < NAMES_MAX);
        }
        assert_eq!(names.add(&[b'x'; NAME_LEN_MAX + 1]), None);
        assert_eq!(names.find(b"name77"), Some(77));
    }
}
