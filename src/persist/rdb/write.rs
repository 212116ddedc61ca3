//! Writes values.
//!
//! The compact forms of lists, streams and sets of integers are written as they are; those of sets, hashes and sorted
//! sets, which are packed tighter here, are turned into the listpacks that others expect. Version 9 knows no listpacks:
//! for it all but sets of integers and streams are written element by element.
//!
//! The written bytes pile up in a buffer. A value may be many times larger than the memory that is free, so the writer
//! of a file has the buffer drained between two elements; see [`Writer::drained_by`].

use crate::base::lzf::Compressor;
use crate::base::num;
use crate::types::Value;
use crate::types::hash::{Hash, HashView};
use crate::types::list::{List, NodeView};
use crate::types::set::Set;
use crate::types::stream::{Group, Stream, StreamId};
use crate::types::zset::Zset;

use super::module::{self, part};
use super::{VERSION_PLAIN, VERSION_VALKEY, kind};

/// A value as it is kept.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    Int(i64),
    Text(&'a [u8]),
    Value(&'a Value),
}

/// The version a reader must know at least.
pub(crate) fn version_of(source: Source<'_>) -> u16 {
    match source {
        Source::Value(Value::Hash(hash)) if hash.soonest().is_some() => 12,
        Source::Value(Value::Stream(stream)) if stream.has_consumers() => 11,
        _ => 10,
    }
}

/// Strings up to this length are not worth compressing.
const COMPRESSED_MIN: usize = 21;
/// The bytes that compression must save.
const COMPRESSION_GAIN_MIN: usize = 4;

pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// `None` writes strings as they are.
    lzf: Option<&'a mut Compressor>,
    version: u16,
    drain: Option<Drain<'a>>,
}

/// Empties a buffer.
pub(crate) type Drain<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

