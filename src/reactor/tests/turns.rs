//! The order of events within a turn, and how long the loop sleeps.

use std::io::Write;
use std::time::Instant;

use super::*;

#[test]
fn ready_clients_come_in_groups() {
    let mut bench = Bench::new();
    let mut clients: Vec<_> = (0..150).map(|_| bench.client()).collect();
    for client in &mut clients {
        client.write_all(b"x").expect("room");
    }
    let turn = bench.turn();
    assert_eq!(
        (turn.clients, turn.groups, turn.reads, turn.writes),
        (150, 3, 150, 150)
    );
}

/// Replies leave after the program's duties, so that these can store what the replies promise.
#[test]
fn outputs_leave_after_before_sleep() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench.app.hooks.before_sleep = Box::new(|state, _| {
        state.diary.push("settle".into());
        PATIENCE
    });
    bench.diary();
    client.write_all(b"x").expect("room");
    bench.turn();
    assert_eq!(bench.diary(), ["received 0", "settle", "wrote 0"]);
}

/// Leftover input is offered again in the next turn without a read, and before anything that came later.
#[test]
fn leftover_input_comes_again_before_the_end() {
    let mut bench = Bench::new();
    bench.app.hooks.received = Box::new(|state, io, group| {
        let session = state.session(group[0]);
        let byte = session.received.remove(0);
        session.output.push(&[byte]);
        if !session.received.is_empty() {
            io.again(group[0]);
        }
        io.want_write(group[0]);
    });
    let mut client = bench.client();
    client.write_all(b"abc").expect("room");
    client
        .shutdown(std::net::Shutdown::Write)
        .expect("an open socket");
    let reads: Vec<_> = (0..3).map(|_| bench.turn().reads).collect();
    assert_eq!(reads, [1, 0, 0]);
    bench.until(|state| state.sessions.is_empty());
    let diary = bench.diary().join(", ");
    assert!(
        diary.ends_with("received 0, wrote 0, ended 0, closed by peer 0"),
        "{diary}"
    );
    assert_eq!(read_to_end(&mut client), b"abc");
}

/// `again` is honoured while reading is paused: it is about bytes the program has already.
#[test]
fn again_works_while_paused() {
    let mut bench = Bench::new();
    let mut client = bench.client();
    let id = bench.app.state.names[0];
    bench.reactor.io().pause_reading(id);
    client.write_all(b"unread").expect("room");
    bench.reactor.io().again(id);
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::NotAtAll);
    let (first, second) = (bench.turn(), bench.turn());
    assert_eq!((first.clients, first.reads), (1, 0));
    assert_eq!((second.clients, second.reads), (0, 0));
}

#[test]
fn the_loop_sleeps_as_long_as_it_is_told() {
    let mut bench = Bench::new();
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::AtMostMs(30));
    bench.turn();
    let began = Instant::now();
    bench.turn();
    let slept = began.elapsed();
    assert!(slept >= Duration::from_millis(29), "{slept:?}");
}

#[test]
fn a_waker_ends_the_sleep_and_many_wakes_melt_into_one() {
    let mut bench = Bench::new();
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::Forever);
    bench.app.hooks.woken = Box::new(|_, _, ()| {});
    bench.turn();
    let waker = bench.reactor.io().waker();
    let other = waker.clone();
    let thread = std::thread::spawn(move || {
        for _ in 0..10 {
            other.wake();
        }
    });
    bench.turn();
    thread.join().expect("the waker never fails");
    waker.wake();
    bench.turn();
    let wakes = bench.diary().len();
    assert!((1..=3).contains(&wakes), "{wakes}");
}

#[test]
fn stopping_finishes_the_turn() {
    let mut bench = Bench::new();
    bench.app.hooks.received = Box::new(|state, io, group| {
        echo(state, io, group);
        io.stop();
    });
    let mut client = bench.client();
    client.write_all(b"bye").expect("room");
    bench
        .reactor
        .run(&mut bench.app)
        .expect("a poll that works");
    assert_eq!(read_exactly(&mut client, 3), b"bye");
}

