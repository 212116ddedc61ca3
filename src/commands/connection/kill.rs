//! CLIENT KILL: drops the sessions that all the given filters agree on.

use crate::base::slab::Id;
use crate::engine::clock::Now;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::engine::session::{Class, Link, Session};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::{integer, is};
use super::list::class;

/// The sessions that are meant; `None` for each criterion that was not given.
#[derive(Default)]
struct Filter<'a> {
    number: Option<u64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    class: Option<Class>,
    user: Option<Id>,
    older_than_s: Option<i64>,
    spares_me: bool,
}

/// CLIENT KILL ip:port | option value [option value ...]
pub(crate) fn kill(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if args.len() == 3 {
        return kill_by_address(ctx, args.at(2));
    }
    // The form with options spares the caller unless SKIPME says no, and zero kills are no error.
    let filter = parse(ctx, args)?;
    let mut killed = 0;
    let mut ends_me = false;
    for number in ctx.sessions.numbers().collect::<Vec<_>>() {
        if number == ctx.session.number {
            if !filter.spares_me && filter.means(ctx.session, &ctx.now) {
                ends_me = true;
                killed += 1;
            }
            continue;
        }
        let Some(session) = ctx
            .sessions
            .by_number(number)
            .and_then(|id| ctx.sessions.get(id))
        else {
            continue;
        };
        if filter.means(session, &ctx.now) {
            end(ctx, session.id);
            killed += 1;
        }
    }
    ctx.reply.integer(killed);
    if ends_me {
        ctx.session.close_after_reply();
    }
    Ok(())
}

/// The old form: it may kill the caller, and it complains when there is nobody to kill.
fn kill_by_address(ctx: &mut Ctx<'_>, address: &[u8]) -> Outcome {
    let filter = Filter {
        address: Some(address),
        ..Filter::default()
    };
    if filter.means(ctx.session, &ctx.now) {
        ctx.session.close_after_reply();
    } else {
        let found = ctx
            .sessions
            .iter()
            .find(|session| filter.means(session, &ctx.now))
            .map(|session| session.id);
        let Some(id) = found else {
            return Err(Error::from("ERR No such client"));
        };
        end(ctx, id);
    }
    ctx.reply.ok();
    Ok(())
}

/// Ends another session. Its connection goes at the end of the turn; who listens is counted without it at once.
fn end(ctx: &mut Ctx<'_>, id: Id) {
    if let Some(session) = ctx.sessions.get_mut(id) {
        ctx.services.forget(session);
    }
    ctx.sessions.close(id);
}

fn parse<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<Filter<'a>, Error> {
    let mut filter = Filter {
        spares_me: true,
        ..Filter::default()
    };
    let mut rest = args.from(2);
    while let Some(option) = rest.next() {
        let Some(value) = rest.next() else {
            return Err(Error::Syntax);
        };
        if is(option, "id") {
            filter.number = Some(number(value)?);
        } else if is(option, "maxage") {
            let age = integer(value)
                .map_err(|_| Error::from("ERR maxage is not an integer or out of range"))?;
            if age <= 0 {
                return Err(Error::from("ERR maxage should be greater than 0"));
            }
            filter.older_than_s = Some(age);
        } else if is(option, "type") {
            filter.class = Some(class(value)?);
        } else if is(option, "addr") {
            filter.address = Some(value);
        } else if is(option, "laddr") {
            filter.local_address = Some(value);
        } else if is(option, "user") {
            let user = ctx.services.users.id(value);
            let unknown = || Error::quoting("ERR No such user '", value, "'");
            filter.user = Some(user.ok_or_else(unknown)?);
        } else if is(option, "skipme") {
            filter.spares_me = if is(value, "yes") {
                true
            } else if is(value, "no") {
                false
            } else {
                return Err(Error::Syntax);
            };
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(filter)
}

fn number(text: &[u8]) -> Result<u64, Error> {
    match integer(text) {
        Ok(number @ 1..) => Ok(number as u64),
        _ => Err(Error::from("ERR client-id should be greater than 0")),
    }
}

impl Filter<'_> {
    fn means(&self, session: &Session, now: &Now) -> bool {
        let about = &session.about;
        let age_s = (now.monotonic_us.saturating_sub(about.created_us) / 1_000_000) as i64;
        !session.is_cut()
            && session.link != Link::Internal
            && self.number.is_none_or(|number| number == session.number)
            && self
                .address
                .is_none_or(|address| address == about.address.as_bytes())
            && self
                .local_address
                .is_none_or(|address| address == about.local_address.as_bytes())
            && self.class.is_none_or(|class| class == session.class())
            && self.user.is_none_or(|user| session.user.is(user))
            && self.older_than_s.is_none_or(|limit| age_s >= limit)
    }
}
