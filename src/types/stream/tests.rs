//! Streams against plain vectors and maps.

use std::collections::BTreeMap;

use super::*;
use crate::base::rng::Rng;

const LIMITS: StreamLimits = StreamLimits {
    block_bytes_max: 4096,
    block_entries_max: 100,
};

type Row = (StreamId, Vec<Vec<u8>>);

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn row(entry: &Entry<'_>) -> Row {
    let fields = entry
        .fields()
        .flat_map(|(name, value)| [name.to_vec(), value.to_vec()])
        .collect();
    (entry.id, fields)
}

fn append(
    log: &mut Log,
    at: StreamId,
    fields: &[Vec<u8>],
    limits: &StreamLimits,
) -> Result<(), AppendError> {
    log.append(at, fields.iter().map(Vec::as_slice), limits)
}

fn some_fields(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    for index in 0..=rng.below(if rng.clone().one_in(50) { 40 } else { 3 }) {
        let odd_name = rng.one_in(5);
        fields.push(if odd_name {
            vec![b'n'; rng.index(4)]
        } else {
            format!("field{index}").into_bytes()
        });
        fields.push(match rng.below(3) {
            0 => (rng.next_u64() as i64 >> rng.below(64))
                .to_string()
                .into_bytes(),
            1 => vec![b'v'; rng.index(200)],
            _ => b"value".to_vec(),
        });
    }
    fields
}

/// An ID near those in use, existing or not.
fn some_id(rng: &mut Rng, model: &BTreeMap<StreamId, Vec<Vec<u8>>>) -> StreamId {
    let last = model.keys().next_back().map_or(5, |last| last.ms);
    match model.len() {
        count @ 1.. if rng.one_in(2) => *model
            .keys()
            .nth(rng.index(count))
            .expect("an index in range"),
        _ => id(rng.below(last + 2), rng.below(4)),
    }
}

#[test]
fn follows_a_map_through_random_edits() {
    for seed in 0..60 {
        let mut rng = Rng::from_seed(seed);
        let limits = StreamLimits {
            block_bytes_max: [0, 4096, 200][rng.index(3)],
            block_entries_max: [0, 1, 3, 100][rng.index(4)],
        };
        let mut log = Log::default();
        let mut model: BTreeMap<StreamId, Vec<Vec<u8>>> = BTreeMap::new();
        let mut copies = Vec::new();
        let mut added = 0;
        for _ in 0..600 {
            match rng.below(10) {
                0 => {
                    let gone = some_id(&mut rng, &model);
                    assert_eq!(log.delete(gone), model.remove(&gone).is_some());
                }
                1 if rng.one_in(4) => {
                    let count = rng.below(model.len() as u64 + 2);
                    let removed = log.trim(Keep::Newest(count), Precision::Exact);
                    assert_eq!(removed, (model.len() as u64).saturating_sub(count));
                    (0..removed).for_each(|_| drop(model.pop_first()));
                }
                2 if rng.one_in(4) => {
                    let from = some_id(&mut rng, &model);
                    let kept = model.split_off(&from);
                    assert_eq!(
                        log.trim(Keep::From(from), Precision::Exact),
                        model.len() as u64
                    );
                    model = kept;
                }
                3 if rng.one_in(4) => {
                    // Whole blocks: what goes are the oldest, and never too many.
                    let count = rng.below(model.len() as u64 + 2);
                    let limit = rng.one_in(2).then(|| rng.below(30));
                    let removed = log.trim(Keep::Newest(count), Precision::Blocks { limit });
                    assert!(removed <= (model.len() as u64).saturating_sub(count));
                    assert!(limit.is_none_or(|limit| removed <= limit));
                    (0..removed).for_each(|_| drop(model.pop_first()));
                }
                4 => {
                    let (start, end) = (some_id(&mut rng, &model), some_id(&mut rng, &model));
                    let expected: Vec<Row> = model
                        .iter()
                        .filter(|(id, _)| (start..=end).contains(*id))
                        .map(|(id, fields)| (*id, fields.clone()))
                        .collect();
                    let found: Vec<Row> = log.range(start, end).map(|entry| row(&entry)).collect();
                    assert_eq!(found, expected);
                    let mut back: Vec<Row> = log
                        .range_back(start, end)
                        .map(|entry| row(&entry))
                        .collect();
                    back.reverse();
                    assert_eq!(back, expected);
                }
                5 => {
                    let wanted = some_id(&mut rng, &model);
                    assert_eq!(log.contains(wanted), model.contains_key(&wanted));
                }
                6 if rng.one_in(20) => copies.push((log.clone(), model.clone())),
                _ => {
                    let last = log.last_id();
                    let at = id(last.ms + rng.below(2), rng.below(4));
                    let fields = some_fields(&mut rng);
                    let result = append(&mut log, at, &fields, &limits);
                    assert_eq!(result.is_ok(), at > last);
                    if result.is_ok() {
                        model.insert(at, fields);
                        added += 1;
                    }
                }
            }
            log.validate();
            assert_eq!(log.len(), model.len() as u64);
            assert_eq!(log.counters().entries_added, added);
        }
        // Blocks are shared between copies until one of them changes.
        copies.push((log, model));
        for (log, model) in copies {
            let found: Vec<Row> = log
                .range(StreamId::MIN, StreamId::MAX)
                .map(|entry| row(&entry))
                .collect();
            assert_eq!(found, model.into_iter().collect::<Vec<Row>>());
            let blocks = log
                .blocks()
                .map(|block| Block::parse(block.first(), block.as_bytes()));
            let read_back =
                Log::from_blocks(blocks, *log.counters()).expect("it was written by us");
            read_back.validate();
        }
    }
}

