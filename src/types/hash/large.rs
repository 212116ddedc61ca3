//! A hash as a table.
//!
//! A field's deadline is in its own allocation; the index beside the table orders the deadlines and names fields by
//! their hash, because their text would have to be kept twice. A hash and a deadline name a field well enough: only two
//! fields with both equal could be taken for one another, and all that would follow is that one of them goes
//! when somebody else asks for it, not by itself.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::{FieldDeadline, FieldUntil, is_live};
use crate::base::hash::Seed;
use crate::store::{Member, Members};
use crate::types::listpack::Item;
use crate::types::walked::Walked;

#[derive(Clone)]
pub struct Large {
    members: Walked<Members>,
    /// Invariant: (deadline, hash) is here if and only if a field with that hash has that deadline.
    deadlines: BTreeSet<(i64, u64)>,
}

impl Large {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            members: Walked::new(Members::new(seed)),
            deadlines: BTreeSet::new(),
        }
    }

    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    pub(crate) fn table(&self) -> &Walked<Members> {
        &self.members
    }

    pub(crate) fn table_mut(&mut self) -> &mut Walked<Members> {
        &mut self.members
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn memory(&self) -> usize {
        self.members.memory() + self.deadlines.len() * DEADLINE_BYTES
    }

    #[inline]
    pub(crate) fn get(&self, field: &[u8], now_ms: i64) -> Option<Item<'_>> {
        let member = self.members.get(field)?;
        is_live(deadline_of(member), now_ms).then(|| Item::Bytes(member.value()))
    }

    pub(crate) fn deadline(&self, field: &[u8]) -> FieldDeadline {
        let member = self.members.get(field);
        member.map_or(FieldDeadline::NoField, |member| {
            FieldDeadline::of(deadline_of(member))
        })
    }

    /// True if the field is new.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], until: FieldUntil) -> bool {
        let hash = self.members.hash(field);
        let Some(word) = self.members.update(hash, field, value) else {
            let deadline = until.after(None);
            self.members
                .insert(hash, field, value, deadline.map(|deadline| deadline as u64));
            self.deadlines
                .extend(deadline.map(|deadline| (deadline, hash)));
            return true;
        };
        let before = word.map(|word| word as i64);
        let after = until.after(before);
        if after != before {
            self.move_deadline(hash, field, after);
        }
        false
    }

    /// False if there is no such field.
    pub(crate) fn set_deadline(&mut self, field: &[u8], deadline: Option<i64>) -> bool {
        let hash = self.members.hash(field);
        let found = self.members.locate(hash, field).is_some();
        self.move_deadline(hash, field, deadline);
        found
    }

    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        let hash = self.members.hash(field);
        let Some(spot) = self.members.locate(hash, field) else {
            return false;
        };
        if let Some(deadline) = deadline_of(self.members.at(spot)) {
            self.deadlines.remove(&(deadline, hash));
        }
        self.members.remove(spot);
        true
    }

    #[inline]
    pub(crate) fn soonest(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    pub(crate) fn expired_count(&self, now_ms: i64) -> usize {
        self.deadlines.range(..=(now_ms, u64::MAX)).count()
    }

    pub(crate) fn remove_expired(
        &mut self,
        now_ms: i64,
        most: usize,
        mut gone: impl FnMut(&[u8]),
    ) -> usize {
        let mut count = 0;
        while count < most {
            let Some((deadline, hash)) = self.deadlines.first().copied() else {
                break;
            };
            if deadline > now_ms {
                break;
            }
            self.deadlines.pop_first();
            let expired = |member: Member<'_>| deadline_of(member) == Some(deadline);
            if let Some(spot) = self.members.locate_by(hash, expired) {
                gone(self.members.at(spot).key());
                self.members.remove(spot);
                count += 1;
            }
        }
        count
    }

    pub(crate) fn visit<B>(
        &self,
        now_ms: i64,
        mut show: impl FnMut(&[u8], Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.members
            .iter()
            .filter(|member| is_live(deadline_of(*member), now_ms))
            .try_for_each(|member| show(member.key(), Item::Bytes(member.value())))
    }

    pub(crate) fn scan(
        &self,
        cursor: u64,
        count: usize,
        now_ms: i64,
        mut show: impl FnMut(&[u8], Item<'_>),
    ) -> u64 {
        let mut shown = 0;
        let mut cursor = cursor;
        loop {
            cursor = self.members.scan(cursor, &mut |member| {
                if is_live(deadline_of(member), now_ms) {
                    show(member.key(), Item::Bytes(member.value()));
                }
                shown += 1;
            });
            if cursor == 0 || shown >= count {
                return cursor;
            }
        }
    }

    fn move_deadline(&mut self, hash: u64, field: &[u8], deadline: Option<i64>) {
        let Some(spot) = self.members.locate(hash, field) else {
            return;
        };
        let before = deadline_of(self.members.at(spot));
        if before == deadline {
            return;
        }
        if let Some(before) = before {
            self.deadlines.remove(&(before, hash));
        }
        self.deadlines
            .extend(deadline.map(|deadline| (deadline, hash)));
        self.members
            .set_word(spot, deadline.map(|deadline| deadline as u64));
    }

    #[cfg(test)]
    pub(crate) fn validate(&self) {
        let expected: BTreeSet<(i64, u64)> = self
            .members
            .iter()
            .filter_map(|member| {
                deadline_of(member).map(|deadline| (deadline, self.members.hash(member.key())))
            })
            .collect();
        assert_eq!(self.deadlines, expected);
    }
}

#[inline]
fn deadline_of(member: Member<'_>) -> Option<i64> {
    member.word().map(|word| word as i64)
}

/// The bytes that an element of the index takes on average in a tree whose nodes are two thirds full.
const DEADLINE_BYTES: usize = size_of::<(i64, u64)>() * 3 / 2;
