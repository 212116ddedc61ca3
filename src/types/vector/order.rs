//! The elements in the order of their names.
//!
//! VRANGE walks a set in that order, with no cursor but the last name it was told. So the numbers of all elements are
//! kept in the order of the names, in shared pages, and a name is found by bisection: first among the first elements of
//! pages, then within one. Some six bytes for an element, and for an insertion some twenty comparisons of names, which
//! is nothing beside the search for its neighbours.
//!
//! What an element is called is asked of who knows. Invariant: no page is empty.

use std::sync::Arc;

use super::relocate::Row;
use crate::types::zset::NameRange;

/// A page with more numbers than this is divided.
const PAGE: usize = if cfg!(test) { 8 } else { 512 };

#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pages: Vec<Arc<Vec<u32>>>,
}

impl Order {
    /// The element `id` has come, called `name`, which nobody else is called.
    pub(super) fn insert<'n>(&mut self, id: u32, name: &[u8], name_of: impl Fn(u32) -> &'n [u8]) {
        let (page, at) = self.seek(|other| other < name, name_of);
        let is_last = page + 1 >= self.pages.len();
        if self.pages.is_empty() {
            self.pages.push(Arc::default());
        }
        let ids = Arc::make_mut(&mut self.pages[page]);
        ids.insert(at, id);
        if ids.len() > PAGE {
            // Names that come in order fill pages instead of leaving halves behind.
            let middle = if is_last && at == PAGE { at } else { PAGE / 2 };
            let mut rest = ids.split_off(middle);
            rest.shrink_to_fit();
            self.pages.insert(page + 1, Arc::new(rest));
        }
    }

    /// The element `id` goes, and the last one, `last`, takes its number; they are still called what they were.
    pub(super) fn swap_remove<'n>(
        &mut self,
        id: u32,
        last: u32,
        name_of: impl Fn(u32) -> &'n [u8] + Copy,
    ) {
        let (page, at) = self.place(id, name_of);
        let ids = Arc::make_mut(&mut self.pages[page]);
        ids.remove(at);
        if ids.is_empty() {
            self.pages.remove(page);
        }
        if id != last {
            let (page, at) = self.place(last, name_of);
            Arc::make_mut(&mut self.pages[page])[at] = id;
        }
    }

    /// The elements whose names are in a range, in order.
    pub(super) fn range<'n>(
        &self,
        range: NameRange<'_>,
        name_of: impl Fn(u32) -> &'n [u8] + Copy,
    ) -> impl Iterator<Item = u32> {
        let (page, at) = self.seek(|name| range.is_above(name), name_of);
        let pages = self.pages.get(page..).unwrap_or_default();
        let ids = pages.iter().flat_map(|page| page.iter()).skip(at).copied();
        ids.take_while(move |id| !range.is_below(name_of(*id)))
    }

    /// Behind the elements whose names are in front of something: a page, and a place in it or behind its last.
    fn seek<'n>(
        &self,
        is_before: impl Fn(&[u8]) -> bool,
        name_of: impl Fn(u32) -> &'n [u8],
    ) -> (usize, usize) {
        let pages = (self.pages).partition_point(|page| is_before(name_of(page[0])));
        let page = pages.saturating_sub(1);
        let ids = self.pages.get(page).map_or(&[][..], |page| &page[..]);
        (page, ids.partition_point(|id| is_before(name_of(*id))))
    }

    fn place<'n>(&self, id: u32, name_of: impl Fn(u32) -> &'n [u8] + Copy) -> (usize, usize) {
        let name = name_of(id);
        let (page, at) = self.seek(|other| other <= name, name_of);
        debug_assert_eq!(self.pages[page][at - 1], id);
        (page, at - 1)
    }

    pub(super) fn row(&mut self) -> &mut dyn Row {
        &mut self.pages
    }

    pub(super) fn memory(&self) -> usize {
        let pages = self.pages.iter().map(|page| page.capacity() * 4 + 40);
        pages.sum::<usize>() + self.pages.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn names_are_in_order_while_elements_come_and_go() {
        let mut rng = Rng::from_seed(5);
        let mut order = Order::default();
        let mut all: Vec<Vec<u8>> = Vec::new();
        for step in 0..3000_usize {
            if all.is_empty() || rng.below(5) < 3 {
                // Half of them in order, as programs name things.
                let number = if step % 2 == 0 {
                    step as u64
                } else {
                    rng.below(9000)
                };
                let name = format!("{number:05}").into_bytes();
                if all.contains(&name) {
                    continue;
                }
                all.push(name);
                let id = all.len() - 1;
                order.insert(id as u32, &all[id], |id| &all[id as usize]);
            } else {
                let (id, last) = (rng.index(all.len()), all.len() - 1);
                order.swap_remove(id as u32, last as u32, |id| &all[id as usize]);
                all.swap_remove(id);
            }
            assert!(
                order
                    .pages
                    .iter()
                    .all(|page| (1..=PAGE).contains(&page.len()))
            );
            if step % 16 > 0 {
                continue;
            }
            let model: BTreeMap<&Vec<u8>, u32> = all.iter().zip(0..).collect();
            let (min, max) = (
                format!("[{:04}", rng.below(900)),
                format!("({:05}", rng.below(9000)),
            );
            for (min, max) in [("-", "+"), (min.as_str(), max.as_str()), ("+", "-")] {
                let range = NameRange::parse(min.as_bytes(), max.as_bytes()).expect("right");
                let is_in = |name: &[u8]| !range.is_above(name) && !range.is_below(name);
                let wanted = model
                    .iter()
                    .filter(|(name, _)| is_in(name))
                    .map(|(_, id)| *id);
                let found = order.range(range, |id| &all[id as usize]);
                assert!(found.eq(wanted), "{min} {max}");
            }
        }
    }
}
