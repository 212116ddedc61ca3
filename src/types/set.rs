//! Sets.
//!
//! ```text
//! intset     sorted integers                  while all members are integers, up to a limit
//! listpack   a pack of members, in the order they came     few and short members
//! hashtable  a table of members               everything else
//! ```
//!
//! The names are those of OBJECT ENCODING. The form of a set is decided where Redis decides it, since tests and people
//! look: a *hint* before a command adds anything (how many members it brings, repetitions included), and each addition
//! by itself. Sets do not go back to a smaller form, except where a command asks for it.
//!
//! Members are handed to closures: an integer has no text, and the text of a packed member is put together on the
//! way.

use std::fmt;
use std::ops::ControlFlow;

use super::choose::{self, Selection};
use super::intset::Intset;
use super::listpack::{Item, Listpack};
use super::pack::{Builder, Cell, Keys};
use super::walked::{Shape, Show, Walk, Walked, show_members};
use super::{Digest, Family, Folds, Form, Malformed, Row, pack};
use crate::base::hash::Seed;
use crate::base::num;
use crate::base::rng::Rng;
use crate::store::{Blob, Members, TableStats};

/// How large the small forms may grow, and what a table is keyed with.
#[derive(Clone, Copy, Debug)]
pub struct SetLimits {
    pub intset_entries_max: usize,
    pub listpack_entries_max: usize,
    pub listpack_value_max: usize,
    pub seed: Seed,
}

#[derive(Clone)]
pub enum Set {
    Ints(Intset),
    Small(Keys),
    Large(Box<Walked<Members>>),
}

impl Set {
    /// An empty set in the form that suits `count` members of which this is the first.
    pub(crate) fn for_adding(first: &[u8], count: usize, limits: &SetLimits) -> Self {
        if count <= limits.intset_entries_max && num::parse_i64(first).is_some() {
            Self::ints()
        } else if count <= limits.listpack_entries_max {
            Self::small()
        } else {
            Self::large(limits)
        }
    }

    pub fn ints() -> Self {
        Self::Ints(Intset::new())
    }

    pub fn small() -> Self {
        Self::Small(Keys::new())
    }

    pub(crate) fn large(limits: &SetLimits) -> Self {
        Self::Large(Box::new(Walked::new(Members::new(limits.seed))))
    }

    /// An integer set from a file, which is never empty.
    pub(crate) fn from_intset(ints: Intset, limits: &SetLimits) -> Self {
        let mut set = Self::Ints(ints);
        if set.len() > limits.intset_entries_max {
            set.enlarge(limits);
        }
        set
    }

    /// Members from a file, each once.
    pub(crate) fn from_listpack(members: &Listpack, limits: &SetLimits) -> Result<Self, Malformed> {
        let mut set = Self::small();
        let mut space = [0; 20];
        for member in members {
            if !set.add(member.text(&mut space), limits) {
                return Err(Malformed);
            }
        }
        if set.is_empty() {
            Err(Malformed)
        } else {
            Ok(set)
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Small(keys) => keys.len(),
            Self::Large(members) => members.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Ints(_) => "intset",
            Self::Small(_) => "listpack",
            Self::Large(_) => "hashtable",
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.memory(),
            Self::Small(keys) => keys.memory(),
            Self::Large(members) => size_of::<Walked<Members>>() + members.memory(),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Ints(_) | Self::Small(_) => 1,
            Self::Large(members) => members.len(),
        }
    }

