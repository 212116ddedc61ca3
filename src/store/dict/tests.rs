//! The dict against plain maps. Objects count themselves, so that a lost or doubled drop shows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::*;
use crate::store::entry::{FOLDED_MAX, INLINE_MAX, Payload, PayloadMut};
use crate::store::testing::Random;

/// An object that owns memory. `alive` is shared by all, so its count says how many there are.
#[derive(Debug)]
struct Object {
    number: Box<u64>,
    _alive: Rc<()>,
}

#[derive(Clone, PartialEq, Debug)]
enum Value {
    Int(i64),
    Text(Vec<u8>, bool),
    Folded(u8, Vec<u8>),
    Object(u64),
}

#[derive(Clone, PartialEq, Debug)]
struct Row {
    value: Value,
    deadline: Option<i64>,
    field_deadline: Option<i64>,
    access: u32,
    epoch: u8,
}

struct Pair {
    dict: Dict<Object>,
    model: BTreeMap<Vec<u8>, Row>,
    alive: Rc<()>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self {
            dict: Dict::new(Seed::fixed(seed)),
            model: BTreeMap::new(),
            alive: Rc::new(()),
        }
    }

    fn object(&self, number: u64) -> Object {
        Object {
            number: Box::new(number),
            _alive: self.alive.clone(),
        }
    }

    fn new_payload<'a>(&self, value: &'a Value) -> New<'a, Object> {
        match value {
            Value::Int(number) => New::Int(*number),
            Value::Text(bytes, false) => New::Inline(bytes),
            Value::Text(bytes, true) => New::InlineRaw(bytes),
            Value::Folded(form, bytes) => New::Folded(*form, bytes),
            Value::Object(number) => New::Object(self.object(*number)),
        }
    }

    fn locate(&self, key: &[u8]) -> Option<Spot> {
        self.dict.locate(self.dict.hash(key), key)
    }

    fn validate(&self) {
        self.dict.validate();
        assert_eq!(self.dict.len(), self.model.len());
        for entry in self.dict.iter() {
            assert_eq!(
                Some(&row_of(entry)),
                self.model.get(entry.key()),
                "{:?}",
                entry.key()
            );
        }
        let objects = self
            .model
            .values()
            .filter(|row| matches!(row.value, Value::Object(_)))
            .count();
        assert_eq!(Rc::strong_count(&self.alive) - 1, objects);
    }
}

fn row_of(entry: EntryRef<'_, Object>) -> Row {
    Row {
        value: match entry.payload() {
            Payload::Int(number) => Value::Int(number),
            Payload::Inline(bytes) => Value::Text(bytes.to_vec(), entry.raw_reported()),
            Payload::Folded(form, bytes) => Value::Folded(form, bytes.to_vec()),
            Payload::Object(object) => Value::Object(*object.number),
        },
        deadline: entry.deadline(),
        field_deadline: entry.field_deadline(),
        access: entry.access(),
        epoch: entry.epoch(),
    }
}

fn any_value(random: &mut Random) -> Value {
    match random.below(10) {
        0 | 1 => Value::Int(random.next() as i64),
        2 | 3 => Value::Object(random.next()),
        4 | 5 => {
            let len = random.below(FOLDED_MAX as u64 + 1);
            let bytes = (0..len).map(|_| random.next() as u8).collect();
            Value::Folded(random.below(8) as u8, bytes)
        }
        kind => {
            let most = if random.below(20) == 0 {
                INLINE_MAX as u64 + 1
            } else {
                60
            };
            let len = random.below(most);
            Value::Text((0..len).map(|_| random.next() as u8).collect(), kind == 7)
        }
    }
}

fn any_deadline(random: &mut Random) -> Option<i64> {
    (random.below(2) == 0).then(|| match random.below(10) {
        0 => -(random.below(1 << 50) as i64),
        1 => random.below(1 << 62) as i64,
        _ => 1_700_000_000_000 + random.magnitude(42) as i64,
    })
}

/// Mostly short; now and then on either side of where the length no longer fits a byte.
fn any_key(random: &mut Random) -> Vec<u8> {
    let number = random.below(150);
    match number {
        0 => Vec::new(),
        1..4 => vec![b'w'; 253 + number as usize],
        4 => vec![b'x'; 70_000],
        _ => format!("key:{number}{}", "-".repeat(number as usize % 40)).into_bytes(),
    }
}

