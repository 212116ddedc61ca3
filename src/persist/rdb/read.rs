//! Reads values, of all types that servers have written.
//!
//! The bytes may be damaged or made to harm: each count is taken at its word only as far as bytes follow, members and
//! fields that occur twice are refused, and so is a value without elements, which no key can hold.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;

use crate::base::lzf;
use crate::base::num;
use crate::persist::STRING_TOO_LONG;
use crate::store::STRING_BYTES_MAX;
use crate::types::Value;
use crate::types::hash::{FIELD_DEADLINE_MAX, FieldUntil, Hash, HashLimits};
use crate::types::intset::Intset;
use crate::types::list::{Limits as ListLimits, List};
use crate::types::listpack::Listpack;
use crate::types::set::{Set, SetLimits};
use crate::types::stream::{Block, Counters, Group, Log, Pending, Stream, StreamId};
use crate::types::zset::{AddRule, Added, Zset, ZsetLimits};

use super::fault::Fault;
use super::legacy::{from_ziplist, from_zipmap};
use super::module::{self, Part, Parts, part};
use super::{VERSION_VALKEY, kind};

/// Which forms values take in memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub(crate) list: ListLimits,
    pub(crate) set: SetLimits,
    pub(crate) hash: HashLimits,
    pub(crate) zset: ZsetLimits,
}

/// A value that was read.
#[derive(Debug)]
pub(crate) enum Loaded {
    Text(Vec<u8>),
    Value(Value),
}

/// Memory is taken for so many bytes before they have come.
const TRUSTED_LEN: u64 = 1 << 20;

pub(crate) struct Reader<R> {
    input: R,
    version: u16,
    limits: Limits,
    /// How many listpacks and intsets it has looked through.
    packs: u64,
}

/// A string, as [`Reader::text`] gives it.
pub(super) enum Text {
    Int(i64),
    /// Where it is in the arena.
    Appended(Range<usize>),
    Long(Vec<u8>),
}

/// Each pair is well-formed, but not all together.
const DUPLICATE_FIELDS: &str =
    "Hash listpack integrity check failed: listpack with dup elements, or an odd number of them";

/// In the place of a length: compressed text follows.
const LZF: u8 = 3;

/// Strings are refused that the store cannot hold, before their bytes are read.
#[inline]
fn check_len(len: u64) -> Result<(), Fault> {
    if len > STRING_BYTES_MAX as u64 {
        return Err(Fault::Broken(STRING_TOO_LONG));
    }
    Ok(())
}