#[test]
fn many_blocks() {
    let mut log = Log::default();
    let limits = StreamLimits {
        block_entries_max: 2,
        ..LIMITS
    };
    for ms in 1..=2000 {
        append(
            &mut log,
            id(ms, 0),
            &[b"a".to_vec(), b"b".to_vec()],
            &limits,
        )
        .expect("ascending");
    }
    assert_eq!(log.block_count(), 1000);
    for ms in (1..=2000).step_by(37) {
        assert_eq!(
            log.range(id(ms, 0), StreamId::MAX).count(),
            2001 - ms as usize
        );
        assert_eq!(
            log.range_back(StreamId::MIN, id(ms, 0)).count(),
            ms as usize
        );
    }
    for ms in 701..=1300 {
        assert!(log.delete(id(ms, 0)));
    }
    log.validate();
    assert_eq!(log.block_count(), 700);
    assert_eq!(
        log.trim(Keep::Newest(3), Precision::Blocks { limit: None }),
        1396
    );
    assert_eq!(log.trim(Keep::Newest(0), Precision::Exact), 4);
    log.validate();
    assert_eq!(
        *log.counters(),
        Counters {
            last_id: id(2000, 0),
            max_deleted_id: id(1300, 0),
            entries_added: 2000,
            ..Counters::default()
        }
    );
}

/// The bytes, spelled out once.
#[test]
fn a_block_is_redis_s_listpack() {
    let mut log = Log::default();
    append(&mut log, id(5, 1), &[b"f".to_vec(), b"v".to_vec()], &LIMITS).expect("ascending");
    append(
        &mut log,
        id(5, 2),
        &[b"f".to_vec(), b"77".to_vec()],
        &LIMITS,
    )
    .expect("ascending");
    append(&mut log, id(6, 0), &[b"g".to_vec(), b"w".to_vec()], &LIMITS).expect("ascending");
    assert!(log.delete(id(5, 2)));
    let block = log.blocks().next().expect("there is one");
    let expected: &[u8] = &[
        66, 0, 0, 0, 24, 0, // bytes, elements
        2, 1, 1, 1, 1, 1, 0x81, b'f', 2, 0, 1, // two live, one deleted, one field, its name
        2, 1, 0, 1, 0, 1, 0x81, b'v', 2, 4, 1, // same fields, +0, +0, value, four elements
        3, 1, 0, 1, 1, 1, 77, 1, 4, 1, // deleted, same fields, +0, +1
        0, 1, 1, 1, 0xdf, 0xff, 2, 1, 1, 0x81, b'g', 2, 0x81, b'w', 2, 6,
        1, // own fields, +1, -1
        0xff,
    ];
    assert_eq!(block.as_bytes()[6..], expected[6..]);
}

