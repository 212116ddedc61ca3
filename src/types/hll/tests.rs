//! HyperLogLogs against plain arrays of registers.

use super::*;
use crate::base::murmur::murmur64a;
use crate::base::rng::Rng;

const LIMIT: usize = 3000;

/// The registers a set of elements leads to, computed the plain way.
fn model(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut registers = vec![0; REGISTER_COUNT];
    for element in elements {
        let hash = murmur64a(element, HASH_SEED);
        let run = (hash >> 14).trailing_zeros().min(50) as u8 + 1;
        let register = &mut registers[(hash & 0x3fff) as usize];
        *register = run.max(*register);
    }
    registers
}

fn registers(string: &[u8]) -> Vec<u8> {
    let mut union = Registers::new();
    union.merge(string).expect("a valid string");
    union.as_slice().to_vec()
}

fn element(rng: &mut Rng) -> Vec<u8> {
    rng.next_u64().to_le_bytes()[..=rng.index(8)].to_vec()
}

#[test]
fn registers_are_those_of_the_model() {
    let mut rng = Rng::from_seed(14);
    for limit in [0, 18, 40, 300, LIMIT, usize::MAX] {
        let mut string = empty();
        let mut elements = Vec::new();
        for round in 0..6000 {
            let element = element(&mut rng);
            let before = string.clone();
            let changed = add(&mut string, &element, limit).expect("a valid string");
            assert_eq!(changed, string != before || (round == 0 && limit == 0));
            elements.push(element);
            if round % 1500 == 0 {
                assert_eq!(registers(&string), model(&elements));
            }
        }
        assert_eq!(registers(&string), model(&elements));
        let sparse = string.clone();
        make_dense(&mut string).expect("a valid string");
        assert_eq!(string.len(), DENSE_LEN);
        assert_eq!(registers(&string), registers(&sparse));
        assert_eq!(count(&string), count(&sparse));
    }
}

#[test]
fn estimates_are_close() {
    let mut string = empty();
    assert_eq!(count(&string), Ok(0));
    let mut added = 0_u32;
    for target in [1, 2, 10, 100, 1000, 10_000, 100_000] {
        while added < target {
            add(&mut string, &added.to_le_bytes(), LIMIT).expect("a valid string");
            added += 1;
        }
        let estimate = count(&string).expect("a valid string") as f64;
        assert!(
            (estimate / f64::from(target) - 1.0).abs() < 0.03,
            "{estimate} for {target}"
        );
    }
    assert_eq!(encoding(&string), Ok(HllEncoding::Dense));
}

#[test]
fn the_cached_estimate() {
    let mut string = empty();
    assert_eq!(cached_count(&string), Ok(Some(0)));
    assert_eq!(add(&mut string, b"a", LIMIT), Ok(true));
    assert_eq!(cached_count(&string), Ok(None));
    store_count(&mut string, 1);
    assert_eq!(cached_count(&string), Ok(Some(1)));
    assert_eq!(add(&mut string, b"a", LIMIT), Ok(false));
    assert_eq!(cached_count(&string), Ok(Some(1)));
}

#[test]
fn a_union_counts_everything_once() {
    let mut rng = Rng::from_seed(3);
    for _ in 0..30 {
        let mut union = Registers::new();
        let mut target = HllEncoding::Sparse;
        let mut elements = Vec::new();
        let mut destination = empty();
        for _ in 0..rng.below(5) {
            let mut string = empty();
            let limit = if rng.one_in(3) { 0 } else { LIMIT };
            for _ in 0..rng.below(2000) {
                let element = element(&mut rng);
                add(&mut string, &element, limit).expect("a valid string");
                elements.push(element);
            }
            if union.merge(&string) == Ok(HllEncoding::Dense) {
                target = HllEncoding::Dense;
            }
        }
        union
            .store(&mut destination, target, LIMIT)
            .expect("a valid string");
        assert_eq!(registers(&destination), model(&elements));
        assert_eq!(count(&destination), Ok(union.count()));
        assert_eq!(cached_count(&destination), Ok(None));
    }
}

#[test]
fn descriptions() {
    let mut string = empty();
    assert_eq!(describe(&string), Ok(Some("Z:16384".into())));
    add(&mut string, b"a", LIMIT).expect("a valid string");
    let text = describe(&string).expect("valid").expect("sparse");
    assert!(text.starts_with("Z:") && text.contains(" v:2,1 "), "{text}");
    make_dense(&mut string).expect("a valid string");
    assert_eq!(describe(&string), Ok(None));
}

#[test]
fn strings_that_are_no_hyperloglogs() {
    for string in [
        &b""[..],
        b"HYLL",
        b"HYLL\x01\0\0\0\0\0\0\0\0\0\0",
        b"hyll\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
    ] {
        assert_eq!(encoding(string), Err(HllError::NotHll));
    }
    let mut dense = empty();
    make_dense(&mut dense).expect("a valid string");
    dense.push(0);
    assert_eq!(encoding(&dense), Err(HllError::NotHll));
    dense.truncate(DENSE_LEN);
    dense[4] = 2;
    assert_eq!(encoding(&dense), Err(HllError::NotHll));
}

/// Opcodes may be anything: no panic, no endless walk, and what is accepted has 16384 registers.
#[test]
fn corrupted_opcodes() {
    let mut rng = Rng::from_seed(99);
    let header = empty()[..HEADER_LEN].to_vec();
    assert_eq!(count(&header), Err(HllError::Corrupted));
    for _ in 0..20_000 {
        let mut string = empty();
        for _ in 0..rng.below(20) {
            let _ = add(&mut string, &element(&mut rng), LIMIT);
        }
        for _ in 0..=rng.below(3) {
            let at = HEADER_LEN + rng.index(string.len() - HEADER_LEN);
            string[at] = rng.next_u64() as u8;
        }
        string.truncate(string.len() - rng.index(3));
        let counted = count(&string);
        let mut union = Registers::new();
        assert_eq!(union.merge(&string).is_ok(), counted.is_ok());
        let _ = describe(&string);
        let mut dense = string.clone();
        assert_eq!(make_dense(&mut dense).is_ok(), counted.is_ok());
        for _ in 0..10 {
            let _ = add(&mut string, &element(&mut rng), 40);
        }
    }
}
