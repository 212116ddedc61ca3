//! CLIENT, but for listing, killing and tracking: the name and the wishes of a session.

use crate::base::text::up_to_nul;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::session::Replies;
use crate::engine::waiting::Ending;
use crate::engine::waiting::pause::PauseMode;
use crate::spec::connection as spec;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::help::help;
use super::super::options::{integer, is, on_or_off};
use super::{kill, list, tracking};

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::CLIENT_CACHING, tracking::caching),
    Row::new(&spec::CLIENT_GETNAME, getname),
    Row::new(&spec::CLIENT_GETREDIR, tracking::getredir),
    Row::new(&spec::CLIENT_HELP, help),
    Row::new(&spec::CLIENT_ID, id),
    Row::new(&spec::CLIENT_INFO, list::info),
    Row::new(&spec::CLIENT_KILL, kill::kill),
    Row::new(&spec::CLIENT_LIST, list::list),
    Row::new(&spec::CLIENT_NO_EVICT, no_evict),
    Row::new(&spec::CLIENT_NO_TOUCH, no_touch),
    Row::new(&spec::CLIENT_PAUSE, pause),
    Row::new(&spec::CLIENT_REPLY, reply),
    Row::new(&spec::CLIENT_SETINFO, setinfo),
    Row::new(&spec::CLIENT_SETNAME, setname),
    Row::new(&spec::CLIENT_TRACKING, tracking::tracking),
    Row::new(&spec::CLIENT_TRACKINGINFO, tracking::trackinginfo),
    Row::new(&spec::CLIENT_UNBLOCK, unblock),
    Row::new(&spec::CLIENT_UNPAUSE, unpause),
];

/// CLIENT ID
fn id(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.integer(ctx.session.number as i64);
    Ok(())
}

/// CLIENT SETNAME connection-name
fn setname(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    ctx.session.about.name = checked_name(args.at(2), b"Client names")?.to_vec();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT GETNAME
fn getname(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let name = &ctx.session.about.name;
    if name.is_empty() {
        ctx.reply.null()
    } else {
        ctx.reply.bulk(name)
    }
    Ok(())
}

/// CLIENT SETINFO LIB-NAME libname | LIB-VER libver
fn setinfo(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (attribute, value) = (args.at(2), args.at(3));
    if is(attribute, "lib-name") {
        ctx.session.about.library_name = checked_name(value, attribute)?.to_vec();
    } else if is(attribute, "lib-ver") {
        ctx.session.about.library_version = checked_name(value, attribute)?.to_vec();
    } else {
        return Err(Error::quoting("ERR Unrecognized option '", attribute, "'"));
    }
    ctx.reply.ok();
    Ok(())
}

/// A text that can stand in a line of CLIENT LIST without breaking it. `what` is how the refusal calls it: CLIENT
/// SETINFO repeats the attribute as it was typed.
pub(crate) fn checked_name<'a>(name: &'a [u8], what: &[u8]) -> Result<&'a [u8], Error> {
    // Redis looks at a C string, so behind a NUL anything passes, and all of it becomes the name.
    let is_fine = |byte: &u8| (b'!'..=b'~').contains(byte);
    if up_to_nul(name).iter().all(is_fine) {
        return Ok(name);
    }
    Err(Error::quoting(
        "ERR ",
        what,
        " cannot contain spaces, newlines or special characters.",
    ))
}

/// CLIENT REPLY ON | OFF | SKIP
fn reply(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let action = args.at(2);
    if is(action, "on") {
        ctx.session.replies = Replies::On;
        ctx.reply.set_muted(false);
        // Only ON is answered: OFF and SKIP begin with silence about themselves.
        ctx.reply.ok();
    } else if is(action, "off") {
        ctx.session.replies = Replies::Off;
    } else if is(action, "skip") {
        if ctx.session.replies != Replies::Off {
            ctx.session.replies = Replies::SkipNext;
        }
    } else {
        return Err(Error::Syntax);
    }
    Ok(())
}

/// CLIENT NO-EVICT ON | OFF
fn no_evict(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let on = on_or_off(args.at(2))?;
    ctx.session.no_evict = on;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT NO-TOUCH ON | OFF
fn no_touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let on = on_or_off(args.at(2))?;
    ctx.session.no_touch = on;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT PAUSE timeout [WRITE | ALL]
fn pause(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mode = match args.get(3) {
        None => PauseMode::All,
        Some(word) if args.len() == 4 && is(word, "write") => PauseMode::Write,
        Some(word) if args.len() == 4 && is(word, "all") => PauseMode::All,
        Some(_) if args.len() == 4 => {
            return Err(Error::from("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
        Some(_) => return Err(Error::subcommand_syntax("client", args.at(1))),
    };
    let timeout = integer(args.at(2))
        .map_err(|_| Error::from("ERR timeout is not an integer or out of range"))?;
    if timeout < 0 {
        return Err(Error::from("ERR timeout is negative"));
    }
    let until = ctx
        .now
        .unix_ms
        .checked_add(timeout)
        .ok_or(Error::from("ERR timeout is out of range"))?;
    ctx.services.pause.start(until, mode);
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNPAUSE
fn unpause(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.services.pause.end();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNBLOCK client-id [TIMEOUT | ERROR]
fn unblock(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 4 {
        return Err(Error::subcommand_syntax("client", args.at(1)));
    }
    let ending = match args.get(3) {
        None => Ending::TimedOut,
        Some(reason) if is(reason, "timeout") => Ending::TimedOut,
        Some(reason) if is(reason, "error") => Ending::Refused(Error::Unblocked),
        Some(_) => {
            return Err(Error::from(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let number = integer(args.at(2))?;
    let target = u64::try_from(number)
        .ok()
        .and_then(|number| ctx.sessions.by_number(number));
    let ended = target.is_some_and(|target| ctx.waits().end(target, &ending));
    ctx.reply.integer(i64::from(ended));
    Ok(())
}
