//! Facts about commands, as data.
//!
//! One row per command and subcommand of Redis 8.0.6, in a file per group: its name, how many words it takes, which
//! words are keys, when it may run, which options it has, and what the documentation says of it. COMMAND INFO and
//! COMMAND DOCS, ACL categories, key extraction for clusters, ACLs and tracking, and the arity check all read the same
//! row, so none of these facts is written twice.
//!
//! A row has no function: what a command *does* is in `commands`, which joins rows with handlers. Deprecated commands
//! and containers are rows like others. Modules and Sentinel are not covered.
//!
//! - [`model`]: the shape of a row, and what can be derived from one.
//! - [`flags`]: the sets of words that rows use.

//! - [`error`]: what a client is told when a request is refused.

pub mod error;
pub mod flags;
pub mod model;

pub mod bitmap;
pub mod cluster;
pub mod connection;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod pubsub;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;
pub mod transactions;

pub use error::Error;
pub use model::{Arg, ArgKind, Begin, Find, Group, KeySpec, Spec};

/// The rows of every group; subcommands hang below their containers.
pub static GROUPS: &[&[&Spec]] = &[
    bitmap::ROWS,
    cluster::ROWS,
    connection::ROWS,
    generic::ROWS,
    geo::ROWS,
    hash::ROWS,
    hyperloglog::ROWS,
    list::ROWS,
    pubsub::ROWS,
    scripting::ROWS,
    server::acl::ROWS,
    server::command::ROWS,
    server::config::ROWS,
    server::dataset::ROWS,
    server::module::ROWS,
    server::observe::ROWS,
    server::replication::ROWS,
    set::ROWS,
    sorted_set::ROWS,
    stream::ROWS,
    string::ROWS,
    transactions::ROWS,
];

/// Every top-level command.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    GROUPS.iter().flat_map(|rows| rows.iter().copied())
}