fn any_access(random: &mut Random) -> u32 {
    random.below(1 << 24) as u32
}

#[test]
fn behaves_as_a_map() {
    for seed in 0..if cfg!(miri) { 2 } else { 40 } {
        let mut random = Random::new(seed);
        let mut pair = Pair::new(seed);
        let mut now = 1_700_000_000_000;
        for step in 0..if cfg!(miri) { 300 } else { 2500 } {
            one_step(&mut pair, &mut random, &mut now);
            if step % 50 == 0 {
                pair.validate();
            }
        }
        pair.validate();
        let alive = pair.alive.clone();
        drop(pair);
        assert_eq!(
            Rc::strong_count(&alive),
            1,
            "dropping the dict drops what is in it"
        );
    }
}

fn one_step(pair: &mut Pair, random: &mut Random, now: &mut i64) {
    let key = any_key(random);
    let Some(spot) = pair.locate(&key) else {
        assert!(!pair.model.contains_key(&key));
        let (value, deadline) = (any_value(random), any_deadline(random));
        let new = pair.new_payload(&value);
        let spot = pair.dict.insert(pair.dict.vacancy(&key), new, deadline);
        assert_eq!(Some(spot), pair.locate(&key));
        let epoch = pair.dict.birth_epoch();
        pair.model.insert(
            key,
            Row {
                value,
                deadline,
                field_deadline: None,
                access: 0,
                epoch,
            },
        );
        return;
    };
    let mut row = pair.model.remove(&key).expect("as in the dict");
    match random.below(14) {
        12.. => {
            let value = any_value(random);
            let new = pair.new_payload(&value);
            let old = pair.dict.occupied(spot).refold(new);
            assert_eq!(old.is_some(), matches!(row.value, Value::Object(_)));
            row.value = value;
        }
        0..3 => {
            let value = any_value(random);
            let until = [
                Until::Kept,
                Until::Never,
                Until::At(random.next() as i64 >> 20),
            ][random.below(3) as usize];
            let new = pair.new_payload(&value);
            let old = pair.dict.occupied(spot).replace(new, until);
            assert_eq!(old.is_some(), matches!(row.value, Value::Object(_)));
            row = Row {
                value,
                field_deadline: None,
                epoch: pair.dict.birth_epoch(),
                ..row
            };
            match until {
                Until::Kept => {}
                Until::Never => row.deadline = None,
                Until::At(deadline) => row.deadline = Some(deadline),
            }
        }
        3 => {
            row.deadline = any_deadline(random);
            pair.dict.set_deadline(spot, row.deadline);
        }
        4 => {
            row.field_deadline = any_deadline(random);
            pair.dict.set_field_deadline(spot, row.field_deadline);
        }
        5 => {
            row.access = any_access(random);
            row.epoch = random.below(8) as u8;
            pair.dict.entry(spot).set_access(row.access);
            pair.dict.entry(spot).set_epoch(row.epoch);
        }
        6 => {
            edit(pair.dict.entry_mut(spot), &mut row.value, random);
        }
        7 => {
            let taken = pair.dict.take(spot);
            assert_eq!(
                (taken.deadline, taken.field_deadline),
                (row.deadline, row.field_deadline)
            );
            let other = any_key(random);
            if let Some(spot) = pair.locate(&other) {
                pair.dict.remove(spot);
            }
            let spot = pair.dict.put(pair.dict.vacancy(&other), taken);
            assert_eq!(pair.dict.entry(spot).key(), other);
            row.epoch = pair.dict.birth_epoch();
            pair.model.insert(other, row);
            return;
        }
        8 => pair.dict.set_birth_epoch(random.below(8) as u8),
        9 => {
            pair.model.insert(key, row);
            *now += random.magnitude(35) as i64;
            while let Some(spot) = pair.dict.next_due(*now, &mut 1000) {
                let due = pair
                    .model
                    .remove(pair.dict.entry(spot).key())
                    .expect("as in the dict");
                let times = [due.deadline, due.field_deadline];
                assert!(times.iter().flatten().any(|&time| time <= *now));
                pair.dict.remove(spot);
            }
            return;
        }
        _ => {
            let object = pair.dict.remove(spot);
            assert_eq!(
                object.map(|object| Value::Object(*object.number)),
                match row.value {
                    Value::Object(_) => Some(row.value),
                    _ => None,
                }
            );
            return;
        }
    }
    pair.model.insert(key, row);
}

