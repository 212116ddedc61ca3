//! Those who have little do not wait for those who have much (`slice.rs`), and these get on all the same.

use std::io::Write;

use super::*;
use crate::reactor::slice::SLICE_US;

/// What the work costs: a whole group of those who bring much takes longer than a slice.
const MUCH_US: u64 = 60;
const LITTLE_US: u64 = 5;
const MUCH: &[u8] = &[b'm'; 5000];
const LITTLE: &[u8] = b"one";

/// Takes the time that the bytes are worth, and says one byte.
fn work(state: &mut State, io: &mut Io, group: &[ConnId]) {
    for &id in group {
        let count = mem::take(&mut state.session(id).received).len();
        state.clock_us += if count > 1000 { MUCH_US } else { LITTLE_US };
        state.say(io, id, b".");
    }
}

fn busy_bench(count: usize) -> (Bench, Vec<TcpStream>) {
    let mut bench = Bench::new();
    let clients = (0..count).map(|_| bench.client()).collect();
    bench.app.hooks.received = Box::new(work);
    bench.diary();
    (bench, clients)
}

fn numbers(diary: &[String], what: &str) -> Vec<usize> {
    let lines = diary.iter().filter_map(|line| line.strip_prefix(what));
    lines
        .map(|number| number.parse().expect("a number"))
        .collect()
}

#[test]
fn one_who_asks_for_little_waits_for_no_more_than_a_slice() {
    let (mut bench, mut heavy) = busy_bench(60);
    let mut light = bench.client();
    for client in &mut heavy {
        client.write_all(MUCH).expect("room");
    }
    bench.diary();
    let mut longest_us = 0;
    for _ in 0..20 {
        // It comes when a turn has just begun, so it waits for all of that.
        let came_us = bench.app.state.clock_us;
        bench.turn();
        light.write_all(LITTLE).expect("room");
        while !bench.diary().iter().any(|line| line == "wrote 60") {
            for client in &mut heavy {
                client.write_all(MUCH).expect("room");
            }
            bench.turn();
        }
        longest_us = longest_us.max(bench.app.state.clock_us - came_us);
        read_exactly(&mut light, 1);
    }
    // A group takes as many as make it complete, and the time is looked at when it is done.
    let group_us = 7 * MUCH_US;
    let bound_us = SLICE_US + group_us + LITTLE_US;
    assert!(longest_us <= bound_us, "{longest_us} of {bound_us}");
    assert!(
        60 * MUCH_US > 4 * bound_us,
        "the others have more to do than that"
    );
}

#[test]
fn those_who_have_much_are_served_in_turn_however_many_have_little() {
    let (mut bench, mut clients) = busy_bench(40);
    let (heavy, light) = clients.split_at_mut(20);
    for client in &mut *heavy {
        client.write_all(MUCH).expect("room");
    }
    bench.turn();
    let (mut served, mut turns) = (Vec::new(), 0);
    while served.len() < 60 {
        for client in heavy.iter_mut().chain(&mut *light) {
            client.write_all(LITTLE).expect("room");
        }
        for client in &mut *heavy {
            client.write_all(MUCH).expect("room");
        }
        bench.turn();
        let all = numbers(&bench.diary(), "received ");
        assert_eq!(all.iter().filter(|number| **number >= 20).count(), 20);
        served.extend(all.into_iter().filter(|number| *number < 20));
        turns += 1;
    }
    assert!(
        turns <= 60,
        "some in every other turn, not {turns} turns for 60"
    );
    for number in 0..20 {
        let count = served[..60].iter().filter(|one| **one == number).count();
        assert!((2..=4).contains(&count), "{number} came {count} times");
    }
}

/// Who is not known to be heavy is read from, and waits with what was read; its end does not overtake that.
#[test]
fn what_was_read_waits_before_the_end() {
    let (mut bench, mut clients) = busy_bench(12);
    for client in &mut clients {
        client.write_all(MUCH).expect("room");
        client
            .shutdown(std::net::Shutdown::Write)
            .expect("an open socket");
    }
    bench.until(|state| state.sessions.is_empty());
    let diary = bench.diary();
    let postponed = numbers(&diary, "postponed ");
    assert!(!postponed.is_empty(), "{diary:?}");
    for number in 0..12 {
        let own: Vec<_> = diary
            .iter()
            .filter(|line| line.ends_with(&format!(" {number}")))
            .map(|line| line.split(' ').next().expect("a word"))
            .filter(|word| *word != "postponed")
            .collect();
        assert_eq!(own, ["received", "wrote", "ended", "closed"]);
    }
    for client in &mut clients {
        assert_eq!(read_to_end(client), b".");
    }
}

