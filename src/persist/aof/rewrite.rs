//! From a frozen keyspace to commands that make it again: a base file without RDB.

use std::io::{self, Write};

use crate::base::{double, num};
use crate::keyspace::freeze::{Chunk, Element, Frozen, Head, Shape, Sink, TableHead};
use crate::persist::rdb::{self, Source};
use crate::types::Value;
use crate::types::hash::{FieldDeadline, Hash};
use crate::types::listpack::Item;
use crate::types::stream::{Group, Stream, StreamId};

use super::feed::{Feed, push_command, push_count, push_word};

/// How many elements one command brings.
const ELEMENTS_PER_COMMAND: u64 = 64;

/// So much is gathered before it is handed on.
const GATHERED_BYTES: usize = 64 * 1024;

/// Turns chunks into commands.
pub(crate) struct Rewrite<'a, W> {
    out: W,
    feed: Feed,
    table: Option<OpenTable>,
    each_key: &'a mut dyn FnMut() -> io::Result<()>,
}

/// A large value whose elements come.
struct OpenTable {
    shape: Shape,
    db: u16,
    key: Vec<u8>,
    left: u64,
    /// Elements that the command which is being written still takes.
    room: u64,
    /// Deadlines of fields, to be set when all fields are there.
    deadlines: Vec<(Vec<u8>, i64)>,
    deadline: Option<i64>,
}

impl<'a, W: Write> Rewrite<'a, W> {
    pub(crate) fn new(out: W, each_key: &'a mut dyn FnMut() -> io::Result<()>) -> Self {
        Self {
            out,
            feed: Feed::default(),
            table: None,
            each_key,
        }
    }

    /// The part in front of the keys: the time, if times are noted, and libraries of functions.
    pub(crate) fn begin(&mut self, now_s: Option<i64>, libraries: &[Vec<u8>]) {
        if let Some(now_s) = now_s {
            self.feed
                .bytes
                .extend_from_slice(format!("#TS:{now_s}\r\n").as_bytes());
        }
        for code in libraries {
            let words = [b"FUNCTION".as_slice(), b"LOAD", code];
            push_command(&mut self.feed.bytes, words.into_iter());
        }
    }

    pub(crate) fn add(&mut self, chunk: Chunk) -> io::Result<()> {
        chunk.read(self)
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.hand_on(0)?;
        Ok(self.out)
    }

    fn hand_on(&mut self, least: usize) -> io::Result<()> {
        if self.feed.bytes.len() > least {
            self.out.write_all(&self.feed.bytes)?;
            self.feed.bytes.clear();
            self.feed.bytes.shrink_to(2 * GATHERED_BYTES);
        }
        Ok(())
    }

    fn command(&mut self, db: u16, words: &[&[u8]]) {
        self.feed.command(db, words.iter().copied(), None);
    }

    /// Elements in commands of some each; `per_element` words belong together.
    fn elements(
        &mut self,
        db: u16,
        name: &[u8],
        key: &[u8],
        words: &[Vec<u8>],
        per_element: usize,
    ) {
        for part in words.chunks(ELEMENTS_PER_COMMAND as usize * per_element) {
            let mut all: Vec<&[u8]> = vec![name, key];
            all.extend(part.iter().map(Vec::as_slice));
            self.command(db, &all);
        }
    }

    fn expire(&mut self, db: u16, key: &[u8], deadline: Option<i64>) {
        if let Some(deadline) = deadline {
            let text = digits(deadline);
            self.command(db, &[b"PEXPIREAT", key, &text]);
        }
    }

    fn field_deadline(&mut self, db: u16, key: &[u8], field: &[u8], deadline: i64) {
        let text = digits(deadline);
        self.command(db, &[b"HPEXPIREAT", key, &text, b"FIELDS", b"1", field]);
    }

    fn value(&mut self, db: u16, key: &[u8], value: &Value) {
        match value {
            Value::Str(text) => self.command(db, &[b"SET", key, text]),
            Value::List(list) => {
                let mut words = Vec::new();
                list.for_each(|element| words.push(element.to_vec()));
                self.elements(db, b"RPUSH", key, &words, 1);
            }
            Value::Set(set) => {
                let mut words = Vec::new();
                set.for_each(|member| words.push(member.to_vec()));
                self.elements(db, b"SADD", key, &words, 1);
            }
            Value::Zset(zset) => {
                let mut words = Vec::new();
                zset.for_range(0..zset.len(), |member, score| {
                    words.push(score_text(score));
                    words.push(member.to_vec());
                });
                self.elements(db, b"ZADD", key, &words, 2);
            }
            Value::Hash(hash) => self.hash(db, key, hash),
            Value::Stream(stream) => self.stream(db, key, stream),
            // The graph cannot be written as commands, only found again, slowly, by each of them.
            Value::Vector(_) => {
                let dump = rdb::dump(Source::Value(value), None);
                self.command(db, &[b"RESTORE", key, b"0", &dump]);
            }
            Value::Json(json) => self.command(db, &[b"JSON.SET", key, b"$", &json.text()]),
        }
    }

