//! CLIENT LIST and CLIENT INFO: sessions as lines of text.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::engine::session::line::{self, Beside};
use crate::engine::session::{Class, Link};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::{integer, is};

/// CLIENT INFO
pub(crate) fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let beside = Beside {
        args_bytes: args.total_bytes(),
        stream: ctx.services.replication.held_for(ctx.session),
    };
    let mut line = Vec::new();
    line::push_line(&mut line, ctx.session, ctx.now.monotonic_us, beside);
    line.push(b'\n');
    ctx.reply.verbatim("txt", &line);
    Ok(())
}

/// CLIENT LIST [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id [client-id ...]]
pub(crate) fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut lines = Vec::new();
    match args.get(2) {
        None => push_all(ctx, args, None, &mut lines),
        Some(option) if is(option, "type") && args.len() == 4 => {
            push_all(ctx, args, Some(class(args.at(3))?), &mut lines);
        }
        Some(option) if is(option, "id") && args.len() > 3 => {
            let numbers = args.from(3).map(|text| {
                let number = integer(text).map_err(|_| Error::from("ERR Invalid client ID"))?;
                Ok(u64::try_from(number).unwrap_or_default())
            });
            for number in numbers.collect::<Result<Vec<_>, Error>>()? {
                push_one(ctx, args, number, None, &mut lines);
            }
        }
        Some(_) => return Err(Error::Syntax),
    }
    ctx.reply.verbatim("txt", &lines);
    Ok(())
}

fn push_all(ctx: &Ctx<'_>, args: Args<'_>, class: Option<Class>, lines: &mut Vec<u8>) {
    for number in ctx.sessions.numbers() {
        push_one(ctx, args, number, class, lines);
    }
}

/// The line of one session, unless it is of another class or about to be dropped.
fn push_one(ctx: &Ctx<'_>, args: Args<'_>, number: u64, class: Option<Class>, lines: &mut Vec<u8>) {
    let now_us = ctx.now.monotonic_us;
    let (session, args_bytes) = if number == ctx.session.number {
        (&*ctx.session, args.total_bytes())
    } else {
        let Some(session) = ctx
            .sessions
            .by_number(number)
            .and_then(|id| ctx.sessions.get(id))
        else {
            return;
        };
        (session, 0)
    };
    if session.is_cut()
        || session.link == Link::Internal
        || class.is_some_and(|class| class != session.class())
    {
        return;
    }
    let beside = Beside {
        args_bytes,
        stream: ctx.services.replication.held_for(session),
    };
    line::push_line(lines, session, now_us, beside);
    lines.push(b'\n');
}

/// A kind of session by its name.
pub(crate) fn class(name: &[u8]) -> Result<Class, Error> {
    let known = [
        ("normal", Class::Normal),
        ("slave", Class::Replica),
        ("replica", Class::Replica),
        ("pubsub", Class::Pubsub),
        ("master", Class::Primary),
    ];
    match known.iter().find(|(word, _)| is(name, word)) {
        Some((_, class)) => Ok(*class),
        None => Err(Error::quoting("ERR Unknown client type '", name, "'")),
    }
}
