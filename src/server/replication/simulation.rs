//! Three servers in a world that is unkind to them.
//!
//! The network delays bytes, and cuts connections between any two of them; partitions keep servers apart for a while;
//! servers stop at any operation and come back with what they had saved, or with nothing. When the primary is gone,
//! the replica that is furthest leads, as a sentinel would have it, and the others follow. Clients write meanwhile, and
//! wait for replicas.
//!
//! What always holds:
//! - a replica with the id and the offset of its primary has its data;
//! - what WAIT has acknowledged is there when one of those that had it leads;
//! - nothing of the stream runs twice;
//! - the offset of a history never goes back.
//!
//! One seed is one run. `SEEDS=10000` makes many.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::config::Primary;
use crate::engine::doors::Caller;
use crate::engine::replication::LinkState;

use super::node::{CLIENT, Node, OTHER};

const SERVERS: usize = 3;
const STEPS: usize = 160;

/// A connection from a replica to its primary, as both call it.
struct Wire {
    id: Id,
    replica: usize,
    primary: usize,
    /// What is on its way to the primary, and to the replica.
    up: VecDeque<u8>,
    down: VecDeque<u8>,
}

struct World {
    rng: Rng,
    seed: u64,
    nodes: Vec<Node>,
    leader: usize,
    wires: Vec<Wire>,
    connections: u32,
    /// No connection to or from this one comes about.
    apart: Option<usize>,
    written: u64,
    /// What the client that waits has written, the offset behind it, and that history.
    waiting: Option<(u64, u64, String)>,
    /// Numbers that WAIT has acknowledged, and the servers that have had them ever since.
    promised: BTreeMap<u64, BTreeSet<usize>>,
    /// The history and the offset that each server had last.
    seen: Vec<(String, u64)>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    cuts: u64,
    restarts: u64,
    promotions: u64,
    promises: u64,
    compared: u64,
}

fn place(server: usize) -> Primary {
    Primary {
        host: format!("10.0.0.{server}").into_bytes(),
        port: 6379,
    }
}

