//! JSON text, paths and payloads: random ones, and right ones that were damaged. What is taken as a document prints as
//! text that makes the same document, in whatever way it was changed before.

use pollux::testing::base::{Rng, crc64};

use super::engine::Play;
use super::replies::show;

/// A value, right as it stands.
fn value(rng: &mut Rng, depth: usize, out: &mut Vec<u8>) {
    const TEXTS: &[&str] = &[
        "",
        "a",
        "x y",
        "\\n\\u00e9",
        "\\ud83d\\ude00",
        "é",
        "\\\"\\\\",
        "0",
    ];
    match rng.below(if depth < 6 { 10 } else { 7 }) {
        0 => out.extend_from_slice(b"null"),
        1 => out.extend_from_slice(if rng.one_in(2) { b"true" } else { b"false" }),
        2 => out.extend_from_slice(rng.below(100).to_string().as_bytes()),
        3 => out.extend_from_slice((rng.next_u64() as i64).to_string().as_bytes()),
        4 => out.extend_from_slice(
            format!("{}.{}e{}", rng.below(9), rng.below(99), rng.below(300)).as_bytes(),
        ),
        5 => {
            let text = TEXTS[rng.index(TEXTS.len())].repeat(1 + rng.index(3));
            out.extend_from_slice(format!("\"{text}\"").as_bytes());
        }
        6 => out.extend_from_slice(format!("\"{}\"", "long ".repeat(rng.index(500))).as_bytes()),
        7 => {
            out.push(b'[');
            for at in 0..rng.index(6) {
                out.extend_from_slice(if at > 0 { b", " } else { b" " });
                value(rng, depth + 1, out);
            }
            out.push(b']');
        }
        _ => {
            out.push(b'{');
            for at in 0..rng.index(6) {
                out.extend_from_slice(if at > 0 { b"," } else { b"" });
                out.extend_from_slice(
                    format!("\"{}\" :", NAMES[rng.index(NAMES.len())]).as_bytes(),
                );
                value(rng, depth + 1, out);
            }
            out.push(b'}');
        }
    }
}

const NAMES: &[&str] = &["a", "b", "c", "name", "other name", "é", "x0", ""];

fn path(rng: &mut Rng, out: &mut Vec<u8>) {
    const STEPS: &[&str] = &[
        ".a",
        ".b",
        ".name",
        "..a",
        "..*",
        ".*",
        "[*]",
        "[0]",
        "[-1]",
        "[0,1]",
        "[1:]",
        "[:-1:2]",
        "['a','b']",
        "[\"name\"]",
        "[?(@.a)]",
        "[?(@.a==1 && !(@.b < 2))]",
        "[?(@ > 1 || @ =~ 'a.*')]",
        "[?(@.a == $.b)]",
        "[?(@..a[?(@==1)])]",
        "[?@.name != null]",
    ];
    out.extend_from_slice(if rng.one_in(4) { b"" } else { b"$" });
    for _ in 0..rng.index(5) {
        out.extend_from_slice(STEPS[rng.index(STEPS.len())].as_bytes());
    }
    if out.is_empty() {
        out.push(b'.');
    }
}

/// Some bytes of it become others.
fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    const SIGNS: &[u8] = b"{}[]\",:.$@?()!&|=~<>*-+0123456789eE\\ 'ntf\x00\x80\xc3\xff";
    for _ in 0..=rng.index(3) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.index(bytes.len());
        match rng.below(5) {
            0 => bytes[at] = SIGNS[rng.index(SIGNS.len())],
            1 => bytes.insert(at, SIGNS[rng.index(SIGNS.len())]),
            2 => drop(bytes.remove(at)),
            3 => {
                let part = bytes[at..(at + 1 + rng.index(8)).min(bytes.len())].to_vec();
                let times = if rng.one_in(20) { 2000 } else { 2 };
                bytes.splice(at..at, part.repeat(times));
            }
            _ => bytes.truncate(at),
        }
    }
}

/// The document prints as text that makes the same document.
fn check(play: &mut Play) {
    let printed = play.ask(&[b"JSON.GET", b"doc"]);
    let Some(text) = bulk(&printed) else { return };
    let text = text.to_vec();
    let reply = play.ask(&[b"JSON.SET", b"again", b"$", &text]);
    assert_eq!(reply, b"+OK\r\n", "{}", show(&printed));
    let again = play.ask(&[b"JSON.GET", b"again"]);
    assert_eq!(show(&again), show(&printed));
}

fn bulk(reply: &[u8]) -> Option<&[u8]> {
    let rest = reply.strip_prefix(b"$")?;
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let len: usize = str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    rest.get(end + 2..end + 2 + len)
}

