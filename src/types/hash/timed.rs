//! A small hash with deadlines: a listpack of triples, exactly as files hold it.
//!
//! ```text
//! field 1 | value 1 | deadline 1 | field 2 | value 2 | deadline 2 | ..
//! ```
//!
//! Triples with deadlines come first, soonest first, of those with the same deadline the one that got it last; then
//! those without, whose third element is 0. So what has expired is always at the front.

use std::ops::ControlFlow;

use super::{FieldDeadline, FieldUntil, is_live};
use crate::store::mover::Mover;
use crate::types::listpack::{Item, Listpack, Pos};

#[derive(Clone)]
pub struct Timed(Listpack);

impl Timed {
    pub(crate) fn new() -> Self {
        Self(Listpack::new())
    }

    pub(crate) fn listpack(&self) -> &Listpack {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len() / 3
    }

    pub(crate) fn relocate(&mut self, mover: &mut Mover<'_>) {
        self.0.relocate(mover);
    }

    pub(crate) fn memory(&self) -> usize {
        self.0.memory()
    }

    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.0.has_room_for(bytes)
    }

    pub(crate) fn get(&self, field: &[u8], now_ms: i64) -> Option<Item<'_>> {
        let value = self.0.next(self.find(field)?)?;
        is_live(self.deadline_after(value), now_ms).then(|| self.0.get(value))
    }

    pub(crate) fn deadline(&self, field: &[u8]) -> FieldDeadline {
        let value = self.find(field).and_then(|pos| self.0.next(pos));
        value.map_or(FieldDeadline::NoField, |value| {
            FieldDeadline::of(self.deadline_after(value))
        })
    }

    /// Adds a field without a deadline that is not there yet.
    pub(crate) fn append(&mut self, field: &[u8], value: Item<'_>) {
        self.0
            .append_all(&[Item::Bytes(field), value, Item::Int(0)]);
    }

    /// Takes over the order in which a file has the same triples, provided it is one that may be.
    pub(crate) fn reorder_as(&mut self, triples: &Listpack) {
        let deadlines = triples.iter().skip(2).step_by(3);
        if deadlines.is_sorted_by_key(|item| as_deadline(item).unwrap_or(i64::MAX)) {
            let mut ordered = Listpack::new();
            let mut items = triples.iter();
            let (mut field_space, mut value_space) = ([0; 20], [0; 20]);
            while let (Some(field), Some(value), Some(deadline)) =
                (items.next(), items.next(), items.next())
            {
                // As text, so that numbers get the form in which they are looked for.
                ordered.append_all(&[
                    Item::Bytes(field.text(&mut field_space)),
                    Item::Bytes(value.text(&mut value_space)),
                    deadline,
                ]);
            }
            self.0 = ordered;
        }
    }

    /// True if the field is new.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], until: FieldUntil) -> bool {
        let found = self.find(field);
        let Some(pos) = found else {
            self.insert(field, Item::Bytes(value), until.after(None));
            return true;
        };
        let value_pos = self.0.next(pos).expect("a field has a value");
        let before = self.deadline_after(value_pos);
        let after = until.after(before);
        // A deadline that is given again counts as given last.
        if before == after && !matches!(until, FieldUntil::At(_)) {
            self.0.replace(value_pos, value);
        } else {
            self.0.delete_run(pos, 3);
            self.insert(field, Item::Bytes(value), after);
        }
        false
    }

    /// False if there is no such field.
    pub(crate) fn set_deadline(&mut self, field: &[u8], deadline: Option<i64>) -> bool {
        let Some(pos) = self.find(field) else {
            return false;
        };
        let value_pos = self.0.next(pos).expect("a field has a value");
        if self.deadline_after(value_pos) != deadline || deadline.is_some() {
            let value = self.0.get(value_pos).to_vec();
            self.0.delete_run(pos, 3);
            self.insert(field, Item::Bytes(&value), deadline);
        }
        true
    }

    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        let found = self.find(field);
        found.map(|pos| self.0.delete_run(pos, 3)).is_some()
    }

    pub(crate) fn soonest(&self) -> Option<i64> {
        let value = self.0.next(self.0.first()?)?;
        self.deadline_after(value)
    }

    pub(crate) fn expired_count(&self, now_ms: i64) -> usize {
        self.0
            .iter()
            .skip(2)
            .step_by(3)
            .take_while(|deadline| !is_live(as_deadline(*deadline), now_ms))
            .count()
    }

    pub(crate) fn remove_expired(
        &mut self,
        now_ms: i64,
        most: usize,
        mut gone: impl FnMut(&[u8]),
    ) -> usize {
        let count = self.expired_count(now_ms).min(most);
        let mut space = [0; 20];
        self.0
            .iter()
            .step_by(3)
            .take(count)
            .for_each(|field| gone(field.text(&mut space)));
        self.0.delete_range(0, 3 * count);
        count
    }

    pub(crate) fn visit<B>(
        &self,
        now_ms: i64,
        mut show: impl FnMut(&[u8], Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut space = [0; 20];
        let mut items = self.0.iter();
        while let (Some(field), Some(value), Some(deadline)) =
            (items.next(), items.next(), items.next())
        {
            if is_live(as_deadline(deadline), now_ms) {
                show(field.text(&mut space), value)?;
            }
        }
        ControlFlow::Continue(())
    }

    pub(crate) fn for_each_triple(&self, mut show: impl FnMut(&[u8], Item<'_>, Option<i64>)) {
        let mut space = [0; 20];
        let mut items = self.0.iter();
        while let (Some(field), Some(value), Some(deadline)) =
            (items.next(), items.next(), items.next())
        {
            show(field.text(&mut space), value, as_deadline(deadline));
        }
    }

    fn find(&self, field: &[u8]) -> Option<Pos> {
        self.0.find(field, 2)
    }

    fn deadline_after(&self, value: Pos) -> Option<i64> {
        self.0
            .next(value)
            .and_then(|pos| as_deadline(self.0.get(pos)))
    }

    /// Puts a triple in its place.
    fn insert(&mut self, field: &[u8], value: Item<'_>, deadline: Option<i64>) {
        let triple = [Item::Bytes(field), value, Item::Int(deadline.unwrap_or(0))];
        let follower = deadline.and_then(|deadline| {
            let mut items = self.0.iter();
            loop {
                let pos = items.pos()?;
                let theirs = as_deadline(items.nth(2)?);
                if theirs.is_none_or(|theirs| theirs >= deadline) {
                    return Some(pos);
                }
            }
        });
        self.0.insert_all(follower, &triple);
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        assert_eq!(self.0.len() % 3, 0);
        let mut deadlines = Vec::new();
        self.for_each_triple(|_, _, deadline| deadlines.push(deadline.unwrap_or(i64::MAX)));
        assert!(deadlines.is_sorted());
    }
}

fn as_deadline(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Int(0) | Item::Bytes(_) => None,
        Item::Int(deadline) => Some(deadline),
    }
}
