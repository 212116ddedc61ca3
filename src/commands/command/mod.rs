//! COMMAND: what the server knows about its commands, told to clients.
//!
//! Everything here is read off the rows in `spec`. The functions take a [`Catalog`] rather than a whole server, for
//! which commands can be called, and under which names, is all that differs between two servers.

mod docs;
mod info;
mod keys;

use crate::base::glob;
use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::flags::Categories;
use crate::spec::server::command as rows;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

pub use keys::Detail;

use super::help::help;

pub const ROWS: &[Row] = &[Row::container_running(&rows::COMMAND, command, SUBCOMMANDS)];

const SUBCOMMANDS: &[Row] = &[
    Row::new(&rows::COMMAND_COUNT, count),
    Row::new(&rows::COMMAND_DOCS, docs),
    Row::new(&rows::COMMAND_GETKEYS, getkeys),
    Row::new(&rows::COMMAND_GETKEYSANDFLAGS, getkeysandflags),
    Row::new(&rows::COMMAND_HELP, help),
    Row::new(&rows::COMMAND_INFO, info),
    Row::new(&rows::COMMAND_LIST, list),
];

/// Lets a handler look into the table while it replies.
fn with_catalog<T>(ctx: &mut Ctx<'_>, run: impl FnOnce(&Catalog<'_>, &mut Reply<'_>) -> T) -> T {
    let table = ctx.table;
    let specs: Vec<&'static Spec> = table.callable().map(|command| command.spec).collect();
    let find = |name: &[u8]| table.find(name).map(|command| command.spec);
    run(&Catalog { specs: &specs, find: &find }, &mut ctx.reply)
}

/// COMMAND
fn command(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.info(reply, Args::EMPTY));
    Ok(())
}

/// COMMAND COUNT
fn count(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.count(reply));
    Ok(())
}

/// COMMAND DOCS [command-name [command-name ...]]
fn docs(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.docs(reply, args.tail(2)));
    Ok(())
}

/// COMMAND INFO [command-name [command-name ...]]
fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.info(reply, args.tail(2)));
    Ok(())
}

/// COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]
fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.list(reply, args.tail(2)))
}

/// COMMAND GETKEYS command [arg [arg ...]]
fn getkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.keys(reply, args.tail(2), Detail::Names))
}

/// COMMAND GETKEYSANDFLAGS command [arg [arg ...]]
fn getkeysandflags(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.keys(reply, args.tail(2), Detail::NamesAndFlags))
}

/// The commands of a server.
#[derive(Clone, Copy)]
pub struct Catalog<'a> {
    /// Top-level commands; subcommands hang below them.
    pub specs: &'a [&'static Spec],
    /// Finds a top-level command by the name it goes by, in any case.
    pub find: &'a dyn Fn(&[u8]) -> Option<&'static Spec>,
}

impl Catalog<'_> {
    /// COMMAND COUNT
    pub fn count(&self, reply: &mut Reply<'_>) {
        reply.count(self.specs.len());
    }

    /// COMMAND, and COMMAND INFO [command-name [command-name ...]]
    pub fn info(&self, reply: &mut Reply<'_>, names: Args<'_>) {
        if names.is_empty() {
            reply.array(self.specs.len());
            for spec in self.specs {
                info::info(reply, spec);
            }
            return;
        }
        reply.array(names.len());
        for name in names {
            match self.named(name) {
                Some(spec) => info::info(reply, spec),
                None => reply.null(),
            }
        }
    }

    /// COMMAND DOCS [command-name [command-name ...]]
    pub fn docs(&self, reply: &mut Reply<'_>, names: Args<'_>) {
        if names.is_empty() {
            return docs::many(reply, self.specs);
        }
        let known: Vec<&Spec> = names.iter().filter_map(|name| self.named(name)).collect();
        docs::many(reply, &known);
    }

    /// COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]; `options` is what follows LIST.
    pub fn list(&self, reply: &mut Reply<'_>, options: Args<'_>) -> Result<(), Error> {
        let filter = Filter::parse(options)?;
        let subcommands = |spec: &&'static Spec| spec.subcommands.iter().copied();
        let all = self.specs.iter().copied();
        let all = all.flat_map(|spec| std::iter::once(spec).chain(subcommands(&spec)));
        let chosen: Vec<&Spec> = all.filter(|spec| filter.lets_pass(spec)).collect();
        reply.array(chosen.len());
        for spec in chosen {
            reply.bulk(spec.name.as_bytes());
        }
        Ok(())
    }

    /// COMMAND GETKEYS command [arg [arg ...]], and GETKEYSANDFLAGS; `request` begins with the command.
    pub fn keys(
        &self,
        reply: &mut Reply<'_>,
        request: Args<'_>,
        detail: Detail,
    ) -> Result<(), Error> {
        let spec = (self.find)(request.at(0)).and_then(|spec| match request.get(1) {
            Some(word) if spec.is_container() => spec.subcommand(word),
            _ => Some(spec),
        });
        keys::keys(reply, spec, request, detail)
    }

    /// By full name, `config|get` for a subcommand.
    fn named(&self, name: &[u8]) -> Option<&'static Spec> {
        let mut words = name.split(|&byte| byte == b'|');
        let spec = (self.find)(words.next()?)?;
        match (words.next(), words.next()) {
            (None, _) => Some(spec),
            (Some(word), None) => spec.subcommand(word),
            (Some(_), Some(_)) => None,
        }
    }
}

/// Which names COMMAND LIST lists.
enum Filter<'a> {
    All,
    /// There are no modules, so no command is from one.
    Module,
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(options: Args<'a>) -> Result<Self, Error> {
        if options.is_empty() {
            return Ok(Self::All);
        }
        if options.len() != 3 || !options.at(0).eq_ignore_ascii_case(b"filterby") {
            return Err(Error::Syntax);
        }
        let (kind, value) = (options.at(1), options.at(2));
        if kind.eq_ignore_ascii_case(b"module") {
            Ok(Self::Module)
        } else if kind.eq_ignore_ascii_case(b"aclcat") {
            Ok(Self::Category(Categories::named(value)))
        } else if kind.eq_ignore_ascii_case(b"pattern") {
            Ok(Self::Pattern(value))
        } else {
            Err(Error::Syntax)
        }
    }

    fn lets_pass(&self, spec: &Spec) -> bool {
        match self {
            Self::All => true,
            Self::Module => false,
            Self::Category(category) => category.is_some_and(|it| spec.categories().has(it)),
            Self::Pattern(pattern) => glob::matches(pattern, spec.name.as_bytes(), true),
        }
    }
}
