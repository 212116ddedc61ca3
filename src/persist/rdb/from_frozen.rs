//! From a keyspace to an RDB file.
//!
//! The source is a frozen keyspace in chunks, or one that stands still (SAVE), key by key: the [`Snapshot`] hears of
//! either as a [`Sink`], so there is one writer for both. Chunks come from the loop in the order in which keys were
//! saved there, so databases may take turns; a file says which database follows whenever that changes. How large the
//! databases are is said once, when each comes first.

use std::io::{self, Write};

use crate::base::lzf::Compressor;
use crate::keyspace::AccessPolicy;
use crate::keyspace::freeze::{Census, Chunk, Element, Frozen, Head, Shape, Sink, TableHead};

use super::file::{Access, FileWriter, Form, about_key};
use super::{Source, VERSION_VALKEY, Writer, kind};

/// The use of its keys that a file records, as of this instant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Usage {
    Unsaid,
    /// How long they have been idle.
    Idle {
        now_ms: i64,
    },
    /// How often they are used.
    Frequency {
        policy: AccessPolicy,
        now_ms: i64,
    },
}

/// Turns chunks into the records of a file.
pub(crate) struct Snapshot<'a, W> {
    file: FileWriter<W>,
    form: Form,
    usage: Usage,
    sizes: Vec<(u16, usize, usize)>,
    db: Option<u16>,
    /// The large value whose elements come, and how many are still to come.
    table: Option<TableHead>,
    elements_left: u64,
    lzf: Option<Compressor>,
    /// Elements that have been encoded and not handed on.
    encoded: Vec<u8>,
    /// Is told of each key, and may stop the work.
    each_key: &'a mut dyn FnMut() -> io::Result<()>,
}

/// So much is gathered before it is handed on.
const GATHERED_BYTES: usize = 16 * 1024;

impl<'a, W: Write> Snapshot<'a, W> {
    /// `file` has its facts already.
    pub(crate) fn new(
        file: FileWriter<W>,
        form: Form,
        usage: Usage,
        census: &Census,
        each_key: &'a mut dyn FnMut() -> io::Result<()>,
    ) -> Self {
        Self {
            file,
            form,
            usage,
            sizes: census.dbs.clone(),
            db: None,
            table: None,
            elements_left: 0,
            lzf: form.compresses.then(Compressor::new),
            encoded: Vec::new(),
            each_key,
        }
    }

    pub(crate) fn add(&mut self, chunk: Chunk) -> io::Result<()> {
        chunk.read(self)?;
        self.hand_on()
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.end_table()?;
        self.hand_on()?;
        self.file.finish()
    }

    /// A file with one element more or less than it says would be lost as a whole.
    fn end_table(&self) -> io::Result<()> {
        if self.elements_left == 0 {
            Ok(())
        } else {
            Err(wrong_count())
        }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        if self.encoded.is_empty() {
            return Ok(());
        }
        let outcome = self.file.encoded(&self.encoded);
        self.encoded.clear();
        // One long element does not leave a large buffer behind.
        self.encoded.shrink_to(2 * GATHERED_BYTES);
        outcome
    }

    fn begin_key(&mut self, db: u16) -> io::Result<()> {
        self.end_table()?;
        self.hand_on()?;
        (self.each_key)()?;
        if self.db == Some(db) {
            return Ok(());
        }
        self.db = Some(db);
        self.file.select_db(db)?;
        if let Some(at) = self.sizes.iter().position(|(number, _, _)| *number == db) {
            let (_, keys, expires) = self.sizes.swap_remove(at);
            self.file.sizes(keys as u64, expires as u64)?;
        }
        Ok(())
    }

    fn access(&self, word: u32) -> Option<Access> {
        match self.usage {
            Usage::Unsaid => None,
            Usage::Idle { now_ms } => Some(Access::IdleSeconds(AccessPolicy::idle_seconds(
                word, now_ms,
            ))),
            Usage::Frequency { policy, now_ms } => {
                Some(Access::Frequency(policy.decayed(word, now_ms) as u8))
            }
        }
    }

    fn encode(&mut self, fill: impl FnOnce(&mut Writer<'_>)) {
        fill(&mut Writer::new(
            &mut self.encoded,
            self.lzf.as_mut(),
            self.form.version,
        ));
    }
}

impl<W: Write> Sink for Snapshot<'_, W> {
    type Error = io::Error;

    fn key(&mut self, head: Head<'_>, value: Frozen<'_>) -> io::Result<()> {
        self.begin_key(head.db)?;
        let source = match value {
            Frozen::Int(number) => Source::Int(number),
            Frozen::Text(text) => Source::Text(text),
            Frozen::Value(value) => Source::Value(value),
        };
        let access = self.access(head.access);
        self.file.key(head.key, head.deadline, access, source)
    }

    fn table(&mut self, head: Head<'_>, table: TableHead) -> io::Result<()> {
        self.begin_key(head.db)?;
        self.table = Some(table);
        self.elements_left = table.count;
        let version = self.form.version;
        let access = self.access(head.access);
        self.encode(|writer| {
            about_key(writer, head.deadline, access);
            writer.byte(match table.shape {
                Shape::Set => kind::SET,
                Shape::Zset => kind::ZSET,
                Shape::Hash if table.soonest.is_none() => kind::HASH,
                Shape::Hash if version == VERSION_VALKEY => kind::HASH_TIMED_EARLY,
                Shape::Hash => kind::HASH_TIMED,
            });
            writer.string(head.key);
            if let Some(soonest) = table.soonest
                && version != VERSION_VALKEY
            {
                writer.bytes(&soonest.to_le_bytes());
            }
            writer.length(table.count);
        });
        Ok(())
    }

    fn element(&mut self, element: Element<'_>) -> io::Result<()> {
        let Some(table) = self.table else {
            return Ok(());
        };
        self.elements_left = (self.elements_left.checked_sub(1)).ok_or_else(wrong_count)?;
        let version = self.form.version;
        self.encode(|writer| match (table.shape, table.soonest) {
            (Shape::Set, _) => writer.string(element.key),
            (Shape::Zset, _) => {
                writer.string(element.key);
                writer.bytes(&element.word.unwrap_or(0).to_le_bytes());
            }
            (Shape::Hash, Some(_)) if version == VERSION_VALKEY => {
                writer.string(element.key);
                writer.string(element.value);
                writer.bytes(&element.word.unwrap_or(u64::MAX).to_le_bytes());
            }
            (Shape::Hash, soonest) => {
                if let Some(soonest) = soonest {
                    // Relative to the soonest, and zero for none.
                    writer.length(element.word.map_or(0, |word| word - soonest as u64 + 1));
                }
                writer.string(element.key);
                writer.string(element.value);
            }
        });
        if self.encoded.len() >= GATHERED_BYTES {
            self.hand_on()?;
        }
        Ok(())
    }
}

fn wrong_count() -> io::Error {
    io::Error::other("a value has more or fewer elements than it said")
}
