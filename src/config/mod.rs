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
//! Not known here: sockets, clients, users and commands. The *meaning* of a change is named by [`Within`] and
//! [`Outside`], which the engine and the shell carry out. `user`, `rename-command` and `loadmodule` lines are handed on
//! as they are.

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

pub(crate) use crate::base::text::explain;
pub(crate) use change::{Changes, Circumstances, failed};
pub use fields::Config;
pub(crate) use reader::{Directive, Fatal, Loaded};
pub(crate) use rewrite::Extent;
pub(crate) use row::{Outside, Row, Within};
pub(crate) use startup::{Order, Told, absolute};
pub(crate) use title::{Parts as TitleParts, expand as expand_title};
pub use values::OutputLimit;
#[cfg(test)]
pub(crate) use values::{Events, SavePoint, SavePoints, Share};
pub(crate) use values::{OnSignal, OutputLimits, Primary};
pub use words::Permission;
pub(crate) use words::{
    DisklessLoad, Eviction, Fsync, LogFormat, LogLevel, OomScoreAdj, PagePrompt, PubsubDefault,
    RdbDuplicates, RdbFieldTtl, RdbVersion, SanitizeDump, Supervised, SyslogFacility,
    TlsAuthClients, TlsAuthClientsUser, Word,
};

pub(crate) use usage::{REDIS_VERSION, help, version};

use crate::base::glob;
use crate::base::text::split_args;
use values::Source;

impl Config {
    /// The configuration of a server that was told nothing, except that `dir` is the directory the process stands in.
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
    pub(crate) fn get<'a>(
        &self,
        patterns: impl IntoIterator<Item = &'a [u8]>,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
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

    /// The value of one parameter, as CONFIG GET shows it.
    pub(crate) fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        rows::find(name).map(|row| row.print(self))
    }
}

/// Whether a parameter's value is a secret.
pub(crate) fn is_sensitive(name: &[u8]) -> bool {
    rows::find(name).is_some_and(|row| row.sensitive)
}