fn edit(mut entry: EntryMut<'_, Object>, value: &mut Value, random: &mut Random) {
    if entry.set_int(5) {
        *value = Value::Int(5);
    }
    match (entry.payload_mut(), value) {
        (PayloadMut::Int(place), Value::Int(number)) => {
            *number = random.next() as i64;
            *place = *number;
        }
        (PayloadMut::Inline(place), Value::Text(bytes, is_raw)) => {
            assert_eq!(place, bytes);
            if let (Some(byte), Some(twin)) = (place.last_mut(), bytes.last_mut()) {
                *byte = 7;
                *twin = 7;
            }
            *is_raw = true;
            entry.set_raw_reported();
            assert!(entry.shared().raw_reported());
        }
        (PayloadMut::Object(object), Value::Object(number)) => {
            *number += 1;
            *object.number += 1;
            assert_eq!(
                entry.into_object_mut().map(|object| *object.number),
                Some(*number)
            );
        }
        (PayloadMut::Folded, Value::Folded(..)) => {}
        other => panic!("dict and model disagree: {other:?}"),
    }
}

#[test]
fn replacing_reuses_an_allocation_of_the_same_class() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    let spot = dict.insert(
        dict.vacancy(b"sixteen bytes ok"),
        New::Inline(&[1; 32]),
        None,
    );
    assert_eq!(dict.entry_bytes(spot), 56);
    let place = dict.entry(spot).key().as_ptr();
    dict.occupied(spot)
        .replace(New::Inline(&[2; 30]), Until::Never);
    assert_eq!(dict.entry(spot).key().as_ptr(), place);
    assert_eq!(dict.entry_bytes(spot), 56);
    dict.occupied(spot)
        .replace(New::Inline(&[2; 60]), Until::Never);
    assert_eq!(dict.entry_bytes(spot), 96);
    dict.occupied(spot).replace(New::Object(1), Until::At(9));
    assert_eq!(
        dict.occupied(spot).replace(New::Object(2), Until::Kept),
        Some(1)
    );
    assert_eq!(dict.entry(spot).deadline(), Some(9));
    dict.validate();
}

/// A table this size with keys of 16 and values of 32 bytes: what DESIGN promises per key.
#[test]
fn memory_per_key() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    let count = if cfg!(miri) { 100 } else { 100_000 };
    for number in 0..count {
        let key = format!("key:{number:012}");
        dict.insert(dict.vacancy(key.as_bytes()), New::Inline(&[7; 32]), None);
    }
    assert!(dict.iter().all(|entry| entry.bytes() == 56));
    assert!(cfg!(miri) || dict.table_bytes() <= count * 13);
    assert_eq!(dict.wheel_bytes(), 0);
}

#[test]
fn clearing_detaches_the_whole() {
    let mut pair = Pair::new(1);
    let mut random = Random::new(1);
    for _ in 0..300 {
        one_step(&mut pair, &mut random, &mut 0);
    }
    let old = pair.dict.clear();
    assert_eq!(old.len(), pair.model.len());
    old.validate();
    assert!(pair.dict.is_empty());
    assert_eq!((pair.dict.expires(), pair.dict.table_bytes()), (0, 0));
    pair.model.clear();
    drop(old);
    pair.validate();
}

/// A dict of values that may travel can be dropped elsewhere.
#[test]
fn a_dict_can_be_dropped_on_another_thread() {
    let mut dict: Dict<Vec<u8>> = Dict::new(Seed::fixed(1));
    for number in 0..100u32 {
        let key = number.to_le_bytes();
        dict.insert(dict.vacancy(&key), New::Object(vec![1; 100]), Some(5));
    }
    let old = dict.clear();
    std::thread::spawn(move || drop(old))
        .join()
        .expect("it drops");
}

