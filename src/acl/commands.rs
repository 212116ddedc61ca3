//! Every command has a number, so that a selector's commands are bits.
//!
//! All rows count, also those of commands that this server lacks or that go by another name: a file of rules that was
//! written for one server is read by all. The numbers mean nothing outside one run.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::base::text::up_to_nul;
use crate::spec::flags::Categories;
use crate::spec::{self, Spec};

/// A row and its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered {
    pub(crate) spec: &'static Spec,
    pub(crate) number: u16,
}

static ALL: LazyLock<HashMap<&'static str, Numbered>> = LazyLock::new(|| {
    let rows = spec::all().flat_map(with_subcommands);
    let numbered = rows.zip(0..);
    numbered
        .map(|(spec, number)| (spec.name, Numbered { spec, number }))
        .collect()
});

fn with_subcommands(spec: &'static Spec) -> impl Iterator<Item = &'static Spec> {
    std::iter::once(spec).chain(spec.subcommands.iter().copied())
}

/// The command of this name, `get` or `config|get`, in any case.
pub(crate) fn named(name: &[u8]) -> Option<Numbered> {
    let name = up_to_nul(name).to_ascii_lowercase();
    ALL.get(std::str::from_utf8(&name).ok()?).copied()
}

/// The number of a row.
pub(crate) fn number(spec: &Spec) -> u16 {
    ALL.get(spec.name).map_or(OTHER, |found| found.number)
}

/// Rows of which a container is the first: itself and its subcommands.
pub(super) fn family(of: Numbered) -> impl Iterator<Item = Numbered> {
    (of.number..)
        .zip(with_subcommands(of.spec))
        .map(|(number, spec)| Numbered { spec, number })
}

/// Every row, containers before their subcommands.
pub(super) fn all() -> impl Iterator<Item = Numbered> {
    (0..)
        .zip(spec::all().flat_map(with_subcommands))
        .map(|(number, spec)| Numbered { spec, number })
}

/// The commands of a category, subcommands included.
pub(crate) fn of(category: Categories) -> impl Iterator<Item = &'static Spec> {
    let rows = all().map(|row| row.spec);
    rows.filter(move |spec| spec.categories().has(category))
}

/// The commands that there may be one day: whether a selector that began with all of them has them too.
const OTHER: u16 = (WORDS * 64 - 1) as u16;

const WORDS: usize = 8;

/// Some of all commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commands([u64; WORDS]);

impl Commands {
    pub(super) const NONE: Self = Self([0; WORDS]);
    pub(super) const ALL: Self = Self([u64::MAX; WORDS]);

    #[inline]
    pub(super) fn has(&self, number: u16) -> bool {
        let (word, bit) = (number as usize / 64, number % 64);
        (self.0.get(word)).is_some_and(|bits| bits >> bit & 1 != 0)
    }

    pub(super) fn put(&mut self, number: u16, allow: bool) {
        let mask = 1 << (number % 64);
        let Some(word) = self.0.get_mut(number as usize / 64) else {
            return;
        };
        *word = if allow { *word | mask } else { *word & !mask };
    }

    /// Whether commands that are not yet known would be in.
    pub(super) fn has_others(&self) -> bool {
        self.has(OTHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_number_of_its_own() {
        for (place, row) in all().enumerate() {
            assert_eq!(usize::from(number(row.spec)), place);
            assert_eq!(
                named(row.spec.name.to_uppercase().as_bytes()).map(|row| row.number),
                Some(row.number)
            );
        }
        assert!(all().count() < usize::from(OTHER));
        assert!(named(b"config|").is_none() && named(b"nothing").is_none());
        let config = named(b"CONFIG").unwrap();
        let names: Vec<_> = family(config).map(|row| row.spec.name).collect();
        assert!(names.contains(&"config|get") && names[0] == "config");
    }
}
