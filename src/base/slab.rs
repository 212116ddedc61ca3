//! Things with ids: clients, timers and others that are created, referred to from many places, and removed.
//!
//! An `Id` is an index plus the generation of the slot it names. When an element goes, its slot's generation moves
//! on, so an id kept somewhere by mistake finds nothing instead of the slot's next tenant. That is what lets waiter
//! lists, subscriptions and pending disk jobs hold plain ids and never be told about a disconnect in time.
//!
//! One bit of an id is a mark that its element is inserted with: whoever has the id knows without a look into the slab.

use std::mem;

/// Names an element of a [`Slab`]; stale once the element is removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id {
    pub index: u32,
    pub generation: u32,
}

impl Id {
    /// Names nothing, ever: no slot has generation 0.
    pub(crate) const NONE: Id = Id {
        index: u32::MAX,
        generation: 0,
    };

    /// Whether its element was inserted with a mark.
    #[inline]
    pub(crate) fn is_marked(self) -> bool {
        self.generation & MARK != 0
    }

    /// One word, for places that can carry only a number (a poll token, a log line).
    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Id {
        Id {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// Generations count below it.
const MARK: u32 = 1 << 31;

#[derive(Debug)]
enum State<T> {
    /// Links to the next free slot; `u32::MAX` ends the list.
    Vacant(u32),
    Present(T),
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    state: State<T>,
}

/// Elements addressed by [`Id`]. Insertion, lookup and removal take constant time; freed slots are reused, newest
/// first.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab::new()
    }
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Slab<T> {
        Slab {
            slots: Vec::new(),
            free: u32::MAX,
            len: 0,
        }
    }

    /// Elements held.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The id the next `insert` will give. For elements that must know their own name.
    pub(crate) fn next_id(&self) -> Id {
        match self.slots.get(self.free as usize) {
            Some(slot) => Id {
                index: self.free,
                generation: slot.generation,
            },
            None => Id {
                index: self.slots.len() as u32,
                generation: 1,
            },
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> Id {
        let id = self.next_id();
        self.insert_as(id, value)
    }

    /// The same for an element that is known by its id to be of another kind.
    pub(crate) fn insert_marked(&mut self, value: T) -> Id {
        let mut id = self.next_id();
        id.generation |= MARK;
        self.insert_as(id, value)
    }

    fn insert_as(&mut self, id: Id, value: T) -> Id {
        if let Some(slot) = self.slots.get_mut(id.index as usize) {
            let State::Vacant(next) = slot.state else {
                unreachable!("the free list links only vacant slots");
            };
            self.free = next;
            slot.generation = id.generation;
            slot.state = State::Present(value);
        } else {
            assert!(id.index < u32::MAX, "a slab holds fewer than 2^32 elements");
            self.slots.push(Slot {
                generation: id.generation,
                state: State::Present(value),
            });
        }
        self.len += 1;
        id
    }

    #[inline]
    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        match self.slots.get(id.index as usize) {
            Some(Slot {
                generation,
                state: State::Present(value),
            }) if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.slots.get_mut(id.index as usize) {
            Some(Slot {
                generation,
                state: State::Present(value),
            }) if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation || matches!(slot.state, State::Vacant(_)) {
            return None;
        }
        // Generation 0 belongs to `Id::NONE`.
        slot.generation = ((slot.generation + 1) & !MARK).max(1);
        let State::Present(value) = mem::replace(&mut slot.state, State::Vacant(self.free)) else {
            unreachable!("checked above");
        };
        self.free = id.index;
        self.len -= 1;
        Some(value)
    }

    /// Every element, in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let State::Present(value) = &slot.state else {
                return None;
            };
            Some((id_of(index, slot.generation), value))
        })
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Id, &mut T)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(index, slot)| {
                let State::Present(value) = &mut slot.state else {
                    return None;
                };
                Some((id_of(index, slot.generation), value))
            })
    }

    /// The ids of every element, for walks that remove elements as they go.
    pub(crate) fn ids(&self) -> Vec<Id> {
        self.iter().map(|(id, _)| id).collect()
    }
}

fn id_of(index: usize, generation: u32) -> Id {
    Id {
        index: index as u32,
        generation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_map() {
        let mut rng = Rng::from_seed(1);
        let mut slab = Slab::new();
        let mut model: BTreeMap<Id, u64> = BTreeMap::new();
        let mut gone: Vec<Id> = Vec::new();
        for step in 0..20_000 {
            let known = |rng: &mut Rng| model.keys().copied().nth(rng.index(model.len().max(1)));
            match rng.below(3) {
                0 if model.len() < 50 => {
                    let next = slab.next_id();
                    let is_marked = rng.below(4) == 0;
                    let id = if is_marked {
                        slab.insert_marked(step)
                    } else {
                        slab.insert(step)
                    };
                    assert_eq!(id.is_marked(), is_marked);
                    assert_eq!(
                        (id.index, id.generation & !MARK),
                        (next.index, next.generation)
                    );
                    assert!(!gone.contains(&id), "an id is never given twice");
                    model.insert(id, step);
                }
                1 => {
                    if let Some(id) = known(&mut rng) {
                        assert_eq!(slab.remove(id), model.remove(&id));
                        gone.push(id);
                    }
                }
                _ => {
                    if let Some(id) = known(&mut rng) {
                        *slab.get_mut(id).unwrap() += 1;
                        *model.get_mut(&id).unwrap() += 1;
                    }
                }
            }
            if let Some(&id) = gone.last() {
                assert!(slab.get(id).is_none() && slab.remove(id).is_none());
            }
            assert_eq!(slab.len(), model.len());
        }
        let all: BTreeMap<Id, u64> = slab.iter().map(|(id, value)| (id, *value)).collect();
        assert_eq!(all, model);
        assert_eq!(slab.ids().len(), model.len());
    }

    #[test]
    fn a_slot_is_used_again_under_another_id() {
        let mut slab = Slab::new();
        let id = slab.insert("a");
        assert_eq!(slab.remove(id), Some("a"));
        let next = slab.insert("b");
        assert_eq!(next.index, id.index);
        assert_ne!(next, id);
        assert_eq!(Id::from_bits(next.to_bits()), next);
        assert!(slab.get(Id::NONE).is_none());
    }
}