#[test]
fn damaged_blocks_are_refused_or_harmless() {
    let mut rng = Rng::from_seed(404);
    for _ in 0..20_000 {
        let mut log = Log::default();
        for ms in 1..2 + rng.below(5) {
            let fields = some_fields(&mut rng);
            append(&mut log, id(ms, 0), &fields, &LIMITS).expect("ascending");
        }
        let block = log.blocks().next().expect("there is one");
        let mut bytes = block.as_bytes().to_vec();
        for _ in 0..=rng.below(2) {
            let at = rng.index(bytes.len());
            bytes[at] = if rng.one_in(2) {
                rng.next_u64() as u8
            } else {
                bytes[at] ^ 1 << rng.below(8)
            };
        }
        if let Ok(block) = Block::parse(id(1, 0), &bytes) {
            let len = block.live() as u64;
            let last_id = StreamId::MAX.previous().expect("not the smallest");
            let counters = Counters {
                len,
                last_id,
                ..Counters::default()
            };
            let mut log = Log::from_blocks([Ok(block)], counters).expect("one checked block");
            let rows: Vec<Row> = log
                .range(StreamId::MIN, StreamId::MAX)
                .map(|entry| row(&entry))
                .collect();
            assert_eq!(rows.len() as u64, len);
            assert_eq!(
                log.range_back(StreamId::MIN, StreamId::MAX).count() as u64,
                len
            );
            append(
                &mut log,
                StreamId::MAX,
                &[b"a".to_vec(), b"b".to_vec()],
                &LIMITS,
            )
            .expect("ascending");
            log.trim(Keep::Newest(1), Precision::Exact);
            assert_eq!(log.len(), 1);
        }
    }
}

#[test]
fn an_empty_block_is_refused() {
    let mut pack = crate::types::listpack::Listpack::new();
    for number in [0, 0, 0, 0] {
        pack.append(number);
    }
    assert!(Block::parse(id(1, 1), pack.as_bytes()).is_err());
}

#[test]
fn ids_given_by_the_server() {
    let mut log = Log::default();
    assert_eq!(log.resolve(NewId::Auto, 50), Some(id(50, 0)));
    log.set_last_id(id(50, 7));
    assert_eq!(log.resolve(NewId::Auto, 50), Some(id(50, 8)));
    assert_eq!(log.resolve(NewId::Auto, 40), Some(id(50, 8)));
    assert_eq!(log.resolve(NewId::AutoSeq(50), 0), Some(id(50, 8)));
    assert_eq!(log.resolve(NewId::AutoSeq(51), 0), Some(id(51, 0)));
    log.set_last_id(id(50, u64::MAX));
    assert_eq!(log.resolve(NewId::AutoSeq(50), 0), None);
    assert_eq!(log.resolve(NewId::Auto, 0), Some(id(51, 0)));
    log.set_last_id(StreamId::MAX);
    assert_eq!(log.resolve(NewId::Auto, 0), None);
}

