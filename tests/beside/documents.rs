//! JSON commands beside a server of the simplest kind: `cargo bench --bench documents`.
//!
//! The other server keeps a tree of values for each document, as `serde_json` makes it. There is none such, so its
//! price is put together: a command on a hash with one field, of as many words, through the same engine, which is all
//! that lies around a value; and what has to be done with the tree, on a path that is cut at its dots and nothing else.
//! Requests come sixteen at a time, each to another of two thousand documents of a kilobyte.
//!
//! With `--check` it fails if one of ours takes longer, or if a document takes more than 1.3 times its text.

#[path = "../driving/mod.rs"]
mod driving;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use driving::driver::{Driver, request};
use pollux::Counting;
use pollux::testing::base::Id;
use pollux::testing::store::used_memory;
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const DOCUMENTS: usize = 2000;
const DEPTH: usize = 16;
/// The best of so many rounds counts: a busy machine makes rounds slower, never faster.
const ROUNDS: usize = 15;
const MEMORY_MAX: f64 = 1.3;

/// Thirty-one fields, a kilobyte, more or less: blocks come in steps of a quarter, and one size would tell of no other.
fn document(number: usize) -> String {
    let names = [
        "id",
        "name",
        "email",
        "phone",
        "street",
        "city",
        "region",
        "country",
        "postcode",
        "born",
        "created",
        "updated",
        "visits",
        "balance",
        "currency",
        "language",
        "timezone",
        "is_active",
        "is_admin",
        "score",
        "level",
        "referrer",
        "campaign",
        "comment",
        "avatar",
        "website",
        "company",
        "position",
        "department",
        "manager",
        "last_login",
    ];
    let comment = "words ".repeat(number * 7 % 43);
    let field = |(at, name): (usize, &&str)| match at % 5 {
        _ if *name == "comment" => format!("\"{name}\":\"{comment}\""),
        0 => format!("\"{name}\":{}", number * 31 + at),
        1 | 3 => format!("\"{name}\":\"a longer text about {name} {number:06}\""),
        2 => format!("\"{name}\":{}.25", number % 1000 + at),
        _ => format!("\"{name}\":\"{name} {:0>12}\"", number * 7),
    };
    let fields: Vec<String> = names.iter().enumerate().map(field).collect();
    format!("{{{}}}", fields.join(","))
}

struct Bench {
    driver: Driver,
    client: Id,
}

impl Bench {
    fn new() -> Self {
        let mut driver = Driver::plain();
        let client = driver.connect();
        Self { driver, client }
    }

    fn ask(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.driver.ask(self.client, bytes)
    }

    /// The nanoseconds that a request takes, of those that `words` makes for each document.
    fn time(&mut self, words: impl Fn(usize, usize) -> Vec<String>) -> f64 {
        let mut best = f64::MAX;
        for round in 0..ROUNDS {
            let batches: Vec<Vec<u8>> = order(round)
                .chunks(DEPTH)
                .map(|numbers| {
                    let requests = numbers.iter().map(|number| request(&words(*number, round)));
                    requests.collect::<Vec<_>>().concat()
                })
                .collect();
            let start = Instant::now();
            for batch in &batches {
                black_box(self.ask(batch));
            }
            best = best.min(start.elapsed().as_nanos() as f64 / DOCUMENTS as f64);
        }
        best
    }
}

/// All documents, scattered.
fn order(round: usize) -> Vec<usize> {
    (0..DOCUMENTS)
        .map(|at| (at * 7919 + round) % DOCUMENTS)
        .collect()
}

/// The same for what is done with a tree.
fn time_values(values: &mut [Value], mut with: impl FnMut(&mut Value, usize)) -> f64 {
    let mut best = f64::MAX;
    for round in 0..ROUNDS {
        let order = order(round);
        let start = Instant::now();
        for number in order {
            with(&mut values[number], round);
        }
        best = best.min(start.elapsed().as_nanos() as f64 / DOCUMENTS as f64);
    }
    best
}

fn find<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let names = black_box(path).strip_prefix("$.")?.split('.');
    names
        .into_iter()
        .try_fold(value, |value, name| value.get_mut(name))
}

