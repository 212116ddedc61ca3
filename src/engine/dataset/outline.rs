//! What a file of the data set holds besides its keys, and in which form it is written.

use crate::config::{self, Config, RdbFieldTtl, RdbVersion};
use crate::keyspace::freeze::Census;
use crate::keyspace::{AccessPolicy, Keyspace};
use crate::persist::rdb::file::Form;
use crate::persist::rdb::from_frozen::Usage;
use crate::persist::rdb::{VERSION_MAX, VERSION_PLAIN, VERSION_VALKEY};
use crate::repl::replica::Wishes;
use crate::store::alloc;

use super::order::Outline;
use crate::engine::run::memory;
use crate::engine::services::Services;

/// The content of a file of this data set, besides its keys.
///
/// `wishes`: of the replicas that the file is for; it says what is left out, and what they can read.
pub(super) fn outline(
    space: &mut Keyspace,
    services: &Services,
    now_ms: i64,
    is_aof_base: bool,
    wishes: Option<Wishes>,
) -> Outline {
    let mut census = space.census();
    let config = &services.config;
    if wishes.is_some_and(|wishes| !wishes.reads_all) {
        // It may be of a version that knows no activity of consumers, and can do without.
        census.has_consumers = false;
    }
    let form = form(config, &census);
    let wishes = wishes.unwrap_or_default();
    let libraries = if wishes.without_functions {
        Vec::new()
    } else {
        services.functions.texts()
    };
    let mut aux = facts(now_ms, is_aof_base);
    if !is_aof_base {
        aux.extend(history(services));
    }
    Outline {
        form,
        usage: usage(config, space.access, now_ms),
        aux,
        libraries,
        census,
    }
}

/// How a file of such a data set is written: in the lowest version that loses nothing, unless the configuration names
/// one.
pub(crate) fn form(config: &Config, census: &Census) -> Form {
    let timed = match config.rdb_field_ttl_format {
        RdbFieldTtl::Redis => VERSION_MAX,
        RdbFieldTtl::Valkey => VERSION_VALKEY,
    };
    let version = match config.rdb_version {
        RdbVersion::Auto if census.has_timed_fields => timed,
        RdbVersion::Auto if census.has_consumers => VERSION_OF_CONSUMERS,
        RdbVersion::V12 => VERSION_MAX,
        RdbVersion::V80 => VERSION_VALKEY,
        RdbVersion::V9 | RdbVersion::V10 | RdbVersion::V11 if census.has_timed_fields => {
            log::warn!(
                "There are hash fields with deadlines, which rdb-version {} cannot hold. Writing version {timed}.",
                String::from_utf8_lossy(&config.value(b"rdb-version").unwrap_or_default())
            );
            timed
        }
        RdbVersion::V9 => VERSION_PLAIN,
        RdbVersion::Auto | RdbVersion::V10 => VERSION_USUAL,
        RdbVersion::V11 => VERSION_OF_CONSUMERS,
    };
    Form {
        version,
        compresses: config.rdbcompression,
        checksums: config.rdbchecksum,
    }
}

/// The lowest version that every reader since Redis 7.0 knows.
const VERSION_USUAL: u16 = 10;
/// The first that keeps when consumers of streams were active, and sets in listpacks.
const VERSION_OF_CONSUMERS: u16 = 11;

/// The use of keys that files record: the figure that the policy of eviction goes by.
fn usage(config: &Config, policy: AccessPolicy, now_ms: i64) -> Usage {
    if !memory::keeps_word_per_value(config.maxmemory_policy) {
        Usage::Unsaid
    } else if policy.is_lfu {
        Usage::Frequency { policy, now_ms }
    } else {
        Usage::Idle { now_ms }
    }
}

/// The facts that a file states about itself and its writer.
fn facts(now_ms: i64, is_aof_base: bool) -> Vec<(&'static str, String)> {
    vec![
        ("redis-ver", config::REDIS_VERSION.to_string()),
        ("redis-bits", "64".to_string()),
        ("ctime", (now_ms / 1000).to_string()),
        ("used-mem", alloc::used_memory().to_string()),
        ("aof-base", u8::from(is_aof_base).to_string()),
    ]
}

/// The facts that let the reader of a file go on with the stream of replication.
fn history(services: &Services) -> Vec<(&'static str, String)> {
    let replication = &services.replication;
    if !replication.has_history() {
        return Vec::new();
    }
    vec![
        ("repl-stream-db", replication.stream_db().to_string()),
        ("repl-id", replication.history.id.clone()),
        ("repl-offset", replication.history.offset().to_string()),
    ]
}
