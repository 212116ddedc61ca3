//! CONFIG: parameters, read and changed while the server runs.
//!
//! The `config` room knows the name, the values and the texts of a parameter. The consequences of a change are decided
//! in `engine::configure`; here are only the words.

use crate::config::{Circumstances, Extent, is_sensitive};
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Ask;
use crate::keyspace::Counters;
use crate::spec::error::Error;
use crate::spec::server::config as spec;
use crate::wire::args::Args;

use super::super::help::help;

pub(crate) const ROWS: &[Row] = &[
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
        if is_sensitive(name) {
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
    ctx.services.defrag.reset();
    ctx.services.scripts.evicted = 0;
    ctx.keys.space.counters = Counters::default();
    ctx.keys.space.freeing.forget_freed();
    ctx.services.persistence.saves = 0;
    ctx.services.appending.rewrites = 0;
    ctx.reply.ok();
    Ok(())
}

/// CONFIG REWRITE
fn rewrite(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    rewrite_file(ctx, args, Extent::Needed)
}

/// Brings the file up to date that the server was started with.
pub(crate) fn rewrite_file(ctx: &mut Ctx<'_>, args: Args<'_>, extent: Extent) -> Outcome {
    let Some(file) = &mut ctx.services.config_file else {
        return Err(Error::from(
            "ERR The server is running without a config file",
        ));
    };
    let users = &ctx.services.users;
    let users = ctx.services.users_file.is_none().then(|| users.lines());
    let rewrite = file.rewrite(&ctx.services.config, users, extent);
    if ctx.may_wait() {
        ctx.park_for_shell(args);
        let waiting = ctx.session.id;
        ctx.fx.ask(Ask::RewriteConfig { waiting, rewrite });
    } else {
        // A transaction goes on with the next command only when this one has its reply.
        rewrite.carry_out()?;
        ctx.reply.ok();
    }
    Ok(())
}
