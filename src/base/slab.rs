//! Things with ids: clients, timers, whatever is created, referred to from many places, and removed.
//!
//! An `Id` is an index plus the generation of the slot it names. When an element goes, its slot's generation moves
//! on, so an id kept somewhere by mistake finds nothing instead of the slot's next tenant. That is what lets waiter
//! lists, subscriptions and pending disk jobs hold plain ids and never be told about a disconnect in time.
//!
//! An element can be *lent out* for a turn: `take` moves it to the caller while its slot stays reserved, so that
//! code may borrow the rest of the slab freely; `put_back` returns it. While lent, the id still `contains`, but
//! `get` finds nothing.

/// Names an element of a [`Slab`]; stale once the element is removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id {
    pub index: u32,
    pub generation: u32,
}

impl Id {
    /// Names nothing, ever: no slot has generation 0.
    pub const NONE: Id = Id {
        index: u32::MAX,
        generation: 0,
    };

    /// One word, for places that can carry only a number (a poll token, a log line).
    #[inline]
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    #[inline]
    pub fn from_bits(bits: u64) -> Id {
        Id {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

#[derive(Debug)]
enum State<T> {
    /// Links to the next free slot; `u32::MAX` ends the list.
    Vacant(u32),
    Present(T),
    Lent,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    state: State<T>,
}

/// Elements addressed by [`Id`]. Insertion, lookup and removal take constant time; freed slots are reused, newest first.
#[derive(Debug)]
pub struct Slab<T> {
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
    pub const fn new() -> Slab<T> {
        Slab {
            slots: Vec::new(),
            free: u32::MAX,
            len: 0,
        }
    }

    /// Elements held, those lent out included.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id the next `insert` will give. For elements that must know their own name.
    pub fn next_id(&self) -> Id {
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

    pub fn insert(&mut self, value: T) -> Id {
        let id = self.next_id();
        if let Some(slot) = self.slots.get_mut(id.index as usize) {
            let State::Vacant(next) = slot.state else {
                unreachable!("the free list links only vacant slots");
            };
            self.free = next;
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
    pub fn get(&self, id: Id) -> Option<&T> {
        match self.slots.get(id.index as usize) {
            Some(Slot {
                generation,
                state: State::Present(value),
            }) if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.slots.get_mut(id.index as usize) {
            Some(Slot {
                generation,
                state: State::Present(value),
            }) if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    /// Whether the id still names an element, present or lent out.
    #[inline]
    pub fn contains(&self, id: Id) -> bool {
        self.slots.get(id.index as usize).is_some_and(|slot| {
            slot.generation == id.generation && !matches!(slot.state, State::Vacant(_))
        })
    }

    /// Removes an element that is present. One that is lent out is not touched: its borrower calls [`Slab::vacate`].
    pub fn remove(&mut self, id: Id) -> Option<T> {
        let value = self.take(id)?;
        self.vacate(id);
        Some(value)
    }

    /// Lends an element out: its slot stays reserved until `put_back` or `vacate`.
    #[inline]
    pub fn take(&mut self, id: Id) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation || !matches!(slot.state, State::Present(_)) {
            return None;
        }
        match std::mem::replace(&mut slot.state, State::Lent) {
            State::Present(value) => Some(value),
            State::Vacant(_) | State::Lent => unreachable!("checked above"),
        }
    }

    /// Returns what `take` lent.
    #[inline]
    pub fn put_back(&mut self, id: Id, value: T) {
        let slot = &mut self.slots[id.index as usize];
        assert!(
            slot.generation == id.generation && matches!(slot.state, State::Lent),
            "only a lent element is put back"
        );
        slot.state = State::Present(value);
    }

    /// Frees the slot of an element that is lent out and will not come back.
    pub fn vacate(&mut self, id: Id) {
        let slot = &mut self.slots[id.index as usize];
        assert!(
            slot.generation == id.generation && matches!(slot.state, State::Lent),
            "only a lent element's slot is vacated"
        );
        // Generation 0 belongs to `Id::NONE`.
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        slot.state = State::Vacant(self.free);
        self.free = id.index;
        self.len -= 1;
    }

    /// Every element that is present, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let State::Present(value) = &slot.state else {
                return None;
            };
            Some((id_of(index, slot.generation), value))
        })
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Id, &mut T)> {
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

    /// The ids of every element, lent ones included; for walks that take elements out as they go.
    pub fn ids(&self) -> Vec<Id> {
        let occupied = |(index, slot): (usize, &Slot<T>)| {
            (!matches!(slot.state, State::Vacant(_))).then(|| id_of(index, slot.generation))
        };
        self.slots.iter().enumerate().filter_map(occupied).collect()
    }

    /// One past the highest slot ever used: the bound for walks that go on, a few slots per turn.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The element in slot `index`, whatever its generation.
    pub fn at_slot(&self, index: usize) -> Option<(Id, &T)> {
        let slot = self.slots.get(index)?;
        match &slot.state {
            State::Present(value) => Some((id_of(index, slot.generation), value)),
            State::Vacant(_) | State::Lent => None,
        }
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
                    let id = slab.insert(step);
                    assert_eq!(id, next);
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
                        let value = slab.take(id).unwrap();
                        assert!(slab.contains(id) && slab.get(id).is_none());
                        assert_eq!((slab.take(id), slab.remove(id)), (None, None));
                        slab.put_back(id, value + 1);
                        *model.get_mut(&id).unwrap() += 1;
                    }
                }
            }
            if let Some(&id) = gone.last() {
                assert!(!slab.contains(id) && slab.get(id).is_none() && slab.remove(id).is_none());
            }
            assert_eq!(slab.len(), model.len());
        }
        let all: BTreeMap<Id, u64> = slab.iter().map(|(id, value)| (id, *value)).collect();
        assert_eq!(all, model);
        assert_eq!(slab.ids().len(), model.len());
        let by_slot: Vec<Id> = (0..slab.slots())
            .filter_map(|i| slab.at_slot(i))
            .map(|(id, _)| id)
            .collect();
        assert_eq!(by_slot, slab.ids());
    }

    #[test]
    fn a_lent_element_can_go_for_good() {
        let mut slab = Slab::new();
        let id = slab.insert("a");
        slab.take(id);
        slab.vacate(id);
        assert!(slab.is_empty() && !slab.contains(id));
        let next = slab.insert("b");
        assert_eq!(next.index, id.index);
        assert_ne!(next, id);
        assert_eq!(Id::from_bits(next.to_bits()), next);
        assert!(!slab.contains(Id::NONE));
    }
}
