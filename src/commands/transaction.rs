//! MULTI, EXEC and the keys that are watched in between.
//!
//! A transaction is a queue in the session. EXEC runs it in one go: nothing else runs in between because nothing
//! else ever runs in between. WATCH makes EXEC refuse when a key changed: whoever changes one spoils the watchers
//! (`engine::settle`). An error of one command does not undo the others.

use crate::engine::call::call;
use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::{Ctx, Origin};
use crate::engine::session::{Transaction, Watched, flag};
use crate::engine::slots;
use crate::keyspace::Presence;
use crate::spec::error::Error;
use crate::spec::transactions as spec;
use crate::wire::args::Args;

pub const ROWS: &[Row] = &[
    Row::new(&spec::DISCARD, discard),
    Row::new(&spec::EXEC, exec),
    Row::new(&spec::MULTI, multi),
    Row::new(&spec::UNWATCH, unwatch),
    Row::new(&spec::WATCH, watch),
];

/// MULTI
fn multi(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.session.transaction.is_some() {
        return Err(Error::from("ERR MULTI calls can not be nested"));
    }
    ctx.session.transaction = Some(Box::new(Transaction::default()));
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
pub fn drop_transaction(ctx: &mut Ctx<'_>) {
    ctx.session.transaction = None;
    ctx.session.unset(flag::DIRTY_CAS | flag::DIRTY_EXEC);
    unwatch_all(ctx);
}

/// EXEC
fn exec(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    if ctx.session.transaction.is_none() {
        return Err(Error::from("ERR EXEC without MULTI"));
    }
    let is_spoiled = ctx.session.has(flag::DIRTY_CAS) || watched_key_expired(ctx);
    if ctx.session.has(flag::DIRTY_EXEC) {
        drop_transaction(ctx);
        return Err(Error::ExecAbort);
    }
    if is_spoiled {
        drop_transaction(ctx);
        ctx.reply.null_array();
        return Ok(());
    }
    // Nobody is told of changes to watched keys any more: the transaction itself may change them.
    unwatch_all(ctx);
    let transaction = ctx.session.transaction.take().expect("checked above");
    slots::note_transaction(ctx, &transaction);
    ctx.session.set(flag::IN_EXEC);
    let origin = std::mem::replace(&mut ctx.origin, Origin::Transaction);
    ctx.reply.array(transaction.queue.len());
    for queued in &transaction.queue {
        call(ctx, queued.command, queued.args.as_args());
    }
    ctx.origin = origin;
    ctx.session
        .unset(flag::IN_EXEC | flag::DIRTY_CAS | flag::DIRTY_EXEC);
    // What the transaction propagates, its commands have said.
    ctx.fx.wrap_in_transaction();
    Ok(())
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
    if !ctx.session.has(flag::DIRTY_CAS) {
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
    unwatch_all(ctx);
    ctx.session.unset(flag::DIRTY_CAS);
    ctx.reply.ok();
    Ok(())
}

/// Forgets what the session watches.
pub fn unwatch_all(ctx: &mut Ctx<'_>) {
    for watched in ctx.session.watched.drain(..) {
        ctx.services
            .watchers
            .unwatch(watched.db, &watched.key, ctx.session.id);
    }
}
