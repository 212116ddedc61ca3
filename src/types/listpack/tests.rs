//! The listpack against a plain vector of strings, and against blobs that Redis 8.0.6 wrote.

use super::*;
use crate::base::rng::Rng;
use crate::store::FOLDED_MAX;

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Item::to_vec).collect()
}

/// Everything that must hold between a listpack and the elements it should have.
fn check(pack: &Listpack, model: &[Vec<u8>]) {
    assert_eq!(validate(pack.as_bytes()), Ok(model.len()));
    assert_eq!(pack.len(), model.len());
    assert_eq!(pack.is_empty(), model.is_empty());
    assert!(pack.memory() >= pack.byte_len());
    assert_eq!(texts(pack), model);
    let backward: Vec<_> = pack.iter().rev().map(Item::to_vec).collect();
    assert!(backward.iter().eq(model.iter().rev()));
    let (mut forward, mut pos) = (Vec::new(), pack.first());
    while let Some(at) = pos {
        forward.push(at);
        pos = pack.next(at);
    }
    assert_eq!(forward.len(), model.len());
    for (index, at) in forward.iter().enumerate() {
        assert_eq!(pack.seek(index as i64), Some(*at));
        assert_eq!(pack.seek(index as i64 - model.len() as i64), Some(*at));
        assert_eq!(
            pack.prev(*at),
            index.checked_sub(1).map(|before| forward[before])
        );
    }
    assert_eq!(pack.last(), forward.last().copied());
    assert_eq!(pack.seek(model.len() as i64), None);
    assert_eq!(pack.seek(-1 - model.len() as i64), None);
}

/// Text that falls on every encoding and around each of their limits.
fn any_text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0..=2 => {
            let bits = rng.below(64);
            let value = (rng.next_u64() >> bits) as i64;
            let value = if rng.below(2) == 0 {
                value
            } else {
                value.wrapping_neg()
            };
            value.to_string().into_bytes()
        }
        3 => {
            let limits = [
                0i64, 127, 128, -1, 4095, 4096, -4096, -4097, 32767, 32768, -32768, -32769,
            ];
            let wide = [
                8_388_607i64,
                8_388_608,
                -8_388_608,
                -8_388_609,
                2_147_483_647,
                2_147_483_648,
            ];
            let widest = [-2_147_483_648i64, -2_147_483_649, i64::MAX, i64::MIN];
            let all: Vec<i64> = [&limits[..], &wide, &widest].concat();
            all[rng.below(all.len() as u64) as usize]
                .to_string()
                .into_bytes()
        }
        4 => {
            let nearly = [
                "",
                "-",
                "-0",
                "01",
                "+1",
                " 1",
                "1 ",
                "9223372036854775808",
                "-9223372036854775809",
            ];
            nearly[rng.below(nearly.len() as u64) as usize].into()
        }
        5 => {
            let sizes = [
                62, 63, 64, 65, 124, 125, 126, 127, 4094, 4095, 4096, 16377, 16378, 16379,
            ];
            vec![b'x'; sizes[rng.below(sizes.len() as u64) as usize]]
        }
        _ => (0..rng.below(40)).map(|_| rng.next_u64() as u8).collect(),
    }
}

