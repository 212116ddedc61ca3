//! Any bytes, cut anywhere: the decoder finds the same requests and the same error as in one piece, and what was
//! encoded comes out again.

use pollux::testing::base::Rng;
use pollux::testing::base::{Input, InputPool};
use pollux::testing::wire::{Batch, Decoder, Limits};

type Request = Vec<Vec<u8>>;

fn request(rng: &mut Rng) -> Request {
    let words = 1 + rng.index(5);
    let word = |rng: &mut Rng| {
        let most = *[1usize, 8, 30, 300, 3000].get(rng.index(5)).expect("five");
        let mut bytes = vec![0; rng.index(most + 1)];
        rng.fill(&mut bytes);
        bytes
    };
    (0..words).map(|_| word(rng)).collect()
}

fn encode(request: &Request, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
    for word in request {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

/// Some damage: bytes that are others, more, fewer, or such as mean something.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.index(4) {
        let at = rng.index(bytes.len() + 1);
        match rng.below(5) {
            0 if at < bytes.len() => bytes[at] = rng.next_u32() as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, *rng_byte(rng)),
            3 => drop(bytes.splice(at..at, LINES[rng.index(LINES.len())].bytes())),
            _ => bytes.truncate(at),
        }
    }
}

fn rng_byte(rng: &mut Rng) -> &'static u8 {
    let bytes = b"*$\r\n0123456789-+\"'\\ \0";
    &bytes[rng.index(bytes.len())]
}

const LINES: &[&str] = &[
    "*0\r\n",
    "*-1\r\n",
    "\r\n",
    "PING\r\n",
    "set a \"b c\"\r\n",
    "'unbalanced\r\n",
    "*1\r\n",
    "$-1\r\n",
    "$0\r\n\r\n",
    "*2147483648\r\n",
    "$536870913\r\n",
    "*1048577\r\n",
    "*3\r\n$100000\r\n",
    "\n",
    "*01\r\n",
    "$ 1\r\n",
    "\\x00\r\n",
];

/// The first step of a long string, and the input's own buffers.
const AHEAD: usize = (1 << 20) + (64 << 10);

/// What a decoder makes of bytes that arrive in pieces no longer than `at_most`.
fn decoded(
    bytes: &[u8],
    at_most: usize,
    limits: &Limits,
    rng: &mut Rng,
) -> (Vec<Request>, Option<Vec<u8>>) {
    let (mut pool, mut input) = (InputPool::default(), Input::new());
    let (mut decoder, mut batch) = (Decoder::new(), Batch::new());
    let mut requests = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(1 + rng.index(at_most)));
        rest = later;
        input.push(piece, &mut pool);
        loop {
            let most = 1 + rng.index(40);
            let outcome = decoder.decode(&mut input, &mut batch, most, limits);
            // Now and then not all of them run at once.
            let done = if rng.one_in(3) {
                rng.index(batch.len() + 1)
            } else {
                batch.len()
            };
            for at in 0..done {
                let args = batch.args(at, input.bytes());
                requests.push(args.iter().map(<[u8]>::to_vec).collect());
            }
            let is_worked_off = done == batch.len();
            batch.retire(done, &mut input);
            if let (Err(error), true) = (outcome, is_worked_off) {
                return (requests, Some(error.text()));
            }
            if decoder.is_starved() && is_worked_off {
                break;
            }
        }
        input.settle(&mut pool);
        assert!(
            decoder.memory() + input.memory() < 3 * bytes.len() + AHEAD,
            "memory follows the bytes that came"
        );
    }
    (requests, None)
}

#[test]
fn any_bytes_mean_the_same_however_they_arrive() {
    super::for_some_time(|seed| {
        let mut rng = Rng::from_seed(seed);
        for _ in 0..50 {
            let sent: Vec<Request> = (0..rng.index(20)).map(|_| request(&mut rng)).collect();
            let mut bytes = Vec::new();
            for request in &sent {
                encode(request, &mut bytes);
            }
            let is_damaged = rng.one_in(2);
            if is_damaged {
                damage(&mut bytes, &mut rng);
            }
            let limits = Limits {
                authenticated: !rng.one_in(8),
                ..Limits::default()
            };
            let whole = decoded(&bytes, usize::MAX >> 1, &limits, &mut rng);
            if !is_damaged && limits.authenticated {
                assert_eq!(whole, (sent, None));
            }
            for at_most in [1, 7, 100] {
                // Strings that count as long are read another way.
                let limits = Limits {
                    big_bytes_min: if rng.one_in(2) {
                        64
                    } else {
                        limits.big_bytes_min
                    },
                    ..limits
                };
                assert_eq!(
                    decoded(&bytes, at_most, &limits, &mut rng),
                    whole,
                    "in pieces of {at_most}"
                );
            }
        }
    });
}
