//! COMMAND: the server's knowledge of its commands, told to clients.
//!
//! Everything here is read off the rows in `spec`. The functions take a [`Catalog`] rather than a whole server, for
//! which commands can be called, and under which names, is all that differs between two servers.

mod docs;
mod info;
mod keys;

use crate::base::glob;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::spec::Spec;
use crate::spec::error::Error;
use crate::spec::flags::Categories;
use crate::spec::server::command as rows;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

pub(crate) use keys::Detail;

use super::help::help;
use super::options::is;

pub(crate) const ROWS: &[Row] = &[Row::container_running(&rows::COMMAND, command, SUBCOMMANDS)];

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
    run(
        &Catalog {
            specs: &specs,
            find: &find,
        },
        &mut ctx.reply,
    )
}

/// COMMAND
fn command(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| catalog.info(reply, Args::EMPTY));
    Ok(())
}

/// COMMAND COUNT
fn count(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.count(ctx.table.callable().count());
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
    with_catalog(ctx, |catalog, reply| {
        catalog.keys(reply, args.tail(2), Detail::Names)
    })
}

/// COMMAND GETKEYSANDFLAGS command [arg [arg ...]]
fn getkeysandflags(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    with_catalog(ctx, |catalog, reply| {
        catalog.keys(reply, args.tail(2), Detail::NamesAndFlags)
    })
}

/// The commands of a server.
#[derive(Clone, Copy)]
pub(crate) struct Catalog<'a> {
    /// Top-level commands; subcommands hang below them.
    pub(crate) specs: &'a [&'static Spec],
    /// Finds a top-level command by the name it goes by, in any case.
    pub(crate) find: &'a dyn Fn(&[u8]) -> Option<&'static Spec>,
}

