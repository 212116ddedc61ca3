//! What the tests and fuzzers in `tests/` may name: they drive the engine in memory, and single formats.
//!
//! Everything else in this crate is its own, but for the few names at its root. So a function that nobody calls any
//! more is found by the compiler. A test that needs a name from inside says so here.

pub mod base {
    pub use crate::base::crc::crc64;
    pub use crate::base::hash::Seed;
    pub use crate::base::input::{Input, InputPool};
    pub use crate::base::rng::Rng;
    pub use crate::base::slab::Id;

    pub mod text {
        pub use crate::base::text::{quote, split_args};
    }
    pub use crate::base::time::Clock;
}

pub mod background {
    pub use crate::background::Progress;
}

pub mod commands {
    pub use crate::commands::table;
}

pub mod config {
    pub use crate::config::{Config, OutputLimit, Permission};
}

pub mod engine {
    pub use crate::engine::Engine;
    pub use crate::engine::dataset::load::{Load, Manner};
    pub use crate::engine::dataset::news::News;
    pub use crate::engine::dataset::order::{Ended, Purpose};
    pub use crate::engine::dataset::replay::Halt;
    pub use crate::engine::doors::Delivery;
    pub use crate::engine::run::command::Table;
    pub use crate::engine::run::effects::Ask;
}

pub mod keyspace {
    pub use crate::keyspace::load::OnDuplicate;
}

pub mod persist {
    pub mod aof {
        pub use crate::persist::aof::feed::Sum;
        pub use crate::persist::aof::{Batch, Feed, Item, Manifest, Reader, Trouble};
    }

    pub mod rdb {
        pub use crate::persist::rdb::Source;
        pub use crate::persist::rdb::file::{Batch, FileReader, FileWriter, Form, Options};
    }
}

pub mod spec {
    pub use crate::spec::error::Error;
    pub use crate::spec::flags::{arg, flag};
    pub use crate::spec::{Arg, ArgKind, Group, Propagates, Spec, all};
}

pub mod store {
    pub use crate::store::alloc::{allocations_of_this_thread, used_memory};
    pub use crate::store::tsc::ticks;
    pub use crate::store::{Payload, set_eager};
}

pub mod types {
    pub use crate::types::Value;

    pub mod hash {
        pub use crate::types::hash::{FieldUntil, Hash, HashLimits};
    }

    pub mod list {
        pub use crate::types::list::{Limits, List};
    }

    pub mod set {
        pub use crate::types::set::{Set, SetLimits};
    }

    pub mod stream {
        pub use crate::types::stream::{Group, Stream, StreamId, StreamLimits};
    }

    pub mod zset {
        pub use crate::types::zset::{AddRule, Zset, ZsetLimits};
    }
}

pub mod wire {
    pub use crate::wire::args::OwnedRequests;
    pub use crate::wire::request::{Batch, Decoder, Limits};
}
