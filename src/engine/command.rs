//! Commands as the engine sees them: a row of facts joined to the function that runs it.
//!
//! `spec` holds the facts, `commands` the functions; a [`Row`] joins one to the other, and [`Table`] finds the
//! command for a name. The engine is handed its table and never imports `commands`.

use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::flags::{Flags, flag};
use crate::spec::lookup::NameTable;
use crate::wire::args::Args;

use super::ctx::Ctx;

/// What a handler returns. `Err` means that it has replied nothing and, scripts excepted, changed nothing; the
/// caller writes the refusal.
pub type Outcome = Result<(), Error>;

pub type Handler = fn(&mut Ctx<'_>, Args<'_>) -> Outcome;

/// One line of a family's table: the facts, and what runs them.
pub struct Row {
    pub spec: &'static Spec,
    pub run: Handler,
    pub subcommands: &'static [Row],
}

impl Row {
    pub const fn new(spec: &'static Spec, run: Handler) -> Self {
        Self {
            spec,
            run,
            subcommands: &[],
        }
    }
    /// A container such as CONFIG: alone it runs nothing unless `run` says otherwise.
    pub const fn container(spec: &'static Spec, subcommands: &'static [Row]) -> Self {
        Self {
            spec,
            run: no_subcommand,
            subcommands,
        }
    }
    /// A container that does something by itself, as COMMAND does.
    pub const fn container_running(
        spec: &'static Spec,
        run: Handler,
        subcommands: &'static [Row],
    ) -> Self {
        Self {
            spec,
            run,
            subcommands,
        }
    }
}

fn no_subcommand(_: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    Err(Error::arity(
        &String::from_utf8_lossy(args.at(0)).to_lowercase(),
    ))
}

/// A command at run time.
pub struct Command {
    pub spec: &'static Spec,
    pub run: Handler,
    /// Index into the per-command statistics.
    pub index: usize,
    pub subcommands: Vec<&'static Command>,
    /// Position of the first key when it is at a fixed place, else 0: what the prefetcher looks at.
    pub first_key: u8,
    /// Position of the first element of that key's value that it names, likewise.
    pub element: u8,
}

impl Command {
    /// Whether a request of so many words calls this command itself, and none of its subcommands.
    #[inline]
    pub fn is_called_by(&self, words: usize) -> bool {
        self.subcommands.is_empty() && self.spec.takes(words)
    }
    #[inline]
    pub fn has(&self, flags: Flags) -> bool {
        self.spec.flags.any(flags)
    }
    /// `get`, or `config|get`.
    #[inline]
    pub fn name(&self) -> &'static str {
        self.spec.name
    }
    #[inline]
    pub fn is_write(&self) -> bool {
        self.has(flag::WRITE)
    }
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands
            .iter()
            .copied()
            .find(|command| command.spec.word().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// All commands, and the way from a name to one of them.
pub struct Table {
    /// Top-level commands first, in the order of their rows, then all subcommands.
    pub all: Vec<&'static Command>,
    top: Vec<&'static Command>,
    names: NameTable,
}

impl Table {
    /// Joins the rows to a table that lives as long as the process. Called once by the program, and once by each
    /// test that wants a server of its own.
    pub fn new(families: &[&'static [Row]]) -> Self {
        let mut all = Vec::new();
        let mut top = Vec::new();
        let mut indices = 0..;
        let mut join = |row: &Row, subcommands| -> &'static Command {
            let index = indices.next().expect("the range has no end");
            let first_key = row.spec.key_range().0.clamp(0, 255) as u8;
            let element = row.spec.element();
            Box::leak(Box::new(Command {
                spec: row.spec,
                run: row.run,
                index,
                subcommands,
                first_key,
                element,
            }))
        };
        for row in families.iter().flat_map(|rows| rows.iter()) {
            let subcommands = (row.subcommands.iter())
                .map(|sub| join(sub, Vec::new()))
                .collect();
            let command = join(row, subcommands);
            top.push(command);
        }
        all.extend_from_slice(&top);
        for command in &top {
            all.extend_from_slice(&command.subcommands);
        }
        let names: Vec<(&str, u16)> = top
            .iter()
            .enumerate()
            .map(|(at, c)| (c.spec.name, at as u16))
            .collect();
        let names = NameTable::new(&names);
        Self { all, top, names }
    }

    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        self.names.find(name).map(|at| self.top[at as usize])
    }

    /// The command that `args` asks for, a subcommand where there is one. `Ok(None)` is an unknown name.
    pub fn resolve(&self, args: Args<'_>) -> Option<&'static Command> {
        let command = self.find(args.at(0))?;
        if command.subcommands.is_empty() || args.len() < 2 {
            return Some(command);
        }
        command.subcommand(args.at(1))
    }

    pub fn top(&self) -> &[&'static Command] {
        &self.top
    }

    /// The top-level commands that go by some name: those that `rename-command` took away are left out.
    pub fn callable(&self) -> impl Iterator<Item = &'static Command> {
        self.names.numbers().map(|at| self.top[usize::from(at)])
    }

    /// `rename-command`: an empty new name takes the command away.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        self.names.rename(from, to)
    }
}
