//! INFO keyspace and keysizes: how many keys there are, and how large they are.

use std::fmt::Write as _;

use crate::engine::run::ctx::Ctx;
use crate::types::Kind;

use super::Report;

pub(crate) fn keyspace(ctx: &Ctx<'_>, report: &mut Report) {
    for (number, db) in ctx.keys.space.dbs.iter().enumerate() {
        let dict = &db.dict;
        if dict.is_empty() {
            continue;
        }
        let expires = dict.expires();
        let mean = dict
            .deadline_sum()
            .checked_div(expires as i128)
            .unwrap_or(0) as i64;
        let avg_ttl_ms = if expires == 0 {
            0
        } else {
            (mean - ctx.now.unix_ms).max(0)
        };
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

pub(crate) fn keysizes(ctx: &Ctx<'_>, report: &mut Report) {
    for (number, db) in ctx.keys.space.dbs.iter().enumerate() {
        for kind in Kind::ALL {
            let Some(name) = kind.row().sizes else {
                continue;
            };
            let mut line = String::new();
            for (bin, count) in db
                .sizes
                .of(*kind)
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0)
            {
                let comma = if line.is_empty() { "" } else { "," };
                let _ = write!(line, "{comma}{}={count}", label(bin));
            }
            if !line.is_empty() {
                report.field(format_args!("db{number}_distrib_{name}"), line);
            }
        }
    }
}

/// The least size of a bin, as people write it.
fn label(bin: usize) -> String {
    let Some(power) = bin.checked_sub(1) else {
        return "0".to_owned();
    };
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
