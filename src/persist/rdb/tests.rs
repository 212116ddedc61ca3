//! Written values are read again, and damaged ones are refused.

use std::sync::Arc;

use super::*;
use crate::base::hash::Seed;
use crate::base::rng::Rng;
use crate::types::Value;
use crate::types::hash::{FieldUntil, Hash, HashLimits};
use crate::types::list::{Limits as ListLimits, List};
use crate::types::set::{Set, SetLimits};
use crate::types::stream::{Group, Stream, StreamId, StreamLimits};
use crate::types::zset::{AddRule, Zset, ZsetLimits};

/// Limits so small that a few elements make the large form, if `most` is small.
pub(super) fn limits(most: usize) -> Limits {
    let seed = Seed::from_os();
    Limits {
        list: ListLimits {
            node_size: most as i32,
            compress_depth: 0,
            big_element: 0,
        },
        set: SetLimits {
            intset_entries_max: most,
            listpack_entries_max: most,
            listpack_value_max: 64,
            seed,
        },
        hash: HashLimits {
            listpack_entries_max: most,
            listpack_value_max: 64,
            seed,
        },
        zset: ZsetLimits {
            listpack_entries_max: most,
            listpack_value_max: 64,
            seed,
        },
    }
}

fn stream() -> Stream {
    let mut stream = Stream::new();
    let fields: [&[u8]; 4] = [b"a", b"1", b"b", b"text"];
    let stream_limits = StreamLimits {
        block_bytes_max: 4096,
        block_entries_max: 3,
    };
    for ms in 1..10 {
        stream
            .log
            .append(StreamId { ms, seq: 1 }, fields.into_iter(), &stream_limits)
            .expect("IDs ascend");
    }
    stream.log.delete(StreamId { ms: 3, seq: 1 });
    let mut group = Group::new(StreamId { ms: 5, seq: 1 }, None);
    let (one, _) = (
        group.create_consumer(b"one", 17),
        group.create_consumer(b"idle", 18),
    );
    group.deliver(StreamId { ms: 4, seq: 1 }, one.expect("it is new"), 100);
    stream
        .groups
        .insert(b"readers".to_vec().into_boxed_slice(), group);
    stream.groups.insert(
        b"lonely".to_vec().into_boxed_slice(),
        Group::new(StreamId::MIN, Some(0)),
    );
    stream
}

/// A value of every kind, in the form that `limits` lead to.
pub(super) fn values(limits: &Limits) -> Vec<Value> {
    let texts: Vec<String> = (0..20)
        .map(|number| format!("text {number} {}", "x".repeat(number * 4)))
        .collect();
    let mut list = List::new();
    list.grow_for(0, 2 * texts.len(), &limits.list);
    let mut set = Set::small();
    let mut ints = Set::ints();
    let mut zset = Zset::small();
    let (mut hash, mut timed) = (Hash::new(), Hash::new());
    for (number, text) in (0i64..).zip(&texts) {
        let text = text.as_bytes();
        list.push_tail(text, &limits.list);
        list.push_tail(number, &limits.list);
        set.add(text, &limits.set);
        ints.add(number.to_string().as_bytes(), &limits.set);
        zset.add(text, number as f64 / 3.0, AddRule::default(), &limits.zset);
        hash.set(
            text,
            number.to_string().as_bytes(),
            FieldUntil::Never,
            &limits.hash,
        );
        let until = if number % 3 == 0 {
            FieldUntil::Never
        } else {
            FieldUntil::At(1_900_000_000_000 - number)
        };
        timed.set(text, b"value", until, &limits.hash);
    }
    let mut plain = stream();
    plain.groups.clear();
    vec![
        Value::Str(Arc::new(
            "a long text that repeats, ".repeat(50).into_bytes(),
        )),
        Value::List(list),
        Value::Set(set),
        Value::Set(ints),
        Value::Zset(zset),
        Value::Hash(hash),
        Value::Hash(timed),
        Value::Stream(Box::new(stream())),
        Value::Stream(Box::new(plain)),
    ]
}

fn read(payload: &[u8], limits: &Limits) -> Result<Loaded, Fault> {
    let (body, version) = checked_payload(payload, true).ok_or(Fault::Malformed)?;
    let mut reader = Reader::new(body, version, limits);
    let kind = reader.byte()?;
    reader.value(kind)
}

pub(super) fn dump_loaded(loaded: &Loaded) -> Vec<u8> {
    let mut lzf = Compressor::new();
    match loaded {
        Loaded::Text(text) => dump(Source::Text(text), Some(&mut lzf)),
        Loaded::Value(value) => dump(Source::Value(value), Some(&mut lzf)),
    }
}

