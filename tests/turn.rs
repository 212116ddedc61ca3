//! A turn of the loop as the engine sees it: how long it lasted.
//!
//! Lengths of time are lower bounds that the test itself spends on the processor's counter, so a loaded machine cannot
//! fail it.

mod driving;

use pollux::testing::store::ticks;

use driving::driver::{Driver, request};

#[test]
fn a_served_waiter_does_not_shorten_the_turn() {
    // A wound clock does not move by itself, and then a tick counts as a nanosecond.
    const BUSY_TICKS: u64 = 3_000_000;
    let mut driver = Driver::plain();
    let (waiter, pusher) = (driver.connect(), driver.connect());
    driver.ask(waiter, &request(&["BLPOP", "list", "0"]));

    driver.engine.begin_turn();
    let began = ticks();
    while ticks().wrapping_sub(began) < BUSY_TICKS {
        std::hint::spin_loop();
    }
    let before_ns = driver.engine.inside().turns_ns();
    driver.push(pusher, &request(&["RPUSH", "list", "element"]));
    driver.turn(&[pusher]);
    assert_eq!(
        driver.received(waiter),
        b"*2\r\n$4\r\nlist\r\n$7\r\nelement\r\n"
    );
    driver.engine.before_sleep();
    let spent_ns = driver.engine.inside().turns_ns() - before_ns;
    assert!(
        spent_ns >= BUSY_TICKS,
        "the turn lasted {BUSY_TICKS} ns at least, and {spent_ns} were counted"
    );
}

/// What a client has asked for and not read is freed beside the loop if it is much: thousands of pieces would hold up
/// everybody.
#[test]
fn what_was_never_read_is_freed_elsewhere() {
    let mut driver = Driver::plain();
    let client = driver.connect();
    driver.ask(client, &request(&["SET", "big", &"x".repeat(20_000)]));
    for (count, garbage) in [(10, 0), (100, 1)] {
        let deaf = driver.connect();
        driver.push(deaf, &request(&["GET", "big"]).repeat(count));
        driver.turn(&[deaf]);
        driver.engine.handle_closed(deaf);
        assert_eq!(driver.engine.poll_garbage().count(), garbage);
    }
}
