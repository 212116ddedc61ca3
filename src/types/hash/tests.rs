//! Hashes against plain vectors and maps.

use std::collections::BTreeMap;

use super::*;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn limits(entries: usize, value: usize) -> HashLimits {
    HashLimits {
        listpack_entries_max: entries,
        listpack_value_max: value,
        seed: Seed::fixed(2),
    }
}

fn some_text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => rng.range(-20, 200).to_string().into_bytes(),
        1 => vec![b't'; rng.index(70)],
        _ => format!("field:{}", rng.below(60)).into_bytes(),
    }
}

fn live(model: &Model, now: i64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let seen = model
        .iter()
        .filter(|(_, (_, deadline))| deadline.is_none_or(|deadline| deadline > now));
    seen.map(|(field, (value, _))| (field.clone(), value.clone()))
        .collect()
}

fn shown(hash: &Hash, now: i64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    hash.for_each(now, |field, value| {
        assert!(
            found.insert(field.to_vec(), value.to_vec()).is_none(),
            "no field twice"
        );
    });
    found
}

#[test]
fn follows_a_map_through_random_edits() {
    for seed in 0..120 {
        let mut rng = Rng::from_seed(seed);
        let limits = limits(rng.index(80), rng.index(80));
        let with_deadlines = rng.one_in(2);
        let mut hash = Hash::new();
        let mut model = Model::new();
        let mut now = 1000;
        for _ in 0..400 {
            now += i64::from(rng.one_in(3));
            let field = some_text(&mut rng);
            let deadline = (with_deadlines && rng.one_in(2)).then(|| now + rng.range(-3, 60));
            let present = model.get(&field).cloned();
            let seen = present
                .as_ref()
                .filter(|(_, deadline)| deadline.is_none_or(|deadline| deadline > now));
            match rng.below(8) {
                0 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                1 => {
                    let value = hash.get(&field, now).map(Item::to_vec);
                    assert_eq!(value.as_ref(), seen.map(|(value, _)| value));
                    let deadline = seen.map_or(FieldDeadline::NoField, |(_, deadline)| {
                        FieldDeadline::of(*deadline)
                    });
                    assert_eq!(hash.deadline(&field, now), deadline);
                }
                2 if with_deadlines => {
                    assert_eq!(hash.set_deadline(&field, deadline), present.is_some());
                    model.entry(field).and_modify(|known| known.1 = deadline);
                }
                3 if rng.one_in(4) => {
                    let most = rng.index(6);
                    let gone = hash.remove_expired(now, most, |field| {
                        let (_, deadline) = model.remove(field).expect("it was there");
                        assert!(deadline.is_some_and(|deadline| deadline <= now));
                    });
                    assert!(gone == most || gone < most && model.len() == live(&model, now).len());
                }
                4 if rng.one_in(4) => {
                    let live = live(&model, now);
                    let one = hash.random(now, &mut rng, |field, value| {
                        (field.to_vec(), value.to_vec())
                    });
                    assert_eq!(one.is_some(), !live.is_empty());
                    assert!(one.is_none_or(|(field, value)| live.get(&field) == Some(&value)));
                    let count = rng.index(20);
                    let mut sample = BTreeMap::new();
                    hash.sample(count, now, &mut rng, |field, value| {
                        assert!(sample.insert(field.to_vec(), value.to_vec()).is_none());
                    });
                    assert_eq!(sample.len(), count.min(live.len()));
                    assert!(
                        sample
                            .iter()
                            .all(|(field, value)| live.get(field) == Some(value))
                    );
                }
                _ => {
                    let value = some_text(&mut rng);
                    let kept = present.as_ref().and_then(|(_, deadline)| *deadline);
                    let (until, after) = match deadline {
                        Some(deadline) => (FieldUntil::At(deadline), Some(deadline)),
                        None if rng.one_in(2) => (FieldUntil::Kept, kept),
                        None => (FieldUntil::Never, None),
                    };
                    assert_eq!(hash.set(&field, &value, until, &limits), present.is_none());
                    model.insert(field, (value, after));
                }
            }
            hash.validate(&limits);
            assert_eq!(
                (hash.len(), hash.len_at(now)),
                (model.len(), live(&model, now).len())
            );
            assert_eq!(
                hash.soonest(),
                model.values().filter_map(|(_, deadline)| *deadline).min()
            );
        }
        assert_eq!(shown(&hash, now), live(&model, now));
        let mut scanned = BTreeMap::new();
        let mut cursor = 0;
        loop {
            cursor = hash.scan(cursor, 5, now, |field, value| {
                scanned.insert(field.to_vec(), value.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(scanned, live(&model, now));
        if !hash.is_empty() {
            let loaded = match hash.view() {
                HashView::Timed(pack) => Hash::from_timed_listpack(pack, &limits),
                HashView::Small | HashView::Large(_) => {
                    Hash::from_listpack(&hash.to_listpack(), &limits)
                }
            };
            let loaded = loaded.expect("what we wrote");
            assert_eq!(shown(&loaded, i64::MIN), live(&model, i64::MIN));
        }
        assert_eq!(shown(&hash.clone(), now), live(&model, now));
    }
}

#[test]
fn forms() {
    let defaults = limits(512, 64);
    let mut hash = Hash::new();
    hash.expect(512, 64, &defaults);
    for index in 0..512 {
        hash.set(
            format!("f{index}").as_bytes(),
            b"1",
            FieldUntil::Never,
            &defaults,
        );
    }
    assert_eq!(hash.encoding(), "listpack");
    assert!(hash.set_deadline(b"f7", Some(5)));
    assert_eq!(hash.encoding(), "listpackex");
    assert!(hash.set_deadline(b"f7", None));
    assert_eq!(hash.encoding(), "listpackex");
    hash.set(b"new", b"1", FieldUntil::Never, &defaults);
    assert_eq!(hash.encoding(), "hashtable");
    let mut hash = Hash::new();
    assert!(!hash.set_deadline(b"f7", Some(5)));
    assert_eq!(hash.encoding(), "listpack");
    hash.expect(1, 65, &defaults);
    assert_eq!(hash.encoding(), "hashtable");
    let mut hash = Hash::new();
    hash.set(b"a", &[b'x'; 65], FieldUntil::Never, &defaults);
    assert_eq!(hash.encoding(), "hashtable");
}

/// The order clients see, with deadlines set, moved and taken away.
#[test]
fn small_hashes_keep_redis_s_order() {
    let defaults = limits(512, 64);
    let mut hash = Hash::new();
    for field in ["a", "b", "c"] {
        hash.set(field.as_bytes(), b"1", FieldUntil::Never, &defaults);
    }
    let order = |hash: &Hash| {
        let mut order = String::new();
        hash.for_each(0, |field, _| {
            order.push_str(&String::from_utf8_lossy(field));
        });
        order
    };
    assert_eq!(order(&hash), "abc");
    hash.set_deadline(b"b", Some(100));
    assert_eq!(order(&hash), "bac");
    hash.set(b"d", b"4", FieldUntil::Never, &defaults);
    hash.set_deadline(b"d", Some(50));
    assert_eq!(order(&hash), "dbac");
    hash.set_deadline(b"a", Some(100));
    assert_eq!(order(&hash), "dabc");
    hash.set_deadline(b"b", Some(100));
    assert_eq!(order(&hash), "dbac");
    hash.set(b"d", b"5", FieldUntil::Kept, &defaults);
    assert_eq!(order(&hash), "dbac");
    hash.set(b"d", b"6", FieldUntil::Never, &defaults);
    assert_eq!(order(&hash), "bacd");
    hash.set(b"a", b"9", FieldUntil::At(100), &defaults);
    assert_eq!(order(&hash), "abcd");
    let HashView::Timed(triples) = hash.view() else {
        panic!("it has deadlines");
    };
    let loaded = Hash::from_timed_listpack(triples, &defaults).expect("well formed");
    assert_eq!(order(&loaded), "abcd");
}

#[test]
fn files_are_checked() {
    let defaults = limits(512, 64);
    let pack = |items: &[Item<'_>]| items.iter().copied().collect::<Listpack>();
    let (a, b, one) = (Item::Bytes(b"a"), Item::Bytes(b"b"), Item::Int(1));
    for pairs in [&[][..], &[a], &[a, one, a, b], &[one, a, b]] {
        assert!(Hash::from_listpack(&pack(pairs), &defaults).is_err());
    }
    let far = Item::Int(1 << 48);
    for triples in [
        &[][..],
        &[a, b],
        &[a, b, b],
        &[a, b, far],
        &[a, b, Item::Int(-1)],
        &[a, b, one, a, b, one],
        // Out of order.
        &[a, b, Item::Int(0), b, a, one],
        &[a, b, Item::Int(2), b, a, one],
    ] {
        assert!(Hash::from_timed_listpack(&pack(triples), &defaults).is_err());
    }
    let hash = Hash::from_timed_listpack(&pack(&[b, a, one, a, b, Item::Int(0)]), &defaults);
    let hash = hash.expect("well formed");
    hash.validate(&defaults);
    assert_eq!(hash.soonest(), Some(1));
}
