//! Vector sets: expressions that make sense or not, over attributes that are JSON or not; and damaged payloads.

use pollux::testing::base::Rng;

use super::engine::Play;
use super::payloads::{bulk, damage};
use super::replies;

const PIECES: &[&str] = &[
    "(", ")", "!", "not ", "**", "*", "/", "%", "+", "-", ">", ">=", "<", "<=", "==", "!=", " in ",
    " and ", "&&", " or ", "||", "=", "&", "|", ".a", ".b", ".", ".missing", "1", "-1", "2.5",
    "1e3", "1e", "..", "'x'", "\"y\"", "'", "\\", "[1, 'x']", "[", "]", ",", "null", " ", "\u{e9}",
    "x", "\0",
];

const JSON_PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"a\"",
    "\"b\"",
    "\"a\":1",
    "\"b\":\"x\"",
    "\"a\":[1,\"x\",[]]",
    "1",
    "-2.5e3",
    "true",
    "false",
    "null",
    "tru",
    "\"",
    "\\",
    "\\\"",
    "\"x\\n\"",
    " ",
    "\n",
    "\u{e9}",
];

fn text(pieces: &[&str], rng: &mut Rng) -> String {
    let count = rng.index(12);
    (0..count)
        .map(|_| pieces[rng.index(pieces.len())])
        .collect()
}

fn attributes(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => format!("{{\"a\":{},\"b\":\"x\"}}", rng.below(4)),
        1 => format!("{{{}}}", text(JSON_PIECES, rng)),
        _ => text(JSON_PIECES, rng),
    }
}

/// A few sets with elements, some of which go again.
fn build(play: &mut Play, key: &str) {
    let form = *["NOQUANT", "Q8", "BIN"]
        .get(play.rng.index(3))
        .expect("three");
    let reduces = play.rng.one_in(4);
    play.ask(&[b"DEL", key.as_bytes()]);
    for _ in 0..play.rng.index(60) {
        let element = play.rng.below(40).to_string();
        if play.rng.one_in(4) {
            play.ask(&[b"VREM", key.as_bytes(), element.as_bytes()]);
            continue;
        }
        let numbers: Vec<String> = (0..6).map(|_| play.rng.range(-9, 9).to_string()).collect();
        let json = attributes(&mut play.rng);
        let mut words: Vec<&[u8]> = vec![b"VADD", key.as_bytes()];
        if reduces {
            words.extend([&b"REDUCE"[..], b"3"]);
        }
        words.extend([&b"VALUES"[..], b"6"]);
        words.extend(numbers.iter().map(String::as_bytes));
        words.extend([element.as_bytes(), form.as_bytes(), b"M", b"4"]);
        words.extend([&b"EF"[..], b"20", b"SETATTR", json.as_bytes()]);
        if play.rng.one_in(3) {
            words.push(b"CAS");
        }
        play.ask(&words);
    }
}

/// All names, in order, be it in one piece or in several.
fn check_order(play: &mut Play, key: &[u8]) {
    let all = play.ask(&[b"VRANGE", key, b"-", b"+"]);
    let (mut parts, mut count) = (Vec::new(), 0);
    let mut start = b"-".to_vec();
    loop {
        let part = play.ask(&[b"VRANGE", key, &start, b"+", b"7"]);
        let lines: Vec<&[u8]> = part.split(|byte| *byte == b'\n').collect();
        let names: Vec<&[u8]> = lines[1..].chunks_exact(2).map(|pair| pair[1]).collect();
        let Some(last) = names.last() else { break };
        count += names.len();
        parts.extend_from_slice(&part[lines[0].len() + 1..]);
        start = [b"(", last.strip_suffix(b"\r").expect("a line")].concat();
    }
    let together = [format!("*{count}\r\n").as_bytes(), &parts].concat();
    assert_eq!(replies::show(&all), replies::show(&together));
    let cardinality = play.ask(&[b"VCARD", key]);
    assert_eq!(cardinality, format!(":{count}\r\n").as_bytes());
}

#[test]
fn any_filter_is_answered() {
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        build(&mut play, "v");
        check_order(&mut play, b"v");
        for _ in 0..300 {
            let filter = text(PIECES, &mut play.rng);
            let mut words: Vec<&[u8]> = b"VSIM v VALUES 6 1 2 3 4 5 6"
                .split(|byte| *byte == b' ')
                .collect();
            words.extend([&b"FILTER"[..], filter.as_bytes()]);
            if play.rng.one_in(2) {
                words.push(b"TRUTH");
            }
            let reply = play.ask(&words);
            assert!(b"*-".contains(&reply[0]), "{}", replies::show(&reply));
        }
        play.check_keyspace();
    });
}

#[test]
fn damaged_sets_are_refused_or_harmless() {
    let (mut accepted, mut refused) = (0, 0);
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        for _ in 0..10 {
            build(&mut play, "v");
            let dumped = play.ask(&[b"DUMP", b"v"]);
            let Some(payload) = bulk(&dumped) else {
                continue;
            };
            let damaged = damage(payload, &mut play.rng);
            let reply = play.ask(&[b"RESTORE", b"v", b"0", &damaged, b"REPLACE"]);
            if reply != b"+OK\r\n" {
                refused += 1;
                continue;
            }
            accepted += 1;
            let again = play.ask(&[b"DUMP", b"v"]);
            let again = bulk(&again).expect("it is there");
            let reply = play.ask(&[b"RESTORE", b"w", b"0", again, b"REPLACE"]);
            assert_eq!(reply, b"+OK\r\n", "{}", replies::show(again));
            for element in 0..40 {
                let element = element.to_string();
                play.ask(&[b"VLINKS", b"w", element.as_bytes(), b"WITHSCORES"]);
                play.ask(&[b"VSIM", b"v", b"ELE", element.as_bytes(), b"COUNT", b"50"]);
                play.ask(&[b"VREM", b"v", element.as_bytes()]);
            }
            play.check_keyspace();
        }
    });
    println!("{accepted} accepted, {refused} refused");
    assert!(
        accepted > 5 && refused > 20,
        "{accepted} accepted, {refused} refused"
    );
}
