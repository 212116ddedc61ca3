//! Any requests, in any order, at any time: the engine never panics, answers each request exactly once with something a
//! client can parse, and leaves no empty aggregate behind.

use std::collections::VecDeque;

use pollux::base::rng::Rng;
use pollux::base::slab::Id;
use pollux::base::time::Clock;
use pollux::commands;
use pollux::config::{Config, OutputLimit};
use pollux::engine::Engine;
use pollux::engine::effects::Ask;
use pollux::store::Payload;
use pollux::types::Value;

use super::replies;
use super::requests::{Requests, Words};

const REQUESTS_PER_EPISODE: usize = 5000;

/// Commands that would end the run or stop it: they are other tests' business.
pub fn is_never_run(name: &str) -> bool {
    // A negative count asks the three for as many elements as it says, and they answer: 2^62 of them, if need be.
    matches!(name, "srandmember" | "hrandfield" | "zrandmember")
        || name.starts_with("debug")
        || matches!(
            name,
            "shutdown"
                | "config|set"
                | "config|rewrite"
                | "config|resetstat"
                | "client|pause"
                | "failover"
                | "replicaof"
                | "slaveof"
        )
        || matches!(
            name,
            "psync"
                | "sync"
                | "replconf"
                | "bgsave"
                | "save"
                | "bgrewriteaof"
                | "acl|load"
                | "acl|save"
                | "migrate"
        )
}

/// Commands after which replies no longer match requests one by one.
pub fn has_more_to_say(name: &str) -> bool {
    matches!(
        name,
        "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe" | "sunsubscribe"
    ) || matches!(
        name,
        "monitor" | "client|reply" | "quit" | "reset" | "acl|setuser" | "acl|deluser"
    )
}

pub struct Play {
    pub engine: Engine,
    pub rng: Rng,
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
    pub fn new(seed: u64) -> Self {
        let mut config = Config::new();
        // Whoever asks for a gigabyte is refused, or disconnected.
        config.proto_max_bulk_len = 1 << 20;
        config.client_output_buffer_limit.normal = OutputLimit {
            hard_bytes: 8 << 20,
            soft_bytes: 0,
            soft_s: 0,
        };
        let engine = Engine::new(
            config,
            commands::table(),
            Clock::manual(1_700_000_000_000),
            seed,
        );
        let sessions = [0, 1].map(|index| Id {
            index,
            generation: 1,
        });
        let mut play = Self {
            engine,
            rng: Rng::from_seed(seed),
            sessions,
            log: VecDeque::new(),
        };
        for id in sessions {
            play.engine.open(id);
        }
        play
    }

    /// The connection breaks, and there is another.
    pub fn reconnect(&mut self, session: usize) {
        let id = self.sessions[session];
        self.engine.close(id);
        let id = Id {
            generation: id.generation + 1,
            ..id
        };
        self.sessions[session] = id;
        self.engine.open(id);
    }

    /// What the shell does between two turns.
    fn rest(&mut self) {
        self.engine.before_sleep();
        for _ in 0..1000 {
            self.engine.keyspace.garbage.clear();
            for ask in std::mem::take(&mut self.engine.fx.asks) {
                if let Ask::TellWhenFreed { waiting } = ask {
                    self.engine.answer_parked(waiting, Ok(()));
                }
            }
            let again = self.engine.take_again();
            if again.is_empty() {
                break;
            }
            self.engine.handle_inputs(&again);
            self.engine.before_sleep();
        }
        self.engine.sessions.with_output.clear();
    }

    fn send(&mut self, session: usize, requests: &[Words]) {
        let mut bytes = Vec::new();
        for words in requests {
            encode(words, &mut bytes);
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
            let Engine {
                sessions, inputs, ..
            } = &mut self.engine;
            let Some(session) = sessions.get_mut(id) else {
                break;
            };
            session.input.push(piece, inputs);
            self.engine.handle_inputs(&[id]);
            self.rest();
        }
        self.rest();
    }

    fn received(&mut self, session: usize) -> (usize, usize) {
        let session = self
            .engine
            .sessions
            .get_mut(self.sessions[session])
            .expect("only we remove sessions");
        let bytes = session.output.take();
        replies::count(&bytes).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// The reply to one request of the strict session, which must be in no state.
    pub fn ask(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let words: Words = words.iter().map(|word| word.to_vec()).collect();
        self.send(0, &[words]);
        let session = self.engine.sessions.get_mut(self.sessions[0]);
        session.expect("only we remove sessions").output.take()
    }

    /// Whether the session is going away, or will do nothing for now.
    fn is_out(&self, session: usize) -> bool {
        let session = self
            .engine
            .sessions
            .get(self.sessions[session])
            .expect("only we remove sessions");
        session.is_closing() || session.parked.is_some() || session.output.is_cut_off()
    }

    pub fn turn(&mut self, strict: &Requests, free: &Requests) {
        let count = 1 + self.rng.index(6);
        let requests: Vec<Words> = (0..count).map(|_| strict.next(&mut self.rng)).collect();
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
            } else if self.engine.services.monitors.is_empty() {
                self.received(1);
            }
        }
        // A client that was killed by another is gone.
        for session in [0, 1] {
            if self
                .engine
                .sessions
                .get(self.sessions[session])
                .is_some_and(pollux::engine::session::Session::is_closing)
            {
                self.reconnect(session);
            }
        }
        self.engine.sessions.to_close.clear();
        if self.rng.one_in(10) {
            let ms = *[1, 10, 999, 60_000, 4_000_000_000]
                .get(self.rng.index(5))
                .expect("five");
            self.engine.clock.advance(ms);
            self.engine.refresh_time();
            self.rest();
            // What is pushed meanwhile is nobody's reply.
            self.received(0);
        }
    }

    /// An aggregate that became empty is gone. Streams may be empty.
    pub fn check_keyspace(&self) {
        for db in &self.engine.keyspace.dbs {
            let mut count = 0;
            for entry in db.dict.iter() {
                count += 1;
                if let Payload::Object(value) = entry.payload() {
                    let is_empty = match value {
                        Value::Str(_) | Value::Stream(_) => false,
                        Value::List(list) => list.is_empty(),
                        Value::Set(set) => set.is_empty(),
                        Value::Hash(hash) => hash.is_empty(),
                        Value::Zset(zset) => zset.is_empty(),
                    };
                    assert!(
                        !is_empty,
                        "an empty {:?} under {:?}",
                        value.kind(),
                        replies::show(entry.key())
                    );
                }
            }
            assert_eq!(count, db.dict.len());
        }
    }
}

fn encode(words: &Words, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
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
