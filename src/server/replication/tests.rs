//! Two engines joined by a network that cuts at any byte.
//!
//! Random commands run on the primary, the link breaks now and then, time goes on. The replica gets the data set once
//! and goes on where it was after every cut; in the end both have the same data and the same offset. There are no
//! sockets, no threads and no files: one seed is one run.

use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::config::Primary;
use crate::engine::doors::Caller;

use super::node::{CLIENT, Node, OTHER, THIRD, pass};

struct World {
    rng: Rng,
    primary: Node,
    replica: Node,
    /// The connection, as either end calls it: both use the same name.
    link: Option<Id>,
    connections: u32,
    cuts: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let primary = Primary {
            host: b"10.0.0.1".to_vec(),
            port: 6379,
        };
        Self {
            rng: Rng::from_seed(seed),
            primary: Node::new(1, None, false),
            replica: Node::new(2, Some(primary), false),
            link: None,
            connections: 0,
            cuts: 0,
        }
    }

    /// Both take a turn, and the network makes a connection that is wanted.
    fn turn(&mut self, ms: u64) {
        let closing = [self.primary.turn(ms), self.replica.turn(ms)].concat();
        if closing.iter().any(|id| Some(*id) == self.link) {
            self.cut();
        }
        if self.link.is_none()
            && let Some(primary) = self.replica.wanted.pop()
        {
            self.connections += 1;
            let id = Id {
                index: 3,
                generation: self.connections,
            };
            assert!(self.replica.engine.handle_connecting(id, &primary));
            self.primary.engine.handle_opened(id, Caller::default());
            self.replica.engine.handle_connected(id, Caller::default());
            self.link = Some(id);
        }
    }

    fn cut(&mut self) {
        if let Some(id) = self.link.take() {
            self.cuts += 1;
            self.primary.engine.handle_lost(id, "cut");
            self.replica.engine.handle_lost(id, "cut");
        }
    }

    /// Moves bytes both ways. Returns whether there were any. `limit`: the link breaks behind so many from the primary.
    fn carry(&mut self, limit: Option<usize>) -> bool {
        let Some(id) = self.link else {
            return false;
        };
        let up = pass(
            &mut self.replica.engine,
            &mut self.primary.engine,
            id,
            usize::MAX,
        );
        let down = pass(
            &mut self.primary.engine,
            &mut self.replica.engine,
            id,
            limit.unwrap_or(usize::MAX),
        );
        if limit.is_some() && down > 0 {
            self.cut();
        }
        up + down > 0
    }

    /// Until nothing is on its way any more.
    fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 8 {
            self.turn(200);
            quiet = if self.carry(None) && self.primary.offset() != self.replica.offset() {
                0
            } else {
                quiet + 1
            };
        }
    }

    fn command(&mut self) {
        let rng = &mut self.rng;
        let key = format!("key:{}", rng.below(12));
        let number = rng.below(50).to_string();
        let (key, number) = (key.as_bytes(), number.as_bytes());
        let long = vec![b'x'; 1 + rng.index(3000)];
        let words: &[&[u8]] = match rng.below(14) {
            0 => &[b"SET", key, &long],
            1 => &[b"SET", key, number, b"PX", number],
            2 => &[b"INCR", key],
            3 => &[b"DEL", key],
            4 => &[b"SADD", b"set", key, number],
            5 => &[b"SPOP", b"set", b"2"],
            6 => &[b"RPUSH", b"list", key, number],
            7 => &[b"LPOP", b"list"],
            8 => &[b"HSET", b"hash", key, &long],
            9 => &[b"SELECT", [b"0", b"3"][rng.index(2)]],
            10 => &[
                b"XADD", b"stream", b"MAXLEN", b"~", b"20", b"*", b"f", number,
            ],
            11 => &[b"MULTI"],
            12 => &[b"EXEC"],
            _ => &[b"PEXPIRE", key, number],
        };
        self.primary.ask(words);
    }
}

