//! What the common path asks of the allocator: a warm GET nothing, a SET of a new key one allocation.
//!
//! The engine is driven in memory, with the counting allocator of the program installed. The last test has a whole
//! server, whose loop runs in a thread of its own.

mod driving;

use std::io::{Read, Write};
use std::net::TcpStream;

use pollux::Counting;
use pollux::server::in_background;
use pollux::testing::base::Id;
use pollux::testing::store::allocations_of_this_thread;

use driving::driver::{Driver, request};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn connected() -> (Driver, Id) {
    let mut driver = Driver::plain();
    let client = driver.connect();
    (driver, client)
}

/// Runs a request as the shell does, and tells how many allocations it took.
fn allocations_of((driver, client): &mut (Driver, Id), bytes: &[u8]) -> u64 {
    let before = allocations_of_this_thread();
    driver.push(*client, bytes);
    driver.turn(&[*client]);
    driver.engine.inside().discard_output(*client);
    allocations_of_this_thread() - before
}

#[test]
fn a_warm_get_allocates_nothing() {
    let mut engine = connected();
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
    let mut engine = connected();
    let set = request(&["SET", "some:key", "some value of a common length"]);
    for _ in 0..10 {
        allocations_of(&mut engine, &set);
    }
    assert_eq!(allocations_of(&mut engine, &set), 0);
}

#[test]
fn a_new_key_is_one_allocation() {
    let mut engine = connected();
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
    let mut engine = connected();
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

/// From the socket through reactor, shell and engine and back. Ten rounds are counted together, so that what a turn
/// does behind the reply is in it. The cron allocates now and then, so the least of many counts tells.
#[test]
fn a_warm_get_allocates_nothing_in_a_whole_server() {
    let server = in_background("");
    let count = || server.allocations().expect("it is installed");
    let mut client = TcpStream::connect(server.address()).expect("it listens");
    let mut ask = |bytes: &[u8], expected: &[u8]| {
        client.write_all(bytes).expect("it reads");
        let mut reply = [0; 64];
        let reply = &mut reply[..expected.len()];
        client.read_exact(reply).expect("it answers");
        assert_eq!(reply, expected);
    };
    ask(&request(&["SET", "some:key", "some value"]), b"+OK\r\n");
    let before = count();
    ask(&request(&["SADD", "set", "member"]), b":1\r\n");
    assert!(count() > before, "nothing is counted");
    let get = request(&["GET", "some:key"]);
    let pipeline = [&get[..], &get, &get].concat();
    let reply = b"$10\r\nsome value\r\n";
    let replies = [&reply[..], reply, reply].concat();
    for (requests, replies) in [(&get, &reply[..]), (&pipeline, &replies)] {
        let counts = (0..500).map(|_| {
            let before = count();
            for _ in 0..10 {
                ask(requests, replies);
            }
            count() - before
        });
        assert_eq!(counts.min(), Some(0));
    }
}

/// A usual document: about a kilobyte, thirty fields of all kinds.
fn document(number: usize) -> String {
    let mut text = format!(
        "{{\"id\":{number},\"kind\":\"customer\",\"isActive\":true,\"balance\":1834.25,\"note\":null,\"tags\":[\"new\",\"vip\",\"north\"],\
         \"address\":{{\"street\":\"{number} Long Acre\",\"city\":\"London\",\"zip\":\"WC2E 9JT\"}}"
    );
    for field in 0..23 {
        let value = field * 7919 + number;
        let more = match field % 3 {
            0 => format!(",\"property{field:02}\":\"some words about {value}\""),
            1 => format!(",\"measure{field:02}\":{value}"),
            _ => format!(",\"comment{field:02}\":\"a longer text of which nobody knows {value}\""),
        };
        text.push_str(&more);
    }
    text + "}"
}

#[test]
fn a_document_takes_little_more_than_its_text() {
    let (mut driver, client) = connected();
    let text = document(1);
    assert!((950..1150).contains(&text.len()), "{}", text.len());
    let mut ask = |words: &[&str]| {
        driver.push(client, &request(words));
        driver.turn(&[client]);
        String::from_utf8_lossy(&driver.received(client)).into_owned()
    };
    assert_eq!(ask(&["JSON.SET", "doc:000001", "$", &text]), "+OK\r\n");
    let reply = ask(&["MEMORY", "USAGE", "doc:000001"]);
    let bytes = reply.trim_start_matches(':').trim().parse::<usize>();
    let bytes = bytes.expect("a number");
    assert!(
        10 * bytes <= 13 * text.len(),
        "{bytes} bytes for {}",
        text.len()
    );
}
