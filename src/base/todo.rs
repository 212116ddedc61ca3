//! A list of things to do, with two buffers that change places.
//!
//! The list is worked off as a whole: its taker gives the emptied buffer back, and things added meanwhile wait for the
//! next time. A list taken with `mem::take` would lose its storage instead, and allocate anew in every round.
//!
//! Not known here: whether a thing is listed twice. The owner has a flag for that where it matters.

/// Things to do, in order.
#[derive(Debug)]
pub(crate) struct Todo<T> {
    next: Vec<T>,
    spare: Vec<T>,
}

impl<T> Default for Todo<T> {
    fn default() -> Self {
        Self {
            next: Vec::new(),
            spare: Vec::new(),
        }
    }
}

impl<'a, T> IntoIterator for &'a Todo<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Todo<T> {
    #[inline]
    pub(crate) fn push(&mut self, thing: T) {
        self.next.push(thing);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.next.iter()
    }

    /// All there is to do. [`Todo::give_back`] should follow, or the storage is lost.
    #[must_use]
    pub(crate) fn take(&mut self) -> Vec<T> {
        std::mem::replace(&mut self.next, std::mem::take(&mut self.spare))
    }

    /// The things are done: their storage serves the round after the next one.
    pub(crate) fn give_back(&mut self, mut done: Vec<T>) {
        done.clear();
        self.spare = done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_storage_and_what_is_added_meanwhile() {
        let mut todo: Todo<i32> = Todo::default();
        let mut seen: Vec<i32> = Vec::new();
        for number in 0..8 {
            todo.push(number);
            let taken = todo.take();
            seen.extend(&taken);
            todo.push(100 + number);
            todo.give_back(taken);
            assert_eq!(todo.iter().copied().collect::<Vec<_>>(), [100 + number]);
        }
        assert_eq!(
            seen,
            [0, 100, 1, 101, 2, 102, 3, 103, 4, 104, 5, 105, 6, 106, 7]
        );
        // Two buffers, made in the first two rounds, are all there ever are.
        let buffers = [todo.next.as_ptr(), todo.spare.as_ptr()];
        for _ in 0..8 {
            let taken = todo.take();
            todo.push(0);
            todo.give_back(taken);
            assert!(
                buffers.contains(&todo.next.as_ptr()) && buffers.contains(&todo.spare.as_ptr())
            );
        }
    }
}
