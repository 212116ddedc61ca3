//! The values that a path leads to.
//!
//! The recursion goes down the document, whose depth is bounded. A path can lead to the same value in many ways, and a
//! filter can look at the whole document for each value, so the steps are counted, and a walk that takes too many is
//! given up.

use smallvec::SmallVec;

use super::{One, Path, Range, Step};
use crate::types::json::names::Names;
use crate::types::json::tree::{View, Wanted};
use crate::types::json::{Json, Place};

/// How many values a walk may come across.
const VISITS_MAX: u64 = 100_000_000;
/// How many values a path may lead to.
const FOUND_MAX: usize = 10_000_000;

/// A path takes more work than it is given.
#[derive(Debug)]
pub(crate) struct TooMuch;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Found<'d> {
    pub(crate) place: Place,
    pub(crate) view: View<'d>,
}

/// What a path leads to, which is mostly one value.
pub(crate) type Values<'d> = SmallVec<[View<'d>; 1]>;
pub(crate) type Places<'d> = SmallVec<[Found<'d>; 1]>;

/// The values that a path leads to, or only the first.
pub(crate) fn values<'d>(
    json: &'d Json,
    path: &'d Path<'_>,
    most: usize,
) -> Result<Values<'d>, TooMuch> {
    let mut found = Values::new();
    if let Ok(only) = straight(json, &path.steps, |_| {}) {
        found.extend(only);
        return Ok(found);
    }
    walk(json, &path.steps, most, &mut |_, view| found.push(view))?;
    Ok(found)
}

/// The same, with their places.
pub(crate) fn places<'d>(json: &'d Json, path: &'d Path<'_>) -> Result<Places<'d>, TooMuch> {
    places_of(json, &path.steps)
}

/// The same for a part of a path.
pub(crate) fn places_of<'d>(json: &'d Json, steps: &'d [Step<'_>]) -> Result<Places<'d>, TooMuch> {
    let mut found = Places::new();
    let mut place = Place::new();
    if let Ok(only) = straight(json, steps, |at| place.push(at)) {
        found.extend(only.map(|view| Found { place, view }));
        return Ok(found);
    }
    walk(json, steps, FOUND_MAX, &mut |place, view| {
        found.push(Found {
            place: place.into(),
            view,
        });
    })?;
    Ok(found)
}

/// A step does not name one child.
struct Crooked;

/// The usual path: its steps name one child each, so that it leads to one value at most.
fn straight<'d>(
    json: &'d Json,
    steps: &'d [Step<'_>],
    mut pass: impl FnMut(u32),
) -> Result<Option<View<'d>>, Crooked> {
    let mut view = json.view();
    for step in steps {
        let child = match step.one().ok_or(Crooked)? {
            One::Field(name) => view.field(Wanted::new(name, json.names())),
            One::Element(number) => element(view, number),
        };
        let Some((at, child)) = child else {
            return Ok(None);
        };
        pass(at as u32);
        view = child;
    }
    Ok(Some(view))
}

/// An element of an array, with its number from the beginning.
fn element(view: View<'_>, number: i64) -> Option<(usize, View<'_>)> {
    if !view.is_array() {
        return None;
    }
    let at = match usize::try_from(number) {
        Ok(at) => at,
        Err(_) => absolute(number, view.len()),
    };
    Some((at, view.child(at)?))
}

fn walk<'d>(
    json: &'d Json,
    steps: &'d [Step<'_>],
    most: usize,
    found: &mut dyn FnMut(&[u32], View<'d>),
) -> Result<(), TooMuch> {
    let mut walker = Walker {
        names: json.names(),
        root: json.view(),
        place: Place::new(),
        visits_left: VISITS_MAX,
        found_left: most.min(FOUND_MAX),
        is_over: false,
        found,
    };
    walker.go(steps, json.view());
    let is_too_much = walker.visits_left == 0 || most >= FOUND_MAX && walker.found_left == 0;
    if is_too_much { Err(TooMuch) } else { Ok(()) }
}

