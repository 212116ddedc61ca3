//! CLIENT TRACKING and its relatives: a client with a cache says which changes it wants to hear of.

use crate::base::text::up_to_nul;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::engine::services::Services;
use crate::engine::session::{Session, Tracking, TrackingMode};
use crate::keyspace::journal::interest;
use crate::spec::error::Error;
use crate::tracking::{begin_alike, overlap};
use crate::wire::args::Args;

use super::super::options::{integer, is, on_or_off};

/// The options of CLIENT TRACKING.
#[derive(Default)]
struct Options<'a> {
    redirect: u64,
    broadcasts: bool,
    opts_in: bool,
    opts_out: bool,
    no_loop: bool,
    prefixes: Vec<&'a [u8]>,
}

/// CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
pub(crate) fn tracking(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = parse(ctx, args)?;
    if on_or_off(args.at(2))? {
        check(ctx.session.tracking.as_deref(), &options)?;
        start(ctx.services, ctx.session, &options);
        // From now on, not from the next command on: this one may be part of a transaction.
        ctx.keys.space.journal.interest |= interest::KEYS;
    } else {
        ctx.services.stop_tracking(ctx.session);
    }
    ctx.reply.ok();
    Ok(())
}

fn parse<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<Options<'a>, Error> {
    let mut options = Options::default();
    let mut rest = args.from(3);
    while let Some(option) = rest.next() {
        if is(option, "redirect") {
            let Some(value) = rest.next() else {
                return Err(Error::Syntax);
            };
            if options.redirect != 0 {
                return Err(Error::from(
                    "ERR A client can only redirect to a single other client",
                ));
            }
            let number = u64::try_from(integer(value)?).unwrap_or_default();
            if ctx.sessions.by_number(number).is_none() {
                return Err(Error::from(
                    "ERR The client ID you want redirect to does not exist",
                ));
            }
            options.redirect = number;
        } else if is(option, "bcast") {
            options.broadcasts = true;
        } else if is(option, "optin") {
            options.opts_in = true;
        } else if is(option, "optout") {
            options.opts_out = true;
        } else if is(option, "noloop") {
            options.no_loop = true;
        } else if is(option, "prefix") {
            let Some(prefix) = rest.next() else {
                return Err(Error::Syntax);
            };
            options.prefixes.push(prefix);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(options)
}

/// Whether the options go together, and with the session's present mode.
fn check(now: Option<&Tracking>, options: &Options<'_>) -> Result<(), Error> {
    if !options.broadcasts && !options.prefixes.is_empty() {
        return Err(Error::from(
            "ERR PREFIX option requires BCAST mode to be enabled",
        ));
    }
    if now.is_some_and(|now| (now.mode == TrackingMode::Broadcast) != options.broadcasts) {
        return Err(Error::from(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling \
             it with a different mode.",
        ));
    }
    if options.broadcasts && (options.opts_in || options.opts_out) {
        return Err(Error::from(
            "ERR OPTIN and OPTOUT are not compatible with BCAST",
        ));
    }
    if options.opts_in && options.opts_out {
        return Err(Error::from(
            "ERR You can't specify both OPTIN mode and OPTOUT mode",
        ));
    }
    let mode = now.map(|now| now.mode);
    if (options.opts_in && mode == Some(TrackingMode::OptOut))
        || (options.opts_out && mode == Some(TrackingMode::OptIn))
    {
        return Err(Error::from(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling \
             it with a different mode.",
        ));
    }
    if !options.broadcasts {
        return Ok(());
    }
    let known = now.map(|now| now.prefixes.as_slice()).unwrap_or_default();
    for prefix in &options.prefixes {
        if let Some(other) = known.iter().find(|known| begin_alike(known, prefix)) {
            return Err(overlapping(prefix, "an existing", other));
        }
    }
    match overlap(&options.prefixes) {
        Some((one, other)) => Err(overlapping(one, "another provided", other)),
        None => Ok(()),
    }
}

fn overlapping(one: &[u8], which: &str, other: &[u8]) -> Error {
    let parts: [&[u8]; 7] = [
        b"ERR Prefix '",
        up_to_nul(one),
        b"' overlaps with ",
        which.as_bytes(),
        b" prefix '",
        up_to_nul(other),
        b"'. Prefixes for a single client must not overlap.",
    ];
    Error::from(parts.concat())
}

fn start(services: &mut Services, session: &mut Session, options: &Options<'_>) {
    if session.tracking.is_none() {
        services.tracking.session_began();
    }
    let id = session.id;
    let tracking = session.tracking.get_or_insert_default();
    tracking.redirect = options.redirect;
    tracking.is_broken = false;
    tracking.caching = false;
    tracking.no_loop = options.no_loop;
    tracking.mode = if options.broadcasts {
        TrackingMode::Broadcast
    } else if options.opts_in {
        TrackingMode::OptIn
    } else if options.opts_out {
        TrackingMode::OptOut
    } else {
        TrackingMode::Read
    };
    if !options.broadcasts {
        return;
    }
    // No prefix means every key. A session that listens to every key already need not be listed again.
    let wanted: &[&[u8]] = if options.prefixes.is_empty() {
        &[b""]
    } else {
        &options.prefixes
    };
    for prefix in wanted {
        if !tracking.prefixes.iter().any(|known| known == prefix) {
            tracking.prefixes.push(prefix.to_vec());
            services.tracking.add_prefix(prefix, id);
        }
    }
}

/// CLIENT CACHING YES | NO
pub(crate) fn caching(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let Some(tracking) = &mut ctx.session.tracking else {
        return Err(Error::from(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    if is(args.at(2), "yes") {
        if tracking.mode != TrackingMode::OptIn {
            return Err(Error::from(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
    } else if is(args.at(2), "no") {
        if tracking.mode != TrackingMode::OptOut {
            return Err(Error::from(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
    } else {
        return Err(Error::Syntax);
    }
    tracking.caching = true;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT GETREDIR
pub(crate) fn getredir(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let redirect = ctx
        .session
        .tracking
        .as_ref()
        .map_or(-1, |tracking| tracking.redirect as i64);
    ctx.reply.integer(redirect);
    Ok(())
}

/// CLIENT TRACKINGINFO
pub(crate) fn trackinginfo(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let reply = &mut ctx.reply;
    let off = Tracking::default();
    let tracking = ctx.session.tracking.as_deref();
    let mut flags: Vec<&str> = vec![if tracking.is_some() { "on" } else { "off" }];
    let details = tracking.unwrap_or(&off);
    match details.mode {
        TrackingMode::Read => {}
        TrackingMode::Broadcast => flags.push("bcast"),
        TrackingMode::OptIn => flags.extend(
            ["optin"]
                .into_iter()
                .chain(details.caching.then_some("caching-yes")),
        ),
        TrackingMode::OptOut => flags.extend(
            ["optout"]
                .into_iter()
                .chain(details.caching.then_some("caching-no")),
        ),
    }
    if details.no_loop {
        flags.push("noloop");
    }
    if details.is_broken {
        flags.push("broken_redirect");
    }
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    for flag in flags {
        reply.bulk(flag.as_bytes());
    }
    reply.bulk(b"redirect");
    reply.integer(tracking.map_or(-1, |tracking| tracking.redirect as i64));
    reply.bulk(b"prefixes");
    let mut prefixes: Vec<&[u8]> = details.prefixes.iter().map(Vec::as_slice).collect();
    prefixes.sort_unstable();
    reply.array(prefixes.len());
    for prefix in prefixes {
        reply.bulk(prefix);
    }
    Ok(())
}
