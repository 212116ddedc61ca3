//! All commands, and the way from a name to one of them.
//!
//! What runs a command is of no interest here, so its type is left open (`R`). Therefore a handler's reach
//! ([`Ctx`](super::ctx::Ctx)) can hold the table although every handler in it takes such a reach: this file knows
//! neither, and `command` closes the type.

use std::ops::Deref;

use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::lookup::{LastName, NameTable};
use crate::wire::args::Args;

use super::facts::Facts;

/// A row of a family before it is in a table.
pub(crate) struct Row<R: 'static> {
    pub(crate) spec: &'static Spec,
    pub(crate) run: R,
    pub(crate) subcommands: &'static [Row<R>],
}

/// A command at run time: its facts, and what runs them. The facts lie in front, so to keep them costs no more than to
/// keep the command.
#[repr(C)]
pub struct Command<R: 'static> {
    pub(crate) facts: Facts,
    pub(crate) run: R,
    pub(crate) subcommands: Vec<&'static Command<R>>,
}

impl<R> Deref for Command<R> {
    type Target = Facts;

    #[inline]
    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl<R> Command<R> {
    /// Whether a request of so many words calls this command itself, and none of its subcommands.
    #[inline]
    pub(crate) fn is_called_by(&self, words: usize) -> bool {
        self.subcommands.is_empty() && self.spec.takes(words)
    }

    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        self.subcommands
            .iter()
            .copied()
            .find(|command| command.spec.word().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// What the words of a request name.
pub(crate) enum Named<R: 'static> {
    Fits(&'static Command<R>),
    /// The command takes another number of words.
    Misfit(&'static Command<R>),
    /// The command has subcommands, and none of that name.
    NoSubcommand(&'static Command<R>),
    Nothing,
}

pub struct Table<R: 'static> {
    /// Top-level commands first, in the order of their rows, then all subcommands.
    pub all: Vec<&'static Command<R>>,
    by_index: Vec<&'static Command<R>>,
    top: Vec<&'static Command<R>>,
    names: NameTable,
}

impl<R: Copy> Table<R> {
    /// Joins the rows to a table that lives as long as the process. Called once by the program, and once by each
    /// test that wants a server of its own.
    pub(crate) fn new(families: &[&'static [Row<R>]]) -> Self {
        let mut by_index = Vec::new();
        let mut join = |row: &Row<R>, subcommands| -> &'static Command<R> {
            let command = &*Box::leak(Box::new(Command {
                facts: Facts::new(row.spec, by_index.len()),
                run: row.run,
                subcommands,
            }));
            by_index.push(command);
            command
        };
        let mut top = Vec::new();
        for row in families.iter().flat_map(|rows| rows.iter()) {
            let subcommands = (row.subcommands.iter())
                .map(|sub| join(sub, Vec::new()))
                .collect();
            top.push(join(row, subcommands));
        }
        let mut all = top.clone();
        for command in &top {
            all.extend_from_slice(&command.subcommands);
        }
        let names: Vec<(&str, u16)> = top
            .iter()
            .enumerate()
            .map(|(at, command)| (command.spec.name, at as u16))
            .collect();
        let names = NameTable::new(&names);
        Self {
            all,
            by_index,
            top,
            names,
        }
    }
}

impl<R> Table<R> {
    #[expect(
        clippy::inline_always,
        reason = "the way of every request, and few call it"
    )]
    #[inline(always)]
    pub fn find(&self, name: &[u8]) -> Option<&'static Command<R>> {
        self.names.find(name).map(|at| self.top[at as usize])
    }

    /// The same for one name after the other; see [`NameTable::find_next`].
    #[expect(
        clippy::inline_always,
        reason = "the way of every request, and one place calls it"
    )]
    #[inline(always)]
    pub(crate) fn find_next(
        &self,
        name: &[u8],
        last: &mut LastName,
    ) -> Option<&'static Command<R>> {
        let at = self.names.find_next(name, last)?;
        Some(self.top[usize::from(at)])
    }

    /// The command that these are the facts of.
    pub(crate) fn command(&self, facts: &Facts) -> &'static Command<R> {
        self.by_index[facts.index]
    }

    /// The command that a request asks for, a subcommand where there is one; or why there is none.
    pub(crate) fn resolve(&self, args: Args<'_>) -> Result<&'static Command<R>, Error> {
        match self.named(args) {
            Named::Fits(command) => Ok(command),
            Named::Misfit(command) => Err(Error::arity(command.name())),
            Named::NoSubcommand(command) => {
                Err(Error::unknown_subcommand(command.name(), args.at(1)))
            }
            Named::Nothing => Err(Error::unknown_command(args.at(0), args.from(1))),
        }
    }

    /// What there is of the name that a request begins with.
    #[inline]
    pub(crate) fn named(&self, args: Args<'_>) -> Named<R> {
        let Some(mut command) = self.find(args.at(0)) else {
            return Named::Nothing;
        };
        if !command.subcommands.is_empty() && args.len() >= 2 {
            match command.subcommand(args.at(1)) {
                Some(subcommand) => command = subcommand,
                None => return Named::NoSubcommand(command),
            }
        }
        if command.spec.takes(args.len()) {
            Named::Fits(command)
        } else {
            Named::Misfit(command)
        }
    }

    /// The top-level commands that go by some name: those that `rename-command` took away are left out.
    pub(crate) fn callable(&self) -> impl Iterator<Item = &'static Command<R>> {
        self.names.numbers().map(|at| self.top[usize::from(at)])
    }

    /// `rename-command`: an empty new name takes the command away.
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        self.names.rename(from, to)
    }
}