/// A buffer with so much in it is worth draining.
pub(crate) const DRAINED_BYTES: usize = 64 * 1024;

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, lzf: Option<&'a mut Compressor>, version: u16) -> Self {
        Self {
            out,
            lzf,
            version,
            drain: None,
        }
    }

    /// Has `drain` empty the buffer whenever there is enough in it.
    #[must_use]
    pub(crate) fn drained_by(mut self, drain: Drain<'a>) -> Self {
        self.drain = Some(drain);
        self
    }

    /// Between two elements.
    #[inline]
    fn relieve(&mut self) {
        if self.out.len() >= DRAINED_BYTES
            && let Some(drain) = &mut self.drain
        {
            drain(self.out);
        }
    }

    fn is_plain(&self) -> bool {
        self.version <= VERSION_PLAIN
    }

    fn is_valkey(&self) -> bool {
        self.version == VERSION_VALKEY
    }

    /// The byte that says what kind of value follows.
    pub(crate) fn kind_of(&mut self, source: Source<'_>) {
        let is_plain = self.is_plain();
        let kind = match source {
            Source::Int(_) | Source::Text(_) | Source::Value(Value::Str(_)) => kind::STRING,
            Source::Value(Value::List(_)) if is_plain => kind::LIST,
            Source::Value(Value::List(_)) => kind::LIST_OF_NODES,
            Source::Value(Value::Set(Set::Ints(_))) => kind::SET_INTSET,
            Source::Value(Value::Set(Set::Small(_))) if self.version >= 11 => kind::SET_LISTPACK,
            Source::Value(Value::Set(_)) => kind::SET,
            Source::Value(Value::Zset(Zset::Small(_))) if !is_plain => kind::ZSET_LISTPACK,
            Source::Value(Value::Zset(_)) => kind::ZSET,
            Source::Value(Value::Hash(hash)) => self.kind_of_hash(hash),
            Source::Value(Value::Stream(_)) if self.version >= 11 => kind::STREAM_3,
            Source::Value(Value::Stream(_)) if is_plain => kind::STREAM_1,
            Source::Value(Value::Stream(_)) => kind::STREAM_2,
            Source::Value(Value::Json(_) | Value::Vector(_)) => kind::MODULE_2,
        };
        self.out.push(kind);
    }

    fn kind_of_hash(&self, hash: &Hash) -> u8 {
        let is_timed = hash.soonest().is_some();
        match hash.view() {
            _ if is_timed && self.is_valkey() => kind::HASH_TIMED_EARLY,
            HashView::Large(_) if is_timed => kind::HASH_TIMED,
            HashView::Small | HashView::Timed(_) if is_timed => kind::HASH_TIMED_LISTPACK,
            HashView::Small | HashView::Timed(_) if !self.is_plain() => kind::HASH_LISTPACK,
            HashView::Small | HashView::Timed(_) | HashView::Large(_) => kind::HASH,
        }
    }

    pub(crate) fn value(&mut self, source: Source<'_>) {
        match source {
            Source::Int(number) => self.string(num::format_i64(number, &mut [0; 20])),
            Source::Text(text) => self.string(text),
            Source::Value(Value::Str(text)) => self.string(text),
            Source::Value(Value::List(list)) => self.list(list),
            Source::Value(Value::Set(set)) => self.set(set),
            Source::Value(Value::Zset(zset)) => self.zset(zset),
            Source::Value(Value::Hash(hash)) => self.hash(hash),
            Source::Value(Value::Stream(stream)) => self.stream(stream),
            Source::Value(Value::Vector(set)) => self.vectors(set),
            Source::Value(Value::Json(json)) => {
                self.module_id(module::JSON);
                self.module_string(&json.text());
                self.module_end();
            }
        }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn length(&mut self, length: u64) {
        match length {
            0..64 => self.out.push(length as u8),
            64..16384 => self
                .out
                .extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            16384..=0xffff_ffff => {
                self.out.push(0x80);
                self.out.extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.out.push(0x81);
                self.out.extend_from_slice(&length.to_be_bytes());
            }
        }
    }

    /// The beginning of a value of kind 7.
    pub(crate) fn module_id(&mut self, id: u64) {
        self.length(id);
    }

    /// A part of such a value; a number with a sign is written as its bits.
    #[allow(dead_code, reason = "other types follow")]
    pub(crate) fn module_int(&mut self, bits: u64) {
        self.length(part::UINT);
        self.length(bits);
    }

    #[allow(dead_code, reason = "other types follow")]
    pub(crate) fn module_float(&mut self, number: f32) {
        self.length(part::FLOAT);
        self.bytes(&number.to_le_bytes());
    }

    #[allow(dead_code, reason = "other types follow")]
    pub(crate) fn module_double(&mut self, number: f64) {
        self.length(part::DOUBLE);
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn module_string(&mut self, text: &[u8]) {
        self.relieve();
        self.length(part::STRING);
        self.string(text);
    }

    pub(crate) fn module_end(&mut self) {
        self.length(part::END);
    }

    fn count(&mut self, count: usize) {
        self.length(count as u64);
    }

    pub(crate) fn string(&mut self, text: &[u8]) {
        // Eleven letters are the longest number of 32 bits.
        if text.len() <= 11
            && let Some(number) = num::parse_i64(text)
            && self.number(number)
        {
            return;
        }
        if text.len() < COMPRESSED_MIN || !self.compressed(text) {
            self.count(text.len());
            self.out.extend_from_slice(text);
        }
    }

    /// A number as a number, if it is small enough.
    fn number(&mut self, number: i64) -> bool {
        if let Ok(number) = i8::try_from(number) {
            self.out.extend_from_slice(&[0xc0, number as u8]);
        } else if let Ok(number) = i16::try_from(number) {
            self.out.push(0xc1);
            self.out.extend_from_slice(&number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.out.push(0xc2);
            self.out.extend_from_slice(&number.to_le_bytes());
        } else {
            return false;
        }
        true
    }

    fn compressed(&mut self, text: &[u8]) -> bool {
        let Some(lzf) = self.lzf.as_deref_mut() else {
            return false;
        };
        let mut data = Vec::new();
        if !lzf.compress(text, text.len() - COMPRESSION_GAIN_MIN, &mut data) {
            return false;
        }
        self.lzf_blob(&data, text.len());
        true
    }

    fn lzf_blob(&mut self, data: &[u8], len: usize) {
        self.out.push(0xc3);
        self.count(data.len());
        self.count(len);
        self.out.extend_from_slice(data);
    }

    fn list(&mut self, list: &List) {
        if self.is_plain() {
            self.count(list.len());
            list.for_each(|element| {
                self.relieve();
                self.string(element.text(&mut [0; 20]));
            });
            return;
        }
        self.count(list.node_count());
        for (node, _) in list.nodes() {
            self.relieve();
            let is_plain = matches!(
                node,
                NodeView::Plain(_) | NodeView::Compressed { is_plain: true, .. }
            );
            self.length(if is_plain { 1 } else { 2 });
            match node {
                NodeView::Packed(blob) => self.string(&blob),
                NodeView::Plain(element) => self.string(element),
                NodeView::Compressed { lzf, byte_len, .. } => self.lzf_blob(lzf, byte_len),
            }
        }
    }

    fn set(&mut self, set: &Set) {
        match set {
            Set::Ints(ints) => self.string(&ints.to_redis()),
            Set::Small(_) if self.version >= 11 => self.string(set.to_listpack().as_bytes()),
            Set::Small(_) | Set::Large(_) => {
                self.count(set.len());
                set.for_each(|member| {
                    self.relieve();
                    self.string(member.text(&mut [0; 20]));
                });
            }
        }
    }

    fn zset(&mut self, zset: &Zset) {
        if matches!(zset, Zset::Small(_)) && !self.is_plain() {
            return self.string(zset.to_listpack().as_bytes());
        }
        self.count(zset.len());
        // The largest first: a reader that inserts at the front of its list is faster so.
        zset.for_range_back(0..zset.len(), |member, score| {
            self.relieve();
            self.string(member);
            self.out.extend_from_slice(&score.to_le_bytes());
        });
    }

    fn hash(&mut self, hash: &Hash) {
        match (hash.view(), hash.soonest()) {
            (_, Some(_)) if self.is_valkey() => self.valkey_hash(hash),
            (HashView::Timed(triples), Some(soonest)) => {
                self.out.extend_from_slice(&soonest.to_le_bytes());
                self.string(triples.as_bytes());
            }
            (HashView::Small | HashView::Timed(_), _) if !self.is_plain() => {
                self.string(hash.to_listpack().as_bytes());
            }
            (HashView::Small | HashView::Timed(_), _) => {
                self.count(hash.len());
                hash.for_each(i64::MIN, |field, value| {
                    self.string(field);
                    self.string(value.text(&mut [0; 20]));
                });
            }
            (HashView::Large(members), soonest) => {
                if let Some(soonest) = soonest {
                    self.out.extend_from_slice(&soonest.to_le_bytes());
                }
                self.count(members.len());
                for member in members.iter() {
                    self.relieve();
                    if let Some(soonest) = soonest {
                        // Relative to the soonest, and zero for none.
                        let deadline = member.word().map_or(0, |word| word - soonest as u64 + 1);
                        self.length(deadline);
                    }
                    self.string(member.key());
                    self.string(member.value());
                }
            }
        }
    }

    /// Fields with deadlines as Valkey 9 lays them out.
    fn valkey_hash(&mut self, hash: &Hash) {
        self.count(hash.len());
        match hash.view() {
            // Without deadlines; these are written otherwise.
            HashView::Small => {}
            HashView::Timed(triples) => {
                let mut items = triples.iter();
                let mut space = [0; 20];
                while let (Some(field), Some(value), Some(deadline)) =
                    (items.next(), items.next(), items.next())
                {
                    self.string(field.text(&mut space));
                    self.string(value.text(&mut space));
                    let deadline = deadline.as_i64().filter(|deadline| *deadline != 0);
                    self.deadline(deadline);
                }
            }
            HashView::Large(members) => {
                for member in members.iter() {
                    self.relieve();
                    self.string(member.key());
                    self.string(member.value());
                    self.deadline(member.word().map(|word| word as i64));
                }
            }
        }
    }

    fn deadline(&mut self, deadline: Option<i64>) {
        self.out
            .extend_from_slice(&deadline.unwrap_or(-1).to_le_bytes());
    }

    fn stream(&mut self, stream: &Stream) {
        self.count(stream.log.block_count());
        for block in stream.log.blocks() {
            self.relieve();
            self.string(&block.first().to_bytes());
            self.string(block.as_bytes());
        }
        let counters = *stream.log.counters();
        self.length(counters.len);
        self.id(counters.last_id);
        if !self.is_plain() {
            self.id(counters.first_id);
            self.id(counters.max_deleted_id);
            self.length(counters.entries_added);
        }
        self.count(stream.groups.len());
        for (name, group) in &stream.groups {
            self.string(name);
            self.group(group);
        }
    }

    fn id(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }

    fn group(&mut self, group: &Group) {
        self.id(group.last_id);
        if !self.is_plain() {
            // Nobody can say: minus one.
            self.length(group.entries_read.unwrap_or(u64::MAX));
        }
        self.count(group.pending_count());
        for (id, pending) in group.pending_range(StreamId::MIN..=StreamId::MAX) {
            self.relieve();
            self.out.extend_from_slice(&id.to_bytes());
            self.out
                .extend_from_slice(&pending.delivered_ms.to_le_bytes());
            self.length(pending.deliveries);
        }
        self.count(group.consumer_count());
        for (_, consumer) in group.consumers() {
            self.string(consumer.name());
            self.out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
            if self.version >= 11 {
                self.out
                    .extend_from_slice(&consumer.active_ms.unwrap_or(-1).to_le_bytes());
            }
            self.count(consumer.pending_count());
            for id in consumer.pending_from(StreamId::MIN) {
                self.relieve();
                self.out.extend_from_slice(&id.to_bytes());
            }
        }
    }
}
