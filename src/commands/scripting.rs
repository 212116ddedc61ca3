//! EVAL and its kin, and SCRIPT, which keeps what they run.

use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::debugging;
use crate::engine::run::executing::{Asked, Busy, Kind};
use crate::engine::run::script::Running;
use crate::engine::session::Debugging;
use crate::engine::tell::monitor;
use crate::script::{Failure, Name, Returned, Said, name_in, write};
use crate::spec::error::Error;
use crate::spec::scripting as spec;
use crate::wire::args::Args;

use super::help::help;
use super::options::{integer, is};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::EVAL, |ctx, args| eval(ctx, args, false)),
    Row::new(&spec::EVAL_RO, |ctx, args| eval(ctx, args, true)),
    Row::new(&spec::EVALSHA, |ctx, args| evalsha(ctx, args, false)),
    Row::new(&spec::EVALSHA_RO, |ctx, args| evalsha(ctx, args, true)),
    Row::container(&spec::SCRIPT, SCRIPT),
];

const SCRIPT: &[Row] = &[
    Row::new(&spec::SCRIPT_DEBUG, debug),
    Row::new(&spec::SCRIPT_EXISTS, exists),
    Row::new(&spec::SCRIPT_FLUSH, flush),
    Row::new(&spec::SCRIPT_HELP, help),
    Row::new(&spec::SCRIPT_KILL, kill),
    Row::new(&spec::SCRIPT_LOAD, load),
];

/// EVAL script numkeys [key ...] [arg ...]
fn eval(ctx: &mut Ctx<'_>, args: Args<'_>, is_read_only: bool) -> Outcome {
    monitor::announce(ctx, args);
    if ctx.session.debugging.is_none() {
        return eval_then(ctx, args, is_read_only, None);
    }
    let mut said = Said::default();
    let before = ctx.reply.output().mark();
    let outcome = eval_then(ctx, args, is_read_only, Some(&mut said));
    debugging::part(ctx, said, before);
    outcome
}

/// `said`: the client debugs the script, and this is what it has not been told when the script has ended.
fn eval_then(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    is_read_only: bool,
    said: Option<&mut Said>,
) -> Outcome {
    let key_count = key_count(args)?;
    let scripts = &mut ctx.services.scripts;
    let name = scripts.add(args.at(1), true).map_err(Error::from)?;
    run(ctx, args, &name, key_count, is_read_only, said)
}

/// EVALSHA sha1 numkeys [key ...] [arg ...]
fn evalsha(ctx: &mut Ctx<'_>, args: Args<'_>, is_read_only: bool) -> Outcome {
    if ctx.session.debugging.is_some() {
        return Err("ERR Please use EVAL instead of EVALSHA for debugging".into());
    }
    monitor::announce(ctx, args);
    let name = name_in(args.at(1)).ok_or(Error::NoScript)?;
    let key_count = key_count(args)?;
    run(ctx, args, &name, key_count, is_read_only, None)
}

fn key_count(args: Args<'_>) -> Result<usize, Error> {
    let count = integer(args.at(2))?;
    if count > args.len() as i64 - 3 {
        return Err(Error::KeysExceedArgs);
    }
    usize::try_from(count).map_err(|_| Error::KeysNegative)
}

/// Runs a script that is there. It runs on the loop; the interpreter is taken out meanwhile, for the script's commands
/// may use everything else.
fn run(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    name: &Name,
    key_count: usize,
    is_read_only: bool,
    said: Option<&mut Said>,
) -> Outcome {
    let script = ctx
        .services
        .scripts
        .begin_run(name)
        .ok_or(Error::NoScript)?;
    let (flags, code) = (script.flags, script.code);
    let (keys, rest) = (args.tail(3).head(key_count), args.tail(3 + key_count));
    let interpreter = ctx.services.scripts.take_interpreter();
    let kind = Kind::Script;
    let asked = Asked { kind, name, args };
    let debugging = said.as_ref().and(ctx.session.debugging);
    let outcome = match Running::begin(ctx, asked, flags, is_read_only) {
        Err(refusal) => Err(refusal),
        Ok(mut running) => {
            if let Some(how) = debugging {
                interpreter.watch(args.at(1));
                running.debug(how);
            }
            let ran = interpreter.run(code, keys, rest, &mut running);
            if let Some(said) = said {
                *said = interpreter.end_watch();
            }
            running.end();
            match ran {
                Err(failure) => Err(told(failure, name)),
                Ok(returned) => answer(ctx, &returned),
            }
        }
    };
    ctx.services.scripts.put_back(interpreter);
    outcome
}

/// Replies with what the script has returned. An error that it returns is its failure; errors inside of other values
/// are counted.
pub(super) fn answer(ctx: &mut Ctx<'_>, returned: &Returned<'_>) -> Outcome {
    let Ctx {
        reply, services, ..
    } = ctx;
    let written = write(reply, returned, &mut |text| services.stats.error(text));
    written.map_err(
        |Failure {
             text, is_counted, ..
         }| failed(text, is_counted),
    )
}

fn failed(text: Vec<u8>, is_counted: bool) -> Error {
    if is_counted {
        Error::Counted(text.into())
    } else {
        Error::from(text)
    }
}

/// The error that the client gets: what went wrong, in which script, and where.
pub(super) fn told(failure: Failure, name: &[u8]) -> Error {
    let mut text = failure.text;
    if let Some((source, line)) = failure.place {
        text.extend_from_slice(b" script: ");
        text.extend_from_slice(name);
        text.extend_from_slice(b", on ");
        text.extend_from_slice(&source);
        text.extend_from_slice(format!(":{line}.").as_bytes());
    }
    failed(text, failure.is_counted)
}

/// SCRIPT LOAD script
fn load(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let scripts = &mut ctx.services.scripts;
    let name = scripts.add(args.at(2), false).map_err(Error::from)?;
    ctx.reply.bulk(&name);
    Ok(())
}

/// SCRIPT EXISTS sha1 [sha1 ...]
fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.reply.array(args.len() - 2);
    for word in args.from(2) {
        let is_there = name_in(word).is_some_and(|name| ctx.services.scripts.contains(&name));
        ctx.reply.integer(is_there.into());
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC | SYNC]
fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let is_fine = match args.len() {
        2 => true,
        3 => is(args.at(2), "sync") || is(args.at(2), "async"),
        _ => false,
    };
    if !is_fine {
        return Err("ERR SCRIPT FLUSH only support SYNC|ASYNC option".into());
    }
    // Freed at once in any case: an interpreter belongs to this thread. The texts of scripts are small.
    ctx.services.scripts.flush();
    ctx.reply.ok();
    Ok(())
}

/// SCRIPT KILL. It is heard only while a script has run for long.
fn kill(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    Busy::kill(ctx.services.busy.as_deref_mut(), Kind::Script)?;
    ctx.reply.ok();
    Ok(())
}

/// SCRIPT DEBUG YES | SYNC | NO
fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.reply.unsent() > 0 {
        return Err("ERR SCRIPT DEBUG must be called outside a pipeline".into());
    }
    let word = args.at(2);
    ctx.session.debugging = if is(word, "no") {
        None
    } else if is(word, "yes") {
        Some(Debugging::Aside)
    } else if is(word, "sync") {
        Some(Debugging::Synchronously)
    } else {
        return Err("ERR Use SCRIPT DEBUG YES/SYNC/NO".into());
    };
    ctx.reply.ok();
    Ok(())
}
