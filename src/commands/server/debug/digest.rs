//! DEBUG DIGEST: one number for a whole data set, the same for the same data.
//!
//! Two operations on 20 bytes are enough. *Xor* adds something whose place does not matter: a key among keys, a member
//! among members. *Mix* adds something whose place does: an element behind another. The scheme is that of Redis, so the
//! same data have the same digest there, which is a fine test of whether a file was read correctly.
//!
//! How a value is encoded has no influence. An empty data set is 40 zeros.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

use crate::base::double;
use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::keyspace::Text;
use crate::store::EntryRef;
use crate::types::hash::{FieldDeadline, Hash};
use crate::types::stream::StreamId;
use crate::types::{Kind, Value};
use crate::wire::args::Args;

/// DEBUG DIGEST
pub fn digest(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
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
            one.add_value(entry);
            all.xor(&one.0);
        }
    }
    ctx.reply.simple(&all.text());
    Ok(())
}

/// DEBUG DIGEST-VALUE key [key ...]
pub fn digest_value(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply.array(args.len() - 2);
    for key in args.from(2) {
        let mut digest = Digest::default();
        if let Some(spot) = ctx.keys.find(key) {
            digest.add_value(ctx.keys.entry(spot));
        }
        ctx.reply.simple(&digest.text());
    }
    Ok(())
}

#[derive(Default)]
struct Digest([u8; 20]);

impl Digest {
    fn xor(&mut self, data: &[u8]) {
        for (byte, other) in self.0.iter_mut().zip(Sha1::digest(data)) {
            *byte ^= other;
        }
    }

    fn mix(&mut self, data: &[u8]) {
        self.xor(data);
        self.0 = Sha1::digest(self.0).into();
    }

    /// The value and whether it has a deadline; not when, as that would differ after a restart.
    fn add_value(&mut self, entry: EntryRef<'_, Value>) {
        if let Some(text) = Text::of(entry.payload()) {
            self.mix(&type_number(Kind::String).to_be_bytes());
            self.mix(text.bytes(&mut [0; 20]));
        } else if let Some(value) = entry.object() {
            self.mix(&type_number(value.kind()).to_be_bytes());
            self.add_elements(value);
        }
        if entry.deadline().is_some() {
            self.xor(b"!!expire!!");
        }
    }

    fn add_elements(&mut self, value: &Value) {
        match value {
            Value::Str(text) => self.mix(text),
            Value::List(list) => list.for_each(|item| self.mix(item.text(&mut [0; 20]))),
            Value::Set(set) => set.for_each(|member| self.xor(member.text(&mut [0; 20]))),
            Value::Zset(zset) => {
                let mut text = Vec::new();
                zset.for_range(0..zset.len(), |member, score| {
                    let mut one = Self::default();
                    one.mix(member);
                    // Not the text that replies show: it has an exponent wherever that is shorter.
                    text.clear();
                    double::push_shortest(&mut text, score);
                    one.mix(&text);
                    self.xor(&one.0);
                });
            }
            Value::Hash(hash) => self.add_fields(hash),
            Value::Stream(stream) => {
                for entry in stream.log.range(StreamId::MIN, StreamId::MAX) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (name, value) in entry.fields() {
                        self.mix(name.text(&mut [0; 20]));
                        self.mix(value.text(&mut [0; 20]));
                    }
                }
            }
        }
    }

    /// All fields that are still there, also those whose time has come.
    fn add_fields(&mut self, hash: &Hash) {
        let always = i64::MIN;
        let has_deadlines = hash.soonest().is_some();
        hash.for_each(always, |field, value| {
            let mut one = Self::default();
            one.mix(field);
            one.mix(value.text(&mut [0; 20]));
            if has_deadlines && matches!(hash.deadline(field, always), FieldDeadline::At(_)) {
                one.xor(b"!!hexpire!!");
            }
            self.xor(&one.0);
        });
    }

    fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The number that Redis gives a type in its files and in this digest.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::Seed;
    use crate::types::hash::{FieldUntil, HashLimits};
    use crate::types::list::{Limits, List};
    use crate::types::set::{Set, SetLimits};
    use crate::types::stream::{Stream, StreamLimits};
    use crate::types::zset::{AddRule, Zset, ZsetLimits};

    fn told(value: &Value) -> String {
        let mut digest = Digest::default();
        digest.mix(&type_number(value.kind()).to_be_bytes());
        digest.add_elements(value);
        digest.text()
    }

    /// What Redis 8.0.6 says of the same values.
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
