//! HELLO and AUTH: in which protocol we talk, and as whom.

use std::borrow::Cow;

use subtle::ConstantTimeEq;

use crate::config::Config;
use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::engine::session::{Session, flag};
use crate::spec::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::super::options::{integer, is};
use super::client::checked_name;

/// The version that clients adapt to; ours is in INFO.
pub const REDIS_VERSION: &str = "8.0.6";

/// The only user there is.
const DEFAULT_USER: &[u8] = b"default";

/// HELLO [protover [AUTH username password] [SETNAME clientname]]
pub fn hello(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let protocol = match args.get(1) {
        None => None,
        Some(text) => match integer(text) {
            Ok(2) => Some(Protocol::Resp2),
            Ok(3) => Some(Protocol::Resp3),
            Ok(_) => return Err(Error::NoProto),
            Err(_) => {
                return Err(Error::from(
                    "ERR Protocol version is not an integer or out of range",
                ));
            }
        },
    };
    let mut credentials = None;
    let mut name = None;
    let mut rest = args.from(2);
    while let Some(option) = rest.next() {
        let values = rest.rest();
        if is(option, "AUTH") && values.len() >= 2 {
            credentials = Some((values.at(0), values.at(1)));
            let at = args.len() - values.len();
            ctx.fx.redact(at);
            ctx.fx.redact(at + 1);
            rest = values.from(2);
        } else if is(option, "SETNAME") && !values.is_empty() {
            name = Some(checked_name(values.at(0), "Client names")?);
            rest = values.from(1);
        } else {
            let text = [b"ERR Syntax error in HELLO option '", option, b"'"].concat();
            return Err(Error::from(text));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(ctx, user, password)?;
    }
    if !ctx.session.has(flag::AUTHENTICATED) && !ctx.services.config.requirepass.is_empty() {
        return Err(Error::from(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ));
    }
    if let Some(name) = name {
        ctx.session.about.name = name.to_vec();
    }
    if let Some(protocol) = protocol {
        ctx.session.protocol = protocol;
        ctx.reply.protocol = protocol;
    }
    greet(ctx);
    Ok(())
}

fn greet(ctx: &mut Ctx<'_>) {
    let config = &ctx.services.config;
    let mode = if config.cluster_enabled {
        "cluster"
    } else {
        "standalone"
    };
    let role = if config.replicaof.0.is_some() {
        "replica"
    } else {
        "master"
    };
    let number = ctx.session.number as i64;
    let version = if ctx.reply.is_resp3() { 3 } else { 2 };
    let reply = &mut ctx.reply;
    reply.map(7);
    reply.bulk(b"server");
    // Clients look here for what they may send, so it is the name of what we are compatible with.
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(version);
    reply.bulk(b"id");
    reply.integer(number);
    reply.bulk(b"mode");
    reply.bulk(mode.as_bytes());
    reply.bulk(b"role");
    reply.bulk(role.as_bytes());
    reply.bulk(b"modules");
    reply.array(0);
}

/// AUTH [username] password
pub fn auth(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    (1..args.len().min(3)).for_each(|at| ctx.fx.redact(at));
    match args.len() {
        2 => {
            if ctx.services.config.requirepass.is_empty() {
                return Err(Error::from(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure \
                     your configuration is correct?",
                ));
            }
            authenticate(ctx, DEFAULT_USER, args.at(1))?;
        }
        3 => authenticate(ctx, args.at(1), args.at(2))?,
        _ => return Err(Error::Syntax),
    }
    ctx.reply.ok();
    Ok(())
}

/// Lets the session become a user, if it knows the password.
fn authenticate(ctx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let wanted = &ctx.services.config.requirepass;
    // In constant time, so that the time a refusal takes tells nothing of how much was right.
    let knows = wanted.is_empty() || bool::from(wanted.as_slice().ct_eq(password));
    if user != DEFAULT_USER || !knows {
        ctx.services.stats.acl_denied_auth += 1;
        return Err(Error::WrongPass);
    }
    ctx.session.about.user = Cow::Borrowed(DEFAULT_USER);
    ctx.session.set(flag::AUTHENTICATED);
    Ok(())
}

/// As when the session was opened: nobody in particular, who may do everything unless there is a password.
pub fn become_default_user(session: &mut Session, config: &Config) {
    session.about.user = Cow::Borrowed(DEFAULT_USER);
    session.put(flag::AUTHENTICATED, config.requirepass.is_empty());
}
