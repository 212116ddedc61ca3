//! Files that are written are read again, in every version; damaged ones are refused, and nothing is believed before it
//! has come.

use super::*;
use crate::base::rng::Rng;
use crate::persist::rdb::tests::{dump_loaded, limits, values};
use crate::persist::rdb::{Loaded, Source, kind};
use crate::types::Value;

const VERSIONS: [u16; 5] = [9, 10, 11, 12, 80];

const OPTIONS: Options = Options {
    checks: true,
    skips_modules: false,
    short_max: 64,
};

fn form(version: u16) -> Form {
    Form {
        version,
        compresses: version.is_multiple_of(2),
        checksums: true,
    }
}

/// Whether a version can hold a value as it is.
fn fits(value: &Value, version: u16) -> bool {
    match value {
        Value::Hash(hash) if hash.soonest().is_some() => version >= 12,
        _ => true,
    }
}

/// A file with values of all kinds, small and large.
fn file(version: u16) -> Vec<u8> {
    let mut file = FileWriter::new(Vec::new(), form(version));
    file.aux(b"redis-ver", b"8.0.6").expect("memory takes all");
    file.functions(b"#!lua name=library").expect("as above");
    for (db, most) in [(0, 1), (7, 128)] {
        file.select_db(db).expect("as above");
        file.sizes(100, 2).expect("as above");
        for (number, value) in values(&limits(most)).iter().enumerate() {
            if fits(value, version) {
                let key = format!("key {number}");
                let deadline = (number % 3 == 1).then_some(1_900_000_000_000);
                let access = [
                    None,
                    Some(Access::IdleSeconds(70_000)),
                    Some(Access::Frequency(200)),
                ][number % 3];
                file.key(key.as_bytes(), deadline, access, Source::Value(value))
                    .expect("as above");
            }
        }
        file.key(b"short", None, None, Source::Text(b"text"))
            .and_then(|()| file.key(b"", None, None, Source::Int(-70_000)))
            .and_then(|()| file.key(b"digits", None, None, Source::Text(b"12345678901")))
            .expect("as above");
    }
    let len = file.bytes_written();
    let bytes = file.finish().expect("as above");
    assert_eq!(len + 9, bytes.len() as u64);
    bytes
}

/// All events, and the trouble if it ends in one.
fn read_all(bytes: &[u8], options: Options) -> (Vec<Event>, Vec<u8>, Option<Trouble>) {
    let mut reader = FileReader::new(bytes, &limits(128), options);
    let (mut events, mut arena) = (Vec::new(), Vec::new());
    loop {
        match reader.next(&mut arena) {
            Ok(event) => {
                let is_last = matches!(event, Event::End(_));
                events.push(event);
                if is_last {
                    return (events, arena, None);
                }
            }
            Err(trouble) => return (events, arena, Some(trouble)),
        }
    }
}

#[test]
fn every_version_is_read_again() {
    for version in VERSIONS {
        let bytes = file(version);
        let (events, arena, trouble) = read_all(&bytes, OPTIONS);
        assert!(trouble.is_none(), "version {version}: {trouble:?}");
        assert!(matches!(events[0], Event::Version(found) if found == version));
        assert!(matches!(&events[1], Event::Aux { name, .. } if name == b"redis-ver"));
        assert!(matches!(&events[2], Event::Functions(code) if code == b"#!lua name=library"));
        assert!(matches!(events.last(), Some(Event::End(Verdict::Matches))));
        let mut records = events.into_iter().filter_map(|event| match event {
            Event::Key(record) => Some(record),
            _ => None,
        });
        for most in [1, 128] {
            let all = values(&limits(most));
            for (number, value) in all
                .iter()
                .enumerate()
                .filter(|(_, value)| fits(value, version))
            {
                let record = records.next().expect("as many as were written");
                assert_eq!(
                    arena[record.key.clone()],
                    *format!("key {number}").as_bytes()
                );
                assert_eq!(record.deadline.is_some(), number % 3 == 1);
                assert_eq!(
                    record.access,
                    [
                        None,
                        Some(Access::IdleSeconds(70_000)),
                        Some(Access::Frequency(200))
                    ][number % 3]
                );
                assert_same(value, record.value, version);
            }
            for expected in ["text", "-70000", "12345678901"] {
                let record = records.next().expect("as many as were written");
                let text = match record.value {
                    Held::Int(number) => number.to_string().into_bytes(),
                    Held::Short(range) => arena[range].to_vec(),
                    Held::Value(value) => panic!("{value:?} is not short"),
                };
                assert_eq!(text, expected.as_bytes());
                assert_eq!(record.kind, kind::STRING);
            }
        }
        assert!(records.next().is_none());
    }
}

/// The same elements; the form may be another, and old versions do not hold all facts about streams.
fn assert_same(written: &Value, read: Held, version: u16) {
    let Held::Value(read) = read else {
        panic!("{} is no short string", written.encoding());
    };
    assert_eq!((read.kind(), read.len()), (written.kind(), written.len()));
    if version >= 11 || !matches!(written, Value::Stream(_)) {
        let sum = |value: Value| {
            let mut bytes = dump_loaded(&Loaded::Value(value));
            let sum = bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            bytes.sort_unstable();
            (sum, bytes.len())
        };
        // Read into the same form, and put down in whatever order its table has.
        if written.encoding() == read.encoding() && version != 9 {
            assert_eq!(sum(read).1, sum(written.clone()).1);
        }
    }
}

