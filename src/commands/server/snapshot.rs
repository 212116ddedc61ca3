//! Saving the data set while the server goes on.

use crate::engine::dataset::order::Purpose;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::Ask;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::is;

/// BGSAVE [SCHEDULE]
pub(crate) fn bgsave(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let may_wait = match args.get(1) {
        None => false,
        Some(word) if args.len() == 2 && is(word, "SCHEDULE") => true,
        Some(_) => return Err(Error::Syntax),
    };
    // Not within a transaction: its changes are not complete yet.
    let in_transaction = ctx.origin == Origin::Transaction;
    let snapshots = &mut ctx.services.snapshots;
    if snapshots.is_saving(Purpose::Rdb) || snapshots.is_saving(Purpose::Replicas) {
        return Err("ERR Background save already in progress".into());
    }
    if snapshots.running.is_some() || in_transaction {
        if !may_wait && !in_transaction {
            // Redis's text. The other "child" is the snapshot of a rewrite: there is one at a time here too.
            return Err(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to \
                 schedule a BGSAVE whenever possible."
                    .into(),
            );
        }
        snapshots.is_scheduled = true;
        ctx.reply.simple("Background saving scheduled");
        return Ok(());
    }
    ctx.begin_snapshot(Purpose::Rdb);
    ctx.reply.simple("Background saving started");
    Ok(())
}

/// BGREWRITEAOF
pub(crate) fn bgrewriteaof(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let in_transaction = ctx.origin == Origin::Transaction;
    let snapshots = &ctx.services.snapshots;
    if snapshots.is_saving(Purpose::AofRewrite) {
        return Err("ERR Background append only file rewriting already in progress".into());
    }
    if snapshots.running.is_some() || in_transaction {
        let appending = &mut ctx.services.appending;
        appending.is_rewrite_scheduled = true;
        // A client that asks in person need not wait for the time that failures have set.
        appending.failures_in_a_row = 0;
        ctx.reply
            .simple("Background append only file rewriting scheduled");
        return Ok(());
    }
    ctx.begin_snapshot(Purpose::AofRewrite);
    ctx.reply
        .simple("Background append only file rewriting started");
    Ok(())
}

/// DEBUG LOADAOF
pub(crate) fn debug_loadaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let waiting = ctx.may_wait().then_some(ctx.session.id);
    if waiting.is_some() {
        ctx.park_for_shell(args);
    } else {
        ctx.reply.ok();
    }
    ctx.fx.ask(Ask::LoadLog { waiting });
    Ok(())
}