    /// A command is about to add `count` members, known or not.
    pub(crate) fn expect(&mut self, count: usize, limits: &SetLimits) {
        let most = match self {
            Self::Ints(_) => limits.intset_entries_max,
            Self::Small(_) => limits.listpack_entries_max,
            Self::Large(_) => return,
        };
        if count > most {
            self.enlarge(limits);
        }
    }

    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => num::parse_i64(member).is_some_and(|number| ints.contains(number)),
            Self::Small(keys) => keys.find(member).is_ok(),
            Self::Large(members) => members.contains(member),
        }
    }

    /// As `contains`, for what another set's `for_each` gives.
    pub(crate) fn contains_item(&self, member: Item<'_>) -> bool {
        match (self, member) {
            (Self::Ints(ints), Item::Int(number)) => ints.contains(number),
            _ => self.contains(member.text(&mut [0; 20])),
        }
    }

    /// True if it was not a member yet.
    pub fn add(&mut self, member: &[u8], limits: &SetLimits) -> bool {
        match self {
            Self::Ints(ints) => {
                let Some(number) = num::parse_i64(member) else {
                    self.make_room_for_text(member.len(), limits);
                    return self.add(member, limits);
                };
                let added = ints.add(number);
                if added && ints.len() > limits.intset_entries_max {
                    self.enlarge(limits);
                }
                added
            }
            Self::Small(keys) => {
                let Err(gap) = keys.find(member) else {
                    return false;
                };
                if fits(keys, member.len(), limits) {
                    keys.insert(gap, member, Cell::Int(0));
                    return true;
                }
                self.enlarge(limits);
                self.add(member, limits)
            }
            Self::Large(members) => {
                let hash = members.hash(member);
                let added = members.locate(hash, member).is_none();
                if added {
                    members.insert(hash, member, &[], None);
                }
                added
            }
        }
    }

    /// True if it was a member.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => num::parse_i64(member).is_some_and(|number| ints.remove(number)),
            Self::Small(keys) => {
                let row = keys.find(member);
                row.map(|row| keys.remove(row)).is_ok()
            }
            Self::Large(members) => {
                let spot = members.locate(members.hash(member), member);
                spot.map(|spot| members.remove(spot)).is_some()
            }
        }
    }

    /// Shows a member that was chosen at random.
    pub(crate) fn random<R>(&self, rng: &mut Rng, show: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        match self {
            _ if self.is_empty() => None,
            Self::Ints(ints) => ints
                .at(rng.index(ints.len()))
                .map(|number| show(Item::Int(number))),
            Self::Small(keys) => {
                let (_, walk) = keys.walk_to(rng.index(keys.len()));
                Some(show(Item::Bytes(walk.key())))
            }
            Self::Large(members) => {
                let spot = members.random(&mut || rng.next_u64())?;
                Some(show(Item::Bytes(members.at(spot).key())))
            }
        }
    }

    /// As `random`, and removes it.
    pub(crate) fn pop<R>(&mut self, rng: &mut Rng, show: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        match self {
            _ if self.is_empty() => None,
            Self::Ints(ints) => {
                let number = ints.at(rng.index(ints.len()))?;
                ints.remove(number);
                Some(show(Item::Int(number)))
            }
            Self::Small(keys) => {
                let (row, walk) = keys.walk_to(rng.index(keys.len()));
                let shown = show(Item::Bytes(walk.key()));
                keys.remove(row);
                Some(shown)
            }
            Self::Large(members) => {
                let spot = members.random(&mut || rng.next_u64())?;
                let shown = show(Item::Bytes(members.at(spot).key()));
                members.remove(spot);
                Some(shown)
            }
        }
    }

    /// Shows `count` different members, or all if there are fewer.
    pub(crate) fn sample(&self, count: usize, rng: &mut Rng, mut show: impl FnMut(Item<'_>)) {
        if let Self::Large(members) = self
            && !choose::walks(count, members.len())
        {
            for spot in choose::distinct(count, || members.random(&mut || rng.next_u64())) {
                show(Item::Bytes(members.at(spot).key()));
            }
            return;
        }
        let mut selection = Selection::new(count, self.len());
        let _ = self.visit(|member| {
            if selection.takes(rng) {
                show(member);
            }
            if selection.is_done() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }

    pub(crate) fn for_each(&self, mut show: impl FnMut(Item<'_>)) {
        let _ = self.visit::<()>(|member| {
            show(member);
            ControlFlow::Continue(())
        });
    }

    /// Shows members until told to stop.
    pub(crate) fn visit<B>(
        &self,
        mut show: impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Ints(ints) => ints.iter().try_for_each(|number| show(Item::Int(number))),
            Self::Small(keys) => {
                let mut walk = keys.walk();
                while walk.next().is_some() {
                    show(Item::Bytes(walk.key()))?;
                }
                ControlFlow::Continue(())
            }
            Self::Large(members) => members
                .iter()
                .try_for_each(|member| show(Item::Bytes(member.key()))),
        }
    }

    /// SSCAN: shows at least `count` members from `cursor` on, or what there is, and returns where to go on, 0 at
    /// the end. Small forms are shown whole.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut show: impl FnMut(Item<'_>)) -> u64 {
        let Self::Large(members) = self else {
            self.for_each(show);
            return 0;
        };
        let mut shown = 0;
        let mut cursor = cursor;
        loop {
            cursor = members.scan(cursor, &mut |member| {
                show(Item::Bytes(member.key()));
                shown += 1;
            });
            if cursor == 0 || shown >= count {
                return cursor;
            }
        }
    }

    /// Makes it an integer set, if it can be one: what commands do that store a result they made in another form.
    pub(crate) fn become_ints(&mut self, limits: &SetLimits) {
        if matches!(self, Self::Ints(_)) || self.len() > limits.intset_entries_max {
            return;
        }
        let mut numbers = Vec::with_capacity(self.len());
        let all_integers = self.visit(|member| match member.as_i64() {
            Some(number) => {
                numbers.push(number);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        });
        if all_integers.is_continue() {
            *self = Self::Ints(numbers.into_iter().collect());
        }
    }

    /// For files; not for large sets, whose members are written one by one.
    pub(crate) fn to_listpack(&self) -> Listpack {
        let mut pack = Listpack::new();
        self.for_each(|member| pack.append(member));
        pack.shrink_to_fit();
        pack
    }

    /// A text of this length is about to join integers.
    fn make_room_for_text(&mut self, len: usize, limits: &SetLimits) {
        let Self::Ints(ints) = self else { return };
        let longest = [ints.at(0), ints.iter().next_back()]
            .into_iter()
            .flatten()
            .map(num::digits_len)
            .max();
        let fits = ints.len() < limits.listpack_entries_max.min(pack::COUNT_MAX)
            && len.max(longest.unwrap_or(0)) <= limits.listpack_value_max;
        if !fits {
            return self.enlarge(limits);
        }
        let mut keys = Builder::new();
        let mut space = [0; 20];
        for number in ints.iter() {
            keys.push(num::format_i64(number, &mut space), Cell::Int(0));
        }
        *self = Self::Small(keys.finish());
    }

    fn enlarge(&mut self, limits: &SetLimits) {
        if matches!(self, Self::Large(_)) {
            return;
        }
        let mut members = Members::new(limits.seed);
        self.for_each(|member| {
            let mut space = [0; 20];
            let text = member.text(&mut space);
            members.insert(members.hash(text), text, &[], None);
        });
        *self = Self::Large(Box::new(Walked::new(members)));
    }

    #[cfg(test)]
    pub(crate) fn validate(&self, limits: &SetLimits) {
        match self {
            Self::Ints(ints) => assert!(ints.len() <= limits.intset_entries_max),
            Self::Small(keys) => {
                keys.validate();
                assert!(keys.len() <= limits.listpack_entries_max);
                self.for_each(|member| assert!(member.len() <= limits.listpack_value_max));
            }
            Self::Large(_) => {}
        }
    }
}

impl Folds for Set {
    #[inline]
    fn as_blob(&self) -> Option<(Form, &[u8])> {
        match self {
            Self::Ints(ints) => Some((Form::Ints, ints.as_bytes())),
            Self::Small(keys) => Some((Form::Members, keys.bytes())),
            Self::Large(_) => None,
        }
    }

    #[inline]
    fn from_blob(form: Form, blob: Blob) -> Option<Self> {
        match form {
            Form::Ints => Some(Self::Ints(Intset::trusted(blob))),
            Form::Members => Some(Self::Small(Keys::trusted(blob))),
            Form::Fields | Form::Scores | Form::Elements => None,
        }
    }

    #[inline]
    fn into_blob(self) -> Option<Blob> {
        match self {
            Self::Ints(ints) => Some(ints.into_storage()),
            Self::Small(keys) => Some(keys.into_storage()),
            Self::Large(_) => None,
        }
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_set();
        self.for_each(|member| {
            set.entry(&String::from_utf8_lossy(&member.to_vec()));
        });
        set.finish()
    }
}

fn fits(keys: &Keys, len: usize, limits: &SetLimits) -> bool {
    keys.len() < limits.listpack_entries_max
        && len <= limits.listpack_value_max
        && keys.has_room_for(len)
}

impl Family for Set {
    const ROW: Row = Row {
        name: "set",
        sizes: Some("sets_items"),
        digest: 2,
        is_awaited: false,
    };

    fn len(&self) -> usize {
        Set::len(self)
    }

    fn encoding(&self) -> &'static str {
        Set::encoding(self)
    }

    fn memory(&self) -> usize {
        Set::memory(self)
    }

    fn weight(&self) -> usize {
        Set::weight(self)
    }

    fn digest(&self, digest: &mut Digest) {
        self.for_each(|member| digest.xor(member.text(&mut [0; 20])));
    }

    fn members(&self) -> Option<&Members> {
        match self {
            Self::Large(members) => Some(members),
            Self::Ints(_) | Self::Small(_) => None,
        }
    }

    fn stats(&self) -> Option<TableStats> {
        self.members().map(Members::stats)
    }

    fn table(&self) -> Option<&dyn Walk> {
        match self {
            Self::Large(members) => Some(&**members),
            Self::Ints(_) | Self::Small(_) => None,
        }
    }

    fn table_mut(&mut self) -> Option<&mut dyn Walk> {
        match self {
            Self::Large(members) => Some(&mut **members),
            Self::Ints(_) | Self::Small(_) => None,
        }
    }

    const SHAPE: Option<Shape> = Some(Shape::Set);

    fn show(&self, show: Show<'_>) {
        if let Some(members) = self.members() {
            show_members(members, show);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn limits(intset: usize, listpack: usize, value: usize) -> SetLimits {
        SetLimits {
            intset_entries_max: intset,
            listpack_entries_max: listpack,
            listpack_value_max: value,
            seed: Seed::fixed(1),
        }
    }

    fn members(set: &Set) -> BTreeSet<Vec<u8>> {
        let mut found = BTreeSet::new();
        set.for_each(|member| assert!(found.insert(member.to_vec()), "no member twice"));
        found
    }

    fn text(member: Item<'_>) -> Vec<u8> {
        member.to_vec()
    }

    fn some_member(rng: &mut Rng) -> Vec<u8> {
        match rng.below(3) {
            0 => rng.range(-50, 300).to_string().into_bytes(),
            1 => vec![b'm'; rng.index(80)],
            _ => format!("member:{}", rng.below(300)).into_bytes(),
        }
    }

    #[test]
    fn follows_a_tree_through_random_edits() {
        for seed in 0..80 {
            let mut rng = Rng::from_seed(seed);
            let limits = limits(rng.index(200), rng.index(100), rng.index(80));
            let only_integers = rng.one_in(3);
            let draw = |rng: &mut Rng| loop {
                let member = some_member(rng);
                if !only_integers || num::parse_i64(&member).is_some() {
                    return member;
                }
            };
            let mut model = BTreeSet::new();
            let mut set = Set::for_adding(&draw(&mut rng), 1, &limits);
            for _ in 0..500 {
                let member = draw(&mut rng);
                match rng.below(6) {
                    0 => assert_eq!(set.remove(&member), model.remove(&member)),
                    1 => assert_eq!(set.contains(&member), model.contains(&member)),
                    2 if rng.one_in(3) => {
                        let popped = set.pop(&mut rng, text);
                        assert_eq!(popped.is_some(), !model.is_empty());
                        assert!(popped.is_none_or(|popped| model.remove(&popped)));
                    }
                    3 if rng.one_in(3) => {
                        let shown = set.random(&mut rng, text);
                        assert_eq!(shown.is_some(), !model.is_empty());
                        assert!(shown.is_none_or(|shown| model.contains(&shown)));
                        let count = rng.index(20);
                        let mut sample = BTreeSet::new();
                        set.sample(count, &mut rng, |member| {
                            assert!(sample.insert(member.to_vec()));
                        });
                        assert_eq!(sample.len(), count.min(model.len()));
                        assert!(sample.is_subset(&model));
                    }
                    _ => assert_eq!(set.add(&member, &limits), model.insert(member)),
                }
                set.validate(&limits);
                assert_eq!(set.len(), model.len());
            }
            assert_eq!(members(&set), model);
            let mut scanned = BTreeSet::new();
            let mut cursor = 0;
            loop {
                cursor = set.scan(cursor, 5, |member| {
                    scanned.insert(member.to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            assert_eq!(scanned, model);
            if !set.is_empty() {
                let loaded =
                    Set::from_listpack(&set.to_listpack(), &limits).expect("what we wrote");
                assert_eq!(members(&loaded), model);
            }
            set.become_ints(&limits);
            assert_eq!(members(&set), model);
            assert_eq!(members(&set.clone()), model);
        }
    }

    #[test]
    fn forms() {
        let defaults = limits(512, 128, 64);
        let form = |texts: &[&str]| {
            let mut set = Set::for_adding(texts[0].as_bytes(), texts.len(), &defaults);
            for text in texts {
                set.add(text.as_bytes(), &defaults);
            }
            set.encoding()
        };
        assert_eq!(form(&["1", "2"]), "intset");
        assert_eq!(form(&["1", "a"]), "listpack");
        assert_eq!(form(&["a", "1"]), "listpack");
        assert_eq!(form(&["01"]), "listpack");
        assert_eq!(form(&["x".repeat(65).as_str()]), "hashtable");
        assert_eq!(form(&vec!["a"; 129]), "hashtable");
        assert_eq!(form(&vec!["1"; 512]), "intset");
        assert_eq!(form(&vec!["1"; 513]), "hashtable");
        let mut set = Set::ints();
        for number in 0..128 {
            set.add(number.to_string().as_bytes(), &defaults);
        }
        set.expect(512, &defaults);
        assert_eq!(set.encoding(), "intset");
        set.add(b"a", &defaults);
        assert_eq!(set.encoding(), "hashtable");
        set.remove(b"a");
        assert_eq!(set.encoding(), "hashtable");
        set.become_ints(&defaults);
        assert_eq!(set.encoding(), "intset");
        set.expect(513, &defaults);
        assert_eq!(set.encoding(), "hashtable");
    }

    #[test]
    fn members_of_a_file_are_different() {
        let defaults = limits(512, 128, 64);
        let twice: Listpack = [Item::Bytes(b"a"), Item::Int(1), Item::Bytes(b"a")]
            .into_iter()
            .collect();
        assert!(Set::from_listpack(&twice, &defaults).is_err());
        assert!(Set::from_listpack(&Listpack::new(), &defaults).is_err());
        let many: Listpack = (0..600).map(Item::Int).collect();
        let set = Set::from_listpack(&many, &defaults).expect("they are different");
        assert_eq!((set.len(), set.encoding()), (600, "hashtable"));
        let set = Set::from_intset((0..600).collect(), &defaults);
        assert_eq!((set.len(), set.encoding()), (600, "hashtable"));
    }
}
