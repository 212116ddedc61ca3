//! ACL: users and what they may do, for those who look after them.
//!
//! What a rule means and how a user is written down is in the room `acl`; the consequences of a change for sessions are
//! in `engine::users`. Here are the words of requests and replies.

use crate::acl::{self, Asked, Selector, User, commands, has_spaces};
use crate::base::rng;
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::Ctx;
use crate::engine::users::{asked, whereabouts};
use crate::spec::error::Error;
use crate::spec::flags::Categories;
use crate::spec::server::acl as spec;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::help::help;
use super::options::{integer, is};

pub(crate) const ROWS: &[Row] = &[Row::container(&spec::ACL, SUBCOMMANDS)];

const SUBCOMMANDS: &[Row] = &[
    Row::new(&spec::ACL_CAT, cat),
    Row::new(&spec::ACL_DELUSER, deluser),
    Row::new(&spec::ACL_DRYRUN, dryrun),
    Row::new(&spec::ACL_GENPASS, genpass),
    Row::new(&spec::ACL_GETUSER, getuser),
    Row::new(&spec::ACL_HELP, help),
    Row::new(&spec::ACL_LIST, list),
    Row::new(&spec::ACL_LOAD, load),
    Row::new(&spec::ACL_LOG, log),
    Row::new(&spec::ACL_SAVE, save),
    Row::new(&spec::ACL_SETUSER, setuser),
    Row::new(&spec::ACL_USERS, users),
    Row::new(&spec::ACL_WHOAMI, whoami),
];

/// ACL SETUSER username [rule [rule ...]]
fn setuser(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    hide_names(ctx, args);
    let name = args.at(2);
    if has_spaces(name) {
        let text = "ERR Usernames can't contain spaces or null characters";
        return Err(text.into());
    }
    let rules = acl::joined(args.from(3)).map_err(|word| {
        let before = "ERR Unmatched parenthesis in acl selector starting at '";
        Error::quoting(before, word, "'.")
    })?;
    let all_channels = ctx.services.new_users_have_all_channels();
    let before = ctx.services.users.named(name);
    let before = before.cloned().unwrap_or(User::new(all_channels));
    let after = before
        .with(&rules, all_channels)
        .map_err(|(rule, misrule)| {
            let after = format!("': {}", misrule.text());
            Error::quoting("ERR Error in ACL SETUSER modifier '", rule, &after)
        })?;
    if let Some(id) = ctx.services.users.id(name) {
        ctx.expel_listeners(id, &before, &after);
    }
    ctx.services.users.put(name, after);
    ctx.users_changed();
    ctx.reply.ok();
    Ok(())
}

/// ACL DELUSER username [username ...]
fn deluser(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    hide_names(ctx, args);
    if args.from(2).any(|name| name == acl::DEFAULT) {
        return Err("ERR The 'default' user cannot be removed".into());
    }
    let mut removed = 0;
    for name in args.from(2) {
        if let Some(id) = ctx.services.users.remove(name) {
            ctx.expel(id);
            removed += 1;
        }
    }
    ctx.reply.integer(removed);
    Ok(())
}

/// Names and rules of users are not for others to see.
fn hide_names(ctx: &mut Ctx<'_>, args: Args<'_>) {
    (2..args.len()).for_each(|at| ctx.fx.redact(at));
}

/// ACL GETUSER username
fn getuser(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // Its own name is no secret, but whether there is such a user may be.
    ctx.fx.redact(2);
    let Some(user) = ctx.services.users.named(args.at(2)) else {
        ctx.reply.null();
        return Ok(());
    };
    let reply = &mut ctx.reply;
    // Who never names databases hears nothing of them, as Redis has it; others see what Valkey shows.
    let with_databases = user.selectors().any(Selector::names_databases);
    reply.map(6 + usize::from(with_databases));
    reply.bulk(b"flags");
    reply.set(user.flags().count());
    for flag in user.flags() {
        reply.bulk(flag.as_bytes());
    }
    reply.bulk(b"passwords");
    reply.array(user.passwords().count());
    for digest in user.passwords() {
        reply.bulk(&digest);
    }
    push_selector(reply, user.root(), with_databases);
    reply.bulk(b"selectors");
    reply.array(user.bracketed().len());
    for selector in user.bracketed() {
        reply.map(3 + usize::from(with_databases));
        push_selector(reply, selector, with_databases);
    }
    Ok(())
}

/// Three fields of a map, or four.
fn push_selector(reply: &mut Reply<'_>, selector: &Selector, with_databases: bool) {
    let fields = [
        ("commands", selector.commands_text()),
        ("keys", selector.keys_text()),
        ("channels", selector.channels_text()),
        ("databases", selector.databases_text()),
    ];
    for (name, text) in &fields[..3 + usize::from(with_databases)] {
        reply.bulk(name.as_bytes());
        reply.bulk(text);
    }
}

/// ACL LIST
fn list(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let lines = ctx.services.users.lines();
    ctx.reply.array(lines.len());
    for line in lines {
        ctx.reply.bulk(&[b"user ", line.as_slice()].concat());
    }
    Ok(())
}

