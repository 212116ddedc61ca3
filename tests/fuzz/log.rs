//! Append-only logs that are damaged in all ways: what is read is a data set or a reason, and never more memory than
//! the bytes that came can account for. The same for their manifests, and for the tool that looks into either.
//!
//! The files are our own, with times, checksums and transactions, and whatever lies in the directory that LOGS names.

use pollux::check;
use pollux::testing::base::Clock;
use pollux::testing::base::Rng;
use pollux::testing::commands;
use pollux::testing::config::Config;
use pollux::testing::engine::Engine;
use pollux::testing::engine::Halt;
use pollux::testing::persist::aof::{Batch, Item, Manifest, Reader, Trouble};
use pollux::testing::persist::aof::{Feed, Sum};

use super::files::{Pieces, limit_memory};

const NOW_MS: i64 = 1_700_000_000_000;

/// Commands as servers write them down.
const COMMANDS: &[&str] = &[
    "SET text value",
    "SET number 41 PXAT 1700000100000",
    "INCR number",
    "RPUSH list a b c",
    "LPOP list",
    "SADD set x y 1",
    "HSET hash f v g 2",
    "HPEXPIREAT hash 1700000100000 FIELDS 1 f",
    "ZADD zset 1.5 m 2 n",
    "XADD stream 1-1 field value",
    "XGROUP CREATE stream group 0 ENTRIESREAD 0",
    "XCLAIM stream group alice 0 1-1 TIME 1700000000000 RETRYCOUNT 1 JUSTID FORCE LASTID 1-1",
    "PFADD hll a b c",
    "SETBIT bits 1000 1",
    "PEXPIREAT list 1700000200000",
    "RENAME text other",
    "COPY zset again",
    "DEL set",
    "FLUSHDB",
];

fn log(times: bool, checksums: bool) -> Vec<u8> {
    let (mut feed, mut sum, mut bytes) = (Feed::default(), Sum::default(), Vec::new());
    let mut rng = Rng::from_seed(3);
    for round in 0..60_i64 {
        let now_s = times.then_some(NOW_MS / 1000 + round / 7);
        let is_transaction = round % 9 == 4;
        if is_transaction {
            feed.bracket(b"MULTI", now_s);
        }
        for _ in 0..=rng.index(3) {
            let command = COMMANDS[rng.index(COMMANDS.len())];
            feed.command(
                (round % 3) as u16,
                command
                    .split(' ')
                    .map(str::as_bytes)
                    .collect::<Vec<_>>()
                    .into_iter(),
                now_s,
            );
        }
        if round % 20 == 0 {
            let value = vec![b'v'; 40_000];
            feed.command(0, [b"SET".as_slice(), b"long", &value].into_iter(), now_s);
        }
        if is_transaction {
            feed.bracket(b"EXEC", now_s);
        }
        let new = std::mem::take(&mut feed.bytes);
        sum.add(&new);
        bytes.extend(new);
        if checksums && round % 11 == 10 {
            bytes.extend(sum.line());
        }
    }
    bytes
}

fn logs() -> Vec<Vec<u8>> {
    let mut logs: Vec<Vec<u8>> = [(false, false), (true, false), (true, true), (false, true)]
        .into_iter()
        .map(|(times, checksums)| log(times, checksums))
        .collect();
    if let Some(folder) = std::env::var_os("LOGS") {
        for entry in std::fs::read_dir(folder).expect("LOGS names a directory") {
            let path = entry.expect("it can be listed").path();
            logs.push(std::fs::read(path).expect("it holds files"));
        }
    }
    logs
}

/// Lengths that are not true, and lines that mean something.
const TELLING: &[&[u8]] = &[
    b"*",
    b"$",
    b"\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*2147483647\r\n",
    b"*99999999999999999999\r\n",
    b"$-1\r\n",
    b"$4294967296\r\n",
    b"$536870912\r\n",
    b"$32768\r\n",
    b"$+3\r\n",
    b"#",
    b"#TS:\r\n",
    b"#TS:9223372036854775808\r\n",
    b"#C:0:0000000000000000\r\n",
    b"#C:18446744073709551616:x\r\n",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
    b"*1\r\n$7\r\nDISCARD\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n",
    b"*3\r\n$5\r\nBLPOP\r\n$4\r\nnone\r\n$1\r\n0\r\n",
    b"*4\r\n$7\r\nWAITAOF\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n0\r\n",
    b"*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$14\r\n#!lua name=lib\n\r\n",
    b"*3\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n$12\r\n\xf5\x80\xff\xff\xff\xff\x0a\x00\x00\x00\x00\x00\r\n",
];

