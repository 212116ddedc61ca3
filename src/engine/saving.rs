//! The data set as the records of a file, in one go.
//!
//! This is what SAVE, DEBUG RELOAD and the last save before the end do: nobody is served meanwhile, so the walk needs no
//! precautions. Where the bytes go is the shell's business.

use std::io;

use crate::config;
use crate::keyspace::{AccessPolicy, Payload};
use crate::persist::rdb::Source;
use crate::persist::rdb::file::{Access, FileWriter, Form};
use crate::store::{EntryRef, alloc};
use crate::types::Value;

use super::Engine;
use super::memory;
use super::snapshot;

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
        snapshot::form(&self.services.config, &self.keyspace.census())
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

    /// Writes the whole data set, unless `may_go_on` says otherwise between two keys.
    pub fn write_all<W: io::Write>(
        &self,
        file: &mut FileWriter<W>,
        may_go_on: impl Fn() -> bool,
    ) -> io::Result<()> {
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
                if !may_go_on() {
                    return Err(io::Error::other("Interrupted"));
                }
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
