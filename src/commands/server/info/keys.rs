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
