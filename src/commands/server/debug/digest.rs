//! DEBUG DIGEST: one number for a whole data set, the same for the same data.
//!
//! Two operations on 20 bytes are enough. *Xor* adds something whose place does not matter: a key among keys, a member
//! among members. *Mix* adds something whose place does: an element behind another. The scheme is that of Redis, so the
//! same data have the same digest there, which is a fine test of whether a file was read correctly.
//!
//! How a value is encoded has no influence. An empty data set is 40 zeros.

use sha1::{Digest as _, Sha1};

use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::keyspace::Text;
use crate::store::EntryRef;
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
            Value::Set(set) => set.for_each(|item| {
                let mut member = Self::default();
                member.xor(item.text(&mut [0; 20]));
                self.join(&member);
            }),
            Value::Hash(hash) => hash.for_each(i64::MIN, |field, value| {
                let mut pair = Self::default();
                pair.mix(field);
                pair.mix(value.text(&mut [0; 20]));
                self.join(&pair);
            }),
            Value::Zset(zset) => zset.for_range(0..zset.len(), |member, score| {
                let mut pair = Self::default();
                pair.mix(member);
                pair.mix(&score.to_bits().to_be_bytes());
                self.join(&pair);
            }),
            Value::Stream(stream) => {
                for entry in stream.log.range(StreamId::MIN, StreamId::MAX) {
                    self.mix(&entry.id.to_bytes());
                    for (field, value) in entry.fields() {
                        self.mix(field.text(&mut [0; 20]));
                        self.mix(value.text(&mut [0; 20]));
                    }
                }
            }
        }
    }

    /// Adds what has no order among its like.
    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine ^= theirs;
        }
    }

    fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
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
