//! Packs against plain vectors.

use super::*;
use crate::base::rng::Rng;

fn some_key(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => vec![b'x'; rng.index(40)],
        1 => format!("{}", rng.below(2000)).into_bytes(),
        2 => vec![b"ab"[rng.index(2)]; rng.index(600)],
        3 => (0..rng.index(5)).map(|_| rng.next_u64() as u8).collect(),
        _ => format!("member:{:0width$}", rng.below(300), width = rng.index(12)).into_bytes(),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Int(i64),
    Bytes(Vec<u8>),
    Double(f64),
}

fn some_value(rng: &mut Rng) -> Owned {
    match rng.below(6) {
        0 => Owned::Int(rng.next_u64() as i64 >> rng.below(64)),
        1 => Owned::Int(rng.range(-5000, 5000)),
        2 => Owned::Double(rng.f64()),
        3 => Owned::Bytes(vec![b'v'; rng.index(300)]),
        _ => Owned::Bytes(format!("v{}", rng.below(100)).into_bytes()),
    }
}

fn borrow(value: &Owned) -> Cell<'_> {
    match value {
        Owned::Int(number) => Cell::Int(*number),
        Owned::Bytes(text) => Cell::Bytes(text),
        Owned::Double(score) => Cell::Double(*score),
    }
}

fn own(value: Cell<'_>) -> Owned {
    match value {
        Cell::Int(number) => Owned::Int(number),
        Cell::Bytes(text) => Owned::Bytes(text.to_vec()),
        Cell::Double(score) => Owned::Double(score),
    }
}

fn contents<const VALUED: bool>(pack: &Pack<VALUED>) -> Vec<(Vec<u8>, Owned)> {
    let mut found = Vec::new();
    let mut walk = pack.walk();
    while let Some(row) = walk.next() {
        let value = if VALUED {
            own(walk.value(row))
        } else {
            Owned::Int(0)
        };
        found.push((walk.key().to_vec(), value));
    }
    found
}

fn nth_row<const VALUED: bool>(pack: &Pack<VALUED>, index: usize) -> Option<Row> {
    pack.rows().nth(index)
}

fn follow<const VALUED: bool>(seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let mut pack = Pack::<VALUED>::new();
    let mut model: Vec<(Vec<u8>, Owned)> = Vec::new();
    let most = 1 + rng.index(60);
    for _ in 0..400 {
        let key = some_key(&mut rng);
        let value = if VALUED {
            some_value(&mut rng)
        } else {
            Owned::Int(0)
        };
        let place = model.iter().position(|(present, _)| *present == key);
        assert_eq!(pack.find(&key).is_ok(), place.is_some());
        match (pack.find(&key), place) {
            (Ok(row), Some(place)) => {
                if VALUED {
                    assert_eq!(own(pack.value(row)), model[place].1);
                }
                if VALUED && rng.one_in(2) {
                    pack.set_value(row, borrow(&value));
                    model[place].1 = value;
                } else {
                    pack.remove(row);
                    model.remove(place);
                }
            }
            (Err(gap), None) if rng.one_in(2) => {
                pack.insert(gap, &key, borrow(&value));
                model.push((key, value));
            }
            (Err(_), None) => {
                let index = rng.index(model.len() + 1);
                let mut search = Search::new(&key);
                for row in pack.rows().take(index) {
                    assert_ne!(search.compare(pack.row_key(row)), Ordering::Equal);
                }
                let gap = pack.gap_before(nth_row(&pack, index), &search);
                pack.insert(gap, &key, borrow(&value));
                model.insert(index, (key, value));
            }
            _ => unreachable!(),
        }
        if model.len() > most {
            let index = rng.index(model.len());
            pack.remove(nth_row(&pack, index).expect("an index in range"));
            model.remove(index);
        }
        if rng.one_in(100) {
            pack.retain(|key, _| key.len() % 3 != 0);
            model.retain(|(key, _)| key.len() % 3 != 0);
        }
        pack.validate();
        assert_eq!(pack.len(), model.len());
        assert_eq!(pack.is_empty(), model.is_empty());
    }
    assert_eq!(contents(&pack), model);
    assert_eq!(contents(&pack.clone()), model);
}

#[test]
fn follows_a_vector_through_random_edits() {
    for seed in 0..150 {
        follow::<true>(seed);
        follow::<false>(seed);
    }
}

#[test]
fn every_search_orders_like_slices() {
    let mut rng = Rng::from_seed(5);
    for _ in 0..300 {
        let mut pack = Keys::new();
        let mut keys = Vec::new();
        for _ in 0..rng.below(30) {
            let key = some_key(&mut rng);
            if let Err(gap) = pack.find(&key) {
                pack.insert(gap, &key, Cell::Int(0));
                keys.push(key);
            }
        }
        for _ in 0..20 {
            let sought = some_key(&mut rng);
            let mut search = Search::new(&sought);
            for (row, key) in pack.rows().zip(&keys) {
                assert_eq!(search.compare(pack.row_key(row)), sought.cmp(key));
            }
        }
    }
}

#[test]
fn values_survive() {
    let bounds = [
        0,
        1,
        127,
        128,
        4095,
        4096,
        0x7fff,
        0x8000,
        0x7f_ffff,
        0x80_0000,
        1 << 31,
        1 << 53,
        i64::MAX,
    ];
    let numbers = bounds
        .into_iter()
        .flat_map(|bound| [bound, -bound, !bound, bound - 1])
        .map(Cell::Int);
    let doubles = [0.5, -1e300, f64::INFINITY, f64::NEG_INFINITY].map(Cell::Double);
    let texts = [&b""[..], b"text", &[b'x'; 63], &[b'x'; 64], &[b'x'; 9000]].map(Cell::Bytes);
    for value in numbers.chain(doubles).chain(texts) {
        let encoded = value::encode(value);
        let bytes = [encoded.head(), encoded.text()].concat();
        assert_eq!(value::decode(&bytes), value);
        assert_eq!(value::len(&bytes), bytes.len());
    }
    assert_eq!(Cell::from_score(-0.0), Cell::Int(0));
    assert_eq!(Cell::from_score(1e19), Cell::Double(1e19));
    assert_eq!(Cell::from_score(2.5), Cell::Double(2.5));
    assert_eq!(Cell::from_score(-7.0), Cell::Int(-7));
    assert_eq!(Cell::from_text(b"-12"), Cell::Int(-12));
    assert_eq!(Cell::from_text(b"012"), Cell::Bytes(b"012"));
}

/// The sizes this format exists for.
#[test]
fn ten_fields_are_small() {
    let mut hash = Builder::<true>::new();
    let mut scores = Builder::<true>::new();
    for index in 0..10 {
        hash.push(
            format!("field:{index}").as_bytes(),
            Cell::from_text(b"val:012345"),
        );
        scores.push(
            format!("member:{index}").as_bytes(),
            Cell::from_score(54_321.0 + f64::from(index)),
        );
    }
    let (hash, scores) = (hash.finish(), scores.finish());
    assert_eq!((hash.byte_len(), hash.memory()), (142, 160));
    assert_eq!((scores.byte_len(), scores.memory()), (73, 80));
}
