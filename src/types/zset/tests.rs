//! Sorted sets against sorted vectors.

use super::*;

fn limits(entries: usize, value: usize) -> ZsetLimits {
    ZsetLimits {
        listpack_entries_max: entries,
        listpack_value_max: value,
        seed: Seed::fixed(3),
    }
}

type Model = Vec<(f64, Vec<u8>)>;

fn some_member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => rng.range(-20, 200).to_string().into_bytes(),
        1 => vec![b't'; rng.index(70)],
        _ => format!("member:{}", rng.below(60)).into_bytes(),
    }
}

fn some_score(rng: &mut Rng) -> f64 {
    match rng.below(8) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => (rng.next_u64() as i64) as f64,
        3 => rng.f64() - 0.5,
        _ => rng.range(-5, 5) as f64,
    }
}

fn put(model: &mut Model, member: &[u8], score: f64) -> Option<f64> {
    let before = take(model, member);
    let place =
        model.partition_point(|(theirs, name)| (*theirs, name.as_slice()) < (score, member));
    model.insert(place, (score, member.to_vec()));
    before
}

fn take(model: &mut Model, member: &[u8]) -> Option<f64> {
    let place = model.iter().position(|(_, name)| name == member)?;
    Some(model.remove(place).0)
}

fn contents(zset: &Zset, ranks: Range<usize>) -> Model {
    let mut found = Vec::new();
    zset.for_range(ranks, |member, score| found.push((score, member.to_vec())));
    found
}

fn some_ranks(rng: &mut Rng, len: usize) -> Range<usize> {
    let start = rng.index(len + 2);
    start..start + rng.index(len + 2)
}

fn clipped(model: &Model, ranks: Range<usize>) -> Range<usize> {
    let end = ranks.end.min(model.len());
    ranks.start.min(end)..end
}

