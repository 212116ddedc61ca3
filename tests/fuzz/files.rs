//! RDB files that are damaged in all ways: what is read is a data set or a reason, and never more memory than the bytes
//! that came can account for.
//!
//! The files are our own of every version, some in the forms of old servers, and whatever lies in the directory that
//! FILES names: files of real servers, for longer runs.

use std::io::{self, Read};

use crate::driving::driver::{Driver, request};

use pollux::testing::base::Clock;
use pollux::testing::base::Rng;
use pollux::testing::base::Seed;
use pollux::testing::commands;
use pollux::testing::config::Config;
use pollux::testing::engine::Engine;
use pollux::testing::engine::{Load, Manner};
use pollux::testing::keyspace::OnDuplicate;
use pollux::testing::persist::rdb::Source;
use pollux::testing::persist::rdb::{Batch, FileReader, FileWriter, Form, Options};
use pollux::testing::types::Value;
use pollux::testing::types::hash::{FieldUntil, Hash, HashLimits};
use pollux::testing::types::list::{Limits, List};
use pollux::testing::types::set::{Set, SetLimits};
use pollux::testing::types::stream::{Group, Stream, StreamId, StreamLimits};
use pollux::testing::types::zset::{AddRule, Zset, ZsetLimits};

/// Beyond this a process gets no memory, and dies. Far more than honest reading of such small files needs.
const PROCESS_BYTES_MAX: u64 = 6 << 30;

/// Values of all types, in their small form and in their large one.
fn values() -> Vec<Value> {
    let mut values = vec![Value::Str("text ".repeat(400).into_bytes().into())];
    for (count, most) in [(5, 128), (40, 8)] {
        let seed = Seed::fixed(1);
        let texts: Vec<Vec<u8>> = (0..count)
            .map(|number| format!("text {number}{}", "x".repeat(number % 70)).into_bytes())
            .collect();
        let list_limits = Limits {
            node_size: most as i32,
            ..Limits::default()
        };
        let set_limits = SetLimits {
            intset_entries_max: most,
            listpack_entries_max: most,
            listpack_value_max: 64,
            seed,
        };
        let hash_limits = HashLimits {
            listpack_entries_max: most,
            listpack_value_max: 64,
            seed,
        };
        let zset_limits = ZsetLimits {
            listpack_entries_max: most,
            listpack_value_max: 64,
            seed,
        };
        let mut list = List::new();
        list.grow_for(0, count, &list_limits);
        let (mut set, mut ints) = (Set::small(), Set::ints());
        let (mut hash, mut timed) = (Hash::new(), Hash::new());
        let mut zset = Zset::small();
        let mut stream = Stream::new();
        let stream_limits = StreamLimits {
            block_bytes_max: 4096,
            block_entries_max: most,
        };
        for (number, text) in (0i64..).zip(&texts) {
            let digits = (number * number * 70_000).to_string().into_bytes();
            list.push_tail(text.as_slice(), &list_limits);
            list.push_tail(number, &list_limits);
            set.add(text, &set_limits);
            ints.add(&digits, &set_limits);
            hash.set(text, &digits, FieldUntil::Never, &hash_limits);
            let until = if number % 2 == 0 {
                FieldUntil::Never
            } else {
                FieldUntil::At(1_900_000_000_000 + number)
            };
            timed.set(text, &digits, until, &hash_limits);
            zset.add(text, number as f64 / 3.0, AddRule::default(), &zset_limits);
            let id = StreamId {
                ms: 1 + number as u64,
                seq: 0,
            };
            let fields = [b"field".as_slice(), text.as_slice()];
            stream
                .log
                .append(id, fields.into_iter(), &stream_limits)
                .expect("IDs ascend");
        }
        let mut group = Group::new(StreamId { ms: 3, seq: 0 }, Some(3));
        let consumer = group.create_consumer(b"one", 17).expect("it is new");
        for ms in 1..=3 {
            group.deliver(StreamId { ms, seq: 0 }, consumer, 100);
        }
        stream
            .groups
            .insert(b"group".to_vec().into_boxed_slice(), group);
        values.extend([
            Value::List(list),
            Value::Set(set),
            Value::Set(ints),
            Value::Hash(hash),
            Value::Hash(timed),
            Value::Zset(zset),
            Value::Stream(Box::new(stream)),
        ]);
    }
    values
}

fn written(version: u16, compresses: bool) -> Vec<u8> {
    let form = Form {
        version,
        compresses,
        checksums: false,
    };
    let mut file = FileWriter::new(Vec::new(), form);
    let mut write = || -> io::Result<()> {
        file.aux(b"redis-ver", b"8.0.6")?;
        file.functions(b"#!lua name=lib\nredis.register_function('f',function() end)")?;
        file.select_db(0)?;
        file.sizes(17, 3)?;
        for (number, value) in values().iter().enumerate() {
            let is_timed = matches!(value, Value::Hash(hash) if hash.soonest().is_some());
            if !is_timed || version >= 12 {
                let key = format!("key {number}");
                let deadline = (number % 4 == 0).then_some(1_900_000_000_000);
                file.key(key.as_bytes(), deadline, None, Source::Value(value))?;
            }
        }
        file.key(b"number", Some(1), None, Source::Int(70_000))?;
        file.select_db(9)?;
        file.key(b"short", None, None, Source::Text(b"text"))
    };
    write().expect("memory takes all");
    file.finish().expect("memory takes all")
}

