//! What each command does: one family per file, its rows on top, its handlers below.
//!
//! A handler touches three things: the keyspace, its reply, and its effects. The order inside is always parse, look
//! up, act, report, reply; one that returns `Err` has replied nothing and changed nothing. The facts of a command
//! (arity, flags, keys, documentation) are in `spec`; a row joins them to the handler. `docs/ADDING-A-COMMAND.md`
//! shows it step by step.

pub mod bitmap;
pub mod command;
pub mod connection;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyperloglog;
pub mod items;
pub mod keys;
pub mod limits;
pub mod list;
pub mod options;
pub mod pubsub;
pub mod server;
pub mod set;
pub mod several;
pub mod sort;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod wait;
pub mod zset;

use crate::engine::command::{Row, Table};

/// Every family's rows.
const FAMILIES: &[&[Row]] = &[
    bitmap::ROWS,
    command::ROWS,
    connection::ROWS,
    geo::ROWS,
    hash::ROWS,
    hyperloglog::ROWS,
    keys::ROWS,
    list::ROWS,
    pubsub::ROWS,
    server::ROWS,
    set::ROWS,
    sort::ROWS,
    stream::ROWS,
    string::ROWS,
    transaction::ROWS,
    wait::ROWS,
    zset::ROWS,
];

/// The table of all commands.
pub fn table() -> Table {
    Table::new(FAMILIES)
}