pub(super) struct Walker<'d, 'f> {
    names: &'d Names,
    root: View<'d>,
    place: Place,
    visits_left: u64,
    found_left: usize,
    /// Enough was found, or too much was asked.
    is_over: bool,
    found: &'f mut dyn FnMut(&[u32], View<'d>),
}

impl<'d> Walker<'d, '_> {
    pub(super) fn root(&self) -> View<'d> {
        self.root
    }

    pub(super) fn names(&self) -> &'d Names {
        self.names
    }

    /// The value that steps lead to, if it is exactly one.
    pub(super) fn only(&mut self, steps: &'d [Step<'_>], view: View<'d>) -> Option<View<'d>> {
        if steps.is_empty() {
            return Some(view);
        }
        let mut only = None;
        let mut count = 0;
        let mut inner = Walker {
            names: self.names,
            root: self.root,
            place: Place::new(),
            visits_left: self.visits_left,
            found_left: 2,
            is_over: false,
            found: &mut |_, view| {
                only = Some(view);
                count += 1;
            },
        };
        inner.go(steps, view);
        self.visits_left = inner.visits_left;
        self.is_over |= self.visits_left == 0;
        only.filter(|_| count == 1)
    }

    fn go(&mut self, steps: &'d [Step<'_>], view: View<'d>) {
        if self.is_over {
            return;
        }
        self.visits_left -= 1;
        if self.visits_left == 0 {
            self.is_over = true;
            return;
        }
        let Some((step, rest)) = steps.split_first() else {
            (self.found)(&self.place, view);
            self.found_left -= 1;
            self.is_over = self.found_left == 0;
            return;
        };
        match step {
            Step::Descend => {
                self.go(rest, view);
                self.each(view, |walker, child| walker.go(steps, child));
            }
            Step::All => self.each(view, |walker, child| walker.go(rest, child)),
            Step::Filter(filter) if view.is_array() || view.is_object() => {
                self.each(view, |walker, child| {
                    if filter.holds(walker, child) {
                        walker.go(rest, child);
                    }
                });
            }
            Step::Filter(filter) => {
                if filter.holds(self, view) {
                    self.go(rest, view);
                }
            }
            Step::Field(name) => self.field(name, rest, view),
            Step::Fields(names) => {
                for name in names {
                    self.field(name, rest, view);
                }
            }
            Step::Element(number) => self.element(*number, rest, view),
            Step::Elements(numbers) => {
                for number in numbers {
                    self.element(*number, rest, view);
                }
            }
            Step::Range(range) => {
                if view.is_array() {
                    let Range { start, end, step } = &**range;
                    let len = view.len();
                    let start = start.map_or(0, |start| absolute(start, len));
                    let end = end.map_or(len, |end| absolute(end, len));
                    let some = view.children().enumerate().take(end).skip(start);
                    for (at, (_, child)) in some.step_by(*step) {
                        self.enter(at, rest, child);
                    }
                }
            }
        }
    }

    fn field(&mut self, name: &'d [u8], rest: &'d [Step<'_>], view: View<'d>) {
        if let Some((at, child)) = view.field(Wanted::new(name, self.names)) {
            self.enter(at, rest, child);
        }
    }

    fn element(&mut self, number: i64, rest: &'d [Step<'_>], view: View<'d>) {
        if let Some((at, child)) = element(view, number) {
            self.enter(at, rest, child);
        }
    }

    fn each(&mut self, view: View<'d>, mut with: impl FnMut(&mut Self, View<'d>)) {
        for (at, (_, child)) in view.children().enumerate() {
            if self.is_over {
                return;
            }
            self.place.push(at as u32);
            with(self, child);
            self.place.pop();
        }
    }

    fn enter(&mut self, at: usize, rest: &'d [Step<'_>], child: View<'d>) {
        self.place.push(at as u32);
        self.go(rest, child);
        self.place.pop();
    }
}

/// A place, of which negative ones count from the end and stop at the beginning.
pub(in super::super) fn absolute(number: i64, len: usize) -> usize {
    if number >= 0 {
        usize::try_from(number).map_or(len, |number| number.min(len))
    } else {
        len.saturating_sub(usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX))
    }
}
