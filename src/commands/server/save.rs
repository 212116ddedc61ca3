//! The data set and its file: SAVE, LASTSAVE, and DEBUG RELOAD.
//!
//! Files are the shell's, so the commands ask it, and their sessions wait until it has answered, which is at the end of
//! the same turn.

use crate::engine::dataset::order::Purpose;
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::{Ask, Reload};
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::is;

/// SAVE
pub(crate) fn save(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let snapshots = &ctx.services.snapshots;
    if snapshots.is_saving(Purpose::Rdb) || snapshots.is_saving(Purpose::Replicas) {
        return Err("ERR Background save already in progress".into());
    }
    ctx.services.persistence.saves += 1;
    ctx.park_for_shell(args);
    let waiting = Some(ctx.session.id);
    ctx.fx.ask(Ask::Save { waiting });
    Ok(())
}

/// LASTSAVE
pub(crate) fn lastsave(ctx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    ctx.reply.integer(ctx.services.persistence.last_save_s);
    Ok(())
}

/// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]
pub(crate) fn debug_reload(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let mut how = Reload {
        saves: true,
        flushes: true,
        merges: false,
    };
    for word in args.from(2) {
        if is(word, "MERGE") {
            how.merges = true;
        } else if is(word, "NOFLUSH") {
            how.flushes = false;
        } else if is(word, "NOSAVE") {
            how.saves = false;
        } else {
            return Err(Error::from(
                "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    // A transaction cannot stop half-way. It is told that all is well, and the file is read when it has ended.
    let waiting = ctx.may_wait().then_some(ctx.session.id);
    if waiting.is_some() {
        ctx.park_for_shell(args);
    } else {
        ctx.reply.ok();
    }
    ctx.fx.ask(Ask::Reload { waiting, how });
    Ok(())
}
