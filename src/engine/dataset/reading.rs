//! How files of a data set are read under a configuration: the shapes of values, and what is checked.

use crate::base::hash::Seed;
use crate::config::Config;
use crate::persist::rdb::Limits;
use crate::persist::rdb::file::Options;
use crate::store::INLINE_MAX;

use crate::engine::Engine;

/// How values that are read take shape under this configuration.
pub(crate) fn rdb_limits(config: &Config, seed: Seed, big_element: usize) -> Limits {
    Limits {
        list: config.list_limits(big_element),
        set: config.set_limits(seed),
        hash: config.hash_limits(seed),
        zset: config.zset_limits(seed),
    }
}

impl Engine {
    /// How values that are read take shape.
    pub fn rdb_limits(&self) -> Limits {
        let services = &self.services;
        rdb_limits(
            &services.config,
            self.keyspace.seed(),
            services.debug.big_list_element,
        )
    }

    /// How files are read.
    pub fn rdb_options(&self) -> Options {
        Options {
            checks: self.services.config.rdbchecksum && !self.services.debug.skips_checksums,
            skips_modules: self.services.config.rdb_skip_modules,
            short_max: INLINE_MAX,
        }
    }
}