/// Deliveries, claims and acknowledgements keep the two lists of pending entries in step.
#[test]
fn pending_lists_agree() {
    let mut rng = Rng::from_seed(11);
    for _ in 0..40 {
        let mut stream = Stream::new();
        for ms in 1..=50 {
            append(
                &mut stream.log,
                id(ms, 0),
                &[b"a".to_vec(), b"b".to_vec()],
                &LIMITS,
            )
            .expect("ascending");
        }
        for _ in 0..rng.below(20) {
            stream.log.delete(id(1 + rng.below(50), 0));
        }
        let mut group = Group::new(StreamId::MIN, None);
        for now in 0..300 {
            let name = [b'c', b'0' + rng.below(4) as u8];
            let consumer = group
                .consumer_id(&name)
                .or_else(|| group.create_consumer(&name, now));
            let consumer = consumer.expect("found or created");
            let entry = id(1 + rng.below(50), 0);
            let claim = Claim {
                idle_min_ms: rng.range(0, 20),
                now_ms: now,
                delivered_ms: now,
                deliveries: [
                    Deliveries::Kept,
                    Deliveries::Incremented,
                    Deliveries::Set(9),
                ][rng.index(3)],
                force: rng.one_in(2),
            };
            match rng.below(7) {
                0 => {
                    let pending = group.pending(entry).is_some();
                    assert_eq!(group.acknowledge(entry), pending);
                }
                1 => {
                    let before = group.pending(entry).copied();
                    let claimed = group.claim(entry, consumer, &claim);
                    match before {
                        None => assert_eq!(claimed, claim.force),
                        Some(before) => {
                            assert_eq!(claimed, now - before.delivered_ms >= claim.idle_min_ms);
                        }
                    }
                }
                2 => {
                    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
                    let count = 1 + rng.index(4);
                    let next = group.autoclaim(
                        &stream.log,
                        consumer,
                        entry,
                        count,
                        &claim,
                        |group, id, entry| {
                            assert!(group.pending(id).is_some());
                            if entry.is_some() {
                                &mut claimed
                            } else {
                                &mut deleted
                            }
                            .push(id);
                        },
                    );
                    assert!(claimed.len() + deleted.len() <= count);
                    assert!(
                        claimed
                            .iter()
                            .all(|id| group.pending(*id).map(|it| it.consumer) == Some(consumer))
                    );
                    assert!(
                        deleted
                            .iter()
                            .all(|id| group.pending(*id).is_none() && !stream.log.contains(*id))
                    );
                    assert!(next == StreamId::MIN || group.pending(next).is_some());
                }
                3 if rng.one_in(10) => {
                    let pending = group.consumer(consumer).pending_count();
                    assert_eq!(group.delete_consumer(&name), Some(pending));
                    assert_eq!(group.delete_consumer(&name), None);
                }
                4 => group.redeliver(entry, now),
                _ => group.deliver(entry, consumer, now),
            }
            group.validate();
        }
        assert_eq!(
            group.pending_range(StreamId::MIN..=StreamId::MAX).count(),
            group.pending_count()
        );
        assert_eq!(group.pending_range(id(9, 0)..=id(3, 0)).count(), 0);
        stream.groups.insert(b"g".as_slice().into(), group);
        stream.clone().validate();
        assert!(stream.memory() > 0 && stream.weight() > 0);
    }
}

/// A group that has read everything it could knows so, whatever was trimmed or deleted meanwhile.
#[test]
fn lag() {
    let mut log = Log::default();
    for ms in 1..=10 {
        append(
            &mut log,
            id(ms, 0),
            &[b"a".to_vec(), b"b".to_vec()],
            &LIMITS,
        )
        .expect("ascending");
    }
    let mut group = Group::new(StreamId::MIN, None);
    assert_eq!(group.lag(log.counters()), Some(10));
    group.advance(id(1, 0), log.counters());
    group.advance(id(2, 0), log.counters());
    assert_eq!(
        (group.entries_read, group.lag(log.counters())),
        (Some(2), Some(8))
    );
    log.delete(id(5, 0));
    assert_eq!(group.lag(log.counters()), None);
    group.advance(id(3, 0), log.counters());
    assert_eq!(group.entries_read, None);
    for ms in [4, 6, 7, 8, 9, 10] {
        group.advance(id(ms, 0), log.counters());
    }
    assert_eq!(
        (group.entries_read, group.lag(log.counters())),
        (Some(10), Some(0))
    );
    let middle = Group::new(id(7, 0), None);
    assert_eq!(middle.lag(log.counters()), None);
    log.trim(Keep::From(id(8, 0)), Precision::Exact);
    assert_eq!(middle.lag(log.counters()), Some(3));
}
