//! INFO keyspace and keysizes: how many keys there are, and how large they are.

use std::fmt::Write as _;

use crate::engine::ctx::Ctx;
use crate::keyspace::{Db, Text};
use crate::store::EntryRef;
use crate::types::{Kind, Value};

use super::Report;

pub fn keyspace(ctx: &Ctx<'_>, report: &mut Report) {
    for (number, db) in ctx.keys.space.dbs.iter().enumerate() {
        let dict = &db.dict;
        if dict.is_empty() {
            continue;
        }
        let expires = dict.expires();
        let mean = dict.deadline_sum().checked_div(expires as i128).unwrap_or(0) as i64;
        let avg_ttl_ms = if expires == 0 { 0 } else { (mean - ctx.now.unix_ms).max(0) };
        report.field(
            format_args!("db{number}"),
            format_args!(
                "keys={},expires={expires},avg_ttl={avg_ttl_ms},subexpiry={}",
                dict.len(),
                dict.field_expires()
            ),
        );
    }
}

pub fn keysizes(ctx: &Ctx<'_>, report: &mut Report) {
    for (number, db) in ctx.keys.space.dbs.iter().enumerate() {
        for (name, bins) in NAMES.iter().zip(distribution(db)) {
            let mut line = String::new();
            for (bin, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
                let comma = if line.is_empty() { "" } else { "," };
                let _ = write!(line, "{comma}{}={count}", label(bin));
            }
            if !line.is_empty() {
                report.field(format_args!("db{number}_distrib_{name}"), line);
            }
        }
    }
}

/// In the order of [`kind_index`].
const NAMES: [&str; 5] = ["strings_sizes", "lists_items", "sets_items", "zsets_items", "hashes_items"];

/// How many values there are of each kind and size: bin 0 is for empty ones, bin n for those of 2^(n-1) to 2^n - 1.
type Distribution = [[u64; 65]; NAMES.len()];

fn distribution(db: &Db) -> Distribution {
    let mut distribution = [[0; 65]; NAMES.len()];
    for entry in db.dict.iter() {
        if let Some((kind, len)) = size(entry) {
            distribution[kind][(u64::BITS - (len as u64).leading_zeros()) as usize] += 1;
        }
    }
    distribution
}

fn size(entry: EntryRef<'_, Value>) -> Option<(usize, usize)> {
    if let Some(text) = Text::of(entry.payload()) {
        return Some((kind_index(Kind::String)?, text.len()));
    }
    let value = entry.object()?;
    Some((kind_index(value.kind())?, value.len()))
}

/// Streams are not counted.
fn kind_index(kind: Kind) -> Option<usize> {
    match kind {
        Kind::String => Some(0),
        Kind::List => Some(1),
        Kind::Set => Some(2),
        Kind::Zset => Some(3),
        Kind::Hash => Some(4),
        Kind::Stream => None,
    }
}

/// The least size of a bin, as people write it.
fn label(bin: usize) -> String {
    let Some(power) = bin.checked_sub(1) else { return "0".to_owned() };
    let unit = ["", "K", "M", "G", "T", "P", "E"][power / 10];
    format!("{}{unit}", 1 << (power % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short() {
        let labels = [0, 1, 2, 10, 11, 12, 21, 31].map(label);
        assert_eq!(labels, ["0", "1", "2", "512", "1K", "2K", "1M", "1G"]);
    }
}