#[test]
fn signals_arrive_between_turns() {
    // Other tests share the process, so these are signals that nobody else here uses.
    let mut bench = Bench::with(&Settings {
        signals: vec![Signal::User1, Signal::User2],
        ignored_signals: vec![Signal::Hangup],
        second_interrupt_exits: true,
        ..Settings::default()
    });
    bench.app.hooks.before_sleep = Box::new(|_, _| Sleep::Forever);
    bench.turn();
    let raise = |signal: Signal| signal_hook::low_level::raise(signal.number()).expect("allowed");
    raise(Signal::Hangup);
    // One SIGINT is harmless here. A second one would end the process, which is what it is for.
    raise(Signal::Interrupt);
    raise(Signal::User1);
    bench.turn();
    assert_eq!(bench.diary(), ["User1"]);
    raise(Signal::User2);
    bench.turn();
    assert_eq!(bench.diary(), ["User2"]);
}

/// A program busy with one client can let the loop serve the others, and finds its own client untouched.
#[test]
fn a_turn_inside_leaves_the_group_at_hand_alone() {
    let mut bench = Bench::new();
    let mut busy = bench.client();
    let mut other = bench.client();
    let mut leaver = bench.client();
    bench.diary();

    busy.write_all(b"long").expect("room");
    let far_end = busy.try_clone().expect("a descriptor");
    let mut other_end = other.try_clone().expect("a descriptor");
    bench.app.hooks.received = Box::new(move |state, io, group| {
        let id = group[0];
        state.say(io, id, b"half a reply");
        (&far_end).write_all(b" and more").expect("room");
        other_end.write_all(b"hello").expect("room");
        leaver
            .shutdown(std::net::Shutdown::Both)
            .expect("an open socket");

        let mut inner = Tester::default();
        for name in state.names.clone() {
            inner.state.name(name, None);
        }
        inner.hooks.received = Box::new(|state, io, group| {
            for &id in group {
                state.say(io, id, b"busy");
            }
        });
        inner.hooks.before_sleep = Box::new(move |_, io| {
            io.close(id);
            Sleep::NotAtAll
        });
        for _ in 0..20 {
            io.turn_inside(&mut inner).expect("a poll that works");
        }
        let seen = inner.state.diary.join(", ");
        assert_eq!(seen, "ended 2, received 1, closed by peer 2, wrote 1");
        assert_eq!(read_exactly(&mut other_end, 4), b"busy");
        state.diary.push("the long work is done".into());
        state
            .sessions
            .retain(|&id, _| io.is_open(id) || id == group[0]);
        leaver =
            TcpStream::connect(other_end.peer_addr().expect("open")).expect("the door is open");
    });
    bench.until(|state| state.diary.iter().any(|line| line == "closed by us 0"));
    assert_eq!(
        bench.diary(),
        ["received 0", "the long work is done", "closed by us 0"],
        "what the inner turn asked for happens when the outer call is over"
    );
    other.write_all(b"x").expect("still served");
}

/// The phases add up to the turn, in any unit of the stamp.
#[test]
fn a_watched_turn_accounts_for_all_its_time() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static TICKS: AtomicU64 = AtomicU64::new(0);
    let mut bench = Bench::new();
    let mut client = bench.client();
    bench
        .reactor
        .io()
        .trace(Some(|| TICKS.fetch_add(1, Ordering::Relaxed)));
    client.write_all(b"x").expect("room");
    let turn = bench.turn();
    let ticks = TICKS.load(Ordering::Relaxed);
    // The last stamp ends the last lap; the first was taken when tracing began.
    assert_eq!(turn.spent.iter().sum::<u64>(), ticks - 1 - turn.started);
    for phase in [
        Phase::Sleep,
        Phase::Notice,
        Phase::Accept,
        Phase::Execute,
        Phase::Settle,
    ] {
        assert_eq!(turn.spent[phase as usize], 1, "{phase:?}");
    }
}
