//! Looking at documents, and telling of them as text or as values of the protocol.
//!
//! RESP3 has both forms, and FORMAT chooses. Text is made in one piece and then handed to the reply, since a bulk says
//! its length first.

use smallvec::{SmallVec, smallvec};

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::types::json::path::{Path, Values};
use crate::types::json::{Atom, Json, Layout, Names, Printer, View};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::super::options::is;
use super::number::show_number;
use super::{
    NO_DOCUMENT, all, answer, first, missing, missing_or, path_at, path_of, read, show_count,
    type_name, unexpected,
};

/// How RESP3 gets values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As JSON.
    Text,
    /// As values of the protocol, but arrays and objects as JSON.
    Shallow,
    Deep,
}

pub(super) fn format_of(
    ctx: &Ctx<'_>,
    word: Option<&[u8]>,
    command: &str,
) -> Result<Format, Error> {
    if !ctx.reply.is_resp3() {
        return Err(Error::from("ERR FORMAT argument is not supported on RESP2"));
    }
    let word = word.ok_or_else(|| Error::arity(command))?;
    let known = [
        ("STRING", Format::Text),
        ("STRINGS", Format::Text),
        ("EXPAND1", Format::Shallow),
        ("EXPAND", Format::Deep),
    ];
    let found = known.iter().find(|(name, _)| is(word, name));
    found
        .map(|(_, format)| *format)
        .ok_or(Error::from("ERR wrong reply format"))
}

/// JSON.GET key [INDENT indent] [NEWLINE newline] [SPACE space] [NOESCAPE] [FORMAT format] [path [path ...]]
pub(super) fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut layout = Layout::default();
    let mut format = Format::Text;
    let mut paths: SmallVec<[&[u8]; 2]> = SmallVec::new();
    let mut words = args.from(2);
    while let Some(word) = words.next() {
        let place = match word.len() {
            6 if is(word, "INDENT") => &mut layout.indent,
            7 if is(word, "NEWLINE") => &mut layout.newline,
            5 if is(word, "SPACE") => &mut layout.space,
            6 if is(word, "FORMAT") => {
                format = format_of(ctx, words.next(), "json.get")?;
                continue;
            }
            // Nothing is escaped that could be left as it is.
            8 if is(word, "NOESCAPE") => continue,
            _ => {
                paths.push(word);
                continue;
            }
        };
        *place = words.next().ok_or_else(|| Error::arity("json.get"))?;
    }
    let Some(json) = read(&mut ctx.keys, args.at(1))? else {
        ctx.reply.null();
        return Ok(());
    };
    if format != Format::Text {
        return get_values(&mut ctx.reply, json, &paths, format);
    }
    let mut text = ctx.services.scratch.lend();
    let mut printer = Printer::new(&mut text, layout);
    match paths.as_slice() {
        [] => printer.value(json.view(), json.names()),
        [path] => print_path(&mut printer, json, &path_of(path)?)?,
        _ => print_paths(&mut printer, json, &paths)?,
    }
    ctx.reply.bulk(&text);
    ctx.services.scratch.take_back(text);
    Ok(())
}

fn print_path(printer: &mut Printer<'_>, json: &Json, path: &Path<'_>) -> Result<(), Error> {
    if path.is_legacy {
        let view = first(json, path)?.ok_or_else(|| missing(&path.text()))?;
        printer.value(view, json.names());
        return Ok(());
    }
    print_all(printer, json, &all(json, path)?);
    Ok(())
}

fn print_all(printer: &mut Printer<'_>, json: &Json, views: &[View<'_>]) {
    printer.open(b'[');
    for (at, view) in views.iter().enumerate() {
        printer.next(at == 0);
        printer.value(*view, json.names());
    }
    printer.close(b']', views.is_empty());
}