#[test]
fn a_lookup_compares_whole_keys() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    let spot = dict.insert(dict.vacancy(b"key"), New::Inline(b"value"), Some(5));
    dict.entry(spot).set_access(9);
    assert!(matches!(
        dict.entry(spot).payload(),
        Payload::Inline(b"value")
    ));
    assert_eq!(dict.entry(spot).access(), 9);
    assert_eq!(dict.locate(dict.hash(b"kez"), b"kez"), None);
    assert_eq!(dict.locate(dict.hash(b"key"), b"keys"), None);
}

#[test]
#[should_panic(expected = "stale")]
fn a_stale_spot_panics() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    let spot = dict.insert(dict.vacancy(b"key"), New::Int(1), None);
    dict.remove(spot);
    dict.remove(spot);
}

#[test]
#[should_panic(expected = "is an object")]
fn a_long_string_is_refused() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    dict.insert(
        dict.vacancy(b"key"),
        New::Inline(&[0; INLINE_MAX + 1]),
        None,
    );
}

/// How the wheel's test treats an entry that is reported.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Removes,
    MovesDeadlines,
    LeavesSome,
}

/// The wheel against a sorted map, with a clock that runs, leaps ahead, and is set back.
#[test]
fn what_is_due_is_reported_once_and_in_time() {
    for seed in 0..if cfg!(miri) { 2 } else { 120 } {
        let mut random = Random::new(seed);
        let habit =
            [Habit::Removes, Habit::MovesDeadlines, Habit::LeavesSome][random.below(3) as usize];
        let may_go_back = random.below(2) == 0;
        let spread = 1 + random.below(44);
        let mut dict: Dict<u64> = Dict::new(Seed::fixed(seed));
        let mut armed: HashMap<Vec<u8>, i64> = HashMap::new();
        let mut left: HashSet<Vec<u8>> = HashSet::new();
        let mut now = 1_700_000_000_000i64 + random.below(1 << 40) as i64;
        if random.below(2) == 0 {
            assert_eq!(dict.next_due(now, &mut 1), None);
        }
        let (mut has_gone_back, mut latest) = (false, now);
        for _ in 0..if cfg!(miri) { 60 } else { 400 } {
            for _ in 0..random.below(12) {
                let key = format!("{}", random.below(200)).into_bytes();
                let deadline = now - 50 + random.magnitude(spread) as i64;
                let spot = dict.locate(dict.hash(&key), &key);
                if random.below(6) == 0 {
                    if let Some(spot) = spot {
                        dict.remove(spot);
                        armed.remove(&key);
                    }
                } else {
                    match spot {
                        Some(spot) => dict.set_deadline(spot, Some(deadline)),
                        None => {
                            dict.insert(dict.vacancy(&key), New::Int(0), Some(deadline));
                        }
                    }
                    if armed.insert(key.clone(), deadline) == Some(deadline) {
                        // Nothing has changed for the wheel, so a report stays made.
                        continue;
                    }
                }
                left.remove(&key);
            }
            match random.below(30) {
                0 => now += random.below(1 << 42) as i64,
                1 if may_go_back => {
                    now -= random.magnitude(36) as i64;
                    has_gone_back = true;
                }
                2 => {}
                _ => now += random.magnitude(14) as i64,
            }
            let mut budget = if random.below(3) == 0 {
                random.below(20) as usize
            } else {
                1_000_000
            };
            let hint = dict.next_due_hint();
            let mut has_found = false;
            while let Some(spot) = dict.next_due(now, &mut budget) {
                has_found = true;
                let key = dict.entry(spot).key().to_vec();
                let time = armed[&key];
                assert!(time <= now, "seed {seed}: {} ms too early", time - now);
                match habit {
                    Habit::LeavesSome if random.below(3) == 0 => _ = left.insert(key),
                    Habit::MovesDeadlines if random.below(2) == 0 => {
                        let later = now + 1 + random.below(5000) as i64;
                        dict.set_deadline(spot, Some(later));
                        armed.insert(key, later);
                    }
                    _ => {
                        dict.remove(spot);
                        armed.remove(&key);
                        left.remove(&key);
                    }
                }
            }
            assert!(
                !has_found || now < latest || hint.is_some_and(|hint| hint <= now),
                "seed {seed}: the hint {hint:?} would have let us sleep"
            );
            latest = now;
            if budget > 0 {
                // After the clock went back, records that wait for it to catch up are looked at once a second only.
                let settled = if has_gone_back {
                    now - now.rem_euclid(1000)
                } else {
                    now
                };
                for (key, &time) in &armed {
                    assert!(
                        time > settled || left.contains(key),
                        "seed {seed}: {} ms late",
                        now - time
                    );
                }
            }
            dict.validate();
        }
    }
}

