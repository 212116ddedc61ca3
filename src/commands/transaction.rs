//! MULTI, EXEC and the keys that are watched in between.
//!
//! A transaction is a queue in the session. EXEC runs it in one go: nothing else runs in between because nothing else
//! ever runs in between. WATCH makes EXEC refuse when a key changed: the change spoils its watchers (`Engine::settle`).
//! An error of one command does not undo the others.

use crate::acl::Denial;
use crate::engine::cluster_hints;
use crate::engine::run::call::{call, refuse};
use crate::engine::run::command::{Outcome, Row};
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::session::{Transaction, Watched};
use crate::keyspace::Presence;
use crate::spec::error::Error;
use crate::spec::transactions as spec;
use crate::wire::args::Args;

pub(crate) const ROWS: &[Row] = &[
    Row::new(&spec::DISCARD, discard),
    Row::new(&spec::EXEC, exec),
    Row::new(&spec::MULTI, multi),
    Row::new(&spec::UNWATCH, unwatch),
    Row::new(&spec::WATCH, watch),
];

/// MULTI
fn multi(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.session.transaction.is_some() {
        // The inner MULTI is refused, and yet the transaction goes on: the refusal does not abort it.
        return Err(Error::from("ERR MULTI calls can not be nested"));
    }
    ctx.session.transaction = Some(Box::new(Transaction {
        db: ctx.session.db,
        ..Transaction::default()
    }));
    ctx.reply.ok();
    Ok(())
}

/// DISCARD
fn discard(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.session.transaction.is_none() {
        return Err(Error::from("ERR DISCARD without MULTI"));
    }
    drop_transaction(ctx);
    ctx.reply.ok();
    Ok(())
}

/// Ends the transaction without running it, and stops watching.
pub(crate) fn drop_transaction(ctx: &mut Ctx<'_>) {
    ctx.session.transaction = None;
    ctx.services.unwatch_all(ctx.session);
}

/// EXEC
fn exec(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let Some(transaction) = &ctx.session.transaction else {
        return Err(Error::from("ERR EXEC without MULTI"));
    };
    let is_spoiled = transaction.is_spoiled;
    let is_watch_broken = ctx.session.is_watch_broken || watched_key_expired(ctx);
    // A command that was refused while queueing outweighs a changed key.
    if is_spoiled {
        drop_transaction(ctx);
        return Err(Error::ExecAbort);
    }
    if is_watch_broken {
        drop_transaction(ctx);
        ctx.reply.null_array();
        return Ok(());
    }
    // Nobody is told of changes to watched keys any more: the transaction itself may change them.
    ctx.services.unwatch_all(ctx.session);
    let transaction = ctx.session.transaction.take().expect("checked above");
    cluster_hints::note_transaction(ctx, &transaction);
    // An origin that has been decided elsewhere stays decided inside a transaction.
    let origin = ctx.origin;
    if !ctx.is_replay() {
        ctx.origin = Origin::Transaction;
    }
    ctx.reply.array(transaction.queue.len());
    for queued in &transaction.queue {
        // The command before may have been CLIENT PAUSE or UNPAUSE.
        let expiry = ctx.origin.expiry(ctx.services, ctx.now.unix_ms);
        ctx.keys.treat_overdue(expiry);
        let command = ctx.table.command(queued.command);
        let args = queued.args.as_args();
        match ctx.denied(command, args) {
            None => {
                call(ctx, command, args);
            }
            Some((denial, _)) => refuse(ctx, &no_longer_allowed(denial)),
        }
    }
    ctx.origin = origin;
    Ok(())
}

/// Users may have changed since the command was queued.
fn no_longer_allowed(denial: Denial) -> Error {
    let reason = match denial {
        Denial::Database(_) => "no permission",
        Denial::Command => "no permission to execute the command or subcommand",
        Denial::Key(_) => "no permission to touch the specified keys",
        Denial::Channel(_) => {
            "no permission to access one of the channels used as arguments to the command"
        }
    };
    Error::from(format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command \
         is no longer allowed for the following reason: {reason}"
    ))
}

/// A watched key whose deadline passed since it was watched counts as changed, whether or not anything has removed it.
fn watched_key_expired(ctx: &mut Ctx<'_>) -> bool {
    let watched = std::mem::take(&mut ctx.session.watched);
    let expired = watched.iter().any(|watched| {
        let presence = ctx
            .keys
            .space
            .presence(watched.db, &watched.key, ctx.now.unix_ms);
        !watched.was_expired && presence == Presence::Overdue
    });
    ctx.session.watched = watched;
    expired
}

/// WATCH key [key ...]
fn watch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    if ctx.session.transaction.is_some() {
        return Err(Error::from("ERR WATCH inside MULTI is not allowed"));
    }
    // Nothing more can be lost once the transaction is spoiled.
    if !ctx.session.is_watch_broken {
        for key in args.from(1) {
            watch_key(ctx, key);
        }
    }
    ctx.reply.ok();
    Ok(())
}

fn watch_key(ctx: &mut Ctx<'_>, key: &[u8]) {
    let db = ctx.keys.db;
    if ctx.session.watched_key(db, key).is_some() {
        return;
    }
    let was_expired = ctx.keys.space.presence(db, key, ctx.now.unix_ms) == Presence::Overdue;
    ctx.services.watchers.watch(db, key, ctx.session.id);
    ctx.session.watched.push(Watched {
        db,
        key: key.to_vec(),
        was_expired,
    });
}

/// UNWATCH
fn unwatch(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.services.unwatch_all(ctx.session);
    ctx.reply.ok();
    Ok(())
}
