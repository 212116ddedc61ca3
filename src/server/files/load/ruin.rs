//! Why a server cannot go on with its files, in the words of Redis.

use std::io;
use std::path::Path;

use crate::base::text::explain;
use crate::engine::dataset::load::Refusal;
use crate::persist::STRING_TOO_LONG;
use crate::persist::aof;
use crate::persist::rdb::file::{Trouble, Wrong};
use crate::server::files::log::files::show;

use super::ahead::Failed;
use super::{Files, Part};

/// The server cannot go on; the log says why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruin;

const FATAL_FORMAT: &str =
    "make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>";
const SHORT_READ: &str = "Short read or OOM loading DB. Unrecoverable error, aborting now.";
const FATAL: &str = "Fatal error loading the DB, check server logs. Exiting.";

/// The RDB file cannot be opened.
pub(super) fn cannot_open(path: &Path, error: &io::Error) -> Ruin {
    log::warn!(
        "Fatal error: can't open the RDB file {} for reading: {}",
        path.display(),
        explain(error)
    );
    log::warn!("{FATAL}");
    Ruin
}

/// Keys of a file cannot be taken in.
pub(super) fn refused(refusal: &Refusal) -> Ruin {
    log::warn!("{refusal}");
    Ruin
}

/// Reading has come to something that cannot be read.
pub(super) fn blame(part: &Part, files: &Files, why: Failed, examine: fn(&Path)) -> Ruin {
    let is_rdb = files.is_rdb;
    let name = show(&part.name);
    match why {
        Failed::Rdb(trouble) => blame_rdb(part, files, &trouble, examine),
        Failed::Open(error) if is_rdb => return cannot_open(&part.path, &error),
        Failed::Open(error) if error.kind() == io::ErrorKind::NotFound => log::info!(
            "The append log file {name} doesn't exist: {}",
            explain(&error)
        ),
        Failed::Open(error) => log::warn!(
            "Fatal error: can't open the append log file {name} for reading: {}",
            explain(&error)
        ),
        Failed::Commands(trouble) => blame_commands(&name, &trouble),
    }
    Ruin
}

fn blame_commands(name: &str, trouble: &aof::Trouble) {
    match trouble {
        aof::Trouble::Io(error) => log::warn!(
            "Unrecoverable error reading the append only file {name}: {}",
            explain(error)
        ),
        aof::Trouble::TooLong => {
            log::warn!("The append only file {name} has {STRING_TOO_LONG}");
        }
        aof::Trouble::Checksum { from, to } => log::warn!(
            "Checksum mismatch in the append only file {name}: the bytes from {from} to {to} are damaged. {FATAL_FORMAT}"
        ),
        aof::Trouble::Ended | aof::Trouble::Malformed(_) => {
            log::warn!("Bad file format reading the append only file {name}: {FATAL_FORMAT}");
        }
    }
}

/// Names the trouble with a file, or a part of one, that is RDB.
fn blame_rdb(part: &Part, files: &Files, Trouble { offset, wrong }: &Trouble, examine: fn(&Path)) {
    let is_rdb = files.is_rdb;
    match wrong {
        Wrong::Signature | Wrong::Version(_) => {
            let name = show(&part.name);
            log::warn!("{wrong}");
            if files.is_sync {
                // It is tried again.
            } else if is_rdb {
                log::warn!("{FATAL}");
            } else if part.is_old {
                log::warn!(
                    "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"
                );
            } else {
                log::warn!("Error reading the RDB base file {name}, AOF loading aborted");
            }
            return;
        }
        Wrong::Ended | Wrong::Io(_) => log::warn!("{SHORT_READ}"),
        Wrong::Checksum { expected, found } => log::warn!(
            "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
        ),
        _ => {}
    }
    log::warn!("Internal error in RDB reading offset {offset} -> {wrong}");
    if files.is_sync {
        return;
    }
    // Goes to the process's output, not to the log: it is for a person who looks why there is no server.
    examine(&part.path);
    log::warn!("Terminating server after rdb file reading failure.");
}
