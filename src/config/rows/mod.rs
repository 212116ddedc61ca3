//! The table: every parameter of Redis 8.0.6, and a few of our own, one row each.
//!
//! Names, older names, limits and defaults are facts that files, clients and tools rely on. A row that is missing here
//! is a configuration file that does not load.

mod data;
mod network;
mod process;
mod replication;

use super::row::Row;
use std::sync::LazyLock;

/// All rows, in no order that matters.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    let tables = [network::ROWS, data::ROWS, replication::ROWS, process::ROWS];
    tables.into_iter().flatten()
}

/// The row of a parameter, by any of its names in any case.
///
/// Linear in the number of rows: names come from files and from administrators, not from traffic.
pub(crate) fn find(name: &[u8]) -> Option<&'static Row> {
    all().find(|row| row.is_called(name))
}

/// All rows by name, in the order in which a rewritten file gets those that it lacked.
pub(crate) fn sorted() -> &'static [&'static Row] {
    static SORTED: LazyLock<Vec<&'static Row>> = LazyLock::new(|| {
        let mut rows: Vec<_> = all().collect();
        rows.sort_by_key(|row| row.name);
        rows
    });
    &SORTED
}

/// Upper limits that many rows share.
const INT: i128 = i32::MAX as i128;
const LONG: i128 = i64::MAX as i128;
const PORT: i128 = u16::MAX as i128;
