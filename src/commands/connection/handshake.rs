//! HELLO and AUTH: the protocol of a session, and its user.

use crate::acl;
use crate::acl::log::Reason;
use crate::config::REDIS_VERSION;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use super::super::modules::list_modules;
use super::super::options::{integer, is};
use super::client::checked_name;

/// HELLO [protover [AUTH username password] [SETNAME clientname]]
pub(crate) fn hello(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
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
            name = Some(checked_name(values.at(0), b"Client names")?);
            rest = values.from(1);
        } else {
            return Err(Error::quoting(
                "ERR Syntax error in HELLO option '",
                option,
                "'",
            ));
        }
    }
    // The name and the protocol change only after the password was right: a refused HELLO leaves the session as it was.
    if let Some((user, password)) = credentials {
        authenticate(ctx, args, user, password)?;
    }
    if ctx.session.is_stranger() {
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
    let role = if ctx.services.replication.is_replica() {
        "replica"
    } else {
        "master"
    };
    let number = ctx.session.number as i64;
    let version = if ctx.reply.is_resp3() { 3 } else { 2 };
    let reply = &mut ctx.reply;
    reply.map(7);
    reply.bulk(b"server");
    // Clients look here for the commands they may send, so it is the name of the server that we are compatible with.
    reply.bulk(b"redis");
    reply.bulk(b"version");
    // The version that clients adapt to; ours is in INFO.
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
    list_modules(reply);
}

/// AUTH [username] password
pub(crate) fn auth(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    (1..args.len().min(3)).for_each(|at| ctx.fx.redact(at));
    match args.len() {
        2 => {
            if ctx.services.users.default_user().needs_no_password() {
                return Err(Error::from(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure \
                     your configuration is correct?",
                ));
            }
            authenticate(ctx, args, acl::DEFAULT, args.at(1))?;
        }
        3 => authenticate(ctx, args, args.at(1), args.at(2))?,
        _ => return Err(Error::Syntax),
    }
    ctx.reply.ok();
    Ok(())
}

/// Lets the session become a user, if it knows the password.
fn authenticate(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    user: &[u8],
    password: &[u8],
) -> Result<(), Error> {
    let Some(identity) = ctx.services.users.authenticate(user, password) else {
        let (origin, now) = (ctx.origin, &ctx.now);
        let object = args.at(0);
        (ctx.services).note_refused(ctx.session, Reason::Auth, object, Some(user), (origin, now));
        return Err(Error::WrongPass);
    };
    ctx.session.enter_as(identity, &ctx.services.users);
    Ok(())
}
