//! FUNCTION, which keeps libraries of functions, and FCALL and FCALL_RO, which call them.

use smallvec::SmallVec;

use crate::base::glob;
use crate::base::lzf::Compressor;
use crate::base::text::up_to_nul;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::executing::{Asked, Busy, Kind};
use crate::engine::run::script::Running;
use crate::engine::tell::monitor;
use crate::persist::rdb;
use crate::script::{Library, Policy};
use crate::spec::error::Error;
use crate::spec::scripting as spec;
use crate::wire::args::Args;

use super::help::help;
use super::limits;
use super::options::{integer, is};
use super::scripting::{answer, told};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::FCALL, |ctx, args| fcall(ctx, args, false)),
    Row::new(&spec::FCALL_RO, |ctx, args| fcall(ctx, args, true)),
    Row::container(&spec::FUNCTION, FUNCTION),
];

const FUNCTION: &[Row] = &[
    Row::new(&spec::FUNCTION_DELETE, delete),
    Row::new(&spec::FUNCTION_DUMP, dump),
    Row::new(&spec::FUNCTION_FLUSH, flush),
    Row::new(&spec::FUNCTION_HELP, help),
    Row::new(&spec::FUNCTION_KILL, kill),
    Row::new(&spec::FUNCTION_LIST, list),
    Row::new(&spec::FUNCTION_LOAD, load),
    Row::new(&spec::FUNCTION_RESTORE, restore),
    Row::new(&spec::FUNCTION_STATS, stats),
];

/// Names of functions up to this length are copied without asking for memory.
const NAME_BYTES: usize = 32;

/// FCALL function numkeys [key ...] [arg ...]
fn fcall(ctx: &mut Ctx<'_>, args: Args<'_>, is_read_only: bool) -> Outcome {
    monitor::announce(ctx, args);
    let Some(function) = ctx.services.functions.find(args.at(1)) else {
        return Err("ERR Function not found".into());
    };
    let count = integer(args.at(2)).map_err(|_| Error::from("ERR Bad number of keys provided"))?;
    if count > args.len() as i64 - 3 {
        return Err(Error::KeysExceedArgs);
    }
    let key_count = usize::try_from(count).map_err(|_| Error::KeysNegative)?;
    let (code, flags) = (function.code, function.flags);
    let name: SmallVec<[u8; NAME_BYTES]> = SmallVec::from_slice(&function.name);
    let (keys, rest) = (args.tail(3).head(key_count), args.tail(3 + key_count));
    let Some(interpreter) = ctx.services.functions.lend() else {
        return Err("ERR This Redis command is not allowed from script".into());
    };
    let asked = Asked {
        kind: Kind::Function,
        name: &name,
        args,
    };
    let outcome = match Running::begin(ctx, asked, flags, is_read_only) {
        Err(refusal) => Err(refusal),
        Ok(mut running) => {
            let ran = interpreter.call_function(code, keys, rest, &mut running);
            running.end();
            match ran {
                Err(failure) => Err(told(failure, &name)),
                Ok(returned) => answer(ctx, &returned),
            }
        }
    };
    ctx.services.functions.put_back(interpreter);
    outcome
}

/// FUNCTION LOAD [REPLACE] function-code
fn load(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let last = args.len() - 1;
    let options = args.head(last).from(2);
    let mut replaces = false;
    for option in options {
        if !is(option, "replace") {
            return Err(Error::quoting("ERR Unknown option given: ", option, ""));
        }
        replaces = true;
    }
    // What was decided elsewhere takes as long as it takes.
    let limit = (!ctx.is_replay()).then_some(ctx.clock);
    let loaded = ctx.services.functions.load(args.at(last), replaces, limit);
    let name = loaded.map_err(Error::from)?;
    ctx.keys.space.journal.dirty += 1;
    ctx.reply.bulk(&name);
    Ok(())
}