/// Some damage. Most of it is small, or hardly anything behind it would ever be reached.
fn damage(bytes: &mut Vec<u8>, telling: &[&[u8]], rng: &mut Rng) {
    for _ in 0..rng.index(4) {
        let at = rng.index(bytes.len() + 1);
        let to = (at + rng.index(30)).min(bytes.len());
        match rng.below(6) {
            0 if at < bytes.len() => bytes[at] = rng.next_u32() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            2 => drop(bytes.drain(at..to)),
            3 => {
                let telling = telling[rng.index(telling.len())];
                drop(bytes.splice(at..to, telling.iter().copied()));
            }
            4 => {
                let from = rng.index(bytes.len() + 1);
                let piece = bytes[from..(from + rng.index(80)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ if rng.one_in(8) => bytes.truncate(at),
            _ => {}
        }
    }
}

/// Reads and runs what there is to run. Returns how many commands there were and how it ended.
fn load(engine: &mut Engine, bytes: &[u8], rng: &mut Rng) -> (usize, Result<(), Trouble>) {
    engine.inside().clear();
    let source = Pieces::new(bytes, rng);
    let mut reader = Reader::new(Vec::new(), source);
    let mut replayer = engine.replayer();
    let mut count = 0;
    loop {
        let mut batch = Batch::default();
        let is_late = rng.one_in(20);
        let outcome = reader.fill(&mut batch, || is_late);
        assert_eq!(batch.commands.len(), batch.ends.len());
        assert!(batch.commands.bytes() <= 20 * bytes.len() + (1 << 16));
        count += batch.commands.len();
        let mut at = 0;
        while at < batch.commands.len() {
            match engine.replay(&mut replayer, &batch.commands, at) {
                Ok(ran) => at = ran.next,
                Err(Halt::Unknown(index) | Halt::TooLong(index)) => {
                    assert!(index >= at && index < batch.commands.len());
                    return (count, Ok(()));
                }
            }
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => return (count, Ok(())),
            Err(trouble) => return (count, Err(trouble)),
        }
    }
}

#[test]
fn damaged_logs_are_survived() {
    limit_memory();
    let logs = logs();
    let mut engine = Engine::new(Config::new(), commands::table(), Clock::manual(NOW_MS), 1);
    for log in &logs {
        let (count, end) = load(&mut engine, log, &mut Rng::from_seed(1));
        assert!(count > 20 && end.is_ok(), "{count} {end:?}");
    }
    super::for_some_time(|seed| {
        let mut rng = Rng::from_seed(seed);
        for _ in 0..20 {
            let mut bytes = logs[rng.index(logs.len())].clone();
            damage(&mut bytes, TELLING, &mut rng);
            let (count, _) = load(&mut engine, &bytes, &mut rng);
            assert_eq!(engine.inside().fault(), None);
            // One by one there are as many, unless one of them is unknown.
            let mut reader = Reader::new(Vec::new(), &bytes[..]);
            let mut single = 0;
            while let Ok(item) = reader.item() {
                match item {
                    Item::Command(_) => single += 1,
                    Item::Time(_) | Item::Comment => {}
                    Item::End => break,
                }
            }
            assert!(count <= single, "{count} commands of {single}");
        }
    });
}

const MANIFESTS: &[&str] = &[
    "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
    "file appendonly.aof.2.base.rdb seq 2 type b startoffset 0\nfile appendonly.aof.1.base.rdb seq 1 type h\n\
     file appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i startoffset 7 endoffset 99\n\
     file appendonly.aof.3.incr.aof seq 3 type i startoffset 99\n",
    "# remark\nfile \"with blanks.1.base.aof\" seq 1 type b\nfile \"with\\x20blanks.1.incr.aof\" seq 1 type i new key\n",
];

const TELLING_WORDS: &[&[u8]] = &[
    b"file ",
    b" seq ",
    b" type b",
    b" type i\n",
    b"\n",
    b"\"",
    b"'",
    b"\\x",
    b"../",
    b"#",
    b"\0",
    b" seq 18446744073709551615",
    b" seq -1",
    b" seq 9223372036854775807",
    b" startoffset -9223372036854775808",
];

#[test]
fn damaged_manifests_are_survived() {
    super::for_some_time(|seed| {
        let mut rng = Rng::from_seed(seed);
        for _ in 0..500 {
            let mut text = MANIFESTS[rng.index(MANIFESTS.len())].as_bytes().to_vec();
            damage(&mut text, TELLING_WORDS, &mut rng);
            match Manifest::parse(&text) {
                Ok(manifest) => {
                    let mut printed =
                        Manifest::parse(&manifest.print()).expect("what is printed is read");
                    let mut manifest = manifest;
                    // The order of what belongs to the past does not matter, nor the numbers it had.
                    manifest.history.clear();
                    printed.history.clear();
                    assert_eq!(printed, manifest);
                    for entry in manifest.to_read() {
                        assert!(!entry.name.contains(&b'/') && entry.number > 0);
                    }
                    // It can be gone on with, whatever the numbers are.
                    manifest.new_base(b"stem", true);
                    manifest.new_increment(b"stem");
                    manifest.retire_increments(1);
                    Manifest::parse(&manifest.print()).expect("what is printed is read");
                }
                Err(fault) => assert!(!fault.to_string().is_empty()),
            }
        }
    });
}

#[test]
fn the_tool_survives_damaged_logs() {
    limit_memory();
    let folder = std::env::temp_dir().join(format!("pollux-fuzz-log-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let logs = logs();
    super::for_some_time(|seed| {
        let mut rng = Rng::from_seed(seed);
        let mut bytes = logs[rng.index(logs.len())].clone();
        damage(&mut bytes, TELLING, &mut rng);
        let mut text = MANIFESTS[0].as_bytes().to_vec();
        if rng.one_in(4) {
            damage(&mut text, TELLING_WORDS, &mut rng);
        }
        let base = if rng.one_in(2) { &logs[0] } else { &bytes };
        for (name, content) in [
            ("appendonly.aof.1.base.rdb", base.as_slice()),
            ("appendonly.aof.1.incr.aof", &bytes),
            ("appendonly.aof.manifest", &text),
        ] {
            std::fs::write(folder.join(name), content).expect("a file for the test");
        }
        let word = folder.to_str().expect("plain names").as_bytes().to_vec();
        let whole = check::run("check", &[word]);
        assert!(whole == 0 || whole == 1);
        let file = folder.join("appendonly.aof.1.incr.aof");
        let word = file.to_str().expect("plain names").as_bytes().to_vec();
        let one = check::run("check", &[word]);
        assert!(one == 0 || one == 1);
        if bytes == logs[0] {
            assert_eq!(one, 0);
        }
    });
    let _ = std::fs::remove_dir_all(&folder);
}
