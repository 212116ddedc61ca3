//! Everything that can be set: from a file, on the command line, by CONFIG SET.
//!
//! One table has one row per parameter ([`rows`]), and each row knows how to read, check, print and write its value
//! ([`row`]). The values themselves are plain public fields of [`Config`], so that a hot path reads `config.maxmemory`
//! and nothing else. Around the table stand the four ways of using it:
//!
//! ```text
//! reader   the text of a file or of a command line -> fields, or the line to blame
//! change   CONFIG SET: all or nothing, and what the engine has to do about it
//! rewrite  fields -> the text of a file, keeping whatever a person wrote into it
//! startup  the words of the command line -> the text that `reader` reads
//! ```
//!
//! Names, error texts and the shape of a rewritten file are those of Redis 8.0.6, as its tools and its administrators
//! know them.
//!
//! Not known here: sockets, clients, users and commands. What a change *means* is an [`Effect`] that the engine
//! carries out. `user`, `rename-command` and `loadmodule` lines are handed on as they are.

mod change;
mod disk;
mod fields;
mod limits;
mod reader;
mod rewrite;
mod row;
mod rows;
mod startup;
mod title;
mod usage;
mod values;
mod words;

#[cfg(test)]
mod tests;

pub use crate::base::text::explain;
pub use change::{Change, Changes, Circumstances, failed};
pub use fields::Config;
pub use reader::{Directive, Fatal, Loaded};
pub use rewrite::Extent;
pub use row::{Effect, Row};
pub use startup::{Order, Told, absolute};
pub use title::{Parts as TitleParts, expand as expand_title};
pub use values::{
    Bind, Dir, Events, OnSignal, OomValues, OutputLimit, OutputLimits, Percentiles, Primary,
    ReplicaOf, SavePoint, SavePoints, Share, memory_text,
};
pub use words::{
    DisklessLoad, EndpointType, Eviction, Fsync, HashFunction, LogFormat, LogLevel, OomScoreAdj,
    Permission, PropagationError, PubsubDefault, RdbFieldTtl, RdbVersion, SanitizeDump, Supervised,
    SyslogFacility, TlsAuthClients, Word,
};

pub use usage::{REDIS_VERSION, help, version};

use crate::base::glob;
use crate::base::text::split_args;
use values::Source;

impl Config {
    /// What a server has that was told nothing, except that `dir` is the directory the process stands in.
    pub fn new() -> Config {
        let mut config = Config::default();
        config.dir.0 = disk::current_directory().unwrap_or_default();
        for row in rows::all() {
            let mut words = split_args(row.default.as_bytes()).expect("defaults have no quotes");
            if words.is_empty() || !row.many {
                words = vec![row.default.into()];
            }
            row.set(&mut config, &words, Source::FirstLine)
                .unwrap_or_else(|reason| panic!("the default of {} is fine: {reason}", row.name));
        }
        config
    }

    /// CONFIG GET: name and value of every parameter that one of the patterns names, under each name it has.
    ///
    /// A parameter that is asked for without wildcards is answered under the very name that was used, and even
    /// if it is hidden.
    pub fn get<'a>(&self, patterns: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut add = |name: &[u8], row: &Row| {
            if !found
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                found.push((name.to_vec(), row.print(self)));
            }
        };
        for pattern in patterns {
            if !disk::is_pattern(pattern) {
                if let Some(row) = rows::find(pattern) {
                    add(pattern, row);
                }
                continue;
            }
            for row in rows::all().filter(|row| !row.hidden) {
                for name in [Some(row.name), row.alias].into_iter().flatten() {
                    if glob::matches(pattern, name.as_bytes(), true) {
                        add(name.as_bytes(), row);
                    }
                }
            }
        }
        found
    }

    /// Whether a parameter's value is a secret.
    pub fn is_sensitive(&self, name: &[u8]) -> bool {
        rows::find(name).is_some_and(|row| row.sensitive)
    }

    /// The value of one parameter, as CONFIG GET shows it.
    pub fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        rows::find(name).map(|row| row.print(self))
    }
}
