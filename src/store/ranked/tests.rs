//! The sorted set against a sorted vector and a map.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::*;
use crate::store::bins::Bins;
use crate::store::testing::Random;

#[derive(Default)]
struct Model {
    scores: HashMap<Vec<u8>, f64>,
}

impl Model {
    fn sorted(&self) -> Vec<(&[u8], f64)> {
        let mut sorted: Vec<_> = self
            .scores
            .iter()
            .map(|(member, &score)| (&member[..], score))
            .collect();
        sorted.sort_by(|left, right| by_score(left.1, right.1).then(left.0.cmp(right.0)));
        sorted
    }
}

fn by_score(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).expect("no NaN")
}

fn any_score(random: &mut Random, kind: u64) -> f64 {
    match kind {
        // All equal: the bytes decide.
        0 => 0.0,
        1 => [0.0, -0.0, 1.0, f64::INFINITY, f64::NEG_INFINITY][random.below(5) as usize],
        2 => random.below(40) as f64,
        _ => random.next() as i64 as f64 / 1e6,
    }
}

fn compare(ranked: &Ranked, model: &Model) {
    ranked.validate();
    let sorted = model.sorted();
    assert_eq!(ranked.iter().collect::<Vec<_>>(), sorted);
    assert_eq!(ranked.len(), sorted.len());
    let backwards: Vec<_> = ranked.iter().rev().collect();
    assert!(backwards.iter().eq(sorted.iter().rev()));
}

fn compare_queries(ranked: &Ranked, model: &Model, random: &mut Random, kind: u64) {
    let sorted = model.sorted();
    let len = sorted.len() as u64;
    for _ in 0..10 {
        let rank = random.below(len + 2) as usize;
        assert_eq!(ranked.at(rank), sorted.get(rank).copied());
        if let Some(&(member, score)) = sorted.get(rank) {
            assert_eq!(ranked.rank(member), Some((rank, score)));
        }
        let bound = any_score(random, kind);
        assert_eq!(
            ranked.partition(|score, _| score < bound),
            sorted.partition_point(|pair| pair.1 < bound)
        );
        assert_eq!(
            ranked.partition(|score, _| score <= bound),
            sorted.partition_point(|pair| pair.1 <= bound)
        );
        let name = random.below(1000).to_string().into_bytes();
        let before =
            |score: f64, member: &[u8]| score < bound || (score == bound && member < &name[..]);
        assert_eq!(
            ranked.partition(before),
            sorted.partition_point(|pair| before(pair.1, pair.0))
        );
        let (start, end) = (
            random.below(len + 3) as usize,
            random.below(len + 3) as usize,
        );
        let expected = sorted.get(start..end.min(sorted.len())).unwrap_or(&[]);
        assert_eq!(ranked.range(start..end).len(), expected.len());
        assert_eq!(ranked.range(start..end).collect::<Vec<_>>(), expected);
        let mut from_both = ranked.range(start..end);
        let mut window = expected;
        while let [first, rest @ ..] = window {
            window = rest;
            assert_eq!(from_both.next(), Some(*first));
            if let [rest @ .., last] = window {
                window = rest;
                assert_eq!(from_both.next_back(), Some(*last));
            }
        }
        assert_eq!((from_both.next(), from_both.next_back()), (None, None));
    }
}

/// Gives every member another place in memory.
fn relocate_all(ranked: &mut Ranked) {
    let bins = Bins::new();
    let mut mover = Mover::of_all(&bins);
    let mut cursor = ranked.relocate(0, &mut mover);
    while cursor != 0 {
        cursor = ranked.relocate(cursor, &mut mover);
    }
    assert_eq!(mover.moved, ranked.len() as u64);
}

#[test]
fn behaves_as_a_sorted_map() {
    for seed in 0..if cfg!(miri) { 2 } else { 32 } {
        let mut random = Random::new(seed);
        let kind = seed % 4;
        let mut ranked = Ranked::new(Seed::fixed(seed));
        let mut model = Model::default();
        let (names, steps) = if cfg!(miri) {
            (300, 700)
        } else {
            (200 + random.below(4000), 12_000)
        };
        for step in 0..steps {
            let grows = step * 4 / steps % 2 == 0;
            let member = random.below(names).to_string().into_bytes();
            if random.below(10) < if grows { 8 } else { 3 } {
                let score = any_score(&mut random, kind);
                let old = ranked.insert(&member, score);
                assert_eq!(old, model.scores.get(&member).copied());
                if old != Some(score) {
                    model.scores.insert(member, score);
                }
            } else {
                assert_eq!(ranked.remove(&member), model.scores.remove(&member));
            }
            if step % (steps / 16) == 0 {
                relocate_all(&mut ranked);
                compare(&ranked, &model);
                compare_queries(&ranked, &model, &mut random, kind);
            }
        }
        let copy = ranked.clone();
        compare(&copy, &model);
        while !ranked.is_empty() {
            let start = random.below(ranked.len() as u64) as usize;
            let end = start + random.below(300) as usize;
            let expected: Vec<(Vec<u8>, f64)> = ranked
                .range(start..end)
                .map(|(member, score)| (member.to_vec(), score))
                .collect();
            let mut gone = Vec::new();
            let count = ranked.remove_range(start..end, &mut |member, score| {
                gone.push((member.to_vec(), score));
            });
            assert_eq!((&gone, gone.len()), (&expected, count));
            for (member, _) in gone {
                model.scores.remove(&member);
            }
            compare(&ranked, &model);
        }
        copy.validate();
    }
}

/// Scores that only grow, as time stamps do, and the oldest removed: a sliding window.
#[test]
fn a_window_that_slides_keeps_its_size() {
    let mut ranked = Ranked::new(Seed::fixed(1));
    let window = if cfg!(miri) { 200 } else { 2000 };
    let mut most = 0;
    for now in 0..window * 5 {
        ranked.insert(format!("{now}").as_bytes(), f64::from(now));
        if now >= window {
            assert_eq!(ranked.remove_range(0..1, &mut |_, _| {}), 1);
        }
        most = most.max(ranked.tree.bytes());
    }
    ranked.validate();
    assert_eq!(
        ranked.at(0).map(|(_, score)| score),
        Some(f64::from(window * 4))
    );
    assert!(most <= window as usize * 24 + 4096, "{most}");
}

/// The memory that the order costs per member: in order and at random, and after most have gone again.
#[test]
fn memory_per_member() {
    let count = if cfg!(miri) { 300 } else { 100_000u64 };
    let mut random = Random::new(1);
    let (mut in_order, mut shuffled) = (Ranked::new(Seed::fixed(1)), Ranked::new(Seed::fixed(1)));
    for number in 0..count {
        let name = format!("member:{number:09}");
        in_order.insert(name.as_bytes(), number as f64);
        shuffled.insert(name.as_bytes(), random.next() as f64);
    }
    let each = |ranked: &Ranked| ranked.tree.bytes() as f64 / ranked.len() as f64;
    assert!(each(&in_order) < 15.0 || cfg!(miri), "{}", each(&in_order));
    assert!(each(&shuffled) < 18.5 || cfg!(miri), "{}", each(&shuffled));
    for _ in 0..count * 9 / 10 {
        let name = shuffled
            .random(&mut || random.next())
            .expect("not empty")
            .0
            .to_vec();
        shuffled.remove(&name);
    }
    shuffled.validate();
    assert!(each(&shuffled) < 45.0 || cfg!(miri), "{}", each(&shuffled));
}

#[test]
#[should_panic(expected = "NaN")]
fn nan_is_refused() {
    Ranked::new(Seed::fixed(1)).insert(b"member", f64::NAN);
}
