//! Requests cut anywhere, odd bytes as a Redis 8.0.6 takes them, and garbage.

use super::*;
use crate::base::input::InputPool;
use crate::base::rng::Rng;

/// A client's side of the server: input, decoder and batch, driven as the engine drives them.
struct Session {
    input: Input,
    pool: InputPool,
    decoder: Decoder,
    batch: Batch,
    limits: Limits,
    most: usize,
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
}

impl Session {
    fn new() -> Session {
        Session {
            input: Input::new(),
            pool: InputPool::new(256, 2),
            decoder: Decoder::new(),
            batch: Batch::new(),
            limits: Limits::default(),
            most: 128,
            requests: Vec::new(),
            error: None,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.input.push(bytes, &mut self.pool);
        self.run(usize::MAX);
        self.input.settle(&mut self.pool);
    }

    /// Decodes and executes; stops in the middle of a batch after `budget` requests.
    fn run(&mut self, mut budget: usize) {
        loop {
            let verdict =
                self.decoder
                    .decode(&mut self.input, &mut self.batch, self.most, &self.limits);
            let executed = self.batch.len().min(budget);
            for i in 0..executed {
                let args = self.batch.args(i, self.input.bytes());
                self.requests
                    .push(args.iter().map(<[u8]>::to_vec).collect());
            }
            self.batch.retire(executed, &mut self.input);
            budget -= executed;
            if !self.batch.is_empty() {
                return;
            }
            if let Err(error) = verdict {
                self.error = Some(error);
                return;
            }
            if self.decoder.is_starved() {
                return;
            }
        }
    }

    fn decode(&mut self) {
        self.decoder
            .decode(&mut self.input, &mut self.batch, self.most, &self.limits)
            .expect("these bytes are a request's");
    }

    fn text(&self) -> String {
        let requests = self.requests.iter().map(|request| {
            let args = request.iter().map(|arg| arg.escape_ascii().to_string());
            args.collect::<Vec<_>>().join(",")
        });
        let mut parts: Vec<String> = requests.collect();
        if let Some(error) = self.error {
            parts.push(error.to_string());
        }
        parts.join(" | ")
    }
}

fn decoded(bytes: &[u8]) -> String {
    let mut session = Session::new();
    session.feed(bytes);
    session.text()
}

fn multi_bulk_of(args: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n", arg.len()).bytes());
        bytes.extend(arg);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Each line was sent to a Redis 8.0.6, and means here what it meant there.
#[test]
fn odd_bytes_mean_what_they_mean_to_redis() {
    let invalid_count = "ERR Protocol error: invalid multibulk length";
    let invalid_len = "ERR Protocol error: invalid bulk length";
    let quotes = "ERR Protocol error: unbalanced quotes in request";
    let cases: &[(&[u8], &str)] = &[
        (b"*1\r\n$4\r\nPING\r\n", "PING"),
        (b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "ECHO,"),
        (b"*0\r\nPING\r\n", "PING"),
        (b"*-1\r\nPING\r\n", "PING"),
        (b"*-9223372036854775808\r\nPING\r\n", "PING"),
        (b"*-9223372036854775809\r\nPING\r\n", invalid_count),
        (b"*-0\r\n", invalid_count),
        (b"*01\r\n", invalid_count),
        (b"*+1\r\n", invalid_count),
        (b"* 1\r\n", invalid_count),
        (b"*1 \r\n", invalid_count),
        (b"*\r\n", invalid_count),
        (b"*a\r\n", invalid_count),
        (b"*2147483647\r\n", ""),
        (b"*2147483648\r\n", invalid_count),
        (b"*9223372036854775808\r\n", invalid_count),
        (
            b"PING\r\n*1\r\n$-1\r\n",
            "PING | ERR Protocol error: invalid bulk length",
        ),
        (b"*1\r\n$04\r\n", invalid_len),
        (b"*1\r\n$\r\n", invalid_len),
        (b"*1\r\n$ 4\r\n", invalid_len),
        (b"*1\r\n$-0\r\n", invalid_len),
        (b"*1\r\n$536870912\r\n", ""),
        (b"*1\r\n$536870913\r\n", invalid_len),
        (b"*1\r\n$99999999999999999999\r\n", invalid_len),
        (
            b"*1\r\nPING\r\n",
            "ERR Protocol error: expected '$', got 'P'",
        ),
        (b"*1\r\n:4\r\n", "ERR Protocol error: expected '$', got ':'"),
        (b"*1\r\n\r\n", "ERR Protocol error: expected '$', got '\r'"),
        // Line ends are skipped, not read.
        (b"*1\rX$4\rYPINGab*1\r\n$4\r\nPONG\r\n", "PING | PONG"),
        (b"*1\r\n$4\r\r\nPING\r\n", "\\nPIN | "),
        (b"*1\n$4\nPING\n", ""),
        // A zero byte hides what follows.
        (b"*1\0\r\n*1\r\n$4\r\nPING\r\n", ""),
        (b"*1\r\n$4\0\r\nPING\r\n", ""),
        (b"PING\0\nPING\n", ""),
        (b"\0PING\n", ""),
        (b"PING\r\nPING\n", "PING | PING"),
        (b"  PING  \r\n\tPING\t\n", "PING | PING"),
        (b"\r\n\r\n\nPING\n", "PING"),
        (b"\"PI\\x4eG\" 'a b' \"c\\nd\"\n", "PING,a b,c\\nd"),
        (b"PING\"a\"\n", "PINGa"),
        (b"\"\"\r\n", ""),
        (b"\"\" x\r\n", ",x"),
        (b"ECHO a\rb\n", "ECHO,a,b"),
        (b"ECHO a\x0bb\n", "ECHO,a\\x0bb"),
        (b"PING\r\r\n", "PING"),
        (b"\"PING\r\n", quotes),
        (b"PING \"a\"b\n", quotes),
        (b"$4\r\nPING\r\n", "$4 | PING"),
        (b"*1\r", ""),
        (b"*1\r\n$4\r\nPIN", ""),
    ];
    for (bytes, meaning) in cases {
        let meaning = meaning.strip_suffix(" | ").unwrap_or(meaning);
        assert_eq!(decoded(bytes), *meaning, "{}", bytes.escape_ascii());
    }
    // An empty word is an argument all the same.
    let mut session = Session::new();
    session.feed(b"\"\"\r\n");
    assert_eq!(session.requests, [[b""]]);
}

#[test]
fn lines_do_not_grow_for_ever() {
    let ones = |n: usize| [b'1'].repeat(n);
    let long = |head: &[u8], n: usize| [head, &ones(n)].concat();
    assert_eq!(decoded(&ones(65_536)), "");
    assert_eq!(
        decoded(&ones(65_537)),
        "ERR Protocol error: too big inline request"
    );
    assert_eq!(decoded(&long(b"*", 65_535)), "");
    assert_eq!(
        decoded(&long(b"*", 65_536)),
        "ERR Protocol error: too big mbulk count string"
    );
    assert_eq!(decoded(&long(b"*1\r\n$", 65_535)), "");
    assert_eq!(
        decoded(&long(b"*1\r\n$", 65_536)),
        "ERR Protocol error: too big bulk count string"
    );
    assert_eq!(
        decoded(&[long(b"*1\r\n$", 65_537), b"\r\n".to_vec()].concat()),
        "ERR Protocol error: invalid bulk length"
    );
    let zero = [b"PING\0".to_vec(), ones(65_536)].concat();
    assert_eq!(decoded(&zero), "ERR Protocol error: too big inline request");
}

#[test]
fn strangers_may_only_send_little() {
    let unauthenticated = |bytes: &[u8]| {
        let mut session = Session::new();
        session.limits.authenticated = false;
        session.feed(bytes);
        session.text()
    };
    let count = "ERR Protocol error: unauthenticated multibulk length";
    assert_eq!(unauthenticated(b"*10\r\n"), "");
    assert_eq!(unauthenticated(b"*11\r\n"), count);
    assert_eq!(unauthenticated(b"*0\r\n*11\r\n"), count);
    assert_eq!(unauthenticated(b"*2\r\n$16384\r\n"), "");
    assert_eq!(
        unauthenticated(b"*2\r\n$16385\r\n"),
        "ERR Protocol error: unauthenticated bulk length"
    );
    assert_eq!(
        unauthenticated(b"*1\r\n$600000000\r\n"),
        "ERR Protocol error: invalid bulk length"
    );
    assert_eq!(
        unauthenticated(b"a b c d e f g h i j k l\n"),
        "a,b,c,d,e,f,g,h,i,j,k,l"
    );

    // The request behind AUTH is judged only when AUTH has run.
    let mut session = Session::new();
    session.limits.authenticated = false;
    let bytes = b"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n*12\r\n$4\r\nPING\r\n";
    session.input.push(bytes, &mut session.pool);
    session.decode();
    assert_eq!(session.batch.len(), 1);
    assert!(!session.decoder.is_starved());
    session.batch.retire(1, &mut session.input);
    session.limits.authenticated = true;
    session.decode();
    assert!(session.batch.is_empty() && session.decoder.is_starved());
}

#[test]
fn an_error_follows_the_requests_before_it_and_stays() {
    let mut session = Session::new();
    session.feed(b"PING\r\n*x\r\nPING\r\n");
    assert_eq!(
        session.text(),
        "PING | ERR Protocol error: invalid multibulk length"
    );
    session.requests.clear();
    session.feed(b"PING\r\n");
    assert_eq!(
        session.text(),
        "ERR Protocol error: invalid multibulk length"
    );
}

/// Random requests in both forms, and the bytes that carry them.
fn random_stream(rng: &mut Rng, longest: usize) -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
    let (mut bytes, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..=rng.index(6) {
        let args: Vec<Vec<u8>> = (0..=rng.index(5))
            .map(|_| {
                let most = if rng.one_in(6) { longest } else { 20 };
                let mut arg = vec![0; rng.index(most)];
                rng.fill(&mut arg);
                arg
            })
            .collect();
        match rng.below(8) {
            0 => bytes.extend(b"\r\n"),
            1 => bytes.extend(b"*0\r\n"),
            2 => bytes.extend(b"*-1\r\n"),
            3 => {
                // A word that begins with a star would announce the other form; quotes prevent it.
                let words = args.iter().map(|arg| text::quote(arg));
                bytes.extend(words.collect::<Vec<_>>().join(&b' '));
                bytes.extend(if rng.one_in(2) { &b"\r\n"[..] } else { b"\n" });
                requests.push(args);
            }
            _ => {
                bytes.extend(multi_bulk_of(&args));
                requests.push(args);
            }
        }
    }
    (bytes, requests)
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let mut rng = Rng::from_seed(1);
    for _ in 0..300 {
        let (bytes, requests) = random_stream(&mut rng, 150);
        for cut in 0..=bytes.len() {
            let mut session = Session::new();
            session.limits.big_bytes_min = 100;
            session.feed(&bytes[..cut]);
            session.feed(&bytes[cut..]);
            assert_eq!(session.error, None);
            assert_eq!(session.requests, requests);
            assert!(session.input.is_empty());
            session.input.shrink();
            assert_eq!(session.input.memory() + session.decoder.memory(), 0);
        }
    }
}

#[test]
fn any_pace_and_any_tuning_give_the_same_requests() {
    let mut rng = Rng::from_seed(2);
    for round in 0..2000 {
        let (bytes, requests) = random_stream(&mut rng, 3000);
        let mut session = Session::new();
        session.pool = InputPool::new(1 + rng.index(300), rng.index(3));
        session.limits.big_bytes_min = [1, 64, 700, usize::MAX][rng.index(4)];
        session.most = 1 + rng.index(4);
        let step = if round % 2 == 0 {
            1
        } else {
            1 + rng.index(400)
        };
        for piece in bytes.chunks(step) {
            session.input.push(piece, &mut session.pool);
            // Sometimes only part of a batch is executed, as when a client blocks; the rest waits with it.
            let budget = if rng.one_in(3) {
                rng.index(3)
            } else {
                usize::MAX
            };
            session.run(budget);
            if rng.one_in(2) {
                session.input.settle(&mut session.pool);
            }
        }
        session.run(usize::MAX);
        assert_eq!(session.error, None);
        assert_eq!(session.requests, requests);
        session.input.settle(&mut session.pool);
        assert!(session.input.is_empty());
        session.input.shrink();
        assert_eq!(session.input.memory() + session.decoder.memory(), 0);
    }
}

#[test]
fn garbage_neither_panics_nor_takes_memory() {
    let mut rng = Rng::from_seed(3);
    let pieces: &[&[u8]] = &[
        b"*",
        b"$",
        b"\r\n",
        b"\r",
        b"\n",
        b"1",
        b"2",
        b"9",
        b"-",
        b"0",
        b"\0",
        b"\"",
        b"'",
        b"\\x4",
        b"*2\r\n",
        b"$3\r\n",
        b"$999999\r\n",
        b"*2147483647\r\n",
        b"$536870912\r\n",
        b"GET",
        b" ",
    ];
    for _ in 0..20_000 {
        let mut session = Session::new();
        session.limits.authenticated = rng.one_in(2);
        let mut sent = 0;
        for _ in 0..=rng.index(4) {
            let mut bytes = Vec::new();
            for _ in 0..rng.index(20) {
                if rng.one_in(10) {
                    bytes.push(rng.next_u64() as u8);
                } else {
                    bytes.extend(pieces[rng.index(pieces.len())]);
                }
            }
            sent += bytes.len();
            session.feed(&bytes);
        }
        session.input.shrink();
        let memory = session.input.memory() + session.decoder.memory() + session.batch.memory();
        assert!(memory <= 64 * sent + 70_000, "{memory} bytes for {sent}");
    }
}

#[test]
fn announced_lengths_take_little_memory() {
    let mut session = Session::new();
    session.feed(b"*1000000\r\n$3\r\nDEL\r\n$500000000\r\nabc");
    let memory = session.input.memory() + session.decoder.memory();
    assert!(memory <= 1_100_000, "{memory}");
}

#[test]
fn a_big_argument_is_shared_and_not_copied() {
    let mut session = Session::new();
    let value = vec![b'v'; 100_000];
    let args = [b"SET".to_vec(), b"k".to_vec(), value.clone()];
    let bytes = [multi_bulk_of(&args), b"PING\r\n".to_vec()].concat();
    let (head, rest) = bytes.split_at(50_000);
    session.input.push(head, &mut session.pool);
    session.decode();
    assert!(session.batch.is_empty());
    // The rest goes straight behind what came.
    assert!(session.input.space(&mut session.pool).len() >= 50_000);
    session.input.push(rest, &mut session.pool);
    session.decode();
    assert_eq!(session.batch.len(), 2);
    let args = session.batch.args(0, session.input.bytes());
    let shared = args.shared(2).expect("it is long enough");
    assert_eq!(*shared, value);
    assert_eq!(shared.capacity(), value.len());
    assert!(std::ptr::eq(args.at(2).as_ptr(), shared.as_ptr()));
    assert!(args.shared(1).is_none());
    let owned = OwnedArgs::from(args);
    assert!(Arc::ptr_eq(&owned.as_args().shared(2).unwrap(), &shared));
    assert_eq!(session.batch.args(1, session.input.bytes()).name(), b"PING");
    session.batch.retire(2, &mut session.input);
    assert!(session.input.is_empty());
}

#[test]
fn a_link_can_keep_its_bytes_in_place() {
    let mut session = Session::new();
    session.limits.big_bytes_min = usize::MAX;
    let args = [b"SET".to_vec(), b"k".to_vec(), vec![b'v'; 100_000]];
    let bytes = multi_bulk_of(&args);
    session.input.push(&bytes, &mut session.pool);
    session.decode();
    assert_eq!(session.batch.consumed(0), bytes.len());
    assert_eq!(&session.input.bytes()[..session.batch.consumed(0)], bytes);
}

#[test]
fn a_request_goes_on_in_the_bytes_in_which_it_came_or_not_at_all() {
    let sent = |bytes: &[u8]| {
        let mut session = Session::new();
        session.input.push(bytes, &mut session.pool);
        session.decode();
        let sent = session.batch.sent(0, session.input.bytes());
        sent.map(<[u8]>::to_vec)
    };
    let words = "$0\r\n\r\n".repeat(11);
    let long = format!("*12\r\n$123\r\n{}\r\n{words}", "x".repeat(123));
    let ten = "*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n";
    for text in ["*1\r\n$4\r\nPING\r\n", ten, &long] {
        let followed = [text, "*1\r\n$4"].concat();
        assert_eq!(sent(followed.as_bytes()).as_deref(), Some(text.as_bytes()));
    }
    for text in [
        "PING\r\n",
        "*1\rx$4\r\nPING\r\n",
        "*1\r\n$4\rxPING\r\n",
        "*1\r\n$4\r\nPING\rx",
        "*1\r\n$4\r\nPINGxx",
    ] {
        assert_eq!(sent(text.as_bytes()), None, "{text:?}");
    }
}