#[test]
fn any_text_and_any_path_are_answered() {
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        let mut rng = Rng::from_seed(seed);
        for _ in 0..150 {
            let (mut one, mut text) = (Vec::new(), Vec::new());
            path(&mut rng, &mut one);
            value(&mut rng, 0, &mut text);
            if rng.one_in(3) {
                damage(&mut rng, &mut text);
            }
            if rng.one_in(3) {
                damage(&mut rng, &mut one);
            }
            let small = rng.below(9).to_string().into_bytes();
            let (key, one, text, small) = (b"doc".as_slice(), &one[..], &text[..], &small[..]);
            let kinds: [&[u8]; 4] = [b"BF16", b"FP16", b"FP32", b"FP64"];
            let kind = kinds[rng.index(4)];
            let request: &[&[u8]] = match rng.below(21) {
                0 | 1 => &[b"JSON.SET", key, b"$", text],
                2 | 3 => &[b"JSON.SET", key, one, text],
                4 => &[b"JSON.MERGE", key, one, text],
                5 => &[b"JSON.DEL", key, one],
                6 => &[b"JSON.CLEAR", key, one],
                7 => &[b"JSON.NUMINCRBY", key, one, small],
                8 => &[b"JSON.NUMPOWBY", key, one, small],
                9 => &[b"JSON.TOGGLE", key, one],
                10 => &[b"JSON.STRAPPEND", key, one, text],
                11 => &[b"JSON.ARRAPPEND", key, one, text, small],
                12 => &[b"JSON.ARRINSERT", key, one, small, text],
                13 => &[b"JSON.ARRPOP", key, one, small],
                14 => &[b"JSON.ARRTRIM", key, one, small, b"-1"],
                15 => &[b"JSON.ARRINDEX", key, one, text],
                16 => &[b"JSON.TYPE", key, one],
                17 => &[b"JSON.RESP", key, one],
                18 => &[b"JSON.GET", key, b"INDENT", b" ", one, b"$"],
                19 => &[b"JSON.SET", key, one, text, b"FPHA", kind],
                _ => &[b"JSON.GET", key, one],
            };
            play.ask(request);
            check(&mut play);
        }
        play.check_keyspace();
    });
}

/// With what stands behind a payload.
fn sealed(mut payload: Vec<u8>) -> Vec<u8> {
    payload.extend_from_slice(&[12, 0]);
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// A value as the first version has it.
fn node(rng: &mut Rng, depth: usize, out: &mut Vec<u8>) {
    let text = |text: &[u8]| {
        let mut part = vec![5, text.len() as u8];
        part.extend_from_slice(text);
        part
    };
    match rng.below(if depth < 4 { 7 } else { 5 }) {
        0 => out.extend_from_slice(&[2, 1]),
        1 => out.extend([vec![2, 2], text("é\"\n".as_bytes())].concat()),
        2 => out.extend([&[2, 4, 4][..], &(rng.below(9) as f64 / 4.0).to_le_bytes()].concat()),
        3 => out.extend_from_slice(&[2, 8, 1, rng.below(60) as u8]),
        4 => out.extend([vec![2, 16], text(b"1")].concat()),
        5 => {
            let count = rng.below(4) as u8;
            out.extend_from_slice(&[2, 32, 2, count]);
            for _ in 0..count {
                let name = NAMES[rng.index(NAMES.len())];
                out.extend([vec![2, 0x40, 128], text(name.as_bytes())].concat());
                node(rng, depth + 1, out);
            }
        }
        _ => {
            let count = rng.below(4) as u8;
            out.extend_from_slice(&[2, 0x40, 64, 2, count]);
            (0..count).for_each(|_| node(rng, depth + 1, out));
        }
    }
}

#[test]
fn damaged_documents_are_refused_or_harmless() {
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        let mut rng = Rng::from_seed(seed);
        for _ in 0..100 {
            let mut text = Vec::new();
            value(&mut rng, 0, &mut text);
            play.ask(&[b"JSON.SET", b"doc", b"$", &text]);
            let dumped = play.ask(&[b"DUMP", b"doc"]);
            let Some(payload) = bulk(&dumped) else {
                continue;
            };
            let mut payload = payload[..payload.len() - 10].to_vec();
            if rng.one_in(2) && payload.first() == Some(&7) {
                // The first version, which has values piece by piece; the tenth byte has its number.
                payload.truncate(10);
                payload[9] &= 0xfc;
                node(&mut rng, 0, &mut payload);
                payload.push(0);
            }
            if rng.one_in(8) {
                play.ask(&[
                    b"RESTORE",
                    b"doc",
                    b"0",
                    &sealed(payload.clone()),
                    b"REPLACE",
                ]);
                check(&mut play);
            }
            damage(&mut rng, &mut payload);
            play.ask(&[b"RESTORE", b"doc", b"0", &sealed(payload), b"REPLACE"]);
            check(&mut play);
        }
        play.check_keyspace();
    });
}
