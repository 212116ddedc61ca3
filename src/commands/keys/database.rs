//! Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.
//!
//! They touch no key by name, so they tell the watchers of changed keys themselves.

use crate::engine::cluster_hints;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::Ask;

use crate::keyspace::Presence;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::{is, narrow_integer};

/// DBSIZE
pub(crate) fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.count(ctx.keys.dict().len());
    Ok(())
}

/// The way FLUSHDB and FLUSHALL have the thread free the old keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// The client cannot wait, as in a transaction. It does not count as lazy, though the thread frees here, too.
    AtOnce,
    /// While nobody waits.
    Lazily,
    /// While the client waits. Others do not.
    Waiting,
}

impl Manner {
    fn parse(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Self, Error> {
        let is_lazy = match args.get(1) {
            _ if args.len() > 2 => return Err(Error::Syntax),
            None => ctx.keys.space.lazy.user_flush,
            Some(word) if is(word, "SYNC") => false,
            Some(word) if is(word, "ASYNC") => true,
            Some(_) => return Err(Error::Syntax),
        };
        Ok(match is_lazy {
            true => Self::Lazily,
            false if ctx.may_wait() => Self::Waiting,
            false => Self::AtOnce,
        })
    }

    fn counts_as_lazy(self) -> bool {
        self != Self::AtOnce
    }

    /// Replies, now or when all is freed.
    fn reply(self, ctx: &mut Ctx<'_>, args: Args<'_>) {
        // A snapshot may have taken the old keys.
        if self == Self::Waiting && !ctx.keys.space.garbage.is_empty() {
            ctx.park_for_shell(args);
            let waiting = ctx.session.id;
            ctx.fx.ask(Ask::TellWhenFreed { waiting });
        } else {
            ctx.reply.ok();
        }
    }
}

/// FLUSHDB [ASYNC | SYNC]
pub(crate) fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let manner = Manner::parse(ctx, args)?;
    let db = ctx.keys.db;
    spoil_watchers(ctx, db, None);
    let count = ctx.keys.space.flush(db, manner.counts_as_lazy());
    note_flush(ctx, Some(db));
    ctx.keys.space.journal.dirty += count as u64;
    manner.reply(ctx, args);
    Ok(())
}

/// FLUSHALL [ASYNC | SYNC]
pub(crate) fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let manner = Manner::parse(ctx, args)?;
    let databases = ctx.keys.space.dbs.len() as u16;
    (0..databases).for_each(|db| spoil_watchers(ctx, db, None));
    let count: usize = (0..databases)
        .map(|db| ctx.keys.space.flush(db, manner.counts_as_lazy()))
        .sum();
    note_flush(ctx, None);
    ctx.keys.space.journal.dirty += count as u64;
    if !ctx.is_replay() {
        ctx.fx.ask(Ask::FlushedAll);
    }
    manner.reply(ctx, args);
    Ok(())
}

/// The keys of a database, or of all, are others now.
fn note_flush(ctx: &mut Ctx<'_>, db: Option<u16>) {
    ctx.keys.space.journal.flushed(db);
    // The journal has no listener where nobody tracks any more.
    if ctx.services.tracking.is_idle() {
        ctx.services.tracking.forget_keys();
    }
}

/// SWAPDB index1 index2
pub(crate) fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let parse = |arg, which: &str| {
        narrow_integer(arg).map_err(|_| Error::from(format!("ERR invalid {which} DB index")))
    };
    let (one, other) = (parse(args.at(1), "first")?, parse(args.at(2), "second")?);
    let databases = ctx.keys.space.dbs.len() as i64;
    if !(0..databases).contains(&one) || !(0..databases).contains(&other) {
        return Err(Error::DbIndex);
    }
    cluster_hints::note_database(&mut ctx.services.stats, true);
    if one != other {
        let (one, other) = (one as u16, other as u16);
        spoil_watchers(ctx, one, Some(other));
        spoil_watchers(ctx, other, Some(one));
        ctx.keys.space.swap(one, other);
        note_flush(ctx, Some(one));
        note_flush(ctx, Some(other));
    }
    // SWAPDB of a database with itself counts as a change too, and is propagated.
    ctx.keys.space.journal.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// Before the database is emptied, or exchanged with another: spoils the sessions that watch a key that changes by
/// that.
fn spoil_watchers(ctx: &mut Ctx<'_>, db: u16, replaced_with: Option<u16>) {
    let watched: Vec<_> = (ctx.services.watchers.of_database(Some(db)))
        .map(|(_, key, ids)| (key.to_vec(), ids.clone()))
        .collect();
    for (key, ids) in watched {
        let presence = |db| ctx.keys.space.presence(db, &key, ctx.now.unix_ms);
        let (before, after) = (
            presence(db),
            replaced_with.map_or(Presence::Absent, presence),
        );
        if before == Presence::Absent && after == Presence::Absent {
            continue;
        }
        for id in ids {
            let session = if id == ctx.session.id {
                Some(&mut *ctx.session)
            } else {
                ctx.sessions.get_mut(id)
            };
            let Some(session) = session else { continue };
            let Some(watched) = session.watched_key(db, &key) else {
                continue;
            };
            // A key that is due counts as gone, so it may go, come or be replaced by its like without having changed.
            match (watched.was_expired, before, after) {
                (true, _, Presence::Absent) => watched.was_expired = false,
                (true, _, Presence::Overdue) => {}
                (false, Presence::Absent, Presence::Overdue) => watched.was_expired = true,
                _ => session.is_watch_broken = true,
            }
        }
    }
}
