use std::collections::BTreeMap;

use super::*;
use crate::base::rng::Rng;
use crate::store::Ranked;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

fn any_key(rng: &mut Rng) -> Vec<u8> {
    format!("element:{}", rng.below(600)).into_bytes()
}

fn change_members(table: &mut Walked<Members>, rng: &mut Rng) {
    let key = any_key(rng);
    let hash = table.hash(&key);
    let value = rng.below(1000).to_string();
    let word = rng.one_in(3).then(|| rng.next_u64());
    match (table.locate(hash, &key), rng.below(4)) {
        (None, _) => {
            table.insert(hash, &key, value.as_bytes(), word);
        }
        (Some(_), 0) => {
            table.update(hash, &key, value.as_bytes());
        }
        (Some(spot), 1) => table.set_word(spot, word),
        (Some(spot), _) => table.remove(spot),
    }
}

fn change_ranked(table: &mut Walked<Ranked>, rng: &mut Rng) {
    let key = any_key(rng);
    match rng.below(8) {
        0..5 => {
            let score = [-0.0, 0.0, 1.0, rng.below(100) as f64, f64::INFINITY][rng.index(5)];
            table.insert(&key, score);
        }
        5 | 6 => {
            table.remove(&key);
        }
        _ => {
            let from = rng.index(table.len() + 1);
            table.remove_range(from..from + rng.index(5), &mut |_, _| {});
        }
    }
}

fn model_of_members(table: &Members) -> Model {
    let element = |member: crate::store::Member<'_>| {
        let (key, value) = (member.key().to_vec(), member.value().to_vec());
        (key, (value, member.word()))
    };
    table.iter().map(element).collect()
}

fn model_of_ranked(table: &Ranked) -> Model {
    let element = |(member, score): (&[u8], f64)| {
        // Zeros are equal, and a table may take one for the other.
        (member.to_vec(), (Vec::new(), Some((score + 0.0).to_bits())))
    };
    table.iter().map(element).collect()
}

/// Walks while the table changes, and at some point gives it to an owner that goes on without changes.
fn follow<T: Table>(
    mut table: Walked<T>,
    seed: u64,
    model_of: impl Fn(&T) -> Model,
    change: impl Fn(&mut Walked<T>, &mut Rng),
) where
    Walked<T>: Walk,
{
    let mut rng = Rng::from_seed(seed);
    for id in 0..6 {
        let (size, pace) = (rng.below(1500), rng.below(12));
        // Now and then nearly everything goes, so that buckets are joined.
        let mut most = [u64::MAX, 20][rng.index(2)];
        for _ in 0..size {
            change(&mut table, &mut rng);
        }
        let expected = model_of(&table);
        table.begin(id, Seed::fixed(id));
        assert_eq!(table.walk(), Some(id));
        let mut shown = Model::new();
        let mut show = |key: &[u8], value: &[u8], word: Option<u64>| {
            let word = word.map(|word| {
                if word == (-0.0_f64).to_bits() {
                    0
                } else {
                    word
                }
            });
            let before = shown.insert(key.to_vec(), (value.to_vec(), word));
            assert!(before.is_none(), "{} twice", String::from_utf8_lossy(key));
        };
        while table.step(&mut show) && most > 0 {
            most -= 1;
            for _ in 0..rng.below(pace + 1) {
                change(&mut table, &mut rng);
            }
        }
        while table.step(&mut show) {}
        assert!(!table.step(&mut show), "it is over");
        // Nothing that happens now matters any more.
        for _ in 0..10 {
            change(&mut table, &mut rng);
        }
        let kept = table.end().expect("a walk was under way");
        kept.show(&mut show);
        assert_eq!(shown, expected, "seed {seed}");
        assert_eq!((table.walk(), table.end().is_none()), (None, true));
    }
}

#[test]
fn tables_are_seen_as_they_were() {
    for seed in 0..60 {
        let members = Walked::new(Members::new(Seed::fixed(seed)));
        follow(members, seed, model_of_members, change_members);
        let ranked = Walked::new(Ranked::new(Seed::fixed(seed)));
        follow(ranked, seed, model_of_ranked, change_ranked);
    }
}

#[test]
fn a_copy_is_not_walked() {
    let mut table = Walked::new(Members::new(Seed::fixed(1)));
    let hash = table.hash(b"a");
    table.insert(hash, b"a", b"", None);
    table.begin(7, Seed::fixed(2));
    assert_eq!(table.clone().walk(), None);
    assert_eq!(table.walk(), Some(7));
}
