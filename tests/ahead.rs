//! Looking ahead changes no reply: requests that come together, about elements of large values which others among them
//! change, answer as they do one by one.

use pollux::base::rng::Rng;
use pollux::base::slab::Id;
use pollux::base::time::Clock;
use pollux::commands;
use pollux::config::Config;
use pollux::engine::Engine;

const CLIENT: Id = Id {
    index: 0,
    generation: 1,
};

fn engine() -> Engine {
    let mut engine = Engine::new(
        Config::new(),
        commands::table(),
        Clock::manual(1_700_000_000_000),
        1,
    );
    engine.open(CLIENT);
    engine
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

fn replies(engine: &mut Engine, bytes: &[u8]) -> Vec<u8> {
    let Engine {
        sessions, inputs, ..
    } = &mut *engine;
    sessions
        .get_mut(CLIENT)
        .expect("opened")
        .input
        .push(bytes, inputs);
    let mut replies = Vec::new();
    loop {
        engine.handle_inputs(&[CLIENT]);
        let session = engine.sessions.get_mut(CLIENT).expect("still open");
        replies.extend(session.output.take());
        engine.sessions.with_output.clear();
        if std::mem::take(&mut engine.sessions.again).is_empty() {
            return replies;
        }
    }
}

/// Enough elements for the tables to be looked ahead at.
const ELEMENTS: usize = 15_000;

fn any_request(rng: &mut Rng) -> Vec<u8> {
    let kind = ["hash", "set", "zset"][rng.index(3)];
    // One of each kind is large, another comes and goes.
    let key = format!("{kind}:{}", rng.index(4) / 3);
    let element = format!("element:{}", rng.index(ELEMENTS * 2));
    let score = rng.index(1000).to_string();
    let words: &[&str] = match (kind, rng.index(8)) {
        (_, 0) if key.ends_with('1') => &["UNLINK", &key],
        ("hash", 0..3) => &["HGET", &key, &element],
        ("hash", 3..6) => &["HSET", &key, &element, &score],
        ("hash", _) => &["HDEL", &key, &element],
        ("set", 0..3) => &["SISMEMBER", &key, &element],
        ("set", 3..6) => &["SADD", &key, &element],
        ("set", _) => &["SREM", &key, &element],
        (_, 0..3) => &["ZRANK", &key, &element],
        (_, 3..5) => &["ZADD", &key, &score, &element],
        (_, 5) => &["ZPOPMIN", &key, "2"],
        (_, 6) => &["ZREMRANGEBYRANK", &key, "5", "6"],
        _ => &["ZINCRBY", &key, &score, &element],
    };
    request(words)
}

#[test]
fn requests_together_answer_as_one_by_one() {
    let mut rng = Rng::from_seed(7);
    let (mut together, mut alone) = (engine(), engine());
    for number in 0..ELEMENTS {
        let element = format!("element:{}", number * 2);
        for words in [
            ["HSET", "hash:0", &element, "value"].as_slice(),
            &["SADD", "set:0", &element],
            &["ZADD", "zset:0", &(number % 777).to_string(), &element],
        ] {
            let bytes = request(words);
            assert_eq!(replies(&mut together, &bytes), replies(&mut alone, &bytes));
        }
    }
    for _ in 0..300 {
        let requests: Vec<Vec<u8>> = (0..100).map(|_| any_request(&mut rng)).collect();
        let expected: Vec<u8> = requests
            .iter()
            .flat_map(|bytes| replies(&mut alone, bytes))
            .collect();
        assert_eq!(replies(&mut together, &requests.concat()), expected);
    }
}
