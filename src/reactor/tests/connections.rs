//! Bytes in, bytes out, and the ways a connection can end.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use super::*;

#[test]
fn two_hundred_clients_each_get_their_own_bytes_back() {
    let running = Bench::new().start();
    let mut clients: Vec<_> = (0..200).map(|_| running.client()).collect();
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            client
                .write_all(&pattern(1000 + number, number as u64 + round))
                .expect("room");
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let expected = pattern(1000 + number, number as u64 + round);
            assert_eq!(read_exactly(client, 1000 + number), expected);
        }
    }
    drop(clients);
    assert!(running.stop().app.state.names.len() == 200);
}

/// With one request in flight per client, a request is one read and one write, and nothing else is tried.
#[test]
fn a_request_costs_one_read_and_one_write() {
    let mut bench = Bench::new();
    let mut clients: Vec<_> = (0..50).map(|_| bench.client()).collect();
    for _ in 0..10 {
        for client in &mut clients {
            client.write_all(b"PING\r\n").expect("room");
        }
        let turn = bench.turn();
        assert_eq!((turn.events, turn.clients, turn.groups), (50, 50, 1));
        assert_eq!((turn.reads, turn.writes), (50, 50));
        assert_eq!((turn.bytes_in, turn.bytes_out), (300, 300));
        for client in &mut clients {
            assert_eq!(read_exactly(client, 6), b"PING\r\n");
        }
    }
}

/// A reader that takes its time holds up neither the loop nor other clients, and loses nothing.
#[test]
fn a_slow_reader_of_64_megabytes_disturbs_nobody() {
    const CHUNK: usize = 1 << 20;
    let mut bench = Bench::new();
    let chunk = Arc::new(pattern(CHUNK, 1));
    let reply = Arc::clone(&chunk);
    bench.app.hooks.received = Box::new(move |state, io, group| {
        for &id in group {
            let session = state.session(id);
            if mem::take(&mut session.received) == b"all" {
                for _ in 0..64 {
                    session.output.push_shared(Arc::clone(&reply), 0..CHUNK);
                }
            }
            session.output.push(b"done");
            io.want_write(id);
        }
    });
    let running = bench.start();
    let mut slow = running.client();
    slow.write_all(b"all").expect("room");
    let mut quick = running.client();
    for part in 0..64 {
        quick.write_all(b"one").expect("room");
        assert_eq!(read_exactly(&mut quick, 4), b"done");
        assert!(
            read_exactly(&mut slow, CHUNK) == *chunk,
            "part {part} differs"
        );
    }
    assert_eq!(read_exactly(&mut slow, 4), b"done");
    running.stop();
}

/// Each turn writes one share per connection, and goes on by itself as long as the socket takes it.
#[test]
fn large_outputs_share_the_turns() {
    let mut bench = Bench::with(&Settings {
        write_share_bytes: 1000,
        ..Settings::default()
    });
    let mut clients = [bench.client(), bench.client()];
    let ids = bench.app.state.names.clone();
    for &id in &ids {
        bench
            .app
            .state
            .say(bench.reactor.io(), id, &pattern(10_000, 3));
    }
    for _ in 0..10 {
        let turn = bench.turn();
        assert_eq!((turn.writes, turn.bytes_out), (2, 2000));
    }
    bench
        .app
        .state
        .say(bench.reactor.io(), ids[0], &vec![1; 30_000]);
    bench.reactor.io().set_write_share_bytes(ids[0], usize::MAX);
    assert_eq!(
        bench.turn().bytes_out,
        30_000,
        "one connection without a limit"
    );
    for client in &mut clients {
        assert!(read_exactly(client, 10_000) == pattern(10_000, 3));
    }
}

#[test]
fn closing_after_the_flush_delivers_everything_first() {
    let mut bench = Bench::new();
    bench.app.hooks.received = Box::new(|state, io, group| {
        state.say(io, group[0], &pattern(8_000_000, 7));
        io.close_after_flush(group[0]);
    });
    let running = bench.start();
    let mut client = running.client();
    client.write_all(b"x").expect("room");
    assert!(read_to_end(&mut client) == pattern(8_000_000, 7));
    let mut bench = running.stop();
    assert!(bench.diary().contains(&"closed by us 0".to_string()));
}

/// Bytes that came before the end are worked on and answered; the end is told a turn later.
#[test]
fn bytes_come_before_the_end_that_follows_them() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    client.write_all(b"last words").expect("room");
    client.shutdown(Shutdown::Write).expect("an open socket");
    bench.until(|state| state.sessions.is_empty());
    assert_eq!(
        bench.diary(),
        [
            "opened 0",
            "received 0",
            "wrote 0",
            "ended 0",
            "closed by peer 0"
        ]
    );
    assert_eq!(read_to_end(&mut client), b"last words");
}

/// A program may also answer at length a peer that has finished asking.
#[test]
fn a_half_closed_peer_can_still_be_answered() {
    let mut bench = Bench::new();
    bench.app.hooks.received = Box::new(|_, _, _| {});
    bench.app.hooks.ended = Box::new(|state, io, id| {
        let received = mem::take(&mut state.session(id).received);
        state.say(io, id, &received);
        io.close_after_flush(id);
    });
    let running = bench.start();
    let mut client = running.client();
    client.write_all(&pattern(5_000_000, 9)).expect("room");
    client.shutdown(Shutdown::Write).expect("an open socket");
    assert!(read_to_end(&mut client) == pattern(5_000_000, 9));
    let mut bench = running.stop();
    assert_eq!(bench.diary().pop(), Some("woken".into()));
}

