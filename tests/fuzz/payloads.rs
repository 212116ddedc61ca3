//! Damaged payloads with a right checksum: RESTORE refuses them, or what it makes of them is a value like any other,
//! whose every command answers, and which can be dumped and restored once more.
//!
//! The payloads are what random commands have made, so all types come in all their encodings: listpacks, intsets,
//! tables, nodes of streams with their groups, HyperLogLogs.

use pollux::testing::base::Rng;
use pollux::testing::base::crc64;
use pollux::testing::spec::Group;

use super::engine::{Play, has_more_to_say, is_never_run};
use super::replies;
use super::requests::Requests;

/// Groups of commands, by the name that their keys begin with.
const GROUPS: &[Group] = &[
    Group::String,
    Group::List,
    Group::Set,
    Group::SortedSet,
    Group::Hash,
    Group::Stream,
    Group::Bitmap,
    Group::HyperLogLog,
    Group::Geo,
];

/// Behind the value: the version and a checksum.
const TRAILER: usize = 10;

pub(crate) fn damage(payload: &[u8], rng: &mut Rng) -> Vec<u8> {
    let end = payload.len() - TRAILER;
    let mut bytes = payload[..end].to_vec();
    for _ in 0..=rng.index(3) {
        let at = rng.index(bytes.len());
        match rng.below(8) {
            0 => bytes[at] = rng.next_u32() as u8,
            1 => bytes[at] ^= 1 << rng.below(8),
            2 => bytes.insert(at, rng.next_u32() as u8),
            3 if bytes.len() > 1 => drop(bytes.remove(at)),
            4 => bytes.truncate(at.max(1)),
            5 => {
                bytes[at] = *[0, 1, 0x7f, 0x80, 0xfe, 0xff]
                    .get(rng.index(6))
                    .expect("six")
            }
            // Another type of the same bytes.
            6 => bytes[0] = rng.below(26) as u8,
            _ => {
                let other = rng.index(bytes.len());
                bytes.swap(at, other);
            }
        }
    }
    // Any version is as good as another.
    bytes.extend_from_slice(&[12, 0]);
    let sum = crc64(0, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// What is in a reply that is a bulk string.
pub(crate) fn bulk(reply: &[u8]) -> Option<&[u8]> {
    let rest = reply.strip_prefix(b"$")?;
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let len: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    rest.get(end + 2..end + 2 + len)
}

#[test]
fn damaged_payloads_are_refused_or_harmless() {
    let all =
        || Requests::new(|name| is_never_run(name) || has_more_to_say(name) || is_unfit(name));
    let families: Vec<Requests> = GROUPS.iter().map(|group| all().of(*group)).collect();
    let everything = all();
    let mut accepted = 0;
    let mut refused = 0;
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        for _ in 0..20 {
            for family in &families {
                for _ in 0..4 {
                    play.turn(family, &everything);
                }
            }
            play.reconnect(0);
            for (group, family) in GROUPS.iter().zip(&families) {
                let key = format!("{}:{}", group.name(), play.rng.below(3));
                let dumped = play.ask(&[b"DUMP", key.as_bytes()]);
                let Some(payload) = bulk(&dumped) else {
                    continue;
                };
                let damaged = damage(payload, &mut play.rng);
                let reply = play.ask(&[b"RESTORE", key.as_bytes(), b"0", &damaged, b"REPLACE"]);
                if reply != b"+OK\r\n" {
                    refused += 1;
                    continue;
                }
                accepted += 1;
                let again = play.ask(&[b"DUMP", key.as_bytes()]);
                let Some(again) = bulk(&again) else {
                    continue; // It had deadlines, and all of them have passed.
                };
                let reply = play.ask(&[b"RESTORE", key.as_bytes(), b"0", again, b"REPLACE"]);
                assert_eq!(reply, b"+OK\r\n", "{}", replies::show(again));
                for _ in 0..10 {
                    play.turn(family, &everything);
                }
                play.reconnect(0);
            }
            play.check_keyspace();
        }
    });
    println!("{accepted} accepted, {refused} refused");
    assert!(
        accepted > 20 && refused > 20,
        "{accepted} accepted, {refused} refused"
    );
}

/// Commands that would leave the session waiting, or in a state; and one that takes seconds.
fn is_unfit(name: &str) -> bool {
    name.starts_with('b') && !name.starts_with("bit")
        || matches!(
            name,
            "multi"
                | "exec"
                | "xread"
                | "xreadgroup"
                | "hello"
                | "select"
                | "swapdb"
                | "flushall"
                | "flushdb"
                | "auth"
                | "pfselftest"
        )
}