fn server_at(primary: &Primary) -> usize {
    let digit = primary.host.last().map_or(0, |digit| digit - b'0');
    usize::from(digit)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let nodes = (0..SERVERS).map(|server| {
            let follows = (server > 0).then(|| place(0));
            Node::new(rng.next_u64(), follows, seed.is_multiple_of(2))
        });
        Self {
            nodes: nodes.collect(),
            rng,
            seed,
            leader: 0,
            wires: Vec::new(),
            connections: 0,
            apart: None,
            written: 0,
            waiting: None,
            promised: BTreeMap::new(),
            seen: vec![(String::new(), 0); SERVERS],
            counts: Counts::default(),
        }
    }

    fn history(&mut self, server: usize) -> (String, u64) {
        let inside = self.nodes[server].engine.inside();
        let history = &inside.services().replication.history;
        (history.id.clone(), history.offset())
    }

    fn is_linked(&mut self, server: usize) -> bool {
        let inside = self.nodes[server].engine.inside();
        let upstream = &inside.services().replication.upstream;
        (upstream.as_ref()).is_some_and(|upstream| upstream.state == LinkState::Connected)
    }

    // ---- the network

    fn turn(&mut self, ms: u64) {
        for server in 0..SERVERS {
            let closing = self.nodes[server].turn(ms);
            // A client that is sent away comes back.
            for id in [CLIENT, OTHER] {
                if closing.contains(&id) {
                    let engine = &mut self.nodes[server].engine;
                    engine.handle_closed(id);
                    engine.handle_opened(id, Caller::default());
                }
            }
            let ended = |wire: &Wire| {
                closing.contains(&wire.id) && (wire.replica == server || wire.primary == server)
            };
            while let Some(at) = self.wires.iter().position(ended) {
                self.cut(at);
            }
            self.connect(server);
        }
    }

    fn connect(&mut self, replica: usize) {
        while let Some(wanted) = self.nodes[replica].wanted.pop() {
            let primary = server_at(&wanted);
            if self.apart == Some(replica) || self.apart == Some(primary) {
                let engine = &mut self.nodes[replica].engine;
                engine.handle_connect_failed("no way");
                continue;
            }
            self.connections += 1;
            let id = Id {
                index: 10 + self.connections % 7,
                generation: self.connections,
            };
            if !self.nodes[replica].engine.handle_connecting(id, &wanted) {
                continue;
            }
            let caller = Caller::default();
            self.nodes[primary].engine.handle_opened(id, caller.clone());
            self.nodes[replica].engine.handle_connected(id, caller);
            self.wires.push(Wire {
                id,
                replica,
                primary,
                up: VecDeque::new(),
                down: VecDeque::new(),
            });
        }
    }

    /// Ends a connection; what is on its way is lost.
    fn cut(&mut self, at: usize) {
        let wire = self.wires.swap_remove(at);
        self.counts.cuts += 1;
        for server in [wire.primary, wire.replica] {
            self.nodes[server].engine.handle_lost(wire.id, "cut");
        }
    }

    fn cut_all(&mut self, server: usize) {
        let touches = |wire: &Wire| wire.replica == server || wire.primary == server;
        while let Some(at) = self.wires.iter().position(touches) {
            self.cut(at);
        }
    }

    /// Takes what each end has to say, and brings some of what is on its way.
    fn carry(&mut self, most: usize) {
        for at in 0..self.wires.len() {
            let wire = &mut self.wires[at];
            let id = wire.id;
            for (server, queue) in [(wire.replica, &mut wire.up), (wire.primary, &mut wire.down)] {
                let engine = &mut self.nodes[server].engine;
                while let Some(output) = engine.output(id) {
                    let bytes = output.take();
                    if bytes.is_empty() {
                        break;
                    }
                    queue.extend(&bytes);
                    engine.handle_sent(id, bytes.len());
                }
            }
            for (server, queue) in [(wire.primary, &mut wire.up), (wire.replica, &mut wire.down)] {
                let count = queue.len().min(self.rng.index(most) + 1);
                let bytes: Vec<u8> = queue.drain(..count).collect();
                give(&mut self.nodes[server], id, &bytes);
            }
        }
    }

    // ---- clients

    fn write(&mut self) {
        self.written += 1;
        let number = self.written.to_string();
        let key = format!("key:{}", self.rng.below(8));
        let (key, number) = (key.as_bytes(), number.as_bytes());
        let long = vec![b'x'; 1 + self.rng.index(400)];
        let words: &[&[u8]] = match self.rng.below(7) {
            0 => &[b"SET", key, &long],
            1 => &[b"INCR", b"count"],
            2 => &[b"SADD", b"set", key, number],
            3 => &[b"SPOP", b"set"],
            4 => &[b"HSET", b"hash", key, number],
            _ => &[b"RPUSH", b"log", number],
        };
        let leader = self.leader;
        self.nodes[leader].ask(words);
    }

    /// Another client writes a number and waits until a replica has it.
    fn write_and_wait(&mut self) {
        if self.waiting.is_some() {
            return;
        }
        self.written += 1;
        let number = self.written.to_string();
        let leader = self.leader;
        let node = &mut self.nodes[leader];
        if !node
            .ask_as(OTHER, &[b"RPUSH", b"log", number.as_bytes()])
            .starts_with(b":")
        {
            return;
        }
        let (id, offset) = self.history(leader);
        self.waiting = Some((self.written, offset, id));
        let said = self.nodes[leader].ask_as(OTHER, &[b"WAIT", b"1", b"0"]);
        self.take_promise(&said);
    }

    fn take_promise(&mut self, said: &[u8]) {
        if said.is_empty() {
            return;
        }
        let Some((number, offset, id)) = self.waiting.take() else {
            return;
        };
        if !said.starts_with(b":") || said.starts_with(b":0") {
            return;
        }
        let leader = self.leader;
        let mut holders = BTreeSet::from([leader]);
        for server in 0..SERVERS {
            let (theirs, reached) = self.history(server);
            if theirs == id && reached >= offset {
                holders.insert(server);
            }
        }
        if holders.len() == 1 {
            // Whoever had it has come back without it meanwhile.
            return;
        }
        self.counts.promises += 1;
        self.promised.insert(number, holders);
    }

    fn log(&mut self, server: usize) -> Vec<u64> {
        let reply = self.nodes[server].ask(&[b"LRANGE", b"log", b"0", b"-1"]);
        let text = String::from_utf8(reply).expect("numbers");
        let lines = text.split("\r\n").skip(1);
        let lines = lines.filter(|line| !line.starts_with('$'));
        lines.filter_map(|line| line.parse().ok()).collect()
    }

    // ---- what befalls servers

    /// A server stops, and comes back with what it had saved, or with nothing.
    fn restart(&mut self, server: usize) {
        self.counts.restarts += 1;
        self.cut_all(server);
        let saved = self.nodes[server].disk.take();
        let follows = (server != self.leader).then(|| place(self.leader));
        let channel = self.seed.is_multiple_of(2);
        let mut node = Node::new(self.rng.next_u64(), follows, channel);
        if let Some(saved) = saved.filter(|_| self.rng.one_in(2)) {
            node.load_saved(&saved);
        }
        self.nodes[server] = node;
        self.seen[server] = (String::new(), 0);
        for holders in self.promised.values_mut() {
            holders.remove(&server);
        }
    }

    /// The primary is gone: the replica that is furthest in its history leads.
    fn promote(&mut self) {
        let old = self.leader;
        let (id, _) = self.history(old);
        let mut best = None;
        for server in (0..SERVERS).filter(|server| *server != old) {
            let (theirs, offset) = self.history(server);
            if theirs == id && best.is_none_or(|(_, most)| offset > most) {
                best = Some((server, offset));
            }
        }
        let Some((new, _)) = best else {
            return;
        };
        self.counts.promotions += 1;
        self.waiting = None;
        self.leader = new;
        self.nodes[new].ask(&[b"REPLICAOF", b"NO", b"ONE"]);
        self.keep_promises(new);
        let left = place(new);
        for server in (0..SERVERS).filter(|server| *server != new) {
            if server == old && self.rng.one_in(2) {
                self.restart(old);
                continue;
            }
            let words: &[&[u8]] = &[b"REPLICAOF", &left.host, b"6379"];
            self.nodes[server].ask(words);
        }
    }

    /// The new primary has what it had promised. What only others had is lost, as it may be.
    fn keep_promises(&mut self, new: usize) {
        let there: BTreeSet<u64> = self.log(new).into_iter().collect();
        for (number, holders) in &mut self.promised {
            if holders.contains(&new) {
                let seed = self.seed;
                assert!(
                    there.contains(number),
                    "seed {seed}: {number} was promised and is lost"
                );
            }
            *holders = BTreeSet::from([new]);
        }
        self.promised.retain(|number, _| there.contains(number));
    }

    // ---- what must hold

    fn look(&mut self) {
        for server in 0..SERVERS {
            let now = self.history(server);
            let before = std::mem::replace(&mut self.seen[server], now.clone());
            let goes_on = before.0 != now.0 || before.1 <= now.1;
            assert!(goes_on, "seed {}: {before:?} became {now:?}", self.seed);
        }
        let said = self.nodes[self.leader].said(OTHER);
        self.take_promise(&said);
        if self.rng.one_in(4) {
            self.compare();
        }
    }

    /// Those with the same offset have the same data.
    fn compare(&mut self) {
        let leader = self.leader;
        let (history, digest) = (self.history(leader), self.nodes[leader].digest());
        for server in (0..SERVERS).filter(|server| *server != leader) {
            if self.is_linked(server) && self.history(server) == history {
                self.counts.compared += 1;
                let theirs = self.nodes[server].digest();
                assert_eq!(theirs, digest, "seed {}: server {server}", self.seed);
            }
        }
    }

    fn step(&mut self) {
        for _ in 0..self.rng.below(6) {
            self.write();
        }
        if self.rng.one_in(3) {
            self.write_and_wait();
        }
        match self.rng.below(60) {
            0..4 if !self.wires.is_empty() => {
                let at = self.rng.index(self.wires.len());
                self.cut(at);
            }
            4 => {
                let server = self.rng.index(SERVERS);
                self.cut_all(server);
                self.apart = Some(server);
            }
            5..8 => self.apart = None,
            8 | 9 => {
                let server = self.rng.index(SERVERS);
                self.nodes[server].ask(&[b"BGSAVE"]);
            }
            10 => {
                let server = self.rng.index(SERVERS);
                if server != self.leader {
                    self.restart(server);
                }
            }
            11 => self.promote(),
            _ => {}
        }
        let ms = [1, 20, 300, 1100][self.rng.index(4)];
        self.turn(ms);
        let most = [3, 200, 20_000][self.rng.index(3)];
        self.carry(most);
        self.look();
    }

    /// All is well again: everybody gets everything.
    fn settle(&mut self) {
        self.apart = None;
        for round in 0.. {
            self.turn(200);
            self.carry(1 << 20);
            let history = self.history(self.leader);
            let level = (0..SERVERS).all(|server| {
                self.history(server) == history && (server == self.leader || self.is_linked(server))
            });
            if level {
                break;
            }
            assert!(round < 300, "seed {}: they do not come together", self.seed);
        }
        self.compare();
        let log = self.log(self.leader);
        let different: BTreeSet<u64> = log.iter().copied().collect();
        assert_eq!(different.len(), log.len(), "seed {}: run twice", self.seed);
        for number in self.promised.keys() {
            assert!(different.contains(number), "seed {}: {number}", self.seed);
        }
    }
}

