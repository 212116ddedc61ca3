//! The relay: everything passes unchanged, in both directions, and is told.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use pollux::client::{Client, Protocol, Settings, Value};
use pollux::testing::base::Rng;

use crate::bench::{Lab, wait_until};

fn relay_to(address: &str) -> Lab {
    Lab::start(&["relay", "--to", address])
}

fn client_of(lab: &Lab, protocol: Protocol) -> Client {
    let settings = Settings {
        protocol,
        ..Settings::default()
    };
    Client::connect_with(&format!("127.0.0.1:{}", lab.port), settings).expect("it listens")
}

#[test]
fn requests_and_replies_are_told_with_types_sizes_and_times() {
    let server = pollux::server::in_background("");
    let lab = relay_to(&server.address());
    lab.wait_for(&format!("{} answers\n", server.address()));
    let mut client = client_of(&lab, Protocol::Resp2);
    client.set("greeting", "hello there").expect("OK");
    assert_eq!(
        client.get("greeting").expect("a string"),
        Some(b"hello there".to_vec())
    );
    let _: i64 = client.ask(&["HSET", "h", "f", "1.5"]).expect("a count");
    let error = client
        .command(&["LPUSH", "h", "x"])
        .expect_err("the wrong type");
    assert_eq!(error.code(), Some("WRONGTYPE"));
    drop(client);
    let screen = lab.wait_for("#1 the client left");
    // Times differ from run to run; the rest does not.
    let mut told: Vec<String> = Vec::new();
    for line in screen.lines().filter(|line| line.starts_with("#1 ")) {
        let parts = line.split(", ").filter(|part| !part.contains(" ms"));
        let late = line.split(" ms").nth(1).unwrap_or_default();
        told.push(parts.collect::<Vec<_>>().join(", ") + late);
    }
    let expected = [
        "#1 -> array of 3, 45 bytes: SET greeting \"hello there\"",
        "#1 <- simple string, 5 bytes: \"OK\"",
        "#1 -> array of 2, 27 bytes: GET greeting",
        "#1 <- bulk string, 18 bytes: \"hello there\"",
        "#1 -> array of 4, 37 bytes: HSET h f 1.5",
        "#1 <- integer, 4 bytes: 1",
        "#1 -> array of 3, 29 bytes: LPUSH h x",
    ];
    assert_eq!(told[1..8], expected, "{screen}");
    assert!(told[8].contains("error, 68 bytes: \"WRONGTYPE"), "{screen}");

    let mut client = client_of(&lab, Protocol::Resp3);
    assert!(matches!(
        client.command(&["HGETALL", "h"]),
        Ok(Value::Map(_))
    ));
    lab.wait_for("ms:\n  bulk string \"f\" => bulk string \"1.5\"\n");
    lab.wait_for("\n  bulk string \"proto\" => integer 3\n");
    // Pushes are told apart from replies.
    client.command(&["CLIENT", "TRACKING", "ON"]).expect("OK");
    client.get("greeting").expect("a string");
    Client::connect(&server.address())
        .and_then(|mut other| other.set("greeting", ""))
        .expect("OK");
    lab.wait_for("<- push of 2, 39 bytes, unasked:\n  bulk string \"invalidate\"\n");
}

#[test]
fn large_values_pass_and_slow_readers_slow_down_the_other_side() {
    let server = pollux::server::in_background("");
    let lab = relay_to(&server.address());
    let mut value = vec![0; 20 << 20];
    Rng::from_seed(3).fill(&mut value);
    let mut client = client_of(&lab, Protocol::Resp2);
    client.set("big", &value).expect("OK");
    assert!(client.get("big").expect("a string") == Some(value.clone()));

    // Sixty megabytes are asked for and not read. The relay does not keep them.
    let mut lazy = lab.connect();
    lazy.write_all(&b"GET big\r\n".repeat(3))
        .expect("an open connection");
    client.ping().expect("others are served");
    lab.wait_for("#2 -> inline, 9 bytes: GET big");
    let memory = resident_bytes(&lab);
    assert!(memory < 64 << 20, "{memory} bytes resident");
    lazy.shutdown(Shutdown::Write).expect("an open connection");
    let mut all = Vec::new();
    lazy.read_to_end(&mut all).expect("three replies");
    assert_eq!(all.len(), 3 * (value.len() + "$20971520\r\n\r\n".len()));
}

/// What of its memory is in use now; 0 where that cannot be told.
fn resident_bytes(lab: &Lab) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", lab.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    number.unwrap_or(0) * 1024
}

#[test]
fn a_client_that_finished_sending_gets_its_replies() {
    let server = pollux::server::in_background("");
    let lab = relay_to(&server.address());
    let before = lab.descriptors();
    let mut client = lab.connect();
    client
        .write_all(b"SET k v\r\nGET k\r\n*1\r\n$4\r\nPING\r\n")
        .expect("an open connection");
    client
        .shutdown(Shutdown::Write)
        .expect("an open connection");
    let mut all = String::new();
    client.read_to_string(&mut all).expect("three replies");
    assert_eq!(all, "+OK\r\n$1\r\nv\r\n+PONG\r\n");
    wait_until(
        || lab.descriptors() <= before,
        "the end of both connections",
    );
}

#[test]
fn what_is_not_understood_passes_all_the_same() {
    let server = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let address = server.local_addr().expect("a bound socket").to_string();
    let talk = std::thread::spawn(move || {
        // The relay's greeting first: it asks PING.
        let (mut greeting, _) = server.accept().expect("the greeting");
        let _ = greeting.write_all(b"+PONG\r\n");
        let (mut client, _) = server.accept().expect("the client");
        client
            .write_all(b"\xff\x00 no RESP at all\n+OK\r\n")
            .expect("an open connection");
        let mut all = Vec::new();
        client.read_to_end(&mut all).expect("bytes");
        all
    });
    let lab = relay_to(&address);
    let mut client = lab.connect();
    let mut back = [0; 23];
    client.read_exact(&mut back).expect("bytes");
    assert_eq!(&back, b"\xff\x00 no RESP at all\n+OK\r\n");
    client
        .write_all(b"*1\r\n:5\r\n*x\r\n\x00\x01\x02")
        .expect("an open connection");
    drop(client);
    assert_eq!(
        talk.join().expect("no panic"),
        b"*1\r\n:5\r\n*x\r\n\x00\x01\x02"
    );
    let screen = lab.wait_for("#1 -> not understood from here on (a length that is no number)");
    assert!(
        screen.contains("#1 <- not understood from here on (no value begins with '\\xff')"),
        "{screen}"
    );
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let port = crate::bench::free_range(1);
    let lab = relay_to(&format!("127.0.0.1:{port}"));
    lab.wait_for("does not answer as it should: Connection refused");
    let mut all = Vec::new();
    lab.connect().read_to_end(&mut all).expect("an end");
    assert!(all.is_empty());
    lab.wait_for("#1 the server is gone: Connection refused");
}