fn not_empty(pack: Listpack) -> Result<Listpack, Fault> {
    if pack.is_empty() {
        Err(Fault::Empty)
    } else {
        Ok(pack)
    }
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(input: R, version: u16, limits: &Limits) -> Self {
        Self {
            input,
            version,
            limits: *limits,
            packs: 0,
        }
    }

    pub(crate) fn packs(&self) -> u64 {
        self.packs
    }

    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    pub(super) fn input(&self) -> &R {
        &self.input
    }

    pub(super) fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    pub(super) fn version(&self) -> u16 {
        self.version
    }

    pub(super) fn set_version(&mut self, version: u16) {
        self.version = version;
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let [byte] = self.array::<1>()?;
        Ok(byte)
    }

    fn bytes(&mut self, len: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::with_capacity(len.min(TRUSTED_LEN) as usize);
        self.append_bytes(len, &mut bytes)?;
        Ok(bytes)
    }

    /// Memory is taken piece by piece, as the bytes come.
    fn append_bytes(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
        check_len(len)?;
        let mut left = len;
        while left > 0 {
            let piece = left.min(TRUSTED_LEN) as usize;
            let start = out.len();
            out.resize(start + piece, 0);
            self.input.read_exact(&mut out[start..])?;
            left -= piece as u64;
        }
        Ok(())
    }

    fn i64(&mut self) -> Result<i64, Fault> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A length, or what stands in the place of one before a string: `Err` in the inner result.
    fn length_or_form(&mut self) -> Result<Result<u64, u8>, Fault> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Ok(u64::from(first & 63)),
            1 => Ok(u64::from(first & 63) << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            2 if first == 0x81 => Ok(u64::from_be_bytes(self.array()?)),
            2 => return Err(Fault::Malformed),
            _ => Err(first & 63),
        })
    }

    pub(crate) fn length(&mut self) -> Result<u64, Fault> {
        self.length_or_form()?.map_err(|_| Fault::Malformed)
    }

    /// The number of elements of a value that must have some.
    fn count(&mut self) -> Result<usize, Fault> {
        match self.length()? {
            0 => Err(Fault::Empty),
            count => usize::try_from(count).map_err(|_| Fault::Malformed),
        }
    }

    pub(crate) fn string(&mut self) -> Result<Vec<u8>, Fault> {
        match self.length_or_form()? {
            Ok(len) => self.bytes(len),
            Err(LZF) => self.compressed(),
            Err(form) => {
                let number = self.number(form)?;
                Ok(num::format_i64(number, &mut [0; 20]).to_vec())
            }
        }
    }

    /// A string, behind what `out` holds already.
    pub(super) fn append_string(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self.length_or_form()? {
            Ok(len) => self.append_bytes(len, out)?,
            Err(LZF) => out.extend_from_slice(&self.compressed()?),
            Err(form) => {
                let number = self.number(form)?;
                out.extend_from_slice(num::format_i64(number, &mut [0; 20]));
            }
        }
        Ok(())
    }

    /// A string, behind what `arena` holds if it is short, and apart if it is longer than `short_max`.
    pub(super) fn text(&mut self, arena: &mut Vec<u8>, short_max: usize) -> Result<Text, Fault> {
        let start = arena.len();
        match self.length_or_form()? {
            Ok(len) if len > short_max as u64 => return Ok(Text::Long(self.bytes(len)?)),
            Ok(len) => self.append_bytes(len, arena)?,
            Err(LZF) => {
                let text = self.compressed()?;
                if text.len() > short_max {
                    return Ok(Text::Long(text));
                }
                arena.extend_from_slice(&text);
            }
            Err(form) => return Ok(Text::Int(self.number(form)?)),
        }
        Ok(Text::Appended(start..arena.len()))
    }

    fn number(&mut self, form: u8) -> Result<i64, Fault> {
        Ok(match form {
            0 => i64::from(i8::from_le_bytes(self.array()?)),
            1 => i64::from(i16::from_le_bytes(self.array()?)),
            2 => i64::from(i32::from_le_bytes(self.array()?)),
            _ => return Err(Fault::Malformed),
        })
    }

    fn compressed(&mut self) -> Result<Vec<u8>, Fault> {
        let (packed_len, len) = (self.length()?, self.length()?);
        check_len(len)?;
        let packed = self.bytes(packed_len)?;
        let len = usize::try_from(len).map_err(|_| Fault::Malformed)?;
        lzf::decompress(&packed, len).ok_or(Fault::Malformed)
    }

    /// A listpack that is the whole value.
    fn whole_listpack(&mut self) -> Result<Listpack, Fault> {
        not_empty(self.listpack()?)
    }

    fn listpack(&mut self) -> Result<Listpack, Fault> {
        let bytes = self.string()?;
        self.packs += 1;
        Ok(Listpack::parse_owned(bytes)?)
    }

    fn whole_ziplist(&mut self) -> Result<Listpack, Fault> {
        not_empty(from_ziplist(&self.string()?)?)
    }

    /// The value of a kind, which has been read.
    pub(crate) fn value(&mut self, kind: u8) -> Result<Loaded, Fault> {
        let limits = self.limits;
        let value = match kind {
            kind::STRING => return Ok(Loaded::Text(self.string()?)),
            kind::LIST | kind::LIST_ZIPLIST | kind::LIST_OF_ZIPLISTS | kind::LIST_OF_NODES => {
                Value::List(self.list(kind)?)
            }
            kind::SET => Value::Set(self.set()?),
            kind::SET_INTSET => {
                let bytes = self.string()?;
                self.packs += 1;
                let ints = Intset::parse(&bytes)?;
                if ints.is_empty() {
                    return Err(Fault::Empty);
                }
                Value::Set(Set::from_intset(ints, &limits.set))
            }
            kind::SET_LISTPACK => {
                Value::Set(Set::from_listpack(&self.whole_listpack()?, &limits.set)?)
            }
            kind::ZSET | kind::ZSET_TEXT => Value::Zset(self.zset(kind)?),
            kind::ZSET_LISTPACK => {
                Value::Zset(Zset::from_listpack(&self.whole_listpack()?, &limits.zset)?)
            }
            kind::ZSET_ZIPLIST => {
                Value::Zset(Zset::from_listpack(&self.whole_ziplist()?, &limits.zset)?)
            }
            kind::HASH => Value::Hash(self.hash()?),
            kind::HASH_LISTPACK => {
                let hash = Hash::from_listpack(&self.whole_listpack()?, &limits.hash);
                Value::Hash(hash.map_err(|_| Fault::Broken(DUPLICATE_FIELDS))?)
            }
            kind::HASH_ZIPLIST => {
                Value::Hash(Hash::from_listpack(&self.whole_ziplist()?, &limits.hash)?)
            }
            kind::HASH_ZIPMAP => {
                let pairs = not_empty(from_zipmap(&self.string()?)?)?;
                Value::Hash(Hash::from_listpack(&pairs, &limits.hash)?)
            }
            kind::HASH_TIMED_LISTPACK | kind::HASH_TIMED_LISTPACK_EARLY => {
                if kind == kind::HASH_TIMED_LISTPACK {
                    // The soonest deadline; the listpack says it too.
                    self.i64()?;
                }
                Value::Hash(Hash::from_timed_listpack(
                    &self.whole_listpack()?,
                    &limits.hash,
                )?)
            }
            kind::HASH_TIMED_EARLY if self.version == VERSION_VALKEY => {
                Value::Hash(self.valkey_hash()?)
            }
            kind::HASH_TIMED => {
                let soonest = u64::try_from(self.i64()?).map_err(|_| Fault::Malformed)?;
                Value::Hash(self.timed_hash(soonest)?)
            }
            // As if the soonest deadline were one: then the relative ones are absolute.
            kind::HASH_TIMED_EARLY => Value::Hash(self.timed_hash(1)?),
            kind::STREAM_1 | kind::STREAM_2 | kind::STREAM_3 => {
                Value::Stream(Box::new(self.stream(kind)?))
            }
            kind::MODULE_2 => {
                let id = self.length()?;
                return self.module(id)?.ok_or(Fault::Unknown(kind));
            }
            unknown => return Err(Fault::Unknown(unknown)),
        };
        Ok(Loaded::Value(value))
    }

    /// A value of kind 7 whose identifier has been read, if its type is known here.
    pub(crate) fn module(&mut self, id: u64) -> Result<Option<Loaded>, Fault> {
        let seed = self.limits.set.seed;
        let mut next = || self.module_part();
        module::value(id, Parts(&mut next), seed).map(|value| value.map(Loaded::Value))
    }

    /// The next part of a value of kind 7.
    pub(crate) fn module_part(&mut self) -> Result<Part, Fault> {
        Ok(match self.length()? {
            part::END => Part::End,
            part::SINT | part::UINT => Part::Int(self.length()?),
            part::FLOAT => Part::Float(f32::from_le_bytes(self.array()?)),
            part::DOUBLE => Part::Double(f64::from_le_bytes(self.array()?)),
            part::STRING => Part::Text(self.string()?),
            _ => return Err(Fault::Broken("Unknown module value opcode")),
        })
    }

    fn list(&mut self, kind: u8) -> Result<List, Fault> {
        let Limits { list: limits, .. } = self.limits;
        let limits = &limits;
        let mut list = List::quick(limits);
        if kind == kind::LIST_ZIPLIST {
            list.append_listpack(self.whole_ziplist()?, limits);
        } else {
            for _ in 0..self.count()? {
                match kind {
                    kind::LIST => list.push_tail(&self.string()?, limits),
                    kind::LIST_OF_ZIPLISTS => {
                        let pack = from_ziplist(&self.string()?)?;
                        if !pack.is_empty() {
                            list.append_listpack(pack, limits);
                        }
                    }
                    _ => match self.length()? {
                        1 => {
                            let element = self.string()?;
                            // It is plain because it is large.
                            if element.is_empty() {
                                return Err(Fault::Malformed);
                            }
                            list.append_plain(element, limits);
                        }
                        2 => {
                            let pack = self.listpack()?;
                            if !pack.is_empty() {
                                list.append_listpack(pack, limits);
                            }
                        }
                        _ => return Err(Fault::Malformed),
                    },
                }
            }
        }
        list.settle(limits);
        if list.is_empty() {
            Err(Fault::Empty)
        } else {
            Ok(list)
        }
    }

    fn set(&mut self) -> Result<Set, Fault> {
        let Limits { set: limits, .. } = self.limits;
        let limits = &limits;
        let count = self.count()?;
        let is_small = count <= limits.intset_entries_max.max(limits.listpack_entries_max);
        let mut set = if is_small {
            Set::ints()
        } else {
            Set::large(limits)
        };
        for _ in 0..count {
            if !set.add(&self.string()?, limits) {
                return Err(Fault::Malformed);
            }
        }
        Ok(set)
    }

    fn zset(&mut self, kind: u8) -> Result<Zset, Fault> {
        let Limits { zset: limits, .. } = self.limits;
        let limits = &limits;
        let count = self.count()?;
        let mut zset = Zset::for_adding(count, 0, limits);
        for _ in 0..count {
            let member = self.string()?;
            let score = if kind == kind::ZSET {
                f64::from_le_bytes(self.array()?)
            } else {
                self.double_text()?
            };
            if score.is_nan() {
                return Err(Fault::Malformed);
            }
            if !matches!(
                zset.add(&member, score, AddRule::default(), limits),
                Added::New(_)
            ) {
                return Err(Fault::Malformed);
            }
        }
        Ok(zset)
    }

    /// A double as text, after its length; three lengths are no text.
    fn double_text(&mut self) -> Result<f64, Fault> {
        let len = match self.byte()? {
            255 => return Ok(f64::NEG_INFINITY),
            254 => return Ok(f64::INFINITY),
            253 => return Ok(f64::NAN),
            len => u64::from(len),
        };
        let text = self.bytes(len)?;
        let text = std::str::from_utf8(&text).map_err(|_| Fault::Malformed)?;
        text.parse().map_err(|_| Fault::Malformed)
    }

    fn hash(&mut self) -> Result<Hash, Fault> {
        let count = self.count()?;
        self.fields(count, |reader| {
            Ok((reader.string()?, reader.string()?, FieldUntil::Never))
        })
    }

    /// Deadlines are given relative to one before the soonest, so that most are short; zero is none.
    fn timed_hash(&mut self, soonest: u64) -> Result<Hash, Fault> {
        let count = self.count()?;
        self.fields(count, |reader| {
            let until = match reader.length()? {
                0 => FieldUntil::Never,
                after => {
                    let deadline = soonest
                        .checked_add(after - 1)
                        .filter(|deadline| (1..=FIELD_DEADLINE_MAX as u64).contains(deadline));
                    FieldUntil::At(deadline.ok_or(Fault::Malformed)? as i64)
                }
            };
            Ok((reader.string()?, reader.string()?, until))
        })
    }

    fn valkey_hash(&mut self) -> Result<Hash, Fault> {
        let count = self.count()?;
        self.fields(count, |reader| {
            let (field, value) = (reader.string()?, reader.string()?);
            let until = match reader.i64()? {
                -1 => FieldUntil::Never,
                deadline if (1..=FIELD_DEADLINE_MAX).contains(&deadline) => {
                    FieldUntil::At(deadline)
                }
                _ => return Err(Fault::Malformed),
            };
            Ok((field, value, until))
        })
    }

    fn fields(
        &mut self,
        count: usize,
        read: impl Fn(&mut Self) -> Result<(Vec<u8>, Vec<u8>, FieldUntil), Fault>,
    ) -> Result<Hash, Fault> {
        let Limits { hash: limits, .. } = self.limits;
        let limits = &limits;
        let mut hash = Hash::new();
        hash.expect(count, 0, limits);
        for _ in 0..count {
            let (field, value, until) = read(self)?;
            if !hash.set(&field, &value, until, limits) {
                return Err(Fault::Malformed);
            }
        }
        Ok(hash)
    }

    fn stream(&mut self, kind: u8) -> Result<Stream, Fault> {
        let mut blocks = Vec::new();
        for _ in 0..self.length()? {
            let first = <[u8; 16]>::try_from(self.string()?).map_err(|_| Fault::Malformed)?;
            let pack = self.string()?;
            self.packs += 1;
            blocks.push(Ok(Block::parse(StreamId::from_bytes(first), &pack)?));
        }
        let mut counters = Counters {
            len: self.length()?,
            last_id: self.id()?,
            ..Counters::default()
        };
        counters.entries_added = counters.len;
        if kind != kind::STREAM_1 {
            counters.first_id = self.id()?;
            counters.max_deleted_id = self.id()?;
            counters.entries_added = self.length()?;
        }
        let mut log = Log::from_blocks(blocks, counters)?;
        if log
            .last_entry()
            .is_some_and(|entry| entry.id > counters.last_id)
        {
            return Err(Fault::Malformed);
        }
        log.recount_first_id();
        let mut groups = BTreeMap::new();
        for _ in 0..self.length()? {
            let name = self.string()?.into_boxed_slice();
            let group = self.group(kind, log.counters())?;
            if groups.insert(name, group).is_some() {
                return Err(Fault::Malformed);
            }
        }
        Ok(Stream { log, groups })
    }

    fn id(&mut self) -> Result<StreamId, Fault> {
        Ok(StreamId {
            ms: self.length()?,
            seq: self.length()?,
        })
    }

    fn raw_id(&mut self) -> Result<StreamId, Fault> {
        Ok(StreamId::from_bytes(self.array()?))
    }

    fn group(&mut self, kind: u8, counters: &Counters) -> Result<Group, Fault> {
        let last_id = self.id()?;
        let entries_read = match kind {
            kind::STREAM_1 => counters.entries_up_to(last_id),
            _ => Some(self.length()?).filter(|count| *count != u64::MAX),
        };
        let mut group = Group::new(last_id, entries_read);
        // Deliveries are told twice: with their figures for the group, and by ID for each consumer.
        let mut deliveries = BTreeMap::new();
        for _ in 0..self.length()? {
            let (id, delivered_ms, count) = (self.raw_id()?, self.i64()?, self.length()?);
            if deliveries.insert(id, (delivered_ms, count)).is_some() {
                return Err(Fault::Malformed);
            }
        }
        for _ in 0..self.length()? {
            let name = self.string()?;
            let seen_ms = self.i64()?;
            let active_ms = if kind == kind::STREAM_3 {
                self.i64()?
            } else {
                seen_ms
            };
            let consumer = group
                .create_consumer(&name, seen_ms)
                .ok_or(Fault::Broken("Duplicate stream consumer detected"))?;
            group.consumer_mut(consumer).active_ms = (active_ms != -1).then_some(active_ms);
            for _ in 0..self.length()? {
                let id = self.raw_id()?;
                let (delivered_ms, count) = deliveries.remove(&id).ok_or(Fault::Malformed)?;
                group.put(
                    id,
                    Pending {
                        delivered_ms,
                        deliveries: count,
                        consumer,
                    },
                );
            }
        }
        if deliveries.is_empty() {
            Ok(group)
        } else {
            Err(Fault::Malformed)
        }
    }
}
