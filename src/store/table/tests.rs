//! The table against `std`'s, with numbers for elements: nothing here is a pointer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::*;
use crate::base::hash::Seed;
use crate::store::testing::Random;

/// Elements are numbers from 1; what would be read from memory is computed instead.
struct Numbers {
    table: Table,
    seed: Seed,
}

impl Numbers {
    fn new(seed: u64) -> Self {
        Self {
            table: Table::new(),
            seed: Seed::fixed(seed),
        }
    }

    fn hash(&self, number: u64) -> u64 {
        self.seed.hash(&number.to_le_bytes())
    }

    fn find(&self, number: u64) -> Option<Spot> {
        self.table
            .find(self.hash(number), |address| address.bits() == number)
            .map(|(spot, _)| spot)
    }

    fn insert(&mut self, number: u64) -> Spot {
        let (hash, seed) = (self.hash(number), self.seed);
        self.table
            .insert(hash, Address::from_bits(number), |other| {
                seed.hash(&other.bits().to_le_bytes())
            })
    }

    fn fill(&mut self, count: u64) {
        for number in 1..=count {
            self.insert(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let spot = self.find(number).expect("present");
        let seed = self.seed;
        let removed = self
            .table
            .remove(spot, |other| seed.hash(&other.bits().to_le_bytes()));
        assert_eq!(removed.bits(), number);
    }

    fn validate(&self) {
        self.table.validate(|address| self.hash(address.bits()));
    }
}

/// Room that was made beforehand changes nothing but where elements are.
#[test]
fn room_can_be_made_beforehand() {
    for wanted in [
        1,
        2,
        6,
        7,
        13,
        100,
        1000,
        if cfg!(miri) { 1001 } else { 100_000 },
    ] {
        let mut numbers = Numbers::new(7);
        numbers.table.reserve(wanted);
        let buckets = numbers.table.buckets();
        numbers.validate();
        assert!(wanted * 100 <= buckets * SLOTS * GROW_ABOVE_PERCENT);
        numbers.fill(wanted as u64);
        assert_eq!(numbers.table.buckets(), buckets, "{wanted}");
        numbers.table.reserve(10 * wanted);
        assert_eq!(numbers.table.buckets(), buckets, "only an empty table");
        numbers.validate();
        for number in 1..=wanted as u64 {
            numbers.remove(number);
        }
        numbers.validate();
    }
}

/// Random walks up and down in size, so that both dividing and joining happen at every level.
#[test]
fn behaves_as_a_set() {
    for seed in 0..if cfg!(miri) { 1 } else { 20 } {
        let mut random = Random::new(seed);
        let mut numbers = Numbers::new(seed);
        let mut model = HashSet::new();
        let steps = if cfg!(miri) { 800 } else { 6000 };
        for step in 0..steps {
            let inserts_of_ten = if step / (steps / 8) % 2 == 0 { 8 } else { 2 };
            let number = random.below(steps / 3) + 1;
            if random.below(10) < inserts_of_ten {
                if model.insert(number) {
                    let spot = numbers.insert(number);
                    assert_eq!(
                        numbers.table.address(spot).bits(),
                        number,
                        "the spot returned is right"
                    );
                }
            } else if model.remove(&number) {
                numbers.remove(number);
            }
            assert_eq!(numbers.table.len(), model.len());
            assert_eq!(numbers.find(number).is_some(), model.contains(&number));
            if step % 64 == 0 || model.len() < 20 {
                numbers.validate();
                let walked: HashSet<u64> = numbers
                    .table
                    .iter()
                    .map(|(_, address)| address.bits())
                    .collect();
                assert_eq!(walked, model);
            }
        }
        for number in model {
            numbers.remove(number);
        }
        numbers.validate();
        assert_eq!(
            (numbers.table.buckets(), numbers.table.overflow.len()),
            (1, 0),
            "it shrinks to nothing"
        );
    }
}

/// Chains of any length work, however the hashes fall: here all elements share 60 bits.
#[test]
fn survives_hashes_that_collide() {
    let mut table = Table::new();
    let rehash = |address: Address| (address.bits() % 5) << 60;
    for number in 1..400 {
        table.insert((number % 5) << 60, Address::from_bits(number), rehash);
        table.validate(rehash);
    }
    for number in (1..400).rev() {
        let spot = table
            .find((number % 5) << 60, |address| address.bits() == number)
            .map(|(spot, _)| spot)
            .expect("present");
        table.remove(spot, rehash);
        table.validate(rehash);
    }
}

/// The promise of SCAN: what is there from beginning to end is returned, while others come and go
/// in such numbers that the table divides and joins under the cursor.
#[test]
fn scan_returns_all_that_stay() {
    for seed in 0..if cfg!(miri) { 1 } else { 60 } {
        let mut random = Random::new(seed);
        let mut numbers = Numbers::new(seed);
        let stay = 1 + random.below(300);
        let most = 1 + random.below(3000);
        let mut coming_and_going: Vec<u64> = Vec::new();
        numbers.fill(stay);
        for number in 0..random.below(most) {
            coming_and_going.push(1_000_000 + number);
            numbers.insert(1_000_000 + number);
        }
        let mut next = 2_000_000;
        let mut seen = HashSet::new();
        let (mut cursor, mut steps) = (0, 0);
        let mut is_growing = random.below(2) == 0;
        loop {
            cursor = numbers.table.scan(cursor, |spot, address| {
                assert_eq!(numbers.table.address(spot), address);
                seen.insert(address.bits());
            });
            if cursor == 0 {
                break;
            }
            steps += 1;
            assert!(steps < 20_000, "a walk ends");
            if random.below(8) == 0 {
                is_growing = !is_growing;
            }
            for _ in 0..random.below(60) {
                if is_growing && (coming_and_going.len() as u64) < most {
                    numbers.insert(next);
                    coming_and_going.push(next);
                    next += 1;
                } else if !coming_and_going.is_empty() {
                    let at = random.below(coming_and_going.len() as u64) as usize;
                    numbers.remove(coming_and_going.swap_remove(at));
                }
            }
        }
        assert!(
            (1..=stay).all(|number| seen.contains(&number)),
            "seed {seed}: an element was missed"
        );
    }
}

/// Without changes each element comes exactly once, and the cursors are small numbers, as clients
/// expect.
#[test]
fn scan_of_a_resting_table_repeats_nothing() {
    for count in [0, 1, 7, 8, 100, 1000, 2777] {
        let mut numbers = Numbers::new(count);
        numbers.fill(count);
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = numbers
                .table
                .scan(cursor, |_, address| seen.push(address.bits()));
            assert!(cursor <= 2 * numbers.table.buckets() as u64);
            if cursor == 0 {
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=count).collect::<Vec<_>>());
    }
}

/// 20 % off would be ten standard deviations.
#[test]
fn random_is_even() {
    for count in [3, 20, 150, 1100] {
        let mut numbers = Numbers::new(count);
        numbers.fill(count);
        let mut random = Random::new(1);
        let mut hits = BTreeMap::new();
        let draws = if cfg!(miri) { 0 } else { count * 2500 };
        for _ in 0..draws {
            let spot = numbers
                .table
                .random(&mut || random.next())
                .expect("not empty");
            *hits
                .entry(numbers.table.address(spot).bits())
                .or_insert(0u32) += 1;
        }
        assert!(hits.len() as u64 == count || cfg!(miri));
        assert!(
            hits.values().all(|&n| (2000..3000).contains(&n)),
            "{hits:?}"
        );
        let mut found = BTreeSet::new();
        numbers
            .table
            .sample(&mut || random.next(), 16, |spot, address| {
                assert_eq!(numbers.table.address(spot), address);
                found.insert(address.bits());
            });
        assert!(found.len() >= 12.min(count as usize), "{found:?}");
    }
    assert_eq!(Table::new().random(&mut || 0), None);
}

/// The reason for this design: bytes per element neither jump nor saw-tooth with the size.
#[test]
fn memory_is_flat() {
    let mut numbers = Numbers::new(3);
    let mut worst: (f64, u64) = (0.0, 0);
    for number in 1..=if cfg!(miri) { 500 } else { 300_000 } {
        numbers.insert(number);
        if number >= 20_000 && number % 500 == 0 {
            let each = numbers.table.bytes() as f64 / number as f64;
            worst = if each > worst.0 {
                (each, number)
            } else {
                worst
            };
        }
    }
    assert!(worst.0 <= 11.0, "{worst:?}");
    let stats = numbers.table.stats();
    assert_eq!(stats.chains.iter().sum::<usize>(), stats.buckets);
    assert!(stats.chains[25..].iter().sum::<usize>() < stats.buckets / 100);
    numbers.validate();
}

#[test]
#[should_panic(expected = "stale")]
fn a_stale_spot_is_noticed() {
    let mut numbers = Numbers::new(1);
    let spot = numbers.insert(1);
    numbers.remove(1);
    numbers.table.address(spot);
}

#[test]
fn prefetching_is_harmless_at_any_time() {
    let mut numbers = Numbers::new(1);
    for number in 1..100 {
        let hash = numbers.hash(number);
        numbers.table.prefetch_bucket(hash);
        numbers.table.prefetch_element(hash);
        numbers.table.prefetch_overflow(hash);
        numbers.insert(number);
        // An element in the home bucket is not looked for further on.
        let is_further = numbers.table.prefetch_element(hash);
        let place = numbers.find(number).expect("inserted").place();
        assert!(!is_further || matches!(place, Place::Overflow(_)));
        numbers.table.prefetch_overflow(hash);
    }
    // A map keyed by spot works, too: spots are plain values.
    let spots: HashMap<Spot, u64> = numbers
        .table
        .iter()
        .map(|(spot, address)| (spot, address.bits()))
        .collect();
    assert_eq!(spots.len(), 99);
}