#[test]
fn a_file_that_ends_early_is_no_file() {
    let bytes = file(12);
    for len in (0..bytes.len())
        .step_by(7)
        .chain(bytes.len() - 20..bytes.len())
    {
        let (_, _, trouble) = read_all(&bytes[..len], OPTIONS);
        let trouble = trouble.expect("the end is missing");
        assert!(matches!(trouble.wrong, Wrong::Ended), "{len}: {trouble:?}");
        assert!(trouble.offset <= len as u64);
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let bytes = file(11);
    let mut rng = Rng::from_seed(9);
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        let at = rng.index(damaged.len());
        damaged[at] ^= 1 << rng.below(8);
        assert!(read_all(&damaged, OPTIONS).2.is_some(), "byte {at}");
    }
    let mut unsummed = bytes;
    let end = unsummed.len();
    unsummed[end - 8..].fill(0);
    let (events, _, trouble) = read_all(&unsummed, OPTIONS);
    assert!(trouble.is_none());
    assert!(matches!(events.last(), Some(Event::End(Verdict::None))));
}

#[test]
fn strange_beginnings_are_told_apart() {
    for (bytes, expected) in [
        (
            &b"RUDIS0011"[..],
            "Wrong signature trying to load DB from file",
        ),
        (b"REDIS001x", "Wrong signature trying to load DB from file"),
        (b"REDIS0013", "Can't handle RDB format version 13"),
        (b"VALKEY081", "Can't handle RDB format version 81"),
        (b"REDIS", "Unexpected EOF reading RDB file"),
    ] {
        let trouble = read_all(bytes, OPTIONS).2.expect("that is no file");
        assert_eq!(trouble.wrong.to_string(), expected);
    }
}

#[test]
fn modules_are_refused_or_passed_over() {
    let mut bytes = b"REDIS0012".to_vec();
    // The identifier of "Vector-Se"-like names: nine letters of six bits, and a version of ten.
    let id = (0..9).fold(0u64, |id, _| id << 6 | 0x1a) << 10 | 1;
    bytes.extend_from_slice(&[opcode::MODULE_AUX, 0x81]);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&[2, 1, 5, 3, b'a', b'b', b'c', 0]);
    bytes.extend_from_slice(&[kind::MODULE_2, 1, b'k', 0x81]);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&[1, 7, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[kind::STRING, 1, b's', 1, b'v', opcode::END]);
    bytes.extend_from_slice(&[0; 8]);
    let trouble = read_all(&bytes, OPTIONS).2.expect("modules are refused");
    assert!(matches!(&trouble.wrong, Wrong::ModuleAux(name) if name == "aaaaaaaaa"));
    let skipping = Options {
        skips_modules: true,
        ..OPTIONS
    };
    let (events, _, trouble) = read_all(&bytes, skipping);
    assert!(trouble.is_none(), "{trouble:?}");
    let skipped = events
        .iter()
        .filter(|event| matches!(event, Event::Skipped { module, .. } if module == "aaaaaaaaa"));
    assert_eq!(skipped.count(), 2);
    assert!(events.iter().any(|event| matches!(event, Event::Key(_))));
}

/// Takes so many bytes and no more.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = bytes.len().min(self.0);
        self.0 -= count;
        if count == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_and_memory_stays_small() {
    let value = Value::Str(vec![b'x'; 1 << 20].into());
    let mut file = FileWriter::new(
        Full(3 << 20),
        Form {
            compresses: false,
            ..form(10)
        },
    );
    let outcomes: Vec<bool> = (0..6)
        .map(|_| file.key(b"key", None, None, Source::Value(&value)).is_ok())
        .collect();
    assert!(outcomes[0] && !outcomes[3]);
}

#[test]
fn batches_end_where_they_are_full() {
    let mut file = FileWriter::new(Vec::new(), form(10));
    for number in 0..2000 {
        let key = format!("key {number}");
        file.key(key.as_bytes(), None, None, Source::Int(number))
            .expect("memory takes all");
    }
    let bytes = file.finish().expect("memory takes all");
    let mut reader = FileReader::new(&bytes[..], &limits(128), OPTIONS);
    let mut batch = Batch::default();
    let (mut keys, mut batches) = (0, 0);
    loop {
        let goes_on = reader.fill(&mut batch, || false).expect("a whole file");
        keys += batch
            .events
            .iter()
            .filter(|event| matches!(event, Event::Key(_)))
            .count();
        batches += 1;
        batch.clear();
        if !goes_on {
            break;
        }
    }
    assert_eq!((keys, batches), (2000, 4));
    assert_eq!(batch.offset, bytes.len() as u64);
}

#[test]
fn what_is_behind_the_end_is_left() {
    let mut bytes = file(10);
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut reader = FileReader::new(&bytes[..], &limits(128), OPTIONS);
    let mut arena = Vec::new();
    while !matches!(reader.next(&mut arena), Ok(Event::End(_))) {}
    let (mut rest, more) = reader.into_input();
    rest.extend_from_slice(more);
    assert_eq!(rest, b"*1\r\n$4\r\nPING\r\n");
}
