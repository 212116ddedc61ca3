//! The deeds of each command: one family per file, its rows on top, its handlers below.
//!
//! A handler touches three things: the keyspace, its reply, and its effects. The order inside is always parse, look
//! up, act, report, reply; one that returns `Err` has replied nothing and changed nothing. The facts of a command
//! (arity, flags, keys, documentation) are in `spec`; a row joins them to the handler. `docs/ADDING-A-COMMAND.md`
//! shows it step by step.

pub(crate) mod acl;
pub(crate) mod bitmap;
pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod connection;
pub(crate) mod functions;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod help;
pub(crate) mod hyperloglog;
pub(crate) mod items;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod modules;
pub(crate) mod options;
pub(crate) mod pubsub;
pub(crate) mod replication;
pub(crate) mod scripting;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod several;
pub(crate) mod sort;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod transaction;
pub(crate) mod vector;
pub(crate) mod wait;
pub(crate) mod zset;

use crate::engine::run::command::{Row, Table};

/// Every family's rows.
const FAMILIES: &[&[Row]] = &[
    acl::ROWS,
    bitmap::ROWS,
    cluster::ROWS,
    command::ROWS,
    connection::ROWS,
    functions::ROWS,
    geo::ROWS,
    hash::ROWS,
    hyperloglog::ROWS,
    json::ROWS,
    keys::ROWS,
    list::ROWS,
    pubsub::ROWS,
    replication::ROWS,
    scripting::ROWS,
    server::ROWS,
    set::ROWS,
    sort::ROWS,
    stream::ROWS,
    string::ROWS,
    transaction::ROWS,
    vector::ROWS,
    wait::ROWS,
    zset::ROWS,
];

/// The table of all commands.
pub fn table() -> Table {
    Table::new(FAMILIES)
}
