//! Hashes.
//!
//! ```text
//! listpack     a pack of (field, value), in the order they came                     few and short
//! listpackex   a listpack of (field, value, deadline), soonest first (`timed`)      few and short, some with deadlines
//! hashtable    a table of fields, and an index of their deadlines (`large`)         everything else
//! ```
//!
//! The names are those of OBJECT ENCODING. A hash grows from form to form and does not go back: one that ever had a
//! deadline stays a `listpackex`, as in Redis.
//!
//! A field whose deadline has come is invisible to everything that takes `now_ms`, but it is still there: `len` counts
//! it, and `remove_expired` takes it away when its owner finds the time and wants to tell others. `soonest` says
//! when that will be.
//!
//! Fields are shown as text, values as items; both are borrowed for the length of a call.

mod large;
#[cfg(test)]
mod tests;
mod timed;

use std::fmt;
use std::ops::ControlFlow;

use super::choose::Selection;
use super::listpack::{Item, Listpack};
use super::pack::{Cell, Pairs};
use super::walked::{Shape, Show, Walk, Walked, show_members};
use super::{Digest, Family, Folds, Form, Malformed, Row, choose};
use crate::base::hash::Seed;
use crate::base::rng::Rng;
use crate::store::{Blob, Members, TableStats};
use large::Large;
use timed::Timed;

/// How large the small forms may grow, and what a table is keyed with.
#[derive(Clone, Copy, Debug)]
pub struct HashLimits {
    pub listpack_entries_max: usize,
    pub listpack_value_max: usize,
    pub seed: Seed,
}

/// The effect of setting a field on its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldUntil {
    /// HSET: the field is new, in a way.
    Never,
    /// HINCRBY and KEEPTTL.
    Kept,
    At(i64),
}

impl FieldUntil {
    /// The deadline that the field has afterwards, if it had this one before.
    #[inline]
    fn after(self, before: Option<i64>) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::Kept => before,
            Self::At(deadline) => Some(deadline),
        }
    }
}

/// A field's answer about its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldDeadline {
    NoField,
    Never,
    At(i64),
}

#[derive(Clone)]
pub enum Hash {
    Small(Pairs),
    Other(Box<Other>),
}

/// The forms that are not worth a word in every hash.
#[derive(Clone)]
pub enum Other {
    Timed(Timed),
    Large(Large),
}

