use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::base::rng::Rng;
use crate::keyspace::{Expiry, Keys, New, Until, folded_value, text};
use crate::types::hash::{FieldUntil, HashLimits};
use crate::types::list::{End, Limits as ListLimits, List};
use crate::types::set::SetLimits;
use crate::types::stream::{Group, NewId, Stream, StreamId, StreamLimits};
use crate::types::zset::{AddRule, ZsetLimits};
use crate::types::{hash, set, zset};

/// The meaning of a value, in any of its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>),
    Zset(BTreeMap<Vec<u8>, u64>),
    Stream(String),
    Json(Vec<u8>),
    Vector(String),
}

type Model = BTreeMap<(u16, Vec<u8>), (Option<i64>, Meaning)>;

fn meaning(value: &Value) -> Meaning {
    match value {
        Value::Str(bytes) => Meaning::Text(bytes.to_vec()),
        Value::List(list) => {
            let mut items = Vec::new();
            list.for_each(|item| items.push(item.to_vec()));
            Meaning::List(items)
        }
        Value::Set(set) => {
            let mut members = BTreeSet::new();
            set.for_each(|member| {
                members.insert(member.to_vec());
            });
            Meaning::Set(members)
        }
        Value::Hash(hash) => {
            let mut fields = BTreeMap::new();
            hash.for_each(i64::MIN, |field, value| {
                let deadline = match hash.deadline(field, i64::MIN) {
                    hash::FieldDeadline::At(deadline) => Some(deadline),
                    _ => None,
                };
                fields.insert(field.to_vec(), (value.to_vec(), deadline));
            });
            Meaning::Hash(fields)
        }
        Value::Zset(zset) => {
            let mut members = BTreeMap::new();
            zset.for_range(0..zset.len(), |member, score| {
                members.insert(member.to_vec(), score.to_bits());
            });
            Meaning::Zset(members)
        }
        Value::Stream(stream) => Meaning::Stream(format!("{stream:?}")),
        Value::Json(json) => Meaning::Json(json.text()),
        Value::Vector(set) => Meaning::Vector(format!("{set:?}")),
    }
}

fn model_of(space: &Keyspace) -> Model {
    let mut model = Model::new();
    for (number, db) in space.dbs.iter().enumerate() {
        for entry in db.dict.iter() {
            let meaning = match entry.payload() {
                Payload::Int(number) => Meaning::Text(number.to_string().into_bytes()),
                Payload::Inline(bytes) => Meaning::Text(bytes.to_vec()),
                Payload::Folded(form, bytes) => meaning(&folded_value(form, bytes)),
                Payload::Object(value) => meaning(value),
            };
            model.insert(
                (number as u16, entry.key().to_vec()),
                (entry.deadline(), meaning),
            );
        }
    }
    model
}

/// Puts a snapshot together again.
#[derive(Default)]
struct Collector {
    model: Model,
    /// The table that is being read: its name, and how many elements are to come.
    open: Option<((u16, Vec<u8>), u64)>,
    soonest: Option<i64>,
}

impl Collector {
    fn add(&mut self, head: Head<'_>, meaning: Meaning) {
        assert!(
            self.open.is_none(),
            "a record within the elements of another"
        );
        let name = (head.db, head.key.to_vec());
        let before = self.model.insert(name, (head.deadline, meaning));
        assert!(before.is_none(), "{head:?} was saved twice");
    }
}

impl Sink for Collector {
    type Error = std::convert::Infallible;

    fn key(&mut self, head: Head<'_>, value: Frozen<'_>) -> Result<(), Self::Error> {
        let meaning = match value {
            Frozen::Int(number) => Meaning::Text(number.to_string().into_bytes()),
            Frozen::Text(bytes) => Meaning::Text(bytes.to_vec()),
            Frozen::Value(value) => meaning(value),
        };
        self.add(head, meaning);
        Ok(())
    }

