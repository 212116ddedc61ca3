//! What the common path asks of the allocator: a warm GET nothing, a SET of a new key one allocation.
//!
//! The engine is driven in memory, with the counting allocator of the program installed.

use pollux::base::slab::Id;
use pollux::base::time::Clock;
use pollux::commands;
use pollux::config::Config;
use pollux::engine::Engine;
use pollux::store::alloc::{Counting, allocations_of_this_thread};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CLIENT: Id = Id {
    index: 0,
    generation: 1,
};

fn engine() -> Engine {
    let mut engine = Engine::new(
        Config::new(),
        commands::table(),
        Clock::manual(1_700_000_000_000),
        1,
    );
    engine.open(CLIENT);
    engine
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

/// Runs a request as the shell does, and tells how many allocations it took.
fn allocations_of(engine: &mut Engine, bytes: &[u8]) -> u64 {
    let before = allocations_of_this_thread();
    let Engine {
        sessions, inputs, ..
    } = &mut *engine;
    let session = sessions.get_mut(CLIENT).expect("opened");
    session.input.push(bytes, inputs);
    engine.handle_inputs(&[CLIENT]);
    let session = engine.sessions.get_mut(CLIENT).expect("still open");
    let unsent = session.output.len();
    session.output.advance(unsent);
    engine.sessions.with_output.clear();
    allocations_of_this_thread() - before
}

#[test]
fn a_warm_get_allocates_nothing() {
    let mut engine = engine();
    allocations_of(
        &mut engine,
        &request(&["SET", "some:key", "some value of a common length"]),
    );
    let get = request(&["GET", "some:key"]);
    for _ in 0..10 {
        allocations_of(&mut engine, &get);
    }
    for _ in 0..100 {
        assert_eq!(allocations_of(&mut engine, &get), 0);
    }
}

#[test]
fn overwriting_with_the_same_length_allocates_nothing() {
    let mut engine = engine();
    let set = request(&["SET", "some:key", "some value of a common length"]);
    for _ in 0..10 {
        allocations_of(&mut engine, &set);
    }
    assert_eq!(allocations_of(&mut engine, &set), 0);
}

#[test]
fn a_new_key_is_one_allocation() {
    let mut engine = engine();
    for number in 0..1000 {
        allocations_of(
            &mut engine,
            &request(&["SET", &format!("key:{number:06}"), "some value"]),
        );
    }
    // Now and then the table grows by a bucket and an overflow bucket is made; most keys cost just their entry.
    let counts: Vec<u64> = (1000..2000)
        .map(|number| {
            let set = request(&["SET", &format!("key:{number:06}"), "some value"]);
            allocations_of(&mut engine, &set)
        })
        .collect();
    let single = counts.iter().filter(|count| **count == 1).count();
    assert!(
        single >= 990,
        "{} of 1000 keys cost one allocation, the worst {:?}",
        single,
        counts.iter().max()
    );
}

#[test]
fn streams_grow_and_are_read_without_an_allocation_per_entry() {
    let mut engine = engine();
    let add = request(&["XADD", "some:log", "*", "field", "some value"]);
    let counts: Vec<u64> = (0..1000)
        .map(|_| allocations_of(&mut engine, &add))
        .collect();
    // A block begins small and grows in steps; that and a list of blocks is all.
    let total: u64 = counts.iter().sum();
    assert!(total < 300, "{total} allocations for 1000 entries");
    let range = request(&["XRANGE", "some:log", "-", "+", "COUNT", "100"]);
    for _ in 0..10 {
        allocations_of(&mut engine, &range);
    }
    assert_eq!(allocations_of(&mut engine, &range), 0);
}
