//! Choosing some of many, each as likely as any other.

use std::collections::HashSet;
use std::hash::Hash;

use crate::base::rng::Rng;

/// Decides for one element after another whether it is among `wanted` chosen of `total`. All choices are equally
/// likely, and exactly as many are made as wanted (or as there are).
pub(crate) struct Selection {
    wanted: usize,
    left: usize,
}

impl Selection {
    pub(crate) fn new(wanted: usize, total: usize) -> Self {
        Self {
            wanted: wanted.min(total),
            left: total,
        }
    }

    /// Whether the next element is chosen.
    pub(crate) fn takes(&mut self, rng: &mut Rng) -> bool {
        debug_assert!(self.left > 0);
        let takes = self.wanted > 0 && rng.below(self.left as u64) < self.wanted as u64;
        self.left -= 1;
        self.wanted -= usize::from(takes);
        takes
    }

    /// Nothing more will be chosen.
    pub(crate) fn is_done(&self) -> bool {
        self.wanted == 0
    }
}

/// Is it cheaper to walk over all elements than to draw until enough different ones were found?
pub(crate) fn walks(wanted: usize, total: usize) -> bool {
    wanted.saturating_mul(3) > total
}

/// Draws until `wanted` different things were drawn; there are more than that.
pub(crate) fn distinct<T: Copy + Eq + Hash>(
    wanted: usize,
    mut draw: impl FnMut() -> Option<T>,
) -> Vec<T> {
    let mut seen = HashSet::with_capacity(wanted);
    let mut drawn = Vec::with_capacity(wanted);
    while drawn.len() < wanted {
        let Some(one) = draw() else { break };
        if seen.insert(one) {
            drawn.push(one);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_are_complete_and_even() {
        let mut rng = Rng::from_seed(17);
        let mut chosen = [0_u32; 10];
        for _ in 0..10_000 {
            let mut selection = Selection::new(3, chosen.len());
            let mut count = 0;
            for times in &mut chosen {
                if selection.takes(&mut rng) {
                    *times += 1;
                    count += 1;
                }
            }
            assert_eq!((count, selection.is_done()), (3, true));
        }
        assert!(
            chosen.iter().all(|times| (2800..3200).contains(times)),
            "{chosen:?}"
        );
        assert!(Selection::new(9, 0).is_done());
    }

    #[test]
    fn drawn_things_differ() {
        let mut rng = Rng::from_seed(18);
        let mut drawn = distinct(50, || Some(rng.below(60)));
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 50);
        assert!(distinct(3, || None::<u8>).is_empty());
    }
}