#[test]
fn values_come_back_as_they_were() {
    for most in [1, 128] {
        let limits = limits(most);
        for value in values(&limits) {
            let payload = dump(Source::Value(&value), Some(&mut Compressor::new()));
            assert!(checked_payload(&payload, false).is_some());
            let loaded = read(&payload, &limits).expect("what we wrote");
            let again = dump_loaded(&loaded);
            // Tables have no order; everything else is the same to the byte.
            if most == 128 || !matches!(value, Value::Set(_) | Value::Hash(_)) {
                assert_eq!(again, payload, "{}", value.encoding());
            }
            if let Loaded::Value(loaded) = &loaded {
                assert_eq!(
                    (loaded.kind(), loaded.encoding()),
                    (value.kind(), value.encoding())
                );
                assert_eq!(loaded.weight(), value.weight());
            }
        }
    }
}

#[test]
fn numbers_are_short() {
    for (number, bytes) in [
        (0, 2),
        (-128, 2),
        (128, 3),
        (-32769, 5),
        (1 << 31, 11),
        (i64::MIN, 21),
    ] {
        let payload = dump(Source::Int(number), None);
        assert_eq!(payload.len(), 1 + bytes + FOOTER_LEN, "{number}");
        let loaded = read(&payload, &limits(128)).expect("what we wrote");
        assert!(matches!(loaded, Loaded::Text(text) if text == number.to_string().as_bytes()));
    }
}

#[test]
fn a_foreign_payload_is_read() {
    // DUMP of Redis 8.0: SET k 10, and RPUSH k a b c.
    let number = [0x00, 0xc0, 0x0a];
    let mut reader_limits = limits(128);
    reader_limits.list.node_size = -2;
    let mut reader = Reader::new(&number[..], 12, &reader_limits);
    let kind = reader.byte().expect("there is one");
    assert!(matches!(reader.value(kind), Ok(Loaded::Text(text)) if text == b"10"));
    let ziplist = b"\x0f\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\x01a\x03\xf3";
    let mut whole = ziplist.to_vec();
    whole.push(0xff);
    whole[0] = whole.len() as u8;
    whole[4] = 13;
    let pack = legacy::from_ziplist(&whole).expect("two entries");
    let items: Vec<Vec<u8>> = pack
        .iter()
        .map(crate::types::listpack::Item::to_vec)
        .collect();
    assert_eq!(items, [b"a".to_vec(), b"2".to_vec()]);
    let pack = legacy::from_zipmap(b"\x01\x01f\x02\x01vv.\xff").expect("one pair");
    assert_eq!(pack.len(), 2);
}

/// A length that the store has no room for is refused by itself: none of the bytes that it announces need to come.
#[test]
fn strings_beyond_the_stores_limit_are_refused() {
    let limits = limits(128);
    let long = |len: u64| [&[0x81][..], &len.to_be_bytes()].concat();
    let fits = u64::from(u32::MAX);
    for (len, is_held) in [(fits, true), (fits + 1, false), (u64::MAX, false)] {
        let squeezed = [&[0xc3, 5][..], &long(len), b"abcde"].concat();
        for (kind, body) in [
            (kind::STRING, long(len)),
            (kind::STRING, squeezed),
            (kind::LIST, [&[1], &long(len)[..]].concat()),
            (kind::LIST_OF_NODES, [&[1, 1], &long(len)[..]].concat()),
            (kind::HASH, [&[1, 1, b'f'], &long(len)[..]].concat()),
            (kind::ZSET, [&[1], &long(len)[..]].concat()),
            (kind::HASH_LISTPACK, long(len)),
        ] {
            let fault = Reader::new(&body[..], 12, &limits).value(kind);
            let is_refused = matches!(fault, Err(Fault::Broken(crate::persist::STRING_TOO_LONG)));
            assert_ne!(is_refused, is_held, "{kind} {len}: {fault:?}");
        }
    }
}

/// Reading a payload gives a value or a fault, whatever happened to it.
#[test]
fn damage_is_survived() {
    let mut rng = Rng::from_seed(5);
    for most in [1, 128] {
        let limits = limits(most);
        for value in values(&limits) {
            let payload = dump(Source::Value(&value), None);
            for len in 0..payload.len() {
                let _ = checked_payload(&payload[..len], false);
                let mut reader = Reader::new(&payload[1..len.max(1)], 12, &limits);
                let _ = reader.value(payload[0]);
            }
            for _ in 0..2000 {
                let mut damaged = payload.clone();
                for _ in 0..=rng.index(3) {
                    let at = rng.index(damaged.len());
                    damaged[at] = rng.next_u32() as u8;
                }
                if damaged != payload {
                    assert!(checked_payload(&damaged, false).is_none());
                }
                if let Ok(loaded) = read(&damaged, &limits) {
                    let again = dump_loaded(&loaded);
                    assert!(read(&again, &limits).is_ok());
                }
            }
        }
    }
}