#[test]
fn follows_a_vector_through_random_edits() {
    for seed in 0..60 {
        let mut rng = Rng::from_seed(seed);
        let mut pack = Listpack::new();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for _ in 0..80 {
            let text = any_text(&mut rng);
            let index = rng.below(model.len() as u64 + 1) as usize;
            let pos = pack.seek(index as i64);
            match rng.below(13) {
                0 => {
                    pack.append(&text);
                    model.push(text);
                }
                1 => {
                    pack.prepend(&text);
                    model.insert(0, text);
                }
                2 => {
                    if let Some(pos) = pos {
                        assert_eq!(pack.insert_before(pos, &text), pos);
                        model.insert(index, text);
                    }
                }
                3 => {
                    if let Some(pos) = pos {
                        let at = pack.insert_after(pos, &text);
                        assert!(pack.get(at).is_text(&text));
                        model.insert(index + 1, text);
                    }
                }
                4..=5 => {
                    if let Some(pos) = pos {
                        pack.replace(pos, &text);
                        model[index] = text;
                    }
                }
                6 => {
                    if let Some(pos) = pos {
                        let next = pack.delete(pos);
                        model.remove(index);
                        assert_eq!(
                            next.map(|pos| pack.get(pos).to_vec()),
                            model.get(index).cloned()
                        );
                    }
                }
                7 => {
                    if let Some(pos) = pos {
                        let count = rng.below(4) as usize;
                        pack.delete_run(pos, count);
                        model.drain(index..(index + count).min(model.len()));
                    }
                }
                8 => {
                    let count = rng.below(3) as usize;
                    pack.delete_range(-2, count);
                    let from = model.len().checked_sub(2);
                    if let Some(from) = from {
                        model.drain(from..(from + count).min(model.len()));
                    }
                }
                9 => {
                    let more: Vec<_> = (0..rng.below(4)).map(|_| any_text(&mut rng)).collect();
                    let items: Vec<Item<'_>> = more.iter().map(Item::from).collect();
                    pack.insert_all(pos, &items);
                    model.splice(index..index, more);
                }
                10 => {
                    let tail = pack.split_off(index);
                    let model_tail = model.split_off(index);
                    check(&tail, &model_tail);
                    if rng.below(2) == 0 {
                        pack.merge(tail.view());
                        model.extend(model_tail);
                    }
                }
                11 => {
                    let chosen: Vec<bool> = model.iter().map(|_| rng.below(3) == 0).collect();
                    let positions: Vec<Pos> = (0..model.len())
                        .filter(|index| chosen[*index])
                        .map(|index| pack.seek(index as i64).expect("within the listpack"))
                        .collect();
                    pack.delete_all(&positions);
                    let mut keep = chosen.iter().map(|chosen| !chosen);
                    model.retain(|_| keep.next().expect("one flag for each element"));
                }
                _ => pack.shrink_to_fit(),
            }
            check(&pack, &model);
            assert_eq!(Listpack::parse(pack.as_bytes()), Ok(pack.clone()));
            let needle = any_text(&mut rng);
            let needle = if rng.below(2) == 0 {
                model.get(index).unwrap_or(&needle)
            } else {
                &needle
            };
            for skip in 0..3 {
                let expected = (0..model.len())
                    .step_by(skip + 1)
                    .find(|index| &model[*index] == needle);
                let found = pack.find(needle, skip);
                assert_eq!(found, expected.and_then(|index| pack.seek(index as i64)));
            }
        }
    }
}

/// Goal: no blob, however damaged, panics or reads outside itself, and what passes `parse` can be read to its end.
#[test]
fn damaged_blobs_are_refused_or_harmless() {
    let mut accepted = 0;
    for seed in 0..400 {
        let mut rng = Rng::from_seed(seed);
        let pack: Listpack = (0..rng.below(12)).fold(Listpack::new(), |mut pack, _| {
            pack.append(&any_text(&mut rng));
            pack
        });
        for _ in 0..50 {
            let mut blob = pack.as_bytes().to_vec();
            for _ in 0..=rng.below(3) {
                let at = rng.below(blob.len() as u64) as usize;
                match rng.below(5) {
                    0 => blob[at] = rng.next_u64() as u8,
                    1 => blob[at] ^= 1 << rng.below(8),
                    2 => blob.truncate(at.max(1)),
                    3 => blob.insert(at, rng.next_u64() as u8),
                    _ => {
                        let total = blob.len() as u32;
                        if let Some(header) = blob.get_mut(..4) {
                            header.copy_from_slice(&total.to_le_bytes());
                        }
                    }
                }
            }
            if let Ok(pack) = Listpack::parse(&blob) {
                accepted += 1;
                let count = validate(&blob).expect("it was parsed");
                assert_eq!(pack.iter().count(), count);
                assert_eq!(pack.iter().rev().count(), count);
                assert_eq!(pack.find(b"no such text", 1), None);
            }
        }
    }
    assert!(
        accepted > 100,
        "mutations that change only data are still listpacks: {accepted}"
    );
}

