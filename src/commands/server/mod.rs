//! The server itself: its identity, its state, its end.

mod config;
mod debug;
mod footprint;
pub(crate) mod info;
mod latency;
mod lolwut;
mod memory;
mod module;
mod save;
mod slowlog;
mod snapshot;

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Shutdown;
use crate::engine::session::Link;
use crate::spec::error::Error;
use crate::spec::server::{config as config_spec, dataset, module as module_spec, observe as spec};
use crate::wire::args::Args;

use super::options::is;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&dataset::BGREWRITEAOF, snapshot::bgrewriteaof),
    Row::new(&dataset::BGSAVE, snapshot::bgsave),
    Row::container(&config_spec::CONFIG, config::ROWS),
    Row::new(&spec::DEBUG, debug::debug),
    Row::new(&spec::INFO, info::info),
    Row::new(&dataset::LASTSAVE, save::lastsave),
    Row::container(&spec::LATENCY, latency::ROWS),
    Row::new(&spec::LOLWUT, lolwut::lolwut),
    Row::container(&spec::MEMORY, memory::ROWS),
    Row::container(&module_spec::MODULE, module::ROWS),
    Row::new(&spec::MONITOR, monitor),
    Row::new(&dataset::SAVE, save::save),
    Row::new(&dataset::SHUTDOWN, shutdown),
    Row::container(&spec::SLOWLOG, slowlog::ROWS),
    Row::new(&spec::TIME, time),
];

/// TIME
fn time(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let unix_us = ctx.now.unix_us;
    ctx.reply.array(2);
    ctx.reply.bulk((unix_us / 1_000_000).to_string().as_bytes());
    ctx.reply.bulk((unix_us % 1_000_000).to_string().as_bytes());
    Ok(())
}

/// MONITOR
fn monitor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if !ctx.may_wait() {
        return Err(Error::from(
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    if ctx.session.link != Link::Monitor {
        ctx.session.link = Link::Monitor;
        ctx.services.monitors.push(ctx.session.id);
    }
    ctx.reply.ok();
    Ok(())
}

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut how = Shutdown::default();
    let mut aborts = false;
    for arg in args.from(1) {
        if is(arg, "NOSAVE") && how.save.is_none() {
            how.save = Some(false);
        } else if is(arg, "SAVE") && how.save.is_none() {
            how.save = Some(true);
        } else if is(arg, "NOW") {
            how.now = true;
        } else if is(arg, "FORCE") {
            how.force = true;
        } else if is(arg, "ABORT") {
            aborts = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    if aborts && args.len() != 2 {
        return Err(Error::Syntax);
    }
    if !ctx.may_wait() && !aborts && !how.now {
        return Err(Error::from(
            "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client",
        ));
    }
    if aborts {
        if !ctx.call_departure_off() {
            return Err(Error::from("ERR No shutdown in progress."));
        }
        log::info!("Shutdown manually aborted.");
        ctx.reply.ok();
        return Ok(());
    }
    if let Some(busy) = &ctx.services.busy
        && how.save != Some(false)
    {
        return Err(busy.kind.refusal());
    }
    ctx.depart(args, how);
    Ok(())
}