/// FUNCTION DELETE library-name
fn delete(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let was_there = ctx.services.functions.delete(args.at(2));
    if !was_there.map_err(Error::from)? {
        return Err("ERR Library not found".into());
    }
    ctx.keys.space.journal.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// FUNCTION FLUSH [ASYNC | SYNC]
///
/// The interpreter belongs to this thread and ends here in any case; the texts can be freed elsewhere.
fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let is_lazy = match args.get(2) {
        _ if args.len() > 3 => return Err(Error::subcommand_syntax("function", args.at(1))),
        None => ctx.keys.space.lazy.user_flush,
        Some(word) if is(word, "sync") => false,
        Some(word) if is(word, "async") => true,
        Some(_) => return Err("ERR FUNCTION FLUSH only supports SYNC|ASYNC option".into()),
    };
    let thrown = ctx.services.functions.flush().map_err(Error::from)?;
    if is_lazy {
        let count = thrown.function_count() as u64;
        // The interpreter counts as one more.
        ctx.keys.space.free_lazily(thrown, count + 1);
    }
    ctx.keys.space.journal.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// FUNCTION KILL
fn kill(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Busy::kill(ctx.services.busy.as_deref_mut(), Kind::Function)?;
    ctx.reply.ok();
    Ok(())
}

/// FUNCTION STATS
fn stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let Ctx {
        services, reply, ..
    } = ctx;
    if let Some(busy) = services
        .busy
        .as_ref()
        .filter(|busy| busy.kind != Kind::Function)
    {
        return Err(busy.kind.refusal());
    }
    let functions = &services.functions;
    let counts = [
        ("libraries_count", functions.libraries().len()),
        ("functions_count", functions.function_count()),
    ];
    reply.map(2);
    reply.bulk(b"running_script");
    match &services.busy {
        None => reply.null(),
        Some(busy) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&busy.name);
            reply.bulk(b"command");
            let words = busy.args.as_args();
            reply.array(words.len());
            words.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.count(busy.spent_ms as usize);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(counts.len());
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        reply.count(count);
    }
    Ok(())
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (mut pattern, mut with_code) = (None, false);
    let mut words = args.from(2);
    while let Some(word) = words.next() {
        if !with_code && is(word, "withcode") {
            with_code = true;
        } else if pattern.is_none() && is(word, "libraryname") {
            let given = words.next();
            pattern = Some(given.ok_or("ERR library name argument was not given")?);
        } else {
            // Line breaks at the end become spaces here, and are not left out.
            return Err(Error::from(
                [b"ERR Unknown argument ", up_to_nul(word)].concat(),
            ));
        }
    }
    let wanted = |library: &&Library| {
        pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, true))
    };
    let libraries: Vec<&Library> = ctx.services.functions.libraries().filter(wanted).collect();
    let reply = &mut ctx.reply;
    reply.array(libraries.len());
    for library in libraries {
        reply.map(3 + usize::from(with_code));
        reply.bulk(b"library_name");
        reply.bulk(&library.name);
        reply.bulk(b"engine");
        reply.bulk(b"LUA");
        reply.bulk(b"functions");
        reply.array(library.functions.len());
        for function in &library.functions {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&function.name);
            reply.bulk(b"description");
            match &function.description {
                Some(description) => reply.bulk(description),
                None => reply.null(),
            }
            reply.bulk(b"flags");
            reply.set(function.flags.names().count());
            function.flags.names().for_each(|name| reply.simple(name));
        }
        if with_code {
            reply.bulk(b"library_code");
            reply.bulk(&library.text);
        }
    }
    Ok(())
}

/// FUNCTION DUMP
fn dump(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let mut lzf = ctx.services.config.rdbcompression.then(Compressor::new);
    let libraries = ctx.services.functions.libraries();
    let texts = libraries.map(|library| &*library.text);
    let payload = rdb::dump_libraries(texts, lzf.as_mut());
    ctx.reply.bulk(&payload);
    Ok(())
}

/// FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]
fn restore(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let policy = match args.get(3) {
        _ if args.len() > 4 => return Err(Error::subcommand_syntax("function", args.at(1))),
        None => Policy::Append,
        Some(word) if is(word, "append") => Policy::Append,
        Some(word) if is(word, "replace") => Policy::Replace,
        Some(word) if is(word, "flush") => Policy::Flush,
        Some(_) => {
            return Err(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
                    .into(),
            );
        }
    };
    let trusts = ctx.services.debug.skips_checksums;
    let (body, version) = rdb::checked_payload(args.at(2), trusts)
        .ok_or("ERR DUMP payload version or checksum are wrong")?;
    let texts = rdb::libraries_in(body, version, &limits::all(ctx))
        .map_err(|wrong| Error::from(format!("ERR {wrong}")))?;
    let limit = (!ctx.is_replay()).then_some(ctx.clock);
    let restored = ctx.services.functions.restore(&texts, policy, limit);
    restored.map_err(Error::from)?;
    ctx.keys.space.journal.dirty += 1;
    ctx.reply.ok();
    Ok(())
}
