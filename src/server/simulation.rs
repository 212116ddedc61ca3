//! Promised writes are there after a restart, whatever the disk forgets.
//!
//! A whole server without sockets runs on a [`Simulated`] disk, on one thread: random commands, rewrites, saves,
//! changes of the policy, a disk that fails now and then. At a random operation the machine fails, or only the process
//! does. The server is started again with what the disk has kept, and its data set must be one that there was before,
//! not older than what had been promised. One seed is one run; `POLLUX_SEEDS` asks for more of them, `POLLUX_SEED` for
//! one, and with `RUST_LOG=debug` it logs each step.
//!
//! The data sets that there were are known by their digests, one after each command.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::background::{Crew, Pile};
use crate::base::rng::Rng;
use crate::base::slab::Id;
use crate::base::time::Clock;
use crate::commands;
use crate::config::{Config, Fsync, Permission, SavePoint};
use crate::engine::Engine;
use crate::engine::dataset::appending::State;
use crate::engine::dataset::load::{Load, Manner};
use crate::engine::dataset::order::Purpose;
use crate::persist::aof::{Item, Manifest, Reader, Trouble};
use crate::persist::disk::Disk;
use crate::persist::disk::simulated::{Down, Faults, Simulated};
use crate::persist::rdb::file::{Batch, FileReader};
use crate::reactor::{App, Reactor, Settings};
use crate::server::process::title::Title;
use crate::server::process::{Exit, OomScore, Supervisor};
use crate::server::security::Security;
use crate::server::start::Surroundings;
use crate::server::{Freer, Listeners, Means, Server};

/// Noon of some day.
const START_MS: i64 = 1_700_000_000_000;

/// The session that all requests come from, and the one that looks.
const CLIENT: Id = session_id(0);
const OBSERVER: Id = session_id(1);

const fn session_id(index: u32) -> Id {
    Id {
        index,
        generation: 1,
    }
}

/// The digest of a data set.
type Digest = Vec<u8>;

/// A server from its start to its end.
struct Life {
    server: Server,
    reactor: Reactor,
}

/// The status that a server ended with on the spot.
#[derive(Debug)]
struct Left(i32);

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The machine fails.
    Machine,
    /// The process ends, and the kernel goes on.
    Process,
}

/// All that outlives a server.
struct World {
    rng: Rng,
    disk: Simulated,
    pile: Pile,
    config: Config,
    now_ms: i64,
    /// Data sets that there were, oldest first.
    history: Vec<Digest>,
    /// The oldest of them that may come back when the machine has failed, and when only the process has.
    kept: usize,
    written: usize,
    last_end: End,
    /// The log had so many bytes when the data set was this one.
    marks: Vec<(u64, usize)>,
    /// The oldest that the saved file may hold, and what the file that is being written will hold.
    saved: Option<usize>,
    save_begun: Option<usize>,
    last_save_s: i64,
    faults: Faults,
    /// Whether the disk fails now and then in this run.
    is_faulty: bool,
}

impl Life {
    /// Starts a server; the error is the status that its process would end with.
    fn begin(world: &World) -> Result<Self, i32> {
        let mut reactor = Reactor::new(&Settings::default()).expect("a poll");
        let clock = Clock::manual(world.now_ms);
        let mut engine = Engine::new(world.config.clone(), commands::table(), clock, 7);
        engine.open(CLIENT);
        let around = Surroundings {
            title: Title::new(None),
            supervisor: Supervisor::find(&world.config),
            pidfile: None,
            oom_score: OomScore::default(),
        };
        let means = Means {
            security: Security::default(),
            freer: Freer::on_the_spot(),
            waker: reactor.io().waker(),
            disk: Arc::new(world.disk.clone()),
            crew: Crew::Pile(world.pile.clone()),
            examine: |_| {},
            exit: Exit(|status| resume_unwind(Box::new(Left(status)))),
        };
        let mut server = Server::new(engine, Listeners::default(), around, means);
        server.remove_temporaries();
        server.begin_load()?;
        world.pile.work_off("load");
        while server.load_some(reactor.io()) {}
        match server.exit_code {
            0 => Ok(Self { server, reactor }),
            status => Err(status),
        }
    }