/// A file as servers before 7.0 wrote them: ziplists and zipmaps, deadlines in seconds.
fn old() -> Vec<u8> {
    fn string(out: &mut Vec<u8>, text: &[u8]) {
        out.push(text.len() as u8);
        out.extend_from_slice(text);
    }
    fn ziplist(items: &[&[u8]]) -> Vec<u8> {
        let mut entries = Vec::new();
        let (mut previous, mut last) = (0, 10);
        for item in items {
            let mut entry = vec![previous];
            string(&mut entry, item);
            last = 10 + entries.len();
            previous = entry.len() as u8;
            entries.extend_from_slice(&entry);
        }
        let mut blob = ((11 + entries.len()) as u32).to_le_bytes().to_vec();
        blob.extend_from_slice(&(last as u32).to_le_bytes());
        blob.extend_from_slice(&(items.len() as u16).to_le_bytes());
        blob.extend_from_slice(&entries);
        blob.push(255);
        blob
    }
    let mut file = b"REDIS0009\xfe\x00".to_vec();
    let pairs = ziplist(&[b"a", b"1", b"b", b"2.5"]);
    for kind in [10, 12, 13] {
        file.extend_from_slice(&[253, 0, 0, 0, 110, kind]);
        string(&mut file, format!("ziplist {kind}").as_bytes());
        string(&mut file, &pairs);
    }
    file.push(14);
    string(&mut file, b"nodes");
    file.push(2);
    string(&mut file, &pairs);
    string(&mut file, &pairs);
    file.push(9);
    string(&mut file, b"zipmap");
    string(&mut file, b"\x02\x01a\x021\x002\x01b\x012\x00\xff");
    file.push(3);
    string(&mut file, b"scores as text");
    file.extend_from_slice(b"\x03\x01a\xfe\x01b\xff\x01c\x033.5");
    file.push(1);
    string(&mut file, b"plain list");
    file.extend_from_slice(b"\x02\x01a\xc0\x07");
    file.push(255);
    file.extend_from_slice(&[0; 8]);
    file
}

/// Documents and vector sets, which commands have made: they are of no use without an engine.
fn nested() -> Vec<u8> {
    let mut driver = Driver::plain();
    let client = driver.connect();
    let mut ask = |words: &[&str]| {
        let reply = driver.ask(client, &request(words));
        assert_ne!(reply.first(), Some(&b'-'));
    };
    let long = format!("{{\"a\":[{}{{\"b\":null}}]}}", "1.5,\"text\",".repeat(300));
    ask(&[
        "JSON.SET",
        "short",
        "$",
        r#"{"a":{"b":[1,-2.5,"é\n",true,null]},"c":""}"#,
    ]);
    ask(&["JSON.SET", "long", "$", &long]);
    ask(&["JSON.SET", "scalar", "$", "18446744073709551615"]);
    for (number, form) in ["NOQUANT", "Q8", "BIN"].iter().enumerate() {
        for element in 0..20 {
            let [key, name] = [format!("set {form}"), format!("element {element}")];
            let numbers = [number + element, 3, element * element].map(|number| number.to_string());
            let [one, two, three] = &numbers;
            ask(&["VADD", &key, "VALUES", "3", one, two, three, &name, form]);
            if element % 3 == 0 {
                ask(&["VSETATTR", &key, &name, r#"{"year": 1980}"#]);
            }
        }
    }
    ask(&[
        "VADD", "reduced", "REDUCE", "2", "VALUES", "3", "1", "2", "3", "element",
    ]);
    driver.engine.inside().rdb()
}

fn files() -> Vec<Vec<u8>> {
    // Often enough among those of all other types.
    let mut files = vec![old(), nested(), nested(), nested()];
    for version in [9, 10, 11, 12, 80] {
        files.push(written(version, false));
        files.push(written(version, true));
    }
    if let Some(folder) = std::env::var_os("FILES") {
        for entry in std::fs::read_dir(folder).expect("FILES names a directory") {
            let path = entry.expect("it can be listed").path();
            files.push(std::fs::read(path).expect("it holds files"));
        }
    }
    files
}

/// Some damage. Most of it is small, or hardly anything behind it would ever be reached.
fn damage(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    for _ in 0..rng.index(4) {
        let at = rng.index(bytes.len() + 1);
        match rng.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] = rng.next_u32() as u8,
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => {
                let other = &others[rng.index(others.len())];
                let from = rng.index(other.len());
                let to = (from + rng.index(60)).min(other.len());
                drop(bytes.splice(at..at, other[from..to].iter().copied()));
            }
            5 => {
                let to = (at + rng.index(20)).min(bytes.len());
                let telling = TELLING[rng.index(TELLING.len())];
                drop(bytes.splice(at..to, telling.iter().copied()));
            }
            6 => {
                let to = (at + rng.index(40)).min(bytes.len());
                drop(bytes.drain(at..to));
            }
            _ if rng.one_in(8) => bytes.truncate(at),
            _ => {}
        }
    }
}

