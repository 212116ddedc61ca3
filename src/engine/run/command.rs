//! Commands as the engine sees them: a row of facts joined to the function that runs it.
//!
//! `spec` holds the facts, `commands` the functions; a [`Row`] joins one to the other, and [`Table`] finds the
//! command for a name. The engine is handed its table and never imports `commands`.

use crate::spec::Spec;
use crate::spec::error::Error;
use crate::wire::args::Args;

use crate::engine::run::ctx::{Ctx, Runs};
use crate::engine::run::table;

pub(crate) use crate::engine::run::ctx::{Handler, Outcome};

/// One line of a family's table: the facts, and what runs them.
pub(crate) type Row = table::Row<Runs>;

/// A command at run time.
pub(crate) type Command = table::Command<Runs>;

/// All commands, and the way from a name to one of them.
pub type Table = table::Table<Runs>;

impl Row {
    pub(crate) const fn new(spec: &'static Spec, run: Handler) -> Self {
        Self {
            spec,
            run: Runs(run),
            subcommands: &[],
        }
    }

    /// A container such as CONFIG: alone it runs nothing unless `run` says otherwise.
    pub(crate) const fn container(spec: &'static Spec, subcommands: &'static [Row]) -> Self {
        Self {
            spec,
            run: Runs(no_subcommand),
            subcommands,
        }
    }

    /// A container that does something by itself, as COMMAND does.
    pub(crate) const fn container_running(
        spec: &'static Spec,
        run: Handler,
        subcommands: &'static [Row],
    ) -> Self {
        Self {
            spec,
            run: Runs(run),
            subcommands,
        }
    }
}

fn no_subcommand(_: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    Err(Error::arity(
        &String::from_utf8_lossy(args.at(0)).to_lowercase(),
    ))
}
