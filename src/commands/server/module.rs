//! MODULE: this server cannot load any. Modules are compiled against Redis's own structures. Those that are listed are
//! built in.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::spec::server::module as spec;
use crate::wire::args::Args;

use super::super::help::help;
use super::super::modules::list_modules;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::MODULE_HELP, help),
    Row::new(&spec::MODULE_LIST, list),
    Row::new(&spec::MODULE_LOAD, load),
    Row::new(&spec::MODULE_LOADEX, load),
    Row::new(&spec::MODULE_UNLOAD, unload),
];

/// MODULE LIST
fn list(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    list_modules(&mut ctx.reply);
    Ok(())
}

/// MODULE LOAD path [arg ...], MODULE LOADEX path [CONFIG name value ...] [ARGS arg ...]
fn load(_: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = String::from_utf8_lossy(args.at(2));
    log::warn!("Module {path} failed to load: this server does not load modules");
    Err(Error::from(
        "ERR Error loading the extension. Please check the server logs.",
    ))
}

/// MODULE UNLOAD name
fn unload(_: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Err(Error::from(
        "ERR Error unloading module: no such module with that name",
    ))
}