/// The end is announced once, with the last bytes. Reads too small for them must not lose it.
#[test]
fn small_reads_reach_the_end_too() {
    let mut bench = Bench::new();
    bench.app.state.read_bytes = 7;
    let mut client = bench.client();
    client.write_all(&pattern(1000, 1)).expect("room");
    client.shutdown(Shutdown::Write).expect("an open socket");
    bench.until(|state| state.sessions.is_empty());
    assert!(read_to_end(&mut client) == pattern(1000, 1));
}

#[test]
fn a_reset_is_told_as_a_failure() {
    for is_paused in [false, true] {
        let mut bench = Bench::new();
        let client = bench.client();
        if is_paused {
            let id = bench.app.state.names[0];
            bench.reactor.io().pause_reading(id);
        }
        // Closing without lingering sends a reset instead of an end.
        let client = socket2::Socket::from(client);
        client
            .set_linger(Some(Duration::ZERO))
            .expect("an open socket");
        drop(client);
        bench.until(|state| state.sessions.is_empty());
        assert_eq!(bench.diary(), ["opened 0", "failed with ConnectionReset 0"]);
    }
}

#[test]
fn writing_to_somebody_who_left_ends_the_connection() {
    let mut bench = Bench::new();
    bench.app.hooks.ended = Box::new(|_, _, _| {});
    drop(bench.client());
    bench.until(|state| state.diary.contains(&"ended 0".to_string()));
    let id = bench.app.state.names[0];
    // The first write provokes the reset, the next one meets it.
    bench.app.state.say(bench.reactor.io(), id, b"hello?");
    bench.until(|state| state.sessions.is_empty());
    let diary = bench.diary();
    assert!(
        diary[diary.len() - 1].starts_with("failed with"),
        "{diary:?}"
    );
}

/// While nobody reads, the peer's bytes stay at the kernel until it takes no more; afterwards nothing is missing.
#[test]
fn pausing_pushes_back_on_the_peer() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    let id = bench.app.state.names[0];
    bench.app.hooks.received = Box::new(|_, _, _| {});
    for is_deaf in [false, true] {
        // Two ways to say it: a call, and an empty answer to `input`.
        bench.app.state.session(id).is_deaf = is_deaf;
        if !is_deaf {
            bench.reactor.io().pause_reading(id);
        }
        client.set_nonblocking(true).expect("an open socket");
        let mut sent = 0;
        let bytes = pattern(64 * 1024, 5);
        loop {
            match client.write(&bytes[sent % bytes.len()..]) {
                Ok(count) => sent += count,
                Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::NotAtAll);
        for _ in 0..10 {
            assert_eq!(bench.turn().reads, 0);
        }
        bench.app.hooks.before_sleep = Box::new(|_, _| PATIENCE);
        bench.app.state.session(id).is_deaf = false;
        bench.reactor.io().resume_reading(id);
        bench.until(|state| state.sessions[&id].received.len() == sent);
        let received = mem::take(&mut bench.app.state.session(id).received);
        assert!(received.iter().eq(bytes.iter().cycle().take(sent)));
    }
}

/// The program may close anybody at any time, itself and others, twice, and use ids of the dead.
#[test]
fn closing_takes_effect_after_the_callback() {
    let mut bench = Bench::new();
    let mut clients = [bench.client(), bench.client(), bench.client()];
    let ids = bench.app.state.names.clone();
    let (victim, stale) = (ids[1], ids[2]);
    bench.reactor.io().close(stale);
    bench.turn();
    bench.diary();
    bench.app.hooks.received = Box::new(move |state, io, group| {
        state.say(io, victim, b"never sent");
        io.close(victim);
        io.close(victim);
        assert!(!io.is_open(victim));
        assert!(
            state.sessions.contains_key(&victim),
            "told later, not from within"
        );
        io.close(stale);
        io.want_write(stale);
        io.again(stale);
        io.resume_reading(stale);
        assert!(!io.is_open(stale));
        echo(state, io, &group[..1]);
    });
    clients[0].write_all(b"go").expect("room");
    bench.until(|state| state.diary.len() == 3);
    assert_eq!(bench.diary(), ["received 0", "closed by us 1", "wrote 0"]);
    assert_eq!(read_to_end(&mut clients[1]), b"");
    assert_eq!(bench.reactor.io().connections(), 1);

    // A successor takes the dead one's place in the slab and cannot be reached by its id.
    let _successor = bench.client();
    assert_eq!(bench.app.state.names[3].index, victim.index);
    bench.reactor.io().close(victim);
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::NotAtAll);
    bench.turn();
    assert_eq!(bench.reactor.io().connections(), 2);
}

#[test]
fn reads_are_as_long_as_the_program_offers() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.app.state.read_bytes = 10;
    client.write_all(&[1; 25]).expect("room");
    let mut buffer = [0; 25];
    for expected in [10, 10, 5] {
        assert_eq!(bench.turn().bytes_in, expected);
    }
    client.read_exact(&mut buffer).expect("the echo");
}