impl Catalog<'_> {
    /// COMMAND, and COMMAND INFO [command-name [command-name ...]]
    pub(crate) fn info(&self, reply: &mut Reply<'_>, names: Args<'_>) {
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
    pub(crate) fn docs(&self, reply: &mut Reply<'_>, names: Args<'_>) {
        if names.is_empty() {
            return docs::many(reply, self.specs);
        }
        let known: Vec<&Spec> = names.iter().filter_map(|name| self.named(name)).collect();
        docs::many(reply, &known);
    }

    /// COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]; `options` is what follows
    /// LIST.
    pub(crate) fn list(&self, reply: &mut Reply<'_>, options: Args<'_>) -> Result<(), Error> {
        let filter = Filter::parse(options)?;
        let subcommands = |spec: &&'static Spec| spec.subcommands.iter().copied();
        let all = self.specs.iter().copied();
        let all = all.flat_map(|spec| std::iter::once(spec).chain(subcommands(&spec)));
        let chosen: Vec<&Spec> = all.filter(|spec| filter.lets_pass(spec)).collect();
        reply.array(chosen.len());
        for spec in chosen {
            reply.bulk(spec.shown_name().as_bytes());
        }
        Ok(())
    }

    /// COMMAND GETKEYS command [arg [arg ...]], and GETKEYSANDFLAGS; `request` begins with the command.
    pub(crate) fn keys(
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
    Module(&'a [u8]),
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(options: Args<'a>) -> Result<Self, Error> {
        if options.is_empty() {
            return Ok(Self::All);
        }
        if options.len() != 3 || !is(options.at(0), "filterby") {
            return Err(Error::Syntax);
        }
        let (kind, value) = (options.at(1), options.at(2));
        if is(kind, "module") {
            Ok(Self::Module(value))
        } else if is(kind, "aclcat") {
            Ok(Self::Category(Categories::named(value)))
        } else if is(kind, "pattern") {
            Ok(Self::Pattern(value))
        } else {
            Err(Error::Syntax)
        }
    }

    fn lets_pass(&self, spec: &Spec) -> bool {
        match self {
            Self::All => true,
            Self::Module(name) => !name.is_empty() && spec.module.as_bytes() == *name,
            Self::Category(category) => category.is_some_and(|it| spec.categories().has(it)),
            Self::Pattern(pattern) => glob::matches(pattern, spec.name.as_bytes(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::output::Output;
    use crate::spec;
    use crate::wire::args::OwnedArgs;
    use crate::wire::reply::Protocol;

    /// The reply of a server with every command there is, line ends shown as spaces.
    fn ask(
        protocol: Protocol,
        words: &[&str],
        run: impl FnOnce(Catalog<'_>, &mut Reply<'_>, Args<'_>) -> Outcome,
    ) -> String {
        let specs: Vec<&'static Spec> = spec::all().collect();
        let named = |spec: &&Spec, name: &[u8]| spec.name.as_bytes().eq_ignore_ascii_case(name);
        let find = |name: &[u8]| specs.iter().copied().find(|spec| named(spec, name));
        let catalog = Catalog {
            specs: &specs,
            find: &find,
        };
        let mut args = OwnedArgs::new();
        for word in words {
            args.push(word.as_bytes());
        }
        let mut output = Output::new();
        let mut reply = Reply::new(&mut output, protocol);
        if let Err(error) = run(catalog, &mut reply, args.as_args()) {
            reply.error(error.text());
        }
        String::from_utf8_lossy(&output.copy_to_vec())
            .replace("\r\n", " ")
            .trim_end()
            .to_owned()
    }

    fn ask_info(protocol: Protocol, names: &[&str]) -> String {
        ask(protocol, names, |catalog, reply, names| {
            catalog.info(reply, names);
            Ok(())
        })
    }

    fn ask_keys(request: &[&str], detail: Detail) -> String {
        ask(Protocol::Resp2, request, |catalog, reply, request| {
            catalog.keys(reply, request, detail)
        })
    }

    #[test]
    fn info_of_a_plain_command_an_unknown_one_and_a_subcommand() {
        assert_eq!(
            ask_info(Protocol::Resp2, &["STRLEN", "strlen|x", "Memory|Purge"]),
            "*3 *10 $6 strlen :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 $5 flags *1 +RO \
             $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 \
             $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 *0 \
             $-1 \
             *10 $12 memory|purge :2 *0 :0 :0 :0 *1 +@slow \
             *2 $25 request_policy:all_shards $29 response_policy:all_succeeded *0 *0"
        );
    }

    #[test]
    fn info_says_that_keys_move_and_shows_how_they_are_found() {
        let text = ask_info(Protocol::Resp3, &["xread"]);
        assert!(
            text.contains("~3 +readonly +blocking +movablekeys :0 :0 :0"),
            "{text}"
        );
        assert!(
            text.contains("%2 $4 type $7 keyword $4 spec %2 $7 keyword $7 STREAMS $9 startfrom :1"),
            "{text}"
        );
        assert!(
            text.contains("$7 lastkey :-1 $7 keystep :1 $5 limit :2"),
            "{text}"
        );
    }

    #[test]
    fn docs_leave_out_what_says_nothing() {
        let text = ask(
            Protocol::Resp3,
            &["getset", "nope"],
            |catalog, reply, names| {
                catalog.docs(reply, names);
                Ok(())
            },
        );
        assert_eq!(
            text,
            "%1 $6 getset %8 $7 summary $75 Returns the previous string value of a key after setting it to a new value. \
             $5 since $5 1.0.0 $5 group $6 string $10 complexity $4 O(1) $9 doc_flags ~1 +deprecated \
             $16 deprecated_since $5 6.2.0 $11 replaced_by $30 `SET` with the `!GET` argument $9 arguments *2 \
             %4 $4 name $3 key $4 type $3 key $12 display_text $3 key $14 key_spec_index :0 \
             %3 $4 name $5 value $4 type $6 string $12 display_text $5 value"
        );
    }

    #[test]
    fn list_filters_by_category_and_pattern() {
        let list = |options: &[&str]| {
            ask(Protocol::Resp2, options, |catalog, reply, options| {
                catalog.list(reply, options)
            })
        };
        assert_eq!(
            list(&["filterby", "AclCat", "HyperLogLog"]),
            "*5 $5 pfadd $7 pfcount $7 pfdebug $7 pfmerge $10 pfselftest"
        );
        assert_eq!(
            list(&["FILTERBY", "PATTERN", "CONFIG|*SET"]),
            "*1 $10 config|set"
        );
        assert_eq!(list(&["FILTERBY", "ACLCAT", "@read"]), "*0");
        assert_eq!(list(&["FILTERBY", "MODULE", "any"]), "*0");
        assert_eq!(list(&["FILTERBY", "PATTERN"]), "-ERR syntax error");
        assert!(list(&[]).starts_with(
            &format!("*{} ", spec::all().map(|spec| 1 + spec.subcommands.len()).sum::<usize>())
        ));
    }

    #[test]
    fn keys_of_a_request() {
        let names = |request: &[&str]| ask_keys(request, Detail::Names);
        assert_eq!(names(&["mset", "a", "1", "b", "2"]), "*2 $1 a $1 b");
        assert_eq!(names(&["eval", "return 1", "0"]), "*0");
        assert_eq!(names(&["nope"]), "-ERR Invalid command specified");
        assert_eq!(
            names(&["object", "nope", "k"]),
            "-ERR Invalid command specified"
        );
        assert_eq!(names(&["ping"]), "-ERR The command has no key arguments");
        assert_eq!(names(&["object"]), "-ERR The command has no key arguments");
        assert_eq!(
            names(&["get"]),
            "-ERR Invalid number of arguments specified for command"
        );
        assert_eq!(
            names(&["zunion", "3", "a"]),
            "-ERR Invalid arguments specified for command"
        );
        assert_eq!(
            ask_keys(&["SET", "k", "v", "GET"], Detail::NamesAndFlags),
            "*1 *2 $1 k *3 +RW +access +update"
        );
    }
}
