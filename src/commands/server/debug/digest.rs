//! DEBUG DIGEST: one number for a whole data set, the same for the same data.
//!
//! Two operations on 20 bytes are enough. *Xor* adds something whose place does not matter: a key among keys, a member
//! among members. *Mix* adds something whose place does: an element behind another. The scheme is that of Redis, so the
//! same data have the same digest there, which is a fine test of whether a file was read correctly.
//!
//! How a value is encoded has no influence. An empty data set is 40 zeros.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::keyspace::{Text, value_of};
use crate::store::EntryRef;
use crate::types::{Digest, Kind, Value};
use crate::wire::args::Args;

/// DEBUG DIGEST
pub(crate) fn digest(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut all = Digest::default();
    for (number, db) in ctx.keys.space.dbs.iter().enumerate() {
        if db.dict.is_empty() {
            continue;
        }
        // The same keys in another database are other data.
        all.mix(&(number as u32).to_be_bytes());
        for entry in db.dict.iter() {
            let mut one = Digest::default();
            one.mix(entry.key());
            add_value(&mut one, entry);
            all.add(&one);
        }
    }
    ctx.reply.simple(&all.text());
    Ok(())
}

/// DEBUG DIGEST-VALUE key [key ...]
pub(crate) fn digest_value(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply.array(args.len() - 2);
    for key in args.from(2) {
        let mut digest = Digest::default();
        if let Some(spot) = ctx.keys.find(key) {
            add_value(&mut digest, ctx.keys.entry(spot));
        }
        ctx.reply.simple(&digest.text());
    }
    Ok(())
}

/// The value and whether it has a deadline; not when, as that would differ after a restart.
fn add_value(digest: &mut Digest, entry: EntryRef<'_, Value>) {
    if let Some(text) = Text::of(entry.payload()) {
        digest.mix(&Kind::String.row().digest.to_be_bytes());
        digest.mix(text.bytes(&mut [0; 20]));
    } else if let Some(value) = value_of(entry) {
        digest.mix(&value.kind().row().digest.to_be_bytes());
        value.digest(digest);
    }
    if entry.deadline().is_some() {
        digest.xor(b"!!expire!!");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::Seed;
    use crate::types::hash::{FieldUntil, Hash, HashLimits};
    use crate::types::list::{Limits, List};
    use crate::types::set::{Set, SetLimits};
    use crate::types::stream::{Stream, StreamId, StreamLimits};
    use crate::types::zset::{AddRule, Zset, ZsetLimits};

    fn told(value: &Value) -> String {
        let mut digest = Digest::default();
        digest.mix(&value.kind().row().digest.to_be_bytes());
        value.digest(&mut digest);
        digest.text()
    }

    /// The digests that Redis 8.0.6 gives for the same values.
    #[test]
    fn digests_are_those_of_redis() {
        let mut list = List::new();
        for element in ["a", "12", ""] {
            list.push_tail(element.as_bytes(), &Limits::default());
        }
        assert_eq!(
            told(&Value::List(list)),
            "92e0533d7a0460c4ec1ed2da5826e627dc918a05"
        );

        let (listpack_entries_max, listpack_value_max, seed) = (4, 64, Seed::fixed(1));
        let limits = SetLimits {
            intset_entries_max: 0,
            listpack_entries_max,
            listpack_value_max,
            seed,
        };
        let mut set = Set::small();
        for member in ["b", "a", "3"] {
            set.add(member.as_bytes(), &limits);
        }
        assert_eq!(
            told(&Value::Set(set)),
            "aa475a4a8f122ca5936aa41d911aacf8c93b827d"
        );

        let limits = ZsetLimits {
            listpack_entries_max,
            listpack_value_max,
            seed,
        };
        let mut zset = Zset::small();
        for (member, score) in [("a", 1.5), ("b", f64::NEG_INFINITY), ("c", 3.0)] {
            zset.add(member.as_bytes(), score, AddRule::default(), &limits);
        }
        assert_eq!(
            told(&Value::Zset(zset.clone())),
            "da0323ff4d88ffcab003f39cbd63a803c404701b"
        );
        for (member, score) in [("d", 1e20), ("e", 0.1)] {
            zset.add(member.as_bytes(), score, AddRule::default(), &limits);
        }
        assert_eq!(
            told(&Value::Zset(zset)),
            "6e8e890c3ad27dcd5f3a6a2403882536bab76e5a"
        );

        let limits = HashLimits {
            listpack_entries_max,
            listpack_value_max,
            seed,
        };
        let mut hash = Hash::new();
        hash.set(b"f", b"v", FieldUntil::Never, &limits);
        hash.set(b"g", b"1", FieldUntil::Never, &limits);
        assert_eq!(
            told(&Value::Hash(hash.clone())),
            "6679ee22f89ed8001eeb5309d0900265ea56c03a"
        );
        hash.set(b"f", b"v", FieldUntil::At(100), &limits);
        assert_eq!(
            told(&Value::Hash(hash)),
            "8206116f17c298693b1f57963ce14e2aef55498f"
        );

        let limits = StreamLimits {
            block_bytes_max: 4096,
            block_entries_max: 100,
        };
        let mut stream = Stream::new();
        for (id, words) in [
            ((5, 1), ["f", "v", "g", "2"]),
            ((6, 0), ["f", "w", "g", "3"]),
        ] {
            let id = StreamId {
                ms: id.0,
                seq: id.1,
            };
            stream
                .log
                .append(id, words.map(str::as_bytes).into_iter(), &limits)
                .expect("in order");
        }
        assert_eq!(
            told(&Value::Stream(Box::new(stream))),
            "21af466122e12c16ed32e95645743a4758fbe826"
        );
    }
}
