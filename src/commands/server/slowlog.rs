//! SLOWLOG: the last commands that took long.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::spec::server::observe as spec;
use crate::wire::args::Args;

use super::super::help::help;
use super::super::options::integer_within;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::SLOWLOG_GET, get),
    Row::new(&spec::SLOWLOG_HELP, help),
    Row::new(&spec::SLOWLOG_LEN, len),
    Row::new(&spec::SLOWLOG_RESET, reset),
];

/// SLOWLOG GET [count]
fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(Error::subcommand_syntax("slowlog", args.at(1)));
    }
    let all = ctx.services.slowlog.entries.len();
    let count = match args.get(2) {
        None => 10,
        Some(text) => {
            let count = integer_within(
                text,
                -1,
                i64::MAX,
                "ERR count should be greater than or equal to -1",
            )?;
            usize::try_from(count).unwrap_or(all)
        }
    };
    let shown = count.min(all);
    ctx.reply.array(shown);
    for entry in ctx.services.slowlog.entries.iter().take(shown) {
        ctx.reply.array(6);
        ctx.reply.integer(entry.id);
        ctx.reply.integer(entry.unix_s);
        ctx.reply.integer(entry.duration_us);
        ctx.reply.array(entry.args.len());
        for arg in &entry.args {
            ctx.reply.bulk(arg);
        }
        ctx.reply.bulk(entry.address.as_bytes());
        ctx.reply.bulk(&entry.client_name);
    }
    Ok(())
}

/// SLOWLOG LEN
fn len(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.count(ctx.services.slowlog.entries.len());
    Ok(())
}

/// SLOWLOG RESET
fn reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.services.slowlog.clear();
    ctx.reply.ok();
    Ok(())
}
