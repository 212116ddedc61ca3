//! CLIENT, but for listing, killing and tracking: what a session says about itself, and what it wants of us.

use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::engine::pause::PauseMode;
use crate::engine::session::flag;
use crate::engine::wake::{Ending, end_wait};
use crate::spec::connection as spec;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::help::help;
use super::super::options::{integer, is};
use super::{kill, list, tracking};

pub const ROWS: &[Row] = &[
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
    ctx.session.about.name = checked_name(args.at(2), "Client names")?.to_vec();
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
        ctx.session.about.library_name = checked_name(value, "lib-name")?.to_vec();
    } else if is(attribute, "lib-ver") {
        ctx.session.about.library_version = checked_name(value, "lib-ver")?.to_vec();
    } else {
        return Err(Error::from(
            [b"ERR Unrecognized option '", attribute, b"'"].concat(),
        ));
    }
    ctx.reply.ok();
    Ok(())
}

/// A text that can stand in a line of CLIENT LIST without breaking it.
pub fn checked_name<'a>(name: &'a [u8], what: &str) -> Result<&'a [u8], Error> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(name);
    }
    Err(Error::from(format!(
        "ERR {what} cannot contain spaces, newlines or special characters."
    )))
}

/// CLIENT REPLY ON | OFF | SKIP
fn reply(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let action = args.at(2);
    if is(action, "on") {
        ctx.session.unset(flag::REPLY_OFF | flag::REPLY_SKIP);
        ctx.reply.set_muted(false);
        ctx.reply.ok();
    } else if is(action, "off") {
        ctx.session.set(flag::REPLY_OFF);
    } else if is(action, "skip") {
        if !ctx.session.has(flag::REPLY_OFF) {
            ctx.session.set(flag::REPLY_SKIP_NEXT);
        }
    } else {
        return Err(Error::Syntax);
    }
    Ok(())
}

/// CLIENT NO-EVICT ON | OFF
fn no_evict(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let on = on_or_off(args.at(2))?;
    ctx.session.put(flag::NO_EVICT, on);
    ctx.reply.ok();
    Ok(())
}

/// CLIENT NO-TOUCH ON | OFF
fn no_touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let on = on_or_off(args.at(2))?;
    ctx.session.put(flag::NO_TOUCH, on);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn on_or_off(word: &[u8]) -> Result<bool, Error> {
    if is(word, "on") {
        Ok(true)
    } else if is(word, "off") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
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
        Some(_) => return Err(Error::Syntax),
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
    // What expires during the pause must not change the data that somebody waits to see unchanged.
    ctx.keys.space.may_expire = false;
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
        return Err(Error::arity("client|unblock"));
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
    let ended = target.is_some_and(|target| {
        end_wait(ctx.sessions, ctx.services, target, &ending, ctx.now.unix_ms)
    });
    ctx.reply.integer(i64::from(ended));
    Ok(())
}
