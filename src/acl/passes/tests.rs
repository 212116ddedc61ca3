//! The quick answer beside the whole one.

use super::*;
use crate::acl::permission::{Asked, Denial, Whereabouts};
use crate::acl::rules::joined;
use crate::acl::{DEFAULT, Users};
use crate::base::rng::Rng;

const HEADS: &[&str] = &[
    "",
    "a",
    "app:",
    "app:user:",
    "app:usage:",
    "app:order:",
    "application:",
    "a-long-common-head:1",
    "b",
    "a-long-common-head:2",
    "a-long-common-head:",
    "b\u{1}",
    "\u{e9}\u{ff}",
    "12345678",
    "123456789",
    "1234567",
];
const ENDS: &[&str] = &["", "*", "*", "*", "?", "*1", "[ab]*", "**", "\\*", "x"];
const COMMANDS: &[&str] = &[
    "get",
    "set",
    "mget",
    "mset",
    "del",
    "copy",
    "exists",
    "sunionstore",
    "zunion",
    "select",
    "ping",
];

fn pick<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    all[rng.index(all.len())]
}

/// Rules of one selector, without its parentheses.
fn selector(rng: &mut Rng) -> String {
    let mut rules = vec![match rng.below(4) {
        0 => "+@all".to_owned(),
        1 => "+@all -set -del".to_owned(),
        2 => "+@read +@write".to_owned(),
        _ => format!("+{} +{}", pick(rng, COMMANDS), pick(rng, COMMANDS)),
    }];
    if rng.below(4) == 0 {
        rules.push(format!("db={}", [0, 1, 3, 5000][rng.index(4)]));
    }
    if rng.below(12) == 0 {
        rules.push("~*".to_owned());
    } else {
        for _ in 0..rng.below(7) {
            let grants = pick(rng, &["~", "~", "%R~", "%W~", "%RW~"]);
            let rule = format!("{grants}{}{}", pick(rng, HEADS), pick(rng, ENDS));
            // No pattern may follow this one.
            rules.extend(Some(rule).filter(|rule| rule != "~*"));
        }
    }
    rules.join(" ")
}

fn rules(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut all = selector(rng);
    for _ in 0..rng.below(10) {
        all = format!("{all} ({})", selector(rng));
    }
    joined(all.split(' ').map(str::as_bytes)).expect("balanced")
}

fn request(rng: &mut Rng) -> Vec<Vec<u8>> {
    let command = pick(rng, COMMANDS);
    let mut words = vec![command.to_owned()];
    let mut key = || {
        let between = pick(rng, &["", "", "x", "1", "*"]);
        format!(
            "{}{between}{}",
            pick(rng, HEADS),
            pick(rng, &["", "", "1", "b"])
        )
    };
    match command {
        "get" => words.push(key()),
        "set" => words.extend([key(), "get".to_owned()]),
        "copy" | "exists" | "mget" | "del" | "sunionstore" => words.extend([key(), key()]),
        "mset" => words.extend([key(), "get".to_owned(), key(), "x".to_owned()]),
        "zunion" => words.extend(["2".to_owned(), key(), key()]),
        "select" => words.push("1".to_owned()),
        _ => {}
    }
    if command == "set" && rng.below(2) == 0 {
        words.push("GET".to_owned());
    }
    if words.len() > 1 && rng.below(10) == 0 {
        words.pop();
    }
    words.into_iter().map(String::into_bytes).collect()
}

/// The quick answer, and the whole one.
fn answers(users: &Users, words: &[Vec<u8>], db: u16) -> (bool, Option<Denial>) {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let row = commands::named(words[0]).expect("a command");
    let asked = Asked {
        spec: row.spec,
        number: row.number,
        words: words.as_slice() as &[&[u8]],
        place: Whereabouts { db, count: 16 },
    };
    let quick = users
        .passes(&users.default_identity())
        .is_some_and(|passes| {
            passes.let_through(
                (row.spec, row.number, Reach::of(row.spec)),
                asked.words,
                words.get(1).copied(),
                db,
            )
        });
    (quick, users.default_user().denial(&asked))
}

#[test]
fn who_passes_is_allowed_and_who_is_allowed_passes_if_the_answer_is_plain() {
    let mut rng = Rng::from_seed(1);
    let (mut passed, mut denied) = (0, 0);
    for _ in 0..2000 {
        let rules = rules(&mut rng);
        let user = User::new(false)
            .with(&rules, false)
            .expect("they are rules");
        let selectors = user.selectors().count();
        let mut users = Users::default();
        users.put(DEFAULT, user);
        for _ in 0..100 {
            let (words, db) = (request(&mut rng), rng.below(4) as u16);
            let (quick, denial) = answers(&users, &words, db);
            let shown = || format!("{words:?} in {db} of {rules:?}: {denial:?}");
            passed += usize::from(quick);
            denied += usize::from(denial.is_some());
            assert!(!quick || denial.is_none(), "{}", shown());
            let names_keys = words.len() > 1 && words.iter().all(|word| !word.is_empty());
            let is_plain =
                names_keys && matches!(words[0].as_slice(), b"get" | b"set" | b"del" | b"mget");
            if denial.is_none() && is_plain && selectors <= BITS.len() {
                assert!(quick, "{}", shown());
            }
        }
    }
    assert!(passed > 20_000 && denied > 20_000, "{passed} {denied}");
}

#[test]
fn a_key_is_granted_that_matches_a_pattern() {
    let mut rng = Rng::from_seed(5);
    let mut granted = 0;
    for _ in 0..20_000 {
        let mut draw = |from: &[u8]| -> Vec<u8> {
            let len = rng.below(6);
            (0..len).map(|_| from[rng.index(from.len())]).collect()
        };
        let patterns = [draw(b"aab*?[]\\"), draw(b"aab*?[]\\")];
        let key = draw(b"aab*\0");
        let mut user = User::new(false);
        for pattern in &patterns {
            user.root.add_key_pattern(pattern, Rights::READ);
        }
        let grants = Passes::of(&user).granting::<true>(&key, Rights::READ, 1) != 0;
        let matches = |pattern: &Vec<u8>| glob::matches(pattern, &key, false);
        // The long way answers for the empty key.
        let expected = !key.is_empty() && patterns.iter().any(matches);
        assert_eq!(grants, expected, "{patterns:?} {key:?}");
        granted += usize::from(grants);
    }
    assert!(granted > 1000);
}

#[test]
fn new_rules_are_asked_from_the_next_request_on() {
    let mut users = Users::default();
    let get = [b"get".to_vec(), b"app:1".to_vec()];
    for (rules, passes) in [
        ("+get ~app:*", true),
        ("+get ~app", false),
        ("+set ~app:*", false),
        ("+@read %R~a*", true),
    ] {
        let rules: Vec<Vec<u8>> = rules
            .split(' ')
            .map(|rule| rule.as_bytes().to_vec())
            .collect();
        users.put(
            DEFAULT,
            User::new(false)
                .with(&rules, false)
                .expect("they are rules"),
        );
        assert_eq!(answers(&users, &get, 0).0, passes);
    }
}

#[test]
fn a_word_is_what_a_text_has_there() {
    let text = b"abcdefghijk";
    for len in 0..=text.len() {
        for at in 0..=len + 1 {
            let mut bytes = [0; 8];
            let rest = text[..len].get(at..).unwrap_or_default();
            let count = rest.len().min(8);
            bytes[..count].copy_from_slice(&rest[..count]);
            assert_eq!(
                word_at(&text[..len], at),
                u64::from_be_bytes(bytes),
                "{len} {at}"
            );
        }
    }
}