#[test]
fn follows_a_vector_through_random_edits() {
    for seed in 0..120 {
        let mut rng = Rng::from_seed(seed);
        let limits = limits(rng.index(80), rng.index(80));
        let mut zset = Zset::for_adding(1, 1, &limits);
        let mut model = Model::new();
        for _ in 0..400 {
            let member = some_member(&mut rng);
            let score = some_score(&mut rng);
            let before = model
                .iter()
                .find(|(_, name)| *name == member)
                .map(|(score, _)| *score);
            match rng.below(10) {
                0 => assert_eq!(zset.remove(&member), take(&mut model, &member)),
                1 => {
                    assert_eq!(zset.score(&member), before);
                    let rank = model.iter().position(|(_, name)| *name == member);
                    assert_eq!(zset.rank(&member), rank.zip(before));
                }
                2 if rng.one_in(3) => {
                    let popped = if rng.one_in(2) {
                        let lowest = (!model.is_empty()).then(|| model.remove(0));
                        (
                            zset.pop_min(|member, score| (score, member.to_vec())),
                            lowest,
                        )
                    } else {
                        (
                            zset.pop_max(|member, score| (score, member.to_vec())),
                            model.pop(),
                        )
                    };
                    assert_eq!(popped.0, popped.1);
                }
                3 if rng.one_in(6) => {
                    let ranks = some_ranks(&mut rng, model.len().min(8));
                    let gone: Model = model.drain(clipped(&model, ranks.clone())).collect();
                    let mut shown = Model::new();
                    let count = zset
                        .remove_range(ranks, |member, score| shown.push((score, member.to_vec())));
                    assert_eq!((count, shown), (gone.len(), gone));
                }
                4 => {
                    let ranks = some_ranks(&mut rng, model.len());
                    let expected = &model[clipped(&model, ranks.clone())];
                    assert_eq!(contents(&zset, ranks.clone()), expected);
                    let mut back = Model::new();
                    zset.for_range_back(ranks, |member, score| back.push((score, member.to_vec())));
                    back.reverse();
                    assert_eq!(back, expected);
                }
                5 => {
                    let range = ScoreRange {
                        min: score,
                        max: some_score(&mut rng),
                        min_excluded: rng.one_in(2),
                        max_excluded: rng.one_in(2),
                    };
                    let inside = |score: f64| !range.is_above(score) && !range.is_below(score);
                    let expected: Vec<_> = model
                        .iter()
                        .filter(|(score, _)| inside(*score))
                        .cloned()
                        .collect();
                    assert_eq!(contents(&zset, zset.ranks_by_score(&range)), expected);
                }
                6 if rng.one_in(4) => {
                    let one = zset.random(&mut rng, |member, score| (score, member.to_vec()));
                    assert_eq!(one.is_some(), !model.is_empty());
                    assert!(one.is_none_or(|one| model.contains(&one)));
                    let count = rng.index(20);
                    let mut sample = Model::new();
                    zset.sample(count, &mut rng, |member, score| {
                        sample.push((score, member.to_vec()));
                    });
                    assert_eq!(sample.len(), count.min(model.len()));
                    sample.sort_by(|a, b| a.1.cmp(&b.1));
                    sample.dedup();
                    assert_eq!(sample.len(), count.min(model.len()));
                    assert!(sample.iter().all(|one| model.contains(one)));
                }
                7 => {
                    let rule = AddRule {
                        present: [Present::Either, Present::No, Present::Yes][rng.index(3)],
                        direction: [Direction::Either, Direction::Up, Direction::Down]
                            [rng.index(3)],
                        increments: rng.one_in(2),
                    };
                    let added = zset.add(&member, score, rule, &limits);
                    let after = before.map_or(score, |before| {
                        if rule.increments {
                            before + score
                        } else {
                            score
                        }
                    });
                    let expected = match before {
                        None if rule.present == Present::Yes => Added::Refused,
                        None => Added::New(after),
                        Some(_) if rule.present == Present::No => Added::Refused,
                        Some(_) if after.is_nan() => Added::NotANumber,
                        Some(before) if rule.direction == Direction::Up && after <= before => {
                            Added::Refused
                        }
                        Some(before) if rule.direction == Direction::Down && after >= before => {
                            Added::Refused
                        }
                        Some(before) if before == after => Added::Same(after),
                        Some(_) => Added::Moved(after),
                    };
                    assert_eq!(added, expected);
                    if let Added::New(score) | Added::Moved(score) = added {
                        put(&mut model, &member, score);
                    }
                }
                _ => {
                    let added = zset.add(&member, score, AddRule::default(), &limits);
                    let expected = match put(&mut model, &member, score) {
                        None => Added::New(score),
                        Some(before) if before == score => Added::Same(score),
                        Some(_) => Added::Moved(score),
                    };
                    assert_eq!(added, expected);
                }
            }
            zset.validate(&limits);
            assert_eq!(zset.len(), model.len());
        }
        assert_eq!(contents(&zset, 0..usize::MAX), model);
        assert_eq!(contents(&zset.clone(), 0..usize::MAX), model);
        let mut scanned = Model::new();
        let mut cursor = 0;
        loop {
            cursor = zset.scan(cursor, 5, |member, score| {
                put(&mut scanned, member, score);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(scanned, model);
        if !zset.is_empty() {
            let loaded = Zset::from_listpack(&zset.to_listpack(), &limits).expect("what we wrote");
            assert_eq!(contents(&loaded, 0..usize::MAX), model);
        }
    }
}

#[test]
fn ranges_of_names() {
    let mut rng = Rng::from_seed(6);
    for entries in [0, 128] {
        let limits = limits(entries, 64);
        let mut zset = Zset::for_adding(1, 1, &limits);
        let mut names = Vec::new();
        for _ in 0..60 {
            let name = some_member(&mut rng);
            if matches!(
                zset.add(&name, 0.0, AddRule::default(), &limits),
                Added::New(_)
            ) {
                names.push(name);
            }
        }
        names.sort();
        for _ in 0..500 {
            let (min, max) = (some_member(&mut rng), some_member(&mut rng));
            let bound = |rng: &mut Rng, name| match rng.below(6) {
                0 => NameBound::Smallest,
                1 => NameBound::Largest,
                2 | 3 => NameBound::Included(name),
                _ => NameBound::Excluded(name),
            };
            let range = NameRange {
                min: bound(&mut rng, &min),
                max: bound(&mut rng, &max),
            };
            let mut found = Vec::new();
            zset.for_range(zset.ranks_by_name(&range), |member, _| {
                found.push(member.to_vec());
            });
            let inside = |name: &&Vec<u8>| !range.is_above(name) && !range.is_below(name);
            assert_eq!(
                found,
                names.iter().filter(inside).cloned().collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn forms() {
    let defaults = limits(128, 64);
    let add = |zset: &mut Zset, member: &str, rule: AddRule| {
        zset.add(member.as_bytes(), 1.0, rule, &defaults)
    };
    assert_eq!(Zset::for_adding(128, 64, &defaults).encoding(), "listpack");
    assert_eq!(Zset::for_adding(129, 1, &defaults).encoding(), "skiplist");
    assert_eq!(Zset::for_adding(1, 65, &defaults).encoding(), "skiplist");
    let mut zset = Zset::small();
    for index in 0..128 {
        assert_eq!(
            add(&mut zset, &index.to_string(), AddRule::default()),
            Added::New(1.0)
        );
    }
    assert_eq!(zset.encoding(), "listpack");
    add(&mut zset, "0", AddRule::default());
    zset.expect(128, &defaults);
    assert_eq!(zset.encoding(), "listpack");
    let only_present = AddRule {
        present: Present::Yes,
        ..AddRule::default()
    };
    assert_eq!(
        add(&mut zset, &"x".repeat(65), only_present),
        Added::Refused
    );
    assert_eq!(zset.encoding(), "listpack");
    add(&mut zset, "more", AddRule::default());
    assert_eq!(zset.encoding(), "skiplist");
    let mut zset = Zset::small();
    add(&mut zset, &"x".repeat(65), AddRule::default());
    assert_eq!(zset.encoding(), "skiplist");
}

#[test]
fn files_are_checked() {
    let defaults = limits(128, 64);
    let pack = |items: &[Item<'_>]| items.iter().copied().collect::<Listpack>();
    let (a, b, one) = (Item::Bytes(b"a"), Item::Bytes(b"b"), Item::Int(1));
    let nan = Item::Bytes(b"nan");
    for pairs in [
        &[][..],
        &[a],
        &[a, one, a, Item::Int(2)],
        &[a, b],
        &[a, nan],
    ] {
        assert!(Zset::from_listpack(&pack(pairs), &defaults).is_err());
    }
    let unordered = pack(&[b, Item::Bytes(b"1.5"), a, one]);
    let zset = Zset::from_listpack(&unordered, &defaults).expect("well formed");
    assert_eq!(
        contents(&zset, 0..9),
        [(1.0, b"a".to_vec()), (1.5, b"b".to_vec())]
    );
    let ordered = zset.to_listpack();
    assert_eq!(ordered, pack(&[a, one, b, Item::Bytes(b"1.5")]));
}
