//! Any requests, in any order, at any time: the engine never panics, answers each request exactly once with something a
//! client can parse, and leaves no empty aggregate behind.

use std::collections::VecDeque;

use pollux::testing::base::Id;
use pollux::testing::base::Rng;
use pollux::testing::config::{Config, OutputLimit};

use super::driving::driver::{Driver, request};
use super::replies;
use super::requests::{Requests, Words};

const REQUESTS_PER_EPISODE: usize = 5000;

/// Commands that would end the run or stop it: they are other tests' business.
pub(crate) fn is_never_run(name: &str) -> bool {
    // A negative count asks the three for as many elements as it says, and they answer: 2^62 of them, if need be.
    matches!(name, "srandmember" | "hrandfield" | "zrandmember")
        || name.starts_with("debug")
        || matches!(
            name,
            "shutdown" | "config|rewrite" | "failover" | "replicaof" | "slaveof"
        )
        || matches!(
            name,
            "psync" | "sync" | "replconf" | "acl|load" | "acl|save" | "migrate"
        )
}

/// Commands after which replies no longer match requests one by one.
pub(crate) fn has_more_to_say(name: &str) -> bool {
    matches!(
        name,
        "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe" | "sunsubscribe"
    ) || matches!(
        name,
        "monitor" | "client|reply" | "quit" | "reset" | "acl|setuser" | "acl|deluser"
    )
}

pub(crate) struct Play {
    pub(crate) driver: Driver,
    pub(crate) rng: Rng,
    /// The strict one, whose replies are counted, and another that may do anything.
    sessions: [Id; 2],
    /// The last requests, for whoever has to find out.
    log: VecDeque<(usize, Words)>,
}

impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (session, words) in &self.log {
                let words: Vec<String> = words
                    .iter()
                    .map(|word| format!("\"{}\"", replies::show(word)))
                    .collect();
                eprintln!("{session}> {}", words.join(" "));
            }
        }
    }
}

impl Play {
    pub(crate) fn new(seed: u64) -> Self {
        let mut config = Config::new();
        // Whoever asks for a gigabyte is refused, or disconnected.
        config.proto_max_bulk_len = 1 << 20;
        config.client_output_buffer_limit.normal = OutputLimit {
            hard_bytes: 8 << 20,
            soft_bytes: 0,
            soft_s: 0,
        };
        let mut driver = Driver::new(config, seed);
        Self {
            sessions: [driver.connect(), driver.connect()],
            driver,
            rng: Rng::from_seed(seed),
            log: VecDeque::new(),
        }
    }

    /// The connection breaks, and there is another.
    pub(crate) fn reconnect(&mut self, session: usize) {
        self.sessions[session] = self.driver.reconnect(self.sessions[session]);
    }

    fn send(&mut self, session: usize, requests: &[Words]) {
        let mut bytes = Vec::new();
        for words in requests {
            bytes.extend(request(words));
            self.log.push_back((session, words.clone()));
        }
        while self.log.len() > 30 {
            self.log.pop_front();
        }
        let id = self.sessions[session];
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let cut = if self.rng.one_in(3) {
                1 + self.rng.index(rest.len())
            } else {
                rest.len()
            };
            let (piece, later) = rest.split_at(cut);
            rest = later;
            self.driver.push(id, piece);
            self.driver.turn(&[id]);
            self.driver.rest();
        }
        self.driver.rest();
    }

    fn received(&mut self, session: usize) -> (usize, usize) {
        let bytes = self.driver.received(self.sessions[session]);
        replies::count(&bytes).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// The reply to one request of the strict session, which must be in no state.
    pub(crate) fn ask(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let words: Words = words.iter().map(|word| word.to_vec()).collect();
        self.send(0, &[words]);
        self.driver.received(self.sessions[0])
    }

    /// Whether the session is going away, or will do nothing for now.
    fn is_out(&mut self, session: usize) -> bool {
        let id = self.sessions[session];
        self.driver.engine.inside().is_out(id)
    }

    /// The other one stops all writing, and keys fall due that nothing may remove.
    fn pause(&mut self) {
        let request = ["CLIENT", "PAUSE", "100000", "WRITE"].map(|word| word.as_bytes().to_vec());
        self.send(1, &[request.to_vec()]);
        let ms = self.rng.below(60_000);
        self.driver.pass(ms);
        self.received(0);
    }

    pub(crate) fn turn(&mut self, strict: &Requests, free: &Requests) {
        let mut requests: Vec<Words> = Vec::new();
        if self.rng.one_in(20) {
            // The end of a pause comes in one packet with the next requests: they meet the keys that are overdue.
            self.pause();
            requests.push(vec![b"CLIENT".to_vec(), b"UNPAUSE".to_vec()]);
        }
        let count = requests.len() + 1 + self.rng.index(6);
        requests.resize_with(count, || strict.next(&mut self.rng));
        self.send(0, &requests);
        let (answered, _) = self.received(0);
        if self.is_out(0) {
            assert!(answered <= count, "{answered} replies to {count} requests");
            // Perhaps the other one ends the wait; whatever has not been answered by then never will be.
            let request = free.next(&mut self.rng);
            self.send(1, &[request]);
            self.received(0);
            self.reconnect(0);
        } else {
            assert_eq!(answered, count, "replies to so many requests");
        }
        if self.rng.one_in(3) {
            let request = free.next(&mut self.rng);
            self.send(1, &[request]);
            if self.is_out(1) || self.rng.one_in(10) {
                self.reconnect(1);
            } else if !self.driver.engine.inside().has_monitors() {
                self.received(1);
            }
        }
        // A client that was killed by another is gone.
        for session in [0, 1] {
            if !self.driver.is_open(self.sessions[session]) {
                self.reconnect(session);
            }
        }
        if self.rng.one_in(10) {
            let ms = *[1, 10, 999, 60_000, 4_000_000_000]
                .get(self.rng.index(5))
                .expect("five");
            self.driver.pass(ms);
            // What is pushed meanwhile is nobody's reply.
            self.received(0);
        }
    }

    pub(crate) fn check_keyspace(&mut self) {
        assert_eq!(self.driver.engine.inside().fault(), None);
    }
}

#[test]
fn any_requests_are_answered_one_by_one() {
    let strict = Requests::new(|name| is_never_run(name) || has_more_to_say(name));
    let free = Requests::new(is_never_run);
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        for turn in 0..REQUESTS_PER_EPISODE / 4 {
            play.turn(&strict, &free);
            if turn % 64 == 0 {
                play.check_keyspace();
            }
        }
        play.check_keyspace();
    });
}