    /// Sends a request, and returns what was answered.
    fn ask(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        log::debug!("asks {}", bytes.escape_ascii());
        push(&mut self.server.engine, CLIENT, &bytes);
        self.server.received(self.reactor.io(), &[CLIENT]);
        while self.server.engine.inside().is_parked(CLIENT) {
            // The work that it asked for is done beside the loop.
            self.turn();
            self.server.received(self.reactor.io(), &[CLIENT]);
        }
        take(&mut self.server.engine, CLIENT)
    }

    fn turn(&mut self) {
        self.server.after_sleep();
        self.server.before_sleep(self.reactor.io());
    }

    fn pass(&mut self, ms: u64) {
        self.server.engine.advance(ms);
        self.turn();
    }
}

fn push(engine: &mut Engine, id: Id, bytes: &[u8]) {
    engine.inside().push(id, bytes);
}

fn take(engine: &mut Engine, id: Id) -> Vec<u8> {
    engine.output(id).expect("an open session").take()
}

fn digest(engine: &mut Engine) -> Digest {
    engine.open(OBSERVER);
    push(engine, OBSERVER, b"DEBUG DIGEST\r\n");
    engine.handle_inputs(&[OBSERVER]);
    let digest = take(engine, OBSERVER);
    engine.handle_closed(OBSERVER);
    assert!(digest.starts_with(b"+"), "{}", digest.escape_ascii());
    digest
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let mut config = Config::new();
        config.enable_debug_command = Permission::Yes;
        config.appendonly = true;
        config.appendfsync = policy(&mut rng);
        config.aof_use_rdb_preamble = rng.one_in(2);
        config.aof_checksum = rng.one_in(2);
        config.aof_timestamp_enabled = rng.one_in(4);
        config.no_appendfsync_on_rewrite = rng.one_in(8);
        config.auto_aof_rewrite_min_size = if rng.one_in(2) { 3000 } else { 1 << 30 };
        config.save.0.clear();
        if rng.one_in(4) {
            config.save.0.push(SavePoint {
                seconds: 1,
                changes: 10,
            });
        }
        let empty = Clock::manual(START_MS);
        let mut empty = Engine::new(config.clone(), commands::table(), empty, 7);
        Self {
            disk: Simulated::new(rng.next_u64()),
            is_faulty: rng.one_in(3),
            rng,
            pile: Pile::default(),
            config,
            now_ms: START_MS,
            history: vec![digest(&mut empty)],
            kept: 0,
            written: 0,
            last_end: End::Machine,
            marks: Vec::new(),
            saved: None,
            save_begun: None,
            last_save_s: 0,
            faults: Faults::default(),
        }
    }

    /// The data set is the last one of these now.
    fn now(&self) -> usize {
        self.history.len() - 1
    }

    fn play(&mut self) {
        for _ in 0..2 + self.rng.below(3) {
            let instants = [30, 100, 400, 1500][self.rng.index(4)];
            self.disk.go_down_after(1 + self.rng.below(instants));
            let mut life = None;
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let life = life.insert(self.start());
                let steps = 20 + self.rng.below(150);
                for _ in 0..steps {
                    self.step(life);
                }
            }));
            let end = match outcome {
                Ok(()) => self.any_end(),
                Err(cause) => self.end_of(cause),
            };
            let mut sure = BTreeMap::new();
            if let Some(mut life) = life {
                self.note_data_set(&mut life);
                // Before it has started, a torn end may still be there, and that is kept as well as anything.
                sure = self.disk.kept_lens();
            }
            self.fail(end, &sure);
        }
        let mut life = self.start();
        self.recover(&mut life);
        self.check_names(&life);
    }

    fn any_end(&mut self) -> End {
        if self.rng.one_in(3) {
            End::Process
        } else {
            End::Machine
        }
    }

    fn end_of(&mut self, cause: Box<dyn Any + Send>) -> End {
        if cause.is::<Down>() {
            return self.any_end();
        }
        match cause.downcast::<Left>() {
            Ok(left) => {
                let Faults {
                    room,
                    syncs_fail,
                    names_are_gone,
                } = self.faults;
                let is_excused = room.is_some() || syncs_fail || names_are_gone;
                assert!(left.0 == 1 && is_excused, "it left with {left:?}");
                End::Process
            }
            Err(cause) => resume_unwind(cause),
        }
    }

    /// The server is gone; what does the next one find?
    fn fail(&mut self, end: End, sure: &BTreeMap<PathBuf, usize>) {
        self.disk.go_down();
        self.pile.clear();
        self.marks.clear();
        self.save_begun = None;
        self.faults = Faults::default();
        log::debug!("the {end:?} ends");
        if end == End::Machine {
            self.disk.forget();
            self.written = self.kept;
        }
        self.last_end = end;
        self.disk.come_up();
        self.repair(sure);
        self.check_saved();
    }

    /// The repair of `pollux check --fix`: takes away what cannot be read behind the last command. Nothing of it was
    /// sure to be kept.
    fn repair(&mut self, sure: &BTreeMap<PathBuf, usize>) {
        let Ok(text) = self.disk.read(&in_log("appendonly.aof.manifest")) else {
            return;
        };
        let manifest = Manifest::parse(&text).expect("a manifest is whole or not there");
        let Some(last) = manifest.increments.last() else {
            return;
        };
        let path = in_log(&String::from_utf8_lossy(&last.name));
        let bytes = self
            .disk
            .read(&path)
            .expect("a manifest names files that are there");
        let mut reader = Reader::new(Vec::new(), bytes.as_slice());
        let (at, trouble) = loop {
            let at = reader.offset();
            match reader.item() {
                Ok(Item::End) => return,
                Ok(_) => {}
                Err(trouble) => break (at, trouble),
            }
        };
        let sure = sure.get(&path).copied().unwrap_or(0) as u64;
        assert!(
            at >= sure,
            "{} cannot be read at {at}, but {sure} bytes were kept: {}",
            path.display(),
            bytes[at as usize..].escape_ascii()
        );
        if !matches!(trouble, Trouble::Ended) {
            self.disk.truncate(&path, at).expect("a disk that works");
        }
    }

    /// Starts a server on what is left, and compares.
    fn start(&mut self) -> Life {
        let oldest = self.written;
        let mut life = match Life::begin(self) {
            Ok(life) => life,
            Err(status) => panic!(
                "it ends with {status} after {:?}; there are {:?}",
                self.last_end,
                self.disk.kept_lens()
            ),
        };
        let found = digest(&mut life.server.engine);
        let is_known = self.history[oldest..].contains(&found);
        let place = self.history.iter().rposition(|digest| *digest == found);
        assert!(
            is_known,
            "after {:?} the data set is {place:?}, but should be one of {oldest}..={}",
            self.last_end,
            self.now()
        );
        self.history.push(found);
        self.written = self.now();
        // Bytes that the kernel kept through the end of a process are not on the disk for that.
        if self.last_end == End::Machine {
            self.kept = self.written;
        }
        self.last_save_s = life
            .server
            .engine
            .inside()
            .services()
            .persistence
            .last_save_s;
        life
    }

    /// A file that was saved is whole, and of some instant since the last save that succeeded.
    fn check_saved(&self) {
        let Ok(bytes) = self.disk.read(Path::new("dump.rdb")) else {
            assert_eq!(self.saved, None, "there is no saved file");
            return;
        };
        let clock = Clock::manual(self.now_ms);
        let mut engine = Engine::new(self.config.clone(), commands::table(), clock, 7);
        let (limits, options) = (engine.rdb_limits(), engine.rdb_options());
        let mut reader = FileReader::new(bytes.as_slice(), &limits, options);
        let mut load = Load::new(Manner::WHOLE, bytes.len() as u64);
        let mut batch = Batch::default();
        loop {
            let goes_on = reader.fill(&mut batch, || false).expect("a whole file");
            engine.take_in(&mut load, &mut batch).expect("proper keys");
            if !goes_on {
                break;
            }
        }
        let found = digest(&mut engine);
        let oldest = self.saved.unwrap_or(0);
        assert!(
            self.history[oldest..].contains(&found),
            "the saved file is {:?}, but should be one of {oldest}..={}",
            self.history.iter().rposition(|digest| *digest == found),
            self.now()
        );
    }

    /// There are no files but those that the manifest names.
    fn check_names(&self, life: &Life) {
        let names = |path: &str| -> BTreeSet<String> {
            let names = self.disk.list(Path::new(path)).expect("a directory");
            let names = names.into_iter().map(std::ffi::OsString::into_string);
            names.map(|name| name.expect("plain names")).collect()
        };
        let text = self.disk.read(&in_log("appendonly.aof.manifest"));
        let manifest = Manifest::parse(&text.expect("a manifest")).expect("a whole one");
        assert!(manifest.history.is_empty() || life.server.engine.config().aof_disable_auto_gc);
        let files = manifest.to_read().map(|entry| &entry.name);
        let mut expected: BTreeSet<String> = files
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        expected.insert("appendonly.aof.manifest".into());
        // Other files have a number to come, and get out of the way when that comes.
        let found = names("appendonlydir");
        assert!(
            found.is_superset(&expected),
            "{found:?}, but not {expected:?}"
        );
        assert!(
            !found.iter().any(|name| name.starts_with("temp-")),
            "{found:?}"
        );
        let mut here = names(".");
        here.remove("dump.rdb");
        assert_eq!(here, BTreeSet::from(["appendonlydir".into()]));
    }

    fn step(&mut self, life: &mut Life) {
        match self.rng.below(24) {
            0 | 1 => {
                let ms = [1, 100, 1100, 2500][self.rng.index(4)];
                self.now_ms += ms as i64;
                life.pass(ms);
            }
            2..=4 => self.do_errand(life),
            5 | 6 => self.maintain(life),
            7 if self.is_faulty => self.meddle(life),
            _ => {
                for _ in 0..=self.rng.below(4) {
                    self.write_something(life);
                }
            }
        }
        life.turn();
        self.note_data_set(life);
        self.note_promises(life);
    }

    /// Lets one of the threads do its work.
    fn do_errand(&mut self, life: &mut Life) {
        let name = ["aof", "persist", "unlink"][self.rng.index(3)];
        if name == "persist" {
            while life.server.engine.inside().is_walking() {
                life.turn();
            }
            life.server.attend_snapshot();
        }
        log::debug!("the thread {name} works");
        self.pile.work_off(name);
    }

    fn maintain(&mut self, life: &mut Life) {
        let policy = policy_name(policy(&mut self.rng));
        let words: &[&[u8]] = match self.rng.below(12) {
            0..=3 => &[b"BGREWRITEAOF"],
            4..=6 => &[b"BGSAVE"],
            7 => &[b"BGSAVE", b"SCHEDULE"],
            8 => &[b"SAVE"],
            9 => &[b"CONFIG", b"SET", b"appendfsync", policy],
            10 => &[b"CONFIG", b"SET", b"appendonly", b"no"],
            _ => &[b"CONFIG", b"SET", b"appendonly", b"yes"],
        };
        let answer = life.ask(words);
        if words == [b"SAVE"] && answer == b"+OK\r\n" {
            self.saved = Some(self.now());
        }
    }

    /// The disk fails, or has been mended.
    fn meddle(&mut self, life: &mut Life) {
        let is_mended = self.rng.one_in(2);
        self.faults = Faults::default();
        if !is_mended {
            match self.rng.below(3) {
                0 => self.faults.room = Some(self.rng.below(300)),
                1 => self.faults.syncs_fail = true,
                _ => self.faults.names_are_gone = true,
            }
        }
        log::debug!("{:?}", self.faults);
        self.disk.set_faults(self.faults);
        if is_mended {
            self.recover(life);
        }
    }

    /// On a disk that works nothing is wrong after a while.
    fn recover(&mut self, life: &mut Life) {
        for _ in 0..3 {
            self.now_ms += 1100;
            life.pass(1100);
            while life.server.engine.inside().is_walking() {
                life.turn();
            }
            life.server.attend_snapshot();
            for name in ["aof", "persist", "unlink"] {
                while self.pile.work_off(name) {}
            }
            life.turn();
            self.note_data_set(life);
        }
        let inside = life.server.engine.inside();
        let services = inside.services();
        let appending = &services.appending;
        assert_eq!((appending.error(), appending.unwritten), (None, 0));
    }

    fn note_data_set(&mut self, life: &mut Life) {
        let digest = digest(&mut life.server.engine);
        if self.history.last() != Some(&digest) {
            self.history.push(digest);
        }
    }

    /// Notes what a client may rely on now.
    fn note_promises(&mut self, life: &mut Life) {
        let now = self.now();
        let inside = life.server.engine.inside();
        let services = inside.services();
        let appending = &services.appending;
        if appending.state == State::Off {
            self.marks.clear();
        } else if appending.unwritten == 0 {
            if appending.offset > 0 {
                self.marks.push((appending.offset, now));
            }
            if appending.state == State::On {
                let synced = appending.synced_offset;
                let kept = self.marks.iter().rfind(|mark| mark.0 <= synced);
                self.kept = self.kept.max(kept.map_or(0, |mark| mark.1));
                self.written = now;
                let may_wait = services.config.no_appendfsync_on_rewrite;
                if services.config.appendfsync == Fsync::Always && !may_wait {
                    assert_eq!(synced, appending.offset, "not all was synchronised");
                }
            }
        }
        if services.persistence.last_save_s != self.last_save_s {
            self.last_save_s = services.persistence.last_save_s;
            self.saved = self.saved.max(self.save_begun);
        }
        if !services.snapshots.is_saving(Purpose::Rdb) {
            self.save_begun = None;
        } else if self.save_begun.is_none() {
            self.save_begun = Some(now);
        }
    }

    /// One request of a client, of the kind that changes something.
    fn write_something(&mut self, life: &mut Life) {
        let rng = &mut self.rng;
        let size = [1, 10, 100, 3000][rng.index(4)];
        let key = format!("key{}", rng.below(12)).into_bytes();
        let other = format!("key{}", rng.below(12)).into_bytes();
        let word = format!("{}{}", rng.below(20), "x".repeat(rng.index(size))).into_bytes();
        let number = rng.below(100).to_string().into_bytes();
        let (key, other, word, number) = (&key[..], &other[..], &word[..], &number[..]);
        let requests: Vec<Vec<&[u8]>> = match rng.below(34) {
            0..=3 => vec![vec![b"SET", key, word]],
            4..=6 => vec![vec![b"INCRBY", key, number]],
            7 => vec![vec![b"APPEND", key, word]],
            8..=10 => vec![vec![b"RPUSH", key, word, number]],
            11 => vec![vec![b"LPOP", key]],
            12 | 13 => vec![vec![b"SADD", key, word, number]],
            14 => vec![vec![b"SPOP", key]],
            15 | 16 => vec![vec![b"HSET", key, number, word]],
            17 => vec![vec![b"HINCRBYFLOAT", key, number, b"0.5"]],
            18 | 19 => vec![vec![b"ZADD", key, number, word]],
            20 => vec![vec![b"ZPOPMIN", key]],
            21 => vec![vec![b"XADD", key, b"*", word, number]],
            22 => vec![vec![b"DEL", key]],
            23 => vec![vec![b"RENAME", key, other]],
            24 => vec![vec![b"EXPIRE", key, b"100000"]],
            25 => vec![vec![b"PERSIST", key]],
            26 => vec![vec![b"LMOVE", key, other, b"LEFT", b"RIGHT"]],
            27 => vec![vec![b"COPY", key, other, b"REPLACE"]],
            28 => vec![vec![b"SELECT", if rng.one_in(2) { b"0" } else { b"1" }]],
            29 => vec![vec![b"MOVE", key, b"1"]],
            30 if rng.one_in(4) => vec![vec![b"FLUSHALL"]],
            31 if rng.one_in(4) => vec![vec![b"FLUSHDB"]],
            _ => vec![
                vec![b"MULTI"],
                vec![b"INCRBY", key, number],
                vec![b"RPUSH", other, word],
                vec![b"SADD", key, number],
                vec![b"EXEC"],
            ],
        };
        for request in &requests {
            life.ask(request);
            self.note_data_set(life);
        }
    }
}

fn policy(rng: &mut Rng) -> Fsync {
    [Fsync::Always, Fsync::EverySecond, Fsync::No][rng.index(3)]
}

fn policy_name(policy: Fsync) -> &'static [u8] {
    match policy {
        Fsync::Always => b"always",
        Fsync::EverySecond => b"everysec",
        Fsync::No => b"no",
    }
}

fn in_log(name: &str) -> PathBuf {
    Path::new("appendonlydir").join(name)
}

#[test]
fn what_was_promised_is_there_after_a_failure() {
    let asked = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seeds = match asked("POLLUX_SEED") {
        Some(seed) => {
            let _ = env_logger::try_init();
            seed..seed + 1
        }
        None => 0..asked("POLLUX_SEEDS").unwrap_or(300),
    };
    for seed in seeds {
        let outcome = catch_unwind(AssertUnwindSafe(|| World::new(seed).play()));
        if let Err(cause) = outcome {
            eprintln!("This was seed {seed}; POLLUX_SEED={seed} runs it alone.");
            resume_unwind(cause);
        }
    }
}