#[test]
fn counts_beyond_the_header() {
    let mut pack = Listpack::new();
    for _ in 0..65534 {
        pack.append(7);
    }
    assert_eq!(pack.len(), 65534);
    pack.append(b"last");
    pack.prepend(b"first");
    assert_eq!(pack.as_bytes()[4..6], [0xff, 0xff]);
    assert_eq!(pack.len(), 65536);
    assert_eq!(pack.at(-1), Some(Item::Bytes(b"last")));
    assert_eq!(pack.at(65535), Some(Item::Bytes(b"last")));
    assert_eq!(pack.at(65536), None);
    let tail = pack.split_off(60000);
    assert_eq!((pack.len(), tail.len()), (60000, 5536));
    assert_eq!(validate(pack.as_bytes()), Ok(60000));
}

#[test]
fn appending_moves_the_blob_rarely() {
    let mut pack = Listpack::new();
    let mut moves = 0;
    for _ in 0..4000 {
        let before = pack.memory();
        pack.append(b"0123456789abcdef");
        moves += usize::from(pack.memory() != before);
    }
    assert!(moves < 60, "{moves}");
    assert!(pack.memory() - pack.byte_len() <= pack.byte_len() / 4);
    while let Some(pos) = pack.last() {
        pack.delete(pos);
        assert!(pack.memory() <= (pack.byte_len() * 3 / 2 + 8).max(FOLDED_MAX));
    }
}

/// Blobs out of DUMP payloads of Redis 8.0.6.
#[test]
fn blobs_are_redis_blobs() {
    let long = "x".repeat(64);
    let every_encoding = [
        "0",
        "127",
        "128",
        "-1",
        "4095",
        "-4096",
        "4096",
        "32767",
        "-32768",
        "32768",
        "8388607",
        "-8388608",
        "8388608",
        "2147483647",
        "-2147483648",
        "2147483648",
        "9223372036854775807",
        "-9223372036854775808",
        "",
        "-0",
        "01",
        "9223372036854775808",
        "hello",
        &long[1..],
        &long,
    ];
    let texts = "78".repeat(63);
    let blob = format!(
        "0c010000190000017f01c08002dfff02cfff02d00002f1001003f1ff7f03f1008003f200800004f2ffff7f04f200008004f300008000\
         05f3ffffff7f05f30000008005f4000000800000000009f4ffffffffffffff7f09f40000000000000080098001822d30038230310393\
         39323233333732303336383534373735383038148568656c6c6f06bf{texts}40e040{texts}7842ff"
    );
    assert_written_as(&every_encoding, &blob);
    let pairs = ["f1", "v1", "f2", "2", "n", "-70000"];
    assert_written_as(
        &pairs,
        "1d000000060082663103827631038266320302018 16e02f290eefe04ff",
    );
    assert_written_as(
        &["a", "1", "b", "222"],
        "1200000004008161020101816202c0de02ff",
    );
    assert_written_as(
        &["a", "1", "b", "2.5"],
        "1400000004008161020101816202 83322e3504ff",
    );
    let body = "78".repeat(16377);
    assert_written_as(
        &[&"x".repeat(16377)],
        &format!("074000000100f0f93f0000{body}7ffeff"),
    );
    let body = "78".repeat(16378);
    assert_written_as(
        &[&"x".repeat(16378)],
        &format!("094000000100f0fa3f0000{body}00ffffff"),
    );
}

fn assert_written_as(texts: &[&str], hex: &str) {
    let pack: Listpack = texts
        .iter()
        .map(|text| Item::Bytes(text.as_bytes()))
        .collect();
    let hex = hex.replace(' ', "");
    let blob: Vec<u8> = (0..hex.len() / 2)
        .map(|index| u8::from_str_radix(&hex[2 * index..][..2], 16).expect("hex digits"))
        .collect();
    assert_eq!(pack.as_bytes(), blob);
}
