//! The kinds of source that are not accepted connections: packets, pipes of children, sockets of others.

use std::io::{ErrorKind, Write};
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use super::*;

fn udp_client(to: SocketAddr) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    client.connect(to).expect("an address");
    client
        .set_read_timeout(Some(TIMEOUT))
        .expect("a fresh socket");
    client
}

#[test]
fn packets_of_every_size_come_and_go_whole() {
    let mut bench = Bench::new();
    let at = "127.0.0.1:0".parse().expect("a literal");
    let socket = bench.reactor.io().bind_datagram(at).expect("a free port");
    let Some(Address::Ip(at)) = bench.reactor.io().address(socket) else {
        panic!("a UDP socket")
    };
    let client = udp_client(at);
    // 65,507 is the most that fits into IPv4 with both headers.
    for (number, size) in [0, 1, 1500, 9000, 65_507].into_iter().enumerate() {
        client
            .send(&pattern(size, 2))
            .expect("the loopback takes it");
        bench.until(|state| state.packets.len() > number);
        let (from, bytes) = bench.app.state.packets[number].clone();
        assert_eq!(from, client.local_addr().expect("bound"));
        assert!(bytes == pattern(size, 2));
        let mut answer = vec![0; 70_000];
        let count = client.recv(&mut answer).expect("the echo");
        assert!(answer[..count] == pattern(size, 2));
    }
    let too_long = bench.reactor.io().send_to(
        socket,
        client.local_addr().expect("bound"),
        &vec![0; 65_508],
    );
    assert!(too_long.is_err());
    bench.reactor.io().close(socket);
    let gone = bench
        .reactor
        .io()
        .send_to(socket, at, b"x")
        .expect_err("closed");
    assert_eq!(gone.kind(), ErrorKind::NotConnected);
}

/// A flood on one socket takes its share of the turn and no more; the rest is not forgotten.
#[test]
fn a_flood_of_packets_is_taken_by_and_by() {
    let mut bench = Bench::new();
    let at = "127.0.0.1:0".parse().expect("a literal");
    let socket = bench.reactor.io().bind_datagram(at).expect("a free port");
    let Some(Address::Ip(at)) = bench.reactor.io().address(socket) else {
        panic!("a UDP socket")
    };
    let client = udp_client(at);
    for number in 0..100u8 {
        client.send(&[number]).expect("the loopback takes it");
    }
    bench.turn();
    assert_eq!(bench.app.state.packets.len(), 64);
    bench.turn();
    let numbers: Vec<_> = bench
        .app
        .state
        .packets
        .iter()
        .map(|(_, bytes)| bytes[0])
        .collect();
    assert!(numbers.into_iter().eq(0..100));
}

/// A child's input and output are two connections of one direction each.
#[test]
fn a_child_process_is_talked_to_through_its_pipes() {
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("every system has cat");
    let mut bench = Bench::new();
    bench.app.hooks.received = Box::new(|_, _, _| {});
    let io = bench.reactor.io();
    let input = io
        .take_in(child.stdin.take().expect("piped"))
        .expect("a pipe can be polled");
    let output = io
        .take_in(child.stdout.take().expect("piped"))
        .expect("a pipe can be polled");
    assert_eq!(io.address(input), Some(Address::Pipe));
    bench.app.state.name(input, None);
    bench.app.state.name(output, None);
    bench.app.hooks.closed = Box::new(|state, _, _| state.diary.push(String::new()));

    // Far more than a pipe holds, so both directions must take turns.
    bench.app.state.say(io, input, &pattern(1_000_000, 4));
    io.close_after_flush(input);
    bench.until(|state| state.sessions[&output].received.len() == 1_000_000);
    assert!(bench.app.state.session(output).received == pattern(1_000_000, 4));
    bench.until(|state| state.sessions.is_empty());
    let diary = bench.diary();
    assert!(diary.contains(&"closed by us 0".to_string()));
    assert!(diary.contains(&"closed by peer 1".to_string()));
    assert!(child.wait().expect("our child").success());
}

/// A pipe nobody reads any more is found out without writing into it.
#[test]
fn a_child_that_shuts_its_input_closes_the_pipe() {
    let mut child = Command::new("true")
        .stdin(Stdio::piped())
        .spawn()
        .expect("every system has true");
    let mut bench = Bench::new();
    let input = bench
        .reactor
        .io()
        .take_in(child.stdin.take().expect("piped"))
        .expect("a pipe can be polled");
    bench.app.state.name(input, None);
    bench.until(|state| state.sessions.is_empty());
    assert_eq!(bench.diary(), ["closed by peer 0"]);
    child.wait().expect("our child");
}

#[test]
fn sockets_opened_elsewhere_can_be_taken_in() {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
    let mut bench = Bench::new();
    let id = bench
        .reactor
        .io()
        .take_in(ours)
        .expect("a socket can be polled");
    bench.app.state.name(id, None);
    theirs.write_all(b"moved in").expect("room");
    bench.until(|state| state.diary.contains(&"wrote 0".to_string()));
    assert_eq!(read_exactly(&mut theirs, 8), b"moved in");
}
