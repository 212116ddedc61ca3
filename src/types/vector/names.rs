//! From the name of an element to its number.
//!
//! Linear hashing with chains: the number of buckets grows by one with each element, by splitting the bucket whose turn
//! it is, so no insertion pays for all that came before. A bucket has the number of its first element, and each element
//! the number of the next one in its bucket: eight bytes for an element in all, and no second copy of the name. What an
//! element is called is asked of who knows.
//!
//! The words are in shared pages, like the elements themselves.

use std::sync::Arc;

use crate::base::hash::Seed;

use super::relocate::Row;

/// How many words share a page.
const PAGE: usize = 1024;

/// Stands for no element.
const NONE: u32 = u32::MAX;

/// A row of words that clones share until they change it.
#[derive(Clone, Debug, Default)]
struct Words {
    pages: Vec<Arc<Vec<u32>>>,
    len: usize,
}

impl Words {
    fn get(&self, index: usize) -> u32 {
        self.pages[index / PAGE][index % PAGE]
    }

    fn set(&mut self, index: usize, word: u32) {
        Arc::make_mut(&mut self.pages[index / PAGE])[index % PAGE] = word;
    }

    fn push(&mut self, word: u32) {
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Arc::default());
        }
        let page = self.pages.last_mut().expect("one was just made");
        Arc::make_mut(page).push(word);
        self.len += 1;
    }

    fn pop(&mut self) {
        let page = self.pages.last_mut().expect("it has words");
        let page = Arc::make_mut(page);
        page.pop();
        if page.is_empty() {
            self.pages.pop();
        }
        self.len -= 1;
    }

    fn memory(&self) -> usize {
        let pages = self.pages.iter().map(|page| page.capacity() * 4 + 40);
        pages.sum::<usize>() + self.pages.capacity() * size_of::<usize>()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Names {
    seed: Seed,
    buckets: Words,
    /// For each element the next one of its bucket.
    next: Words,
}

impl Names {
    pub(super) fn new(seed: Seed) -> Self {
        let mut buckets = Words::default();
        buckets.push(NONE);
        Self {
            seed,
            buckets,
            next: Words::default(),
        }
    }

    /// The element called `name`; `name_of` tells what a number is called.
    pub(super) fn find<'n>(&self, name: &[u8], name_of: impl Fn(u32) -> &'n [u8]) -> Option<u32> {
        let mut id = self.buckets.get(self.bucket(name));
        while id != NONE {
            if name_of(id) == name {
                return Some(id);
            }
            id = self.next.get(id as usize);
        }
        None
    }

    /// The next number is an element called `name`, which nobody else is called.
    pub(super) fn push<'n>(&mut self, name: &[u8], name_of: impl Fn(u32) -> &'n [u8]) {
        if self.next.len >= self.buckets.len {
            self.split(&name_of);
        }
        let id = self.next.len as u32;
        let bucket = self.bucket(name);
        self.next.push(self.buckets.get(bucket));
        self.buckets.set(bucket, id);
    }

    /// The element `id`, called `name`, goes. The last one, called `last_name`, takes its number.
    pub(super) fn swap_remove(&mut self, id: u32, name: &[u8], last_name: &[u8]) {
        let last = self.next.len as u32 - 1;
        let follower = self.next.get(id as usize);
        self.point(name, id, follower);
        if id != last {
            self.point(last_name, last, id);
            let follower = self.next.get(last as usize);
            self.next.set(id as usize, follower);
        }
        self.next.pop();
    }

    /// Whatever leads to `from`, in the bucket of `name`, leads to `to` from now on.
    fn point(&mut self, name: &[u8], from: u32, to: u32) {
        let bucket = self.bucket(name);
        let mut at = self.buckets.get(bucket);
        if at == from {
            self.buckets.set(bucket, to);
            return;
        }
        while at != NONE {
            let follower = self.next.get(at as usize);
            if follower == from {
                self.next.set(at as usize, to);
                return;
            }
            at = follower;
        }
        debug_assert!(false, "an element is in the bucket of its name");
    }

    fn bucket(&self, name: &[u8]) -> usize {
        let hash = self.seed.hash(name) as usize;
        let mask = self.buckets.len.next_power_of_two() - 1;
        let bucket = hash & mask;
        // The upper half has not come so far yet.
        if bucket < self.buckets.len {
            bucket
        } else {
            bucket & (mask >> 1)
        }
    }

    /// Adds a bucket, and distributes the one that its elements were in so far.
    fn split<'n>(&mut self, name_of: &impl Fn(u32) -> &'n [u8]) {
        let added = self.buckets.len;
        let mask = (added + 1).next_power_of_two() - 1;
        let divided = added & (mask >> 1);
        let mut id = self.buckets.get(divided);
        self.buckets.push(NONE);
        self.buckets.set(divided, NONE);
        while id != NONE {
            let follower = self.next.get(id as usize);
            let bucket = self.bucket(name_of(id));
            let first = self.buckets.get(bucket);
            self.next.set(id as usize, first);
            self.buckets.set(bucket, id);
            id = follower;
        }
    }

    pub(super) fn rows(&mut self) -> [&mut dyn Row; 2] {
        [&mut self.buckets.pages, &mut self.next.pages]
    }

    pub(super) fn memory(&self) -> usize {
        self.buckets.memory() + self.next.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn names_are_found_while_elements_come_and_go() {
        let mut rng = Rng::from_seed(5);
        let mut names = Names::new(Seed::fixed(1));
        let mut all: Vec<Vec<u8>> = Vec::new();
        for step in 0..4000_u32 {
            if all.is_empty() || rng.below(5) < 3 {
                let name = format!("{step}").into_bytes();
                names.push(&name, |id| &all[id as usize]);
                all.push(name);
            } else {
                let id = rng.index(all.len());
                names.swap_remove(id as u32, &all[id], all.last().expect("one"));
                all.swap_remove(id);
            }
            if step % 64 == 0 {
                for (id, name) in all.iter().enumerate() {
                    let found = names.find(name, |id| &all[id as usize]);
                    assert_eq!(found, Some(id as u32));
                }
                assert_eq!(names.find(b"none", |id| &all[id as usize]), None);
            }
        }
    }
}
