//! Writes a file, record by record.
//!
//! Bytes are gathered, summed up and handed to the sink some ten thousand at a time. A sink that fails is told nothing
//! more; the failure is reported when the record is complete.

use std::io::{self, Write};

use crate::base::crc::crc64;
use crate::base::lzf::Compressor;
use crate::persist::rdb::write::DRAINED_BYTES;
use crate::persist::rdb::{Source, VERSION_VALKEY, Writer};

use super::read::Access;
use super::{MAGIC_REDIS, MAGIC_VALKEY, opcode};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The version that a reader must know; see the parent room. The writer does not look whether the version suffices
    /// for the values.
    pub version: u16,
    pub compresses: bool,
    pub checksums: bool,
}

pub struct FileWriter<W> {
    form: Form,
    lzf: Option<Compressor>,
    pending: Vec<u8>,
    out: Summed<W>,
}

/// The sink, and the sum of what went into it.
struct Summed<W> {
    sink: W,
    sum: u64,
    checksums: bool,
    bytes: u64,
    failure: Option<io::Error>,
}

impl<W: Write> Summed<W> {
    fn drain(&mut self, pending: &mut Vec<u8>) {
        if self.checksums {
            self.sum = crc64(self.sum, pending);
        }
        if self.failure.is_none() {
            self.failure = self.sink.write_all(pending).err();
        }
        self.bytes += pending.len() as u64;
        pending.clear();
        // One long value does not leave a large buffer behind.
        pending.shrink_to(2 * DRAINED_BYTES);
    }

    /// A failure is reported to every caller from then on.
    fn outcome(&self) -> io::Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(error) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => error.kind().into(),
            }),
        }
    }
}

impl<W: Write> FileWriter<W> {
    /// Begins a file.
    pub fn new(sink: W, form: Form) -> Self {
        let magic = if form.version == VERSION_VALKEY {
            MAGIC_VALKEY
        } else {
            MAGIC_REDIS
        };
        let digits = super::HEADER_LEN - magic.len();
        let mut pending = Vec::with_capacity(2 * DRAINED_BYTES);
        pending.extend_from_slice(magic);
        pending.extend_from_slice(format!("{:0digits$}", form.version).as_bytes());
        Self {
            form,
            lzf: form.compresses.then(Compressor::new),
            pending,
            out: Summed {
                sink,
                sum: 0,
                checksums: form.checksums,
                bytes: 0,
                failure: None,
            },
        }
    }

    /// How long the file is so far.
    #[cfg(test)]
    pub(crate) fn bytes_written(&self) -> u64 {
        self.out.bytes + self.pending.len() as u64
    }

    /// Writes one record with `fill`.
    fn record(&mut self, fill: impl FnOnce(&mut Writer<'_>)) -> io::Result<()> {
        let out = &mut self.out;
        let mut drain = |pending: &mut Vec<u8>| out.drain(pending);
        let mut writer = Writer::new(&mut self.pending, self.lzf.as_mut(), self.form.version)
            .drained_by(&mut drain);
        fill(&mut writer);
        if self.pending.len() >= DRAINED_BYTES {
            self.out.drain(&mut self.pending);
        }
        self.out.outcome()
    }

    /// A fact about the file. Numbers are given as text.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.record(|writer| {
            writer.byte(opcode::AUX);
            writer.string(name);
            writer.string(value);
        })
    }

    /// The source of a library of functions.
    pub fn functions(&mut self, code: &[u8]) -> io::Result<()> {
        self.record(|writer| {
            writer.byte(opcode::FUNCTIONS);
            writer.string(code);
        })
    }

    /// Keys from here on are of this database. May be said again.
    pub fn select_db(&mut self, db: u16) -> io::Result<()> {
        self.record(|writer| {
            writer.byte(opcode::SELECT_DB);
            writer.length(u64::from(db));
        })
    }

    /// How many keys the selected database has, and how many of them have a deadline. Only a hint for readers.
    pub fn sizes(&mut self, keys: u64, expires: u64) -> io::Result<()> {
        self.record(|writer| {
            writer.byte(opcode::SIZES);
            writer.length(keys);
            writer.length(expires);
        })
    }

    pub fn key(
        &mut self,
        key: &[u8],
        deadline: Option<i64>,
        access: Option<Access>,
        source: Source<'_>,
    ) -> io::Result<()> {
        self.record(|writer| {
            about_key(writer, deadline, access);
            writer.kind_of(source);
            writer.string(key);
            writer.value(source);
        })
    }

    /// A record, or many, that were encoded elsewhere with the same version.
    pub(crate) fn encoded(&mut self, records: &[u8]) -> io::Result<()> {
        self.record(|writer| writer.bytes(records))
    }

    /// Hands over the bytes that are still gathered. The file is not complete by that.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.drain(&mut self.pending);
        self.out.outcome()?;
        self.out.sink.flush()
    }

    /// Ends the file and gives the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.pending.push(opcode::END);
        self.out.drain(&mut self.pending);
        let sum = if self.form.checksums { self.out.sum } else { 0 };
        self.pending.extend_from_slice(&sum.to_le_bytes());
        self.flush()?;
        Ok(self.out.sink)
    }
}

/// The records in front of a key: until when it is there, and how it is used.
pub(in crate::persist::rdb) fn about_key(
    writer: &mut Writer<'_>,
    deadline: Option<i64>,
    access: Option<Access>,
) {
    if let Some(deadline) = deadline {
        writer.byte(opcode::DEADLINE_MS);
        writer.bytes(&deadline.to_le_bytes());
    }
    match access {
        Some(Access::IdleSeconds(seconds)) => {
            writer.byte(opcode::IDLE);
            writer.length(seconds);
        }
        Some(Access::Frequency(count)) => writer.bytes(&[opcode::FREQUENCY, count]),
        None => {}
    }
}
