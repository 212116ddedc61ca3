//! Waiting for others to have what this session has written: WAIT and WAITAOF.
//!
//! Both look at the last write of the session and not at the last of all. The disk is asked through what the log knows
//! of itself: a session that has written nothing has nothing to wait for, but where there is no log, nothing is on disk.
//!
//! No replica can connect to this server yet, so their number is always zero.

use crate::engine::command::{Outcome, Row};
use crate::engine::ctx::Ctx;
use crate::engine::session::OnTimeout;
use crate::spec::generic as spec;
use crate::wire::args::Args;

use super::options::{integer, not_negative, wait_until_ms};

pub const ROWS: &[Row] = &[
    Row::new(&spec::WAIT, wait),
    Row::new(&spec::WAITAOF, waitaof),
];

/// How many replicas have acknowledged anything.
const ACKNOWLEDGED: i64 = 0;

/// WAIT numreplicas timeout
fn wait(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let wanted = integer(args.at(1))?;
    let deadline_ms = wait_until_ms(args.at(2), ctx.now)?;
    if ACKNOWLEDGED >= wanted || !ctx.may_wait() {
        ctx.reply.integer(ACKNOWLEDGED);
    } else {
        ctx.park_for_offset(args, deadline_ms, OnTimeout::Acknowledged);
    }
    Ok(())
}

/// WAITAOF numlocal numreplicas timeout
fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let local = integer(args.at(1))?;
    let local = Some(local)
        .filter(|local| (0..=1).contains(local))
        .ok_or(LOCAL_RANGE)?;
    let replicas = not_negative(args.at(2))?;
    let deadline_ms = wait_until_ms(args.at(3), ctx.now)?;
    if local > 0 && !ctx.services.appending.is_fed() {
        return Err(NO_LOG.into());
    }
    let on_disk = i64::from(ctx.services.appending.is_on_disk(ctx.session.written_to));
    if on_disk >= local && ACKNOWLEDGED >= replicas || !ctx.may_wait() {
        ctx.reply.array(2);
        ctx.reply.integer(on_disk);
        ctx.reply.integer(ACKNOWLEDGED);
    } else {
        ctx.park_for_offset(args, deadline_ms, OnTimeout::OnDisk);
    }
    Ok(())
}

const LOCAL_RANGE: &str = "ERR value is out of range, value must between 0 and 1";
const NO_LOG: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
