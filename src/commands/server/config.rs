//! CONFIG: parameters, read and changed while the server runs.
//!
//! What a parameter is called, which values it takes and what it says about itself is in the `config` room. What a
//! change sets in motion is decided in `engine::configure`; here are only the words.

use crate::config::{Circumstances, Extent};
use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::keyspace::Counters;
use crate::spec::error::Error;
use crate::spec::server::config as spec;
use crate::wire::args::Args;

use super::super::help::help;

pub const ROWS: &[Row] = &[
    Row::new(&spec::CONFIG_GET, get),
    Row::new(&spec::CONFIG_HELP, help),
    Row::new(&spec::CONFIG_RESETSTAT, resetstat),
    Row::new(&spec::CONFIG_REWRITE, rewrite),
    Row::new(&spec::CONFIG_SET, set),
];

/// CONFIG GET parameter [parameter ...]
fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let found = ctx.services.config.get(args.from(2));
    ctx.reply.map(found.len());
    for (name, value) in &found {
        ctx.reply.bulk(name);
        ctx.reply.bulk(value);
    }
    Ok(())
}

/// CONFIG SET parameter value [parameter value ...]
fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = (2..args.len())
        .step_by(2)
        .map(|at| (args.at(at), args.at(at + 1)))
        .collect();
    for (at, (name, _)) in pairs.iter().enumerate() {
        if ctx.services.config.is_sensitive(name) {
            ctx.fx.redact(3 + 2 * at);
        }
    }
    let when = Circumstances {
        client_is_local: ctx.session.is_local(),
        loading: ctx.services.server.is_loading,
    };
    let changes = ctx.services.config.set(&pairs, when)?;
    ctx.configured(args, changes);
    Ok(())
}

/// CONFIG RESETSTAT
fn resetstat(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.services.stats.reset();
    ctx.keys.space.counters = Counters::default();
    ctx.keys.space.freeing.forget_freed();
    ctx.services.persistence.saves = 0;
    ctx.services.appending.rewrites = 0;
    ctx.reply.ok();
    Ok(())
}

/// CONFIG REWRITE
fn rewrite(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    rewrite_file(ctx, Extent::Needed)
}

/// Brings the file up to date that the server was started with.
pub fn rewrite_file(ctx: &mut Ctx<'_>, extent: Extent) -> Outcome {
    let path = &ctx.services.server.config_file;
    if path.is_empty() {
        return Err(Error::from(
            "ERR The server is running without a config file",
        ));
    }
    if let Err(refusal) = ctx.services.config.rewrite(path.as_ref(), None, extent) {
        log::warn!("CONFIG REWRITE failed: {refusal}");
        return Err(refusal);
    }
    log::info!("CONFIG REWRITE executed with success.");
    ctx.reply.ok();
    Ok(())
}