    fn table(&mut self, head: Head<'_>, table: TableHead) -> Result<(), Self::Error> {
        let meaning = match table.shape {
            Shape::Set => Meaning::Set(BTreeSet::new()),
            Shape::Hash => Meaning::Hash(BTreeMap::new()),
            Shape::Zset => Meaning::Zset(BTreeMap::new()),
        };
        self.add(head, meaning);
        self.open = (table.count > 0).then(|| ((head.db, head.key.to_vec()), table.count));
        self.soonest = table.soonest;
        Ok(())
    }

    fn element(&mut self, element: Element<'_>) -> Result<(), Self::Error> {
        let (name, left) = self.open.as_mut().expect("an element belongs to a table");
        let (_, meaning) = self.model.get_mut(name).expect("its head came before");
        let key = element.key.to_vec();
        let is_new = match meaning {
            Meaning::Set(members) => members.insert(key),
            Meaning::Hash(fields) => {
                let deadline = element.word.map(|word| word as i64);
                assert!(deadline.is_none_or(|deadline| Some(deadline) >= self.soonest));
                let field = (element.value.to_vec(), deadline);
                fields.insert(key, field).is_none()
            }
            Meaning::Zset(members) => {
                let score = element.word.expect("members have scores");
                members.insert(key, score).is_none()
            }
            other => panic!("{other:?} has no elements"),
        };
        assert!(is_new, "an element came twice");
        *left -= 1;
        if *left == 0 {
            self.open = None;
        }
        Ok(())
    }
}

struct Play {
    space: Keyspace,
    rng: Rng,
    now_ms: i64,
    /// How many keys there may be in a database. Where they are few, their values are large, and most changes meet one
    /// that is being walked.
    keys: u64,
}

const DBS: u64 = 3;

