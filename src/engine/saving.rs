//! The data set as the records of a file, in one go.
//!
//! This is what SAVE, DEBUG RELOAD and the last save before the end do: nobody is served meanwhile, so the walk needs no
//! precautions. Where the bytes go is the shell's business.

use std::io;

use crate::config::{self, RdbFieldTtl, RdbVersion};
use crate::keyspace::{AccessPolicy, Payload};
use crate::persist::rdb::file::{Access, FileWriter, Form};
use crate::persist::rdb::{Source, VERSION_MAX, VERSION_VALKEY};
use crate::store::{EntryRef, alloc};
use crate::types::Value;

use super::Engine;
use super::memory;

/// The lowest version that every reader since Redis 7.0 knows.
const VERSION_USUAL: u16 = 10;
/// The first that keeps when consumers of streams were active, and sets in listpacks.
const VERSION_OF_STREAMS: u16 = 11;

/// Which of the two statistics of keys are written beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessWritten {
    Neither,
    Idle,
    Frequency,
}

impl Engine {
    /// How a file of the present data set is written: in the lowest version that loses nothing, unless the
    /// configuration names one.
    pub fn rdb_form(&self) -> Form {
        let config = &self.services.config;
        let has_timed_fields = self
            .keyspace
            .dbs
            .iter()
            .any(|db| db.dict.field_expires() > 0);
        let is_for_valkey = config.rdb_field_ttl_format == RdbFieldTtl::Valkey;
        let timed = if is_for_valkey {
            VERSION_VALKEY
        } else {
            VERSION_MAX
        };
        let version = match config.rdb_version {
            RdbVersion::Auto if has_timed_fields => timed,
            // Whether any stream has consumers is not known without looking at all of them.
            RdbVersion::Auto if self.has_streams() => VERSION_OF_STREAMS,
            RdbVersion::V12 => VERSION_MAX,
            RdbVersion::V80 => VERSION_VALKEY,
            RdbVersion::V9 | RdbVersion::V10 | RdbVersion::V11 if has_timed_fields => {
                log::warn!(
                    "There are hash fields with deadlines, which rdb-version {} cannot hold. Writing version {timed}.",
                    String::from_utf8_lossy(&config.value(b"rdb-version").unwrap_or_default())
                );
                timed
            }
            RdbVersion::V9 => 9,
            RdbVersion::Auto | RdbVersion::V10 => VERSION_USUAL,
            RdbVersion::V11 => VERSION_OF_STREAMS,
        };
        Form {
            version,
            compresses: config.rdbcompression,
            checksums: config.rdbchecksum,
        }
    }

    fn has_streams(&self) -> bool {
        self.keyspace.dbs.iter().any(|db| db.sizes.streams() > 0)
    }

    /// Which statistics the eviction policy goes by, so that they are worth keeping.
    pub fn access_written(&self) -> AccessWritten {
        let policy = self.services.config.maxmemory_policy;
        if !memory::keeps_word_per_value(policy) {
            AccessWritten::Neither
        } else if self.keyspace.access.is_lfu {
            AccessWritten::Frequency
        } else {
            AccessWritten::Idle
        }
    }

    /// Writes what stands before the keys. `is_base` in a file that an append-only file begins with.
    pub fn write_facts<W: io::Write>(
        &self,
        file: &mut FileWriter<W>,
        is_base: bool,
    ) -> io::Result<()> {
        let number = |number: i64| number.to_string().into_bytes();
        file.aux(b"redis-ver", config::REDIS_VERSION.as_bytes())?;
        file.aux(b"redis-bits", b"64")?;
        file.aux(b"ctime", &number(self.now.unix_ms / 1000))?;
        file.aux(b"used-mem", &number(alloc::used_memory() as i64))?;
        file.aux(b"aof-base", &number(i64::from(is_base)))?;
        for library in &self.services.persistence.libraries {
            file.functions(library)?;
        }
        Ok(())
    }

    /// Writes the whole data set.
    pub fn write_all<W: io::Write>(&self, file: &mut FileWriter<W>) -> io::Result<()> {
        let written = self.access_written();
        let delay_us = self.services.config.rdb_key_save_delay_us;
        self.write_facts(file, false)?;
        for (number, db) in (0..).zip(&self.keyspace.dbs) {
            if db.dict.is_empty() {
                continue;
            }
            file.select_db(number)?;
            file.sizes(db.dict.len() as u64, db.dict.expires() as u64)?;
            for entry in db.dict.iter() {
                let access = self.access_of(entry.access(), written);
                file.key(entry.key(), entry.deadline(), access, source_of(entry))?;
                if delay_us > 0 {
                    self.clock.sleep_us(delay_us as u64);
                }
            }
        }
        Ok(())
    }

    /// What is written about the use of a key with this access word.
    pub fn access_of(&self, word: u32, written: AccessWritten) -> Option<Access> {
        let now_ms = self.now.unix_ms;
        match written {
            AccessWritten::Neither => None,
            AccessWritten::Idle => Some(Access::IdleSeconds(AccessPolicy::idle_seconds(
                word, now_ms,
            ))),
            AccessWritten::Frequency => Some(Access::Frequency(
                self.keyspace.access.decayed(word, now_ms) as u8,
            )),
        }
    }

    /// All of the data set is on the disk.
    pub fn saved(&mut self) {
        self.refresh_time();
        self.keyspace.journal.dirty = 0;
        let persistence = &mut self.services.persistence;
        persistence.last_save_s = self.now.unix_ms / 1000;
        persistence.last_bgsave_failed = false;
    }
}

/// What an entry holds, as the writer takes it.
pub fn source_of(entry: EntryRef<'_, Value>) -> Source<'_> {
    match entry.payload() {
        Payload::Int(number) => Source::Int(number),
        Payload::Inline(bytes) => Source::Text(bytes),
        Payload::Object(value) => Source::Value(value),
    }
}
