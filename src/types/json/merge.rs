//! Merging one value into another (RFC 7396).
//!
//! Fields join those that are there, null removes, and anything else takes the place of what was there. New fields are
//! added together, and what goes is removed from the end, so that numbers of children stay right meanwhile.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::edit::{Item, Splice};
use super::names::Names;
use super::pack::{self, Atom, Head, Name};
use super::read::Part;
use super::tree::View;
use super::{DEPTH_MAX, Garbage, Json, Place, TooDeep};

/// A patch and an object with fewer pairs of fields are compared field by field.
const PAIRS_COMPARED: usize = 1024;

/// A field of a patch whose values are still to be merged, into the child of that number.
type Inner<'p> = (usize, View<'p>);

impl Json {
    /// Merges a patch that was read for this document.
    pub(crate) fn merge(
        &mut self,
        place: &mut Place,
        patch: View<'_>,
        names: &Names,
        garbage: &mut Garbage,
    ) -> Result<(), TooDeep> {
        if place.len() > DEPTH_MAX {
            return Err(TooDeep);
        }
        if !patch.is_object() {
            garbage.join(self.put(place, Part::of(patch)));
            return Ok(());
        }
        if !self.at(place).is_some_and(View::is_object) {
            garbage.join(self.put(place, empty_object()));
        }
        let found = self.find_all(place, patch, names);
        let fields = patch.children().zip(found);
        let mut count = self.at(place).map_or(0, View::len);
        let mut inner: Vec<Inner<'_>> = Vec::new();
        let (mut new, mut doomed) = (SmallVec::new(), Vec::new());
        for ((name, value), found) in fields {
            match (value.atom(), found) {
                (Atom::Null, None) => {}
                (Atom::Null, Some(at)) => doomed.push(at),
                (_, Some(at)) => inner.push((at, value)),
                (atom, None) => {
                    let is_object = atom == Atom::Object;
                    if is_object {
                        inner.push((count, value));
                    }
                    count += 1;
                    new.push(Item {
                        name: self.name(name.text(names)),
                        value: if is_object {
                            empty_object()
                        } else {
                            Part::of(value)
                        },
                    });
                }
            }
        }
        let end = count - new.len();
        let splice = Splice {
            range: end..end,
            items: new,
            keeps_name: false,
        };
        garbage.join(self.splice(place, splice));
        for (at, value) in inner {
            place.push(at as u32);
            let merged = self.merge(place, value, names, garbage);
            place.pop();
            merged?;
        }
        doomed.sort_unstable();
        for at in doomed.into_iter().rev() {
            garbage.join(self.remove(place, at..at + 1));
        }
        Ok(())
    }

    /// Where the fields of a patch are in an object, those that are there.
    fn find_all(&self, place: &[u32], patch: View<'_>, names: &Names) -> Vec<Option<usize>> {
        let Some(target) = self.at(place) else {
            return Vec::new();
        };
        if patch.len().saturating_mul(target.len()) <= PAIRS_COMPARED {
            let find = |name: Name<'_>| self.field(target, name.text(names));
            return patch.children().map(|(name, _)| find(name)).collect();
        }
        let mut places = HashMap::new();
        for (at, (name, _)) in target.children().enumerate() {
            places.insert(name.text(&self.names), at);
        }
        let find = |name: Name<'_>| places.get(name.text(names)).copied();
        patch.children().map(|(name, _)| find(name)).collect()
    }

    /// A name as it stands in a pack of this document.
    pub(super) fn name(&self, text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let name = self.names.find(text).map_or(Name::Here(text), Name::Shared);
        pack::push_name(&mut bytes, name);
        bytes
    }
}

fn empty_object() -> Part {
    Part::Pack(Head::new(true, 0).as_bytes().to_vec())
}