    fn hash(&mut self, db: u16, key: &[u8], hash: &Hash) {
        let (mut words, mut deadlines) = (Vec::new(), Vec::new());
        hash.for_each(i64::MIN, |field, value: Item<'_>| {
            words.push(field.to_vec());
            words.push(value.to_vec());
            if let FieldDeadline::At(deadline) = hash.deadline(field, i64::MIN) {
                deadlines.push((field.to_vec(), deadline));
            }
        });
        self.elements(db, b"HMSET", key, &words, 2);
        for (field, deadline) in deadlines {
            self.field_deadline(db, key, &field, deadline);
        }
    }

    fn stream(&mut self, db: u16, key: &[u8], stream: &Stream) {
        let counters = *stream.log.counters();
        if stream.log.is_empty() {
            // An empty stream comes into being by an entry that is trimmed at once.
            let id = if counters.last_id == StreamId::MIN {
                b"0-1".to_vec()
            } else {
                id_text(counters.last_id)
            };
            self.command(db, &[b"XADD", key, b"MAXLEN", b"0", &id, b"x", b"y"]);
        }
        for entry in stream.log.range(StreamId::MIN, StreamId::MAX) {
            let id = id_text(entry.id);
            let fields: Vec<Vec<u8>> = entry
                .fields()
                .flat_map(|(name, value)| [name.to_vec(), value.to_vec()])
                .collect();
            let mut words: Vec<&[u8]> = vec![b"XADD", key, &id];
            words.extend(fields.iter().map(Vec::as_slice));
            self.command(db, &words);
        }
        let last = id_text(counters.last_id);
        let added = digits(counters.entries_added as i64);
        let deleted = id_text(counters.max_deleted_id);
        self.command(
            db,
            &[
                b"XSETID",
                key,
                &last,
                b"ENTRIESADDED",
                &added,
                b"MAXDELETEDID",
                &deleted,
            ],
        );
        for (name, group) in &stream.groups {
            self.group(db, key, name, group);
        }
    }

    fn group(&mut self, db: u16, key: &[u8], name: &[u8], group: &Group) {
        let last = id_text(group.last_id);
        let read = group
            .entries_read
            .map_or(b"-1".to_vec(), |count| digits(count as i64));
        self.command(
            db,
            &[
                b"XGROUP",
                b"CREATE",
                key,
                name,
                &last,
                b"ENTRIESREAD",
                &read,
            ],
        );
        for (_, consumer) in group.consumers() {
            let who = consumer.name();
            self.command(db, &[b"XGROUP", b"CREATECONSUMER", key, name, who]);
            for id in consumer.pending_from(StreamId::MIN) {
                let Some((_, pending)) = group.pending_range(id..=id).next() else {
                    continue;
                };
                let (time, count) = (
                    digits(pending.delivered_ms),
                    digits(pending.deliveries as i64),
                );
                self.command(
                    db,
                    &[
                        b"XCLAIM",
                        key,
                        name,
                        who,
                        b"0",
                        &id_text(id),
                        b"TIME",
                        &time,
                        b"RETRYCOUNT",
                        &count,
                        b"JUSTID",
                        b"FORCE",
                    ],
                );
            }
        }
    }
}

impl<W: Write> Sink for Rewrite<'_, W> {
    type Error = io::Error;

    fn key(&mut self, head: Head<'_>, value: Frozen<'_>) -> io::Result<()> {
        (self.each_key)()?;
        match value {
            Frozen::Int(number) => {
                let text = digits(number);
                self.command(head.db, &[b"SET", head.key, &text]);
            }
            Frozen::Text(text) => self.command(head.db, &[b"SET", head.key, text]),
            Frozen::Value(value) => self.value(head.db, head.key, value),
        }
        self.expire(head.db, head.key, head.deadline);
        self.hand_on(GATHERED_BYTES)
    }

    fn table(&mut self, head: Head<'_>, table: TableHead) -> io::Result<()> {
        (self.each_key)()?;
        self.table = Some(OpenTable {
            shape: table.shape,
            db: head.db,
            key: head.key.to_vec(),
            left: table.count,
            room: 0,
            deadlines: Vec::new(),
            deadline: head.deadline,
        });
        Ok(())
    }

    fn element(&mut self, element: Element<'_>) -> io::Result<()> {
        let Some(mut table) = self.table.take() else {
            return Ok(());
        };
        let (name, words_each): (&[u8], u64) = match table.shape {
            Shape::Set => (b"SADD", 1),
            Shape::Zset => (b"ZADD", 2),
            Shape::Hash => (b"HMSET", 2),
        };
        if table.room == 0 {
            table.room = table.left.min(ELEMENTS_PER_COMMAND);
            // The head of a command whose words follow as they come.
            self.feed.select(table.db);
            let count = 2 + table.room * words_each;
            push_count(&mut self.feed.bytes, b'*', count as usize);
            push_word(&mut self.feed.bytes, name);
            push_word(&mut self.feed.bytes, &table.key);
        }
        let out = &mut self.feed.bytes;
        match table.shape {
            Shape::Set => push_word(out, element.key),
            Shape::Zset => {
                push_word(out, &score_text(f64::from_bits(element.word.unwrap_or(0))));
                push_word(out, element.key);
            }
            Shape::Hash => {
                push_word(out, element.key);
                push_word(out, element.value);
                if let Some(deadline) = element.word {
                    table
                        .deadlines
                        .push((element.key.to_vec(), deadline as i64));
                }
            }
        }
        table.room -= 1;
        table.left -= 1;
        if table.left == 0 {
            for (field, deadline) in &table.deadlines {
                self.field_deadline(table.db, &table.key, field, *deadline);
            }
            self.expire(table.db, &table.key, table.deadline);
        } else {
            self.table = Some(table);
        }
        self.hand_on(GATHERED_BYTES)
    }
}

fn digits(number: i64) -> Vec<u8> {
    num::format_i64(number, &mut [0; 20]).to_vec()
}

fn id_text(id: StreamId) -> Vec<u8> {
    format!("{}-{}", id.ms, id.seq).into_bytes()
}

fn score_text(score: f64) -> Vec<u8> {
    let mut text = Vec::new();
    double::push_f64(&mut text, score);
    text
}
