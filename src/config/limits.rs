//! How large the compact forms of values may grow, in the words of the types.
//!
//! Handlers ask here, and so do the readers of files. Facts that the configuration does not know are passed in: the
//! seed of the tables, and how large an element DEBUG wants to be called big.

use crate::base::hash::Seed;
use crate::types::hash::HashLimits;
use crate::types::intset;
use crate::types::list::Limits as ListLimits;
use crate::types::set::SetLimits;
use crate::types::zset::ZsetLimits;

use super::Config;

impl Config {
    pub(crate) fn list_limits(&self, big_element: usize) -> ListLimits {
        ListLimits {
            node_size: self.list_max_listpack_size,
            compress_depth: self.list_compress_depth,
            big_element,
        }
    }

    pub(crate) fn hash_limits(&self, seed: Seed) -> HashLimits {
        HashLimits {
            listpack_entries_max: self.hash_max_listpack_entries,
            listpack_value_max: self.hash_max_listpack_value,
            seed,
        }
    }

    pub(crate) fn set_limits(&self, seed: Seed) -> SetLimits {
        SetLimits {
            intset_entries_max: self.set_max_intset_entries.min(intset::COUNT_MAX),
            listpack_entries_max: self.set_max_listpack_entries,
            listpack_value_max: self.set_max_listpack_value,
            seed,
        }
    }

    pub(crate) fn zset_limits(&self, seed: Seed) -> ZsetLimits {
        ZsetLimits {
            listpack_entries_max: self.zset_max_listpack_entries,
            listpack_value_max: self.zset_max_listpack_value,
            seed,
        }
    }
}