#[test]
fn a_primary_that_ends_lets_its_replica_catch_up() {
    let mut world = World::new(1);
    world.settle();
    world.primary.ask(&[b"SET", b"key", b"value"]);
    assert!(world.primary.ask(&[b"SHUTDOWN"]).is_empty(), "it waits");
    let info = world.primary.ask_as(OTHER, &[b"INFO", b"server"]);
    let info = String::from_utf8_lossy(&info).into_owned();
    assert!(
        info.contains("shutdown_in_milliseconds:10000\r\n"),
        "{info}"
    );
    assert!(world.primary.engine.poll_shutdown().is_none());
    // Writes wait for the end, and go on when it is called off.
    assert!(
        world
            .primary
            .ask_as(THIRD, &[b"SET", b"key", b"late"])
            .is_empty()
    );
    assert_eq!(
        world.primary.ask_as(OTHER, &[b"SHUTDOWN", b"ABORT"]),
        b"+OK\r\n"
    );
    assert!(world.primary.engine.poll_shutdown().is_none());
    world.primary.turn(1);
    let refused = world.primary.said(CLIENT);
    assert_eq!(refused, b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert_eq!(world.primary.said(THIRD), b"+OK\r\n");
    assert!(world.primary.ask(&[b"SHUTDOWN"]).is_empty());
    assert!(world.primary.engine.poll_shutdown().is_none());
    for _ in 0..4 {
        world.turn(1);
        world.carry(None);
    }
    assert!(world.primary.engine.poll_shutdown().is_some());
    assert_eq!(world.replica.ask(&[b"GET", b"key"]), b"$4\r\nlate\r\n");
}

#[test]
fn patience_with_replicas_ends() {
    let mut world = World::new(2);
    world.settle();
    world.primary.ask(&[b"SET", b"key", b"value"]);
    world.primary.ask(&[b"SHUTDOWN"]);
    world.primary.turn(9_999);
    assert!(world.primary.engine.poll_shutdown().is_none());
    world.primary.turn(2);
    assert!(world.primary.engine.poll_shutdown().is_some());
    let mut world = World::new(3);
    world.settle();
    world.primary.ask(&[b"SET", b"key", b"value"]);
    world.primary.ask(&[b"SHUTDOWN", b"NOW"]);
    assert!(world.primary.engine.poll_shutdown().is_some());
}

/// The stream goes on coming to a replica that is paused, and waits there: what has not run is not acknowledged.
#[test]
fn a_paused_replica_applies_nothing() {
    let mut world = World::new(4);
    world.settle();
    world.primary.ask(&[b"SET", b"key", b"before"]);
    world.settle();
    let applied = world.replica.offset();
    world
        .replica
        .ask(&[b"CLIENT", b"PAUSE", b"100000", b"WRITE"]);
    world.primary.ask(&[b"SET", b"key", b"during"]);
    world
        .primary
        .ask(&[b"EVAL", b"return redis.call('incr', 'n')", b"0"]);
    for _ in 0..8 {
        world.turn(1);
        world.carry(None);
    }
    assert_eq!(world.replica.offset(), applied);
    let info = world.replica.ask(&[b"INFO", b"replication"]);
    let info = String::from_utf8_lossy(&info).into_owned();
    let read = format!("slave_read_repl_offset:{}\r\n", world.primary.offset());
    assert!(info.contains(&read), "{info}");
    assert_eq!(world.replica.ask(&[b"GET", b"key"]), b"$6\r\nbefore\r\n");
    world.replica.ask(&[b"CLIENT", b"UNPAUSE"]);
    world.settle();
    assert_eq!(world.replica.ask(&[b"GET", b"key"]), b"$6\r\nduring\r\n");
    assert_eq!(world.replica.ask(&[b"GET", b"n"]), b"$1\r\n1\r\n");
    assert_eq!(world.replica.offset(), world.primary.offset());
}

#[test]
fn a_replica_goes_on_after_a_cut_at_any_byte() {
    let (mut cuts, mut resumed) = (0, 0);
    for seed in 0..40 {
        let mut world = World::new(seed);
        (0..30).for_each(|_| world.command());
        world.settle();
        for _ in 0..150 {
            for _ in 0..world.rng.below(12) {
                world.command();
            }
            world.turn(1 + seed % 30);
            let breaks = world.rng.one_in(8);
            let limit = breaks.then(|| world.rng.index(4000));
            world.carry(limit);
        }
        world.primary.ask(&[b"DISCARD"]);
        world.settle();
        world.settle();
        cuts += world.cuts;
        assert_eq!(
            world.primary.offset(),
            world.replica.offset(),
            "seed {seed}"
        );
        let (ours, theirs) = (world.primary.digest(), world.replica.digest());
        assert_eq!(ours, theirs, "seed {seed}");
        let inside = world.primary.engine.inside();
        let stats = &inside.services().stats;
        assert_eq!(stats.full_syncs, 1, "seed {seed}");
        resumed += stats.partial_syncs;
    }
    assert!(cuts > 40 && resumed > 40, "{cuts} cuts, {resumed} resumed");
}
