//! One seat per connection, found by the index in its id.
//!
//! The loop hands out small indices and reuses them, so a vector is the whole table: no hashing between a request and
//! its reply. The id is kept beside what it names, for an index alone could be a successor's.

use super::slab::Id;

pub(crate) struct Seats<T> {
    seats: Vec<Option<(Id, T)>>,
    count: usize,
}

impl<T> Seats<T> {
    pub(crate) fn new() -> Seats<T> {
        Seats {
            seats: Vec::new(),
            count: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn insert(&mut self, id: Id, guest: T) {
        let index = id.index as usize;
        if index >= self.seats.len() {
            self.seats.resize_with(index + 1, || None);
        }
        let before = self.seats[index].replace((id, guest));
        assert!(before.is_none(), "who leaves is told to `remove` first");
        self.count += 1;
    }

    #[inline]
    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        match self.seats.get(id.index as usize)? {
            Some((owner, guest)) if *owner == id => Some(guest),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.seats.get_mut(id.index as usize)? {
            Some((owner, guest)) if *owner == id => Some(guest),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        self.get(id)?;
        self.count -= 1;
        self.seats[id.index as usize].take().map(|(_, guest)| guest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_not_taken_for_its_predecessor() {
        let id = |index, generation| Id::from_bits(u64::from(generation) << 32 | index);
        let mut seats = Seats::new();
        seats.insert(id(3, 1_u32), "ann");
        assert_eq!(seats.get(id(3, 1)), Some(&"ann"));
        assert_eq!((seats.get(id(3, 2)), seats.get(id(9, 1))), (None, None));
        assert_eq!(seats.remove(id(3, 2)), None);
        assert_eq!(seats.remove(id(3, 1)), Some("ann"));
        seats.insert(id(3, 2), "bob");
        assert_eq!(seats.get_mut(id(3, 1)), None);
        assert_eq!(seats.len(), 1);
    }
}