/// An entry that is left alone comes again, a second later and not before.
#[test]
fn a_neglected_entry_is_reported_again() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    let spot = dict.insert(dict.vacancy(b"key"), New::Int(1), None);
    dict.set_field_deadline(spot, Some(5_000));
    let mut due = |now| dict.next_due(now, &mut 100).is_some();
    assert_eq!(
        [due(4_999), due(5_000), due(5_000), due(5_999)],
        [false, true, false, false]
    );
    assert_eq!(
        [due(6_000), due(6_500), due(7_001), due(7_002)],
        [true, false, true, false]
    );
}

/// Few keys with deadlines among many without: each is as likely, wherever in the wheel it is.
#[test]
fn random_expiring_finds_the_few() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    assert_eq!(dict.random_expiring(&mut || 0), None);
    dict.next_due(1_000_000, &mut 1);
    for number in 0..500i64 {
        let key = number.to_le_bytes();
        let deadline = (number % 25 == 0).then_some(999_000 + (1 << (number / 12)));
        dict.insert(dict.vacancy(&key), New::Int(number), deadline);
    }
    let mut random = Random::new(1);
    let mut hits = HashMap::new();
    for _ in 0..20 * 400 {
        let spot = dict
            .random_expiring(&mut || random.next())
            .expect("there are twenty");
        assert!(dict.entry(spot).deadline().is_some());
        *hits.entry(dict.entry(spot).key().to_vec()).or_insert(0) += 1;
    }
    assert_eq!(hits.len(), 20);
    assert!(hits.values().all(|&n| (300..500).contains(&n)), "{hits:?}");
}

/// Many keys that expire together take many small slices, none of which does more than its budget.
#[test]
fn a_backlog_drains_in_slices() {
    let mut dict: Dict<u64> = Dict::new(Seed::fixed(1));
    let count = if cfg!(miri) { 50 } else { 20_000u32 };
    dict.next_due(1_000_000, &mut 1);
    for number in 0..count {
        let key = number.to_le_bytes();
        dict.insert(
            dict.vacancy(&key),
            New::Int(0),
            Some(2_000_000 + i64::from(number % 1000)),
        );
    }
    let (mut found, mut slices) = (0, 0);
    while !dict.is_empty() {
        let mut budget = 16;
        while let Some(spot) = dict.next_due(3_000_000, &mut budget) {
            dict.remove(spot);
            found += 1;
        }
        slices += 1;
        assert!(slices < count);
    }
    assert_eq!(found, count);
    assert!(
        dict.wheel_bytes() < 20_000,
        "levels stay, records do not: {}",
        dict.wheel_bytes()
    );
}

/// A proof of absence is spent by a single use, holds for one dict, and no longer than until something is added.
#[test]
fn a_vacancy_lapses() {
    let seed = Seed::fixed(1);
    let adding_twice = || {
        let mut dict: Dict<u64> = Dict::new(seed);
        let (one, other) = (dict.vacancy(b"key"), dict.vacancy(b"key"));
        dict.insert(one, New::Int(1), None);
        dict.insert(other, New::Int(2), None);
    };
    let adding_elsewhere = || {
        let mut dict: Dict<u64> = Dict::new(seed);
        let other: Dict<u64> = Dict::new(seed);
        dict.insert(other.vacancy(b"key"), New::Int(1), None);
    };
    let after_removal = || {
        let mut dict: Dict<u64> = Dict::new(seed);
        let spot = dict.insert(dict.vacancy(b"other"), New::Int(1), None);
        let vacancy = dict.vacancy(b"key");
        dict.remove(spot);
        dict.insert(vacancy, New::Int(2), None);
        dict.validate();
    };
    assert!(std::panic::catch_unwind(adding_twice).is_err());
    assert!(std::panic::catch_unwind(adding_elsewhere).is_err());
    after_removal();
}