/// What is set: in one round as long as before, in the next one longer.
fn new_text(round: usize) -> String {
    format!("\"text {:0>1$}\"", round, 12 + round % 2)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn doc(number: usize) -> String {
    format!("doc:{number}")
}

fn hash(number: usize, path: &str) -> String {
    format!("hash:{number}{path}")
}

const TEXT_PATH: &str = "$.department";
const NUMBER_PATH: &str = "$.level";

/// Ours, and of the other what is around a value and what is done with it.
type Prices = (f64, f64, f64);

fn get(bench: &mut Bench, values: &mut [Value]) -> Prices {
    let mut out = Vec::new();
    (
        bench.time(|number, _| words(&["JSON.GET", &doc(number), TEXT_PATH])),
        bench.time(|number, _| words(&["HGET", &hash(number, TEXT_PATH), TEXT_PATH])),
        time_values(values, |value, _| {
            let found = find(value, TEXT_PATH).expect("it is there");
            answer(&mut out, found);
        }),
    )
}

fn set(bench: &mut Bench, values: &mut [Value]) -> Prices {
    let path = TEXT_PATH;
    let texts: Vec<String> = (0..ROUNDS).map(new_text).collect();
    (
        bench.time(|number, round| words(&["JSON.SET", &doc(number), path, &new_text(round)])),
        bench.time(|number, round| words(&["HSET", &hash(number, path), path, &new_text(round)])),
        time_values(values, |value, round| {
            let new = serde_json::from_str(black_box(&texts[round])).expect("it is right");
            *find(value, path).expect("it is there") = new;
        }),
    )
}

fn increment(bench: &mut Bench, values: &mut [Value]) -> Prices {
    let path = NUMBER_PATH;
    let mut out = Vec::new();
    (
        bench.time(|number, _| words(&["JSON.NUMINCRBY", &doc(number), path, "1"])),
        bench.time(|number, _| words(&["HINCRBY", &hash(number, path), path, "1"])),
        time_values(values, |value, _| {
            let found = find(value, path).expect("it is there");
            let operand: Value = serde_json::from_str(black_box("1")).expect("it is right");
            let both = found.as_i64().zip(operand.as_i64());
            *found = both
                .map(|(one, other)| one + other)
                .expect("integers")
                .into();
            answer(&mut out, found);
        }),
    )
}

/// The text that a command answers with.
fn answer(out: &mut Vec<u8>, value: &Value) {
    out.clear();
    out.push(b'[');
    serde_json::to_writer(&mut *out, value).expect("it is memory");
    out.push(b']');
    black_box(&out);
}

fn main() -> ExitCode {
    let mut bench = Bench::new();
    let mut values = Vec::new();
    let mut text_len = 0;
    let before = used_memory();
    for number in 0..DOCUMENTS {
        let text = document(number);
        text_len += text.len();
        let reply = bench.ask(&request(&["JSON.SET", &doc(number), "$", &text]));
        assert_eq!(reply, b"+OK\r\n");
    }
    let memory = (used_memory() - before) as f64 / text_len as f64;
    for number in 0..DOCUMENTS {
        values.push(serde_json::from_str::<Value>(&document(number)).expect("it is right"));
        for path in [TEXT_PATH, NUMBER_PATH] {
            bench.ask(&request(&["HSET", &hash(number, path), path, "17"]));
        }
    }
    println!("                    ours   the other: around it and in it   ours / the other");
    let mut is_slower = false;
    for (name, measure) in [
        ("JSON.GET", get as fn(&mut Bench, &mut [Value]) -> Prices),
        ("JSON.SET", set),
        ("JSON.NUMINCRBY", increment),
    ] {
        let (ours, around, inside) = measure(&mut bench, &mut values);
        let ratio = ours / (around + inside);
        is_slower |= ratio > 1.0;
        println!("{name:<16} {ours:>5.0} ns   {around:>16.0} {inside:>16.0} ns   {ratio:>10.2}");
    }
    println!(
        "a document of {} bytes takes {memory:.2} of its text",
        text_len / DOCUMENTS
    );
    let is_checked = std::env::args().any(|word| word == "--check");
    if is_checked && (is_slower || memory > MEMORY_MAX) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