/// A view for writers of files.
#[derive(Clone, Copy)]
pub(crate) enum HashView<'a> {
    /// To be written as a listpack; see `to_listpack`.
    Small,
    /// The listpack of triples as it is.
    Timed(&'a Listpack),
    /// Fields one by one; the word of a member is its deadline.
    Large(&'a Members),
}

impl Hash {
    pub fn new() -> Self {
        Self::Small(Pairs::new())
    }

    /// Pairs from a file, each field once.
    pub(crate) fn from_listpack(pairs: &Listpack, limits: &HashLimits) -> Result<Self, Malformed> {
        let mut hash = Self::new();
        let mut items = pairs.iter();
        let (mut field_space, mut value_space) = ([0; 20], [0; 20]);
        while let Some(field) = items.next() {
            let value = items.next().ok_or(Malformed)?;
            let field = field.text(&mut field_space);
            if !hash.set(
                field,
                value.text(&mut value_space),
                FieldUntil::Never,
                limits,
            ) {
                return Err(Malformed);
            }
        }
        if hash.is_empty() {
            Err(Malformed)
        } else {
            Ok(hash)
        }
    }

    /// Triples of field, value and deadline (0 for none) from a file, each field once, by deadline.
    pub(crate) fn from_timed_listpack(
        triples: &Listpack,
        limits: &HashLimits,
    ) -> Result<Self, Malformed> {
        let mut hash = Self::Other(Box::new(Other::Timed(Timed::new())));
        let mut previous = 0;
        let mut items = triples.iter();
        let (mut field_space, mut value_space) = ([0; 20], [0; 20]);
        while let Some(field) = items.next() {
            let value = items.next().ok_or(Malformed)?;
            let until = match items.next() {
                Some(Item::Int(0)) => FieldUntil::Never,
                Some(Item::Int(deadline @ 1..=FIELD_DEADLINE_MAX)) => FieldUntil::At(deadline),
                _ => return Err(Malformed),
            };
            // Sorted, with those that have none behind the others.
            let place = match until {
                FieldUntil::At(deadline) => deadline,
                FieldUntil::Never | FieldUntil::Kept => i64::MAX,
            };
            if place < previous {
                return Err(Malformed);
            }
            previous = place;
            let field = field.text(&mut field_space);
            if !hash.set(field, value.text(&mut value_space), until, limits) {
                return Err(Malformed);
            }
        }
        if hash.is_empty() {
            return Err(Malformed);
        }
        // Adding one by one has turned those with the same deadline around.
        if let Self::Other(other) = &mut hash
            && let Other::Timed(timed) = &mut **other
        {
            timed.reorder_as(triples);
        }
        Ok(hash)
    }

    /// Number of fields, those included whose deadline has come.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Small(pairs) => pairs.len(),
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.len(),
                Other::Large(large) => large.len(),
            },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of fields whose deadline has not come.
    pub(crate) fn len_at(&self, now_ms: i64) -> usize {
        self.len() - self.expired_count(now_ms)
    }

    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Small(_) => "listpack",
            Self::Other(other) => match &**other {
                Other::Timed(_) => "listpackex",
                Other::Large(_) => "hashtable",
            },
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Small(pairs) => pairs.memory(),
            Self::Other(other) => {
                let held = match &**other {
                    Other::Timed(timed) => timed.memory(),
                    Other::Large(large) => large.memory(),
                };
                size_of::<Other>() + held
            }
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Small(_) => 1,
            Self::Other(other) => match &**other {
                Other::Timed(_) => 2,
                Other::Large(large) => large.len(),
            },
        }
    }

    pub(crate) fn view(&self) -> HashView<'_> {
        match self {
            Self::Small(_) => HashView::Small,
            Self::Other(other) => match &**other {
                Other::Timed(timed) => HashView::Timed(timed.listpack()),
                Other::Large(large) => HashView::Large(large.members()),
            },
        }
    }

    /// The table of fields, if it is one.
    pub(crate) fn table(&self) -> Option<&Walked<Members>> {
        match self {
            Self::Other(other) => match &**other {
                Other::Large(large) => Some(large.table()),
                Other::Timed(_) => None,
            },
            Self::Small(_) => None,
        }
    }

    pub(crate) fn table_mut(&mut self) -> Option<&mut Walked<Members>> {
        match self {
            Self::Other(other) => match &mut **other {
                Other::Large(large) => Some(large.table_mut()),
                Other::Timed(_) => None,
            },
            Self::Small(_) => None,
        }
    }

    /// All pairs, for files; not for large hashes, whose fields are written one by one.
    pub(crate) fn to_listpack(&self) -> Listpack {
        let mut pack = Listpack::new();
        self.for_each(i64::MIN, |field, value| {
            pack.append_all(&[Item::Bytes(field), value]);
        });
        pack.shrink_to_fit();
        pack
    }

    /// A command is about to set fields to values, which alternate. A hash that is large already takes any.
    #[inline]
    pub(crate) fn expect_all<'a>(
        &mut self,
        texts: impl ExactSizeIterator<Item = &'a [u8]>,
        limits: &HashLimits,
    ) {
        if !self.is_large() {
            let count = texts.len() / 2;
            let longest = texts.map(<[u8]>::len).max().unwrap_or(0);
            self.expect(count, longest, limits);
        }
    }

    #[inline]
    fn is_large(&self) -> bool {
        match self {
            Self::Small(_) => false,
            Self::Other(other) => matches!(**other, Other::Large(_)),
        }
    }

    /// A command is about to set `count` fields (repetitions included), and `longest` is the longest text it brings.
    pub(crate) fn expect(&mut self, count: usize, longest: usize, limits: &HashLimits) {
        if count > limits.listpack_entries_max || longest > limits.listpack_value_max {
            self.enlarge(limits);
        }
    }

    #[inline]
    pub(crate) fn get(&self, field: &[u8], now_ms: i64) -> Option<Item<'_>> {
        match self {
            Self::Small(pairs) => pairs.find(field).ok().map(|row| pairs.value(row).item()),
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.get(field, now_ms),
                Other::Large(large) => large.get(field, now_ms),
            },
        }
    }

    pub(crate) fn contains(&self, field: &[u8], now_ms: i64) -> bool {
        self.get(field, now_ms).is_some()
    }

    /// True if the field is new. One whose deadline has come but which is still there is not.
    pub fn set(
        &mut self,
        field: &[u8],
        value: &[u8],
        until: FieldUntil,
        limits: &HashLimits,
    ) -> bool {
        let is_long = field.len().max(value.len()) > limits.listpack_value_max;
        match self {
            Self::Small(_) if matches!(until, FieldUntil::At(_)) => {
                self.expect_deadlines();
                self.set(field, value, until, limits)
            }
            Self::Small(pairs) if is_long || !pairs.has_room_for(field.len() + value.len()) => {
                self.enlarge(limits);
                self.set(field, value, until, limits)
            }
            Self::Small(pairs) => match pairs.find(field) {
                Ok(row) => {
                    pairs.set_value(row, Cell::from_text(value));
                    false
                }
                Err(gap) => {
                    pairs.insert(gap, field, Cell::from_text(value));
                    if pairs.len() > limits.listpack_entries_max {
                        self.enlarge(limits);
                    }
                    true
                }
            },
            Self::Other(other) => match &mut **other {
                Other::Timed(timed)
                    if is_long || !timed.has_room_for(field.len() + value.len()) =>
                {
                    self.enlarge(limits);
                    self.set(field, value, until, limits)
                }
                Other::Timed(timed) => {
                    let is_new = timed.set(field, value, until);
                    if timed.len() > limits.listpack_entries_max {
                        self.enlarge(limits);
                    }
                    is_new
                }
                Other::Large(large) => large.set(field, value, until),
            },
        }
    }

    /// True if the field was there.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Self::Small(pairs) => {
                let row = pairs.find(field);
                row.map(|row| pairs.remove(row)).is_ok()
            }
            Self::Other(other) => match &mut **other {
                Other::Timed(timed) => timed.remove(field),
                Other::Large(large) => large.remove(field),
            },
        }
    }

    // ---- deadlines ----

    pub(crate) fn deadline(&self, field: &[u8], now_ms: i64) -> FieldDeadline {
        let deadline = match self {
            Self::Small(pairs) if pairs.find(field).is_ok() => FieldDeadline::Never,
            Self::Small(_) => FieldDeadline::NoField,
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.deadline(field),
                Other::Large(large) => large.deadline(field),
            },
        };
        match deadline {
            FieldDeadline::At(deadline) if deadline <= now_ms => FieldDeadline::NoField,
            deadline => deadline,
        }
    }

    /// A command is about to give fields deadlines. It changes the form even if it then finds none of its fields.
    pub(crate) fn expect_deadlines(&mut self) {
        if let Self::Small(_) = self {
            let mut timed = Timed::new();
            self.for_each(i64::MIN, |field, value| timed.append(field, value));
            *self = Self::Other(Box::new(Other::Timed(timed)));
        }
    }

    /// Gives a field a deadline, or takes it away. False if there is no such field.
    pub(crate) fn set_deadline(&mut self, field: &[u8], deadline: Option<i64>) -> bool {
        if let Self::Small(pairs) = self {
            if deadline.is_none() || pairs.find(field).is_err() {
                return pairs.find(field).is_ok();
            }
            self.expect_deadlines();
        }
        match self {
            Self::Small(_) => false,
            Self::Other(other) => match &mut **other {
                Other::Timed(timed) => timed.set_deadline(field, deadline),
                Other::Large(large) => large.set_deadline(field, deadline),
            },
        }
    }

    /// The deadline that comes first, also if it has come already.
    #[inline]
    pub fn soonest(&self) -> Option<i64> {
        match self {
            Self::Small(_) => None,
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.soonest(),
                Other::Large(large) => large.soonest(),
            },
        }
    }

    /// Takes away up to `most` fields whose deadline has come, soonest first, and shows their names. Returns how many.
    pub(crate) fn remove_expired(
        &mut self,
        now_ms: i64,
        most: usize,
        gone: impl FnMut(&[u8]),
    ) -> usize {
        match self {
            Self::Small(_) => 0,
            Self::Other(other) => match &mut **other {
                Other::Timed(timed) => timed.remove_expired(now_ms, most, gone),
                Other::Large(large) => large.remove_expired(now_ms, most, gone),
            },
        }
    }

    // ---- walking ----

    pub(crate) fn for_each(&self, now_ms: i64, mut show: impl FnMut(&[u8], Item<'_>)) {
        let _ = self.visit::<()>(now_ms, |field, value| {
            show(field, value);
            ControlFlow::Continue(())
        });
    }

    /// Shows fields until told to stop.
    pub(crate) fn visit<B>(
        &self,
        now_ms: i64,
        mut show: impl FnMut(&[u8], Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Small(pairs) => {
                let mut walk = pairs.walk();
                while let Some(row) = walk.next() {
                    show(walk.key(), walk.value(row).item())?;
                }
                ControlFlow::Continue(())
            }
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.visit(now_ms, show),
                Other::Large(large) => large.visit(now_ms, show),
            },
        }
    }

    /// HSCAN: shows at least `count` fields from `cursor` on, or what there is, and returns where to go on, 0 at the
    /// end. Small forms are shown whole.
    pub(crate) fn scan(
        &self,
        cursor: u64,
        count: usize,
        now_ms: i64,
        show: impl FnMut(&[u8], Item<'_>),
    ) -> u64 {
        if let Self::Other(other) = self
            && let Other::Large(large) = &**other
        {
            return large.scan(cursor, count, now_ms, show);
        }
        self.for_each(now_ms, show);
        0
    }

    /// Shows a field that was chosen at random.
    pub(crate) fn random<R>(
        &self,
        now_ms: i64,
        rng: &mut Rng,
        show: impl FnOnce(&[u8], Item<'_>) -> R,
    ) -> Option<R> {
        if let Self::Other(other) = self
            && let Other::Large(large) = &**other
            && large.soonest().is_none_or(|soonest| soonest > now_ms)
        {
            let spot = large.members().random(&mut || rng.next_u64())?;
            let member = large.members().at(spot);
            return Some(show(member.key(), Item::Bytes(member.value())));
        }
        let live = self.len_at(now_ms);
        let mut left = (live > 0).then(|| rng.index(live))?;
        let mut show = Some(show);
        let found = self.visit(now_ms, |field, value| match left.checked_sub(1) {
            Some(fewer) => {
                left = fewer;
                ControlFlow::Continue(())
            }
            None => match show.take() {
                Some(show) => ControlFlow::Break(show(field, value)),
                None => ControlFlow::Continue(()),
            },
        });
        found.break_value()
    }

    /// Shows `count` different fields, or all if there are fewer.
    pub(crate) fn sample(
        &self,
        count: usize,
        now_ms: i64,
        rng: &mut Rng,
        mut show: impl FnMut(&[u8], Item<'_>),
    ) {
        if let Self::Other(other) = self
            && let Other::Large(large) = &**other
            && large.soonest().is_none_or(|soonest| soonest > now_ms)
            && !choose::walks(count, large.len())
        {
            for spot in choose::distinct(count, || large.members().random(&mut || rng.next_u64())) {
                let member = large.members().at(spot);
                show(member.key(), Item::Bytes(member.value()));
            }
            return;
        }
        let mut selection = Selection::new(count, self.len_at(now_ms));
        let _ = self.visit(now_ms, |field, value| {
            if selection.takes(rng) {
                show(field, value);
            }
            if selection.is_done() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }

    // ---- forms ----

    fn expired_count(&self, now_ms: i64) -> usize {
        match self {
            Self::Small(_) => 0,
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.expired_count(now_ms),
                Other::Large(large) => large.expired_count(now_ms),
            },
        }
    }

    fn enlarge(&mut self, limits: &HashLimits) {
        let mut large = Large::new(limits.seed);
        let mut space = [0; 20];
        match self {
            Self::Small(_) => {
                self.for_each(i64::MIN, |field, value| {
                    large.set(field, value.text(&mut space), FieldUntil::Never);
                });
            }
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.for_each_triple(|field, value, deadline| {
                    let until = deadline.map_or(FieldUntil::Never, FieldUntil::At);
                    large.set(field, value.text(&mut space), until);
                }),
                Other::Large(_) => return,
            },
        }
        *self = Self::Other(Box::new(Other::Large(large)));
    }

    #[cfg(test)]
    pub(crate) fn validate(&self, limits: &HashLimits) {
        match self {
            Self::Small(pairs) => pairs.validate(),
            Self::Other(other) => match &**other {
                Other::Timed(timed) => timed.validate(),
                Other::Large(large) => return large.validate(),
            },
        }
        assert!(self.len() <= limits.listpack_entries_max);
        self.for_each(i64::MIN, |field, value| {
            assert!(field.len().max(value.len()) <= limits.listpack_value_max);
        });
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Folds for Hash {
    #[inline]
    fn as_blob(&self) -> Option<(Form, &[u8])> {
        match self {
            Self::Small(pairs) => Some((Form::Fields, pairs.bytes())),
            Self::Other(_) => None,
        }
    }

    #[inline]
    fn from_blob(form: Form, blob: Blob) -> Option<Self> {
        (form == Form::Fields).then(|| Self::Small(Pairs::trusted(blob)))
    }

    #[inline]
    fn into_blob(self) -> Option<Blob> {
        match self {
            Self::Small(pairs) => Some(pairs.into_storage()),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.for_each(i64::MIN, |field, value| {
            map.entry(
                &String::from_utf8_lossy(field),
                &String::from_utf8_lossy(&value.to_vec()),
            );
        });
        map.finish()
    }
}

impl FieldDeadline {
    fn of(deadline: Option<i64>) -> Self {
        deadline.map_or(Self::Never, Self::At)
    }
}

/// Whether a field with this deadline can be seen.
#[inline]
fn is_live(deadline: Option<i64>, now_ms: i64) -> bool {
    deadline.is_none_or(|deadline| deadline > now_ms)
}

/// The latest deadline of a field that files may name.
pub(crate) const FIELD_DEADLINE_MAX: i64 = (1 << 48) - 1;

impl Family for Hash {
    const ROW: Row = Row {
        name: "hash",
        sizes: Some("hashes_items"),
        digest: 4,
        is_awaited: false,
    };

    fn len(&self) -> usize {
        Hash::len(self)
    }

    fn encoding(&self) -> &'static str {
        Hash::encoding(self)
    }

    fn memory(&self) -> usize {
        Hash::memory(self)
    }

    fn weight(&self) -> usize {
        Hash::weight(self)
    }

    /// All fields that are still there, also those whose time has come.
    fn digest(&self, digest: &mut Digest) {
        let always = i64::MIN;
        let has_deadlines = self.soonest().is_some();
        self.for_each(always, |field, value| {
            let mut one = Digest::default();
            one.mix(field);
            one.mix(value.text(&mut [0; 20]));
            if has_deadlines && matches!(self.deadline(field, always), FieldDeadline::At(_)) {
                one.xor(b"!!hexpire!!");
            }
            digest.add(&one);
        });
    }

    #[inline]
    fn members(&self) -> Option<&Members> {
        Self::table(self).map(|table| &**table)
    }

    fn stats(&self) -> Option<TableStats> {
        Self::table(self).map(|table| table.stats())
    }

    fn table(&self) -> Option<&dyn Walk> {
        Self::table(self).map(|table| table as &dyn Walk)
    }

    fn table_mut(&mut self) -> Option<&mut dyn Walk> {
        Self::table_mut(self).map(|table| table as &mut dyn Walk)
    }

    const SHAPE: Option<Shape> = Some(Shape::Hash);

    fn show(&self, show: Show<'_>) {
        if let Some(fields) = Self::table(self) {
            show_members(fields, show);
        }
    }

    fn soonest(&self) -> Option<i64> {
        Self::soonest(self)
    }
}