/// An object whose fields are the paths as they were given. If one is of the newer form, all are answered so.
fn print_paths(printer: &mut Printer<'_>, json: &Json, texts: &[&[u8]]) -> Result<(), Error> {
    let mut paths: Vec<(&[u8], Path<'_>)> = Vec::new();
    for text in texts {
        // One that cannot be read is left out, as is one that was there before.
        if let Ok(path) = Path::parse(text)
            && paths.iter().all(|(other, _)| other != text)
        {
            paths.push((text, path));
        }
    }
    let is_legacy = paths.iter().all(|(_, path)| path.is_legacy);
    printer.open(b'{');
    for (at, (text, path)) in paths.iter().enumerate() {
        printer.next(at == 0);
        printer.name(text);
        if is_legacy {
            let view = first(json, path)?.ok_or_else(|| missing(text))?;
            printer.value(view, json.names());
        } else {
            print_all(printer, json, &all(json, path)?);
        }
    }
    printer.close(b'}', paths.is_empty());
    Ok(())
}

/// An array for each path, of the values that it leads to.
fn get_values(reply: &mut Reply<'_>, json: &Json, texts: &[&[u8]], format: Format) -> Outcome {
    let mut paths = Vec::new();
    for text in texts {
        paths.push(Path::parse(text).ok());
    }
    if paths.is_empty() {
        paths.push(Some(Path::root()));
    }
    let found = paths.iter().map(|path| match path {
        Some(path) => all(json, path),
        None => Ok(Values::new()),
    });
    let found = found.collect::<Result<Vec<_>, _>>()?;
    reply.array(found.len());
    for views in &found {
        reply.array(views.len());
        for view in views {
            reply_value(reply, *view, json.names(), format);
        }
    }
    Ok(())
}

/// A value as one of the protocol. The recursion is as deep as the document, which is bounded.
pub(super) fn reply_value(reply: &mut Reply<'_>, view: View<'_>, names: &Names, format: Format) {
    match view.atom() {
        Atom::Null => reply.null(),
        Atom::Bool(is_true) => reply.boolean(is_true),
        Atom::Number(number) => show_number(reply, &number),
        Atom::Text(text) => reply.bulk(text),
        Atom::Array | Atom::Object if format != Format::Deep => {
            let mut text = Vec::new();
            Printer::new(&mut text, Layout::default()).value(view, names);
            reply.bulk(&text);
        }
        Atom::Array => {
            reply.array(view.len());
            for (_, child) in view.children() {
                reply_value(reply, child, names, format);
            }
        }
        Atom::Object => {
            reply.map(view.len());
            for (name, child) in view.children() {
                reply.bulk(name.text(names));
                reply_value(reply, child, names, format);
            }
        }
    }
}

/// JSON.MGET key [key ...] path
pub(super) fn mget(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let last = args.len() - 1;
    let path = Path::parse(args.at(last)).ok();
    ctx.reply.array(last - 1);
    for at in 1..last {
        // What is no document, or has nothing there, is null.
        let json = read(&mut ctx.keys, args.at(at)).ok().flatten();
        let mut text = ctx.services.scratch.lend();
        let mut printer = Printer::new(&mut text, Layout::default());
        let printed = json
            .zip(path.as_ref())
            .is_some_and(|(json, path)| print_path(&mut printer, json, path).is_ok());
        if printed {
            ctx.reply.bulk(&text);
        } else {
            ctx.reply.null();
        }
        ctx.services.scratch.take_back(text);
    }
    Ok(())
}

/// JSON.TYPE key [path]
pub(super) fn type_of(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_at(args, 2)?;
    let json = read(&mut ctx.keys, args.at(1))?;
    let types = match json {
        None => None,
        Some(json) if path.is_legacy => first(json, &path)?.map(|view| vec![type_name(view)]),
        Some(json) => Some(all(json, &path)?.into_iter().map(type_name).collect()),
    };
    if ctx.reply.is_resp3() {
        ctx.reply.array(1);
    }
    match types {
        None => ctx.reply.null(),
        Some(types) => {
            let types: Vec<_> = types.into_iter().map(Some).collect();
            answer(&mut ctx.reply, &path, &types, |reply, name| {
                reply.bulk(name.as_bytes());
            });
        }
    }
    Ok(())
}

/// JSON.OBJLEN key [path]
pub(super) fn objlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_at(args, 2)?;
    let Some(json) = read(&mut ctx.keys, args.at(1))? else {
        if !path.is_legacy {
            return Err(missing_or(&path.text(), "not an object"));
        }
        ctx.reply.null();
        return Ok(());
    };
    let len = |view: View<'_>| view.is_object().then(|| view.len());
    let lens = if path.is_legacy {
        match first(json, &path)? {
            Some(view) if !view.is_object() => return Err(unexpected("object", view)),
            view => vec![view.and_then(len)],
        }
    } else {
        all(json, &path)?.into_iter().map(len).collect()
    };
    answer(&mut ctx.reply, &path, &lens, show_count);
    Ok(())
}