impl Play {
    fn new(seed: u64) -> Self {
        Self {
            space: Keyspace::new(DBS as usize, seed),
            rng: Rng::from_seed(seed),
            now_ms: 1_000_000,
            keys: [30, 12, 6][seed as usize % 3],
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let most = if self.rng.one_in(10) { 3000 } else { 30 };
        let len = self.rng.below(most) as usize;
        vec![b'a' + self.rng.below(26) as u8; len]
    }

    fn key(&mut self) -> Vec<u8> {
        let number = self.rng.below(self.keys);
        // Some keys keep to one type, so that their values grow.
        format!(
            "{}{number}",
            ["k", "list", "set", "hash", "zset", "stream"][(number % 6) as usize]
        )
        .into_bytes()
    }

    /// One random change of some key.
    fn step(&mut self) {
        self.now_ms += self.rng.below(3) as i64;
        let db = self.rng.below(DBS) as u16;
        let (key, other, value) = (self.key(), self.key(), self.bytes());
        let seed = self.space.seed();
        let choice = self.rng.below(100);
        let deadline = self.now_ms + self.rng.below(2000) as i64;
        let often = if self.keys < 30 { 4 } else { 20 };
        let count = if self.rng.one_in(often) { 300 } else { 3 };
        let mut numbers: Vec<Vec<u8>> = Vec::new();
        for _ in 0..=self.rng.below(count) {
            numbers.push(self.rng.below(400).to_string().into_bytes());
        }
        let coin = self.rng.one_in(2);
        let mut keys = Keys::new(&mut self.space, db, self.now_ms, Expiry::Remove);
        match choice {
            0..8 => {
                let site = keys.site(&key);
                let until = if coin { Until::Never } else { Until::Kept };
                keys.put(site, text::whole(&value, || None), until);
            }
            8..12 => {
                if let Some(spot) = keys.find(&key) {
                    if let Some(bytes) = keys.edit_inline(spot) {
                        bytes.fill(b'!');
                    } else if let crate::store::PayloadMut::Object(Value::Str(text)) =
                        keys.payload_mut(spot)
                    {
                        Arc::make_mut(text).extend_from_slice(b"more");
                    }
                }
            }
            12..22 => Self::change_list(&mut keys, &key, &value, coin),
            22..40 => Self::change_set(&mut keys, &key, &numbers, coin, seed),
            40..55 => Self::change_hash(&mut keys, &key, &numbers, coin, deadline, seed),
            55..68 => Self::change_zset(&mut keys, &key, &numbers, coin, seed),
            68..76 => Self::change_stream(&mut keys, &key, coin),
            76..82 => {
                keys.remove(&key, coin);
            }
            82..88 => {
                if let Some(spot) = keys.find(&key) {
                    keys.set_deadline(spot, coin.then_some(deadline));
                }
            }
            88..94 => {
                // RENAME, and MOVE to the next database.
                let Some(spot) = keys.find(&key) else { return };
                let taken = keys.take(spot);
                let target = if coin { db } else { (db + 1) % DBS as u16 };
                let mut keys = Keys::new(&mut self.space, target, self.now_ms, Expiry::Remove);
                let (vacancy, _) = keys.vacate(&other, true);
                keys.put_taken(vacancy, taken);
            }
            94..97 => {
                let mut budget = 10;
                self.space.expire_due(self.now_ms, &mut budget);
            }
            97 => {
                self.space.flush(db, coin);
            }
            98 => self.space.swap(db, (db + 1) % DBS as u16),
            _ if self.rng.one_in(3) => (0..DBS as u16).for_each(|db| {
                self.space.flush(db, true);
            }),
            _ => {}
        }
        self.space.garbage.clear();
    }

    fn change_list(keys: &mut Keys<'_>, key: &[u8], value: &[u8], coin: bool) {
        let limits = ListLimits::default();
        let Ok(mut list) = keys.edit_or_create(key, List::new) else {
            return;
        };
        if coin {
            list.grow_for(value.len() * 4, 4, &limits);
            (0..4).for_each(|_| list.push(End::Tail, value, &limits));
        } else {
            list.push(End::Head, value, &limits);
            list.set(-1, b"changed".as_slice(), &limits);
        }
    }

    fn change_set(
        keys: &mut Keys<'_>,
        key: &[u8],
        numbers: &[Vec<u8>],
        coin: bool,
        seed: crate::base::hash::Seed,
    ) {
        let limits = SetLimits {
            intset_entries_max: 4,
            listpack_entries_max: 8,
            listpack_value_max: 20,
            seed,
        };
        if coin {
            if let Ok(mut set) = keys.edit_or_create(key, || {
                set::Set::for_adding(&numbers[0], numbers.len(), &limits)
            }) {
                for number in numbers {
                    set.add(number, &limits);
                }
            }
        } else {
            let Some(mut set) = keys.edit::<set::Set>(key).ok().flatten() else {
                return;
            };
            for number in numbers {
                set.remove(number);
            }
            let is_empty = set.is_empty();
            drop(set);
            if is_empty {
                keys.remove(key, false);
            }
        }
    }

    fn change_hash(
        keys: &mut Keys<'_>,
        key: &[u8],
        fields: &[Vec<u8>],
        coin: bool,
        deadline: i64,
        seed: crate::base::hash::Seed,
    ) {
        let limits = HashLimits {
            listpack_entries_max: 8,
            listpack_value_max: 20,
            seed,
        };
        let Ok(spot) = keys.spot_or_create(key, hash::Hash::new) else {
            return;
        };
        let Ok(mut hash) = keys.edit_at::<hash::Hash>(spot) else {
            return;
        };
        for field in fields {
            let until = if coin {
                FieldUntil::Never
            } else {
                FieldUntil::At(deadline)
            };
            hash.set(field, deadline.to_string().as_bytes(), until, &limits);
        }
        if coin {
            hash.remove(&fields[0]);
        }
        let is_empty = hash.is_empty();
        drop(hash);
        if is_empty {
            keys.remove(key, false);
        } else {
            keys.arm_fields(spot);
        }
    }

    fn change_zset(
        keys: &mut Keys<'_>,
        key: &[u8],
        numbers: &[Vec<u8>],
        coin: bool,
        seed: crate::base::hash::Seed,
    ) {
        let limits = ZsetLimits {
            listpack_entries_max: 8,
            listpack_value_max: 20,
            seed,
        };
        let Ok(mut zset) = keys.edit_or_create(key, zset::Zset::small) else {
            return;
        };
        for number in numbers {
            let score = number.len() as f64 + if coin { 0.5 } else { f64::from(number[0]) };
            zset.add(number, score, AddRule::default(), &limits);
        }
        if coin {
            zset.remove(&numbers[0]);
        }
        let is_empty = zset.is_empty();
        drop(zset);
        if is_empty {
            keys.remove(key, false);
        }
    }

    fn change_stream(keys: &mut Keys<'_>, key: &[u8], coin: bool) {
        let limits = StreamLimits {
            block_bytes_max: 4096,
            block_entries_max: 3,
        };
        let Ok(spot) = keys.spot_or_create(key, Stream::new) else {
            return;
        };
        let stream = keys.object_at_mut::<Stream>(spot);
        let stream = stream.expect("it is a stream");
        if coin {
            let last = stream.log.last_id();
            let group = stream.groups.entry(Box::from(*b"group"));
            let group = group.or_insert_with(|| Group::new(last, None));
            let id = group.consumer_id(b"one");
            let consumer = id.or_else(|| group.create_consumer(b"one", 5));
            let consumer = consumer.expect("there is one of that name otherwise");
            group.deliver(last, consumer, 5);
            let pending = group.pending_range(StreamId::MIN..=last).next();
            if let Some((id, _)) = pending.filter(|_| last.seq.is_multiple_of(3)) {
                group.acknowledge(id);
            }
            if let Some(first) = stream.log.first_entry().map(|entry| entry.id) {
                stream.log.delete(first);
            }
        }
        if let Some(id) = stream.log.resolve(NewId::Auto, 5) {
            let fields = [b"field".as_slice(), b"value".as_slice()];
            let added = stream.log.append(id, fields.into_iter(), &limits);
            assert_eq!(added, Ok(()));
        }
    }

    /// Takes a snapshot while commands run, and compares it with the state at its start.
    fn round(&mut self, pace: u64) {
        for _ in 0..self.rng.below(20) {
            self.step();
        }
        let expected = model_of(&self.space);
        let census = self.space.census();
        assert_eq!(census.keys(), expected.len());
        self.space.freeze();
        if self.rng.one_in(12) {
            for _ in 0..self.rng.below(5) {
                self.step();
                let mut looks = 0;
                self.space.freeze_slice(&mut || {
                    looks += 1;
                    looks < 2
                });
            }
            self.space.give_up_freeze();
            return;
        }
        let mut collector = Collector::default();
        loop {
            for _ in 0..self.rng.below(pace) {
                self.step();
            }
            let mut looks = self.rng.below(4);
            let is_done = self.space.freeze_slice(&mut || {
                looks = looks.saturating_sub(1);
                looks > 0
            });
            for chunk in std::mem::take(&mut self.space.freeze.ready) {
                let Ok(()) = chunk.read(&mut collector);
            }
            if is_done {
                break;
            }
        }
        assert!(collector.open.is_none(), "a table lacks elements");
        assert!(self.space.freeze.ready.is_empty());
        for (name, value) in &expected {
            assert_eq!(collector.model.get(name), Some(value), "{name:?}");
        }
        assert_eq!(collector.model.len(), expected.len());
        let epoch = self.space.freeze.epoch;
        let is_marked = |db: &super::super::Db| db.dict.iter().all(|entry| entry.epoch() == epoch);
        assert!(self.space.dbs.iter().all(is_marked));
    }
}

fn play(seed: u64, rounds: usize) {
    let mut play = Play::new(seed);
    for _ in 0..rounds {
        let pace = [1, 2, 6, 30][play.rng.below(4) as usize];
        play.round(pace);
    }
}

/// A snapshot is the state at its start, whatever happens meanwhile. `POLLUX_ROUNDS` asks for more.
#[test]
fn a_snapshot_is_the_state_at_its_start() {
    let rounds = std::env::var("POLLUX_ROUNDS").ok();
    let rounds = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(400);
    for seed in 0..=(rounds / 500) as u64 {
        play(seed, rounds.min(500));
    }
}

/// However large a value is, and whatever is done to it first: a write copies what it changes, and a slice ends when
/// its time is over.
#[test]
fn no_write_waits_for_a_large_value() {
    type Change = fn(&mut Keys<'_>, &SetLimits);
    let changes: [Change; 6] = [
        |keys, limits| {
            let set = keys.edit::<set::Set>(b"big").ok().flatten();
            let mut set = set.expect("it is a set");
            assert!(set.remove(b"77") && set.add(b"new", limits));
        },
        |keys, _| assert!(keys.remove(b"big", true)),
        |keys, _| {
            let site = keys.site(b"big");
            keys.put(site, New::Int(1), Until::Never);
        },
        |keys, _| {
            let spot = keys.find(b"big").expect("it is there");
            let taken = keys.take(spot);
            let (vacancy, _) = keys.vacate(b"other", false);
            keys.put_taken(vacancy, taken);
        },
        |keys, _| {
            let spot = keys.find(b"big").expect("it is there");
            keys.set_deadline(spot, Some(10_000));
        },
        |keys, _| {
            keys.space.flush(0, true);
        },
    ];
    for (change, is_begun) in changes
        .iter()
        .flat_map(|change| [(change, false), (change, true)])
    {
        let mut space = Keyspace::new(1, 1);
        let limits = SetLimits {
            intset_entries_max: 4,
            listpack_entries_max: 8,
            listpack_value_max: 20,
            seed: space.seed(),
        };
        let mut keys = Keys::new(&mut space, 0, 1, Expiry::Remove);
        let Ok(mut set) = keys.edit_or_create(b"big", || set::Set::large(&limits)) else {
            panic!("there is nothing yet");
        };
        (0..20_000).for_each(|number: u32| {
            set.add(number.to_string().as_bytes(), &limits);
        });
        drop(set);
        let expected = model_of(&space);
        space.freeze();
        let mut is_first = true;
        if is_begun {
            space.freeze_slice(&mut || std::mem::take(&mut is_first));
        }
        let pending = |space: &Keyspace| {
            let chunks = space.freeze.ready.iter().chain(&space.freeze.behind);
            chunks.map(Chunk::size).sum::<usize>() + space.freeze.open.size()
        };
        let before = pending(&space);
        assert!(before < 2000, "{before} bytes in one slice");
        change(&mut Keys::new(&mut space, 0, 1, Expiry::Remove), &limits);
        let copied = pending(&space) - before + space.copied_for_freeze();
        assert!(copied < 1000, "{copied} bytes for one change");
        let mut collector = Collector::default();
        while !space.freeze_slice(&mut || false) {}
        for chunk in std::mem::take(&mut space.freeze.ready) {
            let Ok(()) = chunk.read(&mut collector);
        }
        assert!(collector.model == expected, "not as it was at the start");
    }
}

/// Three bits of epoch suffice, however many snapshots are given up.
#[test]
fn snapshots_may_be_given_up() {
    let mut space = Keyspace::new(1, 1);
    for round in 0..40 {
        let key = format!("key{round}");
        let mut keys = Keys::new(&mut space, 0, 0, Expiry::Remove);
        let (vacancy, _) = keys.vacate(key.as_bytes(), false);
        keys.insert(vacancy, New::Int(round), None);
        space.freeze();
        let mut is_first = true;
        space.freeze_slice(&mut || std::mem::take(&mut is_first));
        if round % 13 != 12 {
            space.give_up_freeze();
            continue;
        }
        while !space.freeze_slice(&mut || true) {}
        let mut collector = Collector::default();
        for chunk in std::mem::take(&mut space.freeze.ready) {
            let Ok(()) = chunk.read(&mut collector);
        }
        assert_eq!(collector.model.len() as i64, round + 1);
    }
}