#[test]
fn a_short_reply_does_not_wait_for_long_ones() {
    let (mut bench, mut clients) = busy_bench(30);
    bench.app.state.write_us = SLICE_US / 2;
    bench.app.hooks.received = Box::new(|state, io, group| {
        for &id in group {
            let is_long = mem::take(&mut state.session(id).received) == b"long";
            let len = if is_long { 300_000 } else { 10 };
            state.say(io, id, &vec![b'x'; len]);
        }
    });
    let (last, others) = clients.split_last_mut().expect("thirty");
    for client in &mut *others {
        client.write_all(b"long").expect("room");
    }
    let turn = bench.turn();
    assert_eq!((turn.clients, turn.writes), (29, 2), "a slice of them");
    last.write_all(b"short").expect("room");
    bench.diary();
    let turn = bench.turn();
    let wrote = numbers(&bench.diary(), "wrote ");
    assert_eq!((turn.clients, wrote[0], wrote.len()), (1, 29, 3));
    read_exactly(last, 10);
    // The rest goes on, in the order in which it waits.
    bench.turn();
    assert_eq!(
        numbers(&bench.diary(), "wrote "),
        [wrote[2] + 1, wrote[2] + 2]
    );
    bench.app.state.write_us = 0;
    let running = bench.start();
    for client in &mut *others {
        read_exactly(client, 300_000);
    }
    running.stop();
}

/// However few bytes it sends: its answers only add to what lies there.
#[test]
fn who_does_not_take_its_replies_has_to_wait() {
    const DEAF: usize = 12;
    let (mut bench, mut clients) = busy_bench(DEAF + 1);
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::NotAtAll);
    bench.app.hooks.received = Box::new(|state, io, group| {
        for &id in group {
            let asked = mem::take(&mut state.session(id).received);
            state.clock_us += if asked == LITTLE { LITTLE_US } else { SLICE_US };
            let len = if asked == b"much" { 8 << 20 } else { 1 };
            state.say(io, id, &vec![b'x'; len]);
        }
    });
    let (light, deaf) = clients.split_last_mut().expect("thirteen");
    for client in &mut *deaf {
        // What the system holds for it must be less than it asks for.
        let socket = socket2::SockRef::from(&*client);
        socket.set_recv_buffer_size(4096).expect("an open socket");
        client.write_all(b"much").expect("room");
    }
    // So often that how much it was at first is long forgotten.
    for round in 1..=15 {
        let mut calm = 0;
        while calm < 10 || numbers(&bench.app.state.diary, "received ").len() < round * DEAF {
            let turn = bench.turn();
            calm += 1;
            if turn.clients + turn.writes != 0 {
                calm = 0;
            }
        }
        for client in &mut *deaf {
            client.write_all(b"more").expect("room");
        }
    }
    light.write_all(LITTLE).expect("room");
    let came_us = bench.app.state.clock_us;
    let wrote = format!("wrote {DEAF}");
    bench.until(|state| state.diary.contains(&wrote));
    let waited_us = bench.app.state.clock_us - came_us;
    // A group of those is complete with eight.
    let bound_us = 8 * SLICE_US + LITTLE_US;
    assert!(waited_us <= bound_us, "{waited_us} of {bound_us}");
}

/// After something that took long a client is heavy, and may be read from alone.
#[test]
fn who_took_long_goes_last() {
    let (mut bench, mut clients) = busy_bench(3);
    bench.app.hooks.received = Box::new(|state, io, group| {
        for &id in group {
            let count = mem::take(&mut state.session(id).received).len();
            if count < 3 {
                state.clock_us += 5 * SLICE_US;
                io.note_long(id);
            }
            state.say(io, id, b".");
        }
    });
    for round in 0..4 {
        for client in &mut clients[..2] {
            client.write_all(b"x").expect("room");
        }
        clients[2].write_all(LITTLE).expect("room");
        let before_us = bench.app.state.clock_us;
        bench.diary();
        bench.until(|state| state.diary.iter().any(|line| line == "wrote 2"));
        let waited_us = bench.app.state.clock_us - before_us;
        let most_us = if round == 0 {
            10 * SLICE_US
        } else {
            5 * SLICE_US
        };
        assert!(waited_us <= most_us, "{waited_us} in round {round}");
        read_exactly(&mut clients[2], 1);
        for client in &mut clients[..2] {
            client.set_nonblocking(true).expect("an open socket");
            while !matches!(client.read(&mut [0]), Ok(1)) {
                bench.turn();
            }
            client.set_nonblocking(false).expect("an open socket");
        }
    }
}