/// JSON.OBJKEYS key [path]
pub(super) fn objkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_at(args, 2)?;
    let Some(json) = read(&mut ctx.keys, args.at(1))? else {
        if !path.is_legacy {
            return Err(Error::from(NO_DOCUMENT));
        }
        ctx.reply.null();
        return Ok(());
    };
    let views = if path.is_legacy {
        match first(json, &path)? {
            Some(view) if !view.is_object() => {
                return Err(missing_or(&path.text(), "not an object"));
            }
            view => vec![view],
        }
    } else {
        all(json, &path)?.into_iter().map(Some).collect()
    };
    let objects: Vec<_> = views
        .into_iter()
        .map(|view| view.filter(|view| view.is_object()))
        .collect();
    answer(&mut ctx.reply, &path, &objects, |reply, view| {
        reply.array(view.len());
        for (name, _) in view.children() {
            reply.bulk(name.text(json.names()));
        }
    });
    Ok(())
}

/// JSON.RESP key [path]
pub(super) fn resp(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let path = path_at(args, 2)?;
    let Some(json) = read(&mut ctx.keys, args.at(1))? else {
        ctx.reply.null();
        return Ok(());
    };
    let views: Vec<_> = if path.is_legacy {
        let view = first(json, &path)?.ok_or_else(|| missing(&path.text()))?;
        vec![Some(view)]
    } else {
        all(json, &path)?.into_iter().map(Some).collect()
    };
    answer(&mut ctx.reply, &path, &views, |reply, view| {
        nest(reply, *view, json.names());
    });
    Ok(())
}

/// Arrays and objects as arrays that begin with a bracket.
fn nest(reply: &mut Reply<'_>, view: View<'_>, names: &Names) {
    match view.atom() {
        Atom::Null => reply.null(),
        Atom::Bool(true) => reply.simple("true"),
        Atom::Bool(false) => reply.simple("false"),
        Atom::Number(number) => show_number(reply, &number),
        Atom::Text(text) => reply.bulk(text),
        Atom::Array => {
            reply.array(1 + view.len());
            reply.simple("[");
            for (_, child) in view.children() {
                nest(reply, child, names);
            }
        }
        Atom::Object => {
            reply.array(1 + 2 * view.len());
            reply.simple("{");
            for (name, child) in view.children() {
                reply.bulk(name.text(names));
                nest(reply, child, names);
            }
        }
    }
}

/// JSON.DEBUG MEMORY key [path], JSON.DEBUG HELP
pub(super) fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    const HELP: [&[u8]; 2] = [
        b"MEMORY <key> [path] - reports memory usage",
        b"HELP                - this message",
    ];
    if is(args.at(1), "HELP") {
        ctx.reply.array(HELP.len());
        for line in HELP {
            ctx.reply.bulk(line);
        }
        return Ok(());
    }
    if !is(args.at(1), "MEMORY") {
        return Err(Error::from(
            "ERR unknown subcommand - try `JSON.DEBUG HELP`",
        ));
    }
    let key = args.get(2).ok_or_else(|| Error::arity("json.debug"))?;
    let path = path_at(args, 3)?;
    let Some(json) = read(&mut ctx.keys, key)? else {
        if path.is_legacy {
            ctx.reply.integer(0);
        } else {
            ctx.reply.array(0);
        }
        return Ok(());
    };
    let views = if path.is_legacy {
        smallvec![first(json, &path)?.ok_or_else(|| missing(&path.text()))?]
    } else {
        all(json, &path)?
    };
    let sizes: Vec<_> = views.into_iter().map(|view| Some(view.memory())).collect();
    answer(&mut ctx.reply, &path, &sizes, show_count);
    Ok(())
}
