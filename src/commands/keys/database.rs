//! Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.
//!
//! They touch no key by name, so they tell the watchers themselves whose keys are no longer what they were.

use crate::engine::command::Outcome;
use crate::engine::ctx::Ctx;
use crate::engine::effects::Ask;
use crate::engine::session::flag;
use crate::engine::slots;
use crate::keyspace::Presence;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::{is, narrow_integer};

/// DBSIZE
pub fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.count(ctx.keys.dict().len());
    Ok(())
}

/// How FLUSHDB and FLUSHALL free what there was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// On the loop: who cannot wait, as in a transaction, is answered when it is done.
    AtOnce,
    /// Off the loop, while nobody waits.
    Lazily,
    /// Off the loop, while the client waits. Others do not.
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

    fn is_off_the_loop(self) -> bool {
        self != Self::AtOnce
    }

    /// Replies, now or when all is freed.
    fn reply(self, ctx: &mut Ctx<'_>, args: Args<'_>) {
        // A snapshot may have taken what there was.
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
pub fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let manner = Manner::parse(ctx, args)?;
    let db = ctx.keys.db;
    spoil_watchers(ctx, db, None);
    let count = ctx.keys.space.flush(db, manner.is_off_the_loop());
    ctx.keys.space.journal.flushed(Some(db));
    // Replicas empty their copy even when ours was empty already.
    ctx.keys.space.journal.dirty += count as u64;
    ctx.fx.propagate_as(db, &args.iter().collect::<Vec<_>>());
    manner.reply(ctx, args);
    Ok(())
}

/// FLUSHALL [ASYNC | SYNC]
pub fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let manner = Manner::parse(ctx, args)?;
    let databases = ctx.keys.space.dbs.len() as u16;
    (0..databases).for_each(|db| spoil_watchers(ctx, db, None));
    let count: usize = (0..databases)
        .map(|db| ctx.keys.space.flush(db, manner.is_off_the_loop()))
        .sum();
    ctx.keys.space.journal.flushed(None);
    ctx.keys.space.journal.dirty += count as u64;
    if !ctx.is_replay() {
        ctx.fx.ask(Ask::FlushedAll);
    }
    ctx.fx
        .propagate_as(ctx.keys.db, &args.iter().collect::<Vec<_>>());
    manner.reply(ctx, args);
    Ok(())
}

/// SWAPDB index1 index2
pub fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let parse = |arg, which: &str| {
        narrow_integer(arg).map_err(|_| Error::from(format!("ERR invalid {which} DB index")))
    };
    let (one, other) = (parse(args.at(1), "first")?, parse(args.at(2), "second")?);
    let databases = ctx.keys.space.dbs.len() as i64;
    if !(0..databases).contains(&one) || !(0..databases).contains(&other) {
        return Err(Error::DbIndex);
    }
    slots::note_database(&mut ctx.services.stats, true);
    if one != other {
        let (one, other) = (one as u16, other as u16);
        spoil_watchers(ctx, one, Some(other));
        spoil_watchers(ctx, other, Some(one));
        ctx.keys.space.swap(one, other);
        ctx.keys.space.journal.flushed(Some(one));
        ctx.keys.space.journal.flushed(Some(other));
    }
    ctx.keys.space.journal.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// Before the database is emptied, or exchanged with another: spoils those who watch a key that changes by that.
fn spoil_watchers(ctx: &mut Ctx<'_>, db: u16, replaced_with: Option<u16>) {
    let watched: Vec<_> = (ctx.services.watchers.of_database(Some(db)))
        .map(|(_, key, ids)| (key.to_vec(), ids.to_vec()))
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
            // What is due counts as gone, so it may go, come or be replaced by its like without having changed.
            match (watched.was_expired, before, after) {
                (true, _, Presence::Absent) => watched.was_expired = false,
                (true, _, Presence::Overdue) => {}
                (false, Presence::Absent, Presence::Overdue) => watched.was_expired = true,
                _ => session.set(flag::DIRTY_CAS),
            }
        }
    }
}
