//! Looking ahead changes no reply: requests that come together, about elements of large values which others among them
//! change, answer as they do one by one.

mod driving;

use pollux::testing::base::Rng;

use driving::driver::{Driver, request};

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
    let [mut together, mut alone] = [0, 1].map(|_| {
        let mut driver = Driver::plain();
        let client = driver.connect();
        move |bytes: &[u8]| driver.ask(client, bytes)
    });
    for number in 0..ELEMENTS {
        let element = format!("element:{}", number * 2);
        for words in [
            ["HSET", "hash:0", &element, "value"].as_slice(),
            &["SADD", "set:0", &element],
            &["ZADD", "zset:0", &(number % 777).to_string(), &element],
        ] {
            let bytes = request(words);
            assert_eq!(together(&bytes), alone(&bytes));
        }
    }
    for _ in 0..300 {
        let requests: Vec<Vec<u8>> = (0..100).map(|_| any_request(&mut rng)).collect();
        let expected: Vec<u8> = requests.iter().flat_map(|bytes| alone(bytes)).collect();
        assert_eq!(together(&requests.concat()), expected);
    }
}
