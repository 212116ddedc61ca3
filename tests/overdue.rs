//! Keys and fields whose deadline has passed while nothing may remove them: no write to one is lost, and none is there
//! twice, however close together a pause ends and a write comes.

mod driving;

use pollux::testing::base::Id;
use pollux::testing::wire::OwnedRequests;

use driving::driver::{Driver, request};

/// The only client of each driver here.
const CLIENT: Id = Id {
    index: 0,
    generation: 1,
};

fn connected() -> Driver {
    let mut driver = Driver::plain();
    assert_eq!(driver.connect(), CLIENT);
    driver
}

/// The replies to requests that come in one packet, and so run in one turn. A line is a request.
fn packet(driver: &mut Driver, lines: &str) -> Vec<String> {
    for line in lines.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        driver.push(CLIENT, &request(&words));
    }
    driver.turn(&[CLIENT]);
    let replies = String::from_utf8(driver.received(CLIENT)).expect("only text is used here");
    replies.lines().map(str::to_owned).collect()
}

#[test]
fn a_write_right_after_a_pause_is_kept() {
    for ending in ["CLIENT UNPAUSE", "PING"] {
        let mut driver = connected();
        packet(
            &mut driver,
            "SET k old PX 200\nSET other 1\nCLIENT PAUSE 400 WRITE",
        );
        driver.rest();
        // The pause runs out by itself, unless UNPAUSE ends it, in the very turn in which the writes come.
        driver.wind(if ending == "PING" { 400 } else { 300 });
        let replies = packet(
            &mut driver,
            &format!("{ending}\nSET k 7\nINCR k\nDBSIZE\nDEL k\nEXISTS k\nDBSIZE"),
        );
        assert_eq!(
            replies[1..],
            ["+OK", ":8", ":2", ":1", ":0", ":1"],
            "{ending}"
        );
        driver.rest();
        assert_eq!(packet(&mut driver, "DBSIZE"), [":1"]);
    }
}

/// Every way of putting something under a key finds the overdue one and does not put a second beside it.
#[test]
fn nothing_is_put_beside_a_hidden_key() {
    let writes = [
        ("SET k 1", "+OK"),
        ("SET k 1 NX", "+OK"),
        ("SETNX k 1", ":1"),
        ("SETEX k 9 1", "+OK"),
        ("MSET k 1", "+OK"),
        ("MSETNX k 1", ":1"),
        ("APPEND k 1", ":1"),
        ("SETRANGE k 1 1", ":2"),
        ("SETBIT k 1 1", ":0"),
        ("INCRBYFLOAT k 1", "$1"),
        ("GETSET k 1", "$-1"),
        ("PFADD k 1", ":1"),
        ("BITOP NOT k other", ":1"),
        ("LPUSH k 1", ":1"),
        ("SADD k 1", ":1"),
        ("ZADD k 1 1", ":1"),
        ("HSET k 1 1", ":1"),
        ("XADD k 1-1 1 1", "$3"),
        ("XGROUP CREATE k group $ MKSTREAM", "+OK"),
        ("COPY other k", ":1"),
        ("RENAME other k", "+OK"),
        ("RENAMENX other k", ":1"),
        ("LMOVE list k LEFT LEFT", "$1"),
        ("SUNIONSTORE k set", ":1"),
        ("SORT list STORE k", ":1"),
    ];
    for pause in ["CLIENT UNPAUSE", "CLIENT PAUSE 900 WRITE"] {
        for (write, answer) in writes {
            let mut driver = connected();
            packet(
                &mut driver,
                "SET other 5\nRPUSH list 1\nSADD set 1\nSET k 5 PX 100\nCLIENT PAUSE 1000 WRITE",
            );
            driver.rest();
            driver.wind(200);
            packet(&mut driver, "CLIENT UNPAUSE");
            // The transaction begins before the pause, and is not held back.
            let replies = packet(
                &mut driver,
                &format!("MULTI\n{pause}\nGET k\n{write}\nEXISTS k\nDEL k\nEXISTS k\nEXEC"),
            );
            let shown = replies.join(" ");
            assert!(shown.ends_with(":1 :1 :0"), "{write}: {shown}");
            assert!(
                shown.contains(&format!(" $-1 {answer}")),
                "{write}: {shown}"
            );
            assert_eq!(driver.engine.inside().fault(), None, "{write}");
        }
    }
}

/// A field that was set while its predecessor was hidden does not inherit a deadline that has passed.
#[test]
fn a_write_to_a_hidden_field_is_kept() {
    for (write, value) in [
        ("HINCRBY h f 2", "2"),
        ("HINCRBYFLOAT h f 2", "2"),
        ("HSET h f 2", "2"),
        ("HSETNX h f 2", "2"),
        ("HSETEX h KEEPTTL FIELDS 1 f 2", "2"),
        ("HSETEX h FNX KEEPTTL FIELDS 1 f 2", "2"),
    ] {
        for pause in ["PING", "CLIENT PAUSE 900 WRITE"] {
            let mut driver = connected();
            packet(
                &mut driver,
                "HSET h f 5 g 6\nHPEXPIRE h 100 FIELDS 1 f\nCLIENT PAUSE 300 WRITE",
            );
            driver.rest();
            driver.wind(300);
            let replies = packet(
                &mut driver,
                &format!("MULTI\n{pause}\nHGET h f\n{write}\nHGET h f\nHTTL h FIELDS 1 f\nEXEC"),
            );
            let end = [value, "*1", ":-1"].map(str::to_owned);
            assert!(replies.ends_with(&end), "{write}: {replies:?}");
            packet(&mut driver, "CLIENT UNPAUSE");
            driver.wind(1000);
            driver.rest();
            assert_eq!(packet(&mut driver, "HGET h f")[1], value, "{write}");
        }
    }
}

/// The log says when something expired; until then it is there, whatever the clock says when the log is read.
#[test]
fn a_log_is_replayed_without_a_clock() {
    let past = (1_700_000_000_000_i64 - 5000).to_string();
    let commands: &[&[&str]] = &[
        &["SET", "k", "5"],
        &["PEXPIREAT", "k", &past],
        &["INCR", "k"],
        &["PERSIST", "k"],
        &["HSET", "h", "f", "5"],
        &["HPEXPIREAT", "h", &past, "FIELDS", "1", "f"],
        &["HINCRBY", "h", "f", "2"],
        &["HPERSIST", "h", "FIELDS", "1", "f"],
        &["MULTI"],
        &["SET", "t", "5"],
        &["PEXPIREAT", "t", &past],
        &["INCR", "t"],
        &["PERSIST", "t"],
        &["HSET", "th", "f", "5"],
        &["HPEXPIREAT", "th", &past, "FIELDS", "1", "f"],
        &["HPERSIST", "th", "FIELDS", "1", "f"],
        &["EXEC"],
    ];
    let mut batch = OwnedRequests::default();
    for words in commands {
        words.iter().for_each(|word| batch.push(word.as_bytes()));
        batch.end();
    }
    let mut driver = connected();
    let mut replayer = driver.engine.replayer();
    let ran = driver
        .engine
        .replay(&mut replayer, &batch, 0)
        .expect("all are known");
    assert_eq!(ran.whole, Some(commands.len()));
    driver.rest();
    assert_eq!(
        packet(&mut driver, "GET k\nHGET h f\nGET t\nHGET th f"),
        ["$1", "6", "$1", "7", "$1", "6", "$1", "5"]
    );
}