/// Lengths that are not true, and bytes that mean something.
const TELLING: &[&[u8]] = &[
    b"\x80\xff\xff\xff\xff",
    b"\x80\x10\x00\x00\x00",
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\x00\x00\x00\x7f\xff\xff\xff\xff",
    b"\x7f\xff",
    b"\xc3\x05\x80\xff\xff\xff\xff",
    b"\xc0\x80",
    b"\xff",
    b"\xfe\x0f",
    b"\xfb\x80\xff\xff\xff\xff\x00",
    b"\xfc\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xfc\x00\x00\x00\x00\x00\x00\x00\x80",
    b"\x00\x00\x00\x00",
    b"\x07",
    b"\xf7",
];

/// A source that gives its bytes in pieces of any length.
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    rng: Rng,
    most: usize,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(bytes: &'a [u8], rng: &mut Rng) -> Self {
        Self {
            bytes,
            rng: Rng::from_seed(rng.next_u64()),
            most: if rng.one_in(2) { 7 } else { 1 << 20 },
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = (1 + self.rng.index(self.most))
            .min(into.len())
            .min(self.bytes.len());
        let (piece, rest) = self.bytes.split_at(count);
        into[..count].copy_from_slice(piece);
        self.bytes = rest;
        Ok(count)
    }
}

/// Servers that load one file after the other: to make one takes longer than to load such a file.
struct Bench {
    /// As it is by default, and one whose small forms are tiny.
    engines: [Engine; 2],
    /// Loads what the others have written.
    again: Engine,
}

impl Bench {
    fn new() -> Self {
        let engine = |config: Config| {
            let clock = Clock::manual(NOW_MS);
            Engine::new(config, commands::table(), clock, 1)
        };
        let mut tiny = Config::new();
        tiny.hash_max_listpack_entries = 4;
        tiny.set_max_listpack_entries = 4;
        tiny.set_max_intset_entries = 4;
        tiny.zset_max_listpack_entries = 4;
        tiny.list_max_listpack_size = 4;
        tiny.list_compress_depth = 1;
        Self {
            engines: [engine(Config::new()), engine(tiny)],
            again: engine(Config::new()),
        }
    }
}

const NOW_MS: i64 = 1_700_000_000_000;

/// Loads what there is to load; what it gives up at is of no interest.
fn load(engine: &mut Engine, bytes: &[u8], rng: &mut Rng) {
    engine.inside().clear();
    let options = Options {
        checks: rng.one_in(10),
        skips_modules: rng.one_in(2),
        ..engine.rdb_options()
    };
    let source = Pieces::new(bytes, rng);
    let mut reader = FileReader::new(source, &engine.rdb_limits(), options);
    let manner = Manner {
        on_duplicate: OnDuplicate::Replace,
        drops_expired: rng.one_in(2),
    };
    engine.begin_loading(bytes.len() as u64);
    let mut taken = Load::new(manner, bytes.len() as u64);
    let mut batch = Batch::default();
    loop {
        let goes_on = reader.fill(&mut batch, || false);
        if engine.take_in(&mut taken, &mut batch).is_err() || !matches!(goes_on, Ok(true)) {
            break;
        }
    }
    engine.end_loading();
    assert!(reader.offset() <= bytes.len() as u64);
}

/// What was loaded is fit to be looked at and written, and what is written is fit to be loaded.
fn examine(engine: &mut Engine, again: &mut Engine, rng: &mut Rng) {
    assert_eq!(engine.inside().fault(), None);
    let bytes = engine.inside().rdb();
    load(again, &bytes, rng);
    let live = |engine: &mut Engine| {
        let (keys, overdue) = engine.inside().count_keys(NOW_MS);
        keys - overdue
    };
    assert_eq!(live(again), live(engine));
}

/// From now on this process gets no more memory than honest reading needs.
pub(crate) fn limit_memory() {
    let limit = rustix::process::Rlimit {
        current: Some(PROCESS_BYTES_MAX),
        maximum: Some(PROCESS_BYTES_MAX),
    };
    // Where the system does not let us, large reservations go unnoticed; the rest is tested all the same.
    let _ = rustix::process::setrlimit(rustix::process::Resource::As, limit);
}

#[test]
fn damaged_files_are_survived() {
    limit_memory();
    let files = files();
    let mut bench = Bench::new();
    for file in &files {
        load(&mut bench.again, file, &mut Rng::from_seed(1));
        assert!(bench.again.inside().count_keys(NOW_MS).0 > 0 || file.len() < 2000);
    }
    super::for_some_time(|seed| {
        let mut rng = Rng::from_seed(seed);
        for _ in 0..20 {
            let mut bytes = files[rng.index(files.len())].clone();
            damage(&mut bytes, &files, &mut rng);
            let engine = &mut bench.engines[rng.index(2)];
            load(engine, &bytes, &mut rng);
            examine(engine, &mut bench.again, &mut rng);
        }
    });
}