/// ACL USERS
fn users(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let users = &ctx.services.users;
    ctx.reply.array(users.iter().count());
    for (name, _) in users.iter() {
        ctx.reply.bulk(name);
    }
    Ok(())
}

/// ACL WHOAMI
fn whoami(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.bulk(ctx.session.user.name());
    Ok(())
}

/// ACL CAT [category]
fn cat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let names: Vec<&str> = match args.len() {
        2 => Categories::ALL.iter().map(|(_, name)| *name).collect(),
        3 => {
            let category = Categories::named(args.at(2));
            let unknown = || Error::unknown_category(args.at(2));
            commands::of(category.ok_or_else(unknown)?)
                .map(|spec| spec.name)
                .collect()
        }
        _ => return Err(Error::subcommand_syntax("acl", args.at(1))),
    };
    ctx.reply.array(names.len());
    for name in names {
        ctx.reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// ACL DRYRUN username command [arg [arg ...]]
fn dryrun(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let name = args.at(2);
    let Some(user) = ctx.services.users.named(name) else {
        return Err(Error::quoting("ERR User '", name, "' not found"));
    };
    let request = args.tail(3);
    let command = ctx
        .table
        .find(request.at(0))
        .and_then(|command| match request.get(1) {
            Some(word) if !command.subcommands.is_empty() => command.subcommand(word),
            _ => Some(command),
        });
    let Some(command) = command else {
        return Err(Error::quoting(
            "ERR Command '",
            request.at(0),
            "' not found",
        ));
    };
    if !command.spec.takes(request.len()) {
        return Err(Error::arity(command.name()));
    }
    let place = whereabouts(ctx.services, ctx.session);
    let question: Asked<'_, _> = asked(command, &request, place);
    match user.denial(&question) {
        None => ctx.reply.ok(),
        Some(denial) => {
            let object = denial.object(command.spec, &request);
            let text = denial.text(name, command.spec, object, true);
            ctx.reply.bulk(&text);
        }
    }
    Ok(())
}

/// ACL GENPASS [bits]
fn genpass(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let bits = match args.len() {
        2 => 256,
        3 => integer(args.at(2))?,
        _ => return Err(Error::subcommand_syntax("acl", args.at(1))),
    };
    if !(1..=4096).contains(&bits) {
        let text = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up \
                    to 4096";
        return Err(text.into());
    }
    let mut password = vec![0; (bits as usize).div_ceil(4)];
    let secret = rng::fill_with_secret(&mut password);
    secret.map_err(|_| "ERR The system gives no random numbers")?;
    for byte in &mut password {
        *byte = b"0123456789abcdef"[usize::from(*byte & 15)];
    }
    ctx.reply.bulk(&password);
    Ok(())
}

/// ACL LOG [count | RESET]
fn log(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let count = match args.get(2) {
        None => 10,
        Some(_) if args.len() > 3 => return Err(Error::subcommand_syntax("acl", args.at(1))),
        Some(word) if is(word, "reset") => {
            ctx.services.denials.clear();
            ctx.reply.ok();
            return Ok(());
        }
        Some(word) => usize::try_from(integer(word)?).unwrap_or(0),
    };
    let entries = ctx.services.denials.entries();
    let reply = &mut ctx.reply;
    reply.array(entries.len().min(count));
    for entry in entries.take(count) {
        let age_ms = ctx.now.unix_ms - entry.updated_ms;
        reply.map(10);
        reply.bulk(b"count");
        reply.integer(entry.count as i64);
        reply.bulk(b"reason");
        reply.bulk(entry.event.reason.name().as_bytes());
        reply.bulk(b"context");
        reply.bulk(entry.event.context.name().as_bytes());
        reply.bulk(b"object");
        reply.bulk(&entry.event.object);
        reply.bulk(b"username");
        reply.bulk(&entry.event.user);
        reply.bulk(b"age-seconds");
        reply.double(age_ms as f64 / 1000.0);
        reply.bulk(b"client-info");
        reply.bulk(&entry.client);
        reply.bulk(b"entry-id");
        reply.integer(entry.number as i64);
        reply.bulk(b"timestamp-created");
        reply.integer(entry.created_ms);
        reply.bulk(b"timestamp-last-updated");
        reply.integer(entry.updated_ms);
    }
    Ok(())
}

/// ACL LOAD
fn load(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let file = ctx.services.users_file.as_ref().ok_or(NO_FILE)?;
    let users = file.read(ctx.services.new_users_have_all_channels());
    let users = users.map_err(|mistakes| Error::from([b"ERR ", mistakes.as_slice()].concat()))?;
    ctx.replace_users(users);
    ctx.reply.ok();
    Ok(())
}

/// ACL SAVE
fn save(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let file = ctx.services.users_file.as_ref().ok_or(NO_FILE)?;
    file.write(&ctx.services.users)?;
    ctx.reply.ok();
    Ok(())
}

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via \
                       the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis \
                       configuration file set) in order to store users in the Redis configuration.";
