//! Puts so much of a slice in order that a range of it is what sorting everything would give.
//!
//! The quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993): three ways, a median of up to nine as
//! the pivot, insertion for fewer than seven. A part that lies outside of the range is left as it is, which makes the
//! first ten of a million cost about one walk through them.
//!
//! It is not stable, and the places of equal elements are the purpose of this file: Redis takes the same steps, and so
//! a reply of the nearest ten is the same ten even if more are equally near.
//!
//! An adversary who chooses the elements can make any quicksort slow and its recursion deep. So when parts have been
//! cut off more often than chance explains, the standard library sorts the rest; then only the order of equals is
//! another.

use std::cmp::Ordering;
use std::ops::Range;

/// Up to here insertion is faster than looking for a pivot.
const INSERTION_MAX: usize = 6;
/// From here on the pivot is a median of medians.
const NINTHER_MIN: usize = 41;
/// How often a part may be cut. The logarithm of any length in memory is less than half of it.
const CUTS_MAX: usize = 128;

/// Afterwards `items[wanted]` is as if all of `items` were sorted, and no element before it belongs behind it.
pub(crate) fn sort_range<T>(
    items: &mut [T],
    wanted: Range<usize>,
    order: &impl Fn(&T, &T) -> Ordering,
) {
    sort_part(items, &wanted, 0, order, CUTS_MAX);
}

/// `items` begin at `offset` of the whole slice, in which `wanted` counts.
fn sort_part<T>(
    mut items: &mut [T],
    wanted: &Range<usize>,
    mut offset: usize,
    order: &impl Fn(&T, &T) -> Ordering,
    mut cuts: usize,
) {
    loop {
        if items.len() <= INSERTION_MAX {
            return insert_each(items, order);
        }
        if cuts == 0 {
            return items.sort_by(order);
        }
        cuts -= 1;
        let (less, more) = divide(items, order);
        let is_wanted = |offset: usize, len: usize| {
            len > 1 && offset < wanted.end && wanted.start < offset + len
        };
        if is_wanted(offset, less) {
            sort_part(&mut items[..less], wanted, offset, order, cuts);
        }
        let start = items.len() - more;
        if !is_wanted(offset + start, more) {
            return;
        }
        items = &mut items[start..];
        offset += start;
    }
}

fn insert_each<T>(items: &mut [T], order: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..items.len() {
        let mut at = end;
        while at > 0 && order(&items[at - 1], &items[at]).is_gt() {
            items.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Puts the items less than a pivot first and those greater last; returns how many those are.
fn divide<T>(items: &mut [T], order: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let len = items.len();
    let pivot = choose_pivot(items, order);
    items.swap(0, pivot);

    // Equals are collected at both ends:  equal | less | not looked at | more | equal
    //                                    0     low    next         last       high
    let (mut low, mut next) = (1, 1);
    let (mut last, mut high) = (len, len);
    loop {
        while next < last {
            match order(&items[next], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(low, next);
                    low += 1;
                }
                Ordering::Less => {}
            }
            next += 1;
        }
        while next < last {
            match order(&items[last - 1], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(last - 1, high - 1);
                    high -= 1;
                }
                Ordering::Greater => {}
            }
            last -= 1;
        }
        if next >= last {
            break;
        }
        items.swap(next, last - 1);
        next += 1;
        last -= 1;
    }

    // The equals go to the middle, exchanged for the far ends of what is less and more.
    let (less, more) = (next - low, high - last);
    let count = low.min(less);
    exchange(items, 0, next - count, count);
    let count = more.min(len - high);
    exchange(items, next, len - count, count);
    (less, more)
}

fn exchange<T>(items: &mut [T], one: usize, other: usize, count: usize) {
    for at in 0..count {
        items.swap(one + at, other + at);
    }
}

fn choose_pivot<T>(items: &[T], order: &impl Fn(&T, &T) -> Ordering) -> usize {
    let len = items.len();
    let (first, middle, last) = (0, len / 2, len - 1);
    // The smallest part that is cut takes its middle as it is.
    if len == INSERTION_MAX + 1 {
        return middle;
    }
    if len < NINTHER_MIN {
        return median(items, first, middle, last, order);
    }
    let step = len / 8;
    let first = median(items, first, first + step, first + 2 * step, order);
    let middle = median(items, middle - step, middle, middle + step, order);
    let last = median(items, last - 2 * step, last - step, last, order);
    median(items, first, middle, last, order)
}

fn median<T>(
    items: &[T],
    one: usize,
    two: usize,
    three: usize,
    order: &impl Fn(&T, &T) -> Ordering,
) -> usize {
    let compare = |left: usize, right: usize| order(&items[left], &items[right]);
    if compare(one, two).is_lt() {
        if compare(two, three).is_lt() {
            two
        } else if compare(one, three).is_lt() {
            three
        } else {
            one
        }
    } else if compare(two, three).is_gt() {
        two
    } else if compare(one, three).is_lt() {
        one
    } else {
        three
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn the_range_is_as_if_all_were_sorted() {
        let mut rng = Rng::from_seed(93);
        for _ in 0..3_000 {
            let len = rng.index(200) + 1;
            let values = 1 + rng.below(300);
            let mut items: Vec<u64> = (0..len).map(|_| rng.below(values)).collect();
            let mut sorted = items.clone();
            sorted.sort_unstable();
            let start = rng.index(len);
            let wanted = start..start + rng.index(len - start) + 1;
            sort_range(&mut items, wanted.clone(), &u64::cmp);
            assert_eq!(items[wanted.clone()], sorted[wanted.clone()]);
            assert!(
                items[..wanted.start]
                    .iter()
                    .all(|item| *item <= sorted[wanted.start])
            );
            items.sort_unstable();
            assert_eq!(items, sorted);
        }
    }

    /// McIlroy's adversary: it decides how elements compare only when asked, so that every pivot is a bad one.
    #[test]
    fn whoever_chooses_the_elements_cannot_make_it_slow() {
        use std::cell::{Cell, RefCell};
        let len = 20_000;
        let open = len;
        let values = RefCell::new(vec![open; len]);
        let (solid, candidate, asked) = (Cell::new(0), Cell::new(0), Cell::new(0_usize));
        let order = |one: &usize, other: &usize| {
            asked.set(asked.get() + 1);
            let mut values = values.borrow_mut();
            if values[*one] == open && values[*other] == open {
                let fixed = if *one == candidate.get() {
                    *one
                } else {
                    *other
                };
                values[fixed] = solid.get();
                solid.set(solid.get() + 1);
            }
            if values[*one] == open {
                candidate.set(*one);
            } else if values[*other] == open {
                candidate.set(*other);
            }
            values[*one].cmp(&values[*other])
        };
        let mut items: Vec<usize> = (0..len).collect();
        sort_range(&mut items, 0..len, &order);
        assert!(asked.get() < 300 * len);
        let values = values.into_inner();
        assert!(items.is_sorted_by_key(|item| values[*item]));
    }
}