/// Hands bytes to a server as they would come out of a socket.
fn give(node: &mut Node, id: Id, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let Some(space) = node.engine.input_space(id) else {
            return;
        };
        let count = space.len().min(bytes.len());
        assert!(count > 0, "nothing is held back in memory");
        space[..count].copy_from_slice(&bytes[..count]);
        node.engine.handle_filled(id, count);
        node.engine.handle_inputs(&[id]);
        bytes = &bytes[count..];
    }
}

#[test]
fn three_servers_keep_their_promises() {
    let seeds = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    let mut sum = Counts::default();
    for seed in 0..seeds.unwrap_or(200) {
        let mut world = World::new(seed);
        world.settle();
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        sum.cuts += world.counts.cuts;
        sum.restarts += world.counts.restarts;
        sum.promotions += world.counts.promotions;
        sum.promises += world.counts.promises;
        sum.compared += world.counts.compared;
    }
    let Counts {
        cuts,
        restarts,
        promotions,
        promises,
        compared,
    } = sum;
    let has_seen_all =
        cuts > 500 && restarts > 100 && promotions > 100 && promises > 500 && compared > 500;
    assert!(
        has_seen_all,
        "{cuts} cuts, {restarts} restarts, {promotions} promotions, {promises} promises, {compared} compared"
    );
}
